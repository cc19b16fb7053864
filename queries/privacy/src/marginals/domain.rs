//! The cells, the tables over them, and which tables are wanted.

use serde::{Deserialize, Serialize};

use crate::PrivacyError;

/// The most cells a domain may have: everything is computed over all of them, and a display table of so
/// many takes seconds.
pub const MAX_CELLS: usize = 1 << 12;
/// The most attributes a domain may have: there are 2^attributes parts.
pub const MAX_ATTRIBUTES: usize = 12;

/// The cells over which all tables are marginals: row-major, the last attribute fastest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Domain {
    sizes: Vec<usize>,
}

impl Domain {
    /// A domain of attributes with these numbers of values.
    pub fn new(sizes: Vec<usize>) -> Result<Self, PrivacyError> {
        if let Some(empty) = sizes.iter().position(|size| *size == 0) {
            return Err(PrivacyError::Domain(format!(
                "attribute {empty} of the domain has no values: its code list is empty"
            )));
        }
        if sizes.len() > MAX_ATTRIBUTES {
            return Err(PrivacyError::Domain(format!(
                "the domain has {} attributes, and at most {MAX_ATTRIBUTES} can be planned together: split it into themes",
                sizes.len()
            )));
        }
        let cells = sizes.iter().try_fold(1_usize, |cells, size| cells.checked_mul(*size));
        match cells {
            Some(cells) if cells <= MAX_CELLS => Ok(Self { sizes }),
            _ => Err(PrivacyError::Domain(format!(
                "the domain {sizes:?} has {} cells, and at most {MAX_CELLS} can be planned together: split it into themes, or group codes",
                cells.map_or_else(|| "too many".to_owned(), |cells| cells.to_string())
            ))),
        }
    }

    /// The number of values of each attribute.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.sizes.iter().product()
    }

    /// Refuses a marginal with an attribute that the domain has not.
    pub(super) fn check(&self, marginal: &Marginal) -> Result<(), PrivacyError> {
        match marginal.attributes().last() {
            Some(last) if *last >= self.sizes.len() => Err(PrivacyError::Mismatch(format!(
                "a table names attribute {last}, and the domain has {} attributes, counted from 0",
                self.sizes.len()
            ))),
            _ => Ok(()),
        }
    }

    /// The product of the sizes of the attributes that `mask` leaves out.
    pub(super) fn left_out(&self, mask: usize) -> f64 {
        let outside = self.sizes.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 0);
        outside.map(|(_, size)| *size as f64).product()
    }

    /// For every cell of the domain, the cell of the marginal it falls into.
    pub(super) fn projection(&self, marginal: &Marginal) -> Vec<usize> {
        let mut index = vec![0; self.cells()];
        let mut after = self.cells();
        for (attribute, size) in self.sizes.iter().enumerate() {
            after /= size;
            if marginal.attributes().contains(&attribute) {
                for (cell, slot) in index.iter_mut().enumerate() {
                    *slot = *slot * size + cell / after % size;
                }
            }
        }
        index
    }
}

/// A table: the attributes kept, ascending. The empty one is the total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marginal(#[serde(deserialize_with = "ascending")] Vec<usize>);

fn ascending<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<usize>, D::Error> {
    Vec::deserialize(deserializer).map(|attributes| Marginal::new(attributes).0)
}

impl Marginal {
    /// Sorts, and removes repetitions. Cells of the table are row-major in ascending attributes.
    pub fn new(attributes: impl IntoIterator<Item = usize>) -> Self {
        let mut attributes: Vec<usize> = attributes.into_iter().collect();
        attributes.sort_unstable();
        attributes.dedup();
        Self(attributes)
    }

    /// The attributes, ascending.
    pub fn attributes(&self) -> &[usize] {
        &self.0
    }

    /// The number of cells of this table. Attributes the domain has not count as one value.
    pub fn cells(&self, domain: &Domain) -> usize {
        self.0.iter().filter_map(|a| domain.sizes.get(*a)).product()
    }

    pub(super) fn mask(&self) -> usize {
        self.0.iter().fold(0, |mask, attribute| mask | 1 << attribute)
    }

    pub(super) fn from_mask(mask: usize) -> Self {
        Self((0..MAX_ATTRIBUTES).filter(|i| mask >> i & 1 == 1).collect())
    }
}

/// The tables wanted, with weights on the variance of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    domain: Domain,
    tables: Vec<(Marginal, f64)>,
}

impl Workload {
    /// Checks that there is a table, that each lies in the domain, and that weights are positive.
    pub fn new(domain: Domain, tables: Vec<(Marginal, f64)>) -> Result<Self, PrivacyError> {
        if tables.is_empty() {
            return Err(PrivacyError::Mismatch("the workload has no table: name at least one".into()));
        }
        for (table, weight) in &tables {
            domain.check(table)?;
            if !(weight.is_finite() && *weight > 0.0) {
                return Err(PrivacyError::Mismatch(format!(
                    "the table over attributes {:?} has the weight {weight}: weights must be positive numbers",
                    table.attributes()
                )));
            }
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use super::*;

    #[test]
    fn sizes_are_checked() {
        assert_eq!(Domain::new(vec![15, 5, 2, 3]).unwrap().cells(), 450);
        assert_eq!(Domain::new(vec![]).unwrap().cells(), 1);
        assert!(Domain::new(vec![3, 0]).unwrap_err().to_string().contains("attribute 1"));
        assert!(Domain::new(vec![200, 200]).unwrap_err().to_string().contains("40000 cells"));
        assert!(Domain::new(vec![usize::MAX, 2]).is_err());
        assert!(Domain::new(vec![1; 13]).is_err());
    }

    #[test]
    fn workloads_are_checked() {
        let domain = Domain::new(vec![2, 3]).unwrap();
        let with = |attributes: Vec<usize>, weight: f64| {
            Workload::new(domain.clone(), vec![(Marginal::new(attributes), weight)])
        };
        assert!(with(vec![0, 1], 1.0).is_ok());
        assert!(with(vec![2], 1.0).unwrap_err().to_string().contains("attribute 2"));
        assert!(with(vec![0], 0.0).is_err() && with(vec![0], f64::NAN).is_err());
        assert!(Workload::new(domain, vec![]).is_err());
    }

    #[test]
    fn projections_are_row_major() {
        let domain = Domain::new(vec![2, 3, 2]).unwrap();
        assert_eq!(domain.projection(&Marginal::new([0, 2])), [0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3]);
        assert_eq!(domain.projection(&Marginal::new([1])), [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]);
        assert!(domain.projection(&Marginal::new([])).iter().all(|cell| *cell == 0));
    }

    #[test]
    fn reading_a_marginal_sorts_it() {
        let read: Marginal = serde_json::from_str("[2, 0, 2]").unwrap();
        assert_eq!(read, Marginal::new([0, 2]));
        assert_eq!(serde_json::to_string(&read).unwrap(), "[0,2]");
    }
}
