//! The pseudonyms that a column of a file holds, without decoding its rows where a dictionary has them all.
//!
//! A dictionary-encoded page holds nothing but places in the dictionary of its row group. So when every page of a row
//! group is of that kind, which each page says of itself, the dictionary holds every value there is. Where a page is
//! of another kind, the rows are decoded.

use std::path::Path;
use std::sync::Arc;

use arrow::array::Array;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

use super::Pseudonym;
use super::parquet::{decode_groups, pseudonym, pseudonyms};
use crate::WarehouseError;

/// The values of a pseudonym column by row group, each at least once.
pub(crate) fn by_group<R: ChunkReader + Clone + 'static>(
    source: &R,
    metadata: &ArrowReaderMetadata,
    column: &str,
    path: &Path,
) -> Result<Vec<Vec<Pseudonym>>, WarehouseError> {
    let chunks = Arc::new(source.clone());
    let groups = metadata.metadata().row_groups().iter().enumerate();
    let of_group = |(at, group)| {
        let dictionary = dictionary(&chunks, group, column).map_err(WarehouseError::file(path, "read"))?;
        if let Some(values) = dictionary {
            return Ok(values);
        }
        let rows = decode_groups(source.clone(), metadata, Some(vec![at]), &[column], path)?;
        let values = pseudonyms(&rows, column)
            .ok_or_else(|| WarehouseError::damaged(path, "a column holds no pseudonyms"))?;
        Ok((0..values.len()).map(|row| pseudonym(values, row)).collect())
    };
    groups.map(of_group).collect()
}

/// The dictionary of a column in a row group, if no page holds anything but places in it.
fn dictionary<R: ChunkReader + 'static>(
    source: &Arc<R>,
    group: &RowGroupMetaData,
    column: &str,
) -> Result<Option<Vec<Pseudonym>>, ParquetError> {
    let Some(chunk) = group.columns().iter().find(|chunk| chunk.column_path().string() == column) else {
        return Ok(None);
    };
    if chunk.dictionary_page_offset().is_none() || chunk.column_descr().type_length() != 16 {
        return Ok(None);
    }
    let rows = usize::try_from(group.num_rows()).unwrap_or_default();
    let mut pages = SerializedPageReader::new(source.clone(), chunk, rows, None)?;
    let mut values = None;
    while let Some(page) = pages.get_next_page()? {
        match page {
            Page::DictionaryPage { buf, .. } if buf.len().is_multiple_of(16) => {
                let value = |bytes: &[u8]| {
                    let mut value = [0; 16];
                    value.copy_from_slice(bytes);
                    Pseudonym::from_be_bytes(value)
                };
                values = Some(buf.chunks_exact(16).map(value).collect());
            }
            Page::DataPage { encoding: Encoding::RLE_DICTIONARY, .. }
            | Page::DataPageV2 { encoding: Encoding::RLE_DICTIONARY, .. } => {}
            _ => return Ok(None),
        }
    }
    Ok(values)
}
