//! What a caller sees of an error: the query text, the policy and the ledger, never the data.

use serde::Serialize;
use thiserror::Error;

/// The one message for every fault behind the charge. Out of memory, a timeout and a damaged file look the
/// same, since which of them happened may depend on the data.
pub const UNIFORM_FAULT: &str = "The question could not be answered. Its price stays charged.";

/// An error as the caller sees it.
///
/// # Privacy
/// `message` and `hint` are made from the text of the question, the policy and the ledger alone. What happened
/// inside goes to `tracing`, without data.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[error("{message}")]
pub struct EngineError {
    /// What kind of error, for exit codes and HTTP status.
    pub kind: ErrorKind,
    /// What was wrong.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
}

/// Kinds of errors, one exit code each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The question cannot be asked so (exit code 2).
    Refused,
    /// The budget does not suffice (3).
    Exhausted,
    /// The caller may not do this (4).
    NotPermitted,
    /// A fault of the installation (1).
    Fault,
}

impl EngineError {
    /// The question is refused.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Refused, message: message.into(), hint: None }
    }

    /// The caller lacks a role or is unknown.
    pub fn not_permitted(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::NotPermitted, message: message.into(), hint: None }
    }

    /// The budget of a block or share does not suffice.
    pub fn exhausted(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Exhausted, message: message.into(), hint: None }
    }

    /// A fault before anything was charged or read: policy, ledger or folders.
    pub fn fault(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Fault, message: message.into(), hint: None }
    }

    /// A fault of the storage while a steward works on it, in the warehouse's own words; never one of a question.
    pub(crate) fn stored(error: &skjerm_warehouse::WarehouseError) -> Self {
        Self {
            hint: skjerm_warehouse::disk_hint(error).map(ToOwned::to_owned),
            ..Self::fault(error.to_string())
        }
    }

    /// The uniform fault behind the charge.
    pub(crate) fn uniform() -> Self {
        Self::fault(UNIFORM_FAULT)
    }

    /// The same error with a hint on what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
