//! The sums of a unit, by cell.

use super::vectors::PersonYears;

/// The cells and values of a unit, each cell once, in vectors that the same rows add to.
pub(super) struct Open {
    vectors: Vec<usize>,
    slots: Slots,
    /// Of each slot the sum in one vector after the other.
    sums: Vec<i64>,
}

/// Where a cell's sums are, and which are in use.
///
/// Where each cell has a slot it has two: one for every other row. Rows of the same cell, one after the other, would wait for each
/// other's sums.
enum Slots {
    /// A bit for each cell.
    Few(u64),
    Dense(InUse),
    Sparse {
        /// Of each slot, in the order they came in.
        cells: Vec<u32>,
        /// By cell its slot, if that is there and of that cell. What units before left is never of the same cell, or in
        /// use again: nothing has to be cleared (the sparse set of Briggs and Torczon 1993).
        places: Vec<u32>,
    },
}

/// Cells in use, without a look at all of them.
struct InUse {
    /// So many at the beginning, in the order they came in. There is room for all, and one.
    cells: Vec<u32>,
    number: usize,
    /// By cell the last unit that was in it, and the current one: above 0.
    units: Vec<u32>,
    unit: u32,
}

/// The most cells of [`Slots::Few`].
pub(super) const FEW: usize = u64::BITS as usize;
/// The most cells of [`Slots::Dense`], whose sums a core has close by.
pub(super) const DENSE: usize = 1024;

impl Open {
    pub(super) fn new(vectors: Vec<usize>, cells: usize) -> Self {
        let halves = 2 * cells * vectors.len();
        let (slots, sums) = if cells <= FEW {
            (Slots::Few(0), halves)
        } else if cells <= DENSE {
            (Slots::Dense(InUse::new(cells)), halves)
        } else {
            (Slots::Sparse { cells: Vec::new(), places: vec![0; cells] }, 0)
        };
        Self { vectors, slots, sums: vec![0; sums] }
    }

    /// Which vectors.
    #[cfg(test)]
    pub(super) fn vectors(&self) -> &[usize] {
        &self.vectors
    }

    /// Adds rows, each with its cell, to `VECTORS` vectors, as many as there are. A row in a cell that there is not adds nothing.
    pub(super) fn add<const VECTORS: usize>(
        &mut self,
        rows: impl Iterator<Item = (u32, [i64; VECTORS])>,
        sum_of: impl Fn(i64, i64) -> i64,
    ) {
        let (slots, _) = self.sums.as_chunks_mut();
        match &mut self.slots {
            Slots::Few(in_use) => {
                let mut all = *in_use;
                in_halves(slots, rows, sum_of, |cell| all |= 1 << (cell % u64::BITS));
                *in_use = all;
            }
            Slots::Dense(InUse { cells, number, units, unit }) => {
                let (mut all, unit) = (*number, *unit);
                in_halves(slots, rows, sum_of, |cell| {
                    if let (Some(last), Some(next)) = (units.get_mut(cell as usize), cells.get_mut(all)) {
                        // It is written either way: whether it is new nobody can guess, and a wrong guess takes longer.
                        *next = cell;
                        all += usize::from(*last != unit);
                        *last = unit;
                    }
                });
                *number = all;
            }
            Slots::Sparse { cells, places } => {
                for (cell, values) in rows {
                    let Some(place) = places.get_mut(cell as usize) else { continue };
                    if cells.get(*place as usize) != Some(&cell) {
                        // As many as there are cells at most, whose numbers are as small.
                        *place = u32::try_from(cells.len()).unwrap_or(u32::MAX);
                        cells.push(cell);
                        self.sums.extend([0; VECTORS]);
                    }
                    let (slots, _) = self.sums.as_chunks_mut();
                    if let Some(sums) = slots.get_mut(*place as usize) {
                        add(sums, values, &sum_of);
                    }
                }
            }
        }
    }

    /// Ends a unit in all vectors, if it has a row in one of them: as they have the same rows, it has in all.
    pub(super) fn close(&mut self, done: &mut [PersonYears]) {
        match self.vectors[..] {
            [one] => done.get_mut(one).into_iter().for_each(|one| self.end([one])),
            [one, two] => done.get_disjoint_mut([one, two]).into_iter().for_each(|two| self.end(two)),
            _ => {}
        }
    }

