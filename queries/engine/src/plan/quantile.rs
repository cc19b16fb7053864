//! Medians and other quantiles of the values of protected rows.
//!
//! A quantile is read off a histogram: the rows are counted by group and by value, one cell for each value that the
//! policy allows, and everything else happens to the noised counts. So `median(minutes)` is the same question as
//! `select minutes, count(*) … group by minutes`, and whoever has paid for one has the other. Under grouping sets each set has
//! histograms of its own, measured as those of any grouping set are.
//!
//! # Privacy
//! *Unit, sensitivity, mechanism, cost*: those of `count(*)` by group and value (see [`super::query`]): a person-year's
//! counts are one vector, scaled to the norm chosen. What is computed here reads noised counts alone and is
//! post-processing. A person whose vector is scaled weighs less in the quantile: that is its bias, and there is no other.
//! *Source*: quantiles of a noised histogram, e.g. Cormode, Procopiuc, Srivastava, Shen and Yu 2012, without the tree:
//! some hundred values of a measure do not need one.
//!
//! # The quantile of noised counts
//! Counts of noise make sums that fall here and there. The sums from below are made rising by isotonic regression
//! (Barlow, Bartholomew, Bremner and Brunk 1972; pool adjacent violators), which averages the noise of neighbours, and
//! then read as those of whole counts are: `percentile_cont`, between two values if the rank is between two rows.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Float64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Column, NullEquality, Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, GroupingSet};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    self as logical, Accumulator, AggregateUDF, AggregateUDFImpl, Expr, JoinType, LogicalPlan,
    LogicalPlanBuilder, Signature, Volatility, cast, lit,
};

use super::aggregate::{self, Function, function};
use super::output::called;
use super::refuse::{Refusal, refuse};

/// A quantile of the text.
struct Quantile {
    /// Of what, over which rows: the same for quantiles of the same histogram.
    of: Histogram,
    /// Which one, from 0 to 1.
    share: f64,
}

#[derive(Clone, PartialEq)]
struct Histogram {
    value: Expr,
    filter: Option<Box<Expr>>,
}

/// Whether one of the aggregates is a quantile.
pub(super) fn has_quantile(aggregate: &logical::Aggregate) -> bool {
    let is_quantile =
        |expr: &Expr| called(expr).and_then(function).is_ok_and(|function| function == Function::Quantile);
    aggregate.aggr_expr.iter().any(is_quantile)
}

/// The plan of an aggregate with quantiles, over the answers to aggregates without: `measured` gives them, with the
/// columns of the aggregate it is given.
pub(super) fn over_histograms(
    aggregate: &logical::Aggregate,
    mut measured: impl FnMut(&logical::Aggregate) -> std::result::Result<LogicalPlan, Refusal>,
) -> std::result::Result<LogicalPlan, Refusal> {
    // Of grouping sets also the number of each row's set, by which rows of different sets are told apart.
    let keys = aggregate.schema.fields().len().saturating_sub(aggregate.aggr_expr.len());
    let mut plain = Vec::new();
    let mut quantiles: Vec<(usize, Quantile)> = Vec::new();
    for (at, expr) in aggregate.aggr_expr.iter().enumerate() {
        if called(expr).and_then(function)? == Function::Quantile {
            quantiles.push((at, read(called(expr)?)?));
        } else {
            plain.push(at);
        }
    }
    // Each part: the plan, with the keys in front, and which aggregate of the text each column behind them is.
    let mut parts: Vec<(LogicalPlan, Vec<usize>)> = Vec::new();
    if !plain.is_empty() {
        let exprs = plain.iter().filter_map(|at| aggregate.aggr_expr.get(*at).cloned()).collect();
        let input = Arc::clone(&aggregate.input);
        let part = logical::Aggregate::try_new(input, aggregate.group_expr.clone(), exprs);
        parts.push((measured(&part.map_err(|error| broken(&error))?)?, plain));
    }
    while let Some((_, Quantile { of, .. })) = quantiles.first() {
        let of = of.clone();
        let (here, others) = quantiles.into_iter().partition(|(_, quantile)| quantile.of == of);
        quantiles = others;
        parts.push(histogram(aggregate, &of, &here, &mut measured)?);
    }
    put_together(aggregate, keys, &parts).map_err(|error| broken(&error))
}

fn broken(error: &datafusion::error::DataFusionError) -> Refusal {
    refuse(format!("the question was not understood: {}", super::statement::said(error)))
}

