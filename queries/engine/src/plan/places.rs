//! Sets of places.

use serde::Serialize;

/// A set of places of one field, as closed ranges that rise and do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Places(Vec<(u32, u32)>);

impl Places {
    /// The places for which `holds`, of the first `len`.
    pub(crate) fn where_true(len: usize, holds: impl Fn(usize) -> bool) -> Self {
        (0..len).filter(|place| holds(*place)).collect()
    }

    pub(crate) fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|(low, high)| (high - low) as usize + 1).sum()
    }

    pub(crate) fn contains(&self, place: u32) -> bool {
        let at = self.0.partition_point(|(_, high)| *high < place);
        self.0.get(at).is_some_and(|(low, _)| *low <= place)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().flat_map(|(low, high)| (*low as usize)..=(*high as usize))
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all: Vec<(u32, u32)> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (low, high) in all {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                Some(_) | None => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        for &(low, high) in &self.0 {
            for &(start, end) in &other.0 {
                let (from, to) = (low.max(start), high.min(end));
                if from <= to {
                    both.push((from, to));
                }
            }
        }
        Self(both)
    }
}

impl FromIterator<usize> for Places {
    /// From rising places.
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for place in places {
            let Ok(place) = u32::try_from(place) else { break };
            match ranges.last_mut() {
                Some(last) if last.1.saturating_add(1) == place => last.1 = place,
                Some(_) | None => ranges.push((place, place)),
            }
        }
        Self(ranges)
    }
}
