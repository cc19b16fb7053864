//! What scaling cuts off, measured as one number and given back to the cells.
//!
//! # The argument
//!
//! Scaling a vector v of norm n to C keeps C/n of it, so that a person-year loses ‖v‖₁·(1 − C/n) over all its cells. Most lose
//! nothing. What all lose together, the *remainder*, is one number: with a bound R of its own it has noise of R/√(2ρ), which the
//! cells of an answer share. So it may be bounded much less tightly than the cells, and the cells much more tightly, since
//! what that costs comes back.
//!
//! *Given back* in proportion to what was measured in each cell, x̂ⱼ = Yⱼ + m·wⱼ with wⱼ = Yⱼ⁺/ΣY⁺ ([`Remainder::spread`]):
//! persons with long vectors are taken to be where the others are. Where they are not, a cell is wrong by a part of its
//! share; the wider interval holds that as a second, independent error of which [`ASTRAY`] of what a cell was given back is
//! the half-width, beside what is cut off beyond R ([`beyond`]).
//!
//! *Both bounds from one look* ([`choose`]). From the histogram of norms, for each C and R, the error of a cell is predicted:
//! noise C²/(2ρ), what stays after the spreading ([`KEPT`] of what a cell would lose without), and noise and bias of the
//! remainder, a share of it a cell. A vector's sum ‖v‖₁ is not in the histogram: of vectors of zeros and ones it is n², of others it is
//! taken as 2n (√k·n over k < 4 cells).
//!
//! *What it is worth*, by simulation over the contacts of `tests/bench` (6,000 persons, 58,588 rows, ε = 1; error of a cell
//! against the truth without any bound; before, with one bound and no remainder): persons per district 17.7 (18.4), contacts
//! per district 315 (450), minutes per district 37,000 (56,000), persons per month and district 20.3 (34.0), contacts by age
//! band 750 (960). At a fifth of that price it wins more. Over fewer than [`FEW`] cells it wins or loses some percent,
//! depending on the tail, and is not measured.
//!
//! *Intervals.* The derivatives of x̂ⱼ by Yⱼ, by the other cells and by m are 1 + r(1 − wⱼ), −r·wⱼ and wⱼ, with r = m/ΣY⁺; noises are
//! independent, hence the variance in [`Remainder::half_widths`].
//!
//! # Privacy
//!
//! *Unit*: a person-year. *Sensitivity*: each unit adds one number, clamped to 0…R, to the sum; hence R. *Mechanism*:
//! [`crate::gaussian`], by the caller. *Cost*: its own ρ, added to those of the look and of the cells; C and R are chosen from the noised
//! look alone. Where nobody is to be seen above C nothing is measured, and the ρ pays for less noise in the cells: each
//! branch costs the same, and which is taken follows from the look. Spreading is post-processing. *Source*: adaptive composition of zCDP
//! (Bun and Steinke 2016, lemma 2.3).

use serde::{Deserialize, Serialize};

use crate::bounding::{self, Candidate};
use crate::cut::Cut;
use crate::{Rho, interval};

/// Of what a cell would lose, so much stays when the remainder is spread in proportion. Measured between 0.2 and 0.5.
const KEPT: f64 = 0.35;
/// The fewest cells over which it is measured.
pub const FEW: usize = 6;
/// Of what a cell was given back, so much is the 95 % half-width of what should have gone to other cells or come from them.
pub const ASTRAY: f64 = 0.5;
/// A person-year's vector over several cells sums to about so many times its norm.
pub const OVER_CELLS: f64 = 2.0;
/// Cells differ in size, so that the mean square of their shares is above that of even ones by this factor.
const UNEVEN: f64 = 1.3;

/// What planning knows of the vectors: how a sum goes with a norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Cells of the answer.
    pub cells: usize,
    /// What one is in the unit of norms, where all values are 0 or 1.
    pub indicator: Option<u64>,
}

impl Shape {
    /// ‖v‖₁ of a vector with this norm, about; in the unit of norms.
    fn sum(self, norm: f64) -> f64 {
        let cells = self.cells.max(1) as f64;
        self.indicator.map_or(norm * cells.sqrt().min(OVER_CELLS), |one| {
            let one = one as f64;
            (norm / one).powi(2).min(cells) * one
        })
    }

