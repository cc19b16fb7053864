//! Conditions on protected rows, in one normal form.
//!
//! A condition is a tree of `All` and `Any` over atoms; negation is pushed into the atoms while it is built.
//! Atoms on coded columns and date parts are sets of places in closed lists, atoms on measures are ranges.
//! Every atom is total: it has a truth value for every row, and nothing in it can fail.
//!
//! SQL has three truth values, and a row passes a filter only when it is true. Measures alone can be null, and
//! a test of a null measure is neither true nor false. Since no negation is left above the atoms, the tree is
//! monotone, and to let such an atom be false gives the same rows.

use std::collections::BTreeSet;

use serde::Serialize;
use skjerm_warehouse::policy::{ColumnRole, Policy, Table};

/// A column with a closed list of values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Slot {
    Year,
    Month,
    Dimension(String),
}

impl Slot {
    /// The column's name.
    pub(crate) fn column(&self) -> &str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Dimension(name) => name,
        }
    }
}

/// A value of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Number(i64),
    Code(String),
}

/// The policy's view of one table: which columns there are and which values they can have.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) table: &'a Table,
}

impl Scope<'_> {
    /// The closed list of a slot, in the order answers show it.
    pub(crate) fn values(&self, slot: &Slot) -> Vec<Value> {
        match slot {
            Slot::Year => {
                (self.policy.years.first..=self.policy.years.last).map(|y| Value::Number(y.into())).collect()
            }
            Slot::Month => (1..=12).map(Value::Number).collect(),
            Slot::Dimension(name) => {
                let list = self.table.column(name).and_then(|column| match &column.role {
                    ColumnRole::Dimension { codes } => self.policy.code_list(codes),
                    ColumnRole::Person
                    | ColumnRole::Record
                    | ColumnRole::Year
                    | ColumnRole::Month
                    | ColumnRole::Date
                    | ColumnRole::Measure { .. } => None,
                });
                list.map(|l| l.codes.iter().map(|c| Value::Code(c.code.clone())).collect())
                    .unwrap_or_default()
            }
        }
    }

    /// How many values a slot has.
    pub(crate) fn size(&self, slot: &Slot) -> usize {
        self.values(slot).len()
    }
}

