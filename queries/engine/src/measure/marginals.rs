//! A release's marginals: one pass over a year's persons, one table of counts a measured marginal.
//!
//! # Privacy
//! The inner aggregation keeps one row a person (the least of each column's values, whatever the data holds).
//! In each theme that person is in one cell of each marginal, or in none, so adding or removing one person-year
//! changes each marginal by an L2 norm of at most 1. A number of different codes changes by at most 1, since
//! that person has one code. Each is noised on its own, and the prices add up (composition of zCDP).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use datafusion::catalog::TableProvider;
use datafusion::functions_aggregate::min_max::min;
use datafusion::logical_expr::{LogicalPlan, col, lit};
use futures::StreamExt;
use skjerm_privacy::{Gaussian, Rho};
use skjerm_warehouse::policy::{ColumnRole, Policy, Table};

use super::request::{
    Dim, Distinct, MarginalsMeasurement, MarginalsRequest, MeasuredDistinct, MeasuredMarginal, MeasuredTheme,
    Theme,
};
use crate::error::EngineError;
use crate::run::{Exact, Limits, RunError, RunSession, units};

/// The table that releases measure.
pub(crate) const TABLE: &str = "person_year";
/// The most cells of one marginal.
const MAX_CELLS: usize = 1 << 20;

/// Checks a request against the policy and says what it costs. Sees no data.
pub(crate) fn price(policy: &Policy, request: &MarginalsRequest) -> Result<Rho, EngineError> {
    let table =
        policy.table(TABLE).ok_or_else(|| EngineError::fault("The policy has no table person_year."))?;
    if !policy.years.contains(request.year) {
        return Err(EngineError::refused(format!("The policy declares no year {}.", request.year))
            .with_hint(format!("Its years are {} to {}.", policy.years.first, policy.years.last)));
    }
    let mut total = Rho::ZERO;
    let mut pay = |sigma: f64| {
        let gaussian = Gaussian::for_sigma(1, sigma).map_err(|e| EngineError::refused(e.to_string()))?;
        total = total
            .checked_add(gaussian.rho())
            .ok_or_else(|| EngineError::refused("The request costs more than any budget holds."))?;
        Ok::<_, EngineError>(())
    };
    for theme in &request.themes {
        check_filter(policy, table, &theme.filter)?;
        for dim in &theme.dims {
            check_dim(policy, table, dim)?;
        }
        for (dims, sigma) in &theme.measured {
            cells(theme, dims)?;
            pay(*sigma)?;
        }
    }
    for distinct in &request.distinct {
        check_filter(policy, table, &distinct.filter)?;
        codes(policy, table, &distinct.column)?;
        pay(distinct.sigma)?;
    }
    if total.is_zero() {
        return Err(EngineError::refused("The request measures nothing."));
    }
    Ok(total)
}

/// Mechanism and scales, for the ledger.
pub(crate) fn noise_in_words(request: &MarginalsRequest) -> String {
    let themes = request.themes.iter().map(|theme| {
        let sigmas: Vec<String> = theme.measured.iter().map(|(_, sigma)| format!("{sigma:.3}")).collect();
        format!("{}: σ {}", theme.name, sigmas.join(", "))
    });
    let distinct = request.distinct.iter().map(|figure| format!("{}: σ {:.3}", figure.name, figure.sigma));
    format!("discrete Gaussian on each marginal; {}", themes.chain(distinct).collect::<Vec<_>>().join("; "))
}

fn codes<'a>(policy: &'a Policy, table: &Table, column: &str) -> Result<Vec<&'a str>, EngineError> {
    let list = table.column(column).and_then(|c| match &c.role {
        ColumnRole::Dimension { codes } => policy.code_list(codes),
        _ => None,
    });
    let list =
        list.ok_or_else(|| EngineError::refused(format!("{TABLE} has no coded column `{column}`.")))?;
    Ok(list.codes.iter().map(|code| code.code.as_str()).collect())
}

fn check_filter(policy: &Policy, table: &Table, filter: &[(String, Vec<String>)]) -> Result<(), EngineError> {
    for (column, wanted) in filter {
        let known = codes(policy, table, column)?;
        if let Some(code) = wanted.iter().find(|code| !known.contains(&code.as_str())) {
            return Err(EngineError::refused(format!("'{code}' is no code of `{column}`.")));
        }
    }
    Ok(())
}

