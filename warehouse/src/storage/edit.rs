//! Takes rows out of a file page by page, without decoding its values.
//!
//! A column is stored as places in a dictionary. Without some of its rows it is the places of the others, in a dictionary of what
//! they still name, in the order in which they first do: no value has to be looked at. What the writer does not make of so few rows
//! (several row groups or data pages, a dictionary that was given up) is not edited, and neither is what cannot be read: its rows are to
//! be decoded and written anew, which also says what is wrong with them.
//!
//! # Privacy
//!
//! An edited file is, byte for byte, the one that [`super::parquet::encode`] makes of the rows that are left. If it were not, it
//! would tell that somebody was there.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::BooleanArray;
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, PageType, Type};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescriptor;

use super::parquet::{check, properties};
use super::{Place, hybrid};
use crate::WarehouseError;
use crate::policy::Table;

/// Bytes of a pseudonym. Nothing takes more of a data page a row.
const PSEUDONYM: usize = 16;

/// The bytes of a file with the rows that are left, checked as [`super::parquet::encode`] does; nothing if it is to be made anew.
pub(crate) fn without(
    table: &Table,
    place: Place,
    content: &Bytes,
    footer: &ParquetMetaData,
    left: &BooleanArray,
) -> Result<Option<Bytes>, WarehouseError> {
    let Some(edited) = edited(table, content, footer, &Rows::new(left)) else { return Ok(None) };
    check(table, place, left.true_count(), &edited)?;
    Ok(Some(edited))
}

fn edited(table: &Table, content: &Bytes, footer: &ParquetMetaData, rows: &Rows) -> Option<Bytes> {
    let [group] = footer.row_groups() else { return None };
    let schema = footer.file_metadata().schema_descr();
    let properties = properties(table);
    // The least number of rows that the writer could start another page for.
    let most = properties.data_page_row_count_limit().min(properties.data_page_size_limit() / PSEUDONYM);
    if rows.left.is_empty()
        || rows.before >= most
        || usize::try_from(group.num_rows()) != Ok(rows.before)
        || *schema != ArrowSchemaConverter::new().convert(&table.file_schema()).ok()?
    {
        return None;
    }
    let source = Arc::new(content.clone());
    let mut written = TrackedWrite::new(Vec::with_capacity(content.len()));
    let mut columns = Vec::with_capacity(group.num_columns());
    for chunk in group.columns() {
        let pages = pages(&source, chunk, rows, &properties)?;
        columns.push(write(pages, chunk, rows.after(), &mut written).ok()?);
    }
    let written = Bytes::from(written.into_inner().ok()?);
    let file = Vec::with_capacity(content.len());
    let mut file = SerializedFileWriter::new(file, schema.root_schema_ptr(), Arc::new(properties)).ok()?;
    let mut group = file.next_row_group().ok()?;
    for column in columns {
        group.append_column(&written, column).ok()?;
    }
    group.close().ok()?;
    file.into_inner().ok().map(Bytes::from)
}

/// Which rows are left, or which of the values that a column has.
struct Rows {
    before: usize,
    left: Vec<Range<usize>>,
}

impl Rows {
    fn new(left: &BooleanArray) -> Self {
        let ranges = left.values().set_slices().map(|(start, end)| start..end).collect();
        Self { before: left.len(), left: ranges }
    }

    fn after(&self) -> usize {
        self.left.iter().map(Range::len).sum()
    }

    /// What is left of so many things for each.
    fn of<T: Copy>(&self, all: &[T], each: usize) -> Vec<T> {
        let mut left = Vec::with_capacity(self.after() * each);
        for range in &self.left {
            left.extend_from_slice(&all[range.start * each..range.end * each]);
        }
        left
    }

    /// The values of these rows, by how many each row has.
    fn values(&self, levels: &[u16]) -> Self {
        let count = |rows: Range<usize>| levels[rows].iter().copied().map(usize::from).sum::<usize>();
        let (mut row, mut value) = (0, 0);
        let mut left = Vec::with_capacity(self.left.len());
        for range in &self.left {
            let first = value + count(row..range.start);
            value = first + count(range.clone());
            row = range.end;
            left.push(first..value);
        }
        Self { before: value + count(row..self.before), left }
    }
}

