use proptest::prelude::*;

use super::world::{Row, World, hex, layer_one, row};
use crate::{DeliveryLoad, Purpose, SHARDS};

fn load(loaded: u64, replaced: u64) -> DeliveryLoad {
    DeliveryLoad { loaded, replaced, ..DeliveryLoad::default() }
}

#[tokio::test]
async fn an_empty_warehouse_has_every_table_and_no_file() {
    let world = World::new();
    let snapshot = world.snapshot().await;
    assert_eq!(snapshot.tables.len(), world.policy.tables.len());
    assert!(snapshot.tables.values().all(|t| t.files.is_empty()));
    assert_eq!(world.load(&[]).await, load(0, 0));
    assert_eq!(world.snapshot().await.id, snapshot.id, "a load of nothing says nothing new");
}

#[tokio::test]
async fn rows_are_stored_under_the_second_pseudonym_sorted_in_their_shard() {
    let world = World::new();
    let rows: Vec<Row> =
        (0..200).map(|n| row(n % 60, n, "2023-03-01").ute().with("minutes", n % 240)).collect();
    assert_eq!(world.load(&[("contact", &rows)]).await, load(200, 0));
    let stored = world.rows("contact").await;
    assert_eq!(stored.len(), 200);
    for row in &rows {
        let person = hex(&world.key.pseudonym(Purpose::Person, &layer_one("person", row.person)));
        let record = hex(&world.key.pseudonym(Purpose::Record, &layer_one("record", row.record)));
        let found: Vec<_> = stored.iter().filter(|s| s["record"] == record).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["person"], person);
        assert_eq!(found[0]["minutes"], row.says["minutes"]);
        assert_eq!(found[0]["month"], "3");
        assert_ne!(person, hex(&layer_one("person", row.person)));
    }
    let snapshot = world.snapshot().await;
    let files = &snapshot.tables["contact"].files;
    assert!(files.len() >= usize::from(SHARDS));
    for file in files.iter() {
        let path = world.touchable(&file.path);
        assert!(path.is_absolute() && path.is_file());
        assert_eq!(file.bytes, path.metadata().expect("a file").len());
        let batch = world.warehouse.home.columns(&file.path, &["person", "record"]).expect("a file");
        let persons = crate::storage::parquet::pseudonyms(&batch, "person").expect("persons");
        let records = crate::storage::parquet::pseudonyms(&batch, "record").expect("records");
        let keys: Vec<_> = (0..batch.num_rows()).map(|n| (persons.value(n), records.value(n))).collect();
        assert!(keys.is_sorted());
        assert!(
            keys.iter().all(|(person, _)| (&file.span.least()[..]..=&file.span.greatest()).contains(person))
        );
    }
}

#[tokio::test]
async fn the_same_delivery_twice_changes_nothing() {
    let world = World::new();
    let contacts: Vec<Row> = (0..50).map(|n| row(n, n, "2022-05-06").with("minutes", 5)).collect();
    let beds = [row(3, 900, "2021-12-31").with("unit", "prindsen").with("nights", 4)];
    let tables: &[(&str, &[Row])] = &[("contact", &contacts), ("bed_stay", &beds)];
    assert_eq!(world.load(tables).await, load(51, 0));
    let (before, files) = (world.snapshot().await, world.files());
    assert_eq!(world.load(tables).await, load(0, 51));
    assert_eq!(world.snapshot().await, before);
    assert_eq!(world.files(), files, "neither data nor logs are touched");
}

#[tokio::test]
async fn a_corrected_row_replaces_also_across_years_and_persons() {
    let world = World::new();
    let rows: Vec<Row> = (0..40).map(|n| row(n, n, "2023-06-01").with("gender", "female")).collect();
    world.load(&[("contact", &rows)]).await;
    world.load(&[("contact", &[row(7, 1000, "2021-01-01")])]).await;
    let before = world.snapshot().await;
    // Record 7 was of 2022 and of another person; record 8 is another gender's.
    let corrected =
        [row(99, 7, "2022-06-01").with("gender", "male"), row(8, 8, "2023-06-01").with("gender", "male")];
    assert_eq!(world.load(&[("contact", &corrected)]).await, load(0, 2));
    let stored = world.rows("contact").await;
    assert_eq!(stored.len(), 41);
    let of = |n: u64| {
        let record = hex(&world.key.pseudonym(Purpose::Record, &layer_one("record", n)));
        let found: Vec<_> = stored.iter().filter(|s| s["record"] == record).cloned().collect();
        assert_eq!(found.len(), 1);
        found[0].clone()
    };
    assert_eq!((of(7)["year"].as_str(), of(7)["gender"].as_str()), ("2022", "male"));
    assert_eq!((of(8)["year"].as_str(), of(8)["gender"].as_str()), ("2023", "male"));
    // The person-year of person 7 in 2023 is gone with the row; that of 2021 stays.
    let person = hex(&world.key.pseudonym(Purpose::Person, &layer_one("person", 7)));
    let years: Vec<String> = world
        .rows("person_year")
        .await
        .iter()
        .filter(|r| r["person"] == person)
        .map(|r| r["year"].clone())
        .collect();
    assert_eq!(years, ["2021"]);
    let after = world.snapshot().await;
    let of_2021 = |s: &crate::Snapshot, t: &str| {
        s.tables[t].files.iter().filter(|f| f.year == Some(2021)).cloned().collect::<Vec<_>>()
    };
    for table in ["contact", "person_year"] {
        assert_eq!(of_2021(&before, table), of_2021(&after, table), "untouched years keep their files");
    }
}

