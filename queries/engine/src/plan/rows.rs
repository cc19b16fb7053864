//! From the protected part of DataFusion's resolved plan to a [`Relation`], with what each column is.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{self as logical, Expr, JoinType, LogicalPlan, Operator, Subquery};
use skjerm_warehouse::policy::{ColumnRole, Grain, Policy, TableKind};

use super::aggregate::{Function, function};
use super::condition::{self, Condition, Possible};
use super::field::{Domain, Field, Fields, YEAR};
use super::filter;
use super::grid;
use super::refuse::{Refusal, refuse};
use super::relation::{NumberOf, PersonNumber, Relation};

/// The most parts of an expression.
const LARGEST: usize = 4_000;
/// The most values a number over a person's rows may have.
const MOST_VALUES: i64 = 1 << 19;

/// A column of protected rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Output {
    Person,
    Record,
    /// An expression over fields.
    Value(Expr),
}

/// Protected rows.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "`max_rows` is the policy's word")]
pub(super) struct Rows {
    pub(super) relation: Relation,
    pub(super) outputs: Vec<Output>,
    /// What the rows must pass on top of the relation.
    pub(super) conditions: Vec<Condition>,
    /// Whether a person has one row a year at most, by the plan and the policy.
    pub(super) single: bool,
    /// The most rows of a person in one group that count.
    pub(super) max_rows: u64,
}

/// Reads plans; knows the fields of all that it has read.
pub(super) struct Reader<'a> {
    pub(super) policy: &'a Policy,
    pub(super) fields: Fields,
    /// Years that everything must be of, where persons were joined without their year.
    pub(super) of_year: Vec<i64>,
    instances: usize,
}

/// The rows around a subquery.
#[derive(Clone, Copy)]
struct Outer<'o> {
    schema: &'o DFSchema,
    outputs: &'o [Output],
}

impl<'a> Reader<'a> {
    pub(super) fn new(policy: &'a Policy) -> Self {
        let fields = Fields::from([(YEAR.to_owned(), Field::years(policy))]);
        Self { policy, fields, of_year: Vec::new(), instances: 0 }
    }

