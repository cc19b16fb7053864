//! How much one person-year may contribute, chosen privately, and kept to.
//!
//! Bounding decides the error more than noise does: cut too low, a few active persons' records
//! vanish; too high, everyone's figures drown in the noise that would hide them. So a person-year's
//! whole vector (its sums over all cells of the answer) is *scaled* to an L2 norm of at most C, and C
//! comes from a noised histogram of the norms.
//!
//! Vectors are fixed-point integers: multiply counts by [`FIXED_POINT`] first, for a vector (1, 1)
//! scaled to norm 1 would round to (0, 0) otherwise. The norms, the buckets and C are in the same
//! fixed-point units.
//!
//! # Privacy
//!
//! *Unit*: a person-year, added or removed. *Sensitivity*: the histogram counts every person-year in
//! exactly one bucket ([`bucket_of`]), hence L2 sensitivity 1; a vector after [`scale_to_norm`] has an
//! L2 norm of at most C, hence the sum of all vectors has L2 sensitivity C. *Mechanism*: for both
//! [`crate::gaussian`], by the caller. *Cost*: the histogram's ρ and the sum's ρ, added up.
//! [`choose_norm`] sees noised counts only and is post-processing. *Source*: the norm after rounding is
//! not assumed but checked, with 128-bit integers: rounding towards zero never lengthens a vector, and a
//! float never decides.

use crate::Rho;

/// One, in fixed point: fine enough that rounding a scaled vector towards zero loses under a
/// thousandth, coarse enough that sums over a city stay far inside 64 bits.
pub const FIXED_POINT: i64 = 1 << 12;

/// From bucket to bucket above the fullest, persons are expected to fall to this part. By simulation (`tests/bench`) 0.35 and
/// 0.5 are as good.
const FALL: f64 = 0.4;
/// Candidates per bucket for C.
const STEPS: u32 = 4;
/// A tail of the histogram counts as seen when it is so many standard deviations above nothing. Noise
/// mistaken for persons of huge norms would spoil C, so false alarms must be rare.
const SEEN: f64 = 3.5;
/// The same for a bucket next to one that is seen.
const LIKELY: f64 = 1.0;
/// The same for a bucket above one in which nobody is likely: a tail does not begin with a gap, and among some twenty
/// buckets noise is above [`SEEN`] in one look of two hundred.
const ISOLATED: f64 = 5.0;

/// Ascending upper bounds of the buckets for norms up to `max_norm`: 1, 2, 4, … `max_norm`.
pub fn buckets(max_norm: u64) -> Vec<u64> {
    let max_norm = max_norm.max(1);
    let mut bounds: Vec<u64> =
        (0..64).map(|bit| 1_u64 << bit).take_while(|bound| *bound < max_norm).collect();
    bounds.push(max_norm);
    bounds
}

/// The bucket a norm falls into: exactly one; the last also takes all above its bound.
pub fn bucket_of(norm: u64, buckets: &[u64]) -> usize {
    buckets.partition_point(|bound| *bound < norm).min(buckets.len().saturating_sub(1))
}

/// The bucket that a norm falls into, of so many that [`buckets`] made, by its square and without a root.
///
/// A norm, rounded up, is at most 2ⁱ just where its square is at most 4ⁱ: where what is below the square takes 2i bits at most. The
/// last bucket's bound may be another number, and it holds all that is above the one before it.
#[inline] // asked of every person-year
pub fn bucket_of_square(square: u128, buckets: usize) -> usize {
    let bits = u128::BITS - square.saturating_sub(1).leading_zeros();
    (bits.div_ceil(2) as usize).min(buckets.saturating_sub(1))
}

/// The square of the L2 norm of some values, exact below 2¹²⁸ and saturating there.
fn squared(values: impl Iterator<Item = i64>) -> u128 {
    values.fold(0_u128, |sum, value| {
        let magnitude = u128::from(value.unsigned_abs());
        sum.saturating_add(magnitude * magnitude)
    })
}

