//! `WHERE`: from DataFusion's resolved expressions to [`Condition`].

use std::collections::BTreeSet;

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use skjerm_warehouse::policy::ColumnRole;

use super::condition::{Condition, Ranges, Scope, Slot, Value};
use super::refuse::{Refusal, refuse};

/// The condition of an expression, or of its negation.
///
/// Matched exhaustively: an expression that a later DataFusion adds does not compile here, rather than pass.
pub(super) fn condition(scope: Scope<'_>, expr: &Expr, negated: bool) -> Result<Condition, Refusal> {
    match expr {
        Expr::BinaryExpr(binary) => match binary.op {
            Operator::And | Operator::Or => {
                let mut parts = Vec::new();
                for operand in operands(binary) {
                    parts.push(condition(scope, operand, negated)?);
                }
                // De Morgan.
                Ok(if (binary.op == Operator::And) == negated { scope.any(parts) } else { scope.all(parts) })
            }
            Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq => comparison(scope, binary, negated),
            other => Err(refuse(format!("`{other}` cannot be used in a condition"))
                .hint("A condition compares a column with a literal by = <> < <= > >=, IN or BETWEEN.")),
        },
        Expr::Not(inner) => condition(scope, inner, !negated),
        Expr::InList(list) => in_list(scope, list, negated),
        Expr::Between(between) => range_test(scope, between, negated),
        Expr::IsNull(inner) => null_test(scope, inner, !negated),
        Expr::IsNotNull(inner) => null_test(scope, inner, negated),
        Expr::Literal(ScalarValue::Boolean(Some(holds)), _) => {
            Ok(if *holds == negated { Condition::Never } else { Condition::Always })
        }
        Expr::Literal(..) => Err(refuse("a condition must compare a column with a literal")),
        Expr::Column(column) => {
            Err(refuse(format!("`{}` alone is no condition", column.name)).hint("Compare it with a literal."))
        }
        Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_) => {
            Err(refuse("IS TRUE, IS FALSE and IS UNKNOWN are not supported in a condition")
                .hint("Write the comparison itself; for a missing measure write `IS NULL`."))
        }
        Expr::Like(_) | Expr::SimilarTo(_) => Err(refuse("LIKE and regular expressions are not supported")
            .hint("Name the codes: `service IN ('030101', '030102')`.")),
        Expr::Case(_) => Err(refuse("CASE is not supported in a condition")),
        Expr::Cast(_) | Expr::TryCast(_) => Err(refuse("casts are not supported")
            .hint("Codes are text ('030101'), years and measures whole numbers.")),
        Expr::Negative(_) => Err(refuse("arithmetic is not supported in a condition")),
        Expr::ScalarFunction(_)
        | Expr::HigherOrderFunction(_)
        | Expr::Lambda(_)
        | Expr::LambdaVariable(_) => Err(refuse("functions are not supported in a condition")),
        Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::GroupingSet(_) => {
            Err(refuse("aggregates are not supported in a condition"))
        }
        Expr::Exists(_)
        | Expr::InSubquery(_)
        | Expr::SetComparison(_)
        | Expr::ScalarSubquery(_)
        | Expr::OuterReferenceColumn(..) => Err(refuse("subqueries are not supported in a condition")),
        Expr::ScalarVariable(..) | Expr::Placeholder(_) => {
            Err(refuse("variables and placeholders are not supported"))
        }
        Expr::Alias(_) | Expr::Unnest(_) => Err(refuse("this expression is not supported in a condition")),
        #[expect(deprecated, reason = "matched to keep the match exhaustive")]
        Expr::Wildcard { .. } => Err(refuse("`*` is not supported in a condition")),
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

/// What a condition can test.
enum Tested {
    Slot(Slot),
    Measure(String),
}

fn tested(scope: Scope<'_>, column: &Column) -> Result<Tested, Refusal> {
    let name = column.name.as_str();
    let Some(declared) = scope.table.column(name) else {
        return Err(refuse(format!("there is no column `{name}` in `{}`", scope.table.name)));
    };
    match &declared.role {
        ColumnRole::Year => Ok(Tested::Slot(Slot::Year)),
        ColumnRole::Month => Ok(Tested::Slot(Slot::Month)),
        ColumnRole::Dimension { .. } => Ok(Tested::Slot(Slot::Dimension(name.to_owned()))),
        ColumnRole::Measure { .. } => Ok(Tested::Measure(name.to_owned())),
        ColumnRole::Person => {
            Err(refuse("a condition must not single out persons: `person` can only be counted")
                .hint("Use count(distinct person)."))
        }
        ColumnRole::Record => Err(refuse("a condition must not single out records")),
        ColumnRole::Date => {
            Err(refuse("conditions on `date` are not supported").hint("Use `year` and `month`."))
        }
    }
}

fn comparison(scope: Scope<'_>, binary: &BinaryExpr, negated: bool) -> Result<Condition, Refusal> {
    let (column, literal, op) = match (binary.left.as_ref(), binary.right.as_ref()) {
        (Expr::Column(column), Expr::Literal(literal, _)) => (column, literal, binary.op),
        (Expr::Literal(literal, _), Expr::Column(column)) => {
            (column, literal, binary.op.swap().unwrap_or(binary.op))
        }
        (Expr::Column(_), Expr::Column(_)) => {
            return Err(refuse("comparing two columns is not supported").hint("Compare each with a literal."));
        }
        (left, right) => {
            // Say what is wrong with a side that is more than a column or a literal.
            for side in [left, right] {
                if !matches!(side, Expr::Column(_) | Expr::Literal(..)) {
                    condition(scope, side, false)?;
                }
            }
            return Err(refuse("a comparison must have a column on one side and a literal on the other"));
        }
    };
    match tested(scope, column)? {
        Tested::Slot(slot @ (Slot::Year | Slot::Month)) => {
            let ranges = ranges_of(op, whole_number(column, literal)?)?;
            date_part(scope, slot, &ranges, negated)
        }
        Tested::Slot(slot @ Slot::Dimension(_)) => match op {
            Operator::Eq | Operator::NotEq => {
                let places = BTreeSet::from([code_place(scope, &slot, literal)?]);
                Ok(places_test(scope, slot, places, negated != (op == Operator::NotEq)))
            }
            other => Err(refuse(format!(
                "`{}` holds codes, which have no order: `{other}` cannot be used",
                column.name
            ))
            .hint("Use =, <> or IN.")),
        },
        Tested::Measure(name) => {
            let ranges = ranges_of(op, whole_number(column, literal)?)?;
            Ok(Scope::within(name, if negated { ranges.complement() } else { ranges }))
        }
    }
}

fn ranges_of(op: Operator, number: i64) -> Result<Ranges, Refusal> {
    let only = Ranges::between(number, number);
    match op {
        Operator::Eq => Ok(only),
        Operator::NotEq => Ok(only.complement()),
        Operator::LtEq => Ok(Ranges::between(i64::MIN, number)),
        Operator::GtEq => Ok(Ranges::between(number, i64::MAX)),
        Operator::Gt => Ok(Ranges::between(i64::MIN, number).complement()),
        Operator::Lt => Ok(Ranges::between(number, i64::MAX).complement()),
        other => Err(refuse(format!("`{other}` cannot be used in a condition"))),
    }
}

fn in_list(scope: Scope<'_>, list: &InList, negated: bool) -> Result<Condition, Refusal> {
    let Expr::Column(column) = list.expr.as_ref() else {
        return Err(refuse("IN must test a column"));
    };
    let negated = negated != list.negated;
    let literals = list
        .list
        .iter()
        .map(|item| match item {
            Expr::Literal(literal, _) => Ok(literal),
            _ => Err(refuse("IN must list literals")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    match tested(scope, column)? {
        Tested::Slot(slot @ Slot::Dimension(_)) => {
            let places = literals.iter().map(|l| code_place(scope, &slot, l)).collect::<Result<_, _>>()?;
            Ok(places_test(scope, slot, places, negated))
        }
        Tested::Slot(slot @ (Slot::Year | Slot::Month)) => {
            date_part(scope, slot, &union_of(column, &literals)?, negated)
        }
        Tested::Measure(name) => {
            let ranges = union_of(column, &literals)?;
            Ok(Scope::within(name, if negated { ranges.complement() } else { ranges }))
        }
    }
}

fn union_of(column: &Column, literals: &[&ScalarValue]) -> Result<Ranges, Refusal> {
    let mut ranges = Ranges::between(1, 0);
    for literal in literals {
        let number = whole_number(column, literal)?;
        ranges = ranges.union(&Ranges::between(number, number));
    }
    Ok(ranges)
}

fn range_test(scope: Scope<'_>, between: &Between, negated: bool) -> Result<Condition, Refusal> {
    let negated = negated != between.negated;
    let (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) =
        (between.expr.as_ref(), between.low.as_ref(), between.high.as_ref())
    else {
        return Err(refuse("BETWEEN must test a column against two literals"));
    };
    match tested(scope, column)? {
        Tested::Slot(slot @ (Slot::Year | Slot::Month)) => {
            let ranges = Ranges::between(whole_number(column, low)?, whole_number(column, high)?);
            date_part(scope, slot, &ranges, negated)
        }
        Tested::Slot(Slot::Dimension(name)) => {
            Err(refuse(format!("`{name}` holds codes, which have no order: BETWEEN cannot be used"))
                .hint("Use =, <> or IN."))
        }
        Tested::Measure(name) => {
            let ranges = Ranges::between(whole_number(column, low)?, whole_number(column, high)?);
            Ok(Scope::within(name, if negated { ranges.complement() } else { ranges }))
        }
    }
}

/// `missing`: whether the condition asks for the measure to be missing.
fn null_test(scope: Scope<'_>, inner: &Expr, missing: bool) -> Result<Condition, Refusal> {
    let Expr::Column(column) = inner else {
        return Err(refuse("IS NULL must test a measure"));
    };
    match tested(scope, column)? {
        Tested::Measure(name) if missing => Ok(Condition::Missing(name)),
        Tested::Measure(name) => Ok(Scope::within(name, Ranges::everything())),
        Tested::Slot(slot) => Err(refuse(format!("`{}` is never null", slot.column()))
            .hint("A value that the source does not know is the code 'unknown'.")),
    }
}

fn places_test(scope: Scope<'_>, slot: Slot, places: BTreeSet<usize>, negated: bool) -> Condition {
    let places =
        if negated { (0..scope.size(&slot)).filter(|p| !places.contains(p)).collect() } else { places };
    scope.one_of(slot, places)
}

/// A test of the year or month. Values that the condition names itself must be in the closed list.
fn date_part(scope: Scope<'_>, slot: Slot, ranges: &Ranges, negated: bool) -> Result<Condition, Refusal> {
    let values = scope.values(&slot);
    let numbers: Vec<i64> =
        values.iter().filter_map(|v| if let Value::Number(n) = v { Some(*n) } else { None }).collect();
    let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
        return Err(refuse("the policy declares no years"));
    };
    // The ends that are named in the text: `year >= 2015` names 2015, `year < 2026` means 2025 and before.
    let named = ranges.pairs().iter().flat_map(|&(low, high)| [low, high]);
    for end in named.filter(|end| *end != i64::MIN && *end != i64::MAX) {
        // The complement of one value ends beside it; both neighbours of a listed value are fine.
        if end < first - 1 || end > last + 1 {
            return Err(out_of_range(&slot, first, last));
        }
    }
    let inside = |n: i64| ranges.pairs().iter().any(|&(low, high)| low <= n && n <= high);
    let outside = ranges
        .pairs()
        .iter()
        .any(|&(low, high)| (low != i64::MIN && low < first) || (high != i64::MAX && high > last));
    let places: BTreeSet<usize> =
        numbers.iter().enumerate().filter(|(_, n)| inside(**n)).map(|(place, _)| place).collect();
    if outside || (places.is_empty() && !ranges.pairs().is_empty()) {
        return Err(out_of_range(&slot, first, last));
    }
    Ok(places_test(scope, slot, places, negated))
}

fn out_of_range(slot: &Slot, first: i64, last: i64) -> Refusal {
    refuse(format!("the condition on `{}` goes outside {first} to {last}", slot.column()))
        .hint(format!("Ask within {first} to {last}."))
}

fn whole_number(column: &Column, literal: &ScalarValue) -> Result<i64, Refusal> {
    let number = match literal {
        ScalarValue::Int64(Some(n)) => Some(*n),
        ScalarValue::UInt64(Some(n)) => i64::try_from(*n).ok(),
        ScalarValue::Int32(Some(n)) => Some((*n).into()),
        _ => None,
    };
    number.ok_or_else(|| refuse(format!("`{}` must be compared with a whole number", column.name)))
}

/// The place of a code literal in the slot's closed list.
fn code_place(scope: Scope<'_>, slot: &Slot, literal: &ScalarValue) -> Result<usize, Refusal> {
    let column = slot.column();
    let (ScalarValue::Utf8(Some(text))
    | ScalarValue::Utf8View(Some(text))
    | ScalarValue::LargeUtf8(Some(text))) = literal
    else {
        return Err(refuse(format!("`{column}` holds codes, which are text"))
            .hint(format!("Write the code in single quotes: {column} = '{}'.", example(scope, slot))));
    };
    let values = scope.values(slot);
    if let Some(place) = values.iter().position(|v| matches!(v, Value::Code(code) if code == text)) {
        return Ok(place);
    }
    let refusal = refuse(format!("'{}' is no code of `{column}`", text.chars().take(40).collect::<String>()));
    let named = scope.table.column(column).and_then(|c| match &c.role {
        ColumnRole::Dimension { codes } => scope.policy.code_list(codes),
        _ => None,
    });
    let by_label = named.and_then(|l| l.codes.iter().find(|c| c.no == *text || c.en == *text));
    if let Some(code) = by_label {
        return Err(refusal.hint(format!("Write {column} = '{}'.", code.code)));
    }
    let codes: Vec<&str> =
        named.map(|l| l.codes.iter().map(|c| c.code.as_str()).collect()).unwrap_or_default();
    let more = if codes.len() > 20 { ", …" } else { "" };
    let shown = codes.iter().take(20).copied().collect::<Vec<_>>().join(", ");
    Err(refusal.hint(format!("Its codes are {shown}{more}.")))
}

fn example(scope: Scope<'_>, slot: &Slot) -> String {
    match scope.values(slot).into_iter().next() {
        Some(Value::Code(code)) => code,
        Some(Value::Number(n)) => n.to_string(),
        None => String::new(),
    }
}
