//! Files that are whole once they have their name.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::thread;

use super::bucket::lock::Lock;
use super::home::{Home, Others};
use super::workers;
use crate::WarehouseError;

/// Folder for files being written, beside the tables so that a rename stays within a file system.
const UNFINISHED: &str = ".unfinished";

/// The lock that one loader at a time holds; released when dropped. Whoever writes or deletes has it: a lock of a
/// bucket may be lost meanwhile, and then each of these functions fails.
#[derive(Debug)]
pub(crate) struct LoadLock {
    home: Home,
    held: Held,
    /// Files whose content is durable, since [`Self::syncing`] made it so.
    durable: Mutex<HashSet<PathBuf>>,
}

#[derive(Debug)]
enum Held {
    File { _file: Option<File> },
    Object(Lock),
}

impl LoadLock {
    /// Waits until no other loader works there.
    pub(crate) fn wait(home: &Home) -> Result<Self, WarehouseError> {
        let held = match home {
            Home::Folder(root) => Self::of_folder(root)?,
            Home::Bucket(bucket) => Held::Object(Lock::wait(bucket)?),
        };
        Ok(Self::of(home, held))
    }

    /// The same for whoever only looks, which must be possible where nothing can be written: no loader works meanwhile, but
    /// others may look. Where no loader ever was, there is no lock and nobody to wait for.
    pub(crate) fn to_look(home: &Home) -> Result<Self, WarehouseError> {
        let Home::Folder(root) = home else { return Self::wait(home) };
        let path = root.join(".lock");
        let failed = |error| WarehouseError::io("lock", &path)(error);
        let file = match File::open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        match file.as_ref().map(File::try_lock_shared) {
            None | Some(Ok(())) => {}
            Some(Err(TryLockError::WouldBlock)) => {
                tracing::warn!("{BUSY}");
                file.as_ref().map_or(Ok(()), File::lock_shared).map_err(failed)?;
            }
            Some(Err(TryLockError::Error(error))) => return Err(failed(error)),
        }
        Ok(Self::of(home, Held::File { _file: file }))
    }

    fn of(home: &Home, held: Held) -> Self {
        Self { home: home.clone(), held, durable: Mutex::default() }
    }

    /// The same as a holder that dies here.
    #[cfg(test)]
    pub(crate) fn die(self) {
        if let Held::Object(lock) = self.held {
            lock.die();
        }
    }

    /// Where the tables are.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// Whether it is still held.
    pub(crate) fn still(&self) -> io::Result<()> {
        match &self.held {
            Held::File { .. } => Ok(()),
            Held::Object(lock) => lock.still(),
        }
    }

    /// Writes a file whose name holds the hash of its content: readers see all of it or nothing. It is durable after
    /// [`Self::sync`].
    pub(crate) fn write(&self, path: &Path, content: &[u8]) -> Result<(), WarehouseError> {
        // Another file than the one of this name before, if there was one.
        self.durable.lock().map(|mut durable| durable.remove(path)).ok();
        match &self.home {
            Home::Folder(root) => write(root, path, content),
            Home::Bucket(bucket) => self
                .still()
                .and_then(|()| bucket.write(path, content))
                .map_err(WarehouseError::io("write", path)),
        }
    }

    /// Makes files durable. An object is, once it is written.
    pub(crate) fn sync(&self, paths: &[PathBuf]) -> Result<(), WarehouseError> {
        let Home::Folder(root) = &self.home else { return Ok(()) };
        match self.durable.lock() {
            Ok(durable) => sync_but(root, paths, &durable),
            Err(_) => sync_but(root, paths, &HashSet::new()),
        }
    }

    /// Makes files that are named to it durable while others are written, each once. Their names are, after [`Self::sync`] of all.
    pub(crate) fn syncing<R>(
        &self,
        work: impl FnOnce(&Sender<PathBuf>) -> Result<R, WarehouseError>,
    ) -> Result<R, WarehouseError> {
        let (written, named) = mpsc::channel();
        if let Home::Bucket(_) = &self.home {
            return work(&written);
        }
        let named = Mutex::new(named);
        let next = || named.lock().ok().and_then(|named| named.recv().ok());
        let syncer = || -> Result<Vec<PathBuf>, WarehouseError> {
            let mut durable = Vec::new();
            while let Some(path) = next() {
                sync_one(&path)?;
                durable.push(path);
            }
            Ok(durable)
        };
        thread::scope(|scope| {
            let running: Vec<_> = (0..MEANWHILE).map(|_| scope.spawn(syncer)).collect();
            let done = work(&written);
            drop(written);
            for handle in running {
                // What could not be made durable once may only seem to be the next time.
                let durable = handle.join().unwrap_or(Err(WarehouseError::Interrupted))?;
                self.durable.lock().map(|mut all| all.extend(durable)).ok();
            }
            done
        })
    }

