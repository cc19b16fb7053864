//! From DataFusion's resolved plan to a private query and what is shown of it.
//!
//! Both matches on [`LogicalPlan`] are exhaustive: a node that a later DataFusion adds does not compile here,
//! rather than pass. Nothing of the plan is run; the private plan is built anew from [`PrivateQuery`].

use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::functions_aggregate::{average, count, min_max, sum};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{self as logical, Expr, LogicalPlan};
use skjerm_warehouse::policy::{ColumnRole, Policy, Table, TableKind};

use super::condition::{Condition, Scope, Slot};
use super::filter::condition;
use super::query::Aggregate;
use super::refuse::{Refusal, refuse};

/// A question as written: the private part, and what is shown of its result.
pub(super) struct Shape<'a> {
    pub(super) table: &'a Table,
    pub(super) condition: Condition,
    /// In the order of GROUP BY; no repetitions.
    pub(super) keys: Vec<Slot>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) columns: Vec<Shown>,
    pub(super) order: Vec<Order>,
    pub(super) skip: usize,
    pub(super) fetch: Option<usize>,
}

/// An output column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) source: Source,
}

/// Where a shown value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Key(Slot),
    Aggregate(Aggregate),
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) source: Source,
    pub(crate) ascending: bool,
}

/// Reads the plan from the top down to the aggregate.
pub(super) fn shape<'a>(policy: &'a Policy, plan: &LogicalPlan) -> Result<Shape<'a>, Refusal> {
    match plan {
        LogicalPlan::Limit(limit) => {
            let mut shape = shape(policy, &limit.input)?;
            if shape.fetch.is_some() || shape.skip > 0 {
                return Err(refuse("a second LIMIT is not supported"));
            }
            shape.skip = limit.skip.as_deref().map_or(Ok(0), row_number)?;
            shape.fetch = limit.fetch.as_deref().map(row_number).transpose()?;
            Ok(shape)
        }
        LogicalPlan::Sort(sort) => {
            let mut shape = shape(policy, &sort.input)?;
            if shape.fetch.is_some() || sort.fetch.is_some() || shape.skip > 0 || !shape.order.is_empty() {
                return Err(refuse("a second ORDER BY is not supported"));
            }
            for key in &sort.expr {
                let source = source(&shape, sort.input.schema(), &key.expr, "ORDER BY")?;
                shape.order.push(Order { source, ascending: key.asc });
            }
            Ok(shape)
        }
        LogicalPlan::Projection(projection) => {
            let mut shape = shape(policy, &projection.input)?;
            let mut columns = Vec::new();
            for (expr, field) in projection.expr.iter().zip(projection.schema.fields()) {
                let source = source(&shape, projection.input.schema(), expr, "SELECT")?;
                let name = match expr {
                    Expr::Alias(_) => field.name().clone(),
                    _ => shown_name(&source),
                };
                columns.push(Shown { name, source });
            }
            shape.columns = columns;
            Ok(shape)
        }
        LogicalPlan::Aggregate(aggregate) => private_part(policy, aggregate),
        LogicalPlan::Filter(_) => {
            // A filter above no aggregate is a WHERE, above one a HAVING.
            Err(refuse("a question asks for an aggregate, and HAVING is not supported"))
        }
        LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_) => {
            Err(refuse("rows are never shown: a question asks for an aggregate"))
        }
        LogicalPlan::Distinct(_) => Err(refuse("SELECT DISTINCT is not supported").hint("Use GROUP BY.")),
        LogicalPlan::Window(_) => Err(refuse("window functions are not supported")),
        LogicalPlan::Join(_) => Err(refuse("joins are not supported")),
        LogicalPlan::Union(_) => Err(refuse("UNION is not supported")),
        LogicalPlan::Subquery(_) => Err(refuse("subqueries are not supported")),
        LogicalPlan::RecursiveQuery(_) => Err(refuse("recursive queries are not supported")),
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => Err(refuse("a question reads one table")),
        LogicalPlan::Unnest(_) => Err(refuse("UNNEST is not supported")),
        LogicalPlan::Repartition(_) | LogicalPlan::Extension(_) => Err(refuse("this plan is not supported")),
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_) => {
            Err(refuse("only SELECT can be asked").hint("For the price of a question use --explain."))
        }
        LogicalPlan::Statement(_) | LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) | LogicalPlan::Copy(_) => {
            Err(refuse("only SELECT can be asked; nothing can be changed"))
        }
    }
}

fn shown_name(source: &Source) -> String {
    match source {
        Source::Key(slot) => slot.column().to_owned(),
        Source::Aggregate(aggregate) => aggregate.name(),
    }
}