    /// Whether a plan gives protected rows, and not answers.
    pub(super) fn gives_rows(&self, plan: &LogicalPlan) -> bool {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let table = self.policy.table(scan.table_name.table());
                table.is_some_and(|table| table.kind == TableKind::Protected)
            }
            LogicalPlan::Aggregate(aggregate) => {
                self.gives_rows(&aggregate.input) && groups_by_person(aggregate)
            }
            other => other.inputs().into_iter().any(|input| self.gives_rows(input)),
        }
    }

    /// The rows of a plan.
    pub(super) fn rows(&mut self, plan: &LogicalPlan) -> Result<Rows, Refusal> {
        self.read(plan, None, &mut Vec::new())
    }

    fn read(
        &mut self,
        plan: &LogicalPlan,
        outer: Option<Outer<'_>>,
        links: &mut Vec<Link>,
    ) -> Result<Rows, Refusal> {
        match plan {
            LogicalPlan::TableScan(scan) => self.table(scan),
            LogicalPlan::SubqueryAlias(alias) => self.read(&alias.input, outer, links),
            LogicalPlan::Filter(filter) => {
                let rows = self.read(&filter.input, outer, links)?;
                self.filter(rows, filter.input.schema(), &filter.predicate, outer, links)
            }
            LogicalPlan::Projection(projection) => {
                let mut rows = self.read(&projection.input, outer, links)?;
                let schema = projection.input.schema();
                let outputs = projection.expr.iter().map(|expr| output(expr, schema, &rows.outputs));
                rows.outputs = outputs.collect::<Result<_, _>>()?;
                Ok(rows)
            }
            LogicalPlan::Join(join) => {
                let left = self.read(&join.left, outer, links)?;
                let right = self.read(&join.right, outer, links)?;
                self.join(join, left, right)
            }
            LogicalPlan::Aggregate(aggregate) => {
                let rows = self.read(&aggregate.input, outer, links)?;
                self.per_person(aggregate, rows)
            }
            LogicalPlan::Distinct(logical::Distinct::All(input)) => {
                let rows = self.read(input, outer, links)?;
                self.distinct(rows)
            }
            // The order of rows is nobody's to see.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.read(&sort.input, outer, links),
            LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
                Err(refuse("LIMIT over rows of persons would pick some of them out")
                    .hint("Put LIMIT behind the aggregates."))
            }
            LogicalPlan::Distinct(_) => Err(refuse("DISTINCT ON is not supported")),
            LogicalPlan::Window(_) => Err(refuse("window functions over rows of persons are not supported")
                .hint("Use them over the aggregates of a subquery.")),
            LogicalPlan::Union(_) => {
                Err(refuse("UNION of rows of persons is not supported")
                    .hint("Ask of each table for itself and put the answers together with UNION ALL; `person_year` has a flag a service used."))
            }
            LogicalPlan::Subquery(subquery) => self.read(&subquery.subquery, outer, links),
            LogicalPlan::RecursiveQuery(_) => Err(refuse("recursive queries are not supported")),
            LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
                Err(refuse("rows of persons can only be joined with rows of persons")
                    .hint("Name the values you want in WHERE."))
            }
            LogicalPlan::Unnest(_) => Err(refuse("UNNEST is not supported")),
            LogicalPlan::Repartition(_) | LogicalPlan::Extension(_) => Err(refuse("this plan is not supported")),
            LogicalPlan::Explain(_)
            | LogicalPlan::Analyze(_)
            | LogicalPlan::DescribeTable(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::Copy(_) => Err(refuse("only SELECT can be asked")),
        }
    }

    fn table(&mut self, scan: &logical::TableScan) -> Result<Rows, Refusal> {
        let name = scan.table_name.table();
        let table = self.policy.table(name).filter(|table| table.kind == TableKind::Protected);
        let Some(table) = table else {
            return Err(refuse(format!("`{name}` cannot be joined with rows of persons"))
                .hint("Aggregate the rows first, and join the answer with the public table around it."));
        };
        if table.family != "persons" {
            return Err(refuse(format!("`{name}` cannot be asked by SQL yet"))
                .hint("Scene counts are asked by `skjerm scene compare`."));
        }
        if !scan.filters.is_empty() || scan.fetch.is_some() || scan.projection.is_some() {
            return Err(refuse("this plan is not supported"));
        }
        let instance = format!("t{}", self.instances);
        self.instances += 1;
        let mut outputs = Vec::new();
        for column in &table.columns {
            outputs.push(match &column.role {
                ColumnRole::Person => Output::Person,
                ColumnRole::Record => Output::Record,
                ColumnRole::Year => Output::Value(column_of(YEAR)),
                role => {
                    let id = format!("{instance}_{}", column.name);
                    let field = Field::of_column(self.policy, role);
                    let field = field.ok_or_else(|| refuse(format!("`{}` is not supported", column.name)))?;
                    self.fields.insert(id.clone(), field);
                    Output::Value(column_of(&id))
                }
            });
        }
        let single = table.grain == Grain::PersonYear;
        Ok(Rows {
            relation: Relation::Table { instance, table: name.to_owned() },
            outputs,
            conditions: Vec::new(),
            single,
            max_rows: if single { 1 } else { table.max_rows.into() },
        })
    }

    fn filter(
        &mut self,
        mut rows: Rows,
        schema: &DFSchema,
        predicate: &Expr,
        outer: Option<Outer<'_>>,
        links: &mut Vec<Link>,
    ) -> Result<Rows, Refusal> {
        for part in conjuncts(predicate) {
            match part {
                Expr::Exists(exists) => {
                    rows = self.exists(rows, schema, &exists.subquery, exists.negated)?;
                }
                Expr::Not(inner) if matches!(inner.as_ref(), Expr::Exists(_)) => {
                    if let Expr::Exists(exists) = inner.as_ref() {
                        rows = self.exists(rows, schema, &exists.subquery, !exists.negated)?;
                    }
                }
                Expr::InSubquery(within) => {
                    rows = self.within(rows, schema, within)?;
                }
                _ if is_link(part) => links.push(link(part, schema, &rows.outputs, outer)?),
                _ => {
                    let over_fields = value(part, schema, &rows.outputs, "a condition")?;
                    rows.conditions.push(filter::condition(&self.fields, &over_fields)?);
                }
            }
        }
        Ok(rows)
    }

    /// `EXISTS`, correlated on the person, and on the year unless all is of one.
    fn exists(
        &mut self,
        rows: Rows,
        schema: &DFSchema,
        subquery: &Subquery,
        anti: bool,
    ) -> Result<Rows, Refusal> {
        let mut links = Vec::new();
        let outer = Outer { schema, outputs: &rows.outputs };
        let inner = match subquery.subquery.as_ref() {
            // What is selected does not matter, and may be anything.
            LogicalPlan::Projection(projection) => self.read(&projection.input, Some(outer), &mut links)?,
            other => self.read(other, Some(outer), &mut links)?,
        };
        if !links.contains(&Link::Person) {
            return Err(refuse("a subquery of EXISTS must be about the same person")
                .hint("Write `WHERE inner.person = outer.person AND inner.year = outer.year`."));
        }
        let by_year = links.contains(&Link::Year);
        if !by_year {
            self.one_year(&inner)?;
        }
        Ok(semi(rows, inner, anti, by_year, &self.fields))
    }

    /// `person IN (SELECT person …)`: of one and the same year.
    fn within(
        &mut self,
        rows: Rows,
        schema: &DFSchema,
        within: &logical::expr::InSubquery,
    ) -> Result<Rows, Refusal> {
        let tested = output(&within.expr, schema, &rows.outputs)?;
        if tested != Output::Person {
            return Err(refuse("IN with a subquery is supported for `person` alone"));
        }
        let inner = self.read(&within.subquery.subquery, None, &mut Vec::new())?;
        if inner.outputs != [Output::Person] {
            return Err(refuse("the subquery of `person IN (…)` must select `person` and nothing more"));
        }
        self.one_year(&inner)?;
        Ok(semi(rows, inner, within.negated, false, &self.fields))
    }

    /// Rows that are linked by the person alone must be of one year, and so must everything else.
    fn one_year(&mut self, rows: &Rows) -> Result<(), Refusal> {
        let could_hold = |possible: &Possible<'_>| {
            rows.relation.could_hold(possible) && rows.conditions.iter().all(|c| c.could_hold(possible))
        };
        let years = filter::years(&self.fields, &could_hold);
        match years.first() {
            Some(year) if years.len() == 1 => {
                self.of_year.push(*year);
                Ok(())
            }
            _ => Err(refuse("persons are put together over several years")
                .hint("The unit of privacy is a person in one year: join on `person` and `year`, or name one and the same year on both sides.")),
        }
    }

    fn join(&mut self, join: &logical::Join, left: Rows, right: Rows) -> Result<Rows, Refusal> {
        if join.join_type != JoinType::Inner {
            return Err(refuse(format!("{} JOIN of rows of persons is not supported", join.join_type))
                .hint("Use JOIN … USING (person, year), EXISTS or NOT EXISTS."));
        }
        let mut outputs = left.outputs;
        outputs.extend(right.outputs);
        let mut conditions = left.conditions;
        conditions.extend(right.conditions);
        let (mut of_person, mut of_year) = (false, false);
        let pairs = join.on.iter().map(|(l, r)| l.clone().eq(r.clone()));
        let parts: Vec<Expr> =
            pairs.chain(join.filter.iter().flat_map(|f| conjuncts(f).into_iter().cloned())).collect();
        for part in &parts {
            let sides = match part {
                Expr::BinaryExpr(b) if b.op == Operator::Eq => {
                    let of = |side: &Expr| output(side, &join.schema, &outputs).ok();
                    (of(&b.left), of(&b.right))
                }
                _ => (None, None),
            };
            match sides {
                (Some(Output::Person), Some(Output::Person)) => of_person = true,
                (Some(Output::Value(a)), Some(Output::Value(b)))
                    if a == column_of(YEAR) && b == column_of(YEAR) =>
                {
                    of_year = true;
                }
                _ => {
                    let over_fields = value(part, &join.schema, &outputs, "a join")?;
                    conditions.push(filter::condition(&self.fields, &over_fields)?);
                }
            }
        }
        if !of_person || !of_year {
            return Err(refuse("rows of persons are joined on the person and the year")
                .hint("Write JOIN … USING (person, year), or ON a.person = b.person AND a.year = b.year."));
        }
        Ok(Rows {
            relation: Relation::Join { left: Box::new(left.relation), right: Box::new(right.relation) },
            outputs,
            conditions,
            single: left.single && right.single,
            max_rows: left.max_rows.saturating_mul(right.max_rows),
        })
    }

    fn distinct(&mut self, rows: Rows) -> Result<Rows, Refusal> {
        if !rows.outputs.contains(&Output::Person) {
            return Err(refuse("SELECT DISTINCT over rows of persons must keep the person")
                .hint("Use GROUP BY with count(distinct person)."));
        }
        let mut keys = Vec::new();
        let mut by_year = false;
        for out in &rows.outputs {
            self.key(out, &mut keys, &mut by_year)?;
        }
        let outputs = rows.outputs.clone();
        self.put_together(rows, keys, by_year, Vec::new(), outputs)
    }

    /// `GROUP BY person, year, …`: the numbers of each person.
    fn per_person(&mut self, aggregate: &logical::Aggregate, rows: Rows) -> Result<Rows, Refusal> {
        let schema = aggregate.input.schema();
        if aggregate.group_expr.is_empty() {
            return Err(refuse("a subquery over rows of persons must be grouped by person")
                .hint("Without GROUP BY it gives a row even where a person has none: write NOT EXISTS, or GROUP BY person, year."));
        }
        let mut outputs = Vec::new();
        let mut keys = Vec::new();
        let mut by_year = false;
        for expr in &aggregate.group_expr {
            if matches!(expr, Expr::GroupingSet(_)) {
                return Err(refuse("ROLLUP, CUBE and GROUPING SETS cannot group by person"));
            }
            let out = output(expr, schema, &rows.outputs)?;
            self.key(&out, &mut keys, &mut by_year)?;
            outputs.push(out);
        }
        let name = format!("p{}", self.instances);
        self.instances += 1;
        let mut numbers = Vec::new();
        for (at, expr) in aggregate.aggr_expr.iter().enumerate() {
            let (number, field) = self.number(expr, schema, &rows)?;
            let id = format!("{name}_{at}");
            self.fields.insert(id.clone(), field);
            outputs.push(Output::Value(column_of(&id)));
            numbers.push((id, number));
        }
        self.put_together(rows, keys, by_year, numbers, outputs)
    }

    fn key(&self, out: &Output, keys: &mut Vec<String>, by_year: &mut bool) -> Result<(), Refusal> {
        match out {
            Output::Person => Ok(()),
            Output::Record => Err(refuse("`record` singles out rows and cannot be grouped by")),
            Output::Value(Expr::Column(column)) if column.name == YEAR => {
                *by_year = true;
                Ok(())
            }
            Output::Value(Expr::Column(column)) if self.fields.contains_key(&column.name) => {
                if !keys.contains(&column.name) {
                    keys.push(column.name.clone());
                }
                Ok(())
            }
            Output::Value(_) => {
                Err(refuse("a query by person can be grouped by person, year and plain columns")
                    .hint("Compute with the columns in the query around it."))
            }
        }
    }

    fn put_together(
        &mut self,
        rows: Rows,
        mut keys: Vec<String>,
        by_year: bool,
        numbers: Vec<(String, PersonNumber)>,
        outputs: Vec<Output>,
    ) -> Result<Rows, Refusal> {
        if !by_year {
            self.one_year(&rows)?;
        }
        keys.sort();
        let combinations =
            keys.iter().filter_map(|key| self.fields.get(key)).map(|field| field.places() as u64);
        let max_rows = combinations.fold(1_u64, u64::saturating_mul);
        Ok(Rows {
            single: keys.is_empty(),
            relation: Relation::PerPerson { input: Box::new(filtered(rows, &self.fields)), keys, numbers },
            outputs,
            conditions: Vec::new(),
            max_rows,
        })
    }

    /// A number over a person's rows, and the field that it is.
    fn number(&self, expr: &Expr, schema: &DFSchema, rows: &Rows) -> Result<(PersonNumber, Field), Refusal> {
        let called = called(expr)?;
        let params = &called.params;
        if !params.order_by.is_empty() || params.null_treatment.is_some() {
            return Err(refuse("ORDER BY and NULLS in an aggregate are not supported"));
        }
        let mut filter = match &params.filter {
            Some(filter) => {
                filter::condition(&self.fields, &value(filter, schema, &rows.outputs, "FILTER")?)?
            }
            None => Condition::Always,
        };
        let most = i64::try_from(rows.max_rows).unwrap_or(i64::MAX);
        let plain = |arg: &Expr| match output(arg, schema, &rows.outputs)? {
            Output::Value(Expr::Column(column)) if self.fields.contains_key(&column.name) => Ok(column.name),
            _ => Err(refuse("a number of a person is over a plain column, not over an expression")),
        };
        let numbers = |low, high, nullable, float| Field {
            domain: Domain::Numbers { low, high },
            nullable,
            float,
            labels: Vec::new(),
        };
        let (of, field) = match (function(called)?, params.args.as_slice(), params.distinct) {
            (Function::Count, [], false) => (NumberOf::Rows, numbers(0, most, false, true)),
            (Function::Count, [arg], false) => {
                if !is_constant(arg) {
                    let field = plain(arg)?;
                    filter = condition::all(&self.fields, vec![filter, present(&self.fields, &field)]);
                }
                (NumberOf::Rows, numbers(0, most, false, true))
            }
            (Function::Count, [arg], true) => {
                let field = plain(arg)?;
                let values = self.fields.get(&field).map_or(0, Field::len);
                let high = i64::try_from(values).unwrap_or(i64::MAX);
                (NumberOf::Distinct(field), numbers(0, high, false, true))
            }
            (Function::Sum, [arg], false) => {
                let field = plain(arg)?;
                let Some(Domain::Numbers { low, high }) = self.fields.get(&field).map(|f| &f.domain) else {
                    return Err(refuse("sum must be of a measure"));
                };
                let (low, high) = (most.saturating_mul((*low).min(0)), most.saturating_mul((*high).max(0)));
                (NumberOf::Sum(field), numbers(low, high, true, true))
            }
            (Function::Min | Function::Max, [arg], false) => {
                let field = plain(arg)?;
                let known = self.fields.get(&field).filter(|f| !matches!(f.domain, Domain::Codes(_)));
                let Some(known) = known else {
                    return Err(refuse("min and max of a person are over numbers, months and days"));
                };
                let declared = Field { nullable: true, ..known.clone() };
                let of = if function(called)? == Function::Min {
                    NumberOf::Least(field)
                } else {
                    NumberOf::Greatest(field)
                };
                (of, declared)
            }
            _ => {
                return Err(refuse(format!("`{}` of a person is not supported", called.func.name())).hint(
                    "A person's numbers are count(*), count(column), count(distinct column), sum(measure), min and max.",
                ));
            }
        };
        if let Domain::Numbers { low, high } = field.domain
            && high.saturating_sub(low) > MOST_VALUES
        {
            return Err(refuse("a person's number can have too many values to be grouped by")
                .hint("Ask for smaller bounds in the policy, or for counts in place of sums."));
        }
        Ok((PersonNumber { of, filter }, field))
    }
}