#[tokio::test]
async fn a_record_twice_in_a_call_counts_as_replaced_and_the_last_wins() {
    let world = World::new();
    let first = world.delivery(
        "a.csv",
        &[("contact", &[row(1, 1, "2023-01-01").with("gender", "male"), row(1, 2, "2023-01-01")])],
    );
    let second = world.delivery(
        "b.csv",
        &[(
            "contact",
            &[
                row(1, 1, "2023-01-01").with("gender", "female"),
                row(1, 3, "2023-01-01"),
                row(1, 3, "2023-01-02"),
            ],
        )],
    );
    let loads = world.try_load(vec![first, second]).await.expect("a load");
    assert_eq!(loads, [load(2, 0), DeliveryLoad { repeated: 2, ..load(1, 2) }]);
    let stored = world.rows("contact").await;
    assert_eq!(stored.len(), 3);
    assert_eq!(stored.iter().filter(|s| s["gender"] == "female").count(), 1);
    assert_eq!(stored.iter().filter(|s| s["gender"] == "male").count(), 0);
}

/// The form of a round: a line for every area, age group and gender, and how many were seen in each.
pub(super) fn form(first: u64, date: &str, shift: &str, persons: u32) -> Vec<Row> {
    let areas = [
        "oslo_s",
        "storgata_brugata",
        "nedre_akerselva",
        "vaterland_gronland",
        "urtegata",
        "kvadraturen_skippergata",
    ];
    let groups = ["u18", "18-25", "25+"].into_iter().flat_map(|age| [(age, "female"), (age, "male")]);
    let lines =
        areas.into_iter().flat_map(|area| groups.clone().map(move |(age, gender)| (area, age, gender)));
    let line = |(number, (area, age, gender))| {
        row(0, number, date)
            .with("campaign", "2024-summer")
            .with("shift", shift)
            .with("area", area)
            .with("scene_age", age)
            .with("gender", gender)
            .with("persons", persons)
    };
    (first..).zip(lines).map(line).collect()
}

async fn rounds(world: &World) -> Vec<(i32, String)> {
    let rows = world.rows("count_round").await;
    assert!(rows.iter().all(|r| r["campaign"] == "2024-summer"));
    let mut rounds: Vec<_> =
        rows.iter().map(|r| (r["date"].parse().expect("days"), r["shift"].clone())).collect();
    rounds.sort();
    rounds
}

fn round(day: i32, shift: &str) -> (i32, String) {
    (day, shift.to_owned())
}

#[tokio::test]
async fn the_rounds_of_a_count_follow_from_its_forms() {
    let world = World::new();
    let rows = [
        form(0, "2024-07-01", "day", 0),
        form(100, "2024-07-01", "evening", 7),
        form(200, "2024-07-02", "day", 3),
    ]
    .concat();
    assert_eq!(rows.len(), 3 * 36);
    world.load(&[("scene_observation", &rows)]).await;
    let held = [round(19905, "day"), round(19905, "evening"), round(19906, "day")];
    assert_eq!(rounds(&world).await, held);
    // A round that was none after all goes away.
    world.load(&[("scene_observation", &form(200, "2024-07-01", "day", 3))]).await;
    assert_eq!(rounds(&world).await, held[..2]);
}

