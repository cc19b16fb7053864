//! What a plan minimises, and the precisions of the parts that reach the minimum.
//!
//! With a precision λ for each part, an answer has the variance Σ c/λ over the parts that it touches, and the budget is Σ λd = 2ρ.
//! The least weighted sum of variances has a closed form, λ ∝ √(v/d), v being the weighted sum of the c. The least maximum is found
//! over weights u on the answers that sum to one: for each u the closed form gives a lower bound on the maximum, and at the best
//! u the two meet (minimax theorem for a convex problem). The search raises the weight of what has the largest variance and ends
//! when the bound is reached.

use super::parts::{self, Precisions};
use super::{Domain, Marginal, Workload};
use crate::PrivacyError;

/// What a plan minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// The weighted sum over the tables of the mean variance of what is asked of a table.
    Sum,
    /// The largest weighted variance of anything that is asked.
    Largest,
}

/// The largest variance is at most this far above the least that is possible.
const GAP: f64 = 1e-7;
const STEPS: usize = 50_000;
/// More kinds of answers of one table than these are taken together, by the worst of each attribute.
const MOST_KINDS: usize = 512;

/// A kind of answers that have the same variance, whatever the precisions.
struct Kind {
    table: usize,
    /// What each part adds to its variance at precision 1.
    adds: Vec<f64>,
}

/// The precisions at ρ = 1 and the objective that they reach.
pub(super) struct Optimum {
    pub(super) precisions: Precisions,
    pub(super) value: f64,
}

pub(super) fn optimum(workload: &Workload, objective: Objective) -> Result<Optimum, PrivacyError> {
    let domain = workload.domain();
    let all = parts::closure(domain, workload.tables().iter().map(|(table, _)| table))?;
    let prices: Vec<f64> = all.iter().map(|part| parts::price(domain, *part)).collect();
    let kinds = match objective {
        Objective::Sum => means(workload, &all),
        Objective::Largest => frontier(workload, &all),
    };
    let weights: Vec<f64> = workload.tables().iter().map(|(_, weight)| *weight).collect();
    let (precisions, value) = match objective {
        Objective::Sum => {
            let summed = summed(kinds.iter().map(|kind| (kind, weights[kind.table])), all.len());
            closed_form(&summed, &prices)
        }
        Objective::Largest => least_largest(&kinds, &weights, &prices),
    };
    Ok(Optimum { precisions: all.into_iter().zip(precisions).collect(), value })
}

fn summed<'a>(kinds: impl Iterator<Item = (&'a Kind, f64)>, parts: usize) -> Vec<f64> {
    let mut sums = vec![0.0; parts];
    for (kind, weight) in kinds {
        for (sum, add) in sums.iter_mut().zip(&kind.adds) {
            *sum += weight * add;
        }
    }
    sums
}

/// λ ∝ √(v/d) at ρ = 1, and the value (Σ √(vd))²/2.
fn closed_form(summed: &[f64], prices: &[f64]) -> (Vec<f64>, f64) {
    let roots: f64 = summed.iter().zip(prices).map(|(v, d)| (v * d).sqrt()).sum();
    let precision = |(v, d): (&f64, &f64)| if *v > 0.0 { (v / d).sqrt() * 2.0 / roots } else { 0.0 };
    (summed.iter().zip(prices).map(precision).collect(), roots * roots / 2.0)
}

fn least_largest(kinds: &[Kind], weights: &[f64], prices: &[f64]) -> (Vec<f64>, f64) {
    let mut shares = vec![1.0 / kinds.len() as f64; kinds.len()];
    let (mut best, mut least, mut bound) = (Vec::new(), f64::INFINITY, 0.0_f64);
    for _ in 0..STEPS {
        let weighed = kinds.iter().zip(&shares).map(|(kind, share)| (kind, weights[kind.table] * share));
        let summed = summed(weighed, prices.len());
        let (precisions, value) = closed_form(&summed, prices);
        bound = bound.max(value);
        let variances: Vec<f64> =
            kinds.iter().map(|kind| weights[kind.table] * kind.variance(&precisions)).collect();
        let largest = variances.iter().copied().fold(0.0, f64::max);
        if largest < least {
            (best, least) = (precisions, largest);
        }
        if least <= bound * (1.0 + GAP) {
            break;
        }
        for (share, variance) in shares.iter_mut().zip(&variances) {
            *share *= variance / value;
        }
        let whole: f64 = shares.iter().sum();
        // A share that has died can be needed again.
        for share in &mut shares {
            *share = (*share / whole).max(1e-12);
        }
    }
    (best, least)
}

