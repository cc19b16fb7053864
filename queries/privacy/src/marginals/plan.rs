//! Which marginals to measure, and how precisely.

use super::objective::{self, Objective};
use super::parts::{self, Precisions};
use super::{Domain, Form, Marginal, Workload};
use crate::{Gaussian, PrivacyError, Rho};

/// Marginals that would get less than this part of the whole are not measured.
const NEGLIGIBLE: f64 = 1e-9;

/// Which marginals to measure, and how precisely.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    domain: Domain,
    form: Form,
    /// Each with its share of ρ.
    measured: Vec<(Marginal, f64)>,
    /// The precisions of the parts at ρ = 1.
    parts: Precisions,
    objective: f64,
}

impl Plan {
    /// The domain planned for.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// How the marginals are measured.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The marginals to measure with their shares of ρ, which sum to 1.
    pub fn measured(&self) -> &[(Marginal, f64)] {
        &self.measured
    }

    /// The noise of each measured marginal. The prices, rounded down, never sum to more than `rho`.
    pub fn noise(&self, rho: Rho) -> Result<Vec<(Marginal, Gaussian)>, PrivacyError> {
        let shares: Vec<f64> = self.measured.iter().map(|(_, share)| *share).collect();
        let prices = none_of_nothing(divide(&shares, rho));
        let noises = self.measured.iter().zip(prices).map(|((marginal, _), price)| {
            let squared = self.domain.sensitivity_squared(marginal, self.form)?;
            Ok((marginal.clone(), Gaussian::for_rho_squared(squared, price)?))
        });
        noises.collect()
    }

    /// The mean variance of what is asked of a table, and the largest, after least squares at ρ; `None` when the plan
    /// does not determine the table.
    pub fn variance(&self, table: &Marginal, rho: Rho) -> Option<Variance> {
        self.domain.check(table).ok()?;
        let variance = asked_variance(&self.domain, &self.parts, table)?;
        let scale = rho.as_f64().recip();
        Some(Variance { mean: variance.mean * scale, largest: variance.largest * scale })
    }

    /// What the plan minimises, at ρ = 1: what [`split`] takes.
    pub fn objective(&self) -> f64 {
        self.objective
    }
}

/// Variances of what is asked of a table: its single values, or the sums that an attribute with an order is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variance {
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub largest: f64,
}

/// The most combinations of what is asked of a table that are looked at one by one.
const MOST_ASKED: usize = 1 << 16;

/// The variances of what is asked of a table when the parts have these precisions.
pub(super) fn asked_variance(domain: &Domain, precisions: &Precisions, table: &Marginal) -> Option<Variance> {
    let asked: Vec<Vec<(f64, f64)>> =
        table.attributes().iter().map(|attribute| objective::asked_of(domain, *attribute)).collect();
    let one_by_one = asked
        .iter()
        .try_fold(1_usize, |n, kinds| n.checked_mul(kinds.len()))
        .is_some_and(|n| n <= MOST_ASKED);
    // Too many to look at: the mean is exact all the same, and the largest is taken from above.
    let mean_only = |kinds: &Vec<(f64, f64)>| {
        let count = kinds.len() as f64;
        vec![kinds.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / count, b + y / count))]
    };
    let most = |kinds: &Vec<(f64, f64)>| {
        vec![kinds.iter().fold((0.0_f64, 0.0_f64), |(a, b), (x, y)| (a.max(*x), b.max(*y)))]
    };
    if one_by_one {
        let all = combined(domain, precisions, table, &asked)?;
        let count = all.len() as f64;
        Some(Variance { mean: all.iter().sum::<f64>() / count, largest: all.into_iter().fold(0.0, f64::max) })
    } else {
        let of = |kinds: Vec<Vec<(f64, f64)>>| combined(domain, precisions, table, &kinds)?.first().copied();
        Some(Variance {
            mean: of(asked.iter().map(mean_only).collect())?,
            largest: of(asked.iter().map(most).collect())?,
        })
    }
}

/// The variance of every combination of what is asked of the attributes, row-major.
pub(super) fn combined(
    domain: &Domain,
    precisions: &Precisions,
    table: &Marginal,
    asked: &[Vec<(f64, f64)>],
) -> Option<Vec<f64>> {
    let count: usize = asked.iter().map(Vec::len).product();
    let mut sums = vec![0.0; count];
    for part in parts::within(domain, table) {
        let mut adds = vec![domain.left_out(table.mask())];
        for (attribute, kinds) in table.attributes().iter().zip(asked) {
            let inside = part >> attribute & 1 == 1;
            let of = |(varying, constant): &(f64, f64)| if inside { *varying } else { *constant };
            adds = adds.iter().flat_map(|before| kinds.iter().map(move |one| before * of(one))).collect();
        }
        let precision = precisions.get(&part).copied().unwrap_or(0.0);
        for (sum, add) in sums.iter_mut().zip(adds) {
            if add > 0.0 {
                if precision <= 0.0 {
                    return None;
                }
                *sum += add / precision;
            }
        }
    }
    Some(sums)
}

/// What measuring a marginal with σ adds to the precision of the parts within it.
pub(super) fn added(domain: &Domain, marginal: &Marginal, form: Form, sigma: f64) -> Vec<(u32, f64)> {
    let gain: f64 = domain.axes_of(marginal).iter().map(|axis| axis.gain(form)).product();
    let mask = marginal.mask() & domain.telling();
    let precision = domain.left_out(marginal.mask()) * gain / (sigma * sigma);
    match form {
        Form::Whole => parts::within(domain, marginal).map(|part| (part, precision)).collect(),
        Form::Apart => vec![(mask, precision)],
    }
}

