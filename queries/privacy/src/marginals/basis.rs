//! An orthonormal basis in which every part of the space of tables is a set of coordinates.
//!
//! Along each attribute the first basis vector is constant and the others sum to zero (Helmert's). A
//! coordinate of the product basis belongs to the part A of the attributes in which its index is not
//! the first. Each direction takes one pass of prefix sums, so a change of basis costs
//! cells × attributes.

use super::Domain;

/// Applies `along` to every line of the table along every attribute.
fn lines(domain: &Domain, table: &mut [f64], along: impl Fn(&mut [f64])) {
    let mut stride = table.len();
    let mut line = Vec::new();
    for &size in domain.sizes() {
        let block = stride;
        stride /= size;
        if size == 1 {
            continue;
        }
        for start in (0..table.len()).step_by(block) {
            for offset in start..start + stride {
                line.clear();
                line.extend((0..size).map(|i| table[offset + i * stride]));
                along(&mut line);
                for (i, value) in line.iter().enumerate() {
                    table[offset + i * stride] = *value;
                }
            }
        }
    }
}

/// 1/√(j(j+1)): the length of the jth contrast.
fn unit(j: usize) -> f64 {
    1.0 / ((j * (j + 1)) as f64).sqrt()
}

/// Coordinates of a table.
pub(super) fn analyse(domain: &Domain, table: &mut [f64]) {
    lines(domain, table, |line| {
        let mut before = line[0];
        for (j, slot) in line.iter_mut().enumerate().skip(1) {
            let value = *slot;
            *slot = (before - j as f64 * value) * unit(j);
            before += value;
        }
        line[0] = before / (line.len() as f64).sqrt();
    });
}

/// The table with these coordinates.
pub(super) fn synthesise(domain: &Domain, coordinates: &mut [f64]) {
    lines(domain, coordinates, |line| {
        let mut after = line[0] / (line.len() as f64).sqrt();
        for (j, slot) in line.iter_mut().enumerate().skip(1).rev() {
            let contrast = *slot * unit(j);
            *slot = after - j as f64 * contrast;
            after += contrast;
        }
        line[0] = after;
    });
}

/// The part that each coordinate belongs to, as a set of attributes.
pub(super) fn parts(domain: &Domain) -> Vec<usize> {
    let mut parts = vec![0; domain.cells()];
    let mut stride = domain.cells();
    for (attribute, size) in domain.sizes().iter().enumerate() {
        stride /= size;
        for (cell, part) in parts.iter_mut().enumerate() {
            if !(cell / stride).is_multiple_of(*size) {
                *part |= 1 << attribute;
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use super::*;

    #[test]
    fn orthonormal_and_invertible() {
        let domain = Domain::new(vec![3, 1, 4, 2]).unwrap();
        let cells = domain.cells();
        let basis: Vec<Vec<f64>> = (0..cells)
            .map(|i| {
                let mut table = vec![0.0; cells];
                table[i] = 1.0;
                analyse(&domain, &mut table);
                table
            })
            .collect();
        for (i, a) in basis.iter().enumerate() {
            for (j, b) in basis.iter().enumerate() {
                let dot: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
                assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
            let mut back = a.clone();
            synthesise(&domain, &mut back);
            assert!(back.iter().enumerate().all(|(j, v)| (v - f64::from(u8::from(i == j))).abs() < 1e-12));
        }
    }

    /// A table that depends on two attributes only has coordinates in their parts only.
    #[test]
    fn parts_separate_marginals() {
        let domain = Domain::new(vec![3, 2, 4]).unwrap();
        let mut table: Vec<f64> =
            (0..24).map(|cell| f64::from(cell / 8 * 7 + (cell % 4) * (cell % 4))).collect();
        analyse(&domain, &mut table);
        for (value, part) in table.iter().zip(parts(&domain)) {
            assert!(part & 0b010 == 0 || value.abs() < 1e-12, "part {part:b}: {value}");
        }
    }
}
