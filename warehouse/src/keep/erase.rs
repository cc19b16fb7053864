//! Takes persons' rows out of files.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::BooleanArray;
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::record_batch::RecordBatch;
use serde::Serialize;

use super::proof::Proof;
use super::sought::Marks;
use super::vacuum::Removed;
use crate::WarehouseError;
use crate::load::{State, Workplace};
use crate::policy::{ColumnRole, Table};
use crate::storage::groups::{Cutter, Piece, Source};
use crate::storage::{Cell, Pseudonym, StoredFile, parquet, path_of, values, workers};

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
    /// Files made anew or dropped.
    pub files: u64,
    /// Rows taken out.
    pub rows: u64,
    /// Row groups of these files that were made anew.
    pub groups_rewritten: u64,
    /// Row groups of these files whose bytes were copied.
    pub groups_copied: u64,
}

impl TakenOut {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.rows += other.rows;
        self.groups_rewritten += other.groups_rewritten;
        self.groups_copied += other.groups_copied;
    }
}

pub(super) struct TakenOutOf {
    pub(super) tables: BTreeMap<String, TakenOut>,
    /// Which of those sought had rows.
    pub(super) found: BTreeSet<usize>,
}

/// A file with rows of those sought.
struct Changed {
    cell: Cell,
    file: Option<StoredFile>,
    taken: TakenOut,
    persons: BTreeSet<usize>,
}

/// The persons of a row group.
struct Group {
    /// The first and the last, if there is one.
    ends: Option<(Pseudonym, Pseudonym)>,
    /// Whether one of those sought is among them.
    is_sought: bool,
}

impl Group {
    fn of(persons: &[Pseudonym], marks: &Marks) -> Self {
        Self {
            ends: persons.iter().min().copied().zip(persons.iter().max().copied()),
            is_sought: persons.iter().any(|person| marks.person(*person).is_some()),
        }
    }
}

/// Writes the files without those sought beside the others, and puts them into the state.
pub(super) fn take_out(
    place: &Workplace<'_>,
    marks: &Marks,
    state: &mut State,
) -> Result<TakenOutOf, WarehouseError> {
    let (mut tables, mut found) = (BTreeMap::<String, TakenOut>::new(), BTreeSet::new());
    let of_persons =
        place.policy.tables.values().filter(|table| table.column_of(&ColumnRole::Person).is_some());
    let jobs: Vec<(&Table, Cell, StoredFile)> = of_persons
        .flat_map(|table| {
            let files = state.get(&table.name).into_iter().flatten();
            files.map(move |(cell, file)| (table, *cell, file.clone()))
        })
        .collect();
    let done = workers::each(jobs, |(table, cell, file)| {
        Ok(without(place, table, cell, &file, marks)?.map(|changed| (table, changed)))
    })?;
    for (table, changed) in done.into_iter().flatten() {
        tables.entry(table.name.clone()).or_default().add(changed.taken);
        found.extend(changed.persons);
        let files = state.entry(table.name.clone()).or_default();
        match changed.file {
            Some(file) => files.insert(changed.cell, file),
            None => files.remove(&changed.cell),
        };
    }
    Ok(TakenOutOf { tables, found })
}

/// The file without the rows of those sought; nothing if it has none.
fn without(
    place: &Workplace<'_>,
    table: &Table,
    cell: Cell,
    file: &StoredFile,
    marks: &Marks,
) -> Result<Option<Changed>, WarehouseError> {
    let path = place.folder(&table.name).join(&file.path);
    // Behind a link the old file would stay.
    if place.home().is_no_file(&path) {
        return Err(WarehouseError::damaged(&path, "it is no ordinary file"));
    }
    let content = place.home().read(&path).map_err(WarehouseError::io("read", &path))?;
    let metadata = parquet::footer(&content).map_err(WarehouseError::file(&path, "read"))?;
    let groups = values::by_group(&content, &metadata, "person", &path)?;
    let groups: Vec<Group> = groups.iter().map(|persons| Group::of(persons, marks)).collect();
    if !groups.iter().any(|group| group.is_sought) {
        return Ok(None);
    }
    // Copied bytes get a new name: it must not vouch for what a disk did to them.
    if path_of(cell, &content) != file.path {
        return Err(WarehouseError::damaged(&path, "its content is not the one it was written with"));
    }
    let (mut taken, mut found) = (TakenOut { files: 1, ..TakenOut::default() }, BTreeSet::new());
    let schema = table.file_schema();
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let (mut pieces, mut open, mut cutter) = (Vec::new(), Vec::<RecordBatch>::new(), Cutter::default());
    for (at, group) in groups.iter().enumerate() {
        if let (Some((first, last)), true) = (group.ends, open.is_empty() && !group.is_sought) {
            pieces.push(Piece::Old(at, first, last));
            taken.groups_copied += 1;
            continue;
        }
        taken.groups_rewritten += 1;
        let old = parquet::decode_groups(content.clone(), &metadata, Some(vec![at]), &columns, &path)?;
        let left = kept(table, &old, marks, &mut found)?;
        taken.rows += (old.num_rows() - left.num_rows()) as u64;
        parquet::keys(table, &left).into_iter().flatten().for_each(|key| {
            cutter.begins(key);
        });
        open.push(left);
        // Groups begin with a new person, so one that is due ends here; otherwise it takes in rows of the next.
        if cutter.is_due() || open.iter().all(|rows| rows.num_rows() == 0) {
            close(table, &mut pieces, &mut open)?;
            cutter = Cutter::default();
        }
    }
    close(table, &mut pieces, &mut open)?;
    if pieces.is_empty() {
        return Ok(Some(Changed { cell, file: None, taken, persons: found }));
    }
    let source = Source { content: &content, metadata: metadata.metadata() };
    let content = parquet::assemble(table, cell, &source, &pieces)?;
    let file = StoredFile { path: path_of(cell, &content), bytes: content.len() as u64 };
    place.lock.write(&place.folder(&table.name).join(&file.path), &content)?;
    Ok(Some(Changed { cell, file: Some(file), taken, persons: found }))
}

/// Ends a row group that is made anew.
fn close(table: &Table, pieces: &mut Vec<Piece>, open: &mut Vec<RecordBatch>) -> Result<(), WarehouseError> {
    let rows = concat_batches(&table.file_schema(), &*open).map_err(WarehouseError::arrow(&table.name))?;
    open.clear();
    if rows.num_rows() > 0 {
        pieces.push(Piece::New(rows));
    }
    Ok(())
}

/// The rows of others; notes whose the rest are.
fn kept(
    table: &Table,
    rows: &RecordBatch,
    marks: &Marks,
    found: &mut BTreeSet<usize>,
) -> Result<RecordBatch, WarehouseError> {
    let persons = parquet::keys(table, rows).into_iter().flatten().map(|key| marks.person(key.0));
    let others: BooleanArray =
        persons.inspect(|person| found.extend(*person)).map(|p| Some(p.is_none())).collect();
    filter_record_batch(rows, &others).map_err(WarehouseError::arrow(&table.name))
}
