//! A table of a snapshot as DataFusion reads it: exactly the files the snapshot names, nothing listed or guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::path::Path;
use skjerm_warehouse::policy::Table;
use skjerm_warehouse::{DataFile, TableSnapshot};

/// The files of one table and some years. The year comes from the snapshot, not from a path.
///
/// # Privacy
/// No statistics are given to DataFusion: a plan must not answer from a file's exact row counts.
#[derive(Debug)]
pub(crate) struct SnapshotTable {
    schema: SchemaRef,
    table: TableSchema,
    files: Vec<DataFile>,
}

impl SnapshotTable {
    /// The part of `snapshot` that holds `years`; a table without files is empty.
    pub(crate) fn new(table: &Table, snapshot: Option<&TableSnapshot>, years: &BTreeSet<i32>) -> Self {
        let year = Arc::new(Field::new("year", DataType::Int64, false));
        let file_schema = table.file_schema();
        let schema =
            Schema::new(file_schema.fields().iter().cloned().chain([Arc::clone(&year)]).collect::<Vec<_>>());
        let files = snapshot.map(|s| s.files.as_slice()).unwrap_or_default();
        Self {
            schema: Arc::new(schema),
            table: TableSchema::builder(file_schema).with_table_partition_cols(vec![year]).build(),
            files: files
                .iter()
                .filter(|f| f.year.is_some_and(|year| years.contains(&year)))
                .cloned()
                .collect(),
        }
    }
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
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.files.is_empty() {
            let schema = match projection {
                Some(projection) => Arc::new(self.schema.project(projection)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        // One group a shard: a person's rows of all years are in one group.
        let mut shards: BTreeMap<u8, Vec<PartitionedFile>> = BTreeMap::new();
        for file in &self.files {
            let mut part = PartitionedFile::new(String::new(), file.bytes);
            part.object_meta.location = Path::from_absolute_path(&file.path)?;
            part.partition_values = vec![ScalarValue::Int64(file.year.map(i64::from))];
            shards.entry(file.shard).or_default().push(part);
        }
        let source = Arc::new(ParquetSource::new(self.table.clone()));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(shards.into_values().map(FileGroup::new).collect())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
