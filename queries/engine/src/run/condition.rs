//! Conditions on rows, by the places of their fields.

use std::collections::BTreeSet;

use super::error::RunError;
use crate::plan::{Condition, Field, Fields};

/// A condition on the places of some fields.
pub(super) enum Test {
    Always,
    Never,
    In(usize, Vec<bool>),
    All(Vec<Test>),
    Any(Vec<Test>),
}

impl Test {
    /// Adds the fields that it asks for.
    pub(super) fn fields(&self, into: &mut BTreeSet<usize>) {
        match self {
            Self::Always | Self::Never => {}
            Self::In(field, _) => drop(into.insert(*field)),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.fields(into)),
        }
    }

    /// Whether a row passes.
    pub(super) fn holds(&self, places: &[Vec<u32>], row: usize) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::In(field, holds) => holds.get(places[*field][row] as usize).copied().unwrap_or(false),
            Self::All(parts) => parts.iter().all(|part| part.holds(places, row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(places, row)),
        }
    }

    /// Which rows pass; nothing where all do.
    pub(super) fn passing(&self, places: &[Vec<u32>], rows: usize) -> Option<Vec<bool>> {
        match self {
            Self::Always => None,
            Self::Never => Some(vec![false; rows]),
            Self::In(field, holds) => {
                let passes = |place: &u32| holds.get(*place as usize).copied().unwrap_or(false);
                Some(places[*field].iter().map(passes).collect())
            }
            Self::All(parts) => {
                let parts = parts.iter().filter_map(|part| part.passing(places, rows));
                parts.reduce(|a, b| a.into_iter().zip(b).map(|(a, b)| a && b).collect())
            }
            Self::Any(parts) => {
                let parts = parts.iter().map(|part| part.passing(places, rows));
                let any = |a: Option<Vec<bool>>, b: Option<Vec<bool>>| {
                    Some(a?.into_iter().zip(b?).map(|(a, b)| a || b).collect())
                };
                parts.fold(Some(vec![false; rows]), any)
            }
        }
    }
}

/// A condition on fields that are at these places.
pub(super) fn test(
    condition: &Condition,
    fields: &Fields,
    at: &impl Fn(&str) -> Result<usize, RunError>,
) -> Result<Test, RunError> {
    Ok(match condition {
        Condition::Always => Test::Always,
        Condition::Never => Test::Never,
        Condition::In(name, places) => {
            let len = fields.get(name).map_or(0, Field::places);
            let holds = |place| u32::try_from(place).is_ok_and(|place| places.contains(place));
            Test::In(at(name)?, (0..len).map(holds).collect())
        }
        Condition::All(parts) => {
            Test::All(parts.iter().map(|part| test(part, fields, at)).collect::<Result<_, _>>()?)
        }
        Condition::Any(parts) => {
            Test::Any(parts.iter().map(|part| test(part, fields, at)).collect::<Result<_, _>>()?)
        }
    })
}
