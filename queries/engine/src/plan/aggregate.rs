//! The functions that a question may call. There are no others: no registry is ever asked.

use std::sync::{Arc, LazyLock};

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::{core, datetime, math};
use datafusion::functions_aggregate::{
    approx_median, approx_percentile_cont, average, count, median, min_max, percentile_cont, sum,
};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, ScalarUDF, Signature, Volatility, WindowUDF, lit,
};

use super::refuse::{Refusal, refuse};

/// What an aggregate is, whatever stands around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    /// `median`, `percentile_cont` and what else is a quantile.
    Quantile,
}

static COUNT: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| in_floats(count::count_udaf()));
static SUM: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| in_floats(sum::sum_udaf()));
static AVG: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| in_floats(average::avg_udaf()));

/// The aggregate of this name.
pub(super) fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    Some(match name {
        "count" => Arc::clone(&COUNT),
        "sum" => Arc::clone(&SUM),
        "avg" | "mean" => Arc::clone(&AVG),
        "min" => min_max::min_udaf(),
        "max" => min_max::max_udaf(),
        "median" => median::median_udaf(),
        "approx_median" => approx_median::approx_median_udaf(),
        "percentile_cont" | "quantile_cont" => percentile_cont::percentile_cont_udaf(),
        "approx_percentile_cont" => approx_percentile_cont::approx_percentile_cont_udaf(),
        _ => return None,
    })
}

pub(super) const AGGREGATES: [&str; 9] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "median",
    "percentile_cont",
    "approx_median",
    "approx_percentile_cont",
];

/// Whether a quantile is the one in the middle.
pub(super) fn is_median(called: &Arc<AggregateUDF>) -> bool {
    [median::median_udaf(), approx_median::approx_median_udaf()].contains(called)
}

/// `count(*)`.
pub(super) fn rows() -> Expr {
    COUNT.call(vec![lit(1_i64)])
}

/// Which aggregate is called. By identity, not by name.
pub(super) fn function(called: &AggregateFunction) -> std::result::Result<Function, Refusal> {
    let known = [(&*COUNT, Function::Count), (&*SUM, Function::Sum), (&*AVG, Function::Avg)];
    if let Some((_, function)) = known.into_iter().find(|(udaf, _)| **udaf == called.func) {
        return Ok(function);
    }
    if called.func == min_max::min_udaf() {
        Ok(Function::Min)
    } else if called.func == min_max::max_udaf() {
        Ok(Function::Max)
    } else if is_median(&called.func)
        || [percentile_cont::percentile_cont_udaf(), approx_percentile_cont::approx_percentile_cont_udaf()]
            .contains(&called.func)
    {
        Ok(Function::Quantile)
    } else {
        Err(refuse(format!("the aggregate `{}` is not supported", called.func.name())))
    }
}

/// The scalar function of this name. All give the same for the same arguments, at once, and no more than they are given.
pub(super) fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    Some(match name {
        "coalesce" => core::coalesce(),
        "nullif" => core::nullif(),
        "greatest" => core::greatest(),
        "least" => core::least(),
        "date_part" | "datepart" => datetime::date_part(),
        "date_trunc" | "datetrunc" => datetime::date_trunc(),
        "abs" => math::abs(),
        "ceil" => math::ceil(),
        "floor" => math::floor(),
        "round" => math::round(),
        "sqrt" => math::sqrt(),
        "ln" => math::ln(),
        "exp" => math::exp(),
        "power" | "pow" => math::power(),
        _ => return None,
    })
}

pub(super) const SCALARS: [&str; 14] = [
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "date_part",
    "date_trunc",
    "abs",
    "ceil",
    "floor",
    "round",
    "sqrt",
    "ln",
    "exp",
    "power",
];

/// The window function of this name: over answers only.
pub(super) fn window(name: &str) -> Option<Arc<WindowUDF>> {
    use datafusion::functions_window::{lead_lag, rank, row_number};
    Some(match name {
        "row_number" => row_number::row_number_udwf(),
        "rank" => rank::rank_udwf(),
        "dense_rank" => rank::dense_rank_udwf(),
        "lag" => lead_lag::lag_udwf(),
        "lead" => lead_lag::lead_udwf(),
        _ => return None,
    })
}

pub(super) const WINDOWS: [&str; 5] = ["row_number", "rank", "dense_rank", "lag", "lead"];

/// An aggregate that gives floats: answers are noised, and what is computed of them is not cut to whole numbers.
#[derive(Debug, PartialEq, Eq, Hash)]
struct InFloats {
    inner: Arc<AggregateUDF>,
    signature: Signature,
}

fn in_floats(inner: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(InFloats {
        inner,
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

impl InFloats {
    fn counts(&self) -> bool {
        self.inner.name() == "count"
    }

    fn inner_field(&self, name: &str, args: &[FieldRef]) -> Result<FieldRef> {
        let types: Vec<DataType> = args.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(name, self.inner.return_type(&types)?, true)))
    }
}

impl AggregateUDFImpl for InFloats {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if self.counts() {
            return Ok(types.to_vec());
        }
        let [_] = types else {
            return datafusion::common::plan_err!("{} takes one argument", self.name());
        };
        Ok(vec![DataType::Float64])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let return_field = self.inner_field(args.name, args.input_fields)?;
        self.inner.state_fields(StateFieldsArgs { return_field, ..args })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let return_field = self.inner_field(args.name, args.expr_fields)?;
        Ok(Box::new(Floats(self.inner.accumulator(AccumulatorArgs { return_field, ..args })?)))
    }
}

#[derive(Debug)]
struct Floats(Box<dyn Accumulator>);

impl Accumulator for Floats {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.evaluate()?.cast_to(&DataType::Float64)
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }
}
