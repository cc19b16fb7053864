//! What the planned releases of a year still need of its budget. Reads the ledger, the releases and the names of files; no row.

use serde::Serialize;
use skjerm_engine::Engine;
use skjerm_warehouse::Installation;

use crate::error::FiguresError;
use crate::release::{self, Store};
use crate::workload::Workload;

/// Family whose blocks are years, and the share that releases are paid from.
const FAMILY: &str = "persons";
const SHARE: &str = "releases";

/// A year, its budget, and its planned releases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct YearForecast {
    /// Calendar year.
    pub year: i32,
    /// ρ of the year.
    pub rho_limit: f64,
    /// ρ spent by everybody.
    pub rho_spent: f64,
    /// ρ that the releases' share has left.
    pub releases_left: f64,
    /// The planned releases.
    pub planned: Vec<PlannedRelease>,
    /// ρ that is left for questions when all of them are published.
    pub left_for_questions: f64,
}

/// A planned release of a year.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedRelease {
    /// Name of the workload.
    pub workload: String,
    /// Whether it is published, due, or cannot be afforded.
    pub state: State,
    /// The release in force, if there is one.
    pub release: Option<String>,
    /// Whether the year's rows changed since it was published: a revision would need a budget again.
    pub changed_since: bool,
    /// ρ that it still needs.
    pub needs: f64,
    /// 95 % half-width of a cell, widest table, at that ρ.
    pub half_width: Option<f64>,
}

/// How a planned release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Published.
    Published,
    /// Not published yet; its share suffices.
    Due,
    /// Not published, and nothing is left for it.
    Unaffordable,
}

/// The forecast for every year of the policy.
///
/// A release takes what its share has left ([`crate::release::publish`] without ρ), so that is what a due one needs.
pub async fn forecast(
    engine: &Engine,
    installation: &Installation,
) -> Result<Vec<YearForecast>, FiguresError> {
    let store = Store::open(installation);
    let policy = engine.policy();
    let workload = Workload::key_figures();
    let mut years = Vec::new();
    for status in engine.budget()?.iter().filter(|status| status.block.family == FAMILY) {
        let Ok(year) = status.block.name.parse::<i32>() else { continue };
        let releases_left =
            status.shares.iter().find(|share| share.name == SHARE).map_or(0.0, |share| share.left.as_f64());
        let published = store.latest(year)?.filter(|release| release.workload.name == workload.name);
        let affordable = releases_left >= policy.query.min_rho;
        let (state, needs) = match &published {
            Some(_) => (State::Published, 0.0),
            None if affordable => (State::Due, releases_left),
            None => (State::Unaffordable, releases_left),
        };
        let changed_since = match &published {
            Some(release) => engine.year_id(year).await? != release.snapshot,
            None => false,
        };
        let half_width = if state == State::Due {
            let plan = release::plan(policy, &workload, year, releases_left)?;
            plan.tables.iter().map(|table| table.half_width).reduce(f64::max)
        } else {
            None
        };
        let planned = PlannedRelease {
            workload: workload.name.clone(),
            state,
            release: published.map(|release| release.id),
            changed_since,
            needs,
            half_width,
        };
        years.push(YearForecast {
            year,
            rho_limit: status.limit.as_f64(),
            rho_spent: status.spent.as_f64(),
            releases_left,
            // Whole billionths: what a float adds behind them is no budget.
            left_for_questions: ((status.left.as_f64() - needs).max(0.0) * 1e9).round() / 1e9,
            planned: vec![planned],
        });
    }
    Ok(years)
}
