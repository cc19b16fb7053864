//! Relations of protected rows: what is read before anything is added up.
//!
//! # Privacy
//! Every row of a relation is one person's, of one year, and follows from that person's rows of that year alone: tables
//! are filtered row by row; joins and semi-joins are on the person *and* the year; a per-person aggregation puts rows of
//! one person and year together. So adding or removing a person-year adds or removes rows of that person-year and
//! changes no other row, whatever the relation. Joins on anything else, or over years, are not built.

use std::collections::BTreeSet;

use serde::Serialize;

use super::condition::{Condition, Possible};

/// A relation of protected rows. Each has a person and a year; its other columns are fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum Relation {
    /// Rows of a table; its columns are fields named `INSTANCE_COLUMN`.
    Table { instance: String, table: String },
    /// The rows that pass.
    Filter { input: Box<Relation>, condition: Condition },
    /// Pairs of rows of the same person and year.
    Join { left: Box<Relation>, right: Box<Relation> },
    /// The left rows whose person has, or has not, a row of the right in the same year. Without `by_year` the question does
    /// not say that it is the same: then all is of one year.
    Semi { left: Box<Relation>, right: Box<Relation>, anti: bool, by_year: bool },
    /// One row a person, year and combination of these fields, with numbers over the rows put together.
    PerPerson { input: Box<Relation>, keys: Vec<String>, numbers: Vec<(String, PersonNumber)> },
}

/// A number over rows of one person and year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PersonNumber {
    pub(crate) of: NumberOf,
    /// The rows that count.
    pub(crate) filter: Condition,
}

/// What is taken of the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum NumberOf {
    Rows,
    /// How many different values a field has.
    Distinct(String),
    Sum(String),
    Least(String),
    Greatest(String),
}

impl Relation {
    /// Whether a person can have several rows of a year; `several` says it of tables.
    pub(crate) fn has_several(&self, several: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Table { table, .. } => several(table),
            Self::Filter { input, .. } | Self::Semi { left: input, .. } => input.has_several(several),
            Self::Join { left, right } => left.has_several(several) || right.has_several(several),
            Self::PerPerson { keys, .. } => !keys.is_empty(),
        }
    }

    /// Whether a person's rows meet several others of theirs here, so that their number grows as a product.
    pub(crate) fn multiplies(&self, several: &dyn Fn(&str) -> bool) -> bool {
        matches!(self, Self::Join { left, right } if left.has_several(several) && right.has_several(several))
    }

    /// The tables of whose rows a join reads so many of a person-year and no more (`several` as above).
    pub(crate) fn cut_tables<'r>(&'r self, several: &dyn Fn(&str) -> bool) -> BTreeSet<&'r str> {
        let mut found = BTreeSet::new();
        self.add_cut_tables(several, false, &mut found);
        found
    }

    fn add_cut_tables<'r>(
        &'r self,
        several: &dyn Fn(&str) -> bool,
        is_cut: bool,
        into: &mut BTreeSet<&'r str>,
    ) {
        match self {
            Self::Table { table, .. } => {
                if is_cut && several(table) {
                    into.insert(table);
                }
            }
            Self::Filter { input, .. } => input.add_cut_tables(several, is_cut, into),
            Self::Join { left, right } => {
                let is_cut = is_cut || self.multiplies(several);
                left.add_cut_tables(several, is_cut, into);
                right.add_cut_tables(several, is_cut, into);
            }
            // Nothing grows by rows that only are there or not, and a per-person aggregation makes few of many.
            Self::Semi { left, right, .. } => {
                left.add_cut_tables(several, is_cut, into);
                right.add_cut_tables(several, false, into);
            }
            Self::PerPerson { input, .. } => input.add_cut_tables(several, false, into),
        }
    }

    /// Whether a row could be there whose fields are at places that `possible` lets them be at.
    pub(crate) fn could_hold(&self, possible: &Possible<'_>) -> bool {
        match self {
            Self::Table { .. } => true,
            Self::Filter { input, condition } => condition.could_hold(possible) && input.could_hold(possible),
            Self::Join { left, right } | Self::Semi { left, right, anti: false, by_year: true } => {
                left.could_hold(possible) && right.could_hold(possible)
            }
            Self::Semi { left, .. } => left.could_hold(possible),
            Self::PerPerson { input, .. } => input.could_hold(possible),
        }
    }

    /// The fields that it needs for itself.
    pub(crate) fn fields(&self, into: &mut BTreeSet<String>) {
        match self {
            Self::Table { .. } => {}
            Self::Filter { input, condition } => {
                condition.fields(into);
                input.fields(into);
            }
            Self::Join { left, right } | Self::Semi { left, right, .. } => {
                left.fields(into);
                right.fields(into);
            }
            Self::PerPerson { input, keys, numbers } => {
                into.extend(keys.iter().cloned());
                for (_, number) in numbers {
                    number.filter.fields(into);
                    match &number.of {
                        NumberOf::Rows => {}
                        NumberOf::Distinct(field)
                        | NumberOf::Sum(field)
                        | NumberOf::Least(field)
                        | NumberOf::Greatest(field) => {
                            into.insert(field.clone());
                        }
                    }
                }
                input.fields(into);
            }
        }
    }

    /// Leaves out the numbers of persons that nobody reads, and names the fields that the rest needs for itself; `read` are those that
    /// others need.
    pub(crate) fn without_unread(&mut self, read: &mut BTreeSet<String>) {
        loop {
            let mut named = read.clone();
            self.fields(&mut named);
            // A number that is left out may have been all that another one was read for.
            if !self.leave_out(&named) {
                *read = named;
                return;
            }
        }
    }

    /// Leaves out the numbers that are not named, and says whether there were any.
    fn leave_out(&mut self, named: &BTreeSet<String>) -> bool {
        match self {
            Self::Table { .. } => false,
            Self::Filter { input, .. } => input.leave_out(named),
            Self::Join { left, right } | Self::Semi { left, right, .. } => {
                left.leave_out(named) | right.leave_out(named)
            }
            Self::PerPerson { input, numbers, .. } => {
                let before = numbers.len();
                numbers.retain(|(name, _)| named.contains(name));
                input.leave_out(named) | (numbers.len() < before)
            }
        }
    }

    /// The tables that it reads.
    pub(crate) fn tables(&self, into: &mut BTreeSet<String>) {
        match self {
            Self::Table { table, .. } => {
                into.insert(table.clone());
            }
            Self::Filter { input, .. } | Self::PerPerson { input, .. } => input.tables(into),
            Self::Join { left, right } | Self::Semi { left, right, .. } => {
                left.tables(into);
                right.tables(into);
            }
        }
    }

    /// Whether it is one table, whose rows come as its files hold them.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self, Self::Table { .. })
    }
}
