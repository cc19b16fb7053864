//! How tables lie on disk, or in a bucket ([`home`]).
//!
//! A table is a folder with a Delta log and Parquet files, each of one year and one [`Span`] of persons:
//! `TABLE/year=2023/part-BITS-HASH.parquet`. The hash is of the file's content, so the same rows always make
//! the same file, and a file is never changed once it is there.
//!
//! Rows are split by the top bits of the person's pseudonym (of the record's, where a table has no person): into
//! [`SHARDS`], which are the same in every table and are worked on side by side, and a shard into files of a few thousand
//! rows each ([`split`]), so that taking somebody out makes little anew. Within a file, rows are sorted by person and
//! record, and the files of a shard are in the order of their persons. A query can therefore gather a person's rows
//! without a shuffle. [`parquet::encode`] checks both on the bytes about to be stored.
//!
//! # Privacy
//!
//! No file and no log holds minima, maxima, or counts of nulls. Row counts are in the Parquet footers, which
//! only the engine opens.

pub(crate) mod bucket;
pub(crate) mod delta;
pub(crate) mod edit;
pub(crate) mod files;
pub(crate) mod home;
mod hybrid;
pub(crate) mod lease;
pub(crate) mod origin;
pub(crate) mod parquet;
pub(crate) mod pointer;
pub(crate) mod split;
pub(crate) mod values;
pub(crate) mod workers;

use std::collections::{BTreeMap, BTreeSet};

pub use split::Span;

/// In how many parts a table's rows of a year are split by pseudonym: the two top bits.
pub const SHARDS: u8 = 4;

/// A year and a shard: what is worked on at a time.
pub(crate) type Cell = (i32, u8);

/// A year and a span of persons: what one file holds.
pub(crate) type Place = (i32, Span);

/// The files of a table.
pub(crate) type TableFiles = BTreeMap<Place, StoredFile>;

/// The files of a cell, in the order of their persons.
pub(crate) fn of_cell(files: &TableFiles, cell: Cell) -> impl Iterator<Item = (Span, &StoredFile)> {
    let first = (cell.0, Span::of_shard(cell.1));
    let here = files.range(first..).take_while(move |((year, span), _)| (*year, span.shard()) == cell);
    here.map(|((_, span), file)| (*span, file))
}

/// The cells that have files.
pub(crate) fn cells(files: &TableFiles) -> BTreeSet<Cell> {
    files.keys().map(|(year, span)| (*year, span.shard())).collect()
}

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

/// The span and the hash that a file's name says.
fn named(path: &str) -> Option<(Span, &str)> {
    let name = path.rsplit('/').next()?.strip_prefix("part-")?.strip_suffix(".parquet")?;
    let (span, hash) = name.split_once('-')?;
    Some((span.parse().ok()?, hash))
}

/// The span a file's name says.
pub(crate) fn span_of_path(path: &str) -> Option<Span> {
    named(path).map(|(span, _)| span)
}

/// Path of a file with this content.
pub(crate) fn path_of((year, span): Place, content: &[u8]) -> String {
    let hash = blake3::hash(content).to_hex();
    format!("year={year}/part-{span}-{}.parquet", &hash[..32])
}

/// Whether a file of this name in a folder of a year is one the warehouse may have written.
pub(crate) fn is_our_name(name: &str) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    named(name).is_some_and(|(_, hash)| hash.len() == 32 && hash.bytes().all(is_digit))
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
            let least = Span::of_shard(at).first();
            assert_eq!(shard(least), at);
            assert!(least == 0 || shard(least - 1) + 1 == at);
        }
    }

    #[test]
    fn a_name_says_the_span() {
        let span: Span = "0110".parse().expect("a span");
        let path = path_of((2023, span), b"content");
        assert!(path.starts_with("year=2023/part-0110-") && path.ends_with(".parquet"));
        assert_eq!(span_of_path(&path), Some(span));
        assert!(is_our_name(path.strip_prefix("year=2023/").expect("the year")));
        for other in ["part-9-00.parquet", "part-2-", "part-.parquet", "part-01-0.parquet", "0110"] {
            assert!(!is_our_name(other), "{other}");
        }
    }

    #[test]
    fn the_files_of_a_cell_are_those_of_its_spans() {
        let place = |year, span: &str| (year, span.parse().expect("a span"));
        let file = |path: &str| StoredFile { path: path.to_owned(), bytes: 1 };
        let all = [(2022, "00"), (2023, "00"), (2023, "010"), (2023, "0110"), (2023, "0111"), (2024, "01")];
        let files: TableFiles = all.iter().map(|(year, span)| (place(*year, span), file(span))).collect();
        let of = |cell| of_cell(&files, cell).map(|(_, file)| file.path.as_str()).collect::<Vec<_>>();
        assert_eq!(of((2023, 1)), ["010", "0110", "0111"]);
        assert_eq!(of((2023, 0)), ["00"]);
        assert!(of((2023, 3)).is_empty() && of((2021, 0)).is_empty());
        let cells: Vec<Cell> = cells(&files).into_iter().collect();
        assert_eq!(cells, [(2022, 0), (2023, 0), (2023, 1), (2024, 1)]);
    }
}
