//! The private plan of a question, built anew from the [`PrivateQuery`], and its run.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::catalog::TableProvider;
use datafusion::functions_aggregate::count::{count, count_udaf};
use datafusion::functions_aggregate::min_max::min;
use datafusion::functions_aggregate::sum::sum;
use datafusion::logical_expr::{Expr, LogicalPlan, col, lit};
use futures::StreamExt;
use skjerm_privacy::Gaussian;
use skjerm_warehouse::policy::Grain;

use super::error::RunError;
use super::session::{Limits, RunSession};
use super::vectors::{Gather, NORM_UNIT, PersonYears, Unit};
use crate::plan::{
    Aggregate, Bounding, CONFIDENCE, Condition, NoisedColumn, NoisedTable, ONE, Part, PrivateQuery, Slot,
    Value,
};

/// Reads a question's person-years. The result is exact: see [`PersonYears`].
pub(crate) async fn read(
    limits: &Limits,
    table: Arc<dyn TableProvider>,
    query: &PrivateQuery,
) -> Result<Vec<PersonYears>, RunError> {
    let session = RunSession::new(limits)?;
    let plan = private_plan(table, query)?;
    let bounds: Vec<Bounding> = query.aggregates.iter().map(|(_, bound)| *bound).collect();
    let mut gather = Gather::new(&bounds, query.cells.len());
    let memory = session.reserve("person-years");
    let places = Places::new(query);
    let mut stream = session.stream(plan).await?;
    while let Some(batch) = stream.next().await {
        add_batch(&mut gather, query, &places, &batch?)?;
        let held = gather.bytes();
        if held > memory.size() {
            memory.try_grow(held - memory.size())?;
        }
    }
    Ok(gather.finish())
}

/// The inner aggregation: one row a year, person and cell, ordered by year and person.
///
/// A table with one row a person-year is first reduced to that by the plan itself (the least of each column's
/// values), so that nothing rests on the data being so. The condition then tests the row that is kept.
pub(super) fn private_plan(
    table: Arc<dyn TableProvider>,
    query: &PrivateQuery,
) -> Result<LogicalPlan, RunError> {
    let years: Vec<Expr> = query.years.iter().map(|year| lit(i64::from(*year))).collect();
    let mut plan = RunSession::scan("rows", table)?.filter(col("year").in_list(years, false))?;
    if query.grain == Grain::PersonYear {
        let kept: Vec<Expr> =
            query.columns().iter().map(|c| min(col(c)).alias(format!("kept_{c}"))).collect();
        plan = plan.aggregate(vec![col("rows.year"), col("rows.person")], kept)?;
        let mut back = vec![col("rows.year").alias("year"), col("rows.person").alias("person")];
        back.extend(query.columns().iter().map(|c| col(format!("kept_{c}")).alias(c)));
        plan = plan.project(back)?;
    }
    if let Some(condition) = expression(&query.condition, &query.lists) {
        plan = plan.filter(condition)?;
    }
    let mut group = vec![col("year"), col("person")];
    let keys = query.cells.axes.iter().filter(|axis| axis.slot != Slot::Year);
    group.extend(keys.map(|axis| col(axis.slot.column())));
    let aggregates: Vec<Expr> =
        query.aggregates.iter().enumerate().map(|(at, (a, _))| inner(a).alias(value_name(at))).collect();
    let plan = plan
        .aggregate(group, aggregates)?
        .sort(vec![col("year").sort(true, false), col("person").sort(true, false)])?
        .build()?;
    Ok(plan)
}

fn value_name(at: usize) -> String {
    format!("value_{at}")
}

/// What is aggregated of one person-year in one cell.
fn inner(aggregate: &Aggregate) -> Expr {
    match aggregate {
        // The group exists, so the person is in it: clamped to 1 later.
        Aggregate::Rows | Aggregate::Persons => count_udaf().call(vec![lit(1_i64)]),
        Aggregate::Present(column) => count(col(column)),
        Aggregate::Sum(column) => sum(col(column)),
    }
}

