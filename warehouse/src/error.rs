//! What can go wrong in the warehouse.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A load or a snapshot that could not be done. No message holds a value of a row.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WarehouseError {
    /// A file or folder could not be used.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}
