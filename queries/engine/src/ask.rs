//! Questions: `ask` and `explain`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use skjerm_ledger::{Block, Request};
use skjerm_privacy::{Loss, Rho, rho_for_epsilon};
use skjerm_warehouse::Snapshot;
use skjerm_warehouse::policy::Role;

use crate::answer::{Answer, AnswerRef, AnswerSource, Bounds, ExpectedColumn, Explanation};
use crate::book::ledger_error;
use crate::caller::{Ask, Caller, Price};
use crate::engine::{Engine, PERSONS, require};
use crate::error::EngineError;
use crate::kept::without_numbers;
use crate::plan::{Bounding, NoisedTable, Origin, Plan, PrivateQuery, Question, half_widths, norms};
use crate::run::{self, RunError, SnapshotTable, Source, Sources};

impl Engine {
    /// Answers a question. Role `query`.
    ///
    /// # Privacy
    /// Each year read is charged the question's ρ before the data are read. The same question about the same
    /// snapshot at the same price is the stored answer, free: noise cannot be averaged away.
    pub async fn ask(&self, caller: &Caller, sql: &str, ask: &Ask) -> Result<Answer, EngineError> {
        let sql = &bounded(sql, ask);
        let planned = require(caller, Role::Query).and_then(|()| self.plan(sql, ask));
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
        self.rehearse(&plan).await.map_err(|error| self.noted(caller.name(), "sql", sql, error))?;
        self.affordable(caller, &plan, &snapshot)?;
        let mut answers = Vec::new();
        let mut ids: Vec<String> = Vec::new();
        let mut spent = false;
        let mut paid: BTreeMap<i32, u64> = BTreeMap::new();
        for (at, question) in plan.questions.iter().enumerate() {
            let part = part_read(question, &snapshot);
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
            let (stored, source) = self.pay_and_run(request, self.answer_of(&plan, at, &snapshot)?).await?;
            let table: NoisedTable = serde_json::from_str(&stored.body).map_err(|_| {
                tracing::error!(answer = stored.id, "a stored answer cannot be read");
                EngineError::uniform()
            })?;
            answers.push(table);
            if source == AnswerSource::Spent {
                spent = true;
                for year in &question.query.years {
                    *paid.entry(*year).or_default() += question.rho.nano();
                }
            }
            ids.push(stored.id);
        }
        let id = ids.join("+");
        let presented = run::present(&self.limits, &self.public, &plan, &answers, &id).await;
        let presented = presented.map_err(|error| {
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
        let source = if spent { AnswerSource::Spent } else { AnswerSource::Stored };
        let mut said = notes(&plan);
        for note in answers.into_iter().flat_map(|table| table.notes).chain(presented.notes) {
            if !said.contains(&note) {
                said.push(note);
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

    /// Price, expected half-widths and bounds of a question. Role `query`.
    ///
    /// # Privacy
    /// Made from the text, the policy and the ledger. Of the data, only the snapshot's id is used, to look for a
    /// stored answer.
    pub async fn explain(&self, caller: &Caller, sql: &str, ask: &Ask) -> Result<Explanation, EngineError> {
        require(caller, Role::Query)?;
        let plan = self.plan(&bounded(explained(sql).unwrap_or(sql), ask), ask)?;
        self.rehearse(&plan).await?;
        let snapshot = self.snapshot().await?;
        let mut free = true;
        for question in &plan.questions {
            let stored = self.ledger.lookup(&question.key(&part_read(question, &snapshot)));
            free &= stored.map_err(|error| ledger_error(&error))?.is_some();
        }
        let mut expected = Vec::new();
        let (mut columns, mut scaled_to) = (BTreeMap::new(), BTreeMap::new());
        for (name, origin) in plan.post.names.iter().zip(&plan.post.origins) {
            let Origin::Measured { question, term } = origin else { continue };
            let Some(question) = plan.questions.get(*question) else { continue };
            let of_term = question.query.vectors.iter().zip(&question.parts).filter(|(v, _)| v.term == *term);
            let mut widest: Option<[f64; 3]> = None;
            for (vector, part) in of_term {
                let in_one = question.query.parts_of(*term) as f64;
                let widths = half_widths(vector.bounding, *part)?.map(|width| width / in_one);
                widest = Some(widest.map_or(widths, |w| std::array::from_fn(|at| w[at].max(widths[at]))));
                let bounds = match vector.bounding {
                    Bounding::One => [0, 1],
                    Bounding::Norm { low, high, max_norm, given } => {
                        let [least, _, most] = norms(max_norm, given).map(|norm| norm / in_one);
                        let so_far = scaled_to.entry(name.clone()).or_insert([least, most]);
                        *so_far = [so_far[0].min(least), so_far[1].max(most)];
                        [low, high].map(|bound| bound / question.query.parts_of(*term))
                    }
                };
                columns.insert(name.clone(), bounds);
            }
            if let Some([at_least, half_width, at_most]) = widest {
                expected.push(ExpectedColumn { column: name.clone(), half_width, at_least, at_most });
            }
        }
        let queries = || plan.questions.iter().map(|question| &question.query);
        Ok(Explanation {
            privacy: self.statement(caller, PERSONS, &blocks(&plan.years()), plan.rho, false)?,
            expected,
            free,
            bounds: Bounds {
                max_groups: queries().map(PrivateQuery::max_groups).max().unwrap_or(1),
                max_rows: queries().map(|query| query.max_rows).max().unwrap_or(1),
                columns,
                norms: scaled_to,
                norm: norm_in_words(&plan).to_owned(),
            },
            cells: queries().map(PrivateQuery::cells).sum(),
            notes: notes(&plan),
        })
    }

    pub(crate) fn plan(&self, sql: &str, ask: &Ask) -> Result<Plan, EngineError> {
        let plan = |rho| Plan::new(&self.policy, &self.public, sql, rho);
        match ask.price {
            None => plan(None),
            Some(Price::Rho(rho)) => plan(Some(rho)),
            Some(Price::Epsilon(epsilon)) => {
                let delta = self.policy.budget.get(PERSONS).map_or(1e-6, |budget| budget.delta);
                if !epsilon.is_finite() || epsilon <= 0.0 {
                    return Err(EngineError::refused("ε must be a number above 0.")
                        .with_hint("Leave it out to pay the policy's default."));
                }
                plan(Some(rho_for_epsilon(epsilon, delta).as_f64()))
            }
            Some(Price::Within(half_width)) => self.plan_within(&plan, half_width),
        }
    }

    /// The cheapest plan whose measured columns are expected to be no wider than this.
    ///
    /// Half-widths fall with the root of ρ, but for the discreteness of the noise: two corrections find the price.
    fn plan_within(
        &self,
        plan: &dyn Fn(Option<f64>) -> Result<Plan, EngineError>,
        half_width: f64,
    ) -> Result<Plan, EngineError> {
        if !half_width.is_finite() || half_width <= 0.0 {
            return Err(EngineError::refused("A half-width must be a number above 0.")
                .with_hint("Leave it out to pay the policy's default."));
        }
        let most = self.policy.budget.get(PERSONS).map_or(0.0, |budget| budget.rho);
        let mut rho = self.policy.query.default_rho;
        for _ in 0..3 {
            let widest = widest(&plan(Some(rho))?)?;
            rho = (rho * (widest / half_width).powi(2) * 1.0001).max(self.policy.query.min_rho);
            if rho > most {
                let least = half_width * (rho / most).sqrt();
                return Err(EngineError::refused(format!(
                    "A half-width of {half_width} would cost ρ {rho:.4}, and a block has {most} in all."
                ))
                .with_hint(format!("For all of it the half-width would be about {least:.1}.")));
            }
        }
        plan(Some(rho))
    }

    /// Refuses what fails over any answers, before anything is charged. Reads no data.
    async fn rehearse(&self, plan: &Plan) -> Result<(), EngineError> {
        run::rehearse(&self.limits, &self.public, plan).await.map_err(|error| {
            tracing::info!(%error, "a question fails over its answers");
            EngineError::refused("What the question computes with its answers fails: a cast, a division by a whole 0, a subquery of several rows, or more rows than a million.")
                .with_hint("Nothing was charged. Ask for the aggregates alone to see what they look like.")
        })
    }

    /// Refuses a statement of several questions that together cost more than is left, before the first is charged.
    fn affordable(&self, caller: &Caller, plan: &Plan, snapshot: &Snapshot) -> Result<(), EngineError> {
        if plan.questions.len() < 2 {
            return Ok(());
        }
        let mut needed: BTreeMap<i32, u64> = BTreeMap::new();
        for question in &plan.questions {
            let stored = self.ledger.lookup(&question.key(&part_read(question, snapshot)));
            if stored.map_err(|error| ledger_error(&error))?.is_none() {
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
    fn answer_of(
        &self,
        plan: &Arc<Plan>,
        at: usize,
        snapshot: &Snapshot,
    ) -> Result<impl Future<Output = Result<String, RunError>> + Send + 'static, EngineError> {
        let question = plan.questions.get(at).ok_or_else(EngineError::uniform)?;
        let query = Arc::new(question.query.clone());
        let mut sources = Sources::new();
        for name in query.tables() {
            let table = self.policy.table(&name).ok_or_else(EngineError::uniform)?;
            let source = SnapshotTable::new(table, snapshot.tables.get(&name), &query.years);
            sources.insert(name, Source::Files(source));
        }
        let (limits, plan) = (self.limits.clone(), Arc::clone(plan));
        Ok(async move {
            let person_years = run::read(&limits, &sources, &query).await?;
            // The samplers block and cannot move between threads.
            tokio::task::spawn_blocking(move || {
                let question = plan.questions.get(at).ok_or(RunError::Layout)?;
                let table = run::noised(&question.query, &question.parts, person_years)?;
                serde_json::to_string(&table).map_err(|_| RunError::Layout)
            })
            .await
            .map_err(|_| RunError::Task)?
        })
    }
}

/// The question in `EXPLAIN PRIVACY …`.
pub fn explained(sql: &str) -> Option<&str> {
    let rest = ["explain", "privacy"].iter().try_fold(sql.trim_start(), |rest, word| {
        let (first, rest) = rest.split_at_checked(word.len())?;
        let ends = rest.starts_with(char::is_whitespace);
        (first.eq_ignore_ascii_case(word) && ends).then(|| rest.trim_start())
    });
    rest.filter(|rest| !rest.is_empty())
}

/// The question with the norm that the caller named beside it, as its text would name it.
fn bounded<'q>(sql: &'q str, ask: &Ask) -> Cow<'q, str> {
    match ask.norm {
        Some(norm) => Cow::Owned(format!("/*+ norm({norm}) */ {sql}")),
        None => Cow::Borrowed(sql),
    }
}

/// How vectors are bounded: the same in all questions of a plan, but for those that need no norm.
fn norm_in_words(plan: &Plan) -> &'static str {
    let mut vectors = plan.questions.iter().flat_map(|question| &question.query.vectors);
    let scaled = vectors.find(|vector| vector.bounding != Bounding::One);
    match scaled.map(|vector| vector.bounding) {
        Some(Bounding::Norm { given: Some(_), .. }) => {
            "Vectors of person-years longer than the length named in the question are scaled down to it; all of ρ pays for noise, and what is cut off will not be known."
        }
        Some(Bounding::Norm { given: None, .. }) => {
            "A tenth of each column's ρ pays a private look at the lengths of the person-years' vectors; vectors longer than the length chosen are scaled down to it, and a second interval says what that may have cut off."
        }
        Some(Bounding::One) | None => "One person-year counts once, in one cell; nothing is cut.",
    }
}

/// A client's name for its request, hashed: it may be anything, also somebody's number.
fn request_id(id: &str, question: usize) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("skjerm 2026 engine request id v2");
    hasher.update(&(question as u64).to_le_bytes());
    hasher.update(id.as_bytes()).finalize().to_hex()[..32].to_owned()
}

/// The widest half-width that is expected of a measured column.
fn widest(plan: &Plan) -> Result<f64, EngineError> {
    let mut widest = 0.0_f64;
    for question in &plan.questions {
        for (vector, part) in question.query.vectors.iter().zip(&question.parts) {
            let [_, expected, _] = half_widths(vector.bounding, *part)?;
            widest = widest.max(expected / question.query.parts_of(vector.term) as f64);
        }
    }
    Ok(widest)
}

/// The blocks of these years.
fn blocks(years: &BTreeSet<i32>) -> Vec<Block> {
    years.iter().map(|year| Block::new(PERSONS, year.to_string())).collect()
}

/// What holds of every answer to this question.
fn notes(plan: &Plan) -> Vec<String> {
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
    if plan.post.origins.contains(&Origin::Derived) {
        notes.push("Values computed from noised values have an interval for the noise of all of them together, drawn anew some hundred times.".to_owned());
    }
    notes
}

/// The part of the snapshot that a question reads. Its answer stands until that part changes.
fn part_read(question: &Question, snapshot: &Snapshot) -> String {
    let years = || question.query.years.iter().copied();
    let parts: Vec<String> =
        question.query.tables().iter().map(|table| snapshot.part_id(table, years())).collect();
    parts.join("+")
}