/// How a subquery's rows are tied to those around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Person,
    Year,
}

fn is_link(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::OuterReferenceColumn(..)))).unwrap_or(true)
}

fn link(
    expr: &Expr,
    schema: &DFSchema,
    outputs: &[Output],
    outer: Option<Outer<'_>>,
) -> Result<Link, Refusal> {
    let wrong = || {
        refuse("a subquery can refer to the rows around it by `person` and `year` alone")
            .hint("Write `WHERE inner.person = outer.person AND inner.year = outer.year`.")
    };
    let (Expr::BinaryExpr(equal), Some(outer)) = (expr, outer) else { return Err(wrong()) };
    let sides = (equal.left.as_ref(), equal.right.as_ref());
    let ((Expr::OuterReferenceColumn(_, column), inner) | (inner, Expr::OuterReferenceColumn(_, column))) =
        sides
    else {
        return Err(wrong());
    };
    if equal.op != Operator::Eq || is_link(inner) {
        return Err(wrong());
    }
    let around = output(&Expr::Column(column.clone()), outer.schema, outer.outputs)?;
    match (output(inner, schema, outputs)?, around) {
        (Output::Person, Output::Person) => Ok(Link::Person),
        (Output::Value(a), Output::Value(b)) if a == column_of(YEAR) && b == column_of(YEAR) => {
            Ok(Link::Year)
        }
        _ => Err(wrong()),
    }
}

