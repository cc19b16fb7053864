//! Deletes what no snapshot names: replaced and orphaned data files, entries of the logs behind the current version,
//! what a stopped writer left, and folders that are empty then.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::listing::{self, Found, Listing, What};
use crate::WarehouseError;
use crate::load::State;
use crate::storage::files::{self, LoadLock};
use crate::storage::pointer::Pointer;

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Data files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Entries of Delta logs that a stopped loader left, and other leftovers.
    pub leftovers: u64,
    /// Folders.
    pub folders: u64,
}

/// Deletes, when nobody reads an older snapshot any more; waits for that no longer than `patience`. A lease of a bucket
/// counts for as long as it `lasts`. Under the loaders' lock.
pub(super) fn vacuum(
    lock: &LoadLock,
    pointer: Option<&Pointer>,
    live: &State,
    lasts: Duration,
    patience: Duration,
) -> Result<Removed, WarehouseError> {
    let home = lock.home();
    let others = home.others(pointer.map(|pointer| pointer.id.as_str()), lasts, patience)?;
    let mut listing = Listing::of(home);
    if let Some((path, error)) = listing.unreadable.pop() {
        return Err(WarehouseError::io("read", &path)(error));
    }
    // The newest entry of a log first: one that is cut short is a log all the same.
    listing.files.sort_by_key(|found| match &found.what {
        What::Entry { version, .. } => Reverse(*version),
        _ => Reverse(0),
    });
    let live = listing::live(live);
    let (mut removed, mut touched) = (Removed::default(), BTreeSet::new());
    let (mut data, mut entries) = (Vec::new(), Vec::new());
    for found in &listing.files {
        let Found { path, what, .. } = found;
        let goes = match what {
            What::Data { table, path } => !live.contains(&(table.as_str(), path.as_str())),
            What::Entry { table, version } => {
                pointer.and_then(|pointer| pointer.tables.get(table)).is_none_or(|named| version > named)
            }
            What::Links(name) => pointer.and_then(|p| p.links.as_ref()) != Some(name),
            What::Leftover => true,
            What::Own | What::Foreign => false,
        };
        if !goes {
            continue;
        }
        touched.extend(path.parent().map(Path::to_owned));
        if matches!(what, What::Data { .. }) {
            removed.files += 1;
            removed.bytes += found.bytes();
            data.push(path.clone());
        } else {
            removed.leftovers += 1;
            entries.push(path);
        }
    }
    for entry in entries {
        lock.remove(std::slice::from_ref(entry))?;
    }
    lock.remove(&data)?;
    for folder in listing.folders.iter().filter(|folder| !is_own(home.root(), folder)) {
        let mut entries = fs::read_dir(folder).map_err(WarehouseError::io("read", folder))?;
        if entries.next().is_none() {
            fs::remove_dir(folder).map_err(WarehouseError::io("remove", folder))?;
            touched.remove(folder);
            touched.extend(folder.parent().map(Path::to_owned));
            removed.folders += 1;
        }
    }
    lock.remove_leases(others)?;
    files::sync_folders(&touched)?;
    Ok(removed)
}

/// Folders that stay, empty or not: `.leases` and `.unfinished`.
fn is_own(root: &Path, folder: &Path) -> bool {
    folder.strip_prefix(root).is_ok_and(|below| below.as_os_str().as_encoded_bytes().starts_with(b"."))
}
