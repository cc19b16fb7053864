//! The bounds of a vector, chosen by a private look, and what they leave of it, ready for noise.

use skjerm_privacy::cut::Cut;
use skjerm_privacy::remainder::{self, Remainder, Shape};
use skjerm_privacy::{Gaussian, Rho, bounding};

use super::error::RunError;
use super::exact::Exact;
use super::vectors::PersonYears;
use crate::plan::{Bounding, Lost, NORM_UNIT, ONE, Part};

/// Exact sums under their bounds, and what pays for the noise of each.
pub(super) struct Bounded {
    pub(super) cells: Exact,
    pub(super) noise: Rho,
    /// The norm that the vectors were scaled to, in [`NORM_UNIT`]s.
    pub(super) norm: u64,
    pub(super) lost: LostExact,
}

/// What the bound cut off.
pub(super) enum LostExact {
    Known(Lost),
    /// One number, not noised yet.
    Measured {
        exact: Exact,
        noise: Rho,
        beyond: Cut,
    },
}

/// Chooses the bounds of a vector and applies them. Blocking: it draws the noise of the look.
///
/// # Privacy
/// The look ([`PersonYears::histogram`]) is paid with `part.look`; the bounds that are chosen, and what they cut off by
/// estimation, are post-processing of it. The remainder is paid with `part.remainder`, which goes to the noise of the cells where
/// none is measured: the price is the same in both cases. A norm that the caller named is taken without a look.
pub(super) fn bounded(
    person_years: PersonYears,
    part: Part,
    shape: Option<Shape>,
) -> Result<Bounded, RunError> {
    let all = part.noise.checked_add(part.remainder).ok_or(RunError::Overflow)?;
    let known = |lost| LostExact::Known(lost);
    let Bounding::Norm { low, max_norm, given, .. } = person_years.bound() else {
        let cells = person_years.into_exact(1)?;
        return Ok(Bounded { cells, noise: all, norm: 1, lost: known(Lost::Nothing) });
    };
    let most = max_norm.saturating_mul(NORM_UNIT.unsigned_abs());
    if let Some(given) = given {
        let lost = if given >= most { Lost::Nothing } else { Lost::Unknown };
        let cells = person_years.into_exact(given)?;
        return Ok(Bounded { cells, noise: all, norm: given, lost: known(lost) });
    }
    let buckets = bounding::buckets(most);
    let gaussian = Gaussian::for_rho(1, part.look)?;
    let noised = person_years.histogram(&buckets)?.into_noised(&gaussian)?;
    let noised: Vec<f64> = noised.into_iter().map(|count| count as f64).collect();
    let sd = gaussian.sigma();
    // Never below one row: that would cut everybody.
    let least = NORM_UNIT.unsigned_abs();
    let (chosen, of_remainder) = match shape {
        Some(shape) => {
            let norms = remainder::choose(&noised, sd, &buckets, shape, part.noise, part.remainder, least);
            let of_remainder = norms.and_then(|norms| norms.remainder).map(|r| (shape, r));
            (norms.map(|norms| norms.vector), of_remainder)
        }
        None => (bounding::choose_norm(&noised, sd, &buckets, person_years.cells(), all, least), None),
    };
    let norm = chosen.unwrap_or_else(|| middle(max_norm));
    let in_ones = NORM_UNIT as f64;
    let (lost, noise) = match of_remainder.filter(|_| norm < most) {
        Some((shape, r)) => {
            let exact = person_years.remainder(norm, r)?;
            let beyond = remainder::beyond(&noised, sd, &buckets, shape, norm, r).in_units(in_ones);
            (LostExact::Measured { exact, noise: part.remainder, beyond }, part.noise)
        }
        None if norm >= most => (known(Lost::Nothing), all),
        None => {
            let cut = Cut::estimate(&noised, sd, &buckets, norm).in_units(in_ones);
            (known(Lost::Estimated { cut, signed: low < 0 }), all)
        }
    };
    Ok(Bounded { cells: person_years.into_exact(norm)?, noise, norm, lost })
}

impl LostExact {
    /// With its noise, in ones. Blocking; call once, after the charge.
    pub(super) fn into_noised(self) -> Result<Lost, RunError> {
        match self {
            Self::Known(lost) => Ok(lost),
            Self::Measured { exact, noise, beyond } => {
                let gaussian = Gaussian::for_rho(exact.l2(), noise)?;
                let sd = gaussian.sigma() / ONE as f64;
                let noised = exact.into_noised(&gaussian)?.first().copied().ok_or(RunError::Layout)?;
                Ok(Lost::Measured { remainder: Remainder::new(noised as f64 / ONE as f64, sd), beyond })
            }
        }
    }
}

/// The norm where the look saw nobody over its noise, in [`NORM_UNIT`]s. Then nothing is known of the norms, and the middle
/// between one row and the worst case is taken, which is what planning expects too.
pub(super) fn middle(max_norm: u64) -> u64 {
    max_norm.isqrt().saturating_mul(NORM_UNIT.unsigned_abs())
}
