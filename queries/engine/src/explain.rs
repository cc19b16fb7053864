//! What a question would cost and how sure its answer would be: `explain`.

use std::collections::BTreeMap;
use std::sync::Arc;

use skjerm_warehouse::policy::Role;

use crate::answer::{Bounds, ExpectedColumn, Explanation};
use crate::ask::{READ_OFF, blocks, bounded, notes, part_read};
use crate::book::ledger_error;
use crate::caller::{Ask, Caller};
use crate::engine::{Engine, PERSONS, require};
use crate::error::EngineError;
use crate::measure::span;
use crate::plan::{Bounding, Measured, NoisedTable, Origin, Plan, PrivateQuery, half_widths, norms};
use crate::run;
use crate::turn::Turn;

/// By question, what a release answers of it.
type ReadOff = Vec<Option<NoisedTable>>;

impl Engine {
    /// Price, expected half-widths and bounds of a question. Role `query`.
    ///
    /// # Privacy
    /// Made from the text, the policy and the ledger. Of the data, only the snapshot's id is used, to look for a
    /// stored answer.
    pub async fn explain(&self, caller: &Caller, sql: &str, ask: &Ask) -> Result<Explanation, EngineError> {
        require(caller, Role::Query)?;
        let turn = self.turns.take(self.limits.deadline).await?;
        let plan = Arc::new(self.planned(&turn, &bounded(explained(sql).unwrap_or(sql), ask), ask).await?);
        self.rehearse(&turn, &plan).await?;
        let snapshot = self.snapshot().await?;
        let mut free = true;
        let mut read_off = ReadOff::new();
        for question in &plan.questions {
            let stored = self.ledger.lookup(&question.key(&part_read(question, &snapshot)));
            let stored = stored.map_err(|error| ledger_error(&error))?.is_some();
            let released = if stored { None } else { self.released(question, &snapshot, ask)? };
            free &= stored || released.is_some();
            read_off.push(released.map(|(_, table)| table));
        }
        let (columns, norms) = bounds(&plan);
        let mut notes = notes(self.policy(), &plan);
        notes.extend(read_off.iter().any(Option::is_some).then(|| READ_OFF.to_owned()));
        let queries = || plan.questions.iter().map(|question| &question.query);
        Ok(Explanation {
            privacy: self.statement(caller, PERSONS, &blocks(&plan.years()), plan.rho, false)?,
            expected: self.expected(&turn, &plan, &read_off, &mut notes).await?,
            free,
            bounds: Bounds {
                max_groups: queries().map(PrivateQuery::max_groups).max().unwrap_or(1),
                max_rows: queries().map(|query| query.max_rows).max().unwrap_or(1),
                columns,
                norms,
                norm: norm_in_words(&plan).to_owned(),
            },
            cells: queries().map(PrivateQuery::cells).sum(),
            notes,
        })
    }

    /// The half-widths to expect, of all columns of which they follow from the noise alone; of the others `notes` say that
    /// they do not.
    async fn expected(
        &self,
        turn: &Turn,
        plan: &Arc<Plan>,
        read_off: &ReadOff,
        notes: &mut Vec<String>,
    ) -> Result<Vec<ExpectedColumn>, EngineError> {
        let factors = if plan.post.origins.contains(&Origin::Derived) {
            let (limits, public) = (self.limits.clone(), Arc::clone(&self.planner.public));
            let of = Arc::clone(plan);
            let factors = turn.aside(async move || run::factors(&limits, &public, &of).await);
            turn.in_time(factors).await?.map_err(|error| {
                tracing::error!(%error, "the factors of a question's columns");
                EngineError::fault(
                    "The widths of the question's columns could not be computed; nothing was charged.",
                )
                .with_hint("Ask for the aggregates alone.")
            })?
        } else {
            Vec::new()
        };
        let mut expected = Vec::new();
        let fields = plan.post.unordered.schema().fields();
        for (at, (name, origin)) in plan.post.names.iter().zip(&plan.post.origins).enumerate() {
            let widths = match origin {
                Origin::Key => continue,
                Origin::Measured { question, term } => vec![widths(plan, (*question, *term), read_off)?],
                Origin::Derived if !fields.get(at).is_some_and(|field| field.data_type().is_numeric()) => {
                    continue;
                }
                // What is read off a release goes together in ways that no sum of squares says.
                Origin::Derived if read_off.iter().any(Option::is_some) => Vec::new(),
                Origin::Derived => {
                    let rows = factors.get(at).and_then(Option::as_ref).map_or([].as_slice(), Vec::as_slice);
                    let rows = rows.iter().filter(|factors| !factors.is_empty());
                    rows.map(|factors| of_sum(plan, factors)).collect::<Result<_, EngineError>>()?
                }
            };
            let by_width = |a: &&[f64; 3], b: &&[f64; 3]| a[1].total_cmp(&b[1]);
            let (Some(least), Some(widest)) =
                (widths.iter().min_by(by_width), widths.iter().max_by(by_width))
            else {
                notes.push(format!(
                    "`{name}`: how wide its interval will be depends on the noised values it is computed from (that of a ratio on how large its parts are), and is known with the answer only."
                ));
                continue;
            };
            let [at_least, half_width, at_most] = *widest;
            if least[1] < 0.99 * half_width {
                notes.push(format!(
                    "`{name}`: its half-width differs from row to row; {half_width:.4} is the widest, {:.4} the least to expect.",
                    least[1]
                ));
            }
            expected.push(ExpectedColumn { column: name.clone(), half_width, at_least, at_most });
        }
        Ok(expected)
    }
}

