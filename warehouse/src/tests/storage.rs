use std::collections::BTreeSet;
use std::fs::File;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use arrow::array::{Array, RecordBatch};
use arrow::compute::{concat_batches, take_record_batch};
use deltalake_core::DeltaTableBuilder;
use serde_json::Value;
use url::Url;

use super::world::{Row, World, batch, layer_one, row};
use crate::policy::Policy;
use crate::storage::{Span, parquet, values};
use crate::{Sought, WarehouseError};

fn contacts() -> Vec<Row> {
    (0..40).map(|n| row(n, n, if n % 2 == 0 { "2023-01-01" } else { "2022-01-01" }).ute()).collect()
}

#[tokio::test]
async fn any_delta_reader_finds_the_files() {
    let world = World::new();
    world.load(&[("contact", &contacts())]).await;
    world.load(&[("contact", &[row(1, 1, "2022-01-01").with("gender", "male")])]).await;
    let snapshot = world.snapshot().await;
    for (name, table) in &snapshot.tables {
        let folder = world.tables().join(name).canonicalize().expect("a folder");
        let url = Url::from_directory_path(&folder).expect("an absolute path");
        let delta =
            DeltaTableBuilder::from_url(url).expect("a location").load().await.expect("a Delta table");
        assert_eq!(delta.version(), Some(table.version));
        let mut found: Vec<String> = delta.get_file_uris().expect("files").collect();
        let mut ours: Vec<String> =
            table.files.iter().map(|f| world.touchable(&f.path).display().to_string()).collect();
        found.sort();
        ours.sort();
        assert_eq!(found, ours, "{name}");
    }
    let log = world.tables().join("contact/_delta_log");
    assert_eq!(snapshot.tables["contact"].version, 1);
    let first = std::fs::read_to_string(log.join(format!("{:020}.json", 0))).expect("a commit");
    let actions: Vec<Value> = first.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let adds: Vec<&Value> = actions.iter().filter_map(|a| a.get("add")).collect();
    assert!(!adds.is_empty());
    for add in adds {
        assert!(matches!(add["partitionValues"]["year"].as_str(), Some("2022" | "2023")), "{add}");
        assert!(add.get("stats").is_none_or(Value::is_null), "no statistics in the log: {add}");
    }
    let metadata = actions.iter().find_map(|a| a.get("metaData")).expect("metadata");
    assert_eq!(metadata["partitionColumns"], serde_json::json!(["year"]));
    let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().expect("text")).expect("JSON");
    let kind = |name: &str| {
        let fields = schema["fields"].as_array().expect("fields");
        fields.iter().find(|f| f["name"] == name).expect("a field")["type"].as_str().map(str::to_owned)
    };
    let kinds = ["person", "year", "date", "gender", "minutes"].map(|n| kind(n).expect("a type"));
    assert_eq!(kinds, ["binary", "long", "date", "string", "long"]);
    let protocol = actions.iter().find_map(|a| a.get("protocol")).expect("a protocol");
    assert_eq!(
        (protocol["minReaderVersion"].as_i64(), protocol["minWriterVersion"].as_i64()),
        (Some(1), Some(2))
    );
}

#[tokio::test]
async fn files_hold_no_statistics() {
    let world = World::new();
    world.load(&[("contact", &contacts())]).await;
    for table in world.snapshot().await.tables.values() {
        for file in table.files.iter() {
            let reader = SerializedFileReader::new(File::open(world.touchable(&file.path)).expect("a file"))
                .expect("Parquet");
            assert_eq!(reader.metadata().num_row_groups(), 1);
            for column in reader.metadata().row_group(0).columns() {
                assert!(column.statistics().is_none());
                assert!(column.column_index_offset().is_none());
            }
        }
    }
}

fn contact_rows(order: &[u32]) -> (Policy, RecordBatch) {
    let policy = Policy::oslo();
    // First-layer pseudonyms do for this: the check looks at the bytes there are.
    let rows = batch(&policy, "contact", &contacts());
    let rows =
        rows.project(&(0..rows.num_columns()).filter(|c| *c != 2).collect::<Vec<_>>()).expect("columns");
    let persons = parquet::pseudonyms(&rows, "person").expect("persons");
    let mut of_shard: Vec<u32> = (0..40).filter(|n| persons.value(*n as usize)[0] >> 6 == 1).collect();
    of_shard.sort_by_key(|n| persons.value(*n as usize));
    let chosen: Vec<u32> = order.iter().map(|n| of_shard[*n as usize]).collect();
    let rows = take_record_batch(&rows, &arrow::array::UInt32Array::from(chosen)).expect("rows");
    (policy, rows)
}

