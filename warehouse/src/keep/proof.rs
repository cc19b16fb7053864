//! Searches an installation for pseudonyms, byte by byte and value by value.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
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

/// Files that tables name, searched; and what for.
pub(super) struct Searched {
    proof: Proof,
    live: HashSet<PathBuf>,
    needles: Needles,
}

/// Searches every byte of the files that tables with persons name; pseudonyms in data files are not compressed. The
/// person column of those where their rows would be is decoded as well. Nothing changes these files, so this may be
/// done while others are deleted.
pub(super) fn of_tables(
    home: &Home,
    policy: &Policy,
    state: &State,
    marks: &Marks,
) -> Result<Searched, WarehouseError> {
    let mut files = Vec::new();
    for table in policy.tables.values().filter(|t| t.column_of(&ColumnRole::Person).is_some()) {
        let folder = home.root().join(&table.name);
        let all = state.get(&table.name).into_iter().flatten();
        files.extend(all.map(|((_, span), file)| (Some(marks.may_be_in(*span)), folder.join(&file.path))));
    }
    let needles = Needles::new(marks.all());
    let found = Search { home, needles: &needles, marks }.all(&files)?;
    let proof = Proof { pseudonyms: marks.all().len(), ..found };
    Ok(Searched { proof, live: files.into_iter().map(|(_, path)| path).collect(), needles })
}

/// Searches every byte of every other file that lies in the installation, and of every object where the tables are in a
/// bucket; and looks whether those that are searched already lie there.
pub(super) fn of_others(
    installation: &Path,
    home: &Home,
    searched: Searched,
    marks: &Marks,
) -> Result<Proof, WarehouseError> {
    let Searched { mut proof, mut live, needles } = searched;
    let mut files = Files::default();
    files.below(installation)?;
    match home {
        Home::Folder(root) => files.below(root)?,
        Home::Bucket(bucket) => {
            let objects = bucket.list().map_err(WarehouseError::io("search", home.root()))?;
            files.found.extend(objects.into_iter().map(|object| object.path));
        }
    }
    files.found.retain(|path| !live.remove(path));
    if let Some(path) = live.into_iter().min() {
        return Err(WarehouseError::damaged(&path, NOT_THERE));
    }
    let others: Vec<_> = files.found.into_iter().map(|path| (None, path)).collect();
    proof.add(Search { home, needles: &needles, marks }.all(&others)?);
    proof.found.sort();
    Ok(proof)
}

/// What is wrong with a file that a table names, and nobody finds.
const NOT_THERE: &str = "it is not there";

impl Proof {
    fn add(&mut self, part: Self) {
        self.tables_files += part.tables_files;
        self.tables_rows += part.tables_rows;
        self.files += part.files;
        self.bytes += part.bytes;
        self.found.extend(part.found);
    }
}

/// In how many parts the files are searched, at most: enough for the cores to end together.
const JOBS: usize = 64;

/// What is searched for.
struct Search<'a> {
    home: &'a Home,
    needles: &'a Needles,
    marks: &'a Marks,
}

impl Search<'_> {
    /// Searches files, on all cores.
    fn all(&self, files: &[(Option<bool>, PathBuf)]) -> Result<Proof, WarehouseError> {
        let some = files.chunks(1 + files.len() / JOBS).collect();
        let mut all = Proof::default();
        workers::each(some, |some| self.of(some))?.into_iter().for_each(|part| all.add(part));
        Ok(all)
    }

    /// Searches some files: each with whether it is one that a table names, and rows of those sought would be there.
    fn of(&self, files: &[(Option<bool>, PathBuf)]) -> Result<Proof, WarehouseError> {
        let (mut proof, mut buffer) = (Proof::default(), Vec::new());
        for (of_live, path) in files {
            let content = match self.read(path, buffer) {
                Ok(content) => content,
                // Spill of a question that ended, a lock of a process that did.
                Err(error) if error.kind() == io::ErrorKind::NotFound => match of_live {
                    None => {
                        buffer = Vec::new();
                        continue;
                    }
                    Some(_) => return Err(WarehouseError::damaged(path, NOT_THERE)),
                },
                Err(error) => return Err(WarehouseError::io("search", path)(error)),
            };
            let mut found = self.needles.are_in(&content);
            if *of_live == Some(true) {
                let footer = parquet::metadata(&content).map_err(WarehouseError::file(path, "read"))?;
                let persons = values::of_column(&content, &footer, "person", path)?;
                found |= persons.into_iter().any(|person| self.marks.person(person).is_some());
                proof.tables_files += 1;
                proof.tables_rows += u64::try_from(footer.file_metadata().num_rows()).unwrap_or_default();
            }
            proof.files += 1;
            proof.bytes += content.len() as u64;
            if found {
                proof.found.push(path.clone());
            }
            buffer = content.into();
        }
        Ok(proof)
    }

    /// A whole file, in the memory of the one before: to ask for it anew each time takes as long as to read it.
    fn read(&self, path: &Path, mut buffer: Vec<u8>) -> io::Result<Bytes> {
        match self.home {
            Home::Bucket(bucket) if path.starts_with(self.home.root()) => bucket.read(path),
            _ => {
                buffer.clear();
                File::open(path)?.read_to_end(&mut buffer)?;
                Ok(buffer.into())
            }
        }
    }
}

/// Paths of files; links are followed, each place once.
#[derive(Default)]
struct Files {
    found: Vec<PathBuf>,
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
            let kind = match entry.file_type() {
                Ok(kind) if kind.is_symlink() => fs::metadata(&path).map(|about| about.file_type()),
                kind => kind,
            };
            match kind {
                Ok(kind) if kind.is_dir() => self.below(&path.canonicalize().unwrap_or(path))?,
                // Sockets and pipes hold no bytes.
                Ok(kind) if kind.is_file() => self.found.push(path),
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
        let texts: Vec<Vec<u8>> = pseudonyms.iter().flat_map(forms).collect();
        let mut filter = vec![0; 1 << (FILTER - 6)];
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
        let is_here = |(at, from): (usize, &[u8])| {
            let Some(window) = from.first_chunk::<WINDOW>() else { return false };
            let (window, at) = (u32::from_le_bytes(*window), at * STRIDE);
            let known = self.filter[place(window) >> 6] >> (place(window) & 63) & 1 == 1;
            known
                && self.windows.get(&window).into_iter().flatten().any(|(needle, offset)| {
                    at >= *offset && content[at - offset..].starts_with(&self.texts[*needle])
                })
        };
        content.chunks(STRIDE).enumerate().any(is_here)
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
