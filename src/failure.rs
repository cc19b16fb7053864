//! Failures of the command: kind, message, hint and exit code.

use std::process::ExitCode;

use serde_json::json;

use crate::args::Format;

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
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
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

    /// JSON goes to standard output (DESIGN: one document a run), everything else to standard error.
    pub(crate) fn print(&self, format: Format) {
        if format == Format::Json {
            let kind = match self.kind {
                Kind::Fault => "fault",
                Kind::Refused => "refused",
                Kind::Exhausted => "exhausted",
                Kind::NotPermitted => "not_permitted",
            };
            println!("{}", json!({"error": {"kind": kind, "message": self.message, "hint": self.hint}}));
        } else {
            eprintln!("error: {}", self.message);
            if let Some(hint) = &self.hint {
                eprintln!("hint: {hint}");
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

impl From<skjerm_engine::EngineError> for Failure {
    fn from(error: skjerm_engine::EngineError) -> Self {
        use skjerm_engine::ErrorKind;
        let kind = match error.kind {
            ErrorKind::Refused => Kind::Refused,
            ErrorKind::Exhausted => Kind::Exhausted,
            ErrorKind::NotPermitted => Kind::NotPermitted,
            ErrorKind::Fault => Kind::Fault,
        };
        Self { kind, message: error.message, hint: error.hint }
    }
}
