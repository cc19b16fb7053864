//! Rows, added up by person-year.

use std::ops::Range;

use datafusion::execution::memory_pool::MemoryReservation;

use super::cells::TakesCells;
use super::error::RunError;
use super::lookup::{Added, Values, groups};
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

/// The cells and values of a unit, each cell once, in vectors that the same rows add to.
struct Open {
    vectors: Vec<usize>,
    slots: Slots,
    /// Of each slot the sum in one vector after the other.
    sums: Vec<i64>,
}

/// Where a cell's sums are.
enum Slots {
    /// A slot for each cell, and which of them are in use, a bit each.
    Dense(Vec<u64>),
    Sparse {
        /// Of each slot, in the order they came in.
        cells: Vec<u32>,
        /// By cell its slot, if that is there and of that cell. What units before left is never of the same cell, or in
        /// use again: nothing has to be cleared (the sparse set of Briggs and Torczon 1993).
        places: Vec<u32>,
    },
}

/// The most cells of [`Slots::Dense`]: their bits are looked through for each unit.
const DENSE: usize = 1024;

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

    /// Begins or goes on with a unit.
    pub(crate) fn begin(&mut self, unit: Unit) -> Result<(), RunError> {
        match self.current {
            Some(current) if current == unit => {}
            Some(current) if current > unit => return Err(RunError::Unordered),
            Some(_) | None => {
                self.close();
                self.first = self.first.or(Some(unit));
                self.current = Some(unit);
            }
        }
        Ok(())
    }

    /// Adds a value of the current unit to a cell of a vector.
    #[cfg(test)]
    pub(crate) fn add(&mut self, vector: usize, cell: u32, value: i64) {
        let of = |open: &&mut Open| open.vectors.contains(&vector);
        let Some(open) = self.open.iter_mut().find(of) else { return };
        let value = |of: usize| if of == vector { value } else { 0 };
        match open.vectors[..] {
            [_] => open.add(std::iter::once(cell), i64::saturating_add, |_| [value(vector)]),
            [one, two] => open.add(std::iter::once(cell), i64::saturating_add, |_| [value(one), value(two)]),
            _ => {}
        }
    }

    /// Adds these rows, of the current unit, to the vectors of a group.
    pub(super) fn add_all(&mut self, group: usize, added: &Added<'_>, rows: Range<usize>) {
        let Some(open) = self.open.get_mut(group) else { return };
        let values = &added.values;
        added.cells.of(rows.clone()).give(Adding { open, values, rows });
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

/// Adds rows, with their cells, to a group of vectors.
struct Adding<'a> {
    open: &'a mut Open,
    values: &'a [Values<'a>],
    rows: Range<usize>,
}

impl TakesCells for Adding<'_> {
    fn take(self, cells: impl Iterator<Item = u32>) {
        let Self { open, values, rows } = self;
        // A loop for each, in which nothing is asked that is the same for all rows.
        match *values {
            [Values::One] => open.add(cells, i64::wrapping_add, |_| [1]),
            [Values::Of { at, table, is_small: true }] => {
                let at = &at[rows];
                open.add(cells, i64::wrapping_add, |row| [value(at, table, row)]);
            }
            [Values::Of { at, table, is_small: true }, Values::One] => {
                let at = &at[rows];
                open.add(cells, i64::wrapping_add, |row| [value(at, table, row), 1]);
            }
            [one] => {
                let one = one.of(rows);
                open.add(cells, i64::saturating_add, |row| [one.at(row)]);
            }
            [one, two] => {
                let (one, two) = (one.of(rows.clone()), two.of(rows));
                open.add(cells, i64::saturating_add, |row| [one.at(row), two.at(row)]);
            }
            _ => {}
        }
    }
}

impl Values<'_> {
    /// Those of some rows.
    fn of(self, rows: Range<usize>) -> Self {
        match self {
            Self::One => Self::One,
            Self::Of { at, table, is_small } => Self::Of { at: &at[rows], table, is_small },
        }
    }

    fn at(self, row: usize) -> i64 {
        match self {
            Self::One => 1,
            Self::Of { at, table, .. } => value(at, table, row),
        }
    }
}

fn value(at: &[u32], table: &[i64], row: usize) -> i64 {
    at.get(row).and_then(|at| table.get(*at as usize)).copied().unwrap_or(0)
}

impl Open {
    fn new(vectors: Vec<usize>, cells: usize) -> Self {
        if cells <= DENSE {
            let sums = vec![0; cells * vectors.len()];
            Self { vectors, slots: Slots::Dense(vec![0; cells.div_ceil(64)]), sums }
        } else {
            let slots = Slots::Sparse { cells: Vec::new(), places: vec![0; cells] };
            Self { vectors, slots, sums: Vec::new() }
        }
    }

