//! From noised tables to the rows that a question shows, with an interval for each noised value.
//!
//! # Privacy
//! All of it is post-processing: it reads noised tables, keys from the policy and public tables.
//!
//! # Intervals
//! A value that was measured has the interval of its noise. For a value that is computed (a ratio, a difference, a rate
//! per resident) the noise is drawn again, [`DRAWS`] times, with its known standard deviation around the noised values,
//! the question's own plan is run on each draw, and what comes out gives the interval: the parametric bootstrap (Efron and
//! Tibshirani 1993, ch. 6) with bias-corrected percentiles ([`bootstrap`]), which needs no formula a function. The draws
//! follow from the answers' ids, so that the same answer always has the same interval. A plan with which that takes too much work, counted in
//! rows, is refused before the charge ([`rehearse`]).
//!
//! A second, wider interval holds what bounds cut off too: [`super::cut`]. What was cut off pushes its draws to one side on
//! purpose, so their percentiles are taken as they are.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::LogicalPlan;
use serde_json::{Number, Value as Json};
use skjerm_privacy::interval::{bootstrap, percentiles};

use super::again::Ready;
use super::cut::{Around, Cuts, hull, said};
use super::draws::{DRAWS, Draws};
use super::error::RunError;
use super::session::{Limits, RunSession};
use crate::plan::{
    CONFIDENCE, Cells, Lost, NoisedColumn, NoisedTable, Origin, Plan, Post, Public, Question, json,
};

/// Of so many draws a computed value must come out, or it has no interval.
const ENOUGH: usize = DRAWS / 4;

/// How much work drawing noise may be, in rows that operators give on or joins look at ([`Ready::work`]): some seconds, also for the
/// fuzzer, whose libraries are not optimised.
const MOST_WORK: u64 = if cfg!(fuzzing) { 1 << 23 } else { 1 << 30 };
/// Conditions on noised values leave other rows than on those it was rehearsed with: what was paid for is drawn also where that makes
/// more work, up to so many times as much.
const SLACK: u64 = 4;
/// Said where that is not enough.
const NOT_DRAWN: &str = "Computing this with its answers takes so long that it was not done some hundred times: computed values have no interval, or not the one for what bounds may have cut off.";

/// The shown table.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) rows: Vec<Vec<Json>>,
    pub(crate) intervals: BTreeMap<String, Vec<[f64; 2]>>,
    /// The wider ones, where it is known what bounds cut off.
    pub(crate) with_bound: BTreeMap<String, Vec<[f64; 2]>>,
    /// What bounds did to each measured column.
    pub(crate) notes: Vec<String>,
}

/// What a question shows of its answers. `seed` decides the draws.
pub(crate) async fn present(
    limits: &Limits,
    public: &Public,
    plan: &Plan,
    answers: &[NoisedTable],
    seed: &str,
) -> Result<Presented, RunError> {
    let work = shown(limits, public, plan, answers, seed);
    let shown = tokio::time::timeout(limits.deadline, work).await.map_err(|_| RunError::Deadline)?;
    shown.map(|(presented, _)| presented)
}

