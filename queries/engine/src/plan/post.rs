//! What a question does with answers: everything above the protected aggregations.
//!
//! # Privacy
//! A plan of DataFusion in which each aggregation over protected rows is replaced by a table `answer_N` that will hold
//! noised values, and nothing else reads protected rows: whatever the rest computes is post-processing. A node that is
//! neither is refused, and both matches on [`LogicalPlan`] are exhaustive: a node that a later DataFusion adds does not
//! compile here, rather than pass.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DataFusionError, ScalarValue};
use datafusion::logical_expr::{
    self as logical, Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, col, lit,
    when,
};
use skjerm_warehouse::policy::{Policy, TableKind};

use super::catalog::{Public, SchemaOnly};
use super::grid::not_too_deep;
use super::measured::{Column as Shows, Question, question};
use super::output::conjuncts;
use super::quantile::{has_quantile, over_histograms};
use super::refuse::{Refusal, refuse};
use super::rows::Reader;
use super::statement::said;

/// The most protected aggregations of one question.
const MOST: usize = 12;

/// What a column of the answer is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// No noised value is in it.
    Key,
    /// A measured column of a question.
    Measured { question: usize, term: usize },
    /// Computed from noised values.
    Derived,
}

/// The plan over answers, and what is needed to say how sure its values are.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// With `hidden` columns at its end, which tell its rows apart.
    pub(crate) plan: LogicalPlan,
    /// The same without what depends on values at the top: order, limits, conditions on noised values.
    pub(crate) unordered: LogicalPlan,
    pub(crate) hidden: usize,
    /// Whether both have the same rows in the same order.
    pub(crate) stable: bool,
    pub(crate) names: Vec<String>,
    pub(crate) origins: Vec<Origin>,
}

/// Takes the protected aggregations out of a resolved plan.
pub(super) fn split(
    policy: &Policy,
    public: &Public,
    plan: &LogicalPlan,
) -> Result<(Vec<Question>, Post), Refusal> {
    let mut splitter = Splitter { policy, public, reader: Reader::new(policy), questions: Vec::new() };
    let above = splitter.answers(plan)?;
    if splitter.questions.is_empty() {
        return Err(refuse("a question asks for an aggregate over a protected table")
            .hint("Add count(*) or count(distinct person) over one of the protected tables."));
    }
    let names: Vec<String> = above.schema().fields().iter().map(|field| field.name().clone()).collect();
    not_too_many_rows(&above, public, &splitter.questions)?;
    let of_columns = origins(&above);
    let broken =
        |error: DataFusionError| refuse(format!("the question was not understood: {}", said(&error)));
    let (plan, keys) = carry(&above, false).map_err(broken)?;
    let (unordered, _) = carry(&above, true).map_err(broken)?;
    let stable = plan == unordered;
    let (plan, unordered) = (only(&plan, names.len(), &keys), only(&unordered, names.len(), &keys));
    Ok((
        splitter.questions,
        Post {
            plan: plan.map_err(broken)?,
            unordered: unordered.map_err(broken)?,
            hidden: keys.len(),
            names,
            origins: of_columns,
            stable,
        },
    ))
}

impl Post {
    /// Whether which rows there are, or their order, depends on noised values.
    #[cfg(test)]
    pub(crate) fn depends_on_values(&self) -> bool {
        let mut depends = false;
        let walked = self.plan.apply_with_subqueries(|node| {
            depends |= match node {
                LogicalPlan::Filter(filter) => is_noised(&filter.predicate, &filter.input),
                LogicalPlan::Sort(sort) => sort.expr.iter().any(|key| is_noised(&key.expr, &sort.input)),
                LogicalPlan::Join(_)
                | LogicalPlan::Distinct(_)
                | LogicalPlan::Window(_)
                | LogicalPlan::Aggregate(_) => true,
                _ => false,
            };
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        });
        walked.is_err() || depends
    }
}

/// The most rows that a join of answers may make.
const MOST_ROWS: usize = 1 << 22;

