//! The pseudonyms that a column of a file holds, without decoding its rows where its pages say them plainly.
//!
//! A dictionary-encoded page holds nothing but places in the dictionary of its row group, and a plain one of a column
//! that has no nulls holds the values one after the other. So when every page of a row group is of these kinds, which
//! each page says of itself, the dictionary and the plain pages hold every value there is. Where a page is of another
//! kind, the rows are decoded.

use std::path::Path;
use std::sync::Arc;

use arrow::array::Array;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

use super::Pseudonym;
use super::parquet::{decode_groups, pseudonym, pseudonyms};
use crate::WarehouseError;

/// The values of a pseudonym column, each at least once.
pub(crate) fn of_column<R: ChunkReader + Clone + 'static>(
    source: &R,
    metadata: &Arc<ParquetMetaData>,
    column: &str,
    path: &Path,
) -> Result<Vec<Pseudonym>, WarehouseError> {
    let chunks = Arc::new(source.clone());
    let mut all = Vec::new();
    for (at, group) in metadata.row_groups().iter().enumerate() {
        let failed = WarehouseError::file(path, "read");
        let plainly = of_pages(&chunks, group, column).map_err(&failed)?;
        if let Some(values) = plainly {
            all.extend(values);
            continue;
        }
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata), ArrowReaderOptions::new());
        let rows =
            decode_groups(source.clone(), &metadata.map_err(&failed)?, Some(vec![at]), &[column], path)?;
        let values = pseudonyms(&rows, column)
            .ok_or_else(|| WarehouseError::damaged(path, "a column holds no pseudonyms"))?;
        all.extend((0..values.len()).map(|row| pseudonym(values, row)));
    }
    Ok(all)
}

/// The values that the pages of a column in a row group say plainly, if there are no others.
fn of_pages<R: ChunkReader + 'static>(
    source: &Arc<R>,
    group: &RowGroupMetaData,
    column: &str,
) -> Result<Option<Vec<Pseudonym>>, ParquetError> {
    let Some(chunk) = group.columns().iter().find(|chunk| chunk.column_path().string() == column) else {
        return Ok(None);
    };
    let about = chunk.column_descr();
    // With levels before the values, a page would not be the values alone.
    if about.type_length() != 16 || about.max_def_level() > 0 || about.max_rep_level() > 0 {
        return Ok(None);
    }
    let rows = usize::try_from(group.num_rows()).unwrap_or_default();
    let mut pages = SerializedPageReader::new(source.clone(), chunk, rows, None)?;
    let (mut values, mut has_dictionary) = (Vec::new(), false);
    while let Some(page) = pages.get_next_page()? {
        let (bytes, number) = match &page {
            Page::DictionaryPage { buf, num_values, .. } => {
                has_dictionary = true;
                (buf, *num_values)
            }
            Page::DataPage { encoding: Encoding::RLE_DICTIONARY, .. }
            | Page::DataPageV2 { encoding: Encoding::RLE_DICTIONARY, .. }
                if has_dictionary =>
            {
                continue;
            }
            Page::DataPage { encoding: Encoding::PLAIN, buf, num_values, .. } => (buf, *num_values),
            _ => return Ok(None),
        };
        let (each, rest) = bytes.as_chunks::<16>();
        if !rest.is_empty() || each.len() != number as usize {
            return Ok(None);
        }
        values.extend(each.iter().map(|value| Pseudonym::from_be_bytes(*value)));
    }
    Ok(Some(values))
}
