//! The bounding layer: person-years as vectors over the cells, clamped, scaled, summed.

use std::ops::Range;

use datafusion::execution::memory_pool::MemoryReservation;
use skjerm_privacy::bounding;
use skjerm_privacy::centred::Centred;

use super::error::RunError;
use super::exact::Exact;
use super::lookup::Added;
use crate::plan::{Bounding, Cells, NORM_UNIT, ONE, PrivateQuery};

/// The largest sum of a cell.
const MOST: i128 = 1 << 62;

/// Year and pseudonym.
pub(crate) type Unit = (i64, [u8; 16]);

/// Collects rows, which come ordered by year and person.
///
/// # Privacy
/// A person-year is one vector only if its rows come together. That they do is checked for every row: units
/// must come in ascending order, else the run ends as a fault.
pub(crate) struct Gather {
    current: Option<Unit>,
    first: Option<Unit>,
    /// The current unit, by vector.
    open: Vec<Open>,
    done: Vec<PersonYears>,
    memory: Vec<MemoryReservation>,
}

/// The person-years of one vector.
///
/// # Privacy
/// Exact data of single persons. No `Debug`, no clone, no way out but the types of `exact.rs`.
pub(crate) struct PersonYears {
    bound: Bounding,
    cells: usize,
    /// As they were gathered, one part after the other.
    parts: Vec<Units>,
}

/// Entries of some units one after the other, and where each unit ends. Values are clamped to bounds far below 2³¹.
#[derive(Default)]
struct Units {
    entries: Vec<(u32, i32)>,
    ends: Vec<usize>,
    /// The square of each unit's L2 norm, saturating: asked twice of all of them, and known when a unit ends.
    squares: Vec<u64>,
}

/// The cells and values of a unit, each cell once.
enum Open {
    /// A sum for each cell, and which of them have one, a bit each.
    Dense { sums: Vec<i64>, have: Vec<u64> },
    Sparse {
        /// In the order they came in.
        entries: Vec<(u32, i64)>,
        /// By cell where its entry is, if it is there and of that cell. What units before left is never of the same cell, or in
        /// use again: nothing has to be cleared (the sparse set of Briggs and Torczon 1993).
        places: Vec<u32>,
    },
}

/// The most cells of [`Open::Dense`]: their bits are looked through for each unit.
const DENSE: usize = 1024;

impl Open {
    fn new(cells: usize) -> Self {
        if cells <= DENSE {
            Self::Dense { sums: vec![0; cells], have: vec![0; cells.div_ceil(64)] }
        } else {
            Self::Sparse { entries: Vec::new(), places: vec![0; cells] }
        }
    }

    #[cfg(test)]
    fn add(&mut self, cell: u32, value: i64) {
        match self {
            Self::Dense { sums, have } => add_densely(sums, have, cell, value),
            Self::Sparse { entries, places } => add_sparsely(entries, places, cell, value),
        }
    }

    /// Moves a unit's entries, clamped in each cell, behind those of others; says whether there were any.
    fn clamp_into(&mut self, bound: Bounding, into: &mut Vec<(u32, i32)>) -> bool {
        match self {
            Self::Dense { sums, have } => {
                if have.iter().all(|have| *have == 0) {
                    return false;
                }
                let of_word = |(word, have): (u32, &mut u64)| {
                    let (first, mut left) = (word * 64, std::mem::take(have));
                    std::iter::from_fn(move || {
                        let cell = (left != 0).then(|| first + left.trailing_zeros())?;
                        left &= left - 1;
                        Some(cell)
                    })
                };
                let cells = (0_u32..).zip(have).flat_map(of_word);
                let entries =
                    cells.filter_map(|cell| Some((cell, std::mem::take(sums.get_mut(cell as usize)?))));
                clamp(bound, entries, into);
            }
            Self::Sparse { entries, .. } => {
                if entries.is_empty() {
                    return false;
                }
                clamp(bound, entries.drain(..), into);
            }
        }
        true
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Dense { sums, have } => size_of_val(sums.as_slice()) + size_of_val(have.as_slice()),
            Self::Sparse { places, .. } => size_of_val(places.as_slice()),
        }
    }
}

fn add_densely(sums: &mut [i64], have: &mut [u64], cell: u32, value: i64) {
    if let (Some(sum), Some(have)) = (sums.get_mut(cell as usize), have.get_mut(cell as usize / 64)) {
        *sum = sum.saturating_add(value);
        *have |= 1 << (cell % 64);
    }
}

