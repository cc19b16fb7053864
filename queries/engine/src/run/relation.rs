//! A relation as a plan of DataFusion over the snapshot's tables, built anew from our own types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::DataType;
#[cfg(test)]
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, JoinType, ScalarValue};
use datafusion::functions_aggregate::count::{count_distinct, count_udaf};
use datafusion::functions_aggregate::min_max::{max, min};
use datafusion::functions_aggregate::sum::sum;
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast, col, lit};

use super::error::RunError;
use super::session::RunSession;
use super::source::SnapshotTable;
use crate::plan::{
    Condition, Domain, Field, Fields, NumberOf, PersonNumber, Places, PrivateQuery, Relation, TIMES,
};

/// A table to read.
#[derive(Clone)]
pub(crate) enum Source {
    /// The files of a snapshot, of the years that are asked for.
    Files(SnapshotTable),
    /// Rows in any order.
    #[cfg(test)]
    Rows(Arc<dyn TableProvider>),
}

/// Tables by name.
pub(crate) type Sources = BTreeMap<String, Source>;

/// The same tables, a year and shard at a time, in the order of year and person.
///
/// All rows of a person-year are in one part of each table, and nothing that a question does with rows looks beyond their
/// person-year: joined, or aggregated by person, the parts give the rows that the whole would give.
pub(super) fn parts(sources: &Sources) -> Vec<Sources> {
    let mut cells = BTreeSet::new();
    for source in sources.values() {
        match source {
            Source::Files(files) => cells.extend(files.cells()),
            #[cfg(test)]
            Source::Rows(_) => return vec![sources.clone()],
        }
    }
    let part = |cell| {
        sources.iter().map(move |(name, source)| {
            let part = match source {
                Source::Files(files) => Source::Files(files.of_cell(cell)),
                #[cfg(test)]
                Source::Rows(rows) => Source::Rows(Arc::clone(rows)),
            };
            (name.clone(), part)
        })
    };
    cells.into_iter().map(|cell| part(cell).collect()).collect()
}

/// A table, and by field the column that it is of.
pub(super) type Alone<'q> = (SnapshotTable, BTreeMap<&'q str, &'q str>);

/// The table whose rows a query is made of, if that is all there is to it, and the columns that its fields are of.
pub(super) fn alone<'q>(sources: &Sources, query: &'q PrivateQuery) -> Result<Option<Alone<'q>>, RunError> {
    let Relation::Table { instance, table } = &query.relation else { return Ok(None) };
    let files = match sources.get(table).ok_or(RunError::Layout)? {
        Source::Files(files) => files.clone(),
        #[cfg(test)]
        Source::Rows(_) => return Ok(None),
    };
    let prefix = format!("{instance}_");
    let column = |name: &'q str| Some((name, name.strip_prefix(&prefix)?));
    Ok(Some((files, fields(query).into_iter().filter_map(column).collect())))
}

/// The fields that a query's cells and terms are looked up by; of a single table also those of its condition.
pub(super) fn fields(query: &PrivateQuery) -> BTreeSet<&str> {
    let mut named = BTreeSet::new();
    if query.relation.is_table() {
        query.condition.fields(&mut named);
    }
    named
        .extend(query.sets.iter().flat_map(|cells| &cells.axes).flat_map(|axis| axis.inputs.iter().cloned()));
    for term in &query.terms {
        term.filter.fields(&mut named);
        if let crate::plan::What::Sum(value) = &term.what {
            named.extend(value.inputs.iter().cloned());
        }
    }
    query.fields.keys().filter(|name| named.contains(*name)).map(String::as_str).collect()
}

/// The rows that a query's cells and terms are made of: year, person and the fields it names, by year and person.
///
/// Of a single table all rows come, and whoever looks them up leaves out what does not pass the query's condition.
pub(super) fn rows(sources: &Sources, query: &PrivateQuery) -> Result<LogicalPlan, RunError> {
    let build = Build { sources, query, is_cut: false };
    let plan = if query.relation.is_table() {
        build.relation(&query.relation)?.0
    } else {
        build.filtered(&query.relation, &query.condition)?.0
    };
    let fields = fields(query).into_iter().filter(|name| *name != "year").map(col);
    let plan = plan.project([col("year"), col("person")].into_iter().chain(fields))?;
    // Where the rows are known to be in order, nothing is sorted.
    Ok(plan.sort([col("year").sort(true, false), col("person").sort(true, false)])?.build()?)
}

#[derive(Clone, Copy)]
struct Build<'a> {
    sources: &'a Sources,
    query: &'a PrivateQuery,
    /// Whether of a person-year no more than [`TIMES`] as many rows of a table go on as the policy lets count in a group.
    ///
    /// # Privacy
    /// Where rows of a person meet other rows of theirs, their number grows as a product, and so does the time: somebody with very many
    /// would end a question at its deadline, which tells that they are there. Which rows go on depends on that person-year's rows
    /// of one table alone (the window that counts them sits on the ordered scan), so a person-year that is taken out changes nobody else's, and the sensitivity is that of the vector as ever.
    is_cut: bool,
}

/// A plan with year, person and these fields.
type Built = (LogicalPlanBuilder, Vec<String>);

