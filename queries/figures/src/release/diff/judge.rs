//! Many differences judged at once.

use skjerm_privacy::interval::z;

use super::Change;
use crate::release::joint::CONFIDENCE;

/// How many were judged, and what of.
pub(super) struct Judged {
    pub(super) compared: usize,
    /// Distinguishable when taken alone.
    pub(super) alone: usize,
    /// Distinguishable when all are judged together.
    pub(super) together: usize,
}

/// Flags the differences that can be told from none when all are judged together, and counts them.
///
/// Holm's procedure ("A simple sequentially rejective multiple test procedure", 1979): the chance that any difference is flagged that is
/// none is at most 5 %, however the noises go together, which those of the cells of one release do.
pub(super) fn together(mut changes: Vec<&mut Change>) -> Judged {
    // Those without an interval are exact.
    changes.retain(|change| change.low.is_some());
    let mut order: Vec<(usize, f64)> =
        changes.iter().enumerate().map(|(index, change)| (index, score(change))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut stopped = false;
    for (rank, (index, score)) in order.iter().enumerate() {
        let left = (changes.len() - rank) as f64;
        stopped |= *score <= z(1.0 - (1.0 - CONFIDENCE) / left);
        // Intervals are rounded outwards: what is no difference alone is none together.
        let alone = changes[*index].distinguishable == Some(true);
        changes[*index].distinguishable_together = Some(!stopped && alone);
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
