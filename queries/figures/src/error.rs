//! What can go wrong with figures. Nothing here depends on protected data: only on the workload, the policy, the ledger and the disk.

use std::path::PathBuf;

/// Why figures could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// The workload file is not valid: what, where, and what to do.
    #[error("the workload \"{workload}\" is not valid: {problem}")]
    Workload {
        /// Name of the workload, or of its file.
        workload: String,
        /// One sentence.
        problem: String,
    },
    /// The question cannot be answered as put.
    #[error("{message}")]
    Refused {
        /// What was wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The year's share for releases is spent.
    #[error("{message}")]
    Exhausted {
        /// What was wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// No such release.
    #[error("there is no release \"{0}\" here; `skjerm release list` shows those that exist")]
    UnknownRelease(String),
    /// A published release is not what was published.
    #[error("the release at {path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// A file of the installation could not be read or written.
    #[error("cannot {action} {path}: {source}")]
    Disk {
        /// "read", "write", …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A fault in the planning or reconstruction of noise.
    #[error("the figures could not be computed: {0}")]
    Fault(String),
}
