//! Discrete Gaussian noise on integer vectors: the one mechanism of Skjerm.
//!
//! # Privacy
//!
//! *Unit*: whatever the caller's sensitivity is stated for (a person-year; an individual in a
//! campaign), added or removed. *Sensitivity*: the L2 norm of the largest change that one unit
//! makes to the integer vector, given by the caller and bounded by it beforehand. *Mechanism*:
//! `opendp`'s `make_gaussian` over vectors of 64-bit integers, which draws exactly from the
//! discrete Gaussian with rational arithmetic and OpenSSL's generator, hence has none of the
//! floating-point leaks. *Cost*: ρ = l2² / (2σ²), as `opendp`'s own privacy map states it, rounded
//! up. *Source*: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020).
//!
//! *Saturation.* The noise is added in unbounded integers and only the noised value is brought back
//! into 64 bits, by saturating. That is post-processing of a private value, so it costs nothing and
//! cannot reveal whether the exact value was near the edge. The exact vector itself must not have
//! wrapped before it came here: sums are the caller's, and are bounded there.
//!
//! *One shot.* A measurement of `opendp` cannot move between threads, so it is built and invoked in
//! the same call. A failure of the generator is an error, never less noise.

use opendp::domains::{AtomDomain, VectorDomain};
use opendp::error::Error;
use opendp::measurements::make_gaussian;
use opendp::measures::ZeroConcentratedDivergence;
use opendp::metrics::L2Distance;
use serde::Serialize;

use crate::{PrivacyError, Rho, interval};

/// The largest L2 sensitivity: beyond it a 64-bit float is not exact.
pub const MAX_L2: u64 = 1 << 53;

/// σ is kept to so many significant bits: the sampler's rational arithmetic gets faster with fewer,
/// and the noise grows by less than one part in 10⁷.
const SIGMA_BITS: u32 = 24;

/// Noise of a fixed σ, and what it costs for a fixed sensitivity. Only this module can make one, so
/// its ρ is always what `opendp` certifies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gaussian {
    sigma: f64,
    rho: Rho,
    l2: f64,
}

impl Gaussian {
    /// The least noise certified for L2 sensitivity `l2` at a price of at most `rho`.
    ///
    /// ```
    /// # use skjerm_privacy::{Gaussian, Rho};
    /// let noise = Gaussian::for_rho(1, Rho::from_f64_up(0.02)?)?;
    /// assert!((noise.sigma() - 5.0).abs() < 1e-5);
    /// # Ok::<(), skjerm_privacy::PrivacyError>(())
    /// ```
    pub fn for_rho(l2: u64, rho: Rho) -> Result<Self, PrivacyError> {
        Self::least(exact_l2(l2)?, rho)
    }

    /// The same for the sensitivity √`l2_squared`, which need not be whole.
    pub fn for_rho_squared(l2_squared: u128, rho: Rho) -> Result<Self, PrivacyError> {
        Self::least(root_up(l2_squared)?, rho)
    }

    /// Noise of a given σ for the sensitivity √`l2_squared`; the price is what `opendp` certifies, rounded up.
    pub fn for_sigma_squared(l2_squared: u128, sigma: f64) -> Result<Self, PrivacyError> {
        let l2 = root_up(l2_squared)?;
        Ok(Self { sigma, rho: Rho::from_f64_up(certified(l2, sigma)?)?, l2 })
    }

    /// Noise of a given σ; the price is what `opendp` certifies, rounded up.
    pub fn for_sigma(l2: u64, sigma: f64) -> Result<Self, PrivacyError> {
        let l2 = exact_l2(l2)?;
        Ok(Self { sigma, rho: Rho::from_f64_up(certified(l2, sigma)?)?, l2 })
    }

    fn least(l2: f64, rho: Rho) -> Result<Self, PrivacyError> {
        if rho.is_zero() {
            return Err(PrivacyError::NothingToSpend);
        }
        let wanted = rho.as_f64();
        let enough = |sigma: f64| certified(l2, sigma).map(|found| found <= wanted);
        // Steps on the grid of short σ: candidates are near the textbook value, `opendp` decides.
        let (mut sigma, step) = short(l2 / (2.0 * wanted).sqrt());
        while !enough(sigma)? {
            sigma += step;
        }
        while sigma - step > 0.0 && enough(sigma - step)? {
            sigma -= step;
        }
        // What it truly costs may be a trifle below what was asked.
        let cost = Rho::from_f64_up(certified(l2, sigma)?)?;
        Ok(Self { sigma, rho: cost.min(rho), l2 })
    }