fn semi(rows: Rows, inner: Rows, anti: bool, by_year: bool, fields: &Fields) -> Rows {
    let right = filtered(inner, fields);
    let relation = Relation::Semi { left: Box::new(rows.relation), right: Box::new(right), anti, by_year };
    Rows { relation, ..rows }
}

/// The relation with the conditions on top of it.
fn filtered(rows: Rows, fields: &Fields) -> Relation {
    match condition::all(fields, rows.conditions) {
        Condition::Always => rows.relation,
        condition => Relation::Filter { input: Box::new(rows.relation), condition },
    }
}

/// Where a field is not missing.
pub(super) fn present(fields: &Fields, field: &str) -> Condition {
    let len = fields.get(field).map_or(0, Field::len);
    condition::one_of(fields, field, (0..len).collect())
}

pub(super) fn column_of(field: &str) -> Expr {
    Expr::Column(Column::from_name(field))
}

/// What an expression over a plan's columns is: the person, the record, or a value over fields.
pub(super) fn output(expr: &Expr, schema: &DFSchema, outputs: &[Output]) -> Result<Output, Refusal> {
    match expr {
        Expr::Alias(alias) => output(&alias.expr, schema, outputs),
        Expr::Column(column) => {
            let found = schema.maybe_index_of_column(column).and_then(|at| outputs.get(at));
            found.cloned().ok_or_else(|| refuse(format!("there is no column `{}`", column.name)))
        }
        other => value(other, schema, outputs, "an expression").map(Output::Value),
    }
}