/// Refuses joins that make very many rows of a few: those without an equality give all pairs.
fn not_too_many_rows(plan: &LogicalPlan, public: &Public, questions: &[Question]) -> Result<usize, Refusal> {
    let mut below = Vec::new();
    for input in plan.inputs() {
        below.push(not_too_many_rows(input, public, questions)?);
    }
    let rows = match (plan, below.as_slice()) {
        (LogicalPlan::TableScan(scan), _) => {
            let name = scan.table_name.table();
            let question = name.strip_prefix("answer_").and_then(|at| at.parse::<usize>().ok());
            match question.and_then(|at| questions.get(at)) {
                Some(question) => question.shown.rows.len(),
                None => public.get(name).map_or(0, arrow::array::RecordBatch::num_rows),
            }
        }
        (LogicalPlan::Join(join), [left, right]) => {
            let equals = join.filter.iter().flat_map(conjuncts).any(|part| is_equality(part, join));
            if join.on.is_empty() && !equals { left.saturating_mul(*right) } else { (*left).max(*right) }
        }
        (_, below) => below.iter().copied().fold(0, usize::saturating_add).max(1),
    };
    if rows > MOST_ROWS {
        return Err(refuse("a join of answers makes too many rows")
            .hint("Join on columns that both have, with ON or USING."));
    }
    Ok(rows)
}

/// Whether a condition is that something of one side is what something of the other is.
fn is_equality(condition: &Expr, join: &Join) -> bool {
    let Expr::BinaryExpr(binary) = condition else { return false };
    let is_of = |expr: &Expr, side: &LogicalPlan| {
        let columns = expr.column_refs();
        !columns.is_empty() && columns.into_iter().all(|column| side.schema().has_column(column))
    };
    let are_of = |left: &Expr, right: &Expr| is_of(left, &join.left) && is_of(right, &join.right);
    binary.op == Operator::Eq && (are_of(&binary.left, &binary.right) || are_of(&binary.right, &binary.left))
}

struct Splitter<'a> {
    policy: &'a Policy,
    public: &'a Public,
    reader: Reader<'a>,
    questions: Vec<Question>,
}

