//! Makes derived tables anew whose columns are not those of the policy any more.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{id_of, today_in_oslo};
use crate::load::{State, Workplace, replace_files};
use crate::policy::Table;
use crate::storage::delta::TableLog;
use crate::storage::pointer::{self, Pointer};
use crate::storage::{Cell, TableFiles, cells, workers};
use crate::warehouse::{Logs, held};
use crate::{Warehouse, WarehouseError};

/// What was made anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rederived {
    /// Id of the snapshot before.
    pub snapshot_before: String,
    /// Id of the snapshot after; the same when every table has the policy's columns.
    pub snapshot_after: String,
    /// By table, for those that were made anew.
    pub tables: BTreeMap<String, Anew>,
}

/// A table that was made anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Anew {
    /// Its files.
    pub files: u64,
    /// Years whose rows say something else in the columns that were there before, or have come or gone: what was
    /// answered about them is not answered from the stored answers any more.
    pub changed: Vec<i32>,
}

/// The columns that a table was written with and the policy still declares, by table.
type Kept = BTreeMap<String, Vec<String>>;

impl Warehouse {
    /// Makes every derived table anew that was written with other columns than the policy declares, from the rows
    /// that are there: after a policy gained or lost a column of `person_year`. Where all tables have their columns it
    /// changes nothing. Tables of events cannot be made anew, and are refused as ever. After a crash the state is the
    /// one before or the one after, and the same call again does what is left.
    ///
    /// # Privacy
    /// The rows are those that a load under this policy would have made. A year whose earlier columns say what they
    /// said is still what was loaded, so that answers and releases about it stand and nothing is paid for
    /// twice; a year whose do not is another one, and asking about it again is charged.
    pub async fn rederive(&self) -> Result<Rederived, WarehouseError> {
        let lock = self.lock().await?;
        let pointer = held(&lock, |lock| pointer::current(lock.home())).await?;
        let mut report = Rederived { snapshot_before: id_of(pointer.as_ref()), ..Rederived::default() };
        report.snapshot_after.clone_from(&report.snapshot_before);
        let Some(pointer) = pointer else { return Ok(report) };
        let (before, kept, logs) = self.written(&pointer).await?;
        if kept.is_empty() {
            return Ok(report);
        }
        let ((policy, derivation), old) = (self.shared(), before.clone());
        let loaded = pointer.loaded_as(&before);
        let (after, tables, loaded) = held(&lock, move |lock| {
            let place = Workplace { lock, policy: &policy, derivation: &derivation, today: today_in_oslo() };
            let (mut after, mut tables, mut loaded) = (old.clone(), BTreeMap::new(), loaded);
            for name in kept.keys() {
                after.insert(name.clone(), TableFiles::new());
            }
            let sources = old.iter().filter(|(name, _)| !derivation.derives(name));
            let touched = sources.map(|(name, files)| (name.clone(), cells(files)));
            for (table, made) in derivation.run(&place, &after, &touched.collect())? {
                let Some(kept) = kept.get(&table.name) else { continue };
                let mut files = TableFiles::new();
                replace_files(&mut files, made);
                let changed = changed(&place, table, kept, old.get(&table.name), &files)?;
                let anew = Anew { files: files.len() as u64, changed: changed.iter().copied().collect() };
                tables.insert(table.name.clone(), anew);
                after.insert(table.name.clone(), files);
                let fresh = pointer::loaded(&after).remove(&table.name).unwrap_or_default();
                let years = loaded.entry(table.name.clone()).or_default();
                for year in changed {
                    match fresh.get(&year) {
                        Some(id) => years.insert(year, id.clone()),
                        None => years.remove(&year),
                    };
                }
            }
            Ok((after, tables, loaded))
        })
        .await?;
        let pointer = self.commit(&lock, logs, &before, &after, Pointer { loaded, ..pointer }).await?;
        Ok(Rederived { snapshot_after: pointer.id, tables, ..report })
    }

    /// The files that the pointer means, whatever columns derived tables have, and those of them with others than the
    /// policy's.
    async fn written(&self, pointer: &Pointer) -> Result<(State, Kept, Logs), WarehouseError> {
        let (mut state, mut kept, mut logs) = (State::new(), Kept::new(), Logs::new());
        let (policy, derivation) = self.shared();
        for table in policy.tables.values() {
            let Some(version) = pointer.tables.get(&table.name) else { continue };
            let log = if derivation.derives(&table.name) {
                TableLog::as_written(&self.home, table, Some(*version)).await?
            } else {
                TableLog::open(&self.home, table, Some(*version)).await?
            };
            if !log.has_columns_of(table)? {
                let written = log.column_names()?.into_iter();
                kept.insert(
                    table.name.clone(),
                    written.filter(|name| table.column(name).is_some()).collect(),
                );
            }
            state.insert(table.name.clone(), log.files()?);
            logs.insert(table.name.clone(), log);
        }
        Ok((state, kept, logs))
    }
}

/// The years in which the rows differ in the columns that are in both.
fn changed(
    place: &Workplace<'_>,
    table: &Table,
    kept: &[String],
    old: Option<&TableFiles>,
    new: &TableFiles,
) -> Result<BTreeSet<i32>, WarehouseError> {
    let none = TableFiles::new();
    let old = old.unwrap_or(&none);
    let schema = table.file_schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| kept.iter().any(|kept| kept == name)).collect();
    let cells: BTreeSet<Cell> = cells(old).union(&cells(new)).copied().collect();
    let differing = workers::each(cells.into_iter().collect(), |cell: Cell| {
        let rows = |files: &TableFiles| {
            let rows = place.rows(table, files, cell, &names)?;
            // In the order of the policy: files have the order that they were written with.
            let columns = rows.map(|rows| names.iter().map(|n| rows.column_by_name(n).cloned()).collect());
            Ok::<_, WarehouseError>(columns.unwrap_or_else(Vec::new))
        };
        Ok((rows(old)? != rows(new)?).then_some(cell.0))
    })?;
    Ok(differing.into_iter().flatten().collect())
}
