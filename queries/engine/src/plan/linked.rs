//! Subqueries of WHERE: which rows have, or have not, a row of the same person somewhere else.

use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{self as logical, Expr, LogicalPlan, Operator, Subquery};

use super::condition::Possible;
use super::field::{Fields, YEAR};
use super::filter;
use super::output::{Output, column_of, output};
use super::refuse::{Refusal, refuse};
use super::relation::Relation;
use super::rows::{Reader, Rows, filtered};

/// The rows around a subquery.
#[derive(Clone, Copy)]
pub(super) struct Outer<'o> {
    pub(super) schema: &'o DFSchema,
    pub(super) outputs: &'o [Output],
}

/// How a subquery's rows are tied to those around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Person,
    Year,
}

impl Reader<'_> {
    /// `EXISTS`, correlated on the person, and on the year unless all is of one.
    pub(super) fn exists(
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
    pub(super) fn within(
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
    pub(super) fn one_year(&mut self, rows: &Rows) -> Result<(), Refusal> {
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
}

pub(super) fn is_link(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::OuterReferenceColumn(..)))).unwrap_or(true)
}

pub(super) fn link(
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
