//! `current.json`: which version of each table belongs together.
//!
//! Delta makes a commit to one table atomic. A load changes many; they become visible together when this file
//! is replaced by a rename. Versions a loader committed before it was stopped are simply not pointed to, and
//! the next load leaves them out again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files;
use crate::WarehouseError;

/// The pointer's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pointer {
    /// The snapshot's id.
    pub(crate) id: String,
    /// Version of each table's log.
    pub(crate) tables: BTreeMap<String, u64>,
}

/// Where it is.
pub(crate) fn path(root: &Path) -> PathBuf {
    root.join("current.json")
}

impl Pointer {
    /// The pointer as it is; `None` before the first load.
    pub(crate) fn read(root: &Path) -> Result<Option<Self>, WarehouseError> {
        let path = path(root);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(WarehouseError::io("read", &path)(error)),
        };
        let pointer = serde_json::from_str(&text);
        pointer.map(Some).map_err(|_| WarehouseError::damaged(&path, "it is no list of table versions"))
    }

    /// Moves the pointer, durably.
    pub(crate) fn write(&self, root: &Path) -> Result<(), WarehouseError> {
        let path = path(root);
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| WarehouseError::io("write", &path)(error.into()))?;
        text.push(b'\n');
        files::replace(root, &path, &text)
    }
}
