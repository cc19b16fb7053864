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
        let start = into.len();
        into.resize(start + layout.rows, missing);
        let mut left = into.get_mut(start..).unwrap_or_default();
        for page in &layout.pages {
            let bytes = bytes_of(parts, page).ok_or(RunError::Layout)?;
            let values = bytes.get(page.values..).ok_or(RunError::Layout)?;
            if page.kind == Kind::Dictionary {
                places.clear();
                plain(values, layout.width, page.number, |value| places.push(make(value)))
                    .ok_or(RunError::Layout)?;
                continue;
            }
            let (of_page, rest) =
                std::mem::take(&mut left).split_at_mut_checked(page.number).ok_or(RunError::Layout)?;
            left = rest;
            levels.clear();
            let mut there = page.number;
            if let Some(which) = &page.levels {
                let which = bytes.get(which.clone()).ok_or(RunError::Layout)?;
                levels.resize(page.number, 0);
                unpack(which, 1, page.number, &mut LookedUp { places: &[0, 1], into: levels })
                    .ok_or(RunError::Layout)?;
                there = levels.iter().filter(|level| **level == 1).count();
            }
            let into = of_page.get_mut(..there).ok_or(RunError::Layout)?;
            if page.kind == Kind::Plain {
                let mut rows = into.iter_mut();
                let put = |value: &[u8]| rows.next().into_iter().for_each(|row| *row = make(value));
                plain(values, layout.width, there, put).ok_or(RunError::Layout)?;
            } else {
                let (width, packed) = values.split_first().ok_or(RunError::Layout)?;
                unpack(packed, (*width).into(), there, &mut LookedUp { places, into })
                    .ok_or(RunError::Layout)?;
            }
            if there < page.number {
                spread(of_page, there, levels, missing);
            }
        }
        if left.is_empty() { Ok(()) } else { Err(RunError::Layout) }
    }

    /// Adds the runs of a column of persons, of whom none may be missing.
    pub(super) fn persons(
        &mut self,
        layout: &Layout,
        parts: &[View<'_>],
        into: &mut Runs<[u8; 16]>,
    ) -> Result<(), RunError> {
        let Self { persons, .. } = self;
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
                    let mut runs = OfPersons { persons, into, last: 0, rows: 0 };
                    unpack(packed, (*width).into(), page.number, &mut runs).and_then(|()| runs.end())
                }
            };
            read.ok_or(RunError::Layout)?;
        }
        Ok(())
    }
}

/// Takes the numbers of a page.
trait Takes {
    /// The same number so many times.
    fn run(&mut self, number: u32, times: usize) -> Option<()>;

    /// So many numbers, in groups of eight.
    fn groups(&mut self, number: usize, groups: impl Iterator<Item = [u32; 8]>) -> Option<()>;
}

/// What each number stands for; none may be outside of that.
struct LookedUp<'a> {
    places: &'a [u32],
    /// Where it is put: as many as there are numbers.
    into: &'a mut [u32],
}

impl<'a> LookedUp<'a> {
    /// The room of the next ones.
    fn next(&mut self, number: usize) -> Option<&'a mut [u32]> {
        let (next, rest) = std::mem::take(&mut self.into).split_at_mut_checked(number)?;
        self.into = rest;
        Some(next)
    }
}

impl Takes for LookedUp<'_> {
    fn run(&mut self, number: u32, times: usize) -> Option<()> {
        let place = *self.places.get(number as usize)?;
        self.next(times)?.fill(place);
        Some(())
    }

    fn groups(&mut self, number: usize, mut groups: impl Iterator<Item = [u32; 8]>) -> Option<()> {
        let (whole, last) = self.next(number)?.as_chunks_mut::<8>();
        for (into, numbers) in whole.iter_mut().zip(&mut groups) {
            for (into, number) in into.iter_mut().zip(&numbers) {
                *into = *self.places.get(*number as usize)?;
            }
        }
        if !last.is_empty() {
            for (into, number) in last.iter_mut().zip(&groups.next()?) {
                *into = *self.places.get(*number as usize)?;
            }
        }
        Some(())
    }
}

/// The persons that numbers stand for, with those rows of the last one that were not handed on yet.
struct OfPersons<'a> {
    persons: &'a [[u8; 16]],
    into: &'a mut Runs<[u8; 16]>,
    last: u32,
    rows: usize,
}

impl OfPersons<'_> {
    fn end(&mut self) -> Option<()> {
        if self.rows > 0 {
            self.into.push(*self.persons.get(self.last as usize)?, self.rows);
        }
        Some(())
    }
}

