//! The policy: what may be in the warehouse, and what may leave it.
//!
//! A policy names the tables, their columns, the closed code list of every dimension, the bounds of every
//! measure, the budgets and who may ask. It is public, and no part of it is ever read off the data: a
//! sensitivity derived from it therefore holds whatever the data says.
//!
//! [`Policy::oslo`] is the shipped policy; [`Policy::load`] reads the one of an installation.

mod arrow;
mod codes;
mod error;
mod limits;
mod promise;
mod raw;
mod read;
mod regions;
mod width;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

pub use codes::{Code, CodeList, Label, UNKNOWN};
pub use error::{PolicyError, PolicyProblem};
pub use limits::Limits;
pub use promise::{Promise, ProtectedTable};
pub use regions::{Grouping, Region, RegionDistrict};
pub use width::Width;

/// File name of the policy in an installation.
pub const POLICY_FILE: &str = "policy.toml";
/// File name of the municipalities beside it.
pub const MUNICIPALITIES_FILE: &str = "municipalities.csv";
/// The shipped policy, as text; [`crate::Installation::init`] copies it.
pub const SHIPPED_POLICY: &str = include_str!("../../policy/oslo.toml");
/// The shipped municipalities, as text: those since 1 January 2024.
///
/// When municipalities change (on 1 January), the new list is the classification "Standard for kommuneinndeling"
/// (Klass 131) of Statistics Norway, saved as `code,name`. Numbers that are gone stay as long as the policy's years
/// hold rows with them.
pub const SHIPPED_MUNICIPALITIES: &str = include_str!("../../policy/municipalities.csv");

/// Everything an installation declares about its data. Made only by reading and checking a policy file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Policy {
    /// Name of the installation's policy.
    pub name: String,
    /// Counted up by the steward when the policy changes.
    pub version: u32,
    /// The calendar years the tables are declared for.
    pub years: YearRange,
    /// Noised values below this are shown as ":".
    pub suppress_below: i64,
    /// Noised values whose interval is wider than this are shown as ":"; without it, none for its width.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppress_wider_than: Option<Width>,
    /// Budgets by family of privacy units.
    pub budget: BTreeMap<String, Budget>,
    /// What holds for a question that does not say otherwise.
    pub query: QueryDefaults,
    /// Who may ask.
    pub analysts: Vec<Analyst>,
    /// The closed code lists by name.
    pub codes: BTreeMap<String, CodeList>,
    /// Groupings of the districts by name; public, and no part of any promise.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub regions: BTreeMap<String, Grouping>,
    /// What a question that drops groups keeps of a person-year.
    #[serde(skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
    /// The tables by name.
    pub tables: BTreeMap<String, Table>,
}

/// Calendar years, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YearRange {
    /// The first year.
    pub first: i32,
    /// The last year.
    pub last: i32,
}

/// What may leave about one block (a year, a campaign) of a family.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Budget {
    /// zCDP budget of a block.
    pub rho: f64,
    /// δ at which ε is shown.
    pub delta: f64,
    /// The part of `delta`, as an amount, that thresholds over open domains may use up.
    pub thresholds: f64,
    /// Parts of `rho` by share, summing to at most 1.
    pub shares: BTreeMap<String, f64>,
}

/// Defaults and limits of questions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryDefaults {
    /// ρ of a question that names no price.
    pub default_rho: f64,
    /// The least ρ a question may pay. A policy that does not say takes the shipped one.
    #[serde(default = "least_rho")]
    pub min_rho: f64,
    /// The most cells a question may ask for.
    pub max_cells: u64,
    /// Time a question may take: to wait for a turn, to be planned and to be worked on.
    pub timeout_seconds: u64,
    /// How many questions a process works on at once, from 1 to 64. A policy that does not say takes the shipped number.
    #[serde(default = "concurrent")]
    pub concurrent: u64,
    /// Paid answers and faults leave at multiples of this time. A policy that does not say takes the shipped one.
    #[serde(default = "answer_step_ms")]
    pub answer_step_ms: u64,
    /// Memory a question may take.
    pub memory_mib: u64,
}

fn least_rho() -> f64 {
    1e-5
}

fn concurrent() -> u64 {
    2
}

fn answer_step_ms() -> u64 {
    250
}

/// Someone who may ask.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analyst {
    /// Name at login and in the ledger.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// The share their questions are paid from.
    pub share: String,
    /// The part of a block's ρ that this analyst may spend at most; without it, all of the share.
    pub limit: Option<f64>,
    /// What they may do.
    pub roles: Vec<Role>,
}

