//! Themes that add up a measure of events, or count them: nights and stays of the persons in each cell.
//!
//! # Privacy
//! *Unit*: a person-year. The inner aggregation adds up what all events of a person say (or counts them) and keeps one value of every
//! other column, the least; that it is one row a person is checked as the rows arrive. The sum is cut at the theme's norm, in whole
//! numbers, and stands in one cell of each marginal: that cell changes by the norm at most, and no other changes. The norm is the
//! request's, never read off the data. In the domain it is an attribute with one value, in which a person may count up to the norm
//! ([`skjerm_privacy::marginals::Kind::Several`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use datafusion::catalog::TableProvider;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::functions_aggregate::min_max::min;
use datafusion::logical_expr::{LogicalPlan, col, lit};
use futures::StreamExt;
use skjerm_warehouse::policy::{ColumnRole, Table};

use super::marginals::{cell, empty, groups};
use super::request::Theme;
use crate::run::{RunError, RunSession, units};

/// The sum of a person's events.
const TOTAL: &str = "total";

/// What is added up of each event.
enum Of {
    /// One: the events are counted.
    Events,
    Measure(String),
}

/// Why a column cannot be added up; nothing where it can.
pub(crate) fn check(table: &Table, column: &str) -> Result<(), String> {
    match table.column(column).map(|column| &column.role) {
        Some(ColumnRole::Record) => Ok(()),
        Some(ColumnRole::Measure { min, .. }) if *min >= 0 => Ok(()),
        Some(ColumnRole::Measure { .. }) => {
            Err(format!("`{column}` can be below zero, and is not added up."))
        }
        _ => Err(format!("`{column}` of {} is no measure that could be added up.", table.name)),
    }
}

/// Why a sum cannot be split by these columns; nothing where it can. All that a person's events add up to stands in one cell, so each
/// column must have one value for the person.
pub(crate) fn check_others<'a>(
    persons: &Table,
    mut columns: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let of_person = |column: &str| {
        matches!(persons.column(column).map(|column| &column.role), Some(ColumnRole::Dimension { .. }))
    };
    match columns.find(|column| !of_person(column)) {
        None => Ok(()),
        Some(column) => Err(format!(
            "`{column}` may differ between the events of a person, and what is added up stands in one cell: sums are split by what {} says of a person.",
            persons.name
        )),
    }
}

/// One row a person, ordered by person.
fn private_plan(
    table: Arc<dyn TableProvider>,
    year: i32,
    theme: &Theme,
    of: &Of,
) -> Result<LogicalPlan, RunError> {
    let (several, ..) = theme.several().ok_or(RunError::Layout)?;
    let mut rows = RunSession::scan("rows", table)?.filter(col("year").eq(lit(i64::from(year))))?;
    for (column, codes) in &theme.filter {
        rows =
            rows.filter(col(column).in_list(codes.iter().map(|code| lit(code.as_str())).collect(), false))?;
    }
    let others = theme.dims.iter().enumerate().filter(|(at, _)| *at != several);
    let mut kept: Vec<_> = others.map(|(at, dim)| min(col(&dim.column)).alias(name(at))).collect();
    kept.push(match of {
        Of::Events => count(lit(1_i64)).alias(TOTAL),
        Of::Measure(column) => sum(col(column)).alias(TOTAL),
    });
    let key = || vec![col("year"), col("person")];
    let ordered = key().into_iter().map(|column| column.sort(true, false)).collect::<Vec<_>>();
    Ok(rows.aggregate(key(), kept)?.sort(ordered)?.build()?)
}

fn name(dim: usize) -> String {
    format!("kept_{dim}")
}

