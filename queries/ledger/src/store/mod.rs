//! Where the book is kept. The rules know these traits only: a transaction that excludes other writers
//! and is durable before it returns, the chain of entries, and the tables that follow from it.
//!
//! `SQLite` is the store of one machine. One for several machines needs the same few operations.

pub(crate) mod memory;
pub(crate) mod sqlite;

use std::fmt;

use serde::{Deserialize, Serialize};
use skjerm_privacy::{Delta, Loss};

use crate::chain::{Hash, Sealed};
use crate::{Block, HistoryFilter, LedgerError};

type Result<T> = std::result::Result<T, LedgerError>;

/// A place for a book.
pub(crate) trait Store: Send + Sync + fmt::Debug {
    /// Runs `work` in a transaction that excludes other writers from the start and is durable before this
    /// returns. An error rolls everything back.
    fn write(&self, work: &mut dyn FnMut(&mut dyn Book) -> Result<()>) -> Result<()>;

    /// Runs `work` on one state of the book.
    fn read(&self, work: &mut dyn FnMut(&dyn Book) -> Result<()>) -> Result<()>;

    /// What is wrong below the rules: pages, indices, layout. One sentence each.
    fn flaws(&self) -> Result<Vec<String>>;

    /// Whether the process that made a reservation still holds it.
    fn is_held(&self, holder: &str) -> bool;

    /// The name under which this process holds its reservations.
    fn holder(&self) -> Result<String>;
}

/// The tables that follow from the entries. [`crate::replay::apply`] alone changes them.
pub(crate) trait Tables {
    fn account(&self, name: &AccountName) -> Result<Option<Account>>;
    /// All, in the order of their names.
    fn accounts(&self) -> Result<Vec<Account>>;
    fn put_account(&mut self, account: &Account) -> Result<()>;
    fn reservation(&self, seq: u64) -> Result<Option<Reserved>>;
    fn put_reservation(&mut self, reserved: &Reserved) -> Result<()>;
    fn answer_by_key(&self, key: &str) -> Result<Option<Answer>>;
    /// `body` is the text; a replay has none.
    fn put_answer(&mut self, answer: &Answer, body: Option<&str>) -> Result<()>;
}

/// One transaction on the book.
pub(crate) trait Book: Tables {
    fn last(&self) -> Result<Option<Sealed>>;
    fn entry(&self, seq: u64) -> Result<Option<Sealed>>;
    /// Entries from `from` on, in order, until `each` says false.
    fn walk(&self, from: u64, each: &mut dyn FnMut(Sealed) -> Result<bool>) -> Result<()>;
    fn append(&mut self, entry: &Sealed) -> Result<()>;
    fn tables(&mut self) -> &mut dyn Tables;
    /// The reservation that a client's request id names.
    fn by_request(&self, who: &str, request: &str) -> Result<Option<Reserved>>;
    /// Open reservations of a question.
    fn open_by_key(&self, key: &str) -> Result<Vec<Reserved>>;
    fn answer_by_id(&self, id: &str) -> Result<Option<Answer>>;
    fn body(&self, id: &str) -> Result<Option<String>>;
    fn reservations(&self, each: &mut dyn FnMut(Reserved) -> Result<()>) -> Result<()>;
    fn answers(&self, each: &mut dyn FnMut(Answer, String) -> Result<()>) -> Result<()>;
    /// Numbers of the entries that fit, the latest of them, ascending.
    fn find(&self, filter: &HistoryFilter) -> Result<Vec<u64>>;
}

/// Whose account: the block's own, a share's or an analyst's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct AccountName {
    pub(crate) family: String,
    pub(crate) block: String,
    pub(crate) level: Level,
    /// Of the share or the analyst; empty for the block.
    pub(crate) name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Block,
    Share,
    Analyst,
}

impl Level {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Share => "share",
            Self::Analyst => "analyst",
        }
    }
}

impl AccountName {
    pub(crate) fn new(block: &Block, level: Level, name: &str) -> Self {
        Self { family: block.family.clone(), block: block.name.clone(), level, name: name.to_owned() }
    }

    pub(crate) fn of_block(block: &Block) -> Self {
        Self::new(block, Level::Block, "")
    }

    pub(crate) fn block(&self) -> Block {
        Block::new(self.family.clone(), self.block.clone())
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.family, self.block)?;
        match self.level {
            Level::Block => Ok(()),
            level => write!(f, " ({} `{}`)", level.as_str(), self.name),
        }
    }
}

/// An account: what may be spent, and what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    #[serde(flatten)]
    pub(crate) name: AccountName,
    pub(crate) limit: Units,
    pub(crate) spent: Units,
    /// Of a block: the δ at which its ε is shown, in 10⁻¹⁸.
    pub(crate) shown: u64,
}

/// An amount as columns and entries hold it: 10⁻⁹ of ρ, 10⁻¹⁸ of δ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Units {
    pub(crate) rho_nano: u64,
    pub(crate) delta_atto: u64,
}

impl From<Loss> for Units {
    fn from(loss: Loss) -> Self {
        Self { rho_nano: loss.rho.nano(), delta_atto: loss.delta.atto() }
    }
}

impl From<Units> for Loss {
    fn from(units: Units) -> Self {
        Self {
            rho: skjerm_privacy::Rho::from_nano(units.rho_nano),
            delta: Delta::from_atto(units.delta_atto),
        }
    }
}

/// What became of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Open,
    Settled,
    Abandoned,
}

impl Fate {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Abandoned => "abandoned",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Open, Self::Settled, Self::Abandoned].into_iter().find(|fate| fate.as_str() == name)
    }
}

/// A charge and its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// The charge's entry.
    pub(crate) seq: u64,
    pub(crate) key: String,
    pub(crate) who: String,
    pub(crate) request: Option<String>,
    pub(crate) fate: Fate,
    /// The entry that ended it.
    pub(crate) closed: Option<u64>,
    /// Which process works on it.
    pub(crate) holder: String,
    /// Until when that may take, RFC 3339.
    pub(crate) until: String,
    /// How often it was taken up after a crash.
    pub(crate) resumed: u64,
}

/// An answer, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) id: String,
    pub(crate) key: String,
    /// The charge that paid for it.
    pub(crate) charge: u64,
    /// The entry that gave it.
    pub(crate) entry: u64,
    pub(crate) hash: Hash,
}
