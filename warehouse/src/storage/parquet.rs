//! Parquet files: written the same for the same rows, checked before they are stored, read by column name.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, FixedSizeBinaryArray, RecordBatchReader};
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::ChunkReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::groups::{self, Key, Piece, Source};
use super::{Cell, Pseudonym, shard};
use crate::WarehouseError;
use crate::policy::{ColumnRole, Table};

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
/// every row is in its shard and in order: a wrong declaration would break privacy, not only speed.
pub(crate) fn encode(table: &Table, cell: Cell, rows: &RecordBatch) -> Result<Bytes, WarehouseError> {
    let path = Path::new(&table.name).join(format!("year={}", cell.0));
    let content = write(table, rows).map_err(WarehouseError::file(&path, "written"))?;
    check(table, cell, rows.num_rows(), &content)?;
    Ok(content)
}

/// The bytes of a file made of groups of an old one and of new rows. The new groups are checked like those of
/// [`encode`]; the old ones were, and the caller has checked that their bytes are still the same. Where two pieces
/// meet, the second begins with a later person.
pub(crate) fn assemble(
    table: &Table,
    cell: Cell,
    old: &Source<'_>,
    pieces: &[Piece],
) -> Result<Bytes, WarehouseError> {
    let path = Path::new(&table.name).join(format!("year={}", cell.0));
    let failed = WarehouseError::file(&path, "written");
    let misplaced = |what| WarehouseError::Misplaced { table: table.name.clone(), year: cell.0, what };
    let mut content = Vec::with_capacity(old.content.len());
    let schema = old.metadata.file_metadata().schema_descr().root_schema_ptr();
    let properties = properties(table).map_err(&failed)?.into();
    let mut writer = SerializedFileWriter::new(&mut content, schema, properties).map_err(&failed)?;
    let mut before: Option<Pseudonym> = None;
    for piece in pieces {
        let (first, last) = match piece {
            Piece::Old(group, first, last) => {
                groups::copy(*group, old, &mut writer).map_err(&failed)?;
                (*first, *last)
            }
            Piece::New(rows) => {
                let content = write(table, rows).map_err(&failed)?;
                check(table, cell, rows.num_rows(), &content)?;
                let metadata = footer(&content).map_err(&failed)?;
                let source = Source { content: &content, metadata: metadata.metadata() };
                for group in 0..source.metadata.num_row_groups() {
                    groups::copy(group, &source, &mut writer).map_err(&failed)?;
                }
                let mut persons = keys(table, rows).into_iter().flatten().map(|key| key.0);
                let first = persons.next().ok_or_else(|| misplaced("without a pseudonym"))?;
                (first, persons.last().unwrap_or(first))
            }
        };
        if before.is_some_and(|before| before >= first) {
            return Err(misplaced("out of order, or twice"));
        }
        before = Some(last);
    }
    writer.close().map_err(&failed)?;
    Ok(Bytes::from(content))
}

/// How columns are stored: codes and pseudonyms as they are, dates and numbers compressed. Measured with `tests/scale.rs`
/// on ten million contacts: the indices of a dictionary are packed so well that Zstandard over them spares 8 % of the
/// bytes and makes a scan of two columns half as dear again (0.35 s of work for 0.23 s) and writing a third (9.3 s for 6.8 s).
///
/// # Privacy
///
/// What is not compressed can be searched byte by byte: the proof of an erasure finds a pseudonym also in a copy of a
/// file that the log knows nothing of.
fn properties(table: &Table) -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        // Version 1 has no dictionaries for columns of a fixed number of bytes, such as the persons.
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(None)
        .set_created_by("skjerm".to_owned());
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1)?);
    for column in &table.columns {
        let is_compressed = match column.role {
            ColumnRole::Date | ColumnRole::Measure { .. } | ColumnRole::Month | ColumnRole::Year => true,
            ColumnRole::Person | ColumnRole::Record | ColumnRole::Dimension { .. } => false,
        };
        if is_compressed {
            properties = properties.set_column_compression(ColumnPath::from(column.name.as_str()), zstd);
        }
    }
    // A dictionary of values that are all different would only hold them twice.
    if let Some(distinct) = order_columns(table).last() {
        let distinct = ColumnPath::from(*distinct);
        properties = properties
            .set_column_dictionary_enabled(distinct.clone(), false)
            .set_column_encoding(distinct, Encoding::PLAIN);
    }
    Ok(properties.build())
}

fn write(table: &Table, rows: &RecordBatch) -> Result<Bytes, ParquetError> {
    let options =
        ArrowWriterOptions::new().with_properties(properties(table)?).with_skip_arrow_metadata(true);
    let mut content = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut content, rows.schema(), options)?;
    for bounds in groups::bounds(keys(table, rows).into_iter().flatten()).windows(2) {
        writer.write(&rows.slice(bounds[0], bounds[1] - bounds[0]))?;
        writer.flush()?;
    }
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

/// Reads the order columns back: every row in its shard, in strictly rising order, none lost. Strictly, so
/// a person-year cannot be there twice, nor a record of a person.
fn check(table: &Table, cell: Cell, rows: usize, content: &Bytes) -> Result<(), WarehouseError> {
    let misplaced = |what| WarehouseError::Misplaced { table: table.name.clone(), year: cell.0, what };
    let stored = decode(content.clone(), &order_columns(table), Path::new(&table.name))?;
    if stored.num_rows() != rows {
        return Err(misplaced("in part"));
    }
    wrong_place(table, cell, &stored).map_or(Ok(()), |what| Err(misplaced(what)))
}

/// What is wrong with the places of these rows of a cell; nothing if all is as it should be.
pub(crate) fn wrong_place(table: &Table, cell: Cell, rows: &RecordBatch) -> Option<&'static str> {
    let Some(keys) = keys(table, rows) else { return Some("without a pseudonym") };
    let mut before: Option<Key> = None;
    for key in keys {
        if shard(key.0) != cell.1 {
            return Some("in the wrong shard");
        }
        if before.is_some_and(|before| before >= key) {
            return Some("out of order, or twice");
        }
        before = Some(key);
    }
    None
}

/// The named columns of a stored file, in the file's order.
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

/// What a file's footer says: all of it, so that a copied row group says the same.
pub(crate) fn footer<R: ChunkReader>(source: &R) -> Result<ArrowReaderMetadata, ParquetError> {
    ArrowReaderMetadata::load(source, ArrowReaderOptions::new().with_encoding_stats_as_mask(false))
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
    concat_batches(&schema, &batches).map_err(|error| failed(error.into()))
}
