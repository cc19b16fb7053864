//! The warehouse key: the second layer of pseudonyms, and its rotation.

use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::keyfile::{KeyFile, KeyFileError};

/// The key the warehouse hashes first-layer pseudonyms with. Only the second layer is stored.
///
/// A key that was rotated has several epochs, each with a secret of its own, and hashes through all of them, the oldest
/// first: what is stored under epoch 3 is the hash under 3 of the hash under 2 of the hash under 1. So a rotation needs
/// nothing but what is stored, and a delivery that is sent again finds its rows.
///
/// # Privacy
///
/// A keyed BLAKE3 hash, truncated to 128 bits, with a key of its own for each purpose and epoch: a person's pseudonym
/// tells nothing about a record's, even for the same first-layer value. `Debug` shows ids and epochs alone. What a
/// rotation protects from, and what not: [`crate::Warehouse::rotate`].
#[derive(Clone)]
pub struct WarehouseKey {
    first: Layer,
    later: Vec<Layer>,
}

/// An epoch of the key, by its number and its random id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEpoch {
    /// Counted up at rotation, from 1.
    pub number: u32,
    /// The random id of its secret.
    pub id: String,
}

/// What a pseudonym is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A person.
    Person,
    /// A record of a source.
    Record,
}

impl Purpose {
    fn context(self) -> &'static str {
        match self {
            Self::Person => "skjerm warehouse person pseudonym v1",
            Self::Record => "skjerm warehouse record pseudonym v1",
        }
    }
}

/// One hash of the chain.
#[derive(Clone)]
struct Layer {
    file: KeyFile,
    person: Zeroizing<[u8; 32]>,
    record: Zeroizing<[u8; 32]>,
}

impl Layer {
    fn new(file: KeyFile) -> Self {
        let derive = |purpose: Purpose| Zeroizing::new(blake3::derive_key(purpose.context(), file.secret()));
        let (person, record) = (derive(Purpose::Person), derive(Purpose::Record));
        Self { file, person, record }
    }

    fn hash(&self, purpose: Purpose, below: &[u8; 16]) -> [u8; 16] {
        let key = match purpose {
            Purpose::Person => &self.person,
            Purpose::Record => &self.record,
        };
        let mut pseudonym = [0; 16];
        pseudonym.copy_from_slice(&blake3::keyed_hash(key, below).as_bytes()[..16]);
        pseudonym
    }

    fn epoch(&self) -> KeyEpoch {
        KeyEpoch { number: self.file.epoch, id: self.file.id.clone() }
    }
}

impl std::fmt::Debug for WarehouseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let epochs: Vec<KeyEpoch> = self.epochs().collect();
        f.debug_struct("WarehouseKey").field("epochs", &epochs).finish_non_exhaustive()
    }
}

impl WarehouseKey {
    /// A new key.
    pub fn generate() -> Result<Self, KeyFileError> {
        Ok(Self { first: Layer::new(KeyFile::generate(1)?), later: Vec::new() })
    }

    /// Reads the key; refuses a file others can read.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let (first, later) = KeyFile::load_rotated(path)?;
        Ok(Self { first: Layer::new(first), later: later.into_iter().map(Layer::new).collect() })
    }

    /// Writes the key to a new file.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        self.first.file.save(path)?;
        if self.later.is_empty() { Ok(()) } else { self.replace(path) }
    }

    /// The key's random id, the same in every epoch.
    pub fn id(&self) -> &str {
        &self.first.file.id
    }

    /// The newest epoch there is of it.
    pub fn epoch(&self) -> u32 {
        self.layers().last().map_or(0, |layer| layer.file.epoch)
    }

    /// Every epoch, the oldest first.
    pub fn epochs(&self) -> impl Iterator<Item = KeyEpoch> + '_ {
        self.layers().map(Layer::epoch)
    }

    /// The second-layer pseudonym of a first-layer one, under the newest epoch.
    pub fn pseudonym(&self, purpose: Purpose, layer_one: &[u8; 16]) -> [u8; 16] {
        self.layers().fold(*layer_one, |below, layer| layer.hash(purpose, &below))
    }

    /// The pseudonym that a first-layer one has, or had, under each epoch.
    pub(crate) fn pseudonyms(&self, purpose: Purpose, layer_one: &[u8; 16]) -> Vec<[u8; 16]> {
        let step = |below: &mut [u8; 16], layer: &Layer| {
            *below = layer.hash(purpose, below);
            Some(*below)
        };
        self.layers().scan(*layer_one, step).collect()
    }

    /// What a pseudonym stored under an epoch becomes under the newest.
    pub(crate) fn hash_on(&self, stored_under: u32, purpose: Purpose, stored: &[u8; 16]) -> [u8; 16] {
        let later = self.layers().filter(|layer| layer.file.epoch > stored_under);
        later.fold(*stored, |below, layer| layer.hash(purpose, &below))
    }

    /// The key as it is up to an epoch, or up to its first; nothing when it lacks that epoch.
    pub(crate) fn up_to(&self, epoch: Option<&KeyEpoch>) -> Option<Self> {
        let mut key = Self { first: self.first.clone(), later: Vec::new() };
        let Some(epoch) = epoch else { return Some(key) };
        let at = self.epochs().position(|known| known == *epoch)?;
        key.later.extend(self.later.iter().take(at).cloned());
        Some(key)
    }

    /// The key with one epoch more.
    pub(crate) fn next(mut self) -> Result<Self, KeyFileError> {
        let next = KeyFile::generate(self.epoch() + 1)?;
        self.later.push(Layer::new(next));
        Ok(self)
    }

    /// Puts the key, which has got epochs, in place of its file.
    pub(crate) fn replace(&self, path: &Path) -> Result<(), KeyFileError> {
        let later: Vec<KeyFile> = self.later.iter().map(|layer| layer.file.clone()).collect();
        self.first.file.replace(&later, path)
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.first).chain(&self.later)
    }
}