/// What is shown, and how much work it would be to draw the noise of computed columns.
async fn shown(
    limits: &Limits,
    public: &Public,
    plan: &Plan,
    answers: &[NoisedTable],
    seed: &str,
) -> Result<(Presented, u64), RunError> {
    let session = RunSession::in_order(limits)?;
    let over = Over { session: &session, public, plan, answers };
    let post = &plan.post;
    let ready = over.ready(&post.plan).await?;
    let table = ready.run(HashMap::new()).await?;
    let derived: Vec<usize> = (0..post.names.len())
        .filter(|at| post.origins[*at] == Origin::Derived && is_number(table.column(*at).data_type()))
        .collect();
    let work = if derived.is_empty() { 0 } else { ready.work().saturating_mul(2 * DRAWS as u64) };
    let noised = answers.iter().flat_map(|table| &table.columns).any(|column| column.half_width > 0.0);
    let again = noised && !derived.is_empty();
    let lost = |is: fn(&Lost) -> bool| answers.iter().flat_map(|t| &t.columns).any(|c| is(&c.lost));
    let unknown = lost(|lost| *lost == Lost::Unknown);
    let cut =
        again && !unknown && lost(|lost| matches!(lost, Lost::Estimated { .. } | Lost::Measured { .. }));
    let again_with = async |cuts: Option<Cuts>| {
        if work > SLACK * MOST_WORK {
            return Ok(None);
        }
        over.draws_in(limits.deadline / 4, post, &derived, seed, cuts).await
    };
    let of_noise = if again { again_with(None).await? } else { None };
    let of_cuts = if cut && of_noise.is_some() { again_with(Some(Cuts::new(seed))).await? } else { None };
    let is_missing = again && of_noise.is_none() || cut && of_cuts.is_none();
    let (draws, cut_draws) = (of_noise.unwrap_or_default(), of_cuts.unwrap_or_default());
    let of_row = row_keys(&table, post)?;
    if !post.stable && again && of_row.iter().any(|key| !key.ends_with(ONLY)) {
        return Err(RunError::Alike);
    }
    let mut rows = vec![Vec::with_capacity(post.names.len()); table.num_rows()];
    let (mut intervals, mut with_bound) = (BTreeMap::new(), BTreeMap::new());
    let mut notes = if is_missing { vec![NOT_DRAWN.to_owned()] } else { Vec::new() };
    for (at, (name, origin)) in post.names.iter().zip(&post.origins).enumerate() {
        let column = table.column(at);
        let mut pairs = Vec::new();
        let mut wide = Some(Vec::new());
        match origin {
            Origin::Measured { question, term } => {
                let values = numbers(column)?;
                let columns = over.measured(*question, *term)?;
                let whole = columns.iter().all(|column| column.whole);
                let around = Around::new(columns.iter().copied());
                let ends = |value: Option<f64>, reach: &dyn Fn(f64) -> [f64; 2]| {
                    value.map_or([f64::NAN; 2], |value| interval(value, reach(value), whole))
                };
                for (row, value) in rows.iter_mut().zip(values.iter()) {
                    row.push(value.map_or(Json::Null, |value| number(value, whole)));
                    pairs.push(ends(value, &|v| around.plain(v)));
                }
                wide =
                    around.is_known().then(|| values.iter().map(|v| ends(v, &|v| around.wide(v))).collect());
                notes.extend(columns.first().and_then(|column| said(name, column)));
            }
            Origin::Derived if derived.contains(&at) => {
                let values = numbers(column)?;
                let place = derived.iter().position(|d| *d == at).ok_or(RunError::Layout)?;
                for ((row, value), key) in rows.iter_mut().zip(values.iter()).zip(&of_row) {
                    let of = |draws: &Draws| draws.get(key).and_then(|columns| columns.get(place)).cloned();
                    let value = value.filter(|value| value.is_finite());
                    row.push(value.map_or(Json::Null, computed));
                    let middle = |again: Option<Vec<f64>>, ends: Ends| match (value, again) {
                        (Some(value), Some(again)) if again.len() >= ENOUGH => {
                            outward(ends(again, value, CONFIDENCE))
                        }
                        (Some(value), _) if !noised => [value; 2],
                        _ => [f64::NAN; 2],
                    };
                    let of_noise = middle(of(&draws), bootstrap);
                    pairs.push(of_noise);
                    if let Some(wide) = &mut wide {
                        wide.push(if cut {
                            hull(of_noise, middle(of(&cut_draws), percentiles))
                        } else {
                            of_noise
                        });
                    }
                }
                wide = wide.filter(|_| !unknown);
            }
            Origin::Key | Origin::Derived => {
                for (at, row) in rows.iter_mut().enumerate() {
                    row.push(key(column, at)?);
                }
            }
        }
        if !pairs.is_empty() || matches!(origin, Origin::Measured { .. }) {
            intervals.insert(name.clone(), pairs);
            with_bound.extend(wide.map(|wide| (name.clone(), wide)));
        }
    }
    Ok((Presented { rows, intervals, with_bound, notes }, work))
}

/// How the key of a row ends that is the first of its kind.
const ONLY: &str = "\u{1e}1";

/// Runs the part of a question over its answers on made-up ones: whether it works has to be known before anything is
/// charged.
///
/// So has to be known whether the noise of its computed columns can be drawn, which takes [`DRAWS`] times as long or more.
pub(crate) async fn rehearse(limits: &Limits, public: &Public, plan: &Plan) -> Result<(), RunError> {
    let (_, work) = shown(limits, public, plan, &made_up(plan, 997.0), "").await?;
    if work > MOST_WORK { Err(RunError::TooMuchWork) } else { Ok(()) }
}

/// Answers in which every value is the same, and without noise.
pub(super) fn made_up(plan: &Plan, value: f64) -> Vec<NoisedTable> {
    let table = |question: &Question| {
        let columns = question.query.vectors.iter().map(|vector| NoisedColumn {
            name: String::new(),
            values: vec![value; question.query.sets.get(vector.set).map_or(0, Cells::len)],
            half_width: 0.0,
            shared: 0.0,
            whole: true,
            lost: Lost::Nothing,
            widths: Vec::new(),
        });
        NoisedTable { columns: columns.collect(), notes: Vec::new(), read_off: None }
    };
    plan.questions.iter().map(table).collect()
}

pub(super) struct Over<'a> {
    pub(super) session: &'a RunSession,
    pub(super) public: &'a Public,
    pub(super) plan: &'a Plan,
    pub(super) answers: &'a [NoisedTable],
}

/// The values that a column of a question and vector shows.
type Change<'c> = dyn Fn(usize, usize, &NoisedColumn) -> Vec<f64> + Sync + 'c;

