//! Where row groups begin, and how one file is made of another's.
//!
//! A row group ends by a rule that looks at its own rows alone: from [`LEAST`] rows on, at the first row whose record is
//! a multiple of it (where there is none, the same of the person with [`LEAST_OF_PERSONS`]), or at [`MOST`] rows; and
//! never within a person. So the same rows make the same groups, whatever was in the file before, and taking rows out
//! of one group leaves nearly all others as they are: their bytes are copied.
//!
//! # Privacy
//!
//! A file somebody was taken out of is, byte for byte, the file of the other rows: no gap, no short group and no
//! other name tells that anybody was there.

use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::writer::SerializedFileWriter;

use super::Pseudonym;

/// The fewest rows of a group, but for a file's last one, and one row in so many ends one: some 4,000 rows on average. Measured with
/// `tests/scale.rs`: groups of some 1,000 make files 5 % larger and a scan of five columns twice as dear (1.18 s of work for
/// 0.56 s), and spare an erasure of 100 persons from ten million rows nothing (1.75 s of work for 1.76 s): nearly every file
/// holds one of them, and is copied, hashed, made durable and searched as a whole.
const LEAST: u16 = 2048;
/// The same where a row is all there is of a person, as in `person_year`, and a person sought touches a group for one
/// row: 12 % more bytes of that table, and a quarter less work for the same erasure.
const LEAST_OF_PERSONS: u16 = 512;
/// From so many rows on a group ends in any case, with the person.
const MOST: usize = 16 * 1024;

/// The name in the logs of this rule and of how columns are encoded: files made otherwise are not what the same rows make, and would be found damaged.
pub(crate) const RULE: &str = "groups 3";

/// The key of a row: person and record, or the record alone and 0.
pub(crate) type Key = (Pseudonym, Pseudonym);

/// Follows the rows of a file and says where groups end.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    rows: usize,
    due: bool,
    last: Option<Pseudonym>,
}

impl Cutter {
    /// Takes the next row; whether a new group begins with it.
    pub(crate) fn begins(&mut self, key: Key) -> bool {
        let cut = self.due && self.last != Some(key.0);
        if cut {
            (self.rows, self.due) = (0, false);
        }
        self.rows += 1;
        self.due |= self.rows >= usize::from(least(key)) && (ends_a_group(key) || self.rows >= MOST);
        self.last = Some(key.0);
        cut
    }

    /// Whether the group ends with the row taken last, if the next one is another person's.
    pub(crate) fn is_due(&self) -> bool {
        self.due
    }
}

/// Whether this row ends a group that has rows enough.
pub(crate) fn ends_a_group(key: Key) -> bool {
    let mark = if key.1 == 0 { key.0 } else { key.1 };
    mark.is_multiple_of(least(key).into())
}

fn least(key: Key) -> u16 {
    if key.1 == 0 { LEAST_OF_PERSONS } else { LEAST }
}

/// Where the groups of these rows begin and end: starts, and the number of rows at the end.
pub(crate) fn bounds(keys: impl Iterator<Item = Key>) -> Vec<usize> {
    let (mut cutter, mut bounds, mut rows) = (Cutter::default(), vec![0], 0);
    for key in keys {
        if cutter.begins(key) {
            bounds.push(rows);
        }
        rows += 1;
    }
    if rows > 0 {
        bounds.push(rows);
    }
    bounds
}

/// A part of a new file.
pub(crate) enum Piece {
    /// A group of the old file, as it is, with its first and last person.
    Old(usize, Pseudonym, Pseudonym),
    /// Rows of whole groups.
    New(RecordBatch),
}

/// Row groups of a file.
pub(crate) struct Source<'a> {
    pub(crate) content: &'a Bytes,
    pub(crate) metadata: &'a ParquetMetaData,
}

/// Copies a row group as bytes.
pub(crate) fn copy(
    group: usize,
    from: &Source<'_>,
    to: &mut SerializedFileWriter<&mut Vec<u8>>,
) -> Result<(), ParquetError> {
    let group = from.metadata.row_group(group);
    let rows = u64::try_from(group.num_rows()).unwrap_or_default();
    let mut out = to.next_row_group()?;
    for column in group.columns() {
        let close = ColumnCloseResult {
            bytes_written: u64::try_from(column.compressed_size()).unwrap_or_default(),
            rows_written: rows,
            metadata: column.clone(),
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        out.append_column(from.content, close)?;
    }
    out.close().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of persons with some records each, as numbers that look random.
    fn keys(persons: u64) -> Vec<Key> {
        let number = |text: String| {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
            Pseudonym::from_be_bytes(bytes)
        };
        let rows = |p: u64| (0..p % 23).map(move |r| (number(format!("{p}")), number(format!("{p} {r}"))));
        let mut keys: Vec<Key> = (0..persons).flat_map(rows).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn groups_are_of_a_size_and_never_split_a_person() {
        let keys = keys(20_000);
        let bounds = bounds(keys.iter().copied());
        assert!(bounds.len() > 20, "{}", bounds.len());
        for group in bounds.windows(2) {
            let rows = group[1] - group[0];
            assert!(rows < MOST + 23 && (rows >= LEAST.into() || group[1] == keys.len()), "{rows}");
            assert!(group[1] == keys.len() || keys[group[1] - 1].0 != keys[group[1]].0);
        }
    }

    #[test]
    fn taking_a_person_out_moves_no_bound_but_those_beside() {
        let keys = keys(20_000);
        let before = bounds(keys.iter().copied());
        let mut moved = 0;
        for at in (0..keys.len()).step_by(keys.len() / 50) {
            let person = keys[at].0;
            let left: Vec<Key> = keys.iter().copied().filter(|key| key.0 != person).collect();
            let after: Vec<Key> =
                bounds(left.iter().copied()).into_iter().filter_map(|b| left.get(b).copied()).collect();
            moved += before.iter().filter_map(|b| keys.get(*b)).filter(|key| !after.contains(key)).count();
        }
        // The group of the person may begin with another row, and one in some dozens ends elsewhere.
        assert!(moved < 30, "{moved} bounds moved by 50 persons");
    }

    #[test]
    fn no_rows_make_no_group() {
        assert_eq!(bounds(std::iter::empty()), [0]);
    }
}
