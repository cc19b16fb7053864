//! What entries say. The body of an entry is JSON, one shape a kind; amounts are whole numbers.

use serde::{Deserialize, Serialize};
use skjerm_privacy::Loss;

use crate::chain::Sealed;
use crate::store::{Account, Units};
use crate::{Block, LedgerError};

/// Who is named in entries that the program makes by itself.
pub(crate) const PROGRAM: &str = "skjerm";

/// Every so many entries one holds the state of all accounts, so that opening checks the tail alone.
pub(crate) const CHECKPOINT_EVERY: u64 = 1_000;

/// The body of an entry.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)] // one at a time, never kept in numbers
pub(crate) enum Body {
    /// The first entry.
    Begun(Begun),
    /// Blocks, shares or analysts got their limits.
    Limits(Limits),
    /// Accounts that are there got other limits.
    Relimited(Relimited),
    /// A reservation: charged before data are read.
    Charge(Charge),
    /// A lost reservation is worked on again, under its charge.
    Resumed(Resumed),
    /// A reservation got its answer.
    Answer(Answered),
    /// A reservation ended without an answer.
    Abandoned(Abandoned),
    /// A wish that was turned down.
    Refused(Refused),
    /// The rest of the budgets is given up.
    WrittenOff(WrittenOff),
    /// The state of all accounts.
    Checkpoint(Checkpoint),
    /// Something that bears on the promise and spends nothing.
    Event(EventKind, serde_json::Value),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) program: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// New accounts, nothing spent.
    pub(crate) accounts: Vec<Account>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Relimited {
    /// With their new limits and all that they have spent.
    pub(crate) accounts: Vec<Account>,
    pub(crate) reason: String,
}

/// An amount from a block, in whole units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) family: String,
    pub(crate) block: String,
    #[serde(flatten)]
    pub(crate) amount: Units,
}

impl Line {
    pub(crate) fn new(block: &Block, amount: Loss) -> Self {
        Self { family: block.family.clone(), block: block.name.clone(), amount: amount.into() }
    }

    pub(crate) fn block(&self) -> Block {
        Block::new(self.family.clone(), self.block.clone())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub(crate) what: String,
    pub(crate) question: String,
    pub(crate) question_id: String,
    pub(crate) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<String>,
    pub(crate) snapshot: String,
    pub(crate) share: String,
    pub(crate) charges: Vec<Line>,
    pub(crate) bounds: String,
    pub(crate) noise: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    pub(crate) holder: String,
    pub(crate) until: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resumed {
    pub(crate) charge: u64,
    pub(crate) holder: String,
    pub(crate) until: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answered {
    pub(crate) charge: u64,
    pub(crate) answer: String,
    /// Hash of the answer that is given: of an earlier one to the same question, if there is one.
    pub(crate) hash: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Abandoned {
    pub(crate) charge: u64,
    pub(crate) reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) what: String,
    pub(crate) question: String,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) charges: Vec<Line>,
    pub(crate) reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WrittenOff {
    pub(crate) charges: Vec<Line>,
    pub(crate) reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) accounts: Vec<Account>,
}

/// What happened beside spending, for [`crate::Ledger::record`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Another policy is in force.
    Policy,
    /// A release was published: what, why, by whom, at which risk.
    Release,
    /// A person was taken out.
    Erasure,
    /// Rows beyond their time were dropped.
    Retention,
    /// Keys were made or rotated.
    Keys,
    /// A steward came in by a door.
    Login,
}

impl EventKind {
    const ALL: [Self; 6] =
        [Self::Policy, Self::Release, Self::Erasure, Self::Retention, Self::Keys, Self::Login];

    /// Its name in the book.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Release => "release",
            Self::Erasure => "erasure",
            Self::Retention => "retention",
            Self::Keys => "keys",
            Self::Login => "login",
        }
    }
}

/// Every kind of entry by its name, for filters and their error messages.
pub const KINDS: [&str; 16] = [
    "begun",
    "limits",
    "relimited",
    "charge",
    "resumed",
    "answer",
    "abandoned",
    "refused",
    "written_off",
    "checkpoint",
    "policy",
    "release",
    "erasure",
    "retention",
    "keys",
    "login",
];

impl Body {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Begun(_) => "begun",
            Self::Limits(_) => "limits",
            Self::Relimited(_) => "relimited",
            Self::Charge(_) => "charge",
            Self::Resumed(_) => "resumed",
            Self::Answer(_) => "answer",
            Self::Abandoned(_) => "abandoned",
            Self::Refused(_) => "refused",
            Self::WrittenOff(_) => "written_off",
            Self::Checkpoint(_) => "checkpoint",
            Self::Event(kind, _) => kind.as_str(),
        }
    }

    pub(crate) fn to_json(&self) -> Result<String, LedgerError> {
        match self {
            Self::Begun(body) => serde_json::to_string(body),
            Self::Limits(body) => serde_json::to_string(body),
            Self::Relimited(body) => serde_json::to_string(body),
            Self::Charge(body) => serde_json::to_string(body),
            Self::Resumed(body) => serde_json::to_string(body),
            Self::Answer(body) => serde_json::to_string(body),
            Self::Abandoned(body) => serde_json::to_string(body),
            Self::Refused(body) => serde_json::to_string(body),
            Self::WrittenOff(body) => serde_json::to_string(body),
            Self::Checkpoint(body) => serde_json::to_string(body),
            Self::Event(_, body) => serde_json::to_string(body),
        }
        .map_err(|error| LedgerError::Invalid(format!("an entry of the ledger cannot be written: {error}")))
    }

    /// The body of an entry of the book; `None` if no program of this layout wrote it.
    pub(crate) fn of(entry: &Sealed) -> Option<Self> {
        let text = entry.body.as_str();
        Some(match entry.kind.as_str() {
            "begun" => Self::Begun(serde_json::from_str(text).ok()?),
            "limits" => Self::Limits(serde_json::from_str(text).ok()?),
            "relimited" => Self::Relimited(serde_json::from_str(text).ok()?),
            "charge" => Self::Charge(serde_json::from_str(text).ok()?),
            "resumed" => Self::Resumed(serde_json::from_str(text).ok()?),
            "answer" => Self::Answer(serde_json::from_str(text).ok()?),
            "abandoned" => Self::Abandoned(serde_json::from_str(text).ok()?),
            "refused" => Self::Refused(serde_json::from_str(text).ok()?),
            "written_off" => Self::WrittenOff(serde_json::from_str(text).ok()?),
            "checkpoint" => Self::Checkpoint(serde_json::from_str(text).ok()?),
            kind => {
                let kind = EventKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
                Self::Event(kind, serde_json::from_str(text).ok()?)
            }
        })
    }
}
