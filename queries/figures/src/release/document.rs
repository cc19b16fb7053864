//! The documents of a release: what `release plan` and `release show` print, and what the folder of a release holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::period::CampaignInfo;
use crate::text::{Display, Text};
use crate::workload::{Objective, Order, Workload};
use skjerm_privacy::marginals::{Attribute, Form};

/// What a release would cost and how exact it would be; made without any data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleasePlan {
    /// Calendar year.
    pub year: i32,
    /// The campaign of scene counts that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignInfo>,
    /// ρ of the whole release.
    pub rho: f64,
    /// ε at the year's δ.
    pub epsilon: f64,
    /// δ of the year's budget.
    pub delta: f64,
    /// What was minimised.
    pub objective: Objective,
    /// The root of the mean over the tables of (variance by this plan / variance by equal split).
    pub of_equal_split: f64,
    /// Every table, with its expected error.
    pub tables: Vec<PlannedTable>,
    /// What is measured, and what each costs.
    pub measurements: Vec<PlannedMeasurement>,
}

/// One measurement of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedMeasurement {
    /// The theme, or the distinct figure.
    pub theme: String,
    /// Names of its dimensions; empty: the total.
    pub dimensions: Vec<String>,
    /// What is measured of it.
    pub form: Form,
    /// How many values.
    pub values: usize,
    /// Scale of the noise in every value.
    pub sigma: f64,
    /// Its price.
    pub rho: f64,
}

/// One table of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedTable {
    /// Name of the table.
    pub name: String,
    /// Names of its dimensions.
    pub dimensions: Vec<String>,
    /// How many cells it has.
    pub cells: usize,
    /// Expected standard deviation of a value: root mean over the table.
    pub sd: f64,
    /// 95 % half-width of a value, of the widest of the table.
    pub half_width: f64,
    /// The half-width that was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<f64>,
    /// Standard deviation if every table got an equal part of the same ρ and its single counts were added up.
    pub equal_split_sd: f64,
}

/// A published release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Year and content hash: `2023-0f3c…`.
    pub id: String,
    /// Calendar year; of a campaign, that of its first round.
    pub year: i32,
    /// The campaign of scene counts that it is about, where it is not about a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignInfo>,
    /// 1 for the first release of a year; a later one (of another snapshot) supersedes it and has the next number.
    pub revision: u32,
    /// The release of the same year that it supersedes, which stays where it is.
    #[serde(default)]
    pub supersedes: Option<String>,
    /// The installation says that its data are made up.
    #[serde(default)]
    pub synthetic: bool,
    /// Day of publication, `yyyy-mm-dd`.
    pub published: String,
    /// The snapshot of the warehouse it was measured on.
    pub snapshot: String,
    /// Id of the measurement in the ledger.
    pub answer: String,
    /// ρ spent.
    pub rho: f64,
    /// The same as ε at `delta`.
    pub epsilon: f64,
    /// δ of the year's budget.
    pub delta: f64,
    /// How the noise was made.
    pub mechanism: Text,
    /// What one unit of privacy is.
    pub unit: Text,
    /// What the release does not do.
    pub known_limits: Vec<Text>,
    /// The workload: themes, tables and named figures with their definitions.
    pub workload: Workload,
    /// Every dimension, with its codes and their names.
    pub dimensions: Vec<DimensionInfo>,
    /// What was measured, with its noise: enough to compute any interval again.
    pub themes: Vec<ThemeMeasurement>,
    /// Numbers of distinct values.
    pub distinct: Vec<DistinctFigure>,
    /// Exact figures about the service.
    pub operational: Option<OperationalFigures>,
    /// The published tables.
    pub tables: Vec<Table>,
}

/// A dimension with its closed list of codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DimensionInfo {
    /// Name, as in a row's key.
    pub name: String,
    /// Its name for readers.
    pub label: Text,
    /// What is asked of the codes: [`Order::ToDate`] makes a row of a code the sum from the first to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Its codes, in order.
    pub codes: Vec<CodeInfo>,
}

