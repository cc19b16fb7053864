//! Quantiles for the intervals that every figure carries.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Above this σ the discrete Gaussian is the continuous one for all practical purposes: its
/// quantile differs by less than one unit in a thousand, and [`discrete_gaussian_half_width`]
/// rounds up.
const EXACT_UP_TO: f64 = 1000.0;

/// The two-sided standard normal quantile: 1.96 for 0.95. Nothing for a confidence of 0 or below,
/// infinite for 1 or above.
pub fn z(confidence: f64) -> f64 {
    two_sided(confidence, |p| Normal::standard().inverse_cdf(p))
}

/// The two-sided Student quantile with so many degrees of freedom; infinite when there are none.
pub fn t(confidence: f64, degrees: f64) -> f64 {
    // There the two agree to five digits, which is more than the library's search finds.
    if degrees > 1e5 {
        return z(confidence);
    }
    match StudentsT::new(0.0, 1.0, degrees) {
        Ok(student) => two_sided(confidence, |p| student.inverse_cdf(p)),
        Err(_) => f64::INFINITY,
    }
}

fn two_sided(confidence: f64, quantile: impl Fn(f64) -> f64) -> f64 {
    if confidence <= 0.0 {
        0.0
    } else if confidence < 1.0 {
        quantile(f64::midpoint(1.0, confidence))
    } else {
        f64::INFINITY
    }
}

/// The least whole w for which a discrete Gaussian of scale `sigma` lies within ±w with at least
/// this probability. Exact up to σ = 1000 (the normal quantile is wrong by up to a whole unit for
/// small σ), the normal quantile rounded up above.
pub fn discrete_gaussian_half_width(sigma: f64, confidence: f64) -> f64 {
    if sigma <= 0.0 || confidence <= 0.0 {
        return 0.0;
    }
    // Also for NaN.
    if confidence.partial_cmp(&1.0) != Some(std::cmp::Ordering::Less) {
        return f64::INFINITY;
    }
    if sigma.is_nan() || sigma > EXACT_UP_TO {
        return (z(confidence) * sigma).ceil();
    }
    let weight = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp();
    // Beyond 39 σ the weight is below the smallest float.
    let end = (39.0 * sigma).ceil() + 1.0;
    // From the outside in, so that small terms are not lost.
    let mut mass = 0.0;
    let mut x = end;
    while x >= 1.0 {
        mass += 2.0 * weight(x);
        x -= 1.0;
    }
    let allowed = (1.0 - confidence) * (mass + 1.0);
    let mut outside = 0.0;
    let mut w = end;
    while w >= 1.0 {
        outside += 2.0 * weight(w);
        if outside > allowed {
            return w;
        }
        w -= 1.0;
    }
    0.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use super::*;

    #[test]
    fn textbook_quantiles() {
        assert!((z(0.95) - 1.959_964).abs() < 1e-5);
        assert!((z(0.5) - 0.674_490).abs() < 1e-5);
        assert!((t(0.95, 4.0) - 2.776_445).abs() < 1e-4);
        assert!((t(0.95, 1e6) - z(0.95)).abs() < 1e-4);
        assert!(t(0.95, 0.0).is_infinite() && z(1.0).is_infinite() && z(0.0) == 0.0);
    }

    /// Against a direct summation of the distribution from the middle out.
    #[test]
    fn discrete_half_width_is_the_least_that_covers() {
        for sigma in [0.05, 0.3, 0.5, 1.0, 1.7, 5.5, 62.0] {
            for confidence in [0.5, 0.9, 0.95, 0.99] {
                let p = |x: i32| (-f64::from(x * x) / (2.0 * sigma * sigma)).exp();
                let whole: f64 = (-3000..=3000).map(p).sum();
                let inside = |w: i32| (-w..=w).map(p).sum::<f64>() / whole;
                let found = discrete_gaussian_half_width(sigma, confidence) as i32;
                assert!(inside(found) >= confidence - 1e-12, "σ {sigma}, {confidence}: ±{found}");
                assert!(found == 0 || inside(found - 1) < confidence, "σ {sigma}, {confidence}: ±{found}");
            }
        }
    }

    #[test]
    fn exact_and_approximate_meet() {
        let (below, above) =
            (discrete_gaussian_half_width(999.9, 0.95), discrete_gaussian_half_width(1000.1, 0.95));
        assert!((above - below).abs() <= 2.0, "{below} {above}");
        assert!(discrete_gaussian_half_width(3.0, f64::NAN).is_infinite());
    }
}
