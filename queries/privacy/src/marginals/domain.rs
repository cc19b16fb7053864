//! The cells, the tables over them, and how a table is measured.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Kind};
use super::axis::Axis;
use crate::PrivacyError;

/// The most cells a domain may have: the display table is fitted over all of them.
pub const MAX_CELLS: usize = 1 << 21;
/// The L2 sensitivity squared of what is measured is at most this: then 2²⁰ units, more than Oslo has young people, stay within
/// 64 bits wherever they are, and no error after the charge depends on how many there are.
const LARGEST_SENSITIVITY: u128 = 1 << 86;
/// The most attributes a domain may have.
pub const MAX_ATTRIBUTES: usize = 20;

/// The cells over which all tables are marginals: row-major, the last attribute fastest.
#[derive(Debug, Clone)]
pub struct Domain {
    attributes: Vec<Attribute>,
    sizes: Vec<usize>,
    axes: Arc<[Axis]>,
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        self.attributes == other.attributes
    }
}

impl Domain {
    /// A domain of attributes whose single values are asked, with these numbers of values.
    pub fn new(sizes: Vec<usize>) -> Result<Self, PrivacyError> {
        Self::of(sizes.into_iter().map(Attribute::nominal).collect())
    }

    /// A domain of any attributes.
    pub fn of(attributes: Vec<Attribute>) -> Result<Self, PrivacyError> {
        let sizes: Vec<usize> = attributes.iter().map(Attribute::size).collect();
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
        if attributes.iter().filter(|attribute| matches!(attribute.kind(), Kind::Several { .. })).count() > 1
        {
            return Err(PrivacyError::Domain(
                "a unit may be in several values of one attribute of a domain, not of two: split it into themes".into(),
            ));
        }
        let cells = sizes.iter().try_fold(1_usize, |cells, size| cells.checked_mul(*size));
        match cells {
            Some(cells) if cells <= MAX_CELLS => {
                let axes = attributes.iter().map(Axis::new).collect();
                Ok(Self { attributes, sizes, axes })
            }
            _ => Err(PrivacyError::Domain(format!(
                "the domain {sizes:?} has {} cells, and at most {MAX_CELLS} can be planned together: split it into themes, or group codes",
                cells.map_or_else(|| "too many".to_owned(), |cells| cells.to_string())
            ))),
        }
    }

