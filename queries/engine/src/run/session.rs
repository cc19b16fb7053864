//! DataFusion as the private plan runs on it: no catalog, no function registry, bounded memory, private spill.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream_partitioned};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use futures::stream::BoxStream;
use skjerm_warehouse::policy::QueryDefaults;

use super::error::RunError;

/// Spill of a run that was killed is older than any deadline.
const STALE_SPILL: Duration = Duration::from_hours(1);

/// The limits every run has, from the policy.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) memory_bytes: usize,
    pub(crate) spill: PathBuf,
    pub(crate) deadline: Duration,
    /// What was charged ends at a multiple of this time after its start.
    pub(crate) step: Duration,
}

impl Limits {
    pub(crate) fn new(query: &QueryDefaults, spill: PathBuf) -> Self {
        let mib = usize::try_from(query.memory_mib).unwrap_or(1024);
        Self {
            memory_bytes: mib.saturating_mul(1 << 20),
            spill,
            deadline: Duration::from_secs(query.timeout_seconds),
            step: Duration::from_millis(query.answer_step_ms),
        }
    }
}

impl Limits {
    /// Whether intermediate results can be written: asked before anything is charged.
    pub(crate) fn check_spill(&self) -> std::io::Result<()> {
        // Several questions ask at once, and each removes its own.
        static ASKED: AtomicU64 = AtomicU64::new(0);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.spill)?;
        let number = ASKED.fetch_add(1, Ordering::Relaxed);
        let probe = self.spill.join(format!(".probe-{}-{number}", std::process::id()));
        fs::write(&probe, [])?;
        fs::remove_file(&probe)
    }
}

/// How long what took `elapsed` has to wait for the next step.
pub(crate) fn until_step(elapsed: Duration, step: Duration) -> Duration {
    let step = step.as_nanos().max(1);
    Duration::from_nanos_u128(step - elapsed.as_nanos() % step)
}

/// Rows as they are read.
pub(crate) type Rows = BoxStream<'static, datafusion::common::Result<RecordBatch>>;

/// One run's session. A new one each time, so that nothing of a run is left in the next.
#[derive(Clone)]
pub(crate) struct RunSession {
    context: SessionContext,
    pool: Arc<dyn MemoryPool>,
}

impl RunSession {
    /// A session for small plans over answers, whose rows always come in the same order.
    pub(crate) fn in_order(limits: &Limits) -> Result<Self, RunError> {
        // They write nothing: what is answered is shown also where nothing can be written.
        Self::with(limits, Some(1), false)
    }

    pub(crate) fn new(limits: &Limits) -> Result<Self, RunError> {
        Self::with(limits, None, true)
    }

    /// A session for plans that each read a part of the tables: the parts share the cores, and no plan its rows.
    pub(crate) fn of_parts(limits: &Limits) -> Result<Self, RunError> {
        Self::with(limits, Some(1), true)
    }

    fn with(limits: &Limits, partitions: Option<usize>, spills: bool) -> Result<Self, RunError> {
        let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(limits.memory_bytes));
        let mode = if spills {
            DiskManagerMode::Directories(vec![limits.spill.clone()])
        } else {
            DiskManagerMode::Disabled
        };
        let disk = DiskManagerBuilder::default().with_mode(mode);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::clone(&pool))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let mut config =
            SessionConfig::new().with_information_schema(false).with_create_default_catalog_and_schema(false);
        if let Some(partitions) = partitions {
            config = config.with_target_partitions(partitions);
        }
        config.options_mut().execution.enable_recursive_ctes = false;
        config.options_mut().execution.collect_statistics = false;
        // What a plan learns while it runs must not be left for its next run.
        let optimizer = &mut config.options_mut().optimizer;
        optimizer.enable_dynamic_filter_pushdown = false;
        optimizer.enable_topk_dynamic_filter_pushdown = false;
        optimizer.enable_join_dynamic_filter_pushdown = false;
        optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        // The files are split and ordered as a run needs them: nothing moves rows between partitions to keep cores busy.
        config.options_mut().optimizer.enable_round_robin_repartition = false;
        config.options_mut().optimizer.repartition_file_scans = false;
        // A split by year and person serves a grouping by more columns, however few partitions there are.
        config.options_mut().optimizer.subset_repartition_threshold = 1;
        // `new`, not `new_with_default_features`: plans are built from expressions, no name is ever looked up.
        let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).build();
        Ok(Self { context: SessionContext::new_with_state(state), pool })
    }

    /// A scan to build a plan on.
    pub(crate) fn scan(name: &str, table: Arc<dyn TableProvider>) -> Result<LogicalPlanBuilder, RunError> {
        Ok(LogicalPlanBuilder::scan(name, provider_as_source(table), None)?)
    }

    /// Runs a plan. The rows come with the plan, which holds the tables and so the leases of their files: none is
    /// deleted before the last row is read.
    pub(crate) async fn stream(&self, plan: LogicalPlan) -> Result<Rows, RunError> {
        let tables = plan.clone();
        let rows = self.context.execute_logical_plan(plan).await?.execute_stream().await?;
        Ok(Box::pin(rows.inspect(move |_| {
            let _held = &tables;
        })))
    }

    /// A plan as it is run.
    pub(crate) async fn physical_plan(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, RunError> {
        Ok(self.context.state().create_physical_plan(plan).await?)
    }

    /// Runs such a plan partition by partition.
    pub(crate) fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<Vec<SendableRecordBatchStream>, RunError> {
        Ok(execute_stream_partitioned(plan, self.context.task_ctx())?)
    }

    /// How a plan would be run.
    #[cfg(test)]
    pub(crate) async fn physical(&self, plan: LogicalPlan) -> String {
        let plan = self.physical_plan(&plan).await.expect("planned");
        datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string()
    }

    /// Memory of our own, counted with DataFusion's.
    pub(crate) fn reserve(&self, name: &str) -> MemoryReservation {
        MemoryConsumer::new(name).register(&self.pool)
    }
}

/// Removes spill that a killed process left behind. Its files hold pseudonyms.
pub(crate) fn empty_stale_spill(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let stale = entry
            .metadata()
            .and_then(|m| m.modified())
            .is_ok_and(|t| SystemTime::now().duration_since(t).is_ok_and(|age| age > STALE_SPILL));
        if stale {
            let path = entry.path();
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if let Err(error) = removed {
                tracing::warn!(kind = ?error.kind(), "stale spill could not be removed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With one name for all, one would remove what another one is about to, and its question would be refused.
    #[test]
    fn many_ask_for_spill_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let limits =
            Limits::new(&skjerm_warehouse::policy::Policy::oslo().query, folder.path().join("spill"));
        std::thread::scope(|scope| {
            let ask = || (0..200).for_each(|_| limits.check_spill().expect("a folder that can be written"));
            (0..8).for_each(|_| drop(scope.spawn(ask)));
        });
        assert_eq!(fs::read_dir(folder.path().join("spill")).expect("a folder").count(), 0);
    }
}
