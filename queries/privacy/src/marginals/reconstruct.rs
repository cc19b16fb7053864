//! Generalised least squares over everything that was measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::axis::{Step, steps};
use super::parts::{self, Precisions};
use super::{Domain, Estimate, Form, LinearQuery, Marginal, Variance, plan};
use crate::PrivacyError;

/// A query whose squared length outside the measured parts is below this part of the whole lies
/// within them.
const OUTSIDE: f64 = 1e-18;

/// One marginal with its noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which.
    pub marginal: Marginal,
    /// What was measured of it.
    #[serde(default)]
    pub form: Form,
    /// σ of the noise in every value.
    pub sigma: f64,
    /// The noised values ([`Domain::encode`]), row-major over the marginal's attributes.
    pub values: Vec<i64>,
}

/// What is known about one part: coordinates with independent errors of the same size.
#[derive(Debug, Clone, Default)]
struct Part {
    precision: f64,
    coordinates: Vec<f64>,
}

/// All measurements of one domain, combined into the best linear unbiased estimates.
///
/// In coordinates along each attribute ([`super::axis`]) every measurement says something about single parts with independent
/// errors of equal size, so no system is ever solved, and nothing has the size of the whole domain.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    domain: Domain,
    parts: BTreeMap<u32, Part>,
}

/// Estimates that were read off the same measurements, whose errors therefore go together.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// In the order of the queries.
    pub estimates: Vec<Estimate>,
    /// A row an estimate: its covariances are the products of these rows.
    factor: Vec<Vec<f64>>,
}

impl Joint {
    /// How many independent standard normal numbers make one draw of all errors.
    pub fn dimensions(&self) -> usize {
        self.factor.first().map_or(0, Vec::len)
    }

    /// The errors of all estimates, from [`Joint::dimensions`] standard normal numbers.
    pub fn errors(&self, normal: &[f64]) -> Vec<f64> {
        self.factor.iter().map(|row| row.iter().zip(normal).map(|(a, z)| a * z).sum()).collect()
    }
}

/// A query's coordinates, by part.
type Coordinates = BTreeMap<u32, Vec<f64>>;

