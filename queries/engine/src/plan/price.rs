//! What a question costs, how the price is split, and how sharp the answer will be.

use skjerm_privacy::{Gaussian, Rho, remainder};
use skjerm_warehouse::policy::Policy;

use super::query::{Bounding, Known, NORM_UNIT, PrivateQuery};
use super::refuse::{Refusal, refuse};

/// The part of a vector's price that pays the private look at the norms: a tenth.
const LOOK: u64 = 10;
/// Of what a column was planned to have for its noise, it keeps at least this part when the price is shared out: no column's interval
/// gets more than ten times as wide for the others' sake, which is also the largest ratio of weights.
const KEEPS: u64 = 100;
/// Confidence of every interval.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// What one vector may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// For the histogram of norms; nothing where no norm has to be chosen.
    pub(crate) look: Rho,
    /// For the noise of the answer, and of what was cut off.
    pub(crate) noise: Rho,
    /// The most of `noise` that may pay for what was cut off, measured as one number; nothing where that is not measured. How much
    /// does is chosen after the look: see [`remainder::choose`].
    pub(crate) remainder: Rho,
    /// The least and the most that noise and remainder may have together, once the columns' sizes were looked at.
    pub(crate) range: [Rho; 2],
}

impl Part {
    /// What pays for noise and remainder.
    pub(crate) fn pool(&self) -> u64 {
        self.noise.nano()
    }

    /// The same with another amount for both.
    pub(crate) fn with_pool(self, pool: u64) -> Self {
        let noise = Rho::from_nano(pool);
        let remainder = if self.remainder.is_zero() { Rho::ZERO } else { remainder::most(noise) };
        Self { noise, remainder, ..self }
    }
}

/// ρ that a question pays from each block it reads: from the policy's least price to all that a block has.
///
/// The amount given is not repeated in a refusal: it may have hundreds of digits.
pub(crate) fn checked_rho(policy: &Policy, family: &str, wanted: f64) -> Result<Rho, Refusal> {
    const HINT: &str = "Leave it out to pay the policy's default.";
    let least = policy.query.min_rho;
    if !wanted.is_finite() || wanted <= 0.0 {
        return Err(refuse(format!("ρ must be a number above 0, and at least {least}")).hint(HINT));
    }
    if wanted < least {
        return Err(refuse(format!("ρ must be at least {least}, the least price in the policy")).hint(HINT));
    }
    if let Some(budget) = policy.budget.get(family).filter(|budget| wanted > budget.rho) {
        return Err(refuse(format!(
            "ρ must be at most {}, which is all that may ever be spent of one block",
            budget.rho
        ))
        .hint(HINT));
    }
    Rho::from_f64_up(wanted).map_err(|error| refuse(error.to_string()))
}

/// Splits the price over what is measured, in proportion to the squares of the weights: evenly where none are given.
///
/// What pays for noise is shared out anew among the columns of a grouping set after the looks, within [`Part::range`]: see
/// `run/shares.rs`.
///
/// # Privacy
/// The parts add up to at most `rho` (divisions round down): by adaptive composition of zCDP all histograms, noised
/// vectors and remainders together, of which the last two share `noise`, cost no more than what the ledger charges. Person-years are disjoint units, and each year's
/// rows take part once in each mechanism, so the same price holds for every year read.
pub(crate) fn split(query: &PrivateQuery, rho: Rho) -> Result<Vec<Part>, Refusal> {
    let square = |weight: u32| u128::from(weight).pow(2);
    let all: u128 = query.vectors.iter().map(|vector| square(vector.weight)).sum();
    let mut parts = Vec::new();
    for (at, vector) in query.vectors.iter().enumerate() {
        let each = u128::from(rho.nano()) * square(vector.weight) / all.max(1);
        let each = u64::try_from(each).unwrap_or(0);
        let looks = query.known(at) == Known::Looked;
        let look = if looks { each / LOOK } else { 0 };
        let noise = each - look;
        if noise == 0 || (look == 0 && looks) {
            return Err(refuse(format!("ρ = {rho} is too little to pay for this question")));
        }
        let [look, noise] = [look, noise].map(Rho::from_nano);
        let remainder = if query.shape(vector).is_some() { remainder::most(noise) } else { Rho::ZERO };
        parts.push(Part { look, noise, remainder, range: [noise; 2] });
    }
    for sharing in query.sharing() {
        let pools = || sharing.iter().filter_map(|at| parts.get(*at)).map(Part::pool);
        let (all, floors): (u64, u64) = (pools().sum(), pools().map(kept).sum());
        for at in sharing {
            let Some(part) = parts.get_mut(at) else { continue };
            let least = kept(part.pool());
            part.range = [least, all - (floors - least)].map(Rho::from_nano);
        }
    }
    Ok(parts)
}

/// What a column keeps of what it was planned to have.
fn kept(pool: u64) -> u64 {
    (pool / KEEPS).max(1)
}

/// Standard deviation of the noise on a vector of L2 norm 1: the least and the most, by how much of the price measures what was cut
/// off.
pub(crate) fn sigmas(part: Part) -> Result<[f64; 2], Refusal> {
    let of = |price| Ok(Gaussian::for_rho(1, price).map_err(|error| refuse(error.to_string()))?.sigma());
    Ok([of(part.noise)?, of(part.noise.saturating_sub(part.remainder))?])
}

/// Expected half-width of a column: at the best, in between, at the worst.
///
/// Planning sees no data, and so not the norm that will be chosen: it lies between 1 and the policy's worst
/// case, and the middle is their geometric mean. A norm that the caller named is known. Nor does it see how much of the price will
/// measure what is cut off: at best nothing, at worst all that may, half of it in between. Where something is cut off and
/// given back, intervals are wider by about its share of the total. Persons in cells that are measured around their means
/// ([`skjerm_privacy::centred`]) are below the worst case. Nor does it see how the columns of a question will share what pays for
/// noise: it expects each norm to be the same part of its column's total, and so even shares.
pub(crate) fn half_widths(bounding: Bounding, part: Part) -> Result<[f64; 3], Refusal> {
    let [least, most] = part.range;
    Ok(match bounding {
        Bounding::One => {
            let mut widths = [0.0; 3];
            for (width, rho) in widths.iter_mut().zip([most, part.noise, least]) {
                let gaussian = Gaussian::for_rho(1, rho).map_err(|error| refuse(error.to_string()))?;
                *width = gaussian.half_width(CONFIDENCE);
            }
            widths
        }
        Bounding::Norm { max_norm, given, .. } => {
            // Noise of many units is proportional to the norm.
            let [low, between, high] = norms(max_norm, given);
            let of_unit = |rho: f64| 1.959_963_984_540_054 / (2.0 * rho).sqrt();
            let remainder = part.remainder.as_f64() / part.noise.as_f64();
            [
                low * of_unit(most.as_f64()),
                between * of_unit(part.noise.as_f64() * (1.0 - 0.5 * remainder)),
                high * of_unit(least.as_f64() * (1.0 - remainder)),
            ]
        }
    })
}

/// The least norm that can be chosen, the one in between, and the most.
pub(crate) fn norms(max_norm: u64, given: Option<u64>) -> [f64; 3] {
    let most = max_norm as f64;
    given.map_or([1.0, most.sqrt(), most], |given| [given as f64 / NORM_UNIT as f64; 3])
}
