//! What can go wrong.

use std::path::PathBuf;

/// Why the synthetic city was not written.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// No persons were asked for.
    #[error("a city needs at least one person a year: --persons was 0")]
    NoPersons,
    /// More than the synthetic number series can hold.
    #[error("--persons {asked} is more than the {limit} a year that synthetic identity numbers suffice for")]
    TooManyPersons {
        /// What was asked for.
        asked: u32,
        /// The most there can be.
        limit: u32,
    },
    /// The range of years is empty or leaves the years that the shipped policy declares.
    #[error("years {first}..{last} cannot be made: ask for a range within {from}..{to}")]
    Years {
        /// First year asked for.
        first: i32,
        /// Last year asked for.
        last: i32,
        /// First year of the policy.
        from: i32,
        /// Last year of the policy.
        to: i32,
    },
    /// A reference table of the shipped policy is not as expected: a fault of the build, not of the caller.
    #[error("the shipped reference data lacks {0}")]
    Reference(&'static str),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A workbook could not be made.
    #[error("cannot write the workbook {}: {source}", path.display())]
    Workbook {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rust_xlsxwriter::XlsxError,
    },
    /// A writing thread ended early.
    #[error("writing the synthetic files was interrupted by a fault in the program")]
    Interrupted,
}
