//! Rows, added up by person-year.

use std::ops::Range;

use datafusion::execution::memory_pool::MemoryReservation;

use super::error::RunError;
use super::lookup::{Added, Values, groups};
use super::runs::Runs;
use super::slots::Open;
use super::vectors::{PersonYears, Unit};
use crate::plan::{Bounding, Cells, PrivateQuery};

/// Collects rows, which come ordered by year and person.
///
/// # Privacy
/// A person-year is one vector only if its rows come together. That they do is checked for every row: units
/// must come in ascending order, else the run ends as a fault.
pub(crate) struct Gather {
    current: Option<Unit>,
    first: Option<Unit>,
    /// The current unit, by group of vectors.
    open: Vec<Open>,
    /// By vector.
    done: Vec<PersonYears>,
    memory: Vec<MemoryReservation>,
}

impl Gather {
    pub(crate) fn new(query: &PrivateQuery) -> Self {
        let cells = |set: usize| query.sets.get(set).map_or(0, Cells::len);
        let vectors: Vec<(Bounding, usize)> =
            query.vectors.iter().map(|vector| (vector.bounding, cells(vector.set))).collect();
        let groups = groups(query).into_iter().map(|together| together.vectors);
        Self::of_groups(&vectors, groups.collect())
    }

    /// For vectors with these bounds and numbers of cells, each by itself.
    #[cfg(test)]
    pub(crate) fn of(vectors: &[(Bounding, usize)]) -> Self {
        Self::of_groups(vectors, (0..vectors.len()).map(|vector| vec![vector]).collect())
    }

    fn of_groups(vectors: &[(Bounding, usize)], groups: Vec<Vec<usize>>) -> Self {
        let open = |group: Vec<usize>| {
            let cells = group.first().and_then(|first| vectors.get(*first)).map_or(0, |(_, cells)| *cells);
            Open::new(group, cells)
        };
        Self {
            current: None,
            first: None,
            open: groups.into_iter().map(open).collect(),
            done: vectors.iter().map(|(bound, cells)| PersonYears::new(*bound, *cells)).collect(),
            memory: Vec::new(),
        }
    }

    /// Adds rows that were looked up to the units that they are of.
    pub(super) fn add<P>(
        &mut self,
        added: &[Added<'_>],
        rows_of: &Runs<P>,
        unit: impl Fn(&P) -> Unit,
    ) -> Result<(), RunError> {
        let goes_on = self.follow(rows_of.iter().map(|(of, _)| unit(of)))?;
        let ends = rows_of.ends();
        for (open, added) in self.open.iter_mut().zip(added) {
            Adding { open, done: &mut self.done, added, ends, goes_on }.all();
        }
        Ok(())
    }

    /// Has the last of these units as the current one, and says whether the first goes on with the one that was. Each must come
    /// after the one before it.
    fn follow(&mut self, units: impl Iterator<Item = Unit>) -> Result<bool, RunError> {
        let mut goes_on = false;
        for (at, unit) in units.enumerate() {
            match self.current {
                Some(current) if current == unit && at == 0 => goes_on = true,
                Some(current) if current >= unit => return Err(RunError::Unordered),
                Some(_) => {}
                None => self.first = Some(unit),
            }
            self.current = Some(unit);
        }
        Ok(goes_on)
    }

    /// Begins or goes on with a unit.
    #[cfg(test)]
    pub(crate) fn begin(&mut self, unit: Unit) -> Result<(), RunError> {
        if !self.follow(std::iter::once(unit))? {
            self.close();
        }
        Ok(())
    }

    /// Adds a value of the current unit to a cell of a vector.
    #[cfg(test)]
    pub(crate) fn add_one(&mut self, vector: usize, cell: u32, value: i64) {
        let of = |open: &&mut Open| open.vectors().contains(&vector);
        let Some(open) = self.open.iter_mut().find(of) else { return };
        let value = |of: usize| if of == vector { value } else { 0 };
        match *open.vectors() {
            [_] => open.add(std::iter::once((cell, [value(vector)])), i64::saturating_add),
            [one, two] => {
                open.add(std::iter::once((cell, [value(one), value(two)])), i64::saturating_add);
            }
            _ => {}
        }
    }

    /// Adds what came after: units that all come behind those that are here.
    pub(crate) fn append(&mut self, mut next: Self) -> Result<(), RunError> {
        self.close();
        next.close();
        if let (Some(last), Some(first)) = (self.current, next.first)
            && last >= first
        {
            return Err(RunError::Unordered);
        }
        self.first = self.first.or(next.first);
        self.current = next.current.or(self.current);
        self.memory.append(&mut next.memory);
        for (done, more) in self.done.iter_mut().zip(next.done) {
            done.append(more);
        }
        Ok(())
    }

    /// Keeps memory counted as long as this is here.
    pub(crate) fn hold(&mut self, memory: MemoryReservation) {
        self.memory.push(memory);
    }

    /// Bytes held, to be counted with the run's memory.
    pub(crate) fn bytes(&self) -> usize {
        let done = self.done.iter().map(PersonYears::bytes);
        done.chain(self.open.iter().map(Open::bytes)).sum()
    }

    pub(crate) fn finish(mut self) -> Vec<PersonYears> {
        self.close();
        self.done
    }

    /// Ends the current unit.
    pub(crate) fn close(&mut self) {
        for open in &mut self.open {
            open.close(&mut self.done);
        }
    }
}

/// Adds the rows of units, one after the other, to a group of vectors.
struct Adding<'a> {
    open: &'a mut Open,
    /// By vector of the query.
    done: &'a mut [PersonYears],
    added: &'a Added<'a>,
    /// Where the rows of each unit end.
    ends: &'a [usize],
    /// Whether the first unit is the one that is open.
    goes_on: bool,
}

