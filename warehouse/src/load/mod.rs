//! A load: deliveries in, a new state of all tables out.
//!
//! 1. Every row is checked against the policy again; a row that breaks it refuses the whole call ([`accept`]).
//! 2. Pseudonyms are hashed a second time ([`layer`]), under the epoch of the key that the tables are of.
//! 3. Client numbers whose person is known now become that person ([`crate::links`]), in delivered and in stored rows.
//! 4. Rows are merged by record: the last delivery of a record wins, whatever year it says ([`merge`]).
//!    A record that is taken back goes. Only the years and shards that are touched are made anew, and of them the files that change.
//! 5. Derived tables are made anew for the same years and shards ([`crate::derive`]).
//! 6. Each table is committed, then the pointer moves ([`crate::storage`]).
//!
//! This module does 3 to 6 without the network of tasks: it is work for the processor and the disk.

pub(crate) mod accept;
pub(crate) mod layer;
mod merge;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use jiff::civil::Date;

use crate::delivery::DeliveryLoad;
use crate::derive::Derivation;
use crate::links::Links;
use crate::policy::{Policy, Table};
use crate::storage::files::LoadLock;
use crate::storage::home::Home;
use crate::storage::split::{self, Span};
use crate::storage::{Cell, Place, StoredFile, TableFiles, of_cell, parquet, path_of};
use crate::{Delivery, WarehouseError, WarehouseKey};

use self::merge::Merge;

/// The files of every table.
pub(crate) type State = BTreeMap<String, TableFiles>;

/// Where rows are read from and written to.
pub(crate) struct Workplace<'a> {
    /// Held while anything is read or written.
    pub(crate) lock: &'a LoadLock,
    pub(crate) policy: &'a Policy,
    pub(crate) derivation: &'a Derivation,
    /// The day, for what is past its retention.
    pub(crate) today: Date,
}

/// A cell and the files that it has now, in the order of their persons.
pub(crate) type NewFiles = (Cell, Vec<(Span, StoredFile)>);