    /// The scale of the noise. It is the standard deviation, but for σ below about one half, where
    /// the discrete distribution's is smaller.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// The price.
    pub fn rho(&self) -> Rho {
        self.rho
    }

    /// The L2 sensitivity that the price is for, rounded up.
    pub fn l2(&self) -> f64 {
        self.l2
    }

    /// Adds fresh noise to every value. It blocks, and its time depends on the values drawn: run it
    /// where blocking is allowed, and answer at fixed deadlines.
    ///
    /// Charge [`Gaussian::rho`] before: every call is another release.
    pub fn add_noise(&self, values: &mut [i64]) -> Result<(), PrivacyError> {
        let measurement = measurement(self.sigma)?;
        let noised = measurement.invoke(&values.to_vec()).map_err(|error| mechanism(&error))?;
        if noised.len() != values.len() {
            return Err(PrivacyError::Mechanism { detail: "another number of values came back".into() });
        }
        values.copy_from_slice(&noised);
        Ok(())
    }

    /// Half the width of an interval around a noised value that covers the exact one with at least
    /// this confidence: whole, and exact for small σ.
    pub fn half_width(&self, confidence: f64) -> f64 {
        interval::discrete_gaussian_half_width(self.sigma, confidence)
    }
}

type Noise = opendp::core::Measurement<
    VectorDomain<AtomDomain<i64>>,
    L2Distance<f64>,
    ZeroConcentratedDivergence,
    Vec<i64>,
>;

fn measurement(sigma: f64) -> Result<Noise, PrivacyError> {
    // `opendp` accepts σ = 0, which is no noise at all.
    if !(sigma.is_finite() && sigma > 0.0) {
        return Err(PrivacyError::SigmaOutOfRange { value: sigma });
    }
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    make_gaussian(domain, L2Distance::<f64>::default(), sigma, None).map_err(|error| mechanism(&error))
}

/// ρ as `opendp` certifies it, rounded up there.
fn certified(l2: f64, sigma: f64) -> Result<f64, PrivacyError> {
    measurement(sigma)?.map(&l2).map_err(|error| mechanism(&error))
}

/// `opendp`'s `Display` shows the kind of an error only; the message is a field.
fn mechanism(error: &Error) -> PrivacyError {
    PrivacyError::Mechanism {
        detail: format!("{:?}: {}", error.variant, error.message.as_deref().unwrap_or("")),
    }
}

fn exact_l2(l2: u64) -> Result<f64, PrivacyError> {
    if (1..=MAX_L2).contains(&l2) {
        Ok(l2 as f64)
    } else {
        Err(PrivacyError::SensitivityOutOfRange { value: l2.into() })
    }
}

/// The root of a whole number as a float that is not below it.
fn root_up(squared: u128) -> Result<f64, PrivacyError> {
    let limit = u128::from(MAX_L2);
    if squared == 0 || squared > limit * limit {
        return Err(PrivacyError::SensitivityOutOfRange { value: squared.isqrt() });
    }
    let whole = squared.isqrt();
    if whole * whole == squared {
        return Ok(whole as f64);
    }
    // `squared as f64` and `sqrt` are each off by half a unit in the last place at most.
    Ok((squared as f64).sqrt().next_up().next_up())
}

