//! From an aggregate over protected rows to a private query, and to what its noised values are shown as.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::GroupingSet;
use datafusion::logical_expr::{self as logical, Expr};
use skjerm_warehouse::policy::Policy;

use super::aggregate::{Function, function};
use super::cells::{self, Axis, Cells, Labelled};
use super::condition::{self, Condition};
use super::field::Fields;
use super::filter;
use super::output::{Output, called, conjuncts, is_constant, output, value};
use super::query::{self, Draft, PrivateQuery, Term, What};
use super::refuse::{Refusal, refuse};
use super::rows::{Reader, Rows};

/// A private query and how its answer becomes rows again.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) query: PrivateQuery,
    pub(crate) shown: Shown,
}

/// The rows of an answer: keys from the policy's lists, then a column an aggregate.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Keys, the number of the grouping set if there are several, and one column a measured number.
    pub(crate) schema: SchemaRef,
    /// All columns but the measured ones.
    pub(crate) keys: Vec<ArrayRef>,
    /// For each row the grouping set and the cell.
    pub(crate) rows: Vec<(usize, u32)>,
    /// The measured columns: which term each is of.
    pub(crate) terms: Vec<usize>,
    /// For each aggregate of the text, the measured columns that it is made of.
    pub(crate) columns: Vec<Column>,
}

/// An aggregate of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// A measured column.
    Measured(usize),
    /// A measured sum over a measured count.
    Average(usize, usize),
}

impl Shown {
    /// The keys of the rows with measured columns beside them.
    pub(crate) fn table(&self, measured: Vec<ArrayRef>) -> Option<RecordBatch> {
        let columns: Vec<ArrayRef> = self.keys.iter().cloned().chain(measured).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns).ok()
    }
}

/// The question that an aggregate over protected rows asks.
pub(super) fn question(policy: &Policy, aggregate: &logical::Aggregate) -> Result<Question, Refusal> {
    let mut reader = Reader::new(policy);
    let rows = reader.rows(&aggregate.input)?;
    let schema = aggregate.input.schema();
    let (exprs, sets, grouping) = grouping(aggregate)?;
    let keys = exprs.iter().map(|expr| key(expr, schema, &rows)).collect::<Result<Vec<_>, _>>()?;
    let mut terms = Vec::new();
    let mut columns = Vec::new();
    for expr in &aggregate.aggr_expr {
        columns.push(terms_of(&reader.fields, expr, schema, &rows)?);
    }
    for column in &columns {
        terms.extend(column.iter().cloned());
    }
    if terms.is_empty() {
        return Err(
            refuse("a question asks for an aggregate").hint("Add count(*) or count(distinct person).")
        );
    }
    let persons = terms.iter().any(|term| term.what == What::Persons);
    if rows.single {
        // One row a person-year: rows and persons are the same number, and the same question.
        for term in terms.iter_mut().chain(columns.iter_mut().flatten()) {
            if term.what == What::Persons {
                term.what = What::Rows;
            }
        }
    }
    terms.sort();
    terms.dedup();
    let place = |term: &Term| terms.iter().position(|t| t == term).unwrap_or_default();
    let columns = columns.iter().map(|of| match of.as_slice() {
        [sum, count] => Column::Average(place(sum), place(count)),
        other => Column::Measured(other.first().map_or(0, place)),
    });
    let columns: Vec<Column> = columns.collect();
    let fields = &reader.fields;
    let relation = rows.relation.clone();
    let condition = condition::all(fields, rows.conditions.clone());
    let could_hold = cells::together(&condition, &relation);
    let years = query::years(policy, fields, &could_hold)?;
    let other = |year: &i64| years.iter().any(|y| i64::from(*y) != *year);
    if reader.of_year.iter().any(other) {
        return Err(refuse("persons are put together over several years")
            .hint("The unit of privacy is a person in one year: join on `person` and `year`, or name one and the same year on both sides."));
    }
    let limit = usize::try_from(policy.query.max_cells).unwrap_or(usize::MAX);
    let mut of_sets = Vec::new();
    for set in &sets {
        let exprs: Vec<Expr> = set.iter().filter_map(|at| keys.get(*at).cloned()).collect();
        let labelled = cells::axes(fields, &exprs, &could_hold)?;
        let by_year = labelled.iter().any(|of| of.of_one_year);
        if years.len() > 1 && persons && !by_year {
            return Err(refuse("count(distinct person) over several years would count a person once a year")
                .hint("Group by year, or name one year: `where year = 2024`."));
        }
        of_sets.push((set, labelled));
    }
    let mut cells = Vec::new();
    let mut orders = Vec::new();
    for (_, labelled) in &of_sets {
        // In an order of their own, so that the order of GROUP BY does not make another question.
        let mut order: Vec<usize> = (0..labelled.len()).collect();
        order.sort_by(|a, b| labelled[*a].axis.cmp(&labelled[*b].axis));
        let axes: Vec<Axis> = order.iter().map(|at| labelled[*at].axis.clone()).collect();
        cells.push(Cells::new(fields, axes, &could_hold, limit)?);
        orders.push(order);
    }
    let total: usize = cells.iter().map(Cells::len).sum();
    if total > limit {
        return Err(refuse(format!("the answer would have {total} cells, and {limit} are allowed"))
            .hint("Group by fewer columns, or name the codes you need in WHERE: every cell of the closed lists comes back."));
    }
    let shown = shown(&exprs, &of_sets, &cells, &orders, grouping, terms.len(), columns)?;
    let draft = Draft {
        relation: relation.clone(),
        condition: condition.clone(),
        years,
        sets: cells,
        terms,
        single: rows.single,
        max_rows: rows.max_rows,
    };
    Ok(Question { query: PrivateQuery::new(fields, draft)?, shown })
}

