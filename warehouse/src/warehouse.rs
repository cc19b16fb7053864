//! The warehouse: loading and snapshots.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::try_join_all;
use jiff::civil::Date;

use crate::derive::Derivation;
use crate::keep::{self, today_in_oslo};
use crate::links::Links;
use crate::load::{State, Workplace};
use crate::policy::Policy;
use crate::snapshot::{TableSnapshot, snapshot_id};
use crate::storage::TableFiles;
use crate::storage::delta::{TableLog, commit_file};
use crate::storage::files::LoadLock;
use crate::storage::home::Home;
use crate::storage::pointer::{self, Loaded, Pointer};
use crate::{Delivery, DeliveryLoad, Installation, Reference, Snapshot, WarehouseError, WarehouseKey};

/// The logs of tables, as a pointer names them.
pub(crate) type Logs = BTreeMap<String, TableLog>;

/// The tables of an installation.
#[derive(Debug)]
pub struct Warehouse {
    pub(crate) home: Home,
    /// The folder of the installation.
    pub(crate) installation: PathBuf,
    /// The note of which keys the rows were hashed with.
    pub(crate) key_note: PathBuf,
    pub(crate) policy: Arc<Policy>,
    derivation: Arc<Derivation>,
    reference: Reference,
    /// The last snapshot read, by the pointer it belongs to.
    /// Without its lease: what nobody reads may be deleted.
    last: Mutex<Option<(Pointer, Snapshot)>>,
    /// How long readers of files to be deleted are waited for.
    pub(crate) patience: Duration,
}

impl Warehouse {
    /// Opens the warehouse of an installation; an empty one when nothing was loaded yet.
    pub fn open(installation: &Installation, policy: Arc<Policy>) -> Result<Self, WarehouseError> {
        Self::at(Home::of(installation)?, installation, policy)
    }

