//! The privacy mathematics of Skjerm: what a figure costs, how much noise it gets, and how noisy
//! figures are put together again.
//!
//! The unit of privacy is a *person-year* (for scene counts: one individual in one campaign), the
//! relation between neighbouring data sets is adding or removing one unit, and the measure is
//! zero-concentrated differential privacy (zCDP), whose ρ adds up over everything that leaves.
//!
//! This crate does no input or output, knows no table and holds no data. It is the only one that
//! uses `opendp`, whose exact samplers draw all noise.
//!
//! | module | subject |
//! |---|---|
//! | [`Rho`], [`epsilon`] | the budget's unit, and its translation to (ε, δ) |
//! | [`Delta`], [`Loss`], [`epsilon_of`] | the chance of failure of approximate zCDP; ρ and δ of a release together |
//! | [`Filter`] | whether the next release fits, when prices depend on earlier answers |
//! | [`gaussian`] | the one noise mechanism: discrete Gaussian noise on integer vectors |
//! | [`bounding`] | how much one unit may contribute, chosen privately |
//! | [`centred`] | persons in cells, measured around each person's mean |
//! | [`cut`] | what such a bound cut off, and the interval that holds it |
//! | [`remainder`] | what it cut off, measured as one number and given back to the cells |
//! | [`marginals`] | planning noise over many tables, and combining them by least squares |
//! | [`interval`] | quantiles for the intervals that every figure carries |

pub mod bounding;
pub mod centred;
mod conversion;
pub mod cut;
mod delta;
mod error;
mod filter;
pub mod gaussian;
pub mod interval;
mod loss;
pub mod marginals;
pub mod remainder;
mod rho;
#[cfg(test)]
mod vectors;

pub use conversion::{epsilon, rho_for_epsilon};
pub use delta::Delta;
pub use error::PrivacyError;
pub use filter::Filter;
pub use gaussian::Gaussian;
pub use loss::{Loss, epsilon_of};
pub use rho::Rho;
