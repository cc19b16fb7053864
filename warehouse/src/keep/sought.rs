//! Who is to be taken out, as pseudonyms.

use std::collections::HashMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::storage::Pseudonym;
use crate::{Purpose, WarehouseKey};

/// Somebody to be taken out: every first-layer pseudonym that rows of theirs may have been delivered under.
///
/// # Privacy
/// Made by the ingest room from identifiers; wiped when dropped. `Debug` shows nothing of them.
#[derive(Clone)]
pub struct Sought(Zeroizing<Vec<[u8; 16]>>);

impl Sought {
    /// Somebody with these pseudonyms.
    pub fn new(pseudonyms: Vec<[u8; 16]>) -> Self {
        Self(Zeroizing::new(pseudonyms))
    }

    /// The pseudonyms.
    pub fn pseudonyms(&self) -> &[[u8; 16]] {
        &self.0
    }
}

impl fmt::Debug for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sought").finish_non_exhaustive()
    }
}

/// The pseudonyms of everybody sought, of both layers.
pub(super) struct Marks {
    /// Stored pseudonym → place of the person among those sought.
    stored: HashMap<Pseudonym, usize>,
    /// Every pseudonym of either layer.
    all: Zeroizing<Vec<[u8; 16]>>,
}

impl Marks {
    pub(super) fn new(keys: &[WarehouseKey], sought: &[Sought]) -> Self {
        let mut marks = Self { stored: HashMap::new(), all: Zeroizing::default() };
        for (person, sought) in sought.iter().enumerate() {
            for layer_one in sought.pseudonyms() {
                marks.all.push(*layer_one);
                for key in keys {
                    let pseudonym = key.pseudonym(Purpose::Person, layer_one);
                    marks.stored.insert(Pseudonym::from_be_bytes(pseudonym), person);
                    marks.all.push(pseudonym);
                }
            }
        }
        marks
    }

    /// Which of those sought a stored pseudonym is of.
    pub(super) fn person(&self, stored: Pseudonym) -> Option<usize> {
        self.stored.get(&stored).copied()
    }

    pub(super) fn all(&self) -> &[[u8; 16]] {
        &self.all
    }
}
