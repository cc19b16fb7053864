//! A figure over the years, with intervals, and whether it changed.

use serde::{Deserialize, Serialize};

use crate::text::{Display, Text};

/// One year of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendPoint {
    /// Calendar year.
    pub year: i32,
    /// The release this comes from.
    pub release: String,
    /// Unbiased value.
    pub value: f64,
    /// Lower end of the 95 % interval of `value`.
    pub low: f64,
    /// Upper end of the 95 % interval of `value`.
    pub high: f64,
    /// What a reader is shown.
    pub display: Display,
    /// Against the published year before, if there is one.
    pub change: Option<Change>,
}

/// The change from the published year before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The year compared with.
    pub from_year: i32,
    /// This year less that year.
    pub difference: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// The interval of the difference does not hold zero.
    pub distinguishable: bool,
    /// One plain sentence.
    pub sentence: Text,
}
