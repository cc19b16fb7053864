//! The bounding layer: person-years as vectors over the cells, clamped, scaled, summed.

use skjerm_privacy::bounding;
use skjerm_privacy::centred::Centred;

use super::error::RunError;
use super::exact::Exact;
use crate::plan::{Bounding, NORM_UNIT, ONE};

/// The largest sum of a cell.
const MOST: i128 = 1 << 62;

/// Year and pseudonym.
pub(crate) type Unit = (i64, [u8; 16]);

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

impl Units {
    /// The vectors of the units, one after the other.
    fn vectors(&self) -> impl Iterator<Item = &[(u32, i32)]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.entries[start..*end])
    }

    /// The same, each with the square of its norm.
    fn with_squares(&self) -> impl Iterator<Item = (&[(u32, i32)], u64)> {
        self.vectors().zip(self.squares.iter().copied())
    }
}

impl PersonYears {
    pub(super) fn new(bound: Bounding, cells: usize) -> Self {
        Self { bound, cells, parts: vec![Units::default()] }
    }

    /// Adds a unit with these values, each cell once.
    ///
    /// # Privacy
    /// Values are clamped to the bounds, whatever comes in. For [`Bounding::One`], one entry stays, of the first cell, whatever
    /// the plan delivered.
    pub(super) fn end(&mut self, entries: impl Iterator<Item = (u32, i64)>) {
        let Some(Units { entries: all, ends, squares }) = self.parts.last_mut() else { return };
        let mut square = 0_u64;
        match self.bound {
            Bounding::One => {
                let cells = entries.filter(|(_, value)| *value > 0).map(|(cell, _)| cell);
                if let Some(first) = cells.min() {
                    all.push((first, 1));
                    square = 1;
                }
            }
            Bounding::Norm { low, high, .. } => {
                for (cell, value) in entries {
                    // Bounds are at most 2³⁰: no norm is larger.
                    let value = value.clamp(low, high).clamp(i32::MIN.into(), i32::MAX.into());
                    if let Some(value) = i32::try_from(value).ok().filter(|value| *value != 0) {
                        all.push((cell, value));
                        square = square.saturating_add(i64::from(value).pow(2).unsigned_abs());
                    }
                }
            }
        }
        ends.push(all.len());
        squares.push(square);
    }

    /// Adds those that came after.
    pub(super) fn append(&mut self, more: Self) {
        self.parts.extend(more.parts);
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let (entry, end, square) = (size_of::<(u32, i32)>(), size_of::<usize>(), size_of::<u64>());
        let of_part = |part: &Units| {
            part.entries.capacity() * entry + part.ends.capacity() * end + part.squares.capacity() * square
        };
        self.parts.iter().map(of_part).sum()
    }

    /// The vectors of all units.
    #[cfg(test)]
    pub(super) fn vectors(&self) -> impl Iterator<Item = &[(u32, i32)]> {
        self.parts.iter().flat_map(Units::vectors)
    }

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
        let squares = bounding::squares(buckets);
        let counts = self.shared(|parts| {
            let mut counts = vec![0_i64; buckets.len()];
            for (unit, square) in parts.iter().flat_map(Units::with_squares) {
                let square = match square {
                    u64::MAX => bounding::squared(unit.iter().map(|(_, value)| i64::from(*value))),
                    square => square.into(),
                };
                let unit = u128::from(NORM_UNIT.unsigned_abs());
                let bucket = bounding::bucket_of_square(square.saturating_mul(unit * unit), &squares);
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
                let mut add = |cell: u32, value: i64| {
                    *sums.get_mut(cell as usize).ok_or(RunError::Layout)? += i128::from(value);
                    Ok::<_, RunError>(())
                };
                if is_short(square) {
                    unit.iter().try_for_each(|(cell, value)| add(*cell, i64::from(*value) * one))?;
                    continue;
                }
                scaled.clear();
                scaled.extend(unit.iter().map(|(_, value)| i64::from(*value) * one));
                bounding::scale_to_norm(&mut scaled, l2);
                for ((cell, _), value) in unit.iter().zip(&scaled) {
                    add(*cell, *value)?;
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