fn add_sparsely(entries: &mut Vec<(u32, i64)>, places: &mut [u32], cell: u32, value: i64) {
    let place = places.get_mut(cell as usize);
    let known = place.as_ref().and_then(|place| entries.get_mut(**place as usize));
    match known {
        Some(known) if known.0 == cell => known.1 = known.1.saturating_add(value),
        Some(_) | None => {
            if let Some(place) = place {
                // As many as there are cells at most, whose numbers are as small.
                *place = u32::try_from(entries.len()).unwrap_or(u32::MAX);
            }
            entries.push((cell, value));
        }
    }
}

impl Gather {
    pub(crate) fn new(query: &PrivateQuery) -> Self {
        let cells = |set: usize| query.sets.get(set).map_or(0, Cells::len);
        let vectors: Vec<(Bounding, usize)> =
            query.vectors.iter().map(|vector| (vector.bounding, cells(vector.set))).collect();
        Self::of(&vectors)
    }

    /// For vectors with these bounds and numbers of cells.
    pub(crate) fn of(vectors: &[(Bounding, usize)]) -> Self {
        let empty =
            |&(bound, cells): &(Bounding, usize)| PersonYears { bound, cells, parts: vec![Units::default()] };
        Self {
            current: None,
            first: None,
            open: vectors.iter().map(|(_, cells)| Open::new(*cells)).collect(),
            done: vectors.iter().map(empty).collect(),
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
        if let Some(open) = self.open.get_mut(vector) {
            open.add(cell, value);
        }
    }

    /// Adds these rows, of the current unit, to a vector.
    pub(super) fn add_all(&mut self, vector: usize, added: &Added<'_>, rows: Range<usize>) {
        match self.open.get_mut(vector) {
            Some(Open::Dense { sums, have }) => {
                added.rows(rows, |cell, value| add_densely(sums, have, cell, value));
            }
            Some(Open::Sparse { entries, places }) => {
                added.rows(rows, |cell, value| add_sparsely(entries, places, cell, value));
            }
            None => {}
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
            done.parts.extend(more.parts);
        }
        Ok(())
    }

    /// Keeps memory counted as long as this is here.
    pub(crate) fn hold(&mut self, memory: MemoryReservation) {
        self.memory.push(memory);
    }

    /// Bytes held, to be counted with the run's memory.
    pub(crate) fn bytes(&self) -> usize {
        let (entry, end, square) = (size_of::<(u32, i32)>(), size_of::<usize>(), size_of::<u64>());
        let parts = self.done.iter().flat_map(|done| &done.parts);
        let of_part = |part: &Units| {
            part.entries.capacity() * entry + part.ends.capacity() * end + part.squares.capacity() * square
        };
        let done = parts.map(of_part);
        done.chain(self.open.iter().map(Open::bytes)).sum()
    }

    pub(crate) fn finish(mut self) -> Vec<PersonYears> {
        self.close();
        self.done
    }

    /// Ends the current unit: its entries, clamped.
    pub(crate) fn close(&mut self) {
        for (open, person_years) in self.open.iter_mut().zip(&mut self.done) {
            let Some(part) = person_years.parts.last_mut() else { continue };
            let first = part.entries.len();
            if open.clamp_into(person_years.bound, &mut part.entries) {
                part.ends.push(part.entries.len());
                let squares =
                    part.entries[first..].iter().map(|(_, value)| i64::from(*value).pow(2).unsigned_abs());
                part.squares.push(squares.fold(0, u64::saturating_add));
            }
        }
    }
}

/// # Privacy
/// Bounds hold for whatever comes in. For [`Bounding::One`], one entry stays, of the first cell, whatever the plan delivered.
fn clamp(bound: Bounding, entries: impl Iterator<Item = (u32, i64)>, into: &mut Vec<(u32, i32)>) {
    let (low, high) = match bound {
        Bounding::One => (0, 1),
        Bounding::Norm { low, high, .. } => (low, high),
    };
    let clamped = entries.filter_map(|(cell, value)| {
        // Bounds are at most 2³⁰: no norm is larger.
        let value = value.clamp(low, high).clamp(i32::MIN.into(), i32::MAX.into());
        i32::try_from(value).ok().filter(|value| *value != 0).map(|value| (cell, value))
    });
    match bound {
        Bounding::One => into.extend(clamped.min()),
        Bounding::Norm { .. } => into.extend(clamped),
    }
}

impl Units {
    /// The vectors of the units, one after the other.
    fn vectors(&self) -> impl Iterator<Item = &[(u32, i32)]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.entries[start..*end])
    }
}

