//! Deliveries: what the source side hands to the warehouse side.
//!
//! A delivery is a folder with Parquet parts, a manifest (`manifest.json`: sources, counts, schema, period, the key's id, size and
//! BLAKE3 of every part) and a seal (`manifest.mac`: a keyed BLAKE3 hash of the manifest). Whoever changes, cuts or adds
//! anything breaks the seal or a hash in it.
//!
//! Where one machine is both sides, a delivery is made, read and removed within one call, by the same code.
//!
//! # Privacy
//!
//! The parts hold first-layer pseudonyms, which the linking key alone can make: who has a delivery, and not that key, can look
//! nobody up. They are still about persons, and exact: send them as you would send the exports.

mod manifest;
mod open;
mod write;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub(crate) use manifest::FileEntry;
pub(crate) use open::Opened;
pub(crate) use write::{FileDone, FileParts, Writer, remove_leftovers};

/// The manifest's file.
const MANIFEST: &str = "manifest.json";
/// The seal's file.
const SEAL: &str = "manifest.mac";

/// Whether a path is a delivery, as opposed to an export or a folder of exports.
pub fn is_delivery(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

/// A delivery that cannot be made or taken in. Nothing of it was loaded.
#[derive(Debug, Error)]
#[error("the delivery {}: {problem}", path.display())]
pub struct DeliveryError {
    /// The delivery.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: DeliveryProblem,
}

/// What is wrong with a delivery.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeliveryProblem {
    /// There is something already.
    #[error("there is a file or folder of this name already; name another one")]
    Exists,
    /// There is no manifest.
    #[error("it has no manifest: it is no delivery, or was cut short on its way")]
    NoManifest,
    /// There is no seal.
    #[error("its seal is missing: it was cut short on its way")]
    NoSeal,
    /// It was made with another linking key.
    #[error(
        "it was made with the linking key {made}, and this side knows {known}: every person would get a second pseudonym"
    )]
    OtherKey {
        /// Id of the key it says it was made with.
        made: String,
        /// Id of the key that is known here.
        known: String,
    },
    /// The seal does not fit.
    #[error("its manifest was changed after it was sealed, or another key sealed it")]
    Changed,
    /// Made by a later version of this program.
    #[error("it is of format {0}, which this version does not know: update Skjerm")]
    Format(u32),
    /// A part is not there.
    #[error("its part {0} is missing")]
    PartMissing(String),
    /// A part is not what the manifest says.
    #[error("its part {0} was changed or cut after it was sealed")]
    PartChanged(String),
    /// Something that the manifest does not name.
    #[error("it holds {0} file(s) that its manifest does not name")]
    Foreign(usize),
    /// A part of other columns or numbers of rows than the manifest says: a fault of the program that made it.
    #[error("its part {0} does not hold the rows that its manifest says")]
    Rows(String),
    /// Reading or writing failed.
    #[error("it cannot be read or written: {0}")]
    Io(#[from] io::Error),
}

impl DeliveryProblem {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Exists => "a delivery is never written over another one",
            Self::NoManifest
            | Self::NoSeal
            | Self::Changed
            | Self::PartMissing(_)
            | Self::PartChanged(_)
            | Self::Foreign(_) => "ask the source to send the delivery again; nothing of it was loaded",
            Self::OtherKey { .. } => {
                "deliveries to one warehouse are made with one linking key: ask the source which key it used"
            }
            Self::Format(_) => "nothing of it was loaded",
            Self::Rows(_) => "please report it; nothing of it was loaded",
            Self::Io(_) => "free space or correct permissions, and try again",
        }
    }
}
