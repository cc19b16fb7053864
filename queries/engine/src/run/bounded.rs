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

/// What a private look saw of a vector's person-years.
pub(super) struct Look {
    noised: Vec<f64>,
    sd: f64,
    buckets: Vec<u64>,
}

/// Looks at the norms of the person-years, or at how many there are where each counts once; nothing where no look is paid for.
/// Blocking: it draws the noise of the look.
///
/// # Privacy
/// The look ([`PersonYears::histogram`]) has sensitivity 1 and is paid with `part.look`.
pub(super) fn look(person_years: &PersonYears, part: Part) -> Result<Option<Look>, RunError> {
    if part.look.is_zero() {
        return Ok(None);
    }
    let gaussian = Gaussian::for_rho(1, part.look)?;
    let noised = person_years.histogram()?.into_noised(&gaussian)?;
    Ok(Some(Look {
        noised: noised.into_iter().map(|count| count as f64).collect(),
        sd: gaussian.sigma(),
        buckets: person_years.buckets().to_vec(),
    }))
}

impl Look {
    /// One that saw this.
    #[cfg(test)]
    pub(super) fn saw(noised: Vec<f64>, sd: f64, buckets: Vec<u64>) -> Self {
        Self { noised, sd, buckets }
    }

    /// How many persons there are and how long their vectors are together, as far as one can tell.
    pub(super) fn size(&self) -> Option<bounding::Size> {
        self.size_to(u64::MAX)
    }

    /// The same with vectors scaled to a norm.
    fn size_to(&self, norm: u64) -> Option<bounding::Size> {
        bounding::size(&self.noised, self.sd, &self.buckets, NORM_UNIT.unsigned_abs(), norm)
    }

    /// How the cells are measured, and the bounds, that noise of this price is the least wrong with.
    fn choose(&self, part: Part, shape: Option<Shape>, cells: usize, max_norm: u64) -> Choice {
        // Never below one row: that would cut everybody.
        let least = NORM_UNIT.unsigned_abs();
        let (noised, sd, buckets) = (&self.noised, self.sd, &self.buckets);
        let chosen = match shape {
            Some(shape) => remainder::choose(noised, sd, buckets, shape, part.noise, least),
            None => bounding::choose_norm(noised, sd, buckets, cells, part.noise, least)
                .map(|vector| Choice::Scaled(Norms { vector, remainder: None })),
        };
        match chosen {
            // Nothing is cut that could be given back.
            Some(Choice::Scaled(norms)) if norms.vector >= most(max_norm) => {
                Choice::Scaled(Norms { remainder: None, ..norms })
            }
            Some(chosen) => chosen,
            None => Choice::Scaled(Norms { vector: middle(max_norm), remainder: None }),
        }
    }

    /// The error of a cell that noise of this price would have, up to a factor that is the same for all vectors; of one whose
    /// person-years count once where there is no norm.
    pub(super) fn error(
        &self,
        bound: Bounding,
        part: Part,
        shape: Option<Shape>,
        cells: usize,
    ) -> Result<f64, RunError> {
        let Bounding::Norm { max_norm, .. } = bound else { return Ok(error_of_one(part)) };
        let of = |norm: f64, price: Rho| norm / price.as_f64().sqrt();
        let (norm, bound) = match self.choose(part, shape, cells, max_norm) {
            Choice::Centred(centred) => return Ok(of(centred.norm() * NORM_UNIT as f64, part.noise)),
            Choice::Scaled(Norms { vector, remainder: None }) => return Ok(of(vector as f64, part.noise)),
            Choice::Scaled(Norms { vector, remainder: Some(bound) }) => (vector, bound),
        };
        // A cell's noise grows with what is given back in proportion.
        let given_back = match (self.size(), self.size_to(norm)) {
            (Some(size), Some(left)) if left.length > 0.0 => size.length / left.length,
            _ => 1.0,
        };
        let price = part.noise.checked_sub(bound.price).ok_or(RunError::Overflow)?;
        Ok(given_back * of(norm as f64, price))
    }
}

/// [`Look::error`] where each person-year counts once.
pub(super) fn error_of_one(part: Part) -> f64 {
    NORM_UNIT as f64 / part.noise.as_f64().sqrt()
}

/// The largest norm, in [`NORM_UNIT`]s.
fn most(max_norm: u64) -> u64 {
    max_norm.saturating_mul(NORM_UNIT.unsigned_abs())
}

/// Chooses the bounds of a vector and applies them. Blocking.
///
/// # Privacy
/// How the cells are measured, the bounds that are chosen, and what they cut off by estimation, are post-processing of the look
/// ([`look`]). So is the remainder's share of `part.noise`: what is left of that pays for the cells, all of it where no remainder is
/// measured, so that the price is the same in all cases. A norm that the caller named is taken without a look.
pub(super) fn bounded(
    person_years: PersonYears,
    look: Option<&Look>,
    part: Part,
    shape: Option<Shape>,
) -> Result<Bounded, RunError> {
    let (all, form) = (part.noise, Form::Single);
    let known = |lost| LostExact::Known(lost);
    let Bounding::Norm { low, max_norm, given, .. } = person_years.bound() else {
        let cells = person_years.into_exact(1)?;
        return Ok(Bounded { cells, form, noise: all, norm: 1, lost: known(Lost::Nothing) });
    };
    let most = most(max_norm);
    if let Some(given) = given {
        let lost = if given >= most { Lost::Nothing } else { Lost::Unknown };
        let cells = person_years.into_exact(given)?;
        return Ok(Bounded { cells, form, noise: all, norm: given, lost: known(lost) });
    }
    let look = look.ok_or(RunError::Layout)?;
    let Norms { vector: norm, remainder } = match look.choose(part, shape, person_years.cells(), max_norm) {
        Choice::Centred(centred) => {
            let (cells, form) = (person_years.into_centred(&centred)?, Form::Centred(centred));
            return Ok(Bounded { cells, form, noise: all, norm: most, lost: known(Lost::Nothing) });
        }
        Choice::Scaled(norms) => norms,
    };
    let (noised, sd, buckets) = (&look.noised, look.sd, &look.buckets);
    let in_ones = NORM_UNIT as f64;
    let Some((shape, bound)) = shape.zip(remainder) else {
        let lost = if norm >= most {
            Lost::Nothing
        } else {
            let cut = Cut::estimate(noised, sd, buckets, norm).in_units(in_ones);
            Lost::Estimated { cut, signed: low < 0 }
        };
        let cells = person_years.into_exact(norm)?;
        return Ok(Bounded { cells, form, noise: all, norm, lost: known(lost) });
    };
    let (cells, exact) = person_years.into_exact_and_lost(norm, bound.norm)?;
    let beyond = remainder::beyond(noised, sd, buckets, shape, norm, bound.norm).in_units(in_ones);
    let noise = all.checked_sub(bound.price).ok_or(RunError::Overflow)?;
    let lost = LostExact::Measured { exact, noise: bound.price, beyond };
    Ok(Bounded { cells, form, noise, norm, lost })
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
