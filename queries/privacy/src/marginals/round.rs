//! From the best non-negative table to whole numbers.
//!
//! Each cell is rounded up or down (a zero stays zero): the largest remainders go up first, and then cells are exchanged as long
//! as the marginals fit better.

use super::{Domain, Marginal, Reconstruction};

/// Whole numbers with the rounded total.
#[allow(clippy::cast_possible_truncation)] // `as` saturates, and counts are far below
pub(super) fn round(reconstruction: &Reconstruction, fitted: &[f64]) -> Vec<i64> {
    let marginals = reconstruction.own_precisions();
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
    exchange(reconstruction.domain(), &marginals, fitted, &mut table);
    table
}

/// Moves units from cells rounded up to cells rounded down while that brings the measured marginals
/// nearer to the fit, each by its precision. Without it, many small cells of one group would all be
/// rounded the same way, and the group's sum with them.
#[allow(clippy::cast_possible_truncation)]
fn exchange(domain: &Domain, marginals: &[(Marginal, f64)], fitted: &[f64], table: &mut [i64]) {
    let tables: Vec<(Vec<u32>, f64)> =
        marginals.iter().map(|(marginal, precision)| (domain.projection(marginal), *precision)).collect();
    let curvature: f64 = tables.iter().map(|(_, precision)| precision).sum();
    // What two cells have in common: the precision of the marginals in which they are one.
    let common = |a: usize, b: usize| -> f64 {
        tables.iter().filter(|(index, _)| index[a] == index[b]).map(|(_, precision)| precision).sum()
    };
    let mut slope: Vec<f64> = vec![0.0; fitted.len()];
    for (index, precision) in &tables {
        let mut sums = vec![0.0; fitted.len()];
        for (cell, at) in index.iter().enumerate() {
            sums[*at as usize] += table[cell] as f64 - fitted[cell];
        }
        for (cell, at) in index.iter().enumerate() {
            slope[cell] += precision * sums[*at as usize];
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
