//! What a question may name: the policy's tables as schemas without data, and a handful of functions.
//!
//! DataFusion's SQL planner asks a [`ContextProvider`] for tables and functions. This one knows the policy and
//! nothing else: no session, no file, no registry. A table function, a variable or a scalar function does not
//! exist here, and no expression planner can smuggle one in.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DataFusionError, Result, TableReference};
use datafusion::functions::datetime;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, PlannerResult};
use datafusion::logical_expr::{AggregateUDF, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use skjerm_warehouse::policy::{Policy, TableKind};

use super::aggregate;

/// The public tables that answers may be joined with: reference data that anybody can look up.
pub(crate) type Public = BTreeMap<String, RecordBatch>;

/// A table's schema, without its data.
#[derive(Debug)]
pub(super) struct SchemaOnly(pub(super) SchemaRef);

impl TableSource for SchemaOnly {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }
}

/// The policy as DataFusion's SQL planner sees it.
pub(super) struct Catalog<'a> {
    pub(super) policy: &'a Policy,
    pub(super) public: &'a Public,
    pub(super) options: ConfigOptions,
}

/// `extract(… from …)` as a call of `date_part`, and no other words of expressions.
#[derive(Debug)]
struct Extract;

impl ExprPlanner for Extract {
    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(datetime::date_part().call(args)))
    }
}

static PLANNERS: LazyLock<[Arc<dyn ExprPlanner>; 1]> = LazyLock::new(|| [Arc::new(Extract)]);

impl ContextProvider for Catalog<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        if let TableReference::Bare { table } = &name {
            let protected = self.policy.table(table).map(|table| (table.kind, table.arrow_schema()));
            match protected {
                Some((TableKind::Protected, schema)) => return Ok(Arc::new(SchemaOnly(schema))),
                Some(_) => {
                    return Err(DataFusionError::Plan(format!(
                        "{name} holds no protected data and is not asked by SQL yet: it is in the figures of \
                         `skjerm release` and the dashboard"
                    )));
                }
                None => {}
            }
            if let Some(rows) = self.public.get(table.as_ref()) {
                return Ok(Arc::new(SchemaOnly(rows.schema())));
            }
        }
        let protected = self.policy.tables.values().filter(|table| table.kind == TableKind::Protected);
        let mut known: Vec<&str> = protected.map(|table| table.name.as_str()).collect();
        known.extend(self.public.keys().map(String::as_str));
        Err(DataFusionError::Plan(format!("there is no table {name}; the tables are {}", known.join(", "))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        PLANNERS.as_slice()
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        aggregate::scalar(name)
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        aggregate::aggregate(name)
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        aggregate::window(name)
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        aggregate::SCALARS.map(str::to_owned).to_vec()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        aggregate::AGGREGATES.map(str::to_owned).to_vec()
    }

    fn udwf_names(&self) -> Vec<String> {
        aggregate::WINDOWS.map(str::to_owned).to_vec()
    }
}
