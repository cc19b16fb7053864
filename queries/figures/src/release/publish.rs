//! Measures a year once and publishes the document.

use skjerm_engine::{Caller, Engine};
use skjerm_warehouse::Installation;

use super::assemble::{Imprint, assemble, request};
use super::document::Release;
use super::noise::NoisePlan;
use super::plan::{FAMILY, check_rho, check_year};
use super::store::Store;
use crate::error::FiguresError;
use crate::workload::{Checked, Workload};

/// Publishes the release of `year`.
///
/// The same year, snapshot and workload again gives the stored release, at no cost. Without `rho` the release takes all that the
/// caller's share of the year's budget has left.
///
/// # Privacy
/// One call of [`Engine::measure`], which charges before it reads; everything after works on noised values. ρ is written down before the
/// measurement, so that a publication cut short is taken up with the same request, which the engine answers from the ledger for free.
pub async fn publish(
    engine: &Engine,
    caller: &Caller,
    installation: &Installation,
    workload: &Workload,
    year: i32,
    rho: Option<f64>,
) -> Result<Release, FiguresError> {
    let policy = engine.policy();
    let checked = Checked::new(workload, policy)?;
    let budget = check_year(policy, year)?;
    if let Some(rho) = rho {
        check_rho(budget, rho)?;
    }
    let store = Store::open(installation);
    let snapshot = engine.year_id(year).await?;
    let earlier = store.of_year(year)?;
    if let Some(stored) =
        earlier.iter().rev().find(|release| release.snapshot == snapshot && &release.workload == workload)
    {
        return Ok(stored.clone());
    }
    let rho = match rho.or_else(|| store.intent(year, &snapshot)) {
        Some(rho) => rho,
        None => remaining(engine, caller, year)?,
    };
    let noise = NoisePlan::new(workload, &checked, check_rho(budget, rho)?)?;
    store.note_intent(year, &snapshot, rho)?;
    let measurement = engine.measure(caller, &request(workload, &checked, &noise, year)).await?;
    let patrols = engine.patrols(year).await?;
    let imprint = Imprint {
        revision: earlier.last().map_or(1, |release| release.revision + 1),
        published: jiff::Zoned::now().date().to_string(),
    };
    let release = assemble(policy, workload, &measurement, Some(&patrols), imprint)?;
    let release = store.save(release, policy)?;
    store.forget_intent(year);
    Ok(release)
}

/// What the caller's share of the year has left.
fn remaining(engine: &Engine, caller: &Caller, year: i32) -> Result<f64, FiguresError> {
    let exhausted = || {
        FiguresError::Exhausted {
        message: format!("the share \"{}\" of the budget of {year} is spent", caller.share()),
        hint: Some("a year's budget is never refilled; `skjerm release list` shows what is published, which stays free to use".to_owned()),
    }
    };
    let blocks = engine.budget()?;
    let name = year.to_string();
    let block = blocks
        .iter()
        .find(|status| status.block.family == FAMILY && status.block.name == name)
        .ok_or_else(exhausted)?;
    let share = block.shares.iter().find(|share| share.name == caller.share()).ok_or_else(exhausted)?;
    let left = share.left.min(block.left);
    // What rounding leaves over buys no figure.
    if left.as_f64() < engine.policy().query.min_rho { Err(exhausted()) } else { Ok(left.as_f64()) }
}
