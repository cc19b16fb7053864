//! A fixed state of all tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The files of every table at one moment. Later loads do not change them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Hash over tables, files and their contents: equal ids mean equal data.
    pub id: String,
    /// Tables by name; every table of the policy is there, also an empty one.
    pub tables: BTreeMap<String, TableSnapshot>,
}

/// The files of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSnapshot {
    /// Version in the table's Delta log.
    pub version: u64,
    /// Data files by year and shard.
    pub files: Vec<DataFile>,
}

/// A Parquet file.
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
