//! What a question costs, how the price is split, and how sharp the answer will be.

use skjerm_privacy::{Gaussian, Rho, remainder};
use skjerm_warehouse::policy::Policy;

use super::query::{Bounding, NORM_UNIT, PrivateQuery, Vector};
use super::refuse::{Refusal, refuse};

/// The part of a vector's price that pays the private look at the norms: a tenth.
const LOOK: u64 = 10;
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

/// Splits the price evenly over what is measured.
///
/// # Privacy
/// The parts add up to at most `rho` (divisions round down): by adaptive composition of zCDP all histograms, noised
/// vectors and remainders together, of which the last two share `noise`, cost no more than what the ledger charges. Person-years are disjoint units, and each year's
/// rows take part once in each mechanism, so the same price holds for every year read.
pub(crate) fn split(query: &PrivateQuery, rho: Rho) -> Result<Vec<Part>, Refusal> {
    let each = rho.nano() / (query.vectors.len().max(1) as u64);
    let part = |vector: &Vector| {
        let look = match vector.bounding {
            Bounding::One | Bounding::Norm { given: Some(_), .. } => 0,
            Bounding::Norm { given: None, .. } => each / LOOK,
        };
        let must_look = matches!(vector.bounding, Bounding::Norm { given: None, .. });
        let noise = each - look;
        if noise == 0 || (look == 0 && must_look) {
            return Err(refuse(format!("ρ = {rho} is too little to pay for this question")));
        }
        let [look, noise] = [look, noise].map(Rho::from_nano);
        let remainder = if query.shape(vector).is_some() { remainder::most(noise) } else { Rho::ZERO };
        Ok(Part { look, noise, remainder })
    };
    query.vectors.iter().map(part).collect()
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
/// ([`skjerm_privacy::centred`]) are below the worst case.
pub(crate) fn half_widths(bounding: Bounding, part: Part) -> Result<[f64; 3], Refusal> {
    let unit =
        Gaussian::for_rho(1, part.noise).map_err(|error| refuse(error.to_string()))?.half_width(CONFIDENCE);
    Ok(match bounding {
        Bounding::One => [unit; 3],
        Bounding::Norm { max_norm, given, .. } => {
            // Noise of many units is proportional to the norm.
            let (noise, remainder) = (part.noise.as_f64(), part.remainder.as_f64());
            let of_unit = |share: f64| 1.959_963_984_540_054 / (2.0 * (noise - share * remainder)).sqrt();
            let [least, between, most] = norms(max_norm, given);
            [least * of_unit(0.0), between * of_unit(0.5), most * of_unit(1.0)]
        }
    })
}

/// The least norm that can be chosen, the one in between, and the most.
pub(crate) fn norms(max_norm: u64, given: Option<u64>) -> [f64; 3] {
    let most = max_norm as f64;
    given.map_or([1.0, most.sqrt(), most], |given| [given as f64 / NORM_UNIT as f64; 3])
}
