//! The bounding layer: person-years as vectors over the cells, clamped, scaled, summed.

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
}

/// Entries of some units one after the other. Values are clamped to bounds far below 2³¹.
#[derive(Default)]
struct Units {
    entries: Vec<(u32, i32)>,
    /// Where each unit ends.
    ends: Vec<u32>,
    /// In which bucket each unit's norm is: asked of all of them, and known when a unit ends.
    buckets: Vec<u8>,
}

/// So many entries are followed by other [`Units`], so that ends are small numbers.
const MOST_ENTRIES: usize = 1 << 30;

impl Units {
    /// The vectors of the units, one after the other.
    fn vectors(&self) -> impl Iterator<Item = &[(u32, i32)]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.entries[start as usize..*end as usize])
    }

    /// The same, each with its bucket.
    fn with_buckets(&self) -> impl Iterator<Item = (&[(u32, i32)], usize)> {
        self.vectors().zip(self.buckets.iter().map(|bucket| usize::from(*bucket)))
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
        Self { bound, cells, buckets, parts: vec![Units::default()] }
    }

    /// Adds a unit with these values, each cell once.
    ///
    /// # Privacy
    /// Values are clamped to the bounds, whatever comes in. For [`Bounding::One`], one entry stays, of the first cell, whatever
    /// the plan delivered.
    pub(super) fn end(&mut self, entries: impl Iterator<Item = (u32, i64)>) {
        if self.parts.last().is_none_or(|part| part.entries.len() > MOST_ENTRIES) {
            self.parts.push(Units::default());
        }
        let Some(Units { entries: all, ends, buckets }) = self.parts.last_mut() else { return };
        // Of at most 2³² values below 2³¹: nothing of it is lost.
        let mut square = 0_u128;
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
                        square += u128::from(i64::from(value).pow(2).unsigned_abs());
                    }
                }
            }
        }
        let unit = u128::from(NORM_UNIT.unsigned_abs());
        let bucket = bounding::bucket_of_square(square * unit * unit, self.buckets.len());
        // Entries are 2³⁰ and those of a unit at most, buckets 65.
        ends.push(u32::try_from(all.len()).unwrap_or(u32::MAX));
        buckets.push(u8::try_from(bucket).unwrap_or(u8::MAX));
    }

    /// Adds those that came after.
    pub(super) fn append(&mut self, more: Self) {
        self.parts.extend(more.parts);
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let (entry, end) = (size_of::<(u32, i32)>(), size_of::<u32>());
        let of_part = |part: &Units| {
            part.entries.capacity() * entry + part.ends.capacity() * end + part.buckets.capacity()
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
            for bucket in parts.iter().flat_map(|part| &part.buckets) {
                *counts.get_mut(usize::from(*bucket)).ok_or(RunError::Layout)? += 1;
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
        let (l2, one) = match self.bound {
            Bounding::One => (1, 1),
            Bounding::Norm { .. } => (in_fixed_point(c)?, ONE),
        };
        let short = self.short(c);
        let sums = self.shared(|parts| {
            let mut sums = vec![0_i128; self.cells];
            let mut scaled: Vec<i64> = Vec::new();
            for (unit, bucket) in parts.iter().flat_map(Units::with_buckets) {
                let mut add = |cell: u32, value: i64| {
                    *sums.get_mut(cell as usize).ok_or(RunError::Layout)? += i128::from(value);
                    Ok::<_, RunError>(())
                };
                if bucket < short {
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
            years.end([(1, value)].into_iter());
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
        years.end((0..).take(cells).map(|cell| (cell, high)));
        // A norm of 2^53.5.
        let exact = years.into_exact(1 << 50).expect("summed");
        let squares: f64 = exact.reveal().iter().map(|value| (*value as f64).powi(2)).sum();
        assert!(squares.sqrt() <= MAX_L2 as f64, "{}", squares.sqrt().log2());
    }
}
