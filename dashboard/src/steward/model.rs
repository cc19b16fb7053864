//! What the steward's page shows. The page knows these types only, as the public pages know those of [`crate::model`].

use crate::model::{Both, Budget};

/// A part of the page, or why it could not be read: a damaged book must not hide what is still readable of it.
pub type Part<T> = Result<T, String>;

/// All of the page.
#[derive(Debug, Clone)]
pub struct Overview {
    /// As whom the steward is in.
    pub who: String,
    /// Until when (RFC 3339, UTC), as all moments here.
    pub until: String,
    /// The proof of the book.
    pub checked: Part<Checked>,
    /// The budgets with their shares and analysts.
    pub accounts: Part<Vec<Account>>,
    /// What all blocks of a family add up to.
    pub sums: Part<Vec<Sum>>,
    /// What the planned releases still need.
    pub forecast: Part<Forecast>,
    /// Charges that a crash left, newest first, as all entries here.
    pub lost: Part<Vec<Entry>>,
    /// What was turned down lately.
    pub refused: Part<Vec<Entry>>,
    /// The records of the releases.
    pub records: Part<Vec<RecordEntry>>,
    /// Which of the last entries are shown.
    pub wanted: Wanted,
    /// The last entries.
    pub entries: Part<Vec<Entry>>,
}

/// What a check of the whole book found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// When it was made.
    pub when: String,
    /// How many entries the book has.
    pub entries: u64,
    /// How many answers.
    pub answers: u64,
    /// Its last entry, to keep elsewhere.
    pub head: Option<String>,
    /// What is wrong: at which entry, and what.
    pub problems: Vec<(Option<u64>, String)>,
    /// What is worth knowing.
    pub remarks: Vec<String>,
}

/// The budget of a block, and who may spend of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The block's own.
    pub budget: Budget,
    /// δ that thresholds have used, and may use; `None` where none may.
    pub thresholds: Option<(f64, f64)>,
    /// Its shares.
    pub shares: Vec<Within>,
    /// Its analysts.
    pub analysts: Vec<Within>,
}

/// A share of a block, or an analyst's account.
#[derive(Debug, Clone, PartialEq)]
pub struct Within {
    /// Its name.
    pub name: String,
    /// What it may spend, ρ.
    pub rho_limit: f64,
    /// What it has spent.
    pub rho_spent: f64,
    /// What it may still spend.
    pub rho_left: f64,
}

/// What somebody who is in every block of a family has lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Sum {
    /// `persons` or `scene`.
    pub family: String,
    /// Over so many blocks.
    pub blocks: usize,
    /// ρ spent over all of them.
    pub rho_spent: f64,
    /// ρ that may be spent.
    pub rho_limit: f64,
    /// ε of what is spent.
    pub epsilon_spent: f64,
    /// ε of all budgets together.
    pub epsilon_limit: f64,
    /// δ of both.
    pub delta: f64,
}

/// What the planned releases still need.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// When it was made.
    pub when: String,
    /// One line a year and planned release.
    pub planned: Vec<Planned>,
}

/// A planned release of a year.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Calendar year.
    pub year: i32,
    /// Name of the workload.
    pub workload: String,
    /// How it stands.
    pub state: PlannedState,
    /// The release in force.
    pub release: Option<String>,
    /// ρ that it still needs.
    pub needs: f64,
    /// 95 % half-width of a cell, widest table, at that ρ.
    pub half_width: Option<f64>,
    /// ρ of the year that is left for questions when all planned ones are published.
    pub left_for_questions: f64,
}

/// How a planned release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedState {
    /// Published.
    Published,
    /// Published, and the year's rows changed since.
    Outdated,
    /// Not published yet; its share suffices.
    Due,
    /// Not published, and nothing is left for it.
    Unaffordable,
}

/// What became of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// Being worked on.
    Running,
    /// Left by a crash.
    Lost,
    /// Answered.
    Settled,
    /// Given up.
    Abandoned,
}

/// An amount of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Amount {
    /// The block as an address names it: `persons/2023`.
    pub block: String,
    /// What it is called.
    pub label: Both,
    /// ρ.
    pub rho: f64,
}

/// One entry of the book. `what` and `reason` may hold anybody's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number.
    pub number: u64,
    /// When.
    pub when: String,
    /// Who asked or did it.
    pub who: String,
    /// What sort of entry.
    pub kind: String,
    /// Of a charge, what became of it.
    pub became: Option<Became>,
    /// What was charged, refused or written off.
    pub amounts: Vec<Amount>,
    /// In one line.
    pub what: String,
    /// Why.
    pub reason: Option<String>,
}

/// Which entries are wanted; all by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of this block, as `persons/2023`.
    pub block: Option<String>,
    /// By this person.
    pub who: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
}

/// An entry that records a release.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordEntry {
    /// Number of the entry.
    pub number: u64,
    /// What it says; `None` when it is not readable as a record.
    pub record: Option<Record>,
}

/// The record of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// In one line.
    pub what: String,
    /// Calendar year.
    pub year: i32,
    /// 1 for the first release of the year.
    pub revision: u32,
    /// Day of publication.
    pub published: String,
    /// Who published it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// The measurement in the book.
    pub answer: String,
    /// The snapshot it was measured on.
    pub snapshot: String,
    /// How many tables, cells, and cells that are shown as ":".
    pub size: (usize, usize, usize),
    /// ρ, ε and δ of the release.
    pub price: (f64, f64, f64),
    /// ε of all that had been spent of the year.
    pub epsilon_year: f64,
    /// ε of all that had been spent of all years.
    pub epsilon_all_years: f64,
    /// What an attacker may still learn.
    pub risk: Vec<Both>,
    /// What was checked, and whether it held.
    pub checks: Vec<(Both, bool)>,
    /// Whether every check passed.
    pub passed: bool,
}
