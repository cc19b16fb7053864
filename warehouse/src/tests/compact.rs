//! What nothing names goes; what somebody reads stays.

use std::fs;

use super::world::{Row, World, row};
use crate::storage::lease;

fn contacts(persons: std::ops::Range<u64>) -> Vec<Row> {
    persons.map(|n| row(n, n, "2023-01-01").ute()).collect()
}

#[tokio::test]
async fn replaced_files_and_leftovers_go_and_nothing_else_does() {
    let world = World::new();
    world.load(&[("contact", &contacts(0..40))]).await;
    world.load(&[("contact", &contacts(20..60))]).await;
    let root = world.installation.warehouse_dir();
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
    fs::remove_file(world.installation.warehouse_dir().join("current.json")).expect("removed");
    let removed = world.warehouse.compact().await.expect("compacted");
    assert!(removed.files > 0);
    assert!(!world.installation.warehouse_dir().join("contact").exists());
    assert_eq!(world.load(&[("contact", &contacts(0..3))]).await.loaded, 3);
}

#[tokio::test]
async fn a_lease_is_of_the_snapshot_the_pointer_names() {
    let world = World::new();
    let root = world.installation.warehouse_dir().canonicalize().expect("a path");
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
