//! Two campaigns of the open-drug-scene counts beside each other.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// Two campaigns, area by area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneComparison {
    /// The first campaign.
    pub a: Campaign,
    /// The campaign compared with it.
    pub b: Campaign,
    /// All areas and shifts together.
    pub total: SceneCell,
    /// All areas together, by shift.
    pub shifts: Vec<SceneCell>,
    /// By area (all shifts together).
    pub areas: Vec<SceneCell>,
    /// By area and shift.
    pub cells: Vec<SceneCell>,
    /// One plain sentence.
    pub summary: Text,
    /// What to keep in mind.
    pub notes: Vec<Text>,
}

/// One campaign, as measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Code of the campaign.
    pub code: String,
    /// Its name.
    pub label: Text,
    /// Id of the stored measurement.
    pub answer: String,
    /// ρ of the measurement.
    pub rho: f64,
    /// Rounds held, by shift (public).
    pub rounds: Vec<(String, u64)>,
}

/// Mean observed persons a count in one area and shift, in both campaigns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneCell {
    /// Code of the area; `None`: all areas.
    pub area: Option<String>,
    /// Code of the shift; `None`: all shifts.
    pub shift: Option<String>,
    /// Name of the cell.
    pub label: Text,
    /// Mean a count in the first campaign; `None` when no round was held.
    pub a: Option<Mean>,
    /// Mean a count in the second campaign; `None` when no round was held.
    pub b: Option<Mean>,
    /// Second less first.
    pub difference: Option<Mean>,
    /// Second over first; `None` when the first cannot be told from zero.
    pub ratio: Option<Mean>,
    /// The interval of the difference does not hold zero.
    pub distinguishable: bool,
    /// One plain sentence.
    pub sentence: Text,
}

/// A value with its 95 % interval (of the noise).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Unbiased value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}
