//! The engine: one place that authenticates, plans, charges, reads and noises.
//!
//! The order is fixed: who asks → what is asked and what it costs → is there a stored answer → charge, durably →
//! read → noise, once → store. A caller who goes away does not stop a question that was charged.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use skjerm_ledger::{Begin, Block, BlockLimit, BlockStatus, Ledger, LedgerError, Request, StoredAnswer};
use skjerm_privacy::{Rho, epsilon};
use skjerm_warehouse::policy::{Policy, Role, UNKNOWN};
use skjerm_warehouse::{Installation, Reference, Snapshot, Warehouse};

use crate::answer::{AnswerSource, PrivacyStatement};
use crate::caller::Caller;
use crate::error::EngineError;
use crate::run::{Limits, RunError, empty_stale_spill, until_step};

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
    /// Questions being answered: a second asker of the same waits for the answer instead of paying for another.
    flights: Flights,
}

#[derive(Default)]
struct Flights(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Flights {
    fn of(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, flight| flight.strong_count() > 0);
        if let Some(flight) = flights.get(key).and_then(Weak::upgrade) {
            return flight;
        }
        let flight = Arc::new(tokio::sync::Mutex::new(()));
        flights.insert(key.to_owned(), Arc::downgrade(&flight));
        flight
    }
}

impl Engine {
    /// Begins the ledger of a new installation. The budgets are declared by the first [`Engine::open`], from the
    /// policy as the steward left it.
    ///
    /// # Privacy
    /// Refuses where a book, data or releases are there already: a new book would refill spent budgets.
    pub fn init_ledger(installation: &Installation) -> Result<(), EngineError> {
        let path = installation.ledger_path();
        if !path.exists() && !installation.is_unused() {
            return Err(missing_ledger(installation));
        }
        Ledger::create(&path).map(drop).map_err(|error| EngineError::fault(error.to_string()))
    }

    /// Opens the installation: policy, warehouse and ledger; declares the policy's budgets.
    ///
    /// # Privacy
    /// Never begins a ledger, whatever else is there: see [`Engine::init_ledger`].
    pub fn open(installation: &Installation) -> Result<Self, EngineError> {
        let fault = |error: &dyn std::error::Error| EngineError::fault(error.to_string());
        let policy = Arc::new(
            Policy::load(&installation.policy_path()).map_err(|e| EngineError::refused(e.to_string()))?,
        );
        let warehouse = Warehouse::open(installation, Arc::clone(&policy)).map_err(|e| fault(&e))?;
        let ledger = Ledger::open(&installation.ledger_path()).map_err(|error| match error {
            LedgerError::Missing { .. } => missing_ledger(installation),
            other => fault(&other),
        })?;
        ledger.declare(&blocks(&policy)?).map_err(|e| fault(&e))?;
        empty_stale_spill(&installation.spill_dir());
        let limits = Limits::new(&policy.query, installation.spill_dir());
        Ok(Self { policy, warehouse, ledger: Arc::new(ledger), limits, flights: Flights::default() })
    }

    /// The caller of this name, with the policy's roles and share. Doors prove who somebody is; what that
    /// person may do is decided here.
    pub fn authenticate(&self, name: &str) -> Result<Caller, EngineError> {
        let analyst = self
            .policy
            .analyst(name)
            .ok_or_else(|| EngineError::not_permitted("The policy knows no analyst of this name."))?;
        Ok(Caller::new(analyst.name.clone(), analyst.roles.clone(), analyst.share.clone()))
    }