/// `sigma` cut to [`SIGMA_BITS`], and the distance to the next such value. The sums of the two are
/// exact, as long as they do not cross many powers of two.
fn short(sigma: f64) -> (f64, f64) {
    let exponent = sigma.log2().floor();
    let step = (exponent - f64::from(SIGMA_BITS - 1)).exp2();
    ((sigma / step).floor() * step, step)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use super::*;

    fn rho(value: f64) -> Rho {
        Rho::from_f64_up(value).unwrap()
    }

    #[test]
    fn certified_and_not_wasteful() {
        for l2 in [1, 2, 3, 1000, 123_456_789, MAX_L2] {
            for value in [1e-9, 1e-4, 0.005, 0.31, 2.0, 100.0] {
                let noise = Gaussian::for_rho(l2, rho(value)).unwrap();
                assert!(certified(noise.l2(), noise.sigma()).unwrap() <= value, "l2 {l2}, ρ {value}");
                assert!(noise.rho() <= rho(value));
                let textbook = l2 as f64 / (2.0 * value).sqrt();
                assert!(noise.sigma() < textbook * (1.0 + 3e-7), "l2 {l2}, ρ {value}: {}", noise.sigma());
                assert!(certified(noise.l2(), noise.sigma() * (1.0 - 5e-7)).unwrap() > value);
            }
        }
    }

    #[test]
    fn sigma_given_costs_what_it_costs() {
        let noise = Gaussian::for_sigma(2, 10.0).unwrap();
        assert!((noise.rho().as_f64() - 0.02).abs() <= 1e-9 && noise.rho().as_f64() >= 0.02);
        let again = Gaussian::for_rho(2, noise.rho()).unwrap();
        assert!((again.sigma() - 10.0).abs() < 1e-5);
    }

    #[test]
    fn roots_are_rounded_up() {
        let two = Gaussian::for_rho_squared(2, rho(0.1)).unwrap();
        assert!(two.l2() * two.l2() >= 2.0 && two.l2() < std::f64::consts::SQRT_2 * (1.0 + 1e-15));
        assert!((two.sigma() - (2.0_f64 / 0.2).sqrt()).abs() < 1e-5);
        assert_eq!(Gaussian::for_rho_squared(9, rho(0.1)).unwrap(), Gaussian::for_rho(3, rho(0.1)).unwrap());
        for squared in [3_u128, (1 << 60) + 1, (1 << 105) + 12_345] {
            // Compared in whole numbers: the float's exact square is not below.
            let root = root_up(squared).unwrap();
            let (whole, shift) = ((root * 2_f64.powi(40)).ceil().min(2_f64.powi(62)), 40);
            if root < 2_f64.powi(22) {
                let whole = whole as u128;
                assert!(whole * whole >= squared << (2 * shift));
            } else {
                assert!(root >= (squared as f64).sqrt());
            }
        }
    }

    #[test]
    fn refuses_nonsense() {
        assert_eq!(Gaussian::for_rho(1, Rho::ZERO), Err(PrivacyError::NothingToSpend));
        assert!(matches!(
            Gaussian::for_rho(0, rho(0.1)),
            Err(PrivacyError::SensitivityOutOfRange { value: 0 })
        ));
        assert!(matches!(
            Gaussian::for_rho(MAX_L2 + 1, rho(0.1)),
            Err(PrivacyError::SensitivityOutOfRange { .. })
        ));
        assert!(Gaussian::for_rho_squared(0, rho(0.1)).is_err());
        for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(
                matches!(Gaussian::for_sigma(1, sigma), Err(PrivacyError::SigmaOutOfRange { .. })),
                "{sigma}"
            );
        }
    }

    #[test]
    fn errors_carry_the_message_of_opendp() {
        let error = measurement(1.0).unwrap().map(&f64::NAN).map_err(|e| mechanism(&e)).unwrap_err();
        let PrivacyError::Mechanism { detail } = error else { panic!("{error}") };
        assert!(detail.contains("d_in"), "{detail}");
    }

    /// Mean and variance of 4,000 draws against the distribution: bounds of 6 standard errors, so a
    /// false alarm has a chance below 1e-8.
    #[test]
    fn noise_has_the_promised_variance() {
        for sigma in [1.0, 7.3] {
            let noise = Gaussian::for_sigma(1, sigma).unwrap();
            let mut values = vec![1_000_i64; 4_000];
            noise.add_noise(&mut values).unwrap();
            let n = values.len() as f64;
            let mean = values.iter().map(|v| (*v - 1_000) as f64).sum::<f64>() / n;
            let variance = values.iter().map(|v| ((*v - 1_000) as f64).powi(2)).sum::<f64>() / n;
            assert!(mean.abs() < 6.0 * sigma / n.sqrt(), "σ {sigma}: mean {mean}");
            let error = sigma * sigma * (2.0 / n).sqrt();
            assert!((variance - sigma * sigma).abs() < 6.0 * error, "σ {sigma}: variance {variance}");
            let inside =
                values.iter().filter(|v| ((*v - 1_000) as f64).abs() <= noise.half_width(0.95)).count();
            assert!(inside as f64 > n * 0.95 - 6.0 * (n * 0.95 * 0.05).sqrt());
        }
    }

    /// At the edges the noised value saturates: it neither wraps nor fails.
    #[test]
    fn saturates_at_the_edges() {
        let noise = Gaussian::for_sigma(1, 1e6).unwrap();
        let mut values = vec![i64::MAX; 40];
        values.extend([i64::MIN; 40]);
        noise.add_noise(&mut values).unwrap();
        assert!(values[..40].iter().all(|v| *v > i64::MAX - 100_000_000));
        assert!(values[40..].iter().all(|v| *v < i64::MIN + 100_000_000));
        // 40 draws all on one side of the edge have a chance of 1e-12.
        assert!(values[..40].contains(&i64::MAX) && values[40..].contains(&i64::MIN));
        let mut none: [i64; 0] = [];
        noise.add_noise(&mut none).unwrap();
    }
}
