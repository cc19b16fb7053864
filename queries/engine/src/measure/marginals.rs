//! A release's marginals: one pass over a year's persons (or a campaign's forms), one table of counts a measured marginal.
//!
//! # Privacy
//! The inner aggregation keeps one row a person (the least of each column's values, whatever the data holds).
//! In each theme of `person_year` that person is in one cell of each marginal, or in none, so adding or removing one person-year
//! changes each marginal by an L2 norm of at most 1, and what is measured of it by what the theme's domain says
//! ([`Domain::sensitivity_squared`]); for themes of events see [`super::events`], of sums [`super::sums`], of campaigns [`super::campaign`]. A number of different codes changes by at most
//! 1, since that person has one code. Each is noised on its own, and the prices add up (composition of zCDP).
//!
//! [`Domain::sensitivity_squared`]: skjerm_privacy::marginals::Domain::sensitivity_squared

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use datafusion::catalog::TableProvider;
use datafusion::functions_aggregate::min_max::min;
use datafusion::logical_expr::{LogicalPlan, col, lit};
use futures::StreamExt;
use skjerm_privacy::marginals::Marginal;
use skjerm_privacy::{Gaussian, Rho};
use skjerm_warehouse::policy::Policy;

use super::campaign::{self, Campaign};
use super::request::{
    Distinct, MarginalsMeasurement, MarginalsRequest, MeasuredDistinct, MeasuredMarginal, MeasuredTheme,
    Theme,
};
use super::{events, sums};
use crate::run::{Exact, Limits, RunError, RunSession, units};

/// The table that releases measure.
pub(crate) const TABLE: &str = "person_year";
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
    for theme in request.themes.iter().filter(|theme| theme.events.is_none()) {
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

/// The tables that a request reads.
pub(crate) fn tables(request: &MarginalsRequest) -> BTreeSet<&str> {
    let persons = request.themes.iter().any(|theme| theme.events.is_none()) || !request.distinct.is_empty();
    let events = request.themes.iter().filter_map(|theme| theme.events.as_deref());
    events.chain(persons.then_some(TABLE)).collect()
}

/// Reads the persons of the year once, and the events of each theme that wants some, and counts; of a campaign, its forms.
pub(crate) async fn read(
    policy: &Policy,
    limits: &Limits,
    tables: &BTreeMap<String, Arc<dyn TableProvider>>,
    request: &MarginalsRequest,
    counted: Option<&Campaign>,
) -> Result<ExactMarginals, RunError> {
    let session = RunSession::new(limits)?;
    let mut tallies: Vec<ThemeTally<'_>> =
        request.themes.iter().filter(|theme| theme.events.is_none()).map(ThemeTally::new).collect();
    let mut distinct: Vec<DistinctTally<'_>> = request.distinct.iter().map(DistinctTally::new).collect();
    if let Some(table) = tables.get(TABLE) {
        let mut stream = session.stream(private_plan(Arc::clone(table), request)?).await?;
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
    }
    let mut persons = tallies.into_iter();
    let mut themes = Vec::with_capacity(request.themes.len());
    for theme in &request.themes {
        let counts = match &theme.events {
            None => persons.next().ok_or(RunError::Layout)?.counts,
            Some(name) => {
                let table = tables.get(name).ok_or(RunError::Layout)?;
                match counted {
                    Some(counted) => campaign::read(&session, Arc::clone(table), counted, theme).await?,
                    None if theme.adds_up() => {
                        let declared = policy.table(name).ok_or(RunError::Layout)?;
                        sums::read(&session, Arc::clone(table), declared, request.year, theme).await?
                    }
                    None => events::read(&session, Arc::clone(table), request.year, theme).await?,
                }
            }
        };
        let domain = theme.domain()?;
        let exact = theme.measured.iter().zip(counts).map(|((dims, _), counts)| {
            Exact::of_marginal(&domain, &Marginal::new(dims.iter().copied()), theme.form, counts)
        });
        themes.push(exact.collect::<Result<_, _>>()?);
    }
    Ok(ExactMarginals { themes, distinct: distinct.into_iter().map(DistinctTally::finish).collect() })
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

/// For each dim, the group of each code.
pub(super) fn groups(theme: &Theme) -> Vec<HashMap<&str, usize>> {
    let of_dim = theme.dims.iter().map(|dim| {
        let numbered = dim.groups.iter().enumerate();
        numbered.flat_map(|(at, (_, codes))| codes.iter().map(move |code| (code.as_str(), at))).collect()
    });
    of_dim.collect()
}

/// Nothing counted yet, for each measured marginal.
pub(super) fn empty(theme: &Theme) -> Vec<Vec<i64>> {
    let size = |dims: &[usize]| dims.iter().map(|d| theme.dims[*d].groups.len()).product();
    theme.measured.iter().map(|(dims, _)| vec![0; size(dims)]).collect()
}

/// The cell of a marginal, row-major; none where a code is in no group.
pub(super) fn cell(theme: &Theme, dims: &[usize], place: impl Fn(usize) -> Option<usize>) -> Option<usize> {
    dims.iter().try_fold(0, |at, dim| Some(at * theme.dims[*dim].groups.len() + place(*dim)?))
}

struct ThemeTally<'a> {
    theme: &'a Theme,
    groups: Vec<HashMap<&'a str, usize>>,
    counts: Vec<Vec<i64>>,
}

impl<'a> ThemeTally<'a> {
    fn new(theme: &'a Theme) -> Self {
        Self { theme, groups: groups(theme), counts: empty(theme) }
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
                let cell = cell(self.theme, dims, |dim| places[dim][row]);
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
            let domain = theme.domain()?;
            let mut measured = Vec::with_capacity(exact.len());
            for ((dims, sigma), exact) in theme.measured.iter().zip(exact) {
                let l2_squared =
                    domain.sensitivity_squared(&Marginal::new(dims.iter().copied()), theme.form)?;
                let values = exact.into_noised(&Gaussian::for_sigma_squared(l2_squared, *sigma)?)?;
                measured.push(MeasuredMarginal { dims: dims.clone(), sigma: *sigma, values });
            }
            themes.push(MeasuredTheme { name: theme.name.clone(), form: theme.form, measured });
        }
        let mut distinct = Vec::with_capacity(self.distinct.len());
        for (wanted, exact) in request.distinct.iter().zip(self.distinct) {
            let values = exact.into_noised(&Gaussian::for_sigma_squared(1, wanted.sigma)?)?;
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

/// What makes two requests the same: everything but the purpose. Of a campaign also which rounds count, and how far.
pub(crate) fn canonical(
    request: &MarginalsRequest,
    counted: Option<&Campaign>,
) -> Result<String, serde_json::Error> {
    let mut same = BTreeMap::from([
        ("distinct", serde_json::to_value(&request.distinct)?),
        ("themes", serde_json::to_value(&request.themes)?),
        ("year", serde_json::to_value(request.year)?),
    ]);
    if let Some(Campaign { code, rounds, bounds }) = counted {
        same.insert("campaign", serde_json::to_value((code, rounds, bounds))?);
    }
    serde_json::to_string(&same)
}
