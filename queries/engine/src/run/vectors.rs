//! The bounding layer: person-years as vectors over the cells, clamped, scaled, summed.

use std::ops::Range;

use skjerm_privacy::bounding;
use skjerm_privacy::centred::Centred;
use skjerm_privacy::gaussian::MAX_L2;

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
    /// The bounds of the norms that units are counted by, in [`NORM_UNIT`]s.
    buckets: Vec<u64>,
    /// As they were gathered, one part after the other.
    parts: Vec<Units>,
    /// The last part, and the unit that it does not hold all of.
    last: Units,
    open: OpenUnit,
}

/// Entries of some units one after the other. Values are clamped to bounds far below 2³¹.
#[derive(Default)]
struct Units {
    entries: Vec<Entry>,
    /// Where each unit ends.
    ends: Vec<u32>,
    /// In which bucket each unit's norm is: asked of all of them, and known when a unit ends.
    buckets: Vec<u8>,
}

/// A cell, and the value in it.
type Entry = (u32, i32);

/// What is known of a unit before it ends.
#[derive(Default)]
struct OpenUnit {
    /// Where its entries begin.
    start: usize,
    /// The square of its norm. Of at most 2³² values below 2³¹: nothing of it is lost.
    square: u128,
}

/// So many entries are followed by other [`Units`], so that ends are small numbers.
const MOST_ENTRIES: usize = 1 << 30;

impl Units {
    /// Which entries are a unit's.
    fn unit(&self, at: usize) -> Range<usize> {
        let end = |at: usize| self.ends.get(at).map_or(self.entries.len(), |end| *end as usize);
        at.checked_sub(1).map_or(0, end)..end(at)
    }

    /// The vectors of the units, one after the other.
    #[cfg(test)]
    fn vectors(&self) -> impl Iterator<Item = &[Entry]> {
        (0..self.ends.len()).filter_map(|at| self.entries.get(self.unit(at)))
    }

    /// The units whose bucket is not below this one.
    fn long(&self, short: usize) -> impl Iterator<Item = usize> {
        let is_long = move |(_, bucket): &(usize, &u8)| usize::from(**bucket) >= short;
        self.buckets.iter().enumerate().filter(is_long).map(|(at, _)| at)
    }
}

impl PersonYears {
    pub(super) fn new(bound: Bounding, cells: usize) -> Self {
        let most = NORM_UNIT.unsigned_abs();
        let buckets = match bound {
            // All of one length: one bucket.
            Bounding::One => vec![most],
            Bounding::Norm { max_norm, .. } => bounding::buckets(max_norm.saturating_mul(most)),
        };
        let (last, open) = (Units::default(), OpenUnit::default());
        Self { bound, cells, buckets, parts: Vec::new(), last, open }
    }

    /// Puts a value into a cell of the unit that is open, each cell once.
    ///
    /// # Privacy
    /// Values are clamped to the bounds, whatever comes in. For [`Bounding::One`], one entry stays, of the first cell, whatever
    /// the plan delivered.
    #[inline]
    pub(super) fn put(&mut self, cell: u32, value: i64) {
        let Self { last: Units { entries, .. }, open, .. } = self;
        match self.bound {
            Bounding::One if value <= 0 => {}
            Bounding::One => {
                if let Some((first, _)) = entries.get_mut(open.start) {
                    *first = cell.min(*first);
                } else {
                    entries.push((cell, 1));
                    open.square = 1;
                }
            }
            Bounding::Norm { low, high, .. } => {
                // Bounds are at most 2³⁰: no norm is larger.
                let value = value.clamp(low, high).clamp(i32::MIN.into(), i32::MAX.into());
                if let Some(value) = i32::try_from(value).ok().filter(|value| *value != 0) {
                    entries.push((cell, value));
                    open.square += u128::from(i64::from(value).pow(2).unsigned_abs());
                }
            }
        }
    }

    /// Ends the unit that is open.
    #[inline]
    pub(super) fn end(&mut self) {
        let Self { last: Units { entries, ends, buckets }, open, .. } = self;
        let unit = u128::from(NORM_UNIT.unsigned_abs());
        let bucket = bounding::bucket_of_square(open.square * unit * unit, self.buckets.len());
        // Entries are 2³⁰ and those of a unit at most, buckets 65.
        ends.push(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        buckets.push(u8::try_from(bucket).unwrap_or(u8::MAX));
        if entries.len() > MOST_ENTRIES {
            self.parts.push(std::mem::take(&mut self.last));
        }
        self.open = OpenUnit { start: self.last.entries.len(), square: 0 };
    }

    /// Adds those that came after. None may be open.
    pub(super) fn append(&mut self, more: Self) {
        self.parts.push(std::mem::take(&mut self.last));
        self.parts.extend(more.parts);
        self.last = more.last;
        self.open = more.open;
    }

    fn parts(&self) -> impl Iterator<Item = &Units> {
        self.parts.iter().chain([&self.last])
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let (entry, end) = (size_of::<Entry>(), size_of::<u32>());
        let of_part = |part: &Units| {
            part.entries.capacity() * entry + part.ends.capacity() * end + part.buckets.capacity()
        };
        self.parts().map(of_part).sum()
    }

    /// The vectors of all units.
    #[cfg(test)]
    pub(super) fn vectors(&self) -> impl Iterator<Item = &[Entry]> {
        self.parts().flat_map(Units::vectors)
    }

    /// What `work` makes of the parts, which the cores share. Blocking.
    fn shared<T: Send>(
        &self,
        work: impl Fn(&[&Units]) -> Result<T, RunError> + Sync,
    ) -> Result<Vec<T>, RunError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let parts: Vec<&Units> = self.parts().collect();
        let share = parts.len().div_ceil(cores).max(1);
        std::thread::scope(|scope| {
            let work = &work;
            let begun: Vec<_> = parts.chunks(share).map(|parts| scope.spawn(move || work(parts))).collect();
            begun.into_iter().map(|task| task.join().map_err(|_| RunError::Task)?).collect()
        })
    }

