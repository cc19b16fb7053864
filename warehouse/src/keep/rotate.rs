//! Puts every stored pseudonym under a new epoch of the warehouse key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::compute::interleave_record_batch;
use arrow::record_batch::RecordBatch;
use serde::Serialize;

use super::Begun;
use super::listing::{Listing, What};
use super::vacuum::Removed;
use crate::links::Links;
use crate::load::{NewFiles, State, Workplace, layer, replace_files};
use crate::policy::Table;
use crate::storage::files::LoadLock;
use crate::storage::parquet::Key;
use crate::storage::pointer::Pointer;
use crate::storage::{Place, SHARDS, StoredFile, TableFiles, parquet, shard, workers};
use crate::warehouse::held;
use crate::{Purpose, Warehouse, WarehouseError, WarehouseKey, today_in_oslo};

/// What a rotation did. Counts for the steward.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rotation {
    /// The epoch that was in force.
    pub epoch_before: u32,
    /// The epoch that is in force now.
    pub epoch: u32,
    /// Whether the epoch was made by a rotation that was cut short, which this one finished.
    pub resumed: bool,
    /// Id of the snapshot before.
    pub snapshot_before: String,
    /// Id of the snapshot after.
    pub snapshot_after: String,
    /// By table, for those with pseudonyms.
    pub tables: BTreeMap<String, Rehashed>,
    /// What was deleted: with it the last files of the warehouse's own under an earlier epoch.
    pub removed: Removed,
    /// Files in the warehouse's folder that it did not write, and so did not hash again.
    pub foreign: Vec<PathBuf>,
}

/// What was hashed again of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rehashed {
    /// Files made anew.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
}

impl Warehouse {
    /// Gives the key in this file another epoch, and hashes every stored pseudonym once more with it.
    ///
    /// 1. The new epoch is durably in the key file before anything else happens. One that is there already and not in
    ///    force was left by a rotation that was cut short, and is used.
    /// 2. Every file with pseudonyms is made anew: hashed, split and sorted, as one new snapshot.
    /// 3. The pointer is replaced, which also says the epoch: the moment at which the new one is in force. Until then,
    ///    and after a crash, everything works under the old one.
    /// 4. The old files are deleted when nobody reads them any more; after a crash the next rotation or
    ///    [`Warehouse::compact`] deletes them.
    ///
    /// The rows say what they said: links hold, re-sent deliveries change nothing, `person_year` follows from its
    /// sources as before, since no rule looks at the order of persons, and stored answers stand. `key` is the key that
    /// was checked to be the warehouse's. A year of a table is in memory at a time, on each core.
    ///
    /// # Privacy
    /// *Protects* from somebody who got hold of a copy of the key file from before, also with the linking key beside
    /// it: files from after the rotation hold another hash, under a secret that this copy lacks, so nobody can be
    /// looked up in them.
    ///
    /// *Does not protect* from somebody who has the key file of today: it holds all epochs, since deliveries are
    /// hashed through them. Nor from copies of old files, which the old key file still opens; and who has these can
    /// recognise the same rows in new files by what they say. Nor does it replace the linking key: its hashes can be
    /// made from the sources' data alone.
    pub async fn rotate(&self, key: &WarehouseKey, path: &Path) -> Result<Rotation, WarehouseError> {
        let Begun { lock, pointer, state: before, logs } = self.to_keep().await?;
        let pointer = match pointer {
            Some(pointer) => pointer,
            None => self.begun(&lock).await?,
        };
        let (key, in_force, resumed) = self.newest(&lock, key, path, &pointer).await?;
        let (policy, derivation) = self.shared();
        let (hasher, old) = (key.clone(), before.clone());
        let named = pointer.links.clone();
        let (tables, after, links) = held(&lock, move |lock| {
            let place = Workplace { lock, policy: &policy, derivation: &derivation, today: today_in_oslo() };
            let hash = |purpose, stored: &[u8; 16]| hasher.hash_on(in_force, purpose, stored);
            let links = Links::read(lock.home(), named.as_deref())?;
            let links = links.hashed(|stored| hash(Purpose::Person, stored)).write(lock)?;
            let (tables, after) = hash_all(&place, &hash, old)?;
            Ok((tables, after, links))
        })
        .await?;
        let (snapshot_before, loaded) = (pointer.id.clone(), pointer.loaded_as(&before));
        let pointer = Pointer { loaded, key: key.epochs().last(), links, ..pointer };
        let pointer = self.commit(&lock, logs, &before, &after, pointer).await?;
        let (snapshot_after, epoch) = (pointer.id.clone(), key.epoch());
        let removed = self.vacuum(&lock, Some(pointer), after).await;
        let removed = removed.map_err(|error| WarehouseError::Unswept { epoch, source: Box::new(error) })?;
        let listing = held(&lock, |lock| Ok(Listing::of(lock.home()).files)).await?.into_iter();
        let foreign = listing.filter(|found| found.what == What::Foreign).map(|found| found.path).collect();
        Ok(Rotation {
            epoch_before: in_force,
            epoch,
            resumed,
            snapshot_before,
            snapshot_after,
            tables,
            removed,
            foreign,
        })
    }

