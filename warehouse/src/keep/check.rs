//! Looks the whole warehouse over: every file against its name, the logs, the policy and the rules of `person_year`.
//!
//! Whatever is wrong is one finding with its path, and the check goes on to the end. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use serde::Serialize;

use super::derived;
use super::listing::{self, Found, Listing, What};
use super::outside::{self, Counts};
use super::risk::{self, YearRisk};
use crate::WarehouseError;
use crate::derive::person_year;
use crate::links::{self, Links};
use crate::load::{State, Workplace};
use crate::policy::Table;
use crate::storage::home::Home;
use crate::storage::pointer::{self, Pointer};
use crate::storage::{Place, StoredFile, delta, parquet, path_of, split, workers};

/// What a check found. Exact counts, for the steward alone: not for publication.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Check {
    /// Id of the snapshot that was looked at; empty when it cannot be told.
    pub snapshot: String,
    /// Data files that the snapshot names.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows.
    pub rows: u64,
    /// What is not as the warehouse wrote it.
    pub damage: Vec<Damage>,
    /// Rows that the policy as it is now would not let in.
    pub outside: Vec<Outside>,
    /// Files that no snapshot names; `warehouse compact` deletes them.
    pub orphans: Vec<PathBuf>,
    /// Files that the warehouse does not write.
    pub foreign: Vec<PathBuf>,
    /// How far `person_year` would tell persons apart, a year.
    pub risk: Vec<YearRisk>,
}

/// Something that is not as the warehouse wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Where.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
}

/// Rows of a table that break the policy in a column. Never their values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outside {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// In which way.
    pub what: &'static str,
    /// How many.
    pub rows: u64,
}

impl Check {
    /// Whether anything is not as it was written.
    pub fn is_damaged(&self) -> bool {
        !self.damage.is_empty()
    }

    pub(super) fn damaged(&mut self, path: &Path, what: impl Into<String>) {
        self.damage.push(Damage { path: path.to_owned(), what: what.into() });
    }
}

/// What one data file is found to be.
struct Examined<'a> {
    table: &'a Table,
    of_file: Place,
    bytes: u64,
    outcome: Result<RecordBatch, Damage>,
    outside: Counts,
}

/// Looks at the files of a state whose logs could be read.
pub(super) fn look(
    place: &Workplace<'_>,
    pointer: Option<&Pointer>,
    state: &State,
    check: &mut Check,
) -> Result<(), WarehouseError> {
    let jobs: Vec<(&Table, Place, &StoredFile)> = place
        .policy
        .tables
        .values()
        .flat_map(|table| {
            let files = state.get(&table.name).into_iter().flatten();
            files.map(move |(of_file, file)| (table, *of_file, file))
        })
        .collect();
    let examined = workers::each(jobs, |(table, of_file, file)| Ok(examine(place, table, of_file, file)))?;
    let (mut sound, mut outside, mut persons) =
        (BTreeSet::new(), BTreeMap::<&str, Counts>::new(), Vec::new());
    let mut sizes = BTreeMap::<&str, BTreeMap<Place, usize>>::new();
    for file in examined {
        check.files += 1;
        check.bytes += file.bytes;
        let counts = outside.entry(&file.table.name).or_default();
        file.outside.into_iter().for_each(|(what, rows)| *counts.entry(what).or_default() += rows);
        match file.outcome {
            Err(damage) => check.damage.push(damage),
            Ok(rows) => {
                check.rows += rows.num_rows() as u64;
                sound.insert((file.table.name.as_str(), file.of_file));
                sizes.entry(&file.table.name).or_default().insert(file.of_file, rows.num_rows());
                if file.table.name == person_year::TABLE {
                    persons.push((file.of_file.0, rows));
                }
            }
        }
    }
    for (table, counts) in outside {
        check.outside.extend(counts.into_iter().map(|((column, what), rows)| Outside {
            table: table.to_owned(),
            column,
            what,
            rows,
        }));
    }
    check.risk = place
        .policy
        .table(person_year::TABLE)
        .map(|table| risk::by_year(table, &persons))
        .unwrap_or_default();
    for (table, sizes) in sizes {
        let Some((table, files)) = place.policy.table(table).zip(state.get(table)) else { continue };
        // Of a file that cannot be read nobody knows how many rows it has.
        if files.len() == sizes.len() {
            for of_file in split::split_too_far(&sizes, split::most(table)) {
                let path = place.folder(&table.name).join(&files[&of_file].path);
                check.damaged(&path, "its rows and those beside it are few enough for one file");
            }
        }
    }
    derived::look(place, state, &sound, check);
    lying_about(place, pointer, state, check);
    check.damage.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(())
}

