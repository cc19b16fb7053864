//! The values of a column, out of the pages of a Parquet file.
//!
//! The files store a code once a row group, in a dictionary, and a number a row that says which. So what a question makes of
//! a value is made once for each entry of a dictionary, and a row costs the look at a small table. The encodings are those
//! that the warehouse writes: plain values, and dictionaries (RLE and bit-packing hybrid of the Parquet format, *Encodings*).

use std::sync::Arc;

use bytes::{Buf, Bytes, buf::Reader};
use datafusion::parquet::basic::{Encoding, Type};
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;

use super::error::RunError;

/// A part of a file, addressed as the file is.
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) bytes: Bytes,
}

impl Part {
    fn from(&self, start: u64) -> ParquetResult<Bytes> {
        let at = start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let at = at.filter(|at| *at <= self.bytes.len());
        at.map(|at| self.bytes.slice(at..))
            .ok_or_else(|| ParquetError::EOF("outside of what was read".into()))
    }
}

impl Length for Part {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Part {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF("outside of what was read".into()));
        }
        Ok(bytes.slice(..length))
    }
}

/// Reads column chunks; holds room for the numbers of a page.
#[derive(Default)]
pub(super) struct Pages {
    levels: Vec<u32>,
    numbers: Vec<u32>,
}

impl Pages {
    /// Adds what `make` makes of each row's value, given as its plain bytes, and `missing` where there is none.
    pub(super) fn read<T: Copy>(
        &mut self,
        part: &Arc<Part>,
        chunk: &ColumnChunkMetaData,
        make: impl Fn(&[u8]) -> T,
        missing: T,
        into: &mut Vec<T>,
    ) -> Result<(), RunError> {
        let about = chunk.column_descr();
        let (level, repeated) = (about.max_def_level(), about.max_rep_level());
        if level > 1 || repeated > 0 {
            return Err(RunError::Layout);
        }
        let width = match chunk.column_type() {
            Type::INT32 => Some(4),
            Type::INT64 => Some(8),
            Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(about.type_length()).ok(),
            Type::BYTE_ARRAY => None,
            Type::BOOLEAN | Type::INT96 | Type::FLOAT | Type::DOUBLE => return Err(RunError::Layout),
        };
        let rows = usize::try_from(chunk.num_values()).map_err(|_| RunError::Layout)?;
        let end = into.len() + rows;
        let mut pages = SerializedPageReader::new(Arc::clone(part), chunk, rows, None)?;
        let mut entries: Option<Vec<T>> = None;
        while let Some(page) = pages.get_next_page()? {
            let (encoding, number, levels, values) = match &page {
                Page::DictionaryPage { buf, num_values, .. } => {
                    let number = *num_values as usize;
                    let mut all = Vec::with_capacity(number.min(buf.len()));
                    plain(buf, width, number, |value| all.push(make(value))).ok_or(RunError::Layout)?;
                    entries = Some(all);
                    continue;
                }
                Page::DataPage { buf, num_values, encoding, .. } => {
                    let (levels, values) = if level == 0 {
                        (&[][..], &buf[..])
                    } else {
                        let (length, rest) = buf.split_first_chunk::<4>().ok_or(RunError::Layout)?;
                        rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(RunError::Layout)?
                    };
                    (*encoding, *num_values as usize, levels, values)
                }
                Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, .. } => {
                    let parts = buf.split_at_checked(*def_levels_byte_len as usize);
                    let (levels, values) = parts.ok_or(RunError::Layout)?;
                    (*encoding, *num_values as usize, levels, values)
                }
            };
            self.levels.clear();
            if level > 0 {
                unpack(levels, 1, number, &mut self.levels).ok_or(RunError::Layout)?;
            }
            let there =
                if level > 0 { self.levels.iter().filter(|level| **level == 1).count() } else { number };
            let start = into.len();
            match (encoding, &entries) {
                (Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY, Some(entries)) => {
                    let (width, numbers) = values.split_first().ok_or(RunError::Layout)?;
                    self.numbers.clear();
                    unpack(numbers, (*width).into(), there, &mut self.numbers).ok_or(RunError::Layout)?;
                    if self.numbers.iter().max().is_some_and(|most| *most as usize >= entries.len()) {
                        return Err(RunError::Layout);
                    }
                    into.extend(self.numbers.iter().map(|number| entries[*number as usize]));
                }
                (Encoding::PLAIN, _) => {
                    plain(values, width, there, |value| into.push(make(value))).ok_or(RunError::Layout)?;
                }
                _ => return Err(RunError::Layout),
            }
            if there < number {
                spread(into, start, &self.levels, missing);
            }
        }
        if into.len() == end { Ok(()) } else { Err(RunError::Layout) }
    }
}

