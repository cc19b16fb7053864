//! Parquet files: written the same for the same rows, checked before they are stored, read by column name.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, FixedSizeBinaryArray, RecordBatchReader};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::ChunkReader;
use parquet::schema::types::ColumnPath;

use super::{Place, Pseudonym, Span};
use crate::WarehouseError;
use crate::policy::{ColumnRole, Table};

/// The key of a row: person and record, or the record alone and 0.
pub(crate) type Key = (Pseudonym, Pseudonym);

/// Rows decoded at a time.
const BATCH_ROWS: usize = 1 << 18;

/// A pseudonym column of a batch.
pub(crate) fn pseudonyms<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a FixedSizeBinaryArray> {
    batch.column_by_name(column)?.as_fixed_size_binary_opt().filter(|array| array.value_length() == 16)
}

/// The pseudonym of a row.
pub(crate) fn pseudonym(column: &FixedSizeBinaryArray, row: usize) -> Pseudonym {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(column.value(row));
    u128::from_be_bytes(bytes)
}

/// The columns rows are sorted by: person and record, of those the table has. The first also decides the shard.
pub(crate) fn order_columns(table: &Table) -> Vec<&str> {
    [ColumnRole::Person, ColumnRole::Record].iter().filter_map(|role| table.column_of(role)).collect()
}

/// The bytes of a file with these rows (of [`Table::file_schema`]), after checking on these very bytes that
/// every row is in its span and in order: a wrong declaration would break privacy, not only speed.
pub(crate) fn encode(table: &Table, place: Place, rows: &RecordBatch) -> Result<Bytes, WarehouseError> {
    let path = Path::new(&table.name).join(format!("year={}", place.0));
    let content = write(table, rows).map_err(WarehouseError::file(&path, "written"))?;
    check(table, place, rows.num_rows(), &content)?;
    Ok(content)
}

/// How columns are stored: as places in dictionaries, packed into the bits that they need, and not compressed. Measured with
/// `tests/scale.rs` on ten million contacts: Zstandard over codes spares 8 % of the bytes and makes a scan of two columns half as dear
/// again (0.35 s of work for 0.23 s) and writing a third (9.3 s for 6.8 s). Over dates and measures it makes hardly a difference in
/// bytes, and setting it up for each column of each file takes longer than reading the column.
///
/// # Privacy
///
/// What is not compressed can be searched byte by byte: the proof of an erasure finds a pseudonym also in a copy of a
/// file that the log knows nothing of.
pub(super) fn properties(table: &Table) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        // Version 1 has no dictionaries for columns of a fixed number of bytes, such as the persons.
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(None)
        .set_created_by("skjerm".to_owned());
    // A dictionary of values that are all different would only hold them twice.
    if let Some(distinct) = order_columns(table).last() {
        let distinct = ColumnPath::from(*distinct);
        properties = properties
            .set_column_dictionary_enabled(distinct.clone(), false)
            .set_column_encoding(distinct, Encoding::PLAIN);
    }
    properties.build()
}

pub(super) fn write(table: &Table, rows: &RecordBatch) -> Result<Bytes, ParquetError> {
    let options = ArrowWriterOptions::new().with_properties(properties(table)).with_skip_arrow_metadata(true);
    let mut content = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut content, rows.schema(), options)?;
    writer.write(rows)?;
    writer.close()?;
    Ok(Bytes::from(content))
}

/// The keys of rows, if they have the order columns.
pub(crate) fn keys<'a>(table: &Table, rows: &'a RecordBatch) -> Option<impl Iterator<Item = Key> + 'a> {
    let columns: Option<Vec<_>> = order_columns(table).iter().map(|name| pseudonyms(rows, name)).collect();
    let columns = columns.filter(|columns| !columns.is_empty())?;
    let key = move |row| (pseudonym(columns[0], row), columns.get(1).map_or(0, |c| pseudonym(c, row)));
    Some((0..rows.num_rows()).map(key))
}

/// Reads the order columns back: every row in its span, in strictly rising order, none lost. Strictly, so
/// a person-year cannot be there twice, nor a record of a person.
pub(super) fn check(table: &Table, place: Place, rows: usize, content: &Bytes) -> Result<(), WarehouseError> {
    let stored = decode(content.clone(), &order_columns(table), Path::new(&table.name))?;
    check_places(table, place, rows, &stored)
}

/// The same of a file whose columns the library did not write: each must be readable, and have so many rows.
pub(super) fn check_whole(
    table: &Table,
    place: Place,
    rows: usize,
    content: &Bytes,
) -> Result<(), WarehouseError> {
    let stored = decode_codes(table, content.clone(), Path::new(&table.name));
    let stored = stored.map_err(|_| misplaced(table, place, "in columns that cannot be read"))?;
    check_places(table, place, rows, &stored)
}

