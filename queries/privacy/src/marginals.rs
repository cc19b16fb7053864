//! Many tables from one budget.
use serde::{Deserialize, Serialize};

use crate::{PrivacyError, Rho};

/// The most cells a domain may have.
pub const MAX_CELLS: usize = 4096;

/// The cells over which all tables are marginals: row-major, the last attribute fastest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    sizes: Vec<usize>,
}
impl Domain {
    /// A domain of attributes with these numbers of values.
    pub fn new(sizes: Vec<usize>) -> Result<Self, PrivacyError> {
        Ok(Self { sizes })
    }
    /// The number of values of each attribute.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }
    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.sizes.iter().product()
    }
}

/// A table: the attributes kept, ascending. The empty one is the total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Marginal(Vec<usize>);
impl Marginal {
    /// Sorts and removes repetitions.
    pub fn new(attributes: impl IntoIterator<Item = usize>) -> Self {
        let mut a: Vec<usize> = attributes.into_iter().collect();
        a.sort_unstable();
        a.dedup();
        Self(a)
    }
    /// The attributes, ascending.
    pub fn attributes(&self) -> &[usize] {
        &self.0
    }
    /// The number of cells of this table.
    pub fn cells(&self, domain: &Domain) -> usize {
        self.0.iter().map(|a| domain.sizes[*a]).product()
    }
}

/// The tables wanted, with weights on the variance of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    domain: Domain,
    tables: Vec<(Marginal, f64)>,
}
impl Workload {
    /// Checks that every table lies in the domain and has a positive weight.
    pub fn new(domain: Domain, tables: Vec<(Marginal, f64)>) -> Result<Self, PrivacyError> {
        Ok(Self { domain, tables })
    }
    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
    /// The tables.
    pub fn tables(&self) -> &[(Marginal, f64)] {
        &self.tables
    }
}

/// Which marginals to measure, and how precisely.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    domain: Domain,
    measured: Vec<(Marginal, f64)>,
    objective: f64,
}
impl Plan {
    /// The marginals to measure with the precision 1/σ² each at ρ = 1; the precisions sum to 2.
    pub fn measured(&self) -> &[(Marginal, f64)] {
        &self.measured
    }
    /// σ of each measured marginal at a given ρ.
    pub fn sigmas(&self, rho: Rho) -> Vec<(Marginal, f64)> {
        let _ = rho;
        unimplemented!()
    }
    /// The variance of one cell of a table at ρ; `None` when the plan does not determine it.
    pub fn variance(&self, table: &Marginal, rho: Rho) -> Option<f64> {
        let _ = (table, rho);
        unimplemented!()
    }
    /// The weighted sum of variances at ρ = 1: what [`split`] takes.
    pub fn objective(&self) -> f64 {
        self.objective
    }
}
/// The plan with the least weighted sum of variances.
pub fn plan(workload: &Workload) -> Plan {
    let _ = workload;
    unimplemented!()
}
/// Splits ρ over several plans so that the sum of their objectives is least; never above ρ.
pub fn split(objectives: &[f64], rho: Rho) -> Vec<Rho> {
    let _ = (objectives, rho);
    unimplemented!()
}

/// One marginal with its noise: row-major over the marginal's attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which.
    pub marginal: Marginal,
    /// σ of the noise in every cell.
    pub sigma: f64,
    /// The noised counts.
    pub values: Vec<i64>,
}

/// A linear combination of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearQuery {
    coefficients: Vec<f64>,
}
impl LinearQuery {
    /// Any coefficients, one a cell of the domain.
    pub fn new(domain: &Domain, coefficients: Vec<f64>) -> Result<Self, PrivacyError> {
        let _ = domain;
        Ok(Self { coefficients })
    }
    /// The sum over all cells.
    pub fn total(domain: &Domain) -> Self {
        Self { coefficients: vec![1.0; domain.cells()] }
    }
    /// One cell of a marginal, by the values of its attributes.
    pub fn cell(domain: &Domain, marginal: &Marginal, values: &[usize]) -> Result<Self, PrivacyError> {
        let _ = (domain, marginal, values);
        unimplemented!()
    }
    /// The sum over all cells whose attributes lie in the given sets; attributes not named are free.
    pub fn union(domain: &Domain, sets: &[(usize, Vec<usize>)]) -> Result<Self, PrivacyError> {
        let _ = (domain, sets);
        unimplemented!()
    }
    /// This query plus `factor` times another.
    #[must_use]
    pub fn plus(&self, factor: f64, other: &Self) -> Self {
        let _ = (factor, other);
        unimplemented!()
    }
}

/// An unbiased value and its standard deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its standard deviation.
    pub sd: f64,
}

/// All measurements of one domain, combined by generalised least squares.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    domain: Domain,
}
impl Reconstruction {
    /// Combines.
    pub fn new(domain: Domain, measured: &[Measured]) -> Result<Self, PrivacyError> {
        let _ = measured;
        Ok(Self { domain })
    }
    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
    /// The best linear unbiased estimate; `None` when the measurements do not determine it.
    pub fn estimate(&self, query: &LinearQuery) -> Option<Estimate> {
        let _ = query;
        unimplemented!()
    }
    /// All cells of a marginal, row-major; `None` when the measurements do not determine them.
    pub fn marginal(&self, marginal: &Marginal) -> Option<Vec<Estimate>> {
        let _ = marginal;
        unimplemented!()
    }
    /// The covariance of two estimates; `None` when one of them is not determined.
    pub fn covariance(&self, a: &LinearQuery, b: &LinearQuery) -> Option<f64> {
        let _ = (a, b);
        unimplemented!()
    }
}
/// A non-negative whole table over all cells that fits the measurements best; its marginals add up.
pub fn display(reconstruction: &Reconstruction) -> Result<Vec<i64>, PrivacyError> {
    let _ = reconstruction;
    unimplemented!()
}
/// The marginal of a table over all cells.
pub fn marginal_of(domain: &Domain, table: &[i64], marginal: &Marginal) -> Vec<i64> {
    let _ = (domain, table, marginal);
    unimplemented!()
}
