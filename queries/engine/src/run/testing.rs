//! Small in-memory tables for tests. All of it is made up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, FixedSizeBinaryBuilder, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::parquet::basic::Type;
use datafusion::prelude::{SessionContext, col};
use skjerm_warehouse::policy::{ColumnRole, Policy, Table};

use super::columns::Columns;
use super::scan::Stretch;

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

/// A table in memory, read as a scan of files is.
pub(super) struct Made {
    rows: Arc<dyn TableProvider>,
    years: BTreeSet<i32>,
    columns: Arc<Columns>,
    /// By field the column that it is of.
    names: BTreeMap<String, String>,
    stretches: Option<std::vec::IntoIter<Stretch>>,
}

impl Made {
    pub(super) fn new(
        rows: &Arc<dyn TableProvider>,
        years: &BTreeSet<i32>,
        columns: &Arc<Columns>,
        names: &BTreeMap<&str, &str>,
    ) -> Self {
        let names = names.iter().map(|(field, column)| ((*field).to_owned(), (*column).to_owned()));
        let (years, names) = (years.clone(), names.collect());
        Self { rows: Arc::clone(rows), years, columns: Arc::clone(columns), names, stretches: None }
    }

    pub(super) async fn next(&mut self) -> Stretch {
        if self.stretches.is_none() {
            self.stretches = Some(stretches(&self.rows, &self.years, &self.columns, &self.names).await);
        }
        self.stretches.as_mut().and_then(Iterator::next).unwrap_or_default()
    }
}

/// The rows of a table in memory, by year and person.
async fn stretches(
    rows: &Arc<dyn TableProvider>,
    years: &BTreeSet<i32>,
    columns: &Columns,
    names: &BTreeMap<String, String>,
) -> std::vec::IntoIter<Stretch> {
    let context = SessionContext::new();
    let rows = context.read_table(Arc::clone(rows)).expect("a table");
    let order = vec![col("year").sort(true, false), col("person").sort(true, false)];
    let rows = rows.sort(order).expect("sorted");
    let schema = Arc::new(rows.schema().as_arrow().clone());
    let rows = concat_batches(&schema, &rows.collect().await.expect("rows")).expect("one batch");
    let fields = columns.names().map(|name| {
        let column = names.get(name).map_or(name, String::as_str);
        (name, Arc::clone(rows.column_by_name(column).expect("a column")))
    });
    let places: Vec<Vec<u32>> =
        fields.enumerate().map(|(at, (_, column))| places(columns, at, &column)).collect();
    let mut made: Vec<Stretch> = Vec::new();
    for (row, (year, person)) in super::units(&rows).expect("units").into_iter().enumerate() {
        if !years.iter().any(|asked| i64::from(*asked) == year) {
            continue;
        }
        if made.last().is_none_or(|last| last.year != year) {
            made.push(Stretch { year, persons: Vec::new(), places: vec![Vec::new(); places.len()] });
        }
        let Some(last) = made.last_mut() else { continue };
        last.persons.push(person);
        for (into, column) in last.places.iter_mut().zip(&places) {
            into.push(column[row]);
        }
    }
    made.into_iter()
}

/// The place of each row in a field.
fn places(columns: &Columns, at: usize, column: &ArrayRef) -> Vec<u32> {
    let of = |plain: Type| columns.place_of(at, plain).expect("a field of this type");
    let missing = columns.missing(at);
    match column.data_type() {
        DataType::Utf8 => {
            let place = of(Type::BYTE_ARRAY);
            let codes = column.as_string::<i32>().iter();
            codes.map(|code| code.map_or(missing, |code| place(code.as_bytes()))).collect()
        }
        DataType::Int64 => {
            let (place, numbers) = (of(Type::INT64), column.as_primitive::<Int64Type>().iter());
            numbers.map(|number| number.map_or(missing, |number| place(&number.to_le_bytes()))).collect()
        }
        DataType::Date32 => {
            let (place, days) = (of(Type::INT32), column.as_primitive::<Date32Type>().iter());
            days.map(|day| day.map_or(missing, |day| place(&day.to_le_bytes()))).collect()
        }
        other => panic!("a column of {other}"),
    }
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
