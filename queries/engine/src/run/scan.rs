//! The rows of one table, a year and shard, as the places of their fields: without plan, batches and texts.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
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
use super::pages::{Pages, Part};
use super::source::SnapshotTable;
use crate::plan::YEAR;

/// Rows from which on a stretch is handed on, with those of the file that it ends in.
pub(super) const STRETCH: usize = 1 << 15;
/// Bytes that are rather read than left out between two columns.
const GAP: u64 = 4096;
/// Bytes at the end of a file that are read at once: all of its footer, as a rule.
const FOOTER: usize = 8 * 1024;
/// Files that are fetched together: one after the other in a folder, where each takes less than handing it to another
/// thread.
const TOGETHER: usize = 16;
/// How many of these are asked for at once from a bucket.
const AT_ONCE: usize = 4;
/// How many times as many are fetched while those before them are looked at.
const AHEAD: usize = 2;

/// Rows in the order of their files: of one year, and all rows there are of a person in it.
#[derive(Default)]
pub(super) struct Stretch {
    pub(super) year: i64,
    pub(super) persons: Vec<[u8; 16]>,
    /// By field.
    pub(super) places: Vec<Vec<u32>>,
}

/// Reads fields of a table, stretch after stretch.
///
/// # Privacy
/// The rows come as the files have them. That a person-year's come together, and once, is checked by whoever takes them.
pub(super) struct Scan {
    columns: Arc<Columns>,
    wanted: Arc<Wanted>,
    files: std::vec::IntoIter<SnapshotTable>,
    ahead: VecDeque<SpawnedTask<Result<Vec<Fetched>, RunError>>>,
    fetched: VecDeque<Fetched>,
    pages: Pages,
}

impl Scan {
    /// Of the columns that these names of fields are of.
    pub(super) fn new(
        table: &SnapshotTable,
        columns: &Arc<Columns>,
        names: &BTreeMap<&str, &str>,
    ) -> Result<Self, RunError> {
        let wanted = Arc::new(Wanted::new(table, columns, names)?);
        let files = table.chunks(TOGETHER).collect::<Vec<_>>().into_iter();
        Ok(Self {
            columns: columns.clone(),
            wanted,
            files,
            ahead: VecDeque::new(),
            fetched: VecDeque::new(),
            pages: Pages::default(),
        })
    }

    /// Puts the next rows in place of those that are there; says whether there were any left.
    pub(super) async fn next(&mut self, stretch: &mut Stretch) -> Result<bool, RunError> {
        stretch.persons.clear();
        stretch.places.resize_with(self.wanted.fields.len(), Vec::new);
        stretch.places.iter_mut().for_each(Vec::clear);
        while stretch.persons.len() < STRETCH && self.fetch().await? {
            let is_next = |file: &Fetched| stretch.persons.is_empty() || file.year == stretch.year;
            let Some(file) = self.fetched.pop_front_if(|file| is_next(file)) else { break };
            stretch.year = file.year;
            file.decode(&mut self.pages, &self.columns, stretch)?;
        }
        Ok(!stretch.persons.is_empty())
    }

    /// Has the next file here, if there is one.
    async fn fetch(&mut self) -> Result<bool, RunError> {
        while self.fetched.is_empty() {
            while self.ahead.len() < AHEAD
                && let Some(files) = self.files.next()
            {
                self.ahead.push_back(begin(files, &self.wanted)?);
            }
            let Some(ahead) = self.ahead.pop_front() else { return Ok(false) };
            self.fetched = ahead.join().await.map_err(|_| RunError::Task)??.into();
        }
        Ok(true)
    }
}

/// Begins to fetch files. Dropped, it reads those it began with in a folder, and stops in a bucket.
fn begin(
    table: SnapshotTable,
    wanted: &Arc<Wanted>,
) -> Result<SpawnedTask<Result<Vec<Fetched>, RunError>>, RunError> {
    let wanted = wanted.clone();
    Ok(match table.store() {
        None => SpawnedTask::spawn_blocking(move || {
            table.files().iter().map(|file| Fetched::of_file(file, &wanted)).collect()
        }),
        Some(store) => {
            let paths = table.files().iter().map(|file| Ok((table.locate(file)?, file.clone())));
            let paths = paths.collect::<Result<Vec<_>, DataFusionError>>()?;
            SpawnedTask::spawn(async move {
                let objects = paths.into_iter().map(|(path, file)| {
                    let (object, wanted) = (Object { store: store.clone(), path }, &wanted);
                    async move { Fetched::of_object(&object, &file, wanted).await }
                });
                futures::stream::iter(objects).buffered(AT_ONCE).try_collect().await
            })
        }
    })
}

/// The columns that are read, by their names.
struct Wanted {
    /// The column of the persons.
    person: String,
    /// By field of the look-up; none for the year, which no file holds.
    fields: Vec<Option<String>>,
}

impl Wanted {
    fn new(table: &SnapshotTable, columns: &Columns, names: &BTreeMap<&str, &str>) -> Result<Self, RunError> {
        let fields = columns.names().map(|name| match names.get(name) {
            Some(column) => Ok(Some((*column).to_owned())),
            None if name == YEAR => Ok(None),
            None => Err(RunError::Layout),
        });
        let person = table.person().ok_or(RunError::Layout)?.to_owned();
        Ok(Self { person, fields: fields.collect::<Result<_, _>>()? })
    }
}

/// A file in a bucket.
struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
}

impl MetadataFetch for &Object {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        let read = async { self.store.get_range(&self.path, range).await };
        read.map(|read| read.map_err(|error| ParquetError::External(Box::new(error)))).boxed()
    }
}

