//! The change of basis along one attribute.
//!
//! A table x over an attribute's n values and a query w about it are written in coordinates in which w·x is the sum of products
//! and in which measurements have independent errors of equal size. Where the attribute can be summed over, the first coordinate
//! is the constant one, 1/√n of the sum, and the others are what sums to zero; where every table has the attribute, none is.
//!
//! With the precision matrix K that the attribute is measured with (I − J/n for single values), the coordinates of a query are
//! F·w with `FᵀF` = K⁺, and those of a table are F⁻ᵀ·x. For single values both are Helmert's orthonormal contrasts, which cost a pass
//! of prefix sums; otherwise F comes from the eigenvectors of K.

use nalgebra::DMatrix;

use super::attribute::{Attribute, Kind};
use super::domain::Form;
use super::strategy::pseudo_inverse;

/// An attribute with its bases.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) size: usize,
    pub(super) always_in: bool,
    map: Map,
}

#[derive(Debug, Clone)]
enum Map {
    Helmert,
    Dense(Box<Dense>),
}

#[derive(Debug, Clone)]
struct Dense {
    /// From a query to its coordinates.
    query: DMatrix<f64>,
    /// From a table to its coordinates.
    state: DMatrix<f64>,
    /// From measured values to the coordinates that they measure.
    decode: DMatrix<f64>,
    /// The diagonal of K⁺: the variance of a single value at precision 1.
    single: Vec<f64>,
    /// The largest eigenvalue of K.
    steepest: f64,
    /// The sensitivity squared of what is measured: K is what it says, divided by this.
    gain: f64,
}

/// What to do along an axis.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// A query to its coordinates.
    Query,
    /// A table to its coordinates.
    State,
    /// Coordinates to the table.
    Table,
    /// The transpose of [`Step::State`].
    Back,
    /// Measured values to coordinates; measured apart, there is no constant one.
    Decode(Form),
}

impl Axis {
    pub(super) fn new(attribute: &Attribute) -> Self {
        let size = attribute.size();
        let always_in = attribute.is_always_in();
        let measured = match attribute.kind() {
            Kind::Nominal => return Self { size, always_in, map: Map::Helmert },
            Kind::Ranges(strategy) | Kind::Prefixes(strategy) => strategy.matrix(),
            // What is measured counts units in parts of `unit`.
            Kind::Several { unit, .. } => DMatrix::identity(size, size) * *unit as f64,
        };
        let gain = attribute.sensitivity_squared(true) as f64;
        let precision = measured.transpose() * &measured / gain;
        let eigen = precision.clone().symmetric_eigen();
        let largest = eigen.eigenvalues.max();
        let mut order: Vec<usize> = (0..size).filter(|i| eigen.eigenvalues[*i] > 1e-9 * largest).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let constant = usize::from(!always_in);
        let count = order.len() + constant;
        let unit = 1.0 / (size as f64).sqrt();
        let rows = |power: f64| {
            DMatrix::from_fn(count, size, |i, j| match i.checked_sub(constant) {
                None => unit,
                Some(i) => eigen.eigenvectors[(j, order[i])] * eigen.eigenvalues[order[i]].powf(power),
            })
        };
        let (query, state) = (rows(-0.5), rows(0.5));
        // c = F⁻ᵀ·x, and the least squares for x from y = Q·x is K⁺Qᵀy/g².
        let decode = query.rows(constant, order.len()) * measured.transpose() / gain;
        let single = pseudo_inverse(&precision).diagonal().iter().copied().collect();
        let dense = Dense { query, state, decode, single, steepest: largest, gain };
        Self { size, always_in, map: Map::Dense(Box::new(dense)) }
    }

