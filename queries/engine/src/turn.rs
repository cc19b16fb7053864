//! Turns: how many questions are worked on at once, and how long one may take from when it is asked.
//!
//! A question has the policy's `timeout_seconds` for all of it: waiting for a turn, planning, running. Half of it at
//! most may pass before the charge, so that nobody pays for a question that is left no time: who has no turn or no
//! plan by then is refused, and not charged. Turns come in the order of asking. Whatever works holds the turn: a
//! caller who goes away makes no room while the work goes on. The limit is that of one process.
//!
//! # Privacy
//! Who waits learns when the turns of others end, and so how long their questions took. What reads data gives its
//! turn back at a multiple of the policy's step after the charge (`pay`, [`Working`]): when its own caller hears of
//! it, and whatever became of it. A time in the queue thus says no more of the data than an asker's own waiting does,
//! the number of steps; and a refusal for want of a turn is made of such times and of nothing else. What a turn is
//! held for beside that, planning and showing, follows from texts, the policy and noised answers.
//! Not closed: turns share processors and disks, so that a question can be seen to run slower beside another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::EngineError;
use crate::run::{RunError, until_step};

/// The turns of an engine.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Arc<Semaphore>,
}

impl Turns {
    /// So many at once.
    pub(crate) fn new(concurrent: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(concurrent)) }
    }

    /// Waits for a turn. What has it `lasts` so long at most, from now on.
    pub(crate) async fn take(&self, lasts: Duration) -> Result<Turn, EngineError> {
        let asked = Instant::now();
        match timeout(lasts / 2, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn { _permit: Arc::new(permit), asked, lasts, has_paid: false }),
            _ => Err(EngineError::fault(format!(
                "Other questions were being worked on for {} seconds, and this one was not begun; nothing was charged.",
                (lasts / 2).as_secs_f64()
            ))
            .with_hint("Ask again later; the policy's `[query] concurrent` says how many are worked on at once.")),
        }
    }

    /// How many could begin now.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn free(&self) -> usize {
        self.free.available_permits()
    }
}

/// A turn, given back when nobody holds it any more.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    _permit: Arc<OwnedSemaphorePermit>,
    asked: Instant,
    lasts: Duration,
    has_paid: bool,
}

impl Turn {
    /// The time left in all.
    pub(crate) fn left(&self) -> Duration {
        self.lasts.saturating_sub(self.asked.elapsed())
    }

    /// From here on a part of the question is paid for.
    pub(crate) fn paid(&mut self) {
        self.has_paid = true;
    }

    /// Refuses what has too little time left to be charged for: before the first charge, with half of the time gone; behind
    /// it with three quarters gone, like whatever goes wrong there. What was stored by then is free when asked again.
    pub(crate) fn may_charge(&self) -> Result<(), EngineError> {
        if self.has_paid && self.left() <= self.lasts / 4 {
            tracing::error!("the time of a statement is up after some of its questions");
            return Err(EngineError::uniform());
        }
        if !self.has_paid && self.before_charge().is_zero() {
            return Err(self.too_late());
        }
        Ok(())
    }

    /// Plans where blocking is allowed. The turn is held until the planning has ended, whoever waits for it.
    pub(crate) async fn plan<T: Send + 'static>(
        &self,
        plan: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.may_charge()?;
        let held = self.clone();
        let planning = tokio::task::spawn_blocking(move || {
            let _held = held;
            plan()
        });
        self.in_time(planning).await?.map_err(|_| {
            EngineError::fault("The question could not be planned; nothing was charged.")
                .with_hint("Tell the steward: the program's log says more.")
        })?
    }

    /// Work with answers, which goes over all pairs of many rows before it waits for anything: where blocking is allowed. The turn is
    /// held until it has ended, whoever waits for it.
    pub(crate) async fn aside<T: Send + 'static, F: Future<Output = Result<T, RunError>>>(
        &self,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> Result<T, RunError> {
        let (held, runtime) = (self.clone(), Handle::current());
        let working = tokio::task::spawn_blocking(move || {
            let _held = held;
            runtime.block_on(work())
        });
        working.await.map_err(|_| RunError::Task)?
    }

    /// What has to happen before the charge.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, EngineError> {
        timeout(self.before_charge(), work).await.map_err(|_| self.too_late())
    }

    /// The turn, for work on data that was charged at `since`.
    pub(crate) fn working(&self, since: Instant, step: Duration) -> Working {
        Working { turn: Some(self.clone()), since, step }
    }

    /// As if it had been asked so much earlier.
    #[cfg(test)]
    pub(crate) fn ask_earlier(&mut self, by: Duration) {
        self.asked = self.asked.checked_sub(by).expect("a time");
    }

    fn before_charge(&self) -> Duration {
        (self.lasts / 2).saturating_sub(self.asked.elapsed())
    }

    fn too_late(&self) -> EngineError {
        EngineError::refused(format!(
            "The question could not be begun within {} seconds, for which it waited, was planned, or waited for the same question of somebody else; nothing was charged.",
            (self.lasts / 2).as_secs_f64()
        ))
        .with_hint("Ask again later, or for less at once.")
    }
}

/// A turn held by work on data, which may go on when nobody waits for it any more: whenever it ends, the turn is given back at
/// the next step.
#[derive(Debug)]
pub(crate) struct Working {
    turn: Option<Turn>,
    since: Instant,
    step: Duration,
}

impl Working {
    /// The last part of the work: noise, drawn where blocking is allowed, and the answer as the ledger stores it.
    pub(crate) async fn noised<T: serde::Serialize>(
        self,
        noise: impl FnOnce() -> Result<T, RunError> + Send + 'static,
    ) -> Result<String, RunError> {
        let run = move || {
            let _held = self;
            serde_json::to_string(&noise()?).map_err(|_| RunError::Layout)
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| RunError::Task)?
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        // Without a runtime nobody waits for a turn.
        let (Some(turn), Ok(runtime)) = (self.turn.take(), Handle::try_current()) else { return };
        let wait = until_step(self.since.elapsed(), self.step);
        runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            drop(turn);
        });
    }
}