/// An expression over fields, in place of one over a plan's columns.
pub(super) fn value(
    expr: &Expr,
    schema: &DFSchema,
    outputs: &[Output],
    place: &str,
) -> Result<Expr, Refusal> {
    grid::check(expr)?;
    let of_column =
        |column: &Column| match schema.maybe_index_of_column(column).and_then(|at| outputs.get(at)) {
            Some(Output::Value(value)) => size(value),
            _ => 1,
        };
    let columns: usize = columns_of(expr).iter().map(of_column).fold(0, usize::saturating_add);
    if size(expr).saturating_add(columns) > LARGEST {
        return Err(refuse("an expression is too large once its subqueries' columns are written out")
            .hint("Compute in fewer steps."));
    }
    let mut wrong = None;
    let replaced = expr.clone().transform_up(|part| {
        let Expr::Column(column) = &part else { return Ok(Transformed::no(part)) };
        match schema.maybe_index_of_column(column).and_then(|at| outputs.get(at)) {
            Some(Output::Value(value)) => Ok(Transformed::yes(value.clone())),
            Some(Output::Person) => {
                wrong.get_or_insert(
                    refuse(format!(
                        "{place} must not single out persons: `person` can only be counted and joined on"
                    ))
                    .hint("Use count(distinct person)."),
                );
                Ok(Transformed::no(part))
            }
            Some(Output::Record) => {
                wrong.get_or_insert(refuse(format!("{place} must not single out records")));
                Ok(Transformed::no(part))
            }
            None => {
                wrong.get_or_insert(refuse(format!("there is no column `{}`", column.name)));
                Ok(Transformed::no(part))
            }
        }
    });
    match (replaced, wrong) {
        (_, Some(refusal)) => Err(refusal),
        (Ok(replaced), None) => Ok(replaced.data),
        (Err(_), None) => Err(refuse("an expression could not be read")),
    }
}

