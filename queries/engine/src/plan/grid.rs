//! Expressions, computed on the closed domains of their fields.
//!
//! # Privacy
//! Every field has a finite domain that the policy declares. So an expression over fields is a table: it is computed
//! here once for each combination of the fields' values, while the question is planned and without any data, and a run
//! only looks rows up in the table. Whatever an expression can do wrong (divide by zero, overflow, fail a cast, loop, grow)
//! it does here, where it depends on the question and the policy alone: the question is refused. Nothing of it is left
//! that could depend on a person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field as ArrowField, Schema};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion, TreeNodeVisitor};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{ColumnarValue, Expr, Operator};
use datafusion::optimizer::analyzer::type_coercion::TypeCoercionRewriter;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::expressions::BinaryExpr;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

use super::field::{Domain, Field, Fields, YEAR};
use super::refuse::{Refusal, refuse};
use super::statement::said;

/// The most combinations an expression may range over.
const MOST: usize = 1 << 18;

/// The combinations of some fields' places, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) inputs: Vec<String>,
    pub(super) sizes: Vec<usize>,
    pub(super) len: usize,
}

impl Grid {
    /// Over the fields that expressions name. Year and month follow from the day where the same table's day is there.
    pub(super) fn of(fields: &Fields, exprs: &[&Expr]) -> Result<Self, Refusal> {
        let mut named = BTreeSet::new();
        for expr in exprs {
            named.extend(expr.column_refs().into_iter().map(|column| column.name.clone()));
        }
        let dates: Vec<String> = named.iter().filter(|name| is_date(fields, name)).cloned().collect();
        let follows = |name: &String| dates.iter().any(|date| name == YEAR || *name == month_beside(date));
        Self::over(fields, named.into_iter().filter(|name| !follows(name)).collect())
    }

    pub(super) fn over(fields: &Fields, inputs: Vec<String>) -> Result<Self, Refusal> {
        let mut sizes = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let field = fields.get(input);
            let field =
                field.ok_or_else(|| refuse(format!("`{input}` is nothing that can be computed with")))?;
            sizes.push(field.places());
        }
        let len = sizes.iter().try_fold(1_usize, |len, size| len.checked_mul(*size));
        match len.filter(|len| *len <= MOST) {
            Some(len) => Ok(Self { inputs, sizes, len }),
            None => Err(refuse(format!(
                "an expression over {} together ranges over more than {MOST} combinations of their values",
                inputs.iter().map(|name| format!("`{}`", plain(name))).collect::<Vec<_>>().join(", ")
            ))
            .hint("Put fewer columns into one expression, or conditions on them apart by AND.")),
        }
    }

    /// The place of each input at a combination.
    pub(super) fn places(&self, at: usize) -> Vec<usize> {
        let mut rest = at;
        let mut places = vec![0; self.sizes.len()];
        for (place, size) in places.iter_mut().zip(&self.sizes).rev() {
            *place = rest % size;
            rest /= size;
        }
        places
    }

    /// Whether a field can be at a place where the inputs are at `places`: a month is that of its table's day.
    pub(super) fn agrees(&self, fields: &Fields, places: &[usize], name: &str, place: usize) -> bool {
        self.inputs.iter().zip(places).all(|(input, at)| {
            if !is_date(fields, input) || name != month_beside(input) {
                return true;
            }
            let of_day = fields.get(input).and_then(|field| field.calendar(*at)).map(|(_, month)| month);
            fields.get(name).and_then(|field| field.number_at(place)) == of_day
        })
    }

    /// The values of expressions at every combination.
    pub(super) fn evaluate(&self, fields: &Fields, exprs: &[&Expr]) -> Result<Vec<ArrayRef>, Refusal> {
        for expr in exprs {
            not_too_deep(expr)?;
        }
        let (names, columns) = self.columns(fields);
        let arrow: Vec<ArrowField> = names
            .iter()
            .zip(&columns)
            .map(|(name, array)| ArrowField::new(name, array.data_type().clone(), true))
            .collect();
        let schema = Arc::new(Schema::new(arrow));
        let options = RecordBatchOptions::new().with_row_count(Some(self.len));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options);
        let batch = batch.map_err(|error| refuse(format!("an expression cannot be computed: {error}")))?;
        let schema = DFSchema::try_from(schema).map_err(|error| not_computed(&error))?;
        exprs.iter().map(|expr| evaluate_one(expr, &schema, &batch)).collect()
    }

    /// A column for every input and for what follows from it.
    fn columns(&self, fields: &Fields) -> (Vec<String>, Vec<ArrayRef>) {
        let mut columns: BTreeMap<String, ArrayRef> = BTreeMap::new();
        let mut stride = self.len;
        for (input, size) in self.inputs.iter().zip(&self.sizes) {
            stride /= (*size).max(1);
            let Some(field) = fields.get(input) else { continue };
            let step = stride.max(1);
            let place = |at: usize| at / step % size;
            columns.insert(input.clone(), field.values((0..self.len).map(place)));
            if is_date(fields, input) {
                let calendar: Vec<Option<(i64, i64)>> =
                    (0..*size).map(|place| field.calendar(place)).collect();
                let of = |pick: fn((i64, i64)) -> i64| -> ArrayRef {
                    Arc::new((0..self.len).map(|at| calendar[place(at)].map(pick)).collect::<Int64Array>())
                };
                columns.entry(YEAR.to_owned()).or_insert_with(|| of(|date| date.0));
                columns.insert(month_beside(input), of(|date| date.1));
            }
        }
        columns.into_iter().unzip()
    }
}