impl Units {
    /// The same, each with the square of its norm.
    fn with_squares(&self) -> impl Iterator<Item = (&[(u32, i32)], u64)> {
        self.vectors().zip(self.squares.iter().copied())
    }
}

impl PersonYears {
    /// What `work` makes of the parts, which the cores share. Blocking.
    fn shared<T: Send>(
        &self,
        work: impl Fn(&[Units]) -> Result<T, RunError> + Sync,
    ) -> Result<Vec<T>, RunError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = self.parts.len().div_ceil(cores).max(1);
        std::thread::scope(|scope| {
            let work = &work;
            let begun: Vec<_> =
                self.parts.chunks(share).map(|parts| scope.spawn(move || work(parts))).collect();
            begun.into_iter().map(|task| task.join().map_err(|_| RunError::Task)?).collect()
        })
    }

    /// How many units have a norm in each bucket, in [`NORM_UNIT`]s.
    ///
    /// # Privacy
    /// Each unit is in exactly one bucket, once: adding or removing one changes the histogram by an L2 norm of 1.
    pub(super) fn histogram(&self, buckets: &[u64]) -> Result<Exact, RunError> {
        let counts = self.shared(|parts| {
            let mut counts = vec![0_i64; buckets.len()];
            for (unit, square) in parts.iter().flat_map(Units::with_squares) {
                let square = match square {
                    u64::MAX => bounding::squared(unit.iter().map(|(_, value)| i64::from(*value))),
                    square => square.into(),
                };
                let unit = u128::from(NORM_UNIT.unsigned_abs());
                let bucket = bounding::bucket_of_square(square.saturating_mul(unit * unit), buckets);
                *counts.get_mut(bucket).ok_or(RunError::Layout)? += 1;
            }
            Ok(counts)
        })?;
        let count = |bucket: usize| counts.iter().filter_map(|counts| counts.get(bucket)).sum();
        Ok(Exact::new((0..buckets.len()).map(count).collect(), 1))
    }

    /// How the units are bounded.
    pub(super) fn bound(&self) -> Bounding {
        self.bound
    }

    /// How many cells there are.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// What all units lose when they are scaled to the norm `c`, each at most `r`; both in [`NORM_UNIT`]s. One number.
    ///
    /// # Privacy
    /// Each unit adds one number between 0 and `r`, in fixed point, clamped: adding or removing one changes the sum by at
    /// most `r`. Neither bound may depend on the exact data.
    pub(super) fn remainder(&self, c: u64, r: u64) -> Result<Exact, RunError> {
        let (c, l2) = (in_fixed_point(c)?, in_fixed_point(r)?);
        let r = i64::try_from(l2).map_err(|_| RunError::Overflow)?;
        let sums = self.shared(|parts| {
            let mut sum = 0_i128;
            let mut scaled: Vec<i64> = Vec::new();
            for unit in parts.iter().flat_map(Units::vectors) {
                let before = fixed_point(unit, &mut scaled);
                bounding::scale_to_norm(&mut scaled, c);
                let lost = before - absolute(&scaled);
                sum += i128::from(lost.clamp(0, r));
            }
            Ok(sum)
        })?;
        Ok(Exact::new(vec![clamped(sums.into_iter().sum())?], l2))
    }

    /// How many units are in each cell, measured around the mean of each.
    ///
    /// # Privacy
    /// A unit counts 1 in each cell that it is in, whatever its values are, and has each cell once ([`Open`]); how much that changes what is
    /// measured is argued in [`Centred`].
    pub(super) fn into_centred(self, centred: &Centred) -> Result<Exact, RunError> {
        let counts = self.shared(|parts| {
            let mut counts = vec![0_i64; self.cells];
            for (cell, _) in parts.iter().flat_map(Units::vectors).flatten() {
                let cell = usize::try_from(*cell).map_err(|_| RunError::Layout)?;
                *counts.get_mut(cell).ok_or(RunError::Layout)? += 1;
            }
            Ok(counts)
        })?;
        let count = |cell: usize| counts.iter().filter_map(|counts| counts.get(cell)).sum();
        let counts: Vec<i64> = (0..self.cells).map(count).collect();
        Ok(Exact::new(centred.measured(&counts), centred.l2()))
    }

    /// Scales every unit to the norm `c`, given in [`NORM_UNIT`]s, and sums up by cell.
    ///
    /// # Privacy
    /// Every unit's vector has an L2 norm of at most `c` after scaling (in whole numbers, rounded towards zero,
    /// in fixed point), and the sum holds each unit once: adding or removing one changes it by at most `c` in
    /// fixed point. `c` must not depend on the exact data. For [`Bounding::One`] it is 1, without fixed point.
    ///
    /// Sums are added up exactly and clamped: a clamp moves no two sums apart, so that the bound holds, and no sum fails
    /// because of how many persons there are.
    pub(crate) fn into_exact(self, c: u64) -> Result<Exact, RunError> {
        let (l2, one) = match self.bound {
            Bounding::One => (1, 1),
            Bounding::Norm { .. } => (in_fixed_point(c)?, ONE),
        };
        // A square that is saturated says nothing.
        let unit = u128::from(one.unsigned_abs()).pow(2);
        let is_short = |square: u64| square < u64::MAX && bounding::is_within(u128::from(square) * unit, l2);
        let sums = self.shared(|parts| {
            let mut sums = vec![0_i128; self.cells];
            let mut scaled: Vec<i64> = Vec::new();
            for (unit, square) in parts.iter().flat_map(Units::with_squares) {
                scaled.clear();
                scaled.extend(unit.iter().map(|(_, value)| i64::from(*value) * one));
                if !is_short(square) {
                    bounding::scale_to_norm(&mut scaled, l2);
                }
                for ((cell, _), value) in unit.iter().zip(&scaled) {
                    *sums.get_mut(*cell as usize).ok_or(RunError::Layout)? += i128::from(*value);
                }
            }
            Ok(sums)
        })?;
        let sum = |cell: usize| sums.iter().filter_map(|sums| sums.get(cell)).sum::<i128>();
        let sums = (0..self.cells).map(|cell| clamped(sum(cell)));
        Ok(Exact::new(sums.collect::<Result<_, _>>()?, l2))
    }
}

