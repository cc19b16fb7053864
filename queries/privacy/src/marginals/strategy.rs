//! The best way to measure one attribute whose values have an order.
//!
//! Sums from the first value on (year to date) and sums over ranges (ages, months) gain from measuring something else than
//! the single values. What is measured is a matrix with whole entries, so that exact discrete noise can be added to it.
//!
//! # How it is found
//!
//! With the precision matrix Z of a strategy (the strategy's transpose times itself), its L2 sensitivity squared is the largest
//! diagonal entry of Z, and the variance of a query w is w·Z⁻¹·wᵀ. [`best`] minimises the mean or the largest variance of the
//! queries over all Z with diagonal at most 1: a convex problem, solved by the fixed point of its optimality conditions
//! (Denisov, `McMahan`, Rush, Smith, Thakurta, "Improved Differential Privacy for SGD via Optimal Private Linear Operators on
//! Adaptive Streams", `NeurIPS` 2022, section 4), here also with weights on the queries for the largest variance. Its dual gives
//! a lower bound on what any strategy can do, and the search ends when the two are close.
//!
//! The square-root factorisation (Fichtenberger, Henzinger, Upadhyay, "Constant matters", ICML 2023) is the usual choice for sums
//! from the first value on; for twelve months its largest standard deviation is 14 % above the best one's.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

/// The measured matrix holds the best one times this, rounded.
const SCALE: f64 = 16384.0;
/// How far above the lower bound a strategy's variance may be.
const GAP: f64 = 1e-4;
const STEPS: usize = 20_000;
/// No entry is larger: the sums of their squares are exact, whatever was read from a file.
const LARGEST_ENTRY: u64 = 1 << 31;

/// A matrix with whole entries, measured instead of an attribute's single values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Strategy {
    rows: Vec<Vec<i64>>,
}

impl Strategy {
    /// The rows: each says how often every value counts.
    pub fn rows(&self) -> &[Vec<i64>] {
        &self.rows
    }

    /// The largest sum of squares of a column: what one unit more changes the measured values by, squared.
    pub fn sensitivity_squared(&self) -> u128 {
        let columns = self.rows.first().map_or(0, Vec::len);
        let squares = |at: usize| self.rows.iter().map(|row| u128::from(row[at].unsigned_abs()).pow(2)).sum();
        (0..columns).map(squares).max().unwrap_or(0)
    }

    /// The strategy's precision matrix, with sensitivity 1.
    pub(super) fn precision(&self) -> DMatrix<f64> {
        let matrix = self.matrix();
        matrix.transpose() * &matrix / self.sensitivity_squared() as f64
    }

    pub(super) fn matrix(&self) -> DMatrix<f64> {
        let columns = self.rows.first().map_or(0, Vec::len);
        DMatrix::from_fn(self.rows.len(), columns, |i, j| self.rows[i][j] as f64)
    }

    /// Whether the matrix has `size` columns, and as many independent rows as it needs: one less where the sum over all
    /// values is measured apart, in which case its own rows sum to zero.
    pub(super) fn fits(&self, size: usize, sum_apart: bool) -> bool {
        let shaped = !self.rows.is_empty() && self.rows.iter().all(|row| row.len() == size);
        let bounded = self.rows.iter().flatten().all(|entry| entry.unsigned_abs() <= LARGEST_ENTRY);
        let sums = bounded && (!sum_apart || self.rows.iter().all(|row| row.iter().sum::<i64>() == 0));
        // Nothing but zeros has no precision at all.
        shaped && sums && self.sensitivity_squared() > 0 && {
            let eigen = self.precision().symmetric_eigenvalues();
            let largest = eigen.max();
            eigen.iter().filter(|value| **value > 1e-9 * largest).count() == size - usize::from(sum_apart)
        }
    }
}

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Mean,
    Largest,
}

/// A strategy and how good it is.
pub(super) struct Best {
    pub(super) strategy: Strategy,
    /// No strategy has a smaller variance (mean or largest, as asked) at sensitivity 1.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(super) bound: f64,
}

/// All sums from the first value on.
pub(super) fn prefixes(size: usize) -> DMatrix<f64> {
    DMatrix::from_fn(size, size, |i, j| if j <= i { 1.0 } else { 0.0 })
}

