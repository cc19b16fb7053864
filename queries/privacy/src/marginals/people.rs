//! The display table of a large domain: made-up units whose tables fit the measurements.
//!
//! Over a million cells a few thousand persons leave nearly every cell empty, and a table of fractions would be rounded to
//! nothing. So the display table is built of whole units from the start: as many as the estimated total, each with a value of
//! every attribute; then one attribute of one unit at a time is given the value with which the measured marginals fit best, until
//! nothing improves. The time grows with the units and the tables, not with the cells.
//!
//! The units are made of noised values alone. They are nobody: they are only ever shown added up.

use super::{Domain, Marginal};

/// The most times that every unit is looked at.
const SWEEPS: usize = 200;
/// A sweep that lowers the misfit by less than this part of it is the last.
const ENOUGH: f64 = 1e-3;

/// A marginal that the units are to fit.
struct Fitted {
    weight: f64,
    /// The attributes, and how far apart their values are among the cells.
    strides: Vec<(usize, usize)>,
    /// What the units say, less the estimate.
    over: Vec<f64>,
}

impl Fitted {
    fn cell(&self, unit: &[usize]) -> usize {
        self.strides.iter().map(|(attribute, stride)| unit[*attribute] * stride).sum()
    }
}

/// A whole, non-negative table over all cells whose marginals fit these estimates, each with its weight.
pub(super) fn fit(
    domain: &Domain,
    marginals: &[(Marginal, f64, Vec<f64>)],
    single: &[Vec<f64>],
    total: f64,
) -> Vec<i64> {
    let mut fitted: Vec<Fitted> = marginals
        .iter()
        .map(|(marginal, weight, estimates)| Fitted {
            weight: *weight,
            strides: strides(domain, marginal),
            over: estimates.iter().map(|value| -value).collect(),
        })
        .collect();
    let mut units = first(single, total);
    for unit in &units {
        for table in &mut fitted {
            let cell = table.cell(unit);
            table.over[cell] += 1.0;
        }
    }
    let with: Vec<Vec<usize>> = (0..domain.sizes().len())
        .map(|attribute| {
            let has = |table: &Fitted| table.strides.iter().any(|(a, _)| *a == attribute);
            (0..fitted.len()).filter(|at| has(&fitted[*at])).collect()
        })
        .collect();
    let mut misfit = misfit_of(&fitted);
    for _ in 0..SWEEPS {
        let mut gained = 0.0;
        for unit in &mut units {
            for (attribute, size) in domain.sizes().iter().enumerate() {
                gained += improve(&mut fitted, &with[attribute], unit, attribute, *size);
            }
        }
        if gained <= ENOUGH * misfit {
            break;
        }
        misfit -= gained;
    }
    let mut table = vec![0; domain.cells()];
    for unit in units {
        let cell = unit.iter().zip(domain.sizes()).fold(0, |cell, (value, size)| cell * size + value);
        table[cell] += 1;
    }
    table
}

/// Gives a unit the value of one attribute with which the tables fit best; says by how much the misfit fell.
fn improve(fitted: &mut [Fitted], with: &[usize], unit: &mut [usize], attribute: usize, size: usize) -> f64 {
    let now = unit[attribute];
    // Moving a unit from one cell to another changes the squared misfit by 2·(over there − over here + 1).
    let mut changes = vec![0.0; size];
    for at in with {
        let table = &fitted[*at];
        let stride = table.strides.iter().find(|(a, _)| *a == attribute).map_or(0, |(_, stride)| *stride);
        let here = table.cell(unit);
        let base = here - now * stride;
        let leave = 1.0 - table.over[here];
        for (value, change) in changes.iter_mut().enumerate() {
            *change += 2.0 * table.weight * (table.over[base + value * stride] + leave);
        }
    }
    changes[now] = 0.0;
    let best = (0..size).fold(now, |best, value| if changes[value] < changes[best] { value } else { best });
    if best == now {
        return 0.0;
    }
    for at in with {
        let table = &mut fitted[*at];
        let here = table.cell(unit);
        table.over[here] -= 1.0;
        unit[attribute] = best;
        let there = table.cell(unit);
        table.over[there] += 1.0;
        unit[attribute] = now;
    }
    unit[attribute] = best;
    -changes[best]
}

fn misfit_of(fitted: &[Fitted]) -> f64 {
    fitted.iter().map(|table| table.weight * table.over.iter().map(|over| over * over).sum::<f64>()).sum()
}

/// As many units as there seem to be, the values of each attribute in proportion to its own estimates.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count, not negative
fn first(single: &[Vec<f64>], total: f64) -> Vec<Vec<usize>> {
    let count = total.round().max(0.0) as usize;
    let mut units = vec![vec![0; single.len()]; count];
    for (attribute, estimates) in single.iter().enumerate() {
        let whole: f64 = estimates.iter().map(|value| value.max(0.0)).sum();
        let mut values = Vec::with_capacity(count);
        let mut up_to = 0.0;
        for (value, estimate) in estimates.iter().enumerate() {
            up_to += if whole > 0.0 { estimate.max(0.0) / whole } else { 1.0 / estimates.len() as f64 };
            values.resize((up_to * count as f64).round() as usize, value);
        }
        values.resize(count, estimates.len().saturating_sub(1));
        shuffle(&mut values, attribute as u64);
        for (unit, value) in units.iter_mut().zip(values) {
            unit[attribute] = value;
        }
    }
    units
}

/// The same order every time, so that the same measurements always give the same table.
#[allow(clippy::cast_possible_truncation)] // a place in a list
fn shuffle(values: &mut [usize], seed: u64) {
    // SplitMix64 (Steele, Lea, Flood 2014).
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for at in (1..values.len()).rev() {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        values.swap(at, (mixed % (at as u64 + 1)) as usize);
    }
}

/// For each attribute of a marginal, how far apart its values are among the marginal's cells.
fn strides(domain: &Domain, marginal: &Marginal) -> Vec<(usize, usize)> {
    let mut stride = 1;
    let mut found = Vec::new();
    for attribute in marginal.attributes().iter().rev() {
        found.push((*attribute, stride));
        stride *= domain.sizes()[*attribute];
    }
    found
}
