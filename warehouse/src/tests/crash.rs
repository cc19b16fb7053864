use super::world::{Row, World, row};
use crate::WarehouseError;
use crate::storage::delta::TableLog;

fn contacts(persons: std::ops::Range<u64>) -> Vec<Row> {
    persons.map(|n| row(n, n, "2023-01-01").ute()).collect()
}

#[tokio::test]
async fn a_crash_before_the_pointer_moves_leaves_the_state_before() {
    let world = World::new();
    let pointer = world.tables().join("current.json");
    world.load(&[("contact", &contacts(0..20))]).await;
    let (before, said) = (world.snapshot().await, std::fs::read(&pointer).expect("a pointer"));
    // A loader that committed every table, and was stopped before it moved the pointer.
    world.load(&[("contact", &contacts(10..40)), ("follow_up", &contacts(0..5))]).await;
    std::fs::write(&pointer, said).expect("the old pointer");
    assert_eq!(world.snapshot().await, before, "readers see the state before, its files are there");
    assert_eq!(world.rows("contact").await.len(), 20);

    // The next load starts from there, and takes what was left over out of the logs again.
    world.load(&[("contact", &contacts(15..25))]).await;
    let fresh = World::with_key(world.key.clone());
    fresh.load(&[("contact", &contacts(0..25))]).await;
    let after = world.snapshot().await;
    assert_eq!(after.id, fresh.snapshot().await.id);
    for (name, table) in &world.policy.tables {
        let newest = TableLog::open(&world.warehouse.home, table, None);
        let newest = newest.await.expect("a log").files().expect("files");
        assert_eq!(
            newest.len(),
            after.tables[name].files.len(),
            "the newest version of {name} is the snapshot's"
        );
    }
}

#[tokio::test]
async fn a_crash_in_the_first_load_leaves_an_empty_warehouse_that_can_be_loaded() {
    let world = World::new();
    let empty = world.snapshot().await;
    world.load(&[("contact", &contacts(0..20))]).await;
    world.point_to_nothing();
    assert!(world.installation.is_unused());
    assert_eq!(world.snapshot().await, empty);
    std::fs::create_dir_all(world.tables().join(".unfinished/left")).expect("a leftover");
    assert_eq!(world.load(&[("contact", &contacts(0..3))]).await.loaded, 3);
    assert_eq!(world.rows("contact").await.len(), 3);
}

#[tokio::test]
async fn a_snapshot_taken_before_stays_readable() {
    let world = World::new();
    world.load(&[("contact", &contacts(0..20))]).await;
    let before = world.snapshot().await;
    world.load(&[("contact", &contacts(0..60))]).await;
    assert_ne!(world.snapshot().await.id, before.id);
    assert!(before.tables.values().flat_map(|t| t.files.iter()).all(|f| world.touchable(&f.path).is_file()));
}

#[tokio::test]
async fn a_damaged_pointer_is_said_to_be() {
    let world = World::new();
    let pointer = world.tables().join("current.json");
    world.load(&[("contact", &contacts(0..20))]).await;
    let text = std::fs::read_to_string(&pointer).expect("a pointer");
    let id = world.snapshot().await.id;
    for bad in ["{".to_owned(), text.replace(&id, "00")] {
        std::fs::write(&pointer, bad).expect("a pointer");
        let error = world.warehouse.snapshot().await.expect_err("a damaged pointer");
        assert!(matches!(error, WarehouseError::Damaged { .. }), "{error}");
    }
}

/// A checkpoint that outlives the commit it is of, because a load was stopped, would be taken for the next commit of its number.
#[tokio::test]
async fn no_checkpoint_is_made() {
    let world = World::new();
    for n in 0..102 {
        world.load(&[("contact", &contacts(n..n + 1))]).await;
    }
    let log = std::fs::read_dir(world.tables().join("contact/_delta_log")).expect("a log");
    let names: Vec<String> =
        log.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    assert!(names.len() > 101, "{}", names.len());
    assert_eq!(names.iter().find(|name| name.contains("checkpoint")), None);
}
