//! Merges delivered rows into a table by record.
//!
//! Works on columns and row numbers, never on rows as objects: the only thing held for each row is its record.
//!
//! A row replaces the earlier one of its record whatever year and person either names; what that asks of the
//! sources is in the crate's documentation, under *Privacy*.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use arrow::array::{AsArray, FixedSizeBinaryArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;

use super::accept::Accepted;
use super::{NewFiles, Workplace};
use crate::WarehouseError;
use crate::delivery::DeliveryLoad;
use crate::policy::{ColumnRole, Table};
use crate::storage::{Cell, Pseudonym, TableFiles, cells, of_cell, parquet, shard, workers};

/// A row of the call: batch and row in it.
type Row = (u32, u32);

/// What is known of a delivered record.
struct Seen {
    /// Its last row in the call, which is the one that stays.
    last: Row,
    /// Whether the warehouse has it already.
    stored: bool,
}

/// The place of a record's last row when it was taken back: no row is there.
const GONE: Row = (u32::MAX, u32::MAX);

/// Pseudonyms are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }
}

type Records = HashMap<Pseudonym, Seen, BuildHasherDefault<AsIs>>;

/// A cell to be made anew.
#[derive(Default)]
struct Job {
    /// Rows of the cell as it is that are replaced, by a row of this or of another cell.
    dropped: BTreeSet<u32>,
    /// Delivered rows that come in.
    added: Vec<Row>,
}

/// A merge that has been planned.
pub(super) struct Merge<'a> {
    table: &'a Table,
    old: TableFiles,
    incoming: Vec<Accepted>,
    records: Records,
    jobs: BTreeMap<Cell, Job>,
}

impl<'a> Merge<'a> {
    /// Finds which cells the rows touch.
    pub(super) fn new(
        place: &Workplace<'_>,
        table: &'a Table,
        files: &TableFiles,
        incoming: Vec<Accepted>,
        withdrawn: &[(usize, Pseudonym)],
    ) -> Result<Self, WarehouseError> {
        let rows: usize = incoming.iter().map(|a| a.rows.num_rows()).sum();
        let mut records = Records::with_capacity_and_hasher(rows, BuildHasherDefault::default());
        for (batch, accepted) in incoming.iter().enumerate() {
            let column = record_column(table, &accepted.rows)?;
            for row in 0..accepted.rows.num_rows() {
                let last = (narrow(batch), narrow(row));
                let record = parquet::pseudonym(column, row);
                records.entry(record).and_modify(|s| s.last = last).or_insert(Seen { last, stored: false });
            }
        }
        for (delivery, record) in withdrawn {
            let seen = records.entry(*record).or_insert(Seen { last: GONE, stored: false });
            // A later delivery may bring it again.
            let by = incoming.get(seen.last.0 as usize).and_then(|accepted| accepted.delivery);
            if by <= Some(*delivery) {
                seen.last = GONE;
            }
        }
        let mut jobs: BTreeMap<Cell, Job> = BTreeMap::new();
        let stored = workers::each(cells(files).into_iter().collect(), |cell: Cell| {
            let (mut before, mut hits) = (0, Vec::new());
            for (span, file) in of_cell(files, cell) {
                let rows = place.glimpse(table, (cell.0, span), file, &["record"])?;
                let column = record_column(table, &rows)?;
                let all =
                    (0..rows.num_rows()).map(|row| (narrow(before + row), parquet::pseudonym(column, row)));
                hits.extend(all.filter(|(_, record)| records.contains_key(record)));
                before += rows.num_rows();
            }
            Ok((cell, hits))
        })?;
        for (cell, hits) in stored {
            for (row, record) in hits {
                jobs.entry(cell).or_default().dropped.insert(row);
                if let Some(seen) = records.get_mut(&record) {
                    seen.stored = true;
                }
            }
        }
        for (batch, accepted) in incoming.iter().enumerate() {
            let column = record_column(table, &accepted.rows)?;
            let place = key_column(table, &accepted.rows)?;
            let years = accepted.rows.column_by_name("year").and_then(|c| c.as_primitive_opt::<Int64Type>());
            let years = years.ok_or_else(|| misplaced(table, "without a year"))?;
            for row in 0..accepted.rows.num_rows() {
                let this = (narrow(batch), narrow(row));
                if records.get(&parquet::pseudonym(column, row)).is_some_and(|seen| seen.last == this) {
                    let year = i32::try_from(years.value(row)).unwrap_or_default();
                    let cell = (year, shard(parquet::pseudonym(place, row)));
                    jobs.entry(cell).or_default().added.push(this);
                }
            }
        }
        Ok(Self { table, old: files.clone(), incoming, records, jobs })
    }