    /// The key as its file has it now, with an epoch that is not in force yet, durably; the epoch in force; and whether
    /// the newer one was there already. Under the loaders' lock, so that two rotations never write the file at once.
    async fn newest(
        &self,
        lock: &Arc<LoadLock>,
        checked: &WarehouseKey,
        path: &Path,
        pointer: &Pointer,
    ) -> Result<(WarehouseKey, u32, bool), WarehouseError> {
        let (id, path, pointer) = (checked.id().to_owned(), path.to_owned(), pointer.clone());
        held(lock, move |_| {
            let key = WarehouseKey::load(&path)?;
            if key.id() != id {
                return Err(WarehouseError::Exchanged { path });
            }
            let in_force = pointer.key_in_force(&key)?.epoch();
            if key.epoch() > in_force {
                return Ok((key, in_force, true));
            }
            let key = key.next()?;
            key.replace(&path)?;
            Ok((key, in_force, false))
        })
        .await
    }
}

/// How a pseudonym is hashed again.
type Hash<'a> = dyn Fn(Purpose, &[u8; 16]) -> [u8; 16] + Sync + 'a;

/// A table's files of a year.
type Year<'a> = Vec<(Place, &'a StoredFile)>;

/// Writes the files of all tables with their pseudonyms hashed again, and gives the state of them.
fn hash_all(
    place: &Workplace<'_>,
    hash: &Hash<'_>,
    mut state: State,
) -> Result<(BTreeMap<String, Rehashed>, State), WarehouseError> {
    let before = state.clone();
    let mut jobs = Vec::new();
    for (name, files) in &before {
        let Some(table) = place.policy.table(name) else { continue };
        let columns = keyed(place, table);
        if columns.is_empty() {
            continue;
        }
        let mut years: BTreeMap<i32, Year<'_>> = BTreeMap::new();
        for (place, file) in files {
            years.entry(place.0).or_default().push((*place, file));
        }
        jobs.extend(years.into_iter().map(|(year, files)| (table, columns.clone(), year, files)));
    }
    let done = workers::each(jobs, |(table, columns, year, files)| {
        Ok((table, year, hash_year(place, table, &columns, hash, year, &files)?))
    })?;
    let mut tables: BTreeMap<String, Rehashed> = BTreeMap::new();
    for (table, year, (rows, made)) in done {
        let files = state.entry(table.name.clone()).or_default();
        files.retain(|place, _| place.0 != year);
        let report = tables.entry(table.name.clone()).or_default();
        report.files += made.iter().map(|(_, files)| files.len() as u64).sum::<u64>();
        report.rows += rows;
        replace_files(files, made);
    }
    Ok((tables, state))
}

/// The columns whose pseudonyms are the key's. Records of derived tables are not: they are hashes of what rows say.
fn keyed<'a>(place: &Workplace<'_>, table: &'a Table) -> Vec<(&'a str, Purpose)> {
    let derived = place.derivation.derives(&table.name);
    let mut columns = layer::columns(table);
    columns.retain(|(_, purpose)| *purpose == Purpose::Person || !derived);
    columns
}

/// A year of a table: how many rows it has, and its new files.
fn hash_year(
    place: &Workplace<'_>,
    table: &Table,
    columns: &[(&str, Purpose)],
    hash: &Hash<'_>,
    year: i32,
    files: &[(Place, &StoredFile)],
) -> Result<(u64, Vec<NewFiles>), WarehouseError> {
    let schema = table.file_schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut batches: Vec<RecordBatch> = Vec::with_capacity(files.len());
    let mut shards: Vec<Vec<(Key, (usize, usize))>> = vec![Vec::new(); usize::from(SHARDS)];
    for (at, (of_file, file)) in files.iter().enumerate() {
        let (path, content) = place.content(table, *of_file, file)?;
        let rows = layer::hashed(table, columns, &parquet::decode(content, &names, &path)?, hash)?;
        let keys = parquet::keys(table, &rows)
            .ok_or_else(|| WarehouseError::damaged(&path, "a column holds no pseudonyms"))?;
        for (row, key) in keys.enumerate() {
            if let Some(of_shard) = shards.get_mut(usize::from(shard(key.0))) {
                of_shard.push((key, (at, row)));
            }
        }
        batches.push(rows);
    }
    let total: usize = shards.iter().map(Vec::len).sum();
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    let made = (0..).zip(shards).filter(|(_, rows)| !rows.is_empty()).map(|(at, mut rows)| {
        rows.sort_unstable();
        let order: Vec<(usize, usize)> = rows.into_iter().map(|(_, place)| place).collect();
        let rows = interleave_record_batch(&batches, &order).map_err(WarehouseError::arrow(&table.name))?;
        place.write(table, &TableFiles::new(), (year, at), &rows)
    });
    Ok((total as u64, made.collect::<Result<_, _>>()?))
}