#[test]
fn rows_in_the_wrong_shard_or_order_are_never_stored() {
    let misplaced = |order: &[u32], shard| {
        let span = Span::of_shard(shard);
        let (policy, rows) = contact_rows(order);
        let table = policy.table("contact").expect("contact");
        match parquet::encode(table, (2023, span), &rows) {
            Ok(_) => None,
            Err(WarehouseError::Misplaced { what, .. }) => Some(what),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(misplaced(&[0, 1, 2], 1), None);
    assert_eq!(misplaced(&[0, 1, 2], 2), Some("of persons of another file"));
    assert_eq!(misplaced(&[0, 2, 1], 1), Some("out of order, or twice"));
    assert_eq!(misplaced(&[0, 1, 1], 1), Some("out of order, or twice"));
}

#[test]
fn the_same_rows_make_the_same_bytes() {
    let (policy, rows) = contact_rows(&[0, 1, 2, 3]);
    let table = policy.table("contact").expect("contact");
    let parts = concat_batches(&rows.schema(), [&rows.slice(0, 2), &rows.slice(2, 2)]).expect("rows");
    let encode = |rows| parquet::encode(table, (2023, Span::of_shard(1)), rows).expect("encoded");
    assert_eq!(encode(&rows), encode(&parts));
    assert_ne!(encode(&rows), encode(&rows.slice(0, 3)));
}

#[tokio::test]
async fn a_policy_with_other_columns_does_not_open_the_tables() {
    let world = World::new();
    world.load(&[("contact", &contacts())]).await;
    let text = std::fs::read_to_string(world.installation.policy_path()).expect("the policy");
    let more = text.replace(
        "max = 240 },",
        "max = 240 },\n  { name = \"cost\", role = \"measure\", min = 0, max = 9 },",
    );
    std::fs::write(world.installation.policy_path(), more).expect("written");
    let policy = Policy::load(&world.installation.policy_path()).expect("a policy");
    let warehouse = world.reopened(policy);
    let error = warehouse.snapshot().await.expect_err("other columns");
    assert!(matches!(&error, WarehouseError::OtherColumns { table } if table == "contact"), "{error}");
}

#[tokio::test]
async fn a_policy_with_the_columns_in_another_order_changes_no_value() {
    let mut world = World::new();
    let said = |person, record| {
        row(person, record, "2023-02-01").ute().with("area", "oslo_s").with("shift", "night")
    };
    let first: Vec<Row> = (0..100).map(|n| said(n % 30, n)).collect();
    world.load(&[("contact", &first)]).await;
    let text = std::fs::read_to_string(world.installation.policy_path()).expect("the policy");
    let [area, shift] = ["area", "shift"]
        .map(|name| format!("  {{ name = \"{name}\", role = \"dimension\", codes = \"{name}\" }},\n"));
    let other = text.replacen(&format!("{area}{shift}"), &format!("{shift}{area}"), 1);
    assert_ne!(other, text);
    std::fs::write(world.installation.policy_path(), other).expect("written");
    let policy = Policy::load(&world.installation.policy_path()).expect("a policy");
    world.warehouse = world.reopened(policy.clone());
    world.policy = policy.into();
    let more: Vec<Row> = (100..200).map(|n| said(n % 30, n)).collect();
    world.load(&[("contact", &more)]).await;
    assert_eq!(world.try_erase(&[Sought::new(vec![layer_one("person", 7)])]).await.expect("erased").found, 1);
    let rows = world.rows("contact").await;
    assert!(rows.len() > 180 && rows.iter().all(|row| row["area"] == "oslo_s" && row["shift"] == "night"));
    assert!(!world.warehouse.check(jiff::civil::date(2024, 1, 1)).await.expect("a check").is_damaged());
}

#[tokio::test]
async fn split_and_order_stand_in_every_commit_and_another_layout_is_not_read() {
    let world = World::new();
    world.load(&[("contact", &contacts())]).await;
    world.load(&[("contact", &[row(9, 99, "2023-02-01")])]).await;
    let log = world.tables().join("contact/_delta_log");
    let commit = |version| log.join(format!("{version:020}.json"));
    let said = "split by year and ranges of person, of 64 rows at most (files 5); ordered by person, record";
    for version in [0, 1] {
        let text = std::fs::read_to_string(commit(version)).expect("a commit");
        let info =
            text.lines().find(|line| line.contains("commitInfo")).expect("what the commit says of itself");
        assert!(info.contains(&format!("\"skjerm.layout\":\"{said}\"")), "{info}");
    }
    let first = std::fs::read_to_string(commit(0)).expect("a commit");
    std::fs::write(commit(0), first.replace("64 rows", "32 rows")).expect("written");
    let policy = Policy::load(&world.installation.policy_path()).expect("a policy");
    let warehouse = world.reopened(policy);
    let error = warehouse.snapshot().await.expect_err("another layout");
    assert!(matches!(&error, WarehouseError::OtherLayout { table } if table == "contact"), "{error}");
}

/// An erasure looks for persons by these, and calls them gone by these.
#[tokio::test]
async fn the_pages_of_a_person_column_hold_the_persons() {
    let world = World::new();
    let contacts: Vec<Row> = (0..9_000).map(|n| row(n % 4_000, n, "2023-05-06")).collect();
    world.load(&[("contact", &contacts)]).await;
    // One with a dictionary, one without.
    for (table, rows) in [("contact", 9_000), ("person_year", 4_000)] {
        let mut seen = 0;
        for file in world.snapshot().await.tables[table].files.iter() {
            let content = bytes::Bytes::from(std::fs::read(world.touchable(&file.path)).expect("a file"));
            let footer = parquet::metadata(&content).expect("a footer");
            assert_eq!(footer.num_row_groups(), 1);
            let values = values::of_column(&content, &footer, "person", &file.path).expect("values");
            let rows = parquet::decode(content, &["person"], &file.path).expect("rows");
            let column = parquet::pseudonyms(&rows, "person").expect("persons");
            let persons: BTreeSet<u128> =
                (0..column.len()).map(|row| parquet::pseudonym(column, row)).collect();
            assert_eq!(values.into_iter().collect::<BTreeSet<_>>(), persons);
            seen += rows.num_rows();
        }
        assert_eq!(seen, rows);
    }
}
