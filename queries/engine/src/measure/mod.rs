//! Planned measurements: marginals for releases, totals of scene counts, patrols.

pub(crate) mod check;
pub(crate) mod events;
pub(crate) mod marginals;
pub(crate) mod patrols;
mod request;
pub(crate) mod scene;
pub(crate) mod span;

pub use request::{
    Dim, Distinct, MarginalsMeasurement, MarginalsRequest, MeasuredDistinct, MeasuredMarginal, MeasuredTheme,
    PatrolCounts, PatrolTally, SceneArea, SceneMeasurement, SceneShift, Theme,
};
