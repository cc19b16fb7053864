//! Planned measurements: marginals for releases, totals of scene counts, patrols.

mod request;

pub use request::{
    Dim, Distinct, MarginalsMeasurement, MarginalsRequest, MeasuredDistinct, MeasuredMarginal, MeasuredTheme,
    PatrolCounts, PatrolTally, SceneArea, SceneMeasurement, SceneShift, Theme,
};
