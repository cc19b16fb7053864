//! What the ledger stores of an answer: noised values and how sure they are. Independent of names, order and limit.

use serde::{Deserialize, Serialize};

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
}
