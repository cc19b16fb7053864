//! Bytes of a table's files: those of the columns that are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::DataFusionError;
use datafusion::common::runtime::SpawnedTask;
use datafusion::object_store::path::Path;
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use datafusion::parquet::arrow::async_reader::MetadataFetch;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    ParquetStatisticsPolicy, RowGroupMetaData,
};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use skjerm_warehouse::DataFile;

use super::columns::Columns;
use super::error::RunError;
use super::layout::{Layout, Layouts, Part, View};
use super::source::SnapshotTable;
use crate::plan::YEAR;

/// Bytes that are rather read than left out between two columns.
const GAP: u64 = if cfg!(test) { 64 } else { 4096 }; // a test's files have few rows, and several pieces all the same
/// Bytes at the end of a file that are read at once: all of its footer, as a rule.
const FOOTER: usize = 8 * 1024;
/// How many files are asked for at once from a bucket.
const AT_ONCE: usize = 4;

/// Begins to fetch files. Dropped, it reads those it began with in a folder, and stops in a bucket.
pub(super) fn begin(
    table: SnapshotTable,
    wanted: &Arc<Wanted>,
) -> Result<SpawnedTask<Result<Vec<Fetched>, RunError>>, RunError> {
    let (wanted, layouts) = (Arc::clone(wanted), Arc::clone(table.layouts()));
    Ok(match table.store() {
        None => SpawnedTask::spawn_blocking(move || {
            table.files().iter().map(|file| Fetched::of_file(file, &wanted)).collect()
        }),
        Some(store) => {
            let paths = table.files().iter().map(|file| Ok((table.locate(file)?, file.clone())));
            let paths = paths.collect::<Result<Vec<_>, DataFusionError>>()?;
            SpawnedTask::spawn(async move {
                let objects = paths.into_iter().map(|(path, file)| {
                    let object = Object { store: store.clone(), path };
                    let (wanted, layouts) = (&wanted, &layouts);
                    async move { Fetched::of_object(&object, &file, wanted, layouts).await }
                });
                futures::stream::iter(objects).buffered(AT_ONCE).try_collect().await
            })
        }
    })
}

/// Room for the columns of a file in a folder, one file after the other: to ask for it anew takes longer than to fill it.
#[derive(Default)]
pub(super) struct Room(Vec<u8>);

impl Room {
    /// Reads the columns that have these layouts.
    pub(super) fn read(
        &mut self,
        file: &DataFile,
        layouts: &[Arc<Layout>],
    ) -> Result<Vec<View<'_>>, RunError> {
        let ranges = of_layouts(layouts);
        let length = |range: &Range<u64>| usize::try_from(range.end - range.start);
        let all = ranges.iter().map(|range| range.end - range.start).sum::<u64>();
        let all = usize::try_from(all).map_err(|_| RunError::Layout)?;
        if self.0.len() < all {
            self.0.resize(all, 0);
        }
        let stored = File::open(&file.path).map_err(DataFusionError::from)?;
        let (mut left, mut views) = (&mut self.0[..], Vec::with_capacity(ranges.len()));
        for range in &ranges {
            let length = length(range).map_err(|_| RunError::Layout)?;
            let (into, rest) = left.split_at_mut_checked(length).ok_or(RunError::Layout)?;
            stored.read_exact_at(into, range.start).map_err(DataFusionError::from)?;
            views.push(View { start: range.start, bytes: into });
            left = rest;
        }
        Ok(views)
    }
}

/// The columns that are read, by their names.
pub(super) struct Wanted {
    /// That of the persons first.
    pub(super) names: Vec<Arc<str>>,
    /// By field of the look-up which of them; none for the year, which no file holds.
    pub(super) fields: Vec<Option<usize>>,
}

