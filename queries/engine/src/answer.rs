//! What leaves the engine: a noised table with its intervals, and what it cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answer to a question: noised values, an interval for each, and what they cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Names of the output columns, in the order of the query.
    pub columns: Vec<String>,
    /// One row a cell; strings for codes, numbers for years, months and noised values.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// For each noised column, one 95 % interval a row.
    pub intervals: BTreeMap<String, Vec<[f64; 2]>>,
    /// For each noised column, a second, wider interval a row: it holds the noise and what the bound on a person-year's
    /// vector cut off, as estimated from the look that chose the bound. The same as `intervals` where nothing was cut;
    /// absent where that is not known, because the caller named the bound.
    #[serde(default)]
    pub with_bound: BTreeMap<String, Vec<[f64; 2]>>,
    /// What the answer cost and what is left.
    pub privacy: PrivacyStatement,
    /// Which stored answer this is.
    pub answer: AnswerRef,
    /// How the answer was made, in sentences: bounds, what the interval holds.
    pub notes: Vec<String>,
}

/// The price of an answer, in zCDP and in (ε, δ).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrivacyStatement {
    /// ρ paid from each block the question reads.
    pub rho: f64,
    /// The same as ε at `delta`, rounded up.
    pub epsilon: f64,
    /// The δ of `epsilon`.
    pub delta: f64,
    /// The unit of privacy, in words.
    pub unit: String,
    /// The blocks read and charged, as `family/block`.
    pub blocks: Vec<String>,
    /// Whether this call charged the budget; a stored answer is free.
    pub charged: bool,
    /// ρ left for the caller's share, by block (`family/block`).
    pub remaining: BTreeMap<String, f64>,
}

/// Which stored answer an [`Answer`] is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRef {
    /// Id of the answer in the ledger.
    pub id: String,
    /// Whether it was paid for now or stored before.
    pub source: AnswerSource,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerSource {
    /// Paid for and measured by this call.
    Spent,
    /// Measured earlier; given again for free.
    Stored,
    /// Read off a release, for free: `id` is its measurement.
    Release,
}

/// What a question would cost and how sharp it would be. Made from the query, the policy and the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// As in [`Answer`]; `charged` is false.
    pub privacy: PrivacyStatement,
    /// Expected half-width of each noised column.
    pub expected: Vec<ExpectedColumn>,
    /// Whether a stored answer already answers this question at no cost.
    pub free: bool,
    /// The bounds put on one person-year.
    pub bounds: Bounds,
    /// Number of rows the answer would have before `limit`.
    pub cells: usize,
    /// What the caller should know, in sentences.
    pub notes: Vec<String>,
}

/// Expected sharpness of one noised column: half of the 95 % interval.
///
/// For one row a person-year the three numbers are equal. Where persons may have many rows, the bound C is
/// chosen by a private look at the data that planning does not take: the half-width then lies between
/// `at_least` and `at_most`, and `half_width` is their geometric mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectedColumn {
    /// Name of the output column.
    pub column: String,
    /// Half of the 95 % interval to expect.
    pub half_width: f64,
    /// The least it can be.
    pub at_least: f64,
    /// The most it can be.
    pub at_most: f64,
}

/// What one person-year may contribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The most cells one person-year can be in; none are dropped, the whole vector is scaled instead.
    pub max_groups: u64,
    /// The most rows of one person-year that count in one cell.
    pub max_rows: u64,
    /// Bounds of each noised column's value of one person-year in one cell.
    pub columns: BTreeMap<String, [i64; 2]>,
    /// The least and the most L2 norm that one person-year's vector may keep in each noised column that is scaled; the
    /// same twice where the caller named it.
    pub norms: BTreeMap<String, [f64; 2]>,
    /// How the vector of a person-year is bounded, in words.
    pub norm: String,
}
