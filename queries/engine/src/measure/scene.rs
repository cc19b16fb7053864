//! Scene counts: persons observed by shift and area, over the rounds of a campaign.
//!
//! # Privacy
//! The unit is one individual in one campaign. The protocol sees an individual at most once a round, so over
//! the R rounds of a shift it adds at most 1 a round, to one area each: the vector of the shift's totals changes
//! by an L2 norm of at most R. (As a mean per count: at most 1.) The shifts are measured one by one, each with
//! an even part of ρ. What the plan itself enforces: only rounds in the public list of rounds count; of several
//! forms of one round, area and group the greatest counts; each is clamped to the policy's bounds. All three
//! are 1-Lipschitz in what one individual adds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Int64Type};
use datafusion::catalog::TableProvider;
use datafusion::functions_aggregate::min_max::max;
use datafusion::logical_expr::{Expr, col, lit};
use futures::StreamExt;
use skjerm_privacy::{Gaussian, Rho};

use super::request::{SceneArea, SceneMeasurement, SceneShift};
use crate::run::{Exact, Limits, RunError, RunSession};

/// The rounds held, by shift: the days since 1970. Public.
pub(crate) type Rounds = BTreeMap<String, BTreeSet<i32>>;

/// Reads the rounds of a campaign from the public table `count_round`.
pub(crate) async fn rounds(
    limits: &Limits,
    table: Arc<dyn TableProvider>,
    campaign: &str,
) -> Result<Rounds, RunError> {
    let plan = RunSession::scan("rounds", table)?
        .filter(col("campaign").eq(lit(campaign)))?
        .aggregate(vec![col("date"), col("shift")], Vec::<Expr>::new())?
        .build()?;
    let mut found = Rounds::new();
    let mut stream = RunSession::new(limits)?.stream(plan).await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let dates = batch.column_by_name("date").and_then(|c| c.as_primitive_opt::<Date32Type>());
        let shifts = batch.column_by_name("shift").and_then(|c| c.as_string_opt::<i32>());
        let (Some(dates), Some(shifts)) = (dates, shifts) else { return Err(RunError::Layout) };
        for (date, shift) in dates.iter().zip(shifts) {
            if let (Some(date), Some(shift)) = (date, shift) {
                found.entry(shift.to_owned()).or_default().insert(date);
            }
        }
    }
    Ok(found)
}

/// What is measured, from the policy and the public rounds.
pub(crate) struct SceneQuery {
    pub(crate) campaign: String,
    pub(crate) rounds: Rounds,
    pub(crate) areas: Vec<String>,
    /// Bounds of one form's number of persons.
    pub(crate) bounds: (i64, i64),
    /// ρ for each shift.
    pub(crate) each: Rho,
}

/// Exact totals by shift, in the order of the query's rounds.
pub(crate) struct ExactScene(Vec<Exact>);

/// Reads the observations of a campaign.
pub(crate) async fn read(
    limits: &Limits,
    table: Arc<dyn TableProvider>,
    query: &SceneQuery,
) -> Result<ExactScene, RunError> {
    let group = ["date", "shift", "area", "scene_age", "gender"].map(col).to_vec();
    let plan = RunSession::scan("forms", table)?
        .filter(col("campaign").eq(lit(query.campaign.as_str())))?
        .aggregate(group, vec![max(col("persons")).alias("seen")])?
        .build()?;
    let places: HashMap<&str, usize> =
        query.areas.iter().enumerate().map(|(at, a)| (a.as_str(), at)).collect();
    let mut totals: BTreeMap<&str, Vec<i64>> =
        query.rounds.keys().map(|shift| (shift.as_str(), vec![0; query.areas.len()])).collect();
    let mut stream = RunSession::new(limits)?.stream(plan).await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let dates = batch.column_by_name("date").and_then(|c| c.as_primitive_opt::<Date32Type>());
        let shifts = batch.column_by_name("shift").and_then(|c| c.as_string_opt::<i32>());
        let areas = batch.column_by_name("area").and_then(|c| c.as_string_opt::<i32>());
        let seen = batch.column_by_name("seen").and_then(|c| c.as_primitive_opt::<Int64Type>());
        let (Some(dates), Some(shifts), Some(areas), Some(seen)) = (dates, shifts, areas, seen) else {
            return Err(RunError::Layout);
        };
        for row in (0..batch.num_rows()).filter(|row| seen.is_valid(*row)) {
            let held =
                query.rounds.get(shifts.value(row)).is_some_and(|days| days.contains(&dates.value(row)));
            let place = places.get(areas.value(row)).filter(|_| held);
            let total = place.and_then(|place| totals.get_mut(shifts.value(row))?.get_mut(*place));
            if let Some(total) = total {
                let clamped = seen.value(row).clamp(query.bounds.0, query.bounds.1);
                *total = total.checked_add(clamped).ok_or(RunError::Overflow)?;
            }
        }
    }
    let exact = totals.into_iter().map(|(shift, totals)| {
        let rounds = query.rounds.get(shift).map_or(0, BTreeSet::len) as u64;
        crate::run::exact_of_units(totals, rounds)
    });
    Ok(ExactScene(exact.collect()))
}

impl ExactScene {
    /// Adds noise. Blocking; once, after the charge. The id is filled in by the caller.
    pub(crate) fn into_measurement(
        self,
        query: &SceneQuery,
        snapshot: String,
        rho: Rho,
    ) -> Result<SceneMeasurement, RunError> {
        let mut shifts = Vec::with_capacity(self.0.len());
        for ((shift, days), exact) in query.rounds.iter().zip(self.0) {
            let gaussian = Gaussian::for_rho(exact.l2(), query.each)?;
            let totals = exact.into_noised(&gaussian)?;
            let areas =
                query.areas.iter().zip(totals).map(|(area, total)| SceneArea { area: area.clone(), total });
            shifts.push(SceneShift {
                shift: shift.clone(),
                rounds: days.len() as u64,
                sigma_total: gaussian.sigma(),
                areas: areas.collect(),
            });
        }
        Ok(SceneMeasurement {
            answer_id: String::new(),
            snapshot,
            campaign: query.campaign.clone(),
            rho: rho.as_f64(),
            shifts,
        })
    }
}