    /// Budgets, block by block.
    pub fn budget(&self) -> Result<Vec<BlockStatus>, EngineError> {
        self.ledger.status().map_err(|error| ledger_error(&error))
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Public reference data: residents by district, year and age band.
    pub fn reference(&self) -> &Reference {
        self.warehouse.reference()
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

    /// A stored answer, or a charge followed by `work` and its storing.
    ///
    /// # Privacy
    /// The charge is durable before `work` is first polled, and nothing gives it back. Whatever goes wrong in
    /// `work`, and when the deadline passes, the caller sees the one uniform fault. The task goes on when the
    /// caller goes away. How long the work takes depends on the data: its end is made known, to the caller, to
    /// those who wait for the same answer and in the ledger, at a multiple of the policy's step only.
    pub(crate) async fn pay_and_run(
        &self,
        request: Request,
        work: impl Future<Output = Result<String, RunError>> + Send + 'static,
    ) -> Result<(StoredAnswer, AnswerSource), EngineError> {
        let ledger = Arc::clone(&self.ledger);
        let (deadline, step) = (self.limits.deadline, self.limits.step);
        let flight = self.flights.of(&request.key);
        let task = tokio::spawn(async move {
            let _alone = flight.lock().await;
            let begun = on_ledger(&ledger, move |ledger| ledger.begin(&request)).await?;
            let reservation = match begun {
                Begin::Stored(answer) => return Ok((answer, AnswerSource::Stored)),
                Begin::Reserved(reservation) => reservation,
            };
            let started = Instant::now();
            // A task of its own, so that a panic waits for the step as well.
            let outcome = match tokio::spawn(tokio::time::timeout(deadline, work)).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(RunError::Deadline),
                Err(_) => Err(RunError::Task),
            };
            tokio::time::sleep(until_step(started.elapsed(), step)).await;
            match outcome {
                Ok(body) => {
                    let settled = on_ledger(&ledger, move |ledger| ledger.settle(reservation, &body)).await;
                    // The charge was made: from here on every failure is the same.
                    settled.map(|answer| (answer, AnswerSource::Spent)).map_err(|_| EngineError::uniform())
                }
                Err(error) => {
                    tracing::error!(%error, reservation = reservation.id(), "a charged question failed");
                    // One reason for all: the history is shown to analysts.
                    let closed = on_ledger(&ledger, move |ledger| ledger.abandon(reservation, "fault")).await;
                    if closed.is_err() {
                        tracing::error!("the charged question could not be closed in the ledger");
                    }
                    Err(EngineError::uniform())
                }
            }
        });
        task.await.unwrap_or_else(|_| {
            tracing::error!("a charged question ended in a panic");
            Err(EngineError::uniform())
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
            let left = self.ledger.remaining(block, caller.share()).map_err(|error| ledger_error(&error))?;
            remaining.insert(block.to_string(), left.as_f64());
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

/// The book is gone, or was never begun.
fn missing_ledger(installation: &Installation) -> EngineError {
    let path = installation.ledger_path();
    if installation.is_unused() {
        return EngineError::fault(format!("The ledger {} is missing.", path.display()))
            .with_hint("Nothing was loaded or published here yet: `skjerm init` begins the ledger.");
    }
    EngineError::fault(format!(
        "The ledger {} is missing, but this installation holds data or releases.",
        path.display()
    ))
    .with_hint("Put back the kept copy; a new book would refill spent budgets.")
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

/// Runs one call of the ledger where blocking is allowed.
async fn on_ledger<T: Send + 'static>(
    ledger: &Arc<Ledger>,
    call: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, EngineError> {
    let ledger = Arc::clone(ledger);
    match tokio::task::spawn_blocking(move || call(&ledger)).await {
        Ok(result) => result.map_err(|error| ledger_error(&error)),
        Err(_) => Err(EngineError::fault("The ledger could not be used.")),
    }
}

/// An error of the ledger before a charge. Names blocks, shares and amounts; paths go to the log.
pub(crate) fn ledger_error(error: &LedgerError) -> EngineError {
    match error {
        LedgerError::Exhausted { block, share, asked, left } => {
            let share = share.as_ref().map(|share| format!(", share \"{share}\",")).unwrap_or_default();
            EngineError::exhausted(format!(
                "The budget of {block}{share} has ρ {left} left, and the question costs ρ {asked}. Nothing was charged."
            ))
            .with_hint("Ask at a lower ρ, name fewer years, or use a published release, which is free.")
        }
        LedgerError::UnknownBlock { .. }
        | LedgerError::UnknownShare { .. }
        | LedgerError::LimitDiffers { .. } => EngineError::fault(error.to_string()),
        LedgerError::Locked { .. } => {
            EngineError::fault("The ledger is in use by another process; nothing was charged.")
                .with_hint("Try again.")
        }
        other => {
            tracing::error!(error = %other, "ledger");
            EngineError::fault("The ledger could not be used; nothing was charged.")
        }
    }
}

/// The blocks of the policy's families.
fn blocks(policy: &Policy) -> Result<Vec<BlockLimit>, EngineError> {
    let mut blocks = Vec::new();
    for (family, budget) in &policy.budget {
        let names: Vec<String> = match family.as_str() {
            PERSONS => policy.years.iter().map(|year| year.to_string()).collect(),
            SCENE => policy
                .code_list("campaign")
                .map(|list| {
                    list.codes.iter().map(|c| c.code.clone()).filter(|code| code != UNKNOWN).collect()
                })
                .unwrap_or_default(),
            other => {
                return Err(EngineError::fault(format!(
                    "The policy has a budget for the unknown family \"{other}\"."
                )));
            }
        };
        let down = |error: skjerm_privacy::PrivacyError| EngineError::fault(error.to_string());
        let rho = Rho::from_f64_down(budget.rho).map_err(down)?;
        let mut shares = BTreeMap::new();
        for (share, fraction) in &budget.shares {
            shares.insert(share.clone(), rho.fraction(*fraction).map_err(down)?);
        }
        blocks.extend(names.into_iter().map(|name| BlockLimit {
            block: Block::new(family, name),
            rho,
            delta: budget.delta,
            shares: shares.clone(),
        }));
    }
    Ok(blocks)
}
