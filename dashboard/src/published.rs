//! What the pages may ask for: what is published, and the public figures of the budgets. Nothing here costs budget.

use crate::model::{Budget, ChoiceGroup, Comparison, Publication, ReleaseRef, Scene, Trend, YearFigures};

/// Why something published could not be read. For the log: a reader sees a page without internals.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A release could not be read or used.
    #[error("the published figures could not be read: {0}")]
    Figures(String),
    /// The ledger could not be read.
    #[error("the budgets could not be read: {0}")]
    Budgets(String),
    /// A document could not be written as JSON.
    #[error("a document could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The published figures of one installation. Calls may read files: they run on a blocking thread.
pub trait Published: Send + Sync + 'static {
    /// The installation says that its data are synthetic.
    fn synthetic(&self) -> bool;
    /// The key figures in force of each year, newest year first.
    fn releases(&self) -> Result<Vec<ReleaseRef>, SourceError>;
    /// The key figures of a year.
    fn figures(&self, year: i32) -> Result<Option<YearFigures>, SourceError>;
    /// The districts of a year.
    fn districts(&self, year: i32) -> Result<Option<Comparison>, SourceError>;
    /// The figures one can ask the trend of.
    fn choices(&self) -> Result<Vec<ChoiceGroup>, SourceError>;
    /// A figure over the years.
    fn trend(&self, figure: &str) -> Result<Option<Trend>, SourceError>;
    /// Stored comparisons of count campaigns.
    fn scenes(&self) -> Result<Vec<Scene>, SourceError>;
    /// Every release, of whatever workload, the newest first.
    fn publications(&self) -> Result<Vec<Publication>, SourceError>;
    /// A file of a release, as it was published.
    fn file(&self, release: &str, name: &str) -> Result<Option<Vec<u8>>, SourceError>;
    /// All budgets.
    fn budgets(&self) -> Result<Vec<Budget>, SourceError>;
    /// ρ and ε that all years of the family "persons" have spent together.
    fn spent_over_years(&self) -> Result<Option<(f64, f64)>, SourceError>;
    /// The same documents for programs.
    fn document(&self, which: &Document) -> Result<Option<serde_json::Value>, SourceError>;
}

/// A document for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Key figures of a year.
    Figures(i32),
    /// Comparison of the districts in a year.
    Districts(i32),
    /// One line a release.
    Releases,
    /// One release, whole.
    Release(String),
    /// All budgets.
    Budget,
}
