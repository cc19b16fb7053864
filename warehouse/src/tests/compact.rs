//! What nothing names goes; what somebody reads stays.

use std::fs;

use super::world::{Row, World, row};
use crate::WarehouseError;
use crate::storage::lease;

fn contacts(persons: std::ops::Range<u64>) -> Vec<Row> {
    persons.map(|n| row(n, n, "2023-01-01").ute()).collect()
}

#[tokio::test]
async fn replaced_files_and_leftovers_go_and_nothing_else_does() {
    let world = World::new();
    world.load(&[("contact", &contacts(0..40))]).await;
    world.load(&[("contact", &contacts(20..60))]).await;
    let root = world.tables();
    let pointer = fs::read(root.join("current.json")).expect("a pointer");
    let (kept, rows) = (world.snapshot().await, world.rows("contact").await);
    // A load that was cut short before the pointer moved, an entry half written, and somebody's own file.
    world.load(&[("contact", &contacts(50..90)), ("follow_up", &contacts(0..5))]).await;
    fs::write(root.join("current.json"), pointer).expect("the old pointer");
    fs::write(root.join("contact/_delta_log/00000000000000000009.json#1"), "{").expect("written");
    fs::write(root.join("contact/year=2023/notes.txt"), "mine").expect("written");
    let removed = world.warehouse.compact().await.expect("compacted");
    assert!(
        removed.files >= 8 && removed.bytes > 0 && removed.leftovers >= 3 && removed.folders >= 1,
        "{removed:?}"
    );
    assert_eq!((world.snapshot().await, world.rows("contact").await), (kept, rows));
    assert!(root.join("contact/year=2023/notes.txt").is_file());
    assert!(!root.join("follow_up/year=2023").exists());
    assert_eq!(world.warehouse.compact().await.expect("again"), crate::Removed::default());
    // The log goes on from where it is.
    world.load(&[("contact", &contacts(50..70))]).await;
    assert_eq!(world.rows("contact").await.len(), 70);
}

#[tokio::test]
async fn an_empty_warehouse_and_one_never_committed_are_compacted() {
    let world = World::new();
    assert_eq!(world.warehouse.compact().await.expect("compacted"), crate::Removed::default());
    world.load(&[("contact", &contacts(0..20))]).await;
    world.point_to_nothing();
    let removed = world.warehouse.compact().await.expect("compacted");
    assert!(removed.files > 0);
    assert!(!world.holds("contact"));
    assert_eq!(world.load(&[("contact", &contacts(0..3))]).await.loaded, 3);
}

#[tokio::test]
async fn a_lease_is_of_the_snapshot_the_pointer_names() {
    let world = World::new();
    let root = world.root().to_owned();
    assert!(lease::take(&root).expect("no pointer yet").is_none());
    world.load(&[("contact", &contacts(0..20))]).await;
    let first = world.snapshot().await;
    world.load(&[("contact", &contacts(0..30))]).await;
    // Readers of the newest do not keep anybody waiting, readers of an older one do.
    let newest = world.snapshot().await;
    let wait = || lease::Others::wait(&root, Some(&newest.id), std::time::Duration::ZERO);
    assert!(wait().is_err());
    drop(first);
    wait().expect("nobody reads an older one").remove().expect("removed");
    // A copy of the folder without its leases is read all the same.
    fs::remove_dir_all(root.join(lease::FOLDER)).expect("removed");
    assert_eq!(world.snapshot().await, newest);
    assert!(root.join(lease::FOLDER).join(&newest.id).is_file());
}

#[tokio::test]
async fn what_is_remembered_of_a_snapshot_keeps_nobody_waiting() {
    let mut world = World::new();
    world.warehouse.patience = std::time::Duration::ZERO;
    world.load(&[("contact", &contacts(0..20))]).await;
    for round in 1..4 {
        drop(world.snapshot().await);
        world.load(&[("contact", &contacts(0..20 + round))]).await;
        assert!(world.warehouse.compact().await.expect("nobody reads").files > 0);
    }
}

/// Without its pointer everything would look like leftovers.
#[tokio::test]
async fn nothing_is_deleted_or_loaded_while_the_pointer_is_lost_or_wrong() {
    let world = World::new();
    world.load(&[("contact", &[row(1, 1, "2023-04-01").ute(), row(2, 2, "2022-04-01").ute()])]).await;
    world.load(&[("contact", &[row(3, 3, "2023-04-01").ute()])]).await;
    world.warehouse.compact().await.expect("compacted");
    let root = world.tables();
    let pointer = root.join("current.json");
    let kept = std::fs::read_to_string(&pointer).expect("the pointer");
    let files = || {
        let mut found = Vec::new();
        let mut open = vec![root.clone()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { open.push(path) } else { found.push(path) }
            }
        }
        found.len()
    };
    let there = files();
    std::fs::remove_file(&pointer).expect("removed");
    assert!(!world.installation.is_unused());
    let more = world.delivery("b_SYNTETISK.csv", &[("contact", &[row(4, 4, "2023-04-01").ute()])]);
    let damaged =
        |error| matches!(&error, WarehouseError::Damaged { path, .. } if world.touchable(path) == pointer);
    assert!(damaged(world.warehouse.compact().await.expect_err("no pointer")));
    assert!(damaged(world.warehouse.snapshot().await.expect_err("no pointer")));
    assert!(damaged(world.try_load(vec![more]).await.expect_err("no pointer")));
    let check = world.warehouse.check(jiff::civil::date(2025, 1, 1)).await.expect("looked over");
    assert!(check.is_damaged() && check.orphans.is_empty(), "{check:?}");
    assert_eq!(files(), there - 1);
    for (from, to) in [("\"contact\": 1", "\"contact\": 0"), ("  \"id\": \"", "  \"id\": \"0")] {
        assert!(kept.contains(from), "{kept}");
        std::fs::write(&pointer, kept.replace(from, to)).expect("written");
        assert!(damaged(world.warehouse.compact().await.expect_err("another pointer")));
    }
    std::fs::write(&pointer, kept).expect("written");
    world.warehouse.compact().await.expect("compacted");
    assert!(files() >= there);
}

/// What lies behind a link is somebody else's.
#[tokio::test]
async fn nothing_is_deleted_through_a_link() {
    let (world, other) = (World::new(), World::new());
    for world in [&world, &other] {
        world.load(&[("contact", &[row(1, 1, "2023-04-01").ute()])]).await;
    }
    let link = world.tables().join("contact_2019");
    std::os::unix::fs::symlink(other.installation.warehouse_dir().join("contact"), &link).expect("linked");
    std::os::unix::fs::symlink(".", world.tables().join("again")).expect("linked");
    // Somebody's own folder beside the leases stays and is told.
    fs::create_dir_all(world.tables().join(lease::FOLDER).join("mine")).expect("made");
    fs::write(world.tables().join(lease::FOLDER).join("mine/x"), "").expect("written");
    world.warehouse.compact().await.expect("compacted");
    assert_eq!(other.rows("contact").await.len(), 1);
    let check = world.warehouse.check(jiff::civil::date(2025, 1, 1)).await.expect("looked over");
    assert!(check.foreign.contains(&link) && check.foreign.len() == 3, "{check:?}");
}
