//! Drops years whose time is over, by the calendar of Oslo.
//!
//! `retention_years = 10` keeps a year's rows until ten whole years after it have passed: on 31 December 2035 those of
//! 2025 are still there, on 1 January 2036 they are past it. Years are dropped whole, since a year is the unit of
//! privacy and of storage. `person_year` is never kept longer than what it is made from; the policy is refused
//! otherwise. Rows that are past their retention are refused when they are loaded, or they would come back.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::vacuum::Removed;
use crate::WarehouseError;
use crate::load::State;
use crate::policy::Policy;
use crate::storage::Span;
use crate::storage::home::Home;

/// What was dropped, or would be. Counts for the steward.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Retained {
    /// The day that decided.
    pub today: Date,
    /// Id of the snapshot before.
    pub snapshot_before: String,
    /// Id of the snapshot after; the same when nothing was dropped.
    pub snapshot_after: String,
    /// By table, for those with years to drop.
    pub tables: BTreeMap<String, Dropped>,
    /// What was deleted.
    pub removed: Removed,
}

/// What was dropped of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The first year that is kept.
    pub oldest_kept: i32,
    /// The years that were dropped.
    pub years: Vec<i32>,
    /// Their files.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
}

/// Takes the years out of the state.
pub(super) fn drop_years(
    home: &Home,
    policy: &Policy,
    today: Date,
    state: &mut State,
) -> Result<BTreeMap<String, Dropped>, WarehouseError> {
    let mut tables = BTreeMap::new();
    for table in policy.tables.values() {
        let (Some(oldest), Some(files)) = (table.oldest_kept(today), state.get_mut(&table.name)) else {
            continue;
        };
        let kept = files.split_off(&(oldest, Span::of_shard(0)));
        let past = std::mem::replace(files, kept);
        let mut dropped = Dropped { oldest_kept: oldest, ..Dropped::default() };
        for ((year, _), file) in &past {
            dropped.files += 1;
            dropped.rows += home.rows(&home.root().join(&table.name).join(&file.path))?;
            if dropped.years.last() != Some(year) {
                dropped.years.push(*year);
            }
        }
        if dropped.files > 0 {
            tables.insert(table.name.clone(), dropped);
        }
    }
    Ok(tables)
}

/// The day in Oslo. Without a time-zone database, the day of UTC: at most two hours behind.
pub fn today_in_oslo() -> Date {
    let now = jiff::Timestamp::now();
    now.in_tz("Europe/Oslo")
        .map_or_else(|_| now.to_zoned(jiff::tz::TimeZone::UTC).date(), |there| there.date())
}
