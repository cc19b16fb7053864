//! Rows of a table, column by column, until they become an Arrow batch.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, DictionaryArray, FixedSizeBinaryArray, Int64Array, StringArray, UInt16Array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use jiff::civil::Date;

use crate::key::Pseudonym;
use crate::mapping::{Codes, ColumnPlan, TablePlan};

/// A value of a row that the mapping's fields decide.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Code(u16),
    Whole(Option<i64>),
    /// Made of the date and the pseudonyms.
    Derived,
}

/// What every row has.
pub(crate) struct Event {
    pub(crate) person: Option<Pseudonym>,
    pub(crate) record: Pseudonym,
    pub(crate) date: Date,
    /// Line of a text or row of a sheet.
    pub(crate) line: u64,
}

/// Some rows of one table of one file.
pub(crate) struct Rows {
    pub(crate) table: String,
    /// Codes are positions in their list.
    pub(crate) batch: RecordBatch,
    /// Where each row stood.
    pub(crate) lines: Vec<u64>,
}

/// The rows of one table of one file, while they are read.
pub(crate) struct Builder<'a> {
    plan: &'a TablePlan,
    columns: Vec<Column<'a>>,
    lines: Vec<u64>,
}

enum Column<'a> {
    Pseudonym(Vec<u8>),
    Days(Vec<i32>),
    Number(Vec<i64>),
    Measure(Vec<Option<i64>>),
    Code(Vec<u16>, &'a Codes),
}

impl<'a> Builder<'a> {
    pub(crate) fn new(plan: &'a TablePlan) -> Self {
        Self::with_capacity(plan, 0)
    }

    fn with_capacity(plan: &'a TablePlan, rows: usize) -> Self {
        let columns = plan
            .columns
            .iter()
            .map(|column| match column {
                ColumnPlan::Person | ColumnPlan::Record => Column::Pseudonym(Vec::with_capacity(16 * rows)),
                ColumnPlan::Date => Column::Days(Vec::with_capacity(rows)),
                ColumnPlan::Year | ColumnPlan::Month => Column::Number(Vec::with_capacity(rows)),
                ColumnPlan::Measure { .. } => Column::Measure(Vec::with_capacity(rows)),
                ColumnPlan::Code { codes, .. }
                | ColumnPlan::Fixed { codes, .. }
                | ColumnPlan::AgeBand { codes, .. }
                | ColumnPlan::LinkLevel { codes, .. } => Column::Code(Vec::with_capacity(rows), codes),
            })
            .collect();
        Self { plan, columns, lines: Vec::with_capacity(rows) }
    }

    /// Adds a row; `values` has one value a column, in order.
    pub(crate) fn push(&mut self, event: &Event, values: &[Value]) {
        for ((plan, column), value) in self.plan.columns.iter().zip(&mut self.columns).zip(values) {
            match (column, value) {
                (Column::Pseudonym(bytes), _) => {
                    let person = matches!(plan, ColumnPlan::Person);
                    let pseudonym = if person { event.person.unwrap_or_default() } else { event.record };
                    bytes.extend_from_slice(&pseudonym);
                }
                (Column::Days(days), _) => days.push(days_since_1970(event.date)),
                (Column::Number(numbers), _) => numbers.push(match plan {
                    ColumnPlan::Month => i64::from(event.date.month()),
                    _ => i64::from(event.date.year()),
                }),
                (Column::Measure(numbers), Value::Whole(number)) => numbers.push(*number),
                (Column::Measure(numbers), _) => numbers.push(None),
                (Column::Code(at, _), Value::Code(code)) => at.push(*code),
                (Column::Code(at, codes), _) => at.push(u16::try_from(codes.len()).unwrap_or(u16::MAX)),
            }
        }
        self.lines.push(event.line);
    }

    /// The rows since the last time, or nothing when there are none.
    pub(crate) fn finish(&mut self) -> Result<Option<Rows>, ArrowError> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        // The next rows will be about as many.
        let next = Self::with_capacity(self.plan, self.lines.len());
        let Self { columns, lines, .. } = std::mem::replace(self, next);
        let arrays = columns.into_iter().map(array).collect::<Result<Vec<_>, _>>()?;
        let fields = self.plan.schema.fields().iter().zip(&arrays);
        let fields = fields.map(|(f, a)| Field::new(f.name(), a.data_type().clone(), f.is_nullable()));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let batch = RecordBatch::try_new(Arc::new(schema), arrays)?;
        Ok(Some(Rows { table: self.plan.name.clone(), batch, lines }))
    }
}

fn array(column: Column<'_>) -> Result<ArrayRef, ArrowError> {
    Ok(match column {
        Column::Pseudonym(bytes) => Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from(bytes), None)?),
        Column::Days(days) => Arc::new(Date32Array::from(days)),
        Column::Number(numbers) => Arc::new(Int64Array::from(numbers)),
        Column::Measure(numbers) => Arc::new(Int64Array::from(numbers)),
        Column::Code(at, codes) => {
            let codes = StringArray::from_iter_values(codes.iter());
            Arc::new(DictionaryArray::try_new(UInt16Array::from(at), Arc::new(codes))?)
        }
    })
}

/// The rows with codes as text, as the policy's tables have them.
pub(crate) fn plain(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let plain = |array: &ArrayRef| match array.data_type() {
        DataType::Dictionary(_, value) => arrow::compute::cast(array, value),
        _ => Ok(Arc::clone(array)),
    };
    let arrays = rows.columns().iter().map(plain).collect::<Result<Vec<_>, _>>()?;
    let schema = rows.schema();
    let fields = schema.fields().iter().zip(&arrays);
    let fields = fields.map(|(f, a)| Field::new(f.name(), a.data_type().clone(), f.is_nullable()));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays)
}

fn days_since_1970(date: Date) -> i32 {
    let since = date.duration_since(Date::constant(1970, 1, 1));
    i32::try_from(since.as_hours() / 24).unwrap_or_default()
}
