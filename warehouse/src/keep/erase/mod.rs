//! Takes persons' rows out of files.

mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use ::parquet::file::metadata::ParquetMetaData;
use arrow::array::{Array, BooleanArray};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use serde::Serialize;

use self::trial::Trial;
use super::proof::Proof;
use super::sought::Marks;
use super::vacuum::Removed;
use crate::WarehouseError;
use crate::load::{NewFiles, State, Workplace, replace_files};
use crate::policy::{ColumnRole, Policy, Table};
use crate::storage::{
    Cell, Place, Span, StoredFile, TableFiles, cells, edit, of_cell, parquet, split, values, workers,
};

/// What takes rows out of a file: [`edit::without`].
type Edit =
    fn(&Table, Place, &Bytes, &ParquetMetaData, &BooleanArray) -> Result<Option<Bytes>, WarehouseError>;

/// What an erasure did. Counts for the steward; nobody is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erasure {
    /// Id of the snapshot before.
    pub snapshot_before: String,
    /// Id of the snapshot after; the same when nobody was there.
    pub snapshot_after: String,
    /// How many persons were to be taken out.
    pub persons: usize,
    /// How many of them had rows.
    pub found: usize,
    /// Lines of the list whose persons had none; for the steward's eyes, and not for the ledger.
    #[serde(skip)]
    pub missing: Vec<u64>,
    /// By table, for those that had rows of theirs.
    pub tables: BTreeMap<String, TakenOut>,
    /// What was deleted.
    pub removed: Removed,
    /// What was searched afterwards.
    pub proof: Proof,
}

/// What was taken out of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TakenOut {
    /// Files that held rows of theirs, or were put together with such a one: made anew or dropped.
    pub files: u64,
    /// Rows taken out.
    pub rows: u64,
    /// Files of the table that were left as they are.
    pub untouched: u64,
}

pub(super) struct TakenOutOf {
    pub(super) tables: BTreeMap<String, TakenOut>,
    /// Which of those sought had rows.
    pub(super) found: BTreeSet<usize>,
}

/// A cell with rows of those sought.
struct Changed {
    files: NewFiles,
    rows: u64,
    persons: BTreeSet<usize>,
}

/// Writes the files without those sought beside the others, and puts them into the state.
pub(super) fn take_out(
    place: &Workplace<'_>,
    marks: &Marks,
    state: &mut State,
) -> Result<TakenOutOf, WarehouseError> {
    let trials = trials(place.policy);
    let taken = take_out_by(edit::without, &trials, place, marks, state)?;
    // All files were then written anew, and are right: no test of an erasure would tell.
    debug_assert!(!trials.values().any(Trial::failed), "an edited file is not the one that is written");
    Ok(taken)
}

/// A trial for each table.
fn trials(policy: &Policy) -> BTreeMap<String, Trial> {
    policy.tables.keys().map(|name| (name.clone(), Trial::default())).collect()
}

fn take_out_by(
    edit: Edit,
    trials: &BTreeMap<String, Trial>,
    place: &Workplace<'_>,
    marks: &Marks,
    state: &mut State,
) -> Result<TakenOutOf, WarehouseError> {
    let (mut tables, mut found) = (BTreeMap::<String, TakenOut>::new(), BTreeSet::new());
    let made = place.lock.syncing(|written| {
        let mut jobs = Vec::new();
        for table in place.policy.tables.values() {
            let Some(person) = table.column_of(&ColumnRole::Person) else { continue };
            let (Some(files), Some(trial)) = (state.get(&table.name), trials.get(&table.name)) else {
                continue;
            };
            let of = OfTable { place, table, person, marks, edit, trial, written };
            jobs.extend(cells(files).into_iter().map(|cell| (table, of, files, cell)));
        }
        // All tables' at once, so that no core waits for the last cell of each.
        workers::each(jobs, |(table, of, files, cell)| Ok((table, of.without(files, cell)?)))
    })?;
    let mut changed: BTreeMap<&str, Vec<Changed>> = BTreeMap::new();
    for (table, of_cell) in made {
        if let Some(of_cell) = of_cell {
            changed.entry(table.name.as_str()).or_default().push(of_cell);
        }
    }
    for (table, changed) in changed {
        let Some(files) = state.get_mut(table) else { continue };
        let mut taken = TakenOut::default();
        let old: BTreeSet<String> = files.values().map(|file| file.path.clone()).collect();
        let mut made = Vec::with_capacity(changed.len());
        for of_cell in changed {
            taken.rows += of_cell.rows;
            found.extend(of_cell.persons);
            made.push(of_cell.files);
        }
        replace_files(files, made);
        taken.untouched = files.values().filter(|file| old.contains(&file.path)).count() as u64;
        taken.files = old.len() as u64 - taken.untouched;
        tables.insert(table.to_owned(), taken);
    }
    Ok(TakenOutOf { tables, found })
}

