//! Rows that are of one and the same, side by side.

use std::ops::Range;

/// What rows are of, one after the other, and where the rows of each end. No two neighbours are the same.
pub(super) struct Runs<T> {
    of: Vec<T>,
    ends: Vec<usize>,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self { of: Vec::new(), ends: Vec::new() }
    }
}

impl<T: PartialEq> Runs<T> {
    /// Adds so many rows, to the last run where they are of the same.
    pub(super) fn push(&mut self, of: T, rows: usize) {
        if rows == 0 {
            return;
        }
        let end = self.rows() + rows;
        match self.ends.last_mut() {
            Some(last) if self.of.last() == Some(&of) => *last = end,
            Some(_) | None => {
                self.of.push(of);
                self.ends.push(end);
            }
        }
    }
}

impl<T> Runs<T> {
    /// How many rows there are in all.
    pub(super) fn rows(&self) -> usize {
        self.ends.last().copied().unwrap_or_default()
    }

    /// Where the rows of each run end.
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends
    }

    pub(super) fn clear(&mut self) {
        self.of.clear();
        self.ends.clear();
    }

    /// What the rows of a run are of, and which they are.
    pub(super) fn get(&self, run: usize) -> Option<(&T, Range<usize>)> {
        let before = run.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        Some((self.of.get(run)?, before..*self.ends.get(run)?))
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&T, Range<usize>)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        self.of.iter().zip(starts.zip(&self.ends).map(|(start, end)| start..*end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_are_the_same_are_one_run() {
        let mut runs = Runs::default();
        for (of, rows) in [('a', 2), ('a', 1), ('b', 0), ('a', 1), ('b', 3), ('a', 1)] {
            runs.push(of, rows);
        }
        let all = [(&'a', 0..4), (&'b', 4..7), (&'a', 7..8)];
        assert_eq!((runs.iter().collect::<Vec<_>>(), runs.rows()), (all.to_vec(), 8));
        let one_by_one = (0..).map_while(|run| runs.get(run));
        assert_eq!(one_by_one.collect::<Vec<_>>(), all);
        runs.clear();
        assert_eq!((runs.rows(), runs.get(0)), (0, None));
    }
}
