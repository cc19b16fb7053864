//! Failures of the command: kind, message, hint and exit code.

use std::process::ExitCode;

use serde_json::json;

use crate::args::Format;
use crate::output::{harmless, say_line};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Fault,
    Refused,
    Exhausted,
    NotPermitted,
}

/// What went wrong, in the words of the one who must act on it.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    hint: Option<String>,
    /// What else is known, beside the error in its JSON document.
    details: Option<Box<(&'static str, serde_json::Value)>>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, details: None }
    }

    pub(crate) fn fault(message: impl Into<String>) -> Self {
        Self::new(Kind::Fault, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The hint that a full or a locked disk calls for, where there is no other.
    fn of_disk(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        self.hint = self.hint.or_else(|| skjerm_warehouse::disk_hint(error).map(ToOwned::to_owned));
        self
    }

    /// More for whoever reads the JSON document.
    pub(crate) fn with_details(mut self, name: &'static str, details: serde_json::Value) -> Self {
        self.details = Some(Box::new((name, details)));
        self
    }

    /// JSON goes to standard output (one document a run), everything else to standard error.
    pub(crate) fn print(&self, format: Format) {
        if format == Format::Json {
            let kind = match self.kind {
                Kind::Fault => "fault",
                Kind::Refused => "refused",
                Kind::Exhausted => "exhausted",
                Kind::NotPermitted => "not_permitted",
            };
            let mut document = json!({"error": {"kind": kind, "message": self.message, "hint": self.hint}});
            if let Some((name, details)) = self.details.as_deref() {
                document[*name] = details.clone();
            }
            say_line(&document.to_string());
        } else {
            eprintln!("error: {}", harmless(&self.message));
            if let Some(hint) = &self.hint {
                eprintln!("hint: {}", harmless(hint));
            }
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::Fault => 1,
            Kind::Refused => 2,
            Kind::Exhausted => 3,
            Kind::NotPermitted => 4,
        })
    }
}

impl From<skjerm_engine::ErrorKind> for Kind {
    fn from(kind: skjerm_engine::ErrorKind) -> Self {
        use skjerm_engine::ErrorKind;
        match kind {
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Exhausted => Self::Exhausted,
            ErrorKind::NotPermitted => Self::NotPermitted,
            ErrorKind::Fault => Self::Fault,
        }
    }
}

impl From<skjerm_engine::EngineError> for Failure {
    fn from(error: skjerm_engine::EngineError) -> Self {
        Self { kind: error.kind.into(), message: error.message, hint: error.hint, details: None }
    }
}

impl From<skjerm_figures::FiguresError> for Failure {
    fn from(error: skjerm_figures::FiguresError) -> Self {
        Self {
            kind: error.kind().into(),
            message: error.to_string(),
            hint: error.hint().map(ToOwned::to_owned),
            details: None,
        }
    }
}

impl From<skjerm_ingest::IngestError> for Failure {
    fn from(error: skjerm_ingest::IngestError) -> Self {
        let kind = if error.is_refusal() { Kind::Refused } else { Kind::Fault };
        Self { kind, message: error.to_string(), hint: error.hint(), details: None }.of_disk(&error)
    }
}

impl From<skjerm_ledger::LedgerError> for Failure {
    fn from(error: skjerm_ledger::LedgerError) -> Self {
        use skjerm_ledger::LedgerError;
        let kind = if matches!(error, LedgerError::Invalid(_)) { Kind::Refused } else { Kind::Fault };
        Self::new(kind, error.to_string())
    }
}

impl From<skjerm_synth::SynthError> for Failure {
    fn from(error: skjerm_synth::SynthError) -> Self {
        use skjerm_synth::SynthError;
        let kind = match &error {
            SynthError::NoPersons | SynthError::TooManyPersons { .. } | SynthError::Years { .. } => {
                Kind::Refused
            }
            _ => Kind::Fault,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<skjerm_warehouse::InstallationError> for Failure {
    fn from(error: skjerm_warehouse::InstallationError) -> Self {
        Self::refused(error.to_string()).of_disk(&error)
    }
}

impl From<skjerm_warehouse::keyfile::KeyFileError> for Failure {
    fn from(error: skjerm_warehouse::keyfile::KeyFileError) -> Self {
        Self::refused(error.to_string()).of_disk(&error)
    }
}

impl From<skjerm_warehouse::policy::PolicyError> for Failure {
    fn from(error: skjerm_warehouse::policy::PolicyError) -> Self {
        Self::refused(error.to_string()).with_hint("mend the policy; the installation was not touched")
    }
}

impl From<skjerm_warehouse::WarehouseError> for Failure {
    fn from(error: skjerm_warehouse::WarehouseError) -> Self {
        use skjerm_warehouse::WarehouseError;
        use skjerm_warehouse::reference::ReferenceError;
        // A file that somebody gave is input; what the installation holds is not.
        if let WarehouseError::Reference(ReferenceError::Read { .. } | ReferenceError::Wrong { .. }) = &error
        {
            return Self::refused(error.to_string()).with_hint("nothing was imported");
        }
        if let WarehouseError::Storage(_) | WarehouseError::Installation(_) = &error {
            return Self::refused(error.to_string()).of_disk(&error);
        }
        Self::fault(error.to_string()).of_disk(&error)
    }
}

impl From<skjerm_dashboard::DashboardError> for Failure {
    fn from(error: skjerm_dashboard::DashboardError) -> Self {
        use skjerm_dashboard::DashboardError;
        let kind = match &error {
            DashboardError::Taken(_) | DashboardError::Listen { .. } => Kind::Refused,
            _ => Kind::Fault,
        };
        Self::new(kind, error.to_string())
    }
}
