//! `count_round`: which rounds of a count were held, from the forms that were filled in.
//!
//! A round is a date, a campaign and a shift. It counts when its lines cover every area, age group and gender of
//! the protocol, with 0 where nobody was seen: so the rounds are those that were held, and do not depend on
//! whether anybody was there ([`crate::rounds`] argues it). Lines of other rounds stay in the table of
//! observations and are in no figure. Rounds are public; the record is a hash of what the row says, without a key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, FixedSizeBinaryArray, RecordBatch, StringArray};
use arrow::buffer::Buffer;
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::Date32Type;

use crate::WarehouseError;
use crate::load::{NewFiles, State, Workplace};
use crate::policy::{ColumnRole, Policy, Table};
use crate::rounds::{GRID, Grid, OBSERVATIONS, ROUND as CODES};
use crate::storage::{SHARDS, TableFiles, shard};

pub(crate) const TABLE: &str = "count_round";
pub(crate) const SOURCE: &str = OBSERVATIONS;
const CONTEXT: &str = "skjerm warehouse count round record v1";

type Round = (i32, [String; 2]);

/// The table must be `record, year, date, campaign, shift`, the last three as the source has them; and the source
/// must have the columns that say whether a round is whole.
pub(super) fn check(policy: &Policy, table: &Table) -> Result<(), WarehouseError> {
    let source = policy.table(SOURCE);
    for column in &table.columns {
        let derivable = match &column.role {
            ColumnRole::Record | ColumnRole::Year => true,
            ColumnRole::Date => source.is_some_and(|s| s.column_of(&ColumnRole::Date).is_some()),
            role @ ColumnRole::Dimension { .. } => {
                CODES.contains(&column.name.as_str())
                    && source.and_then(|s| s.column(&column.name)).is_some_and(|c| c.role == *role)
            }
            _ => false,
        };
        if !derivable {
            let (table, column) = (table.name.clone(), column.name.clone());
            return Err(WarehouseError::Underivable { table, column });
        }
    }
    grid(policy).map(|_| ())
}

fn grid(policy: &Policy) -> Result<Grid, WarehouseError> {
    Grid::new(policy).ok_or(WarehouseError::NoGrid { rounds: TABLE, source_table: SOURCE, columns: GRID })
}

/// The rounds of these years.
pub(super) fn make(
    place: &Workplace<'_>,
    table: &Table,
    state: &State,
    years: &BTreeSet<i32>,
) -> Result<Vec<NewFiles>, WarehouseError> {
    let (mut made, none) = (Vec::new(), TableFiles::new());
    for year in years {
        for (at, rows) in (0..).zip(of_year(place, table, state, *year)?) {
            let old = state.get(TABLE).unwrap_or(&none);
            made.push(place.write(table, old, (*year, at), &rows)?);
        }
    }
    Ok(made)
}

/// The rounds of a year, by shard.
pub(crate) fn of_year(
    place: &Workplace<'_>,
    table: &Table,
    state: &State,
    year: i32,
) -> Result<Vec<RecordBatch>, WarehouseError> {
    let grid = grid(place.policy)?;
    let columns: Vec<&str> = ["date"].into_iter().chain(CODES).chain(GRID).collect();
    let sources = place.policy.table(SOURCE).zip(state.get(SOURCE)).into_iter();
    let sources = sources.flat_map(|(source, files)| files.iter().map(move |(of, file)| (source, *of, file)));
    let files = sources
        .filter(|(_, of_file, _)| of_file.0 == year)
        .map(|(source, of_file, file)| place.columns(source, of_file, file, &columns));
    let rounds = whole_rounds(&grid, &files.collect::<Result<Vec<_>, _>>()?)?;
    let mut shards: [BTreeMap<u128, Round>; SHARDS as usize] = Default::default();
    for round in rounds {
        let record = record(&round);
        shards[usize::from(shard(record))].insert(record, round);
    }
    shards.iter().map(|rounds| rows(table, rounds)).collect()
}

/// The whole rounds of a year. The lines of one are in several files, so that all files are looked at together.
fn whole_rounds(grid: &Grid, files: &[RecordBatch]) -> Result<BTreeSet<Round>, WarehouseError> {
    let failed = WarehouseError::arrow(SOURCE);
    let mut rounds = BTreeSet::new();
    let Some(first) = files.first() else { return Ok(rounds) };
    let lines = concat_batches(first.schema_ref(), files).map_err(&failed)?;
    let Some(whole) = grid.in_whole_rounds(&lines) else { return Ok(rounds) };
    let lines = filter_record_batch(&lines, &whole).map_err(&failed)?;
    let dates = lines.column_by_name("date").and_then(|c| c.as_primitive_opt::<Date32Type>());
    let codes = CODES.map(|name| lines.column_by_name(name).and_then(|c| c.as_string_opt::<i32>()));
    let (Some(dates), [Some(campaigns), Some(shifts)]) = (dates, codes) else { return Ok(rounds) };
    for row in 0..lines.num_rows() {
        let code = |array: &StringArray| array.value(row).to_owned();
        rounds.insert((dates.value(row), [code(campaigns), code(shifts)]));
    }
    Ok(rounds)
}

fn record((date, codes): &Round) -> u128 {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    hasher.update(&date.to_le_bytes());
    for code in codes {
        hasher.update(&(code.len() as u64).to_le_bytes());
        hasher.update(code.as_bytes());
    }
    let mut record = [0; 16];
    record.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_be_bytes(record)
}

fn rows(table: &Table, rounds: &BTreeMap<u128, Round>) -> Result<RecordBatch, WarehouseError> {
    let failed = WarehouseError::arrow(&table.name);
    let schema = table.file_schema();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in schema.fields() {
        let name = field.name().as_str();
        columns.push(match CODES.iter().position(|code| *code == name) {
            Some(at) => {
                Arc::new(StringArray::from_iter_values(rounds.values().map(|(_, codes)| codes[at].as_str())))
            }
            None if name == "date" => {
                Arc::new(Date32Array::from_iter_values(rounds.values().map(|(date, _)| *date)))
            }
            None => {
                let bytes: Vec<u8> = rounds.keys().flat_map(|record| record.to_be_bytes()).collect();
                Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(bytes), None).map_err(&failed)?)
            }
        });
    }
    RecordBatch::try_new(schema, columns).map_err(&failed)
}
