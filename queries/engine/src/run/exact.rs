//! Exact aggregates of protected data, on their way to noise.

use skjerm_privacy::Gaussian;

use super::error::RunError;

/// An exact vector and how much one unit of privacy can change it.
///
/// # Privacy
/// The fields are private and there is no way to look at them: no `Debug`, no `Display`, no serialisation, no
/// clone (a test holds it to that). The one way out is [`Exact::into_noised`], which consumes it.
pub(crate) struct Exact {
    values: Vec<i64>,
    l2: u64,
}

impl Exact {
    /// A vector that adding or removing one unit changes by an L2 norm of at most `l2`.
    /// Whoever calls this argues for `l2`.
    pub(super) fn new(values: Vec<i64>, l2: u64) -> Self {
        Self { values, l2 }
    }

    /// Adds noise and lets the vector go. Blocking; call once, after the charge.
    ///
    /// # Privacy
    /// Refuses noise that was made for a smaller sensitivity.
    pub(crate) fn into_noised(mut self, gaussian: &Gaussian) -> Result<Vec<i64>, RunError> {
        if gaussian.l2() < self.l2 as f64 {
            return Err(RunError::Sensitivity);
        }
        gaussian.add_noise(&mut self.values)?;
        Ok(self.values)
    }

    /// The L2 sensitivity it was bounded to: parameters, not data.
    pub(crate) fn l2(&self) -> u64 {
        self.l2
    }

    #[cfg(test)]
    pub(crate) fn reveal(&self) -> &[i64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::Exact;
    use crate::run::vectors::{Gather, PersonYears};

    static_assertions::assert_not_impl_any!(Exact: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize);
    static_assertions::assert_not_impl_any!(PersonYears: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize);
    static_assertions::assert_not_impl_any!(Gather: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize);
}
