//! Questions: `ask`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use skjerm_ledger::{Block, Request};
use skjerm_privacy::{Loss, Rho};
use skjerm_warehouse::Snapshot;
use skjerm_warehouse::policy::{Grain, Policy, Role};

use crate::answer::{Answer, AnswerRef, AnswerSource};
use crate::book::ledger_error;
use crate::caller::{Ask, Caller};
use crate::engine::{Engine, PERSONS, require};
use crate::error::EngineError;
use crate::kept::without_numbers;
use crate::plan::{NoisedTable, Origin, Plan, PrivateQuery, Question, TIMES};
use crate::run::{self, Limits, RunError, SnapshotTable, Source, Sources};
use crate::turn::{Turn, Working};

impl Engine {
    /// Answers a question. Role `query`.
    ///
    /// # Privacy
    /// Each year read is charged the question's ρ before the data are read. The same question about the same
    /// snapshot at the same price is the stored answer, free: noise cannot be averaged away.
    pub async fn ask(&self, caller: &Caller, sql: &str, ask: &Ask) -> Result<Answer, EngineError> {
        let sql = &bounded(sql, ask);
        let refused = |error| self.noted(caller.name(), "sql", sql, error);
        require(caller, Role::Query).map_err(refused)?;
        let mut turn = self.turns.take(self.limits.deadline).await?;
        let plan = Arc::new(self.planned(&turn, sql, ask).await.map_err(refused)?);
        let snapshot = self.snapshot().await?;
        if snapshot.is_unloaded() {
            return Err(refused(nothing_loaded()));
        }
        self.rehearse(&turn, &plan).await.map_err(refused)?;
        self.affordable(caller, &plan, &snapshot, ask)?;
        let mut answers = Vec::new();
        let mut ids: Vec<String> = Vec::new();
        let (mut spent, mut released) = (false, false);
        let mut paid: BTreeMap<i32, u64> = BTreeMap::new();
        for (at, question) in plan.questions.iter().enumerate() {
            let part = part_read(question, &snapshot);
            let stored = self.ledger.lookup(&question.key(&part)).map_err(|error| ledger_error(&error))?;
            if stored.is_none()
                && let Some((id, table)) = self.released(question, &snapshot, ask)?
            {
                answers.push(table);
                ids.push(id);
                released = true;
                continue;
            }
            let id = ask.request.as_deref().map(|id| request_id(id, at));
            let request = Request {
                key: question.key(&part),
                id,
                who: caller.name().to_owned(),
                share: caller.share().to_owned(),
                kind: "sql".to_owned(),
                question: self.kept(sql),
                question_id: question.key(""),
                snapshot: part,
                charges: blocks(&question.query.years)
                    .into_iter()
                    .map(|block| (block, Loss::pure(question.rho)))
                    .collect(),
                bounds: question.bounds_in_words(),
                noise: question.noise_in_words()?,
                reason: ask.reason.as_deref().map(without_numbers),
                may_take: Duration::ZERO,
            };
            let work = self.work(&plan, at, &snapshot)?;
            let (stored, source) =
                self.pay_and_run(request, turn.clone(), |working| work.run(working)).await?;
            let table: NoisedTable = serde_json::from_str(&stored.body).map_err(|_| {
                tracing::error!(answer = stored.id, "a stored answer cannot be read");
                EngineError::uniform()
            })?;
            answers.push(table);
            if source == AnswerSource::Spent {
                spent = true;
                turn.paid();
                for year in &question.query.years {
                    *paid.entry(*year).or_default() += question.rho.nano();
                }
            }
            ids.push(stored.id);
        }
        let id = ids.join("+");
        let answers = Arc::new(answers);
        let presented = self.presented(&turn, &plan, &answers, &id).await.map_err(|error| {
            tracing::error!(%error, answer = id, "an answer could not be shown");
            EngineError::uniform()
        })?;
        // Behind the charge, where every failure is the same: the ledger's own would say that nothing was charged.
        let privacy = self
            .statement(
                caller,
                PERSONS,
                &blocks(&plan.years()),
                // What was paid now, of the year that paid most; the price of what was stored before.
                paid.values().max().map_or(plan.rho, |nano| Rho::from_nano(*nano)),
                spent,
            )
            .map_err(|_| EngineError::uniform())?;
        let source = source(spent, released);
        let mut said = notes(self.policy(), &plan);
        said.extend(released.then(|| READ_OFF.to_owned()));
        for note in answers.iter().flat_map(|table| &table.notes).chain(&presented.notes) {
            if !said.contains(note) {
                said.push(note.clone());
            }
        }
        Ok(Answer {
            columns: plan.post.names.clone(),
            rows: presented.rows,
            intervals: presented.intervals,
            with_bound: presented.with_bound,
            privacy,
            answer: AnswerRef { id, source },
            notes: said,
        })
    }

