//! Persons in cells, measured around each person's mean.
//!
//! # The argument
//!
//! Where a person-year counts 0 or 1 in each of k cells (distinct persons per district), its vector has b ones and a norm of √b, so
//! that nobody is cut only at the norm √k. But who is in nearly all cells is known nearly as well by that number alone: measured
//! are the *differences* of a vector from its mean, v − b/k in each cell, and b itself, t times as large. The differences have a
//! squared norm of b(1 − b/k), which is k/4 at most and not k; with b it is b(1 − b/k) + t²b². Put together again, a cell is its
//! difference (less the mean of all noised differences, whose true mean is 0) and a k-th of the number. Its variance is that of the noise
//! times 1 − 1/k + 1/(k·t)², and with y = k·t² the least error is where (1 − 1/k)·y² + 2y/k = 1/k.
//!
//! *What it is worth.* Noise on a cell as of a vector of norm 2.56 for 17 cells, where √17 = 4.12, and nothing is cut: no bias, and
//! intervals that hold all of the error. For few cells of which a person is in many it is the best; where persons are in few of
//! many cells, a scaled vector is ([`crate::remainder::choose`] takes the better one by the look at the norms).
//!
//! *Sums of cells* are less certain than of independent noise: the noise of the number is in all cells
//! ([`Centred::shared`]), which differences and comparisons of cells do not notice.
//!
//! # Privacy
//!
//! *Unit*: a person-year. *Sensitivity*: in whole numbers, m·(k·vⱼ − b) for each cell and t·b, so that nothing is rounded; its square,
//! m²·k·b·(k − b) + t²·b², is the largest over *all* b from 1 to k, whatever the policy says of how many cells a person can be in.
//! Each unit must count 0 or 1 in each cell; what is measured is linear, so that it is computed of the sums. *Mechanism*:
//! [`crate::gaussian`], by the caller, the same noise on all k + 1 numbers. *Cost*: its ρ. *Source*: Gaussian noise shaped as an ellipsoid
//! around the vectors that can be, for counts: Joseph and Yu, "Some constructions of private, efficient, and optimal K-norm and elliptic
//! Gaussian noise" (2023, arXiv 2309.15790).

/// Fixed point: one counts so much, or a little less.
const FINE: i64 = 1 << 16;
/// The most cells, so that sums stay inside 64 bits.
const MOST_CELLS: usize = 1 << 16;
/// The largest of the numbers that are measured.
const MOST: i128 = 1 << 62;

/// How persons over a number of cells are measured around their means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Centred {
    /// k
    cells: i64,
    /// m: one in a cell counts m·k.
    each: i64,
    /// t: a person-year in b cells counts t·b in the last number.
    number: i64,
}

impl Centred {
    /// Over so many cells, with the least error of a cell. Nothing where there is one, or far too many.
    pub fn new(cells: usize) -> Option<Self> {
        let k = i64::try_from(cells).ok().filter(|_| (2..=MOST_CELLS).contains(&cells))?;
        let (of_differences, of_number) = (1.0 - 1.0 / k as f64, 1.0 / k as f64);
        let y = (of_number.hypot((of_differences * of_number).sqrt()) - of_number) / of_differences;
        let each = FINE / k;
        #[allow(clippy::cast_possible_truncation)] // a small whole number
        let number = (each as f64 * (y * k as f64).sqrt()).round().max(1.0) as i64;
        Some(Self { cells: k, each, number })
    }

    /// The L2 sensitivity of [`Centred::measured`], rounded up.
    pub fn l2(&self) -> u64 {
        let squared = |ones: i64| {
            let [k, m, t, b] = [self.cells, self.each, self.number, ones].map(i128::from);
            (m * m * k * b * (k - b) + t * t * b * b).unsigned_abs()
        };
        let most = (1..=self.cells).map(squared).max().unwrap_or(0);
        let root = most.isqrt();
        u64::try_from(if root * root == most { root } else { root + 1 }).unwrap_or(u64::MAX)
    }

    /// What is to be measured, from the persons in each cell: the differences, and behind them the number.
    ///
    /// # Privacy
    /// Linear but for a clamp, which moves no two numbers apart: a unit that is in b cells, once in each, changes it by no more than
    /// [`Centred::l2`].
    pub fn measured(&self, persons: &[i64]) -> Vec<i64> {
        let [k, m, t] = [self.cells, self.each, self.number].map(i128::from);
        let all: i128 = persons.iter().copied().map(i128::from).sum();
        let differences = persons.iter().map(|here| m * (k * i128::from(*here) - all));
        let clamped = |value: i128| i64::try_from(value.clamp(-MOST, MOST)).unwrap_or(0);
        differences.chain(std::iter::once(t * all)).map(clamped).collect()
    }

    /// The persons in each cell, from what was measured.
    pub fn restored(&self, measured: &[i64]) -> Vec<f64> {
        let Some((number, differences)) = measured.split_last() else { return Vec::new() };
        let [k, m, t] = [self.cells, self.each, self.number].map(|whole| whole as f64);
        let mean = differences.iter().map(|value| *value as f64).sum::<f64>() / k;
        let shared = *number as f64 / (t * k);
        differences.iter().map(|value| (*value as f64 - mean) / (m * k) + shared).collect()
    }

    /// The error of a cell where the noise of each number has this standard deviation: also a standard deviation.
    pub fn of_cell(&self, sigma: f64) -> f64 {
        let [k, m] = [self.cells, self.each].map(|whole| whole as f64);
        (sigma * (1.0 - 1.0 / k).sqrt() / (m * k)).hypot(self.shared(sigma))
    }