    /// Moves the pointer, durably.
    pub(crate) fn point(&self, path: &Path, content: &[u8]) -> Result<(), WarehouseError> {
        match (&self.home, &self.held) {
            (_, Held::Object(lock)) => lock.point(content).map_err(WarehouseError::io("replace", path)),
            (home, Held::File { .. }) => replace(home.root(), path, content),
        }
    }

    /// Deletes files, in any order.
    pub(crate) fn remove(&self, paths: &[PathBuf]) -> Result<(), WarehouseError> {
        let Home::Bucket(bucket) = &self.home else {
            let remove = |path: &PathBuf| fs::remove_file(path).map_err(WarehouseError::io("remove", path));
            return workers::each_with(AT_ONCE, paths.iter().collect(), remove).map(drop);
        };
        for some in paths.chunks(AT_ONCE_IN_A_BUCKET) {
            let removed = self.still().and_then(|()| bucket.remove(some)).and_then(|()| self.still());
            removed.map_err(WarehouseError::io("remove", &some[0]))?;
        }
        Ok(())
    }

    /// Removes the leases of older snapshots, whose files are gone.
    pub(crate) fn remove_leases(&self, others: Others) -> Result<(), WarehouseError> {
        match others {
            Others::Files(files) => files.remove(),
            Others::Objects(paths) => self.remove(&paths),
        }
    }

    /// The same for a folder, where it also clears what a loader that was stopped left unfinished.
    fn of_folder(root: &Path) -> Result<Held, WarehouseError> {
        let path = root.join(".lock");
        let failed = |error| WarehouseError::io("lock", &path)(error);
        let opened = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tracing::warn!("{BUSY}");
                file.lock().map_err(failed)?;
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let unfinished = root.join(UNFINISHED);
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(WarehouseError::io("clear", &unfinished))?;
        }
        fs::create_dir(&unfinished).map_err(WarehouseError::io("make", &unfinished))?;
        Ok(Held::File { _file: Some(file) })
    }
}

/// What somebody who waits for the lock is told.
pub(super) const BUSY: &str = "waiting for another command that loads or keeps the warehouse";

/// How many files are made durable, or deleted, at once. A file system gathers what is asked for together, so waiting
/// for many takes hardly longer than for one.
const AT_ONCE: usize = 16;
/// How many are, while others are still written.
const MEANWHILE: usize = 4;
/// How many objects are deleted at once, between two looks whether the lock is still held.
const AT_ONCE_IN_A_BUCKET: usize = 500;

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
#[cfg(test)]
pub(crate) fn sync(root: &Path, files: &[PathBuf]) -> Result<(), WarehouseError> {
    sync_but(root, files, &HashSet::new())
}

/// The same, but for the content of those that are durable already.
fn sync_but(root: &Path, files: &[PathBuf], durable: &HashSet<PathBuf>) -> Result<(), WarehouseError> {
    let mut folders: BTreeSet<&Path> = BTreeSet::new();
    for file in files {
        folders.extend(file.ancestors().skip(1).take_while(|folder| folder.starts_with(root)));
    }
    let files = files.iter().filter(|file| !durable.contains(*file)).map(PathBuf::as_path).collect();
    workers::each_with(AT_ONCE, files, sync_one)?;
    workers::each_with(AT_ONCE, folders.into_iter().collect(), sync_one).map(drop)
}

/// Makes the names in folders durable: those that came, and those that went.
pub(crate) fn sync_folders(folders: &BTreeSet<PathBuf>) -> Result<(), WarehouseError> {
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).filter(|folder| folder.is_dir()).collect();
    workers::each_with(AT_ONCE, folders, sync_one).map(drop)
}

fn sync_one(path: &Path) -> Result<(), WarehouseError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(WarehouseError::io("sync", path))
}

fn unfinished(root: &Path, path: &Path) -> PathBuf {
    let name = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
    root.join(UNFINISHED).join(name.as_str())
}
