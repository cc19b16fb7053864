//! Discrete Gaussian noise on integer vectors: the one mechanism of Skjerm.
use crate::{PrivacyError, Rho};

/// The largest L2 sensitivity: beyond it a 64-bit float is not exact.
pub const MAX_L2: u64 = 1 << 53;

/// Noise of a fixed σ, and what it costs for a fixed sensitivity. Only this module makes one,
/// and its ρ is what `opendp` certifies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian {
    sigma: f64,
    rho: Rho,
    l2: f64,
}

impl Gaussian {
    /// The least noise certified for L2 sensitivity `l2` at a price of at most `rho`.
    pub fn for_rho(l2: u64, rho: Rho) -> Result<Self, PrivacyError> {
        let _ = (l2, rho);
        unimplemented!()
    }
    /// The same for the sensitivity √`l2_squared`, which need not be whole.
    pub fn for_rho_squared(l2_squared: u128, rho: Rho) -> Result<Self, PrivacyError> {
        let _ = (l2_squared, rho);
        unimplemented!()
    }
    /// Noise of a given σ; the price is what `opendp` certifies, rounded up.
    pub fn for_sigma(l2: u64, sigma: f64) -> Result<Self, PrivacyError> {
        let _ = (l2, sigma);
        unimplemented!()
    }
    /// The scale, which is the standard deviation but for very small noise (there it is above it).
    pub fn sigma(&self) -> f64 {
        self.sigma
    }
    /// The price.
    pub fn rho(&self) -> Rho {
        self.rho
    }
    /// The L2 sensitivity the price is for, rounded up.
    pub fn l2(&self) -> f64 {
        self.l2
    }
    /// Adds fresh noise. Blocking: run it where blocking is allowed.
    pub fn add_noise(&self, values: &mut [i64]) -> Result<(), PrivacyError> {
        let _ = values;
        unimplemented!()
    }
    /// Half the width of an interval around a noised value that covers the exact one with at
    /// least this confidence.
    pub fn half_width(&self, confidence: f64) -> f64 {
        crate::interval::discrete_gaussian_half_width(self.sigma, confidence)
    }
}