/// What an analyst may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Ask SQL questions.
    Query,
    /// Measure scene counts.
    Scene,
    /// Plan and publish releases.
    Release,
    /// Steward the data: exact quality reports, erasure, retention.
    Steward,
}

/// How a table's data may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// About persons: noise or nothing.
    Protected,
    /// About the service: exact.
    Operational,
    /// Public.
    Public,
}

/// How many rows a person may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// Any number of rows a year.
    Events,
    /// One row a person a year.
    PersonYear,
}

/// A declared table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Name in SQL and of its folder.
    pub name: String,
    /// How its data may leave.
    pub kind: TableKind,
    /// The family of privacy units it is charged to.
    pub family: String,
    /// How many rows a person may have.
    pub grain: Grain,
    /// The most rows of one person in one group that an answer counts before scaling.
    pub max_rows: u32,
    /// How many whole years rows are kept after the year they are of; without it, for ever.
    pub retention_years: Option<u32>,
    /// Name for people.
    pub label: Label,
    /// Columns: those of its groups in order, then its own.
    pub columns: Vec<Column>,
}

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name in SQL.
    pub name: String,
    /// What it holds.
    pub role: ColumnRole,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnRole {
    /// Pseudonym of the person.
    Person,
    /// Pseudonym of the source's record key.
    Record,
    /// Calendar year, the Hive partition.
    Year,
    /// Month, 1 to 12.
    Month,
    /// Date.
    Date,
    /// A code of the closed list of this name.
    Dimension {
        /// Name of the code list.
        codes: String,
    },
    /// A whole number within bounds, or null.
    Measure {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
}

impl ColumnRole {
    /// The name a column of this role must have, for the roles a table has at most once.
    fn fixed_name(&self) -> Option<&'static str> {
        match self {
            Self::Person => Some("person"),
            Self::Record => Some("record"),
            Self::Year => Some("year"),
            Self::Month => Some("month"),
            Self::Date => Some("date"),
            Self::Dimension { .. } | Self::Measure { .. } => None,
        }
    }
}

impl Policy {
    /// The shipped policy of the Oslo installation.
    ///
    /// # Panics
    ///
    /// Never in a build whose tests pass: the text is part of the program, and a test reads it.
    pub fn oslo() -> Self {
        match read::parse(SHIPPED_POLICY, "oslo.toml", &mut read::shipped) {
            Ok(policy) => policy,
            Err(error) => unreachable!("the shipped policy is refused: {error}"),
        }
    }

    /// Reads and checks a policy file; code lists in files of their own are looked for beside it.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        read::load(path)
    }

    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// The code list of this name.
    pub fn code_list(&self, name: &str) -> Option<&CodeList> {
        self.codes.get(name)
    }

    /// The analyst of this name.
    pub fn analyst(&self, name: &str) -> Option<&Analyst> {
        self.analysts.iter().find(|a| a.name == name)
    }

    /// BLAKE3 (hex) of a canonical form of the policy: equal for policies that mean the same, whatever
    /// comments, spacing or grouping of columns the files have.
    pub fn fingerprint(&self) -> String {
        // Every map is ordered and every list keeps its order, so the form is canonical.
        let form = serde_json::to_vec(self).unwrap_or_default();
        blake3::hash(&form).to_hex().to_string()
    }
}

impl YearRange {
    /// Whether the year is declared.
    pub fn contains(self, year: i32) -> bool {
        (self.first..=self.last).contains(&year)
    }

    /// Every declared year.
    pub fn iter(self) -> std::ops::RangeInclusive<i32> {
        self.first..=self.last
    }
}

impl Analyst {
    /// Whether the analyst has the role.
    pub fn may(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

impl Role {
    /// The word in the policy file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Scene => "scene",
            Self::Release => "release",
            Self::Steward => "steward",
        }
    }
}

impl Table {
    /// The first year whose rows may still be held on a day; none when they are kept for ever.
    pub fn oldest_kept(&self, today: jiff::civil::Date) -> Option<i32> {
        let kept = i32::try_from(self.retention_years?).unwrap_or(i32::MAX);
        Some(i32::from(today.year()).saturating_sub(kept))
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Name of the column of this role, for the roles a table has at most one of.
    pub fn column_of(&self, role: &ColumnRole) -> Option<&str> {
        self.columns.iter().find(|c| &c.role == role).map(|c| c.name.as_str())
    }
}

#[cfg(test)]
mod tests;
