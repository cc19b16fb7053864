//! Read leases in a folder: who reads the files of a snapshot holds a shared lock on a file of its own under `.leases/`.
//!
//! The loader that makes a snapshot makes its lease file before the pointer moves, so a reader needs no right to
//! write. A reader takes the lease of the snapshot that the pointer names, and looks at the pointer again: if it
//! moved meanwhile, it begins anew. [`crate::keep`] deletes files under the loaders' lock, when it has every other
//! lease for itself; the current one it never takes. So nobody who begins to read waits for more than a deletion, and
//! no file goes while somebody reads it, in this process or another on this machine. A lock goes with its
//! process, however that ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bucket::lease::LeaseObject;
use super::home::Home;
use super::pointer::Pointer;
use crate::WarehouseError;

/// Folder of the lease files, beside the tables.
pub(crate) const FOLDER: &str = ".leases";
/// How often somebody who waits for readers looks again.
const LOOK: Duration = Duration::from_millis(20);
/// Whoever waits no longer than this need not be told.
const SOON: Duration = Duration::from_secs(1);

/// Keeps the files of a snapshot where they are, for as long as it or a clone of it lives. The default keeps nothing.
///
/// Two leases are always equal: they say nothing about data.
#[derive(Debug, Clone, Default)]
pub struct Lease {
    _held: Option<Arc<Held>>,
}

/// What goes when the last clone does.
#[derive(Debug)]
enum Held {
    File { _locked: File },
    Object { _object: LeaseObject },
}

impl Lease {
    /// That of a reader of a bucket.
    pub(crate) fn of_object(object: LeaseObject) -> Self {
        Self { _held: Some(Arc::new(Held::Object { _object: object })) }
    }
}

impl PartialEq for Lease {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Lease {}

/// Makes the lease file of a snapshot, before the pointer names it.
pub(crate) fn prepare(root: &Path, id: &str) -> Result<(), WarehouseError> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).map_err(WarehouseError::io("make", &folder))?;
    let path = folder.join(id);
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    opened.map(drop).map_err(WarehouseError::io("make", &path))
}

/// The pointer as it is, with a lease of what it names.
pub(crate) fn take(root: &Path) -> Result<Option<(Pointer, Lease)>, WarehouseError> {
    let home = Home::Folder(root.to_owned());
    loop {
        let Some(pointer) = Pointer::read(&home)? else { return Ok(None) };
        let path = root.join(FOLDER).join(&pointer.id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The pointer moved and the file went; or the folder is a copy without its leases.
                if Pointer::read(&home)?.as_ref() == Some(&pointer) {
                    prepare(root, &pointer.id)?;
                }
                continue;
            }
            Err(error) => return Err(WarehouseError::io("read", &path)(error)),
        };
        file.lock_shared().map_err(WarehouseError::io("lock", &path))?;
        // A lock on a file that was removed meanwhile keeps nobody away.
        if is_there(&file, &path) && Pointer::read(&home)?.as_ref() == Some(&pointer) {
            return Ok(Some((pointer, Lease { _held: Some(Arc::new(Held::File { _locked: file })) })));
        }
    }
}

/// Says once that readers are waited for.
#[derive(Default)]
pub(crate) struct Waiting {
    is_said: bool,
}

impl Waiting {
    pub(crate) fn go_on(&mut self, passed: Duration, patience: Duration) {
        if passed >= SOON && !self.is_said {
            self.is_said = true;
            tracing::warn!(
                "waiting for questions that still read what is to be deleted, {} s at most",
                patience.as_secs()
            );
        }
    }
}

/// Whether a file of this name is a lease: it is named by its snapshot.
pub(crate) fn is_lease(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_there(file: &File, path: &Path) -> bool {
    let id = |about: &fs::Metadata| (about.dev(), about.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(held), Ok(named)) if id(&held) == id(&named))
}

/// The leases of all snapshots but the current one, held so that nobody takes them.
#[derive(Debug, Default)]
pub(crate) struct Others {
    held: Vec<(PathBuf, File)>,
}

impl Others {
    /// Waits until nobody reads an older snapshot, but no longer than `patience`. Under the loaders' lock.
    pub(crate) fn wait(
        root: &Path,
        current: Option<&str>,
        patience: Duration,
    ) -> Result<Self, WarehouseError> {
        let folder = root.join(FOLDER);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(WarehouseError::io("read", &folder)(error)),
        };
        let (started, mut held) = (Instant::now(), Vec::new());
        let mut waiting = Waiting::default();
        for entry in entries {
            let path = entry.map_err(WarehouseError::io("read", &folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name == current || !name.is_some_and(is_lease) {
                continue;
            }
            let file = File::open(&path).map_err(WarehouseError::io("read", &path))?;
            loop {
                match file.try_lock() {
                    Ok(()) => break,
                    Err(TryLockError::WouldBlock) if started.elapsed() < patience => {
                        waiting.go_on(started.elapsed(), patience);
                        std::thread::sleep(LOOK);
                    }
                    Err(TryLockError::WouldBlock) => {
                        return Err(WarehouseError::StillRead { seconds: patience.as_secs() });
                    }
                    Err(TryLockError::Error(error)) => return Err(WarehouseError::io("lock", &path)(error)),
                }
            }
            held.push((path, file));
        }
        Ok(Self { held })
    }

    /// Removes the lease files, whose snapshots are gone.
    pub(crate) fn remove(self) -> Result<(), WarehouseError> {
        for (path, _file) in &self.held {
            fs::remove_file(path).map_err(WarehouseError::io("remove", path))?;
        }
        Ok(())
    }
}
