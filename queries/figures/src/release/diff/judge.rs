//! Many differences judged at once.

use skjerm_privacy::interval::z;

use super::Change;
use crate::holm;
use crate::release::joint::CONFIDENCE;

/// How many were judged, and what of.
pub(super) struct Judged {
    pub(super) compared: usize,
    /// Distinguishable when taken alone.
    pub(super) alone: usize,
    /// Distinguishable when all are judged together.
    pub(super) together: usize,
}

/// Flags the differences that can be told from none when all are judged together ([`holm`]), and counts them.
pub(super) fn together(mut changes: Vec<&mut Change>) -> Judged {
    // Those without an interval are exact.
    changes.retain(|change| change.low.is_some());
    let scores: Vec<f64> = changes.iter().map(|change| score(change)).collect();
    for (change, together) in changes.iter_mut().zip(holm::together(&scores)) {
        // Intervals are rounded outwards: what is no difference alone is none together.
        let alone = change.distinguishable == Some(true);
        change.distinguishable_together = Some(together && alone);
    }
    let count = |of: &dyn Fn(&Change) -> bool| changes.iter().filter(|change| of(change)).count();
    Judged {
        compared: changes.len(),
        alone: count(&|change| change.distinguishable == Some(true)),
        together: count(&|change| change.distinguishable_together == Some(true)),
    }
}

/// How far a difference is from none, in its standard deviations, read off its interval.
fn score(change: &Change) -> f64 {
    let half_width = (change.high.unwrap_or_default() - change.low.unwrap_or_default()) / 2.0;
    change.difference.abs() * z(CONFIDENCE) / half_width
}
