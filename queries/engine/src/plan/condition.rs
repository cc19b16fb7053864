//! Conditions on protected rows, in one normal form.
//!
//! A condition is a tree of `All` and `Any` over atoms; negation is pushed into the atoms while it is built. An atom
//! is a field and the set of its places for which it holds. So it is total: it has a truth value for every row, and
//! nothing in it can fail.
//!
//! SQL has three truth values, and a row passes a filter only when it is true. "Missing" is a place like others, and
//! an atom holds the places for which the words of the question are *true*; since no negation is left above the atoms,
//! the tree is monotone, and what is unknown may be taken as false.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::field::Fields;
use super::places::Places;

/// Which places a field may be at.
pub(crate) type Possible<'p> = dyn Fn(&str, usize) -> bool + 'p;
/// Whether something could hold whose fields are at such places.
pub(crate) type CouldHold<'c> = dyn Fn(&Possible<'_>) -> bool + 'c;

/// A condition in normal form. Made by [`all`], [`any`] and [`one_of`] only, so that equal conditions that differ in
/// order, repetition or grouping come out equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Condition {
    Always,
    Never,
    /// The field is at one of these places.
    In(String, Places),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// The field is at one of these places.
pub(super) fn one_of(fields: &Fields, field: &str, places: Places) -> Condition {
    if places.is_empty() {
        Condition::Never
    } else if fields.get(field).is_some_and(|f| places.len() == f.places()) {
        Condition::Always
    } else {
        Condition::In(field.to_owned(), places)
    }
}

/// All of them hold.
pub(super) fn all(fields: &Fields, parts: Vec<Condition>) -> Condition {
    let mut flat: Vec<Condition> = Vec::new();
    for part in parts {
        match part {
            Condition::Always => {}
            Condition::Never => return Condition::Never,
            Condition::All(inner) => flat.extend(inner),
            atom @ (Condition::In(..) | Condition::Any(_)) => flat.push(atom),
        }
    }
    match merge(fields, flat, true) {
        None => Condition::Never,
        Some(mut merged) if merged.len() <= 1 => merged.pop().unwrap_or(Condition::Always),
        Some(merged) => Condition::All(merged),
    }
}

/// One of them holds.
pub(super) fn any(fields: &Fields, parts: Vec<Condition>) -> Condition {
    let mut flat: Vec<Condition> = Vec::new();
    for part in parts {
        match part {
            Condition::Never => {}
            Condition::Always => return Condition::Always,
            Condition::Any(inner) => flat.extend(inner),
            atom @ (Condition::In(..) | Condition::All(_)) => flat.push(atom),
        }
    }
    match merge(fields, flat, false) {
        None => Condition::Always,
        Some(mut merged) if merged.len() <= 1 => merged.pop().unwrap_or(Condition::Never),
        Some(merged) => Condition::Any(merged),
    }
}

/// Joins the atoms of each field into one, sorts and removes repetitions. `None`: the whole is decided (never for
/// `all`, always for `any`).
fn merge(fields: &Fields, parts: Vec<Condition>, all: bool) -> Option<Vec<Condition>> {
    let mut atoms: BTreeMap<String, Places> = BTreeMap::new();
    let mut rest: BTreeSet<Condition> = BTreeSet::new();
    for part in parts {
        match part {
            Condition::In(field, places) => {
                let merged = match atoms.get(&field) {
                    Some(have) if all => have.intersection(&places),
                    Some(have) => have.union(&places),
                    None => places,
                };
                atoms.insert(field, merged);
            }
            other @ (Condition::All(_) | Condition::Any(_) | Condition::Always | Condition::Never) => {
                rest.insert(other);
            }
        }
    }
    let mut merged: Vec<Condition> = Vec::new();
    for (field, places) in atoms {
        match one_of(fields, &field, places) {
            Condition::Never if all => return None,
            Condition::Always if !all => return None,
            Condition::Always | Condition::Never => {}
            atom @ (Condition::In(..) | Condition::All(_) | Condition::Any(_)) => merged.push(atom),
        }
    }
    merged.extend(rest);
    merged.sort();
    Some(merged)
}

/// The condition that a table of truth values over several fields' places says, row-major.
///
/// The first field's places are put together by what they leave of the rest, so that a table that is a product of sets
/// comes out as one atom a field.
pub(super) fn of_table(fields: &Fields, inputs: &[String], truth: &[bool]) -> Condition {
    let Some((first, rest)) = inputs.split_first() else {
        return if truth.first().copied().unwrap_or(false) { Condition::Always } else { Condition::Never };
    };
    let places = fields.get(first).map_or(0, super::field::Field::places);
    let Some(stride) = truth.len().checked_div(places) else { return Condition::Never };
    let mut groups: BTreeMap<&[bool], Vec<usize>> = BTreeMap::new();
    for (place, part) in truth.chunks(stride.max(1)).enumerate() {
        if part.contains(&true) {
            groups.entry(part).or_default().push(place);
        }
    }
    let parts = groups.into_iter().map(|(part, places)| {
        let atom = one_of(fields, first, places.into_iter().collect());
        all(fields, vec![atom, of_table(fields, rest, part)])
    });
    any(fields, parts.collect())
}

impl Condition {
    /// Whether some row could pass whose fields are at places that `possible` lets them be at. Decided from the
    /// question alone.
    pub(crate) fn could_hold(&self, possible: &Possible<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::In(field, places) => places.iter().any(|place| possible(field, place)),
            Self::All(parts) => parts.iter().all(|part| part.could_hold(possible)),
            Self::Any(parts) => parts.iter().any(|part| part.could_hold(possible)),
        }
    }

    /// How many ranges of places it is made of.
    pub(crate) fn ranges(&self) -> usize {
        match self {
            Self::Always | Self::Never => 0,
            Self::In(_, places) => places.ranges().len(),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::ranges).sum(),
        }
    }

    /// The fields it tests.
    pub(crate) fn fields(&self, into: &mut BTreeSet<String>) {
        match self {
            Self::Always | Self::Never => {}
            Self::In(field, _) => {
                into.insert(field.clone());
            }
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.fields(into)),
        }
    }
}