impl Build<'_> {
    fn relation(&self, relation: &Relation) -> Result<Built, RunError> {
        match relation {
            Relation::Table { instance, table } => self.table(instance, table),
            Relation::Filter { input, condition } => self.filtered(input, condition),
            Relation::Join { left, right } => {
                let is_lighter = self.bytes(left) < self.bytes(right);
                let inner =
                    Self { is_cut: self.is_cut || self.has_many(left) && self.has_many(right), ..*self };
                let (left, mut fields) = inner.relation(left)?;
                let (right, of_right) = inner.relation(right)?;
                let right = beside(right, &of_right)?;
                let joined = joined(left, right, is_lighter, [JoinType::Inner; 2])?;
                fields.extend(of_right);
                Ok((only(joined, &fields)?, fields))
            }
            Relation::Semi { left, right, anti, .. } => {
                let is_lighter = self.bytes(left) < self.bytes(right);
                let (left, fields) = self.relation(left)?;
                // Nothing grows by it, and a row behind the cut is one all the same.
                let (right, _) = Self { is_cut: false, ..*self }.relation(right)?;
                let kinds = if *anti {
                    [JoinType::LeftAnti, JoinType::RightAnti]
                } else {
                    [JoinType::LeftSemi, JoinType::RightSemi]
                };
                let kept = joined(left, beside(right, &[])?, is_lighter, kinds)?;
                Ok((only(kept, &fields)?, fields))
            }
            Relation::PerPerson { input, keys, numbers } => {
                // What comes out is as many rows as there are combinations of keys.
                let (input, _) = Self { is_cut: false, ..*self }.relation(input)?;
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

    /// Whether a person can have several rows of a year.
    fn has_many(&self, relation: &Relation) -> bool {
        match relation {
            Relation::Table { table, .. } => self.max_rows(table).is_some(),
            Relation::Filter { input, .. } | Relation::Semi { left: input, .. } => self.has_many(input),
            Relation::Join { left, right } => self.has_many(left) || self.has_many(right),
            Relation::PerPerson { keys, .. } => !keys.is_empty(),
        }
    }

    fn max_rows(&self, table: &str) -> Option<u64> {
        match self.sources.get(table)? {
            Source::Files(files) => files.max_rows(),
            #[cfg(test)]
            Source::Rows(_) => None,
        }
    }

    /// Bytes of the files that the rows of a relation are read from; none where a person has a row or few.
    fn bytes(&self, relation: &Relation) -> u64 {
        match relation {
            Relation::Table { table, .. } => {
                if let Some(Source::Files(files)) = self.sources.get(table) {
                    files.bytes()
                } else {
                    0
                }
            }
            Relation::Filter { input, .. } => self.bytes(input),
            Relation::Join { left, right } => self.bytes(left).max(self.bytes(right)),
            Relation::Semi { left, .. } => self.bytes(left),
            Relation::PerPerson { .. } => 0,
        }
    }

    fn table(&self, instance: &str, table: &str) -> Result<Built, RunError> {
        let source = self.sources.get(table).ok_or(RunError::Layout)?;
        let prefix = format!("{instance}_");
        let of_table = self.query.fields.keys().filter_map(|name| Some((name, name.strip_prefix(&prefix)?)));
        let mut columns = vec![col("rows.year").alias("year"), col("rows.person").alias("person")];
        let mut fields = Vec::new();
        for (name, column) in of_table {
            columns.push(col(format!("rows.{column}")).alias(name));
            fields.push(name.clone());
        }
        let scan = match source {
            // They are of the years asked for.
            Source::Files(files) => RunSession::scan("rows", Arc::new(files.clone()))?,
            #[cfg(test)]
            Source::Rows(rows) => {
                let years = self.query.years.iter().map(|year| lit(i64::from(*year))).collect();
                RunSession::scan("rows", Arc::clone(rows))?.filter(col("rows.year").in_list(years, false))?
            }
        };
        let rows = scan.project(columns)?;
        let rows = match self.max_rows(table).filter(|_| self.is_cut) {
            Some(most) => only(cut(rows, most.saturating_mul(TIMES))?, &fields)?,
            None => rows,
        };
        Ok((rows, fields))
    }
}

/// The first so many rows of each person and year, in the order that they come in.
fn cut(rows: LogicalPlanBuilder, most: u64) -> Result<LogicalPlanBuilder, RunError> {
    let number = row_number().partition_by(ON.map(col).to_vec()).build()?;
    let name = number.schema_name().to_string();
    Ok(rows.window([number])?.filter(Expr::Column(Column::from_name(name)).lt_eq(lit(most)))?)
}

const ON: [&str; 2] = ["year", "person"];
const BESIDE: [&str; 2] = ["year_beside", "person_beside"];

/// Year, person and some fields.
fn only(plan: LogicalPlanBuilder, fields: &[String]) -> Result<LogicalPlanBuilder, RunError> {
    Ok(plan.project(ON.into_iter().chain(fields.iter().map(String::as_str)).map(col))?)
}

/// Two sides joined on year and person. The lighter side is held in memory, and the other one's rows stay in their order.
/// The kinds of join: with the left side held, and with the right.
fn joined(
    left: LogicalPlanBuilder,
    right: LogicalPlan,
    left_is_lighter: bool,
    [held, streamed]: [JoinType; 2],
) -> Result<LogicalPlanBuilder, RunError> {
    if left_is_lighter {
        return Ok(left.join(right, held, (ON.to_vec(), BESIDE.to_vec()), None)?);
    }
    let right = LogicalPlanBuilder::from(right);
    Ok(right.join(left.build()?, streamed, (BESIDE.to_vec(), ON.to_vec()), None)?)
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