    fn end<const VECTORS: usize>(&mut self, mut done: [&mut PersonYears; VECTORS]) {
        let mut put = |cell: u32, sums: [i64; VECTORS]| {
            done.iter_mut().zip(&sums).for_each(|(done, sum)| done.put(cell, *sum));
        };
        let (slots, _) = self.sums.as_chunks_mut();
        match &mut self.slots {
            Slots::Few(0) | Slots::Dense(InUse { number: 0, .. }) => return,
            Slots::Few(in_use) => of_halves(slots, ones(std::mem::take(in_use)), put),
            Slots::Dense(in_use) => of_halves(slots, in_use.taken().iter().copied(), put),
            Slots::Sparse { cells, .. } => {
                if cells.is_empty() {
                    return;
                }
                cells.iter().zip(slots).for_each(|(cell, sums)| put(*cell, *sums));
                cells.clear();
                self.sums.clear();
            }
        }
        done.into_iter().for_each(PersonYears::end);
    }

    pub(super) fn bytes(&self) -> usize {
        let of_slots = match &self.slots {
            Slots::Few(_) => 0,
            Slots::Dense(InUse { cells, units, .. }) => {
                size_of_val(cells.as_slice()) + size_of_val(units.as_slice())
            }
            Slots::Sparse { places, .. } => size_of_val(places.as_slice()),
        };
        of_slots + size_of_val(self.sums.as_slice())
    }
}

fn add<const VECTORS: usize>(
    sums: &mut [i64; VECTORS],
    values: [i64; VECTORS],
    sum_of: impl Fn(i64, i64) -> i64,
) {
    for (sum, value) in sums.iter_mut().zip(&values) {
        *sum = sum_of(*sum, *value);
    }
}

/// Adds rows to two slots of each cell, in turn; each row that has one is said to be `seen`.
fn in_halves<const VECTORS: usize>(
    slots: &mut [[i64; VECTORS]],
    mut rows: impl Iterator<Item = (u32, [i64; VECTORS])>,
    sum_of: impl Fn(i64, i64) -> i64,
    mut seen: impl FnMut(u32),
) {
    let (one, other) = slots.split_at_mut(slots.len() / 2);
    let mut put = |half: &mut [[i64; VECTORS]], (cell, values): (u32, _)| {
        if let Some(sums) = half.get_mut(cell as usize) {
            add(sums, values, &sum_of);
            seen(cell);
        }
    };
    while let Some(row) = rows.next() {
        put(one, row);
        if let Some(row) = rows.next() {
            put(other, row);
        }
    }
}

/// Gives what both slots of these cells have, and leaves nothing in them.
fn of_halves<const VECTORS: usize>(
    slots: &mut [[i64; VECTORS]],
    cells: impl Iterator<Item = u32>,
    mut put: impl FnMut(u32, [i64; VECTORS]),
) {
    let (one, other) = slots.split_at_mut(slots.len() / 2);
    for cell in cells {
        if let (Some(one), Some(other)) = (one.get_mut(cell as usize), other.get_mut(cell as usize)) {
            let (mut sums, more) =
                (std::mem::replace(one, [0; VECTORS]), std::mem::replace(other, [0; VECTORS]));
            add(&mut sums, more, i64::saturating_add);
            put(cell, sums);
        }
    }
}

impl InUse {
    fn new(cells: usize) -> Self {
        Self { cells: vec![0; cells + 1], number: 0, units: vec![0; cells], unit: 1 }
    }

    /// Those that are there, of which none is left.
    fn taken(&mut self) -> &[u32] {
        self.unit = self.unit.wrapping_add(1);
        if self.unit == 0 {
            self.units.fill(0);
            self.unit = 1;
        }
        let number = std::mem::take(&mut self.number);
        self.cells.get(..number).unwrap_or_default()
    }
}

/// The numbers of the bits that are set.
fn ones(mut left: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let one = (left > 0).then(|| left.trailing_zeros());
        left &= left.wrapping_sub(1);
        one
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_are_the_bits_that_are_set() {
        assert_eq!(ones(1 | 1 << 63 | 6 << 20).collect::<Vec<_>>(), [0, 21, 22, 63]);
        assert_eq!(ones(0).count(), 0);
    }

    /// Also when units are counted from the beginning again: no cell is taken for one in use, or is there twice.
    #[test]
    fn cells_in_use_are_those_of_the_unit() {
        let mut open = Open::new(vec![0], FEW + 1);
        let mut years = vec![PersonYears::new(
            crate::plan::Bounding::Norm { low: 0, high: 9, max_norm: 9, given: None },
            FEW + 1,
        )];
        for unit in [1, 2, u32::MAX - 1, u32::MAX, 1] {
            if let Slots::Dense(in_use) = &mut open.slots {
                in_use.unit = unit;
            }
            open.add([(3, [1]), (64, [2]), (3, [4]), (65, [8])].into_iter(), i64::wrapping_add);
            open.close(&mut years);
            open.close(&mut years);
        }
        let units: Vec<Vec<_>> = years.remove(0).vectors().map(<[_]>::to_vec).collect();
        assert_eq!(units, [[(3, 5), (64, 2)]; 5]);
    }
}
