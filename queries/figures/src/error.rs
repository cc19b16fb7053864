//! What can go wrong with figures. Nothing here depends on protected data: only on the workload, the policy, the ledger and the disk.

use std::path::PathBuf;

use skjerm_engine::{EngineError, ErrorKind};
use skjerm_privacy::PrivacyError;

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
    /// The engine refused, or could not.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A fault in the planning or reconstruction of noise.
    #[error("the figures could not be computed: {0}")]
    Fault(String),
}

impl FiguresError {
    /// What kind of error, for exit codes and HTTP status.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Workload { .. } | Self::Refused { .. } | Self::UnknownRelease(_) => ErrorKind::Refused,
            Self::Exhausted { .. } => ErrorKind::Exhausted,
            Self::Engine(error) => error.kind,
            Self::Damaged { .. } | Self::Disk { .. } | Self::Fault(_) => ErrorKind::Fault,
        }
    }

    /// What to do instead.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused { hint, .. } | Self::Exhausted { hint, .. } => hint.as_deref(),
            Self::Engine(error) => error.hint.as_deref(),
            _ => None,
        }
    }
}

impl From<PrivacyError> for FiguresError {
    fn from(error: PrivacyError) -> Self {
        match error {
            // About what a workload asks for.
            PrivacyError::Domain(_) | PrivacyError::Mismatch(_) | PrivacyError::NothingToSpend => {
                Self::Refused { message: error.to_string(), hint: None }
            }
            error => Self::Fault(error.to_string()),
        }
    }
}