    /// Its part that all cells have in common. What is left of the others adds up to 0.
    pub fn shared(&self, sigma: f64) -> f64 {
        sigma / (self.number as f64 * self.cells as f64)
    }

    /// The norm at which a scaled vector would have as much noise in a cell.
    pub fn norm(&self) -> f64 {
        self.of_cell(self.l2() as f64)
    }
}

/// Errors of cells like those of [`Centred`], from independent ones of a standard deviation of 1: `of_cell` and `shared` are
/// half-widths or standard deviations, and the errors are in their unit.
pub fn errors(of_cell: f64, shared: f64, mut independent: Vec<f64>, of_all: f64) -> Vec<f64> {
    let k = independent.len() as f64;
    if independent.len() < 2 {
        return independent.into_iter().map(|error| of_cell * error).collect();
    }
    let own = (of_cell.powi(2) - shared.powi(2)).max(0.0).sqrt() / (1.0 - 1.0 / k).sqrt();
    let mean = independent.iter().sum::<f64>() / k;
    for error in &mut independent {
        *error = own * (*error - mean) + shared * of_all;
    }
    independent
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn squared(values: &[i64]) -> i128 {
        values.iter().map(|value| i128::from(*value).pow(2)).sum()
    }

    proptest! {
        /// Whoever is added changes what is measured by no more than the sensitivity.
        #[test]
        fn a_unit_changes_no_more_than_the_sensitivity(
            others in prop::collection::vec(0..100_000_i64, 2..300),
            seed in any::<u64>(),
            dense in 0.0..1.0_f64,
        ) {
            let centred = Centred::new(others.len()).unwrap();
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let with: Vec<i64> = others.iter().map(|n| n + i64::from(random.random_bool(dense))).collect();
            let (before, after) = (centred.measured(&others), centred.measured(&with));
            let change: Vec<i64> = before.iter().zip(&after).map(|(a, b)| b - a).collect();
            let l2 = i128::from(centred.l2());
            prop_assert!(squared(&change) <= l2 * l2, "{} cells", others.len());
        }

        /// Without noise nothing is lost.
        #[test]
        fn what_was_measured_is_restored(persons in prop::collection::vec(0..10_000_000_i64, 2..300)) {
            let centred = Centred::new(persons.len()).unwrap();
            for (before, after) in persons.iter().zip(centred.restored(&centred.measured(&persons))) {
                prop_assert!((*before as f64 - after).abs() < 1e-6 * (1.0 + *before as f64));
            }
        }

        /// The sensitivity is reached, so that no noise is wasted, and the error is below that of a vector that is not scaled.
        #[test]
        fn the_sensitivity_is_reached(cells in 2..400_usize) {
            let centred = Centred::new(cells).unwrap();
            let of = |ones: usize| {
                squared(&centred.measured(&(0..cells).map(|cell| i64::from(cell < ones)).collect::<Vec<_>>()))
            };
            let most = (1..=cells).map(of).max().unwrap();
            let l2 = i128::from(centred.l2());
            prop_assert!(most <= l2 * l2 && (l2 - 1) * (l2 - 1) < most);
            prop_assert!(cells < 4 || centred.norm() < 0.85 * (cells as f64).sqrt(), "{}", centred.norm());
        }
    }

    #[test]
    fn there_are_no_differences_of_one_cell() {
        assert_eq!([0, 1, MOST_CELLS + 1].map(Centred::new), [None; 3]);
        assert!((Centred::new(17).unwrap().norm() - 2.56).abs() < 0.01);
    }

    /// Errors as said of the noise's: for a cell, for the sum of all and for a difference, by 60,000 draws. A mean of n squares
    /// of normal numbers is off by √(2/n) = 0.6 % of it; 3 % are five such, missed with a chance below 1e-6 (six figures).
    /// The seed is fixed.
    #[test]
    fn errors_are_as_large_as_said() {
        let (cells, sigma, draws) = (9, 1_000.0, 60_000);
        let centred = Centred::new(cells).unwrap();
        let (of_cell, shared) = (centred.of_cell(sigma), centred.shared(sigma));
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut normal = || {
            let (u, v): (f64, f64) = (random.random_range(1e-12..1.0), random.random_range(0.0..1.0));
            (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        };
        let (mut measured, mut errors_drawn) = ([0.0; 3], [0.0; 3]);
        for _ in 0..draws {
            let noise: Vec<i64> = (0..=cells).map(|_| (sigma * normal()).round() as i64).collect();
            let independent = (0..cells).map(|_| normal()).collect();
            let of_all = normal();
            let both = [centred.restored(&noise), errors(of_cell, shared, independent, of_all)];
            for (errors, sums) in both.iter().zip([&mut measured, &mut errors_drawn]) {
                let figures = [errors[0], errors.iter().sum(), errors[1] - errors[2]];
                for (sum, figure) in sums.iter_mut().zip(figures) {
                    *sum += figure * figure / f64::from(draws);
                }
            }
        }
        let own = 2.0 * (of_cell.powi(2) - shared.powi(2)) / (1.0 - 1.0 / cells as f64);
        let said = [of_cell.powi(2), (cells as f64 * shared).powi(2), own];
        for (at, said) in said.iter().enumerate() {
            for found in [measured[at], errors_drawn[at]] {
                assert!((found / said - 1.0).abs() < 0.03, "figure {at}: {found} instead of {said}");
            }
        }
    }
}
