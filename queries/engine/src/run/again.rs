//! A plan over answers that is made once and run on each draw of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::plan_err;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::TryStreamExt;

use super::error::RunError;
use super::session::RunSession;
use crate::plan::Public;

/// The most rows that a question may make of its answers.
const MOST_ROWS: usize = 1 << 20;

/// A plan over answers and public tables, ready to be run.
///
/// Most of the time of a small plan goes into making it.
pub(super) struct Ready<'a> {
    session: &'a RunSession,
    plan: Arc<dyn ExecutionPlan>,
    /// What comes out where there are no rows.
    schema: SchemaRef,
    answers: HashMap<String, Arc<Shown>>,
}

impl<'a> Ready<'a> {
    /// For answers like these.
    pub(super) async fn new(
        session: &'a RunSession,
        public: &Public,
        plan: &LogicalPlan,
        answers: HashMap<String, RecordBatch>,
    ) -> Result<Self, RunError> {
        let answers: HashMap<String, Arc<Shown>> =
            answers.into_iter().map(|(name, rows)| (name, Arc::new(Shown::new(rows)))).collect();
        let filled = plan.clone().transform_down_with_subqueries(|node| {
            let LogicalPlan::TableScan(scan) = &node else { return Ok(Transformed::no(node)) };
            let name = scan.table_name.table();
            let table: Arc<dyn TableProvider> = match (answers.get(name), public.get(name)) {
                (Some(shown), _) => {
                    let shown = Arc::clone(shown) as Arc<dyn PartitionStream>;
                    Arc::new(StreamingTable::try_new(Arc::clone(shown.schema()), vec![shown])?)
                }
                (None, Some(rows)) => Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows.clone()]])?),
                (None, None) => return plan_err!("a table is missing"),
            };
            let scan = LogicalPlanBuilder::scan(scan.table_name.clone(), provider_as_source(table), None)?
                .build()?;
            Ok(Transformed::yes(scan))
        })?;
        let schema = Arc::new(filled.data.schema().as_arrow().clone());
        Ok(Self { session, plan: session.physical_plan(&filled.data).await?, schema, answers })
    }

    /// Runs it on these answers.
    pub(super) async fn run(&self, answers: HashMap<String, RecordBatch>) -> Result<RecordBatch, RunError> {
        for (name, rows) in answers {
            self.answers.get(&name).ok_or(RunError::Layout)?.show(rows)?;
        }
        // A join keeps the side that it held: of the draw before.
        let plan = reset_plan_states(Arc::clone(&self.plan))?;
        // One partition after the other: the parts of a UNION come in the order of the text.
        let mut batches: Vec<RecordBatch> = Vec::new();
        let mut rows = 0;
        for mut part in self.session.run(plan)? {
            while let Some(batch) = part.try_next().await? {
                rows += batch.num_rows();
                if rows > MOST_ROWS {
                    return Err(RunError::TooManyRows);
                }
                batches.push(batch);
            }
        }
        let schema = batches.first().map_or_else(|| Arc::clone(&self.schema), RecordBatch::schema);
        concat_batches(&schema, &batches).map_err(|_| RunError::Layout)
    }
}

/// The table of an answer: the rows that it is to show.
#[derive(Debug)]
struct Shown {
    schema: SchemaRef,
    rows: Mutex<RecordBatch>,
}

impl Shown {
    fn new(rows: RecordBatch) -> Self {
        Self { schema: rows.schema(), rows: Mutex::new(rows) }
    }

    fn show(&self, rows: RecordBatch) -> Result<(), RunError> {
        if rows.schema() != self.schema {
            return Err(RunError::Layout);
        }
        // A batch is replaced as a whole: there is nothing that a panic could have left half done.
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = rows;
        Ok(())
    }
}

impl PartitionStream for Shown {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rows = futures::stream::iter([Ok(rows)]);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}