/// All sums over neighbouring values, single ones included.
pub(super) fn ranges(size: usize) -> DMatrix<f64> {
    let pairs: Vec<(usize, usize)> = (0..size).flat_map(|a| (a..size).map(move |b| (a, b))).collect();
    DMatrix::from_fn(pairs.len(), size, |i, j| {
        let (first, last) = pairs[i];
        if (first..=last).contains(&j) { 1.0 } else { 0.0 }
    })
}

/// Orthonormal columns: everything, or what sums to zero.
fn space(size: usize, sum_apart: bool) -> DMatrix<f64> {
    if !sum_apart {
        return DMatrix::identity(size, size);
    }
    DMatrix::from_fn(size, size - 1, |i, column| {
        let j = column + 1;
        let unit = 1.0 / ((j * (j + 1)) as f64).sqrt();
        match i {
            i if i < j => unit,
            i if i == j => -(j as f64) * unit,
            _ => 0.0,
        }
    })
}

/// The best strategy for these queries (one a row). With `sum_apart` the sum over all values is measured by something else, and
/// only what the queries ask beyond it counts.
pub(super) fn best(queries: &DMatrix<f64>, sum_apart: bool, aim: Aim) -> Best {
    let size = queries.ncols();
    let space = space(size, sum_apart);
    let asked = queries * &space;
    let mut weights = DVector::from_element(asked.nrows(), 1.0 / asked.nrows() as f64);
    let mut prices = DVector::from_element(size, 1.0 / size as f64);
    let (mut best, mut least, mut bound) = (DMatrix::identity(size, size), f64::INFINITY, 0.0_f64);
    for _ in 0..STEPS {
        let wanted = weighed(&asked, &weights);
        let price = space.transpose() * DMatrix::from_diagonal(&prices) * &space;
        let (root, inverse) = roots(&price);
        let middle = roots(&(&root * &wanted * &root)).0;
        // The optimum for these prices and weights, and what it proves.
        let precision = &inverse * &middle * &inverse;
        bound = bound.max(middle.trace().powi(2) / prices.sum());
        let full = &space * &precision * space.transpose();
        let spent = full.diagonal();
        let variance = variances(&asked, &precision) * spent.max();
        let value = match aim {
            Aim::Mean => variance.mean(),
            Aim::Largest => variance.max(),
        };
        if value < least {
            (best, least) = (full.clone(), value);
        }
        if least <= bound * (1.0 + GAP) {
            break;
        }
        let normal = spent.dot(&prices) / prices.sum();
        prices.zip_apply(&spent, |price, spent| *price *= spent / normal);
        if aim == Aim::Largest {
            let mean = variance.dot(&weights);
            weights.zip_apply(&variance, |weight, variance| *weight *= (variance / mean).sqrt());
            weights /= weights.sum();
        }
    }
    Best { strategy: whole(&best, sum_apart), bound }
}

/// `WᵀDW`, D being the diagonal of the weights: there are far more queries than values, so it is never written out.
fn weighed(asked: &DMatrix<f64>, weights: &DVector<f64>) -> DMatrix<f64> {
    let mut scaled = asked.clone();
    for (mut row, weight) in scaled.row_iter_mut().zip(weights.iter()) {
        row *= *weight;
    }
    asked.tr_mul(&scaled)
}

/// w·Z⁻¹·wᵀ of every row.
fn variances(asked: &DMatrix<f64>, precision: &DMatrix<f64>) -> DVector<f64> {
    let solved = pseudo_inverse(precision) * asked.transpose();
    DVector::from_fn(asked.nrows(), |i, _| asked.row(i).transpose().dot(&solved.column(i)))
}

/// The root of a symmetric positive semidefinite matrix, and that root's inverse where it has one.
fn roots(matrix: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
    let eigen = matrix.clone().symmetric_eigen();
    let largest = eigen.eigenvalues.max().max(0.0);
    let root = eigen.eigenvalues.map(|value| value.max(0.0).sqrt());
    let inverse = root.map(|value| if value * value > 1e-15 * largest { value.recip() } else { 0.0 });
    let made = |values: &DVector<f64>| {
        &eigen.eigenvectors * DMatrix::from_diagonal(values) * eigen.eigenvectors.transpose()
    };
    (made(&root), made(&inverse))
}

