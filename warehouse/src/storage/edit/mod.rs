//! Takes rows out of a file page by page, without decoding its values.
//!
//! A column is stored as places in a dictionary. Without some of its rows it is the places of the others, in a dictionary of what
//! they still name, in the order in which they first do: no value has to be written anew. What the writer does not make of so few rows
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

use super::parquet::{check_whole, properties};
use super::{Place, hybrid};
use crate::WarehouseError;
use crate::policy::Table;

/// Bytes of a pseudonym. Nothing takes more of a data page a row.
const PSEUDONYM: usize = 16;
/// Bytes of the length of a text.
const LENGTH: usize = 4;

/// The bytes of a file with the rows that are left, checked as [`super::parquet::encode`] does, and read back whole; nothing if it is
/// to be made anew.
pub(crate) fn without(
    table: &Table,
    place: Place,
    content: &Bytes,
    footer: &ParquetMetaData,
    left: &BooleanArray,
) -> Result<Option<Bytes>, WarehouseError> {
    let Some(edited) = edited(table, content, footer, &Rows::new(left), properties(table)) else {
        return Ok(None);
    };
    check_whole(table, place, left.true_count(), &edited)?;
    Ok(Some(edited))
}

fn edited(
    table: &Table,
    content: &Bytes,
    footer: &ParquetMetaData,
    rows: &Rows,
    properties: WriterProperties,
) -> Option<Bytes> {
    let [group] = footer.row_groups() else { return None };
    let schema = footer.file_metadata().schema_descr();
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
            // The writer would have given it up, and places without a dictionary are nothing.
            if dictionary.buffer().len() >= properties.column_dictionary_page_size_limit(column.path()) {
                return None;
            }
            Some(dictionary)
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
    let places = hybrid::decode(packed, u32::from(*width), rows.before)?;
    // Also of the rows that go: a reader would not read these.
    if places.iter().any(|place| usize::from(*place) >= entries.len()) {
        return None;
    }
    let mut places = rows.of(&places, 1);
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

/// The values of a dictionary, as they are stored there: texts behind their lengths.
fn entries<'a>(mut page: &'a [u8], count: u32, column: &ColumnDescriptor) -> Option<Vec<&'a [u8]>> {
    let size = |page: &[u8]| match column.physical_type() {
        Type::INT32 => Some(4),
        Type::INT64 => Some(8),
        Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(column.type_length()).ok(),
        Type::BYTE_ARRAY => Some(LENGTH + u32::from_le_bytes(*page.first_chunk()?) as usize),
        _ => None,
    };
    let entries: Vec<&[u8]> = (0..count).map(|_| page.split_off(..size(page)?)).collect::<Option<_>>()?;
    let is_text = |entry: &&[u8]| entry.get(LENGTH..).is_some_and(|text| str::from_utf8(text).is_ok());
    // No column of the policy's has other values of any length.
    let are_whole = column.physical_type() != Type::BYTE_ARRAY || entries.iter().all(is_text);
    (page.is_empty() && are_whole).then_some(entries)
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
mod tests;
