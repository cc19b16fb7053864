//! The warehouse: loading and snapshots.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures::future::try_join_all;

use crate::derive::Derivation;
use crate::load::{State, Workplace};
use crate::policy::Policy;
use crate::snapshot::{TableSnapshot, snapshot_id};
use crate::storage::TableFiles;
use crate::storage::delta::{TableLog, commit_file};
use crate::storage::files::{self, LoadLock};
use crate::storage::pointer::Pointer;
use crate::{Delivery, DeliveryLoad, Installation, Reference, Snapshot, WarehouseError, WarehouseKey};

/// The tables of an installation.
#[derive(Debug)]
pub struct Warehouse {
    root: PathBuf,
    policy: Arc<Policy>,
    derivation: Arc<Derivation>,
    reference: Reference,
    /// The last snapshot read, by the pointer it belongs to.
    last: Mutex<Option<(Pointer, Snapshot)>>,
}

impl Warehouse {
    /// Opens the warehouse of an installation; an empty one when nothing was loaded yet.
    pub fn open(installation: &Installation, policy: Arc<Policy>) -> Result<Self, WarehouseError> {
        let folder = installation.warehouse_dir();
        let root = std::fs::create_dir_all(&folder).and_then(|()| folder.canonicalize());
        Ok(Self {
            root: root.map_err(WarehouseError::io("open", &folder))?,
            derivation: Arc::new(Derivation::new(&policy)?),
            policy,
            reference: Reference::shipped()?,
            last: Mutex::new(None),
        })
    }

    /// Loads deliveries: all of them, or none when anything is wrong. What became of the rows is given in the
    /// order of the deliveries.
    ///
    /// A row whose record is there already replaces it, also when it now belongs to another year or person.
    /// Deliveries that say nothing new change nothing: neither files nor the snapshot's id. One loader works at a
    /// time; another waits.
    ///
    /// A crash leaves the state before: files and commits that no pointer names are not read, and the next
    /// load takes them out of the logs.
    pub async fn load(
        &self,
        key: &WarehouseKey,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<DeliveryLoad>, WarehouseError> {
        let root = self.root.clone();
        let lock = Arc::new(blocking(move || LoadLock::wait(&root)).await?);
        let pointer = Pointer::read(&self.root)?;
        let before = self.state(pointer.as_ref()).await?;
        let (root, policy, derivation) = (self.root.clone(), self.policy.clone(), self.derivation.clone());
        let (key, mut after) = (key.clone(), before.clone());
        let (loads, after) = held(&lock, move || {
            let place = Workplace { root: &root, policy: &policy, derivation: &derivation };
            let loads = place.prepare(&key, deliveries, &mut after)?;
            Ok((loads, after))
        })
        .await?;
        if after != before || pointer.is_none() {
            self.commit(&lock, &before, &after).await?;
        }
        Ok(loads)
    }

    /// The tables as they are now.
    pub async fn snapshot(&self) -> Result<Snapshot, WarehouseError> {
        let Some(pointer) = Pointer::read(&self.root)? else {
            let empty = self.policy.tables.keys().map(|name| (name.clone(), TableSnapshot::default()));
            return Ok(Snapshot { id: snapshot_id(std::iter::empty()), tables: empty.collect() });
        };
        if let Some(snapshot) = self.remembered(&pointer) {
            return Ok(snapshot);
        }
        let state = self.state(Some(&pointer)).await?;
        let id = snapshot_id(state.iter().map(|(name, files)| (name.as_str(), files)));
        if id != pointer.id {
            let path = self.root.join("current.json");
            return Err(WarehouseError::damaged(&path, "its id is not that of the tables' versions"));
        }
        let tables = self.policy.tables.keys().map(|name| {
            let version = pointer.tables.get(name).copied().unwrap_or_default();
            let none = TableFiles::new();
            let files = state.get(name).unwrap_or(&none);
            (name.clone(), TableSnapshot::new(&self.root.join(name), version, files))
        });
        let snapshot = Snapshot { id, tables: tables.collect() };
        if let Ok(mut last) = self.last.lock() {
            *last = Some((pointer, snapshot.clone()));
        }
        Ok(snapshot)
    }

    /// Public reference data.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The policy the warehouse was opened with.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    fn remembered(&self, pointer: &Pointer) -> Option<Snapshot> {
        let last = self.last.lock().ok()?;
        last.as_ref().filter(|(of, _)| of == pointer).map(|(_, snapshot)| snapshot.clone())
    }

    /// The files the pointer means.
    async fn state(&self, pointer: Option<&Pointer>) -> Result<State, WarehouseError> {
        let tables = self.policy.tables.values();
        let versions = tables.filter_map(|t| Some((t, *pointer?.tables.get(&t.name)?)));
        let read = versions.map(async |(table, version)| {
            let log = TableLog::open(&self.root, table, Some(version)).await?;
            Ok::<_, WarehouseError>((table.name.clone(), log.files().await?))
        });
        Ok(try_join_all(read).await?.into_iter().collect())
    }

    /// Makes the new files durable, commits each table, makes the commits durable, then moves the pointer.
    async fn commit(
        &self,
        lock: &Arc<LoadLock>,
        before: &State,
        after: &State,
    ) -> Result<(), WarehouseError> {
        let none = TableFiles::new();
        let mut new = Vec::new();
        for (table, files) in after {
            let old = before.get(table).unwrap_or(&none);
            let added = files.iter().filter(|(cell, file)| old.get(cell) != Some(file));
            new.extend(added.map(|(_, file)| self.root.join(table).join(&file.path)));
        }
        self.sync(lock, new).await?;
        let commits = self.policy.tables.values().map(async |table| {
            let log = TableLog::open(&self.root, table, None).await?;
            let version = log.commit(table, after.get(&table.name).unwrap_or(&none)).await?;
            Ok::<_, WarehouseError>((table.name.clone(), version))
        });
        let tables: BTreeMap<String, u64> = try_join_all(commits).await?.into_iter().collect();
        let logs = tables.iter().map(|(table, version)| commit_file(&self.root.join(table), *version));
        self.sync(lock, logs.collect()).await?;
        let id = snapshot_id(after.iter().map(|(name, files)| (name.as_str(), files)));
        let (root, pointer) = (self.root.clone(), Pointer { id, tables });
        held(lock, move || pointer.write(&root)).await
    }

    async fn sync(&self, lock: &Arc<LoadLock>, paths: Vec<PathBuf>) -> Result<(), WarehouseError> {
        let root = self.root.clone();
        held(lock, move || files::sync(&root, &paths)).await
    }
}

/// Does work for the processor and the disk off the tasks' threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WarehouseError> + Send + 'static,
) -> Result<T, WarehouseError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(WarehouseError::Interrupted))
}

/// The same under the loaders' lock. Such work goes on when the caller gives up waiting; it keeps the lock until
/// it is done, so that no other loader comes between.
async fn held<T: Send + 'static>(
    lock: &Arc<LoadLock>,
    work: impl FnOnce() -> Result<T, WarehouseError> + Send + 'static,
) -> Result<T, WarehouseError> {
    let lock = lock.clone();
    blocking(move || {
        let done = work();
        drop(lock);
        done
    })
    .await
}