fn read(called: &AggregateFunction) -> std::result::Result<Quantile, Refusal> {
    let (name, params) = (called.func.name(), &called.params);
    let wrong = |what: &str| {
        refuse(format!("`{name}` {what}"))
            .hint("Write median(minutes), or percentile_cont(0.9) WITHIN GROUP (ORDER BY minutes).")
    };
    if params.distinct || params.null_treatment.is_some() {
        return Err(wrong("takes neither DISTINCT nor NULLS"));
    }
    let descends = match params.order_by.as_slice() {
        [] => false,
        [sort] if params.args.first() == Some(&sort.expr) && !aggregate::is_median(&called.func) => !sort.asc,
        _ => return Err(wrong("takes no other ORDER BY than that of WITHIN GROUP")),
    };
    let (value, share) = match params.args.as_slice() {
        [value] if aggregate::is_median(&called.func) => (value, 0.5),
        [value, share] if !aggregate::is_median(&called.func) => {
            let share = match share {
                Expr::Literal(share, _) => share.cast_to(&DataType::Float64).ok(),
                _ => None,
            };
            let Some(ScalarValue::Float64(Some(share))) = share else {
                return Err(wrong("needs a number from 0 to 1"));
            };
            (value, share)
        }
        _ => return Err(wrong("is called with the wrong arguments")),
    };
    if !(0.0..=1.0).contains(&share) {
        return Err(wrong("needs a number from 0 to 1"));
    }
    let of = Histogram { value: value.clone(), filter: params.filter.clone() };
    Ok(Quantile { of, share: if descends { 1.0 - share } else { share } })
}

/// The quantiles of one histogram, with the keys in front.
fn histogram(
    aggregate: &logical::Aggregate,
    of: &Histogram,
    quantiles: &[(usize, Quantile)],
    measured: &mut impl FnMut(&logical::Aggregate) -> std::result::Result<LogicalPlan, Refusal>,
) -> std::result::Result<(LogicalPlan, Vec<usize>), Refusal> {
    let keys = aggregate.schema.fields().len().saturating_sub(aggregate.aggr_expr.len());
    let mut rows = LogicalPlanBuilder::from(Arc::clone(&aggregate.input));
    let conditions = of.filter.iter().map(|filter| filter.as_ref().clone());
    for condition in conditions.chain([of.value.clone().is_not_null()]) {
        rows = rows.filter(condition).map_err(|error| broken(&error))?;
    }
    let exprs = with_value(&aggregate.group_expr, &of.value.clone().alias("__value"))?;
    let counts = rows
        .build()
        .and_then(|rows| logical::Aggregate::try_new(Arc::new(rows), exprs, vec![aggregate::rows()]))
        .map_err(|error| broken(&error))?;
    // The value, the keys, the count.
    if !counts.schema.field(0).data_type().is_numeric() {
        return Err(refuse("a median or quantile must be of numbers")
            .hint("The measures of the tables are in the policy."));
    }
    let counts = measured(&counts)?;
    let column = |at: usize| Expr::Column(Column::from(counts.schema().qualified_field(at)));
    let arguments = |share: f64| vec![cast(column(0), DataType::Float64), column(keys + 1), lit(share)];
    let call = |(at, quantile): &(usize, Quantile)| {
        OF_COUNTS.call(arguments(quantile.share)).alias(format!("quantile_{at}"))
    };
    let exprs: Vec<Expr> = quantiles.iter().map(call).collect();
    let groups: Vec<Expr> = (1..=keys).map(column).collect();
    let plan = LogicalPlanBuilder::from(counts.clone()).aggregate(groups, exprs);
    let plan = plan.and_then(LogicalPlanBuilder::build).map_err(|error| broken(&error))?;
    Ok((plan, quantiles.iter().map(|(at, _)| *at).collect()))
}

/// The expressions of GROUP BY with the value in front: in front of each grouping set, so that the sets keep their numbers (which say,
/// expression by expression, what a set leaves out; and none leaves the value out).
fn with_value(group_exprs: &[Expr], value: &Expr) -> std::result::Result<Vec<Expr>, Refusal> {
    let before = |exprs: &[Expr]| std::iter::once(value).chain(exprs).cloned().collect::<Vec<_>>();
    if !group_exprs.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return Ok(before(group_exprs));
    }
    let sets = super::measured::grouping_sets(group_exprs)?;
    let sets = sets.iter().map(|exprs| before(exprs)).collect();
    Ok(vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))])
}