/// The type of the number of a grouping set, where there are several.
type Numbered = Option<DataType>;
/// The expressions of GROUP BY, and which of them each grouping set has.
type Grouping = (Vec<Expr>, Vec<Vec<usize>>, Numbered);

fn grouping(aggregate: &logical::Aggregate) -> Result<Grouping, Refusal> {
    let exprs = aggregate.group_expr.as_slice();
    if !exprs.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return Ok((exprs.to_vec(), vec![(0..exprs.len()).collect()], None));
    }
    let sets = grouping_sets(exprs)?;
    if sets.len() > 64 {
        return Err(refuse(format!("{} grouping sets are too many", sets.len())));
    }
    let mut exprs: Vec<Expr> = Vec::new();
    for expr in sets.iter().flatten() {
        if !exprs.contains(expr) {
            exprs.push(expr.clone());
        }
    }
    let mut unique: Vec<&Vec<Expr>> = Vec::new();
    for set in &sets {
        if unique.contains(&set) {
            return Err(refuse("the same grouping set is asked for twice"));
        }
        unique.push(set);
    }
    let place = |expr: &Expr| exprs.iter().position(|e| e == expr).unwrap_or_default();
    let places = sets.iter().map(|set| set.iter().map(place).collect()).collect();
    let number = aggregate.schema.field_with_unqualified_name(logical::Aggregate::INTERNAL_GROUPING_ID);
    let number = number.map_err(|_| refuse("this form of grouping sets is not supported"))?;
    Ok((exprs, places, Some(number.data_type().clone())))
}

