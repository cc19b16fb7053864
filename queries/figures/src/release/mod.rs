//! Planned releases: one optimal measurement a year (or campaign of scene counts), and the immutable document made of it.
//!
//! [`plan`] says what it would cost and how exact it would be, without any data. [`publish`] measures, once, and writes the document.
//! [`Store`] reads what was published, [`diff`] compares two of them. A [`Release`] holds the noised measurements with their noise scales, so that the interval of any
//! figure made of it can be computed again, and never needs the data.

pub(crate) mod assemble;
mod diff;
mod document;
mod earlier;
mod files;
pub(crate) mod joint;
mod missing;
pub(crate) mod noise;
mod period;
mod plan;
mod publish;
mod record;
mod seal;
mod store;
mod texts;

pub use diff::{CellChange, Change, Diff, FigureChange, Side, TableChange, Unmatched, diff};
pub use document::{
    CodeInfo, DimensionInfo, DistinctFigure, Measured, OperationalFigures, PlannedMeasurement, PlannedTable,
    Release, ReleasePlan, ReleaseSummary, Row, Table, ThemeMeasurement,
};
pub use skjerm_privacy::marginals::Form;

pub use missing::{Missing, missing};
pub use period::{CampaignInfo, Period};
pub use plan::{plan, plan_within};
pub use publish::{SYNTHETIC_MARK, Wanted, publish};
pub use record::{Check, Record, record_of};
pub use store::Store;

pub(crate) use assemble::shown;
pub(crate) use diff::Matching;
