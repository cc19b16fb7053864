//! Persons are taken out, and the proof would find them.

use std::collections::BTreeSet;
use std::fs;

use super::world::{Row, World, hex, layer_one, row};
use crate::{Purpose, Sought, WarehouseError, WarehouseKey};

/// Contacts of many persons, with enough rows for several files a shard.
pub(super) fn contacts(persons: u64) -> Vec<Row> {
    let of = |person: u64| (0..=person % 9).map(move |n| row(person, person * 10 + n, "2023-05-01").ute());
    (0..persons).flat_map(of).collect()
}

pub(super) fn sought(persons: impl IntoIterator<Item = u64>) -> Vec<Sought> {
    persons.into_iter().map(|person| Sought::new(vec![layer_one("person", person)])).collect()
}

/// Always the same, so that the same rows always lie the same way.
pub(super) fn fixed_key() -> WarehouseKey {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("warehouse.key");
    let text = format!(
        "id = \"a\"\nepoch = 1\ncreated = \"2026-01-01T00:00:00Z\"\nsecret = \"{}\"\n",
        "5a".repeat(32)
    );
    fs::write(&path, text).expect("written");
    for (path, mode) in [(folder.path(), 0o700), (&path, 0o600)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("private");
    }
    WarehouseKey::load(&path).expect("a key")
}

async fn persons_of(world: &World, table: &str) -> BTreeSet<String> {
    world.rows(table).await.into_iter().map(|row| row["person"].clone()).collect()
}

fn stored(world: &World, person: u64) -> String {
    hex(&world.key.pseudonym(Purpose::Person, &layer_one("person", person)))
}

#[tokio::test]
async fn an_erased_warehouse_is_byte_for_byte_one_that_never_had_the_persons() {
    let world = World::with_key(fixed_key());
    let mut rows = contacts(400);
    // One person with more rows than a file may have of several.
    rows.extend((0..300).map(|n| row(1_000, 50_000 + n, "2023-06-01").ute()));
    let measures: Vec<Row> = (0..300).map(|n| row(n, n, "2022-02-02").ute()).collect();
    world.load(&[("contact", &rows), ("measure", &measures)]).await;
    let files = async |table: &str| world.snapshot().await.tables[table].files.len();
    let before = [files("contact").await, files("person_year").await];
    // Of a shard everybody but the one, so that their file takes in those beside it; of the others one in ten, so that files are
    // joined in pairs, or not.
    let shard = |person: u64| world.key.pseudonym(Purpose::Person, &layer_one("person", person))[0] >> 6;
    let theirs = |person: &u64| person % 10 == 3 || shard(*person) == shard(1_000);
    let gone: BTreeSet<u64> = (0..400).filter(theirs).collect();
    let report = world.try_erase(&sought(gone.iter().copied().chain([1_000_000]))).await.expect("erased");
    assert_eq!((report.persons, report.found), (gone.len() + 1, gone.len()));
    let rows_of = |rows: &[Row]| rows.iter().filter(|row| gone.contains(&row.person)).count() as u64;
    assert_eq!(report.tables["contact"].rows, rows_of(&rows));
    assert_eq!(report.tables["measure"].rows, rows_of(&measures));
    assert_eq!(report.tables["person_year"].rows, gone.len() as u64 + rows_of(&measures));
    let after = [files("contact").await, files("person_year").await];
    assert!(after[0] < before[0] && after[1] < before[1], "{before:?} {after:?}");
    assert!(report.tables["contact"].untouched > 0, "{report:?}");

    let others = World::with_key(world.key.clone());
    let left =
        |rows: &[Row]| rows.iter().filter(|row| !gone.contains(&row.person)).cloned().collect::<Vec<_>>();
    others.load(&[("contact", &left(&rows)), ("measure", &left(&measures))]).await;
    assert_eq!(
        world.snapshot().await.id,
        others.snapshot().await.id,
        "person_year, too, is what it would be"
    );
    assert_eq!(report.snapshot_after, others.snapshot().await.id);
    let content = |world: &World| {
        let data =
            world.files().into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "parquet"));
        data.map(|(path, content)| (path.file_name().expect("a name").to_owned(), content))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        content(&world),
        content(&others),
        "no other data file is left, and those that are hold the same bytes"
    );
}

