//! What the ledger keeps, as its users see it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use skjerm_privacy::{Delta, Loss, Rho};

use crate::store::{Account, AccountName, Level, Units};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockLimit {
    /// Which block.
    pub block: Block,
    /// All that may ever be spent of it, by everybody together: ρ, and the δ that thresholds may use up.
    pub limit: Loss,
    /// The δ at which its ε is shown; the limit's δ is a part of it.
    pub delta: Delta,
    /// What each share may spend at most. The sum may be above the limit: the block rules.
    pub shares: BTreeMap<String, Loss>,
    /// What each analyst may spend at most of the share they spend from: the share and the block rule.
    pub analysts: BTreeMap<String, Loss>,
}

impl BlockLimit {
    /// The accounts it declares: the block's own first.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = Account> {
        let account = |level, name: &str, limit: Loss, shown| Account {
            name: AccountName::new(&self.block, level, name),
            limit: limit.into(),
            spent: Units::default(),
            shown,
        };
        let shares = self.shares.iter().map(move |(name, limit)| account(Level::Share, name, *limit, 0));
        let analysts =
            self.analysts.iter().map(move |(name, limit)| account(Level::Analyst, name, *limit, 0));
        std::iter::once(account(Level::Block, "", self.limit, self.delta.atto()))
            .chain(shares)
            .chain(analysts)
    }
}

/// An account whose limit in the policy is another one than in the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitChange {
    /// Which account.
    pub account: String,
    /// What differs: ρ, δ, or the δ for thresholds.
    pub what: String,
    /// As the book has it.
    pub stored: String,
    /// As the policy has it.
    pub declared: String,
    /// Whether more could leave about a block than was promised.
    pub loosens: bool,
}

impl fmt::Display for LimitChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {}: {} in the ledger, {} in the policy",
            self.what, self.account, self.stored, self.declared
        )
    }
}

/// A wish to spend.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The canonical key of the question about its snapshot: same key, same answer.
    pub key: String,
    /// The client's own name for this request, the same when it tries again: charged once.
    pub id: Option<String>,
    /// Who asks.
    pub who: String,
    /// Whose share is charged.
    pub share: String,
    /// What sort of question, as `sql`, `release`, `scene`.
    pub kind: String,
    /// The question, readable.
    pub question: String,
    /// The canonical name of the question whatever the snapshot: what a retry under the same id is compared by.
    pub question_id: String,
    /// The snapshot it is about.
    pub snapshot: String,
    /// The price, by block. Each above zero, no block twice.
    pub charges: Vec<(Block, Loss)>,
    /// How one unit's contribution is bounded, readable.
    pub bounds: String,
    /// Mechanism and scale of the noise, readable.
    pub noise: String,
    /// What it is asked for.
    pub reason: Option<String>,
    /// How long the work may take: after that it counts as lost, whoever holds it.
    pub may_take: Duration,
}

/// A charge that has been made and has no answer yet. Dropping it leaves the charge.
#[derive(Debug)]
#[must_use = "a reservation is charged already: settle it with the answer, or abandon it with a reason"]
pub struct Reservation {
    pub(crate) id: u64,
    pub(crate) key: String,
}

impl Reservation {
    /// The number of its entry.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The key of the question.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What [`crate::Ledger::begin`] finds.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // passed on at once, never kept in numbers
pub enum Begin {
    /// The question has its answer already: nothing was charged.
    Stored(StoredAnswer),
    /// Somebody is working on it: nothing was charged; ask again in a moment.
    Running(u64),
    /// This request was charged before and came to nothing: nothing more was charged, and it has no answer.
    Failed(u64),
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
    /// How one unit's contribution was bounded.
    pub bounds: String,
    /// Mechanism and scale of the noise.
    pub noise: String,
    /// What was paid for it, by block.
    pub charges: Vec<Charged>,
    /// The entry of its charge.
    pub charge: u64,
    /// When it was stored (RFC 3339, UTC).
    pub when: String,
}

/// An amount taken from a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// Which block.
    #[serde(flatten)]
    pub block: Block,
    /// ρ and δ.
    #[serde(flatten)]
    pub loss: Loss,
}

/// How a block stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockStatus {
    /// Which block.
    pub block: Block,
    /// Its budget.
    pub limit: Rho,
    /// What is spent, running and lost questions included.
    pub spent: Rho,
    /// What is left.
    pub left: Rho,
    /// The δ at which ε is shown.
    pub delta: Delta,
    /// The δ that thresholds may use up.
    pub delta_limit: Delta,
    /// The δ that thresholds have used up.
    pub delta_spent: Delta,
    /// ε of what is spent.
    pub epsilon_spent: f64,
    /// ε of the whole budget.
    pub epsilon_limit: f64,
    /// The shares, by name.
    pub shares: Vec<ShareStatus>,
    /// The analysts with an account, by name.
    pub analysts: Vec<ShareStatus>,
}

/// How a share of a block stands, or an analyst's account.
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

/// What somebody who is in every block of a family has lost, and may come to lose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FamilySum {
    /// The family.
    pub family: String,
    /// Over so many blocks.
    pub blocks: usize,
    /// ρ spent over all of them.
    pub spent: Rho,
    /// ρ that may be spent.
    pub limit: Rho,
    /// The δ at which ε is shown.
    pub delta: Delta,
    /// ε of what is spent.
    pub epsilon_spent: f64,
    /// ε of all budgets together.
    pub epsilon_limit: f64,
}

/// What became of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryState {
    /// Being worked on.
    Running,
    /// Left by a crash. The charge stays.
    Lost,
    /// Answered.
    Settled,
    /// Given up. The charge stays.
    Abandoned,
}

impl EntryState {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Lost => "lost",
            Self::Settled => "settled",
            Self::Abandoned => "abandoned",
        }
    }
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, ascending in time.
    pub id: u64,
    /// When (RFC 3339, UTC), by the clock of the machine.
    pub when: String,
    /// Who asked or did it; `skjerm` for the program itself.
    pub who: String,
    /// What sort of entry: one of [`crate::KINDS`].
    pub kind: String,
    /// In one line.
    pub what: String,
    /// Of a charge, what became of it.
    pub state: Option<EntryState>,
    /// Of a charge, the answer given.
    pub answer: Option<String>,
    /// What was charged, refused or written off, by block.
    pub charges: Vec<Charged>,
    /// Why it was asked, refused or ended.
    pub reason: Option<String>,
    /// All that the entry says.
    pub details: serde_json::Value,
    /// The hash that seals it.
    pub hash: String,
}

/// Which lines of the history to show; all by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only what was charged to, or refused of, this block.
    pub block: Option<Block>,
    /// Only this person's.
    pub who: Option<String>,
    /// Only this sort of entry.
    pub kind: Option<String>,
    /// Only charges in this state.
    pub state: Option<EntryState>,
    /// Only from this moment on (RFC 3339, UTC, or a day).
    pub since: Option<String>,
    /// Only before this moment.
    pub until: Option<String>,
    /// At most so many, the latest.
    pub limit: Option<u32>,
}
