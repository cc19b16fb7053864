//! What a question costs, how the price is split, and how sharp the answer will be.

use skjerm_privacy::{Gaussian, Rho};
use skjerm_warehouse::policy::Policy;

use super::query::{Bounding, Known, NORM_UNIT, PrivateQuery};
use super::refuse::{Refusal, refuse};

/// The part of a vector's price that pays the private look at the norms: a tenth.
const LOOK: u64 = 10;
/// The part that pays for what scaling cuts off, measured as one number: an eighth. It is worth that by the simulation in
/// [`skjerm_privacy::remainder`].
const REMAINDER: u64 = 8;
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
    /// For the noise of the answer.
    pub(crate) noise: Rho,
    /// For the noise of what was cut off; nothing where it is not measured. Where it turns out not to be worth it, it pays
    /// for the answer.
    pub(crate) remainder: Rho,
    /// The least and the most that noise and remainder may have together, once the columns' sizes were looked at.
    pub(crate) range: [Rho; 2],
}

impl Part {
    /// What pays for noise and remainder.
    pub(crate) fn pool(&self) -> u64 {
        self.noise.nano().saturating_add(self.remainder.nano())
    }

    /// The same with another amount for noise and remainder, split between them as before.
    pub(crate) fn with_pool(self, pool: u64) -> Self {
        let remainder = u128::from(pool) * u128::from(self.remainder.nano()) / u128::from(self.pool().max(1));
        let remainder = u64::try_from(remainder).unwrap_or(0).min(pool);
        let (noise, remainder) = (Rho::from_nano(pool - remainder), Rho::from_nano(remainder));
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
/// The parts add up to at most `rho` (divisions round down): by composition of zCDP all histograms, noised
/// vectors and remainders together cost no more than what the ledger charges. Person-years are disjoint units, and each year's
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
        let remainder = if query.shape(vector).is_some() { each / REMAINDER } else { 0 };
        let noise = each - look - remainder;
        if noise == 0 || (look == 0 && looks) {
            return Err(refuse(format!("ρ = {rho} is too little to pay for this question")));
        }
        let pool = Rho::from_nano(noise + remainder);
        let [look, noise, remainder] = [look, noise, remainder].map(Rho::from_nano);
        parts.push(Part { look, noise, remainder, range: [pool; 2] });
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

/// Standard deviation of the noise on a vector of L2 norm 1.
pub(crate) fn sigma(part: Part) -> Result<f64, Refusal> {
    Ok(Gaussian::for_rho(1, part.noise).map_err(|error| refuse(error.to_string()))?.sigma())
}

/// Expected half-width of a column: at the best, in between, at the worst.
///
/// Planning sees no data, and so not the norm that will be chosen: it lies between 1 and the policy's worst
/// case, and the middle is their geometric mean. A norm that the caller named is known. Where something is cut off and given
/// back, intervals are wider by about its share of the total. Nor does it see how the columns of a question will share what pays for
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
            let continuous = |rho: f64| 1.959_963_984_540_054 / (2.0 * rho).sqrt();
            let [low, between, high] = norms(max_norm, given);
            let noise = part.noise.as_f64();
            let of_noise = noise / (noise + part.remainder.as_f64());
            // Where nothing is to be given back, what would have paid for it buys less noise.
            [
                low * continuous(most.as_f64()),
                between * continuous(noise),
                high * continuous(least.as_f64() * of_noise),
            ]
        }
    })
}

/// The least norm that can be chosen, the one in between, and the most.
pub(crate) fn norms(max_norm: u64, given: Option<u64>) -> [f64; 3] {
    let most = max_norm as f64;
    given.map_or([1.0, most.sqrt(), most], |given| [given as f64 / NORM_UNIT as f64; 3])
}