    /// Whether single values are measured as they are.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.map, Map::Helmert)
    }

    /// Variance of a single value at precision 1, apart from what is in the sum.
    pub(super) fn single(&self, value: usize) -> f64 {
        match &self.map {
            Map::Helmert => 1.0 - 1.0 / self.size as f64,
            Map::Dense(dense) => dense.single[value],
        }
    }

    /// The variance of a query at precision 1, and its share in the sum: F·w squared, and (w·1)²/n.
    pub(super) fn asked(&self, query: &[f64]) -> (f64, f64) {
        let coordinates = self.line(query, Step::Query);
        let squares = |part: &[f64]| part.iter().map(|c| c * c).sum::<f64>();
        let constant = usize::from(!self.always_in);
        (squares(&coordinates[constant..]), squares(&coordinates[..constant]))
    }

    /// The largest eigenvalue of K.
    pub(super) fn steepest(&self) -> f64 {
        match &self.map {
            Map::Helmert => 1.0,
            Map::Dense(dense) => dense.steepest,
        }
    }

    /// The precision that measuring along this axis adds at σ = 1.
    pub(super) fn gain(&self, form: Form) -> f64 {
        match (&self.map, form) {
            (Map::Helmert, Form::Whole) => 1.0,
            (Map::Helmert, Form::Apart) => (self.size * self.size) as f64,
            (Map::Dense(dense), _) => dense.gain,
        }
    }

    /// How many numbers a line has after a step, if it had one a value before.
    fn after(&self, step: Step) -> usize {
        match (&self.map, step) {
            (Map::Helmert, Step::Decode(Form::Apart)) => self.size - 1,
            (Map::Dense(dense), Step::Decode(_)) => dense.decode.nrows(),
            _ => self.size,
        }
    }

    fn line(&self, line: &[f64], step: Step) -> Vec<f64> {
        let mut out = line.to_vec();
        self.apply(&mut out, step);
        out
    }

    fn apply(&self, line: &mut Vec<f64>, step: Step) {
        let dense = match &self.map {
            Map::Helmert => {
                match step {
                    Step::Query | Step::State | Step::Decode(Form::Whole) => analyse(line),
                    Step::Table | Step::Back => synthesise(line),
                    Step::Decode(Form::Apart) => {
                        // The values are n times what they measure.
                        let size = line.len() as f64;
                        analyse(line);
                        line.remove(0);
                        for value in line.iter_mut() {
                            *value /= size;
                        }
                    }
                }
                return;
            }
            Map::Dense(dense) => dense,
        };
        let (matrix, transposed) = match step {
            Step::Query => (&dense.query, false),
            Step::State => (&dense.state, false),
            Step::Table => (&dense.query, true),
            Step::Back => (&dense.state, true),
            Step::Decode(_) => (&dense.decode, false),
        };
        let product = |i: usize| -> f64 {
            line.iter()
                .enumerate()
                .map(|(j, value)| value * if transposed { matrix[(j, i)] } else { matrix[(i, j)] })
                .sum()
        };
        let count = if transposed { matrix.ncols() } else { matrix.nrows() };
        let out: Vec<f64> = (0..count).map(product).collect();
        *line = out;
    }
}

/// Takes a step along every axis of a row-major table.
pub(super) fn steps(axes: &[&Axis], table: Vec<f64>, step: Step) -> Vec<f64> {
    let mut shape: Vec<usize> = axes.iter().map(|axis| axis.size).collect();
    let mut table = table;
    for (at, axis) in axes.iter().enumerate() {
        let (before, after) = (axis.size, axis.after(step));
        if before == 1 && after == 1 && matches!(axis.map, Map::Helmert) {
            continue;
        }
        let stride: usize = shape[at + 1..].iter().product();
        let blocks: usize = shape[..at].iter().product();
        let mut line = Vec::with_capacity(before.max(after));
        if before == after {
            for offset in (0..blocks).flat_map(|block| (0..stride).map(move |i| block * before * stride + i))
            {
                line.clear();
                line.extend((0..before).map(|i| table[offset + i * stride]));
                axis.apply(&mut line, step);
                for (i, value) in line.iter().enumerate() {
                    table[offset + i * stride] = *value;
                }
            }
        } else {
            let mut out = vec![0.0; blocks * after * stride];
            for (block, i) in (0..blocks).flat_map(|block| (0..stride).map(move |i| (block, i))) {
                line.clear();
                line.extend((0..before).map(|k| table[(block * before + k) * stride + i]));
                axis.apply(&mut line, step);
                for (k, value) in line.iter().enumerate() {
                    out[(block * after + k) * stride + i] = *value;
                }
            }
            table = out;
        }
        shape[at] = after;
    }
    table
}