/// The inverse on the matrix's own range.
pub(super) fn pseudo_inverse(matrix: &DMatrix<f64>) -> DMatrix<f64> {
    let eigen = matrix.clone().symmetric_eigen();
    let largest = eigen.eigenvalues.max().max(0.0);
    let inverse = eigen.eigenvalues.map(|value| if value > 1e-12 * largest { value.recip() } else { 0.0 });
    &eigen.eigenvectors * DMatrix::from_diagonal(&inverse) * eigen.eigenvectors.transpose()
}

/// The root of a precision matrix, scaled and rounded; rows sum to zero where the sum is measured apart.
#[allow(clippy::cast_possible_truncation)] // entries are at most SCALE
fn whole(precision: &DMatrix<f64>, sum_apart: bool) -> Strategy {
    let scaled = roots(precision).0 * (SCALE / precision.diagonal().max().sqrt());
    let rows = scaled.row_iter().map(|row| {
        let mut whole: Vec<i64> = row.iter().map(|value| value.round() as i64).collect();
        if sum_apart {
            // Rounding has moved the sum from zero by a few: move those entries that were rounded furthest.
            let over: i64 = whole.iter().sum();
            let mut order: Vec<usize> = (0..whole.len()).collect();
            let pushed = |at: &usize| (whole[*at] as f64 - row[*at]) * over.signum() as f64;
            order.sort_by(|a, b| pushed(b).total_cmp(&pushed(a)).then(a.cmp(b)));
            for at in order.into_iter().take(usize::try_from(over.abs()).unwrap_or(0)) {
                whole[at] -= over.signum();
            }
        }
        whole
    });
    Strategy { rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The largest variance of the queries at sensitivity 1.
    fn largest(queries: &DMatrix<f64>, precision: &DMatrix<f64>) -> f64 {
        variances(queries, precision).max() * precision.diagonal().max()
    }

    /// The lower triangular Toeplitz root of the matrix of prefix sums.
    fn square_root(size: usize) -> DMatrix<f64> {
        let mut coefficients = vec![1.0];
        for k in 1..size {
            coefficients.push(coefficients[k - 1] * (2 * k - 1) as f64 / (2 * k) as f64);
        }
        let root = DMatrix::from_fn(size, size, |i, j| if j <= i { coefficients[i - j] } else { 0.0 });
        assert!((&root * &root - prefixes(size)).amax() < 1e-12);
        root
    }

    /// Twelve months to date: the strategy with whole entries is within a thousandth of the dual's bound on every
    /// factorisation, a standard deviation of 1.6231, and 12 % below the square root's 1.8507.
    #[test]
    fn months_to_date_are_as_good_as_can_be() {
        let queries = prefixes(12);
        let best = best(&queries, false, Aim::Largest);
        let found = largest(&queries, &best.strategy.precision());
        assert!(best.strategy.fits(12, false));
        assert!(found < best.bound * 1.001, "{found} {}", best.bound);
        assert!((found.sqrt() - 1.6231).abs() < 0.001, "{}", found.sqrt());
        let root = square_root(12);
        let usual = largest(&queries, &(root.transpose() * &root)).sqrt();
        assert!((usual - 1.8507).abs() < 0.0001);
        // Single months, added up.
        assert!((largest(&queries, &DMatrix::identity(12, 12)) - 12.0).abs() < 1e-9);
    }

    #[test]
    fn ranges_beside_a_sum_are_as_good_as_can_be() {
        for size in [2, 5, 12] {
            for aim in [Aim::Mean, Aim::Largest] {
                let queries = ranges(size);
                let best = best(&queries, true, aim);
                assert!(best.strategy.fits(size, true), "{size}");
                assert!(!best.strategy.fits(size, false) && !best.strategy.fits(size + 1, true));
                let apart = queries.clone() * space(size, true);
                let inner = space(size, true).transpose() * best.strategy.precision() * space(size, true);
                let variance = variances(&apart, &inner);
                let found = if aim == Aim::Mean { variance.mean() } else { variance.max() };
                assert!(
                    found < best.bound * 1.002 && found > best.bound * 0.999,
                    "{size} {found} {}",
                    best.bound
                );
            }
        }
    }

    /// Single values alone gain nothing from an order: the best is what treats all alike.
    #[test]
    fn single_values_are_measured_as_they_are() {
        let best = best(&DMatrix::identity(6, 6), false, Aim::Mean);
        assert!((best.strategy.precision() - DMatrix::<f64>::identity(6, 6)).amax() < 1e-3);
        assert_eq!(best.strategy.sensitivity_squared(), 16384 * 16384);
    }
}