/// The sums of each measured marginal.
pub(crate) async fn read(
    session: &RunSession,
    table: Arc<dyn TableProvider>,
    declared: &Table,
    year: i32,
    theme: &Theme,
) -> Result<Vec<Vec<i64>>, RunError> {
    let (several, _, norm) = theme.several().ok_or(RunError::Layout)?;
    let most = i64::try_from(norm).map_err(|_| RunError::Overflow)?;
    let column = &theme.dims.get(several).ok_or(RunError::Layout)?.column;
    let of = match declared.column(column).map(|column| &column.role) {
        Some(ColumnRole::Record) => Of::Events,
        _ => Of::Measure(column.clone()),
    };
    let groups = groups(theme);
    let mut counts = empty(theme);
    let mut before = None;
    let mut stream = session.stream(private_plan(table, year, theme, &of)?).await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let totals = batch.column_by_name(TOTAL).and_then(|c| c.as_primitive_opt::<Int64Type>());
        let totals = totals.ok_or(RunError::Layout)?;
        let mut others = BTreeMap::new();
        for dim in (0..theme.dims.len()).filter(|dim| *dim != several) {
            let codes = batch.column_by_name(&name(dim)).and_then(|c| c.as_string_opt::<i32>());
            others.insert(dim, codes.ok_or(RunError::Layout)?);
        }
        for (row, person) in units(&batch)?.into_iter().enumerate() {
            // The norm rests on it: that files are split and ordered is only declared to DataFusion.
            if before.replace(person).is_some_and(|before| before >= person) {
                return Err(RunError::Unordered);
            }
            if totals.is_null(row) {
                continue;
            }
            let total = totals.value(row).clamp(0, most);
            let place = |dim: usize| {
                let Some(codes) = others.get(&dim) else { return Some(0) };
                if codes.is_null(row) { None } else { groups[dim].get(codes.value(row)).copied() }
            };
            for ((dims, _), counts) in theme.measured.iter().zip(&mut counts) {
                if let Some(count) = cell(theme, dims, place).and_then(|cell| counts.get_mut(cell)) {
                    *count = count.checked_add(total).ok_or(RunError::Overflow)?;
                }
            }
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use skjerm_privacy::marginals::{Attribute, Domain, Form, Marginal};
    use skjerm_warehouse::policy::Policy;

    use super::*;
    use crate::measure::Dim;
    use crate::run::Limits;
    use crate::run::testing::{self, Row};

    fn theme(column: &str, most: u64) -> Theme {
        let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        let genders = ["female", "male", "unknown"];
        Theme {
            name: "stays".into(),
            events: Some("bed_stay".into()),
            filter: vec![("unit".into(), codes(&["ila", "bryn"]))],
            dims: vec![
                Dim {
                    name: column.into(),
                    column: column.into(),
                    groups: vec![("all".into(), Vec::new())],
                    attribute: Some(Attribute::several(1, 1, most).expect("a norm")),
                },
                Dim {
                    name: "gender".into(),
                    column: "gender".into(),
                    groups: genders.iter().map(|code| ((*code).to_owned(), codes(&[code]))).collect(),
                    attribute: None,
                },
            ],
            measured: vec![(vec![0], 1.0), (vec![0, 1], 1.0)],
            form: Form::Whole,
        }
    }

    fn counts(rows: &[Row], theme: &Theme) -> Vec<Vec<i64>> {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = Policy::oslo();
        let limits = Limits::new(&policy.query, folder.path().join("spill"));
        let table = testing::table(&policy, "bed_stay", rows);
        let declared = policy.table("bed_stay").expect("a table");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let session = RunSession::new(&limits).expect("a session");
            read(&session, table, declared, 2024, theme).await.expect("added up")
        })
    }

    fn row(person: u8, gender: &'static str, unit: &'static str, nights: i64) -> Row {
        Row::new(person, 2024, 3, &[("gender", gender), ("unit", unit)], Some(nights))
    }

    #[test]
    fn nights_are_added_up_and_stays_are_counted_to_the_norm() {
        let mut rows = vec![
            row(1, "male", "ila", 20),
            row(1, "male", "bryn", 30),
            row(1, "male", "exit", 300),
            row(2, "female", "ila", 200),
        ];
        rows.push(Row { year: 2023, ..row(3, "male", "ila", 9) });
        let nights = counts(&rows, &theme("nights", 120));
        assert_eq!(nights[0], [50 + 120], "one of them more than the norm");
        assert_eq!(nights[1], [120, 50, 0]);
        assert_eq!(counts(&rows, &theme("record", 5))[1], [1, 2, 0]);
        assert_eq!(counts(&rows, &theme("record", 1))[1], [1, 1, 0]);
    }

    #[test]
    fn only_measures_above_zero_are_added_up() {
        let policy = Policy::oslo();
        let table = policy.table("bed_stay").expect("a table");
        assert!(check(table, "nights").is_ok() && check(table, "record").is_ok());
        assert!(check(table, "gender").expect_err("a code").contains("no measure"));
        assert!(check(table, "person").is_err() && check(table, "hours").is_err());
        let persons = policy.table("person_year").expect("a table");
        assert!(check_others(persons, ["gender", "age_band"].into_iter()).is_ok());
        for other in ["unit", "month", "service"] {
            assert!(
                check_others(persons, ["gender", other].into_iter()).expect_err(other).contains("one cell")
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whatever the rows, also with another gender in another stay.
        #[test]
        fn one_person_changes_what_is_measured_by_the_norm_at_most(
            rows in prop::collection::vec((0..4_u8, 0..3_usize, 0..366_i64), 1..40),
            most in 1..400_u64,
            of_nights in any::<bool>(),
        ) {
            let rows: Vec<Row> = rows
                .into_iter()
                .map(|(person, gender, nights)| row(person, ["female", "male", "unknown"][gender], "ila", nights))
                .collect();
            let theme = theme(if of_nights { "nights" } else { "record" }, most);
            let all = counts(&rows, &theme);
            let domain = Domain::of(theme.dims.iter().map(Dim::attribute).collect()).expect("a domain");
            for person in rows.iter().map(|row| row.person).collect::<BTreeSet<_>>() {
                let others: Vec<Row> = rows.iter().filter(|row| row.person != person).cloned().collect();
                for ((dims, _), (with, without)) in theme.measured.iter().zip(all.iter().zip(counts(&others, &theme))) {
                    for form in [Form::Whole, Form::Apart] {
                        let marginal = Marginal::new(dims.iter().copied());
                        let change: Vec<i64> = with.iter().zip(&without).map(|(a, b)| a - b).collect();
                        let measured = domain.encode(&marginal, form, change).expect("small numbers");
                        let squared: u128 = measured.iter().map(|v| u128::from(v.unsigned_abs()).pow(2)).sum();
                        prop_assert!(squared <= domain.sensitivity_squared(&marginal, form).expect("a norm"));
                    }
                }
            }
        }
    }
}