impl Kind {
    fn variance(&self, precisions: &[f64]) -> f64 {
        let terms = self.adds.iter().zip(precisions).filter(|(add, _)| **add > 0.0);
        terms.map(|(add, precision)| add / precision).sum()
    }
}

fn kind(domain: &Domain, table: &Marginal, number: usize, asked: &[(f64, f64)], all: &[u32]) -> Kind {
    let mask = table.mask();
    let add =
        |part: &u32| if part & !mask == 0 { parts::contribution(domain, table, asked, *part) } else { 0.0 };
    Kind { table: number, adds: all.iter().map(add).collect() }
}

/// What is asked of an attribute: of each kind, how much varies and how much is in the sum.
pub(super) fn asked_of(domain: &Domain, attribute: usize) -> Vec<(f64, f64)> {
    let axis = domain.axis(attribute);
    if let Some(rows) = domain.attributes()[attribute].asked() {
        return rows.row_iter().map(|row| axis.asked(&row.iter().copied().collect::<Vec<_>>())).collect();
    }
    // All single values alike.
    let constant = if axis.always_in { 0.0 } else { 1.0 / axis.size as f64 };
    vec![(axis.single(0), constant)]
}

/// One kind a table: the mean over all that is asked of it.
fn means(workload: &Workload, all: &[u32]) -> Vec<Kind> {
    let domain = workload.domain();
    let numbered = workload.tables().iter().enumerate();
    let kinds = numbered.map(|(number, (table, _))| {
        // What is asked of a table is every combination of what is asked of its attributes, so means multiply.
        let mean = |attribute: &usize| {
            let asked = asked_of(domain, *attribute);
            let count = asked.len() as f64;
            asked
                .iter()
                .fold((0.0, 0.0), |(a, b), (varying, constant)| (a + varying / count, b + constant / count))
        };
        let asked: Vec<(f64, f64)> = table.attributes().iter().map(mean).collect();
        kind(domain, table, number, &asked, all)
    });
    kinds.collect()
}

/// The kinds of each table that may have the largest variance.
fn frontier(workload: &Workload, all: &[u32]) -> Vec<Kind> {
    let domain = workload.domain();
    let mut kinds = Vec::new();
    for (number, (table, _)) in workload.tables().iter().enumerate() {
        let of_attributes: Vec<Vec<(f64, f64)>> =
            table.attributes().iter().map(|attribute| undominated(asked_of(domain, *attribute))).collect();
        let count = of_attributes.iter().try_fold(1_usize, |count, kinds| count.checked_mul(kinds.len()));
        let of_attributes = match count {
            Some(count) if count <= MOST_KINDS => of_attributes,
            _ => of_attributes.into_iter().map(|kinds| vec![worst(&kinds)]).collect(),
        };
        let mut combinations: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
        for kinds in &of_attributes {
            combinations = combinations
                .iter()
                .flat_map(|before| kinds.iter().map(move |one| [before.as_slice(), &[*one]].concat()))
                .collect();
        }
        kinds.extend(combinations.iter().map(|asked| kind(domain, table, number, asked, all)));
    }
    kinds
}

fn worst(kinds: &[(f64, f64)]) -> (f64, f64) {
    kinds.iter().fold((0.0, 0.0), |(a, b), (varying, constant)| (varying.max(a), constant.max(b)))
}

/// Without those that another one exceeds in both respects: they never have the largest variance.
fn undominated(mut kinds: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    kinds.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    let mut most = f64::NEG_INFINITY;
    kinds.retain(|(_, constant)| {
        let more = *constant > most + 1e-12;
        most = most.max(*constant);
        more
    });
    kinds
}