fn evaluate_one(expr: &Expr, schema: &DFSchema, batch: &RecordBatch) -> Result<ArrayRef, Refusal> {
    let coerced = expr.clone().rewrite(&mut TypeCoercionRewriter::new(schema));
    let context = SimplifyContext::builder().with_schema(Arc::new(schema.clone())).build();
    // Some functions are only ever written as others.
    let coerced = coerced.and_then(|coerced| ExprSimplifier::new(context).simplify(coerced.data));
    let coerced = coerced.map_err(|error| not_computed(&error))?;
    let computed =
        create_physical_expr(&coerced, schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())
            .and_then(checked)
            .and_then(|physical| physical.evaluate(batch));
    match computed.map_err(|error| not_computed(&error))? {
        ColumnarValue::Array(array) => Ok(array),
        ColumnarValue::Scalar(value) => {
            value.to_array_of_size(batch.num_rows()).map_err(|error| not_computed(&error))
        }
    }
}

/// The expression with arithmetic that fails on overflow, where DataFusion's wraps around.
fn checked(expr: Arc<dyn PhysicalExpr>) -> datafusion::common::Result<Arc<dyn PhysicalExpr>> {
    let checked = expr.transform_up(|part| match part.downcast_ref::<BinaryExpr>() {
        Some(binary) => {
            let again = BinaryExpr::new(Arc::clone(binary.left()), *binary.op(), Arc::clone(binary.right()));
            Ok(Transformed::yes(Arc::new(again.with_fail_on_overflow(true)) as Arc<dyn PhysicalExpr>))
        }
        None => Ok(Transformed::no(part)),
    });
    checked.map(|checked| checked.data)
}

fn not_computed(error: &datafusion::common::DataFusionError) -> Refusal {
    refuse(format!("an expression fails for some of the values that the policy declares: {}", said(error)))
        .hint("An expression must have a value for every code, number and day of the closed lists: test for the ones that fail with CASE, or use nullif and coalesce.")
}

fn is_date(fields: &Fields, name: &str) -> bool {
    matches!(fields.get(name), Some(Field { domain: Domain::Days { .. }, .. })) && name.ends_with("_date")
}

/// The name of the month of the table that a day is of.
fn month_beside(date: &str) -> String {
    format!("{}month", date.strip_suffix("date").unwrap_or(date))
}

/// A field's name without the number of its table.
pub(super) fn plain(name: &str) -> &str {
    let numbered = name.split_once('_').filter(|(table, _)| {
        table.strip_prefix(['t', 'p']).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    });
    numbered.map_or(name, |(_, column)| column)
}

