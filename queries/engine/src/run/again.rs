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

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use datafusion::prelude::SessionContext;
    use skjerm_warehouse::policy::Policy;

    use super::*;
    use crate::run::Limits;

    fn rows(values: &[i64]) -> RecordBatch {
        let keys: ArrayRef = Arc::new((0_i64..).take(values.len()).collect::<Int64Array>());
        let values: ArrayRef = Arc::new(values.iter().copied().collect::<Int64Array>());
        RecordBatch::try_from_iter_with_nullable([("k", keys, true), ("v", values, true)]).expect("rows")
    }

    fn draw(a: &[i64], b: &[i64]) -> HashMap<String, RecordBatch> {
        [("answer_1".to_owned(), rows(a)), ("answer_2".to_owned(), rows(b))].into()
    }

    /// Whatever an operator may keep of the draw before: a plan that was run says of the next draw what a new one says.
    #[tokio::test]
    async fn nothing_is_left_of_the_draw_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let limits = Limits::new(&Policy::oslo().query, folder.path().join("spill"));
        let session = RunSession::new(&limits).expect("a session");
        let (first, second) = (draw(&[1, 2, 3], &[4, 5, 6]), draw(&[70, 10, 40], &[9, 20, 30]));
        let context = SessionContext::new();
        for (name, rows) in &first {
            context.register_batch(name, rows.clone()).expect("a table");
        }
        for text in [
            "select a.k, a.v + b.v as s from answer_1 a join answer_2 b on a.k = b.k order by a.k",
            "select k, v - (select sum(v) from answer_2) as s from answer_1 order by k",
            "select k, v from answer_1 where v > (select avg(v) from answer_2) order by k",
            "select k, v, rank() over (order by v desc) as r, sum(v) over (order by k) as c from answer_1 order by k",
            "select v % 2 as odd, sum(v) as s from answer_1 group by 1 order by 1",
            "select v from answer_1 union all select v from answer_2 order by v desc limit 2",
            "select a.k, b.v from answer_1 a cross join answer_2 b order by a.k, b.v",
            "select k from answer_1 where v in (select v * 10 from answer_2 union all select 70) order by k",
            "with t as (select k, v from answer_1) select x.v, y.v as w from t x left join t y on x.v < y.v order by 1, 2",
        ] {
            let plan = context.sql(text).await.expect(text).into_unoptimized_plan();
            let public = Public::default();
            let again = Ready::new(&session, &public, &plan, first.clone()).await.expect(text);
            let of_first = again.run(first.clone()).await.expect(text);
            let of_second = again.run(second.clone()).await.expect(text);
            let new = Ready::new(&session, &public, &plan, second.clone()).await.expect(text);
            assert_eq!(of_second, new.run(second.clone()).await.expect(text), "{text}");
            assert_ne!(of_first, of_second, "{text}");
            assert_eq!(of_first, again.run(first.clone()).await.expect(text), "{text}");
        }
    }
}