fn check_dim(policy: &Policy, table: &Table, dim: &Dim) -> Result<(), EngineError> {
    let mut left: BTreeSet<&str> = codes(policy, table, &dim.column)?.into_iter().collect();
    for code in dim.groups.iter().flat_map(|(_, codes)| codes) {
        if !left.remove(code.as_str()) {
            return Err(EngineError::refused(format!(
                "In `{}` the code '{code}' of `{}` is unknown or in two groups.",
                dim.name, dim.column
            )));
        }
    }
    match left.first() {
        Some(code) => Err(EngineError::refused(format!(
            "In `{}` no group holds the code '{code}' of `{}`; every code must be in one.",
            dim.name, dim.column
        ))),
        None => Ok(()),
    }
}

fn cells(theme: &Theme, dims: &[usize]) -> Result<usize, EngineError> {
    let ascending = dims.windows(2).all(|pair| pair[0] < pair[1]);
    let sizes: Option<Vec<usize>> =
        dims.iter().map(|d| theme.dims.get(*d).map(|dim| dim.groups.len())).collect();
    let (true, Some(sizes)) = (ascending, sizes) else {
        return Err(EngineError::refused(format!(
            "A marginal of `{}` names its dims out of order.",
            theme.name
        )));
    };
    let cells = sizes.iter().try_fold(1_usize, |n, size| n.checked_mul(*size)).filter(|n| *n <= MAX_CELLS);
    cells.ok_or_else(|| EngineError::refused(format!("A marginal of `{}` has too many cells.", theme.name)))
}

/// The exact counts of a request, each in its [`Exact`].
pub(crate) struct ExactMarginals {
    themes: Vec<Vec<Exact>>,
    distinct: Vec<Exact>,
}

/// One row a person of the year, ordered by person, with the columns that the request looks at.
pub(crate) fn private_plan(
    table: Arc<dyn TableProvider>,
    request: &MarginalsRequest,
) -> Result<LogicalPlan, RunError> {
    let mut columns: BTreeSet<&str> = BTreeSet::new();
    for theme in &request.themes {
        columns.extend(theme.filter.iter().map(|(column, _)| column.as_str()));
        columns.extend(theme.dims.iter().map(|dim| dim.column.as_str()));
    }
    for distinct in &request.distinct {
        columns.extend(distinct.filter.iter().map(|(column, _)| column.as_str()));
        columns.insert(&distinct.column);
    }
    let kept: Vec<_> = columns.iter().map(|c| min(col(*c)).alias(format!("kept_{c}"))).collect();
    Ok(RunSession::scan("rows", table)?
        .filter(col("year").eq(lit(i64::from(request.year))))?
        .aggregate(vec![col("year"), col("person")], kept)?
        .sort(vec![col("year").sort(true, false), col("person").sort(true, false)])?
        .build()?)
}

/// Reads the persons of the year once and counts.
pub(crate) async fn read(
    limits: &Limits,
    table: Arc<dyn TableProvider>,
    request: &MarginalsRequest,
) -> Result<ExactMarginals, RunError> {
    let session = RunSession::new(limits)?;
    let plan = private_plan(table, request)?;
    let mut tallies: Vec<ThemeTally<'_>> = request.themes.iter().map(ThemeTally::new).collect();
    let mut distinct: Vec<DistinctTally<'_>> = request.distinct.iter().map(DistinctTally::new).collect();
    let mut stream = session.stream(plan).await?;
    let mut before = None;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        // Sensitivity 1 rests on it: that files are split and ordered is only declared to DataFusion.
        for unit in units(&batch)? {
            if before.replace(unit).is_some_and(|before| before >= unit) {
                return Err(RunError::Unordered);
            }
        }
        for tally in &mut tallies {
            tally.add(&batch)?;
        }
        for tally in &mut distinct {
            tally.add(&batch)?;
        }
    }
    Ok(ExactMarginals {
        themes: tallies
            .into_iter()
            .map(|tally| {
                tally.counts.into_iter().map(|counts| crate::run::exact_of_units(counts, 1)).collect()
            })
            .collect(),
        distinct: distinct.into_iter().map(DistinctTally::finish).collect(),
    })
}

fn strings<'b>(batch: &'b RecordBatch, column: &str) -> Result<&'b StringArray, RunError> {
    let found = batch.column_by_name(&format!("kept_{column}")).and_then(|c| c.as_string_opt::<i32>());
    found.ok_or(RunError::Layout)
}

/// For each person whether the filter lets it pass.
fn passing(batch: &RecordBatch, filter: &[(String, Vec<String>)]) -> Result<Vec<bool>, RunError> {
    let mut pass = vec![true; batch.num_rows()];
    for (column, codes) in filter {
        let values = strings(batch, column)?;
        for (row, pass) in pass.iter_mut().enumerate() {
            *pass = *pass && values.is_valid(row) && codes.iter().any(|code| code == values.value(row));
        }
    }
    Ok(pass)
}

