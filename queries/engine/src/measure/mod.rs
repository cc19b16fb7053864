//! Planned measurements: marginals for releases (of a year, or of a campaign of scene counts), totals of scene counts, patrols.

pub(crate) mod campaign;
pub(crate) mod check;
pub(crate) mod events;
pub(crate) mod marginals;
pub(crate) mod patrols;
mod request;
pub(crate) mod scene;
pub(crate) mod span;
pub(crate) mod sums;

pub use request::{
    CampaignRounds, Dim, Distinct, MarginalsMeasurement, MarginalsRequest, MeasuredDistinct,
    MeasuredMarginal, MeasuredTheme, PatrolCounts, PatrolTally, SceneArea, SceneMeasurement, SceneShift,
    Theme,
};
