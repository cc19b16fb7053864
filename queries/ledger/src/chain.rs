//! The hash chain: every entry is sealed with a keyed BLAKE3 hash over itself and its predecessor's hash.
//!
//! Whoever lacks the key can neither change, remove, reorder nor add an entry unnoticed. What a chain
//! cannot show by itself is that its end was cut off: for that a [`Head`] is kept elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::LedgerError;

/// A BLAKE3 hash.
pub(crate) type Hash = [u8; 32];

/// What the first entry has as its predecessor's hash.
pub(crate) const NO_PREDECESSOR: Hash = [0; 32];

/// The key that seals entries. Wiped from memory when dropped, never shown.
#[derive(Clone)]
pub struct LedgerKey {
    chain: Zeroizing<Hash>,
    witness: Zeroizing<Hash>,
}

impl fmt::Debug for LedgerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LedgerKey")
    }
}

impl LedgerKey {
    /// Derives the keys of the chain and of the witness from one secret.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let derive = |context| Zeroizing::new(blake3::derive_key(context, secret));
        Self {
            chain: derive("skjerm ledger 2026 chain v1"),
            witness: derive("skjerm ledger 2026 witness v1"),
        }
    }

    /// Authenticates the line of the witness file.
    pub(crate) fn witness_mac(&self, line: &[u8]) -> Hash {
        *blake3::keyed_hash(&self.witness, line).as_bytes()
    }

    /// The hash that seals an entry.
    pub(crate) fn seal(&self, entry: &Unsealed<'_>, previous: &Hash) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.chain);
        hasher.update(&entry.seq.to_le_bytes());
        for part in [entry.at, entry.kind, entry.who, entry.body] {
            // Lengths keep the border between two parts from being moved.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(previous);
        *hasher.finalize().as_bytes()
    }
}

/// What an entry says, before it is sealed.
pub(crate) struct Unsealed<'a> {
    pub(crate) seq: u64,
    pub(crate) at: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) who: &'a str,
    pub(crate) body: &'a str,
}

/// An entry as it stands in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) seq: u64,
    pub(crate) at: String,
    pub(crate) kind: String,
    pub(crate) who: String,
    pub(crate) body: String,
    pub(crate) previous: Hash,
    pub(crate) hash: Hash,
}

impl Sealed {
    pub(crate) fn unsealed(&self) -> Unsealed<'_> {
        Unsealed { seq: self.seq, at: &self.at, kind: &self.kind, who: &self.who, body: &self.body }
    }

    pub(crate) fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// Why this entry cannot stand behind `previous`, if it cannot.
    pub(crate) fn fault(&self, key: &LedgerKey, previous: Option<&Head>) -> Option<&'static str> {
        let (seq, hash) = previous.map_or((0, NO_PREDECESSOR), |head| (head.seq, head.hash));
        if self.seq != seq + 1 {
            Some("the entry before it is missing")
        } else if self.previous != hash {
            Some("it does not carry the hash of the entry before it")
        } else if key.seal(&self.unsealed(), &self.previous) != self.hash {
            Some("its content does not fit its hash")
        } else {
            None
        }
    }
}

/// The end of the chain at some moment: number and hash of the last entry, written `812:9f0c…`.
///
/// Kept elsewhere, it shows later that nothing up to there was changed, cut off or rolled back. It tells
/// nothing about the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// Number of the entry.
    pub seq: u64,
    /// Its hash.
    pub(crate) hash: Hash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}

impl FromStr for Head {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text
            .trim()
            .split_once(':')
            .and_then(|(seq, hash)| Some(Self { seq: seq.parse().ok()?, hash: unhex(hash)? }))
            // Entries are counted from 1.
            .filter(|head| head.seq > 0);
        parsed.ok_or_else(|| {
            LedgerError::Invalid(
                "a kept head is written NUMBER:HASH with 64 hexadecimal digits, as `budget verify` prints it"
                    .into(),
            )
        })
    }
}

impl Serialize for Head {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Hash of an answer's text, as its entry carries it.
pub(crate) fn answer_hash(body: &str) -> Hash {
    blake3::derive_key("skjerm ledger 2026 answer body", body.as_bytes())
}

/// Name of an answer: derived from the key, so that the same question about the same snapshot keeps it.
pub(crate) fn answer_name(key: &str) -> String {
    let digest = blake3::derive_key("skjerm ledger 2026 answer id", key.as_bytes());
    format!("a{}", hex(&digest[..8]))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    let mut hash = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(value(pair[0])? * 16 + value(pair[1])?).ok()?;
    }
    Some(hash)
}
