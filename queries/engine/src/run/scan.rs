//! The rows of one table, a year and shard, as the places of their fields: without plan, batches and texts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::DataFusionError;
use datafusion::object_store::path::Path;
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use datafusion::parquet::arrow::async_reader::MetadataFetch;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use futures::{FutureExt, TryStreamExt};
use skjerm_warehouse::DataFile;

use super::error::RunError;
use super::lookup::Lookup;
use super::pages::{Pages, Part};
use super::source::SnapshotTable;
use crate::plan::YEAR;

/// Rows from which on a stretch is handed on, with those of the file that it ends in.
const STRETCH: usize = 1 << 15;
/// Bytes that are rather read than left out between two columns.
const GAP: u64 = 4096;
/// Bytes at the end of a file that are read at once: all of its footer, as a rule.
const FOOTER: usize = 8 * 1024;
/// Files that are fetched while those before them are looked at.
const AHEAD: usize = 4;

/// Rows in the order of their files.
pub(super) struct Stretch {
    pub(super) year: i64,
    pub(super) persons: Vec<[u8; 16]>,
    /// By field of the look-up.
    pub(super) places: Vec<Vec<u32>>,
}

/// Reads the fields of a look-up, of the columns that these names are of; gives stretch after stretch, each of one year, to `take`.
///
/// # Privacy
/// The rows come as the files have them. That a person-year's come together, and once, is checked by whoever takes them.
pub(super) async fn read(
    table: &SnapshotTable,
    lookup: &Lookup,
    columns: &BTreeMap<&str, &str>,
    mut take: impl FnMut(&Stretch) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let (mut files, mut ahead) = (table.files().iter().peekable(), FuturesOrdered::new());
    let mut pages = Pages::default();
    let mut stretch =
        Stretch { year: 0, persons: Vec::new(), places: vec![Vec::new(); lookup.names().count()] };
    loop {
        while let Some(file) = files.next_if(|_| ahead.len() < AHEAD) {
            ahead.push_back(Fetched::of(table, file, lookup, columns));
        }
        let Some(file) = ahead.try_next().await? else { break };
        if stretch.persons.len() >= STRETCH || stretch.year != file.year {
            stretch.hand_on(&mut take)?;
            stretch.year = file.year;
        }
        file.decode(&mut pages, lookup, &mut stretch)?;
    }
    stretch.hand_on(&mut take)
}

/// A file, in a folder or in a bucket.
struct Stored {
    store: Arc<dyn ObjectStore>,
    path: Path,
}

impl MetadataFetch for &Stored {
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
    async fn of(
        table: &SnapshotTable,
        file: &DataFile,
        lookup: &Lookup,
        columns: &BTreeMap<&str, &str>,
    ) -> Result<Self, RunError> {
        let year = i64::from(file.year.ok_or(RunError::Layout)?);
        let (store, path) = table.place(file)?;
        let stored = Stored { store, path };
        let reader = ParquetMetaDataReader::new().with_prefetch_hint(Some(FOOTER));
        let metadata = reader.load_and_finish(&stored, file.bytes).await?;
        let schema = metadata.file_metadata().schema_descr();
        let at = |name: &str| {
            schema.columns().iter().position(|column| column.name() == name).ok_or(RunError::Layout)
        };
        let fields = lookup.names().map(|name| match columns.get(name) {
            Some(column) => at(column).map(Some),
            None if name == YEAR => Ok(None),
            None => Err(RunError::Layout),
        });
        let person = at(table.person().ok_or(RunError::Layout)?)?;
        let fields = fields.collect::<Result<_, _>>()?;
        let mut fetched = Self { year, metadata, person, fields, parts: Vec::new() };
        fetched.parts = fetched.fetch(&stored).await?;
        Ok(fetched)
    }

    fn columns(&self) -> impl Iterator<Item = usize> {
        self.fields.iter().flatten().copied().chain([self.person])
    }

    /// The bytes of its columns, in as few pieces as makes sense.
    async fn fetch(&self, stored: &Stored) -> Result<Vec<Arc<Part>>, RunError> {
        let groups = self.metadata.row_groups();
        let range = |group: &RowGroupMetaData, column: usize| {
            let (start, length) = group.column(column).byte_range();
            start..start + length
        };
        let mut ranges: Vec<Range<u64>> =
            groups.iter().flat_map(|group| self.columns().map(move |column| range(group, column))).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        ranges.dedup_by(|next, range| {
            let is_near = next.start <= range.end + GAP;
            if is_near {
                range.end = range.end.max(next.end);
            }
            is_near
        });
        let starts: Vec<u64> = ranges.iter().map(|range| range.start).collect();
        let bytes = stored.store.get_ranges(&stored.path, &ranges).await.map_err(DataFusionError::from)?;
        Ok(starts.into_iter().zip(bytes).map(|(start, bytes)| Arc::new(Part { start, bytes })).collect())
    }

    fn decode(&self, pages: &mut Pages, lookup: &Lookup, into: &mut Stretch) -> Result<(), RunError> {
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
                        let place = lookup.place_of(at, chunk.column_type())?;
                        pages.read(part_of(*column)?, chunk, place, lookup.missing(at), places)?;
                    }
                    None => places.resize(rows, lookup.place_of_year(at, into.year)),
                }
                if places.len() != rows {
                    return Err(RunError::Layout);
                }
            }
        }
        Ok(())
    }
}

impl Stretch {
    /// Hands the rows on, if there are any, and has none then.
    fn hand_on(&mut self, take: &mut impl FnMut(&Self) -> Result<(), RunError>) -> Result<(), RunError> {
        if !self.persons.is_empty() {
            take(self)?;
            self.persons.clear();
            self.places.iter_mut().for_each(Vec::clear);
        }
        Ok(())
    }
}
