//! Where the tables are at home: a folder, or a bucket on S3-compatible storage.
//!
//! A file has one name in both: its path below the root, which is the folder or `s3://BUCKET/PREFIX`. Whoever holds
//! the loaders' lock writes, through [`super::files::LoadLock`]; everybody else only reads here. These functions wait
//! for disk and network: they are for threads that may.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use bytes::Bytes;

use super::bucket::{self, Bucket, Credentials, Storage, StorageError};
use super::lease::{self, Lease};
use super::parquet;
use super::pointer::{self, Pointer};
use crate::{Installation, WarehouseError};

/// A folder or a bucket.
#[derive(Debug, Clone)]
pub(crate) enum Home {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket, or a part of one.
    Bucket(Arc<Bucket>),
}

impl Home {
    /// That of an installation: what its `storage.toml` says, else its own folder.
    pub(crate) fn of(installation: &Installation) -> Result<Self, WarehouseError> {
        match Storage::of(installation)? {
            // Whoever wrote the file by hand would find an empty warehouse, and take it for the truth.
            Some(_) if pointer::path(&installation.warehouse_dir()).exists() => {
                Err(StorageError::Elsewhere("in its own folder").into())
            }
            Some(storage) => {
                Ok(Self::Bucket(Arc::new(Bucket::open(&storage, Credentials::of_environment()?)?)))
            }
            None => Self::folder(&installation.warehouse_dir()),
        }
    }

    /// A folder, which is made if it is not there.
    fn folder(folder: &Path) -> Result<Self, WarehouseError> {
        let root = std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
        root.map(Self::Folder).map_err(WarehouseError::io("open", folder))
    }

    /// What every path begins with.
    pub(crate) fn root(&self) -> &Path {
        match self {
            Self::Folder(root) => root,
            Self::Bucket(bucket) => bucket.root(),
        }
    }

    /// A whole file.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Bytes> {
        match self {
            Self::Folder(_) => std::fs::read(path).map(Bytes::from),
            Self::Bucket(bucket) => bucket.read(path),
        }
    }

    /// The named columns of a data file.
    pub(crate) fn columns(&self, path: &Path, columns: &[&str]) -> Result<RecordBatch, WarehouseError> {
        match self {
            Self::Folder(_) => parquet::read(path, columns),
            Self::Bucket(bucket) => {
                let content = bucket.read(path).map_err(WarehouseError::io("read", path))?;
                parquet::decode(content, columns, path)
            }
        }
    }

    /// How many rows a data file has.
    pub(crate) fn rows(&self, path: &Path) -> Result<u64, WarehouseError> {
        let failed = WarehouseError::file(path, "read");
        let footer = match self {
            Self::Folder(_) => {
                let file = std::fs::File::open(path).map_err(WarehouseError::io("read", path))?;
                parquet::metadata(&file).map_err(failed)?
            }
            Self::Bucket(bucket) => {
                let content = bucket.read(path).map_err(WarehouseError::io("read", path))?;
                parquet::metadata(&content).map_err(failed)?
            }
        };
        Ok(u64::try_from(footer.file_metadata().num_rows()).unwrap_or_default())
    }

    /// Whether there is something else than an ordinary file at this path: a link, a folder.
    pub(crate) fn is_no_file(&self, path: &Path) -> bool {
        match self {
            Self::Folder(_) => std::fs::symlink_metadata(path).is_ok_and(|about| !about.is_file()),
            Self::Bucket(_) => false,
        }
    }

    /// Whether a table was ever begun here. In doubt it was.
    pub(crate) fn has_tables(&self) -> io::Result<bool> {
        match self {
            Self::Folder(root) => Ok(match std::fs::read_dir(root) {
                Ok(mut entries) => {
                    entries.any(|entry| entry.is_ok_and(|entry| entry.path().join("_delta_log").exists()))
                }
                Err(error) => error.kind() != io::ErrorKind::NotFound,
            }),
            Self::Bucket(bucket) => {
                let is_of_log =
                    |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("_delta_log"));
                Ok(bucket.list()?.iter().any(|object| is_of_log(&object.path)))
            }
        }
    }

    /// Makes it possible to read the snapshot of this id, before the pointer names it.
    pub(crate) fn prepare_leases(&self, id: &str) -> Result<(), WarehouseError> {
        match self {
            Self::Folder(root) => lease::prepare(root, id),
            Self::Bucket(_) => Ok(()),
        }
    }

    /// The pointer as it is, with a lease of what it names.
    pub(crate) fn lease(&self) -> Result<Option<(Pointer, Lease)>, WarehouseError> {
        match self {
            Self::Folder(root) => lease::take(root),
            Self::Bucket(bucket) => bucket::lease::take(bucket),
        }
    }

    /// Waits until nobody reads another snapshot than the current one, but no longer than `patience`. A lease of a
    /// bucket counts for as long as it `lasts`. Under the loaders' lock.
    pub(crate) fn others(
        &self,
        current: Option<&str>,
        lasts: Duration,
        patience: Duration,
    ) -> Result<Others, WarehouseError> {
        match self {
            Self::Folder(root) => lease::Others::wait(root, current, patience).map(Others::Files),
            Self::Bucket(bucket) => {
                bucket::lease::wait(bucket, current, lasts, patience).map(Others::Objects)
            }
        }
    }
}

/// The leases of older snapshots, which nobody reads any more.
#[derive(Debug)]
pub(crate) enum Others {
    /// Locked files.
    Files(lease::Others),
    /// Objects of readers that are gone.
    Objects(Vec<PathBuf>),
}
