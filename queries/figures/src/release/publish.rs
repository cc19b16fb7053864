//! Measures a year, or a campaign of scene counts, once and publishes the document.

use std::collections::BTreeMap;

use skjerm_engine::measure::{MarginalsMeasurement, MarginalsRequest};
use skjerm_engine::{Caller, Engine, ErrorKind};
use skjerm_ledger::HistoryFilter;
use skjerm_privacy::Rho;
use skjerm_warehouse::Installation;

use super::assemble::{Imprint, assemble, request};
use super::document::Release;
use super::noise::NoisePlan;
use super::period::Period;
use super::plan::{self, check_rho};
use super::record;
use super::store::Store;
use crate::error::FiguresError;
use crate::json_stat;
use crate::workload::{Checked, Workload};

/// A file of this name in an installation says that its data are made up.
pub const SYNTHETIC_MARK: &str = "SYNTHETIC";

/// Which release is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What it is about.
    pub period: &'a Period,
    /// ρ of the whole release; `None` takes what `within` or the workload asks for, else all that the caller's share of the year or
    /// campaign has left.
    pub rho: Option<f64>,
    /// 95 % half-widths to be kept at the least ρ, by table; where there are none, those of the workload's file.
    pub within: Option<&'a BTreeMap<String, f64>>,
    /// Why it is published; kept in its record.
    pub reason: Option<&'a str>,
}

/// Publishes a release of a year or campaign, and notes in the ledger what was published, why, by whom, and at which risk ([`super::Record`]).
///
/// The same period, snapshot and workload again gives the stored release, at no cost.
///
/// # Privacy
/// One call of [`Engine::measure`], which charges before it reads, or none where the measurement is in the ledger; everything after works
/// on noised values. ρ is written down before the
/// measurement, so that a publication cut short is taken up with the same request, which the engine answers from the ledger for free.
pub async fn publish(
    engine: &Engine,
    caller: &Caller,
    installation: &Installation,
    workload: &Workload,
    wanted: &Wanted<'_>,
) -> Result<Release, FiguresError> {
    let Wanted { period, rho, within, reason } = *wanted;
    let policy = engine.policy();
    let workload = &period.workload(workload)?;
    let checked = Checked::new(workload, policy)?;
    json_stat::check_names(workload)?;
    let budget = period.budget(policy)?;
    if let Some(rho) = rho {
        check_rho(budget, rho)?;
    }
    let store = Store::open(installation);
    let snapshot = period.snapshot(engine, &workload.tables()).await?;
    let of_period = store.of_period(period)?;
    let earlier: Vec<&Release> =
        of_period.iter().filter(|release| release.workload.name == workload.name).collect();
    if let Some(stored) =
        earlier.iter().rev().find(|release| release.snapshot == snapshot && &release.workload == workload)
    {
        // It may have been cut short between the document and its record.
        record::write(engine, caller, stored, reason)?;
        return Ok((*stored).clone());
    }
    let noted = |error: &FiguresError| {
        engine.note_refusal(caller, "release", &format!("release of {}", period.name()), &error.to_string());
    };
    let widths = within.cloned().unwrap_or_else(|| workload.half_widths());
    // What a publication that was cut short had settled on: it may have been charged, and no later wish writes over it.
    let settled = store.intent(period, &workload.name, &snapshot);
    let noise = if rho.is_none() && !widths.is_empty() {
        // The same for the same wishes, whatever is left; and what a publication cut short has measured is paid.
        plan::check_wanted(workload, &widths).inspect_err(noted)?;
        let (least, _) = NoisePlan::least(workload, &checked, &widths)?;
        let asked = |_| Ok(request(workload, &checked, &least, period, None));
        let before = measured_before(engine, caller, (period, &snapshot), &asked)?;
        let left = match remaining(engine, caller, period) {
            Err(FiguresError::Exhausted { .. }) => 0.0,
            left => left?,
        };
        let left = left.max(before.map_or(0.0, |paid| paid.rho));
        let price = least.rho.as_f64();
        // The engine says whether it was charged.
        let left = if settled == Some(price) { left.max(price) } else { left };
        Ok((plan::within(workload, &checked, &widths, left).inspect_err(noted)?, price))
    } else {
        let named = rho.or(settled).or(workload.rho);
        named
            .map_or_else(|| remaining(engine, caller, period), Ok)
            .and_then(|rho| Ok((NoisePlan::new(workload, &checked, check_rho(budget, rho)?)?, rho)))
    };
    let measurement = match noise {
        Ok((noise, rho)) => {
            if settled.is_none() {
                store.note_intent(period, &workload.name, &snapshot, rho)?;
            }
            let measured = engine.measure(caller, &request(workload, &checked, &noise, period, reason)).await;
            measured.inspect_err(|error| {
                // Refused before the charge: of this wish there is nothing to be taken up.
                let refused =
                    matches!(error.kind, ErrorKind::Refused | ErrorKind::Exhausted | ErrorKind::NotPermitted);
                if refused && settled.is_none() {
                    store.forget_intent(period, &workload.name);
                }
            })?
        }
        Err(spent @ FiguresError::Exhausted { .. }) => {
            let asked = |rho| {
                let noise = NoisePlan::new(workload, &checked, Rho::from_f64_up(rho)?)?;
                Ok(request(workload, &checked, &noise, period, None))
            };
            measured_before(engine, caller, (period, &snapshot), &asked)?.ok_or(spent).inspect_err(noted)?
        }
        Err(error) => return Err(error),
    };
    let patrols = match period.campaign {
        None => Some(engine.patrols(period.year).await?),
        Some(_) => None,
    };
    let imprint = Imprint {
        campaign: period.campaign.clone(),
        of_same_data: of_period.iter().filter(|release| release.snapshot == measurement.snapshot).collect(),
        revision: earlier.last().map_or(1, |release| release.revision + 1),
        supersedes: earlier.last().map(|release| release.id.clone()),
        synthetic: installation.root().join(SYNTHETIC_MARK).exists(),
        published: jiff::Zoned::now().date().to_string(),
    };
    let release = assemble(policy, workload, &measurement, patrols.as_ref(), imprint)?;
    record::require_checks(engine, caller, &release)?;
    let release = store.save(release, policy)?;
    store.forget_intent(period, &workload.name);
    record::write(engine, caller, &release, reason)?;
    Ok(release)
}

