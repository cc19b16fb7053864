//! Whether the derived tables are what their sources make.

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

/// Makes each derived table anew, wherever all that it is made of is sound, and compares.
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
            let all = sources.iter().copied().chain([person_year::TABLE]);
            if sources.iter().all(|name| state.contains_key(*name))
                && all.into_iter().all(|name| is_sound(name, &of_cell))
            {
                let fresh = person_year::rows(place, rules, table, state, cell);
                compare(place, table, state, cell, fresh, check);
            }
        }
    }
    if let (true, Some(table)) =
        (derivation.derives(count_round::TABLE), place.policy.table(count_round::TABLE))
    {
        let years: BTreeSet<i32> =
            touched(table, [count_round::SOURCE], place, state).into_iter().map(|cell| cell.0).collect();
        for year in years {
            let of_year = |of_file: &Place| of_file.0 == year;
            let all = [count_round::SOURCE, count_round::TABLE];
            if !state.contains_key(count_round::SOURCE)
                || !all.into_iter().all(|name| is_sound(name, &of_year))
            {
                continue;
            }
            match count_round::of_year(place, table, state, year) {
                Ok(shards) => {
                    for (shard, rows) in (0..).zip(shards) {
                        compare(place, table, state, (year, shard), Ok(rows), check);
                    }
                }
                Err(error) => compare(place, table, state, (year, 0), Err(error), check),
            }
        }
    }
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