    /// What a vector of this norm loses over all its cells when it is scaled to `c`.
    fn loses(self, norm: f64, c: f64) -> f64 {
        if norm > c { self.sum(norm) * (1.0 - c / norm) } else { 0.0 }
    }
}

/// Both bounds, in the unit of norms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Norms {
    /// C, for the vector of the cells.
    pub vector: u64,
    /// R, for what a person-year loses by that; nothing where the remainder is not worth measuring.
    pub remainder: Option<u64>,
}

/// The bounds with the least predicted mean squared error of a cell. The arguments are those of
/// [`bounding::choose_norm`]; `noise` pays for the cells and `remainder` for the remainder, or both for the cells. Nothing
/// where nobody is to be seen.
pub fn choose(
    noisy_hist: &[f64],
    hist_sd: f64,
    buckets: &[u64],
    shape: Shape,
    noise: Rho,
    remainder: Rho,
    least: u64,
) -> Option<Norms> {
    let together = noise.checked_add(remainder).unwrap_or(noise);
    let vector = bounding::choose_norm(noisy_hist, hist_sd, buckets, shape.cells, together, least)?;
    let alone = Norms { vector, remainder: None };
    if noise.is_zero() || remainder.is_zero() || noisy_hist.len() != buckets.len() {
        return Some(alone);
    }
    let candidates = bounding::candidates(noisy_hist, hist_sd, buckets);
    let persons = persons(&candidates);
    let cells = shape.cells.max(1) as f64;
    let spread = bounding::spread(shape.cells);
    let cost = |rho: Rho| 1.0 / (2.0 * rho.as_f64());
    let lost = |c: f64| persons.iter().map(|p| p.persons * (p.norm - c).max(0.0)).sum::<f64>();
    let c = alone.vector as f64;
    let mut smallest = cost(together) * c * c + (spread * lost(c)).powi(2);
    let mut best = alone;
    for Candidate { norm: c, .. } in candidates.iter().filter(|candidate| candidate.norm >= least as f64) {
        let kept = (KEPT * spread * lost(*c)).powi(2);
        let Some((r, of_remainder)) = bound_of_remainder(&persons, shape, *c, cost(remainder)) else {
            continue;
        };
        let error = cost(noise) * c * c + kept + UNEVEN * of_remainder / cells.powi(2);
        if error < smallest {
            smallest = error;
            let most = buckets.last().copied().unwrap_or(1);
            let r = bounding::whole(r, u64::MAX >> 16);
            best = Norms { vector: bounding::whole(*c, most), remainder: Some(r) };
        }
    }
    Some(best)
}

/// Persons of about a norm.
struct Persons {
    norm: f64,
    persons: f64,
}

/// Persons between the candidates, from the longest norms down.
fn persons(candidates: &[Candidate]) -> Vec<Persons> {
    let between = |pair: &[Candidate]| {
        let [upper, lower] = pair else { return None };
        let persons = lower.above - upper.above;
        (persons > 0.0).then(|| Persons { norm: f64::midpoint(upper.norm, lower.norm), persons })
    };
    candidates.windows(2).filter_map(between).collect()
}

/// The R with the least expected squared error of the remainder, and that error. Nothing where nobody loses anything.
fn bound_of_remainder(persons: &[Persons], shape: Shape, c: f64, cost: f64) -> Option<(f64, f64)> {
    let (mut above, mut lost, mut before) = (0.0, 0.0, f64::INFINITY);
    let mut best: Option<(f64, f64)> = None;
    for Persons { norm, persons } in persons {
        let r = shape.loses(*norm, c);
        if r <= 0.0 {
            break;
        }
        if above > 0.0 {
            lost += above * (before - r);
        }
        let error = cost * r * r + f64::powi(lost, 2);
        if best.is_none_or(|(_, least)| error < least) {
            best = Some((r, error));
        }
        (above, before) = (above + persons, r);
    }
    best
}

/// What [`Norms`] cut off beyond the remainder's bound, from the histogram that chose them. It is what one cell may lose of
/// it, as in [`Cut`]: the part [`OVER_CELLS`] of what all lose together.
pub fn beyond(noisy_hist: &[f64], hist_sd: f64, buckets: &[u64], shape: Shape, c: u64, r: u64) -> Cut {
    let all = Cut::of(noisy_hist, hist_sd, buckets, |norm| shape.loses(norm, c as f64) - r as f64);
    all.in_units(OVER_CELLS)
}