impl Splitter<'_> {
    fn answers(&mut self, plan: &LogicalPlan) -> Result<LogicalPlan, Refusal> {
        match plan {
            LogicalPlan::Aggregate(aggregate)
                if self.reader.gives_rows(&aggregate.input) && !self.reader.gives_rows(plan) =>
            {
                if has_quantile(aggregate) {
                    return over_histograms(aggregate, |part| self.measured(part));
                }
                self.measured(aggregate)
            }
            _ if self.reader.gives_rows(plan) && !matches!(plan, LogicalPlan::Join(_)) && is_bare(plan, &self.reader) => {
                Err(refuse("rows are never shown: a question asks for an aggregate")
                    .hint("Add count(*), count(distinct person) or sum(measure), with GROUP BY for what you want to see beside it."))
            }
            LogicalPlan::Join(join) => {
                let sides = [&join.left, &join.right].map(|side| is_bare(side, &self.reader));
                if sides.contains(&true) {
                    return Err(refuse("rows are never shown: a question asks for an aggregate")
                        .hint("Aggregate rows of persons before they are joined with answers or public tables."));
                }
                match join.join_type {
                    JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => self.rebuilt(plan),
                    other => Err(refuse(format!("{other} JOIN of answers is not supported"))),
                }
            }
            LogicalPlan::TableScan(scan) => {
                let name = scan.table_name.table();
                if self.policy.table(name).is_some_and(|table| table.kind == TableKind::Protected)
                    || !self.public.contains_key(name)
                {
                    return Err(refuse("rows are never shown: a question asks for an aggregate"));
                }
                Ok(plan.clone())
            }
            LogicalPlan::Limit(limit) => {
                for number in [&limit.skip, &limit.fetch].into_iter().flatten() {
                    row_number(number)?;
                }
                self.rebuilt(plan)
            }
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Distinct(logical::Distinct::All(_)) => self.rebuilt(plan),
            LogicalPlan::Distinct(_) => Err(refuse("DISTINCT ON is not supported")),
            LogicalPlan::Subquery(_) => Err(refuse("LATERAL is not supported")),
            LogicalPlan::RecursiveQuery(_) => Err(refuse("recursive queries are not supported")),
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

    /// The node over its inputs' answers.
    fn rebuilt(&mut self, plan: &LogicalPlan) -> Result<LogicalPlan, Refusal> {
        let inputs = plan.inputs().into_iter().map(|input| self.answers(input));
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        let mut exprs = Vec::new();
        for expr in plan.expressions() {
            exprs.push(self.expression(expr)?);
        }
        plan.with_new_exprs(exprs, inputs)
            .map_err(|error| refuse(format!("the question was not understood: {}", said(&error))))
    }

    /// An expression over answers, with the answers of the subqueries in it.
    fn expression(&mut self, expr: Expr) -> Result<Expr, Refusal> {
        not_too_deep(&expr)?;
        let mut wrong = None;
        let name = expr.schema_name().to_string();
        let changed = expr.transform_up(|part| match part {
            Expr::ScalarSubquery(subquery) => Ok(match self.subquery(&subquery) {
                Ok(subquery) => Transformed::yes(Expr::ScalarSubquery(subquery)),
                Err(refusal) => {
                    wrong.get_or_insert(refusal);
                    Transformed::no(Expr::ScalarSubquery(subquery))
                }
            }),
            #[expect(deprecated, reason = "what the SQL planner makes of count(*)")]
            Expr::Wildcard { qualifier: None, .. } => Ok(Transformed::yes(lit(1_i64))),
            other => {
                if let Err(refusal) = over_answers(&other) {
                    wrong.get_or_insert(refusal);
                }
                Ok(Transformed::no(other))
            }
        });
        match (changed, wrong) {
            (_, Some(refusal)) => Err(refusal),
            (Err(_), None) => Err(refuse("an expression could not be read")),
            (Ok(changed), None) if changed.transformed && !matches!(changed.data, Expr::Alias(_)) => {
                // What stands above knows it by its old name.
                let data = changed.data;
                if data.schema_name().to_string() == name { Ok(data) } else { Ok(data.alias(name)) }
            }
            (Ok(changed), None) => Ok(changed.data),
        }
    }

    fn subquery(&mut self, subquery: &Subquery) -> Result<Subquery, Refusal> {
        if !subquery.outer_ref_columns.is_empty() {
            return Err(refuse("a subquery that refers to the rows around it is not supported there"));
        }
        Ok(subquery.with_plan(Arc::new(self.answers(&subquery.subquery)?)))
    }

    /// The table that will hold the answer to a protected aggregation, under its columns' names.
    fn measured(&mut self, aggregate: &logical::Aggregate) -> Result<LogicalPlan, Refusal> {
        let asked = question(self.policy, aggregate)?;
        let same = self.questions.iter().position(|other| {
            other.query == asked.query
                && other.shown.rows == asked.shown.rows
                && other.shown.keys == asked.shown.keys
        });
        let at = same.unwrap_or(self.questions.len());
        let table = format!("answer_{at}");
        let keys = asked.shown.keys.len();
        let broken =
            |error: DataFusionError| refuse(format!("the question was not understood: {}", said(&error)));
        let measured = |term: usize| col(Column::new(Some(table.clone()), format!("measured_{term}")));
        let mut exprs = Vec::new();
        for (place, (qualifier, field)) in aggregate.schema.iter().enumerate() {
            let expr = match place.checked_sub(keys) {
                // Of the type that the labels have: DataFusion knows a CASE's type for sure only when it is computed.
                None => col(Column::new(Some(table.clone()), format!("key_{place}"))),
                Some(column) => match asked.shown.columns.get(column) {
                    Some(Shows::Measured(term)) => measured(*term),
                    Some(Shows::Average(sum, count)) => {
                        when(measured(*count).gt(lit(0.0)), measured(*sum) / measured(*count))
                            .end()
                            .map_err(broken)?
                    }
                    None => return Err(refuse("this form of GROUP BY is not supported")),
                },
            };
            exprs.push(expr.alias_qualified(qualifier.cloned(), field.name()));
        }
        let source = Arc::new(SchemaOnly(Arc::clone(&asked.shown.schema)));
        let plan = LogicalPlanBuilder::scan(table, source, None)
            .and_then(|scan| scan.project(exprs))
            .and_then(LogicalPlanBuilder::build)
            .map_err(broken)?;
        if same.is_none() {
            self.questions.push(asked);
        }
        if self.questions.len() > MOST {
            return Err(refuse(format!("a question may hold {MOST} aggregations over protected tables"))
                .hint("Ask in parts: computing with answers is free."));
        }
        Ok(plan)
    }
}

fn row_number(expr: &Expr) -> Result<(), Refusal> {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(0..)) | ScalarValue::UInt64(Some(_)), _) => Ok(()),
        _ => Err(refuse("LIMIT and OFFSET must be whole numbers, not negative")),
    }
}