    /// The bounds of the norms that [`Self::histogram`] counts by, in [`NORM_UNIT`]s.
    pub(super) fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    /// How many units have a norm in each bucket.
    ///
    /// # Privacy
    /// Each unit is in exactly one bucket, once: adding or removing one changes the histogram by an L2 norm of 1.
    pub(super) fn histogram(&self) -> Result<Exact, RunError> {
        let counts = self.shared(|parts| {
            let mut counts = vec![0_i64; self.buckets.len()];
            for part in parts {
                // Four at a time: one would wait for the sum of the one before, as most are in the same few buckets.
                let mut four = [[0_u32; 1 << u8::BITS]; 4];
                for some in part.buckets.chunks(four.len()) {
                    four.iter_mut().zip(some).for_each(|(counts, bucket)| counts[usize::from(*bucket)] += 1);
                }
                for (bucket, count) in four.iter().flat_map(|counts| counts.iter().enumerate()) {
                    if *count > 0 {
                        *counts.get_mut(bucket).ok_or(RunError::Layout)? += i64::from(*count);
                    }
                }
            }
            Ok(counts)
        })?;
        let count = |bucket: usize| counts.iter().filter_map(|counts| counts.get(bucket)).sum();
        Ok(Exact::new((0..self.buckets.len()).map(count).collect(), 1))
    }

    /// How the units are bounded.
    pub(super) fn bound(&self) -> Bounding {
        self.bound
    }

    /// How many cells there are.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// How many units are in each cell, measured around the mean of each.
    ///
    /// # Privacy
    /// A unit counts 1 in each cell that it is in, whatever its values are, and has each cell once ([`Open`]); how much that changes what is
    /// measured is argued in [`Centred`].
    pub(super) fn into_centred(self, centred: &Centred) -> Result<Exact, RunError> {
        let counts = self.shared(|parts| {
            let mut counts = vec![0_i64; self.cells];
            for (cell, _) in parts.iter().flat_map(|part| &part.entries) {
                let cell = usize::try_from(*cell).map_err(|_| RunError::Layout)?;
                *counts.get_mut(cell).ok_or(RunError::Layout)? += 1;
            }
            Ok(counts)
        })?;
        let count = |cell: usize| counts.iter().filter_map(|counts| counts.get(cell)).sum();
        let counts: Vec<i64> = (0..self.cells).map(count).collect();
        Ok(Exact::new(centred.measured(&counts), centred.l2()))
    }

    /// How many buckets, from the first on, hold no norm above `c`, so that nothing in them is scaled.
    fn short(&self, c: u64) -> usize {
        match self.bound {
            Bounding::One => self.buckets.len(),
            Bounding::Norm { .. } => {
                // The last one holds what is above its bound, too; and no norm is left above what a mechanism takes.
                let last = self.buckets.len().saturating_sub(1);
                let c = c.min(MAX_L2 / (ONE / NORM_UNIT).unsigned_abs());
                self.buckets[..last].partition_point(|bound| *bound <= c)
            }
        }
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
        self.scaled(c, 0).map(|(exact, _)| exact)
    }

    /// The same, and what all units lose by it, each at most `r`; both in [`NORM_UNIT`]s. One number.
    ///
    /// # Privacy
    /// The sum: as above. What is lost: each unit adds one number between 0 and `r`, in fixed point, clamped, so that adding or removing
    /// one changes it by at most `r`. Neither bound may depend on the exact data. Both are released, and both are paid for.
    pub(super) fn into_exact_and_lost(self, c: u64, r: u64) -> Result<(Exact, Exact), RunError> {
        let r = in_fixed_point(r)?;
        let (exact, lost) = self.scaled(c, i64::try_from(r).map_err(|_| RunError::Overflow)?)?;
        Ok((exact, Exact::new(vec![lost], r)))
    }

