//! Keeping the warehouse: taking persons and years out, deleting what nothing names any more, and looking it over.
//!
//! * [`Warehouse::erase`] takes persons out of every table and proves that no file of the installation holds them.
//! * [`Warehouse::retain`] drops the years that the policy does not let be kept any longer.
//! * [`Warehouse::rotate`] puts every pseudonym under a new epoch of the warehouse key.
//! * [`Warehouse::compact`] deletes files and log entries that no snapshot names.
//! * [`Warehouse::rederive`] makes derived tables anew when the policy declares other columns of them.
//! * [`Warehouse::check`] looks everything over and changes nothing.
//!
//! All of them work under the loaders' lock, and delete nothing that somebody still reads ([`crate::storage::lease`]).
//! After a crash the state is the one before or the one after, and the same call again does what is left.
//!
//! # Privacy
//!
//! *What deleting means.* Files lose their names and their bytes are given back to the file system. What a disk keeps
//! of freed blocks, copies made by backups or file-system snapshots, and what left before as answers or releases, are
//! out of reach here. Older entries of the Delta logs stay: they hold the paths of files (year, first bits of pseudonyms, a hash of the
//! content) and their sizes, and no value of a row. So they tell of an erasure, to whoever may read the folder, in which files those
//! who went were: among as many others as a file has.

mod check;
mod derived;
mod erase;
mod listing;
mod outside;
mod proof;
mod rederive;
mod retain;
mod risk;
mod rotate;
mod sought;
mod vacuum;

use std::sync::Arc;
use std::time::Duration;

pub use check::{Check, Damage, Outside};
pub use erase::{Erasure, TakenOut};
pub use proof::Proof;
pub use rederive::{Anew, Rederived};
pub use retain::{Dropped, Retained, today_in_oslo};
pub use risk::YearRisk;
pub use rotate::{Rehashed, Rotation};
pub use sought::Sought;
pub use vacuum::Removed;

use futures::future::join;
use jiff::civil::Date;

use crate::links::Links;
use crate::load::{State, Workplace};
use crate::snapshot::snapshot_id;
use crate::storage::delta::TableLog;
use crate::storage::files::LoadLock;
use crate::storage::pointer::{self, Pointer};
use crate::warehouse::{Logs, blocking, held, loaded_since};
use crate::{Warehouse, WarehouseError, WarehouseKey};

use self::erase::TakenOutOf;
use self::sought::Marks;

/// What is known when work on the warehouse begins: nothing of it changes while the lock is held.
struct Begun {
    lock: Arc<LoadLock>,
    pointer: Option<Pointer>,
    state: State,
    logs: Logs,
}

/// What a reader may take on top of a question's own deadline before it is no longer waited for.
const SETTLING: Duration = Duration::from_mins(2);