/// Closed ranges of whole numbers, sorted, apart from each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// Everything from `low` to `high`, both included; nothing when they are the wrong way round.
    pub(crate) fn between(low: i64, high: i64) -> Self {
        Self(if low <= high { vec![(low, high)] } else { Vec::new() })
    }

    pub(crate) fn everything() -> Self {
        Self::between(i64::MIN, i64::MAX)
    }

    pub(crate) fn pairs(&self) -> &[(i64, i64)] {
        &self.0
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.0 == [(i64::MIN, i64::MAX)]
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all: Vec<_> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (low, high) in all {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                Some(_) | None => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    pub(crate) fn complement(&self) -> Self {
        let mut gaps = Vec::new();
        let mut next = Some(i64::MIN);
        for &(low, high) in &self.0 {
            if let Some(start) = next.filter(|start| *start < low) {
                gaps.push((start, low - 1));
            }
            next = high.checked_add(1);
        }
        if let Some(start) = next {
            gaps.push((start, i64::MAX));
        }
        Self(gaps)
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        self.complement().union(&other.complement()).complement()
    }
}

/// A condition in normal form. Made by [`Scope::all`], [`Scope::any`] and the atoms' constructors only, so that
/// equal conditions that differ in order, repetition or grouping come out equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Condition {
    Always,
    Never,
    /// The slot's value is at one of these places of its closed list.
    OneOf(Slot, BTreeSet<usize>),
    /// The measure is present and in one of these ranges.
    Within(String, Ranges),
    /// The measure is missing.
    Missing(String),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

impl Scope<'_> {
    /// The slot has one of these places.
    pub(crate) fn one_of(&self, slot: Slot, places: BTreeSet<usize>) -> Condition {
        if places.is_empty() {
            Condition::Never
        } else if places.len() == self.size(&slot) {
            Condition::Always
        } else {
            Condition::OneOf(slot, places)
        }
    }

    /// The measure is present and within the ranges.
    pub(crate) fn within(column: String, ranges: Ranges) -> Condition {
        if ranges.0.is_empty() { Condition::Never } else { Condition::Within(column, ranges) }
    }

    /// All of them hold.
    pub(crate) fn all(&self, parts: Vec<Condition>) -> Condition {
        let mut flat: Vec<Condition> = Vec::new();
        for part in parts {
            match part {
                Condition::Always => {}
                Condition::Never => return Condition::Never,
                Condition::All(inner) => flat.extend(inner),
                atom @ (Condition::OneOf(..)
                | Condition::Within(..)
                | Condition::Missing(_)
                | Condition::Any(_)) => flat.push(atom),
            }
        }
        match self.merge(flat, true) {
            None => Condition::Never,
            Some(mut merged) if merged.len() <= 1 => merged.pop().unwrap_or(Condition::Always),
            Some(merged) => Condition::All(merged),
        }
    }

    /// One of them holds.
    pub(crate) fn any(&self, parts: Vec<Condition>) -> Condition {
        let mut flat: Vec<Condition> = Vec::new();
        for part in parts {
            match part {
                Condition::Never => {}
                Condition::Always => return Condition::Always,
                Condition::Any(inner) => flat.extend(inner),
                atom @ (Condition::OneOf(..)
                | Condition::Within(..)
                | Condition::Missing(_)
                | Condition::All(_)) => flat.push(atom),
            }
        }
        match self.merge(flat, false) {
            None => Condition::Always,
            Some(mut merged) if merged.len() <= 1 => merged.pop().unwrap_or(Condition::Never),
            Some(merged) => Condition::Any(merged),
        }
    }

    /// Joins the atoms of each column into one, sorts and removes repetitions. `None`: the whole is decided
    /// (never for `all`, always for `any`).
    fn merge(&self, parts: Vec<Condition>, all: bool) -> Option<Vec<Condition>> {
        use std::collections::BTreeMap;
        let mut slots: BTreeMap<Slot, BTreeSet<usize>> = BTreeMap::new();
        let mut ranges: BTreeMap<String, Ranges> = BTreeMap::new();
        let mut missing: BTreeSet<String> = BTreeSet::new();
        let mut rest: BTreeSet<Condition> = BTreeSet::new();
        for part in parts {
            match part {
                Condition::OneOf(slot, places) => {
                    let merged = match slots.get(&slot) {
                        Some(have) if all => have.intersection(&places).copied().collect(),
                        Some(have) => have.union(&places).copied().collect(),
                        None => places,
                    };
                    slots.insert(slot, merged);
                }
                Condition::Within(column, new) => {
                    let merged = match ranges.get(&column) {
                        Some(have) if all => have.intersection(&new),
                        Some(have) => have.union(&new),
                        None => new,
                    };
                    ranges.insert(column, merged);
                }
                Condition::Missing(column) => {
                    missing.insert(column);
                }
                other @ (Condition::All(_) | Condition::Any(_) | Condition::Always | Condition::Never) => {
                    rest.insert(other);
                }
            }
        }
        let mut merged: Vec<Condition> = Vec::new();
        for (slot, places) in slots {
            match self.one_of(slot, places) {
                Condition::Never if all => return None,
                Condition::Always if !all => return None,
                Condition::Always | Condition::Never => {}
                atom @ (Condition::OneOf(..)
                | Condition::Within(..)
                | Condition::Missing(_)
                | Condition::All(_)
                | Condition::Any(_)) => merged.push(atom),
            }
        }
        for (column, range) in ranges {
            if missing.contains(&column) && (all || range.is_everything()) {
                return None;
            }
            match Self::within(column, range) {
                Condition::Never if all => return None,
                Condition::Never => {}
                atom => merged.push(atom),
            }
        }
        merged.extend(missing.into_iter().map(Condition::Missing));
        merged.extend(rest);
        merged.sort();
        Some(merged)
    }
}

impl Condition {
    /// Whether some row with these places in its slots could pass: the three-valued evaluation, "not false".
    /// Slots for which `fixed` says `None` may have any value. Decided from the question alone.
    pub(crate) fn could_hold(&self, fixed: &dyn Fn(&Slot) -> Option<usize>) -> bool {
        match self {
            Self::Always | Self::Within(..) | Self::Missing(_) => true,
            Self::Never => false,
            Self::OneOf(slot, places) => fixed(slot).is_none_or(|place| places.contains(&place)),
            Self::All(parts) => parts.iter().all(|part| part.could_hold(fixed)),
            Self::Any(parts) => parts.iter().any(|part| part.could_hold(fixed)),
        }
    }

    /// The columns it reads.
    pub(crate) fn columns(&self) -> BTreeSet<String> {
        match self {
            Self::Always | Self::Never => BTreeSet::new(),
            Self::OneOf(slot, _) => BTreeSet::from([slot.column().to_owned()]),
            Self::Within(column, _) | Self::Missing(column) => BTreeSet::from([column.clone()]),
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::columns).collect(),
        }
    }
}
