//! Codes as the files store them: a dictionary, and which of its entries each row has.
//!
//! The files say nothing of how they want to be read, and texts would be made anew for every row.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::object_store::ObjectStore;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema, parquet_to_arrow_schema};
use datafusion::parquet::errors::Result as ParquetResult;
use datafusion::parquet::file::metadata::{FileMetaData, KeyValue, ParquetMetaData};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;

/// A column of texts as one of codes; other columns as they are.
fn coded(field: &FieldRef) -> FieldRef {
    if *field.data_type() != DataType::Utf8 {
        return Arc::clone(field);
    }
    let codes = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Arc::new(Field::clone(field).with_data_type(codes))
}

/// A schema with codes for texts.
pub(super) fn schema(of: &Schema) -> SchemaRef {
    Arc::new(Schema::new(of.fields().iter().map(coded).collect::<Vec<_>>()))
}

/// Opens files so that their codes come as codes.
#[derive(Debug)]
pub(super) struct CodedFiles(DefaultParquetFileReaderFactory);

impl CodedFiles {
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self(DefaultParquetFileReaderFactory::new(store))
    }
}

impl ParquetFileReaderFactory for CodedFiles {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let file = self.0.create_reader(partition, file, metadata_size_hint, metrics)?;
        Ok(Box::new(CodedFile(file)))
    }
}

struct CodedFile(Box<dyn AsyncFileReader + Send>);

impl AsyncFileReader for CodedFile {
    fn get_bytes(&mut self, range: std::ops::Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<std::ops::Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move { Ok(Arc::new(hinted(self.0.get_metadata(options).await?)?)) }.boxed()
    }
}

/// Metadata as if the file itself said that its texts are codes.
fn hinted(metadata: Arc<ParquetMetaData>) -> ParquetResult<ParquetMetaData> {
    let mut metadata = Arc::unwrap_or_clone(metadata).into_builder();
    let groups = metadata.take_row_groups();
    let file = metadata.build();
    let file = file.file_metadata();
    let texts = parquet_to_arrow_schema(file.schema_descr(), None)?;
    let codes = KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(&schema(&texts)));
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        Some(vec![codes]),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    Ok(ParquetMetaData::new(file, groups))
}