/// Moves values apart, so that each is where its level is 1.
fn spread<T: Copy>(values: &mut Vec<T>, start: usize, levels: &[u32], missing: T) {
    let mut from = values.len();
    values.resize(start + levels.len(), missing);
    for (at, level) in levels.iter().enumerate().rev() {
        if *level == 1 {
            from -= 1;
            values[start + at] = values[from];
        } else {
            values[start + at] = missing;
        }
    }
}

/// Goes through so many plain values: each of `width` bytes, or with its length before it.
fn plain(mut bytes: &[u8], width: Option<usize>, number: usize, mut each: impl FnMut(&[u8])) -> Option<()> {
    for _ in 0..number {
        let length = if let Some(width) = width {
            width
        } else {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            bytes = rest;
            u32::from_le_bytes(*length) as usize
        };
        let (value, rest) = bytes.split_at_checked(length)?;
        each(value);
        bytes = rest;
    }
    Some(())
}

/// Adds so many numbers of `width` bits: runs of one number, and groups of eight, packed.
fn unpack(mut bytes: &[u8], width: u32, number: usize, into: &mut Vec<u32>) -> Option<()> {
    if width > 32 {
        return None;
    }
    let mut left = number;
    while left > 0 {
        let header = varint(&mut bytes)?;
        let of_header = usize::try_from(header >> 1).ok()?;
        if header & 1 == 0 {
            let (value, rest) = bytes.split_at_checked(width.div_ceil(8) as usize)?;
            let run = of_header.min(left);
            into.extend(std::iter::repeat_n(u32::try_from(word(value)).ok()?, run));
            (bytes, left) = (rest, left - run);
        } else {
            let (packed, rest) = bytes.split_at_checked(of_header.checked_mul(width as usize)?)?;
            let run = of_header.saturating_mul(8).min(left);
            groups(packed, width, run, into);
            (bytes, left) = (rest, left - run);
        }
    }
    Some(())
}

/// Adds so many numbers out of groups of eight.
fn groups(packed: &[u8], width: u32, number: usize, into: &mut Vec<u32>) {
    let mask = (1_u64 << width) - 1;
    #[allow(clippy::cast_possible_truncation)] // at most 32 bits are left
    let low = |word: u64| (word & mask) as u32;
    let step = width as usize;
    for first in (0..number).step_by(8) {
        let group = &packed[first / 8 * step..];
        let eight: [u32; 8] = if width <= 8 {
            let word = word(group);
            std::array::from_fn(|at| low(word >> (at * step)))
        } else {
            std::array::from_fn(|at| low(word(&group[at * step / 8..]) >> (at * step % 8)))
        };
        into.extend_from_slice(&eight[..(number - first).min(8)]);
    }
}