impl Over<'_> {
    /// What was measured for a term, one column a grouping set. Its intervals are the widest of them.
    fn measured(&self, question: usize, term: usize) -> Result<Vec<&NoisedColumn>, RunError> {
        let asked = self.plan.questions.get(question).ok_or(RunError::Layout)?;
        let table = self.answers.get(question).ok_or(RunError::Layout)?;
        let of_term =
            asked.query.vectors.iter().zip(&table.columns).filter(|(vector, _)| vector.term == term);
        Ok(of_term.map(|(_, column)| column).collect())
    }

    /// An answer's rows, with the values that its columns are to show.
    fn answer(&self, at: usize, asked: &Question, change: &Change<'_>) -> Result<RecordBatch, RunError> {
        let table = self.answers.get(at).ok_or(RunError::Layout)?;
        if table.columns.len() != asked.query.vectors.len() {
            return Err(RunError::Layout);
        }
        // Each value once, wherever it is shown.
        let changed: Vec<Vec<f64>> =
            table.columns.iter().enumerate().map(|(vector, column)| change(at, vector, column)).collect();
        let mut measured: Vec<ArrayRef> = Vec::new();
        for term in &asked.shown.terms {
            let value = |place: Option<(usize, u32)>| -> Option<f64> {
                let (vector, cell) = place?;
                changed.get(vector)?.get(cell as usize).copied()
            };
            let values: Option<Vec<f64>> = asked.places(*term).map(value).collect();
            measured.push(Arc::new(Float64Array::from(values.ok_or(RunError::Layout)?)));
        }
        asked.shown.table(measured).ok_or(RunError::Layout)
    }

    /// A plan over the answers, ready to be run on them and on others like them.
    pub(super) async fn ready(&self, plan: &LogicalPlan) -> Result<Ready<'_>, RunError> {
        let answers = self.tables(&|_, _, column| column.shown())?;
        Ready::new(self.session, self.public, plan, answers).await
    }

    /// The answers' tables by name, with the values that their columns are to show.
    pub(super) fn tables(&self, change: &Change<'_>) -> Result<HashMap<String, RecordBatch>, RunError> {
        let mut tables = HashMap::new();
        for (at, asked) in self.plan.questions.iter().enumerate() {
            tables.insert(format!("answer_{at}"), self.answer(at, asked, change)?);
        }
        Ok(tables)
    }
}

/// What tells a row apart: its keys, and which one of those with the same it is.
pub(super) fn row_keys(table: &RecordBatch, post: &Post) -> Result<Vec<String>, RunError> {
    let first = post.names.len();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut keys = Vec::with_capacity(table.num_rows());
    for row in 0..table.num_rows() {
        let mut text = String::new();
        for column in first..first + post.hidden {
            let value =
                ScalarValue::try_from_array(table.column(column), row).map_err(|_| RunError::Layout)?;
            write!(text, "{value:?}\u{1f}").map_err(|_| RunError::Layout)?;
        }
        let times = seen.entry(text.clone()).or_default();
        *times += 1;
        keys.push(format!("{text}\u{1e}{times}"));
    }
    Ok(keys)
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

pub(super) fn numbers(column: &ArrayRef) -> Result<Float64Array, RunError> {
    let cast = cast(column, &DataType::Float64).map_err(|_| RunError::Layout)?;
    Ok(cast.as_primitive::<Float64Type>().clone())
}

fn key(column: &ArrayRef, row: usize) -> Result<Json, RunError> {
    if column.is_null(row) {
        return Ok(Json::Null);
    }
    if column.data_type().is_temporal() {
        let shown = arrow::util::display::array_value_to_string(column, row).map_err(|_| RunError::Layout)?;
        // A day is a day, whatever function gave it.
        return Ok(Json::from(shown.strip_suffix("T00:00:00").unwrap_or(&shown)));
    }
    ScalarValue::try_from_array(column, row).map(|value| json(&value)).map_err(|_| RunError::Layout)
}

fn round(value: f64, whole: bool) -> f64 {
    let rounded = if whole { value.round() } else { (value * 10.0).round() / 10.0 };
    rounded + 0.0 // no negative zero
}

fn number(value: f64, whole: bool) -> Json {
    let rounded = round(value, whole);
    #[allow(clippy::cast_possible_truncation)] // whole and far below 2^53, else shown as a float
    if whole && rounded.abs() < 9e15 {
        return Json::from(rounded as i64);
    }
    Number::from_f64(rounded).map_or(Json::Null, Json::Number)
}

/// The interval so far down and up, rounded outward as the value is rounded.
fn interval(value: f64, [down, up]: [f64; 2], whole: bool) -> [f64; 2] {
    let (low, high) = (value - down, value + up);
    if whole {
        [low.ceil() + 0.0, high.floor() + 0.0]
    } else {
        [(low * 10.0).floor() / 10.0 + 0.0, (high * 10.0).ceil() / 10.0 + 0.0]
    }
}

/// A computed value, with four decimals.
fn computed(value: f64) -> Json {
    Number::from_f64((value * 1e4).round() / 1e4 + 0.0).map_or(Json::Null, Json::Number)
}

/// An interval of draws around a value, at a confidence.
type Ends = fn(Vec<f64>, f64, f64) -> Option<[f64; 2]>;

/// Rounded to four digits.
fn outward(ends: Option<[f64; 2]>) -> [f64; 2] {
    let [low, high] = ends.unwrap_or([f64::NAN; 2]);
    [(low * 1e4).floor() / 1e4 + 0.0, (high * 1e4).ceil() / 1e4 + 0.0]
}
