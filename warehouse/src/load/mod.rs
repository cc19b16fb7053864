//! A load: deliveries in, a new state of all tables out.
//!
//! 1. Every row is checked against the policy again; a row that breaks it refuses the whole call ([`accept`]).
//! 2. Pseudonyms are hashed a second time ([`layer`]), under the epoch of the key that the tables are of.
//! 3. Client numbers whose person is known now become that person ([`crate::links`]), in delivered and in stored rows.
//! 4. Rows are merged by record: the last delivery of a record wins, whatever year it says ([`merge`]).
//!    A record that is taken back goes. Only the files of touched years and shards are made anew.
//! 5. Derived tables are made anew for the same years and shards ([`crate::derive`]).
//! 6. Each table is committed, then the pointer moves ([`crate::storage`]).
//!
//! This module does 3 to 6 without the network of tasks: it is work for the processor and the disk.

pub(crate) mod accept;
pub(crate) mod layer;
mod merge;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use jiff::civil::Date;

use crate::delivery::DeliveryLoad;
use crate::derive::Derivation;
use crate::links::Links;
use crate::policy::{Policy, Table};
use crate::storage::files::LoadLock;
use crate::storage::home::Home;
use crate::storage::{Cell, StoredFile, TableFiles, parquet, path_of};
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

/// One file to be made: the rows a cell will have.
pub(crate) struct CellRows {
    pub(crate) cell: Cell,
    pub(crate) rows: RecordBatch,
}

/// A cell and the file it now has, or none.
pub(crate) type NewFile = (Cell, Option<StoredFile>);

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

    /// Writes the file of a cell, unless the very same is there; a cell without rows has none.
    pub(crate) fn write(
        &self,
        table: &Table,
        old: Option<&StoredFile>,
        new: &CellRows,
    ) -> Result<NewFile, WarehouseError> {
        if new.rows.num_rows() == 0 {
            return Ok((new.cell, None));
        }
        let content = parquet::encode(table, new.cell, &new.rows)?;
        let file = StoredFile { path: path_of(new.cell, &content), bytes: content.len() as u64 };
        let path = self.folder(&table.name).join(&file.path);
        if old != Some(&file) {
            self.lock.write(&path, &content)?;
        }
        Ok((new.cell, Some(file)))
    }
}

/// Puts the new files in place of the old ones; gives the cells that changed.
fn replace_files(files: &mut TableFiles, made: Vec<NewFile>) -> BTreeSet<Cell> {
    let mut changed = BTreeSet::new();
    for (cell, file) in made {
        let before = match file.clone() {
            Some(file) => files.insert(cell, file),
            None => files.remove(&cell),
        };
        if before != file {
            changed.insert(cell);
        }
    }
    changed
}