/// One code of a dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeInfo {
    /// The code.
    pub code: String,
    /// Its name for readers.
    pub label: Text,
    /// The policy's codes that it is the union of.
    pub of: Vec<String>,
}

/// The noised marginals of one theme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThemeMeasurement {
    /// Name of the theme.
    pub name: String,
    /// Names of its dimensions, in the order `measured` uses.
    pub dimensions: Vec<String>,
    /// Sizes of its dimensions.
    pub sizes: Vec<usize>,
    /// How its dimensions are measured; empty where all are by their single counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// What was measured.
    pub measured: Vec<Measured>,
    /// The display table over all cells, row-major: non-negative and whole; every published display value is a sum of these.
    pub display: Vec<i64>,
}

/// One noised marginal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The earlier release of the same data that measured it; none: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The measurement in the ledger, where it is an earlier release's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Positions of the dimensions within the theme, ascending.
    pub dims: Vec<usize>,
    /// What was measured of it: the counts, or what varies with all its dimensions and with nothing less.
    #[serde(default, skip_serializing_if = "is_whole")]
    pub form: Form,
    /// Scale of the discrete Gaussian noise in every value.
    pub sigma: f64,
    /// The noised values, row-major.
    pub values: Vec<i64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_whole(form: &Form) -> bool {
    *form == Form::Whole
}

/// A noised number of distinct values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistinctFigure {
    /// Name of the figure.
    pub name: String,
    /// Scale of the noise.
    pub sigma: f64,
    /// The noised number.
    pub value: i64,
    /// What a reader is shown.
    pub display: Display,
}

/// Patrols of Uteseksjonen. About the service, without client data: exact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationalFigures {
    /// Patrols in the year.
    pub patrols: u64,
    /// Of these, with fewer than two staff.
    pub below_two_staff: u64,
    /// Patrols whose number of staff is known; 0 in releases of before it was kept.
    #[serde(default)]
    pub staffed: u64,
    /// Staff of these, added up.
    #[serde(default)]
    pub staff: u64,
    /// Patrols held jointly with a district.
    pub joint: u64,
    /// Patrols by shift.
    pub by_shift: BTreeMap<String, u64>,
    /// Patrols by ISO week; 0 and 53 hold days of weeks that belong to the years before and after.
    pub by_week: BTreeMap<u32, u64>,
}

/// A published table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Name.
    pub name: String,
    /// Theme it belongs to.
    pub theme: String,
    /// Title for readers.
    pub label: Text,
    /// Names of its dimensions.
    pub dimensions: Vec<String>,
    /// Standard deviation of every `value`; the largest, where they differ ([`Row::sd`]).
    pub sd: f64,
    /// One a cell, row-major.
    pub rows: Vec<Row>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Code of each dimension.
    pub key: BTreeMap<String, String>,
    /// Unbiased value.
    pub value: f64,
    /// Its standard deviation, where it is not that of the whole table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
    /// Lower end of the 95 % interval of `value`.
    pub low: f64,
    /// Upper end of the 95 % interval of `value`.
    pub high: f64,
    /// Non-negative, whole, consistent with all other tables; ":" where the policy's rules on noised values hide it.
    pub display: Display,
}

impl Table {
    /// The standard deviation of one of its values.
    pub fn sd_of(&self, row: &Row) -> f64 {
        row.sd.unwrap_or(self.sd)
    }
}

/// A line of `release list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseSummary {
    /// Id.
    pub id: String,
    /// Calendar year.
    pub year: i32,
    /// The campaign of scene counts that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignInfo>,
    /// 1 for the first release of a year.
    pub revision: u32,
    /// The release of the same year that it supersedes.
    pub supersedes: Option<String>,
    /// The release of the same year that supersedes it; none when it is in force.
    pub superseded_by: Option<String>,
    /// Day of publication.
    pub published: String,
    /// The snapshot it was measured on.
    pub snapshot: String,
    /// Name of the workload.
    pub workload: String,
    /// Its name for readers.
    pub label: Text,
    /// Version of the workload.
    pub workload_version: u32,
    /// ρ spent.
    pub rho: f64,
    /// How many tables it has.
    pub tables: usize,
}