/// A norm in [`NORM_UNIT`]s, in fixed point.
fn in_fixed_point(norm: u64) -> Result<u64, RunError> {
    norm.checked_mul((ONE / NORM_UNIT).unsigned_abs()).ok_or(RunError::Overflow)
}

/// A unit's values in fixed point, and the sum of their magnitudes.
fn fixed_point(unit: &[(u32, i32)], values: &mut Vec<i64>) -> i64 {
    values.clear();
    values.extend(unit.iter().map(|(_, value)| i64::from(*value) * ONE));
    absolute(values)
}

/// The sum of the magnitudes of some values.
fn absolute(values: &[i64]) -> i64 {
    values.iter().map(|value| value.saturating_abs()).fold(0, i64::saturating_add)
}

fn clamped(sum: i128) -> Result<i64, RunError> {
    i64::try_from(sum.clamp(-MOST, MOST)).map_err(|_| RunError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums by unit and cell are the same, however many cells there could be; and nothing of a unit is left for the next.
    #[test]
    fn many_cells_and_few_are_summed_alike() {
        let rows =
            [(1, 3, 2), (1, 0, 1), (1, 3, 5), (2, 3, 1), (3, 63, -4), (3, 1, 4), (3, 63, 4), (4, 0, 1)];
        let bound = Bounding::Norm { low: -3, high: 6, max_norm: 100, given: None };
        let gathered = |bound: Bounding, cells: usize| {
            let mut gather = Gather::of(&[(bound, cells)]);
            for (person, cell, value) in rows {
                gather.begin((2024, [person; 16])).expect("in order");
                gather.add(0, cell, value);
            }
            let units = gather.finish().remove(0).parts.remove(0);
            let sorted = |unit: &[(u32, i32)]| {
                let mut unit = unit.to_vec();
                unit.sort_unstable();
                unit
            };
            units.vectors().map(sorted).collect::<Vec<_>>()
        };
        let expected = vec![vec![(0, 1), (3, 6)], vec![(3, 1)], vec![(1, 4)], vec![(0, 1)]];
        assert_eq!(gathered(bound, DENSE), expected);
        assert_eq!(gathered(bound, DENSE + 1), expected);
        let expected = vec![vec![(0, 1)], vec![(3, 1)], vec![(1, 1)], vec![(0, 1)]];
        assert_eq!(gathered(Bounding::One, DENSE), expected);
        assert_eq!(gathered(Bounding::One, DENSE + 1), expected);
    }
}