struct ThemeTally<'a> {
    theme: &'a Theme,
    /// For each dim, the group of each code.
    groups: Vec<HashMap<&'a str, usize>>,
    counts: Vec<Vec<i64>>,
}

impl<'a> ThemeTally<'a> {
    fn new(theme: &'a Theme) -> Self {
        let groups = theme.dims.iter().map(|dim| {
            let numbered = dim.groups.iter().enumerate();
            numbered.flat_map(|(at, (_, codes))| codes.iter().map(move |code| (code.as_str(), at))).collect()
        });
        let size = |dims: &[usize]| dims.iter().map(|d| theme.dims[*d].groups.len()).product();
        Self {
            theme,
            groups: groups.collect(),
            counts: theme.measured.iter().map(|(dims, _)| vec![0; size(dims)]).collect(),
        }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), RunError> {
        let pass = passing(batch, &self.theme.filter)?;
        let mut places: Vec<Vec<Option<usize>>> = Vec::with_capacity(self.theme.dims.len());
        for (dim, groups) in self.theme.dims.iter().zip(&self.groups) {
            let column = strings(batch, &dim.column)?;
            places.push(column.iter().map(|code| code.and_then(|code| groups.get(code).copied())).collect());
        }
        for ((dims, _), counts) in self.theme.measured.iter().zip(&mut self.counts) {
            for (row, _) in pass.iter().enumerate().filter(|(_, pass)| **pass) {
                // A code outside the closed list is in no cell.
                let cell = dims.iter().try_fold(0, |at, dim| {
                    places[*dim][row].map(|place| at * self.theme.dims[*dim].groups.len() + place)
                });
                if let Some(count) = cell.and_then(|cell| counts.get_mut(cell)) {
                    *count += 1;
                }
            }
        }
        Ok(())
    }
}

struct DistinctTally<'a> {
    distinct: &'a Distinct,
    seen: BTreeSet<String>,
}

impl<'a> DistinctTally<'a> {
    fn new(distinct: &'a Distinct) -> Self {
        Self { distinct, seen: BTreeSet::new() }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), RunError> {
        let pass = passing(batch, &self.distinct.filter)?;
        let column = strings(batch, &self.distinct.column)?;
        for (code, _) in column.iter().zip(pass).filter(|(_, pass)| *pass) {
            if let Some(code) = code.filter(|code| !self.seen.contains(*code)) {
                self.seen.insert(code.to_owned());
            }
        }
        Ok(())
    }

    fn finish(self) -> Exact {
        let excluded = &self.distinct.excluding;
        let count = self.seen.iter().filter(|code| !excluded.contains(code)).count();
        crate::run::exact_of_units(vec![i64::try_from(count).unwrap_or(i64::MAX)], 1)
    }
}

impl ExactMarginals {
    /// Adds noise. Blocking; once, after the charge. The ids are filled in by the caller.
    pub(crate) fn into_measurement(
        self,
        request: &MarginalsRequest,
        snapshot: String,
        rho: Rho,
    ) -> Result<MarginalsMeasurement, RunError> {
        let mut themes = Vec::with_capacity(self.themes.len());
        for (theme, exact) in request.themes.iter().zip(self.themes) {
            let mut measured = Vec::with_capacity(exact.len());
            for ((dims, sigma), exact) in theme.measured.iter().zip(exact) {
                let values = exact.into_noised(&Gaussian::for_sigma(1, *sigma)?)?;
                measured.push(MeasuredMarginal { dims: dims.clone(), sigma: *sigma, values });
            }
            themes.push(MeasuredTheme { name: theme.name.clone(), measured });
        }
        let mut distinct = Vec::with_capacity(self.distinct.len());
        for (wanted, exact) in request.distinct.iter().zip(self.distinct) {
            let values = exact.into_noised(&Gaussian::for_sigma(1, wanted.sigma)?)?;
            let value = values.first().copied().ok_or(RunError::Layout)?;
            distinct.push(MeasuredDistinct { name: wanted.name.clone(), sigma: wanted.sigma, value });
        }
        Ok(MarginalsMeasurement {
            answer_id: String::new(),
            snapshot,
            year: request.year,
            rho: rho.as_f64(),
            themes,
            distinct,
            request: Some(request.clone()),
        })
    }
}

/// What makes two requests the same: everything but the purpose.
pub(crate) fn canonical(request: &MarginalsRequest) -> Result<String, serde_json::Error> {
    let same = BTreeMap::from([
        ("distinct", serde_json::to_value(&request.distinct)?),
        ("themes", serde_json::to_value(&request.themes)?),
        ("year", serde_json::to_value(request.year)?),
    ]);
    serde_json::to_string(&same)
}
