//! A plan over answers that is made once and run on each draw of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

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
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::metrics::MetricValue;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{StreamExt, TryStreamExt};

use super::error::RunError;
use super::session::RunSession;
use crate::plan::Public;

/// The most rows that a question may make of its answers.
const MOST_ROWS: usize = 1 << 20;
/// So many rows of an answer go into its plan at once, and whoever waits is asked after each: joins look at all pairs with these before they
/// wait for anything.
const AT_ONCE: usize = 1 << 13;

/// A plan over answers and public tables, ready to be run.
///
/// Most of the time of a small plan goes into making it.
pub(super) struct Ready<'a> {
    session: &'a RunSession,
    plan: Arc<dyn ExecutionPlan>,
    /// What comes out where there are no rows.
    schema: SchemaRef,
    answers: HashMap<String, Arc<Shown>>,
    /// The rows of the largest table that it reads.
    largest: u64,
    /// What the first run took.
    work: OnceLock<u64>,
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
        let mut largest = 0;
        let filled = plan.clone().transform_down_with_subqueries(|node| {
            let LogicalPlan::TableScan(scan) = &node else { return Ok(Transformed::no(node)) };
            let name = scan.table_name.table();
            let table: Arc<dyn TableProvider> = match (answers.get(name), public.get(name)) {
                (Some(shown), _) => {
                    largest = shown.rows().max(largest);
                    let shown = Arc::clone(shown) as Arc<dyn PartitionStream>;
                    Arc::new(StreamingTable::try_new(Arc::clone(shown.schema()), vec![shown])?)
                }
                (None, Some(rows)) => {
                    largest = rows.num_rows().max(largest);
                    Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows.clone()]])?)
                }
                (None, None) => return plan_err!("a table is missing"),
            };
            let scan = LogicalPlanBuilder::scan(scan.table_name.clone(), provider_as_source(table), None)?
                .build()?;
            Ok(Transformed::yes(scan))
        })?;
        let schema = Arc::new(filled.data.schema().as_arrow().clone());
        let plan = session.physical_plan(&filled.data).await?;
        Ok(Self { session, plan, schema, answers, largest: largest as u64, work: OnceLock::new() })
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
        for mut part in self.session.run(Arc::clone(&plan))? {
            while let Some(batch) = part.try_next().await? {
                rows += batch.num_rows();
                if rows > MOST_ROWS {
                    return Err(RunError::TooManyRows);
                }
                batches.push(batch);
            }
        }
        self.work.get_or_init(|| work(&plan, self.largest));
        let schema = batches.first().map_or_else(|| Arc::clone(&self.schema), RecordBatch::schema);
        concat_batches(&schema, &batches).map_err(|_| RunError::Layout)
    }

    /// How much work the first run was: rows that the plan's operators gave on, and pairs of rows that its joins looked at. It follows from
    /// the answers, and not from how fast they were worked on.
    pub(super) fn work(&self) -> u64 {
        self.work.get().copied().unwrap_or(0)
    }
}

/// What a plan's operators did when it was run on tables of so many rows at most.
fn work(plan: &Arc<dyn ExecutionPlan>, largest: u64) -> u64 {
    let inputs = plan.children();
    let own = match plan.downcast_ref::<HashJoinExec>() {
        // Pairs with equal keys, of which a condition may have left few.
        Some(join) => {
            let fanout = join.metrics().and_then(|metrics| metrics.sum_by_name("avg_fanout"));
            let pairs = match fanout {
                Some(MetricValue::Ratio { ratio_metrics, .. }) => ratio_metrics.part() as u64,
                _ => 0,
            };
            given(plan, largest).max(pairs)
        }
        // Any other join looks at all pairs.
        None if inputs.len() > 1 && plan.name().contains("Join") => {
            inputs.iter().map(|input| given(input, largest)).fold(1, u64::saturating_mul)
        }
        None => given(plan, largest),
    };
    inputs.into_iter().map(|input| work(input, largest)).fold(own, u64::saturating_add)
}

/// Rows that an operator gave on; of one that does not count them, what it was given.
fn given(plan: &Arc<dyn ExecutionPlan>, largest: u64) -> u64 {
    let inputs = plan.children();
    match plan.metrics().and_then(|metrics| metrics.output_rows()) {
        Some(rows) => rows as u64,
        None if inputs.is_empty() => largest,
        None => inputs.into_iter().map(|input| given(input, largest)).fold(0, u64::saturating_add),
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

    /// How many rows it shows.
    fn rows(&self) -> usize {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).num_rows()
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
        let firsts = (0..rows.num_rows()).step_by(AT_ONCE);
        let rows = futures::stream::iter(firsts).then(move |first| {
            let some = rows.slice(first, AT_ONCE.min(rows.num_rows() - first));
            async move {
                if first > 0 {
                    tokio::task::yield_now().await;
                }
                Ok(some)
            }
        });
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

    /// What a plan does is counted, and not how long it takes: pairs that a join looks at also where it keeps none of them.
    #[tokio::test]
    async fn work_is_the_rows_and_pairs_that_are_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let limits = Limits::new(&Policy::oslo().query, folder.path().join("spill"));
        let session = RunSession::new(&limits).expect("a session");
        let numbers: Vec<i64> = (0..100).collect();
        let answers = draw(&numbers, &numbers);
        let context = SessionContext::new();
        for (name, rows) in &answers {
            context.register_batch(name, rows.clone()).expect("a table");
        }
        for (text, work) in [
            ("select k, v + 1 as w from answer_1", 100..=300),
            ("select k, v from answer_1 where v < 0", 100..=300),
            ("select a.v, b.v as w from answer_1 a join answer_2 b on a.k = b.k", 300..=900),
            ("select sum(a.v) as s from answer_1 a cross join answer_2 b", 10_000..=31_000),
            ("select a.v from answer_1 a join answer_2 b on a.v + b.v < 0", 10_000..=11_000),
            (
                "select a.v from answer_1 a join answer_2 b on a.v % 2 = b.v % 2 and a.v + b.v < 0",
                5_000..=6_000,
            ),
        ] {
            let plan = context.sql(text).await.expect(text).into_unoptimized_plan();
            let ready = Ready::new(&session, &Public::default(), &plan, answers.clone()).await.expect(text);
            ready.run(answers.clone()).await.expect(text);
            assert!(work.contains(&ready.work()), "{}: {text}", ready.work());
            // Of the first run.
            let of_first = ready.work();
            ready.run(draw(&[1], &[1])).await.expect(text);
            assert_eq!(ready.work(), of_first);
        }
    }
}