impl Adding<'_> {
    fn all(self) {
        let Added { cells, values } = self.added;
        // A loop for each, in which nothing is asked that is the same for all rows.
        match values[..] {
            [Values::One] => {
                self.units(i64::wrapping_add, |rows| cells[rows].iter().map(|cell| (*cell, [1])));
            }
            [Values::Of { at, table, is_small: true }] => self.units(i64::wrapping_add, |rows| {
                both(cells, at, rows).map(|(cell, at)| (cell, [value(table, at)]))
            }),
            [Values::Of { at, table, is_small: true }, Values::One] => {
                self.units(i64::wrapping_add, |rows| {
                    both(cells, at, rows).map(|(cell, at)| (cell, [value(table, at), 1]))
                });
            }
            [Values::One, Values::Of { at, table, is_small: true }] => {
                self.units(i64::wrapping_add, |rows| {
                    both(cells, at, rows).map(|(cell, at)| (cell, [1, value(table, at)]))
                });
            }
            [one] => self.units(i64::saturating_add, |rows| {
                rows.clone().zip(&cells[rows]).map(|(row, cell)| (*cell, [one.at(row)]))
            }),
            [one, two] => self.units(i64::saturating_add, |rows| {
                rows.clone().zip(&cells[rows]).map(|(row, cell)| (*cell, [one.at(row), two.at(row)]))
            }),
            _ => {}
        }
    }

    /// Adds the rows of each unit, given their cells and values.
    fn units<const VECTORS: usize, R: Iterator<Item = (u32, [i64; VECTORS])>>(
        self,
        sum_of: impl Fn(i64, i64) -> i64,
        rows: impl Fn(Range<usize>) -> R,
    ) {
        let Self { open, done, ends, mut goes_on, .. } = self;
        let mut start = 0;
        for end in ends {
            if !goes_on {
                open.close(done);
            }
            open.add(rows(start..*end), &sum_of);
            (start, goes_on) = (*end, false);
        }
    }
}

/// The cells of some rows, and which values they have.
#[inline]
fn both(cells: &[u32], at: &[u32], rows: Range<usize>) -> impl Iterator<Item = (u32, u32)> {
    cells[rows.clone()].iter().copied().zip(at[rows].iter().copied())
}

impl Values<'_> {
    fn at(self, row: usize) -> i64 {
        match self {
            Self::One => 1,
            Self::Of { at, table, .. } => at.get(row).map_or(0, |at| value(table, *at)),
        }
    }
}

