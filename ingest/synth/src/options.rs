//! What is asked for, and what was made.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::Serialize;

/// The most persons a year: beyond it the synthetic number series of the usual birth years runs short.
pub const MAX_PERSONS: u32 = 200_000;

/// Which city to write, and where.
#[derive(Clone, Debug)]
pub struct SynthOptions {
    /// The folder to write into; made when it does not exist.
    pub out: PathBuf,
    /// About how many distinct persons a year, over all services.
    pub persons: u32,
    /// Calendar years, within those of the shipped policy.
    pub years: RangeInclusive<i32>,
    /// Same seed, persons and years: same bytes.
    pub seed: u64,
}

impl SynthOptions {
    /// The default city (6,000 persons a year, 2019–2025) in this folder.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self { out: out.into(), persons: 6000, years: 2019..=2025, seed: 1 }
    }
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct SynthSummary {
    /// Each export file with the name of the source whose mapping reads it. Order: by source, then file name.
    pub files: Vec<(String, PathBuf)>,
    /// Distinct persons over all years.
    pub persons: u64,
    /// Rows over all files.
    pub rows: u64,
    /// What a reader of the figures should know.
    pub notes: Vec<String>,
}
