//! What a release costs under approximate zCDP, and what that means in (ε, δ).
//!
//! A mechanism is *δ-approximate ρ-zCDP* if its output distributions for any two neighbouring data
//! sets are, but for a part of probability at most δ each, ρ-zCDP to each other (Bun, Steinke 2016,
//! section 8). ρ-zCDP is the case δ = 0. Both numbers add up under composition.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

use crate::{Delta, Rho, epsilon};

/// A privacy loss: of a release that is `delta`-approximate `rho`-zCDP, or of several together.
///
/// Losses are ordered only where both components agree; see [`Loss::fits_in`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Loss {
    /// ρ of the part that is zCDP.
    pub rho: Rho,
    /// The probability δ of the rest, of which nothing is promised.
    pub delta: Delta,
}

impl Loss {
    /// Nothing.
    pub const ZERO: Self = Self { rho: Rho::ZERO, delta: Delta::ZERO };

    /// The loss of a mechanism that is ρ-zCDP without exception, such as Gaussian noise.
    pub const fn pure(rho: Rho) -> Self {
        Self { rho, delta: Delta::ZERO }
    }

    /// The sum, or `None` when a component passes its largest amount.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self { rho: self.rho.checked_add(other.rho)?, delta: self.delta.checked_add(other.delta)? })
    }

    /// The difference in each component, or nothing in it when `other` is more.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self { rho: self.rho.saturating_sub(other.rho), delta: self.delta.saturating_sub(other.delta) }
    }

    /// Whether neither component passes that of `limit`.
    pub fn fits_in(self, limit: Self) -> bool {
        self.rho <= limit.rho && self.delta <= limit.delta
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.rho.is_zero() && self.delta.is_zero()
    }
}

impl Sum for Loss {
    /// Saturates at [`Rho::MAX`] and [`Delta::ONE`], each by itself.
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |total, one| Self {
            rho: [total.rho, one.rho].into_iter().sum(),
            delta: [total.delta, one.delta].into_iter().sum(),
        })
    }
}

/// The ε for which `loss` implies (ε, `total_delta`)-differential privacy, rounded up.
///
/// Infinite when the loss has a ρ and leaves nothing of `total_delta` to convert it with, or when its
/// own δ is more than `total_delta`. A `total_delta` of [`Delta::ONE`] promises nothing and needs no ε.
///
/// # Privacy
///
/// *Claim*: δ-approximate ρ-zCDP implies (ε, δ + δ′)-differential privacy for every δ′ > 0 and
/// ε = ε(ρ, δ′), the figure of [`epsilon`]. *Argument*: but for events of probability δ, the two output
/// distributions are ρ-zCDP to each other, hence (ε, δ′)-indistinguishable; an event's probability is
/// thus at most e^ε times the other's, plus δ + (1 − δ)δ′ ≤ δ + δ′. *Source*: Bun, Steinke,
/// "Concentrated Differential Privacy: Simplifications, Extensions, and Lower Bounds" (2016), section 8,
/// with the tighter ε(ρ, δ′) of Canonne, Kamath, Steinke (2020). Here δ′ is what `total_delta` leaves
/// after the loss's own δ, a difference of whole numbers.
///
/// ```
/// use skjerm_privacy::{Delta, Loss, Rho, epsilon, epsilon_of};
/// let loss = Loss { rho: Rho::from_f64_up(0.0882)?, delta: Delta::from_f64_up(1e-9)? };
/// let total = Delta::from_f64_down(1e-6)?;
/// assert!((epsilon_of(loss, total) - epsilon(loss.rho, 1e-6 - 1e-9)).abs() < 1e-9);
/// # Ok::<(), skjerm_privacy::PrivacyError>(())
/// ```
pub fn epsilon_of(loss: Loss, total_delta: Delta) -> f64 {
    if total_delta == Delta::ONE {
        return 0.0;
    }
    match total_delta.checked_sub(loss.delta) {
        None => f64::INFINITY,
        // Nothing spent is ε = 0 there, and a δ′ of 0 has no ε. Less than 1 must not become 1.
        Some(left) => epsilon(loss.rho, left.as_f64().min(1.0_f64.next_down())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]

    use proptest::prelude::*;

    use super::*;

    fn loss(nano: u64, atto: u64) -> Loss {
        Loss { rho: Rho::from_nano(nano), delta: Delta::from_atto(atto) }
    }

    #[test]
    fn components_are_counted_apart() {
        assert_eq!(loss(3, 5).checked_add(loss(1, 2)), Some(loss(4, 7)));
        assert_eq!(loss(Rho::MAX.nano(), 0).checked_add(loss(1, 0)), None);
        assert_eq!(loss(0, Delta::ONE.atto()).checked_add(loss(0, 1)), None);
        assert_eq!(loss(3, 5).saturating_sub(loss(4, 2)), loss(0, 3));
        assert!(loss(3, 5).fits_in(loss(3, 5)));
        assert!(!loss(3, 5).fits_in(loss(2, 9)) && !loss(3, 5).fits_in(loss(9, 4)));
        assert!(Loss::ZERO.is_zero() && !loss(0, 1).is_zero() && !Loss::pure(Rho::from_nano(1)).is_zero());
        let most = loss(Rho::MAX.nano(), Delta::ONE.atto());
        assert_eq!([most, loss(1, 1)].into_iter().sum::<Loss>(), most);
    }

    #[test]
    fn written_as_two_numbers() {
        let text = r#"{"rho":0.1,"delta":1e-6}"#;
        let read: Loss = serde_json::from_str(text).unwrap();
        assert_eq!(read, loss(100_000_000, 1_000_000_000_000));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn edges_of_epsilon() {
        let micro = Delta::from_atto(1_000_000_000_000);
        assert_eq!(epsilon_of(Loss::ZERO, Delta::ZERO), 0.0);
        assert_eq!(epsilon_of(Loss { rho: Rho::ZERO, delta: micro }, micro), 0.0);
        assert_eq!(
            epsilon_of(Loss { rho: Rho::ZERO, delta: Delta::from_atto(micro.atto() + 1) }, micro),
            f64::INFINITY
        );
        assert_eq!(epsilon_of(Loss { rho: Rho::from_nano(1), delta: micro }, micro), f64::INFINITY);
        assert_eq!(epsilon_of(Loss { rho: Rho::MAX, delta: Delta::ONE }, Delta::ONE), 0.0);
        let almost = Delta::from_atto(Delta::ONE.atto() - 1);
        assert!(epsilon_of(Loss::pure(Rho::MAX), almost) > 0.0);
        let pure = Loss::pure(Rho::from_nano(310_000_000));
        assert_eq!(epsilon_of(pure, micro), epsilon(pure.rho, 1e-6));
    }

    proptest! {
        #[test]
        fn a_delta_of_its_own_never_lowers_epsilon(
            nano in 0..10_000_000_000_u64,
            atto in 0..2_000_000_000_000_u64,
        ) {
            let total = Delta::from_atto(1_000_000_000_000);
            let found = epsilon_of(loss(nano, atto), total);
            prop_assert!(found >= epsilon_of(loss(nano, 0), total));
        }
    }
}
