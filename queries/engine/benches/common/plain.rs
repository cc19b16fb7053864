//! Plain DataFusion beside us: the same files as Hive partitions, as whoever knows the tool would declare them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, SplitPoint};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::ListingOptions;
use datafusion::logical_expr::logical_plan::RangePartitioning;
use datafusion::logical_expr::{Partitioning, col};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use skjerm_warehouse::Span;

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

    /// Adds a table of the warehouse: files of a year and a span of persons, each by person.
    pub(crate) async fn table(&self, name: &str, folder: &Path) {
        let path = folder.to_str().unwrap();
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
            .with_table_partition_cols(vec![("year".to_owned(), DataType::Int64)]);
        self.usual.register_listing_table(name, path, options.clone(), None, None).await.unwrap();
        let order = vec![col("year").sort(true, true), col("person").sort(true, true)];
        let split = files(folder).into_iter().skip(1).map(|(year, span)| {
            SplitPoint::new(vec![
                ScalarValue::Int64(Some(year.into())),
                ScalarValue::FixedSizeBinary(16, Some(span.least().to_vec())),
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

/// The files below a table's folder, by year and the persons that their names say.
fn files(folder: &Path) -> BTreeSet<(i32, Span)> {
    let entries = |folder: &Path| {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut found = BTreeSet::new();
    for folder in entries(folder) {
        let of_folder = name(&folder);
        let Some(year) = of_folder.strip_prefix("year=") else { continue };
        for file in entries(&folder) {
            let of_file = name(&file);
            let span = of_file.strip_prefix("part-").unwrap().split('-').next().unwrap();
            found.insert((year.parse().unwrap(), span.parse().unwrap()));
        }
    }
    found
}
