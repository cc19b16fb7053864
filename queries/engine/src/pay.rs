//! A stored answer, or a charge and the work that it pays for.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skjerm_ledger::{Begin, Ledger, Request, Reservation, StoredAnswer};

use crate::answer::AnswerSource;
use crate::book::on_ledger;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::run::{Limits, RunError, until_step};
use crate::turn::{Turn, Working};

/// How long the writing of an answer may take on top of the work itself, until a question counts as lost.
const SETTLING: Duration = Duration::from_mins(1);
/// How often somebody who waits for another's answer looks for it.
const LOOK: Duration = Duration::from_millis(50);

impl Engine {
    /// A stored answer, or a charge followed by `work` and its storing, in the time that is left of the turn. Who asks
    /// what somebody else is being answered just now, through any door or process, waits for that answer and pays
    /// nothing.
    ///
    /// # Privacy
    /// The charge is durable before `work` is first polled, and nothing gives it back. Whatever goes wrong in
    /// `work`, and when the deadline passes, the caller sees the one uniform fault. The task goes on when the
    /// caller goes away. How long the work takes depends on the data: its end is made known, to the caller, to
    /// those who wait for the same answer or for a turn, and in the ledger, at a multiple of the policy's step only.
    pub(crate) async fn pay_and_run<Work>(
        &self,
        mut request: Request,
        turn: Turn,
        work: impl FnOnce(Working) -> Work + Send + 'static,
    ) -> Result<(StoredAnswer, AnswerSource), EngineError>
    where
        Work: Future<Output = Result<String, RunError>> + Send + 'static,
    {
        let ledger = Arc::clone(&self.ledger);
        let limits = self.limits.clone();
        let (deadline, step) = (self.limits.deadline, self.limits.step);
        request.may_take = deadline + step + SETTLING;
        // A release or a count: its request id is its key.
        let planned = request.id.as_deref() == Some(request.key.as_str());
        let task = tokio::spawn(async move {
            let reservation = match begin(&ledger, request, &limits, &turn).await? {
                Ok(answer) => return Ok((answer, AnswerSource::Stored)),
                Err(reservation) => reservation,
            };
            let started = Instant::now();
            let work = work(turn.working(started, step));
            // A task of its own, so that a panic waits for the step as well.
            let outcome = match tokio::spawn(tokio::time::timeout(turn.left(), work)).await {
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
                    if planned {
                        // Left open, it is taken up under its charge when it is tried again, as after a crash: a
                        // year's release is not lost to a full memory. Twice at most.
                        return Err(EngineError::uniform());
                    }
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
}

/// The answer that is there, if need be after waiting for it, or else the charge.
async fn begin(
    ledger: &Arc<Ledger>,
    request: Request,
    limits: &Limits,
    turn: &Turn,
) -> Result<Result<StoredAnswer, Reservation>, EngineError> {
    let request = Arc::new(request);
    loop {
        // What is answered is free also where nothing can be written.
        let asked = Arc::clone(&request);
        if let Some(answer) = on_ledger(ledger, move |ledger| ledger.lookup(&asked.key)).await? {
            return Ok(Ok(answer));
        }
        turn.may_charge()?;
        limits.check_spill().map_err(|error| {
            tracing::error!(%error, "the folder for intermediate results");
            EngineError::fault("Intermediate results could not be written; nothing was charged.")
                .with_hint("Tell the steward: the installation's folder `spill` must be writable, and the disk not full.")
        })?;
        let asked = Arc::clone(&request);
        match on_ledger(ledger, move |ledger| ledger.begin(&asked)).await? {
            Begin::Stored(answer) => return Ok(Ok(answer)),
            Begin::Reserved(reservation) => return Ok(Err(reservation)),
            Begin::Failed(entry) => {
                return Err(EngineError::fault(format!(
                    "This request was charged before and came to nothing (entry {entry} of the ledger); nothing more was charged."
                ))
                .with_hint("Ask under a new request id, or a release or count at another ρ or after new data: that is a new question, and costs its price again."));
            }
            Begin::Running(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
