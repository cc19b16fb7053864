//! Where an installation keeps its files. Paths only: nothing here reads data.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::policy::{MUNICIPALITIES_FILE, POLICY_FILE, SHIPPED_MUNICIPALITIES, SHIPPED_POLICY};
use crate::storage::bucket::{Bucket, Credentials, Storage, StorageError};
use crate::storage::files::LoadLock;
use crate::storage::home::Home;
use crate::storage::pointer;
use crate::{WarehouseError, WarehouseKey};

/// A folder with a policy, keys, the warehouse, the ledger and the releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    root: PathBuf,
}

/// Why there is no installation to work with.
#[derive(Debug, Error)]
pub enum InstallationError {
    /// Nothing was initialised there.
    #[error("no installation in {0}: run `skjerm init` there first, or name another folder with --dir")]
    Missing(PathBuf),
    /// The folder cannot be written.
    #[error("cannot make {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Installation {
    /// Makes the folders and copies the shipped policy. Files that are there already stay as they are, so that it
    /// can be run again.
    ///
    /// # Privacy
    ///
    /// Only the owner gets into the installation and into each of its folders with protected rows, quarantine
    /// lines, keys or spill files (0700), whatever the umask says. Each is closed on its own, so that one that is
    /// moved or mounted elsewhere stays closed. [`Self::open`] changes no mode: a steward who lets somebody in on
    /// purpose is not overruled.
    pub fn init(root: impl Into<PathBuf>) -> Result<Self, InstallationError> {
        let installation = Self { root: root.into() };
        for folder in [
            installation.root.clone(),
            installation.warehouse_dir(),
            installation.quarantine_dir(),
            installation.keys_dir(),
            installation.spill_dir(),
        ] {
            make_folder(&folder, crate::keyfile::make_private_folder)?;
        }
        // Published, if only within the installation.
        make_folder(&installation.releases_dir(), |folder| fs::create_dir_all(folder))?;
        write_new(&installation.root.join(MUNICIPALITIES_FILE), SHIPPED_MUNICIPALITIES)?;
        // Last: `open` takes the policy as the sign of a whole installation.
        write_new(&installation.policy_path(), SHIPPED_POLICY)?;
        Ok(installation)
    }

    /// The same with the tables in a bucket. The server is asked whether it will do before anything is made: whether
    /// it is there, lets us write, and keeps to what loaders rely on.
    pub fn init_in(root: impl Into<PathBuf>, storage: &Storage) -> Result<Self, WarehouseError> {
        let installation = Self { root: root.into() };
        let path = installation.storage_path();
        let before = Storage::of(&installation)?;
        match &before {
            Some(other) if other != storage => {
                return Err(StorageError::Elsewhere("in another bucket").into());
            }
            None if !pointer::is_unused(&Home::Folder(installation.warehouse_dir())) => {
                return Err(StorageError::Elsewhere("in its own folder").into());
            }
            _ => {}
        }
        let home = Home::Bucket(Arc::new(Bucket::open(storage, Credentials::of_environment()?)?));
        drop(LoadLock::wait(&home)?);
        if before.is_none() && !pointer::is_unused(&home) {
            return Err(StorageError::Taken(home.root().display().to_string()).into());
        }
        let (text, failed) = (storage.to_text()?, WarehouseError::io("make", &path));
        crate::keyfile::make_private_folder(&installation.root)
            .and_then(|()| create_new(&path, &text))
            .map_err(failed)?;
        Ok(Self::init(installation.root)?)
    }

    /// An installation that is there.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, InstallationError> {
        let installation = Self { root: root.into() };
        if installation.policy_path().is_file() {
            Ok(installation)
        } else {
            Err(InstallationError::Missing(installation.root))
        }
    }

    /// The installation's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The policy file.
    pub fn policy_path(&self) -> PathBuf {
        self.root.join(POLICY_FILE)
    }

    /// Folder of the keys.
    pub fn keys_dir(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The warehouse key's file.
    pub fn warehouse_key_path(&self) -> PathBuf {
        self.keys_dir().join("warehouse.key")
    }

    /// The linking key's file; its type lives in the ingest room.
    pub fn linking_key_path(&self) -> PathBuf {
        self.keys_dir().join("linking.key")
    }

    /// The key that deliveries are sealed with, on the side of a warehouse that does not have the linking key.
    pub fn delivery_key_path(&self) -> PathBuf {
        self.keys_dir().join("delivery.key")
    }

    /// The key that seals the ledger's entries.
    pub fn ledger_key_path(&self) -> PathBuf {
        self.keys_dir().join("ledger.key")
    }

    /// Folder of the tables, unless they are in a bucket.
    pub fn warehouse_dir(&self) -> PathBuf {
        self.root.join("warehouse")
    }

    /// The note of which keys the rows were hashed with, written by the ingest room before the first rows are. It is
    /// in the installation's folder also where the tables are in a bucket.
    pub fn key_note_path(&self) -> PathBuf {
        self.warehouse_dir().join("keys.json")
    }

    /// Says in which bucket the tables are, if they are in one.
    pub fn storage_path(&self) -> PathBuf {
        self.root.join("storage.toml")
    }

    /// The ledger.
    pub fn ledger_path(&self) -> PathBuf {
        self.root.join("ledger.sqlite")
    }

    /// Whether nothing was ever loaded or published here. In doubt it was.
    pub fn is_unused(&self) -> bool {
        let absent = |path: &Path| path.try_exists().is_ok_and(|there| !there);
        let releases = self.releases_dir();
        let unpublished =
            absent(&releases) || releases.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        unpublished && self.is_unloaded()
    }

    /// Whether nothing was ever loaded here. In doubt it was.
    pub fn is_unloaded(&self) -> bool {
        Home::of(self).is_ok_and(|home| pointer::is_unused(&home))
    }

    /// A key up to the epoch that the tables are of; refused when it lacks that epoch.
    pub fn key_in_force(&self, key: &WarehouseKey) -> Result<WarehouseKey, WarehouseError> {
        pointer::current(&Home::of(self)?)?.unwrap_or_default().key_in_force(key)
    }

    /// Folder of imported reference data; public, and made by the first import.
    pub fn reference_dir(&self) -> PathBuf {
        self.root.join("reference")
    }

    /// Folder of published releases.
    pub fn releases_dir(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// Folder of quarantine lines.
    pub fn quarantine_dir(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// Folder for spill files of queries.
    pub fn spill_dir(&self) -> PathBuf {
        self.root.join("spill")
    }
}

fn make_folder(path: &Path, make: impl Fn(&Path) -> io::Result<()>) -> Result<(), InstallationError> {
    make(path).map_err(|source| InstallationError::Write { path: path.to_owned(), source })
}

fn write_new(path: &Path, text: &str) -> Result<(), InstallationError> {
    create_new(path, text).map_err(|source| InstallationError::Write { path: path.to_owned(), source })
}

/// Writes a file unless it is there.
fn create_new(path: &Path, text: &str) -> io::Result<()> {
    match fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).and_then(|()| file.sync_all()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
