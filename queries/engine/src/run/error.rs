//! What can go wrong behind the charge. Callers see none of it: all become the one uniform fault.

use datafusion::common::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use skjerm_privacy::PrivacyError;
use thiserror::Error;

/// A fault of a run.
///
/// # Privacy
/// The messages name no data, since they go to the log: a DataFusion error can quote a value, so only the
/// name of its kind is kept.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("reading or aggregating failed: {0}")]
    Reading(&'static str),
    #[error("the deadline passed")]
    Deadline,
    #[error("a column of the private plan has another type than planned")]
    Layout,
    #[error("the rows of a person-year did not come together")]
    Unordered,
    #[error("a question makes too many rows of its answers")]
    TooManyRows,
    #[error("drawing the noise of what a question computes with its answers takes too long")]
    TooMuchWork,
    #[error("rows cannot be told apart")]
    Alike,
    #[error("a sum left its range")]
    Overflow,
    #[error("the noise is for a smaller sensitivity than the data's bound")]
    Sensitivity,
    #[error("noise: {0}")]
    Noise(#[from] PrivacyError),
    #[error("the blocking task ended early")]
    Task,
}

impl From<DataFusionError> for RunError {
    fn from(error: DataFusionError) -> Self {
        Self::Reading(kind(error.find_root()))
    }
}

impl From<ParquetError> for RunError {
    fn from(error: ParquetError) -> Self {
        DataFusionError::from(error).into()
    }
}

fn kind(error: &DataFusionError) -> &'static str {
    match error {
        DataFusionError::ResourcesExhausted(_) => "out of memory or spill",
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => "a file could not be read",
        DataFusionError::ParquetError(_) => "a file is damaged",
        DataFusionError::ArrowError(..) => "a computation failed",
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..) | DataFusionError::Internal(_) => {
            "the plan is wrong"
        }
        _ => "DataFusion failed",
    }
}
