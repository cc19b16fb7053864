//! Planned releases: one optimal measurement a year, and the immutable document made of it.

mod document;

pub use document::{
    CodeInfo, DimensionInfo, DistinctFigure, Measured, OperationalFigures, PlannedTable, Release, ReleasePlan, ReleaseSummary,
    Row, Table, ThemeMeasurement,
};