/// ‖vector‖₂, rounded up, in exact integer arithmetic; it saturates at the largest `u64`.
pub fn norm(vector: &[i64]) -> u64 {
    root(squared_norm(vector))
}

/// The root, rounded up.
fn root(squared: u128) -> u64 {
    let root = u64::try_from(squared).map_or_else(|_| squared.isqrt(), |small| small.isqrt().into());
    let up = if root * root == squared { root } else { root + 1 };
    u64::try_from(up).unwrap_or(u64::MAX)
}

/// ‖vector‖₂², exact below 2¹²⁸ and saturating there.
fn squared_norm(vector: &[i64]) -> u128 {
    // The usual vectors need half the bits, and a fraction of the time.
    let small = vector.iter().try_fold(0_u64, |sum, v| {
        let magnitude = v.unsigned_abs();
        sum.checked_add(magnitude.checked_mul(magnitude)?)
    });
    if let Some(small) = small {
        return small.into();
    }
    squared(vector.iter().copied())
}

/// Whether a vector whose norm has this square is left as it is by [`scale_to_norm`].
fn is_within(square: u128, c: u64) -> bool {
    square <= u128::from(c.min(crate::gaussian::MAX_L2)).pow(2)
}

/// Scales a vector to an L2 norm of at most `c`, in integers rounded towards zero. A vector that is
/// short enough stays as it is.
///
/// A `c` above [`crate::gaussian::MAX_L2`] is taken as that: no mechanism accepts more.
pub fn scale_to_norm(vector: &mut [i64], c: u64) {
    let c = c.min(crate::gaussian::MAX_L2);
    // Once is enough, but for norms beyond 64 bits; the check decides, not the argument.
    let mut square = squared_norm(vector);
    while !is_within(square, c) {
        // Rounded up, hence never too little is cut; above c, hence every pass shortens.
        let norm = root(square);
        for value in vector.iter_mut() {
            let magnitude = share(value.unsigned_abs(), c, norm);
            // Below the magnitude it was, so it always fits; zero is safe if that were wrong.
            *value = i64::try_from(magnitude).map_or(0, |m| if *value < 0 { -m } else { m });
        }
        square = squared_norm(vector);
    }
}

/// magnitude · c / norm, rounded down; in 64 bits where they are enough.
fn share(magnitude: u64, c: u64, norm: u64) -> u64 {
    if let Some(product) = magnitude.checked_mul(c) {
        return product / norm;
    }
    let product = u128::from(magnitude) * u128::from(c);
    u64::try_from(product / u128::from(norm)).unwrap_or(u64::MAX)
}

/// The C with the least predicted mean squared error of a cell: the noise that C costs, and the bias
/// from the norms it cuts.
///
/// `noisy_hist` holds a count a bucket of `buckets`, each with noise of standard deviation `hist_sd`;
/// the answer has `cells` cells and its noise may cost `rho`. The result is from `least` to the last bound; nothing where
/// nobody is to be seen, so that nothing is known of the norms.
pub fn choose_norm(
    noisy_hist: &[f64],
    hist_sd: f64,
    buckets: &[u64],
    cells: usize,
    rho: Rho,
    least: u64,
) -> Option<u64> {
    let &max_norm = buckets.last()?;
    if rho.is_zero() || noisy_hist.len() != buckets.len() {
        return Some(max_norm);
    }
    highest_seen(noisy_hist, hist_sd)?;
    let spread = spread(cells);
    let variance_per_square = 1.0 / (2.0 * rho.as_f64());

    // From the largest candidate down; the bias grows by the persons above times the step.
    let (mut lost, mut best, mut smallest) = (0.0, max_norm as f64, f64::INFINITY);
    for pair in candidates(noisy_hist, hist_sd, buckets).windows(2) {
        let [here, next] = pair else { continue };
        if here.norm < least as f64 {
            break;
        }
        let error = variance_per_square * here.norm * here.norm + (spread * lost).powi(2);
        if error < smallest {
            (best, smallest) = (here.norm, error);
        }
        lost += (here.norm - next.norm) * f64::midpoint(here.above, next.above);
    }
    Some(whole(best, max_norm).clamp(least.clamp(1, max_norm), max_norm))
}

