//! Tables the warehouse makes from others: `person_year` and `count_round`.
//!
//! Both are made anew for exactly the years and shards whose sources changed, by rules that look at nothing
//! else; so making them step by step, load by load, gives the same as making them once at the end. When the policy
//! declares other columns of one, [`crate::Warehouse::rederive`] makes all of it anew.

pub(crate) mod count_round;
pub(crate) mod person_year;

use std::collections::{BTreeMap, BTreeSet};

use crate::WarehouseError;
use crate::load::{NewFiles, State, Workplace};
use crate::policy::{Policy, Table};
use crate::storage::Cell;

/// Cells of a table and the files that each has now.
pub(crate) type Made<'a> = (&'a Table, Vec<NewFiles>);

/// Whether the warehouse makes the table of this name.
pub(crate) fn is_derived(table: &str) -> bool {
    [person_year::TABLE, count_round::TABLE].contains(&table)
}

/// How a policy's derived tables are made.
#[derive(Debug, Clone)]
pub(crate) struct Derivation {
    person_year: Option<person_year::Rules>,
    count_round: bool,
}

impl Derivation {
    /// Checks that every column of the derived tables can be made.
    pub(crate) fn new(policy: &Policy) -> Result<Self, WarehouseError> {
        let person_year = policy.table(person_year::TABLE).map(|t| person_year::Rules::new(policy, t));
        let rounds = policy.table(count_round::TABLE);
        rounds.map(|table| count_round::check(policy, table)).transpose()?;
        Ok(Self { person_year: person_year.transpose()?, count_round: rounds.is_some() })
    }

    /// Whether the table is one of these.
    pub(crate) fn derives(&self, table: &str) -> bool {
        (table == person_year::TABLE && self.person_year.is_some())
            || (table == count_round::TABLE && self.count_round)
    }

    /// The rules of `person_year`, if the policy has it.
    pub(crate) fn person_year(&self) -> Option<&person_year::Rules> {
        self.person_year.as_ref()
    }

    /// Makes the derived tables anew where their sources were touched.
    pub(crate) fn run<'a>(
        &self,
        place: &Workplace<'a>,
        state: &State,
        touched: &BTreeMap<String, BTreeSet<Cell>>,
    ) -> Result<Vec<Made<'a>>, WarehouseError> {
        let mut made = Vec::new();
        if let (Some(rules), Some(table)) = (&self.person_year, place.policy.table(person_year::TABLE)) {
            let sources = touched.iter().filter(|(name, _)| rules.reads(name));
            let cells = sources.flat_map(|(_, cells)| cells).copied();
            // Where a source is kept longer than the person-years, these do not come back with it.
            let cells: BTreeSet<Cell> = cells
                .filter(|(year, _)| table.oldest_kept(place.today).is_none_or(|oldest| *year >= oldest))
                .collect();
            made.push((table, person_year::make(place, rules, table, state, cells)?));
        }
        if let (true, Some(table)) = (self.count_round, place.policy.table(count_round::TABLE)) {
            let cells = touched.get(count_round::SOURCE);
            let years: BTreeSet<i32> = cells.into_iter().flatten().map(|(year, _)| *year).collect();
            made.push((table, count_round::make(place, table, state, &years)?));
        }
        Ok(made)
    }
}