/// A condition as a DataFusion expression; `None` when every row passes. Total: comparisons with literals only.
fn expression(condition: &Condition, lists: &BTreeMap<Slot, Vec<Value>>) -> Option<Expr> {
    match condition {
        Condition::Always => None,
        Condition::Never => Some(lit(false)),
        Condition::OneOf(slot, places) => {
            let list = lists.get(slot).map(Vec::as_slice).unwrap_or_default();
            // The shorter of the list and its complement; closed lists make them equal.
            let negated = places.len() * 2 > list.len();
            let named: Vec<Expr> = list
                .iter()
                .enumerate()
                .filter(|(place, _)| places.contains(place) != negated)
                .map(|(_, value)| match value {
                    Value::Number(n) => lit(*n),
                    Value::Code(code) => lit(code.as_str()),
                })
                .collect();
            Some(col(slot.column()).in_list(named, negated))
        }
        Condition::Within(column, ranges) => {
            let mut any: Option<Expr> = None;
            for &(low, high) in ranges.pairs() {
                let one = match (low, high) {
                    (i64::MIN, i64::MAX) => col(column).is_not_null(),
                    (i64::MIN, high) => col(column).lt_eq(lit(high)),
                    (low, i64::MAX) => col(column).gt_eq(lit(low)),
                    (low, high) => col(column).between(lit(low), lit(high)),
                };
                any = Some(any.map_or(one.clone(), |so_far| so_far.or(one)));
            }
            any.or_else(|| Some(lit(false)))
        }
        Condition::Missing(column) => Some(col(column).is_null()),
        Condition::All(parts) => parts.iter().filter_map(|part| expression(part, lists)).reduce(Expr::and),
        Condition::Any(parts) => {
            let mut any: Option<Expr> = None;
            for part in parts {
                let one = expression(part, lists).unwrap_or_else(|| lit(true));
                any = Some(any.map_or(one.clone(), |so_far| so_far.or(one)));
            }
            any
        }
    }
}

/// Where each value of each axis is.
struct Places {
    axes: Vec<AxisPlaces>,
}

enum AxisPlaces {
    Numbers(String, HashMap<i64, usize>),
    Codes(String, HashMap<String, usize>),
}

impl Places {
    fn new(query: &PrivateQuery) -> Self {
        let axes = query
            .cells
            .axes
            .iter()
            .map(|axis| {
                let name = axis.slot.column().to_owned();
                let mut numbers = HashMap::new();
                let mut codes = HashMap::new();
                for (place, value) in axis.values.iter().enumerate() {
                    match value {
                        Value::Number(n) => {
                            numbers.insert(*n, place);
                        }
                        Value::Code(code) => {
                            codes.insert(code.clone(), place);
                        }
                    }
                }
                match axis.slot {
                    Slot::Year | Slot::Month => AxisPlaces::Numbers(name, numbers),
                    Slot::Dimension(_) => AxisPlaces::Codes(name, codes),
                }
            })
            .collect();
        Self { axes }
    }

    /// For each row of a batch its cell; `None` for a row with a value outside the closed lists.
    fn cells(&self, query: &PrivateQuery, batch: &RecordBatch) -> Result<Vec<Option<u32>>, RunError> {
        let mut by_axis: Vec<Vec<Option<usize>>> = Vec::with_capacity(self.axes.len());
        for axis in &self.axes {
            by_axis.push(match axis {
                AxisPlaces::Numbers(name, places) => {
                    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
                    column
                        .ok_or(RunError::Layout)?
                        .iter()
                        .map(|v| v.and_then(|v| places.get(&v).copied()))
                        .collect()
                }
                AxisPlaces::Codes(name, places) => {
                    let column = batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
                    column
                        .ok_or(RunError::Layout)?
                        .iter()
                        .map(|v| v.and_then(|v| places.get(v).copied()))
                        .collect()
                }
            });
        }
        let mut at = Vec::with_capacity(self.axes.len());
        Ok((0..batch.num_rows())
            .map(|row| {
                at.clear();
                for axis in &by_axis {
                    at.push(axis[row]?);
                }
                query.cells.number(at.iter().copied())
            })
            .collect())
    }
}

