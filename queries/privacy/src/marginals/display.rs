//! A table for reading: whole, non-negative, and its marginals add up.
//!
//! The unbiased values may be negative and do not round to sums that agree. The display table is the
//! non-negative table that fits all measurements best, rounded. It is often closer to the truth than
//! the unbiased values, but it is biased (small cells upwards), so *the intervals are not its own*:
//! never show it with them.

use super::{Domain, Marginal, Reconstruction};
use crate::PrivacyError;

/// When the optimality conditions hold to this many persons a cell, the fit is done.
const TOLERANCE: f64 = 1e-3;
/// A fit this far from optimal, after all steps, still rounds to a good table.
const ACCEPTABLE: f64 = 0.05;
const STEPS: usize = 20_000;
/// How often the optimality conditions are looked at.
const CHECK_EVERY: usize = 10;

/// A non-negative whole table over all cells that fits the measurements best. Every marginal of it
/// ([`marginal_of`]) agrees with every other by construction.
///
/// It is weighted non-negative least squares over all measurements, then whole numbers with the
/// rounded total: each cell is rounded up or down (a zero stays zero), first the largest remainders
/// up, then exchanged as long as the measured marginals fit better.
pub fn display(reconstruction: &Reconstruction) -> Result<Vec<i64>, PrivacyError> {
    let fitted = fit(reconstruction)?;
    Ok(round(reconstruction, &fitted))
}

/// The marginal of a table over all cells, row-major. Attributes the domain has not are ignored.
pub fn marginal_of(domain: &Domain, table: &[i64], marginal: &Marginal) -> Vec<i64> {
    let mut sums = vec![0_i64; marginal.cells(domain)];
    for (index, value) in domain.projection(marginal).into_iter().zip(table) {
        sums[index] = sums[index].saturating_add(*value);
    }
    sums
}

/// Accelerated projected gradient with restarts (O'Donoghue, Candès 2015), until the optimality
/// conditions hold.
fn fit(reconstruction: &Reconstruction) -> Result<Vec<f64>, PrivacyError> {
    let step = reconstruction.steepest().recip();
    // The gradient of one cell by itself: in its units the conditions are in persons.
    let curvature: f64 = reconstruction.measured.iter().map(|(_, precision)| precision).sum();
    let mut table: Vec<f64> = reconstruction.cells().iter().map(|value| value.max(0.0)).collect();
    let mut ahead = table.clone();
    let mut gradient = Vec::new();
    let mut momentum = 1.0_f64;
    let mut residual = f64::INFINITY;
    for iteration in 0..STEPS {
        if iteration % CHECK_EVERY == 0 {
            reconstruction.gradient(&table, &mut gradient);
            residual = residual_of(&table, &gradient, curvature);
            if residual <= TOLERANCE {
                return Ok(table);
            }
        }
        reconstruction.gradient(&ahead, &mut gradient);
        let mut uphill = 0.0;
        let next_momentum = f64::midpoint(1.0, (1.0 + 4.0 * momentum * momentum).sqrt());
        let weight = (momentum - 1.0) / next_momentum;
        for ((current, ahead), slope) in table.iter_mut().zip(&mut ahead).zip(&gradient) {
            let next = (*ahead - step * slope).max(0.0);
            uphill += (*ahead - next) * (next - *current);
            *ahead = next + weight * (next - *current);
            *current = next;
        }
        momentum = next_momentum;
        if uphill > 0.0 {
            momentum = 1.0;
            ahead.copy_from_slice(&table);
        }
    }
    if residual <= ACCEPTABLE {
        Ok(table)
    } else {
        Err(PrivacyError::NotConverged { iterations: STEPS, residual })
    }
}

/// How far the optimality conditions are from holding, in persons: at an optimum the gradient is zero
/// where the table is positive, and not negative where it is zero.
fn residual_of(table: &[f64], gradient: &[f64], curvature: f64) -> f64 {
    let distance = |(x, g): (&f64, &f64)| (x - (x - g / curvature).max(0.0)).abs();
    table.iter().zip(gradient).map(distance).fold(0.0, f64::max)
}

#[allow(clippy::cast_possible_truncation)] // `as` saturates, and counts are far below
fn round(reconstruction: &Reconstruction, fitted: &[f64]) -> Vec<i64> {
    let mut table: Vec<i64> = fitted.iter().map(|value| value.floor() as i64).collect();
    let remainder = |cell: usize| fitted[cell] - fitted[cell].floor();
    let total = fitted.iter().sum::<f64>().round() as i64;
    let missing = usize::try_from(total - table.iter().sum::<i64>()).unwrap_or(0);
    // Largest remainders first; equal ones in the order of the cells, so that the result is determined.
    let mut order: Vec<usize> = (0..fitted.len()).filter(|cell| remainder(*cell) > 0.0).collect();
    order.sort_by(|a, b| remainder(*b).total_cmp(&remainder(*a)).then(a.cmp(b)));
    for cell in order.into_iter().take(missing) {
        table[cell] += 1;
    }
    exchange(reconstruction, fitted, &mut table);
    table
}

/// Moves units from cells rounded up to cells rounded down while that brings the measured marginals
/// nearer to the fit, each by its precision. Without it, many small cells of one group would all be
/// rounded the same way, and the group's sum with them.
#[allow(clippy::cast_possible_truncation)]
fn exchange(reconstruction: &Reconstruction, fitted: &[f64], table: &mut [i64]) {
    let domain = reconstruction.domain();
    let tables: Vec<(Vec<usize>, f64)> = reconstruction
        .measured
        .iter()
        .map(|(marginal, precision)| (domain.projection(marginal), *precision))
        .collect();
    let curvature: f64 = tables.iter().map(|(_, precision)| precision).sum();
    // What two cells have in common: the precision of the marginals in which they are one.
    let common = |a: usize, b: usize| -> f64 {
        tables.iter().filter(|(index, _)| index[a] == index[b]).map(|(_, precision)| precision).sum()
    };
    let mut slope: Vec<f64> = vec![0.0; fitted.len()];
    for (index, precision) in &tables {
        let mut sums = vec![0.0; fitted.len()];
        for (cell, at) in index.iter().enumerate() {
            sums[*at] += table[cell] as f64 - fitted[cell];
        }
        for (cell, at) in index.iter().enumerate() {
            slope[cell] += precision * sums[*at];
        }
    }
    // Every exchange lowers the misfit, so this ends by itself; the bound is for its time.
    for _ in 0..4 * fitted.len() {
        let lowest = (0..fitted.len())
            .filter(|cell| (table[*cell] as f64) < fitted[*cell])
            .min_by(|a, b| slope[*a].total_cmp(&slope[*b]));
        let Some(up) = lowest else { return };
        let highest = (0..fitted.len())
            .filter(|cell| table[*cell] as f64 > fitted[*cell] && table[*cell] > 0)
            .map(|cell| (cell, slope[cell] + common(up, cell)))
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((down, gain)) = highest else { return };
        // The misfit changes by this much.
        if slope[up] - gain + curvature >= -1e-9 * curvature {
            return;
        }
        table[up] += 1;
        table[down] -= 1;
        for (index, precision) in &tables {
            for (cell, at) in index.iter().enumerate() {
                if *at == index[up] {
                    slope[cell] += precision;
                }
                if *at == index[down] {
                    slope[cell] -= precision;
                }
            }
        }
    }
}
