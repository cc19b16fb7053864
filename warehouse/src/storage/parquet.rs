//! Parquet files: written the same for the same rows, checked before they are stored, read by column name.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, FixedSizeBinaryArray, RecordBatchReader};
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::ChunkReader;

use super::{Cell, Pseudonym, shard};
use crate::WarehouseError;
use crate::policy::{ColumnRole, Table};

/// Rows of a row group: a file of ordinary size is one group.
const GROUP_ROWS: usize = 1 << 18;

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
    let failed = WarehouseError::file(&path, "written");
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(&failed)?))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by("skjerm".to_owned())
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut content = Vec::new();
    let mut writer =
        ArrowWriter::try_new_with_options(&mut content, rows.schema(), options).map_err(&failed)?;
    writer.write(rows).map_err(&failed)?;
    writer.close().map_err(&failed)?;
    let content = Bytes::from(content);
    check(table, cell, rows.num_rows(), &content)?;
    Ok(content)
}

/// Reads the order columns back: every row in its shard, in strictly rising order, none lost. Strictly, so
/// a person-year cannot be there twice, nor a record of a person.
fn check(table: &Table, cell: Cell, rows: usize, content: &Bytes) -> Result<(), WarehouseError> {
    let misplaced = |what| WarehouseError::Misplaced { table: table.name.clone(), year: cell.0, what };
    let columns = order_columns(table);
    let path = Path::new(&table.name);
    let stored = decode(content.clone(), &columns, path)?;
    if stored.num_rows() != rows {
        return Err(misplaced("in part"));
    }
    let keys: Option<Vec<_>> = columns.iter().map(|name| pseudonyms(&stored, name)).collect();
    let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
        return Err(misplaced("without a pseudonym"));
    };
    let mut before: Option<(Pseudonym, Pseudonym)> = None;
    for row in 0..rows {
        let first = pseudonym(keys[0], row);
        let second = keys.get(1).map_or(0, |column| pseudonym(column, row));
        if shard(first) != cell.1 {
            return Err(misplaced("in the wrong shard"));
        }
        if before.is_some_and(|before| before >= (first, second)) {
            return Err(misplaced("out of order, or twice"));
        }
        before = Some((first, second));
    }
    Ok(())
}

/// The named columns of a stored file, in the file's order.
pub(crate) fn read(path: &Path, columns: &[&str]) -> Result<RecordBatch, WarehouseError> {
    let file = File::open(path).map_err(WarehouseError::io("read", path))?;
    decode(file, columns, path)
}

fn decode<R: ChunkReader + 'static>(
    source: R,
    columns: &[&str],
    path: &Path,
) -> Result<RecordBatch, WarehouseError> {
    let failed = WarehouseError::file(path, "read");
    let builder = ParquetRecordBatchReaderBuilder::try_new(source).map_err(&failed)?;
    if columns.iter().any(|name| builder.schema().column_with_name(name).is_none()) {
        return Err(WarehouseError::damaged(path, "a column is missing"));
    }
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(GROUP_ROWS).build().map_err(&failed)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.into()))?;
    concat_batches(&schema, &batches).map_err(|error| failed(error.into()))
}
