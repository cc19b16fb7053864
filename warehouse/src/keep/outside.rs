//! Counts rows that the policy would not let in. Counts alone: never a value.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Date32Type, Int64Type};
use arrow::record_batch::RecordBatch;

use crate::load::Workplace;
use crate::load::accept::year_and_month;
use crate::policy::{ColumnRole, Table};

/// Rows by column and by what is wrong.
pub(super) type Counts = BTreeMap<(String, &'static str), u64>;

/// A year or month that no change of the policy explains.
pub(super) const NOT_OF_DATE: &str = "not that of the date";

/// Counts in rows of one year.
pub(super) fn count(place: &Workplace<'_>, table: &Table, year: i32, rows: &RecordBatch) -> Counts {
    let (policy, mut counts) = (place.policy, Counts::new());
    let mut add = |column: &str, what, rows: usize| {
        if rows > 0 {
            *counts.entry((column.to_owned(), what)).or_default() += rows as u64;
        }
    };
    if !policy.years.contains(year) {
        add("year", "not one the policy declares", rows.num_rows());
    }
    if table.oldest_kept(place.today).is_some_and(|oldest| year < oldest) {
        add("year", "older than the policy lets it be kept", rows.num_rows());
    }
    let dates = table.column_of(&ColumnRole::Date).and_then(|name| rows.column_by_name(name));
    let dates: Option<Vec<Option<(i64, i64)>>> = dates.map(|dates| {
        let days = dates.as_primitive::<Date32Type>();
        (0..days.len()).map(|row| year_and_month(days.value(row))).collect()
    });
    let date = |row: usize| dates.as_ref().map(|dates| dates[row]);
    if let Some(dates) = &dates {
        let other = dates.iter().filter(|date| date.is_none_or(|(of, _)| of != i64::from(year))).count();
        add("year", NOT_OF_DATE, other);
    }
    for column in &table.columns {
        let Some(array) = rows.column_by_name(&column.name) else { continue };
        match &column.role {
            ColumnRole::Dimension { codes } => {
                let list = policy.code_list(codes).map(|list| list.codes.as_slice()).unwrap_or_default();
                add(&column.name, "not in the policy's list", unlisted(list, array));
            }
            ColumnRole::Measure { min, max } => {
                let values = array.as_primitive::<Int64Type>().iter().flatten();
                add(
                    &column.name,
                    "outside the policy's bounds",
                    values.filter(|v| v < min || v > max).count(),
                );
            }
            ColumnRole::Month => {
                let months = array.as_primitive::<Int64Type>();
                let other = |row: &usize| {
                    date(*row).is_some_and(|d| d.is_none_or(|(_, of)| of != months.value(*row)))
                };
                add(&column.name, NOT_OF_DATE, (0..months.len()).filter(other).count());
            }
            ColumnRole::Person | ColumnRole::Record | ColumnRole::Year | ColumnRole::Date => {}
        }
    }
    counts
}

fn unlisted(list: &[crate::policy::Code], array: &ArrayRef) -> usize {
    let known: HashSet<&str> = list.iter().map(|code| code.code.as_str()).collect();
    let codes = array.as_string::<i32>();
    (0..codes.len()).filter(|row| !known.contains(codes.value(*row))).count()
}
