//! The engine: one place that authenticates, plans, charges, reads and noises.
//!
//! The order is fixed: who asks → a turn → what is asked and what it costs → is there a stored answer → charge,
//! durably → read → noise, once → store. A caller who goes away does not stop a question that was charged.

use std::collections::BTreeMap;
use std::sync::Arc;

use skjerm_ledger::{Block, BlockStatus, FamilySum, Ledger};
use skjerm_privacy::{Rho, epsilon};
use skjerm_warehouse::policy::{Policy, Role};
use skjerm_warehouse::{Installation, Reference, Snapshot, Warehouse};

use crate::answer::PrivacyStatement;
use crate::book::{self, ledger_error};
use crate::caller::Caller;
use crate::error::EngineError;
use crate::planner::Planner;
use crate::public;
use crate::run::{Layouts, Limits, empty_stale_spill};
use crate::turn::Turns;

/// Family of privacy units whose blocks are calendar years.
pub(crate) const PERSONS: &str = "persons";
/// Family of privacy units whose blocks are count campaigns.
pub(crate) const SCENE: &str = "scene";

/// The engine of one installation.
pub struct Engine {
    pub(crate) policy: Arc<Policy>,
    pub(crate) warehouse: Warehouse,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) limits: Limits,
    /// Plans questions over the policy and the public tables.
    pub(crate) planner: Planner,
    /// What is known of files that were read.
    pub(crate) layouts: Arc<Layouts>,
    /// How many questions are worked on at once.
    pub(crate) turns: Turns,
}

impl Engine {
    /// Opens the installation: policy, warehouse and ledger; declares the policy's budgets, and notes in the
    /// ledger if another policy came into force.
    ///
    /// # Privacy
    /// Never begins a ledger, whatever else is there: see [`Engine::init_ledger`]. Refuses a book that is not as
    /// it was written, or older than what was last seen of it.
    pub fn open(installation: &Installation) -> Result<Self, EngineError> {
        let policy = Arc::new(
            Policy::load(&installation.policy_path()).map_err(|e| EngineError::refused(e.to_string()))?,
        );
        let warehouse = Warehouse::open(installation, Arc::clone(&policy))
            .map_err(|error| EngineError::stored(&error))?;
        let ledger = book::open(installation, &policy)?;
        empty_stale_spill(&installation.spill_dir());
        let limits = Limits::new(&policy.query, installation.spill_dir());
        let public = Arc::new(public::tables(&policy, warehouse.reference()));
        let planner = Planner { policy: Arc::clone(&policy), public };
        let turns = Turns::new(usize::try_from(policy.query.concurrent).unwrap_or(1));
        let layouts = Arc::default();
        Ok(Self { policy, warehouse, ledger: Arc::new(ledger), limits, planner, layouts, turns })
    }

    /// The caller of this name, with the policy's roles and share. Doors prove who somebody is; what that
    /// person may do is decided here.
    pub fn authenticate(&self, name: &str) -> Result<Caller, EngineError> {
        let analyst = self
            .policy
            .analyst(name)
            .ok_or_else(|| EngineError::not_permitted("The policy knows no analyst of this name."))
            .map_err(|error| self.noted(name, "login", "", error))?;
        Ok(Caller::new(analyst.name.clone(), analyst.roles.clone(), analyst.share.clone()))
    }

    /// Budgets, block by block.
    pub fn budget(&self) -> Result<Vec<BlockStatus>, EngineError> {
        self.ledger.status().map_err(|error| ledger_error(&error))
    }

    /// What a caller may still spend of a block: the least of the rests of the block, the share and the caller's own.
    pub fn remaining(&self, caller: &Caller, block: &Block) -> Result<Rho, EngineError> {
        let left = self.ledger.remaining(block, caller.share(), caller.name());
        left.map_err(|error| ledger_error(&error))
    }

    /// What somebody who is in every block of a family has lost, by family.
    pub fn budget_sums(&self) -> Result<Vec<FamilySum>, EngineError> {
        self.ledger.sums().map_err(|error| ledger_error(&error))
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Public reference data: residents by district, year and age band.
    pub fn reference(&self) -> &Reference {
        self.warehouse.reference()
    }

    /// Whether nothing is worked on, also for callers who went away.
    #[cfg(fuzzing)]
    pub fn is_idle(&self) -> bool {
        self.turns.free() == usize::try_from(self.policy.query.concurrent).unwrap_or(1)
    }

    /// Id of a year's person-years as they are now: what a release of that year is about. Reads the pointer and the
    /// tables' logs, and no row.
    pub async fn year_id(&self, year: i32) -> Result<String, EngineError> {
        Ok(self.snapshot().await?.part_id(crate::measure::marginals::TABLE, [year]))
    }

    /// The tables as they are now. Names files and holds no data; nothing is read of them here.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, EngineError> {
        self.warehouse.snapshot().await.map_err(|error| {
            tracing::error!(%error, "no snapshot");
            EngineError::fault("The warehouse could not be opened; nothing was charged.")
                .with_hint("`skjerm warehouse status` says more.")
        })
    }

    /// What an answer cost, and what the caller has left.
    pub(crate) fn statement(
        &self,
        caller: &Caller,
        family: &str,
        blocks: &[Block],
        rho: Rho,
        charged: bool,
    ) -> Result<PrivacyStatement, EngineError> {
        let delta = self.policy.budget.get(family).map_or(1e-6, |budget| budget.delta);
        let mut remaining = BTreeMap::new();
        for block in blocks {
            remaining.insert(block.to_string(), self.remaining(caller, block)?.as_f64());
        }
        let unit = if family == SCENE {
            "all observations of one individual in one campaign"
        } else {
            "all rows of one person in one calendar year (person-year)"
        };
        Ok(PrivacyStatement {
            rho: rho.as_f64(),
            epsilon: epsilon(rho, delta),
            delta,
            unit: unit.to_owned(),
            blocks: blocks.iter().map(Block::to_string).collect(),
            charged,
            remaining,
        })
    }
}

/// Refuses a caller without the role.
pub(crate) fn require(caller: &Caller, role: Role) -> Result<(), EngineError> {
    if caller.roles().contains(&role) {
        return Ok(());
    }
    Err(EngineError::not_permitted(format!(
        "`{}` does not have the role \"{}\".",
        caller.name(),
        role.as_str()
    ))
    .with_hint("Roles are given in the policy, by the steward."))
}
