//! Whom a reader asks for data files.

use std::io;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path as Key;

use super::bucket::Bucket;
use super::home::Home;
use crate::snapshot::DataFile;

/// Where the data files of a snapshot are: in the file system of this machine (the default), or in a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    bucket: Option<Arc<Bucket>>,
}

impl Origin {
    pub(crate) fn of(home: &Home) -> Self {
        match home {
            Home::Folder(_) => Self::default(),
            Home::Bucket(bucket) => Self { bucket: Some(bucket.clone()) },
        }
    }

    /// The bucket's URL (`s3://BUCKET`) and who answers for it; `None` for the file system.
    pub fn store(&self) -> Option<(&str, Arc<dyn ObjectStore>)> {
        self.bucket.as_ref().map(|bucket| bucket.store())
    }

    /// A file's place in the file system or in the bucket.
    pub fn locate(&self, file: &DataFile) -> io::Result<Key> {
        match &self.bucket {
            None => Key::from_absolute_path(&file.path).map_err(io::Error::other),
            Some(bucket) => bucket.key(&file.path),
        }
    }
}