/// What the caller's share of the budget has left.
fn remaining(engine: &Engine, caller: &Caller, period: &Period) -> Result<f64, FiguresError> {
    let exhausted = || {
        FiguresError::Exhausted {
        message: format!("the share \"{}\" of the budget of {} is spent", caller.share(), period.name()),
        hint: Some("a budget is never refilled; `skjerm release list` shows what is published, which stays free to use".to_owned()),
    }
    };
    let left = engine.remaining(caller, &period.block())?;
    // What rounding leaves over buys no figure.
    if left.as_f64() < engine.policy().query.min_rho { Err(exhausted()) } else { Ok(left.as_f64()) }
}

/// The last measurement of this period and snapshot that says what would be `asked` for its price: where the share is spent, the
/// release's document may have been lost. It is taken from the ledger and not planned again: rounding may have made the price less
/// than the plan was given, and a plan for that price is another one.
fn measured_before(
    engine: &Engine,
    caller: &Caller,
    (period, snapshot): (&Period, &str),
    asked: &dyn Fn(f64) -> Result<MarginalsRequest, FiguresError>,
) -> Result<Option<MarginalsMeasurement>, FiguresError> {
    let filter = HistoryFilter {
        block: Some(period.block()),
        kind: Some("charge".to_owned()),
        who: Some(caller.name().to_owned()),
        ..HistoryFilter::default()
    };
    for entry in engine.history(caller, &filter)?.into_iter().rev() {
        let same = entry.details["what"] == "release" && entry.details["snapshot"] == snapshot;
        let Some(id) = entry.answer.filter(|_| same) else { continue };
        let Some(stored) = engine.stored_answer(&id)? else { continue };
        let mut measured = serde_json::from_str::<MarginalsMeasurement>(&stored.body).map_err(|error| {
            FiguresError::Fault(format!("the stored measurement {id} cannot be read: {error}"))
        })?;
        let asked = without_noise(&asked(measured.rho)?);
        if measured.request.as_ref().is_some_and(|request| without_noise(request) == asked) {
            measured.answer_id = stored.id;
            return Ok(Some(measured));
        }
    }
    Ok(None)
}

/// What is asked, however exactly and whatever for.
fn without_noise(request: &MarginalsRequest) -> MarginalsRequest {
    let mut bare = MarginalsRequest { purpose: String::new(), reason: None, ..request.clone() };
    bare.themes.iter_mut().flat_map(|theme| &mut theme.measured).for_each(|(_, sigma)| *sigma = 0.0);
    bare.distinct.iter_mut().for_each(|distinct| distinct.sigma = 0.0);
    bare
}
