//! Who is to be taken out, as pseudonyms.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use zeroize::Zeroizing;

use crate::links::Links;
use crate::storage::{Pseudonym, Span};
use crate::{Purpose, WarehouseKey};

/// Somebody to be taken out: every first-layer pseudonym that rows of theirs may have been delivered under.
///
/// # Privacy
/// Made by the ingest room from identifiers; wiped when dropped. `Debug` shows nothing of them.
#[derive(Clone)]
pub struct Sought {
    pseudonyms: Zeroizing<Vec<[u8; 16]>>,
    /// Lines of the list that say this person.
    lines: Vec<u64>,
}

impl Sought {
    /// Somebody with these pseudonyms.
    pub fn new(pseudonyms: Vec<[u8; 16]>) -> Self {
        Self { pseudonyms: Zeroizing::new(pseudonyms), lines: Vec::new() }
    }

    /// The same, said by this line of a list.
    #[must_use]
    pub fn on_line(mut self, line: u64) -> Self {
        self.lines.push(line);
        self
    }

    /// One for each person: those who share a pseudonym are the same.
    pub fn joined(all: Vec<Self>) -> Vec<Self> {
        let mut persons: Vec<Option<Self>> = Vec::with_capacity(all.len());
        let mut known: HashMap<[u8; 16], usize> = HashMap::new();
        for mut sought in all {
            let mut same: Vec<usize> =
                sought.pseudonyms.iter().filter_map(|p| known.get(p).copied()).collect();
            same.sort_unstable();
            same.dedup();
            for other in same.into_iter().rev() {
                if let Some(other) = persons.get_mut(other).and_then(Option::take) {
                    sought.pseudonyms.extend(other.pseudonyms.iter().copied());
                    sought.lines.extend(other.lines);
                }
            }
            sought.pseudonyms.sort_unstable();
            sought.pseudonyms.dedup();
            sought.lines.sort_unstable();
            known.extend(sought.pseudonyms.iter().map(|pseudonym| (*pseudonym, persons.len())));
            persons.push(Some(sought));
        }
        persons.into_iter().flatten().collect()
    }

    /// The pseudonyms.
    pub fn pseudonyms(&self) -> &[[u8; 16]] {
        &self.pseudonyms
    }

    /// The lines of the list that say this person.
    pub(crate) fn lines(&self) -> &[u64] {
        &self.lines
    }
}

impl fmt::Debug for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sought").finish_non_exhaustive()
    }
}

/// The pseudonyms of everybody sought, of both layers and of every epoch: a copy may be older than a rotation.
pub(super) struct Marks {
    /// Stored pseudonym → place of the person among those sought.
    stored: BTreeMap<Pseudonym, usize>,
    /// The low bits of those, a bit each, so that few others are looked up.
    filter: Vec<u64>,
    /// Every pseudonym of either layer.
    all: Zeroizing<Vec<[u8; 16]>>,
}

impl Marks {
    pub(super) fn new(keys: &[WarehouseKey], sought: &[Sought]) -> Self {
        let mut marks =
            Self { stored: BTreeMap::new(), filter: vec![0; 1 << (FILTER - 6)], all: Zeroizing::default() };
        for (person, sought) in sought.iter().enumerate() {
            for layer_one in sought.pseudonyms() {
                marks.all.push(*layer_one);
                let of_key = |key: &WarehouseKey| key.pseudonyms(Purpose::Person, layer_one);
                for pseudonym in keys.iter().flat_map(of_key) {
                    marks.all.push(pseudonym);
                    let pseudonym = Pseudonym::from_be_bytes(pseudonym);
                    marks.stored.insert(pseudonym, person);
                    let (word, bit) = place(pseudonym);
                    marks.filter[word] |= bit;
                }
            }
        }
        marks
    }

    /// Adds the persons that client numbers of those sought turned out to be.
    pub(super) fn follow(&mut self, links: &Links) {
        for (client, person) in links.pairs() {
            if let Some(sought) = self.person(client) {
                self.all.push(person.to_be_bytes());
                self.stored.insert(person, sought);
                let (word, bit) = place(person);
                self.filter[word] |= bit;
            }
        }
    }

    /// Which of those sought a stored pseudonym is of.
    pub(super) fn person(&self, stored: Pseudonym) -> Option<usize> {
        let (word, bit) = place(stored);
        if self.filter[word] & bit == 0 { None } else { self.stored.get(&stored).copied() }
    }

    /// Whether one of them is of this span: no file of another one has rows of theirs.
    pub(super) fn may_be_in(&self, span: Span) -> bool {
        self.stored.range(span.first()..=span.last()).next().is_some()
    }

    pub(super) fn all(&self) -> &[[u8; 16]] {
        &self.all
    }
}

/// Bits of the filter, as a power of two.
const FILTER: u32 = 18;

/// The bit of a pseudonym, by its low bits: it is a hash already.
fn place(pseudonym: Pseudonym) -> (usize, u64) {
    let low = pseudonym as usize & ((1 << FILTER) - 1);
    (low >> 6, 1 << (low & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_share_a_pseudonym_are_one_person() {
        let line = |line: u64, pseudonyms: &[u8]| {
            Sought::new(pseudonyms.iter().map(|byte| [*byte; 16]).collect()).on_line(line)
        };
        let joined = Sought::joined(vec![
            line(2, &[1, 2]),
            line(3, &[3]),
            line(4, &[4, 5]),
            line(5, &[5, 2]),
            line(6, &[6]),
        ]);
        let lines: Vec<&[u64]> = joined.iter().map(Sought::lines).collect();
        assert_eq!(lines, [&[3][..], &[2, 4, 5], &[6]]);
        let found: Vec<u8> = joined[1].pseudonyms().iter().map(|pseudonym| pseudonym[0]).collect();
        assert_eq!(found, [1, 2, 4, 5]);
    }
}
