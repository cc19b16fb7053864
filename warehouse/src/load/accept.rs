//! Checks delivered rows against the policy and hashes their pseudonyms a second time.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{Date32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use jiff::civil::Date;

use super::layer;
use crate::derive::Derivation;
use crate::error::Refusal;
use crate::policy::{CodeList, ColumnRole, Policy, Table};
use crate::storage::Pseudonym;
use crate::{Delivery, Purpose, WarehouseError, WarehouseKey};

/// Rows of one delivery, with second-layer pseudonyms.
#[derive(Clone)]
pub(crate) struct Accepted {
    /// Place of the delivery in the call; none for rows that are stored and turn out to be somebody else's.
    pub(crate) delivery: Option<usize>,
    /// Rows of [`Table::arrow_schema`].
    pub(crate) rows: RecordBatch,
}

/// Lists longer than this are looked up by hash.
const SHORT_LIST: usize = 32;

/// Records that are taken back, by table: by which delivery, as the key has them.
pub(crate) type Withdrawn = BTreeMap<String, Vec<(usize, Pseudonym)>>;

/// The records that deliveries take back.
pub(crate) fn withdrawn(
    policy: &Policy,
    derivation: &Derivation,
    key: &WarehouseKey,
    deliveries: &[Delivery],
) -> Result<Withdrawn, WarehouseError> {
    let mut withdrawn = Withdrawn::new();
    for (at, delivery) in deliveries.iter().enumerate() {
        for (table, records) in &delivery.withdrawn {
            let origin = || Origin {
                source: delivery.source.clone(),
                file: delivery.file.clone(),
                table: table.clone(),
            };
            if policy.table(table).is_none() {
                return Err(origin().refuse(None, None, Refusal::UnknownTable));
            }
            if derivation.derives(table) {
                return Err(origin().refuse(None, None, Refusal::DerivedTable));
            }
            let hashed = |record| Pseudonym::from_be_bytes(key.pseudonym(Purpose::Record, record));
            let records = records.iter().map(|record| (at, hashed(record)));
            withdrawn.entry(table.clone()).or_default().extend(records);
        }
    }
    Ok(withdrawn)
}

/// Every row of the call by table, or the first thing wrong.
pub(crate) fn accept(
    policy: &Policy,
    derivation: &Derivation,
    key: &WarehouseKey,
    deliveries: Vec<Delivery>,
    today: Date,
) -> Result<BTreeMap<String, Vec<Accepted>>, WarehouseError> {
    let mut jobs = Vec::new();
    for (at, delivery) in deliveries.into_iter().enumerate() {
        for (table, rows) in delivery.tables {
            let origin = Origin { source: delivery.source.clone(), file: delivery.file.clone(), table };
            jobs.push((at, origin, rows));
        }
    }
    let done = crate::storage::workers::each(jobs, |(delivery, origin, rows)| {
        let table = policy.table(&origin.table);
        let table = table.ok_or_else(|| origin.refuse(None, None, Refusal::UnknownTable))?;
        if derivation.derives(&origin.table) {
            return Err(origin.refuse(None, None, Refusal::DerivedTable));
        }
        let rows = Checker { policy, table, today, origin: &origin, rows: &rows }.check()?;
        let columns = layer::columns(table);
        let rows = layer::hashed(table, &columns, &rows, |purpose, one| key.pseudonym(purpose, one))?;
        Ok((origin.table, Accepted { delivery: Some(delivery), rows }))
    })?;
    let mut tables: BTreeMap<String, Vec<Accepted>> = BTreeMap::new();
    for (table, accepted) in done {
        if accepted.rows.num_rows() > 0 {
            tables.entry(table).or_default().push(accepted);
        }
    }
    for accepted in tables.values_mut() {
        accepted.sort_by_key(|a| a.delivery);
    }
    Ok(tables)
}

struct Origin {
    source: String,
    file: String,
    table: String,
}

impl Origin {
    fn refuse(&self, column: Option<&str>, row: Option<usize>, reason: Refusal) -> WarehouseError {
        WarehouseError::Refused {
            source_name: self.source.clone(),
            file: self.file.clone(),
            table: self.table.clone(),
            column: column.map(str::to_owned),
            row: row.map(|row| row + 1),
            reason,
        }
    }
}

struct Checker<'a> {
    policy: &'a Policy,
    table: &'a Table,
    today: Date,
    origin: &'a Origin,
    rows: &'a RecordBatch,
}