/// How many persons there are and how long their vectors are together, as far as one can tell: what an error can be held
/// against. Nothing where nobody is to be seen. No vector that holds anything is shorter than `least`, and those that are longer
/// than `most` count for that.
///
/// Post-processing, as [`choose_norm`] is.
pub fn size(noisy_hist: &[f64], hist_sd: f64, buckets: &[u64], least: u64, most: u64) -> Option<Size> {
    highest_seen(noisy_hist, hist_sd).filter(|_| noisy_hist.len() == buckets.len())?;
    let mut size = Size { persons: 0.0, length: 0.0 };
    for pair in candidates(noisy_hist, hist_sd, buckets).windows(2) {
        let [upper, lower] = pair else { continue };
        let persons = (lower.above - upper.above).max(0.0);
        size.persons += persons;
        size.length += persons * f64::midpoint(upper.norm, lower.norm).max(least as f64).min(most as f64);
    }
    Some(size)
}

/// What is to be seen of some vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// How many there are.
    pub persons: f64,
    /// Their norms, added up.
    pub length: f64,
}

/// The part of what norms lose that a cell loses. It is spread over the cells unevenly, and one person's over several: a
/// person's vector over s cells sums to √s times its norm. Twice is about right for the field's questions.
pub(crate) fn spread(cells: usize) -> f64 {
    let cells = cells.max(1) as f64;
    cells.sqrt().min(2.0) / cells
}

/// A norm that may be chosen.
pub(crate) struct Candidate {
    pub(crate) norm: f64,
    /// Persons above it, as far as one can tell.
    pub(crate) above: f64,
}

/// The norms that may be chosen, from the last bound down to half of the first, [`STEPS`] a bucket. Norms within a
/// bucket are taken as spread evenly over its logarithm.
pub(crate) fn candidates(noisy_hist: &[f64], hist_sd: f64, buckets: &[u64]) -> Vec<Candidate> {
    let tails = persons_above(noisy_hist, hist_sd);
    let mut all = Vec::with_capacity(buckets.len() * STEPS as usize + 1);
    for (bucket, bound) in buckets.iter().enumerate().rev() {
        let upper = *bound as f64;
        let (lower, above_lower) = match bucket.checked_sub(1) {
            None => (upper / 2.0, tails.below),
            Some(below) => (buckets[below] as f64, tails.above[below]),
        };
        let above_upper = tails.above[bucket];
        let last = if bucket == 0 { STEPS } else { STEPS - 1 };
        all.extend((0..=last).map(|step| {
            let fraction = f64::from(step) / f64::from(STEPS);
            Candidate {
                norm: upper * (lower / upper).powf(fraction),
                above: above_upper + (above_lower - above_upper) * fraction,
            }
        }));
    }
    all
}

/// A choice as a whole number of at least 1.
pub(crate) fn whole(best: f64, max_norm: u64) -> u64 {
    // Rounding up keeps a bound that is a bucket's bound: those hold for whole vectors.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and the last bound
    let c = (best - 1e-6 * best).ceil() as u64;
    c.clamp(1, max_norm)
}

struct Tails {
    /// Persons with norms above each bucket's bound.
    above: Vec<f64>,
    /// All persons.
    below: f64,
}

/// Persons above each bound: sums of the counts ([`weighed`]) from the top.
fn persons_above(noisy_hist: &[f64], hist_sd: f64) -> Tails {
    let mut above = vec![0.0; noisy_hist.len()];
    let mut below = 0.0;
    for (bucket, count) in weighed(noisy_hist, hist_sd).into_iter().enumerate().rev() {
        above[bucket] = below;
        below += count;
    }
    Tails { above, below }
}

