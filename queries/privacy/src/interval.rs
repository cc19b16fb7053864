//! Quantiles for the intervals that every figure carries.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};

/// Above this σ the discrete Gaussian is the continuous one for all practical purposes: its
/// quantile differs by less than one unit in a thousand, and [`discrete_gaussian_half_width`]
/// rounds up.
const EXACT_UP_TO: f64 = 1000.0;

/// A value this far from the middle of its draws, in standard deviations, was pushed: 69 % of them lie on one side.
const PUSHED: f64 = 0.5;

/// The two-sided standard normal quantile: 1.96 for 0.95. Nothing for a confidence of 0 or below,
/// infinite for 1 or above.
pub fn z(confidence: f64) -> f64 {
    two_sided(confidence, |p| Normal::standard().inverse_cdf(p))
}

/// The bias-corrected percentile interval of a bootstrap (Efron 1981; Efron and Tibshirani 1993, ch. 14.3): between the
/// percentiles Φ(2z₀ ± z) of what was drawn, z₀ being how far the value itself lies from the middle of it. Where draws
/// lie about the value on both sides alike, these are the plain percentiles; where computing pushes noised values to one
/// side (a greatest value, a square, what is above a threshold), the draws were pushed once more than the value, and the
/// interval goes back by as much; where that is far ([`PUSHED`]) percentiles alone cannot reach back, and the interval also
/// holds the reflected one, from 2v − high to 2v − low (ch. 13.3). It holds the value. Nothing where nothing was drawn.
pub fn bootstrap(mut drawn: Vec<f64>, value: f64, confidence: f64) -> Option<[f64; 2]> {
    drawn.sort_unstable_by(f64::total_cmp);
    if drawn.is_empty() {
        return None;
    }
    let normal = Normal::standard();
    let below = drawn.partition_point(|other| *other < value);
    let equal = drawn[below..].partition_point(|other| *other <= value);
    let rank = (below as f64 + equal as f64 / 2.0).max(0.5).min(drawn.len() as f64 - 0.5);
    let off = normal.inverse_cdf(rank / drawn.len() as f64);
    let at = |z: f64| percentile(&drawn, normal.cdf(2.0 * off + z));
    let z = z(confidence);
    let (low, high) = (at(-z).min(value), at(z).max(value));
    if off.abs() < PUSHED {
        return Some([low, high]);
    }
    let reflected = |z: f64| 2.0 * value - percentile(&drawn, normal.cdf(z));
    Some([low.min(reflected(z)), high.max(reflected(-z))])
}

/// The middle of what was drawn, and the value itself. Nothing where nothing was drawn.
pub fn percentiles(mut drawn: Vec<f64>, value: f64, confidence: f64) -> Option<[f64; 2]> {
    drawn.sort_unstable_by(f64::total_cmp);
    let beside = (1.0 - confidence) / 2.0;
    (!drawn.is_empty())
        .then(|| [percentile(&drawn, beside).min(value), percentile(&drawn, 1.0 - beside).max(value)])
}

/// The value below which this part of a rising list lies, between two if need be.
fn percentile(rising: &[f64], part: f64) -> f64 {
    let last = rising.len().saturating_sub(1);
    let place = part.clamp(0.0, 1.0) * last as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place in the list
    let below = place.floor() as usize;
    let (low, high) = (rising[below.min(last)], rising[(below + 1).min(last)]);
    low + (high - low) * place.fract()
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

/// How likely a χ² variable with so many degrees of freedom is to be above `statistic`; 1 when there are none.
pub fn chi_squared_above(statistic: f64, degrees: f64) -> f64 {
    ChiSquared::new(degrees).map_or(1.0, |distribution| distribution.sf(statistic))
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

    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn textbook_quantiles() {
        assert!((z(0.95) - 1.959_964).abs() < 1e-5);
        assert!((z(0.5) - 0.674_490).abs() < 1e-5);
        assert!((t(0.95, 4.0) - 2.776_445).abs() < 1e-4);
        assert!((t(0.95, 1e6) - z(0.95)).abs() < 1e-4);
        for (statistic, degrees, above) in
            [(24.725, 11.0, 0.01), (3.841_459, 1.0, 0.05), (0.0, 3.0, 1.0), (9.0, 0.0, 1.0)]
        {
            assert!((chi_squared_above(statistic, degrees) - above).abs() < 1e-5, "{statistic}, {degrees}");
        }
        assert!(t(0.95, 0.0).is_infinite() && z(1.0).is_infinite() && z(0.0) == 0.0);
    }

    /// Against a direct summation of the distribution from the middle out.
    /// Noise of sd 1 around 0 for each of five values, of which the greatest is shown: the truth is 0, and nothing pushes
    /// harder. Plain percentiles hold it in a third of the runs, this interval in three quarters.
    #[test]
    fn what_pushes_noised_values_to_one_side_is_taken_back() {
        let mut random = ChaCha8Rng::seed_from_u64(8);
        let normal = Normal::standard();
        let drawn = |random: &mut ChaCha8Rng| normal.inverse_cdf(random.random::<f64>());
        let runs = 500;
        let (mut held, mut plainly) = (0, 0);
        for _ in 0..runs {
            let noised: Vec<f64> = (0..5).map(|_| drawn(&mut random)).collect();
            let greatest = |values: &[f64]| values.iter().copied().fold(f64::MIN, f64::max);
            let again = |random: &mut ChaCha8Rng| {
                greatest(&noised.iter().map(|value| value + drawn(random)).collect::<Vec<f64>>())
            };
            let values: Vec<f64> = (0..400).map(|_| again(&mut random)).collect();
            let [low, high] = bootstrap(values.clone(), greatest(&noised), 0.95).expect("drawn");
            held += u32::from((low..=high).contains(&0.0));
            let [low, high] = percentiles(values, greatest(&noised), 0.95).expect("drawn");
            plainly += u32::from((low..=high).contains(&0.0));
        }
        // Seeded: the same in every run.
        assert!(held > runs * 7 / 10 && held > 2 * plainly, "{held} and {plainly} of {runs}");
        // What is alike on both sides keeps its percentiles.
        let even: Vec<f64> = (0..401).map(f64::from).collect();
        let [low, high] = bootstrap(even, 200.0, 0.95).expect("drawn");
        assert!((low - 10.0).abs() < 0.1 && (high - 390.0).abs() < 0.1, "{low} {high}");
        assert_eq!(bootstrap(vec![], 1.0, 0.95), None);
        assert_eq!(bootstrap(vec![3.0], 1.0, 0.95), Some([1.0, 3.0]));
    }

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
