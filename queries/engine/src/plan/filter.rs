//! `WHERE`, `HAVING` of a person's own numbers, and `FILTER`: from DataFusion's resolved expressions to [`Condition`].

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::condition::{self, Condition, CouldHold, one_of};
use super::field::{Domain, Fields, YEAR};
use super::grid::{self, Grid, plain};
use super::places::Places;
use super::refuse::{Refusal, refuse};

/// Conditions over so few combinations become their table, so that all spellings of one are the same.
const WHOLE: usize = 4096;

/// The condition of an expression over fields.
pub(super) fn condition(fields: &Fields, expr: &Expr) -> Result<Condition, Refusal> {
    grid::check(expr)?;
    ranges_named(fields, expr)?;
    let found = structure(fields, expr, false)?;
    let mut named = BTreeSet::new();
    found.fields(&mut named);
    match Grid::over(fields, named.into_iter().collect()) {
        Ok(grid) if grid.len <= WHOLE => {
            let truth: Vec<bool> = (0..grid.len)
                .map(|at| {
                    let places = grid.places(at);
                    let at_place = |name: &str, place: usize| {
                        grid.inputs.iter().position(|input| input == name).is_some_and(|i| places[i] == place)
                    };
                    found.could_hold(&at_place)
                })
                .collect();
            not_too_many(condition::of_table(fields, &grid.inputs, &truth))
        }
        _ => not_too_many(found),
    }
}

/// The most ranges of values that a condition may be made of: each is compared with each row.
const MOST_RANGES: usize = 2_000;

fn not_too_many(condition: Condition) -> Result<Condition, Refusal> {
    if condition.ranges() > MOST_RANGES {
        return Err(refuse(format!(
            "a condition picks out more than {MOST_RANGES} separate ranges of values"
        ))
        .hint("Compare with fewer values, or with ranges of them."));
    }
    Ok(condition)
}

/// AND, OR and NOT by their structure, with negation pushed to the parts.
fn structure(fields: &Fields, expr: &Expr, negated: bool) -> Result<Condition, Refusal> {
    match expr {
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => {
            let mut parts = Vec::new();
            for operand in operands(binary) {
                parts.push(structure(fields, operand, negated)?);
            }
            // De Morgan.
            Ok(if (binary.op == Operator::And) == negated {
                condition::any(fields, parts)
            } else {
                condition::all(fields, parts)
            })
        }
        Expr::Not(inner) => structure(fields, inner, !negated),
        Expr::Alias(alias) => structure(fields, &alias.expr, negated),
        other => table(fields, &Grid::of(fields, &[other])?, other, negated),
    }
}

/// The operands of a chain of the same operator; long chains lean to one side, so this does not recurse.
fn operands(binary: &BinaryExpr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut open = vec![binary.right.as_ref(), binary.left.as_ref()];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::BinaryExpr(inner) if inner.op == binary.op => {
                open.push(inner.right.as_ref());
                open.push(inner.left.as_ref());
            }
            other => found.push(other),
        }
    }
    found
}

/// Where an expression is true, or false: computed for every combination.
fn table(fields: &Fields, grid: &Grid, expr: &Expr, negated: bool) -> Result<Condition, Refusal> {
    let values = grid.evaluate(fields, &[expr])?;
    let Some(values) = values.first() else { return Ok(Condition::Never) };
    if *values.data_type() == DataType::Null {
        return Ok(Condition::Never);
    }
    let Some(truth) = values.as_boolean_opt() else {
        return Err(refuse("a condition must be true or false")
            .hint("Compare the value with something, as in `minutes > 30`."));
    };
    let holds = |at: usize| truth.is_valid(at) && truth.value(at) != negated;
    if let [field] = grid.inputs.as_slice() {
        return Ok(one_of(fields, field, Places::where_true(grid.len, holds)));
    }
    let truth: Vec<bool> = (0..grid.len).map(holds).collect();
    Ok(condition::of_table(fields, &grid.inputs, &truth))
}