fn examine<'a>(place: &Workplace<'_>, table: &'a Table, of_file: Place, file: &StoredFile) -> Examined<'a> {
    let path = place.folder(&table.name).join(&file.path);
    let mut outside = Counts::new();
    let mut look = || -> Result<RecordBatch, String> {
        if place.home().is_no_file(&path) {
            return Err("it is no ordinary file".to_owned());
        }
        let content = place.home().read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "the file is missing".to_owned(),
            _ => format!("the file cannot be read: {error}"),
        })?;
        if content.len() as u64 != file.bytes {
            return Err(format!("the file has {} bytes and was written with {}", content.len(), file.bytes));
        }
        if path_of(of_file, &content) != file.path {
            return Err("the file's content is not the one it was written with".to_owned());
        }
        let schema = table.file_schema();
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let rows = parquet::decode(content, &columns, &path).map_err(|error| error.to_string())?;
        if rows.schema() != schema {
            return Err("its columns or their types are not those of the policy".to_owned());
        }
        if let Some(what) = parquet::wrong_place(table, of_file.1, &rows) {
            return Err(format!("it holds rows {what}"));
        }
        if rows.num_rows() > split::most(table) && !is_one_persons(table, &rows) {
            return Err("it holds more rows than a file may of several persons".to_owned());
        }
        outside = outside::count(place, table, of_file.0, &rows);
        if let Some(((column, what), _)) = outside.iter().find(|((_, what), _)| *what == outside::NOT_OF_DATE)
        {
            return Err(format!("it holds rows whose {column} is {what}"));
        }
        Ok(rows)
    };
    let outcome = look().map_err(|what| Damage { path: path.clone(), what });
    Examined { table, of_file, bytes: file.bytes, outcome, outside }
}

/// Whether the rows, which are in order, are all of one person.
fn is_one_persons(table: &Table, rows: &RecordBatch) -> bool {
    let mut persons = parquet::keys(table, rows).into_iter().flatten().map(|key| key.0);
    persons.next() == persons.last()
}

/// Files that nothing names, files of others, and the entries of the logs.
fn lying_about(place: &Workplace<'_>, pointer: Option<&Pointer>, state: &State, check: &mut Check) {
    if let Err(error) = Links::read(place.home(), pointer.and_then(|pointer| pointer.links.as_deref())) {
        check.damaged(&place.root().join(links::FOLDER), error.to_string());
    }
    let listing = Listing::of(place.home());
    for (path, error) in listing.unreadable {
        check.damaged(&path, format!("it cannot be read: {error}"));
    }
    let mut entries: BTreeSet<(String, u64)> = BTreeSet::new();
    // While the pointer or a log is in doubt, nobody can say what is a leftover.
    let in_doubt = check
        .damage
        .iter()
        .any(|damage| damage.path == pointer::path(place.root()) || damage.path.ends_with("_delta_log"));
    let live = listing::live(state);
    for Found { path, what, .. } in listing.files {
        match what {
            What::Own => {}
            What::Leftover => check.orphans.push(path),
            What::Foreign => check.foreign.push(path),
            What::Links(name) => {
                if pointer.and_then(|pointer| pointer.links.as_ref()) != Some(&name) {
                    check.orphans.push(path);
                }
            }
            What::Data { table, path: file } => {
                // What an unreadable log names cannot be told; what no log names is nobody's.
                let is_unreadable = !state.contains_key(&table) && named(pointer, &table).is_some();
                let live = is_unreadable || live.contains(&(table.as_str(), file.as_str()));
                if !live {
                    check.orphans.push(path);
                }
            }
            What::Entry { table, version } => match named(pointer, &table) {
                Some(current) if version <= current => {
                    if let Err(what) = entry(place.home(), &path) {
                        check.damaged(&path, what);
                    }
                    entries.insert((table, version));
                }
                _ => check.orphans.push(path),
            },
        }
    }
    for (table, current) in pointer.iter().flat_map(|pointer| &pointer.tables) {
        for version in (0..=*current).filter(|version| !entries.contains(&(table.clone(), *version))) {
            check.damaged(
                &delta::commit_file(&place.folder(table), version),
                "the entry of the log is missing",
            );
        }
    }
    if in_doubt {
        check.orphans.clear();
    }
    check.orphans.sort();
    check.foreign.sort();
}

fn named(pointer: Option<&Pointer>, table: &str) -> Option<u64> {
    pointer.and_then(|pointer| pointer.tables.get(table).copied())
}

/// An entry of a log is a JSON object a line.
fn entry(home: &Home, path: &Path) -> Result<(), String> {
    let content = home.read(path).map_err(|error| format!("the entry of the log cannot be read: {error}"))?;
    let text = String::from_utf8_lossy(&content);
    let whole = !text.is_empty()
        && text.lines().all(|line| serde_json::from_str::<serde_json::Map<_, _>>(line).is_ok());
    if whole { Ok(()) } else { Err("the entry of the log is cut off or damaged".to_owned()) }
}

/// The pointer, or a finding.
pub(super) fn pointer(home: &Home, check: &mut Check) -> Option<Pointer> {
    match Pointer::read(home) {
        Ok(pointer) => pointer,
        Err(error) => {
            check.damaged(&pointer::path(home.root()), error.to_string());
            None
        }
    }
}