impl Takes for OfPersons<'_> {
    fn run(&mut self, number: u32, times: usize) -> Option<()> {
        if number != self.last {
            self.end()?;
            (self.last, self.rows) = (number, 0);
        }
        self.rows += times;
        Some(())
    }

    fn groups(&mut self, number: usize, groups: impl Iterator<Item = [u32; 8]>) -> Option<()> {
        let mut left = number;
        for group in groups {
            let now = left.min(group.len());
            group[..now].iter().try_for_each(|number| self.run(*number, 1))?;
            left -= now;
        }
        Some(())
    }
}

/// Moves the values at the beginning apart, so many, so that each is where its level is 1.
fn spread<T: Copy>(values: &mut [T], number: usize, levels: &[u32], missing: T) {
    let mut from = number;
    for (at, level) in levels.iter().enumerate().rev() {
        if *level == 1 {
            from -= 1;
            values[at] = values[from];
        } else {
            values[at] = missing;
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

/// Hands on so many numbers of `width` bits: runs of one number, and groups of eight, packed.
fn unpack(mut bytes: &[u8], width: u32, number: usize, to: &mut impl Takes) -> Option<()> {
    if width > 32 {
        return None;
    }
    let mut left = number;
    while left > 0 {
        let header = varint(&mut bytes)?;
        let of_header = usize::try_from(header >> 1).ok()?;
        let run;
        if header & 1 == 0 {
            let (value, rest) = bytes.split_at_checked(width.div_ceil(8) as usize)?;
            run = of_header.min(left);
            let value = u32::try_from(word(value)).ok()?;
            if run > 0 {
                to.run(value, run)?;
            }
            bytes = rest;
        } else {
            let (packed, rest) = bytes.split_at_checked(of_header.checked_mul(width as usize)?)?;
            run = of_header.saturating_mul(8).min(left);
            groups(packed, width, run, to)?;
            bytes = rest;
        }
        left -= run;
    }
    Some(())
}

/// So many numbers of groups of eight.
fn groups(packed: &[u8], width: u32, number: usize, to: &mut impl Takes) -> Option<()> {
    // Widths that are known when this is compiled are shifted by constants.
    match width {
        0 if number == 0 => Some(()),
        0 => to.run(0, number),
        1 => groups_of::<1>(packed, number, to),
        2 => groups_of::<2>(packed, number, to),
        3 => groups_of::<3>(packed, number, to),
        4 => groups_of::<4>(packed, number, to),
        5 => groups_of::<5>(packed, number, to),
        6 => groups_of::<6>(packed, number, to),
        7 => groups_of::<7>(packed, number, to),
        8 => groups_of::<8>(packed, number, to),
        9 => groups_of::<9>(packed, number, to),
        10 => groups_of::<10>(packed, number, to),
        11 => groups_of::<11>(packed, number, to),
        12 => groups_of::<12>(packed, number, to),
        _ => {
            let step = width as usize;
            let eight = |packed: &[u8]| {
                std::array::from_fn(|at| low(word(&packed[at * step / 8..]) >> (at * step % 8), width))
            };
            to.groups(number, packed.chunks_exact(step).map(eight))
        }
    }
}

/// The same of `WIDTH` bits, 12 at most.
fn groups_of<const WIDTH: usize>(packed: &[u8], number: usize, to: &mut impl Takes) -> Option<()> {
    #[allow(clippy::cast_possible_truncation)] // 12 at most
    let width = WIDTH as u32;
    let eight = |packed: &[u8; WIDTH]| -> [u32; 8] {
        // Four numbers are within 48 bits.
        let mut group = [0; 16];
        group[..WIDTH].copy_from_slice(packed);
        let group = u128::from_le_bytes(group);
        let mut numbers = [0; 8];
        for (at, number) in numbers.iter_mut().enumerate() {
            #[allow(clippy::cast_possible_truncation)] // the low half is meant
            let half = (group >> (at / 4 * 4 * WIDTH)) as u64;
            *number = low(half >> (at % 4 * WIDTH), width);
        }
        numbers
    };
    to.groups(number, packed.as_chunks::<WIDTH>().0.iter().map(eight))
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
            let (all, mut into) = ((0..1 << 12).collect::<Vec<u32>>(), [u32::MAX; 1000]);
            let whole = unpack(&bytes, width, 1000, &mut LookedUp { places: &all, into: &mut into });
            prop_assert!(whole.is_none() || into.iter().all(|number| *number < 1 << 12));
        }
    }
}