/// The pages of a column without rows: of its dictionary, if the writer makes one for it, and of its values.
fn pages(
    source: &Arc<Bytes>,
    chunk: &ColumnChunkMetaData,
    rows: &Rows,
    properties: &WriterProperties,
) -> Option<Vec<Page>> {
    let column = chunk.column_descr();
    let mut pages = SerializedPageReader::new(Arc::clone(source), chunk, rows.before, None).ok()?;
    let dictionary =
        if properties.dictionary_enabled(column.path()) { Some(pages.next()?.ok()?) } else { None };
    let Page::DataPageV2 {
        buf,
        num_values,
        encoding,
        num_nulls,
        num_rows,
        def_levels_byte_len,
        rep_levels_byte_len: 0,
        is_compressed: false,
        statistics: None,
    } = pages.next()?.ok()?
    else {
        return None;
    };
    let is_whole = [num_values, num_rows].map(usize::try_from) == [Ok(rows.before); 2];
    if !is_whole || pages.next().is_some() || chunk.compression() != Compression::UNCOMPRESSED {
        return None;
    }
    let (levels, values) = buf.split_at_checked(usize::try_from(def_levels_byte_len).ok()?)?;
    let mut left = Vec::with_capacity(buf.len());
    let of_values = match column.max_def_level() {
        0 if levels.is_empty() => None,
        1 => {
            let levels = hybrid::decode(levels, 1, rows.before)?;
            hybrid::encode(&rows.of(&levels, 1), 1, &mut left);
            Some(rows.values(&levels))
        }
        _ => return None,
    };
    let of_levels = left.len();
    let of_values = of_values.as_ref().unwrap_or(rows);
    if rows.before - of_values.before != num_nulls as usize {
        return None;
    }
    let dictionary = match (dictionary, encoding) {
        (Some(dictionary), Encoding::RLE_DICTIONARY) => {
            let dictionary = places(&dictionary, values, of_values, column, &mut left)?;
            let limit = properties.column_dictionary_page_size_limit(column.path());
            Some(dictionary).filter(|page| page.buffer().len() < limit)
        }
        (None, Encoding::PLAIN) if usize::try_from(column.type_length()) == Ok(PSEUDONYM) => {
            if values.len() != of_values.before * PSEUDONYM {
                return None;
            }
            left.extend(of_values.of(values, PSEUDONYM));
            None
        }
        _ => return None,
    };
    let num_rows = u32::try_from(rows.after()).ok()?;
    let data = Page::DataPageV2 {
        buf: left.into(),
        num_values: num_rows,
        encoding,
        num_nulls: num_rows - u32::try_from(of_values.after()).ok()?,
        num_rows,
        def_levels_byte_len: u32::try_from(of_levels).ok()?,
        rep_levels_byte_len: 0,
        is_compressed: false,
        statistics: None,
    };
    Some(dictionary.into_iter().chain([data]).collect())
}

/// Writes the places that are left, and gives the dictionary that they are places in.
fn places(
    dictionary: &Page,
    values: &[u8],
    rows: &Rows,
    column: &ColumnDescriptor,
    into: &mut Vec<u8>,
) -> Option<Page> {
    let Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false } = dictionary
    else {
        return None;
    };
    let entries = entries(buf, *num_values, column)?;
    let (width, packed) = values.split_first()?;
    let mut places = rows.of(&hybrid::decode(packed, u32::from(*width), rows.before)?, 1);
    let mut numbers = vec![None; entries.len()];
    let (mut count, mut named) = (0_u16, Vec::with_capacity(buf.len()));
    let mut seen = HashSet::new();
    for place in &mut places {
        let number = numbers.get_mut(usize::from(*place))?;
        if number.is_none() {
            let entry = entries[usize::from(*place)];
            // Two places of one value would stay two.
            if !seen.insert(entry) {
                return None;
            }
            named.extend_from_slice(entry);
            *number = Some(count);
            count += 1;
        }
        *place = (*number)?;
    }
    let width = hybrid::width_of(count.saturating_sub(1));
    into.push(u8::try_from(width).ok()?);
    hybrid::encode(&places, width, into);
    Some(Page::DictionaryPage {
        buf: named.into(),
        num_values: count.into(),
        encoding: Encoding::PLAIN,
        is_sorted: false,
    })
}

/// The values of a dictionary, as they are stored there.
fn entries<'a>(mut page: &'a [u8], count: u32, column: &ColumnDescriptor) -> Option<Vec<&'a [u8]>> {
    let size = |page: &[u8]| match column.physical_type() {
        Type::INT32 => Some(4),
        Type::INT64 => Some(8),
        Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(column.type_length()).ok(),
        Type::BYTE_ARRAY => Some(4 + u32::from_le_bytes(*page.first_chunk()?) as usize),
        _ => None,
    };
    let entries = (0..count).map(|_| page.split_off(..size(page)?)).collect::<Option<_>>()?;
    page.is_empty().then_some(entries)
}