/// The rows of a span: in the file there is, or what is left of it.
enum Part<'a> {
    There(&'a StoredFile),
    /// The bytes of a file, and how many rows it has.
    Edited(Bytes, usize),
    Left(RecordBatch),
}

/// What is done to the files of a table.
#[derive(Clone, Copy)]
struct OfTable<'a> {
    place: &'a Workplace<'a>,
    table: &'a Table,
    /// The column of persons.
    person: &'a str,
    marks: &'a Marks,
    edit: Edit,
    trial: &'a Trial,
    /// Says what was written.
    written: &'a Sender<PathBuf>,
}

impl OfTable<'_> {
    /// The files of a cell without the rows of those sought; nothing if it has none of theirs.
    fn without(self, files: &TableFiles, cell: Cell) -> Result<Option<Changed>, WarehouseError> {
        let Self { place, table, marks, .. } = self;
        let (mut rows, mut persons) = (0, BTreeSet::new());
        let (mut parts, mut changed) = (BTreeMap::new(), Vec::new());
        for (span, file) in of_cell(files, cell) {
            let left =
                if marks.may_be_in(span) { self.left((cell.0, span), file, &mut persons)? } else { None };
            parts.insert(
                span,
                match left {
                    Some((left, gone)) => {
                        changed.push(span);
                        rows += gone;
                        left
                    }
                    None => Part::There(file),
                },
            );
        }
        if changed.is_empty() {
            return Ok(None);
        }
        Joining { place, table, year: cell.0 }.join(&mut parts, changed)?;
        let mut made = Vec::with_capacity(parts.len());
        for (span, part) in parts {
            let file = match part {
                Part::There(file) => {
                    made.push((span, file.clone()));
                    continue;
                }
                Part::Left(left) if left.num_rows() == 0 => continue,
                Part::Left(left) => place.write_file(table, (cell.0, span), None, &left)?,
                Part::Edited(content, _) => place.store(table, (cell.0, span), None, &content)?,
            };
            // Whom nobody hears any more, because it failed, says so in the end.
            self.written.send(place.folder(&table.name).join(&file.path)).ok();
            made.push((span, file));
        }
        Ok(Some(Changed { files: (cell, made), rows, persons }))
    }

    /// The rows of a file that are not those sought's, and how many are; nothing if there are none of theirs. Notes
    /// whose they are. Most files of a span that somebody falls in are of a year without rows of theirs, which the
    /// person column tells: the other columns are not decoded for that.
    fn left(
        self,
        of_file: Place,
        file: &StoredFile,
        found: &mut BTreeSet<usize>,
    ) -> Result<Option<(Part<'static>, u64)>, WarehouseError> {
        let Self { place, table, person, marks, .. } = self;
        let (path, content) = place.content(table, of_file, file)?;
        let footer = parquet::metadata(&content).map_err(WarehouseError::file(&path, "read"))?;
        let values = values::of_column(&content, &footer, person, &path)?;
        if values.into_iter().all(|value| marks.person(value).is_none()) {
            return Ok(None);
        }
        let rows = parquet::decode(content.clone(), &[person], &path)?;
        let Some(persons) = parquet::pseudonyms(&rows, person) else {
            return Err(WarehouseError::damaged(&path, "a column holds no pseudonyms"));
        };
        let of_row = |row| marks.person(parquet::pseudonym(persons, row));
        let others: BooleanArray = (0..persons.len())
            .map(of_row)
            .inspect(|person| found.extend(*person))
            .map(|person| Some(person.is_none()))
            .collect();
        let left = others.true_count();
        let gone = (others.len() - left) as u64;
        if gone == 0 {
            return Ok(None);
        }
        let decoded = || {
            let rows = parquet::decode_codes(table, content.clone(), &path)?;
            filter_record_batch(&rows, &others).map_err(WarehouseError::arrow(&table.name))
        };
        if let Some(edited) = (self.edit)(table, of_file, &content, &footer, &others)? {
            let anew = || parquet::encode(table, of_file, &decoded()?);
            if self.trial.passes(&table.name, &edited, anew)? {
                return Ok(Some((Part::Edited(edited, left), gone)));
            }
        }
        Ok(Some((Part::Left(decoded()?), gone)))
    }
}

