//! The orthogonal parts of the space of tables that a workload touches.
//!
//! A set of attributes stands for the part that varies with each of them and with nothing less. A table is the sum of the parts
//! within its attributes. Nothing here ever has the size of the whole domain.

use std::collections::BTreeMap;

use super::{Domain, Marginal};
use crate::PrivacyError;

/// The most parts that are planned together.
const MAX_PARTS: usize = 1 << 13;

/// All subsets of a set of attributes that have those in `always`, the set itself first.
pub(super) fn subsets(mask: u32, always: u32) -> impl Iterator<Item = u32> {
    let free = mask & !always;
    let mut next = Some(free);
    std::iter::from_fn(move || {
        let current = next?;
        next = (current != 0).then(|| (current - 1) & free);
        Some(current | always)
    })
}

/// The parts of a domain within a table, without those that are empty.
pub(super) fn within(domain: &Domain, table: &Marginal) -> impl Iterator<Item = u32> + use<> {
    subsets(table.mask() & domain.telling(), domain.always())
}

/// Every part within one of the tables, ascending.
pub(super) fn closure<'a>(
    domain: &Domain,
    tables: impl Iterator<Item = &'a Marginal>,
) -> Result<Vec<u32>, PrivacyError> {
    let mut parts = std::collections::BTreeSet::new();
    for table in tables {
        if table.attributes().len() <= MAX_PARTS.ilog2() as usize {
            parts.extend(within(domain, table));
        }
        if parts.len() > MAX_PARTS || table.attributes().len() > MAX_PARTS.ilog2() as usize {
            return Err(PrivacyError::Domain(format!(
                "the tables hold more than {MAX_PARTS} smaller ones, which is more than can be planned together: split the theme, or leave out tables over many dimensions"
            )));
        }
    }
    Ok(parts.into_iter().collect())
}

/// A precision for each part.
pub(super) type Precisions = BTreeMap<u32, f64>;

/// What a part adds to the variance of an answer at precision 1, from what the answer's attributes are asked
/// ([`super::axis::Axis::asked`]), in the order of the table's attributes.
pub(super) fn contribution(domain: &Domain, table: &Marginal, asked: &[(f64, f64)], part: u32) -> f64 {
    let inside =
        table.attributes().iter().zip(asked).fold(1.0, |product, (attribute, (varying, constant))| {
            product * if part >> attribute & 1 == 1 { varying } else { constant }
        });
    inside * domain.left_out(table.mask())
}

/// The price of a part at precision 1, in units of 2ρ: the most that one unit adds to its precision.
pub(super) fn price(domain: &Domain, part: u32) -> f64 {
    domain.sizes().iter().enumerate().fold(1.0, |product, (attribute, size)| {
        let n = *size as f64;
        product
            * if part >> attribute & 1 == 0 {
                1.0 / n
            } else if domain.axis(attribute).is_plain() {
                (n - 1.0) / n
            } else {
                1.0
            }
    })
}

/// Calls with every coordinate of a table over a marginal, row-major: its part, and its place among that part's.
pub(super) fn walk(domain: &Domain, marginal: &Marginal, mut visit: impl FnMut(usize, u32, usize)) {
    let attributes = marginal.attributes();
    let sizes: Vec<usize> = attributes.iter().map(|a| domain.sizes()[*a]).collect();
    let always = domain.always();
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    let mut digits = vec![0; attributes.len()];
    let count: usize = sizes.iter().product();
    for at in 0..count {
        let part = attributes.iter().zip(&digits).fold(0, |part, (attribute, digit)| {
            let bit = 1 << attribute;
            if *digit > 0 || always & bit != 0 { part | bit } else { part }
        });
        let place = places.entry(part).or_insert(0);
        visit(at, part, *place);
        *place += 1;
        for (digit, size) in digits.iter_mut().zip(&sizes).rev() {
            *digit += 1;
            if *digit < *size {
                break;
            }
            *digit = 0;
        }
    }
}

/// How many coordinates a part has.
pub(super) fn dimension(domain: &Domain, part: u32) -> usize {
    let inside = domain.sizes().iter().enumerate().filter(|(i, _)| part >> i & 1 == 1);
    inside.map(|(i, size)| if domain.axis(i).always_in { *size } else { size - 1 }).product()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Attribute;
    use super::*;

    #[test]
    fn subsets_hold_what_is_always_there() {
        assert_eq!(subsets(0b1011, 0b0010).collect::<Vec<_>>(), [0b1011, 0b1010, 0b0011, 0b0010]);
        assert_eq!(subsets(0, 0).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn every_coordinate_has_its_place() {
        let domain = Domain::of(vec![
            Attribute::nominal(3),
            Attribute::prefixes(2).unwrap(),
            Attribute::nominal(1),
            Attribute::ranges(4).unwrap(),
        ])
        .unwrap();
        let mut seen: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        let all = Marginal::all(&domain);
        walk(&domain, &all, |_, part, place| seen.entry(part).or_default().push(place));
        assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [0b0010, 0b0011, 0b1010, 0b1011]);
        for (part, places) in seen {
            assert_eq!(places, (0..dimension(&domain, part)).collect::<Vec<_>>());
        }
        let found = closure(&domain, [all].iter()).unwrap();
        assert_eq!(found, [0b0010, 0b0011, 0b1010, 0b1011], "an attribute with one value makes no part");
    }

    #[test]
    fn too_many_parts_are_refused() {
        let domain = Domain::new(vec![2; 14]).unwrap();
        assert!(closure(&domain, [Marginal::all(&domain)].iter()).unwrap_err().to_string().contains("split"));
        let pairs: Vec<Marginal> = (0..14).flat_map(|a| (0..a).map(move |b| Marginal::new([a, b]))).collect();
        assert_eq!(closure(&domain, pairs.iter()).unwrap().len(), 1 + 14 + 91);
    }
}
