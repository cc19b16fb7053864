//! The key is rotated: rows say what they said, links hold, and an older key opens nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::world::{Row, Stored, World, hex, layer_one, row};
use crate::keyfile::KeyFileError;
use crate::storage::files::LoadLock;
use crate::storage::pointer::Pointer;
use crate::{Purpose, Rotation, Sought, WarehouseError, WarehouseKey};

/// Rows in several tables and years; some tie in the rules of `person_year`.
async fn load(world: &World) {
    let contacts: Vec<Row> = (0..300)
        .map(|n| {
            let gender = if n % 2 == 0 { "female" } else { "male" };
            row(n % 90, n, &format!("{}-05-0{}", 2022 + n % 2, 1 + n % 7)).ute().with("gender", gender)
        })
        .collect();
    let beds: Vec<Row> = (0..40).map(|n| row(n, 1_000 + n, "2023-03-03").with("nights", n)).collect();
    let patrols: Vec<Row> = (0..30).map(|n| row(0, 2_000 + n, "2023-03-04").ute()).collect();
    world.load(&[("contact", &contacts), ("bed_stay", &beds), ("patrol", &patrols)]).await;
}

/// A world with these rows, whose key has a file.
async fn world() -> World {
    let world = World::new();
    world.key.save(&path(&world)).expect("saved");
    load(&world).await;
    world
}

fn path(world: &World) -> PathBuf {
    world.installation.warehouse_key_path()
}

async fn rotate(world: &mut World) -> Rotation {
    let rotation = world.warehouse.rotate(&world.key, &path(world)).await.expect("rotated");
    world.key = WarehouseKey::load(&path(world)).expect("the key");
    rotation
}

/// What the rows of every table say, without their pseudonyms; and who is in them.
async fn said(world: &World) -> (BTreeMap<String, Vec<Stored>>, BTreeSet<String>) {
    let (mut said, mut pseudonyms) = (BTreeMap::new(), BTreeSet::new());
    for table in world.policy.tables.keys() {
        let mut rows = world.rows(table).await;
        for row in &mut rows {
            let hidden = ["person", "record"].map(|column| row.remove(column));
            if table != "count_round" {
                pseudonyms.extend(hidden.into_iter().flatten());
            }
        }
        rows.sort();
        said.insert(table.clone(), rows);
    }
    (said, pseudonyms)
}

#[tokio::test]
async fn a_rotation_changes_every_pseudonym_and_nothing_else() {
    let mut world = world().await;
    // A round of a count that is whole: its record is no pseudonym.
    let round = super::load::form(5_000, "2024-07-05", "day", 0);
    world.load(&[("scene_observation", &round)]).await;
    assert_eq!(world.rows("count_round").await.len(), 1);
    let (before, old) = said(&world).await;
    let parts = |snapshot: &crate::Snapshot| {
        let of = |year| ["contact", "person_year", "bed_stay", "patrol"].map(|t| snapshot.part_id(t, [year]));
        [2022, 2023].map(of)
    };
    let loaded = parts(&world.snapshot().await);
    let report = rotate(&mut world).await;
    assert_eq!((report.epoch_before, report.epoch, report.resumed), (1, 2, false));
    assert_eq!((report.tables["contact"].rows, report.tables["patrol"].rows), (300, 30));
    assert!(!report.tables.contains_key("count_round") && report.foreign.is_empty());
    let (after, new) = said(&world).await;
    assert_eq!(after, before);
    assert!(new.is_disjoint(&old) && new.len() == old.len());
    assert_eq!(parts(&world.snapshot().await), loaded, "stored answers stand");
    let check = world.warehouse.check(jiff::civil::date(2024, 1, 1)).await.expect("a check");
    assert!(!check.is_damaged() && check.orphans.is_empty(), "{check:?}");
    // Only the new files are there, and none holds a pseudonym of before.
    for (path, content) in world.files() {
        let held = old.iter().any(|p| content.windows(32).any(|text| text == p.as_bytes()));
        assert!(!held, "{}", path.display());
    }
}

#[tokio::test]
async fn rotated_files_are_those_that_the_rows_make_under_the_epoch_from_the_start() {
    let mut world = world().await;
    rotate(&mut world).await;
    let fresh = World::with_key(world.key.clone());
    // As a warehouse is that was rotated when it was empty.
    fresh.load(&[]).await;
    let lock = LoadLock::wait(&fresh.warehouse.home).expect("the lock");
    let pointer = Pointer::read(lock.home()).expect("read").expect("a pointer");
    Pointer { key: world.key.epochs().last(), ..pointer }.write(&lock).expect("written");
    drop(lock);
    load(&fresh).await;
    assert_eq!(fresh.snapshot().await.id, world.snapshot().await.id);
}