/// The grouping sets that a GROUP BY writes out.
pub(super) fn grouping_sets(group_exprs: &[Expr]) -> Result<Vec<Vec<Expr>>, Refusal> {
    match group_exprs {
        [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => Ok(sets.clone()),
        [Expr::GroupingSet(GroupingSet::Rollup(exprs))] => {
            Ok((0..=exprs.len()).rev().map(|len| exprs[..len].to_vec()).collect())
        }
        [Expr::GroupingSet(GroupingSet::Cube(exprs))] => {
            if exprs.len() > 6 {
                return Err(refuse("CUBE of more than six expressions is not supported"));
            }
            let all = 0..1_usize << exprs.len();
            let pick = |bits: usize| {
                let all = exprs.iter().enumerate();
                all.filter(|(at, _)| bits >> at & 1 == 1).map(|(_, e)| e.clone()).collect()
            };
            Ok(all.rev().map(pick).collect())
        }
        _ => Err(refuse("ROLLUP, CUBE and GROUPING SETS cannot stand beside other expressions of GROUP BY")
            .hint("Write all of it as GROUPING SETS.")),
    }
}

/// An expression of GROUP BY, over fields.
fn key(expr: &Expr, schema: &DFSchema, rows: &Rows) -> Result<Expr, Refusal> {
    match output(expr, schema, &rows.outputs)? {
        Output::Value(value) => Ok(value),
        Output::Person => Err(refuse("GROUP BY `person` would show single persons").hint(
            "Use count(distinct person); or count a person's rows in a subquery grouped by person and year.",
        )),
        Output::Record => Err(refuse("GROUP BY `record` would show single persons' rows")),
    }
}

/// The terms of an aggregate: one, or sum and count for an average.
fn terms_of(fields: &Fields, expr: &Expr, schema: &DFSchema, rows: &Rows) -> Result<Vec<Term>, Refusal> {
    let called = called(expr)?;
    let params = &called.params;
    if !params.order_by.is_empty() || params.null_treatment.is_some() {
        return Err(refuse("ORDER BY and NULLS in an aggregate are not supported"));
    }
    let mut filters = Vec::new();
    for part in params.filter.iter().flat_map(|filter| conjuncts(filter)) {
        filters.push(filter::condition(fields, &value(part, schema, &rows.outputs, "FILTER")?)?);
    }
    let filter = condition::all(fields, filters);
    if filter == Condition::Never {
        return Err(refuse("no row can pass the condition of a FILTER"));
    }
    let with = |more: Condition| condition::all(fields, vec![filter.clone(), more]);
    match (function(called)?, params.args.as_slice(), params.distinct) {
        (Function::Count, [], false) => Ok(vec![Term { what: What::Rows, filter }]),
        (Function::Count, [arg], false) if is_constant(arg) => Ok(vec![Term { what: What::Rows, filter }]),
        (Function::Count, [arg], distinct) => match output(arg, schema, &rows.outputs)? {
            Output::Person if distinct => Ok(vec![Term { what: What::Persons, filter }]),
            Output::Value(over) if !distinct => {
                let there = filter::condition(fields, &over.is_not_null())?;
                Ok(vec![Term { what: What::Rows, filter: with(there) }])
            }
            Output::Person | Output::Record | Output::Value(_) => {
                let name = called.params.args.first().map(ToString::to_string).unwrap_or_default();
                let word = if distinct { "distinct " } else { "" };
                Err(refuse(format!("count({word}{name}) is not supported")).hint(
                    "Use count(*) for rows, count(distinct person) for persons. Only persons can be counted as distinct.",
                ))
            }
        },
        (Function::Sum | Function::Avg, [arg], false) => {
            let Output::Value(over) = output(arg, schema, &rows.outputs)? else {
                return Err(refuse("sum and avg must be of numbers"));
            };
            let of = query::value(fields, &over)?;
            let sum = Term { what: What::Sum(of), filter: filter.clone() };
            if function(called)? == Function::Sum {
                return Ok(vec![sum]);
            }
            let there = filter::condition(fields, &over.is_not_null())?;
            Ok(vec![sum, Term { what: What::Rows, filter: with(there) }])
        }
        (Function::Sum | Function::Avg, _, true) => {
            Err(refuse(format!("{}(distinct …) is not supported", called.func.name())))
        }
        (Function::Min | Function::Max, ..) => {
            Err(refuse("min and max show single persons and are not supported").hint(
                "Ask for a quantile, percentile_cont(0.95) WITHIN GROUP (ORDER BY minutes), or how many rows are above a value: count(*) FILTER (WHERE minutes >= 120).",
            ))
        }
        (Function::Count | Function::Sum | Function::Avg | Function::Quantile, ..) => {
            Err(refuse(format!("`{}` is called with the wrong arguments", called.func.name())))
        }
    }
}

/// Keys and cells of the rows shown: grouping set by grouping set, in the order of GROUP BY and of the closed lists.
fn shown(
    exprs: &[Expr],
    sets: &[(&Vec<usize>, Vec<Labelled>)],
    cells: &[Cells],
    orders: &[Vec<usize>],
    grouping: Numbered,
    terms: usize,
    columns: Vec<Column>,
) -> Result<Shown, Refusal> {
    let cannot = |_| refuse("GROUP BY gives values of a kind that cannot be shown");
    let mut rows = Vec::new();
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); exprs.len()];
    let mut numbers: Vec<u64> = Vec::new();
    for (at, (((set, labelled), cells), order)) in sets.iter().zip(cells).zip(orders).enumerate() {
        let sizes: Vec<usize> = labelled.iter().map(|of| of.axis.count).collect();
        let mut classes: Vec<Vec<u64>> = vec![Vec::new(); labelled.len()];
        for combination in 0..sizes.iter().product() {
            let chosen = digits(combination, &sizes);
            let Some(cell) = cells.number(order.iter().map(|axis| chosen[*axis])) else { continue };
            rows.push((at, cell));
            for (of, class) in classes.iter_mut().zip(&chosen) {
                of.push(*class as u64);
            }
        }
        let len = rows.len() - numbers.len();
        // Bit by bit from the last expression: 1 where a set leaves it out, as DataFusion numbers them.
        let left_out = (0..exprs.len()).fold(0, |bits, e| bits << 1 | u64::from(!set.contains(&e)));
        numbers.extend(std::iter::repeat_n(left_out, len));
        for (expr, part) in parts.iter_mut().enumerate() {
            let found = labelled.iter().zip(&classes).find_map(|(of, classes)| {
                let (_, labels) = of.labels.iter().find(|(member, _)| set.get(*member) == Some(&expr))?;
                Some((labels, classes))
            });
            part.push(match found {
                Some((labels, classes)) => {
                    arrow::compute::take(labels, &UInt64Array::from(classes.clone()), None).map_err(cannot)?
                }
                None => new_null_array(&DataType::Null, len),
            });
        }
    }
    let mut keys: Vec<ArrayRef> = Vec::new();
    for part in parts {
        let typed = part.iter().find(|array| *array.data_type() != DataType::Null);
        let data_type = typed.map_or(DataType::Null, |array| array.data_type().clone());
        let cast = part.iter().map(|array| match array.data_type() {
            DataType::Null => new_null_array(&data_type, array.len()),
            _ => Arc::clone(array),
        });
        let cast: Vec<ArrayRef> = cast.collect();
        let refs: Vec<&dyn arrow::array::Array> = cast.iter().map(AsRef::as_ref).collect();
        keys.push(arrow::compute::concat(&refs).map_err(cannot)?);
    }
    if let Some(data_type) = grouping {
        let numbers = UInt64Array::from(numbers);
        keys.push(arrow::compute::cast(&numbers, &data_type).map_err(cannot)?);
    }
    let key_fields = keys
        .iter()
        .enumerate()
        .map(|(at, array)| ArrowField::new(format!("key_{at}"), array.data_type().clone(), true));
    let measured = (0..terms).map(|at| ArrowField::new(format!("measured_{at}"), DataType::Float64, false));
    let schema = Arc::new(Schema::new(key_fields.chain(measured).collect::<Vec<_>>()));
    Ok(Shown { schema, keys, rows, terms: (0..terms).collect(), columns })
}

