//! What the ledger keeps.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use skjerm_privacy::Rho;

/// What a budget is for: the records of a family in one year or campaign, as ("persons", "2023").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Block {
    /// The family of tables.
    pub family: String,
    /// The year or the campaign.
    pub name: String,
}

impl Block {
    /// A block by its two names.
    pub fn new(family: impl Into<String>, name: impl Into<String>) -> Self {
        Self { family: family.into(), name: name.into() }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.family, self.name)
    }
}

/// The budget of a block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockLimit {
    /// Which block.
    pub block: Block,
    /// All that may ever be spent of it, by everybody together.
    pub rho: Rho,
    /// The δ at which its ε is shown.
    pub delta: f64,
    /// What each share may spend at most. The sum may be above `rho`: the block's limit rules.
    pub shares: BTreeMap<String, Rho>,
}

/// A wish to spend.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The canonical key of the question about its snapshot: same key, same answer.
    pub key: String,
    /// Who asks.
    pub who: String,
    /// Whose share is charged.
    pub share: String,
    /// What sort of question, as `sql`, `release`, `scene`.
    pub kind: String,
    /// The question, readable.
    pub question: String,
    /// The snapshot it is about.
    pub snapshot: String,
    /// The price, by block. Each above zero, no block twice.
    pub charges: Vec<(Block, Rho)>,
}

/// A charge that has been made and has no answer yet. Dropping it leaves the charge.
#[derive(Debug)]
#[must_use = "a reservation is charged already: settle it with the answer, or abandon it with a reason"]
pub struct Reservation {
    pub(crate) id: i64,
    pub(crate) key: String,
}

impl Reservation {
    /// Its number in the ledger's history.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The key of the question.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What [`crate::Ledger::begin`] finds.
#[derive(Debug)]
pub enum Begin {
    /// The question has its answer already: nothing was charged.
    Stored(StoredAnswer),
    /// The charge is made: read the data, then settle.
    Reserved(Reservation),
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// Its name, derived from the key.
    pub id: String,
    /// The canonical key of the question.
    pub key: String,
    /// The answer as JSON.
    pub body: String,
    /// The question, readable.
    pub question: String,
    /// What sort of question.
    pub kind: String,
    /// Who asked first.
    pub who: String,
    /// The snapshot it is about.
    pub snapshot: String,
    /// When it was stored (RFC 3339, UTC).
    pub when: String,
}

/// How a block stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockStatus {
    /// Which block.
    pub block: Block,
    /// Its budget.
    pub limit: Rho,
    /// What is spent, open reservations included.
    pub spent: Rho,
    /// What is left.
    pub left: Rho,
    /// The δ at which ε is shown.
    pub delta: f64,
    /// ε of what is spent.
    pub epsilon_spent: f64,
    /// The shares, by name.
    pub shares: Vec<ShareStatus>,
}

/// How a share of a block stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareStatus {
    /// Its name.
    pub name: String,
    /// What it may spend.
    pub limit: Rho,
    /// What it has spent.
    pub spent: Rho,
    /// What it may still spend: never more than is left of the block.
    pub left: Rho,
}

/// What became of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryState {
    /// Charged, without an answer: being worked on, or left by a crash.
    Open,
    /// Answered.
    Settled,
    /// Given up. The charge stays.
    Abandoned,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, ascending in time.
    pub id: i64,
    /// When it was charged (RFC 3339, UTC).
    pub when: String,
    /// Who asked.
    pub who: String,
    /// Whose share was charged.
    pub share: String,
    /// What sort of question.
    pub kind: String,
    /// The question.
    pub question: String,
    /// The snapshot it is about.
    pub snapshot: String,
    /// The canonical key.
    pub key: String,
    /// What became of it.
    pub state: EntryState,
    /// Why it was abandoned.
    pub reason: Option<String>,
    /// The answer given.
    pub answer: Option<String>,
    /// What was charged, by block.
    pub charges: Vec<(Block, Rho)>,
}

/// Which lines of the history to show; all by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only charges of this block.
    pub block: Option<Block>,
    /// Only this person's.
    pub who: Option<String>,
    /// Only those in this state.
    pub state: Option<EntryState>,
    /// At most so many, the latest.
    pub limit: Option<u32>,
}