/// All parts beside each other, with the columns of the aggregate.
fn put_together(
    aggregate: &logical::Aggregate,
    keys: usize,
    parts: &[(LogicalPlan, Vec<usize>)],
) -> Result<LogicalPlan> {
    let mut all: Option<LogicalPlan> = None;
    let key = |part: usize, at: usize| Column::new(Some(format!("part_{part}")), format!("key_{at}"));
    let result = |at: usize| format!("result_{at}");
    for (number, (plan, of)) in parts.iter().enumerate() {
        let column = |at: usize| Expr::Column(Column::from(plan.schema().qualified_field(at)));
        let named = (0..keys).map(|at| column(at).alias(format!("key_{at}")));
        let results = of.iter().enumerate().map(|(at, text)| column(keys + at).alias(result(*text)));
        let part = LogicalPlanBuilder::from(plan.clone())
            .project(named.chain(results).collect::<Vec<_>>())?
            .alias(format!("part_{number}"))?
            .build()?;
        all = Some(match all {
            None => part,
            Some(before) if keys == 0 => LogicalPlanBuilder::from(before).cross_join(part)?.build()?,
            Some(before) => {
                let on = |number| (0..keys).map(|at| key(number, at)).collect::<Vec<_>>();
                let null_is_a_key = NullEquality::NullEqualsNull;
                LogicalPlanBuilder::from(before)
                    .join_detailed(part, JoinType::Inner, (on(0), on(number)), None, null_is_a_key)?
                    .build()?
            }
        });
    }
    let place = |at: usize| -> Column {
        let part = parts.iter().position(|(_, of)| of.contains(&at)).unwrap_or_default();
        Column::new(Some(format!("part_{part}")), result(at))
    };
    let columns = aggregate.schema.iter().enumerate().map(|(at, (qualifier, field))| {
        let column = at.checked_sub(keys).map_or_else(|| key(0, at), place);
        Expr::Column(column).alias_qualified(qualifier.cloned(), field.name())
    });
    let columns: Vec<Expr> = columns.collect();
    let Some(all) = all else { return datafusion::common::plan_err!("no aggregate") };
    LogicalPlanBuilder::from(all).project(columns)?.build()
}

/// `(value, count, share)`: the quantile of values with noised counts. No name leads to it.
static OF_COUNTS: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
    let signature = Signature::exact(vec![DataType::Float64; 3], Volatility::Immutable);
    Arc::new(AggregateUDF::from(OfCounts { signature }))
});

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfCounts {
    signature: Signature,
}

impl AggregateUDFImpl for OfCounts {
    fn name(&self) -> &'static str {
        "quantile_of_counts"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, _args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |name| Field::new_list(name, Field::new_list_field(DataType::Float64, true), true);
        Ok(["values", "counts", "shares"].into_iter().map(|name| Arc::new(list(name))).collect())
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::<Counts>::default())
    }
}

/// Values with their counts, and the share asked for.
#[derive(Debug, Default)]
struct Counts {
    values: Vec<f64>,
    numbers: Vec<f64>,
    share: Option<f64>,
}

impl Accumulator for Counts {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let [values, counts, shares] = columns else {
            return datafusion::common::internal_err!("a quantile of counts takes three columns");
        };
        let [values, counts, shares] = [values, counts, shares].map(AsArray::as_primitive::<Float64Type>);
        for (value, count) in values.iter().zip(counts) {
            if let (Some(value), Some(count)) = (value, count) {
                self.values.push(value);
                self.numbers.push(count);
            }
        }
        self.share = self.share.or_else(|| shares.iter().flatten().next());
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut counts: Vec<(f64, f64)> =
            self.values.iter().copied().zip(self.numbers.iter().copied()).collect();
        counts.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(ScalarValue::Float64(self.share.and_then(|share| quantile(&counts, share))))
    }

    fn size(&self) -> usize {
        size_of_val(self) + (self.values.capacity() + self.numbers.capacity()) * size_of::<f64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |values: Vec<f64>| -> Result<ScalarValue> {
            let field = Arc::new(Field::new_list_field(DataType::Float64, true));
            let offsets = OffsetBuffer::from_lengths([values.len()]);
            let list = ListArray::try_new(field, offsets, Arc::new(Float64Array::from(values)), None)?;
            Ok(ScalarValue::List(Arc::new(list)))
        };
        let [values, counts] = [&mut self.values, &mut self.numbers].map(std::mem::take);
        Ok(vec![list(values)?, list(counts)?, list(self.share.into_iter().collect())?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, counts, shares] = states else {
            return datafusion::common::internal_err!("a quantile of counts has three states");
        };
        let flat = |list: &ArrayRef| -> Vec<f64> {
            let parts = list.as_list::<i32>().iter().flatten();
            parts
                .flat_map(|part| part.as_primitive::<Float64Type>().iter().flatten().collect::<Vec<_>>())
                .collect()
        };
        self.values.extend(flat(values));
        self.numbers.extend(flat(counts));
        self.share = self.share.or_else(|| flat(shares).first().copied());
        Ok(())
    }
}