impl Workplace<'_> {
    /// Where the tables are.
    pub(crate) fn home(&self) -> &Home {
        self.lock.home()
    }

    /// What every path begins with.
    pub(crate) fn root(&self) -> &Path {
        self.home().root()
    }

    /// Folder of a table.
    pub(crate) fn folder(&self, table: &str) -> PathBuf {
        self.root().join(table)
    }

    /// Writes the files of a new state beside those of the old one, and says what became of the rows.
    pub(crate) fn prepare(
        &self,
        key: &WarehouseKey,
        deliveries: Vec<Delivery>,
        state: &mut State,
        links: &mut Links,
    ) -> Result<Vec<DeliveryLoad>, WarehouseError> {
        let mut loads = vec![DeliveryLoad::default(); deliveries.len()];
        let new = links.learn(key, &deliveries, &mut loads);
        let mut withdrawn = accept::withdrawn(self.policy, self.derivation, key, &deliveries)?;
        for (load, delivery) in loads.iter_mut().zip(&deliveries) {
            load.replaced += delivery.withdrawn.values().map(|records| records.len() as u64).sum::<u64>();
        }
        let mut accepted = accept::accept(self.policy, self.derivation, key, deliveries, self.today)?;
        for (table, batches) in &mut accepted {
            let Some(table) = self.policy.table(table) else { continue };
            for batch in batches {
                if let Some(rows) = links.apply(table, &batch.rows)? {
                    batch.rows = rows;
                }
            }
        }
        for (table, rows) in links.moved(self, state, &new)? {
            // In front: what is delivered wins over what is there.
            accepted.entry(table).or_default().insert(0, rows);
        }
        for table in withdrawn.keys() {
            accepted.entry(table.clone()).or_default();
        }
        let mut touched: BTreeMap<String, BTreeSet<Cell>> = BTreeMap::new();
        for (table, batches) in accepted {
            let Some(table) = self.policy.table(&table) else { continue };
            let files = state.entry(table.name.clone()).or_default();
            let gone = withdrawn.remove(&table.name).unwrap_or_default();
            let merge = Merge::new(self, table, files, batches, &gone)?;
            merge.count(&mut loads);
            let made = merge.run(self)?;
            let changed = replace_files(files, made);
            touched.insert(table.name.clone(), changed);
        }
        for (table, made) in self.derivation.run(self, state, &touched)? {
            let files = state.entry(table.name.clone()).or_default();
            replace_files(files, made);
        }
        Ok(loads)
    }

    /// Where a file is and what it holds. Its rows go on under another name, which must not vouch for what a disk did to
    /// them; nor must it hide whose they are.
    pub(crate) fn content(
        &self,
        table: &Table,
        of_file: Place,
        file: &StoredFile,
    ) -> Result<(PathBuf, Bytes), WarehouseError> {
        let path = self.ordinary(table, file)?;
        let content = self.home().read(&path).map_err(WarehouseError::io("read", &path))?;
        if path_of(of_file, &content) != file.path {
            return Err(WarehouseError::damaged(&path, "its content is not the one it was written with"));
        }
        Ok((path, content))
    }

    /// Where a file is, if nothing else is there. Behind a link the old file would stay when it is replaced.
    fn ordinary(&self, table: &Table, file: &StoredFile) -> Result<PathBuf, WarehouseError> {
        let path = self.folder(&table.name).join(&file.path);
        if self.home().is_no_file(&path) {
            return Err(WarehouseError::damaged(&path, "it is no ordinary file"));
        }
        Ok(path)
    }

    /// The named columns of a file, of which something is to be made: only if it is as it was written.
    pub(crate) fn columns(
        &self,
        table: &Table,
        of_file: Place,
        file: &StoredFile,
        columns: &[&str],
    ) -> Result<RecordBatch, WarehouseError> {
        let (path, content) = self.content(table, of_file, file)?;
        parquet::decode(content, columns, &path)
    }

    /// The named columns of a file, to find out whether something is to be made of it: no more of it is read than they are.
    /// What is damaged elsewhere stays as it is, under the name that tells.
    pub(crate) fn glimpse(
        &self,
        table: &Table,
        of_file: Place,
        file: &StoredFile,
        columns: &[&str],
    ) -> Result<RecordBatch, WarehouseError> {
        let path = self.folder(&table.name).join(&file.path);
        let unreadable = |error| self.content(table, of_file, file).err().unwrap_or(error);
        self.home().columns(&path, columns).map_err(unreadable)
    }

    /// The named columns of the rows of a cell, in their order, of which something is to be made; none if it has no files.
    pub(crate) fn rows(
        &self,
        table: &Table,
        files: &TableFiles,
        cell: Cell,
        columns: &[&str],
    ) -> Result<Option<RecordBatch>, WarehouseError> {
        let read =
            of_cell(files, cell).map(|(span, file)| self.columns(table, (cell.0, span), file, columns));
        let mut read = read.collect::<Result<Vec<_>, _>>()?;
        if read.len() < 2 {
            return Ok(read.pop());
        }
        let schema = read[0].schema();
        concat_batches(&schema, &read).map(Some).map_err(WarehouseError::arrow(&table.name))
    }

    /// Writes the files of a cell with these sorted rows, but for those that are there already.
    pub(crate) fn write(
        &self,
        table: &Table,
        old: &TableFiles,
        cell: Cell,
        rows: &RecordBatch,
    ) -> Result<NewFiles, WarehouseError> {
        of_cell(old, cell).try_for_each(|(_, file)| self.ordinary(table, file).map(drop))?;
        let written = parts(table, cell, rows).into_iter().map(|((year, span), rows)| {
            let file = self.write_file(table, (year, span), old.get(&(year, span)), &rows)?;
            Ok::<_, WarehouseError>((span, file))
        });
        Ok((cell, written.collect::<Result<_, _>>()?))
    }

    /// Writes a file with these rows, unless the very same is there.
    pub(crate) fn write_file(
        &self,
        table: &Table,
        place: Place,
        old: Option<&StoredFile>,
        rows: &RecordBatch,
    ) -> Result<StoredFile, WarehouseError> {
        self.store(table, place, old, &parquet::encode(table, place, rows)?)
    }

    /// Writes a file with this content, unless the very same is there.
    pub(crate) fn store(
        &self,
        table: &Table,
        place: Place,
        old: Option<&StoredFile>,
        content: &[u8],
    ) -> Result<StoredFile, WarehouseError> {
        let file = StoredFile { path: path_of(place, content), bytes: content.len() as u64 };
        if old != Some(&file) {
            self.lock.write(&self.folder(&table.name).join(&file.path), content)?;
        }
        Ok(file)
    }
}

/// The rows of each file of a cell with these sorted rows.
pub(crate) fn parts(table: &Table, cell: Cell, rows: &RecordBatch) -> Vec<(Place, RecordBatch)> {
    let persons: Vec<_> = parquet::keys(table, rows).into_iter().flatten().map(|key| key.0).collect();
    let spans = split::spans(cell.1, &persons, split::most(table)).into_iter();
    spans.map(|(span, of_span)| ((cell.0, span), rows.slice(of_span.start, of_span.len()))).collect()
}

/// Puts the new files of cells in place of the old ones; gives the cells that changed.
pub(crate) fn replace_files(files: &mut TableFiles, made: Vec<NewFiles>) -> BTreeSet<Cell> {
    let mut changed = BTreeSet::new();
    for (cell, new) in made {
        let old: Vec<Span> = of_cell(files, cell).map(|(span, _)| span).collect();
        let is_same = of_cell(files, cell).eq(new.iter().map(|(span, file)| (*span, file)));
        if !is_same {
            for span in old {
                files.remove(&(cell.0, span));
            }
            files.extend(new.into_iter().map(|(span, file)| ((cell.0, span), file)));
            changed.insert(cell);
        }
    }
    changed
}