/// 1/√(j(j+1)): the length of the jth contrast.
fn unit(j: usize) -> f64 {
    1.0 / ((j * (j + 1)) as f64).sqrt()
}

/// Helmert's coordinates of a line.
fn analyse(line: &mut [f64]) {
    let Some(first) = line.first() else { return };
    let mut before = *first;
    for (j, slot) in line.iter_mut().enumerate().skip(1) {
        let value = *slot;
        *slot = (before - j as f64 * value) * unit(j);
        before += value;
    }
    line[0] = before / (line.len() as f64).sqrt();
}

/// The line with these coordinates.
fn synthesise(line: &mut [f64]) {
    let Some(first) = line.first() else { return };
    let mut after = *first / (line.len() as f64).sqrt();
    for (j, slot) in line.iter_mut().enumerate().skip(1).rev() {
        let contrast = *slot * unit(j);
        *slot = after - j as f64 * contrast;
        after += contrast;
    }
    line[0] = after;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use super::*;

    fn axes() -> Vec<Axis> {
        let attributes = [
            Attribute::nominal(3),
            Attribute::nominal(1),
            Attribute::ranges(5).unwrap(),
            Attribute::prefixes(4).unwrap(),
            Attribute::several(2, 1024, 1700).unwrap(),
        ];
        attributes.iter().map(Axis::new).collect()
    }

    fn some(count: usize) -> Vec<f64> {
        (0..count).map(|i| f64::from((i * 37 % 101) as u32) - 40.0).collect()
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn coordinates_keep_products_and_lead_back() {
        let axes = axes();
        let all: Vec<&Axis> = axes.iter().collect();
        let cells = 3 * 5 * 4 * 2;
        let (table, query) = (some(cells), some(cells).into_iter().rev().collect::<Vec<_>>());
        let state = steps(&all, table.clone(), Step::State);
        let asked = steps(&all, query.clone(), Step::Query);
        assert!((dot(&state, &asked) - dot(&table, &query)).abs() < 1e-7);
        let back = steps(&all, state.clone(), Step::Table);
        assert!(back.iter().zip(&table).all(|(a, b)| (a - b).abs() < 1e-8));
        // The transpose: ⟨S x, y⟩ = ⟨x, Sᵀ y⟩.
        let transposed = steps(&all, query.clone(), Step::Back);
        assert!((dot(&state, &query) - dot(&table, &transposed)).abs() < 1e-7);
    }

    /// What is measured without noise decodes to the table's own coordinates.
    #[test]
    fn decoding_undoes_measuring() {
        for (attribute, form) in [
            (Attribute::nominal(4), Form::Whole),
            (Attribute::nominal(4), Form::Apart),
            (Attribute::ranges(6).unwrap(), Form::Apart),
            (Attribute::prefixes(6).unwrap(), Form::Whole),
            (Attribute::prefixes(6).unwrap(), Form::Apart),
            (Attribute::several(3, 10, 15).unwrap(), Form::Whole),
        ] {
            let axis = Axis::new(&attribute);
            let table = some(attribute.size());
            let whole: Vec<i64> = table.iter().map(|value| *value as i64).collect();
            let measured = form.encode(&attribute, &whole).unwrap();
            let decoded =
                axis.line(&measured.iter().map(|v| *v as f64).collect::<Vec<_>>(), Step::Decode(form));
            let state = axis.line(&table, Step::State);
            let skipped = state.len() - decoded.len();
            // Counts of units that count for several parts are already in those parts.
            let parts = if let Kind::Several { unit, .. } = attribute.kind() { *unit as f64 } else { 1.0 };
            for (d, s) in decoded.iter().zip(&state[skipped..]) {
                assert!((d * parts - s).abs() < 1e-8, "{attribute:?} {form:?}: {d} {s}");
            }
        }
    }
}
