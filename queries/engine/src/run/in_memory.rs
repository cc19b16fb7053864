//! Tables in memory, read as files are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::catalog::TableProvider;
use datafusion::parquet::basic::Type;
use datafusion::prelude::{SessionContext, col};

use super::columns::Columns;
use super::scan::Stretch;

/// A table in memory, read as a scan of files is.
pub(super) struct InMemory {
    rows: Arc<dyn TableProvider>,
    years: BTreeSet<i32>,
    columns: Arc<Columns>,
    /// By field the column that it is of.
    names: BTreeMap<String, String>,
    stretches: Option<std::vec::IntoIter<Stretch>>,
}

impl InMemory {
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
            made.push(Stretch { year, places: vec![Vec::new(); places.len()], ..Stretch::default() });
        }
        let Some(last) = made.last_mut() else { continue };
        last.persons.push(person, 1);
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
