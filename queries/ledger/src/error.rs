//! What can go wrong with the ledger.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use skjerm_privacy::Rho;
use thiserror::Error;

use crate::Block;

/// An error of the ledger. Messages hold names, amounts and paths of the ledger, never data.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The price is more than what is left. Nothing was charged.
    #[error(
        "the budget of {block}{} has ρ {left} left, and the question costs ρ {asked}: nothing was charged; \
         ask at a lower ρ, or use a published release, which is free",
        .share.as_ref().map(|s| format!(" (share `{s}`)")).unwrap_or_default()
    )]
    Exhausted {
        /// The block that does not suffice.
        block: Block,
        /// The share, when it is the share and not the block itself that does not suffice.
        share: Option<String>,
        /// The price.
        asked: Rho,
        /// What is left.
        left: Rho,
    },
    /// A block that was never declared.
    #[error("the ledger has no budget for {block}: add its year or campaign to the policy")]
    UnknownBlock {
        /// The block.
        block: Block,
    },
    /// A share the block does not have.
    #[error("the budget of {block} has no share `{share}`: add it to the policy's shares")]
    UnknownShare {
        /// The block.
        block: Block,
        /// The share.
        share: String,
    },
    /// The policy now says another limit than the one under which was spent.
    #[error(
        "the ledger holds another budget for {block} than the policy ({what}: ledger {stored}, policy {declared}): \
         budgets do not change silently; restore the policy's value"
    )]
    LimitDiffers {
        /// The block.
        block: Block,
        /// What differs.
        what: String,
        /// As the ledger has it.
        stored: String,
        /// As it was declared now.
        declared: String,
    },
    /// A limit or a request that makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The reservation is not open (any more).
    #[error("reservation {id} is not open in this ledger: it was settled or abandoned before")]
    NotOpen {
        /// Its number.
        id: i64,
    },
    /// There is no file.
    #[error("the ledger {path} is missing: put back the kept copy; a new book would refill spent budgets", path = .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A book, or what is left of one, is where a new one was to be begun.
    #[error("the ledger {path} or a part of it is there already: a book is begun once, since a new one would refill spent budgets", path = .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is not a Skjerm ledger ({what}): move it away, or give the right installation with --dir", path = .path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file cannot be written.
    #[error("the ledger {path} is read-only: give this user write access to the file and its folder", path = .path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the ledger.
    #[error(
        "the ledger {path} is locked by another process: nothing was charged; try again, and if it lasts, look for a hanging skjerm or backup", path = .path.display()
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("the ledger {path} is damaged: nothing was charged; restore its latest backup, and until then ask nothing", path = .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
    /// There is no room to write the charge.
    #[error("there is no room on the disk for the ledger {path}: nothing was charged; make room and ask again", path = .path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or made.
    #[error("the ledger {path} cannot be opened: check that its folder exists and that this user may write there", path = .path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
    },
    /// Anything else the database says.
    #[error("the ledger {path} failed: {source}", path = .path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: rusqlite::Error,
    },
    /// A panic in another thread while it held the ledger.
    #[error("the ledger's connection was lost by a fault in another request: restart the program")]
    Poisoned,
}

impl LedgerError {
    /// What a database error means for the one who reads it.
    pub(crate) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => {
                Self::NotALedger { path, what: "it is not a database".to_owned() }
            }
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::CannotOpen) => Self::CannotOpen { path },
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            _ => Self::Storage { path, source },
        }
    }
}
