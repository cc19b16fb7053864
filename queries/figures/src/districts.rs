//! How the districts compare, and which differences are real.

use serde::{Deserialize, Serialize};

use crate::text::{Display, Text};

/// All districts of one release, without a ranking: in the order of the code list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistrictComparison {
    /// Calendar year.
    pub year: i32,
    /// The release this comes from.
    pub release: String,
    /// What is counted.
    pub definition: Text,
    /// One a district.
    pub districts: Vec<DistrictFigure>,
    /// Every pair of districts, by rate.
    pub pairs: Vec<PairComparison>,
    /// How many pairs were compared at once (the intervals of `pairs` are widened for it).
    pub comparisons: usize,
    /// One plain sentence on the whole.
    pub summary: Text,
    /// What to keep in mind.
    pub notes: Vec<Text>,
}

/// One district.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistrictFigure {
    /// Code of the district.
    pub code: String,
    /// Its name.
    pub label: Text,
    /// Persons whose primary service the district is, all ages.
    pub persons: Estimate,
    /// The same, 13–24 years.
    pub persons_13_24: Estimate,
    /// Residents of 13–24 years on 1 January; `None` when the statistics have none.
    pub residents_13_24: Option<u64>,
    /// Persons of 13–24 years per 1,000 residents of 13–24 years.
    pub rate: Option<Estimate>,
    /// Districts whose rate cannot be told from this one's.
    pub indistinguishable_from: Vec<String>,
    /// Plain sentence for this district.
    pub sentence: Text,
}

/// A value with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Unbiased value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// What a reader is shown.
    pub display: Display,
}

/// Two districts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairComparison {
    /// Code of the one.
    pub a: String,
    /// Code of the other.
    pub b: String,
    /// Rate of `a` less rate of `b`, per 1,000 residents.
    pub difference: f64,
    /// Lower end of the simultaneous 95 % interval.
    pub low: f64,
    /// Upper end of the simultaneous 95 % interval.
    pub high: f64,
    /// The interval does not hold zero.
    pub distinguishable: bool,
}
