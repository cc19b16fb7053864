//! Closed code lists.

use serde::{Deserialize, Serialize};

/// The code every list holds, for a value the source does not know.
pub const UNKNOWN: &str = "unknown";

/// A name for people, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Norwegian.
    pub no: String,
    /// English.
    pub en: String,
}

/// One code and its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The code as stored.
    pub code: String,
    /// Norwegian name.
    pub no: String,
    /// English name.
    pub en: String,
}

/// A closed list of codes, in the order answers show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeList {
    /// Name of the list.
    pub name: String,
    /// What the codes are about.
    pub label: Label,
    /// The codes.
    pub codes: Vec<Code>,
}

impl CodeList {
    /// Whether the list holds the code.
    pub fn contains(&self, code: &str) -> bool {
        self.position(code).is_some()
    }

    /// The code's place in the list.
    pub fn position(&self, code: &str) -> Option<usize> {
        self.codes.iter().position(|c| c.code == code)
    }

    /// The code with its names.
    pub fn label(&self, code: &str) -> Option<&Code> {
        self.codes.iter().find(|c| c.code == code)
    }

    /// How many codes there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Never true of a list that was checked: each holds "unknown".
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}