/// A number's digits in a system of these sizes, the first the highest.
fn digits(number: usize, sizes: &[usize]) -> Vec<usize> {
    let mut rest = number;
    let mut digits = vec![0; sizes.len()];
    for (digit, size) in digits.iter_mut().zip(sizes).rev() {
        *digit = rest % (*size).max(1);
        rest /= (*size).max(1);
    }
    digits
}

/// A key as it is written: numbers that are whole without a point.
pub(crate) fn json(value: &ScalarValue) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        value if value.is_null() => Json::Null,
        ScalarValue::Boolean(Some(b)) => Json::from(*b),
        ScalarValue::Int8(Some(n)) => Json::from(*n),
        ScalarValue::Int16(Some(n)) => Json::from(*n),
        ScalarValue::Int32(Some(n)) => Json::from(*n),
        ScalarValue::Int64(Some(n)) => Json::from(*n),
        ScalarValue::UInt8(Some(n)) => Json::from(*n),
        ScalarValue::UInt16(Some(n)) => Json::from(*n),
        ScalarValue::UInt32(Some(n)) => Json::from(*n),
        ScalarValue::UInt64(Some(n)) => Json::from(*n),
        ScalarValue::Float32(Some(n)) => number(f64::from(*n)),
        ScalarValue::Float64(Some(n)) => number(*n),
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Json::from(text.as_str()),
        other => Json::from(other.to_string()),
    }
}

fn number(value: f64) -> serde_json::Value {
    #[allow(clippy::cast_possible_truncation)] // whole and far below 2^53
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return serde_json::Value::from(value as i64);
    }
    serde_json::Number::from_f64(value).map_or(serde_json::Value::Null, serde_json::Value::Number)
}
