//! The bounding layer: person-years as vectors over the cells, clamped, scaled, summed.

use datafusion::execution::memory_pool::MemoryReservation;
use skjerm_privacy::cut::Cut;
use skjerm_privacy::{Gaussian, bounding};

use super::error::RunError;
use super::exact::Exact;
use crate::plan::{Bounding, Cells, Lost, NORM_UNIT, ONE, Part, PrivateQuery};

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
    /// The current unit's cells and values, by vector.
    open: Vec<Vec<(u32, i64)>>,
    done: Vec<PersonYears>,
    memory: Vec<MemoryReservation>,
}

/// The person-years of one vector.
///
/// # Privacy
/// Exact data of single persons. No `Debug`, no clone, no way out but [`PersonYears::into_exact`].
pub(crate) struct PersonYears {
    bound: Bounding,
    cells: usize,
    /// As they were gathered, one part after the other.
    parts: Vec<Units>,
}

/// Entries of some units one after the other, and where each unit ends.
#[derive(Default)]
struct Units {
    entries: Vec<(u32, i64)>,
    ends: Vec<usize>,
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
            open: vec![Vec::new(); vectors.len()],
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
    pub(crate) fn add(&mut self, vector: usize, cell: u32, value: i64) {
        if let Some(open) = self.open.get_mut(vector) {
            match open.last_mut() {
                Some(last) if last.0 == cell => last.1 = last.1.saturating_add(value),
                Some(_) | None => open.push((cell, value)),
            }
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
        let (entry, end) = (size_of::<(u32, i64)>(), size_of::<usize>());
        let parts = self.done.iter().flat_map(|done| &done.parts);
        parts.map(|part| part.entries.capacity() * entry + part.ends.capacity() * end).sum()
    }

    pub(crate) fn finish(mut self) -> Vec<PersonYears> {
        self.close();
        self.done
    }

    /// Ends the current unit: its entries by cell, clamped.
    pub(crate) fn close(&mut self) {
        for (open, person_years) in self.open.iter_mut().zip(&mut self.done) {
            if open.is_empty() {
                continue;
            }
            let Some(part) = person_years.parts.last_mut() else { continue };
            open.sort_unstable_by_key(|(cell, _)| *cell);
            let start = part.entries.len();
            for (cell, value) in open.drain(..) {
                match part.entries.get_mut(start..).and_then(<[_]>::last_mut) {
                    Some(last) if last.0 == cell => last.1 = last.1.saturating_add(value),
                    Some(_) | None => part.entries.push((cell, value)),
                }
            }
            let kept = clamp(person_years.bound, &mut part.entries[start..]);
            part.entries.truncate(start + kept);
            part.ends.push(part.entries.len());
        }
    }
}

/// Clamps a unit's entries in each cell and moves those that stay to the front; says how many.
///
/// # Privacy
/// Bounds hold for whatever comes in. For [`Bounding::One`], one entry stays, whatever the plan delivered.
fn clamp(bound: Bounding, entries: &mut [(u32, i64)]) -> usize {
    let (low, high, most) = match bound {
        Bounding::One => (0, 1, 1),
        Bounding::Norm { low, high, .. } => (low, high, usize::MAX),
    };
    let mut kept = 0;
    for at in 0..entries.len() {
        let (cell, value) = entries[at];
        let value = value.clamp(low, high);
        if value != 0 && kept < most {
            entries[kept] = (cell, value);
            kept += 1;
        }
    }
    kept
}

impl Units {
    /// The vectors of the units, one after the other.
    fn vectors(&self) -> impl Iterator<Item = &[(u32, i64)]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.entries[start..*end])
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

    /// How many units have a norm in each bucket; `None` where no norm has to be chosen.
    ///
    /// # Privacy
    /// Each unit is in exactly one bucket, once: adding or removing one changes the histogram by an L2 norm of 1.
    pub(super) fn histogram(&self) -> Result<Option<Exact>, RunError> {
        let Bounding::Norm { max_norm, .. } = self.bound else {
            return Ok(None);
        };
        let buckets = buckets(max_norm);
        let counts = self.shared(|parts| {
            let mut counts = vec![0_i64; buckets.len()];
            let mut values: Vec<i64> = Vec::new();
            for unit in parts.iter().flat_map(Units::vectors) {
                values.clear();
                values.extend(unit.iter().map(|(_, value)| value.saturating_mul(NORM_UNIT)));
                let bucket = bounding::bucket_of(bounding::norm(&values), &buckets);
                *counts.get_mut(bucket).ok_or(RunError::Layout)? += 1;
            }
            Ok(counts)
        })?;
        let count = |bucket: usize| counts.iter().filter_map(|counts| counts.get(bucket)).sum();
        Ok(Some(Exact::new((0..buckets.len()).map(count).collect(), 1)))
    }