/// What an expression above the aggregate shows: a column of the aggregate and nothing computed from it.
fn source(shape: &Shape<'_>, schema: &DFSchema, expr: &Expr, place: &str) -> Result<Source, Refusal> {
    match expr {
        Expr::Alias(alias) => source(shape, schema, &alias.expr, place),
        Expr::Column(column) => {
            let found = schema.maybe_index_of_column(column).and_then(|index| shape.columns.get(index));
            found
                .map(|shown| shown.source.clone())
                .ok_or_else(|| refuse(format!("`{}` is neither grouped by nor an aggregate", column.name)))
        }
        Expr::Literal(..) => Err(refuse(format!("literals are not supported in {place}"))),
        _ => Err(refuse(format!("computing with aggregates and columns is not supported in {place}"))
            .hint("Ask for the aggregates themselves and compute with the answer: that is free.")),
    }
}

fn row_number(expr: &Expr) -> Result<usize, Refusal> {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(n)), _) => usize::try_from(*n).ok(),
        Expr::Literal(ScalarValue::UInt64(Some(n)), _) => usize::try_from(*n).ok(),
        _ => None,
    }
    .ok_or_else(|| refuse("LIMIT and OFFSET must be whole numbers, not negative"))
}

fn private_part<'a>(policy: &'a Policy, aggregate: &logical::Aggregate) -> Result<Shape<'a>, Refusal> {
    let mut conditions = Vec::new();
    let scan = rows(&aggregate.input, &mut conditions)?;
    let name = scan.table_name.table();
    let table = policy.table(name).ok_or_else(|| refuse(format!("there is no table {name}")))?;
    check_table(table)?;
    if !scan.filters.is_empty() || scan.fetch.is_some() {
        return Err(refuse("this plan is not supported"));
    }
    let scope = Scope { policy, table };
    let mut parts = Vec::new();
    for predicate in conditions {
        parts.push(condition(scope, predicate, false)?);
    }
    let mut columns = Vec::new();
    let mut keys: Vec<Slot> = Vec::new();
    for expr in &aggregate.group_expr {
        let slot = key(table, expr)?;
        columns.push(Shown { name: slot.column().to_owned(), source: Source::Key(slot.clone()) });
        if !keys.contains(&slot) {
            keys.push(slot);
        }
    }
    let mut aggregates: Vec<Aggregate> = Vec::new();
    for expr in &aggregate.aggr_expr {
        let wanted = aggregate_of(table, expr)?;
        columns.push(Shown { name: String::new(), source: Source::Aggregate(wanted.clone()) });
        if !aggregates.contains(&wanted) {
            aggregates.push(wanted);
        }
    }
    if aggregates.is_empty() {
        return Err(
            refuse("a question asks for an aggregate").hint("Add count(*) or count(distinct person).")
        );
    }
    Ok(Shape {
        table,
        condition: scope.all(parts),
        keys,
        aggregates,
        columns,
        order: Vec::new(),
        skip: 0,
        fetch: None,
    })
}

fn check_table(table: &Table) -> Result<(), Refusal> {
    match table.kind {
        TableKind::Protected if table.family == "persons" => Ok(()),
        TableKind::Protected => Err(refuse(format!("`{}` cannot be asked by SQL yet", table.name))
            .hint("Scene counts are asked by `skjerm scene compare`.")),
        TableKind::Operational | TableKind::Public => {
            Err(refuse(format!("`{}` holds no protected data and is not asked by SQL yet", table.name)).hint(
                "Operational and public tables are in the figures: `skjerm release` and the dashboard.",
            ))
        }
    }
}

/// The rows below the aggregate: one table, perhaps renamed, perhaps filtered.
fn rows<'p>(
    plan: &'p LogicalPlan,
    conditions: &mut Vec<&'p Expr>,
) -> Result<&'p logical::TableScan, Refusal> {
    match plan {
        LogicalPlan::Filter(filter) => {
            conditions.push(&filter.predicate);
            rows(&filter.input, conditions)
        }
        LogicalPlan::TableScan(scan) => Ok(scan),
        LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
            LogicalPlan::TableScan(scan) => Ok(scan),
            _ => Err(refuse("subqueries are not supported")),
        },
        LogicalPlan::Projection(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::RecursiveQuery(_) => Err(refuse("subqueries are not supported")),
        LogicalPlan::Window(_) => Err(refuse("window functions are not supported")),
        LogicalPlan::Join(_) => Err(refuse("joins are not supported")),
        LogicalPlan::Union(_) => Err(refuse("UNION is not supported")),
        LogicalPlan::Unnest(_) => Err(refuse("UNNEST is not supported")),
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => Err(refuse("a question reads one table")),
        LogicalPlan::Repartition(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_) => Err(refuse("this plan is not supported")),
    }
}

