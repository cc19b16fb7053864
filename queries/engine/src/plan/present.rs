//! What the ledger stores of an answer: noised values and how sure they are. Independent of names, order and limit.

use serde::{Deserialize, Serialize};
use skjerm_privacy::cut::Cut;

/// A noised table, one column a vector of its question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NoisedTable {
    /// In the order of the query's vectors.
    pub(crate) columns: Vec<NoisedColumn>,
    /// Sentences that came with the measurement.
    pub(crate) notes: Vec<String>,
}

/// One noised column, a value a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NoisedColumn {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
    /// Half of the 95 % interval, the same for every cell.
    pub(crate) half_width: f64,
    /// Whether the values are whole.
    pub(crate) whole: bool,
    /// What the bound cut off. Answers of before this was stored have nothing here.
    #[serde(default)]
    pub(crate) lost: Lost,
}

/// What the scaling of long vectors cut off from a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lost {
    #[default]
    Nothing,
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
            other => other,
        }
    }
}