/// The bytes of the columns of a file that are read.
struct Fetched {
    year: i64,
    metadata: ParquetMetaData,
    /// The column of the persons.
    person: usize,
    /// By field of the look-up; none for the year, which no file holds.
    fields: Vec<Option<usize>>,
    parts: Vec<Arc<Part>>,
}

impl Fetched {
    fn new(file: &DataFile, metadata: ParquetMetaData, wanted: &Wanted) -> Result<Self, RunError> {
        let year = i64::from(file.year.ok_or(RunError::Layout)?);
        let schema = metadata.file_metadata().schema_descr();
        let at = |name: &String| {
            schema.columns().iter().position(|column| column.name() == name).ok_or(RunError::Layout)
        };
        let person = at(&wanted.person)?;
        let fields = wanted.fields.iter().map(|name| name.as_ref().map(at).transpose());
        let fields = fields.collect::<Result<_, _>>()?;
        let fetched = Self { year, metadata, person, fields, parts: Vec::new() };
        let chunks = fetched.metadata.row_groups().iter();
        let mut chunks = chunks.flat_map(|group| fetched.columns().map(|column| group.column(column)));
        let is_within = |chunk: &ColumnChunkMetaData| {
            let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
            let end = u64::try_from(start).ok().zip(u64::try_from(chunk.compressed_size()).ok());
            end.and_then(|(start, length)| start.checked_add(length)).is_some_and(|end| end <= file.bytes)
        };
        let is_sound = chunks.all(is_within);
        drop(chunks);
        if is_sound { Ok(fetched) } else { Err(RunError::Layout) }
    }

    fn of_file(file: &DataFile, wanted: &Wanted) -> Result<Self, RunError> {
        let stored = File::open(&file.path).map_err(DataFusionError::from)?;
        let read = |start: u64, end: u64| {
            // What a footer says may be wrong: no more room than the file has bytes.
            let length = usize::try_from(end.min(file.bytes).saturating_sub(start));
            let mut bytes = vec![0; length.map_err(|_| RunError::Layout)?];
            stored.read_exact_at(&mut bytes, start).map_err(DataFusionError::from)?;
            Ok::<_, RunError>(Arc::new(Part { start, bytes: bytes.into() }))
        };
        // Two calls or three: the end of the file, and the columns.
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
        let mut fetched = Self::new(file, metadata, wanted)?;
        let parts = fetched.ranges().into_iter().map(|range| read(range.start, range.end));
        fetched.parts = parts.collect::<Result<_, _>>()?;
        Ok(fetched)
    }

    async fn of_object(object: &Object, file: &DataFile, wanted: &Wanted) -> Result<Self, RunError> {
        let reader = footer().with_prefetch_hint(Some(FOOTER));
        let metadata = reader.load_and_finish(object, file.bytes).await?;
        let mut fetched = Self::new(file, metadata, wanted)?;
        let ranges = fetched.ranges();
        let bytes = object.store.get_ranges(&object.path, &ranges).await.map_err(DataFusionError::from)?;
        let parts = ranges.into_iter().zip(bytes);
        fetched.parts = parts.map(|(range, bytes)| Arc::new(Part { start: range.start, bytes })).collect();
        Ok(fetched)
    }

    fn columns(&self) -> impl Iterator<Item = usize> {
        self.fields.iter().flatten().copied().chain([self.person])
    }

    /// Where the bytes of its columns are, in as few pieces as makes sense.
    fn ranges(&self) -> Vec<Range<u64>> {
        let groups = self.metadata.row_groups();
        let range = |group: &RowGroupMetaData, column: usize| {
            let (start, length) = group.column(column).byte_range();
            start..start + length
        };
        let mut ranges: Vec<Range<u64>> =
            groups.iter().flat_map(|group| self.columns().map(move |column| range(group, column))).collect();
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

    fn decode(&self, pages: &mut Pages, columns: &Columns, into: &mut Stretch) -> Result<(), RunError> {
        for group in self.metadata.row_groups() {
            let part_of = |column: usize| {
                let start = group.column(column).byte_range().0;
                let at = self.parts.partition_point(|part| part.start <= start).checked_sub(1);
                at.and_then(|at| self.parts.get(at)).ok_or(RunError::Layout)
            };
            let (persons, chunk) = (&mut into.persons, group.column(self.person));
            // Nobody is 16 zeros by being missing: the column has no missing values.
            if chunk.column_descr().max_def_level() > 0 || chunk.column_descr().type_length() != 16 {
                return Err(RunError::Layout);
            }
            let pseudonym = |value: &[u8]| value.try_into().unwrap_or_default();
            pages.read(part_of(self.person)?, chunk, pseudonym, [0; 16], persons)?;
            let rows = into.persons.len();
            for ((at, column), places) in self.fields.iter().enumerate().zip(&mut into.places) {
                match column {
                    Some(column) => {
                        let chunk = group.column(*column);
                        let place = columns.place_of(at, chunk.column_type())?;
                        pages.read(part_of(*column)?, chunk, place, columns.missing(at), places)?;
                    }
                    None => places.resize(rows, columns.place_of_number(at, into.year)),
                }
                if places.len() != rows {
                    return Err(RunError::Layout);
                }
            }
        }
        Ok(())
    }
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
    use arrow::array::{ArrayRef, FixedSizeBinaryArray, RecordBatch};
    use datafusion::parquet::arrow::ArrowWriter;
    use skjerm_warehouse::Span;

    use super::*;

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
        let wanted = Wanted { person: "person".to_owned(), fields: Vec::new() };
        let of = |bytes: u64| {
            let file = DataFile { path: "f".into(), year: Some(2024), span: Span::of_shard(0), bytes };
            Fetched::new(&file, footer().parse_and_finish(&content).expect("a footer"), &wanted).map(drop)
        };
        of(content.len() as u64).expect("as it was written");
        assert!(matches!(of(20), Err(RunError::Layout)));
    }
}
