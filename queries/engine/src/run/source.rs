//! A table of a snapshot as DataFusion reads it: exactly the files the snapshot names, nothing listed or guessed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::object_store::ObjectStore;
use datafusion::object_store::path::Path;
use datafusion::physical_expr::expressions::col as physical_col;
use datafusion::physical_expr::{LexOrdering, Partitioning, PhysicalSortExpr, RangePartitioning, SplitPoint};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use skjerm_warehouse::policy::{ColumnRole, Grain, Table};
use skjerm_warehouse::{DataFile, Lease, Origin, Span, TableSnapshot};

use super::layout::Layouts;

/// The files of one table and some years. The year comes from the snapshot, not from a path. Holds the snapshot's
/// lease: whoever reads the files holds this.
///
/// # Privacy
/// No statistics of rows are given to DataFusion: a plan must not answer from a file's exact row counts. Of a file it is told the
/// span of persons that its name says, so that it knows the files of a partition to be in order.
///
/// Where the table has persons, the rows are declared to be split by year and person into one partition a shard, and
/// ordered so in each, file after file: a person's rows of a year are together without a shuffle. `DataFusion` believes it; the
/// warehouse has checked it on the very bytes of each file before it was committed, and the bounding layer checks on
/// every row that no person-year comes twice.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotTable {
    schema: SchemaRef,
    table: TableSchema,
    person: Option<String>,
    /// As many rows of a person in a year as the policy lets count; none where there is one anyway.
    max_rows: Option<u64>,
    /// In the order of year and person.
    files: Arc<[DataFile]>,
    /// Which of them.
    part: Range<usize>,
    origin: Origin,
    layouts: Arc<Layouts>,
    _lease: Lease,
}

impl SnapshotTable {
    /// The part of `snapshot` that holds `years`; a table without files is empty. The snapshot's files are in the order of year and
    /// person.
    pub(crate) fn new(
        table: &Table,
        snapshot: Option<&TableSnapshot>,
        years: &BTreeSet<i32>,
        layouts: &Arc<Layouts>,
    ) -> Self {
        let (schema, file_schema) = schemas(table.file_schema());
        let mut files = snapshot.map(|snapshot| Arc::clone(&snapshot.files)).unwrap_or_default();
        // A snapshot has them in this order. In another, files would be missed in silence.
        let place = |file: &DataFile| (file.year, file.span);
        if !files.is_sorted_by_key(place) {
            let mut sorted = files.to_vec();
            sorted.sort_by_key(place);
            files = sorted.into();
        }
        let is_asked = |file: &DataFile| file.year.is_some_and(|year| years.contains(&year));
        let first = files.iter().position(is_asked).unwrap_or(files.len());
        let mut part = first..first + files[first..].iter().take_while(|file| is_asked(file)).count();
        // Years with others between them are no part of the list.
        if files[part.end..].iter().any(is_asked) {
            files = files.iter().filter(|file| is_asked(file)).cloned().collect();
            part = 0..files.len();
        }
        Self {
            schema,
            table: file_schema,
            person: table.column_of(&ColumnRole::Person).map(str::to_owned),
            max_rows: (table.grain != Grain::PersonYear).then_some(table.max_rows.into()),
            part,
            files,
            origin: snapshot.map(|s| s.origin.clone()).unwrap_or_default(),
            layouts: Arc::clone(layouts),
            _lease: snapshot.map(|s| s.lease.clone()).unwrap_or_default(),
        }
    }

    /// Its files, in the order of year and person.
    pub(super) fn files(&self) -> &[DataFile] {
        &self.files[self.part.clone()]
    }

    /// What is known of files that were read.
    pub(super) fn layouts(&self) -> &Arc<Layouts> {
        &self.layouts
    }

    /// The column of the persons.
    pub(super) fn person(&self) -> Option<&str> {
        self.person.as_deref()
    }

    /// The most rows of a person in a year that count, where there can be several.
    pub(super) fn max_rows(&self) -> Option<u64> {
        self.max_rows
    }

    /// The bucket that has the files; none where they are in the file system.
    pub(super) fn store(&self) -> Option<Arc<dyn ObjectStore>> {
        self.origin.store().map(|(_, store)| store)
    }

    /// The name of a file there.
    pub(super) fn locate(&self, file: &DataFile) -> Result<Path> {
        Ok(self.origin.locate(file)?)
    }