fn add_batch(
    gather: &mut Gather,
    query: &PrivateQuery,
    places: &Places,
    batch: &RecordBatch,
) -> Result<(), RunError> {
    let values = (0..query.aggregates.len())
        .map(|at| batch.column_by_name(&value_name(at)).and_then(|c| c.as_primitive_opt::<Int64Type>()))
        .collect::<Option<Vec<_>>>()
        .ok_or(RunError::Layout)?;
    let units = units(batch)?;
    for ((row, cell), unit) in places.cells(query, batch)?.into_iter().enumerate().zip(units) {
        // A value outside the closed lists is in no cell.
        let Some(cell) = cell else { continue };
        // A sum over nothing but missing measures is null: nothing.
        gather.add(
            unit,
            cell,
            values.iter().map(|v| if v.is_null(row) { 0 } else { v.value(row) }).collect(),
        )?;
    }
    Ok(())
}

/// The unit of each row.
pub(crate) fn units(batch: &RecordBatch) -> Result<Vec<Unit>, RunError> {
    let persons = batch.column_by_name("person").and_then(|c| c.as_fixed_size_binary_opt());
    let years = batch.column_by_name("year").and_then(|c| c.as_primitive_opt::<Int64Type>());
    let (Some(persons), Some(years)) = (persons, years) else { return Err(RunError::Layout) };
    let person = |row| <[u8; 16]>::try_from(persons.value(row)).map_err(|_| RunError::Layout);
    (0..batch.num_rows()).map(|row| Ok((years.value(row), person(row)?))).collect()
}

/// From person-years to the noised table. Blocking: noise is drawn here, once, after the charge.
pub(crate) fn noised(
    query: &PrivateQuery,
    parts: &[Part],
    person_years: Vec<PersonYears>,
) -> Result<NoisedTable, RunError> {
    let mut columns = Vec::new();
    let mut notes = Vec::new();
    for (((aggregate, bounding), part), exact) in query.aggregates.iter().zip(parts).zip(person_years) {
        let name = aggregate.name();
        let c = exact.choose_norm(*part)?;
        let exact = exact.into_exact(c)?;
        let gaussian = Gaussian::for_rho(exact.l2(), part.noise)?;
        let whole = *bounding == Bounding::One;
        let unit = if whole { 1.0 } else { ONE as f64 };
        let values = exact.into_noised(&gaussian)?;
        columns.push(NoisedColumn {
            name: name.clone(),
            values: values.into_iter().map(|value| value as f64 / unit).collect(),
            half_width: gaussian.half_width(CONFIDENCE) / unit,
            whole,
        });
        notes.push(note(&name, *bounding, query, c));
    }
    if columns.len() != query.aggregates.len() {
        return Err(RunError::Layout);
    }
    Ok(NoisedTable { columns, notes })
}

fn note(name: &str, bounding: Bounding, query: &PrivateQuery, c: u64) -> String {
    match bounding {
        Bounding::One => {
            format!(
                "{name}: one person-year counts once, in one cell; nothing is cut, and the interval holds all of the error."
            )
        }
        Bounding::Norm { low, high, max_norm } => {
            let clamp = if low == 0 { format!("at most {high}") } else { format!("{low} to {high}") };
            let c = c as f64 / NORM_UNIT as f64;
            let scaled = if c >= max_norm as f64 {
                "no person-year was scaled down".to_owned()
            } else {
                format!(
                    "person-years whose vector is longer than {c} were scaled down to it (a length chosen privately)"
                )
            };
            format!(
                "{name}: a person-year counts {clamp} in a cell ({} rows at most); {scaled}. The interval holds the noise, not what the bound cuts off, so the value tends to be low.",
                query.max_rows
            )
        }
    }
}
