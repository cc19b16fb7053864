//! The named figures of the field, out of a release.

use serde::{Deserialize, Serialize};

use crate::text::{Display, Text};

/// One figure of one year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyFigure {
    /// Stable name, such as `contact_under_25`.
    pub name: String,
    /// The release this comes from.
    pub release: String,
    /// Theme, such as "Contact".
    pub theme: Text,
    /// Category within the theme, such as "under 25".
    pub category: Text,
    /// What exactly is counted.
    pub definition: Text,
    /// Calendar year.
    pub year: i32,
    /// Unbiased value.
    pub value: f64,
    /// Lower end of the 95 % interval of `value`.
    pub low: f64,
    /// Upper end of the 95 % interval of `value`.
    pub high: f64,
    /// What a reader is shown: consistent with the tables, or ":".
    pub display: Display,
    /// What the number counts.
    pub unit: Unit,
    /// Exact: about the service, without noise (`low` = `value` = `high`).
    pub exact: bool,
    /// The figure published by the source for that year, if there is one.
    pub source_value: Option<f64>,
    /// Where the source figure is from.
    pub source: Option<String>,
    /// A remark, such as that the source does not add up.
    pub note: Option<Text>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Distinct persons in the year.
    Persons,
    /// Distinct municipalities.
    Municipalities,
    /// Patrols.
    Patrols,
    /// Patrols a week.
    PatrolsPerWeek,
    /// Per cent.
    Percent,
}