/// The plan with the least weighted sum of the tables' variances, or the least largest one.
///
/// The optimum over all Gaussian mechanisms is a precision for each part ([`objective`]). Along an attribute with an order that is
/// so for its strategy, which is found for the attribute by itself: the tests hold such plans to 10 % (ranges) and 15 % (prefixes)
/// above a bound that no mechanism is below. Where these precisions are the sum of what whole marginals add, with no negative one
/// among them, those are measured: they read as counts. Otherwise, and where an attribute has ranges, each part is measured by
/// itself, in whole numbers: the same precisions at the same price.
///
/// Refuses a workload of which a table would not be measured, since the others weigh so much more.
pub fn plan(workload: &Workload, objective: Objective) -> Result<Plan, PrivacyError> {
    let domain = workload.domain();
    let optimum = objective::optimum(workload, objective)?;
    let (form, mut shares) = if let Some(shares) = whole(domain, &optimum.precisions) {
        (Form::Whole, shares)
    } else {
        let price = |(part, precision): (&u32, &f64)| (*part, precision * parts::price(domain, *part) / 2.0);
        (Form::Apart, optimum.precisions.iter().map(price).collect())
    };
    let sum: f64 = shares.values().sum();
    shares.retain(|_, share| *share > NEGLIGIBLE * sum);
    let kept: f64 = shares.values().sum();
    let mut measured: Vec<(Marginal, f64)> =
        shares.into_iter().map(|(mask, share)| (Marginal::from_mask(mask), share / kept)).collect();
    measured.sort_by(|(a, _), (b, _)| (a.attributes().len(), a).cmp(&(b.attributes().len(), b)));

    let mut parts = Precisions::new();
    for (marginal, share) in &measured {
        let squared = domain.sensitivity_squared(marginal, form)?;
        let sigma = (squared as f64 / (2.0 * share)).sqrt();
        for (part, precision) in added(domain, marginal, form, sigma) {
            *parts.entry(part).or_insert(0.0) += precision;
        }
    }
    // What is worth next to nothing beside the rest would be charged for and not be known.
    let known = |table: &Marginal| asked_variance(domain, &parts, table).is_some();
    if let Some((table, _)) = workload.tables().iter().find(|(table, _)| !known(table)) {
        return Err(PrivacyError::Mismatch(format!(
            "the table over attributes {:?} would get less than a billionth of ρ: bring its weight, or the half-width wanted of it, nearer to the others', or leave it out",
            table.attributes()
        )));
    }
    Ok(Plan { domain: domain.clone(), form, measured, parts, objective: optimum.value })
}

/// Shares of ρ for whole marginals that add up to these precisions, if none is negative.
fn whole(domain: &Domain, precisions: &Precisions) -> Option<Precisions> {
    // Ranges are measured beside the sum over all values, so never as part of it.
    if domain.attributes().iter().any(|attribute| matches!(attribute.kind(), super::Kind::Ranges(_))) {
        return None;
    }
    // A part's precision is the sum of what the marginals that contain it add: from the largest down, take that apart.
    let mut left = precisions.clone();
    let mut order: Vec<u32> = precisions.keys().copied().collect();
    order.sort_by_key(|part| std::cmp::Reverse(part.count_ones()));
    let mut shares = Precisions::new();
    for part in order {
        let own = left.get(&part).copied().unwrap_or(0.0);
        if own < -1e-9 * precisions.get(&part).copied().unwrap_or(0.0) {
            return None;
        }
        if own <= 0.0 {
            continue;
        }
        for within in parts::subsets(part, domain.always()) {
            if let Some(left) = left.get_mut(&within) {
                *left -= own;
            }
        }
        // A marginal with the share s of ρ = 1 adds 2s·∏(sizes left out).
        shares.insert(part, own / (2.0 * domain.left_out(part)));
    }
    Some(shares)
}

/// Splits ρ over several plans, measured one after the other. The parts are rounded down and never sum to more than ρ.
///
/// The sum of their objectives is least in proportion to the objectives' roots; the largest of them is least when all are alike.
pub fn split(objectives: &[f64], objective: Objective, rho: Rho) -> Vec<Rho> {
    let proportion = |value: &f64| match objective {
        Objective::Sum => value.max(0.0).sqrt(),
        Objective::Largest => value.max(0.0),
    };
    divide(&objectives.iter().map(proportion).collect::<Vec<_>>(), rho)
}

/// Divides an amount in these proportions, each part rounded down. Proportions that are none, as of weights near the end of what a
/// float holds, divide nothing: no part gets anything.
fn divide(proportions: &[f64], rho: Rho) -> Vec<Rho> {
    let whole: f64 = proportions.iter().sum();
    if !(whole.is_finite() && whole > 0.0) {
        return vec![Rho::ZERO; proportions.len()];
    }
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

/// A price of nothing buys nothing: what would get less than a billionth gets one, from what gets most.
fn none_of_nothing(mut prices: Vec<Rho>) -> Vec<Rho> {
    const LEAST: Rho = Rho::from_nano(1);
    for at in 0..prices.len() {
        let most = (0..prices.len()).max_by_key(|other| prices[*other]).unwrap_or(at);
        if prices[at].is_zero() && prices[most] > LEAST {
            prices[most] = prices[most].saturating_sub(LEAST);
            prices[at] = LEAST;
        }
    }
    prices
}
