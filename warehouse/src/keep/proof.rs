//! Searches an installation for pseudonyms, byte by byte and value by value.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::Array;
use bytes::Bytes;
use serde::Serialize;

use super::sought::Marks;
use crate::WarehouseError;
use crate::load::State;
use crate::policy::{ColumnRole, Policy};
use crate::storage::{parquet, workers};

/// What was searched after an erasure, and where something was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// How many pseudonyms, of both layers, were searched for.
    pub pseudonyms: usize,
    /// Data files whose person column was decoded and searched: all that are left.
    pub tables_files: u64,
    /// Their rows.
    pub tables_rows: u64,
    /// Files of the installation of which every byte was searched, those among them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that hold one of the pseudonyms all the same: foreign copies, since the warehouse's own were made anew.
    pub found: Vec<PathBuf>,
}

/// Searches every file of the installation, and the person column of every data file of the state.
pub(super) fn search(
    installation: &Path,
    root: &Path,
    policy: &Policy,
    state: &State,
    marks: &Marks,
) -> Result<Proof, WarehouseError> {
    let mut live = BTreeSet::new();
    for table in policy.tables.values().filter(|t| t.column_of(&ColumnRole::Person).is_some()) {
        let files = state.get(&table.name).into_iter().flatten();
        live.extend(files.map(|(_, file)| root.join(&table.name).join(&file.path)));
    }
    let mut files = Files::default();
    files.below(installation)?;
    files.below(root)?;
    if let Some(path) = live.iter().find(|path| !files.found.contains_key(*path)) {
        return Err(WarehouseError::damaged(path, "it is not there"));
    }
    let needles = Needles::new(marks.all());
    let searched = workers::each(files.found.into_iter().collect(), |(path, bytes): (PathBuf, u64)| {
        let is_live = live.contains(&path);
        let content = match fs::read(&path) {
            Ok(content) => Bytes::from(content),
            // Spill of a question that ended, a lock of a process that did.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_live => return Ok(None),
            Err(error) => return Err(WarehouseError::io("search", &path)(error)),
        };
        let (mut found, mut rows) = (needles.are_in(&content), 0);
        if is_live {
            let persons = parquet::decode(content, &["person"], &path)?;
            let persons = parquet::pseudonyms(&persons, "person")
                .ok_or_else(|| WarehouseError::damaged(&path, "it has no person column"))?;
            found |= (0..persons.len()).any(|row| marks.person(parquet::pseudonym(persons, row)).is_some());
            rows = persons.len() as u64;
        }
        Ok(Some((path, bytes, is_live, rows, found)))
    })?;
    let mut proof = Proof { pseudonyms: marks.all().len(), ..Proof::default() };
    for (path, bytes, is_live, rows, found) in searched.into_iter().flatten() {
        proof.files += 1;
        proof.bytes += bytes;
        proof.tables_files += u64::from(is_live);
        proof.tables_rows += rows;
        if found {
            proof.found.push(path);
        }
    }
    proof.found.sort();
    Ok(proof)
}

/// Files by path, with their sizes; links are followed, each place once.
#[derive(Default)]
struct Files {
    found: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
}

impl Files {
    fn below(&mut self, folder: &Path) -> Result<(), WarehouseError> {
        let failed = |error| WarehouseError::io("search", folder)(error);
        if !self.folders.insert(folder.canonicalize().map_err(failed)?) {
            return Ok(());
        }
        let entries =
            fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
        for entry in entries {
            let path = entry.path();
            match fs::metadata(&path) {
                Ok(about) if about.is_dir() => self.below(&path.canonicalize().unwrap_or(path))?,
                // Sockets and pipes hold no bytes.
                Ok(about) if about.is_file() => drop(self.found.insert(path, about.len())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(WarehouseError::io("search", &path)(error)),
            }
        }
        Ok(())
    }
}

/// Byte strings that are searched for together.
struct Needles {
    /// Bit of each pair of bytes that one begins with.
    begins: Box<[u64; 1024]>,
    /// By the pair of bytes they begin with.
    by_pair: BTreeMap<u16, Vec<Vec<u8>>>,
}

impl Needles {
    /// Each as it is, and as hexadecimal digits of either case.
    fn new(pseudonyms: &[[u8; 16]]) -> Self {
        let mut needles = Self { begins: Box::new([0; 1024]), by_pair: BTreeMap::new() };
        for pseudonym in pseudonyms {
            let (lower, upper) = (hex(pseudonym, *b"0123456789abcdef"), hex(pseudonym, *b"0123456789ABCDEF"));
            for needle in [pseudonym.to_vec(), lower, upper] {
                let pair = pair(&needle);
                needles.begins[usize::from(pair >> 6)] |= 1 << (pair & 63);
                needles.by_pair.entry(pair).or_default().push(needle);
            }
        }
        needles
    }

    fn are_in(&self, content: &[u8]) -> bool {
        let begins = |pair: u16| self.begins[usize::from(pair >> 6)] >> (pair & 63) & 1 == 1;
        let is_at = |at: usize, pair: u16| {
            self.by_pair.get(&pair).into_iter().flatten().any(|needle| content[at..].starts_with(needle))
        };
        content.windows(2).enumerate().any(|(at, two)| {
            let pair = pair(two);
            begins(pair) && is_at(at, pair)
        })
    }
}

fn hex(bytes: &[u8], digits: [u8; 16]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]).collect()
}

fn pair(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[0], bytes[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_found_wherever_and_however_it_is_written() {
        let pseudonym: [u8; 16] = std::array::from_fn(|at| u8::try_from(at * 16 + 10).expect("a byte"));
        let needles = Needles::new(&[[7; 16], pseudonym]);
        let lower = b"0a1a2a3a4a5a6a7a8a9aaabacadaeafa".to_vec();
        for text in [pseudonym.to_vec(), lower.clone(), lower.to_ascii_uppercase()] {
            for (before, after) in [(0, 0), (1, 0), (5, 3), (0, 9)] {
                let content = [vec![10; before], text.clone(), vec![b'0'; after]].concat();
                assert!(needles.are_in(&content));
                let cut = &content[..content.len() - after - 1];
                assert!(!needles.are_in(cut), "one byte is missing");
            }
        }
        assert!(!needles.are_in(b"") && !needles.are_in(&[7]));
    }
}
