//! Means, differences and ratios of noised totals.

use super::Mean;
use crate::release::joint::{counted, rounded, widened};

/// An unbiased value with the standard deviation of its noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noisy {
    pub(super) value: f64,
    pub(super) sd: f64,
}

impl Noisy {
    /// Sum of independently noised totals.
    pub(super) fn sum(totals: impl IntoIterator<Item = Self>) -> Self {
        let (value, variance) = totals
            .into_iter()
            .fold((0.0, 0.0), |(value, variance), one| (value + one.value, variance + one.sd * one.sd));
        Self { value, sd: f64::sqrt(variance) }
    }

    pub(super) fn over(self, rounds: u64) -> Self {
        Self { value: self.value / rounds as f64, sd: self.sd / rounds as f64 }
    }

    /// `self` less `other`, independently noised.
    pub(super) fn less(self, other: Self) -> Self {
        Self { value: self.value - other.value, sd: self.sd.hypot(other.sd) }
    }

    pub(super) fn interval(self, quantile: f64) -> Mean {
        let (low, high) = widened(self.value, self.sd, quantile);
        Mean { value: rounded(self.value), low, high }
    }

    /// As [`Noisy::interval`], of a quantity that cannot be negative.
    pub(super) fn count_interval(self, quantile: f64) -> Mean {
        let Mean { value, low, high } = self.interval(quantile);
        let (low, high) = counted(value, (low, high));
        Mean { value, low, high }
    }

    /// `self` over `base`, with Fieller's interval: exact for normal noise, and none when `base` cannot be told from zero.
    pub(super) fn ratio(self, base: Self, quantile: f64) -> Option<Mean> {
        let g = (quantile * base.sd / base.value).powi(2);
        if base.value <= 0.0 || !g.is_finite() || g >= 1.0 {
            return None;
        }
        let ratio = self.value / base.value;
        let centre = ratio / (1.0 - g);
        let spread = self.sd.powi(2) + ratio * ratio * base.sd.powi(2) - g * self.sd.powi(2);
        let half = quantile / (base.value * (1.0 - g)) * spread.max(0.0).sqrt();
        let low = ((centre - half) * 1000.0).floor() / 1000.0;
        let high = ((centre + half) * 1000.0).ceil() / 1000.0;
        Some(Mean { value: (ratio * 1000.0).round() / 1000.0, low, high })
    }
}
