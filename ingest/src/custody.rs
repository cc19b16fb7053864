//! Which keys a warehouse was written with.
//!
//! # Privacy
//! With another key every person gets another pseudonym, so that one human becomes two units and is counted twice. The
//! ids of both keys (never the secrets) are kept beside the tables at the first load, and other keys are refused. The
//! id of the warehouse key stays when it is rotated; a copy of it that lacks the epoch of the tables is refused as well.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use skjerm_warehouse::{Installation, WarehouseKey};

use crate::error::IngestError;
use crate::key::DeliveryKey;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ids {
    linking: String,
    warehouse: String,
}

/// Refuses keys that the warehouse was not written with; `delivery` stands for the linking key.
pub fn check_keys(
    installation: &Installation,
    delivery: &DeliveryKey,
    warehouse: &WarehouseKey,
) -> Result<(), IngestError> {
    Custody::check(installation, delivery.id(), warehouse).map(drop)
}

/// The keys of one call, checked against those of the warehouse.
pub(crate) struct Custody {
    path: PathBuf,
    ids: Ids,
    known: bool,
}

impl Custody {
    /// `linking` is the id of the linking key.
    pub(crate) fn check(
        installation: &Installation,
        linking: &str,
        warehouse: &WarehouseKey,
    ) -> Result<Self, IngestError> {
        let ids = Ids { linking: linking.to_owned(), warehouse: warehouse.id().to_owned() };
        if ids.linking == ids.warehouse {
            return Err(IngestError::SameKey);
        }
        let path = installation.key_note_path();
        let known = match fs::read(&path) {
            Ok(text) => {
                let written: Ids = serde_json::from_slice(&text).map_err(|_| IngestError::Custody {
                    path: path.clone(),
                    problem: "is damaged".to_owned(),
                })?;
                for (purpose, written, given) in [
                    ("linking", &written.linking, &ids.linking),
                    ("warehouse", &written.warehouse, &ids.warehouse),
                ] {
                    if written != given {
                        return Err(IngestError::OtherKey {
                            purpose,
                            written: written.clone(),
                            given: given.clone(),
                        });
                    }
                }
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && installation.is_unloaded() => false,
            // Any key would be taken for the right one.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // A pointer or a bucket that cannot be read says so itself.
                installation.key_in_force(warehouse)?;
                return Err(IngestError::Custody {
                    path,
                    problem: "is missing, and there are tables: put it back from a copy of the installation"
                        .to_owned(),
                });
            }
            Err(error) => return Err(IngestError::Custody { path, problem: error.to_string() }),
        };
        installation.key_in_force(warehouse)?;
        Ok(Self { path, ids, known })
    }

    /// Writes the ids down, before the first rows are: whole or not at all.
    pub(crate) fn keep(&self) -> Result<(), IngestError> {
        if self.known {
            return Ok(());
        }
        let work = self.path.with_extension(format!("{}.part", std::process::id()));
        let text = serde_json::to_vec(&self.ids).map_err(std::io::Error::other);
        text.and_then(|text| {
            let mut file = fs::File::create(&work)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&work, &self.path)
        })
        .map_err(|error| IngestError::Custody { path: self.path.clone(), problem: error.to_string() })
    }
}
