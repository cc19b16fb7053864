//! Linear questions about the cells, and their estimates.

use serde::{Deserialize, Serialize};

use super::{Domain, Marginal};
use crate::PrivacyError;

/// A linear combination of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearQuery {
    coefficients: Vec<f64>,
}

impl LinearQuery {
    /// Any coefficients, one a cell of the domain, row-major.
    pub fn new(domain: &Domain, coefficients: Vec<f64>) -> Result<Self, PrivacyError> {
        if coefficients.len() != domain.cells() {
            return Err(PrivacyError::Mismatch(format!(
                "a query has {} coefficients, and the domain has {} cells",
                coefficients.len(),
                domain.cells()
            )));
        }
        if coefficients.iter().all(|c| c.is_finite()) {
            Ok(Self { coefficients })
        } else {
            Err(PrivacyError::Mismatch("a query has a coefficient that is not a number".into()))
        }
    }

    /// The sum over all cells.
    pub fn total(domain: &Domain) -> Self {
        Self { coefficients: vec![1.0; domain.cells()] }
    }

    /// One cell of a marginal, by the values of its attributes in ascending order.
    pub fn cell(domain: &Domain, marginal: &Marginal, values: &[usize]) -> Result<Self, PrivacyError> {
        if values.len() != marginal.attributes().len() {
            return Err(PrivacyError::Mismatch(format!(
                "a cell is named by {} values, and its table has {} attributes",
                values.len(),
                marginal.attributes().len()
            )));
        }
        let sets: Vec<_> = marginal.attributes().iter().zip(values).map(|(a, v)| (*a, vec![*v])).collect();
        Self::union(domain, &sets)
    }

    /// The sum over all cells whose attributes lie in the given sets of values; attributes not named
    /// are free. An attribute named twice must lie in both sets.
    pub fn union(domain: &Domain, sets: &[(usize, Vec<usize>)]) -> Result<Self, PrivacyError> {
        let mut coefficients = vec![1.0; domain.cells()];
        for (attribute, values) in sets {
            let marginal = Marginal::new([*attribute]);
            domain.check(&marginal)?;
            let size = domain.sizes()[*attribute];
            if let Some(value) = values.iter().find(|value| **value >= size) {
                return Err(PrivacyError::Mismatch(format!(
                    "a query names value {value} of attribute {attribute}, which has {size} values, counted from 0"
                )));
            }
            for (coefficient, value) in coefficients.iter_mut().zip(domain.projection(&marginal)) {
                if !values.contains(&value) {
                    *coefficient = 0.0;
                }
            }
        }
        Ok(Self { coefficients })
    }

    /// This query plus `factor` times another of the same domain: −1 gives the difference.
    #[must_use]
    pub fn plus(&self, factor: f64, other: &Self) -> Self {
        let pairs = self.coefficients.iter().zip(&other.coefficients);
        Self { coefficients: pairs.map(|(a, b)| a + factor * b).collect() }
    }

    /// The coefficients, one a cell.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }
}

/// An unbiased value and its standard deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value. It may be negative, and is not whole.
    pub value: f64,
    /// Its standard deviation.
    pub sd: f64,
}
