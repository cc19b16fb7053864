//! ρ in words people know: (ε, δ).
//!
//! ρ-zCDP implies (ε, δ)-differential privacy for
//! δ = min over α > 1 of e^{(α−1)(αρ−ε)} (1−1/α)^α / (α−1)
//! (Canonne, Kamath, Steinke 2020, corollary 13). Solved for ε, with t = α − 1:
//!
//! ε = min over t > 0 of (1+t)ρ − ln(1 + 1/t) + (ln(1/δ) − ln(1+t)) / t
//!
//! *Every* t > 0 gives a true statement, so a t that misses the minimum can only overstate ε, and so
//! can a δ that is rounded down. What remains is the rounding of the formula at the t chosen, which is
//! bounded from the size of its terms and added.

use crate::Rho;

/// Rounding of the sum of the four terms, in parts of the sum S of their absolute values.
///
/// With u = 2⁻⁵³ (half an ulp at most): ρ as a float, 1 + t, their product and two additions err by
/// 5u of the first term; 1/t, its logarithm (2 ulp = 4u; a relative error of x carries over to
/// ln(1 + x) at most as it is) and two additions by 7u of the second; a logarithm, the division and
/// two additions by 7u of each of the last two; adding the bound itself by u·S. So 8u·S and terms in
/// u²; twice that is taken.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// The ε for which ρ-zCDP implies (ε, δ)-differential privacy, by the tight conversion, rounded up.
///
/// Nothing spent is ε = 0. A δ of 0 or below has no finite ε; a δ of 1 or above needs none. `delta`
/// stands for every number within an ulp of it, such as the decimal that it was written as.
///
/// ```
/// let rho = skjerm_privacy::Rho::from_f64_up(0.311).unwrap();
/// assert!((skjerm_privacy::epsilon(rho, 1e-6) - 4.0).abs() < 0.005);
/// ```
pub fn epsilon(rho: Rho, delta: f64) -> f64 {
    if rho.is_zero() || delta >= 1.0 {
        return 0.0;
    }
    let delta = delta.next_down().next_down();
    if delta.is_nan() || delta <= 0.0 {
        return f64::INFINITY;
    }
    let (rho, log_inverse_delta) = (rho.as_f64(), -delta.ln());
    let t = best_t(rho, log_inverse_delta);
    let terms = [(1.0 + t) * rho, -(1.0 / t).ln_1p(), log_inverse_delta / t, -t.ln_1p() / t];
    let [linear, shift, tail, gain] = terms;
    let sum = linear + shift + (tail + gain);
    let size: f64 = terms.iter().map(|term| term.abs()).sum();
    (sum + ROUNDING * size).max(0.0)
}

/// The t of the least ε, by bisection: ε falls in t as long as ρt² + ln(1+t) < ln(1/δ), and then grows.
fn best_t(rho: f64, log_inverse_delta: f64) -> f64 {
    // At either of these t one of the two terms alone is ln(1/δ).
    let (mut low, mut high) = (0.0, (log_inverse_delta / rho).sqrt().min(log_inverse_delta.exp_m1()));
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return high;
        }
        if rho * middle * middle + middle.ln_1p() < log_inverse_delta {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The largest ρ whose [`epsilon`] at `delta` is at most `target`; nothing if there is none.
pub fn rho_for_epsilon(target: f64, delta: f64) -> Rho {
    let fits = |nano: u64| epsilon(Rho::from_nano(nano), delta) <= target;
    let (mut low, mut high) = (0, Rho::MAX.nano() + 1);
    if target.is_nan() || target < 0.0 {
        return Rho::ZERO;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Rho::from_nano(low)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use super::*;

    fn rho(value: f64) -> Rho {
        Rho::from_f64_up(value).unwrap()
    }

    /// The δ of the published formula, searched by brute force over a fine grid of α.
    fn brute_force_delta(rho: f64, epsilon: f64) -> f64 {
        (1..200_000)
            .map(|i| {
                let alpha = 1.0 + 1e-4 * (f64::from(i) * 1e-4).exp();
                ((alpha - 1.0) * (alpha * rho - epsilon)).exp() * (1.0 - 1.0 / alpha).powf(alpha)
                    / (alpha - 1.0)
            })
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn reference_values() {
        for (expected, value) in [(1.0, 0.0244), (2.0, 0.0882), (4.0, 0.311)] {
            let found = epsilon(rho(value), 1e-6);
            assert!((found - expected).abs() < 0.01, "ρ {value}: ε {found}, not {expected}");
        }
        // One person in every year at ε = 2 a year: over three and five years.
        let year = rho_for_epsilon(2.0, 1e-6).as_f64();
        assert!((epsilon(rho(3.0 * year), 1e-6) - 3.66).abs() < 0.01);
        assert!((epsilon(rho(5.0 * year), 1e-6) - 4.86).abs() < 0.01);
    }

    #[test]
    fn inverse_of_the_published_formula() {
        for value in [1e-5, 0.001, 0.0244, 0.31, 1.0, 10.0] {
            for delta in [1e-9, 1e-6, 1e-3] {
                let found = epsilon(rho(value), delta);
                let back = brute_force_delta(rho(value).as_f64(), found);
                // Never below the true minimum: at the ε reported, δ must suffice …
                assert!(back <= delta * (1.0 + 1e-6), "ρ {value}, δ {delta}: {back}");
                // … and not wasteful: a hair less ε must not.
                if found > 0.0 {
                    assert!(brute_force_delta(rho(value).as_f64(), found * 0.999) > delta);
                }
            }
        }
    }

    #[test]
    fn never_below_the_brute_force_minimum_over_alpha() {
        for value in [1e-6, 0.005, 0.31, 3.0, 1e3] {
            let delta: f64 = 1e-6;
            let brute = (1..100_000)
                .map(|i| 1e-4 * (f64::from(i) * 2e-4).exp())
                .map(|t| (1.0 + t) * value - (1.0 / t).ln_1p() + (-delta.ln() - t.ln_1p()) / t)
                .fold(f64::INFINITY, f64::min);
            let found = epsilon(rho(value), delta);
            assert!(found <= brute.max(0.0) * (1.0 + 1e-9) + 1e-9, "looser than a grid: {found} {brute}");
            assert!(found >= brute - brute.abs() * 1e-6, "below the minimum: {found} {brute}");
        }
    }

    #[test]
    fn tighter_than_the_simple_bound_and_growing() {
        let mut before = 0.0;
        for nano in [1, 1_000, 1_000_000, 24_356_000, 310_000_000, 5_000_000_000] {
            let one = Rho::from_nano(nano);
            let found = epsilon(one, 1e-6);
            let loose = one.as_f64() + 2.0 * (one.as_f64() * 1e6_f64.ln()).sqrt();
            assert!(found >= before && found <= loose + 1e-9);
            before = found;
        }
    }

    #[test]
    fn edges() {
        assert_eq!(epsilon(Rho::ZERO, 1e-6).to_bits(), 0.0_f64.to_bits());
        assert!(epsilon(rho(0.1), 0.0).is_infinite());
        assert!(epsilon(rho(0.1), f64::NAN).is_infinite());
        assert_eq!(rho_for_epsilon(-1.0, 1e-6), Rho::ZERO);
        let found = rho_for_epsilon(4.0, 1e-6);
        assert!(epsilon(found, 1e-6) <= 4.0);
        assert!(epsilon(Rho::from_nano(found.nano() + 1), 1e-6) > 4.0);
    }
}