/// Whether a plan's own rows are protected rows, and not answers: protected rows reach its top.
fn is_bare(plan: &LogicalPlan, reader: &Reader<'_>) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => reader.gives_rows(plan) && (is_bare(&aggregate.input, reader)),
        LogicalPlan::TableScan(_) => reader.gives_rows(plan),
        other => other.inputs().into_iter().any(|input| is_bare(input, reader)),
    }
}

/// Refuses expressions that nothing over answers needs.
fn over_answers(expr: &Expr) -> Result<(), Refusal> {
    match expr {
        Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) | Expr::OuterReferenceColumn(..) => {
            Err(refuse("this kind of subquery is not supported over answers"))
        }
        Expr::ScalarVariable(..) | Expr::Placeholder(_) => {
            Err(refuse("variables and placeholders are not supported"))
        }
        Expr::Unnest(_) => Err(refuse("UNNEST is not supported")),
        Expr::HigherOrderFunction(_) | Expr::Lambda(_) | Expr::LambdaVariable(_) => {
            Err(refuse("functions of functions are not supported"))
        }
        Expr::SimilarTo(_) => Err(refuse("SIMILAR TO is not supported")),
        Expr::BinaryExpr(binary) if binary.op == Operator::StringConcat => {
            Err(refuse("`||` is not supported over answers").hint("Put texts together after the answer."))
        }
        _ => Ok(()),
    }
}

/// What each column of a plan over answers is made of. Every node is looked at once.
fn origins(plan: &LogicalPlan) -> Vec<Origin> {
    let len = plan.schema().fields().len();
    let below = |input: &LogicalPlan| (origins(input), Arc::clone(input.schema()));
    match plan {
        LogicalPlan::TableScan(scan) => {
            let question = scan.table_name.table().strip_prefix("answer_").and_then(|at| at.parse().ok());
            let of = |name: &String| {
                let term = name.strip_prefix("measured_").and_then(|term| term.parse().ok());
                match (question, term) {
                    (Some(question), Some(term)) => Origin::Measured { question, term },
                    _ => Origin::Key,
                }
            };
            scan.projected_schema.fields().iter().map(|field| of(field.name())).collect()
        }
        LogicalPlan::Projection(projection) => {
            let (of_input, schema) = below(&projection.input);
            projection.expr.iter().map(|expr| of_expression(expr, &schema, &of_input)).collect()
        }
        LogicalPlan::Aggregate(aggregate) => {
            let (of_input, schema) = below(&aggregate.input);
            let groups = match aggregate.group_expr.as_slice() {
                [Expr::GroupingSet(set)] => set.distinct_expr(),
                exprs => exprs.iter().collect(),
            };
            let mut all: Vec<Origin> =
                groups.into_iter().map(|expr| of_expression(expr, &schema, &of_input)).collect();
            if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) {
                all.push(Origin::Key);
            }
            // Whatever is put together: noised values may have decided over which rows.
            all.resize(len, Origin::Derived);
            all
        }
        LogicalPlan::Window(window) => {
            let mut all = origins(&window.input);
            all.resize(len, Origin::Derived);
            all
        }
        LogicalPlan::Join(join) => {
            let mut all = origins(&join.left);
            all.extend(origins(&join.right));
            all
        }
        LogicalPlan::Union(union) => {
            let all: Vec<Vec<Origin>> = union.inputs.iter().map(|input| origins(input)).collect();
            let of = |at: usize| {
                let mut here =
                    all.iter().map(|of_input| of_input.get(at).copied().unwrap_or(Origin::Derived));
                let first = here.next().unwrap_or(Origin::Derived);
                if here.all(|other| other == first) { first } else { Origin::Derived }
            };
            (0..len).map(of).collect()
        }
        other => match other.inputs().as_slice() {
            [input] => origins(input),
            _ => vec![Origin::Key; len],
        },
    }
}

