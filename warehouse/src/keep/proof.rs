//! Searches an installation for pseudonyms, byte by byte and value by value.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;

use super::sought::Marks;
use crate::WarehouseError;
use crate::load::State;
use crate::policy::{ColumnRole, Policy};
use crate::storage::home::Home;
use crate::storage::{parquet, values, workers};

/// What was searched after an erasure, and where something was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// How many pseudonyms, of both layers, were searched for.
    pub pseudonyms: usize,
    /// Data files of the spans that their pseudonyms fall in, where their rows would be: the person column of
    /// each was decoded and searched as well.
    pub tables_files: u64,
    /// Their rows.
    pub tables_rows: u64,
    /// Files of the installation of which every byte was searched: all that are left, those among them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that hold one of the pseudonyms all the same: foreign copies, since the warehouse's own were made anew.
    pub found: Vec<PathBuf>,
}

/// Searches every byte of every file of the installation, and of every object where the tables are in a bucket; pseudonyms in data files
/// are not compressed. The person column of the files where their rows would be is decoded as well.
pub(super) fn search(
    installation: &Path,
    home: &Home,
    policy: &Policy,
    state: &State,
    marks: &Marks,
) -> Result<Proof, WarehouseError> {
    let mut live = BTreeMap::new();
    for table in policy.tables.values().filter(|t| t.column_of(&ColumnRole::Person).is_some()) {
        for ((_, span), file) in state.get(&table.name).into_iter().flatten() {
            live.insert(home.root().join(&table.name).join(&file.path), marks.may_be_in(*span));
        }
    }
    let mut files = Files::default();
    files.below(installation)?;
    match home {
        Home::Folder(root) => files.below(root)?,
        Home::Bucket(bucket) => {
            let objects = bucket.list().map_err(WarehouseError::io("search", home.root()))?;
            files.found.extend(objects.into_iter().map(|object| (object.path, object.bytes)));
        }
    }
    if let Some(path) = live.keys().find(|path| !files.found.contains_key(*path)) {
        return Err(WarehouseError::damaged(path, "it is not there"));
    }
    let needles = Needles::new(marks.all());
    let searched = workers::each(files.found.into_iter().collect(), |(path, bytes): (PathBuf, u64)| {
        let of_live = live.get(&path);
        let read =
            if path.starts_with(home.root()) { home.read(&path) } else { fs::read(&path).map(Bytes::from) };
        let content = match read {
            Ok(content) => content,
            // Spill of a question that ended, a lock of a process that did.
            Err(error) if error.kind() == io::ErrorKind::NotFound && of_live.is_none() => return Ok(None),
            Err(error) => return Err(WarehouseError::io("search", &path)(error)),
        };
        let (mut found, mut rows) = (needles.are_in(&content), 0);
        let may_be_theirs = of_live == Some(&true);
        if may_be_theirs {
            let footer = parquet::footer(&content).map_err(WarehouseError::file(&path, "read"))?;
            let persons = values::of_column(&content, &footer, "person", &path)?;
            found |= persons.into_iter().any(|person| marks.person(person).is_some());
            rows = u64::try_from(footer.metadata().file_metadata().num_rows()).unwrap_or_default();
        }
        Ok(Some((path, bytes, may_be_theirs, rows, found)))
    })?;
    let mut proof = Proof { pseudonyms: marks.all().len(), ..Proof::default() };
    for (path, bytes, may_be_theirs, rows, found) in searched.into_iter().flatten() {
        proof.files += 1;
        proof.bytes += bytes;
        proof.tables_files += u64::from(may_be_theirs);
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

/// Bytes of a window that is looked at.
const WINDOW: usize = 4;
/// Distance of the windows: in any 16 bytes exactly one of them lies whole.
const STRIDE: usize = 16 - WINDOW + 1;
/// Bits of the filter, as a power of two.
const FILTER: u32 = 20;

/// Byte strings of 16 or more that are searched for together: every 13th window of 4 bytes is looked up among all
/// windows of the first 16 bytes of each.
struct Needles {
    texts: Vec<Vec<u8>>,
    /// By window: which needle has it, and where.
    windows: HashMap<u32, Vec<(usize, usize)>>,
    /// Bits of the windows there are, so that few others are looked up.
    filter: Vec<u64>,
}

impl Needles {
    /// Each as it is, and as hexadecimal digits of either case.
    fn new(pseudonyms: &[[u8; 16]]) -> Self {
        let forms = |bytes: &[u8; 16]| {
            [bytes.to_vec(), hex(bytes, *b"0123456789abcdef"), hex(bytes, *b"0123456789ABCDEF")]
        };
        let mut windows: HashMap<u32, Vec<(usize, usize)>> = HashMap::new();
        let (texts, mut filter) =
            (pseudonyms.iter().flat_map(forms).collect::<Vec<_>>(), vec![0; 1 << (FILTER - 6)]);
        for (at, needle) in texts.iter().enumerate() {
            for offset in 0..STRIDE {
                let window = window(needle, offset);
                windows.entry(window).or_default().push((at, offset));
                filter[place(window) >> 6] |= 1 << (place(window) & 63);
            }
        }
        Self { texts, windows, filter }
    }

    fn are_in(&self, content: &[u8]) -> bool {
        let is_here = |at: usize| {
            let window = window(content, at);
            let known = self.filter[place(window) >> 6] >> (place(window) & 63) & 1 == 1;
            known
                && self.windows.get(&window).into_iter().flatten().any(|(needle, offset)| {
                    at >= *offset && content[at - offset..].starts_with(&self.texts[*needle])
                })
        };
        (0..(content.len() + 1).saturating_sub(WINDOW)).step_by(STRIDE).any(is_here)
    }
}

fn window(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The bit of a window: the top bits of a product with an odd number.
fn place(window: u32) -> usize {
    (window.wrapping_mul(0x9E37_79B1) >> (32 - FILTER)) as usize
}

fn hex(bytes: &[u8], digits: [u8; 16]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]).collect()
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
            for (before, after) in (0..40).flat_map(|before| [(before, 0), (before, 9)]) {
                let content = [vec![11; before], text.clone(), vec![b'0'; after]].concat();
                assert!(needles.are_in(&content));
                let cut = &content[..content.len() - after - 1];
                assert!(!needles.are_in(cut), "one byte is missing");
                assert!(!needles.are_in(&content[before + 1..]), "one byte is missing");
            }
        }
        assert!(!needles.are_in(b"") && !needles.are_in(&[7]));
    }
}
