//! The values of a column, out of the pages of a Parquet file.
//!
//! The files store a code once a row group, in a dictionary, and a number a row that says which. So what a question makes of
//! a value is made once for each entry of a dictionary, and a row costs the look at a small table. The encodings are those
//! that the warehouse writes: plain values, and dictionaries (RLE and bit-packing hybrid of the Parquet format, *Encodings*).

use super::error::RunError;
use super::layout::{Kind, Layout, View, bytes_of};
use super::runs::Runs;

/// Reads columns; holds room for what is in a page.
#[derive(Default)]
pub(super) struct Pages {
    levels: Vec<u32>,
    numbers: Vec<u32>,
    /// What was made of the dictionary.
    places: Vec<u32>,
    persons: Vec<[u8; 16]>,
}

impl Pages {
    /// Adds what `make` makes of each row's value, given as its plain bytes, and `missing` where there is none.
    pub(super) fn places(
        &mut self,
        layout: &Layout,
        parts: &[View<'_>],
        make: impl Fn(&[u8]) -> u32,
        missing: u32,
        into: &mut Vec<u32>,
    ) -> Result<(), RunError> {
        let Self { levels, places, .. } = self;
        let end = into.len() + layout.rows;
        for page in &layout.pages {
            let bytes = bytes_of(parts, page).ok_or(RunError::Layout)?;
            let values = bytes.get(page.values..).ok_or(RunError::Layout)?;
            if page.kind == Kind::Dictionary {
                places.clear();
                plain(values, layout.width, page.number, |value| places.push(make(value)))
                    .ok_or(RunError::Layout)?;
                continue;
            }
            levels.clear();
            let mut there = page.number;
            if let Some(which) = &page.levels {
                let which = bytes.get(which.clone()).ok_or(RunError::Layout)?;
                unpack(which, 1, page.number, levels, |level| level).ok_or(RunError::Layout)?;
                there = levels.iter().filter(|level| **level == 1).count();
            }
            let start = into.len();
            if page.kind == Kind::Plain {
                plain(values, layout.width, there, |value| into.push(make(value))).ok_or(RunError::Layout)?;
            } else {
                let (width, packed) = values.split_first().ok_or(RunError::Layout)?;
                let mut most = 0;
                let place = |number: u32| {
                    most = most.max(number);
                    places.get(number as usize).copied().unwrap_or(missing)
                };
                unpack(packed, (*width).into(), there, into, place).ok_or(RunError::Layout)?;
                if there > 0 && most as usize >= places.len() {
                    return Err(RunError::Layout);
                }
            }
            if there < page.number {
                spread(into, start, levels, missing);
            }
        }
        if into.len() == end { Ok(()) } else { Err(RunError::Layout) }
    }

    /// Adds the runs of a column of persons, of whom none may be missing.
    pub(super) fn persons(
        &mut self,
        layout: &Layout,
        parts: &[View<'_>],
        into: &mut Runs<[u8; 16]>,
    ) -> Result<(), RunError> {
        let Self { numbers, persons, .. } = self;
        let pseudonym = |value: &[u8]| value.try_into().unwrap_or_default();
        for page in &layout.pages {
            // Nobody is 16 zeros by being missing, or by being of another length.
            if page.levels.is_some() || layout.width != Some(16) {
                return Err(RunError::Layout);
            }
            let bytes = bytes_of(parts, page).ok_or(RunError::Layout)?;
            let values = bytes.get(page.values..).ok_or(RunError::Layout)?;
            let read = match page.kind {
                Kind::Dictionary => {
                    persons.clear();
                    plain(values, layout.width, page.number, |value| persons.push(pseudonym(value)))
                }
                Kind::Plain => {
                    plain(values, layout.width, page.number, |value| into.push(pseudonym(value), 1))
                }
                Kind::Places => {
                    let (width, packed) = values.split_first().ok_or(RunError::Layout)?;
                    numbers.clear();
                    unpack(packed, (*width).into(), page.number, numbers, |number| number).and_then(|()| {
                        for same in numbers.chunk_by(|a, b| a == b) {
                            into.push(*persons.get(same[0] as usize)?, same.len());
                        }
                        Some(())
                    })
                }
            };
            read.ok_or(RunError::Layout)?;
        }
        Ok(())
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

/// Adds what `make` makes of so many numbers of `width` bits: runs of one number, and groups of eight, packed.
fn unpack(
    mut bytes: &[u8],
    width: u32,
    number: usize,
    into: &mut Vec<u32>,
    mut make: impl FnMut(u32) -> u32,
) -> Option<()> {
    if width > 32 {
        return None;
    }
    let mut left = number;
    while left > 0 {
        let header = varint(&mut bytes)?;
        let of_header = usize::try_from(header >> 1).ok()?;
        let before = into.len();
        let run;
        if header & 1 == 0 {
            let (value, rest) = bytes.split_at_checked(width.div_ceil(8) as usize)?;
            run = of_header.min(left);
            let value = u32::try_from(word(value)).ok()?;
            if run > 0 {
                into.resize(before + run, make(value));
            }
            bytes = rest;
        } else {
            let (packed, rest) = bytes.split_at_checked(of_header.checked_mul(width as usize)?)?;
            run = of_header.saturating_mul(8).min(left);
            into.resize(before + run, 0);
            groups(packed, width, &mut into[before..], &mut make);
            bytes = rest;
        }
        left -= run;
    }
    Some(())
}

/// What is made of the numbers of groups of eight.
fn groups(packed: &[u8], width: u32, into: &mut [u32], make: &mut impl FnMut(u32) -> u32) {
    // Widths that are known when this is compiled are shifted by constants.
    match width {
        0 => into.fill_with(|| make(0)),
        1 => groups_of::<1>(packed, into, make),
        2 => groups_of::<2>(packed, into, make),
        3 => groups_of::<3>(packed, into, make),
        4 => groups_of::<4>(packed, into, make),
        5 => groups_of::<5>(packed, into, make),
        6 => groups_of::<6>(packed, into, make),
        7 => groups_of::<7>(packed, into, make),
        8 => groups_of::<8>(packed, into, make),
        9 => groups_of::<9>(packed, into, make),
        10 => groups_of::<10>(packed, into, make),
        11 => groups_of::<11>(packed, into, make),
        12 => groups_of::<12>(packed, into, make),
        _ => {
            let step = width as usize;
            for (packed, into) in packed.chunks_exact(step).zip(into.chunks_mut(8)) {
                for (at, number) in into.iter_mut().enumerate() {
                    *number = make(low(word(&packed[at * step / 8..]) >> (at * step % 8), width));
                }
            }
        }
    }
}

/// The same of `WIDTH` bits, 12 at most.
fn groups_of<const WIDTH: usize>(packed: &[u8], into: &mut [u32], make: &mut impl FnMut(u32) -> u32) {
    #[allow(clippy::cast_possible_truncation)] // 12 at most
    let width = WIDTH as u32;
    let eight = |packed: &[u8]| -> [u32; 8] {
        // Four numbers are within 48 bits.
        let mut group = [0; 16];
        group[..WIDTH].copy_from_slice(packed);
        let group = u128::from_le_bytes(group);
        std::array::from_fn(|at| {
            #[allow(clippy::cast_possible_truncation)] // the low half is meant
            let half = (group >> (at / 4 * 4 * WIDTH)) as u64;
            low(half >> (at % 4 * WIDTH), width)
        })
    };
    let mut groups = packed.chunks_exact(WIDTH);
    let (whole, last) = into.as_chunks_mut::<8>();
    for (into, packed) in whole.iter_mut().zip(&mut groups) {
        *into = eight(packed).map(&mut *make);
    }
    if let Some(packed) = groups.next() {
        last.iter_mut().zip(eight(packed)).for_each(|(into, number)| *into = make(number));
    }
}

/// The last bits of a word, 32 at most.
fn low(word: u64, width: u32) -> u32 {
    #[allow(clippy::cast_possible_truncation)] // at most 32 bits are left
    let low = (word & ((1_u64 << width) - 1)) as u32;
    low
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
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray};
    use bytes::Bytes;
    use datafusion::parquet::file::metadata::ParquetMetaDataReader;
    use parquet::arrow::ArrowWriter;
    use parquet::basic::Encoding;
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use proptest::prelude::*;

    use super::super::layout::Part;
    use super::*;

    /// A file with this column.
    fn written(column: ArrayRef, properties: WriterProperties) -> (Layout, [Part; 1]) {
        let rows = RecordBatch::try_from_iter([("column", column)]).expect("a batch");
        let mut content = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut content, rows.schema(), Some(properties)).expect("a writer");
        writer.write(&rows).expect("written");
        writer.close().expect("closed");
        let content = Bytes::from(content);
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&content).expect("a footer");
        let (bytes, parts) = (content.len() as u64, [Part { start: 0, bytes: content }]);
        (Layout::of(&metadata, 0, &parts, bytes).expect("a layout"), parts)
    }

    /// The plain bytes of each value of a column, or none, as [`Pages`] reads them.
    fn written_and_read(column: ArrayRef, properties: WriterProperties) -> Vec<Option<Vec<u8>>> {
        let (layout, parts) = written(column, properties);
        let seen = std::cell::RefCell::new(Vec::new());
        let make = |value: &[u8]| {
            seen.borrow_mut().push(value.to_vec());
            u32::try_from(seen.borrow().len()).expect("few")
        };
        let (mut pages, mut read) = (Pages::default(), Vec::new());
        pages.places(&layout, &parts.each_ref().map(Part::view), make, 0, &mut read).expect("read");
        assert_eq!(read.len(), layout.rows);
        let seen = seen.into_inner();
        read.into_iter().map(|at| Some(seen[at.checked_sub(1)? as usize].clone())).collect()
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
                let ids = FixedSizeBinaryArray::try_from_iter(there.iter().map(id)).expect("16 bytes each");
                let (layout, parts) = written(Arc::new(ids), properties());
                let mut persons = Runs::default();
                Pages::default().persons(&layout, &parts.each_ref().map(Part::view), &mut persons).expect("read");
                let read = persons.iter().map(|(person, rows)| (*person, rows.len())).collect::<Vec<_>>();
                let runs = there.chunk_by(|a, b| a == b).map(|run| (id(&run[0]), run.len()));
                prop_assert_eq!(read, runs.collect::<Vec<_>>());
            }
        }

        /// A disk may have done anything to the bytes: no panic, and no more than what there is.
        #[test]
        fn any_bytes_are_numbers_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60), width in 0..40_u32) {
            let mut numbers = Vec::new();
            let whole = unpack(&bytes, width, 1000, &mut numbers, |number| number);
            prop_assert!(numbers.len() <= 1000 && (whole.is_none() || numbers.len() == 1000));
        }
    }
}
