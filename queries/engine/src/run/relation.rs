//! A relation as a plan of DataFusion over the snapshot's tables, built anew from our own types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::{JoinType, ScalarValue};
use datafusion::functions_aggregate::count::{count_distinct, count_udaf};
use datafusion::functions_aggregate::min_max::{max, min};
use datafusion::functions_aggregate::sum::sum;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast, col, lit};

use super::error::RunError;
use super::session::RunSession;
use crate::plan::{Condition, Domain, Field, Fields, NumberOf, PersonNumber, Places, PrivateQuery, Relation};

/// A table to read.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) table: Arc<dyn TableProvider>,
    /// Whether each partition gives its rows by year and person, ascending, and the partitions one after the other.
    pub(crate) ordered: bool,
}

/// Tables by name.
pub(crate) type Sources = BTreeMap<String, Source>;

/// The rows that a query's cells and terms are made of: year, person and the fields it names.
pub(super) fn rows(sources: &Sources, query: &PrivateQuery) -> Result<LogicalPlan, RunError> {
    let build = Build { sources, query };
    let (plan, _) = build.filtered(&query.relation, &query.condition)?;
    let mut last = BTreeSet::new();
    last.extend(query.sets.iter().flat_map(|cells| &cells.axes).flat_map(|axis| axis.inputs.iter()));
    for term in &query.terms {
        let mut named = BTreeSet::new();
        term.filter.fields(&mut named);
        last.extend(query.fields.keys().filter(|name| named.contains(*name)));
        if let crate::plan::What::Sum(value) = &term.what {
            last.extend(value.inputs.iter());
        }
    }
    let fields = last.into_iter().filter(|name| *name != "year").map(col);
    let plan = plan.project([col("year"), col("person")].into_iter().chain(fields))?;
    if is_ordered(sources, query) {
        return Ok(plan.build()?);
    }
    Ok(plan.sort([col("year").sort(true, false), col("person").sort(true, false)])?.build()?)
}

/// Whether the rows come in order, partition by partition, without being sorted.
pub(super) fn is_ordered(sources: &Sources, query: &PrivateQuery) -> bool {
    query.relation.is_table()
        && query.tables().iter().all(|table| sources.get(table).is_some_and(|s| s.ordered))
}

struct Build<'a> {
    sources: &'a Sources,
    query: &'a PrivateQuery,
}

/// A plan with year, person and these fields.
type Built = (LogicalPlanBuilder, Vec<String>);

impl Build<'_> {
    fn relation(&self, relation: &Relation) -> Result<Built, RunError> {
        match relation {
            Relation::Table { instance, table } => self.table(instance, table),
            Relation::Filter { input, condition } => self.filtered(input, condition),
            Relation::Join { left, right } => {
                let (left, mut fields) = self.relation(left)?;
                let (right, of_right) = self.relation(right)?;
                let right = beside(right, &of_right)?;
                let joined = left.join(right, JoinType::Inner, (ON.to_vec(), BESIDE.to_vec()), None)?;
                fields.extend(of_right);
                Ok((only(joined, &fields)?, fields))
            }
            Relation::Semi { left, right, anti, .. } => {
                let (left, fields) = self.relation(left)?;
                let (right, _) = self.relation(right)?;
                let kind = if *anti { JoinType::LeftAnti } else { JoinType::LeftSemi };
                let right = beside(right, &[])?;
                let kept = left.join(right, kind, (ON.to_vec(), BESIDE.to_vec()), None)?;
                Ok((only(kept, &fields)?, fields))
            }
            Relation::PerPerson { input, keys, numbers } => {
                let (input, _) = self.relation(input)?;
                let group = ON.into_iter().chain(keys.iter().map(String::as_str)).map(col);
                let mut aggregates = Vec::new();
                for (name, number) in numbers {
                    aggregates.push(of_person(number, &self.query.fields)?.alias(name));
                }
                let fields: Vec<String> =
                    keys.iter().chain(numbers.iter().map(|(name, _)| name)).cloned().collect();
                Ok((only(input.aggregate(group, aggregates)?, &fields)?, fields))
            }
        }
    }

    fn filtered(&self, relation: &Relation, condition: &Condition) -> Result<Built, RunError> {
        let (plan, fields) = self.relation(relation)?;
        Ok(match expression(condition, &self.query.fields) {
            Some(passes) => (plan.filter(passes)?, fields),
            None => (plan, fields),
        })
    }

    fn table(&self, instance: &str, table: &str) -> Result<Built, RunError> {
        let source = self.sources.get(table).ok_or(RunError::Layout)?;
        let years: Vec<Expr> = self.query.years.iter().map(|year| lit(i64::from(*year))).collect();
        let prefix = format!("{instance}_");
        let of_table = self.query.fields.keys().filter_map(|name| Some((name, name.strip_prefix(&prefix)?)));
        let mut columns = vec![col("rows.year").alias("year"), col("rows.person").alias("person")];
        let mut fields = Vec::new();
        for (name, column) in of_table {
            columns.push(col(format!("rows.{column}")).alias(name));
            fields.push(name.clone());
        }
        let scan = RunSession::scan("rows", Arc::clone(&source.table))?;
        let scan = scan.filter(col("rows.year").in_list(years, false))?;
        Ok((scan.project(columns)?, fields))
    }
}