    /// The attributes.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The number of values of each attribute.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.sizes.iter().product()
    }

    /// Refuses a marginal with an attribute that the domain has not, or without one that every table must have.
    pub(super) fn check(&self, marginal: &Marginal) -> Result<(), PrivacyError> {
        if let Some(last) = marginal.attributes().last().filter(|last| **last >= self.sizes.len()) {
            return Err(PrivacyError::Mismatch(format!(
                "a table names attribute {last}, and the domain has {} attributes, counted from 0",
                self.sizes.len()
            )));
        }
        if self.always() & !marginal.mask() != 0 {
            return Err(PrivacyError::Mismatch(format!(
                "the table over attributes {:?} leaves out one over which persons cannot be summed: every table must have it",
                marginal.attributes()
            )));
        }
        Ok(())
    }

    /// The attributes that every table has.
    pub(super) fn always(&self) -> u32 {
        self.mask_of(|axis| axis.always_in)
    }

    /// The attributes that make a difference: one with a single value that can be summed over makes none.
    pub(super) fn telling(&self) -> u32 {
        self.mask_of(|axis| axis.always_in || axis.size > 1)
    }

    fn mask_of(&self, wanted: impl Fn(&Axis) -> bool) -> u32 {
        self.axes.iter().enumerate().filter(|(_, axis)| wanted(axis)).fold(0, |mask, (i, _)| mask | 1 << i)
    }

    pub(super) fn axis(&self, attribute: usize) -> &Axis {
        &self.axes[attribute]
    }

    pub(super) fn axes_of(&self, marginal: &Marginal) -> Vec<&Axis> {
        marginal.attributes().iter().map(|attribute| self.axis(*attribute)).collect()
    }

    /// The product of the sizes of the attributes that `mask` leaves out.
    pub(super) fn left_out(&self, mask: u32) -> f64 {
        let outside = self.sizes.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 0);
        outside.map(|(_, size)| *size as f64).product()
    }

    /// For every cell of the domain, the cell of the marginal it falls into.
    pub(super) fn projection(&self, marginal: &Marginal) -> Vec<u32> {
        let mut index = vec![0; self.cells()];
        let mut after = self.cells();
        for (attribute, size) in self.sizes.iter().enumerate() {
            after /= size;
            if marginal.attributes().contains(&attribute) {
                for (cell, slot) in index.iter_mut().enumerate() {
                    // Below MAX_CELLS.
                    #[allow(clippy::cast_possible_truncation)]
                    let (digit, base) = ((cell / after % size) as u32, *size as u32);
                    *slot = *slot * base + digit;
                }
            }
        }
        index
    }

    /// Of what one unit more changes the measured values by, the square of the L2 norm.
    ///
    /// # Privacy
    /// A unit is in one cell of a marginal, or has a vector over one attribute of norm at most `norm` ([`Kind::Several`]) and one
    /// value of every other. What is measured is the product of a matrix for each attribute, and the norm of a product of columns
    /// is the product of their norms: at most the largest of each.
    pub fn sensitivity_squared(&self, marginal: &Marginal, form: Form) -> Result<u128, PrivacyError> {
        self.check(marginal)?;
        let squares = marginal
            .attributes()
            .iter()
            .map(|attribute| self.attributes[*attribute].sensitivity_squared(form == Form::Apart));
        let product = squares.into_iter().try_fold(1_u128, u128::checked_mul);
        let product = product.filter(|product| *product <= LARGEST_SENSITIVITY).ok_or_else(|| {
            PrivacyError::Domain(format!(
                "what is measured of the table over attributes {:?} has numbers too large for 64 bits: leave out an attribute with an order",
                marginal.attributes()
            ))
        })?;
        if product > 0 { Ok(product) } else { Err(PrivacyError::SensitivityOutOfRange { value: 0 }) }
    }

    /// What is measured of a marginal's counts: in [`Form::Whole`] the counts themselves but for attributes with a strategy.
    /// Counts of [`Kind::Several`] come in parts of a unit.
    pub fn encode(
        &self,
        marginal: &Marginal,
        form: Form,
        counts: Vec<i64>,
    ) -> Result<Vec<i64>, PrivacyError> {
        self.check(marginal)?;
        let mut shape: Vec<usize> =
            marginal.attributes().iter().map(|attribute| self.sizes[*attribute]).collect();
        if counts.len() != shape.iter().product::<usize>() {
            return Err(PrivacyError::Mismatch(
                "a marginal has not the cells that its domain gives it".into(),
            ));
        }
        let mut table = counts;
        for (at, attribute) in marginal.attributes().iter().enumerate() {
            let attribute = &self.attributes[*attribute];
            let (before, after) = (shape[at], Form::rows(attribute));
            let stride: usize = shape[at + 1..].iter().product();
            let blocks: usize = shape[..at].iter().product();
            let mut out = vec![0; blocks * after * stride];
            let mut line = vec![0; before];
            for (block, i) in (0..blocks).flat_map(|block| (0..stride).map(move |i| (block, i))) {
                for (k, slot) in line.iter_mut().enumerate() {
                    *slot = table[(block * before + k) * stride + i];
                }
                for (k, value) in form.encode(attribute, &line)?.into_iter().enumerate() {
                    out[(block * after + k) * stride + i] = value;
                }
            }
            table = out;
            shape[at] = after;
        }
        Ok(table)
    }

    /// How many values are measured of a marginal.
    pub fn measured_values(&self, marginal: &Marginal) -> usize {
        marginal.attributes().iter().filter_map(|a| self.attributes.get(*a)).map(Form::rows).product()
    }
}

/// How a marginal is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The counts as they are: says something about every table within.
    #[default]
    Whole,
    /// What varies with every attribute of it and with nothing less: along an attribute with n single values, n times each less
    /// the sum of all.
    Apart,
}

impl Form {
    /// How many values are measured along an attribute.
    pub(super) fn rows(attribute: &Attribute) -> usize {
        match attribute.kind() {
            Kind::Nominal | Kind::Several { .. } => attribute.size(),
            Kind::Ranges(strategy) | Kind::Prefixes(strategy) => strategy.rows().len(),
        }
    }