impl Reconstruction {
    /// Combines measurements of one domain. The same marginal may have been measured several times.
    pub fn new(domain: Domain, measured: &[Measured]) -> Result<Self, PrivacyError> {
        if measured.is_empty() {
            return Err(PrivacyError::Mismatch("there is no measurement to reconstruct from".into()));
        }
        let mut parts: BTreeMap<u32, Part> = BTreeMap::new();
        for one in measured {
            domain.check(&one.marginal)?;
            let expected = domain.measured_values(&one.marginal);
            if one.values.len() != expected {
                return Err(PrivacyError::Mismatch(format!(
                    "the measured table over attributes {:?} has {} values, and the domain gives it {expected} cells",
                    one.marginal.attributes(),
                    one.values.len()
                )));
            }
            let precision = (one.sigma * one.sigma).recip();
            if !(precision.is_finite() && precision > 0.0 && one.sigma > 0.0) {
                return Err(PrivacyError::SigmaOutOfRange { value: one.sigma });
            }
            add(&domain, one, &mut parts)?;
        }
        for part in parts.values_mut() {
            let precision = part.precision;
            part.coordinates.iter_mut().for_each(|sum| *sum /= precision);
        }
        Ok(Self { domain, parts })
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The best linear unbiased estimate; `None` when the measurements do not determine it.
    pub fn estimate(&self, query: &LinearQuery) -> Option<Estimate> {
        let query = self.coordinates_of(query)?;
        Some(Estimate { value: self.value(&query), sd: self.product(&query, &query).sqrt() })
    }

    /// All cells of a marginal, row-major; `None` when the measurements do not determine them.
    pub fn marginal(&self, marginal: &Marginal) -> Option<Vec<Estimate>> {
        self.domain.check(marginal).ok()?;
        let precisions = self.precisions();
        let single = |attribute: &usize| {
            let axis = self.domain.axis(*attribute);
            let constant = if axis.always_in { 0.0 } else { 1.0 / axis.size as f64 };
            (0..axis.size).map(|value| (axis.single(value), constant)).collect()
        };
        let asked: Vec<Vec<(f64, f64)>> = marginal.attributes().iter().map(single).collect();
        let variances = plan::combined(&self.domain, &precisions, marginal, &asked)?;
        let values = self.table(marginal);
        let estimates = values.into_iter().zip(variances);
        Some(estimates.map(|(value, variance)| Estimate { value, sd: variance.sqrt() }).collect())
    }

    /// The mean and the largest variance of what is asked of a table, with these measurements.
    pub fn variance(&self, marginal: &Marginal) -> Option<Variance> {
        self.domain.check(marginal).ok()?;
        plan::asked_variance(&self.domain, &self.precisions(), marginal)
    }

    /// The covariance of two estimates; `None` when one of them is not determined.
    pub fn covariance(&self, a: &LinearQuery, b: &LinearQuery) -> Option<f64> {
        Some(self.product(&self.coordinates_of(a)?, &self.coordinates_of(b)?))
    }

    /// Several estimates with all that is known of their errors together; `None` when one of them is not determined.
    pub fn joint(&self, queries: &[LinearQuery]) -> Option<Joint> {
        let queries: Vec<Coordinates> =
            queries.iter().map(|query| self.coordinates_of(query)).collect::<Option<_>>()?;
        let touched: Vec<(u32, usize)> = self
            .parts
            .iter()
            .filter(|(mask, _)| queries.iter().any(|query| query.contains_key(mask)))
            .map(|(mask, part)| (*mask, part.coordinates.len()))
            .collect();
        let mut joint = Joint { estimates: Vec::new(), factor: Vec::new() };
        for query in &queries {
            let row: Vec<f64> = touched
                .iter()
                .flat_map(|(mask, length)| {
                    let root = self.parts[mask].precision.sqrt();
                    let own = query.get(mask).map(Vec::as_slice);
                    (0..*length).map(move |at| own.map_or(0.0, |own| own[at] / root))
                })
                .collect();
            let sd = row.iter().map(|c| c * c).sum::<f64>().sqrt();
            joint.estimates.push(Estimate { value: self.value(query), sd });
            joint.factor.push(row);
        }
        Some(joint)
    }

    /// The precision of every part that was measured.
    pub(super) fn precisions(&self) -> Precisions {
        self.parts.iter().map(|(mask, part)| (*mask, part.precision)).collect()
    }

    /// The marginals that were measured, directly or in parts, each with the precision that is its own.
    pub(super) fn own_precisions(&self) -> Vec<(Marginal, f64)> {
        let mut left = self.precisions();
        let mut order: Vec<u32> = left.keys().copied().collect();
        order.sort_by_key(|part| std::cmp::Reverse(part.count_ones()));
        let mut found = Vec::new();
        for part in order {
            // Of parts measured by themselves some precision may be negative: such a marginal is held by larger ones.
            let own = left.get(&part).copied().unwrap_or(0.0).max(0.0);
            for within in parts::subsets(part, self.domain.always()) {
                if let Some(left) = left.get_mut(&within) {
                    *left -= own;
                }
            }
            if own > 0.0 {
                found.push((Marginal::from_mask(part), own / self.domain.left_out(part)));
            }
        }
        found
    }

    /// The estimates of a marginal's cells, from the parts within it.
    pub(super) fn table(&self, marginal: &Marginal) -> Vec<f64> {
        let scale = self.domain.left_out(marginal.mask()).sqrt();
        let mut coordinates = vec![0.0; marginal.cells(&self.domain)];
        parts::walk(&self.domain, marginal, |at, part, place| {
            if let Some(part) = self.parts.get(&part) {
                coordinates[at] = part.coordinates[place] * scale;
            }
        });
        steps(&self.domain.axes_of(marginal), coordinates, Step::Table)
    }

    /// Every coordinate of the whole domain: its precision, and its estimate.
    pub(super) fn dense(&self) -> Vec<(f64, f64)> {
        let mut dense = vec![(0.0, 0.0); self.domain.cells()];
        parts::walk(&self.domain, &Marginal::all(&self.domain), |at, part, place| {
            if let Some(part) = self.parts.get(&part) {
                dense[at] = (part.precision, part.coordinates[place]);
            }
        });
        dense
    }

    /// A query's coordinates, if it lies in the measured parts of this domain.
    fn coordinates_of(&self, query: &LinearQuery) -> Option<Coordinates> {
        if !query.fits(&self.domain) {
            return None;
        }
        self.domain.check(query.marginal()).ok()?;
        let marginal = query.marginal();
        let scale = self.domain.left_out(marginal.mask()).sqrt();
        let table = steps(&self.domain.axes_of(marginal), query.coefficients().to_vec(), Step::Query);
        let mut coordinates = Coordinates::new();
        let (mut inside, mut outside) = (0.0, 0.0);
        parts::walk(&self.domain, marginal, |at, mask, place| {
            let value = table[at] * scale;
            match self.parts.get(&mask) {
                Some(part) => {
                    inside += value * value;
                    coordinates.entry(mask).or_insert_with(|| vec![0.0; part.coordinates.len()])[place] =
                        value;
                }
                None => outside += value * value,
            }
        });
        (outside <= OUTSIDE * inside).then_some(coordinates)
    }

    fn value(&self, query: &Coordinates) -> f64 {
        let terms = query.iter().map(|(mask, own)| {
            let known = &self.parts[mask].coordinates;
            own.iter().zip(known).map(|(a, b)| a * b).sum::<f64>()
        });
        terms.sum()
    }

    /// The inner product in which lengths are variances.
    fn product(&self, a: &Coordinates, b: &Coordinates) -> f64 {
        let terms = a.iter().filter_map(|(mask, a)| {
            let together: f64 = a.iter().zip(b.get(mask)?).map(|(a, b)| a * b).sum();
            Some(together / self.parts[mask].precision)
        });
        terms.sum()
    }
}

/// Adds a measurement to the weighted sums of the parts that it says something about.
fn add(domain: &Domain, one: &Measured, parts: &mut BTreeMap<u32, Part>) -> Result<(), PrivacyError> {
    let values = one.values.iter().map(|value| *value as f64).collect();
    let decoded = steps(&domain.axes_of(&one.marginal), values, Step::Decode(one.form));
    // A table's coordinate is ∏√(sizes left out) times that of the whole.
    let scale = domain.left_out(one.marginal.mask()).sqrt();
    let added: BTreeMap<u32, f64> =
        plan::added(domain, &one.marginal, one.form, one.sigma).into_iter().collect();
    for (mask, precision) in &added {
        let part = parts.entry(*mask).or_default();
        part.coordinates.resize(parts::dimension(domain, *mask), 0.0);
        part.precision += precision;
    }
    let mut put = |value: f64, mask: u32, place: usize| {
        if let (Some(precision), Some(part)) = (added.get(&mask), parts.get_mut(&mask)) {
            part.coordinates[place] += precision * value / scale;
        }
    };
    let mask = one.marginal.mask() & domain.telling();
    let (expected, problem) = match one.form {
        Form::Whole => {
            (one.marginal.cells(domain), "as a whole, with ranges, which are measured beside their sum")
        }
        Form::Apart => (parts::dimension(domain, mask), "apart along an attribute with one value"),
    };
    if decoded.len() != expected {
        return Err(PrivacyError::Mismatch(format!(
            "the table over attributes {:?} was measured {problem}: no plan says so, the measurement was changed",
            one.marginal.attributes()
        )));
    }
    match one.form {
        Form::Whole => parts::walk(domain, &one.marginal, |at, mask, place| put(decoded[at], mask, place)),
        Form::Apart => decoded.iter().enumerate().for_each(|(place, value)| put(*value, mask, place)),
    }
    Ok(())
}