/// Writes the pages of a column, and says of them what the writer says.
fn write(
    pages: Vec<Page>,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    into: &mut TrackedWrite<Vec<u8>>,
) -> Result<ColumnCloseResult, ParquetError> {
    let mut writer = SerializedPageWriter::new(into);
    let mut about = ColumnChunkMetaData::builder(chunk.column_descr_ptr());
    // That of levels, though there may be none.
    let mut encodings = vec![Encoding::RLE];
    let (mut bytes, mut stats) = (0, Vec::with_capacity(pages.len()));
    for page in pages {
        let (page_type, encoding, size) = (page.page_type(), page.encoding(), page.buffer().len());
        let written = writer.write_page(CompressedPage::new(page, size))?;
        let offset = i64::try_from(written.offset)?;
        about = match page_type {
            PageType::DICTIONARY_PAGE => about.set_dictionary_page_offset(Some(offset)),
            _ => about.set_data_page_offset(offset),
        };
        bytes += written.bytes_written;
        encodings.push(encoding);
        stats.push(PageEncodingStats { page_type, encoding, count: 1 });
    }
    let about = about
        .set_compression(Compression::UNCOMPRESSED)
        .set_encodings(encodings)
        .set_page_encoding_stats(stats)
        .set_total_compressed_size(i64::try_from(bytes)?)
        .set_total_uncompressed_size(i64::try_from(bytes)?)
        .set_num_values(i64::try_from(rows)?);
    Ok(ColumnCloseResult {
        bytes_written: bytes,
        rows_written: rows as u64,
        metadata: about.build()?,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Date32Array, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray};
    use arrow::compute::filter_record_batch;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_writer::ArrowWriterOptions;
    use parquet::file::properties::{WriterPropertiesBuilder, WriterVersion};
    use proptest::prelude::*;

    use super::super::parquet::{metadata, write};
    use super::*;
    use crate::policy::{ColumnRole, Policy};

    /// How the values of a column are: how many there may be, how many rows in sequence have the same, and of how many such
    /// runs one has none.
    type Values = (u32, usize, u64);

    fn values() -> impl Strategy<Value = Values> {
        let distinct = prop_oneof![Just(1), Just(2), 3..40_u32, Just(9_000)];
        (distinct, prop_oneof![Just(1), 2..12_usize, Just(700)], 0..4_u64)
    }

    fn mixed(of: u64) -> u64 {
        let mixed = (of + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 20
    }

    /// Rows of a table, each column with values of its own kind.
    fn rows(table: &Table, count: usize, kinds: &[Values]) -> RecordBatch {
        let hashed = |of: &dyn Fn(u64) -> u128| -> ArrayRef {
            let each = (0..count as u64).map(|row| of(row).to_be_bytes());
            Arc::new(FixedSizeBinaryArray::try_from_iter(each).expect("pseudonyms"))
        };
        let columns = table.columns.iter().zip(kinds.iter().cycle()).enumerate();
        let columns = columns.filter(|(_, (column, _))| column.role != ColumnRole::Year);
        let columns = columns.map(|(seed, (column, (distinct, run, nulls)))| -> ArrayRef {
            let of_run = |row: usize| mixed((row / run) as u64 * 31 + seed as u64);
            let value = |row| u32::try_from(of_run(row) / 7 % u64::from(*distinct)).expect("small");
            let is_null = |row| *nulls > 0 && of_run(row).is_multiple_of(*nulls);
            match column.role {
                // Both rise; a table without records has a row a person.
                ColumnRole::Person if table.column_of(&ColumnRole::Record).is_some() => {
                    hashed(&|row| u128::from(row / *run as u64) << 70 | 1 << 66)
                }
                ColumnRole::Person | ColumnRole::Record => hashed(&|row| u128::from(row) << 90 | 0x1234_5678),
                ColumnRole::Date => Arc::new(Date32Array::from_iter_values(
                    (0..count).map(|row| i32::try_from(value(row)).expect("small")),
                )),
                ColumnRole::Dimension { .. } => {
                    let code = |row| "x".repeat(value(row) as usize % 5) + &value(row).to_string();
                    Arc::new(StringArray::from_iter_values((0..count).map(code)))
                }
                ColumnRole::Measure { .. } => {
                    let measure = |row| (!is_null(row)).then(|| i64::from(value(row)) - 3);
                    Arc::new((0..count).map(measure).collect::<Int64Array>())
                }
                _ => Arc::new(Int64Array::from_iter_values((0..count).map(|row| i64::from(value(row))))),
            }
        });
        RecordBatch::try_new(table.file_schema(), columns.collect()).expect("the policy's columns")
    }

    /// The first shard, of which all the persons are.
    fn place() -> Place {
        (2023, "00".parse().expect("a span"))
    }

    fn edit(table: &Table, content: &Bytes, left: &BooleanArray) -> Result<Option<Bytes>, WarehouseError> {
        without(table, place(), content, &metadata(content).expect("a footer"), left)
    }

    fn tables() -> Vec<Table> {
        Policy::oslo()
            .tables
            .values()
            .filter(|t| t.column_of(&ColumnRole::Person).is_some())
            .cloned()
            .collect()
    }

    fn contact() -> Table {
        tables().into_iter().find(|table| table.name == "contact").expect("contacts")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn an_edited_file_is_the_one_that_is_written_of_the_rows_that_are_left(
            table in prop::sample::select(tables()),
            count in prop_oneof![1..40_usize, 40..900_usize, 5_000..9_000_usize],
            kinds in prop::collection::vec(values(), 1..30),
            parts in prop::collection::vec((any::<bool>(), prop_oneof![1..10_usize, 1..3_000_usize]), 1..40),
            only in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        ) {
            let rows = rows(&table, count, &kinds);
            let parts = parts.iter().flat_map(|(left, length)| vec![*left; *length]);
            let left: BooleanArray = match only {
                Some(only) => (0..count).map(|row| Some(row == only.index(count))).collect(),
                None => parts.chain(std::iter::repeat(true)).take(count).map(Some).collect(),
            };
            let others = filter_record_batch(&rows, &left).expect("filtered");
            let edited = edit(&table, &write(&table, &rows).expect("written"), &left).expect("in order");
            let anew = (others.num_rows() > 0).then(|| write(&table, &others).expect("written"));
            prop_assert!(edited == anew, "{} rows of {}, {count} before", others.num_rows(), table.name);
        }

        #[test]
        fn a_damaged_page_is_no_panic(
            count in 1..300_usize,
            kinds in prop::collection::vec(values(), 1..30),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let table = contact();
            let mut content = write(&table, &rows(&table, count, &kinds)).expect("written").to_vec();
            let footer = content.last_chunk::<8>().expect("a footer's length")[..4].try_into().expect("4 bytes");
            let pages = content.len() - 8 - u32::from_le_bytes(footer) as usize;
            content[at.index(pages)] = byte;
            let left: BooleanArray = (0..count).map(|row| Some(row % 5 != 2)).collect();
            match edit(&table, &content.into(), &left) {
                Ok(_) | Err(WarehouseError::Misplaced { .. }) => {}
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }

    #[test]
    fn files_that_are_not_as_the_writer_makes_them_are_not_edited() {
        type Other = fn(WriterPropertiesBuilder) -> WriterPropertiesBuilder;
        let table = contact();
        let others: [Other; 7] = [
            |as_ours| as_ours.set_compression(Compression::SNAPPY),
            |as_ours| as_ours.set_writer_version(WriterVersion::PARQUET_1_0),
            |as_ours| as_ours.set_data_page_row_count_limit(50).set_write_batch_size(10),
            |as_ours| as_ours.set_max_row_group_row_count(Some(50)),
            |as_ours| as_ours.set_dictionary_page_size_limit(30).set_write_batch_size(10),
            |as_ours| as_ours.set_column_dictionary_enabled("person".into(), false),
            |as_ours| as_ours.set_column_dictionary_enabled("record".into(), true),
        ];
        let rows = rows(&table, 100, &[(30, 1, 3)]);
        let left: BooleanArray = (0..100).map(|row| Some(row != 7)).collect();
        let made = |other: Other| {
            let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true);
            let options = options.with_properties(other(properties(&table).into_builder()).build());
            let mut content = Vec::new();
            let mut writer =
                ArrowWriter::try_new_with_options(&mut content, rows.schema(), options).expect("a writer");
            writer.write(&rows).expect("written");
            writer.close().expect("written");
            Bytes::from(content)
        };
        assert!(edit(&table, &made(|as_ours| as_ours), &left).expect("in order").is_some());
        for (at, other) in others.into_iter().enumerate() {
            assert!(edit(&table, &made(other), &left).expect("in order").is_none(), "{at}");
        }
        // Of another policy.
        let mut policy = table.clone();
        policy.columns.reverse();
        assert!(edit(&policy, &made(|as_ours| as_ours), &left).expect("in order").is_none());
    }

    #[test]
    fn more_rows_than_a_page_has_are_not_edited() {
        let table = contact();
        let rows = rows(&table, 20_000, &[(30, 1, 3)]);
        let left: BooleanArray = (0..20_000).map(|row| Some(row != 7)).collect();
        assert!(edit(&table, &write(&table, &rows).expect("written"), &left).expect("in order").is_none());
    }

    #[test]
    fn a_dictionary_that_says_a_value_twice_is_not_edited() {
        let table = contact();
        let rows = rows(&table, 100, &[(9, 1, 0)]);
        let left: BooleanArray = (0..100).map(|row| Some(row != 7)).collect();
        let mut content = write(&table, &rows).expect("written").to_vec();
        assert!(edit(&table, &content.clone().into(), &left).expect("in order").is_some());
        let code = content.windows(6).position(|bytes| bytes == b"\x02\0\0\0x6").expect("a code");
        content[code + 5] = b'1';
        assert!(edit(&table, &content.into(), &left).expect("in order").is_none());
    }
}
