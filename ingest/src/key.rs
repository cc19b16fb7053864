//! The linking key and the first layer of pseudonyms.

use std::fmt;
use std::path::Path;

use skjerm_warehouse::Installation;
use skjerm_warehouse::keyfile::{self, KeyFile, KeyFileError};
use zeroize::Zeroizing;

use crate::wiped::{self, Wiped};

/// A pseudonym of the first layer: 128 bits.
pub(crate) type Pseudonym = [u8; 16];

/// The key shared by the sources, so that the same young person links across districts and systems.
///
/// # Privacy
///
/// With this key and a list of identity numbers, first-layer pseudonyms can be looked up (there are only a few million
/// numbers): it is kept by the sources' side and seen by no other crate. It is wiped from memory when dropped, and
/// `Debug` shows its id and epoch only. Every use has a key of its own, derived by purpose and by link level, so a
/// person's pseudonym tells nothing about a record's, and a client number that happens to have the digits
/// of an identity number is another person.
#[derive(Clone)]
pub struct LinkingKey {
    file: KeyFile,
    national_id: Zeroizing<[u8; 32]>,
    name_birth: Zeroizing<[u8; 32]>,
    client: Zeroizing<[u8; 32]>,
    record: Zeroizing<[u8; 32]>,
}

/// What is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    NationalId,
    NameBirth,
    Client,
    Record,
}

impl LinkingKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Result<Self, KeyFileError> {
        Ok(Self::from_file(KeyFile::generate(1)?))
    }

    /// Reads the key; refuses a file others than its owner can read.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        Ok(Self::from_file(KeyFile::load(path)?))
    }

    /// Writes the key to a new file (0600); never over another key.
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

    /// The key that seals deliveries made with this one: for the warehouse's side.
    pub fn delivery_key(&self) -> DeliveryKey {
        DeliveryKey { file: self.file.derived("skjerm ingest delivery manifest v1") }
    }

    fn from_file(file: KeyFile) -> Self {
        let derive = |context| Zeroizing::new(blake3::derive_key(context, file.secret()));
        let national_id = derive("skjerm ingest person national identity number v1");
        let name_birth = derive("skjerm ingest person name and birth date v1");
        let client = derive("skjerm ingest person client number of a source v1");
        let record = derive("skjerm ingest record v1");
        Self { file, national_id, name_birth, client, record }
    }

    /// Hashes fields, each with its length before it, so that no two lists of fields are the same bytes.
    pub(crate) fn pseudonym(&self, purpose: Purpose, fields: &[&[u8]]) -> Pseudonym {
        let mut message = Message(wiped::buffer(fields.iter().map(|f| f.len() + 8).sum()));
        for field in fields {
            message.push(field);
        }
        self.of_message(purpose, &message)
    }

    /// Hashes a message. One call over one buffer: wiping an incremental hasher's state for every row costs more
    /// than the hash.
    pub(crate) fn of_message(&self, purpose: Purpose, message: &Message) -> Pseudonym {
        let key = match purpose {
            Purpose::NationalId => &self.national_id,
            Purpose::NameBirth => &self.name_birth,
            Purpose::Client => &self.client,
            Purpose::Record => &self.record,
        };
        let mut pseudonym = [0; 16];
        pseudonym.copy_from_slice(&blake3::keyed_hash(key, &message.0).as_bytes()[..16]);
        pseudonym
    }
}

/// The key that deliveries are sealed with, derived from the linking key for this purpose alone.
///
/// # Privacy
///
/// The warehouse's side needs it to know that a delivery is whole and of a source that it works with. Deriving goes one way:
/// whoever has it can seal deliveries, and can make nobody's pseudonym.
#[derive(Clone)]
pub struct DeliveryKey {
    file: KeyFile,
}

impl DeliveryKey {
    /// The key of an installation: the one that the source gave it, else that of its own linking key.
    pub fn of(installation: &Installation) -> Result<Self, KeyFileError> {
        let given = installation.delivery_key_path();
        let linking = installation.linking_key_path();
        if keyfile::exists(&given) || !keyfile::exists(&linking) {
            return Ok(Self { file: KeyFile::load(&given)? });
        }
        Ok(LinkingKey::load(&linking)?.delivery_key())
    }

    /// Writes the key to a new file (0600).
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        self.file.save(path)
    }

    /// The id of the linking key.
    pub fn id(&self) -> &str {
        &self.file.id
    }

    /// The epoch of the linking key.
    pub fn epoch(&self) -> u32 {
        self.file.epoch
    }

    /// The seal of a manifest.
    pub(crate) fn mac(&self, manifest: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(self.file.secret(), manifest)
    }
}

impl fmt::Debug for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryKey").field("id", &self.file.id).finish_non_exhaustive()
    }
}

/// What is hashed: fields, each with its length before it. The buffer is used again, and wiped in the end.
#[derive(Default)]
pub(crate) struct Message(Wiped);

impl Message {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn push(&mut self, field: &[u8]) {
        wiped::make_room(&mut self.0, field.len() + 8);
        self.0.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.extend_from_slice(field);
    }
}

impl fmt::Debug for LinkingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkingKey")
            .field("id", &self.file.id)
            .field("epoch", &self.file.epoch)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_fields_and_keys_are_kept_apart() {
        let key = LinkingKey::generate().unwrap();
        let purposes = [Purpose::NationalId, Purpose::NameBirth, Purpose::Client, Purpose::Record];
        let mut seen = std::collections::BTreeSet::new();
        for purpose in purposes {
            assert!(seen.insert(key.pseudonym(purpose, &[b"ab", b"c"])));
            assert!(seen.insert(key.pseudonym(purpose, &[b"a", b"bc"])));
            assert!(seen.insert(key.pseudonym(purpose, &[b"abc"])));
        }
        let other = LinkingKey::generate().unwrap();
        assert!(seen.insert(other.pseudonym(Purpose::Client, &[b"abc"])));
        assert_eq!(
            key.pseudonym(Purpose::Client, &[b"abc"]),
            key.clone().pseudonym(Purpose::Client, &[b"abc"])
        );
    }

    #[test]
    fn a_saved_key_makes_the_same_pseudonyms_and_debug_shows_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys").join("linking.key");
        let key = LinkingKey::generate().unwrap();
        key.save(&path).unwrap();
        let read = LinkingKey::load(&path).unwrap();
        assert_eq!(key.pseudonym(Purpose::Record, &[b"x"]), read.pseudonym(Purpose::Record, &[b"x"]));
        let text = std::fs::read_to_string(&path).unwrap();
        let secret =
            text.lines().find_map(|l| l.strip_prefix("secret = ")).unwrap().trim_matches('"').to_owned();
        let shown = format!("{key:?}");
        assert!(shown.contains(key.id()) && !shown.contains(&secret[..8]), "{shown}");
    }
}