/// The noised remainder.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Remainder {
    value: f64,
    sd: f64,
}

impl Remainder {
    /// A noised remainder and the standard deviation of its noise, in the unit of the cells' values.
    pub fn new(value: f64, sd: f64) -> Self {
        Self { value, sd }
    }

    /// The same in another unit, which is so many of this one.
    #[must_use]
    pub fn in_units(self, of: f64) -> Self {
        Self { value: self.value / of, sd: self.sd / of }
    }

    /// With noise drawn again: so many standard deviations more.
    #[must_use]
    pub fn drawn(self, deviations: f64) -> Self {
        Self { value: self.value + deviations * self.sd, ..self }
    }

    /// What was measured, and the standard deviation of its noise.
    pub fn value(&self) -> (f64, f64) {
        (self.value, self.sd)
    }

    /// The cells' values with the remainder given back, in proportion to what is in them. It adds up to all of it.
    pub fn spread(&self, values: &[f64]) -> Vec<f64> {
        values.iter().zip(shares(values)).map(|(value, share)| value + self.value * share).collect()
    }

    /// Half-widths of the 95 % intervals of [`Remainder::spread`], where `half_width` is that of each cell's own noise.
    pub fn half_widths(&self, values: &[f64], half_width: f64) -> Vec<f64> {
        let shares = shares(values);
        let filled = shares.iter().filter(|share| **share > 0.0).count() as f64;
        let total: f64 = values.iter().map(|value| value.max(0.0)).sum();
        let per_value = if total > 0.0 { self.value / total } else { 0.0 };
        let own = interval::z(0.95) * self.sd;
        let of_share = |share: &f64| {
            let (here, others) = (1.0 + per_value * (1.0 - share), per_value * share);
            let of_cells = here.powi(2) + others.powi(2) * (filled - 1.0).max(0.0);
            (half_width * of_cells.sqrt()).hypot(own * share)
        };
        shares.iter().map(of_share).collect()
    }
}

