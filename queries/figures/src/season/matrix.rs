//! The few operations on small dense matrices that taking a series apart needs.

/// A matrix, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    rows: usize,
    columns: usize,
    numbers: Vec<f64>,
}

impl Matrix {
    /// Nothing when the numbers are not as many as that.
    pub(super) fn new(rows: usize, columns: usize, numbers: Vec<f64>) -> Option<Self> {
        (numbers.len() == rows * columns).then_some(Self { rows, columns, numbers })
    }

    pub(super) fn zero(rows: usize, columns: usize) -> Self {
        Self { rows, columns, numbers: vec![0.0; rows * columns] }
    }

    pub(super) fn identity(n: usize) -> Self {
        let mut made = Self::zero(n, n);
        (0..n).for_each(|at| made.set(at, at, 1.0));
        made
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.numbers[row * self.columns + column]
    }

    pub(super) fn set(&mut self, row: usize, column: usize, number: f64) {
        self.numbers[row * self.columns + column] = number;
    }

    pub(super) fn set_column(&mut self, column: usize, numbers: &[f64]) {
        for (row, number) in numbers.iter().enumerate().take(self.rows) {
            self.set(row, column, *number);
        }
    }

    pub(super) fn diagonal(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.rows.min(self.columns)).map(|at| self.at(at, at))
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.numbers[row * self.columns..(row + 1) * self.columns]
    }

    /// This less another of the same shape.
    pub(super) fn less(&self, other: &Self) -> Self {
        let numbers = self.numbers.iter().zip(&other.numbers).map(|(a, b)| a - b).collect();
        Self { numbers, ..*self }
    }

    pub(super) fn transposed(&self) -> Self {
        let mut made = Self::zero(self.columns, self.rows);
        for row in 0..self.rows {
            made.set_column(row, self.row(row));
        }
        made
    }

    pub(super) fn times(&self, vector: &[f64]) -> Vec<f64> {
        (0..self.rows).map(|row| dot(self.row(row), vector)).collect()
    }

    pub(super) fn product(&self, other: &Self) -> Self {
        let mut made = Self::zero(self.rows, other.columns);
        for row in 0..self.rows {
            for (by, factor) in self.row(row).iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
                for (column, number) in other.row(by).iter().enumerate() {
                    made.numbers[row * other.columns + column] += factor * number;
                }
            }
        }
        made
    }

    /// The diagonal of A·Σ·Aᵀ.
    pub(super) fn variances(&self, covariance: &Self) -> Vec<f64> {
        let half = self.product(covariance);
        (0..self.rows).map(|row| dot(half.row(row), self.row(row))).collect()
    }

    /// vᵀ·M⁻¹·v; nothing when the matrix is not positive definite.
    pub(super) fn squared_length(&self, vector: &[f64]) -> Option<f64> {
        let lower = self.cholesky(0.0)?;
        let mut solved = Vec::with_capacity(self.rows);
        for (row, number) in vector.iter().enumerate() {
            let known = dot(&lower.row(row)[..row], &solved);
            solved.push((number - known) / lower.at(row, row));
        }
        Some(dot(&solved, &solved))
    }

    /// Whether no combination has a negative variance, but for rounding.
    pub(super) fn is_semidefinite(&self) -> bool {
        self.diagonal().all(|variance| variance == 0.0) || self.cholesky(1e-9).is_some()
    }

    /// L of L·Lᵀ = M, after this part of the greatest variance was added to each.
    fn cholesky(&self, added: f64) -> Option<Self> {
        let scale = self.diagonal().fold(0.0, f64::max);
        let mut lower = Self::zero(self.rows, self.rows);
        for row in 0..self.rows {
            for column in 0..=row {
                let left =
                    self.at(row, column) - dot(&lower.row(row)[..column], &lower.row(column)[..column]);
                if row == column {
                    let left = left + added * scale;
                    if left <= 1e-12 * scale {
                        return None;
                    }
                    lower.set(row, row, left.sqrt());
                } else {
                    lower.set(row, column, left / lower.at(column, column));
                }
            }
        }
        Some(lower)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
