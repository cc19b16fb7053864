//! The id of a release, and the proof that its folder holds what was published, and nothing else.
//!
//! Every file names its release, so the id cannot simply be their hash. All files are made under a blank id of the same length (the
//! year and zeros). `metadata.json` holds the length and the BLAKE3 of each of the others as they then are; the id is the year and
//! the BLAKE3 of `metadata.json` as it then is; last, the id is written over the blank, everywhere. Whoever checks goes the other way.
//! So one short id stands for every byte of every file, and the files can be checked one by one, with `sed` and `b3sum`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use memchr::memmem;
use serde::{Deserialize, Serialize};
use skjerm_warehouse::policy::Policy;

use super::document::Release;
use super::files::{self, Files, METADATA};
use crate::error::FiguresError;

/// Hexadecimal digits of an id: 64 bits of the hash.
const HASH_LENGTH: usize = 16;

/// What `metadata.json` says of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    /// Its length.
    pub(crate) bytes: usize,
    /// Its hash, with the blank instead of the id.
    pub(crate) blake3: String,
}

/// The part of `metadata.json` that a check reads.
#[derive(Deserialize)]
struct Manifest {
    files: BTreeMap<String, Sealed>,
}

/// All files of a release, under the id that they make.
pub(crate) fn sealed(mut release: Release, policy: &Policy) -> Result<(String, Files), FiguresError> {
    let blank = blank(&release.year.to_string());
    release.id.clone_from(&blank);
    let mut files = files::render(&release, policy)?;
    let list = files.iter().map(|(name, bytes)| (name.clone(), seal(bytes))).collect();
    let metadata = files::json(&files::metadata::Metadata::new(&release, policy, list))?;
    let id = id(&release.year.to_string(), &metadata);
    files.insert(METADATA.to_owned(), metadata);
    for bytes in files.values_mut() {
        overwrite(bytes, &blank, &id);
    }
    Ok((id, files))
}

/// The files of a folder, each byte of them as it was published under that id, without the metadata.
pub(crate) fn opened(folder: &Path, id: &str) -> Result<Files, FiguresError> {
    let year = id.split('-').next().unwrap_or_default();
    let names = names(folder)?;
    let metadata = published(folder, METADATA, &names)?;
    let metadata = blanked(&metadata, id, year).filter(|bytes| self::id(year, bytes) == id);
    let metadata = metadata.ok_or_else(|| damaged(&folder.join(METADATA), CHANGED))?;
    let manifest: Manifest = serde_json::from_slice(&metadata).map_err(|error| {
        damaged(&folder.join(METADATA), &format!("it cannot be read by this version ({error})"))
    })?;
    let foreign = |name: &&String| *name != METADATA && !manifest.files.contains_key(*name);
    if let Some(name) = names.iter().find(foreign) {
        return Err(damaged(&folder.join(name), FOREIGN));
    }
    let mut files = Files::new();
    for (name, sealed) in &manifest.files {
        let bytes = published(folder, name, &names)?;
        if blanked(&bytes, id, year).map(|bytes| seal(&bytes)).as_ref() != Some(sealed) {
            return Err(damaged(&folder.join(name), CHANGED));
        }
        files.insert(name.clone(), bytes);
    }
    Ok(files)
}

const CHANGED: &str = "it was changed after publication; put back the file that was published";
const MISSING: &str = "it is missing; put back the file that was published";
const FOREIGN: &str = "it was not published with this release; take it out of the folder";

fn damaged(path: &Path, problem: &str) -> FiguresError {
    FiguresError::Damaged { path: path.to_owned(), problem: problem.to_owned() }
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> FiguresError {
    let path = path.to_owned();
    move |source| FiguresError::Disk { action: "read", path, source }
}

/// The names of all files of a folder. What is no plain file was not published.
fn names(folder: &Path) -> Result<BTreeSet<String>, FiguresError> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(disk(folder))? {
        let entry = entry.map_err(disk(folder))?;
        let is_file = entry.file_type().map_err(disk(&entry.path()))?.is_file();
        match entry.file_name().into_string() {
            Ok(name) if is_file => names.insert(name),
            _ => return Err(damaged(&entry.path(), FOREIGN)),
        };
    }
    Ok(names)
}

/// The content of a file that was published.
fn published(folder: &Path, name: &str, names: &BTreeSet<String>) -> Result<Vec<u8>, FiguresError> {
    let path = folder.join(name);
    if names.contains(name) { fs::read(&path).map_err(disk(&path)) } else { Err(damaged(&path, MISSING)) }
}

/// Whether a folder of that name is there and a release.
pub(crate) fn exists(folder: &Path) -> Result<bool, FiguresError> {
    match fs::metadata(folder) {
        Ok(found) => Ok(found.is_dir()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(FiguresError::Disk { action: "read", path: folder.to_owned(), source }),
    }
}

/// Whether a name can be that of a release: never one that leads out of the folder of releases.
pub(crate) fn is_id(name: &str) -> bool {
    name.split_once('-').is_some_and(|(year, hash)| {
        year.len() == 4
            && year.bytes().all(|byte| byte.is_ascii_digit())
            && hash.len() == HASH_LENGTH
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn blank(year: &str) -> String {
    format!("{year}-{}", "0".repeat(HASH_LENGTH))
}

fn id(year: &str, metadata: &[u8]) -> String {
    format!("{year}-{}", &blake3::hash(metadata).to_hex()[..HASH_LENGTH])
}

fn seal(bytes: &[u8]) -> Sealed {
    Sealed { bytes: bytes.len(), blake3: blake3::hash(bytes).to_hex().to_string() }
}

/// A file as it was before it had its id. None when it has the blank, which no published file has: it would pass for another.
fn blanked(bytes: &[u8], id: &str, year: &str) -> Option<Vec<u8>> {
    let blank = blank(year);
    let mut bytes = bytes.to_vec();
    memmem::find(&bytes, blank.as_bytes()).is_none().then(|| {
        overwrite(&mut bytes, id, &blank);
        bytes
    })
}

/// Writes one id over another of the same length, wherever it stands.
fn overwrite(bytes: &mut [u8], from: &str, to: &str) {
    let places: Vec<usize> = memmem::find_iter(bytes, from.as_bytes()).collect();
    for place in places {
        bytes[place..place + from.len()].copy_from_slice(to.as_bytes());
    }
}