/// The value below which this share of the counts lies; values rise. Nothing where the counts are together not above 0.
fn quantile(counts: &[(f64, f64)], share: f64) -> Option<f64> {
    let mut sum = 0.0;
    let sums = counts.iter().map(|(_, count)| {
        sum += count;
        sum
    });
    let mut sums: Vec<f64> = sums.collect();
    let total = sums.last().copied().filter(|total| *total > 0.0)?;
    rising(&mut sums);
    // Of whole counts: the rank of the row, from 0, between two rows where it is not whole.
    let rank = share * (total - 1.0).max(0.0);
    let at = |rank: f64| {
        let place = sums.partition_point(|sum| *sum <= rank + 1e-9).min(counts.len() - 1);
        counts[place].0
    };
    let (below, above) = (at(rank.floor()), at(rank.ceil()));
    Some(below + (above - below) * rank.fract())
}

/// The nearest rising sequence, by squares: neighbours that fall are averaged until none do.
fn rising(values: &mut [f64]) {
    let mut pools: Vec<(f64, usize)> = Vec::with_capacity(values.len());
    for value in values.iter() {
        let (mut mean, mut len) = (*value, 1);
        while let Some((before, of)) = pools.last().copied().filter(|(before, _)| *before > mean) {
            mean = (before * of as f64 + mean * len as f64) / (of + len) as f64;
            len += of;
            pools.pop();
        }
        pools.push((mean, len));
    }
    let flat = pools.into_iter().flat_map(|(mean, len)| std::iter::repeat_n(mean, len));
    values.iter_mut().zip(flat).for_each(|(value, mean)| *value = mean);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `percentile_cont` of the rows themselves.
    fn of_rows(rows: &[f64], share: f64) -> f64 {
        let rank = share * (rows.len() - 1) as f64;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small
        let (below, above) = (rows[rank.floor() as usize], rows[rank.ceil() as usize]);
        below + (above - below) * rank.fract()
    }

    proptest! {
        #[test]
        fn of_whole_counts_it_is_the_rows_own(
            counts in prop::collection::vec(0_u8..5, 1..40),
            share in prop::sample::select(vec![0.0, 0.1, 0.25, 0.5, 0.9, 1.0]),
        ) {
            let values: Vec<(f64, f64)> =
                counts.iter().enumerate().map(|(at, n)| (at as f64 * 3.0 - 7.0, f64::from(*n))).collect();
            let times = values.iter().zip(&counts);
            let rows: Vec<f64> =
                times.flat_map(|((value, _), n)| std::iter::repeat_n(*value, usize::from(*n))).collect();
            match quantile(&values, share) {
                None => prop_assert!(rows.is_empty()),
                Some(found) => prop_assert!((found - of_rows(&rows, share)).abs() < 1e-6),
            }
        }

        #[test]
        fn rising_sums_are_left_and_others_are_pooled(values in prop::collection::vec(-9.0..9.0_f64, 0..30)) {
            let mut pooled = values.clone();
            rising(&mut pooled);
            prop_assert!(pooled.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9));
            prop_assert!((pooled.iter().sum::<f64>() - values.iter().sum::<f64>()).abs() < 1e-6);
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            let mut same = sorted.clone();
            rising(&mut same);
            prop_assert_eq!(same, sorted);
        }
    }

    #[test]
    fn where_there_is_nobody_there_is_no_quantile() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[(1.0, 0.0), (2.0, -3.0)], 0.5), None);
        assert_eq!(quantile(&[(1.0, 0.2)], 1.0), Some(1.0));
    }
}
