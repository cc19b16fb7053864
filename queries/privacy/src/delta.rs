//! The unit of the chance that a guarantee fails: δ of approximate differential privacy.

use std::fmt;
use std::iter::Sum;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::PrivacyError;

/// Units in 1. Exact as a 64-bit float, so that decimals of up to 15 digits divide to the float they
/// are written as.
const ATTO: f64 = 1e18;

/// A probability δ, in whole units of 1e-18 ("atto"), so that budgets add up exactly: 1e-6 is 10¹².
///
/// It is written as a plain number in JSON. Up to 2⁻⁹ ≈ 0.002 (far above any δ worth granting) reading
/// it back gives the same amount, also with a reader that errs by an ulp, as `serde_json` may. Beyond,
/// amounts lie as close together as floats (from 2⁵³ atto no float holds every whole number): what is
/// read back is an amount within 256 atto.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Delta(u64);

impl Delta {
    /// Nothing: the guarantee never fails.
    pub const ZERO: Self = Self(0);
    /// Certainty, the largest amount: no guarantee at all.
    pub const ONE: Self = Self(1_000_000_000_000_000_000);

    /// From whole units of 1e-18; amounts above [`Delta::ONE`] become [`Delta::ONE`].
    pub const fn from_atto(atto: u64) -> Self {
        if atto > Self::ONE.0 { Self::ONE } else { Self(atto) }
    }

    /// In whole units of 1e-18.
    pub const fn atto(self) -> u64 {
        self.0
    }

    /// The smallest amount whose [`Delta::as_f64`] is at least `value`: for what is *charged*.
    ///
    /// Where several amounts share a float (above 2⁻⁷), it is the one nearest to the number written.
    pub fn from_f64_up(value: f64) -> Result<Self, PrivacyError> {
        let mut amount = Self::nearest(value)?;
        // Ends at `ONE` at the latest, within 128 steps; below 2⁻⁷ within one.
        while amount.as_f64() < value {
            amount.0 += 1;
        }
        Ok(amount)
    }

    /// The largest amount whose [`Delta::as_f64`] is at most `value`: for what is *allowed*.
    ///
    /// Where several amounts share a float (above 2⁻⁷), it is the one nearest to the number written.
    pub fn from_f64_down(value: f64) -> Result<Self, PrivacyError> {
        let mut amount = Self::nearest(value)?;
        while amount.as_f64() > value {
            amount.0 -= 1;
        }
        Ok(amount)
    }

    /// The amount that is written as `value`, if there is one, else a neighbour of it.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // range checked first
    #[allow(clippy::float_cmp)] // the same float is meant
    fn nearest(value: f64) -> Result<Self, PrivacyError> {
        // NaN is not contained either.
        if !(0.0..=1.0).contains(&value) {
            return Err(PrivacyError::DeltaOutOfRange { value });
        }
        let guess = (value * ATTO).round() as u64;
        // From 2⁵¹ on the product may end on a half, and then round to the neighbour.
        Ok([guess, guess.saturating_sub(1), guess + 1]
            .map(Self::from_atto)
            .into_iter()
            .find(|near| near.as_f64() == value)
            .unwrap_or(Self::from_atto(guess)))
    }

    /// As a plain number: the nearest float up to 2⁵³ atto, and one within an ulp beyond.
    pub const fn as_f64(self) -> f64 {
        self.0 as f64 / ATTO
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` above [`Delta::ONE`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|n| *n <= Self::ONE.0).map(Self)
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
}

impl fmt::Display for Delta {
    /// In the form `1e-6`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerExp::fmt(&self.as_f64(), f)
    }
}

impl Sum for Delta {
    /// Saturates at [`Delta::ONE`].
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |total, one| Self::from_atto(total.0.saturating_add(one.0)))
    }
}

impl Serialize for Delta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Delta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::nearest(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// 2⁻⁷: up to here no two amounts share a float.
    const DISTINCT: u64 = 7_812_500_000_000_000;
    /// 2⁻⁹: up to here amounts lie at least two floats apart.
    const APART: u64 = DISTINCT / 4;

    #[test]
    fn decimals_mean_what_they_say() {
        for (value, atto) in [
            (1e-18, 1),
            (1e-12, 1_000_000),
            (1e-9, 1_000_000_000),
            (1e-6, 1_000_000_000_000),
            (2.5e-7, 250_000_000_000),
            (0.005, 5_000_000_000_000_000),
            (0.05, 50_000_000_000_000_000),
            (0.1, 100_000_000_000_000_000),
            (1.0, 1_000_000_000_000_000_000),
        ] {
            assert_eq!(Delta::from_f64_up(value).unwrap().atto(), atto);
            assert_eq!(Delta::from_f64_down(value).unwrap().atto(), atto);
        }
        assert_eq!(Delta::from_f64_up(1e-30).unwrap().atto(), 1, "never free");
        assert_eq!(Delta::from_f64_down(1.9e-18).unwrap().atto(), 1);
        assert_eq!(Delta::from_atto(1_000_000_000_000).to_string(), "1e-6");
        assert_eq!(Delta::from_atto(u64::MAX), Delta::ONE);
    }

    #[test]
    fn refuses_what_is_no_probability() {
        for value in [-1e-18, f64::NAN, f64::INFINITY, 1.0_f64.next_up()] {
            assert!(Delta::from_f64_up(value).is_err() && Delta::from_f64_down(value).is_err());
        }
        assert!(Delta::ONE.checked_add(Delta::from_atto(1)).is_none());
        assert!(Delta::ZERO.checked_sub(Delta::from_atto(1)).is_none());
        assert!(serde_json::from_str::<Delta>("-0.1").is_err());
        assert_eq!([Delta::ONE, Delta::ONE].into_iter().sum::<Delta>(), Delta::ONE);
    }

    /// Probabilities of every magnitude.
    fn probability() -> impl Strategy<Value = f64> {
        prop_oneof![0.0..=1.0_f64, (-50.0..0.0_f64).prop_map(f64::exp)]
    }

    fn amount() -> impl Strategy<Value = u64> {
        prop_oneof![0..=Delta::ONE.atto(), 0..=DISTINCT, APART..=DISTINCT, 0..=APART, 0..=1_000_000_000_u64]
    }

    proptest! {
        #[test]
        fn rounding_is_outward(value in probability()) {
            let (up, down) = (Delta::from_f64_up(value).unwrap(), Delta::from_f64_down(value).unwrap());
            prop_assert!(down.as_f64() <= value && value <= up.as_f64());
            prop_assert!(down <= up && up.atto() - down.atto() <= 256);
            if up.atto() <= DISTINCT {
                prop_assert!(up.atto() - down.atto() <= 1);
                prop_assert!(up.is_zero() || Delta(up.atto() - 1).as_f64() < value);
                prop_assert!(Delta(down.atto() + 1).as_f64() > value);
            }
        }

        #[test]
        fn json_keeps_the_amount(atto in amount()) {
            let amount = Delta::from_atto(atto);
            let text = serde_json::to_string(&amount).unwrap();
            let back = serde_json::from_str::<Delta>(&text).unwrap();
            prop_assert!(back.atto().abs_diff(atto) <= 256);
            if atto <= APART {
                prop_assert_eq!(back, amount);
            }
            if atto <= DISTINCT {
                prop_assert_eq!(Delta::from_f64_up(amount.as_f64()).unwrap(), amount);
                prop_assert_eq!(Delta::from_f64_down(amount.as_f64()).unwrap(), amount);
            }
        }
    }
}
