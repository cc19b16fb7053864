//! What the columns of protected rows are, and expressions over them.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, Operator};

use super::grid;
use super::refuse::{Refusal, refuse};

/// The most parts of an expression.
const LARGEST: usize = 4_000;

/// A column of protected rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Output {
    Person,
    Record,
    /// An expression over fields.
    Value(Expr),
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
