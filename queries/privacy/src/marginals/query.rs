//! Linear questions about the cells, and their estimates.

use serde::{Deserialize, Serialize};

use super::{Domain, Marginal};
use crate::PrivacyError;

/// A linear combination of cells: coefficients over the cells of one marginal, the same for whatever it leaves out.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearQuery {
    marginal: Marginal,
    coefficients: Vec<f64>,
    sizes: Vec<usize>,
}

impl LinearQuery {
    /// Any coefficients, one a cell of the domain, row-major.
    pub fn new(domain: &Domain, coefficients: Vec<f64>) -> Result<Self, PrivacyError> {
        Self::of(domain, &Marginal::all(domain), coefficients)
    }

    /// Any coefficients, one a cell of a marginal, row-major.
    pub fn of(domain: &Domain, marginal: &Marginal, coefficients: Vec<f64>) -> Result<Self, PrivacyError> {
        if let Some(last) = marginal.attributes().last().filter(|last| **last >= domain.sizes().len()) {
            return Err(PrivacyError::Mismatch(format!(
                "a query names attribute {last}, and the domain has {} attributes, counted from 0",
                domain.sizes().len()
            )));
        }
        let sizes: Vec<usize> = marginal.attributes().iter().map(|a| domain.sizes()[*a]).collect();
        let cells: usize = sizes.iter().product();
        if coefficients.len() != cells {
            return Err(PrivacyError::Mismatch(format!(
                "a query has {} coefficients, and its table has {cells} cells",
                coefficients.len()
            )));
        }
        if coefficients.iter().all(|c| c.is_finite()) {
            Ok(Self { marginal: marginal.clone(), coefficients, sizes })
        } else {
            Err(PrivacyError::Mismatch("a query has a coefficient that is not a number".into()))
        }
    }

    /// The sum over all cells.
    pub fn total() -> Self {
        Self { marginal: Marginal::new([]), coefficients: vec![1.0], sizes: Vec::new() }
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
        let marginal = Marginal::new(sets.iter().map(|(attribute, _)| *attribute));
        let cells = marginal.cells(domain);
        let mut query = Self::of(domain, &marginal, vec![1.0; cells])?;
        for (attribute, values) in sets {
            let size = domain.sizes()[*attribute];
            if let Some(value) = values.iter().find(|value| **value >= size) {
                return Err(PrivacyError::Mismatch(format!(
                    "a query names value {value} of attribute {attribute}, which has {size} values, counted from 0"
                )));
            }
            let after: usize =
                marginal.attributes().iter().filter(|a| *a > attribute).map(|a| domain.sizes()[*a]).product();
            for (cell, coefficient) in query.coefficients.iter_mut().enumerate() {
                if !values.contains(&(cell / after % size)) {
                    *coefficient = 0.0;
                }
            }
        }
        Ok(query)
    }

    /// This query plus `factor` times another of the same domain: −1 gives the difference.
    #[must_use]
    pub fn plus(&self, factor: f64, other: &Self) -> Self {
        let marginal =
            Marginal::new(self.marginal.attributes().iter().chain(other.marginal.attributes()).copied());
        let size_of = |attribute: &usize| {
            let found = |query: &Self| {
                query.marginal.attributes().iter().position(|a| a == attribute).map(|at| query.sizes[at])
            };
            found(self).or_else(|| found(other)).unwrap_or(1)
        };
        let sizes: Vec<usize> = marginal.attributes().iter().map(size_of).collect();
        let (a, b) = (self.spread(&marginal, &sizes), other.spread(&marginal, &sizes));
        let coefficients = a.iter().zip(b).map(|(a, b)| a + factor * b).collect();
        Self { marginal, coefficients, sizes }
    }

    /// The coefficients over a marginal that contains this one.
    fn spread(&self, wider: &Marginal, sizes: &[usize]) -> Vec<f64> {
        let mut index = vec![0; sizes.iter().product()];
        let mut after: usize = index.len();
        for (attribute, size) in wider.attributes().iter().zip(sizes) {
            after /= size;
            if self.marginal.attributes().contains(attribute) {
                for (cell, slot) in index.iter_mut().enumerate() {
                    *slot = *slot * size + cell / after % size;
                }
            }
        }
        index.into_iter().map(|at: usize| self.coefficients[at]).collect()
    }

    /// The marginal that it is about.
    pub fn marginal(&self) -> &Marginal {
        &self.marginal
    }

    /// The coefficients, one a cell of the marginal.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    pub(super) fn fits(&self, domain: &Domain) -> bool {
        let mut sizes = self.marginal.attributes().iter().map(|attribute| domain.sizes().get(*attribute));
        sizes.by_ref().zip(&self.sizes).all(|(domain, own)| domain == Some(own))
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
