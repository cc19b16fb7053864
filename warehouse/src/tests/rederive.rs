//! A derived table gets the columns that a newer policy declares, and nothing else changes.

use std::fs;

use super::damaged::Spoilt;
use super::world::{Row, World, row};
use crate::policy::Policy;
use crate::storage::pointer::{Loaded, Pointer};
use crate::{Warehouse, WarehouseError};

/// The policy of before there were the two columns.
fn earlier(world: &World) -> Policy {
    let mut policy = (*world.policy).clone();
    let table = policy.tables.get_mut("person_year").expect("a table");
    table.columns.retain(|c| !["ute_first_month", "services_used"].contains(&c.name.as_str()));
    policy
}

/// What a warehouse under another policy is given.
async fn filled(world: &World, policy: Policy) {
    let warehouse = world.reopened(policy);
    let of = |n: u64, year: u64| row(n, n, &format!("{year}-03-01")).ute().with("gender", "male");
    let contacts: Vec<Row> = (0..60).map(|n| of(n, 2022 + n % 2)).collect();
    let beds = [row(1, 900, "2023-05-01").with("unit", "ila").with("age_band", "25+")];
    let delivery = world.delivery("a_SYNTETISK.csv", &[("contact", &contacts), ("bed_stay", &beds)]);
    warehouse.load(&world.key, vec![delivery]).await.expect("a load");
}

/// What the years of tables that have any are loaded as.
fn loaded(warehouse: &Warehouse) -> Loaded {
    let mut loaded = Pointer::read(&warehouse.home).expect("read").expect("a pointer").loaded;
    loaded.retain(|_, years| !years.is_empty());
    loaded
}

#[tokio::test]
async fn a_table_derived_under_an_earlier_policy_is_made_anew_and_is_still_what_was_loaded() {
    let world = World::new();
    filled(&world, earlier(&world)).await;
    let error = world.warehouse.snapshot().await.expect_err("other columns");
    assert!(
        matches!(&error, WarehouseError::DerivedOtherwise { table } if table == "person_year"),
        "{error}"
    );
    assert!(error.to_string().contains("skjerm warehouse derive"), "{error}");
    let before = loaded(&world.warehouse);

    let done = world.warehouse.rederive().await.expect("derived");
    assert_eq!(done.tables.keys().collect::<Vec<_>>(), ["person_year"]);
    assert!(done.tables["person_year"].changed.is_empty(), "{done:?}");
    assert_ne!(done.snapshot_before, done.snapshot_after);
    assert_eq!(loaded(&world.warehouse), before, "answers stand");
    assert_eq!(world.snapshot().await.id, done.snapshot_after);

    // As if it had been loaded under the policy of today.
    let fresh = World::with_key(world.key.clone());
    filled(&fresh, (*fresh.policy).clone()).await;
    let rows = world.rows("person_year").await;
    assert_eq!(rows, fresh.rows("person_year").await);
    assert!(
        rows.iter().any(|r| r["services_used"] == "2") && rows.iter().all(|r| r["ute_first_month"] == "03")
    );
    let found = world.warehouse.check(crate::today_in_oslo()).await.expect("a check");
    assert_eq!(found.damage, []);

    let again = world.warehouse.rederive().await.expect("nothing to do");
    assert!(again.tables.is_empty() && again.snapshot_before == again.snapshot_after);
    assert_eq!(again.snapshot_after, done.snapshot_after);
    // The old files are of no snapshot, and the next load goes on from the new ones.
    world.warehouse.compact().await.expect("compacted");
    world.load(&[("contact", &[row(70, 970, "2023-01-02").ute()])]).await;
    assert_eq!(world.rows("person_year").await.len(), rows.len() + 1);
}

#[tokio::test]
async fn a_year_whose_earlier_columns_say_something_else_is_loaded_anew() {
    let world = World::new();
    let mut policy = earlier(&world);
    // Under it, stays in beds are no part of a person's year.
    policy.tables.get_mut("bed_stay").expect("a table").family = "scene".to_owned();
    policy.tables.get_mut("person_year").expect("a table").columns.retain(|c| c.name != "bed_stay");
    filled(&world, policy).await;
    let before = loaded(&world.warehouse);
    let done = world.warehouse.rederive().await.expect("derived");
    assert_eq!(done.tables["person_year"].changed, [2023], "one person's age is known from the beds");
    let after = loaded(&world.warehouse);
    assert_ne!(after["person_year"][&2023], before["person_year"][&2023]);
    assert_eq!(after["person_year"][&2022], before["person_year"][&2022]);
    assert_eq!(after["contact"], before["contact"]);
}

#[tokio::test]
async fn what_a_stopped_derivation_committed_is_taken_up() {
    let world = World::new();
    filled(&world, earlier(&world)).await;
    let pointer = world.tables().join("current.json");
    let old = fs::read(&pointer).expect("the pointer");
    let done = world.warehouse.rederive().await.expect("derived");
    // The tables were committed, and the pointer was not moved any more.
    fs::write(&pointer, old).expect("written");
    assert!(world.warehouse.snapshot().await.is_err());
    let again = world.warehouse.rederive().await.expect("derived");
    assert_eq!((again.snapshot_after, again.tables), (done.snapshot_after, done.tables));
    assert_eq!(world.rows("person_year").await.len(), 60);
}

#[tokio::test]
async fn a_table_of_events_is_not_made_anew() {
    let world = World::new();
    let mut policy = (*world.policy).clone();
    policy.tables.get_mut("contact").expect("a table").columns.retain(|c| c.name != "minutes");
    world.load(&[("contact", &[row(1, 1, "2023-01-01")])]).await;
    let error = world.reopened(policy).rederive().await.expect_err("other columns");
    assert!(matches!(&error, WarehouseError::OtherColumns { table } if table == "contact"), "{error}");
}

#[tokio::test]
async fn nothing_was_loaded_and_nothing_is_derived() {
    let world = World::new();
    let done = world.warehouse.rederive().await.expect("nothing to do");
    assert!(done.tables.is_empty() && done.snapshot_before == done.snapshot_after);
}

/// Which years are still what was loaded is read off the old files.
#[tokio::test]
async fn an_old_file_that_is_damaged_stops_the_derivation() {
    let world = World::new();
    filled(&world, earlier(&world)).await;
    let names = world.files().into_keys().filter(|path| path.extension().is_some_and(|e| e == "parquet"));
    let old = names.map(|path| path.strip_prefix(world.tables()).expect("below").to_owned());
    let old = old.into_iter().find(|path| path.starts_with("person_year")).expect("a file");
    let spoilt = Spoilt::in_its_footer(&world, &world.root().join(old));
    spoilt.is_named_by(&world.warehouse.rederive().await.expect_err("damaged"));
    spoilt.restore();
    world.warehouse.rederive().await.expect("derived");
    assert_eq!(world.rows("person_year").await.len(), 60);
}
