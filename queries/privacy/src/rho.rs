//! The unit in which privacy is paid: ρ of zero-concentrated differential privacy.

use std::fmt;
use std::iter::Sum;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::PrivacyError;

const NANO: f64 = 1e9;

/// An amount of ρ, in whole billionths, so that budgets add up exactly.
///
/// It is written as a plain number in JSON, and reading it back gives the same amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rho(u64);

impl Rho {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount: one million, which leaves no privacy at all, and whose billionths
    /// are exact both as a 64-bit float and in a signed column of the ledger.
    pub const MAX: Self = Self(1_000_000_000_000_000);

    /// From whole billionths; amounts above [`Rho::MAX`] become [`Rho::MAX`].
    pub const fn from_nano(nano: u64) -> Self {
        if nano > Self::MAX.0 { Self::MAX } else { Self(nano) }
    }

    /// In whole billionths.
    pub const fn nano(self) -> u64 {
        self.0
    }

    /// The smallest amount whose [`Rho::as_f64`] is at least `value`: for what is *charged*.
    pub fn from_f64_up(value: f64) -> Result<Self, PrivacyError> {
        let nearest = Self::nearest(value)?;
        if nearest.as_f64() >= value {
            return Ok(nearest);
        }
        let above = Self(nearest.0 + 1);
        if above > Self::MAX { Err(PrivacyError::RhoOutOfRange { value }) } else { Ok(above) }
    }

    /// The largest amount whose [`Rho::as_f64`] is at most `value`: for what is *allowed*.
    pub fn from_f64_down(value: f64) -> Result<Self, PrivacyError> {
        let nearest = Self::nearest(value)?;
        Ok(if nearest.as_f64() <= value { nearest } else { Self(nearest.0 - 1) })
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // range checked first
    fn nearest(value: f64) -> Result<Self, PrivacyError> {
        // The comparison is false for NaN.
        if value >= 0.0 && value <= Self::MAX.as_f64() {
            Ok(Self((value * NANO).round() as u64))
        } else {
            Err(PrivacyError::RhoOutOfRange { value })
        }
    }

    /// As a plain number.
    pub const fn as_f64(self) -> f64 {
        self.0 as f64 / NANO
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` above [`Rho::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|n| *n <= Self::MAX.0).map(Self)
    }

    /// The difference, or `None` below nothing.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, or nothing when `other` is more.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// A fraction of it, rounded down (a product that is whole but for the last digits of a float
    /// counts as whole: 0.3 of 0.31 is 0.093). `fraction` outside 0 to 1 is an error.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to `self`
    pub fn fraction(self, fraction: f64) -> Result<Self, PrivacyError> {
        if (0.0..=1.0).contains(&fraction) {
            let part = self.0 as f64 * fraction;
            let whole = if (part - part.round()).abs() < 1e-6 { part.round() } else { part.floor() };
            Ok(Self((whole as u64).min(self.0)))
        } else {
            Err(PrivacyError::Mismatch(format!(
                "a share of a budget must be from 0 to 1, but {fraction} was given: check the policy's shares"
            )))
        }
    }
}

impl fmt::Display for Rho {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_f64(), f)
    }
}

impl Sum for Rho {
    /// Saturates at [`Rho::MAX`].
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |total, one| Self::from_nano(total.0.saturating_add(one.0)))
    }
}

impl Serialize for Rho {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Rho {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::nearest(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_mean_what_they_say() {
        for (value, nano) in [(0.1, 100_000_000), (0.31, 310_000_000), (0.3, 300_000_000), (0.005, 5_000_000)]
        {
            assert_eq!(Rho::from_f64_up(value).unwrap().nano(), nano);
            assert_eq!(Rho::from_f64_down(value).unwrap().nano(), nano);
        }
        let year = Rho::from_nano(310_000_000);
        assert_eq!(
            [0.5, 0.3, 0.1, 1.0].map(|f| year.fraction(f).unwrap().nano()),
            [155_000_000, 93_000_000, 31_000_000, 310_000_000]
        );
        assert_eq!(Rho::from_nano(10).fraction(0.99).unwrap().nano(), 9);
        assert_eq!(Rho::from_f64_up(1e-12).unwrap().nano(), 1, "never free");
        assert_eq!(Rho::from_f64_down(1.9e-9).unwrap().nano(), 1);
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for value in [-1e-12, f64::NAN, f64::INFINITY, 1e6 + 1.0] {
            assert!(Rho::from_f64_up(value).is_err() && Rho::from_f64_down(value).is_err());
        }
        assert!(Rho::MAX.checked_add(Rho::from_nano(1)).is_none());
        assert!(Rho::ZERO.checked_sub(Rho::from_nano(1)).is_none());
        assert!(serde_json::from_str::<Rho>("-0.1").is_err());
        assert!(Rho::MAX.fraction(1.1).is_err());
    }

    proptest! {
        #[test]
        fn rounding_is_outward(value in 0.0..1e6_f64) {
            let (up, down) = (Rho::from_f64_up(value).unwrap(), Rho::from_f64_down(value).unwrap());
            prop_assert!(down.as_f64() <= value && value <= up.as_f64());
            prop_assert!(up.nano() - down.nano() <= 1);
        }

        #[test]
        fn json_keeps_the_amount(nano in 0..=Rho::MAX.nano()) {
            let amount = Rho::from_nano(nano);
            let text = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Rho>(&text).unwrap(), amount);
            prop_assert_eq!(Rho::from_f64_up(amount.as_f64()).unwrap(), amount);
            prop_assert_eq!(Rho::from_f64_down(amount.as_f64()).unwrap(), amount);
        }
    }
}