#[tokio::test]
async fn whoever_is_in_several_tables_years_and_levels_is_out_of_all() {
    let world = World::new();
    let events =
        [row(1, 1, "2021-01-01"), row(1, 2, "2023-01-01"), row(2, 3, "2023-01-01"), row(8, 4, "2023-01-01")];
    let beds = [row(1, 9, "2022-01-01").with("unit", "ila"), row(3, 10, "2023-01-01")];
    world.load(&[("contact", &events), ("bed_stay", &beds)]).await;
    // One human under two pseudonyms: known by number here, by name there.
    let both = vec![Sought::new(vec![layer_one("person", 1), layer_one("person", 8)])];
    let report = world.try_erase(&both).await.expect("erased");
    assert_eq!((report.persons, report.found), (1, 1));
    assert_eq!(report.proof.found, Vec::<std::path::PathBuf>::new());
    assert_eq!(report.proof.pseudonyms, 4);
    let snapshot = world.snapshot().await;
    let files: usize = snapshot.tables.values().map(|table| table.files.len()).sum();
    assert!(report.proof.files >= files as u64 && report.proof.bytes > 0, "every file that is left");
    for table in ["contact", "bed_stay", "person_year"] {
        let left = persons_of(&world, table).await;
        assert!(!left.contains(&stored(&world, 1)) && !left.contains(&stored(&world, 8)), "{table}");
    }
    assert_eq!(persons_of(&world, "person_year").await, [2, 3].map(|p| stored(&world, p)).into());
    // Years that hold nobody any more have no file.
    assert!(!world.holds("contact/year=2021"));
    let again = world.try_erase(&both).await.expect("again");
    assert_eq!((again.found, &again.snapshot_after), (0, &report.snapshot_after));
    assert_eq!(again.snapshot_before, again.snapshot_after);
}

#[tokio::test]
async fn rows_under_an_older_key_are_found_by_that_key() {
    let world = World::new();
    let older = WarehouseKey::generate().expect("randomness");
    let under_older = world.delivery("a.csv", &[("contact", &[row(1, 1, "2023-01-01")])]);
    world.warehouse.load(&older, vec![under_older]).await.expect("loaded");
    world.load(&[("contact", &[row(1, 2, "2023-01-01"), row(2, 3, "2023-01-01")])]).await;
    let report = world.warehouse.erase(&[world.key.clone(), older], &sought([1])).await.expect("erased");
    assert_eq!((report.found, report.tables["contact"].rows), (1, 2));
    assert_eq!(persons_of(&world, "contact").await, [stored(&world, 2)].into());
}

#[tokio::test]
async fn the_proof_finds_what_is_left_anywhere_in_the_installation() {
    let world = World::new();
    world.load(&[("contact", &contacts(50))]).await;
    let pseudonym = world.key.pseudonym(Purpose::Person, &layer_one("person", 7));
    let first = layer_one("person", 7);
    let root = world.installation.root().canonicalize().expect("a path");
    let copies = [
        (root.join("spill/left"), [b"x".as_slice(), &pseudonym].concat()),
        (root.join("releases/note.txt"), hex(&first).into_bytes()),
        (world.root().join("contact/year=2023/copy.bin"), hex(&pseudonym).to_uppercase().into_bytes()),
    ];
    let is_theirs = |content: &Vec<u8>| content.windows(16).any(|bytes| bytes == pseudonym);
    let of_theirs = world.files().into_keys().find_map(|path| fs::read(path).ok().filter(is_theirs));
    let copies =
        [&copies[..], &[(root.join("spill/copy.parquet"), of_theirs.expect("a data file"))]].concat();
    let touchable = |path: &std::path::Path| {
        if path.starts_with(world.root()) { world.touchable(path) } else { path.to_owned() }
    };
    for (path, content) in &copies {
        fs::write(touchable(path), content).expect("written");
    }
    let report = world.try_erase(&sought([7])).await.expect("erased");
    let mut expected: Vec<_> = copies.into_iter().map(|(path, _)| path).collect();
    expected.sort();
    assert_eq!(report.proof.found, expected);
    for path in &expected {
        fs::remove_file(touchable(path)).expect("removed");
    }
    let again = world.try_erase(&sought([7])).await.expect("again");
    assert!(again.proof.found.is_empty());
}

#[tokio::test]
async fn a_corrected_row_of_an_earlier_load_is_gone_with_the_files_it_was_in() {
    let world = World::new();
    world.load(&[("contact", &contacts(50))]).await;
    // The record now says another person: person 7's row is in the replaced file alone.
    world.load(&[("contact", &[row(8, 70, "2023-05-01"), row(8, 71, "2023-05-01")])]).await;
    let is_data = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "parquet");
    let before = world.files().into_keys().filter(is_data).count();
    world.try_erase(&sought([7])).await.expect("erased");
    let left = world.files();
    let live: BTreeSet<_> = world
        .snapshot()
        .await
        .tables
        .values()
        .flat_map(|t| t.files.to_vec())
        .map(|f| world.touchable(&f.path))
        .collect();
    let data = left.keys().filter(|path| is_data(path));
    let data: BTreeSet<_> = data.cloned().collect();
    assert_eq!(data, live);
    assert!(before > live.len(), "the files before the correction were still there");
}