fn check_places(
    table: &Table,
    place: Place,
    rows: usize,
    stored: &RecordBatch,
) -> Result<(), WarehouseError> {
    if stored.num_rows() != rows {
        return Err(misplaced(table, place, "in part"));
    }
    wrong_place(table, place.1, stored).map_or(Ok(()), |what| Err(misplaced(table, place, what)))
}

fn misplaced(table: &Table, place: Place, what: &'static str) -> WarehouseError {
    WarehouseError::Misplaced { table: table.name.clone(), year: place.0, what }
}

/// What is wrong with the places of these rows of a span; nothing if all is as it should be.
pub(crate) fn wrong_place(table: &Table, span: Span, rows: &RecordBatch) -> Option<&'static str> {
    let Some(keys) = keys(table, rows) else { return Some("without a pseudonym") };
    let mut before: Option<Key> = None;
    for key in keys {
        if !span.holds(key.0) {
            return Some("of persons of another file");
        }
        if before.is_some_and(|before| before >= key) {
            return Some("out of order, or twice");
        }
        before = Some(key);
    }
    None
}

/// The named columns of a stored file.
pub(crate) fn read(path: &Path, columns: &[&str]) -> Result<RecordBatch, WarehouseError> {
    let file = File::open(path).map_err(WarehouseError::io("read", path))?;
    decode(file, columns, path)
}

/// The named columns of a file's bytes, or of the file.
pub(crate) fn decode<R: ChunkReader + 'static>(
    source: R,
    columns: &[&str],
    path: &Path,
) -> Result<RecordBatch, WarehouseError> {
    let metadata = footer(&source).map_err(WarehouseError::file(path, "read"))?;
    decode_groups(source, &metadata, None, columns, path)
}

/// All columns of a file's bytes, with codes as they are stored: as places in a dictionary. Filtered and encoded again
/// they make the same file as the texts would, with less work.
pub(crate) fn decode_codes(
    table: &Table,
    content: Bytes,
    path: &Path,
) -> Result<RecordBatch, WarehouseError> {
    let as_stored = |field: &FieldRef| {
        let code = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
        match field.data_type() {
            DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(code)),
            _ => Arc::clone(field),
        }
    };
    let failed = WarehouseError::file(path, "read");
    let stored = footer(&content).map_err(&failed)?;
    let schema = Schema::new(stored.schema().fields().iter().map(as_stored).collect::<Vec<_>>());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    let stored = ArrowReaderMetadata::try_new(Arc::clone(stored.metadata()), options).map_err(&failed)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content, stored);
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(&failed)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.into()))?;
    let rows = concat_batches(&schema, &batches).map_err(|error| failed(error.into()))?;
    in_order(&rows, table.file_schema().fields().iter().map(|field| field.name().as_str()), path)
}

/// The rows with these columns, in this order. A file has the order of the policy that it was written under, and rows of
/// several files are put together by the place of a column.
fn in_order<'a>(
    rows: &RecordBatch,
    names: impl Iterator<Item = &'a str>,
    path: &Path,
) -> Result<RecordBatch, WarehouseError> {
    let missing = |_| WarehouseError::damaged(path, "a column is missing");
    let places = names.map(|name| rows.schema().index_of(name).map_err(missing));
    let places = places.collect::<Result<Vec<usize>, _>>()?;
    rows.project(&places).map_err(|error| WarehouseError::file(path, "read")(error.into()))
}

/// What a file's footer says, and no more: what it means in Arrow's types takes longer than to read it.
pub(crate) fn metadata<R: ChunkReader>(source: &R) -> Result<Arc<ParquetMetaData>, ParquetError> {
    ParquetMetaDataReader::new().parse_and_finish(source).map(Arc::new)
}

/// What a file's footer says.
pub(crate) fn footer<R: ChunkReader>(source: &R) -> Result<ArrowReaderMetadata, ParquetError> {
    ArrowReaderMetadata::load(source, ArrowReaderOptions::new())
}

/// The named columns of some row groups, or of all.
pub(crate) fn decode_groups<R: ChunkReader + 'static>(
    source: R,
    metadata: &ArrowReaderMetadata,
    groups: Option<Vec<usize>>,
    columns: &[&str],
    path: &Path,
) -> Result<RecordBatch, WarehouseError> {
    let failed = WarehouseError::file(path, "read");
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, metadata.clone());
    if columns.iter().any(|name| builder.schema().column_with_name(name).is_none()) {
        return Err(WarehouseError::damaged(path, "a column is missing"));
    }
    if let Some(groups) = groups {
        builder = builder.with_row_groups(groups);
    }
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(&failed)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.into()))?;
    let rows = concat_batches(&schema, &batches).map_err(|error| failed(error.into()))?;
    in_order(&rows, columns.iter().copied(), path)
}