    pub(crate) async fn planned(&self, turn: &Turn, sql: &str, ask: &Ask) -> Result<Plan, EngineError> {
        let (planner, sql, ask) = (self.planner.clone(), sql.to_owned(), ask.clone());
        turn.plan(move || planner.plan(&sql, &ask)).await
    }

    /// Refuses what fails over any rows or answers, before anything is charged. Reads no data.
    pub(crate) async fn rehearse(&self, turn: &Turn, plan: &Arc<Plan>) -> Result<(), EngineError> {
        for question in &plan.questions {
            let sources = self.sources(&question.query, None)?;
            run::check(&sources, &question.query).map_err(|error| {
                tracing::error!(%error, "a question cannot be run");
                EngineError::fault("The question was understood and cannot be run, which is a defect of Skjerm; nothing was charged.")
                    .with_hint("Tell the steward; ask in other words, for instance for the columns that are used and no others.")
            })?;
        }
        let (limits, public, plan) =
            (self.limits.clone(), Arc::clone(&self.planner.public), Arc::clone(plan));
        let rehearsed = turn.aside(async move || run::rehearse(&limits, &public, &plan).await);
        match turn.in_time(rehearsed).await? {
            Ok(()) => Ok(()),
            Err(RunError::TooMuchWork) => Err(EngineError::refused("What the question computes with its answers goes through too many rows to be done some hundred times, as intervals of computed values need it.")
                .with_hint("Nothing was charged. Join the answers by their columns, group them coarser, or ask for the aggregates alone.")),
            Err(error) => {
                tracing::info!(%error, "a question fails over its answers");
                Err(EngineError::refused("What the question computes with its answers fails: a cast, a division by a whole 0, a subquery of several rows, or more rows than a million.")
                    .with_hint("Nothing was charged. Ask for the aggregates alone to see what they look like."))
            }
        }
    }

    /// What is shown of answers.
    async fn presented(
        &self,
        turn: &Turn,
        plan: &Arc<Plan>,
        answers: &Arc<Vec<NoisedTable>>,
        id: &str,
    ) -> Result<run::Presented, RunError> {
        let (limits, public) = (self.limits.clone(), Arc::clone(&self.planner.public));
        let (plan, answers, id) = (Arc::clone(plan), Arc::clone(answers), id.to_owned());
        turn.aside(async move || run::present(&limits, &public, &plan, &answers, &id).await).await
    }

    /// Refuses a statement of several questions that together cost more than is left, before the first is charged.
    fn affordable(
        &self,
        caller: &Caller,
        plan: &Plan,
        snapshot: &Snapshot,
        ask: &Ask,
    ) -> Result<(), EngineError> {
        if plan.questions.len() < 2 {
            return Ok(());
        }
        let mut needed: BTreeMap<i32, u64> = BTreeMap::new();
        for question in &plan.questions {
            let stored = self.ledger.lookup(&question.key(&part_read(question, snapshot)));
            let stored = stored.map_err(|error| ledger_error(&error))?.is_some();
            if !stored && self.released(question, snapshot, ask)?.is_none() {
                for year in &question.query.years {
                    *needed.entry(*year).or_default() += question.rho.nano();
                }
            }
        }
        for (year, nano) in needed {
            let block = Block::new(PERSONS, year.to_string());
            let left = self.remaining(caller, &block)?;
            if left.nano() < nano {
                return Err(EngineError::exhausted(format!(
                    "The questions of this statement cost ρ {} of {block} together, and ρ {left} is left for you; nothing was charged.",
                    Rho::from_nano(nano)
                ))
                .with_hint("Ask at a lower price, or in parts."));
            }
        }
        Ok(())
    }

    /// The work of a question, to be run after its charge.
    fn work(&self, plan: &Arc<Plan>, at: usize, snapshot: &Snapshot) -> Result<Work, EngineError> {
        let question = plan.questions.get(at).ok_or_else(EngineError::uniform)?;
        let query = Arc::new(question.query.clone());
        let sources = self.sources(&query, Some(snapshot))?;
        Ok(Work { limits: self.limits.clone(), sources, query, plan: Arc::clone(plan), at })
    }

    /// The tables of a question, of the years that it asks for; without a snapshot there is nothing in them.
    fn sources(&self, query: &PrivateQuery, snapshot: Option<&Snapshot>) -> Result<Sources, EngineError> {
        let mut sources = Sources::new();
        for name in query.tables() {
            let table = self.policy.table(&name).ok_or_else(EngineError::uniform)?;
            let of_table = snapshot.and_then(|snapshot| snapshot.tables.get(&name));
            let source = SnapshotTable::new(table, of_table, &query.years, &self.layouts);
            sources.insert(name, Source::Files(source));
        }
        Ok(sources)
    }
}

