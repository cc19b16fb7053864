//! A fixed state of all tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::policy::{ColumnRole, Table};
use crate::storage::home::Home;
use crate::storage::lease::Lease;
use crate::storage::origin::Origin;
use crate::storage::{Span, TableFiles};

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
    /// Data files in the order of their years and persons.
    pub files: Arc<[DataFile]>,
    /// Hashes of what was last loaded, by year: an erasure leaves them as they are.
    pub loaded: BTreeMap<i32, String>,
    /// Whether its rows are persons': these tables are parts of one ([`Snapshot::part_id`]).
    pub of_persons: bool,
    /// Whom to ask for the files.
    pub origin: Origin,
    /// Keeps the files where they are.
    pub lease: Lease,
}

/// A Parquet file. Its rows are all of one year and one span of persons, sorted by person and record, with the columns of
/// [`crate::policy::Table::file_schema`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Absolute path; in a bucket, the object's URL.
    pub path: PathBuf,
    /// The partition's year.
    pub year: Option<i32>,
    /// Which persons it holds rows of: no other file of the table and year does.
    pub span: Span,
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

    /// Hash over what was loaded of some years: an answer about a year stays the answer about that year
    /// when another year's delivery comes, and when somebody is taken out.
    ///
    /// # Privacy
    /// Whoever asks for prices learns from what is not free any more that something was loaded. Of tables with persons it is all of
    /// them together that count: a small delivery would otherwise tell in which table somebody has a row now. That rows of a
    /// year came or changed is told.
    pub fn part_id(&self, table: &str, years: impl IntoIterator<Item = i32>) -> String {
        let years: BTreeSet<i32> = years.into_iter().collect();
        let mut hasher = blake3::Hasher::new_derive_key("skjerm warehouse snapshot part id v3");
        let mut name = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        name(table);
        let of_persons = self.tables.get(table).is_some_and(|table| table.of_persons);
        let together =
            self.tables.iter().filter(|(other, of)| *other == table || of_persons && of.of_persons);
        for (other, of) in together {
            for (year, id) in of.loaded.iter().filter(|(year, _)| years.contains(year)) {
                name(other);
                name(&year.to_string());
                name(id);
            }
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

impl TableSnapshot {
    pub(crate) fn new(
        home: &Home,
        table: &Table,
        version: u64,
        files: &TableFiles,
        loaded: BTreeMap<i32, String>,
    ) -> Self {
        let folder = home.root().join(&table.name);
        let files = files.iter().map(|((year, span), file)| DataFile {
            path: folder.join(&file.path),
            year: Some(*year),
            span: *span,
            bytes: file.bytes,
        });
        Self {
            version,
            files: files.collect(),
            loaded,
            of_persons: table.column_of(&ColumnRole::Person).is_some(),
            origin: Origin::of(home),
            lease: Lease::default(),
        }
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