    /// Both, the second as it is.
    fn scaled(&self, c: u64, r: i64) -> Result<(Exact, i64), RunError> {
        let (l2, one) = match self.bound {
            Bounding::One => (1, 1),
            Bounding::Norm { .. } => (in_fixed_point(c)?, ONE),
        };
        let short = self.short(c);
        let of_parts = self.shared(|parts| {
            let mut sums = Sums::new(self.cells, one);
            parts.iter().try_for_each(|part| sums.add(part, short, l2, r))?;
            sums.settle();
            Ok(sums)
        })?;
        let sum = |cell: usize| of_parts.iter().filter_map(|sums| sums.of.get(cell)).sum::<i128>();
        let sums = (0..self.cells).map(|cell| clamped(sum(cell)));
        let lost = clamped(of_parts.iter().map(|sums| sums.lost).sum())?;
        Ok((Exact::new(sums.collect::<Result<_, _>>()?, l2), lost))
    }
}

/// Sums of units, by cell, and what they lost by scaling.
struct Sums {
    of: Vec<i128>,
    lost: i128,
    /// What was not scaled, in ones: sums of so many entries, and what one is.
    unscaled: Vec<i64>,
    entries: usize,
    one: i64,
}

impl Sums {
    fn new(cells: usize, one: i64) -> Self {
        Self { of: vec![0; cells], lost: 0, unscaled: vec![0; cells], entries: 0, one }
    }

    /// Adds the units of a part, scaled to the norm `l2` where their bucket is not below `short`; each loses at most `r`.
    fn add(&mut self, part: &Units, short: usize, l2: u64, r: i64) -> Result<(), RunError> {
        // Less than 2³² of them, below 2³¹ each: nothing of it is lost.
        if self.entries + part.entries.len() >= 1 << 32 {
            self.settle();
        }
        self.entries += part.entries.len();
        let Self { of, lost, unscaled, .. } = self;
        let mut add_all = |entries: Range<usize>| {
            part.entries.get(entries)?.iter().try_for_each(|(cell, value)| {
                *unscaled.get_mut(*cell as usize)? += i64::from(*value);
                Some(())
            })
        };
        let (mut next, mut scaled) = (0, Vec::new());
        for unit in part.long(short) {
            let unit = part.unit(unit);
            add_all(next..unit.start).ok_or(RunError::Layout)?;
            next = unit.end;
            let entries = part.entries.get(unit).ok_or(RunError::Layout)?;
            let all = fixed_point(entries, &mut scaled);
            bounding::scale_to_norm(&mut scaled, l2);
            *lost += i128::from((all - absolute(&scaled)).clamp(0, r));
            for ((cell, _), value) in entries.iter().zip(&scaled) {
                *of.get_mut(*cell as usize).ok_or(RunError::Layout)? += i128::from(*value);
            }
        }
        add_all(next..part.entries.len()).ok_or(RunError::Layout)
    }

    /// Adds what was not scaled to the sums.
    fn settle(&mut self) {
        for (sum, unscaled) in self.of.iter_mut().zip(&mut self.unscaled) {
            *sum += i128::from(std::mem::take(unscaled)) * i128::from(self.one);
        }
        self.entries = 0;
    }
}

/// A norm in [`NORM_UNIT`]s, in fixed point.
fn in_fixed_point(norm: u64) -> Result<u64, RunError> {
    norm.checked_mul((ONE / NORM_UNIT).unsigned_abs()).ok_or(RunError::Overflow)
}

/// A unit's values in fixed point, and the sum of their magnitudes.
fn fixed_point(unit: &[Entry], values: &mut Vec<i64>) -> i64 {
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

    /// Also those are scaled whose norm is above what the last bucket is named by, and no others are.
    #[test]
    fn units_above_the_norm_are_scaled_and_others_stay() {
        let bound = Bounding::Norm { low: 0, high: 100, max_norm: 10, given: None };
        let unit = NORM_UNIT.unsigned_abs();
        for (value, c, sum) in
            [(8, 8, 8), (8, 10, 8), (9, 8, 8), (10, 10, 10), (11, 10, 10), (90, 10, 10), (3, 2, 2)]
        {
            let mut years = PersonYears::new(bound, 2);
            years.put(1, value);
            years.end();
            let exact = years.into_exact(c * unit).expect("summed");
            assert_eq!(exact.reveal(), [0, sum * ONE], "{value} scaled to {c}");
            assert_eq!(exact.l2(), c * ONE.unsigned_abs());
        }
    }

    /// Nor is anything left longer than a mechanism takes, whatever norm is asked for.
    #[test]
    fn no_norm_is_above_what_a_mechanism_takes() {
        let (high, cells) = (1 << 30, 1 << 23);
        let bound = Bounding::Norm { low: 0, high, max_norm: 1 << 50, given: None };
        let mut years = PersonYears::new(bound, cells);
        (0..).take(cells).for_each(|cell| years.put(cell, high));
        years.end();
        // A norm of 2^53.5.
        let exact = years.into_exact(1 << 50).expect("summed");
        let squares: f64 = exact.reveal().iter().map(|value| (*value as f64).powi(2)).sum();
        assert!(squares.sqrt() <= MAX_L2 as f64, "{}", squares.sqrt().log2());
    }
}