/// A round is there because its form has every line: not because of, and not in spite of, what was seen.
#[tokio::test]
async fn an_incomplete_round_is_none_whatever_was_seen() {
    for seen in [0, 1, 200] {
        let world = World::new();
        let whole = form(0, "2024-07-01", "day", seen);
        // All lines but one, and lines beside the grid in its place.
        let mut short = form(100, "2024-07-02", "day", seen);
        let missing = short.pop().expect("a line");
        for (number, column) in (190..).zip(["area", "scene_age", "gender"]) {
            short.push(Row { record: number, ..missing.clone() }.with(column, "unknown"));
        }
        short.push(Row { record: 193, ..missing.clone() }.with("area", "district"));
        // One line alone; and a line of another shift does not complete a round.
        let alone = [row(0, 200, "2024-07-03").with("campaign", "2024-summer").with("shift", "day")];
        let other = [missing.clone().with("shift", "evening")];
        let rows = [whole, short, alone.to_vec(), other.to_vec()].concat();
        world.load(&[("scene_observation", &rows)]).await;
        assert_eq!(rounds(&world).await, [round(19905, "day")], "{seen}");
        // The line comes later, saying that nobody was there: now the round was held.
        world.load(&[("scene_observation", &[missing.with("persons", 0)])]).await;
        assert_eq!(rounds(&world).await, [round(19905, "day"), round(19906, "day")], "{seen}");
    }
}

#[test]
fn rounds_need_the_columns_of_their_grid() {
    let mut policy = crate::policy::Policy::oslo();
    let observations = policy.tables.get_mut("scene_observation").expect("a table");
    observations.columns.retain(|column| column.name != "scene_age");
    let folder = tempfile::tempdir().expect("a folder");
    let installation = crate::Installation::init(folder.path()).expect("an installation");
    let error = crate::Warehouse::open(&installation, policy.into()).expect_err("no grid");
    assert!(error.to_string().contains("area, scene_age, gender"), "{error}");
}

#[tokio::test]
async fn two_loaders_at_once_lose_nothing() {
    let world = World::new();
    let other = world.reopened((*world.policy).clone());
    let mine = world
        .delivery("a.csv", &[("contact", &(0..30).map(|n| row(n, n, "2023-01-01")).collect::<Vec<_>>())]);
    let theirs = world
        .delivery("b.csv", &[("contact", &(20..50).map(|n| row(n, n, "2023-01-01")).collect::<Vec<_>>())]);
    let (a, b) =
        tokio::join!(world.warehouse.load(&world.key, vec![mine]), other.load(&world.key, vec![theirs]));
    let (a, b) = (a.expect("a load")[0], b.expect("a load")[0]);
    assert_eq!((a.loaded + b.loaded, a.replaced + b.replaced), (50, 10));
    assert_eq!(world.rows("contact").await.len(), 50);
    assert_eq!(other.snapshot().await.expect("a snapshot").id, world.snapshot().await.id);
}

fn any_row() -> impl Strategy<Value = (&'static str, Row)> {
    let table = prop::sample::select(vec!["contact", "follow_up", "measure", "bed_stay"]);
    let service = prop::sample::select(vec!["uteseksjonen", "030101", "030102", "unknown"]);
    let gender = prop::sample::select(vec!["female", "male", "unknown"]);
    (table, 0_u64..8, 0_u64..40, 2021_i16..2024, 1_i8..13, service, gender).prop_map(
        |(table, person, record, year, month, service, gender)| {
            let row = row(person, record, &format!("{year}-{month:02}-15"))
                .with("gender", gender)
                .with("service", service);
            (table, row)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// Loading step by step, with corrections on the way, gives the very files that loading the outcome at once
    /// gives: derived tables included.
    #[test]
    fn step_by_step_equals_from_scratch(steps in prop::collection::vec(prop::collection::vec(any_row(), 1..25), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new();
            let delivery = |rows: &[(&'static str, Row)]| {
                let tables = ["contact", "follow_up", "measure", "bed_stay"].map(|t| {
                    (t, rows.iter().filter(|(of, _)| *of == t).map(|(_, r)| r.clone()).collect::<Vec<_>>())
                });
                let tables: Vec<(&str, &[Row])> = tables.iter().map(|(t, r)| (*t, r.as_slice())).collect();
                world.delivery("a.csv", &tables)
            };
            for step in &steps {
                world.try_load(vec![delivery(step)]).await.expect("a load");
            }
            let fresh = World::with_key(world.key.clone());
            let all: Vec<_> = steps.concat();
            fresh.try_load(vec![delivery(&all)]).await.expect("a load");
            prop_assert_eq!(world.snapshot().await.id, fresh.snapshot().await.id);
            prop_assert_eq!(world.rows("person_year").await, fresh.rows("person_year").await);
            Ok(())
        })?;
    }
}