/// The counts as far as one can tell: none above the highest bucket in which persons are to be seen, and above the fullest each
/// weighed against what a tail would put there. Norms double from bucket to bucket and persons fall to [`FALL`] of the bucket
/// below, give or take as many: where that is far above the noise the histogram is believed, where it is below, the tail is. So
/// noise in the top buckets, which costs most, moves the bounds least.
fn weighed(noisy_hist: &[f64], hist_sd: f64) -> Vec<f64> {
    let mut counts: Vec<f64> = noisy_hist.iter().map(|count| count.max(0.0)).collect();
    let Some(top) = highest_seen(noisy_hist, hist_sd) else { return vec![0.0; counts.len()] };
    let fullest = (0..counts.len()).max_by(|a, b| counts[*a].total_cmp(&counts[*b])).unwrap_or(0);
    let (noise, mut below) = (hist_sd * hist_sd, counts.get(fullest).copied().unwrap_or(0.0));
    for (bucket, count) in counts.iter_mut().enumerate().skip(fullest + 1) {
        let expected = FALL * below;
        let spread = expected * expected;
        let both = spread + noise;
        if both > 0.0 {
            *count = ((expected * noise + noisy_hist[bucket] * spread) / both).max(0.0);
        }
        below = if *count > 0.0 { *count } else { expected / 2.0 };
    }
    for count in counts.iter_mut().skip(top + 1) {
        *count = 0.0;
    }
    counts
}

