//! Exact aggregates of protected data, on their way to noise.

use skjerm_privacy::Gaussian;
use skjerm_privacy::marginals::{Domain, Form, Marginal};

use super::error::RunError;

/// An exact vector and how much one unit of privacy can change it.
///
/// # Privacy
/// The fields are private and there is no way to look at them: no `Debug`, no `Display`, no serialisation, no
/// clone (a test holds it to that). The one way out is [`Exact::into_noised`], which consumes it.
pub(crate) struct Exact {
    values: Vec<i64>,
    l2_squared: u128,
}

impl Exact {
    /// A vector that adding or removing one unit changes by an L2 norm of at most `l2`.
    /// Whoever calls this argues for `l2`.
    pub(super) fn new(values: Vec<i64>, l2: u64) -> Self {
        Self { values, l2_squared: u128::from(l2).pow(2) }
    }

    /// The counts of a marginal, as they are measured.
    ///
    /// # Privacy
    /// `counts` is a marginal of a table over `domain` in which every unit is as the domain says
    /// ([`Domain::sensitivity_squared`]): whoever calls this argues for that.
    pub(crate) fn of_marginal(
        domain: &Domain,
        marginal: &Marginal,
        form: Form,
        counts: Vec<i64>,
    ) -> Result<Self, RunError> {
        let l2_squared = domain.sensitivity_squared(marginal, form)?;
        Ok(Self { values: domain.encode(marginal, form, counts)?, l2_squared })
    }

    /// Adds noise and lets the vector go. Blocking; call once, after the charge.
    ///
    /// # Privacy
    /// Refuses noise that was made for a smaller sensitivity.
    pub(crate) fn into_noised(mut self, gaussian: &Gaussian) -> Result<Vec<i64>, RunError> {
        if gaussian.l2() < (self.l2_squared as f64).sqrt() {
            return Err(RunError::Sensitivity);
        }
        gaussian.add_noise(&mut self.values)?;
        Ok(self.values)
    }

    /// The L2 sensitivity it was bounded to: parameters, not data.
    pub(crate) fn l2(&self) -> u64 {
        let whole = self.l2_squared.isqrt();
        let up = if whole * whole == self.l2_squared { whole } else { whole + 1 };
        u64::try_from(up).unwrap_or(u64::MAX)
    }

    #[cfg(test)]
    pub(crate) fn reveal(&self) -> &[i64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::Exact;
    use crate::run::gather::Gather;
    use crate::run::vectors::PersonYears;

    static_assertions::assert_not_impl_any!(Exact: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize);
    static_assertions::assert_not_impl_any!(PersonYears: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize);
    static_assertions::assert_not_impl_any!(Gather: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize);
}