/// The share of each cell; even ones where there is nothing to go by.
pub fn shares(values: &[f64]) -> Vec<f64> {
    let total: f64 = values.iter().map(|value| value.max(0.0)).sum();
    if total > 0.0 && total.is_finite() {
        values.iter().map(|value| value.max(0.0) / total).collect()
    } else {
        vec![1.0 / values.len().max(1) as f64; values.len()]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::bounding::{bucket_of, buckets, choose_norm};

    const ONE: u64 = 16;

    fn normal(random: &mut ChaCha8Rng) -> f64 {
        let (u, v): (f64, f64) = (random.random_range(1e-12..1.0), random.random_range(0.0..1.0));
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    fn rho(value: f64) -> Rho {
        Rho::from_f64_up(value).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_spread_adds_up(
            values in prop::collection::vec(-50.0..1_000.0_f64, 1..40),
            m in -100.0..10_000.0_f64,
            half_width in 0.1..100.0_f64,
        ) {
            let remainder = Remainder::new(m, 10.0);
            let spread = remainder.spread(&values);
            let (before, after) = (values.iter().sum::<f64>(), spread.iter().sum::<f64>());
            prop_assert!((after - before - m).abs() < 1e-6 * (1.0 + before.abs() + m.abs()));
            // What has nothing gets nothing, unless nobody has anything.
            let some = values.iter().any(|value| *value > 0.0);
            for (before, after) in values.iter().zip(&spread) {
                prop_assert!(!some || *before > 0.0 || (before - after).abs() < 1e-9);
            }
            let widths = remainder.half_widths(&values, half_width);
            prop_assert!(widths.iter().all(|width| width.is_finite()));
            prop_assert!(m < 0.0 || widths.iter().all(|width| *width >= half_width - 1e-9));
        }

        #[test]
        fn bounds_are_within_what_can_be(
            hist in prop::collection::vec(-1e5..1e5_f64, 21),
            cells in 1..1_000_usize,
            indicator in any::<bool>(),
            nano in 0..1_000_000_000_u64,
        ) {
            let bounds = buckets(1 << 20);
            let shape = Shape { cells, indicator: indicator.then_some(ONE) };
            let price = Rho::from_nano(nano);
            let Some(norms) = choose(&hist, 30.0, &bounds, shape, price, price, ONE) else { return Ok(()) };
            prop_assert!((ONE..=1 << 20).contains(&norms.vector));
            // No vector loses more than all of it.
            let most = shape.sum(f64::from(1 << 20)).ceil() as u64;
            prop_assert!(norms.remainder.is_none_or(|r| (1..=most).contains(&r)));
        }
    }

    #[test]
    fn nothing_is_measured_where_nobody_is_to_be_seen_or_nobody_pays() {
        let bounds = buckets(1 << 12);
        let shape = Shape { cells: 16, indicator: None };
        let nobody = vec![0.0; bounds.len()];
        let price = rho(0.01);
        assert_eq!(choose(&nobody, 10.0, &bounds, shape, price, price, ONE), None);
        let mut some = nobody;
        some[5] = 500.0;
        some[6] = 300.0;
        some[7] = 100.0;
        assert!(choose(&some, 10.0, &bounds, shape, price, price, ONE).unwrap().remainder.is_some());
        let unpaid = choose(&some, 10.0, &bounds, shape, price, Rho::ZERO, ONE).unwrap();
        assert_eq!(Some(unpaid.vector), choose_norm(&some, 10.0, &bounds, 16, price, ONE));
        assert_eq!(unpaid.remainder, None);
    }

    /// Over many cells and at a low price the least error would be where nearly all of everybody is cut: never below one row.
    #[test]
    fn no_bound_cuts_everybody() {
        let bounds = buckets(1 << 16);
        let shape = Shape { cells: 780, indicator: None };
        let mut persons = vec![0.0; bounds.len()];
        persons[4] = 600.0;
        persons[6] = 300.0;
        persons[8] = 100.0;
        let (look, part) = (20.0, rho(0.0005));
        let norms = choose(&persons, look, &bounds, shape, part, part, ONE).unwrap();
        assert!((ONE..=16 * ONE).contains(&norms.vector), "{norms:?}");
    }

    #[test]
    fn the_loss_of_zeros_and_ones_is_exact() {
        let shape = Shape { cells: 16, indicator: Some(ONE) };
        // Nine ones of norm 3 scaled to norm 2 keep two thirds.
        let lost = shape.loses(3.0 * ONE as f64, 2.0 * ONE as f64) / ONE as f64;
        assert!((lost - 3.0).abs() < 1e-9, "{lost}");
        assert!(shape.loses(20.0, 20.0).abs() < 1e-9);
    }

    /// Contacts of persons over services: most in few, a dozen with hundreds in many.
    fn persons(random: &mut ChaCha8Rng, cells: usize, scale: f64) -> Vec<Vec<f64>> {
        let one = |random: &mut ChaCha8Rng| {
            let total = (scale * random.random_range(0.002..1.0_f64).powf(-0.75)).ceil() as usize;
            let places = (random.random_range(0.05..1.0_f64).powf(-0.8) as usize).clamp(1, cells);
            let mut vector = vec![0.0; cells];
            let at: Vec<usize> = (0..places)
                .map(|_| (random.random_range(0.0..1.0_f64).powi(2) * cells as f64) as usize)
                .collect();
            for row in 0..total.min(120) {
                vector[at[row % places].min(cells - 1)] += 1.0;
            }
            vector
        };
        (0..3_000).map(|_| one(random)).collect()
    }

    /// One run over persons: error and half-width of each cell, with the remainder and, from the same price, without.
    fn run(
        vectors: &[Vec<f64>],
        shape: Shape,
        price: f64,
        random: &mut ChaCha8Rng,
    ) -> ([f64; 2], Vec<(f64, f64)>) {
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt() * ONE as f64;
        let bounds = buckets(120 * 4 * ONE);
        let (look, part) = (rho(price * 0.1), rho(price * 0.125));
        let noise = rho(price * 0.775);
        let hist_sd = (1.0 / (2.0 * look.as_f64())).sqrt();
        let mut hist = vec![0.0; bounds.len()];
        for vector in vectors {
            hist[bucket_of(norm(vector).ceil() as u64, &bounds)] += 1.0;
        }
        for count in &mut hist {
            *count += hist_sd * normal(random);
        }
        let norms = choose(&hist, hist_sd, &bounds, shape, noise, part, ONE).unwrap();
        let alone = choose_norm(&hist, hist_sd, &bounds, shape.cells, rho(price * 0.9), ONE).unwrap();
        let cells = shape.cells;
        let mut truth = vec![0.0; cells];
        let (mut kept, mut kept_alone) = (vec![0.0; cells], vec![0.0; cells]);
        let mut all_lost = 0.0;
        let scale = |n: f64, c: u64| (c as f64 / n).min(1.0);
        for vector in vectors {
            let n = norm(vector);
            let lost = vector.iter().sum::<f64>() * (1.0 - scale(n, norms.vector));
            all_lost += lost.min(norms.remainder.unwrap_or(0) as f64 / ONE as f64);
            for cell in 0..cells {
                truth[cell] += vector[cell];
                kept[cell] += vector[cell] * scale(n, norms.vector);
                kept_alone[cell] += vector[cell] * scale(n, alone);
            }
        }
        let sd = |c: u64, rho: Rho| c as f64 / ONE as f64 / (2.0 * rho.as_f64()).sqrt();
        let of_noise = if norms.remainder.is_some() { noise } else { rho(price * 0.9) };
        let half_width = interval::z(0.95) * sd(norms.vector, of_noise);
        let cell_sd = sd(norms.vector, of_noise);
        let values: Vec<f64> = kept.iter().map(|kept| kept + cell_sd * normal(random)).collect();
        let of_remainder = norms.remainder.map_or(0.0, |r| sd(r, part));
        let exact = Remainder::new(all_lost, 0.0);
        let measured = Remainder::new(all_lost + of_remainder * normal(random), of_remainder);
        let shown = measured.spread(&values);
        let (bounded, widths) = (exact.spread(&kept), measured.half_widths(&values, half_width));
        let sd_alone = sd(alone, rho(price * 0.9));
        let square = |errors: Vec<f64>| errors.iter().map(|e| e * e).sum::<f64>() / cells as f64;
        let with = square(shown.iter().zip(&truth).map(|(a, b)| a - b).collect());
        let without =
            square(kept_alone.iter().zip(&truth).map(|(a, b)| a - b + sd_alone * normal(random)).collect());
        let errors = shown.iter().zip(&bounded).map(|(a, b)| a - b).zip(widths).collect();
        ([with, without], errors)
    }

    /// The same price buys a smaller error with the remainder than without, over sums and indicators; and half-widths hold the
    /// noise, around what would be shown under the same bounds without any, as often as they say. The seeds are fixed.
    #[test]
    fn the_remainder_pays_and_its_intervals_hold() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for (cells, scale, indicator, price, gain) in [
            (16, 2.0, false, 0.024, 0.85),
            (16, 2.0, true, 0.024, 1.1),
            (192, 6.0, true, 0.024, 0.9),
            (6, 2.0, false, 0.024, 1.1),
            (16, 2.0, false, 0.005, 0.95),
            (192, 6.0, true, 0.005, 1.0),
            (192, 6.0, false, 0.024, 0.8),
        ] {
            let mut vectors = persons(&mut random, cells, scale);
            if indicator {
                for value in vectors.iter_mut().flatten() {
                    *value = value.min(1.0);
                }
            }
            let shape = Shape { cells, indicator: indicator.then_some(ONE) };
            let (mut with, mut without, mut inside, mut all) = (0.0, 0.0, 0.0, 0.0);
            for _ in 0..60 {
                let (squares, errors) = run(&vectors, shape, price, &mut random);
                with += squares[0];
                without += squares[1];
                inside += errors.iter().filter(|(error, width)| error.abs() <= *width).count() as f64;
                all += errors.len() as f64;
            }
            let ratio = (with / without).sqrt();
            let coverage = inside / all;
            eprintln!(
                "{cells} cells, indicator {indicator}, ρ {price}: {ratio:.2} of the error, {coverage:.3} inside"
            );
            assert!(ratio < gain, "{cells} cells, indicator {indicator}: {ratio}");
            assert!((0.92..0.98).contains(&coverage), "{cells} cells, indicator {indicator}: {coverage}");
        }
    }
}
