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
//! *Both bounds from one look* ([`choose`]). From the histogram of norms, for each C, each R and each of [`SHARES`] of the price, the
//! error of a cell is predicted: noise C²/(2ρ), noise and bias of the remainder, a share of it a cell, and what stays
//! after the spreading. That is of two kinds. Whoever is cut is in other cells than the share says, each person for itself: a
//! vector of norm n loses n − C, and the mean square over k cells of independent such errors is Σ(n − C)²/k at most. And all
//! who are cut may differ from the others in common, by a part of what a cell would lose without ([`IN_COMMON`]). A
//! vector's sum ‖v‖₁ is not in the histogram: of vectors of zeros and ones it is n², of others it is taken as 2n (√k·n over k < 4
//! cells). Vectors of zeros and ones may also be measured without any bound ([`Centred`]), which is predicted exactly.
//!
//! *What it is worth*, by simulation over the contacts of `tests/bench` (6,000 persons, 58,588 rows, ε = 1; error of a cell
//! against the truth without any bound; in brackets with one bound and no remainder): contacts per district 250 (450), minutes per
//! district 32,600 (56,000), persons per month and district 20.8 (34.0). Persons per district are not scaled at all: 12.3 (18.4).
//! Over 18 other shapes (500 to 100,000 persons, light and heavy tails, 2 to 204 cells, even and skewed, a person in one or in many)
//! at ρ 0.002, 0.024 and 0.2 it is, against a fixed eighth of the price and a fixed part that stays, 0.87 of the error in the
//! geometric mean and 1.07 of it at most, but for one shape: where the longest vectors are in cells in which nobody else is, it is up to
//! 1.29 of it, and neither interval holds.
//! Over fewer than [`FEW`] cells it wins or loses some percent, depending on the tail, and is not measured.
//!
//! *Intervals.* The derivatives of x̂ⱼ by Yⱼ, by the other cells and by m are 1 + r(1 − wⱼ), −r·wⱼ and wⱼ, with r = m/ΣY⁺; noises are
//! independent, hence the variance in [`Remainder::half_widths`].
//!
//! # Privacy
//!
//! *Unit*: a person-year. *Sensitivity*: each unit adds one number, clamped to 0…R, to the sum; hence R. *Mechanism*:
//! [`crate::gaussian`], by the caller. *Cost*: its own ρ, added to those of the look and of the cells. C, R, and which share of the price
//! left is the remainder's are chosen from the noised look alone, before anything else is measured: whatever is chosen, both
//! prices add up to what is left. Where it is not worth measuring, its share is nothing. Spreading is post-processing. *Source*: adaptive composition of zCDP
//! (Bun and Steinke 2016, lemma 2.3).

use serde::{Deserialize, Serialize};

use crate::bounding::{self, Candidate};
use crate::centred::Centred;
use crate::cut::Cut;
use crate::{Rho, interval};

/// Shares of the price that may measure the remainder: none is far from the best one.
const SHARES: [(u64, u64); 6] = [(1, 50), (1, 20), (1, 12), (1, 8), (1, 5), (3, 10)];
/// The most of a price that may measure the remainder.
pub fn most(price: Rho) -> Rho {
    let shares = SHARES.map(|(part, of)| price.nano() / of * part);
    Rho::from_nano(shares.into_iter().max().unwrap_or(0))
}

/// Of what a cell would lose, so much stays in common when the remainder is spread in proportion. It was up to 0.1 over all shapes
/// but the one made for it, in which the longest vectors are where nobody else is.
const IN_COMMON: f64 = 0.15;
/// The same of zeros and ones: the longest of such vectors are even over the cells, which shares are not. What is each
/// person's own is small beside that: a long vector is in many cells.
const OF_INDICATORS: f64 = 0.3;
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

/// How vectors are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Scaled to a norm.
    Scaled(Norms),
    /// Zeros and ones, without a bound.
    Centred(Centred),
}

/// Both bounds, in the unit of norms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Norms {
    /// C, for the vector of the cells.
    pub vector: u64,
    /// What measures what a person-year loses by that; nothing where the remainder is not worth measuring.
    pub remainder: Option<Bound>,
}

/// The bound of the remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// R
    pub norm: u64,
    /// Its part of the price.
    pub price: Rho,
}

/// What has the least predicted mean squared error of a cell. The arguments are those of [`bounding::choose_norm`]; `price` pays for
/// the cells, and for the remainder where one is measured. Nothing where nobody is to be seen.
pub fn choose(
    noisy_hist: &[f64],
    hist_sd: f64,
    buckets: &[u64],
    shape: Shape,
    price: Rho,
    least: u64,
) -> Option<Choice> {
    let vector = bounding::choose_norm(noisy_hist, hist_sd, buckets, shape.cells, price, least)?;
    let mut best = Norms { vector, remainder: None };
    if price.is_zero() || noisy_hist.len() != buckets.len() {
        return Some(Choice::Scaled(best));
    }
    let candidates = bounding::candidates(noisy_hist, hist_sd, buckets);
    let persons = persons(&candidates);
    let cells = shape.cells.max(1) as f64;
    let spread = bounding::spread(shape.cells);
    let [in_common, own] = if shape.indicator.is_some() { [OF_INDICATORS, 0.0] } else { [IN_COMMON, 1.0] };
    let cost = |rho: Rho| 1.0 / (2.0 * rho.as_f64());
    // Σ (n − C)₊ to a power.
    let lost = |c: f64, power: i32| {
        persons.iter().map(|p| p.persons * (p.norm - c).max(0.0).powi(power)).sum::<f64>()
    };
    let c = vector as f64;
    let mut smallest = cost(price) * c * c + (spread * lost(c, 1)).powi(2);
    let splits = SHARES.map(|(part, of)| Rho::from_nano(price.nano() / of * part));
    for Candidate { norm: c, .. } in candidates.iter().filter(|candidate| candidate.norm >= least as f64) {
        let stays = (in_common * spread * lost(*c, 1)).powi(2) + own * lost(*c, 2) / cells;
        for of_remainder in splits.iter().filter(|of_remainder| !of_remainder.is_zero()) {
            let Some((r, error)) = bound_of_remainder(&persons, shape, *c, cost(*of_remainder)) else {
                continue;
            };
            let of_cells = cost(price.saturating_sub(*of_remainder)) * c * c;
            let error = of_cells + stays + UNEVEN * error / cells.powi(2);
            if error < smallest {
                smallest = error;
                let most = buckets.last().copied().unwrap_or(1);
                let bound = Bound { norm: bounding::whole(r, u64::MAX >> 16), price: *of_remainder };
                best = Norms { vector: bounding::whole(*c, most), remainder: Some(bound) };
            }
        }
    }
    let centred = shape.indicator.and_then(|one| Some((one, Centred::new(shape.cells)?)));
    let centred =
        centred.filter(|(one, centred)| cost(price) * (centred.norm() * *one as f64).powi(2) < smallest);
    Some(centred.map_or(Choice::Scaled(best), |(_, centred)| Choice::Centred(centred)))
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
            // A remainder that its noise made negative takes from cells in which something is; the others keep all of their noise.
            let (here, others) = ((1.0 + per_value * (1.0 - share)).max(1.0), per_value * share);
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
mod tests;
