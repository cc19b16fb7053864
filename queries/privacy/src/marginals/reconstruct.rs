//! Generalised least squares over everything that was measured.

use serde::{Deserialize, Serialize};

use super::{Domain, Estimate, LinearQuery, Marginal, basis, plan};
use crate::PrivacyError;

/// A query whose squared length outside the measured parts is below this part of the whole lies
/// within them.
const OUTSIDE: f64 = 1e-20;

/// One marginal with its noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which.
    pub marginal: Marginal,
    /// σ of the noise in every cell.
    pub sigma: f64,
    /// The noised counts, row-major over the marginal's attributes.
    pub values: Vec<i64>,
}

/// All measurements of one domain, combined into the best linear unbiased estimates.
///
/// The measurements' information matrix has the parts of the domain as eigenspaces, so no system is
/// ever solved: in the basis of the parts it is diagonal.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    domain: Domain,
    /// The precision of every part; 0 where nothing was measured.
    parts: Vec<f64>,
    /// The part of every coordinate.
    part_of: Vec<usize>,
    /// The estimate's coordinates, 0 where nothing was measured.
    coordinates: Vec<f64>,
    /// The estimate itself, one value a cell; only sums in measured parts mean anything.
    cells: Vec<f64>,
    /// The measured marginals and their precisions.
    pub(super) measured: Vec<(Marginal, f64)>,
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

impl Reconstruction {
    /// Combines measurements of one domain. The same marginal may have been measured several times.
    pub fn new(domain: Domain, measured: &[Measured]) -> Result<Self, PrivacyError> {
        if measured.is_empty() {
            return Err(PrivacyError::Mismatch("there is no measurement to reconstruct from".into()));
        }
        let mut cells = vec![0.0; domain.cells()];
        let mut precisions = Vec::with_capacity(measured.len());
        for one in measured {
            domain.check(&one.marginal)?;
            let expected = one.marginal.cells(&domain);
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
            for (cell, index) in cells.iter_mut().zip(domain.projection(&one.marginal)) {
                *cell += precision * one.values[index] as f64;
            }
            precisions.push((one.marginal.clone(), precision));
        }
        let parts = plan::part_precisions(&domain, precisions.iter().map(|(m, p)| (m, *p)));
        let part_of = basis::parts(&domain);
        basis::analyse(&domain, &mut cells);
        let coordinates: Vec<f64> = cells
            .iter()
            .zip(&part_of)
            .map(|(value, part)| if parts[*part] > 0.0 { value / parts[*part] } else { 0.0 })
            .collect();
        cells.clone_from(&coordinates);
        basis::synthesise(&domain, &mut cells);
        Ok(Self { domain, parts, part_of, coordinates, cells, measured: precisions })
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The best linear unbiased estimate; `None` when the measurements do not determine it.
    pub fn estimate(&self, query: &LinearQuery) -> Option<Estimate> {
        let query = self.coordinates_of(query)?;
        let value = query.iter().zip(&self.coordinates).map(|(a, b)| a * b).sum();
        Some(Estimate { value, sd: self.product(&query, &query).sqrt() })
    }

    /// All cells of a marginal, row-major, all with the same standard deviation; `None` when the
    /// measurements do not determine them.
    pub fn marginal(&self, marginal: &Marginal) -> Option<Vec<Estimate>> {
        self.domain.check(marginal).ok()?;
        let sd = plan::cell_variance(&self.domain, &self.parts, marginal.mask())?.sqrt();
        let mut values = vec![0.0; marginal.cells(&self.domain)];
        for (index, cell) in self.domain.projection(marginal).into_iter().zip(&self.cells) {
            values[index] += cell;
        }
        Some(values.into_iter().map(|value| Estimate { value, sd }).collect())
    }

    /// The covariance of two estimates; `None` when one of them is not determined.
    pub fn covariance(&self, a: &LinearQuery, b: &LinearQuery) -> Option<f64> {
        Some(self.product(&self.coordinates_of(a)?, &self.coordinates_of(b)?))
    }

    /// Several estimates with all that is known of their errors together; `None` when one of them is not determined.
    pub fn joint(&self, queries: &[LinearQuery]) -> Option<Joint> {
        let mut joint = Joint { estimates: Vec::new(), factor: Vec::new() };
        for query in queries {
            let mut coordinates = self.coordinates_of(query)?;
            let value = coordinates.iter().zip(&self.coordinates).map(|(a, b)| a * b).sum();
            for (coordinate, part) in coordinates.iter_mut().zip(&self.part_of) {
                let precision = self.parts[*part];
                *coordinate = if precision > 0.0 { *coordinate / precision.sqrt() } else { 0.0 };
            }
            let sd = coordinates.iter().map(|c| c * c).sum::<f64>().sqrt();
            joint.estimates.push(Estimate { value, sd });
            joint.factor.push(coordinates);
        }
        Some(joint)
    }

    /// A query's coordinates, if it lies in the measured parts of this domain.
    fn coordinates_of(&self, query: &LinearQuery) -> Option<Vec<f64>> {
        if query.coefficients().len() != self.domain.cells() {
            return None;
        }
        let mut coordinates = query.coefficients().to_vec();
        basis::analyse(&self.domain, &mut coordinates);
        let (mut inside, mut outside) = (0.0, 0.0);
        for (value, part) in coordinates.iter().zip(&self.part_of) {
            *(if self.parts[*part] > 0.0 { &mut inside } else { &mut outside }) += value * value;
        }
        (outside <= OUTSIDE * inside).then_some(coordinates)
    }

    /// The inner product in which lengths are variances.
    fn product(&self, a: &[f64], b: &[f64]) -> f64 {
        let terms = a.iter().zip(b).zip(&self.part_of).filter(|(_, part)| self.parts[**part] > 0.0);
        terms.map(|((a, b), part)| a * b / self.parts[*part]).sum()
    }

    /// The estimate over all cells.
    pub(super) fn cells(&self) -> &[f64] {
        &self.cells
    }

    /// The gradient of half the squared misfit, Σ precision · (fitted − measured)², at a table.
    pub(super) fn gradient(&self, table: &[f64], gradient: &mut Vec<f64>) {
        gradient.clear();
        gradient.extend_from_slice(table);
        basis::analyse(&self.domain, gradient);
        for ((value, fitted), part) in gradient.iter_mut().zip(&self.coordinates).zip(&self.part_of) {
            *value = (*value - fitted) * self.parts[*part];
        }
        basis::synthesise(&self.domain, gradient);
    }

    /// The largest precision of a part: the gradient's Lipschitz constant.
    pub(super) fn steepest(&self) -> f64 {
        self.parts.iter().copied().fold(0.0, f64::max)
    }
}
