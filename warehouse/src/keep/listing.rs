//! What lies in the warehouse's folder or bucket, file by file.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::links;
use crate::load::State;
use crate::storage::home::Home;
use crate::storage::{is_our_name, lease};

/// A file in the warehouse's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A data file: its table, and its path from the table's folder.
    Data { table: String, path: String },
    /// An entry of a table's log.
    Entry { table: String, version: u64 },
    /// A file of links, by its name.
    Links(String),
    /// What somebody was writing when stopped.
    Leftover,
    /// The pointer, locks, leases, the note of the keys.
    Own,
    /// Nothing that the warehouse writes.
    Foreign,
}

/// The data files that a state names: table, and path from its folder.
pub(super) fn live(state: &State) -> HashSet<(&str, &str)> {
    let all = state.iter().flat_map(|(table, files)| files.values().map(move |file| (table, file)));
    all.map(|(table, file)| (table.as_str(), file.path.as_str())).collect()
}

/// A file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) what: What,
    /// Its size, if the listing says it: that of a folder does not, and to ask for each takes longer than to list them.
    size: Option<u64>,
}

impl Found {
    /// The file's size.
    pub(super) fn bytes(&self) -> u64 {
        self.size.unwrap_or_else(|| fs::symlink_metadata(&self.path).map_or(0, |about| about.len()))
    }
}

/// Files and folders, the deepest folders first, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<Found>,
    pub(super) folders: Vec<PathBuf>,
    pub(super) unreadable: Vec<(PathBuf, io::Error)>,
}

impl Listing {
    /// Looks through the folder or bucket of the tables.
    pub(super) fn of(home: &Home) -> Self {
        let mut listing = Self::default();
        match home {
            Home::Folder(root) => listing.folder(root, &[]),
            Home::Bucket(bucket) => match bucket.list() {
                Ok(objects) => listing.files.extend(objects.into_iter().map(|object| {
                    let below = object.path.strip_prefix(home.root()).unwrap_or(&object.path);
                    let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
                    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
                    let what = what(&names);
                    Found { path: object.path, what, size: Some(object.bytes) }
                })),
                Err(error) => listing.unreadable.push((home.root().to_owned(), error)),
            },
        }
        listing
    }

    fn folder(&mut self, folder: &Path, names: &[&str]) {
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable.push((folder.to_owned(), error)),
        };
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let names = [names, &[name.as_ref()]].concat();
            // Never through a link: what lies behind it is somebody else's.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.folder(&path, &names),
                Ok(kind) => {
                    let what = if kind.is_file() { what(&names) } else { What::Foreign };
                    self.files.push(Found { path, what, size: None });
                }
                // Gone meanwhile: readers remove nothing here, but spare files come and go.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.unreadable.push((path, error)),
            }
        }
        if !names.is_empty() {
            self.folders.push(folder.to_owned());
        }
    }
}

fn what(names: &[&str]) -> What {
    match names {
        ["current.json" | ".lock" | ".clock" | "keys.json"] => What::Own,
        [lease::FOLDER, name] if lease::is_lease(name) => What::Own,
        [lease::FOLDER, of, reader] if lease::is_lease(of) && lease::is_lease(reader) => What::Own,
        [name] if name.strip_prefix("keys.").is_some_and(|rest| rest.contains("part")) => What::Leftover,
        [".unfinished", ..] => What::Leftover,
        [table, "_delta_log", name] => match name.strip_suffix(".json") {
            Some(version) if version.len() == 20 && version.bytes().all(|b| b.is_ascii_digit()) => version
                .parse()
                .map_or(What::Foreign, |version| What::Entry { table: (*table).to_owned(), version }),
            // What a log says in short, every hundred entries.
            _ if *name == "_last_checkpoint" || name.ends_with(".checkpoint.parquet") => What::Own,
            // What the object store of the logs writes before it gives an entry its name.
            _ if name.contains(".json#") || name.starts_with("_commit_") => What::Leftover,
            _ => What::Foreign,
        },
        [links::FOLDER, name] if links::is_our_name(name) => What::Links((*name).to_owned()),
        [table, year, name] if is_year(year) && is_our_name(name) => {
            What::Data { table: (*table).to_owned(), path: format!("{year}/{name}") }
        }
        _ => What::Foreign,
    }
}

fn is_year(name: &str) -> bool {
    name.strip_prefix("year=").is_some_and(|year| year.parse::<i32>().is_ok())
}
