//! Whether the derived tables are what their sources make: `person_year` to the byte; of `count_round`, that no round is missing.

use std::collections::BTreeSet;

use arrow::record_batch::RecordBatch;

use super::check::Check;
use crate::WarehouseError;
use crate::derive::{count_round, person_year};
use crate::load::{State, Workplace, parts};
use crate::policy::Table;
use crate::storage::{Cell, Place, TableFiles, cells, of_cell, parquet, path_of};

/// The files that could be read, and are what they were written as.
type Sound<'a> = BTreeSet<(&'a str, Place)>;

/// Makes each derived table anew, wherever it and all that it is made of is sound, and compares.
pub(super) fn look(place: &Workplace<'_>, state: &State, sound: &Sound<'_>, check: &mut Check) {
    let derivation = place.derivation;
    let is_sound = |name: &str, of: &dyn Fn(&Place) -> bool| {
        let files = state.get(name).into_iter().flatten();
        files.filter(|(of_file, _)| of(of_file)).all(|(of_file, _)| sound.contains(&(name, *of_file)))
    };
    if let (Some(rules), Some(table)) = (derivation.person_year(), place.policy.table(person_year::TABLE)) {
        let sources: Vec<&str> =
            place.policy.tables.keys().map(String::as_str).filter(|name| rules.reads(name)).collect();
        for cell in touched(table, sources.iter().copied(), place, state) {
            let of_cell = |(year, span): &Place| (*year, span.shard()) == cell;
            let mut all = sources.iter().copied().chain([person_year::TABLE]);
            // A log that could not be read is a finding of its own.
            if all.clone().all(|name| state.contains_key(name)) && all.all(|name| is_sound(name, &of_cell)) {
                let fresh = person_year::rows(place, rules, table, state, cell);
                compare(place, table, state, cell, fresh, check);
            }
        }
    }
    let rounds = place.policy.table(count_round::TABLE).filter(|table| derivation.derives(&table.name));
    if let (Some(table), Some(files)) = (rounds, state.get(count_round::TABLE)) {
        let of_source = state.get(count_round::SOURCE).into_iter().flat_map(|files| files.keys());
        let is_kept = |year: &i32| table.oldest_kept(place.today).is_none_or(|oldest| *year >= oldest);
        let years: BTreeSet<i32> = of_source.map(|(year, _)| *year).filter(is_kept).collect();
        for year in years {
            let of_year = |of_file: &Place| of_file.0 == year;
            if ![count_round::SOURCE, count_round::TABLE].into_iter().all(|name| is_sound(name, &of_year)) {
                continue;
            }
            let path = place.folder(&table.name).join(format!("year={year}"));
            match missing_rounds(place, table, state, files, year) {
                Ok(false) => {}
                Ok(true) => check.damaged(&path, "a round is missing whose forms are all there"),
                Err(error) => check.damaged(&path, format!("it cannot be derived anew: {error}")),
            }
        }
    }
}

/// Whether a round of the year is not there. Rounds that are there stay, also where their forms are past their retention, or the
/// policy has got more codes since, of which nobody can have written anything down.
fn missing_rounds(
    place: &Workplace<'_>,
    table: &Table,
    state: &State,
    files: &TableFiles,
    year: i32,
) -> Result<bool, WarehouseError> {
    let records = |rows: &RecordBatch| -> BTreeSet<u128> {
        parquet::keys(table, rows).into_iter().flatten().map(|key| key.0).collect()
    };
    for (shard, fresh) in (0..).zip(count_round::of_year(place, table, state, year)?) {
        let stored = place.rows(table, files, (year, shard), &parquet::order_columns(table))?;
        let stored = stored.as_ref().map(&records).unwrap_or_default();
        if !records(&fresh).is_subset(&stored) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The cells in which a derived table or one of its sources has rows, but for those that are past their retention.
fn touched<'a>(
    table: &'a Table,
    sources: impl IntoIterator<Item = &'a str>,
    place: &Workplace<'_>,
    state: &State,
) -> BTreeSet<Cell> {
    let names = sources.into_iter().chain([table.name.as_str()]);
    let all = names.filter_map(|name| state.get(name)).flat_map(cells);
    all.filter(|(year, _)| table.oldest_kept(place.today).is_none_or(|oldest| *year >= oldest)).collect()
}

/// Whether the files of a cell are those that these rows make.
fn compare(
    place: &Workplace<'_>,
    table: &Table,
    state: &State,
    cell: Cell,
    fresh: Result<RecordBatch, WarehouseError>,
    check: &mut Check,
) {
    let fresh = fresh.and_then(|rows| {
        let files = parts(table, cell, &rows).into_iter();
        let path = |(of_file, rows)| Ok(path_of(of_file, &parquet::encode(table, of_file, &rows)?));
        files.map(path).collect::<Result<BTreeSet<String>, WarehouseError>>()
    });
    let none = TableFiles::new();
    let stored = of_cell(state.get(&table.name).unwrap_or(&none), cell);
    let stored: BTreeSet<String> = stored.map(|(_, file)| file.path.clone()).collect();
    let (folder, of_year) = (place.folder(&table.name), format!("year={}", cell.0));
    match fresh {
        Ok(fresh) if fresh == stored => {}
        Ok(fresh) => {
            // Where a file is missing, there is none to name.
            let path = folder.join(stored.difference(&fresh).next().unwrap_or(&of_year));
            check.damaged(&path, "its rows are not those that its sources make");
        }
        Err(error) => check.damaged(&folder.join(of_year), format!("it cannot be derived anew: {error}")),
    }
}