impl Warehouse {
    /// Takes persons out of every table, deletes the files they were in, and searches the installation for them.
    ///
    /// Only files with rows of theirs are made anew, and those that are put together with one; their rows in
    /// `person_year` go with them, since no row of it rests on another person's. Everything becomes visible as one
    /// snapshot. Called again after it was cut short, it does what is left.
    ///
    /// `keys`: every key that rows may have been stored under. They are looked for under all epochs of each.
    ///
    /// # Privacy
    /// The report counts, and names nobody. The new files are byte for byte what the other rows alone would make.
    /// *Proof:* of every file that is left in the installation, tables or not, each byte is searched for the persons'
    /// pseudonyms of both layers and of every epoch, as 16 bytes and as hexadecimal digits of either case; pseudonyms in data
    /// files are not compressed. Of the files of the spans that they fall in, where their rows would be, the person column is decoded as well.
    pub async fn erase(&self, keys: &[WarehouseKey], sought: &[Sought]) -> Result<Erasure, WarehouseError> {
        let Begun { lock, pointer, state: before, logs } = self.to_keep().await?;
        // Nobody would be found by a key without the epoch of the tables, and the proof would be of nothing.
        let in_force = pointer.clone().unwrap_or_default();
        keys.iter().try_for_each(|key| in_force.key_in_force(key).map(drop))?;
        let mut marks = Marks::new(keys, sought);
        let (taken, after, links, marks) = {
            let (policy, derivation) = self.shared();
            let (named, mut after) = (in_force.links.clone(), before.clone());
            held(&lock, move |lock| {
                let mut links = Links::read(lock.home(), named.as_deref())?;
                marks.follow(&links);
                links.forget(|pseudonym| marks.person(pseudonym).is_some());
                let place =
                    Workplace { lock, policy: &policy, derivation: &derivation, today: today_in_oslo() };
                let taken = erase::take_out(&place, &marks, &mut after)?;
                Ok((taken, after, links.write(lock)?, Arc::new(marks)))
            })
            .await?
        };
        let TakenOutOf { tables, found } = taken;
        let pointer_after = if after == before && links == in_force.links {
            pointer.clone()
        } else {
            // As loaded: see [`Pointer`] for why an erasure must not show there.
            let loaded = in_force.loaded_as(&before);
            Some(self.commit(&lock, logs, &before, &after, Pointer { loaded, links, ..in_force }).await?)
        };
        let (snapshot_before, snapshot_after) = (id_of(pointer.as_ref()), id_of(pointer_after.as_ref()));
        let proven = async {
            let (policy, of_tables) = (self.policy.clone(), (after.clone(), marks.clone()));
            let search = move |lock: &LoadLock| {
                let (after, marks) = of_tables;
                proof::of_tables(lock.home(), &policy, &after, &marks)
            };
            // Both to their ends: what cannot be searched must not keep the old files there.
            let (removed, searched) =
                join(self.vacuum(&lock, pointer_after, after), held(&lock, search)).await;
            let (removed, searched) = (removed?, searched?);
            let installation = self.installation.clone();
            let search =
                move |lock: &LoadLock| proof::of_others(&installation, lock.home(), searched, &marks);
            Ok((removed, held(&lock, search).await?))
        };
        let (removed, proof) =
            proven.await.map_err(|error| WarehouseError::Unproven { source: Box::new(error) })?;
        let others = sought.iter().enumerate().filter(|(at, _)| !found.contains(at));
        let mut missing: Vec<u64> = others.flat_map(|(_, person)| person.lines().to_vec()).collect();
        missing.sort_unstable();
        let (persons, found) = (sought.len(), found.len());
        Ok(Erasure { snapshot_before, snapshot_after, persons, found, missing, tables, removed, proof })
    }

    /// Drops whole years that are older than the policy lets their table be kept on this day, and deletes their files.
    /// With `dry_run` it only says what it would drop.
    pub async fn retain(&self, today: Date, dry_run: bool) -> Result<Retained, WarehouseError> {
        let Begun { lock, pointer, state: before, logs } = self.to_keep().await?;
        let (policy, mut after) = (self.policy.clone(), before.clone());
        let (tables, after) = held(&lock, move |lock| {
            let tables = retain::drop_years(lock.home(), &policy, today, &mut after)?;
            Ok((tables, after))
        })
        .await?;
        let mut retained = Retained { today, tables, ..Retained::default() };
        retained.snapshot_before = id_of(pointer.as_ref());
        retained.snapshot_after.clone_from(&retained.snapshot_before);
        if !dry_run {
            let pointer = if after == before {
                pointer
            } else {
                let pointer = pointer.unwrap_or_default();
                let loaded = loaded_since(pointer.loaded_as(&before), &before, &after);
                Some(self.commit(&lock, logs, &before, &after, Pointer { loaded, ..pointer }).await?)
            };
            retained.snapshot_after = id_of(pointer.as_ref());
            retained.removed = self.vacuum(&lock, pointer, after).await?;
        }
        Ok(retained)
    }

    /// Deletes the files and log entries that the current snapshot does not name: of older snapshots, of loads that
    /// were cut short, of tables that the policy declares no more. Done twice, it finds nothing.
    pub async fn compact(&self) -> Result<Removed, WarehouseError> {
        let Begun { lock, pointer, state, .. } = self.to_keep().await?;
        self.vacuum(&lock, pointer, state).await
    }