    /// Adds rows to `VECTORS` vectors, as many as there are. A row in a cell that there is not adds nothing.
    fn add<const VECTORS: usize>(
        &mut self,
        cells: impl Iterator<Item = u32>,
        sum_of: impl Fn(i64, i64) -> i64,
        values: impl Fn(usize) -> [i64; VECTORS],
    ) {
        let rows = cells.enumerate();
        let add = |sums: &mut [i64; VECTORS], row: usize| {
            for (sum, value) in sums.iter_mut().zip(values(row)) {
                *sum = sum_of(*sum, value);
            }
        };
        match &mut self.slots {
            Slots::Dense(have) => {
                let (sums, _) = self.sums.as_chunks_mut::<VECTORS>();
                if let [have] = &mut have[..] {
                    // Where one word will do it is not written for each row.
                    let mut all = *have;
                    for (row, cell) in rows {
                        if let Some(sums) = sums.get_mut(cell as usize) {
                            add(sums, row);
                            all |= 1 << (cell % 64);
                        }
                    }
                    *have = all;
                } else {
                    for (row, cell) in rows {
                        let have = have.get_mut(cell as usize / 64);
                        if let (Some(sums), Some(have)) = (sums.get_mut(cell as usize), have) {
                            add(sums, row);
                            *have |= 1 << (cell % 64);
                        }
                    }
                }
            }
            Slots::Sparse { cells, places } => {
                for (row, cell) in rows {
                    let Some(place) = places.get_mut(cell as usize) else { continue };
                    if cells.get(*place as usize) != Some(&cell) {
                        // As many as there are cells at most, whose numbers are as small.
                        *place = u32::try_from(cells.len()).unwrap_or(u32::MAX);
                        cells.push(cell);
                        self.sums.extend([0; VECTORS]);
                    }
                    let (sums, _) = self.sums.as_chunks_mut::<VECTORS>();
                    if let Some(sums) = sums.get_mut(*place as usize) {
                        add(sums, row);
                    }
                }
            }
        }
    }

    /// Ends a unit in all vectors, if it has a row in one of them: as they have the same rows, it has in all.
    fn close(&mut self, done: &mut [PersonYears]) {
        let Self { vectors, slots, sums } = self;
        let width = vectors.len();
        match slots {
            Slots::Dense(have) => {
                if have.iter().all(|have| *have == 0) {
                    return;
                }
                for (at, vector) in vectors.iter().enumerate() {
                    let entry = |cell: u32| Some((cell, *sums.get(cell as usize * width + at)?));
                    if let Some(done) = done.get_mut(*vector) {
                        done.end(ones(have).filter_map(entry));
                    }
                }
                for cell in ones(have) {
                    sums[cell as usize * width..][..width].fill(0);
                }
                have.fill(0);
            }
            Slots::Sparse { cells, .. } => {
                if cells.is_empty() {
                    return;
                }
                for (at, vector) in vectors.iter().enumerate() {
                    let sums = sums.iter().skip(at).step_by(width);
                    if let Some(done) = done.get_mut(*vector) {
                        done.end(cells.iter().zip(sums).map(|(cell, sum)| (*cell, *sum)));
                    }
                }
                cells.clear();
                sums.clear();
            }
        }
    }

    fn bytes(&self) -> usize {
        let of_slots = match &self.slots {
            Slots::Dense(have) => size_of_val(have.as_slice()),
            Slots::Sparse { places, .. } => size_of_val(places.as_slice()),
        };
        of_slots + size_of_val(self.sums.as_slice())
    }
}

/// The numbers of the bits that are set.
fn ones(bits: &[u64]) -> impl Iterator<Item = u32> {
    let (mut first, mut left, mut words) = (0, 0_u64, bits.iter());
    let mut next = 0;
    std::iter::from_fn(move || {
        while left == 0 {
            left = *words.next()?;
            first = next;
            next += 64;
        }
        let one = first + left.trailing_zeros();
        left &= left - 1;
        Some(one)
    })
}

#[cfg(test)]
mod tests {
    use super::super::cells::CellsOf;
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
                gather.add(0, cell, value);
                // Nowhere.
                gather.add(0, u32::MAX, value);
            }
            let sorted = |unit: &[(u32, i32)]| {
                let mut unit = unit.to_vec();
                unit.sort_unstable();
                unit
            };
            gather.finish().remove(0).vectors().map(sorted).collect::<Vec<_>>()
        };
        for cells in [64, DENSE, DENSE + 1] {
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
        let units = [(1, 0..4), (2, 4..6), (3, 6..8)];
        let of = |is_small| Values::Of { at: &at, table: if is_small { &small } else { &large }, is_small };
        let kinds = [Values::One, of(true), of(false)];
        let gathered = |number: usize, groups: Vec<Vec<usize>>, values: [Values<'_>; 2]| {
            let mut gather = Gather::of_groups(&[(bound, number), (bound, number)], groups.clone());
            for (person, rows) in &units {
                gather.begin((2024, [*person; 16])).expect("in order");
                for (at, group) in groups.iter().enumerate() {
                    let values = group.iter().map(|vector| values[*vector]).collect();
                    gather.add_all(at, &Added { cells: CellsOf::Found(&cells), values }, rows.clone());
                }
            }
            let all = gather.finish();
            all.iter().map(|of| of.vectors().map(<[_]>::to_vec).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        for number in [64, DENSE, DENSE + 1] {
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

    #[test]
    fn ones_are_the_bits_that_are_set() {
        assert_eq!(ones(&[0, 1 | 1 << 63, 0, 6, 0]).collect::<Vec<_>>(), [64, 127, 193, 194]);
        assert_eq!(ones(&[0, 0]).count() + ones(&[]).count(), 0);
    }
}