/// What a question has to be answered of.
struct Work {
    limits: Limits,
    sources: Sources,
    query: Arc<PrivateQuery>,
    plan: Arc<Plan>,
    at: usize,
}

impl Work {
    async fn run(self, working: Working) -> Result<String, RunError> {
        let person_years = run::read(&self.limits, &self.sources, &self.query).await?;
        // The samplers block and cannot move between threads.
        let noised = move || {
            let question = self.plan.questions.get(self.at).ok_or(RunError::Layout)?;
            run::noised(&question.query, &question.parts, person_years)
        };
        working.noised(noised).await
    }
}

/// Where an answer of several questions came from.
fn source(spent: bool, released: bool) -> AnswerSource {
    match (spent, released) {
        (true, _) => AnswerSource::Spent,
        (false, true) => AnswerSource::Release,
        (false, false) => AnswerSource::Stored,
    }
}

fn nothing_loaded() -> EngineError {
    EngineError::refused("Nothing was ever loaded into this warehouse; nothing was charged.")
        .with_hint("Load deliveries with `skjerm ingest`, or see that --dir names the right installation.")
}

/// Said of what a release answers.
pub(crate) const READ_OFF: &str = "Read off a release of the same data, by the least squares that made its tables: nothing is charged for that. Name a price to measure anew.";

/// The question with the norm and the weights that the caller named beside it, as its text would name them.
pub(crate) fn bounded<'q>(sql: &'q str, ask: &Ask) -> Cow<'q, str> {
    let norm = ask.norm.map(|norm| format!("/*+ norm({norm}) */ "));
    // A name cannot end the comment that it stands in, nor open another.
    let name = |name: &str| name.replace("*/", "*\u{fffd}").replace("/*", "\u{fffd}*").replace('"', "\"\"");
    let weights = ask.weights.iter().map(|(column, weight)| format!("\"{}\" => {weight}", name(column)));
    let weights = weights.collect::<Vec<_>>().join(", ");
    let weights = (!ask.weights.is_empty()).then(|| format!("/*+ weights({weights}) */ "));
    let hints: String = norm.into_iter().chain(weights).collect();
    if hints.is_empty() { Cow::Borrowed(sql) } else { Cow::Owned(hints + sql) }
}

/// A client's name for its request, hashed: it may be anything, also somebody's number.
fn request_id(id: &str, question: usize) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("skjerm 2026 engine request id v2");
    hasher.update(&(question as u64).to_le_bytes());
    hasher.update(id.as_bytes()).finalize().to_hex()[..32].to_owned()
}

/// The blocks of these years.
pub(crate) fn blocks(years: &BTreeSet<i32>) -> Vec<Block> {
    years.iter().map(|year| Block::new(PERSONS, year.to_string())).collect()
}

/// What holds of every answer to this question.
pub(crate) fn notes(policy: &Policy, plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    let years: Vec<String> = plan.years().iter().map(i32::to_string).collect();
    if let [first, .., last] = years.as_slice() {
        notes.push(format!(
            "Reads the {} years {first} to {last}, and pays ρ {} from each at most; a person counts anew in each year.",
            years.len(),
            plan.rho
        ));
    }
    notes.push("Every cell of the closed code lists is shown, also the empty ones; the noise can make a value negative.".to_owned());
    let several = |table: &str| policy.table(table).is_some_and(|table| table.grain != Grain::PersonYear);
    let cut: BTreeSet<&str> =
        plan.questions.iter().flat_map(|question| question.query.relation.cut_tables(&several)).collect();
    for table in cut.into_iter().filter_map(|table| policy.table(table)) {
        notes.push(format!(
            "A join of rows with rows reads {} rows of `{}` of a person-year at most; nothing says what that left out.",
            u64::from(table.max_rows).saturating_mul(TIMES),
            table.name
        ));
    }
    if plan.questions.iter().any(|question| !question.query.sharing().is_empty()) {
        notes.push("Columns measured together share ρ after the private looks, so that their errors are the same part of their sizes, or stand to each other as the weights in the question say; what is expected before is for shares that take all columns as alike.".to_owned());
    }
    if plan.post.origins.contains(&Origin::Derived) {
        notes.push("Values computed from noised values have an interval for the noise of all of them together, drawn anew some hundred times.".to_owned());
    }
    notes
}

/// The part of the snapshot that a question reads. Its answer stands until that part changes.
pub(crate) fn part_read(question: &Question, snapshot: &Snapshot) -> String {
    let years = || question.query.years.iter().copied();
    let parts: Vec<String> =
        question.query.tables().iter().map(|table| snapshot.part_id(table, years())).collect();
    parts.join("+")
}
