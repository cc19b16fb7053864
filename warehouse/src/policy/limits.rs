//! How much of a person-year a question keeps that has to drop groups.

use serde::{Deserialize, Serialize};

use super::raw::RawLimits;
use super::read::Source;
use super::{CodeList, PolicyError, PolicyProblem as Problem};

/// Limits on what one person-year is counted in, for questions whose contributions cannot be scaled (quantiles,
/// thresholds): of more groups, a keyed hash chooses. A limit that is not given is none.
///
/// # Privacy
///
/// Declared and kept, but not applied yet: every question of today scales a person-year's whole vector instead, and no
/// sensitivity follows from these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The most districts of one person-year.
    pub districts: Option<u32>,
    /// The most months of one person-year.
    pub months: Option<u32>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// In which ways these let a person-year count in more than `earlier` did: one sentence each.
    pub(super) fn loosened_from(&self, earlier: &Self) -> impl Iterator<Item = String> {
        let both =
            [("districts", self.districts, earlier.districts), ("months", self.months, earlier.months)];
        both.into_iter().filter_map(|(what, now, before)| {
            let before = before.filter(|before| now.is_none_or(|now| now > *before))?;
            let now = now.map_or_else(|| "any number of".to_owned(), |now| now.to_string());
            Some(format!("a person's year could count in {now} {what}; until now in {before} at most"))
        })
    }
}

impl Source<'_> {
    pub(super) fn limits(&self, raw: RawLimits, districts: Option<&CodeList>) -> Result<Limits, PolicyError> {
        let checked = |what, limit: Option<toml::Spanned<u32>>, most: u32| match limit {
            Some(limit) if !(1..=most).contains(limit.get_ref()) => {
                let problem = Problem::Limit { what, value: *limit.get_ref(), most };
                Err(self.wrong(&limit.span(), problem))
            }
            limit => Ok(limit.map(toml::Spanned::into_inner)),
        };
        let most = districts.map_or(0, CodeList::len);
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        Ok(Limits {
            districts: checked("districts", raw.districts, most)?,
            months: checked("months", raw.months, 12)?,
        })
    }
}
