//! The noise of answers drawn again, and what a question's computed columns make of it.
//!
//! # Privacy
//! Post-processing, as all of [`super::post`]: it knows noised values, and how much noise there is in them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::row::{RowConverter, SortField};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan};
use skjerm_privacy::centred;

use super::again::Ready;
use super::cut::Cuts;
use super::error::RunError;
use super::normal::Normal;
use super::post::{Over, numbers, row_keys};
use crate::plan::{Lost, NoisedColumn, NoisedTable, Post, is_noised};

/// How often the noise is drawn again.
pub(crate) const DRAWS: usize = 400;
/// So many values are drawn at once.
const AT_ONCE: usize = 1 << 20;
/// So many where they are joined, which holds them in memory.
const JOINED: usize = 1 << 16;
/// The first answer's table.
const FIRST: &str = "answer_0";
/// Standard deviations from the middle to the end of a 95 % interval.
const TO_END: f64 = 1.959_963_984_540_054;
/// By row the values drawn of each computed column.
pub(super) type Draws = HashMap<String, Vec<Vec<f64>>>;

impl Over<'_> {
    /// What comes out of computed columns when the noise is drawn again, with what bounds may have cut off or without.
    pub(super) async fn draws(
        &self,
        post: &Post,
        derived: &[usize],
        seed: &str,
        cuts: Option<Cuts>,
    ) -> Result<Draws, RunError> {
        let plan = self.ready(&post.unordered).await?;
        if let Some(rows) = by_row(&post.unordered) {
            match self.at_once(post, derived, seed, cuts.clone(), &plan, rows).await {
                Ok(Some(all)) => return Ok(all),
                Ok(None) => {}
                // Many draws need more memory than one, and the answer is paid for.
                Err(error @ (RunError::TooManyRows | RunError::Reading(_))) => {
                    tracing::debug!(%error, "the noise is drawn one by one");
                }
                Err(error) => tracing::warn!(%error, "the noise is drawn one by one"),
            }
        }
        self.one_by_one(post, derived, seed, cuts, &plan).await
    }

    /// The same, or nothing where it takes longer, or more rows or memory than there may be: what was paid for is shown without it.
    pub(super) async fn draws_in(
        &self,
        time: Duration,
        post: &Post,
        derived: &[usize],
        seed: &str,
        cuts: Option<Cuts>,
    ) -> Result<Option<Draws>, RunError> {
        let draws = tokio::time::timeout(time, self.draws(post, derived, seed, cuts)).await;
        match draws.unwrap_or(Err(RunError::Deadline)) {
            Ok(draws) => Ok(Some(draws)),
            Err(error @ (RunError::Deadline | RunError::TooManyRows | RunError::Reading(_))) => {
                tracing::warn!(%error, "the noise of computed columns could not be drawn");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn one_by_one(
        &self,
        post: &Post,
        derived: &[usize],
        seed: &str,
        mut cuts: Option<Cuts>,
        plan: &Ready<'_>,
    ) -> Result<Draws, RunError> {
        let mut random = Normal::new(seed);
        let mut all = Draws::new();
        for _ in 0..DRAWS {
            let table = plan.run(self.drawn(&mut random, cuts.as_mut())?).await?;
            add(&mut all, derived, &table, &row_keys(&table, post)?)?;
        }
        Ok(all)
    }

    /// The same row by row: many draws go through the plan at once, one below the other. Nothing if it cannot be told which
    /// rows are of which.
    pub(super) async fn at_once(
        &self,
        post: &Post,
        derived: &[usize],
        seed: &str,
        mut cuts: Option<Cuts>,
        plan: &Ready<'_>,
        rows: ByRow,
    ) -> Result<Option<Draws>, RunError> {
        let mut random = Normal::new(seed);
        let (mut kinds, mut drawn_of): (Vec<String>, Vec<Vec<Vec<f64>>>) = (Vec::new(), Vec::new());
        let values: usize = self.answers.iter().flat_map(|a| &a.columns).map(|c| c.values.len()).sum();
        let most = if rows == ByRow::InOrder { AT_ONCE } else { JOINED };
        let at_once = (most / values.max(1)).clamp(1, DRAWS);
        let mut left = DRAWS;
        while left > 0 {
            let now = left.min(at_once);
            let mut drawn = Vec::with_capacity(now);
            for _ in 0..now {
                let mut tables = self.drawn(&mut random, cuts.as_mut())?;
                drawn.push(tables.remove(FIRST).ok_or(RunError::Layout)?);
            }
            let schema = drawn.first().map(RecordBatch::schema).ok_or(RunError::Layout)?;
            let one = concat_batches(&schema, &drawn).map_err(|_| RunError::Layout)?;
            let table = plan.run(HashMap::from([(FIRST.to_owned(), one)])).await?;
            let each = table.num_rows() / now;
            let of_rows = match rows {
                ByRow::InAnyOrder => {
                    let keys = post.names.len()..post.names.len() + post.hidden;
                    of_kinds(&table.columns()[keys], table.num_rows(), now)?
                }
                // The same rows in each draw.
                ByRow::InOrder => (each * now == table.num_rows())
                    .then(|| (0..each).cycle().take(table.num_rows()).collect()),
            };
            let Some(of_rows) = of_rows else { return Ok(None) };
            if kinds.is_empty() && each > 0 {
                let mut firsts = vec![u32::MAX; each];
                for (row, of) in (0..).zip(&of_rows) {
                    let first = firsts.get_mut(*of).ok_or(RunError::Layout)?;
                    *first = row.min(*first);
                }
                let firsts = take_record_batch(&table, &UInt32Array::from(firsts));
                kinds = row_keys(&firsts.map_err(|_| RunError::Layout)?, post)?;
                drawn_of = vec![vec![Vec::with_capacity(DRAWS); derived.len()]; each];
            }
            for (place, at) in derived.iter().enumerate() {
                let values = numbers(table.column(*at))?;
                for (of, value) in of_rows.iter().zip(values.iter()) {
                    if let Some(value) = value.filter(|value| value.is_finite()) {
                        drawn_of.get_mut(*of).ok_or(RunError::Layout)?[place].push(value);
                    }
                }
            }
            left -= now;
        }
        Ok(Some(kinds.into_iter().zip(drawn_of).collect()))
    }

    /// The answers with other noise. What was measured once has one noise, however often it is asked for.
    fn drawn(
        &self,
        random: &mut Normal,
        mut cuts: Option<&mut Cuts>,
    ) -> Result<HashMap<String, RecordBatch>, RunError> {
        if let Some(cuts) = &mut cuts {
            cuts.again();
        }
        let mut drawn: Vec<Vec<Vec<f64>>> = Vec::new();
        let mut of_question: HashMap<String, usize> = HashMap::new();
        // What is read off the same theme of a release has the same errors.
        let mut of_release: HashMap<&(String, String), Vec<f64>> = HashMap::new();
        let mut drawn_of = Vec::new();
        for (asked, table) in self.plan.questions.iter().zip(self.answers) {
            let next = drawn.len();
            let at = *of_question.entry(asked.key("")).or_insert(next);
            if at == next {
                drawn.push(match &table.read_off {
                    Some(read_off) => {
                        let normal = of_release.entry(&read_off.source).or_insert_with(|| {
                            (0..read_off.joint.dimensions()).map(|_| random.next()).collect()
                        });
                        with_errors(table, &read_off.joint.errors(normal))
                    }
                    None => with_other_noise(table, random, cuts.as_deref_mut()),
                });
            }
            drawn_of.push(at);
        }
        let change = |question: usize, vector: usize, _: &NoisedColumn| -> Vec<f64> {
            let of_table = drawn_of.get(question).and_then(|at| drawn.get(*at));
            of_table.and_then(|columns| columns.get(vector)).cloned().unwrap_or_default()
        };
        self.tables(&change)
    }
}

/// How rows of many draws come out of a plan that makes each of one row of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByRow {
    /// As they went in: one draw's after the other's.
    InOrder,
    /// A join may give them in any order.
    InAnyOrder,
}

/// Whether a plan makes each row of one row of one answer, and the same rows whatever the noised values are.
pub(super) fn by_row(plan: &LogicalPlan) -> Option<ByRow> {
    let subquery = |expr: &Expr| expr.exists(|part| Ok(matches!(part, Expr::ScalarSubquery(_))));
    if plan.expressions().iter().any(|expr| subquery(expr).unwrap_or(true)) {
        return None;
    }
    match plan {
        LogicalPlan::TableScan(scan) => (scan.table_name.table() == FIRST).then_some(ByRow::InOrder),
        LogicalPlan::Projection(projection) => by_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => by_row(&alias.input),
        LogicalPlan::Filter(filter) => {
            by_row(&filter.input).filter(|_| !is_noised(&filter.predicate, &filter.input))
        }
        LogicalPlan::Join(join) => {
            // Of the side with the answer every row may stay; of the other, rows without a match would stay once for all draws.
            let (answer, other) = match join.join_type {
                JoinType::Inner if has_answer(&join.left) => (&join.left, &join.right),
                JoinType::Inner | JoinType::Right => (&join.right, &join.left),
                JoinType::Left => (&join.left, &join.right),
                _ => return None,
            };
            let sides = || [&join.left, &join.right].into_iter();
            let noised = |expr: &Expr| {
                // A side knows its own columns alone; one that neither knows is as good as noised.
                expr.column_refs().into_iter().any(|column| {
                    let side = sides().find(|side| side.schema().has_column(column));
                    side.is_none_or(|side| is_noised(&Expr::Column(column.clone()), side))
                })
            };
            let on = join.on.iter().flat_map(|(left, right)| [left, right]).chain(&join.filter);
            let is_same = !has_answer(other) && !on.into_iter().any(noised);
            by_row(answer).filter(|_| is_same).map(|_| ByRow::InAnyOrder)
        }
        _ => None,
    }
}

/// Whether a plan reads an answer.
fn has_answer(plan: &LogicalPlan) -> bool {
    let is_answer = |part: &LogicalPlan| matches!(part, LogicalPlan::TableScan(scan) if scan.table_name.table().starts_with("answer_"));
    let mut has = false;
    let walked = plan.apply_with_subqueries(|part| {
        has |= is_answer(part);
        Ok(TreeNodeRecursion::Continue)
    });
    has || walked.is_err()
}

/// Adds what came out of computed columns.
fn add(all: &mut Draws, derived: &[usize], table: &RecordBatch, keys: &[String]) -> Result<(), RunError> {
    for (place, at) in derived.iter().enumerate() {
        let values = numbers(table.column(*at))?;
        for (key, value) in keys.iter().zip(values.iter()) {
            if !all.contains_key(key) {
                all.insert(key.clone(), vec![Vec::with_capacity(DRAWS); derived.len()]);
            }
            let Some(of_row) = all.get_mut(key) else { continue };
            if let Some(value) = value.filter(|value| value.is_finite()) {
                of_row[place].push(value);
            }
        }
    }
    Ok(())
}

/// Which kind of row each is, by what tells rows apart, in the order of the kinds' keys; nothing unless there is one of each
/// kind in each of so many draws: then it does not matter which draw a row is of.
pub(super) fn of_kinds(keys: &[ArrayRef], rows: usize, draws: usize) -> Result<Option<Vec<usize>>, RunError> {
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    if keys.is_empty() {
        return Ok((rows == draws).then(|| vec![0; draws]));
    }
    let failed = |_| RunError::Layout;
    let rows = RowConverter::new(fields).map_err(failed)?.convert_columns(keys).map_err(failed)?;
    // In an order that all batches of draws have.
    let mut times: BTreeMap<&[u8], usize> = BTreeMap::new();
    for row in &rows {
        *times.entry(row.data()).or_default() += 1;
    }
    if times.values().any(|times| *times != draws) {
        return Ok(None);
    }
    let places: HashMap<&[u8], usize> = times.into_keys().zip(0..).collect();
    Ok(rows.iter().map(|row| places.get(row.data()).copied()).collect())
}

/// What each column shows when these errors come on top, column by column.
fn with_errors(table: &NoisedTable, errors: &[f64]) -> Vec<Vec<f64>> {
    let mut errors = errors.iter();
    let mut shown =
        |column: &NoisedColumn| column.values.iter().zip(errors.by_ref()).map(|(v, e)| v + e).collect();
    table.columns.iter().map(&mut shown).collect()
}

/// What each column shows when the noise is drawn again, and what the bound may have cut off.
fn with_other_noise(table: &NoisedTable, random: &mut Normal, mut cuts: Option<&mut Cuts>) -> Vec<Vec<f64>> {
    let of_column = |column: &NoisedColumn| {
        let mut errors: Vec<f64> = column.values.iter().map(|_| random.next()).collect();
        if column.shared > 0.0 {
            errors = centred::errors(column.half_width, column.shared, errors, random.next());
        } else {
            for error in &mut errors {
                *error *= column.half_width;
            }
        }
        let values: Vec<f64> =
            column.values.iter().zip(errors).map(|(value, error)| value + error / TO_END).collect();
        let of_remainder = if matches!(column.lost, Lost::Measured { .. }) { random.next() } else { 0.0 };
        let mut shown = column.shown_with(&values, of_remainder);
        if let Some(cuts) = &mut cuts {
            for (value, lost) in shown.iter_mut().zip(cuts.of(column)) {
                *value += lost;
            }
        }
        shown
    };
    table.columns.iter().map(of_column).collect()
}