fn of_expression(expr: &Expr, schema: &DFSchema, of_input: &[Origin]) -> Origin {
    match expr {
        Expr::Alias(alias) => of_expression(&alias.expr, schema, of_input),
        Expr::Column(column) => {
            let at = schema.maybe_index_of_column(column);
            at.and_then(|at| of_input.get(at).copied()).unwrap_or(Origin::Derived)
        }
        other => computed(other, schema, of_input),
    }
}

/// Of an expression that computes something: a key, if it computes with keys alone.
fn computed(expr: &Expr, schema: &DFSchema, of_input: &[Origin]) -> Origin {
    let noised = |column: &Column| {
        schema.maybe_index_of_column(column).is_none_or(|at| of_input.get(at) != Some(&Origin::Key))
    };
    let subquery = expr.exists(|part| Ok(matches!(part, Expr::ScalarSubquery(_)))).unwrap_or(true);
    if subquery || expr.column_refs().into_iter().any(noised) { Origin::Derived } else { Origin::Key }
}

/// Whether an expression over a plan's columns depends on noised values.
pub(crate) fn is_noised(expr: &Expr, input: &LogicalPlan) -> bool {
    computed(expr, input.schema(), &origins(input)) != Origin::Key
}

/// The plan with columns that tell its rows apart carried up to the top; without what depends on values there, if
/// `strip`. Says which columns these are.
fn carry(plan: &LogicalPlan, strip: bool) -> Result<(LogicalPlan, Vec<usize>), DataFusionError> {
    let over = |input: LogicalPlan| plan.with_new_exprs(plan.expressions(), vec![input]);
    match plan {
        LogicalPlan::Projection(projection)
            if !matches!(projection.input.as_ref(), LogicalPlan::TableScan(_)) =>
        {
            let (input, keys) = carry(&projection.input, strip)?;
            let mut exprs = projection.expr.clone();
            let start = exprs.len();
            for key in keys {
                let (qualifier, field) = input.schema().qualified_field(key);
                let column = Expr::Column(Column::from((qualifier, field)));
                exprs.push(column.alias(format!("{HIDDEN}{}_{}", start, exprs.len())));
            }
            let end = exprs.len();
            Ok((LogicalPlanBuilder::from(input).project(exprs)?.build()?, (start..end).collect()))
        }
        LogicalPlan::Filter(filter) => {
            let (input, keys) = carry(&filter.input, strip)?;
            let noised = is_noised(&filter.predicate, &filter.input);
            Ok((if strip && noised { input } else { over(input)? }, keys))
        }
        LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => match plan.inputs().as_slice() {
            [input] => {
                let (input, keys) = carry(input, strip)?;
                Ok((if strip { input } else { over(input)? }, keys))
            }
            _ => Ok(base(plan)),
        },
        LogicalPlan::SubqueryAlias(alias) => {
            let (input, keys) = carry(&alias.input, strip)?;
            Ok((over(input)?, keys))
        }
        _ => Ok(base(plan)),
    }
}

const HIDDEN: &str = "__key_";

fn base(plan: &LogicalPlan) -> (LogicalPlan, Vec<usize>) {
    let of_columns = origins(plan).into_iter().enumerate();
    let keys = of_columns.filter(|(_, origin)| *origin == Origin::Key).map(|(at, _)| at).collect();
    (plan.clone(), keys)
}

/// The first columns, and then the keys.
fn only(plan: &LogicalPlan, first: usize, keys: &[usize]) -> Result<LogicalPlan, DataFusionError> {
    let mut exprs = Vec::new();
    for (place, at) in (0..first).chain(keys.iter().copied()).enumerate() {
        let (qualifier, field) = plan.schema().qualified_field(at);
        exprs.push(Expr::Column(Column::from((qualifier, field))).alias(format!("c{place}")));
    }
    LogicalPlanBuilder::from(plan.clone()).project(exprs)?.build()
}
