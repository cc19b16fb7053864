//! Small in-memory tables for tests. All of it is made up.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, FixedSizeBinaryBuilder, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use skjerm_warehouse::policy::{ColumnRole, Policy, Table};

/// One made-up row: who, when, and the columns that matter; the others are "unknown" or missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) person: u8,
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) codes: BTreeMap<&'static str, &'static str>,
    pub(crate) measure: Option<i64>,
}

impl Row {
    pub(crate) fn new(
        person: u8,
        year: i64,
        month: i64,
        codes: &[(&'static str, &'static str)],
        measure: Option<i64>,
    ) -> Self {
        Self { person, year, month, codes: codes.iter().copied().collect(), measure }
    }
}

/// The rows as a table of the policy.
pub(crate) fn table(policy: &Policy, name: &str, rows: &[Row]) -> Arc<MemTable> {
    let batch = batch(policy.table(name).expect("a table of the policy"), rows);
    // In two parts, so that rows of a person come from both.
    let half = rows.len() / 2;
    let parts = vec![vec![batch.slice(0, half)], vec![batch.slice(half, rows.len() - half)]];
    Arc::new(MemTable::try_new(batch.schema(), parts).expect("a table"))
}

/// The rows in the schema of the policy's table; each has a record of its own.
pub(crate) fn batch(table: &Table, rows: &[Row]) -> RecordBatch {
    let mut columns: Vec<ArrayRef> = Vec::new();
    for column in &table.columns {
        columns.push(match &column.role {
            ColumnRole::Person => ids(rows.iter().map(|row| [row.person; 16])),
            ColumnRole::Record => {
                let numbers =
                    (0..rows.len()).map(|at| blake3::hash(format!("{} {at}", table.name).as_bytes()));
                ids(numbers.map(|hash| std::array::from_fn(|byte| hash.as_bytes()[byte])))
            }
            ColumnRole::Year => Arc::new(rows.iter().map(|row| Some(row.year)).collect::<Int64Array>()),
            ColumnRole::Month => Arc::new(rows.iter().map(|row| Some(row.month)).collect::<Int64Array>()),
            ColumnRole::Date => Arc::new(rows.iter().map(|row| Some(day(row))).collect::<Date32Array>()),
            ColumnRole::Measure { .. } => {
                Arc::new(rows.iter().map(|row| row.measure).collect::<Int64Array>())
            }
            ColumnRole::Dimension { .. } => {
                let code = |row: &Row| Some(*row.codes.get(column.name.as_str()).unwrap_or(&"unknown"));
                Arc::new(rows.iter().map(code).collect::<StringArray>())
            }
        });
    }
    RecordBatch::try_new(table.arrow_schema(), columns).expect("a batch")
}

fn ids(values: impl Iterator<Item = [u8; 16]>) -> ArrayRef {
    let mut builder = FixedSizeBinaryBuilder::new(16);
    for value in values {
        builder.append_value(value).expect("16 bytes");
    }
    Arc::new(builder.finish())
}

/// The tenth of the row's month, as days since 1970.
fn day(row: &Row) -> i32 {
    let (year, month) =
        (i16::try_from(row.year).expect("a year"), i8::try_from(row.month.clamp(1, 12)).expect("a month"));
    let epoch = jiff::civil::date(1970, 1, 1);
    jiff::civil::date(year, month, 10).since(epoch).expect("a span").get_days()
}
