//! Years go when their time is over, and do not come back.

use jiff::civil::date;

use super::world::{Row, World, row};
use crate::error::Refusal;
use crate::policy::Policy;
use crate::{Warehouse, WarehouseError};

/// A warehouse whose contacts are kept for three years, and beds for five.
async fn world() -> (World, Warehouse) {
    let world = World::new();
    let rows: Vec<Row> = (2019..=2025).map(|year| row(1, year, &format!("{year}-12-31")).ute()).collect();
    world.load(&[("contact", &rows), ("bed_stay", &rows)]).await;
    let mut policy = (*world.policy).clone();
    for (table, years) in [("contact", 3), ("person_year", 3), ("bed_stay", 5)] {
        policy.tables.get_mut(table).expect("a table").retention_years = Some(years);
    }
    let warehouse = world.reopened(policy);
    (world, warehouse)
}

async fn years(world: &World, table: &str) -> Vec<i32> {
    let mut years: Vec<i32> =
        world.snapshot().await.tables[table].files.iter().filter_map(|file| file.year).collect();
    years.dedup();
    years
}

#[tokio::test]
async fn a_year_is_kept_until_its_last_day_and_then_dropped_whole() {
    let (world, warehouse) = world().await;
    let last_day = warehouse.retain(date(2022, 12, 31), false).await.expect("retained");
    assert!(last_day.tables.is_empty() && last_day.snapshot_before == last_day.snapshot_after);
    let dry = warehouse.retain(date(2023, 1, 1), true).await.expect("said");
    assert_eq!(dry.tables["contact"].years, [2019]);
    assert_eq!(years(&world, "contact").await.len(), 7, "a dry run drops nothing");
    let dropped = warehouse.retain(date(2023, 1, 1), false).await.expect("retained");
    assert_eq!(dropped.tables, dry.tables);
    assert_eq!(dropped.tables.keys().collect::<Vec<_>>(), ["contact", "person_year"]);
    let contact = &dropped.tables["contact"];
    assert_eq!((contact.oldest_kept, contact.files, contact.rows), (2020, 1, 1));
    assert!(dropped.removed.files >= 2);
    assert_eq!(years(&world, "contact").await, (2020..=2025).collect::<Vec<_>>());
    assert_eq!(years(&world, "bed_stay").await.len(), 7);
    assert!(!world.holds("contact/year=2019"));
    let late = warehouse.retain(date(2030, 6, 1), false).await.expect("retained");
    assert_eq!(late.tables["bed_stay"].years, (2019..=2024).collect::<Vec<_>>());
    assert!(years(&world, "contact").await.is_empty());
    assert!(!warehouse.check(date(2030, 6, 1)).await.expect("a check").is_damaged());
}

#[tokio::test]
async fn what_is_past_its_time_is_refused_and_not_derived_again() {
    let (world, warehouse) = world().await;
    let today = date(2024, 7, 1);
    warehouse.retain(today, false).await.expect("retained");
    assert_eq!(years(&world, "person_year").await, (2021..=2025).collect::<Vec<_>>());
    let load = |table: &'static str, day: &str| {
        let delivery = world.delivery("a.csv", &[(table, &[row(2, 77, day)])]);
        warehouse.load_on(&world.key, vec![delivery], today)
    };
    let error = load("contact", "2020-12-31").await.expect_err("past its time");
    assert!(matches!(&error, WarehouseError::Refused { reason: Refusal::PastRetention, row: Some(1), .. }));
    load("contact", "2021-01-01").await.expect("kept");
    // Beds are kept for longer, but the person-year of that year is over.
    load("bed_stay", "2020-03-01").await.expect("kept");
    assert_eq!(years(&world, "person_year").await, (2021..=2025).collect::<Vec<_>>());
}

#[test]
fn person_years_are_not_kept_longer_than_what_they_are_made_from() {
    let refused = |change: &dyn Fn(String) -> String| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("policy.toml");
        std::fs::write(
            folder.path().join(crate::policy::MUNICIPALITIES_FILE),
            crate::policy::SHIPPED_MUNICIPALITIES,
        )
        .expect("written");
        std::fs::write(&path, change(crate::policy::SHIPPED_POLICY.to_owned())).expect("written");
        let error = Policy::load(&path).expect_err("kept too long").to_string();
        error.strip_prefix(&path.display().to_string()).expect("the file").to_owned()
    };
    let in_table = |text: String, table: &str, from: &str, to: &str| {
        let at = text.find(&format!("[tables.{table}]")).expect("the table");
        let (before, after) = text.split_at(at);
        format!("{before}{}", after.replacen(from, to, 1))
    };
    let line = |table: &str| {
        let at = crate::policy::SHIPPED_POLICY.find(&format!("[tables.{table}]")).expect("the table");
        crate::policy::SHIPPED_POLICY[..at].matches('\n').count() + 1
    };
    let text = refused(&|text| in_table(text, "bed_stay", "retention_years = 10", "retention_years = 4"));
    assert_eq!(
        text,
        format!(
            ", line {}: table \"person_year\" is made from \"bed_stay\", which is kept for 4 years: its retention_years must be 4 or less",
            line("person_year") + 5
        )
    );
    let text = refused(&|text| in_table(text, "person_year", "retention_years = 10\n", ""));
    assert!(
        text.starts_with(&format!(", line {}: table \"person_year\" is made from", line("person_year"))),
        "{text}"
    );
    let text = refused(&|text| in_table(text, "contact", "retention_years = 10", "retention_years = 0"));
    assert!(text.contains("retention_years = 0; leave it out"), "{text}");
}
