//! What can go wrong here. No message ever holds a data value.

use thiserror::Error;

/// An error of the privacy mathematics. Every case depends on parameters alone, never on data.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PrivacyError {
    /// A ρ that is negative, not a number, or too large for the ledger.
    #[error("ρ must be a number from 0 to {max}, but {value} was given", max = crate::Rho::MAX.as_f64())]
    RhoOutOfRange {
        /// The value given.
        value: f64,
    },
    /// A δ that is no probability.
    #[error("δ must be a number from 0 to 1, but {value} was given")]
    DeltaOutOfRange {
        /// The value given.
        value: f64,
    },
    /// Noise was asked for at a price of nothing.
    #[error("ρ is 0, and no figure can be had for nothing: give the question a ρ above 0")]
    NothingToSpend,
    /// A sensitivity that is zero or too large to be represented exactly.
    #[error("the L2 sensitivity must be from 1 to {max}, but {value} was given: check the bounds in the policy", max = crate::gaussian::MAX_L2)]
    SensitivityOutOfRange {
        /// The value given.
        value: u128,
    },
    /// A standard deviation of noise that is not a positive finite number.
    #[error("the noise's σ must be a positive number, but {value} was given")]
    SigmaOutOfRange {
        /// The value given.
        value: f64,
    },
    /// `opendp` refused. The detail is for the log: it names parameters, not data.
    #[error("the noise mechanism could not be built or run; nothing was released")]
    Mechanism {
        /// What `opendp` said.
        detail: String,
    },
    /// A domain with no attribute value, or with too many cells.
    #[error("{0}")]
    Domain(String),
    /// A workload, a measurement or a query that does not fit its domain.
    #[error("{0}")]
    Mismatch(String),
    /// The non-negative least squares did not converge.
    #[error(
        "the display values did not converge in {iterations} steps (residual {residual:.1e}); the unbiased values are not affected"
    )]
    NotConverged {
        /// Steps taken.
        iterations: usize,
        /// How far from optimal, in persons.
        residual: f64,
    },
}
