//! A table for reading: whole, non-negative, and its marginals add up.
//!
//! The unbiased values may be negative and do not round to sums that agree. The display table is the
//! non-negative table that fits all measurements best, rounded. It is often closer to the truth than
//! the unbiased values, but it is biased (small cells upwards), so *the intervals are not its own*:
//! never show it with them.

use super::axis::{Axis, Step, steps};
use super::{Domain, Marginal, Reconstruction, parts, people, round};
use crate::PrivacyError;

/// Up to so many cells the fit is made over all of them; it takes seconds then.
const SMALL: usize = 1 << 12;
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
/// It is weighted non-negative least squares over all measurements, then whole numbers with the rounded total ([`round`]); over
/// more than a few thousand cells, whole units from the start ([`people`]).
pub fn display(reconstruction: &Reconstruction) -> Result<Vec<i64>, PrivacyError> {
    if reconstruction.domain().cells() > SMALL {
        return Ok(of_people(reconstruction));
    }
    let fitted = fit(reconstruction)?;
    Ok(round::round(reconstruction, &fitted))
}

fn of_people(reconstruction: &Reconstruction) -> Vec<i64> {
    let domain = reconstruction.domain();
    let marginals: Vec<(Marginal, f64, Vec<f64>)> = reconstruction
        .own_precisions()
        .into_iter()
        .map(|(marginal, precision)| {
            let estimates = reconstruction.table(&marginal);
            (marginal, precision, estimates)
        })
        .collect();
    let always = Marginal::from_mask(domain.always());
    let with = |attribute: usize| Marginal::new(always.attributes().iter().copied().chain([attribute]));
    let single: Vec<Vec<f64>> = (0..domain.sizes().len())
        .map(|attribute| {
            let marginal = with(attribute);
            let after: usize = marginal
                .attributes()
                .iter()
                .filter(|a| **a > attribute)
                .map(|a| domain.sizes()[*a])
                .product();
            let size = domain.sizes()[attribute];
            let mut sums = vec![0.0; size];
            for (cell, value) in reconstruction.table(&marginal).into_iter().enumerate() {
                sums[cell / after % size] += value;
            }
            sums
        })
        .collect();
    let total = reconstruction.table(&always).iter().sum();
    people::fit(domain, &marginals, &single, total)
}

/// The marginal of a table over all cells, row-major. Attributes the domain has not are ignored.
pub fn marginal_of(domain: &Domain, table: &[i64], marginal: &Marginal) -> Vec<i64> {
    let mut sums = vec![0_i64; marginal.cells(domain)];
    for (index, value) in domain.projection(marginal).into_iter().zip(table) {
        let sum = &mut sums[index as usize];
        *sum = sum.saturating_add(*value);
    }
    sums
}

/// Half the squared misfit over all measurements, as a function of the table.
struct Misfit<'a> {
    axes: Vec<&'a Axis>,
    /// The precision and the estimate of each coordinate.
    known: Vec<(f64, f64)>,
    /// A bound on how fast the gradient changes.
    steepest: f64,
    /// The gradient of one cell by itself: in its units the conditions are in persons.
    curvature: f64,
}

impl<'a> Misfit<'a> {
    fn new(reconstruction: &'a Reconstruction) -> Self {
        let domain = reconstruction.domain();
        let inside = |part: u32| (0..domain.sizes().len()).filter(move |i| part >> i & 1 == 1);
        let steep = |part: u32| inside(part).map(|i| domain.axis(i).steepest()).product::<f64>();
        let precisions = reconstruction.precisions();
        Self {
            axes: domain.axes_of(&Marginal::all(domain)),
            known: reconstruction.dense(),
            steepest: precisions.iter().map(|(part, precision)| precision * steep(*part)).fold(0.0, f64::max),
            curvature: precisions
                .iter()
                .map(|(part, precision)| precision * parts::price(domain, *part))
                .sum(),
        }
    }

    fn gradient(&self, table: &[f64]) -> Vec<f64> {
        let mut state = steps(&self.axes, table.to_vec(), Step::State);
        for (value, (precision, estimate)) in state.iter_mut().zip(&self.known) {
            *value = (*value - estimate) * precision;
        }
        steps(&self.axes, state, Step::Back)
    }
}

/// Accelerated projected gradient with restarts (O'Donoghue, Candès 2015), until the optimality
/// conditions hold.
fn fit(reconstruction: &Reconstruction) -> Result<Vec<f64>, PrivacyError> {
    let misfit = Misfit::new(reconstruction);
    let step = misfit.steepest.recip();
    let all = Marginal::all(reconstruction.domain());
    let mut table: Vec<f64> = reconstruction.table(&all).into_iter().map(|value| value.max(0.0)).collect();
    let mut ahead = table.clone();
    let mut momentum = 1.0_f64;
    let mut residual = f64::INFINITY;
    for iteration in 0..STEPS {
        if iteration % CHECK_EVERY == 0 {
            residual = residual_of(&table, &misfit.gradient(&table), misfit.curvature);
            if residual <= TOLERANCE {
                return Ok(table);
            }
        }
        let gradient = misfit.gradient(&ahead);
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
