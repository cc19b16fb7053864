//! How tables lie on disk, or in a bucket ([`home`]).
//!
//! A table is a folder with a Delta log and, for each year and shard that has rows, one Parquet file:
//! `TABLE/year=2023/part-SHARD-HASH.parquet`. The hash is of the file's content, so the same rows always make
//! the same file, and a file is never changed once it is there.
//!
//! [`groups`] cuts a file into row groups by its rows alone, so that a change to one leaves the others.
//!
//! [`SHARDS`] splits rows by the top bits of the person's pseudonym (of the record's, where a table has no
//! person); within a file, rows are sorted by person and record. A query can therefore gather a person's rows
//! without a shuffle. [`parquet::encode`] checks both on the bytes about to be stored.
//!
//! # Privacy
//!
//! No file and no log holds minima, maxima, or counts of nulls. Row counts are in the Parquet footers, which
//! only the engine opens.

pub(crate) mod bucket;
pub(crate) mod delta;
pub(crate) mod files;
pub(crate) mod groups;
pub(crate) mod home;
pub(crate) mod lease;
pub(crate) mod origin;
pub(crate) mod parquet;
pub(crate) mod pointer;
pub(crate) mod values;
pub(crate) mod workers;

use std::collections::BTreeMap;

/// In how many parts a table's rows of a year are split by pseudonym: the two top bits.
pub const SHARDS: u8 = 4;

/// A year and a shard: what one file holds.
pub(crate) type Cell = (i32, u8);

/// The files of a table, one a cell.
pub(crate) type TableFiles = BTreeMap<Cell, StoredFile>;

/// A data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredFile {
    /// Path from the table's folder.
    pub(crate) path: String,
    /// Its size.
    pub(crate) bytes: u64,
}

/// A pseudonym as a number; the order is that of its bytes.
pub(crate) type Pseudonym = u128;

/// The shard of a pseudonym.
pub(crate) fn shard(pseudonym: Pseudonym) -> u8 {
    (pseudonym >> 126) as u8 % SHARDS
}

/// The least pseudonym of a shard.
pub fn least_of_shard(shard: u8) -> [u8; 16] {
    (Pseudonym::from(shard % SHARDS) << 126).to_be_bytes()
}

/// The shard a file's name says.
pub(crate) fn shard_of_path(path: &str) -> Option<u8> {
    let name = path.rsplit('/').next()?;
    let shard = name.strip_prefix("part-")?.split('-').next()?.parse().ok()?;
    (shard < SHARDS).then_some(shard)
}

/// Path of a file with this content.
pub(crate) fn path_of(cell: Cell, content: &[u8]) -> String {
    let hash = blake3::hash(content).to_hex();
    format!("year={}/part-{}-{}.parquet", cell.0, cell.1, &hash[..32])
}

/// Whether a file of this name in a folder of a year is one the warehouse may have written.
pub(crate) fn is_our_name(name: &str) -> bool {
    let hash = name.strip_suffix(".parquet").and_then(|name| name.get("part-0-".len()..));
    shard_of_path(name).is_some()
        && hash.is_some_and(|h| h.len() == 32 && h.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_the_top_two_bits() {
        assert_eq!(shard(0), 0);
        assert_eq!(shard(u128::MAX), 3);
        assert_eq!(shard(0b10 << 126), 2);
        for at in 0..SHARDS {
            let least = Pseudonym::from_be_bytes(least_of_shard(at));
            assert_eq!(shard(least), at);
            assert!(least == 0 || shard(least - 1) + 1 == at);
        }
        let path = path_of((2023, 2), b"content");
        assert!(path.starts_with("year=2023/part-2-") && path.ends_with(".parquet"));
        assert_eq!(shard_of_path(&path), Some(2));
        assert_eq!(shard_of_path("year=2023/part-9-00.parquet"), None);
    }
}