    /// Chooses the norm that the units are scaled to, by a private look, in [`NORM_UNIT`]s, and says what that cuts
    /// off, in ones. 1 where no choice is needed. Blocking.
    ///
    /// # Privacy
    /// The noise of [`PersonYears::histogram`] is paid with `part.look`. What is chosen and estimated from the noised
    /// histogram is post-processing. A norm that the caller named is chosen without the data.
    pub(crate) fn choose_norm(&self, part: Part) -> Result<(u64, Lost), RunError> {
        let Bounding::Norm { low, max_norm, given, .. } = self.bound else { return Ok((1, Lost::Nothing)) };
        let most = max_norm.saturating_mul(NORM_UNIT.unsigned_abs());
        if let Some(given) = given {
            return Ok((given, if given >= most { Lost::Nothing } else { Lost::Unknown }));
        }
        let Some(histogram) = self.histogram()? else { return Err(RunError::Layout) };
        let gaussian = Gaussian::for_rho(1, part.look)?;
        let noised: Vec<f64> =
            histogram.into_noised(&gaussian)?.into_iter().map(|count| count as f64).collect();
        let buckets = buckets(max_norm);
        let chosen = bounding::choose_norm(&noised, gaussian.sigma(), &buckets, self.cells, part.noise);
        let c = settled(chosen, max_norm);
        let cut = Cut::estimate(&noised, gaussian.sigma(), &buckets, c).in_units(NORM_UNIT as f64);
        let lost = if c >= most { Lost::Nothing } else { Lost::Estimated { cut, signed: low < 0 } };
        Ok((c, lost))
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
        let l2 = match self.bound {
            Bounding::One => 1,
            Bounding::Norm { .. } => {
                c.checked_mul((ONE / NORM_UNIT).unsigned_abs()).ok_or(RunError::Overflow)?
            }
        };
        let sums = self.shared(|parts| {
            let mut sums = vec![0_i128; self.cells];
            let mut scaled: Vec<i64> = Vec::new();
            for unit in parts.iter().flat_map(Units::vectors) {
                scaled.clear();
                match self.bound {
                    Bounding::One => scaled.extend(unit.iter().map(|(_, value)| *value)),
                    Bounding::Norm { .. } => {
                        for (_, value) in unit {
                            scaled.push(value.checked_mul(ONE).ok_or(RunError::Overflow)?);
                        }
                        bounding::scale_to_norm(&mut scaled, l2);
                    }
                }
                for ((cell, _), value) in unit.iter().zip(&scaled) {
                    let sum = usize::try_from(*cell)
                        .ok()
                        .and_then(|cell| sums.get_mut(cell))
                        .ok_or(RunError::Layout)?;
                    *sum += i128::from(*value);
                }
            }
            Ok(sums)
        })?;
        let sum = |cell: usize| sums.iter().filter_map(|sums| sums.get(cell)).sum::<i128>();
        let clamped = |sum: i128| i64::try_from(sum.clamp(-MOST, MOST)).map_err(|_| RunError::Overflow);
        let sums = (0..self.cells).map(|cell| clamped(sum(cell)));
        Ok(Exact::new(sums.collect::<Result<_, _>>()?, l2))
    }
}

/// The norm that a choice comes down to, in [`NORM_UNIT`]s.
///
/// The least there is, 1, is chosen when the look saw nobody over its noise. Then nothing is known of the norms, and the
/// middle between one and the worst case is taken, which is what planning expects too: a sum cut to 1 a person would be a
/// count of persons. Never below one row: that would cut everybody.
pub(super) fn settled(chosen: u64, max_norm: u64) -> u64 {
    let unit = NORM_UNIT.unsigned_abs();
    let chosen = if chosen <= 1 { max_norm.isqrt().saturating_mul(unit) } else { chosen };
    chosen.clamp(unit, max_norm.saturating_mul(unit))
}

fn buckets(max_norm: u64) -> Vec<u64> {
    bounding::buckets(max_norm.saturating_mul(NORM_UNIT.unsigned_abs()))
}