/// The first eight bytes as a number, the least first; zeros where there are fewer.
fn word(bytes: &[u8]) -> u64 {
    if let Some(eight) = bytes.first_chunk() {
        return u64::from_le_bytes(*eight);
    }
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray};
    use datafusion::parquet::file::metadata::ParquetMetaDataReader;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use proptest::prelude::*;

    use super::*;

    /// The plain bytes of each value of a column, or none, as [`Pages`] reads them.
    fn written_and_read(column: ArrayRef, properties: WriterProperties) -> Vec<Option<Vec<u8>>> {
        let rows = RecordBatch::try_from_iter([("column", column)]).expect("a batch");
        let mut content = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut content, rows.schema(), Some(properties)).expect("a writer");
        writer.write(&rows).expect("written");
        writer.close().expect("closed");
        let content = Bytes::from(content);
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&content).expect("a footer");
        let (mut pages, mut read) = (Pages::default(), Vec::new());
        let seen = std::cell::RefCell::new(Vec::new());
        let make = |value: &[u8]| {
            seen.borrow_mut().push(value.to_vec());
            seen.borrow().len()
        };
        for group in metadata.row_groups() {
            let (start, length) = group.column(0).byte_range();
            let range =
                usize::try_from(start).expect("small")..usize::try_from(start + length).expect("small");
            let part = Arc::new(Part { start, bytes: content.slice(range) });
            pages.read(&part, group.column(0), make, 0, &mut read).expect("read");
        }
        let seen = seen.into_inner();
        read.into_iter().map(|at: usize| Some(seen[at.checked_sub(1)?].clone())).collect()
    }

    /// Runs of equal values, long and short, of few values and of many.
    fn runs() -> impl Strategy<Value = Vec<Option<u32>>> {
        let value =
            prop_oneof![Just(None), (0..3_u32).prop_map(Some), any::<u16>().prop_map(|v| Some(v.into()))];
        let run = (value, prop_oneof![1..4_usize, 7..40_usize]);
        prop::collection::vec(run, 1..120)
            .prop_map(|runs| runs.into_iter().flat_map(|(value, times)| vec![value; times]).collect())
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            values in runs(),
            dictionary in any::<bool>(),
            version in prop_oneof![Just(WriterVersion::PARQUET_1_0), Just(WriterVersion::PARQUET_2_0)],
            [rows, page] in prop::array::uniform2(20..400_usize),
        ) {
            let properties = || WriterProperties::builder()
                .set_writer_version(version)
                .set_dictionary_enabled(dictionary)
                .set_encoding(Encoding::PLAIN)
                .set_write_batch_size(16)
                .set_data_page_row_count_limit(page)
                .set_max_row_group_row_count(Some(rows))
                .build();
            let numbers = values.iter().map(|v| v.map(i64::from)).collect::<Int64Array>();
            let plain = |v: &Option<u32>| v.map(|v| i64::from(v).to_le_bytes().to_vec());
            prop_assert_eq!(
                written_and_read(Arc::new(numbers), properties()),
                values.iter().map(plain).collect::<Vec<_>>()
            );
            let texts = values.iter().map(|v| v.map(|v| v.to_string())).collect::<StringArray>();
            let text = |v: &Option<u32>| v.map(|v| v.to_string().into_bytes());
            prop_assert_eq!(
                written_and_read(Arc::new(texts), properties()),
                values.iter().map(text).collect::<Vec<_>>()
            );
            let id = |v: &u32| u128::from(*v).to_be_bytes();
            let there: Vec<u32> = values.iter().flatten().copied().collect();
            if !there.is_empty() {
                let ids = FixedSizeBinaryArray::try_from_iter(there.iter().map(id)).expect("16 bytes each");
                prop_assert_eq!(ids.null_count(), 0);
                prop_assert_eq!(
                    written_and_read(Arc::new(ids), properties()),
                    there.iter().map(|v| Some(id(v).to_vec())).collect::<Vec<_>>()
                );
            }
        }

        /// A disk may have done anything to the bytes: no panic, and no more than what there is.
        #[test]
        fn any_bytes_are_numbers_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60), width in 0..40_u32) {
            let mut numbers = Vec::new();
            let whole = unpack(&bytes, width, 1000, &mut numbers);
            prop_assert!(numbers.len() <= 1000 && (whole.is_none() || numbers.len() == 1000));
        }
    }
}