/// Refuses literals that no value of a field can equal: a typo in a code, a year that the policy does not declare. They
/// would be answered, with nothing in them.
fn ranges_named(fields: &Fields, expr: &Expr) -> Result<(), Refusal> {
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    let mut wrong = None;
    let mut check = |column: &Expr, literal: &Expr, op: Operator| {
        if let (Expr::Column(column), Expr::Literal(value, _)) = (column, literal)
            && let Err(refusal) = known(fields, &column.name, value, op)
        {
            wrong.get_or_insert(refusal);
        }
    };
    let walked = expr.apply(|part| {
        match part {
            Expr::BinaryExpr(binary) if compares(binary.op) => {
                check(&binary.left, &binary.right, binary.op);
                check(&binary.right, &binary.left, binary.op.swap().unwrap_or(binary.op));
            }
            Expr::InList(list) => {
                for item in &list.list {
                    check(&list.expr, item, Operator::Eq);
                }
            }
            Expr::Between(between) => {
                check(&between.expr, &between.low, Operator::GtEq);
                check(&between.expr, &between.high, Operator::LtEq);
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    });
    match (walked, wrong) {
        (_, Some(refusal)) => Err(refusal),
        (Err(_), None) => Err(refuse("a condition could not be read")),
        (Ok(_), None) => Ok(()),
    }
}

fn known(
    fields: &Fields,
    name: &str,
    value: &datafusion::common::ScalarValue,
    op: Operator,
) -> Result<(), Refusal> {
    use datafusion::common::ScalarValue;
    let Some(field) = fields.get(name) else { return Ok(()) };
    let shown = plain(name);
    match (&field.domain, value) {
        (
            Domain::Codes(codes),
            ScalarValue::Utf8(Some(text))
            | ScalarValue::Utf8View(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
        ) => {
            if matches!(op, Operator::Eq | Operator::NotEq) && !codes.contains(text) {
                let quoted: String = text.chars().take(40).collect();
                let named = field.labels.iter().position(|labels| labels.contains(text));
                if let Some(code) = named.and_then(|at| codes.get(at)) {
                    return Err(refuse(format!("'{quoted}' is no code of `{shown}`"))
                        .hint(format!("Write {shown} = '{code}'.")));
                }
                let more = if codes.len() > 20 { ", …" } else { "" };
                let listed: Vec<&str> = codes.iter().take(20).map(String::as_str).collect();
                return Err(refuse(format!("'{quoted}' is no code of `{shown}`"))
                    .hint(format!("Its codes are {}{more}.", listed.join(", "))));
            }
            if matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq) {
                return Err(refuse(format!(
                    "`{shown}` holds codes, which have no order: `{op}` cannot be used"
                ))
                .hint("Use =, <>, IN or LIKE."));
            }
            Ok(())
        }
        (Domain::Codes(codes), other) if !other.is_null() => {
            let example = codes.first().map_or("", String::as_str);
            Err(refuse(format!("`{shown}` holds codes, which are text"))
                .hint(format!("Write the code in single quotes: {shown} = '{example}'.")))
        }
        (Domain::Numbers { low, high }, other)
            if (name == YEAR || name.ends_with("_month")) && !field.float =>
        {
            let number = match other {
                ScalarValue::Int64(Some(n)) => Some(*n),
                ScalarValue::UInt64(Some(n)) => Some(i64::try_from(*n).unwrap_or(i64::MAX)),
                ScalarValue::Int32(Some(n)) => Some((*n).into()),
                _ => None,
            };
            // The neighbours of the ends are fine where an order is asked for: `year < 2026`.
            let room = i64::from(matches!(op, Operator::Lt | Operator::Gt));
            match number {
                Some(n) if n < low - room || n > high + room => {
                    Err(refuse(format!("the condition on `{shown}` goes outside {low} to {high}"))
                        .hint(format!("Ask within {low} to {high}.")))
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The years whose rows could pass conditions.
pub(super) fn years(fields: &Fields, could_hold: &CouldHold<'_>) -> BTreeSet<i64> {
    let Some(field) = fields.get(YEAR) else { return BTreeSet::new() };
    let year_at = |place| field.number_at(place);
    (0..field.len())
        .filter_map(year_at)
        .filter(|year| could_hold(&|name, place| is_in_year(fields, name, place, *year)))
        .collect()
}

/// Whether a field can be at a place in rows of a year.
pub(super) fn is_in_year(fields: &Fields, name: &str, place: usize, year: i64) -> bool {
    let Some(field) = fields.get(name) else { return true };
    match &field.domain {
        Domain::Numbers { .. } if name == YEAR => field.number_at(place) == Some(year),
        Domain::Days { .. } if name.ends_with("_date") => {
            field.calendar(place).is_some_and(|(of_day, _)| of_day == year)
        }
        _ => true,
    }
}

fn compares(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
    )
}