    /// The years and shards that have a file.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> {
        self.files().chunk_by(|a, b| cell(a) == cell(b)).filter_map(|files| files.first()).map(cell)
    }

    /// The part of it that is in one year and shard: all rows of those whose rows are there.
    pub(crate) fn of_cell(&self, of: Cell) -> Self {
        let before = self.files().partition_point(|file| cell(file) < of);
        let with = self.files().partition_point(|file| cell(file) <= of);
        self.part_of(before..with)
    }

    /// Some of its files.
    pub(super) fn part_of(&self, files: Range<usize>) -> Self {
        Self { part: self.part.start + files.start..self.part.start + files.end, ..self.clone() }
    }

    /// Year and person, ascending: the order in each file, and that of the files among each other.
    fn order(&self, person: &str) -> Result<Option<LexOrdering>> {
        let ascending = |name| Ok(PhysicalSortExpr::new_default(physical_col(name, &self.schema)?));
        let columns: Vec<PhysicalSortExpr> =
            ["year", person].map(ascending).into_iter().collect::<Result<_>>()?;
        Ok(LexOrdering::new(columns))
    }

    /// Where each cell but the first begins.
    fn split_points(&self) -> Vec<SplitPoint> {
        let least = |(year, shard): Cell| {
            SplitPoint::new(vec![
                ScalarValue::Int64(year.map(i64::from)),
                pseudonym(Span::of_shard(shard).least()),
            ])
        };
        self.cells().skip(1).map(least).collect()
    }

    /// A file as `DataFusion` reads it, with the span of its persons, which is known of its name.
    fn part(&self, file: &DataFile) -> Result<PartitionedFile> {
        let mut part = PartitionedFile::new(String::new(), file.bytes);
        part.object_meta.location = self.origin.locate(file)?;
        part.partition_values = vec![ScalarValue::Int64(file.year.map(i64::from))];
        let columns = self.table.file_schema().fields().iter().map(|field| {
            if Some(field.name()) == self.person.as_ref() {
                ColumnStatistics::new_unknown()
                    .with_min_value(Precision::Inexact(pseudonym(file.span.least())))
                    .with_max_value(Precision::Inexact(pseudonym(file.span.greatest())))
            } else {
                ColumnStatistics::new_unknown()
            }
        });
        let statistics = Statistics { column_statistics: columns.collect(), ..Statistics::default() };
        part.statistics = Some(Arc::new(statistics));
        Ok(part)
    }
}

/// A year and a shard, in the order of year and person.
pub(crate) type Cell = (Option<i32>, u8);

fn cell(file: &DataFile) -> Cell {
    (file.year, file.span.shard())
}

fn pseudonym(bytes: [u8; 16]) -> ScalarValue {
    ScalarValue::FixedSizeBinary(16, Some(bytes.to_vec()))
}

/// The schema of a table whose files have this one, and how the year is put to it.
fn schemas(of_files: SchemaRef) -> (SchemaRef, TableSchema) {
    let year = Arc::new(Field::new("year", DataType::Int64, false));
    let schema =
        Schema::new(of_files.fields().iter().cloned().chain([Arc::clone(&year)]).collect::<Vec<_>>());
    (Arc::new(schema), TableSchema::builder(of_files).with_table_partition_cols(vec![year]).build())
}

#[async_trait::async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.files().is_empty() {
            let schema = match projection {
                Some(projection) => Arc::new(self.schema.project(projection)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let url = match self.origin.store() {
            None => ObjectStoreUrl::local_filesystem(),
            Some((url, store)) => {
                let url = ObjectStoreUrl::parse(url)?;
                state.runtime_env().register_object_store(url.as_ref(), store);
                url
            }
        };
        let cells = self.files().chunk_by(|a, b| cell(a) == cell(b));
        let groups = cells.map(|files| {
            let parts = files.iter().map(|file| self.part(file));
            Ok(FileGroup::new(parts.collect::<Result<_>>()?))
        });
        let groups = groups.collect::<Result<Vec<_>>>()?;
        let source = ParquetSource::new(self.table.clone());
        let mut config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit);
        if let Some(person) = &self.person
            && let Some(order) = self.order(person)?
        {
            let split = RangePartitioning::try_new(order.clone(), self.split_points())?;
            config = config
                .with_output_ordering(vec![order])
                .with_output_partitioning(Some(Partitioning::Range(split)));
        }
        let config = config.build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[cfg(test)]
mod tests {
    use skjerm_warehouse::policy::Policy;

    use super::*;

    #[test]
    fn a_table_has_the_files_of_its_years_and_no_others() {
        let policy = Policy::oslo();
        let table = policy.table("contact").expect("a table");
        let file = |(year, shard)| DataFile {
            path: format!("{year}-{shard}").into(),
            year: Some(year),
            span: Span::of_shard(shard),
            bytes: 1,
        };
        let files = (2021..=2024).flat_map(|year| [0, 3].map(|shard| file((year, shard))));
        // In whatever order they come.
        let files = files.rev();
        let snapshot = TableSnapshot { files: files.collect(), ..TableSnapshot::default() };
        for years in [&[][..], &[2021], &[2022, 2023], &[2024], &[2021, 2023, 2024], &[2019, 2022, 2030]] {
            let asked = years.iter().copied().collect();
            let table = SnapshotTable::new(table, Some(&snapshot), &asked, &Arc::default());
            let found: Vec<_> = table.files().iter().map(|file| (file.year, file.span.shard())).collect();
            let there = years.iter().filter(|year| (2021..=2024).contains(*year));
            let expected: Vec<_> = there.flat_map(|year| [(Some(*year), 0), (Some(*year), 3)]).collect();
            assert_eq!(found, expected);
            assert_eq!(table.cells().collect::<Vec<_>>(), expected);
            for cell in expected {
                assert_eq!(table.of_cell(cell).files().iter().map(super::cell).collect::<Vec<_>>(), [cell]);
            }
        }
    }
}