/// The rows of a file.
fn read(
    place: &Workplace<'_>,
    table: &Table,
    of_file: Place,
    file: &StoredFile,
) -> Result<RecordBatch, WarehouseError> {
    let (path, content) = place.content(table, of_file, file)?;
    parquet::decode_codes(table, content, &path)
}

/// Puts spans together whose rows have become few, so that they are split as the rows that are left would be.
struct Joining<'a> {
    place: &'a Workplace<'a>,
    table: &'a Table,
    year: i32,
}

impl Joining<'_> {
    fn join(
        &self,
        parts: &mut BTreeMap<Span, Part<'_>>,
        mut changed: Vec<Span>,
    ) -> Result<(), WarehouseError> {
        while let Some(span) = changed.pop() {
            // It may have been joined with another.
            let Some(parent) = span.parent().filter(|_| parts.contains_key(&span)) else { continue };
            let within = parts.range(parent..).take_while(|(part, _)| parent.holds(part.first()));
            let within: Vec<Span> = within.map(|(part, _)| *part).collect();
            if !self.are_one_file(parts, &within)? {
                continue;
            }
            let mut batches = Vec::with_capacity(within.len());
            for span in within {
                match parts.remove(&span) {
                    Some(Part::There(file)) => {
                        batches.push(read(self.place, self.table, (self.year, span), file)?);
                    }
                    Some(Part::Edited(content, _)) => {
                        batches.push(parquet::decode_codes(self.table, content, self.table.name.as_ref())?);
                    }
                    Some(Part::Left(rows)) => batches.push(rows),
                    None => {}
                }
            }
            // Of two spans at least one, whose rows say how codes are held.
            let Some(first) = batches.first() else { continue };
            let rows = concat_batches(&first.schema(), &batches);
            parts.insert(parent, Part::Left(rows.map_err(WarehouseError::arrow(&self.table.name))?));
            changed.push(parent);
        }
        Ok(())
    }

    /// Whether the rows of these parts are few enough for one file, or one part's: then it is one already, also
    /// where it has more rows, since these are one person's.
    fn are_one_file(&self, parts: &BTreeMap<Span, Part<'_>>, of: &[Span]) -> Result<bool, WarehouseError> {
        let (mut rows, mut with_rows) = (0, 0);
        for part in of.iter().filter_map(|span| parts.get(span)) {
            let here = match part {
                Part::There(file) => {
                    self.place.home().rows(&self.place.folder(&self.table.name).join(&file.path))?
                }
                Part::Edited(_, rows) => *rows as u64,
                Part::Left(rows) => rows.num_rows() as u64,
            };
            (rows, with_rows) = (rows + here, with_rows + u32::from(here > 0));
            if rows > split::most(self.table) as u64 && with_rows > 1 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