    /// Measures a line along an attribute.
    pub(super) fn encode(self, attribute: &Attribute, line: &[i64]) -> Result<Vec<i64>, PrivacyError> {
        let too_large =
            || PrivacyError::Mismatch("the counts are too large to be measured with whole numbers".into());
        let product = |row: &[i64]| {
            let mut terms = row.iter().zip(line).map(|(weight, value)| weight.checked_mul(*value));
            terms.try_fold(0_i64, |sum, term| sum.checked_add(term?)).ok_or_else(too_large)
        };
        match attribute.kind() {
            Kind::Ranges(strategy) | Kind::Prefixes(strategy) => {
                strategy.rows().iter().map(|row| product(row)).collect()
            }
            Kind::Nominal if self == Self::Apart => {
                let size = i64::try_from(line.len()).map_err(|_| too_large())?;
                let all = product(&vec![1; line.len()])?;
                line.iter()
                    .map(|value| size.checked_mul(*value)?.checked_sub(all))
                    .map(|v| v.ok_or_else(too_large))
                    .collect()
            }
            Kind::Nominal | Kind::Several { .. } => Ok(line.to_vec()),
        }
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

    /// Attributes beyond the most that a domain may have are in no mask: [`Domain::check`] refuses them.
    pub(super) fn mask(&self) -> u32 {
        self.0.iter().filter(|a| **a < MAX_ATTRIBUTES).fold(0, |mask, attribute| mask | 1 << attribute)
    }

    pub(super) fn from_mask(mask: u32) -> Self {
        Self((0..MAX_ATTRIBUTES).filter(|i| mask >> i & 1 == 1).collect())
    }

    /// All attributes of a domain.
    pub(super) fn all(domain: &Domain) -> Self {
        Self((0..domain.sizes.len()).collect())
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
        assert!(Domain::new(vec![2000, 2000]).unwrap_err().to_string().contains("4000000 cells"));
        assert!(Domain::new(vec![usize::MAX, 2]).is_err());
        assert!(Domain::new(vec![1; 21]).is_err());
        let months = Attribute::several(12, 1024, 2048).unwrap();
        assert!(Domain::of(vec![months.clone(), months]).is_err());
    }

    #[test]
    fn workloads_are_checked() {
        let domain = Domain::new(vec![2, 3]).unwrap();
        let with = |attributes: Vec<usize>, weight: f64| {
            Workload::new(domain.clone(), vec![(Marginal::new(attributes), weight)])
        };
        assert!(with(vec![0, 1], 1.0).is_ok());
        assert!(with(vec![2], 1.0).unwrap_err().to_string().contains("attribute 2"));
        assert!(with(vec![0, 40], 1.0).is_err());
        assert!(with(vec![0], 0.0).is_err() && with(vec![0], f64::NAN).is_err());
        assert!(Workload::new(domain.clone(), vec![]).is_err());
        let to_date = Domain::of(vec![Attribute::nominal(2), Attribute::prefixes(3).unwrap()]).unwrap();
        assert!(Workload::new(to_date.clone(), vec![(Marginal::new([1]), 1.0)]).is_ok());
        let without = Workload::new(to_date, vec![(Marginal::new([0]), 1.0)]);
        assert!(without.unwrap_err().to_string().contains("cannot be summed"));
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

    /// Whatever cell a unit is in, it changes what is measured by the stated norm at most, and some unit by all of it.
    #[test]
    fn a_unit_changes_what_is_measured_by_its_norm() {
        let domain = Domain::of(vec![
            Attribute::nominal(3),
            Attribute::ranges(4).unwrap(),
            Attribute::prefixes(3).unwrap(),
        ])
        .unwrap();
        for (attributes, form) in
            [(vec![0, 2], Form::Whole), (vec![0, 1, 2], Form::Apart), (vec![2], Form::Apart)]
        {
            let marginal = Marginal::new(attributes);
            let cells = marginal.cells(&domain);
            let squares = (0..cells).map(|cell| {
                let mut counts = vec![0; cells];
                counts[cell] = 1;
                let measured = domain.encode(&marginal, form, counts).unwrap();
                assert_eq!(measured.len(), domain.measured_values(&marginal));
                measured.iter().map(|v| u128::from(v.unsigned_abs()).pow(2)).sum::<u128>()
            });
            assert_eq!(
                squares.max().unwrap(),
                domain.sensitivity_squared(&marginal, form).unwrap(),
                "{form:?}"
            );
        }
        // Of one who is in several months, the parts have the norm over the months, whatever else is tabulated.
        let several =
            Domain::of(vec![Attribute::several(3, 10, 14).unwrap(), Attribute::nominal(2)]).unwrap();
        let both = Marginal::new([0, 1]);
        assert_eq!(several.sensitivity_squared(&both, Form::Whole).unwrap(), 14 * 14);
        let parts = several.encode(&both, Form::Whole, vec![9, 0, 9, 0, 0, 0]).unwrap();
        assert!(parts.iter().map(|v| v * v).sum::<i64>() <= 14 * 14);
        let apart = several.encode(&both, Form::Apart, vec![9, 0, 9, 0, 0, 0]).unwrap();
        let norm: i64 = apart.iter().map(|v| v * v).sum();
        assert!(u128::from(norm.unsigned_abs()) <= several.sensitivity_squared(&both, Form::Apart).unwrap());
        let huge =
            Domain::new(vec![4]).unwrap().encode(&Marginal::new([0]), Form::Apart, vec![i64::MAX / 2; 4]);
        assert!(huge.is_err());
    }
}
