//! What can go wrong with the ledger.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use skjerm_privacy::Loss;
use thiserror::Error;

use crate::{Block, LimitChange};

fn in_brackets(within: &str) -> String {
    if within.is_empty() { String::new() } else { format!(" ({within})") }
}

/// δ is named where it is asked for.
fn amount(loss: Loss, asked: Loss) -> String {
    if asked.delta.is_zero() {
        format!("ρ {}", loss.rho)
    } else {
        format!("ρ {} and δ {}", loss.rho, loss.delta)
    }
}

/// An error of the ledger. Messages hold names, amounts and paths of the ledger, never data.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The price is more than what is left. Nothing was charged.
    #[error(
        "the budget of {block}{} has {} left, and the question costs {}: nothing was charged; \
         ask at a lower ρ, or use a published release, which is free",
        in_brackets(.within), amount(*.left, *.asked), amount(*.asked, *.asked)
    )]
    Exhausted {
        /// The block that does not suffice.
        block: Block,
        /// Whose part of it does not suffice, as "share `researchers`"; empty for the block itself.
        within: String,
        /// The price.
        asked: Loss,
        /// What is left.
        left: Loss,
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
        "the ledger holds another budget than the policy ({change}): budgets do not change silently; restore the policy's value"
    )]
    LimitDiffers {
        /// What differs.
        change: LimitChange,
    },
    /// A limit or a request that makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The reservation is not open (any more).
    #[error("reservation {id} is not open in this ledger: it was settled or abandoned before")]
    NotOpen {
        /// Its number.
        id: u64,
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
    /// A book whose making was cut short.
    #[error("the ledger {path} has no entries: its making was cut short, or it was emptied; nothing was charged; `skjerm init` begins it, if nothing was loaded or published yet", path = .path.display())]
    Unbegun {
        /// The file.
        path: PathBuf,
    },
    /// The book is not as it was written.
    #[error(
        "the ledger is not as it was written: entry {seq}: {what}; nothing was charged; \
         `skjerm budget verify` says more: put back the latest whole copy, and find out who changed the book"
    )]
    Tampered {
        /// The first bad entry.
        seq: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The book is older than what was seen of it.
    #[error(
        "the ledger ends at or before entry {found} and is not the one that was seen at entry {seen}: an older copy was put \
         in its place, or its end was cut off; nothing was charged; put back the latest copy, or, if it is lost, give up \
         the rest of the budgets with `skjerm budget adopt`"
    )]
    RolledBack {
        /// The entry that was seen.
        seen: u64,
        /// The last entry that is there.
        found: u64,
    },
    /// The note of the last entry is missing.
    #[error(
        "{path}, which notes the last entry of the ledger, is missing or damaged: nobody can tell whether the book is \
         an older copy; nothing was charged; put it back, or give up the rest of the budgets with `skjerm budget adopt`", path = .path.display()
    )]
    WitnessMissing {
        /// The note.
        path: PathBuf,
    },
    /// The file under the book's name is another one now.
    #[error(
        "another file was put in the place of the ledger {path} while it was in use: nothing was charged; \
         restart the program, which then checks the book", path = .path.display()
    )]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// What was written could not be noted beside the book.
    #[error("the ledger was written, but its last entry could not be noted in {path}: what was charged stays charged, and no answer is given; give this user write access to that file, and make room", path = .path.display())]
    NotNoted {
        /// The note.
        path: PathBuf,
    },
    /// The same request id with another question.
    #[error(
        "the request id was used for another question (entry {seq}): nothing was charged; give each question an id of its own"
    )]
    RequestReused {
        /// The entry of the other question.
        seq: u64,
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
