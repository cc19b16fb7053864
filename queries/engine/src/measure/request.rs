//! What a release, a scene comparison and the patrol figures ask of the engine, and what they get.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skjerm_privacy::PrivacyError;
use skjerm_privacy::marginals::{Attribute, Domain, Form, Kind};

/// The marginals of one year, or of one campaign of scene counts, that a release measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarginalsRequest {
    /// The calendar year; of a campaign, that of its first round.
    pub year: i32,
    /// The campaign of scene counts that it is about, instead of the persons of the year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// What for, in words; kept in the ledger's history.
    pub purpose: String,
    /// Why it is published; kept in the ledger, and no part of what is asked.
    #[serde(skip)]
    pub reason: Option<String>,
    /// Populations to tabulate.
    pub themes: Vec<Theme>,
    /// Numbers of different codes.
    pub distinct: Vec<Distinct>,
}

/// A population (persons who pass a filter) and the tables measured of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Theme {
    /// Name of the theme.
    pub name: String,
    /// The table of events that is read instead of `person_year`: then one of the dims is of [`Kind::Several`], a person counts
    /// once for each of its values that one of the person's events has, and filter and dims are columns of that table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<String>,
    /// Columns and the codes that pass; all must pass.
    pub filter: Vec<(String, Vec<String>)>,
    /// The attributes of the theme's domain.
    pub dims: Vec<Dim>,
    /// Which marginals are measured: indices into `dims` (sorted), and the noise's standard deviation.
    pub measured: Vec<(Vec<usize>, f64)>,
    /// What is measured of them.
    #[serde(default, skip_serializing_if = "is_whole")]
    pub form: Form,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_whole(form: &Form) -> bool {
    *form == Form::Whole
}

impl Theme {
    /// The domain that the dims span.
    pub fn domain(&self) -> Result<Domain, PrivacyError> {
        Domain::of(self.dims.iter().map(Dim::attribute).collect())
    }

    /// Whether it adds up a measure of its events (or counts them) instead of persons: that dim has one group, of no code.
    pub(crate) fn adds_up(&self) -> bool {
        self.several().is_some_and(|(at, ..)| self.dims[at].adds_up())
    }

    /// The dim in which a person may have several values, and the norm over them.
    pub(crate) fn several(&self) -> Option<(usize, u64, u64)> {
        self.dims.iter().enumerate().find_map(|(at, dim)| match dim.attribute().kind() {
            Kind::Several { unit, norm } => Some((at, *unit, *norm)),
            _ => None,
        })
    }
}

/// An attribute: a column, its codes gathered in groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dim {
    /// Name of the attribute.
    pub name: String,
    /// The column.
    pub column: String,
    /// Group codes and the column's codes in each. Every code of the closed list that the theme's filter lets through is in exactly
    /// one group. Of a column with months the codes are their numbers.
    pub groups: Vec<(String, Vec<String>)>,
    /// What is asked of the groups, where it is more than their single counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<Attribute>,
}

impl Dim {
    /// Whether its column is a measure that is added up: then it has one group, of no code.
    pub(crate) fn adds_up(&self) -> bool {
        matches!(self.groups.as_slice(), [(_, codes)] if codes.is_empty())
    }

    /// What is asked of the groups.
    pub fn attribute(&self) -> Attribute {
        self.attribute.clone().unwrap_or_else(|| Attribute::nominal(self.groups.len()))
    }
}

/// The number of different codes of one column among persons who pass a filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distinct {
    /// Name of the figure.
    pub name: String,
    /// The column whose different codes are counted.
    pub column: String,
    /// As in [`Theme::filter`].
    pub filter: Vec<(String, Vec<String>)>,
    /// Codes that do not count, such as `unknown`.
    pub excluding: Vec<String>,
    /// Standard deviation of the noise.
    pub sigma: f64,
}

/// Noised marginals. Safe to store and publish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarginalsMeasurement {
    /// Id of the answer in the ledger.
    pub answer_id: String,
    /// The snapshot measured.
    pub snapshot: String,
    /// The calendar year.
    pub year: i32,
    /// ρ paid from the year's block, as certified, rounded up.
    pub rho: f64,
    /// Measured marginals by theme, in the order of the request.
    pub themes: Vec<MeasuredTheme>,
    /// Measured numbers of different codes, in the order of the request.
    pub distinct: Vec<MeasuredDistinct>,
    /// What was asked for, so that questions in its span can be read off. Measurements of before it was kept have none.
    #[serde(default)]
    pub request: Option<MarginalsRequest>,
}

/// The measured marginals of a theme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredTheme {
    /// Name of the theme.
    pub name: String,
    /// What was measured of the marginals.
    #[serde(default, skip_serializing_if = "is_whole")]
    pub form: Form,
    /// In the order of the request.
    pub measured: Vec<MeasuredMarginal>,
}

/// One noised marginal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredMarginal {
    /// Indices into the theme's `dims`.
    pub dims: Vec<usize>,
    /// Standard deviation of the noise of each value.
    pub sigma: f64,
    /// Noised values: as the theme's form says, of the counts over the dims' groups, row-major (the last dim runs fastest).
    pub values: Vec<i64>,
}

/// One noised number of different codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredDistinct {
    /// Name of the figure.
    pub name: String,
    /// Standard deviation of the noise.
    pub sigma: f64,
    /// The noised number.
    pub value: i64,
}

/// The rounds of a campaign. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRounds {
    /// The calendar year of the first.
    pub year: i32,
    /// How many were held, by shift.
    pub by_shift: BTreeMap<String, u64>,
    /// Id of what was loaded of the campaign: what a release of it is about.
    pub snapshot: String,
}

/// Noised totals of one campaign of scene counts. Safe to store and publish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneMeasurement {
    /// Id of the answer in the ledger.
    pub answer_id: String,
    /// The snapshot measured.
    pub snapshot: String,
    /// The campaign's code.
    pub campaign: String,
    /// ρ paid from the campaign's block.
    pub rho: f64,
    /// One entry a shift that had a round.
    pub shifts: Vec<SceneShift>,
}

/// The noised totals of one shift.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneShift {
    /// Code of the shift.
    pub shift: String,
    /// Rounds held (public). The mean per count is total / rounds.
    pub rounds: u64,
    /// Standard deviation of the noise of each total.
    pub sigma_total: f64,
    /// One entry an area of the closed list.
    pub areas: Vec<SceneArea>,
}

/// The noised total of one area over a shift's rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneArea {
    /// Code of the area.
    pub area: String,
    /// Persons observed, summed over the rounds, noised.
    pub total: i64,
}

/// Patrols of one year. Operational, exact: about the service, not about clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatrolCounts {
    /// The calendar year.
    pub year: i32,
    /// Over all services.
    pub all: PatrolTally,
    /// By the service that went out.
    pub by_service: BTreeMap<String, PatrolTally>,
}

/// A tally of patrols.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatrolTally {
    /// Number of patrols.
    pub patrols: u64,
    /// Patrols with fewer than the two staff that the Oslo standard asks for.
    pub below_two_staff: u64,
    /// Patrols whose number of staff is known.
    #[serde(default)]
    pub staffed: u64,
    /// Staff of these, added up.
    #[serde(default)]
    pub staff: u64,
    /// Patrols held jointly with a district.
    pub joint: u64,
    /// Patrols by shift.
    pub by_shift: BTreeMap<String, u64>,
    /// Patrols by ISO week of the year's calendar days. Days of the year before's last week are in week 0, and those of the
    /// year after's first in week 53, which the year has not itself then.
    pub by_week: BTreeMap<u32, u64>,
}
