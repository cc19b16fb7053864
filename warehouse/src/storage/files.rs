//! Files that are whole once they have their name.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::workers;
use crate::WarehouseError;

/// Folder for files being written, beside the tables so that a rename stays within a file system.
const UNFINISHED: &str = ".unfinished";

/// The lock that one loader at a time holds; released when dropped.
#[derive(Debug)]
pub(crate) struct LoadLock {
    _file: File,
}

impl LoadLock {
    /// Waits until no other loader of this machine works in the folder, then clears what one that was stopped
    /// left unfinished.
    pub(crate) fn wait(root: &Path) -> Result<Self, WarehouseError> {
        let path = root.join(".lock");
        let failed = WarehouseError::io("lock", &path);
        let opened = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.and_then(|file| file.lock().map(|()| file)).map_err(failed)?;
        let unfinished = root.join(UNFINISHED);
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(WarehouseError::io("clear", &unfinished))?;
        }
        fs::create_dir(&unfinished).map_err(WarehouseError::io("make", &unfinished))?;
        Ok(Self { _file: file })
    }
}

/// How many files are made durable at once. A file system gathers what is asked for together, so waiting for many
/// takes hardly longer than for one.
const AT_ONCE: usize = 16;

/// Writes a file under `root`: other readers see all of it or nothing. It is durable after [`sync`].
pub(crate) fn write(root: &Path, path: &Path, content: &[u8]) -> Result<(), WarehouseError> {
    let unfinished = unfinished(root, path);
    fs::write(&unfinished, content).map_err(WarehouseError::io("write", &unfinished))?;
    let folder = path.parent().unwrap_or(root);
    fs::create_dir_all(folder).map_err(WarehouseError::io("make", folder))?;
    fs::rename(&unfinished, path).map_err(WarehouseError::io("write", path))
}

/// Replaces a file durably: after a crash it is the old one or the new one.
pub(crate) fn replace(root: &Path, path: &Path, content: &[u8]) -> Result<(), WarehouseError> {
    let unfinished = unfinished(root, path);
    let mut file = File::create(&unfinished).map_err(WarehouseError::io("write", &unfinished))?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(WarehouseError::io("write", &unfinished))?;
    fs::rename(&unfinished, path).map_err(WarehouseError::io("write", path))?;
    sync_one(path.parent().unwrap_or(root))
}

/// Makes files durable, then their names, in the folders from each up to `root`.
pub(crate) fn sync(root: &Path, files: &[PathBuf]) -> Result<(), WarehouseError> {
    let mut folders: BTreeSet<&Path> = BTreeSet::new();
    for file in files {
        folders.extend(file.ancestors().skip(1).take_while(|folder| folder.starts_with(root)));
    }
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    workers::each_with(AT_ONCE, files, sync_one)?;
    workers::each_with(AT_ONCE, folders.into_iter().collect(), sync_one).map(drop)
}

/// Makes the names in folders durable: those that came, and those that went.
pub(crate) fn sync_folders(folders: &BTreeSet<PathBuf>) -> Result<(), WarehouseError> {
    folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| sync_one(folder))
}

fn sync_one(path: &Path) -> Result<(), WarehouseError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(WarehouseError::io("sync", path))
}

fn unfinished(root: &Path, path: &Path) -> PathBuf {
    let name = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
    root.join(UNFINISHED).join(name.as_str())
}
