//! A person's own numbers: rows put together by person and year.

use datafusion::common::DFSchema;
use datafusion::logical_expr::{self as logical, Expr, LogicalPlan};

use super::aggregate::{Function, function};
use super::condition::{self, Condition};
use super::field::{Domain, Field, Fields, YEAR};
use super::filter;
use super::output::{Output, called, column_of, is_constant, output, value};
use super::refuse::{Refusal, refuse};
use super::relation::{NumberOf, PersonNumber, Relation};
use super::rows::{Reader, Rows, filtered};

/// The most values a number over a person's rows may have.
const MOST_VALUES: i64 = 1 << 19;

impl Reader<'_> {
    pub(super) fn distinct(&mut self, rows: Rows) -> Result<Rows, Refusal> {
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
    pub(super) fn per_person(&mut self, aggregate: &logical::Aggregate, rows: Rows) -> Result<Rows, Refusal> {
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
            most_read: max_rows,
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

/// Where a field is not missing.
fn present(fields: &Fields, field: &str) -> Condition {
    let len = fields.get(field).map_or(0, Field::len);
    condition::one_of(fields, field, (0..len).collect())
}

/// Whether one of the columns grouped by is, by its name below, the person.
pub(super) fn groups_by_person(aggregate: &logical::Aggregate) -> bool {
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
