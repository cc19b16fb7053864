//! Questions: `ask` and `explain`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use skjerm_ledger::{Block, Request};
use skjerm_privacy::Loss;
use skjerm_warehouse::Snapshot;
use skjerm_warehouse::policy::Role;

use crate::answer::{Answer, AnswerRef, AnswerSource, Bounds, ExpectedColumn, Explanation};
use crate::book::ledger_error;
use crate::caller::{Ask, Caller};
use crate::engine::{Engine, PERSONS, require};
use crate::error::EngineError;
use crate::kept::without_numbers;
use crate::plan::{Bounding, NoisedTable, Plan, half_widths};
use crate::run::{self, RunError, SnapshotTable};

impl Engine {
    /// Answers a question. Role `query`.
    ///
    /// # Privacy
    /// Each year read is charged the question's ρ before the data are read. The same question about the same
    /// snapshot at the same price is the stored answer, free: noise cannot be averaged away.
    pub async fn ask(&self, caller: &Caller, sql: &str, ask: &Ask) -> Result<Answer, EngineError> {
        let planned = require(caller, Role::Query).and_then(|()| Plan::new(&self.policy, sql, ask.rho));
        let plan = Arc::new(planned.map_err(|error| self.noted(caller.name(), "sql", sql, error))?);
        let snapshot = self.snapshot().await?;
        if snapshot.is_unloaded() {
            let nothing = EngineError::refused(
                "Nothing was ever loaded into this warehouse; nothing was charged.",
            )
            .with_hint(
                "Load deliveries with `skjerm ingest`, or see that --dir names the right installation.",
            );
            return Err(self.noted(caller.name(), "sql", sql, nothing));
        }
        let part = part_read(&plan, &snapshot);
        let request = Request {
            key: plan.key(&part),
            id: ask.request.as_deref().map(request_id),
            who: caller.name().to_owned(),
            share: caller.share().to_owned(),
            kind: "sql".to_owned(),
            question: self.kept(sql),
            question_id: plan.key(""),
            snapshot: part,
            charges: blocks(&plan).into_iter().map(|block| (block, Loss::pure(plan.rho))).collect(),
            bounds: plan.bounds_in_words(),
            noise: plan.noise_in_words()?,
            reason: ask.reason.as_deref().map(without_numbers),
            may_take: Duration::ZERO,
        };
        let (stored, source) =
            self.pay_and_run(request, self.answer_of(Arc::clone(&plan), &snapshot)?).await?;
        let damaged = || {
            tracing::error!(answer = stored.id, "a stored answer does not fit its question");
            EngineError::uniform()
        };
        let table: NoisedTable = serde_json::from_str(&stored.body).map_err(|_| damaged())?;
        let presented = plan.shown.present(&plan.query, &table).ok_or_else(damaged)?;
        // Behind the charge, where every failure is the same: the ledger's own would say that nothing was charged.
        let privacy = self
            .statement(caller, PERSONS, &blocks(&plan), plan.rho, source == AnswerSource::Spent)
            .map_err(|_| EngineError::uniform())?;
        Ok(Answer {
            columns: presented.columns,
            rows: presented.rows,
            intervals: presented.intervals,
            privacy,
            answer: AnswerRef { id: stored.id, source },
            notes: notes(&plan).into_iter().chain(table.notes).collect(),
        })
    }

    /// Price, expected half-widths and bounds of a question. Role `query`.
    ///
    /// # Privacy
    /// Made from the text, the policy and the ledger. Of the data, only the snapshot's id is used, to look for a
    /// stored answer.
    pub async fn explain(&self, caller: &Caller, sql: &str, ask: &Ask) -> Result<Explanation, EngineError> {
        require(caller, Role::Query)?;
        let plan = Plan::new(&self.policy, sql, ask.rho)?;
        let snapshot = self.snapshot().await?;
        let stored = self
            .ledger
            .lookup(&plan.key(&part_read(&plan, &snapshot)))
            .map_err(|error| ledger_error(&error))?;
        let mut expected = Vec::new();
        let mut columns = BTreeMap::new();
        for (name, aggregate) in plan.shown.noised() {
            let at = plan.query.aggregates.iter().position(|(a, _)| a == aggregate);
            let Some((bounding, part)) =
                at.and_then(|at| Some((plan.query.aggregates.get(at)?.1, plan.parts.get(at)?)))
            else {
                continue;
            };
            let [at_least, half_width, at_most] = half_widths(bounding, *part)?;
            expected.push(ExpectedColumn { column: name.to_owned(), half_width, at_least, at_most });
            let bounds = match bounding {
                Bounding::One => [0, 1],
                Bounding::Norm { low, high, .. } => [low, high],
            };
            columns.insert(name.to_owned(), bounds);
        }
        let scaled = plan.query.aggregates.iter().any(|(_, b)| *b != Bounding::One);
        let norm = if scaled {
            "A tenth of each column's ρ pays a private look at the lengths of the person-years' vectors; vectors longer than the length chosen are scaled down to it."
        } else {
            "One person-year counts once, in one cell; nothing is cut."
        };
        Ok(Explanation {
            privacy: self.statement(caller, PERSONS, &blocks(&plan), plan.rho, false)?,
            expected,
            free: stored.is_some(),
            bounds: Bounds {
                max_groups: plan.query.max_groups,
                max_rows: plan.query.max_rows.into(),
                columns,
                norm: norm.to_owned(),
            },
            cells: plan.query.cells.len(),
            notes: notes(&plan),
        })
    }

    /// The work of a question, to be run after its charge.
    fn answer_of(
        &self,
        plan: Arc<Plan>,
        snapshot: &Snapshot,
    ) -> Result<impl Future<Output = Result<String, RunError>> + Send + 'static, EngineError> {
        let table = self.policy.table(&plan.query.table).ok_or_else(EngineError::uniform)?;
        let source = SnapshotTable::new(table, snapshot.tables.get(&plan.query.table), &plan.query.years);
        let limits = self.limits.clone();
        Ok(async move {
            let person_years = run::read(&limits, Arc::new(source), &plan.query).await?;
            // The samplers block and cannot move between threads.
            tokio::task::spawn_blocking(move || {
                let table = run::noised(&plan.query, &plan.parts, person_years)?;
                serde_json::to_string(&table).map_err(|_| RunError::Layout)
            })
            .await
            .map_err(|_| RunError::Task)?
        })
    }
}

/// A client's name for its request, hashed: it may be anything, also somebody's number.
fn request_id(id: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("skjerm 2026 engine request id v1");
    hasher.update(id.as_bytes()).finalize().to_hex()[..32].to_owned()
}

/// The blocks a question reads.
fn blocks(plan: &Plan) -> Vec<Block> {
    plan.query.years.iter().map(|year| Block::new(PERSONS, year.to_string())).collect()
}

/// What holds of every answer to this question.
fn notes(plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    let years: Vec<String> = plan.query.years.iter().map(i32::to_string).collect();
    if let [first, .., last] = years.as_slice() {
        notes.push(format!(
            "Reads the {} years {first} to {last}, and pays ρ {} from each; a person counts anew in each year.",
            years.len(),
            plan.rho
        ));
    }
    notes.push("Every cell of the closed code lists is shown, also the empty ones; the noise can make a value negative.".to_owned());
    notes
}

/// The part of the snapshot that a question reads. Its answer stands until that part changes.
fn part_read(plan: &Plan, snapshot: &Snapshot) -> String {
    snapshot.part_id(&plan.query.table, plan.query.years.iter().copied())
}