    /// Looks the whole warehouse over: integrity, rows outside the policy, files that are nobody's, and how far
    /// `person_year` would tell persons apart. `today` decides what is past its retention. Waits for a loader; changes
    /// nothing, and in a folder it needs to write nothing.
    ///
    /// # Privacy
    /// Exact counts, for the steward alone; never a value of a row.
    pub async fn check(&self, today: Date) -> Result<Check, WarehouseError> {
        let home = self.home.clone();
        let lock = Arc::new(blocking(move || LoadLock::to_look(&home)).await?);
        let (pointer, mut found) = held(&lock, |lock| {
            let mut found = Check::default();
            Ok((check::pointer(lock.home(), &mut found), found))
        })
        .await?;
        let root = self.home.root();
        let (mut state, mut whole) = (State::new(), true);
        for (table, version) in pointer.iter().flat_map(|pointer| &pointer.tables) {
            let folder = root.join(table);
            let Some(table) = self.policy.table(table) else {
                found.damaged(&folder, "the policy does not declare this table");
                whole = false;
                continue;
            };
            let files = async { TableLog::open(&self.home, table, Some(*version)).await?.files() };
            match files.await {
                Ok(files) => drop(state.insert(table.name.clone(), files)),
                Err(error) => {
                    found.damaged(&folder.join("_delta_log"), error.to_string());
                    whole = false;
                }
            }
        }
        if pointer.is_none() && !found.is_damaged() {
            let lost = held(&lock, |lock| Ok(lock.home().has_tables())).await?;
            if lost.map_err(WarehouseError::io("read", root))? {
                found.damaged(&pointer::path(root), "it is missing, and there are tables");
            }
        }
        found.snapshot = snapshot_id(state.iter().map(|(name, files)| (name.as_str(), files)));
        if pointer.as_ref().is_some_and(|pointer| whole && pointer.id != found.snapshot) {
            found.damaged(&pointer::path(root), "its id is not that of the tables' versions");
        }
        if pointer.as_ref().is_some_and(|pointer| !pointer.tables.is_empty()) && !self.key_note.exists() {
            found.damaged(&self.key_note, "it is missing: it says which keys the rows were hashed with");
        }
        let (policy, derivation) = self.shared();
        held(&lock, move |lock| {
            let place = Workplace { lock, policy: &policy, derivation: &derivation, today };
            check::look(&place, pointer.as_ref(), &state, &mut found)?;
            Ok(found)
        })
        .await
    }

    /// The loaders' lock and the state under it. Refuses a warehouse with rows that the policy does not declare: they
    /// could be neither searched nor kept.
    async fn to_keep(&self) -> Result<Begun, WarehouseError> {
        let lock = self.lock().await?;
        let pointer = held(&lock, |lock| pointer::current(lock.home())).await?;
        let named = pointer.iter().flat_map(|pointer| pointer.tables.keys());
        if let Some(table) = named.into_iter().find(|name| self.policy.table(name).is_none()) {
            return Err(WarehouseError::Undeclared { table: table.clone() });
        }
        let (state, logs) = self.state(pointer.as_ref()).await?;
        // What the pointer does not name is deleted: it must be the one that was written.
        if pointer.is_some()
            && id_of(pointer.as_ref()) != snapshot_id(state.iter().map(|(n, f)| (n.as_str(), f)))
        {
            return Err(WarehouseError::damaged(
                &pointer::path(self.home.root()),
                "its id is not that of the tables' versions",
            ));
        }
        Ok(Begun { lock, pointer, state, logs })
    }

    async fn vacuum(
        &self,
        lock: &Arc<LoadLock>,
        pointer: Option<Pointer>,
        state: State,
    ) -> Result<Removed, WarehouseError> {
        let (lasts, patience) = (patience(&self.policy), self.patience);
        held(lock, move |lock| vacuum::vacuum(lock, pointer.as_ref(), &state, lasts, patience)).await
    }
}

/// The snapshot's id; that of an empty warehouse before the first load.
fn id_of(pointer: Option<&Pointer>) -> String {
    pointer.map_or_else(|| snapshot_id(std::iter::empty()), |pointer| pointer.id.clone())
}

/// How long readers are waited for: a question ends by the policy's deadline.
pub(crate) fn patience(policy: &crate::policy::Policy) -> Duration {
    Duration::from_secs(policy.query.timeout_seconds) + SETTLING
}
