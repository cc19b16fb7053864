//! `current.json`: which version of each table belongs together.
//!
//! Delta makes a commit to one table atomic. A load changes many; they become visible together when this file
//! is replaced: by a rename, or a conditional request. Versions a loader committed before it was stopped are simply
//! not pointed to, and the next load leaves them out again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::TableFiles;
use super::files::LoadLock;
use super::home::Home;
use crate::load::State;
use crate::{KeyEpoch, WarehouseError, WarehouseKey};

/// The pointer's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pointer {
    /// The snapshot's id.
    pub(crate) id: String,
    /// Version of each table's log.
    pub(crate) tables: BTreeMap<String, u64>,
    /// What each year of each table was last loaded as: a hash over its files.
    ///
    /// # Privacy
    /// Answers are stored under these. An erasure leaves them as they are: if stored answers were lost by it just where
    /// the person had rows, whoever asks for prices would learn the tables and years.
    #[serde(default)]
    pub(crate) loaded: Loaded,
    /// The epoch of the warehouse key that the stored pseudonyms are of; nothing for the first, before any rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyEpoch>,
    /// The file of the links; nothing as long as there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) links: Option<String>,
}

/// By table and year, what was loaded.
pub(crate) type Loaded = BTreeMap<String, BTreeMap<i32, String>>;

/// Where it is.
pub(crate) fn path(root: &Path) -> PathBuf {
    root.join("current.json")
}

/// What the years of a state would be loaded as.
pub(crate) fn loaded(state: &State) -> Loaded {
    let of_table = |(table, files): (&String, &TableFiles)| {
        let years: BTreeSet<i32> = files.keys().map(|place| place.0).collect();
        (table.clone(), years.into_iter().map(|year| (year, of_year(files, year))).collect())
    };
    state.iter().map(of_table).collect()
}

fn of_year(files: &TableFiles, year: i32) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("skjerm warehouse loaded year v1");
    for (_, file) in files.iter().filter(|(place, _)| place.0 == year) {
        hasher.update(&(file.path.len() as u64).to_le_bytes());
        // The name of a file holds the hash of its content.
        hasher.update(file.path.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// The pointer for a reader or a writer. Refuses tables without one: without it nobody knows what they hold, and
/// everything would look like leftovers.
pub(crate) fn current(home: &Home) -> Result<Option<Pointer>, WarehouseError> {
    let (pointer, root) = (Pointer::read(home)?, home.root());
    if pointer.is_none() && home.has_tables().map_err(WarehouseError::io("read", root))? {
        return Err(WarehouseError::damaged(&path(root), "it is missing, and there are tables"));
    }
    Ok(pointer)
}

/// Whether nothing was ever loaded. In doubt it was.
pub(crate) fn is_unused(home: &Home) -> bool {
    current(home).is_ok_and(|pointer| pointer.is_none_or(|pointer| pointer.tables.is_empty()))
}

impl Pointer {
    /// The key up to the epoch that the tables are of. Refuses a key without it: its pseudonyms would be nobody's.
    pub(crate) fn key_in_force(&self, key: &WarehouseKey) -> Result<WarehouseKey, WarehouseError> {
        key.up_to(self.key.as_ref()).ok_or_else(|| {
            let KeyEpoch { number, id } = self.key.clone().unwrap_or_default();
            WarehouseError::OtherEpoch { number, id, newest: key.epoch() }
        })
    }

    /// What was loaded; for years of a pointer that does not say it, what the state's files are.
    pub(crate) fn loaded_as(&self, state: &State) -> Loaded {
        let mut all = loaded(state);
        for (table, years) in &self.loaded {
            all.entry(table.clone()).or_default().extend(years.iter().map(|(year, id)| (*year, id.clone())));
        }
        all
    }

    /// The pointer as it is; `None` before the first load.
    pub(crate) fn read(home: &Home) -> Result<Option<Self>, WarehouseError> {
        let path = path(home.root());
        let text = match home.read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(WarehouseError::io("read", &path)(error)),
        };
        let pointer = serde_json::from_slice(&text);
        pointer.map(Some).map_err(|_| WarehouseError::damaged(&path, "it is no list of table versions"))
    }

    /// Moves the pointer, durably.
    pub(crate) fn write(&self, lock: &LoadLock) -> Result<(), WarehouseError> {
        let path = path(lock.home().root());
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| WarehouseError::io("write", &path)(error.into()))?;
        text.push(b'\n');
        lock.point(&path, &text)
    }
}
