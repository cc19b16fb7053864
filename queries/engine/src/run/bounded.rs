//! The bounds of a vector, chosen by a private look, and what they leave of it, ready for noise.

use skjerm_privacy::centred::Centred;
use skjerm_privacy::cut::Cut;
use skjerm_privacy::interval::z;
use skjerm_privacy::remainder::{self, Choice, Norms, Remainder, Shape};
use skjerm_privacy::{Gaussian, Rho, bounding};

use super::error::RunError;
use super::exact::Exact;
use super::vectors::PersonYears;
use crate::plan::{Bounding, CONFIDENCE, Lost, NORM_UNIT, ONE, Part};

/// Exact sums under their bounds, and what pays for the noise of each.
pub(super) struct Bounded {
    pub(super) cells: Exact,
    pub(super) form: Form,
    pub(super) noise: Rho,
    /// The norm that the vectors were scaled to, in [`NORM_UNIT`]s.
    pub(super) norm: u64,
    pub(super) lost: LostExact,
}

/// How the cells stand in what is noised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Each for itself.
    Single,
    /// Around the mean of each person-year.
    Centred(Centred),
}

impl Form {
    /// The cells' values, from what was noised; `unit` is one of it.
    pub(super) fn values(self, noised: &[i64], unit: f64) -> Vec<f64> {
        match self {
            Self::Single => noised.iter().map(|value| *value as f64 / unit).collect(),
            Self::Centred(centred) => centred.restored(noised),
        }
    }

    /// Half of a cell's 95 % interval, and the part of it that all cells share.
    pub(super) fn half_widths(self, gaussian: &Gaussian, unit: f64) -> [f64; 2] {
        match self {
            Self::Single => [gaussian.half_width(CONFIDENCE) / unit, 0.0],
            Self::Centred(centred) => {
                let sigma = z(CONFIDENCE) * gaussian.sigma();
                [centred.of_cell(sigma), centred.shared(sigma)]
            }
        }
    }
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
/// The look ([`PersonYears::histogram`]) is paid with `part.look`; how the cells are measured, the bounds that are chosen, and what they
/// cut off by estimation, are post-processing of it. So is the remainder's share of `part.noise`: what is left of that pays for the cells, all
/// of it where no remainder is measured, so that the price is the same in all cases. A norm that the caller named is taken without a look.
pub(super) fn bounded(
    person_years: PersonYears,
    part: Part,
    shape: Option<Shape>,
) -> Result<Bounded, RunError> {
    let (all, form) = (part.noise, Form::Single);
    let known = |lost| LostExact::Known(lost);
    let Bounding::Norm { low, max_norm, given, .. } = person_years.bound() else {
        let cells = person_years.into_exact(1)?;
        return Ok(Bounded { cells, form, noise: all, norm: 1, lost: known(Lost::Nothing) });
    };
    let most = max_norm.saturating_mul(NORM_UNIT.unsigned_abs());
    if let Some(given) = given {
        let lost = if given >= most { Lost::Nothing } else { Lost::Unknown };
        let cells = person_years.into_exact(given)?;
        return Ok(Bounded { cells, form, noise: all, norm: given, lost: known(lost) });
    }
    let buckets = bounding::buckets(most);
    let gaussian = Gaussian::for_rho(1, part.look)?;
    let noised = person_years.histogram(&buckets)?.into_noised(&gaussian)?;
    let noised: Vec<f64> = noised.into_iter().map(|count| count as f64).collect();
    let sd = gaussian.sigma();
    // Never below one row: that would cut everybody.
    let least = NORM_UNIT.unsigned_abs();
    let chosen = match shape {
        Some(shape) => remainder::choose(&noised, sd, &buckets, shape, all, least),
        None => bounding::choose_norm(&noised, sd, &buckets, person_years.cells(), all, least)
            .map(|vector| Choice::Scaled(Norms { vector, remainder: None })),
    };
    let Norms { vector: norm, remainder } = match chosen {
        Some(Choice::Centred(centred)) => {
            let (cells, form) = (person_years.into_centred(&centred)?, Form::Centred(centred));
            return Ok(Bounded { cells, form, noise: all, norm: most, lost: known(Lost::Nothing) });
        }
        Some(Choice::Scaled(norms)) => norms,
        None => Norms { vector: middle(max_norm), remainder: None },
    };
    let in_ones = NORM_UNIT as f64;
    let (lost, noise) = match shape.zip(remainder).filter(|_| norm < most) {
        Some((shape, bound)) => {
            let exact = person_years.remainder(norm, bound.norm)?;
            let beyond = remainder::beyond(&noised, sd, &buckets, shape, norm, bound.norm).in_units(in_ones);
            let noise = all.checked_sub(bound.price).ok_or(RunError::Overflow)?;
            (LostExact::Measured { exact, noise: bound.price, beyond }, noise)
        }
        None if norm >= most => (known(Lost::Nothing), all),
        None => {
            let cut = Cut::estimate(&noised, sd, &buckets, norm).in_units(in_ones);
            (known(Lost::Estimated { cut, signed: low < 0 }), all)
        }
    };
    Ok(Bounded { cells: person_years.into_exact(norm)?, form, noise, norm, lost })
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
