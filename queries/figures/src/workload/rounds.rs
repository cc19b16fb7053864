//! Workloads about a campaign of scene counts: what a count saw on average, in each shift.

use std::collections::BTreeMap;

use super::{Dimension, Group, Workload};

/// What a person that a count saw counts for, at least, so that the norm over the shifts loses little by being whole.
const PARTS: u64 = 1 << 10;

impl Workload {
    /// The workload over these rounds. In the dimension of each theme that counts once a value, a shift without a round is left out:
    /// nothing was looked at, so there is nothing to say, and no noise is spent on it.
    pub(crate) fn over_rounds(&self, rounds: &BTreeMap<String, u64>) -> Self {
        let mut workload = self.clone();
        let held: Vec<String> =
            rounds.iter().filter(|(_, held)| **held > 0).map(|(s, _)| s.clone()).collect();
        for theme in &mut workload.themes {
            let Some(events) = &mut theme.events else { continue };
            events.rounds.clone_from(rounds);
            let Some(dimension) = workload.dimensions.get_mut(&events.per) else { continue };
            // What the file leaves out stays out.
            let wanted = theme.filter.get(&dimension.column);
            let held: Vec<String> = held
                .iter()
                .filter(|code| wanted.is_none_or(|wanted| wanted.contains(code)))
                .cloned()
                .collect();
            events.norm = (held.len() as f64).sqrt();
            theme.filter.insert(dimension.column.clone(), held.clone());
            keep(dimension, &held);
        }
        workload
    }
}

/// Groups that hold a shift that was held.
fn keep(dimension: &mut Dimension, held: &[String]) {
    dimension.groups.retain(|group: &Group| group.of.iter().any(|code| held.contains(code)));
}

/// What one person that a round saw counts for over all rounds of a shift: a multiple of the number of each shift's rounds, so that a mean
/// over them is whole.
pub(super) fn unit(rounds: &BTreeMap<String, u64>) -> Option<u64> {
    let least = rounds.values().filter(|held| **held > 0).try_fold(1_u64, |all, held| {
        let mut common = (all, *held);
        while common.1 != 0 {
            common = (common.1, common.0 % common.1);
        }
        (all / common.0).checked_mul(*held)
    })?;
    // So that no number of rounds makes the counts overflow.
    Some(least.checked_mul(PARTS.div_ceil(least))?).filter(|unit| *unit <= 1 << 32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_unit_is_whole_over_the_rounds_of_every_shift() {
        let rounds = |held: &[u64]| held.iter().enumerate().map(|(at, n)| (at.to_string(), *n)).collect();
        for held in [&[6, 4][..], &[12, 9, 7], &[1], &[0, 5], &[1024, 3]] {
            let unit = unit(&rounds(held)).unwrap();
            assert!(
                unit >= PARTS && held.iter().all(|n| *n == 0 || unit.is_multiple_of(*n)),
                "{held:?} {unit}"
            );
        }
        assert_eq!(unit(&rounds(&[6, 4])), Some(1032));
        assert_eq!(unit(&rounds(&[u64::MAX, 3])), None);
    }
}
