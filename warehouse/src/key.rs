//! The warehouse key: the second layer of pseudonyms.

use std::path::Path;

use zeroize::Zeroizing;

use crate::keyfile::{KeyFile, KeyFileError};

/// The key the warehouse hashes first-layer pseudonyms with. Only the second layer is stored.
///
/// # Privacy
///
/// A keyed BLAKE3 hash, truncated to 128 bits, with a key of its own for each purpose: a person's pseudonym
/// tells nothing about a record's, even for the same first-layer value. `Debug` shows id and epoch alone.
#[derive(Clone)]
pub struct WarehouseKey {
    file: KeyFile,
    person: Zeroizing<[u8; 32]>,
    record: Zeroizing<[u8; 32]>,
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

impl std::fmt::Debug for WarehouseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("WarehouseKey");
        shown.field("id", &self.file.id).field("epoch", &self.file.epoch).finish_non_exhaustive()
    }
}

impl WarehouseKey {
    /// A new key.
    pub fn generate() -> Result<Self, KeyFileError> {
        Ok(Self::from_file(KeyFile::generate(1)?))
    }

    /// Reads the key; refuses a file others can read.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        Ok(Self::from_file(KeyFile::load(path)?))
    }

    /// Writes the key to a new file.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        self.file.save(path)
    }

    /// The key's random id.
    pub fn id(&self) -> &str {
        &self.file.id
    }

    /// The key's epoch.
    pub fn epoch(&self) -> u32 {
        self.file.epoch
    }

    /// The second-layer pseudonym of a first-layer one.
    pub fn pseudonym(&self, purpose: Purpose, layer_one: &[u8; 16]) -> [u8; 16] {
        let key = match purpose {
            Purpose::Person => &self.person,
            Purpose::Record => &self.record,
        };
        let mut pseudonym = [0; 16];
        pseudonym.copy_from_slice(&blake3::keyed_hash(key, layer_one).as_bytes()[..16]);
        pseudonym
    }

    fn from_file(file: KeyFile) -> Self {
        let derive = |purpose: Purpose| Zeroizing::new(blake3::derive_key(purpose.context(), file.secret()));
        let (person, record) = (derive(Purpose::Person), derive(Purpose::Record));
        Self { file, person, record }
    }
}