fn key(table: &Table, expr: &Expr) -> Result<Slot, Refusal> {
    let Expr::Column(Column { name, .. }) = expr else {
        return Err(match expr {
            Expr::GroupingSet(_) => refuse("ROLLUP, CUBE and GROUPING SETS are not supported"),
            Expr::Literal(..) => refuse("GROUP BY must name columns"),
            _ => refuse("GROUP BY must name columns, not expressions"),
        });
    };
    let Some(column) = table.column(name) else {
        return Err(refuse(format!("there is no column `{name}` in `{}`", table.name)));
    };
    match &column.role {
        ColumnRole::Year => Ok(Slot::Year),
        ColumnRole::Month => Ok(Slot::Month),
        ColumnRole::Dimension { .. } => Ok(Slot::Dimension(name.clone())),
        ColumnRole::Person | ColumnRole::Record => {
            Err(refuse(format!("GROUP BY `{name}` would show single persons")))
        }
        ColumnRole::Date => {
            Err(refuse("GROUP BY `date` is not supported").hint("Group by `year` and `month`."))
        }
        ColumnRole::Measure { .. } => {
            Err(refuse(format!("GROUP BY `{name}` is not supported: it has no closed list")))
        }
    }
}

fn aggregate_of(table: &Table, expr: &Expr) -> Result<Aggregate, Refusal> {
    let function = match expr {
        Expr::Alias(alias) => return aggregate_of(table, &alias.expr),
        Expr::AggregateFunction(function) => function,
        _ => return Err(refuse("this aggregate is not supported")),
    };
    let params = &function.params;
    if params.filter.is_some() {
        return Err(refuse("FILTER is not supported").hint("Put the condition in WHERE and ask twice."));
    }
    if !params.order_by.is_empty() || params.null_treatment.is_some() {
        return Err(refuse("ORDER BY and NULLS in an aggregate are not supported"));
    }
    // By identity, not by name.
    if function.func == count::count_udaf() {
        count_of(table, function)
    } else if function.func == sum::sum_udaf() {
        if params.distinct {
            return Err(refuse("sum(distinct …) is not supported"));
        }
        Ok(Aggregate::Sum(measure(table, function, "sum")?))
    } else if function.func == average::avg_udaf() {
        Err(refuse("avg is not supported yet")
            .hint("Ask for sum(measure) and count(measure) and divide: computing with an answer is free."))
    } else if function.func == min_max::min_udaf() || function.func == min_max::max_udaf() {
        Err(refuse("min and max show single persons and are not supported"))
    } else {
        Err(refuse(format!("the aggregate `{}` is not supported", function.func.name())))
    }
}

fn count_of(table: &Table, function: &AggregateFunction) -> Result<Aggregate, Refusal> {
    let params = &function.params;
    match params.args.as_slice() {
        #[expect(deprecated, reason = "what the SQL planner makes of count(*)")]
        [] | [Expr::Wildcard { qualifier: None, .. }] if !params.distinct => Ok(Aggregate::Rows),
        [Expr::Literal(literal, _)] if !params.distinct && !literal.is_null() => Ok(Aggregate::Rows),
        [Expr::Column(column)] => match (table.column(&column.name).map(|c| &c.role), params.distinct) {
            (Some(ColumnRole::Person), true) => Ok(Aggregate::Persons),
            (Some(ColumnRole::Measure { .. }), false) => Ok(Aggregate::Present(column.name.clone())),
            (_, true) => Err(refuse(format!("count(distinct {}) is not supported", column.name))
                .hint("Only persons can be counted as distinct: count(distinct person).")),
            (_, false) => Err(refuse(format!("count({}) is not supported", column.name))
                .hint("Use count(*) for rows, count(distinct person) for persons.")),
        },
        _ => Err(refuse("count must be count(*), count(distinct person) or count(measure)")),
    }
}

fn measure(table: &Table, function: &AggregateFunction, name: &str) -> Result<String, Refusal> {
    let [Expr::Column(column)] = function.params.args.as_slice() else {
        return Err(refuse(format!("{name} must be of a measure, not of an expression")));
    };
    if matches!(table.column(&column.name).map(|c| &c.role), Some(ColumnRole::Measure { .. })) {
        return Ok(column.name.clone());
    }
    let measures = table.columns.iter().filter(|c| matches!(c.role, ColumnRole::Measure { .. }));
    let measures: Vec<&str> = measures.map(|c| c.name.as_str()).collect();
    let hint = if measures.is_empty() {
        format!("`{}` has no measures.", table.name)
    } else {
        format!("The measures of `{}` are {}.", table.name, measures.join(", "))
    };
    Err(refuse(format!("{name}({}) is not supported: it is no measure", column.name)).hint(hint))
}