#[tokio::test]
async fn after_rotations_a_correction_and_a_delivery_sent_again_find_their_rows() {
    let mut world = world().await;
    let contacts = [row(7, 7, "2023-05-01").ute(), row(8, 8, "2022-05-02").ute()];
    world.load(&[("contact", &contacts)]).await;
    for epoch in 2..5 {
        assert_eq!(rotate(&mut world).await.epoch, epoch);
        let before = world.snapshot().await;
        let again = world.load(&[("contact", &contacts)]).await;
        assert_eq!((again.loaded, again.replaced), (0, 2));
        assert_eq!(world.snapshot().await, before, "nothing new, so nothing changes");
    }
    let corrected = world.load(&[("contact", &[row(9, 7, "2022-06-01").ute()])]).await;
    assert_eq!((corrected.loaded, corrected.replaced), (0, 1));
    let record = hex(&world.key.pseudonym(Purpose::Record, &layer_one("record", 7)));
    let person = hex(&world.key.pseudonym(Purpose::Person, &layer_one("person", 9)));
    let found: Vec<Stored> =
        world.rows("contact").await.into_iter().filter(|row| row["record"] == record).collect();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["person"], found[0]["year"].as_str()), (&person, "2022"));
}

#[tokio::test]
async fn an_erasure_after_a_rotation_finds_the_person_and_copies_from_before() {
    let mut world = world().await;
    let old = world.key.pseudonym(Purpose::Person, &layer_one("person", 5));
    rotate(&mut world).await;
    let copy = world.installation.root().join("releases/copy.bin");
    fs::write(&copy, [&[1; 7][..], &old].concat()).expect("written");
    let sought = [Sought::new(vec![layer_one("person", 5)])];
    let report = world.try_erase(&sought).await.expect("erased");
    assert_eq!((report.found, report.proof.pseudonyms), (1, 3), "the first layer, and both epochs");
    assert_eq!(report.proof.found, [copy]);
    let now = hex(&world.key.pseudonym(Purpose::Person, &layer_one("person", 5)));
    assert!(world.rows("contact").await.iter().all(|row| row["person"] != now));
    assert_eq!(rotate(&mut world).await.epoch, 3, "the epoch outlives an erasure");
}

#[tokio::test]
async fn a_key_without_the_epoch_in_force_is_refused_and_nothing_changes() {
    let mut world = world().await;
    let old = world.key.clone();
    let copy = fs::read(path(&world)).expect("the key file");
    rotate(&mut world).await;
    let (files, rotated) = (world.files(), world.key.clone());
    // The copy from before the rotation; and one that was given another second epoch.
    let other = old.clone().next().expect("another epoch");
    for key in [old, other] {
        world.key = key;
        let load = world.try_load(vec![world.delivery("a.csv", &[("contact", &[])])]).await;
        let erasure = world.try_erase(&[Sought::new(vec![layer_one("person", 5)])]).await;
        fs::remove_file(path(&world)).expect("removed");
        world.key.save(&path(&world)).expect("saved");
        let rotation = world.warehouse.rotate(&world.key, &path(&world)).await;
        for error in [load.expect_err("load"), erasure.expect_err("erasure"), rotation.expect_err("rotation")]
        {
            assert!(matches!(error, WarehouseError::OtherEpoch { number: 2, .. }), "{error}");
            assert!(error.to_string().contains("put back the newest copy"), "{error}");
        }
        assert!(world.installation.key_in_force(&world.key).is_err());
    }
    assert_eq!(world.files(), files);
    assert_eq!(world.installation.key_in_force(&rotated).expect("in force").epoch(), 2);
    // Another key in the file's place than the one that was checked.
    fs::write(path(&world), copy).expect("written");
    let stranger = WarehouseKey::generate().expect("a key");
    let error = world.warehouse.rotate(&stranger, &path(&world)).await.expect_err("exchanged");
    assert!(matches!(error, WarehouseError::Exchanged { .. }), "{error}");
    assert_eq!(world.files(), files);
}

