//! What can go wrong with the ledger.

use std::path::PathBuf;

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
    /// The file is something else.
    #[error("{path} is not a Skjerm ledger ({what}): move it away, or give the right installation with --dir")]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file cannot be written.
    #[error("the ledger {path} is read-only: give this user write access to the file and its folder")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the ledger.
    #[error(
        "the ledger {path} is locked by another process: nothing was charged; try again, and if it lasts, look for a hanging skjerm or backup"
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or made.
    #[error("the ledger {path} cannot be opened: check that its folder exists and that this user may write there")]
    CannotOpen {
        /// The file.
        path: PathBuf,
    },
    /// Anything else the database says.
    #[error("the ledger {path} failed: {source}")]
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
