//! Refusals: a sentence on what is wrong, and one on what to do.

use crate::error::EngineError;

/// What this version answers, for the hint of every refusal without a better one.
const SUPPORTED: &str = "Supported: SELECT over protected tables with count(*), count(distinct person), count, sum, avg, \
    median and percentile_cont of measures, each with FILTER; WHERE and GROUP BY with any expression over coded columns, years, months, days and \
    measures; ROLLUP, CUBE; JOIN … USING (person, year), EXISTS; a person's own numbers in a subquery grouped by person \
    and year; and whatever you like over the answers.";

/// Why a question is refused. Made from its text and the policy alone.
#[derive(Debug)]
pub(crate) struct Refusal {
    message: String,
    hint: Option<String>,
}

/// Begins a refusal with what is wrong, without the full stop.
pub(crate) fn refuse(message: impl Into<String>) -> Refusal {
    Refusal { message: message.into(), hint: None }
}

impl Refusal {
    /// What to do instead.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Refusal> for EngineError {
    fn from(refusal: Refusal) -> Self {
        let mut letters = refusal.message.chars();
        // The sign ρ is no word: its capital is another letter, and looks like a P.
        let first = letters
            .next()
            .map(|c| if c == 'ρ' { c.to_string() } else { c.to_uppercase().to_string() })
            .unwrap_or_default();
        let stop = if refusal.message.ends_with('?') { "" } else { "." };
        let message = format!("{first}{}{stop}", letters.as_str());
        Self::refused(message).with_hint(refusal.hint.unwrap_or_else(|| SUPPORTED.to_owned()))
    }
}
