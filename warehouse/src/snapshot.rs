//! A fixed state of all tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::storage::TableFiles;
use crate::storage::lease::Lease;

/// The files of every table at one moment. Later loads do not change them, and nothing deletes them while the lease
/// of one of the tables is held: whoever reads the files holds the table, or its lease, until the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Hash over tables, files and their contents: equal ids mean equal data.
    pub id: String,
    /// Tables by name; every table of the policy is there, also an empty one.
    pub tables: BTreeMap<String, TableSnapshot>,
}

/// The files of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableSnapshot {
    /// Version in the table's Delta log; 0 before the first load.
    pub version: u64,
    /// Data files by year and shard, at most one of each.
    pub files: Vec<DataFile>,
    /// Keeps the files where they are.
    pub lease: Lease,
}

/// A Parquet file. Its rows are all of one year and one shard, sorted by person and record, with the columns of
/// [`crate::policy::Table::file_schema`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Absolute path.
    pub path: PathBuf,
    /// The partition's year.
    pub year: Option<i32>,
    /// Which part of the persons it holds, from 0 to [`crate::SHARDS`] − 1: the top bits of the pseudonym.
    pub shard: u8,
    /// Size of the file.
    pub bytes: u64,
}

impl Snapshot {
    /// Whether no load ever happened; one that brought nothing counts.
    pub fn is_unloaded(&self) -> bool {
        self.id == snapshot_id(std::iter::empty()) && self.tables.values().all(|table| table.version == 0)
    }

    /// The snapshot with a lease of its files.
    pub(crate) fn leased(mut self, lease: &Lease) -> Self {
        self.tables.values_mut().for_each(|table| table.lease = lease.clone());
        self
    }

    /// Hash over the files of one table and some years: equal ids mean equal rows, whatever was loaded elsewhere. An
    /// answer about a year stays the answer about that year when another year's delivery comes.
    pub fn part_id(&self, table: &str, years: impl IntoIterator<Item = i32>) -> String {
        let years: BTreeSet<i32> = years.into_iter().collect();
        let mut hasher = blake3::Hasher::new_derive_key("skjerm warehouse snapshot part id v1");
        let mut name = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        name(table);
        let files = self.tables.get(table).map(|table| table.files.as_slice()).unwrap_or_default();
        for file in files.iter().filter(|file| file.year.is_some_and(|year| years.contains(&year))) {
            name(&file.year.unwrap_or_default().to_string());
            // The name of a file holds the hash of its content.
            name(&file.path.file_name().unwrap_or_default().to_string_lossy());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

impl TableSnapshot {
    pub(crate) fn new(folder: &Path, version: u64, files: &TableFiles) -> Self {
        let files = files.iter().map(|((year, shard), file)| DataFile {
            path: folder.join(&file.path),
            year: Some(*year),
            shard: *shard,
            bytes: file.bytes,
        });
        Self { version, files: files.collect(), lease: Lease::default() }
    }
}

/// Hash over table and file names. A file's name holds the hash of its content, so the id is one of the data:
/// it does not depend on versions, times or the order of loads.
pub(crate) fn snapshot_id<'a>(tables: impl Iterator<Item = (&'a str, &'a TableFiles)>) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("skjerm warehouse snapshot id v1");
    let mut name = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for (table, files) in tables.filter(|(_, files)| !files.is_empty()) {
        name(table);
        name(&files.len().to_string());
        for file in files.values() {
            name(&file.path);
        }
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