/// Refuses what is no expression over fields, or more than one needs.
///
/// Matched exhaustively: an expression that a later DataFusion adds does not compile here, rather than pass.
pub(super) fn check(expr: &Expr) -> Result<(), Refusal> {
    let mut wrong = None;
    let walked = expr.apply(|part| {
        if let Err(refusal) = check_one(part) {
            wrong.get_or_insert(refusal);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    match (walked, wrong) {
        (_, Some(refusal)) => Err(refusal),
        (Err(error), None) => Err(not_computed(&error)),
        (Ok(_), None) => Ok(()),
    }
}

/// How deep an expression may be, chains of AND and OR apart: DataFusion computes it by recursion.
const DEEPEST: usize = 100;

/// Refuses an expression that is nested too deeply to be computed on a thread's stack.
pub(super) fn not_too_deep(expr: &Expr) -> Result<(), Refusal> {
    struct Depth(usize);
    impl<'n> TreeNodeVisitor<'n> for Depth {
        type Node = Expr;

        fn f_down(&mut self, _: &'n Expr) -> datafusion::common::Result<TreeNodeRecursion> {
            self.0 += 1;
            Ok(if self.0 > DEEPEST { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        }

        fn f_up(&mut self, _: &'n Expr) -> datafusion::common::Result<TreeNodeRecursion> {
            self.0 -= 1;
            Ok(TreeNodeRecursion::Continue)
        }
    }
    let mut depth = Depth(0);
    match expr.visit(&mut depth) {
        Ok(_) if depth.0 == 0 => Ok(()),
        Ok(_) | Err(_) => Err(refuse("an expression is nested too deeply")
            .hint("Write long lists with IN, and sums in fewer steps.")),
    }
}

fn check_one(expr: &Expr) -> Result<(), Refusal> {
    match expr {
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::Like(_)
        | Expr::Not(_)
        | Expr::IsNotNull(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Negative(_)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::Cast(_)
        | Expr::TryCast(_)
        // Of the catalogue: there are no others.
        | Expr::ScalarFunction(_)
        | Expr::InList(_) => Ok(()),
        Expr::BinaryExpr(binary) => match binary.op {
            Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::Plus
            | Operator::Minus
            | Operator::Multiply
            | Operator::Divide
            | Operator::Modulo
            | Operator::And
            | Operator::Or
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
            | Operator::StringConcat => Ok(()),
            other => Err(refuse(format!("`{other}` is not supported"))
                .hint("Use comparisons, AND, OR, NOT, IN, BETWEEN, LIKE and arithmetic.")),
        },
        Expr::SimilarTo(_) => {
            Err(refuse("SIMILAR TO and regular expressions are not supported").hint("Use LIKE, or name the codes."))
        }
        Expr::HigherOrderFunction(_) | Expr::Lambda(_) | Expr::LambdaVariable(_) => {
            Err(refuse("functions of functions are not supported"))
        }
        Expr::AggregateFunction(_) => Err(refuse("an aggregate cannot stand there")
            .hint("Conditions on aggregates go into HAVING, or into a query around this one.")),
        Expr::WindowFunction(_) => Err(refuse("window functions over rows of persons are not supported")
            .hint("Use them over the aggregates of a subquery.")),
        Expr::GroupingSet(_) => Err(refuse("grouping sets cannot stand there")),
        Expr::Exists(_)
        | Expr::InSubquery(_)
        | Expr::SetComparison(_)
        | Expr::ScalarSubquery(_)
        | Expr::OuterReferenceColumn(..) => {
            Err(refuse("a subquery cannot stand there").hint("EXISTS and `person IN (SELECT person …)` are parts of WHERE that AND joins to the others."))
        }
        Expr::ScalarVariable(..) | Expr::Placeholder(_) => {
            Err(refuse("variables and placeholders are not supported"))
        }
        Expr::Unnest(_) => Err(refuse("UNNEST is not supported")),
        #[expect(deprecated, reason = "matched to keep the match exhaustive")]
        Expr::Wildcard { .. } => Err(refuse("`*` cannot stand there")),
    }
}