#[tokio::test]
async fn a_rotation_that_was_cut_short_is_finished_with_the_epoch_it_made() {
    let mut world = world().await;
    let pointer = world.tables().join("current.json");
    let before = fs::read(&pointer).expect("a pointer");
    // Somebody reads, so that the old files stay: with the old pointer it is as it was just before the pointer moved.
    let reader = world.snapshot().await;
    world.warehouse.patience = std::time::Duration::ZERO;
    let error = world.warehouse.rotate(&world.key, &path(&world)).await.expect_err("somebody reads");
    assert!(matches!(error, WarehouseError::Unswept { epoch: 2, .. }), "{error}");
    assert!(error.to_string().contains("`skjerm warehouse compact`"), "{error}");
    drop(reader);
    fs::write(&pointer, before).expect("the old pointer");
    let made = fs::read(path(&world)).expect("the key file");
    world.key = WarehouseKey::load(&path(&world)).expect("the key");
    assert_eq!(
        (world.key.epoch(), world.installation.key_in_force(&world.key).expect("a key").epoch()),
        (2, 1)
    );
    // Everything goes on under the old epoch.
    let again = world.load(&[("contact", &[row(7, 7, "2023-05-01").ute()])]).await;
    assert_eq!((again.loaded, again.replaced), (0, 1));
    let check = world.warehouse.check(jiff::civil::date(2024, 1, 1)).await.expect("a check");
    assert!(!check.is_damaged() && !check.orphans.is_empty(), "{check:?}");
    let report = rotate(&mut world).await;
    assert_eq!((report.epoch_before, report.epoch, report.resumed), (1, 2, true));
    assert_eq!(fs::read(path(&world)).expect("the key file"), made, "no other epoch was made");
    let again = world.load(&[("contact", &[row(7, 7, "2023-05-01").ute()])]).await;
    assert_eq!((again.loaded, again.replaced), (0, 1));
    let check = world.warehouse.check(jiff::civil::date(2024, 1, 1)).await.expect("a check");
    assert!(!check.is_damaged() && check.orphans.is_empty(), "{check:?}");
}

/// Copied bytes would get a new, valid name, and behind a link the old file would stay.
#[tokio::test]
async fn a_damaged_file_is_named_and_stops_the_rotation_before_it_is_in_force() {
    for by_link in [false, true] {
        let world = world().await;
        let file = world.snapshot().await.tables["contact"].files[0].path.clone();
        let place = world.touchable(&file);
        let mut content = fs::read(&place).expect("a file");
        if by_link {
            let elsewhere = world.installation.root().join("elsewhere");
            fs::rename(&place, &elsewhere).expect("moved");
            std::os::unix::fs::symlink(&elsewhere, &place).expect("linked");
        } else {
            let name = content.windows(6).position(|bytes| bytes == b"skjerm").expect("the writer's name");
            content[name] = b'S';
            fs::write(&place, content).expect("written");
        }
        let error = world.warehouse.rotate(&world.key, &path(&world)).await.expect_err("damaged");
        assert!(matches!(&error, WarehouseError::Damaged { path, .. } if *path == file), "{error}");
        let key = WarehouseKey::load(&path(&world)).expect("the key");
        assert_eq!(world.installation.key_in_force(&key).expect("in force").epoch(), 1);
    }
}

#[tokio::test]
async fn a_key_can_be_rotated_before_anything_is_loaded() {
    let mut world = World::new();
    world.key.save(&path(&world)).expect("saved");
    assert_eq!(rotate(&mut world).await.epoch, 2);
    load(&world).await;
    let person = hex(&world.key.pseudonym(Purpose::Person, &layer_one("person", 5)));
    assert!(world.rows("contact").await.iter().any(|row| row["person"] == person));
}

#[test]
fn a_key_file_keeps_every_epoch_and_lacks_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys/warehouse.key");
    let mut key = WarehouseKey::generate().expect("a key");
    key.save(&path).expect("saved");
    for _ in 0..2 {
        key = key.next().expect("an epoch");
        key.replace(&path).expect("replaced");
    }
    let again = WarehouseKey::load(&path).expect("loaded");
    assert_eq!((again.id(), again.epoch()), (key.id(), 3));
    assert_eq!(again.pseudonyms(Purpose::Record, &[3; 16]), key.pseudonyms(Purpose::Record, &[3; 16]));
    assert_eq!(
        again.pseudonyms(Purpose::Record, &[3; 16]).last(),
        Some(&key.pseudonym(Purpose::Record, &[3; 16]))
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).expect("there").permissions());
    assert_eq!(
        (mode & 0o777, fs::read_dir(folder.path().join("keys")).expect("a folder").count()),
        (0o600, 1)
    );
    let text = fs::read_to_string(&path).expect("text");
    assert!(!format!("{again:?}").contains(&text[text.len() - 66..text.len() - 50]), "the last secret");
    let at = text.find("\n[[rotation]]").expect("the second epoch");
    let third = text.rfind("\n[[rotation]]").expect("the third epoch");
    for (bad, epochs) in [
        (format!("{}{}", &text[..at], &text[third..]), true),
        (format!("{text}{}", &text[third..]), true),
        (text.replace("epoch = 3", "epoch = \"3\""), false),
    ] {
        fs::write(&path, bad).expect("written");
        let error = WarehouseKey::load(&path).expect_err("no whole key");
        assert_eq!(matches!(error, KeyFileError::Epochs(_)), epochs, "{error}");
    }
    fs::write(&path, text).expect("written");
    let error = crate::keyfile::KeyFile::load(&path).expect_err("a key of one epoch");
    assert!(matches!(error, KeyFileError::Format(_)), "{error}");
}