/// The highest bucket that holds persons, as far as one can tell. A tail does not end abruptly: next to
/// a bucket that is surely not empty, less evidence is enough, since an error there costs little.
pub(crate) fn highest_seen(noisy_hist: &[f64], hist_sd: f64) -> Option<usize> {
    let mut sum = 0.0;
    let sure = (0..noisy_hist.len()).rev().find(|bucket| {
        sum += noisy_hist[*bucket];
        let summed = (noisy_hist.len() - bucket) as f64;
        let alone = *bucket > 0 && noisy_hist[bucket - 1] <= LIKELY * hist_sd;
        let needed = if alone { ISOLATED } else { SEEN };
        noisy_hist[*bucket].max(sum / summed.sqrt()) > needed * hist_sd
    })?;
    let likely = noisy_hist[sure + 1..].iter().take_while(|count| **count > LIKELY * hist_sd).count();
    Some(sure + likely)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn buckets_cover_everything_once() {
        assert_eq!(buckets(10), [1, 2, 4, 8, 10]);
        assert_eq!(buckets(8), [1, 2, 4, 8]);
        assert_eq!(buckets(0), [1]);
        let bounds = buckets(10);
        assert_eq!(
            [0, 1, 2, 3, 8, 9, 10, 11, u64::MAX].map(|n| bucket_of(n, &bounds)),
            [0, 0, 1, 2, 3, 4, 4, 4, 4]
        );
        assert_eq!(buckets(u64::MAX).len(), 65);
    }

    #[test]
    fn norms_are_rounded_up() {
        assert_eq!(norm(&[3, -4]), 5);
        assert_eq!(norm(&[1, 1]), 2);
        assert_eq!(norm(&[]), 0);
        assert_eq!(norm(&[i64::MIN; 9]), u64::MAX);
        // A float would say exactly 2^53 here, and be wrong.
        assert_eq!(norm(&[1 << 53, 1]), (1 << 53) + 1);
    }

    proptest! {
        #[test]
        fn scaled_norm_never_exceeds_c(
            mut vector in prop::collection::vec(prop_oneof![any::<i64>(), -1000..1000_i64], 0..40),
            c in prop_oneof![0..100_u64, any::<u64>()],
        ) {
            let before = vector.clone();
            scale_to_norm(&mut vector, c);
            let limit = u128::from(c) * u128::from(c);
            let squares: u128 = vector.iter().map(|v| u128::from(v.unsigned_abs()).pow(2)).sum();
            prop_assert!(squares <= limit);
            // Towards zero: no sign turns, nothing grows.
            for (new, old) in vector.iter().zip(&before) {
                prop_assert!(new.unsigned_abs() <= old.unsigned_abs());
                prop_assert!(*new == 0 || new.signum() == old.signum());
            }
            if squared_norm(&before) <= limit && c <= crate::gaussian::MAX_L2 {
                prop_assert_eq!(vector, before);
            }
        }

        #[test]
        fn scaling_keeps_the_direction(vector in prop::collection::vec(0..50_i64, 1..20), c in 1..40_u64) {
            let unit = u64::try_from(FIXED_POINT).unwrap();
            let mut scaled: Vec<i64> = vector.iter().map(|v| v * FIXED_POINT).collect();
            scale_to_norm(&mut scaled, c * unit);
            let length = vector.iter().map(|v| (v * v) as f64).sum::<f64>().sqrt();
            let factor = (c as f64 / length.max(1e-9)).min(1.0);
            for (new, old) in scaled.iter().zip(&vector) {
                let expected = *old as f64 * factor;
                prop_assert!((*new as f64 / FIXED_POINT as f64 - expected).abs() < 0.01 + expected * 1e-3);
            }
        }

        #[test]
        fn one_unit_is_in_one_bucket(norm in any::<u64>(), max in 1..u64::MAX) {
            let bounds = buckets(max);
            let bucket = bucket_of(norm, &bounds);
            prop_assert!(norm <= bounds[bucket] || bucket == bounds.len() - 1);
            prop_assert!(bucket == 0 || norm > bounds[bucket - 1]);
        }

        #[test]
        fn a_vector_is_in_the_bucket_of_its_norm(
            vector in prop::collection::vec(prop_oneof![any::<i64>(), -1000..1000_i64], 0..20),
            max in 1..u64::MAX,
        ) {
            let bounds = buckets(max);
            prop_assert_eq!(bucket_of_square(squared(vector.iter().copied()), bounds.len()), bucket_of(norm(&vector), &bounds));
            prop_assert_eq!(bucket_of_square(u128::from(max.min(1 << 62)).pow(2), bounds.len()), bucket_of(max.min(1 << 62), &bounds));
        }

        #[test]
        fn a_share_is_the_same_in_few_bits_and_in_many(
            magnitude in prop_oneof![any::<u64>(), 0..1_000_000_u64],
            c in prop_oneof![any::<u64>(), 0..1_000_000_u64],
            above in 1..u64::MAX,
        ) {
            // The norm of a vector is not below its values.
            let norm = magnitude.max(c).max(above);
            let whole = u128::from(magnitude) * u128::from(c) / u128::from(norm);
            prop_assert_eq!(u128::from(share(magnitude, c, norm)), whole);
        }

        #[test]
        fn the_choice_is_always_within_the_bounds(
            hist in prop::collection::vec(-1e5..1e5_f64, 21),
            cells in 0..10_000_usize,
            nano in 0..1_000_000_000_u64,
            least in 1..100_u64,
        ) {
            let bounds = buckets(1 << 20);
            let c = choose_norm(&hist, 30.0, &bounds, cells, Rho::from_nano(nano), least);
            prop_assert!(c.is_none_or(|c| (least..=1 << 20).contains(&c)));
        }
    }

    #[test]
    fn a_size_is_that_of_the_vectors() {
        let bounds = buckets(1 << 12);
        // Everybody in one cell once, in sixteenths; the estimate must not think them shorter than they can be.
        let mut once = vec![0.0; bounds.len()];
        once[4] = 1_000.0;
        let found = size(&once, 5.0, &bounds, 16, u64::MAX).unwrap();
        assert!(
            (found.persons - 1_000.0).abs() < 1e-6 && (found.length / 16_000.0 - 1.0).abs() < 1e-6,
            "{found:?}"
        );
        // Norms spread over a power law, without noise: within a tenth.
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let norms: Vec<u64> =
            (0..20_000).map(|_| (16.0 / random.random_range(0.02..1.0_f64)) as u64).collect();
        let mut hist = vec![0.0; bounds.len()];
        for norm in &norms {
            hist[bucket_of(*norm, &bounds)] += 1.0;
        }
        let found = size(&hist, 1.0, &bounds, 16, u64::MAX).unwrap();
        let truth = norms.iter().sum::<u64>() as f64;
        assert!(
            (found.persons - 20_000.0).abs() < 0.1 && (found.length / truth - 1.0).abs() < 0.1,
            "{found:?}"
        );
        let capped = size(&hist, 1.0, &bounds, 16, 64).unwrap();
        let truth = norms.iter().map(|norm| norm.min(&64)).sum::<u64>() as f64;
        assert!((capped.length / truth - 1.0).abs() < 0.1, "{capped:?}");
        assert_eq!(size(&vec![0.0; bounds.len()], 5.0, &bounds, 16, u64::MAX), None, "nobody");
        assert_eq!(size(&[1_000.0], 5.0, &bounds, 16, u64::MAX), None, "another histogram");
    }

    /// Heavy-tailed persons over districts: the chosen C, from a look at a tenth of the price, against
    /// the best there is when the data and the whole price are given. A single cell is the hardest: its
    /// bias does not spread, and the last dozen persons of the tail are hidden in the look's noise.
    #[test]
    fn chosen_norm_is_near_the_oracle() {
        let rho = Rho::from_f64_up(0.024_356).unwrap();
        let (spend, look) = (rho.fraction(0.9).unwrap(), rho.fraction(0.1).unwrap());
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for (cells, persons, scale, bound) in
            [(16, 2_000, 4.0, 1.35), (16, 2_000, 400.0, 1.35), (192, 2_000, 4.0, 1.35), (1, 2_000, 9.0, 1.7)]
        {
            let vectors: Vec<Vec<i64>> = (0..persons)
                .map(|_| {
                    let total = scale / random.random_range(0.02..1.0_f64).powf(0.9);
                    let places = random.random_range(1..=3_usize);
                    let mut vector = vec![0; cells];
                    for _ in 0..places {
                        // Some districts are busier than others.
                        let place = (random.random_range(0.0..1.0_f64).powi(2) * cells as f64) as usize;
                        vector[place.min(cells - 1)] += (total / places as f64).ceil() as i64 * FIXED_POINT;
                    }
                    vector
                })
                .collect();
            let bounds = buckets(1 << 26);
            let mut hist = vec![0.0; bounds.len()];
            for vector in &vectors {
                hist[bucket_of(norm(vector), &bounds)] += 1.0;
            }
            let sd = (1.0 / (2.0 * look.as_f64())).sqrt();
            for count in &mut hist {
                // Twelve uniforms less six: close to normal.
                *count += sd * ((0..12).map(|_| random.random_range(0.0..1.0_f64)).sum::<f64>() - 6.0);
            }
            let error = |c: u64, price: Rho| {
                let mut lost = vec![0_i64; cells];
                for vector in &vectors {
                    let mut cut = vector.clone();
                    scale_to_norm(&mut cut, c);
                    for (sum, (old, new)) in lost.iter_mut().zip(vector.iter().zip(&cut)) {
                        *sum += old - new;
                    }
                }
                let bias = lost.iter().map(|l| (*l as f64).powi(2)).sum::<f64>() / cells as f64;
                (bias + (c as f64).powi(2) / (2.0 * price.as_f64())).sqrt()
            };
            let oracle = (20..50)
                .map(|i| error(2_f64.powf(f64::from(i) / 2.0) as u64, rho))
                .fold(f64::INFINITY, f64::min);
            let chosen = error(choose_norm(&hist, sd, &bounds, cells, spend, 1).unwrap(), spend);
            assert!(chosen < bound * oracle, "{cells} cells, scale {scale}: {chosen} {oracle}");
        }
    }
}