impl Wanted {
    pub(super) fn new(
        table: &SnapshotTable,
        columns: &Columns,
        names: &BTreeMap<&str, &str>,
    ) -> Result<Self, RunError> {
        let mut wanted = vec![Arc::from(table.person().ok_or(RunError::Layout)?)];
        let mut fields = Vec::new();
        for name in columns.names() {
            fields.push(match names.get(name) {
                Some(column) => {
                    wanted.push(Arc::from(*column));
                    Some(wanted.len() - 1)
                }
                None if name == YEAR => None,
                None => return Err(RunError::Layout),
            });
        }
        Ok(Self { names: wanted, fields })
    }

    /// Where they are in a file, and their bytes.
    fn columns(&self, metadata: &ParquetMetaData, bytes: u64) -> Result<Vec<usize>, RunError> {
        let schema = metadata.file_metadata().schema_descr();
        let at = |name: &Arc<str>| schema.columns().iter().position(|column| column.name() == &**name);
        let columns: Option<Vec<usize>> = self.names.iter().map(at).collect();
        let columns = columns.ok_or(RunError::Layout)?;
        let chunks = metadata.row_groups().iter();
        let mut chunks = chunks.flat_map(|group| columns.iter().map(|column| group.column(*column)));
        let is_within = |chunk: &ColumnChunkMetaData| {
            let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
            let end = u64::try_from(start).ok().zip(u64::try_from(chunk.compressed_size()).ok());
            end.and_then(|(start, length)| start.checked_add(length)).is_some_and(|end| end <= bytes)
        };
        let is_sound = chunks.all(is_within);
        drop(chunks);
        if is_sound { Ok(columns) } else { Err(RunError::Layout) }
    }
}

/// A file in a bucket.
struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
}

impl Object {
    async fn parts(&self, ranges: Vec<Range<u64>>) -> Result<Vec<Part>, RunError> {
        let bytes = self.store.get_ranges(&self.path, &ranges).await.map_err(DataFusionError::from)?;
        Ok(ranges.into_iter().zip(bytes).map(|(range, bytes)| Part { start: range.start, bytes }).collect())
    }
}

impl MetadataFetch for &Object {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        let read = async { self.store.get_range(&self.path, range).await };
        read.map(|read| read.map_err(|error| ParquetError::External(Box::new(error)))).boxed()
    }
}

/// The bytes of the columns of a file that are read.
pub(super) struct Fetched {
    pub(super) path: PathBuf,
    pub(super) year: i64,
    /// By column that is wanted.
    pub(super) layouts: Vec<Arc<Layout>>,
    /// Whether these were found out now, and nothing was read by them yet.
    pub(super) is_new: bool,
    parts: Vec<Part>,
}

impl Fetched {
    fn new(
        file: &DataFile,
        layouts: Vec<Arc<Layout>>,
        is_new: bool,
        parts: Vec<Part>,
    ) -> Result<Self, RunError> {
        Ok(Self { path: file.path.clone(), year: year_of(file)?, layouts, is_new, parts })
    }

    /// Of a file that was not read before.
    fn unknown(
        file: &DataFile,
        wanted: &Wanted,
        metadata: &ParquetMetaData,
        parts: Vec<Part>,
    ) -> Result<Self, RunError> {
        let columns = wanted.columns(metadata, file.bytes)?;
        let found = columns.into_iter().map(|column| Layout::of(metadata, column, &parts, file.bytes));
        let found = found.map(|layout| layout.map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        Self::new(file, found, true, parts)
    }

    pub(super) fn views(&self) -> Vec<View<'_>> {
        self.parts.iter().map(Part::view).collect()
    }

