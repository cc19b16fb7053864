//! Two estimates whose errors go together: their difference, and the quotient of what they estimate.

/// Two unbiased estimates with their variances and covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub(crate) a: f64,
    pub(crate) b: f64,
    pub(crate) variance_a: f64,
    pub(crate) variance_b: f64,
    pub(crate) covariance: f64,
}

impl Pair {
    /// `a` less `b`, and its standard deviation.
    pub(crate) fn difference(&self) -> (f64, f64) {
        (self.a - self.b, self.spread(1.0).sqrt())
    }

    /// The variance of `a` less `ratio` times `b`.
    fn spread(&self, ratio: f64) -> f64 {
        // Of a part that is its whole nothing is left but rounding.
        (self.variance_a - 2.0 * ratio * self.covariance + ratio * ratio * self.variance_b).max(0.0)
    }

    /// Fieller's interval ("Some problems in interval estimation", 1954) for the quotient of the truths: those ratios r for which
    /// a − r·b lies within `quantile` of its own standard deviations from zero. Exact for Gaussian noise, also where the two go together.
    ///
    /// Nothing where `b` lies as near to zero as that, or below it: then these ratios have no end (they are all numbers, or all but an
    /// interval), and no two ends would hold the truth as often as they said.
    pub(crate) fn quotient(&self, quantile: f64) -> Option<(f64, f64)> {
        let squared = quantile * quantile;
        let leading = self.b * self.b - squared * self.variance_b;
        // Also for what is not a number.
        if self.b <= 0.0 || leading.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
            return None;
        }
        let middle = self.a * self.b - squared * self.covariance;
        // middle² − leading·(a² − z²·Var a), without the large terms that cancel.
        let apart = self.variance_a * self.variance_b - self.covariance * self.covariance;
        let root =
            (self.b * self.b * self.spread(self.a / self.b) - squared * apart.max(0.0)).max(0.0).sqrt();
        Some(((middle - quantile * root) / leading, (middle + quantile * root) / leading))
    }
}

#[cfg(test)]
mod tests {
    use skjerm_privacy::interval::z;

    use super::*;

    fn pair(a: f64, b: f64, variance_a: f64, variance_b: f64, covariance: f64) -> Pair {
        Pair { a, b, variance_a, variance_b, covariance }
    }

    /// By hand, for a = 30 ± 2, b = 50 ± 3, covariance 3 and quantile 2:
    /// (50² − 4·9) r² − 2 (30·50 − 4·3) r + (30² − 4·4) = 2464 r² − 2976 r + 884 = 0 at r = 0.603896 ∓ √35968 / 2464.
    #[test]
    fn the_ends_are_the_roots_found_by_hand() {
        let (low, high) = pair(30.0, 50.0, 4.0, 9.0, 3.0).quotient(2.0).unwrap();
        assert!((low - 0.526_927).abs() < 1e-5 && (high - 0.680_866).abs() < 1e-5, "{low} {high}");
    }

    /// At its ends a − r·b is exactly so many standard deviations from zero; a covariance makes it narrower, or wider.
    #[test]
    fn at_an_end_the_test_is_on_the_edge() {
        let quantile = z(0.95);
        for covariance in [-5.0, 0.0, 5.0] {
            let one = pair(40.0, 120.0, 9.0, 16.0, covariance);
            let (low, high) = one.quotient(quantile).unwrap();
            for end in [low, high] {
                let score = (one.a - end * one.b).abs() / one.spread(end).sqrt();
                assert!((score - quantile).abs() < 1e-9, "{end}: {score}");
            }
            assert!(low < 40.0 / 120.0 && 40.0 / 120.0 < high);
        }
        let width = |covariance| {
            let (low, high) = pair(40.0, 120.0, 9.0, 16.0, covariance).quotient(quantile).unwrap();
            high - low
        };
        assert!(width(5.0) < width(0.0) && width(0.0) < width(-5.0));
    }

    #[test]
    fn a_base_that_may_be_nothing_has_no_interval() {
        let quantile = z(0.95);
        // 1.96 · 5 = 9.8.
        assert_eq!(pair(30.0, 9.7, 4.0, 25.0, 0.0).quotient(quantile), None);
        assert!(pair(30.0, 9.9, 4.0, 25.0, 0.0).quotient(quantile).is_some());
        assert_eq!(pair(30.0, -50.0, 4.0, 25.0, 0.0).quotient(quantile), None, "a count below zero");
        assert_eq!(pair(30.0, 0.0, 4.0, 0.0, 0.0).quotient(quantile), None);
        assert_eq!(pair(30.0, f64::NAN, 4.0, 1.0, 0.0).quotient(quantile), None);
    }

    #[test]
    fn a_part_that_is_its_whole_is_all_of_it() {
        let one = pair(812.3, 812.3, 7.7, 7.7, 7.7);
        assert_eq!(one.difference(), (0.0, 0.0));
        let (low, high) = one.quotient(z(0.95)).unwrap();
        assert!((low - 1.0).abs() < 1e-12 && (high - 1.0).abs() < 1e-12, "{low} {high}");
    }
}