fn value(table: &[i64], at: u32) -> i64 {
    table.get(at as usize).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::slots::{DENSE, FEW};
    use super::*;

    /// Sums by unit and cell are the same, however many cells there could be and whether another vector is added up with them; and
    /// nothing of a unit is left for the next.
    #[test]
    fn many_cells_and_few_are_summed_alike() {
        let rows =
            [(1, 3, 2), (1, 0, 1), (1, 3, 5), (2, 3, 1), (3, 63, -4), (3, 1, 4), (3, 63, 4), (4, 0, 1)];
        let bound = Bounding::Norm { low: -3, high: 6, max_norm: 100, given: None };
        let gathered = |bound: Bounding, cells: usize, groups: &[&[usize]]| {
            let groups = groups.iter().map(|group| group.to_vec()).collect();
            let mut gather = Gather::of_groups(&[(bound, cells), (Bounding::One, cells)], groups);
            for (person, cell, value) in rows {
                gather.begin((2024, [person; 16])).expect("in order");
                gather.add_one(0, cell, value);
                // Nowhere.
                gather.add_one(0, u32::MAX, value);
            }
            let sorted = |unit: &[(u32, i32)]| {
                let mut unit = unit.to_vec();
                unit.sort_unstable();
                unit
            };
            gather.finish().remove(0).vectors().map(sorted).collect::<Vec<_>>()
        };
        for cells in [FEW, FEW + 1, DENSE, DENSE + 1] {
            for groups in [&[&[0_usize][..], &[1]][..], &[&[0, 1]], &[&[1, 0]]] {
                let expected = vec![vec![(0, 1), (3, 6)], vec![(3, 1)], vec![(1, 4)], vec![(0, 1)]];
                assert_eq!(gathered(bound, cells, groups), expected);
                let expected = vec![vec![(0, 1)], vec![(3, 1)], vec![(1, 1)], vec![(0, 1)]];
                assert_eq!(gathered(Bounding::One, cells, groups), expected);
            }
        }
    }

    /// Vectors that are added up in one pass hold what each holds by itself.
    #[test]
    fn vectors_added_up_together_are_those_added_up_alone() {
        let bound = Bounding::Norm { low: -10, high: 1 << 30, max_norm: 1 << 40, given: None };
        let (small, large) = ([5, -2, 11, 7], [5, -2, i64::MAX, i64::MAX - 1]);
        // Some are of no value, some in no cell, and two large ones of one cell in one unit.
        let (at, cells) = ([0, 1, 2, 3, 2, 9, 0, 1], [3, 0, 3, 3, 63, 1, u32::MAX, 0]);
        let mut units = Runs::default();
        for (person, rows) in [(1, 4), (2, 2), (3, 2)] {
            units.push(person, rows);
        }
        let of = |is_small| Values::Of { at: &at, table: if is_small { &small } else { &large }, is_small };
        let kinds = [Values::One, of(true), of(false)];
        let gathered = |number: usize, groups: Vec<Vec<usize>>, values: [Values<'_>; 2]| {
            let mut gather = Gather::of_groups(&[(bound, number), (bound, number)], groups.clone());
            let added = |group: &Vec<usize>| {
                let values = group.iter().map(|vector| values[*vector]).collect();
                Added { cells: &cells, values }
            };
            let added: Vec<Added<'_>> = groups.iter().map(added).collect();
            gather.add(&added, &units, |person| (2024, [*person; 16])).expect("in order");
            let all = gather.finish();
            all.iter().map(|of| of.vectors().map(<[_]>::to_vec).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        for number in [FEW, FEW + 1, DENSE, DENSE + 1] {
            for (one, two) in kinds.iter().flat_map(|one| kinds.iter().map(move |two| (*one, *two))) {
                let alone = gathered(number, vec![vec![0], vec![1]], [one, two]);
                assert_eq!(gathered(number, vec![vec![0, 1]], [one, two]), alone);
                assert_eq!(gathered(number, vec![vec![1, 0]], [one, two]), alone);
                assert!(
                    alone
                        .iter()
                        .all(|vector| vector.len() == 3 && vector[0].iter().any(|(cell, _)| *cell == 3))
                );
            }
        }
        let sums = |kind| gathered(64, vec![vec![0], vec![1]], [kind, Values::One]).remove(0).remove(0);
        assert_eq!(sums(of(true)), [(0, -2), (3, 5 + 11 + 7)]);
        assert_eq!(sums(of(false)), [(0, -2), (3, 1 << 30)]);
    }
}