    /// Of one in a folder that was not read before. Two calls or three: the end of the file, and the columns.
    pub(super) fn of_file(file: &DataFile, wanted: &Wanted) -> Result<Self, RunError> {
        let stored = File::open(&file.path).map_err(DataFusionError::from)?;
        let read = |start: u64, end: u64| {
            // What a footer says may be wrong: no more room than the file has bytes.
            let length = usize::try_from(end.min(file.bytes).saturating_sub(start));
            let mut bytes = vec![0; length.map_err(|_| RunError::Layout)?];
            stored.read_exact_at(&mut bytes, start).map_err(DataFusionError::from)?;
            Ok::<_, RunError>(Part { start, bytes: bytes.into() })
        };
        let mut end = FOOTER as u64;
        let metadata = loop {
            let tail = read(file.bytes.saturating_sub(end), file.bytes)?;
            let mut reader = footer();
            match reader.try_parse_sized(&tail.bytes, file.bytes) {
                Ok(()) => break reader.finish()?,
                Err(ParquetError::NeedMoreData(needed)) if needed as u64 > end && end < file.bytes => {
                    end = needed as u64;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let ranges = of_chunks(&metadata, &wanted.columns(&metadata, file.bytes)?);
        let parts = ranges.into_iter().map(|range| read(range.start, range.end)).collect::<Result<_, _>>()?;
        Self::unknown(file, wanted, &metadata, parts)
    }

    async fn of_object(
        object: &Object,
        file: &DataFile,
        wanted: &Wanted,
        layouts: &Layouts,
    ) -> Result<Self, RunError> {
        if let Some(known) = layouts.of(&file.path, &wanted.names) {
            let parts = object.parts(of_layouts(&known)).await;
            let parts = parts.inspect_err(|_| layouts.forget(&file.path))?;
            return Self::new(file, known, false, parts);
        }
        let reader = footer().with_prefetch_hint(Some(FOOTER));
        let metadata = reader.load_and_finish(object, file.bytes).await?;
        let parts = object.parts(of_chunks(&metadata, &wanted.columns(&metadata, file.bytes)?)).await?;
        Self::unknown(file, wanted, &metadata, parts)
    }
}

/// The year of a file.
pub(super) fn year_of(file: &DataFile) -> Result<i64, RunError> {
    Ok(i64::from(file.year.ok_or(RunError::Layout)?))
}

/// Where the bytes of some columns are.
fn of_layouts(layouts: &[Arc<Layout>]) -> Vec<Range<u64>> {
    joined(layouts.iter().flat_map(|layout| layout.ranges()).collect())
}

/// The same by a footer.
fn of_chunks(metadata: &ParquetMetaData, columns: &[usize]) -> Vec<Range<u64>> {
    let range = |group: &RowGroupMetaData, column: usize| {
        let (start, length) = group.column(column).byte_range();
        start..start + length
    };
    let groups = metadata.row_groups().iter();
    joined(groups.flat_map(|group| columns.iter().map(move |column| range(group, *column))).collect())
}

/// These bytes, in as few pieces as makes sense.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, range| {
        let is_near = next.start <= range.end.saturating_add(GAP);
        if is_near {
            range.end = range.end.max(next.end);
        }
        is_near
    });
    ranges
}

/// What of a footer is needed: where columns are.
fn footer() -> ParquetMetaDataReader {
    let options = ParquetMetaDataOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll);
    ParquetMetaDataReader::new().with_metadata_options(Some(options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, FixedSizeBinaryArray, RecordBatch};
    use datafusion::parquet::arrow::ArrowWriter;

    /// A damaged footer can name any place: none outside of the file is asked for.
    #[test]
    fn columns_outside_of_a_file_are_a_fault() {
        let persons =
            FixedSizeBinaryArray::try_from_iter([[1_u8; 16], [2; 16]].into_iter()).expect("persons");
        let rows = RecordBatch::try_from_iter([("person", Arc::new(persons) as ArrayRef)]).expect("rows");
        let mut content = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut content, rows.schema(), None).expect("a writer");
        writer.write(&rows).and_then(|()| writer.close().map(drop)).expect("written");
        let content = Bytes::from(content);
        let wanted = Wanted { names: vec!["person".into()], fields: Vec::new() };
        let metadata = footer().parse_and_finish(&content).expect("a footer");
        let of = |bytes: u64| wanted.columns(&metadata, bytes);
        assert_eq!(of(content.len() as u64).expect("as it was written"), [0]);
        assert!(matches!(of(20), Err(RunError::Layout)));
    }
}