    /// Adds up loaded and replaced rows by delivery.
    pub(super) fn count(&self, loads: &mut [DeliveryLoad]) {
        let mut again = std::collections::HashSet::with_capacity_and_hasher(
            self.records.len(),
            BuildHasherDefault::<AsIs>::default(),
        );
        for accepted in &self.incoming {
            let Some(load) = accepted.delivery.and_then(|at| loads.get_mut(at)) else { continue };
            let Ok(column) = record_column(self.table, &accepted.rows) else { continue };
            for row in 0..accepted.rows.num_rows() {
                let record = parquet::pseudonym(column, row);
                let stored = self.records.get(&record).is_some_and(|seen| seen.stored);
                let repeated = !again.insert(record);
                load.repeated += u64::from(repeated);
                if repeated || stored {
                    load.replaced += 1;
                } else {
                    load.loaded += 1;
                }
            }
        }
    }

    /// Makes the touched cells anew.
    pub(super) fn run(self, place: &Workplace<'_>) -> Result<Vec<NewFiles>, WarehouseError> {
        let Self { table, old, incoming, jobs, .. } = self;
        let schema = table.file_schema();
        let stripped = incoming.iter().map(|a| {
            let columns = schema.fields().iter().filter_map(|f| a.rows.column_by_name(f.name()).cloned());
            RecordBatch::try_new(schema.clone(), columns.collect())
        });
        let incoming = stripped.collect::<Result<Vec<_>, _>>().map_err(WarehouseError::arrow(&table.name))?;
        workers::each(jobs.into_iter().collect(), |(cell, job): (Cell, Job)| {
            let rows = cell_rows(place, table, &old, cell, &incoming, job)?;
            place.write(table, &old, cell, &rows)
        })
    }
}

/// The rows a cell will have, sorted.
fn cell_rows(
    place: &Workplace<'_>,
    table: &Table,
    old: &TableFiles,
    cell: Cell,
    incoming: &[RecordBatch],
    job: Job,
) -> Result<RecordBatch, WarehouseError> {
    let schema = table.file_schema();
    let mut batches: Vec<RecordBatch> = Vec::new();
    let mut entries: Vec<((Pseudonym, Pseudonym), (usize, usize))> = Vec::new();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    if let Some(rows) = place.rows(table, old, cell, &names)? {
        let kept = (0..rows.num_rows()).filter(|row| !job.dropped.contains(&narrow(*row)));
        entries.extend(keys(table, &rows, kept)?.map(|(key, row)| (key, (0, row))));
        batches.push(rows);
    }
    let mut of_batch: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (batch, row) in job.added {
        of_batch.entry(batch).or_default().push(row as usize);
    }
    for (batch, added) in of_batch {
        let Some(rows) = incoming.get(batch as usize) else { continue };
        let at = batches.len();
        entries.extend(keys(table, rows, added.into_iter())?.map(|(key, row)| (key, (at, row))));
        batches.push(rows.clone());
    }
    entries.sort_unstable();
    let order: Vec<(usize, usize)> = entries.into_iter().map(|(_, place)| place).collect();
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    if order.is_empty() {
        return Ok(RecordBatch::new_empty(schema));
    }
    interleave_record_batch(&batches, &order).map_err(WarehouseError::arrow(&table.name))
}

/// What rows are sorted by: person and record, or the record alone.
fn keys<'a>(
    table: &Table,
    rows: &'a RecordBatch,
    which: impl Iterator<Item = usize> + 'a,
) -> Result<impl Iterator<Item = ((Pseudonym, Pseudonym), usize)> + 'a, WarehouseError> {
    let first = key_column(table, rows)?;
    let second = record_column(table, rows)?;
    Ok(which.map(move |row| ((parquet::pseudonym(first, row), parquet::pseudonym(second, row)), row)))
}

fn record_column<'a>(
    table: &Table,
    rows: &'a RecordBatch,
) -> Result<&'a FixedSizeBinaryArray, WarehouseError> {
    let name = table.column_of(&ColumnRole::Record).unwrap_or("record");
    parquet::pseudonyms(rows, name).ok_or_else(|| misplaced(table, "without a record"))
}

/// The column that decides the shard.
fn key_column<'a>(table: &Table, rows: &'a RecordBatch) -> Result<&'a FixedSizeBinaryArray, WarehouseError> {
    let name = parquet::order_columns(table).first().copied().unwrap_or("record");
    parquet::pseudonyms(rows, name).ok_or_else(|| misplaced(table, "without a pseudonym"))
}

fn misplaced(table: &Table, what: &'static str) -> WarehouseError {
    WarehouseError::Misplaced { table: table.name.clone(), year: 0, what }
}

/// Row numbers of a call stay far below 2³²: an export has some thousand rows.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