#[tokio::test]
async fn a_reader_keeps_its_files_and_the_erasure_says_that_it_waits() {
    let mut world = World::new();
    world.load(&[("contact", &contacts(50))]).await;
    let held = world.snapshot().await;
    world.warehouse.patience = std::time::Duration::from_millis(100);
    let error = world.try_erase(&sought([7])).await.expect_err("somebody reads");
    assert!(
        matches!(&error, WarehouseError::Unproven { source } if matches!(**source, WarehouseError::StillRead { .. }))
    );
    assert!(error.to_string().contains("run the same erasure again"), "{error}");
    assert!(
        held.tables.values().flat_map(|t| t.files.iter()).all(|f| world.touchable(&f.path).is_file()),
        "the reader's files are there"
    );
    assert!(
        !persons_of(&world, "contact").await.contains(&stored(&world, 7)),
        "who reads anew reads without them"
    );
    // One table of the snapshot is as good as all of it.
    let one = held.tables["referral"].clone();
    drop(held);
    assert!(world.warehouse.compact().await.is_err());
    drop(one);
    let again = world.try_erase(&sought([7])).await.expect("nobody reads any more");
    assert!(again.removed.files > 0 && again.proof.found.is_empty());
}

#[tokio::test]
async fn a_table_the_policy_forgot_is_not_passed_over() {
    let world = World::new();
    world.load(&[("contact", &contacts(5))]).await;
    let mut policy = (*world.policy).clone();
    policy.tables.remove("person_year");
    policy.tables.remove("referral");
    let warehouse = world.reopened(policy);
    let error = warehouse
        .erase(std::slice::from_ref(&world.key), &sought([1]))
        .await
        .expect_err("an undeclared table");
    assert!(matches!(&error, WarehouseError::Undeclared { table } if table == "person_year"), "{error}");
}

/// Who asks for prices must not learn where somebody had rows by which answers are still stored.
#[tokio::test]
async fn an_erasure_leaves_every_year_as_it_was_loaded() {
    let world = World::new();
    world
        .load(&[(
            "contact",
            &[row(7, 1, "2023-04-01").ute(), row(8, 2, "2023-05-01").ute(), row(8, 3, "2022-05-01").ute()],
        )])
        .await;
    let ids = async || {
        let snapshot = world.warehouse.snapshot().await.expect("a snapshot");
        [("contact", 2022), ("contact", 2023), ("person_year", 2023), ("bed_stay", 2023)]
            .map(|(table, year)| snapshot.part_id(table, [year]))
    };
    let before = ids().await;
    assert_eq!(world.try_erase(&sought([7])).await.expect("erased").found, 1);
    assert_eq!(ids().await, before);
    // A delivery shows, of that year alone, and not in which table it had rows.
    world.load(&[("contact", &[row(9, 9, "2023-06-01").ute()])]).await;
    let after = ids().await;
    assert!(after[0] == before[0] && (1..4).all(|at| after[at] != before[at]));
    // Everybody of a year.
    world.try_erase(&sought([8])).await.expect("erased");
    assert_eq!(ids().await, after);
}

/// Copied bytes get a new, valid name, and behind a link the old file would stay: neither is touched.
#[tokio::test]
async fn a_file_that_is_damaged_or_a_link_is_named_and_not_made_anew() {
    for by_link in [false, true] {
        let world = World::new();
        world.load(&[("contact", &[row(7, 1, "2023-04-01").ute()])]).await;
        let snapshot = world.snapshot().await;
        let path = snapshot.tables["contact"].files[0].path.clone();
        let place = world.touchable(&path);
        if by_link {
            let elsewhere = world.installation.root().join("elsewhere");
            fs::rename(&place, &elsewhere).expect("moved");
            std::os::unix::fs::symlink(&elsewhere, &place).expect("linked");
        } else {
            // The writer's name in the footer: all rows can still be read.
            let mut content = fs::read(&place).expect("a file");
            let name = content.windows(6).position(|bytes| bytes == b"skjerm").expect("the writer's name");
            content[name] = b'S';
            fs::write(&place, content).expect("written");
        }
        let error = world.try_erase(&sought([7])).await.expect_err("not as it was written");
        assert!(matches!(&error, WarehouseError::Damaged { path: of, .. } if *of == path), "{error}");
        let check = world.warehouse.check(jiff::civil::date(2025, 1, 1)).await.expect("looked over");
        let what = if by_link { "ordinary" } else { "content" };
        assert!(
            check.damage.iter().any(|damage| damage.path == path && damage.what.contains(what)),
            "{check:?}"
        );
    }
}
