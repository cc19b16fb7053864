use arrow::array::{ArrayRef, RecordBatch, StringArray};

use super::world::{Row, World, row};
use crate::WarehouseError;
use crate::error::Refusal;

async fn refused(world: &World, table: &str, rows: &[Row]) -> (Option<String>, Option<usize>, Refusal) {
    let files = world.files();
    let result = world.try_load(vec![world.delivery("a.csv", &[(table, rows)])]).await;
    assert_eq!(world.files(), files, "nothing is written");
    match result {
        Err(WarehouseError::Refused { column, row, reason, .. }) => (column, row, reason),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_row_that_breaks_the_policy_refuses_the_whole_call() {
    let world = World::new();
    world.load(&[("contact", &[row(1, 1, "2023-01-01")])]).await;
    let good = row(2, 2, "2023-01-01");
    let cases = [
        (row(3, 3, "2023-01-01").with("gender", "kvinne"), "gender", Refusal::UnknownCode),
        (
            row(3, 3, "2023-01-01").with("home_municipality", "9999"),
            "home_municipality",
            Refusal::UnknownCode,
        ),
        (row(3, 3, "2023-01-01").with("minutes", 241), "minutes", Refusal::OutOfBounds),
        (row(3, 3, "2023-01-01").with("minutes", -1), "minutes", Refusal::OutOfBounds),
        (row(3, 3, "2018-12-31"), "year", Refusal::YearOutsidePolicy),
        (row(3, 3, "2023-01-01").with("year", 2022), "year", Refusal::NotOfDate),
        (row(3, 3, "2023-01-01").with("month", 2), "month", Refusal::NotOfDate),
    ];
    for (bad, column, reason) in cases {
        let found = refused(&world, "contact", &[good.clone(), bad]).await;
        assert_eq!(found, (Some(column.to_owned()), Some(2), reason));
    }
    assert_eq!(world.rows("contact").await.len(), 1);
}

#[tokio::test]
async fn derived_and_unknown_tables_take_no_rows() {
    let world = World::new();
    world.load(&[]).await;
    for table in ["person_year", "count_round"] {
        assert_eq!(refused(&world, table, &[row(1, 1, "2023-01-01")]).await.2, Refusal::DerivedTable);
    }
    let mut delivery = world.delivery("a.csv", &[("contact", &[row(1, 1, "2023-01-01")])]);
    let rows = delivery.tables.remove("contact").expect("rows");
    delivery.tables.insert("kontakter".to_owned(), rows);
    let error = world.try_load(vec![delivery]).await.expect_err("no such table");
    assert!(error.to_string().contains("table kontakter: the policy declares no such table"), "{error}");
}

#[tokio::test]
async fn columns_must_be_those_of_the_policy() {
    let world = World::new();
    let whole = world.delivery("a.csv", &[("contact", &[row(1, 1, "2023-01-01")])]);
    let rows = &whole.tables["contact"];
    let mut fewer = whole.clone();
    fewer.tables.insert("contact".to_owned(), rows.project(&[0, 1, 2]).expect("columns"));
    let mut other = whole.clone();
    let names: Vec<String> = rows.schema().fields().iter().map(|f| f.name().clone()).collect();
    let columns = names.iter().zip(rows.columns()).map(|(name, array)| {
        let text: ArrayRef = std::sync::Arc::new(StringArray::from(vec!["2023"]));
        (name.as_str(), if name == "year" { text } else { array.clone() })
    });
    other.tables.insert("contact".to_owned(), RecordBatch::try_from_iter(columns).expect("a batch"));
    for delivery in [fewer, other] {
        let error = world.try_load(vec![delivery]).await.expect_err("other columns");
        assert!(matches!(error, WarehouseError::Refused { reason: Refusal::Columns, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_message_names_the_place_and_never_the_value() {
    let world = World::new();
    let bad = row(1, 1, "2023-01-01").with("gender", "HEMMELIG");
    let delivery = world.delivery("soma_030101_2023_SYNTETISK.csv", &[("contact", &[bad])]);
    assert!(!format!("{delivery:?}").contains("HEMMELIG"));
    let error = world.try_load(vec![delivery]).await.expect_err("an unknown code");
    assert!(!format!("{error} {error:?}").contains("HEMMELIG"));
    assert_eq!(
        error.to_string(),
        "the delivery soma_030101_2023_SYNTETISK.csv of soma is refused: table contact, column gender, row 1: \
         the code is not in the policy's list"
    );
}
