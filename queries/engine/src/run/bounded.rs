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

/// What a private look saw of a vector's person-years.
pub(super) struct Look {
    noised: Vec<f64>,
    sd: f64,
    buckets: Vec<u64>,
}

/// The bounds of a vector, in [`NORM_UNIT`]s.
#[derive(Clone, Copy)]
struct Chosen {
    norm: u64,
    /// The bound of what is measured of what that cuts off; nothing where it is not.
    remainder: Option<(Shape, u64)>,
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
    let most = match person_years.bound() {
        Bounding::One => NORM_UNIT.unsigned_abs(),
        Bounding::Norm { max_norm, .. } => most(max_norm),
    };
    let buckets = match person_years.bound() {
        // All of one length: one bucket.
        Bounding::One => vec![most],
        Bounding::Norm { .. } => bounding::buckets(most),
    };
    let gaussian = Gaussian::for_rho(1, part.look)?;
    let noised = person_years.histogram(&buckets)?.into_noised(&gaussian)?;
    Ok(Some(Look {
        noised: noised.into_iter().map(|count| count as f64).collect(),
        sd: gaussian.sigma(),
        buckets,
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

    /// The bounds that noise of this price is the least wrong with.
    fn choose(
        &self,
        part: Part,
        shape: Option<Shape>,
        cells: usize,
        max_norm: u64,
    ) -> Result<Chosen, RunError> {
        // Never below one row: that would cut everybody.
        let least = NORM_UNIT.unsigned_abs();
        let (noised, sd, buckets) = (&self.noised, self.sd, &self.buckets);
        let (norm, remainder) = match shape {
            Some(shape) => {
                let norms = remainder::choose(noised, sd, buckets, shape, part.noise, part.remainder, least);
                let of_remainder = norms.and_then(|norms| norms.remainder).map(|r| (shape, r));
                (norms.map(|norms| norms.vector), of_remainder)
            }
            None => (bounding::choose_norm(noised, sd, buckets, cells, all_of(part)?, least), None),
        };
        let norm = norm.unwrap_or_else(|| middle(max_norm));
        Ok(Chosen { norm, remainder: remainder.filter(|_| norm < most(max_norm)) })
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
        let Bounding::Norm { max_norm, .. } = bound else { return error_of_one(part) };
        let Chosen { norm, remainder } = self.choose(part, shape, cells, max_norm)?;
        if remainder.is_none() {
            return Ok(norm as f64 / all_of(part)?.as_f64().sqrt());
        }
        // A cell's noise grows with what is given back in proportion.
        let given_back = match (self.size(), self.size_to(norm)) {
            (Some(size), Some(left)) if left.length > 0.0 => size.length / left.length,
            _ => 1.0,
        };
        Ok(given_back * norm as f64 / part.noise.as_f64().sqrt())
    }
}

/// [`Look::error`] where each person-year counts once.
pub(super) fn error_of_one(part: Part) -> Result<f64, RunError> {
    Ok(NORM_UNIT as f64 / all_of(part)?.as_f64().sqrt())
}

/// What pays for the noise of the cells where no remainder is measured.
fn all_of(part: Part) -> Result<Rho, RunError> {
    part.noise.checked_add(part.remainder).ok_or(RunError::Overflow)
}

/// The largest norm, in [`NORM_UNIT`]s.
fn most(max_norm: u64) -> u64 {
    max_norm.saturating_mul(NORM_UNIT.unsigned_abs())
}

/// Chooses the bounds of a vector and applies them. Blocking.
///
/// # Privacy
/// The bounds that are chosen, and what they cut off by estimation, are post-processing of the look ([`look`]). The remainder is
/// paid with `part.remainder`, which goes to the noise of the cells where none is measured: the price is the same in both cases.
/// A norm that the caller named is taken without a look.
pub(super) fn bounded(
    person_years: PersonYears,
    look: Option<&Look>,
    part: Part,
    shape: Option<Shape>,
) -> Result<Bounded, RunError> {
    let all = all_of(part)?;
    let known = |lost| LostExact::Known(lost);
    let Bounding::Norm { low, max_norm, given, .. } = person_years.bound() else {
        let cells = person_years.into_exact(1)?;
        return Ok(Bounded { cells, noise: all, norm: 1, lost: known(Lost::Nothing) });
    };
    let most = most(max_norm);
    if let Some(given) = given {
        let lost = if given >= most { Lost::Nothing } else { Lost::Unknown };
        let cells = person_years.into_exact(given)?;
        return Ok(Bounded { cells, noise: all, norm: given, lost: known(lost) });
    }
    let look = look.ok_or(RunError::Layout)?;
    let Chosen { norm, remainder: of_remainder } =
        look.choose(part, shape, person_years.cells(), max_norm)?;
    let (noised, sd, buckets) = (&look.noised, look.sd, &look.buckets);
    let in_ones = NORM_UNIT as f64;
    let (lost, noise) = match of_remainder {
        Some((shape, r)) => {
            let exact = person_years.remainder(norm, r)?;
            let beyond = remainder::beyond(noised, sd, buckets, shape, norm, r).in_units(in_ones);
            (LostExact::Measured { exact, noise: part.remainder, beyond }, part.noise)
        }
        None if norm >= most => (known(Lost::Nothing), all),
        None => {
            let cut = Cut::estimate(noised, sd, buckets, norm).in_units(in_ones);
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
