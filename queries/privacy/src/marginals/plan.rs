//! The noise with the least weighted sum of variances.

use super::{Domain, Marginal, Workload};
use crate::Rho;

/// Marginals whose precision would be below this part of the whole are not measured.
const NEGLIGIBLE: f64 = 1e-9;

/// Which marginals to measure, and how precisely.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    domain: Domain,
    measured: Vec<(Marginal, f64)>,
    parts: Vec<f64>,
    objective: f64,
}

impl Plan {
    /// The domain planned for.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The marginals to measure with their precisions 1/σ² at ρ = 1, which sum to 2.
    pub fn measured(&self) -> &[(Marginal, f64)] {
        &self.measured
    }

    /// σ of each measured marginal at a given ρ; infinite when there is nothing to spend.
    ///
    /// The σ that is used comes from [`crate::Gaussian::for_rho`] with this marginal's part of ρ,
    /// [`Plan::prices`]: it may differ in the last digits.
    pub fn sigmas(&self, rho: Rho) -> Vec<(Marginal, f64)> {
        let sigma = |precision: f64| (precision * rho.as_f64()).sqrt().recip();
        self.measured.iter().map(|(marginal, precision)| (marginal.clone(), sigma(*precision))).collect()
    }

    /// What each measured marginal costs: a marginal has sensitivity 1, and the prices, rounded
    /// down, never sum to more than `rho`.
    pub fn prices(&self, rho: Rho) -> Vec<(Marginal, Rho)> {
        let parts = divide(&self.measured.iter().map(|(_, precision)| *precision).collect::<Vec<_>>(), rho);
        self.measured.iter().map(|(marginal, _)| marginal.clone()).zip(parts).collect()
    }

    /// The variance of one cell of a table after least squares at ρ; `None` when the plan does not
    /// determine the table.
    pub fn variance(&self, table: &Marginal, rho: Rho) -> Option<f64> {
        self.domain.check(table).ok()?;
        cell_variance(&self.domain, &self.parts, table.mask()).map(|variance| variance / rho.as_f64())
    }

    /// The weighted sum of variances at ρ = 1: what [`split`] takes.
    pub fn objective(&self) -> f64 {
        self.objective
    }
}

/// What the part A contributes to the variance of a cell of B, at precision 1.
fn contribution(domain: &Domain, table: usize, part: usize) -> f64 {
    domain.sizes().iter().enumerate().fold(1.0, |product, (i, size)| {
        let n = *size as f64;
        product
            * match (table >> i & 1, part >> i & 1) {
                (0, _) => n,
                (_, 0) => 1.0 / n,
                _ => (n - 1.0) / n,
            }
    })
}

/// The price of the part A at precision 1, in units of 2ρ: its share of one cell.
fn price(domain: &Domain, part: usize) -> f64 {
    domain.sizes().iter().enumerate().fold(1.0, |product, (i, size)| {
        let n = *size as f64;
        product * if part >> i & 1 == 1 { (n - 1.0) / n } else { 1.0 / n }
    })
}

/// All subsets of a set of attributes, itself and the empty one included.
fn subsets(mask: usize) -> impl Iterator<Item = usize> {
    let mut next = Some(mask);
    std::iter::from_fn(move || {
        let current = next?;
        next = (current != 0).then(|| (current - 1) & mask);
        Some(current)
    })
}

/// The variance of a cell of a table when the parts have these precisions.
pub(super) fn cell_variance(domain: &Domain, parts: &[f64], table: usize) -> Option<f64> {
    subsets(table).try_fold(0.0, |sum, part| {
        let share = contribution(domain, table, part);
        // A part of an attribute with one value is empty.
        if share == 0.0 {
            Some(sum)
        } else if parts[part] > 0.0 {
            Some(sum + share / parts[part])
        } else {
            None
        }
    })
}

/// The precision of every part when marginals are measured with these precisions.
pub(super) fn part_precisions<'a>(
    domain: &Domain,
    measured: impl Iterator<Item = (&'a Marginal, f64)>,
) -> Vec<f64> {
    let mut parts = vec![0.0; 1 << domain.sizes().len()];
    for (marginal, precision) in measured {
        let added = precision * domain.left_out(marginal.mask());
        for part in subsets(marginal.mask()) {
            parts[part] += added;
        }
    }
    parts
}

/// The plan with the least weighted sum of the tables' cell variances.
///
/// The optimum over all Gaussian mechanisms gives the part A a precision in proportion to √(v/d), v
/// being its weight in the objective and d its price. Translated to whole marginals, a few precisions
/// may come out slightly negative for uneven weights; those are left out and the rest rescaled to the
/// budget, which costs under one per cent.
pub fn plan(workload: &Workload) -> Plan {
    let domain = workload.domain();
    let all = 1_usize << domain.sizes().len();

    let mut weights = vec![0.0; all];
    for (table, weight) in workload.tables() {
        for part in subsets(table.mask()) {
            weights[part] += weight * contribution(domain, table.mask(), part);
        }
    }
    let mut precisions: Vec<f64> = (0..all)
        .map(|part| if weights[part] > 0.0 { (weights[part] / price(domain, part)).sqrt() } else { 0.0 })
        .collect();
    // A part's precision is the sum over the marginals that contain it: take that sum apart.
    for attribute in 0..domain.sizes().len() {
        for part in (0..all).filter(|part| part >> attribute & 1 == 0) {
            precisions[part] -= precisions[part | 1 << attribute];
        }
    }
    let taus: Vec<f64> =
        precisions.iter().enumerate().map(|(mask, sum)| (sum / domain.left_out(mask)).max(0.0)).collect();
    let whole: f64 = taus.iter().sum();
    let kept = |tau: f64| tau > NEGLIGIBLE * whole;
    let scale = 2.0 / taus.iter().filter(|tau| kept(**tau)).sum::<f64>();
    let mut measured: Vec<(Marginal, f64)> = taus
        .iter()
        .enumerate()
        .filter(|(_, tau)| kept(**tau))
        .map(|(mask, tau)| (Marginal::from_mask(mask), tau * scale))
        .collect();
    measured.sort_by(|(a, _), (b, _)| (a.attributes().len(), a).cmp(&(b.attributes().len(), b)));

    let parts = part_precisions(domain, measured.iter().map(|(marginal, tau)| (marginal, *tau)));
    // Every table lies within one of highest order, whose precision is positive, unless weights differ
    // by more than 10¹⁸ to one.
    let objective = workload
        .tables()
        .iter()
        .map(|(table, weight)| weight * cell_variance(domain, &parts, table.mask()).unwrap_or(f64::INFINITY))
        .sum();
    Plan { domain: domain.clone(), measured, parts, objective }
}

/// Splits ρ over several plans, measured one after the other, so that the sum of their objectives is
/// least: in proportion to their roots. The parts are rounded down and never sum to more than ρ.
pub fn split(objectives: &[f64], rho: Rho) -> Vec<Rho> {
    divide(&objectives.iter().map(|objective| objective.max(0.0).sqrt()).collect::<Vec<_>>(), rho)
}

/// Divides an amount in these proportions, each part rounded down.
fn divide(proportions: &[f64], rho: Rho) -> Vec<Rho> {
    let whole: f64 = proportions.iter().sum();
    let mut left = rho;
    proportions
        .iter()
        .map(|proportion| {
            let part = rho.fraction((proportion / whole).min(1.0)).unwrap_or(Rho::ZERO).min(left);
            left = left.saturating_sub(part);
            part
        })
        .collect()
}
