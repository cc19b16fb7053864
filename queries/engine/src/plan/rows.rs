//! From the protected part of DataFusion's resolved plan to a [`Relation`], with what each column is.

use datafusion::common::DFSchema;
use datafusion::logical_expr::{self as logical, Expr, JoinType, LogicalPlan, Operator};
use skjerm_warehouse::policy::{ColumnRole, Grain, Policy, TableKind};

use super::condition::{self, Condition};
use super::field::{Field, Fields, YEAR};
use super::filter;
use super::linked::{Link, Outer, is_link, link};
use super::output::{Output, column_of, conjuncts, output, value};
use super::per_person::groups_by_person;
use super::refuse::{Refusal, refuse};
use super::relation::Relation;

/// Of a person-year so many times as many rows of a table meet others in a join as the policy lets count in a group: rows are spread
/// over groups, and each counts as many.
pub(crate) const TIMES: u64 = 2;
/// The most rows that a person's rows of a year may make of each other, if each table has as many as a join reads ([`TIMES`]). Without
/// it, joins of a few rows with themselves take as long as somebody likes: whether such a question ends in its time would tell how
/// many rows one person has, and without any noise.
const MOST_JOINED: u64 = 1 << 20;

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
    /// The most rows of a person in a year that a join reads.
    pub(super) most_read: u64,
}

/// Reads plans; knows the fields of all that it has read.
pub(super) struct Reader<'a> {
    pub(super) policy: &'a Policy,
    pub(super) fields: Fields,
    /// Years that everything must be of, where persons were joined without their year.
    pub(super) of_year: Vec<i64>,
    pub(super) instances: usize,
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

    pub(super) fn read(
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
            most_read: if single { 1 } else { TIMES * u64::from(table.max_rows) },
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

    fn join(&mut self, join: &logical::Join, left: Rows, right: Rows) -> Result<Rows, Refusal> {
        if join.join_type != JoinType::Inner {
            return Err(refuse(format!("{} JOIN of rows of persons is not supported", join.join_type))
                .hint("Use JOIN … USING (person, year), EXISTS or NOT EXISTS."));
        }
        let max_rows = left.max_rows.saturating_mul(right.max_rows);
        let most_read = left.most_read.saturating_mul(right.most_read);
        if most_read > MOST_JOINED {
            return Err(refuse(format!(
                "joined, the rows of one person in a year could make {most_read} rows, and {MOST_JOINED} are allowed"
            ))
            .hint("Use EXISTS, or join subqueries grouped by person and year: a person has one row of these."));
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
            max_rows,
            most_read,
        })
    }
}

/// The relation with the conditions on top of it.
pub(super) fn filtered(rows: Rows, fields: &Fields) -> Relation {
    match condition::all(fields, rows.conditions) {
        Condition::Always => rows.relation,
        condition => Relation::Filter { input: Box::new(rows.relation), condition },
    }
}
