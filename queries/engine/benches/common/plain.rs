//! Plain DataFusion beside us: the same files as Hive partitions, as whoever knows the tool would declare them.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, SplitPoint};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::ListingOptions;
use datafusion::logical_expr::logical_plan::RangePartitioning;
use datafusion::logical_expr::{Partitioning, col};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use skjerm_warehouse::policy::Policy;

/// Two ways to ask: `usual` lets DataFusion spread files and rows over the cores; `declared` says how the files are split
/// and ordered, with the settings that our own runs have.
pub(crate) struct Plain {
    pub(crate) usual: SessionContext,
    pub(crate) declared: SessionContext,
}

impl Plain {
    pub(crate) fn new() -> Self {
        let usual = SessionContext::new();
        let mut config = SessionConfig::new();
        config.options_mut().execution.collect_statistics = false;
        config.options_mut().optimizer.enable_round_robin_repartition = false;
        config.options_mut().optimizer.repartition_file_scans = false;
        config.options_mut().optimizer.subset_repartition_threshold = 1;
        Self { usual, declared: SessionContext::new_with_config(config) }
    }

    /// Adds a table of the warehouse: a file a year and shard, each by person.
    pub(crate) async fn table(&self, policy: &Policy, name: &str, folder: &Path) {
        let path = folder.to_str().unwrap();
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
            .with_table_partition_cols(vec![("year".to_owned(), DataType::Int64)]);
        self.usual.register_listing_table(name, path, options.clone(), None, None).await.unwrap();
        let order = vec![col("year").sort(true, true), col("person").sort(true, true)];
        let files =
            policy.years.iter().flat_map(|year| (0..skjerm_warehouse::SHARDS).map(move |s| (year, s)));
        let split = files.skip(1).map(|(year, shard)| {
            let person = skjerm_warehouse::least_of_shard(shard).to_vec();
            SplitPoint::new(vec![
                ScalarValue::Int64(Some(year.into())),
                ScalarValue::FixedSizeBinary(16, Some(person)),
            ])
        });
        let split = RangePartitioning::try_new(order.clone(), split.collect()).unwrap();
        let options = options
            .with_file_sort_order(vec![order])
            .with_output_partitioning(Some(Partitioning::Range(split)));
        self.declared.register_listing_table(name, path, options, None, None).await.unwrap();
    }

    /// Adds a public table.
    pub(crate) async fn public(&self, name: &str, file: &Path) {
        for context in [&self.usual, &self.declared] {
            let options = ParquetReadOptions::default();
            context.register_parquet(name, file.to_str().unwrap(), options).await.unwrap();
        }
    }
}