impl Checker<'_> {
    /// The rows in the policy's order of columns, every value checked.
    fn check(&self) -> Result<RecordBatch, WarehouseError> {
        let rows = self.columns()?;
        let dates = self.dates(&rows)?;
        for (column, array) in self.table.columns.iter().zip(rows.columns()) {
            let wrong = |row, reason| self.origin.refuse(Some(&column.name), Some(row), reason);
            if !column.role.nullable() && array.null_count() > 0 {
                let row = (0..array.len()).find(|row| array.is_null(*row)).unwrap_or_default();
                return Err(wrong(row, Refusal::Null));
            }
            match &column.role {
                ColumnRole::Dimension { codes } => {
                    let list = self.policy.code_list(codes);
                    let found = list.and_then(|list| first_outside(list, array));
                    if let Some(row) = found {
                        return Err(wrong(row, Refusal::UnknownCode));
                    }
                }
                ColumnRole::Measure { min, max } => {
                    let outside = |v: Option<i64>| v.is_some_and(|v| v < *min || v > *max);
                    if let Some(row) = int64(array).iter().position(outside) {
                        return Err(wrong(row, Refusal::OutOfBounds));
                    }
                }
                ColumnRole::Year => self.years(&column.name, int64(array), dates.as_deref())?,
                ColumnRole::Month => {
                    let Some(dates) = &dates else { continue };
                    let mut months = int64(array).values().iter().zip(dates);
                    if let Some(row) = months.position(|(month, (_, of_date))| month != of_date) {
                        return Err(wrong(row, Refusal::NotOfDate));
                    }
                }
                ColumnRole::Person | ColumnRole::Record | ColumnRole::Date => {}
            }
        }
        Ok(rows)
    }

    /// Columns by name, of the declared types, none more and none less.
    fn columns(&self) -> Result<RecordBatch, WarehouseError> {
        let schema = self.table.arrow_schema();
        let differ = |column: Option<&str>| self.origin.refuse(column, None, Refusal::Columns);
        if self.rows.num_columns() != schema.fields().len() {
            return Err(differ(None));
        }
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let found = self.rows.column_by_name(field.name());
            let found = found.filter(|array| array.data_type() == field.data_type());
            columns.push(found.cloned().ok_or_else(|| differ(Some(field.name())))?);
        }
        for (field, array) in schema.fields().iter().zip(&columns) {
            if !field.is_nullable() && array.null_count() > 0 {
                let row = (0..array.len()).find(|row| array.is_null(*row));
                return Err(self.origin.refuse(Some(field.name()), row, Refusal::Null));
            }
        }
        RecordBatch::try_new(schema, columns).map_err(WarehouseError::arrow(&self.table.name))
    }

    /// Year and month of each row's date.
    fn dates(&self, rows: &RecordBatch) -> Result<Option<Vec<(i64, i64)>>, WarehouseError> {
        let Some(name) = self.table.column_of(&ColumnRole::Date) else { return Ok(None) };
        let Some(days) = rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<Date32Type>()) else {
            return Ok(None);
        };
        let mut last = (i32::MIN, (0, 0));
        let mut dates = Vec::with_capacity(days.len());
        for (row, day) in days.values().iter().enumerate() {
            if *day != last.0 {
                let wrong = || self.origin.refuse(Some(name), Some(row), Refusal::YearOutsidePolicy);
                last = (*day, year_and_month(*day).ok_or_else(wrong)?);
            }
            dates.push(last.1);
        }
        Ok(Some(dates))
    }

    fn years(
        &self,
        column: &str,
        years: &PrimitiveArray<Int64Type>,
        dates: Option<&[(i64, i64)]>,
    ) -> Result<(), WarehouseError> {
        let declared = self.policy.years;
        let outside = |year: &i64| *year < i64::from(declared.first) || *year > i64::from(declared.last);
        if let Some(row) = years.values().iter().position(outside) {
            return Err(self.origin.refuse(Some(column), Some(row), Refusal::YearOutsidePolicy));
        }
        // They would come back each time, after `warehouse retain` had dropped them.
        let oldest = self.table.oldest_kept(self.today).map_or(i64::MIN, i64::from);
        if let Some(row) = years.values().iter().position(|year| *year < oldest) {
            return Err(self.origin.refuse(Some(column), Some(row), Refusal::PastRetention));
        }
        let Some(dates) = dates else { return Ok(()) };
        let differs = |(year, (of_date, _)): (&i64, &(i64, i64))| year != of_date;
        match years.values().iter().zip(dates).position(differs) {
            Some(row) => Err(self.origin.refuse(Some(column), Some(row), Refusal::NotOfDate)),
            None => Ok(()),
        }
    }
}

/// Year and month of a day since 1970; nothing for a day that no calendar has.
pub(crate) fn year_and_month(day: i32) -> Option<(i64, i64)> {
    let date = Date::constant(1970, 1, 1).checked_add(jiff::Span::new().try_days(day).ok()?).ok()?;
    Some((i64::from(date.year()), i64::from(date.month())))
}

fn int64(array: &ArrayRef) -> &PrimitiveArray<Int64Type> {
    array.as_primitive::<Int64Type>()
}

/// The first row whose code is not in the list.
fn first_outside(list: &CodeList, array: &ArrayRef) -> Option<usize> {
    let array = array.as_string::<i32>();
    let mut neighbour: Option<&str> = None;
    let mut outside = |known: &dyn Fn(&str) -> bool| {
        (0..array.len()).find(|row| {
            let code = array.value(*row);
            // Neighbouring rows often agree.
            if neighbour == Some(code) {
                return false;
            }
            neighbour = Some(code);
            !known(code)
        })
    };
    if list.len() <= SHORT_LIST {
        return outside(&|code| list.contains(code));
    }
    let codes: HashSet<&str> = list.codes.iter().map(|c| c.code.as_str()).collect();
    outside(&|code| codes.contains(code))
}