/// How many parts an expression has.
fn size(expr: &Expr) -> usize {
    let mut parts = 0;
    let walked = expr.apply(|_| {
        parts += 1;
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_or(usize::MAX, |_| parts)
}

/// The columns of an expression, each as often as it stands there.
fn columns_of(expr: &Expr) -> Vec<Column> {
    let mut columns = Vec::new();
    let walked = expr.apply(|part| {
        if let Expr::Column(column) = part {
            columns.push(column.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if walked.is_err() {
        columns.clear();
    }
    columns
}

/// The parts of a chain of AND.
pub(super) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::BinaryExpr(binary) if binary.op == Operator::And => {
                open.push(&binary.right);
                open.push(&binary.left);
            }
            other => found.push(other),
        }
    }
    found
}

/// The aggregate function that an expression calls.
pub(super) fn called(expr: &Expr) -> Result<&AggregateFunction, Refusal> {
    match expr {
        Expr::Alias(alias) => called(&alias.expr),
        Expr::AggregateFunction(function) => Ok(function),
        _ => Err(refuse("this aggregate is not supported")),
    }
}

/// Whether an argument of count says "every row".
pub(super) fn is_constant(arg: &Expr) -> bool {
    #[expect(deprecated, reason = "what the SQL planner makes of count(*)")]
    match arg {
        Expr::Wildcard { qualifier: None, .. } => true,
        Expr::Literal(value, _) => !value.is_null(),
        _ => false,
    }
}

/// Whether one of the columns grouped by is, by its name below, the person.
fn groups_by_person(aggregate: &logical::Aggregate) -> bool {
    let mut exprs: Vec<&Expr> = aggregate.group_expr.iter().collect();
    if let [Expr::GroupingSet(set)] = aggregate.group_expr.as_slice() {
        exprs = set.distinct_expr();
    }
    exprs.into_iter().any(|expr| is_person(expr, &aggregate.input))
}

/// Whether an expression over a plan's columns is the person, followed down to the table.
fn is_person(expr: &Expr, plan: &LogicalPlan) -> bool {
    match expr {
        Expr::Alias(alias) => is_person(&alias.expr, plan),
        Expr::Column(column) => {
            plan.schema().maybe_index_of_column(column).is_some_and(|at| is_person_at(at, plan))
        }
        _ => false,
    }
}

fn is_person_at(at: usize, plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(scan) => {
            // The one type that only pseudonyms have.
            let field = scan.projected_schema.field(at);
            field.name() == "person"
                && matches!(field.data_type(), arrow::datatypes::DataType::FixedSizeBinary(_))
        }
        LogicalPlan::Projection(projection) => {
            projection.expr.get(at).is_some_and(|expr| is_person(expr, &projection.input))
        }
        LogicalPlan::Aggregate(aggregate) => {
            aggregate.group_expr.get(at).is_some_and(|expr| is_person(expr, &aggregate.input))
        }
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            match at.checked_sub(left) {
                None => is_person_at(at, &join.left),
                Some(at) => is_person_at(at, &join.right),
            }
        }
        other => match other.inputs().as_slice() {
            [input] => is_person_at(at, input),
            _ => false,
        },
    }
}