/// Half-width of a measured column, at the best, to expect, and at the worst: the widest of its grouping sets.
fn widths(plan: &Plan, (question, term): Measured, read_off: &ReadOff) -> Result<[f64; 3], EngineError> {
    if let Some(Some(table)) = read_off.get(question) {
        return Ok([span::widest(table); 3]);
    }
    let question = plan.questions.get(question).ok_or_else(EngineError::uniform)?;
    let in_one = question.query.parts_of(term) as f64;
    let mut of_term = question.query.vectors.iter().zip(&question.parts).filter(|(v, _)| v.term == term);
    of_term.try_fold([0.0; 3], |widest: [f64; 3], (vector, part)| {
        let widths = half_widths(vector.bounding, *part)?.map(|width| width / in_one);
        Ok(std::array::from_fn(|at| widest[at].max(widths[at])))
    })
}

/// Half-widths of a sum of measured values with these factors.
fn of_sum(plan: &Plan, factors: &BTreeMap<Measured, f64>) -> Result<[f64; 3], EngineError> {
    let mut squares = [0.0; 3];
    for (measured, factor) in factors {
        let widths = widths(plan, *measured, &ReadOff::new())?;
        squares = std::array::from_fn(|at| squares[at] + (factor * widths[at]).powi(2));
    }
    Ok(squares.map(f64::sqrt))
}

/// What a person-year may add to a cell of each measured column, and the least and the most norm of those that are scaled.
fn bounds(plan: &Plan) -> (BTreeMap<String, [i64; 2]>, BTreeMap<String, [f64; 2]>) {
    let (mut columns, mut scaled_to) = (BTreeMap::new(), BTreeMap::new());
    for (name, origin) in plan.post.names.iter().zip(&plan.post.origins) {
        let Origin::Measured { question, term } = origin else { continue };
        let Some(question) = plan.questions.get(*question) else { continue };
        let parts = question.query.parts_of(*term);
        for vector in question.query.vectors.iter().filter(|vector| vector.term == *term) {
            let bounds = match vector.bounding {
                Bounding::One => [0, 1],
                Bounding::Norm { low, high, max_norm, given } => {
                    let [least, _, most] = norms(max_norm, given).map(|norm| norm / parts as f64);
                    let so_far = scaled_to.entry(name.clone()).or_insert([least, most]);
                    *so_far = [so_far[0].min(least), so_far[1].max(most)];
                    [low, high].map(|bound| bound / parts)
                }
            };
            columns.insert(name.clone(), bounds);
        }
    }
    (columns, scaled_to)
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
        Some(Bounding::One) | None if plan.questions.iter().any(|of| !of.query.sharing().is_empty()) => {
            "One person-year counts once, in one cell; nothing is cut. A tenth of each column's ρ pays a private look at how many persons it counts, for the columns' shares."
        }
        Some(Bounding::One) | None => "One person-year counts once, in one cell; nothing is cut.",
    }
}
