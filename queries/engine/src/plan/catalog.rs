//! What a question may name: the policy's tables as schemas without data, and a handful of functions.
//!
//! DataFusion's SQL planner asks a [`ContextProvider`] for tables and functions. This one knows the policy and
//! nothing else: no session, no file, no registry. A table function, a variable or a scalar function does not
//! exist here, and no expression planner can smuggle one in.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DataFusionError, Result, TableReference};
use datafusion::functions_aggregate::{average, count, min_max, sum};
use datafusion::logical_expr::planner::ContextProvider;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use skjerm_warehouse::policy::Policy;

/// A table's schema, without its data.
struct SchemaOnly(SchemaRef);

impl TableSource for SchemaOnly {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }
}

/// The policy as DataFusion's SQL planner sees it.
pub(super) struct Catalog<'a> {
    pub(super) policy: &'a Policy,
    pub(super) options: ConfigOptions,
}

static AGGREGATES: LazyLock<[Arc<AggregateUDF>; 5]> = LazyLock::new(|| {
    // min, max and avg are here so that the refusal can say what to ask instead.
    [count::count_udaf(), sum::sum_udaf(), average::avg_udaf(), min_max::min_udaf(), min_max::max_udaf()]
});

impl ContextProvider for Catalog<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let table = match &name {
            TableReference::Bare { table } => self.policy.table(table),
            TableReference::Partial { .. } | TableReference::Full { .. } => None,
        };
        if let Some(table) = table {
            return Ok(Arc::new(SchemaOnly(table.arrow_schema())));
        }
        let known: Vec<&str> = self.policy.tables.keys().map(String::as_str).collect();
        Err(DataFusionError::Plan(format!("there is no table {name}; the tables are {}", known.join(", "))))
    }

    fn get_function_meta(&self, _name: &str) -> Option<Arc<ScalarUDF>> {
        None
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        AGGREGATES.iter().find(|udaf| udaf.name() == name).cloned()
    }

    fn get_window_meta(&self, _name: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        AGGREGATES.iter().map(|udaf| udaf.name().to_owned()).collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