const ON: [&str; 2] = ["year", "person"];
const BESIDE: [&str; 2] = ["year_beside", "person_beside"];

/// Year, person and some fields.
fn only(plan: LogicalPlanBuilder, fields: &[String]) -> Result<LogicalPlanBuilder, RunError> {
    Ok(plan.project(ON.into_iter().chain(fields.iter().map(String::as_str)).map(col))?)
}

/// The right side of a join, its year and person under other names.
fn beside(plan: LogicalPlanBuilder, fields: &[String]) -> Result<LogicalPlan, RunError> {
    let keys = ON.into_iter().zip(BESIDE).map(|(name, other)| col(name).alias(other));
    Ok(plan.project(keys.chain(fields.iter().map(col)))?.build()?)
}

fn of_person(number: &PersonNumber, fields: &Fields) -> Result<Expr, RunError> {
    let call = match &number.of {
        NumberOf::Rows => count_udaf().call(vec![lit(1_i64)]),
        NumberOf::Distinct(field) => count_distinct(col(field)),
        NumberOf::Sum(field) => sum(cast(col(field), DataType::Int64)),
        NumberOf::Least(field) => min(col(field)),
        NumberOf::Greatest(field) => max(col(field)),
    };
    Ok(match expression(&number.filter, fields) {
        Some(passes) => call.filter(passes).build()?,
        None => call,
    })
}

/// A condition as a DataFusion expression; `None` when every row passes. Total: comparisons with literals only.
fn expression(condition: &Condition, fields: &Fields) -> Option<Expr> {
    match condition {
        Condition::Always => None,
        Condition::Never => Some(lit(false)),
        Condition::In(name, places) => {
            Some(fields.get(name).map_or_else(|| lit(false), |field| atom(name, field, places)))
        }
        Condition::All(parts) => {
            balanced(parts.iter().filter_map(|part| expression(part, fields)).collect(), Expr::and)
        }
        Condition::Any(parts) => {
            any_of(parts.iter().map(|part| expression(part, fields).unwrap_or_else(|| lit(true))).collect())
        }
    }
}

fn any_of(parts: Vec<Expr>) -> Option<Expr> {
    balanced(parts, Expr::or)
}

/// A chain of one operator as a tree of little depth, since what runs it goes down by recursion.
fn balanced(mut parts: Vec<Expr>, join: fn(Expr, Expr) -> Expr) -> Option<Expr> {
    while parts.len() > 1 {
        let mut halves = Vec::with_capacity(parts.len().div_ceil(2));
        let mut rest = parts.into_iter();
        while let Some(one) = rest.next() {
            halves.push(match rest.next() {
                Some(other) => join(one, other),
                None => one,
            });
        }
        parts = halves;
    }
    parts.pop()
}

fn atom(name: &str, field: &Field, places: &Places) -> Expr {
    let len = field.len();
    let missing = u32::try_from(len).is_ok_and(|place| places.contains(place));
    let there = match &field.domain {
        Domain::Codes(codes) => {
            // The shorter of the list and its complement; closed lists make them equal.
            let negated = places.len() * 2 > len;
            let holds = |place: usize| u32::try_from(place).is_ok_and(|place| places.contains(place));
            let named = codes.iter().enumerate().filter(|(place, _)| holds(*place) != negated);
            Some(col(name).in_list(named.map(|(_, code)| lit(code.as_str())).collect(), negated))
        }
        Domain::Numbers { low, .. } => any_of(
            ranges(places, len, |place| lit(low.saturating_add(place))).map(|range| range.on(name)).collect(),
        ),
        Domain::Days { first, .. } => {
            let day = |place: i64| {
                let day = i32::try_from(i64::from(*first).saturating_add(place)).unwrap_or(i32::MAX);
                Expr::Literal(ScalarValue::Date32(Some(day)), None)
            };
            any_of(ranges(places, len, day).map(|range| range.on(name)).collect())
        }
    };
    match (there, missing) {
        (Some(there), true) => there.or(col(name).is_null()),
        (Some(there), false) => there,
        (None, true) => col(name).is_null(),
        (None, false) => lit(false),
    }
}

/// A closed range; without an end where the domain ends, since what lies outside counts as the nearest end.
struct Range {
    low: Option<Expr>,
    high: Option<Expr>,
}

impl Range {
    fn on(self, name: &str) -> Expr {
        match (self.low, self.high) {
            (Some(low), Some(high)) => col(name).between(low, high),
            (Some(low), None) => col(name).gt_eq(low),
            (None, Some(high)) => col(name).lt_eq(high),
            (None, None) => col(name).is_not_null(),
        }
    }
}

fn ranges(places: &Places, len: usize, value: impl Fn(i64) -> Expr) -> impl Iterator<Item = Range> {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    places.ranges().iter().filter(move |(low, _)| *low < len).map(move |(low, high)| Range {
        low: (*low > 0).then(|| value(i64::from(*low))),
        high: (*high < len - 1).then(|| value(i64::from(*high))),
    })
}
