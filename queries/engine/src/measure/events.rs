//! Themes of events: how many persons in each of several months, or of several services.
//!
//! A person counts once for each value of one dimension that some event of the year has, with one value of every other dimension in
//! each of them. Who has few of them counts whole; who has many counts less in each, so that nobody weighs more than the norm.
//!
//! # Privacy
//! *Unit*: a person-year. The inner aggregation keeps one row a person and value (the least of each other column's values), which is
//! checked as the rows arrive. Where a person has k values, each counts `unit`, and the vector of k such entries is scaled to an L2
//! norm of at most `norm`, in whole numbers rounded towards zero ([`bounding::scale_to_norm`]). A marginal that has the dimension
//! keeps the entries in different cells, so the person changes it by that norm at most; marginals without it are refused
//! ([`skjerm_privacy::marginals::Domain::sensitivity_squared`]). The norm is the request's, never read off the data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::catalog::TableProvider;
use datafusion::functions_aggregate::min_max::min;
use datafusion::logical_expr::{LogicalPlan, col, lit};
use futures::StreamExt;
use skjerm_privacy::bounding;

use super::marginals::{cell, empty, groups};
use super::request::Theme;
use crate::run::{RunError, RunSession, units};

/// The column in which a person may have several values.
const SEVERAL: &str = "several";

/// One row a person and value, ordered by person and value.
pub(crate) fn private_plan(
    table: Arc<dyn TableProvider>,
    year: i32,
    theme: &Theme,
) -> Result<LogicalPlan, RunError> {
    let (several, _, _) = theme.several().ok_or(RunError::Layout)?;
    let mut rows = RunSession::scan("rows", table)?.filter(col("year").eq(lit(i64::from(year))))?;
    for (column, codes) in &theme.filter {
        rows = rows.filter(col(column).in_list(codes.iter().map(|code| lit(code.as_str())).collect(), false))?;
    }
    let others = theme.dims.iter().enumerate().filter(|(at, _)| *at != several);
    let kept: Vec<_> = others.map(|(at, dim)| min(col(&dim.column)).alias(kept(at))).collect();
    let key = || [col("year"), col("person"), col(SEVERAL)];
    let column = &theme.dims.get(several).ok_or(RunError::Layout)?.column;
    let mut columns = vec![col("year"), col("person"), col(column).alias(SEVERAL)];
    columns.extend(theme.dims.iter().enumerate().filter(|(at, _)| *at != several).map(|(_, dim)| col(&dim.column)));
    let ordered = key().map(|column| column.sort(true, false)).to_vec();
    Ok(rows.project(columns)?.aggregate(key().to_vec(), kept)?.sort(ordered)?.build()?)
}

fn kept(dim: usize) -> String {
    format!("kept_{dim}")
}

/// The counts of each measured marginal, in parts of a unit.
pub(crate) async fn read(
    session: &RunSession,
    table: Arc<dyn TableProvider>,
    year: i32,
    theme: &Theme,
) -> Result<Vec<Vec<i64>>, RunError> {
    let (several, unit, norm) = theme.several().ok_or(RunError::Layout)?;
    let groups = groups(theme);
    let mut tally = Tally { theme, counts: empty(theme), unit, norm, person: Vec::new() };
    let mut before = None;
    let mut stream = session.stream(private_plan(table, year, theme)?).await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let values = texts(&batch, SEVERAL)?;
        let mut others = BTreeMap::new();
        for dim in (0..theme.dims.len()).filter(|dim| *dim != several) {
            others.insert(dim, texts(&batch, &kept(dim))?);
        }
        for (row, person) in units(&batch)?.into_iter().enumerate() {
            let Some(value) = &values[row] else { continue };
            // The norm rests on it: that files are split and ordered is only declared to DataFusion.
            let here = (person, Sorted::of(value));
            match before.replace(here.clone()) {
                Some(last) if last >= here => return Err(RunError::Unordered),
                Some((last, _)) if last != person => tally.close()?,
                _ => {}
            }
            let place = |dim: usize| {
                let code = if dim == several { Some(value) } else { others.get(&dim)?[row].as_ref() };
                groups[dim].get(code?.as_str()).copied()
            };
            // A value that is in no group is nowhere to be counted.
            if place(several).is_some() {
                tally.person.push(theme.measured.iter().map(|(dims, _)| cell(theme, dims, place)).collect());
            }
        }
    }
    tally.close()?;
    Ok(tally.counts)
}

/// Months in the order of numbers, codes in that of letters: as the rows are sorted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Sorted {
    Number(i64),
    Text(String),
}

impl Sorted {
    fn of(value: &Value) -> Self {
        match value {
            Value::Number(number, _) => Self::Number(*number),
            Value::Text(text) => Self::Text(text.clone()),
        }
    }
}

/// A code, or a number with its digits.
enum Value {
    Number(i64, String),
    Text(String),
}

impl Value {
    fn as_str(&self) -> &str {
        match self {
            Self::Number(_, digits) => digits,
            Self::Text(text) => text,
        }
    }
}

fn texts(batch: &RecordBatch, column: &str) -> Result<Vec<Option<Value>>, RunError> {
    let found = batch.column_by_name(column).ok_or(RunError::Layout)?;
    if let Some(numbers) = found.as_primitive_opt::<Int64Type>() {
        return Ok(numbers.iter().map(|n| n.map(|n| Value::Number(n, n.to_string()))).collect());
    }
    let texts = found.as_string_opt::<i32>().ok_or(RunError::Layout)?;
    Ok(texts.iter().map(|text| text.map(|text| Value::Text(text.to_owned()))).collect())
}

/// The counts so far, and the person whose rows are arriving.
struct Tally<'a> {
    theme: &'a Theme,
    counts: Vec<Vec<i64>>,
    unit: u64,
    norm: u64,
    /// For each value that the person has, the cell of each measured marginal.
    person: Vec<Vec<Option<usize>>>,
}

impl Tally<'_> {
    /// All of a person's values are known: scale them together and count them.
    fn close(&mut self) -> Result<(), RunError> {
        let unit = i64::try_from(self.unit).map_err(|_| RunError::Overflow)?;
        let mut parts = vec![unit; self.person.len()];
        bounding::scale_to_norm(&mut parts, self.norm);
        for (cells, part) in self.person.drain(..).zip(parts) {
            debug_assert_eq!(cells.len(), self.theme.measured.len());
            for (counts, cell) in self.counts.iter_mut().zip(cells) {
                if let Some(count) = cell.and_then(|cell| counts.get_mut(cell)) {
                    *count = count.checked_add(part).ok_or(RunError::Overflow)?;
                }
            }
        }
        Ok(())
    }
}