    /// The same where the tables are at home there.
    pub(crate) fn at(
        home: Home,
        installation: &Installation,
        policy: Arc<Policy>,
    ) -> Result<Self, WarehouseError> {
        Ok(Self {
            home,
            installation: installation.root().to_owned(),
            key_note: installation.key_note_path(),
            patience: keep::patience(&policy),
            derivation: Arc::new(Derivation::new(&policy)?),
            policy,
            reference: Reference::of(installation)?,
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
        self.load_on(key, deliveries, today_in_oslo()).await
    }

    /// The same as if it were this day in Oslo: rows that are past their retention on it are refused.
    pub async fn load_on(
        &self,
        key: &WarehouseKey,
        deliveries: Vec<Delivery>,
        today: Date,
    ) -> Result<Vec<DeliveryLoad>, WarehouseError> {
        let lock = self.lock().await?;
        let pointer = self.begun(&lock).await?;
        let (before, logs) = self.state(Some(&pointer)).await?;
        let (policy, derivation) = self.shared();
        let (key, mut after) = (pointer.key_in_force(key)?, before.clone());
        let named = pointer.links.clone();
        let (loads, after, links) = held(&lock, move |lock| {
            let place = Workplace { lock, policy: &policy, derivation: &derivation, today };
            let mut links = Links::read(lock.home(), named.as_deref())?;
            let loads = place.prepare(&key, deliveries, &mut after, &mut links)?;
            Ok((loads, after, links.write(lock)?))
        })
        .await?;
        // The first load makes the tables, also if it brings nothing.
        if after != before || links != pointer.links || pointer.tables.is_empty() {
            let loaded = loaded_since(pointer.loaded_as(&before), &before, &after);
            self.commit(&lock, logs, &before, &after, Pointer { loaded, links, ..pointer }).await?;
        }
        Ok(loads)
    }

    /// The pointer; before the first load, one of no tables, made durable before any table is: so a pointer that is
    /// missing beside tables was lost.
    pub(crate) async fn begun(&self, lock: &Arc<LoadLock>) -> Result<Pointer, WarehouseError> {
        held(lock, move |lock| {
            if let Some(pointer) = pointer::current(lock.home())? {
                return Ok(pointer);
            }
            let id = snapshot_id(std::iter::empty());
            point(lock, Pointer { id, ..Pointer::default() })
        })
        .await
    }

    /// The loaders' lock, when nobody else has it any more.
    pub(crate) async fn lock(&self) -> Result<Arc<LoadLock>, WarehouseError> {
        let home = self.home.clone();
        blocking(move || LoadLock::wait(&home)).await.map(Arc::new)
    }

    /// The tables as they are now. Their files stay for as long as the snapshot, or one of its tables, lives.
    pub async fn snapshot(&self) -> Result<Snapshot, WarehouseError> {
        let home = self.home.clone();
        let leased = blocking(move || match home.lease()? {
            None => pointer::current(&home).map(|_| None),
            leased => Ok(leased),
        });
        let Some((pointer, lease)) = leased.await? else {
            let empty = |table| TableSnapshot::new(&self.home, table, 0, &TableFiles::new(), BTreeMap::new());
            let empty = self.policy.tables.iter().map(|(name, table)| (name.clone(), empty(table)));
            return Ok(Snapshot { id: snapshot_id(std::iter::empty()), tables: empty.collect() });
        };
        if let Some(snapshot) = self.remembered(&pointer) {
            return Ok(snapshot.leased(&lease));
        }
        let (state, _) = self.state(Some(&pointer)).await?;
        let id = snapshot_id(state.iter().map(|(name, files)| (name.as_str(), files)));
        if id != pointer.id {
            let path = pointer::path(self.home.root());
            return Err(WarehouseError::damaged(&path, "its id is not that of the tables' versions"));
        }
        let mut loaded = pointer.loaded_as(&state);
        let tables = self.policy.tables.iter().map(|(name, table)| {
            let version = pointer.tables.get(name).copied().unwrap_or_default();
            let none = TableFiles::new();
            let files = state.get(name).unwrap_or(&none);
            let loaded = loaded.remove(name).unwrap_or_default();
            (name.clone(), TableSnapshot::new(&self.home, table, version, files, loaded))
        });
        let snapshot = Snapshot { id, tables: tables.collect() };
        if let Ok(mut last) = self.last.lock() {
            *last = Some((pointer, snapshot.clone()));
        }
        Ok(snapshot.leased(&lease))
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

    /// What work off the tasks' threads needs.
    pub(crate) fn shared(&self) -> (Arc<Policy>, Arc<Derivation>) {
        (self.policy.clone(), self.derivation.clone())
    }

    /// The files the pointer means, and the logs that say so.
    pub(crate) async fn state(&self, pointer: Option<&Pointer>) -> Result<(State, Logs), WarehouseError> {
        let tables = self.policy.tables.values();
        let versions = tables.filter_map(|t| Some((t, *pointer?.tables.get(&t.name)?)));
        let read = versions.map(async |(table, version)| {
            let (home, table) = (self.home.clone(), table.clone());
            // Each on its own task, since reading a log is work for the processor.
            let opened = tokio::spawn(async move {
                let log = TableLog::open(&home, &table, Some(version)).await?;
                Ok(((table.name.clone(), log.files()?), (table.name, log)))
            });
            opened.await.unwrap_or(Err(WarehouseError::Interrupted))
        });
        Ok(try_join_all(read).await?.into_iter().unzip())
    }

    /// Makes the new files durable, commits each table, makes the commits durable, then moves the pointer to them;
    /// what else it says is given. The logs of the state before are not opened again, but for those that a stopped loader
    /// committed to.
    pub(crate) async fn commit(
        &self,
        lock: &Arc<LoadLock>,
        mut logs: Logs,
        before: &State,
        after: &State,
        pointer: Pointer,
    ) -> Result<Pointer, WarehouseError> {
        let none = TableFiles::new();
        let mut new = Vec::new();
        for (table, files) in after {
            let old = before.get(table).unwrap_or(&none);
            let added = files.iter().filter(|(cell, file)| old.get(cell) != Some(file));
            new.extend(added.map(|(_, file)| self.home.root().join(table).join(&file.path)));
        }
        held(lock, move |lock| lock.sync(&new)).await?;
        lock.still().map_err(WarehouseError::io("commit to", self.home.root()))?;
        let tables: Vec<_> = self.policy.tables.values().map(|t| (t, logs.remove(&t.name))).collect();
        let commits = tables.into_iter().map(async |(table, opened)| {
            let newest = match opened {
                Some(log) => log.if_newest().await?,
                None => None,
            };
            let log = match newest {
                Some(log) => log,
                // A derived table may have been written with other columns than it has from now on.
                None if self.derivation.derives(&table.name) => {
                    TableLog::as_written(&self.home, table, None).await?
                }
                None => TableLog::open(&self.home, table, None).await?,
            };
            let version = log.commit(table, after.get(&table.name).unwrap_or(&none)).await?;
            Ok::<_, WarehouseError>((table.name.clone(), version))
        });
        let tables: BTreeMap<String, u64> = try_join_all(commits).await?.into_iter().collect();
        let root = self.home.root();
        let logs = tables.iter().map(|(table, version)| commit_file(&root.join(table), *version));
        let logs: Vec<PathBuf> = logs.collect();
        let id = snapshot_id(after.iter().map(|(name, files)| (name.as_str(), files)));
        held(lock, move |lock| {
            lock.sync(&logs)?;
            point(lock, Pointer { id, tables, ..pointer })
        })
        .await
    }
}

/// Moves the pointer, whose snapshot can be read from then on.
fn point(lock: &LoadLock, pointer: Pointer) -> Result<Pointer, WarehouseError> {
    lock.home().prepare_leases(&pointer.id)?;
    pointer.write(lock)?;
    Ok(pointer)
}

/// What the years are loaded as after a load: what it changed is loaded anew, and the rest is as it was.
pub(crate) fn loaded_since(mut loaded: Loaded, before: &State, after: &State) -> Loaded {
    let (old, new) = (pointer::loaded(before), pointer::loaded(after));
    let none = BTreeMap::new();
    for table in old.keys().chain(new.keys()) {
        let (was, is) = (old.get(table).unwrap_or(&none), new.get(table).unwrap_or(&none));
        let years = loaded.entry(table.clone()).or_default();
        for year in was.keys().chain(is.keys()).filter(|year| was.get(*year) != is.get(*year)) {
            match is.get(year) {
                Some(id) => years.insert(*year, id.clone()),
                None => years.remove(year),
            };
        }
    }
    loaded
}

/// Does work for the processor and the disk off the tasks' threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WarehouseError> + Send + 'static,
) -> Result<T, WarehouseError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(WarehouseError::Interrupted))
}

/// The same under the loaders' lock. Such work goes on when the caller gives up waiting; it keeps the lock until
/// it is done, so that no other loader comes between.
pub(crate) async fn held<T: Send + 'static>(
    lock: &Arc<LoadLock>,
    work: impl FnOnce(&LoadLock) -> Result<T, WarehouseError> + Send + 'static,
) -> Result<T, WarehouseError> {
    let lock = lock.clone();
    blocking(move || {
        let done = work(&lock);
        drop(lock);
        done
    })
    .await
}
