//! What the ledger stores of an answer: noised values and how sure they are. Independent of names, order and limit.

use serde::{Deserialize, Serialize};
use skjerm_privacy::cut::Cut;
use skjerm_privacy::marginals::Joint;
use skjerm_privacy::remainder::Remainder;

/// A noised table, one column a vector of its question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NoisedTable {
    /// In the order of the query's vectors.
    pub(crate) columns: Vec<NoisedColumn>,
    /// Sentences that came with the measurement.
    pub(crate) notes: Vec<String>,
    /// How the errors of all values go together, where they were read off a release. Never stored: the release is.
    #[serde(skip)]
    pub(crate) read_off: Option<ReadOff>,
}

/// What was read off a theme of a release.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadOff {
    /// Measurement and theme: whatever is read off the same has the same errors.
    pub(crate) source: (String, String),
    pub(crate) joint: Joint,
}

/// One noised column, a value a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NoisedColumn {
    pub(crate) name: String,
    /// As measured. What is shown is [`NoisedColumn::shown`].
    pub(crate) values: Vec<f64>,
    /// Half of the 95 % interval of each cell's own noise.
    pub(crate) half_width: f64,
    /// The part of it that all cells have in common; nothing where their noises are independent. What is left of the others adds
    /// up to 0.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub(crate) shared: f64,
    /// Whether the values are whole.
    pub(crate) whole: bool,
    /// Half of the 95 % interval of each cell, where they differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) widths: Vec<f64>,
    /// What the bound cut off. Answers of before this was stored have nothing here.
    #[serde(default)]
    pub(crate) lost: Lost,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde asks
fn is_nothing(shared: &f64) -> bool {
    *shared == 0.0
}

/// What the scaling of long vectors cut off from a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lost {
    #[default]
    Nothing,
    /// Measured as one number, up to a bound of its own; what is beyond that is estimated from the look at the norms. In
    /// the unit of the values.
    Measured { remainder: Remainder, beyond: Cut },
    /// Estimated from the look at the norms, in the unit of the values; `signed` where values can be cut either way.
    Estimated { cut: Cut, signed: bool },
    /// The caller named the bound, and nobody looked.
    Unknown,
}

impl Lost {
    /// The same in another unit, which is so many of this one.
    pub(crate) fn in_units(self, of: f64) -> Self {
        match self {
            Self::Estimated { cut, signed } => Self::Estimated { cut: cut.in_units(of), signed },
            Self::Measured { remainder, beyond } => {
                Self::Measured { remainder: remainder.in_units(of), beyond: beyond.in_units(of) }
            }
            other => other,
        }
    }
}

impl NoisedColumn {
    /// The values with what was cut off given back, where that was measured.
    pub(crate) fn shown(&self) -> Vec<f64> {
        self.shown_with(&self.values, 0.0)
    }

    /// The same of other values of the cells, and so many standard deviations more of what was cut off.
    pub(crate) fn shown_with(&self, values: &[f64], deviations: f64) -> Vec<f64> {
        match self.lost {
            Lost::Measured { remainder, .. } => remainder.drawn(deviations).spread(values),
            Lost::Nothing | Lost::Estimated { .. } | Lost::Unknown => values.to_vec(),
        }
    }

    /// Half of the 95 % interval of each value shown.
    pub(crate) fn half_widths(&self) -> Vec<f64> {
        if self.widths.len() == self.values.len() {
            return self.widths.clone();
        }
        match self.lost {
            Lost::Measured { remainder, .. } => remainder.half_widths(&self.values, self.half_width),
            Lost::Nothing | Lost::Estimated { .. } | Lost::Unknown => {
                vec![self.half_width; self.values.len()]
            }
        }
    }
}
