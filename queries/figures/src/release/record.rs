//! The record of a release: what left, why, by whom, at which risk, and which checks it passed.
//!
//! It is an entry of the ledger, in the manner of ACRO (Green, Ritchie and Smith, "ACRO: a multi-language toolkit for
//! supporting automated checking of research outputs", 2023), which keeps for every output of a secure environment its
//! command, its risk and its status for the one who answers for it.

use serde::{Deserialize, Serialize};
use skjerm_engine::{Caller, Engine};
use skjerm_ledger::{EntryState, EventKind, HistoryFilter};
use skjerm_warehouse::policy::Policy;

use super::assemble::is_sure;
use super::document::Release;
use crate::error::FiguresError;
use crate::text::{Display, Text};

/// The record of a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// In one line.
    pub what: String,
    /// Id of the release.
    pub release: String,
    /// Calendar year.
    pub year: i32,
    /// 1 for the first release of the year.
    pub revision: u32,
    /// Name and version of the workload.
    pub workload: String,
    /// How many tables.
    pub tables: usize,
    /// How many cells in all of them.
    pub cells: usize,
    /// How many of the cells are shown as ":".
    pub suppressed: usize,
    /// Why it was published.
    pub reason: Option<String>,
    /// Who published it.
    pub by: String,
    /// Day of publication.
    pub published: String,
    /// The measurement in the ledger.
    pub answer: String,
    /// The snapshot it was measured on.
    pub snapshot: String,
    /// ρ of the release.
    pub rho: f64,
    /// The same as ε at `delta`.
    pub epsilon: f64,
    /// δ of the year's budget.
    pub delta: f64,
    /// ε of all that has been spent of the year so far.
    pub epsilon_year: f64,
    /// ε of all that has been spent of all years, for somebody who is in each.
    pub epsilon_all_years: f64,
    /// What an attacker may still learn.
    pub risk: Vec<Text>,
    /// What was checked before it left.
    pub checks: Vec<Check>,
    /// `pass` if every check passed, else `fail`.
    pub status: String,
}

/// One check of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub what: Text,
    /// Whether it holds.
    pub passed: bool,
}

/// The record of a release, as the ledger has it. Role `release` or `steward`.
pub fn record_of(engine: &Engine, caller: &Caller, id: &str) -> Result<Option<Record>, FiguresError> {
    let kind = Some(EventKind::Release.as_str().to_owned());
    let entries = engine.history(caller, &HistoryFilter { kind, ..HistoryFilter::default() })?;
    let entry = entries.into_iter().rev().find(|entry| entry.details["release"] == id);
    let read = |entry: skjerm_ledger::Entry| {
        serde_json::from_value(entry.details).map_err(|error| {
            FiguresError::Fault(format!(
                "entry {} of the ledger is no record of a release ({error})",
                entry.id
            ))
        })
    };
    entry.map(read).transpose()
}

/// Refuses a release that does not pass its checks, before it is published.
pub(crate) fn require_checks(
    engine: &Engine,
    caller: &Caller,
    release: &Release,
) -> Result<(), FiguresError> {
    require(checks(release, engine.policy(), is_charged(engine, caller, release)?))
}

fn require(checks: Vec<Check>) -> Result<(), FiguresError> {
    match checks.into_iter().find(|check| !check.passed) {
        Some(failed) => Err(FiguresError::Fault(format!(
            "a check of the release failed ({}); nothing was published",
            failed.what.en
        ))),
        None => Ok(()),
    }
}

/// Writes the record of a published release into the ledger, once.
pub(crate) fn write(
    engine: &Engine,
    caller: &Caller,
    release: &Release,
    reason: Option<&str>,
) -> Result<(), FiguresError> {
    if record_of(engine, caller, &release.id)?.is_some() {
        return Ok(());
    }
    let record = record(engine, caller, release, reason)?;
    let details = serde_json::to_value(&record).map_err(|error| {
        FiguresError::Fault(format!("the record of a release cannot be written: {error}"))
    })?;
    engine.record(caller, EventKind::Release, &details)?;
    Ok(())
}

fn record(
    engine: &Engine,
    caller: &Caller,
    release: &Release,
    reason: Option<&str>,
) -> Result<Record, FiguresError> {
    let block = release.period().block();
    let blocks = engine.budget()?;
    let of_year = blocks.iter().find(|status| status.block == block);
    let epsilon_year = of_year.map_or(0.0, |status| status.epsilon_spent);
    let sums = engine.budget_sums()?;
    let epsilon_all_years =
        sums.iter().find(|sum| sum.family == block.family).map_or(0.0, |sum| sum.epsilon_spent);
    let rows = || release.tables.iter().flat_map(|table| &table.rows);
    let checks = checks(release, engine.policy(), is_charged(engine, caller, release)?);
    Ok(Record {
        what: format!("release {} of {} by workload {}", release.id, block.name, release.workload.name),
        release: release.id.clone(),
        year: release.year,
        revision: release.revision,
        workload: format!("{} version {}", release.workload.name, release.workload.version),
        tables: release.tables.len(),
        cells: rows().count(),
        suppressed: rows().filter(|row| row.display == Display::Suppressed).count(),
        reason: reason.map(ToOwned::to_owned),
        by: caller.name().to_owned(),
        published: release.published.clone(),
        answer: release.answer.clone(),
        snapshot: release.snapshot.clone(),
        rho: release.rho,
        epsilon: release.epsilon,
        delta: release.delta,
        epsilon_year,
        epsilon_all_years,
        risk: risk(release, epsilon_year, epsilon_all_years),
        status: if checks.iter().all(|check| check.passed) { "pass" } else { "fail" }.to_owned(),
        checks,
    })
}

fn risk(release: &Release, year: f64, all_years: f64) -> Vec<Text> {
    // "At most" must hold of the number as it is shown.
    let number = |value: f64| format!("{:.2}", (value * 100.0).ceil() / 100.0);
    let no = |value: f64| number(value).replace('.', ",");
    let delta = format!("{:e}", release.delta);
    let (one, year, all) = (release.epsilon, year, all_years);
    let block = release.period().block().name;
    let (whose, always) = match release.campaign {
        None => (
            Text::new("én persons år", "one person's year"),
            Text::new("For en person som er med i alle år", "For somebody who is in every year"),
        ),
        Some(_) => (
            Text::new(
                "alt én person ble sett i kampanjen",
                "all that one individual was seen in the campaign",
            ),
            Text::new("For en som ble sett i alle kampanjer", "For somebody who was seen in every campaign"),
        ),
    };
    let mut risk = vec![
        Text::new(
            format!(
                "Den som vet alt om alle andre, kan om {} skille «med» fra «ikke med» med høyst ε {} ved δ {delta} av denne publiseringen.",
                whose.no,
                no(one)
            ),
            format!(
                "Whoever knows everything about everybody else can tell \"in\" from \"not in\" for {} with at most ε {} at δ {delta} from this release.",
                whose.en,
                number(one)
            ),
        ),
        Text::new(
            format!("Av alt som er sluppet ut om {block}: ε {}. {}: ε {}.", no(year), always.no, no(all)),
            format!(
                "From all that has left about {block}: ε {}. {}: ε {}.",
                number(year),
                always.en,
                number(all)
            ),
        ),
        Text::new(
            "Om grupper av personer, og om det som gjelder alle, sier tallene mer: det er det de er til for.",
            "About groups of persons, and what is true of everybody, the figures say more: that is what they are for.",
        ),
    ];
    risk.extend(release.known_limits.iter().cloned());
    risk
}

/// Whether the ledger holds the charge that paid for the release's measurement, and at its price.
fn is_charged(engine: &Engine, caller: &Caller, release: &Release) -> Result<bool, FiguresError> {
    let block = release.period().block();
    let filter = HistoryFilter {
        block: Some(block.clone()),
        kind: Some("charge".to_owned()),
        state: Some(EntryState::Settled),
        ..HistoryFilter::default()
    };
    let charges = engine.history(caller, &filter)?;
    Ok(charges.iter().any(|entry| {
        entry.answer.as_deref() == Some(release.answer.as_str())
            && entry.charges.iter().any(|charged| {
                charged.block == block && charged.loss.rho.as_f64().to_bits() == release.rho.to_bits()
            })
    }))
}

/// What is checked before a release is called safe.
fn checks(release: &Release, policy: &Policy, charged: bool) -> Vec<Check> {
    let suppress_below = policy.suppress_below;
    let rows = || release.tables.iter().flat_map(|table| &table.rows);
    let check = |no: String, en: String, passed: bool| Check { what: Text::new(no, en), passed };
    vec![
        check(
            "hvert tall har et intervall som holder det".to_owned(),
            "every figure has an interval that holds it".to_owned(),
            rows().all(|row| row.low <= row.value && row.value <= row.high && row.low < row.high),
        ),
        check(
            format!("ingen tall under {suppress_below} vises"),
            format!("no figure below {suppress_below} is displayed"),
            rows().all(|row| match row.display {
                Display::Count(count) => count >= suppress_below,
                Display::Decimal(_) | Display::Suppressed => true,
            }),
        ),
        check(
            "ingen tall vises der usikkerheten er større enn regelen tillater".to_owned(),
            "no figure is displayed whose interval is wider than the policy's limit".to_owned(),
            release.tables.iter().all(|table| {
                let mut shown = table.rows.iter().filter(|row| row.display != Display::Suppressed);
                shown.all(|row| is_sure(policy, row.value, table.sd_of(row)))
            }) && release.distinct.iter().all(|one| {
                one.display == Display::Suppressed || is_sure(policy, one.value as f64, one.sigma)
            }),
        ),
        check(
            "alle tabeller har støy i hver målte tabell".to_owned(),
            "every measured table carries noise".to_owned(),
            release.themes.iter().flat_map(|theme| &theme.measured).all(|measured| measured.sigma > 0.0),
        ),
        check(
            "prisen er ført i regnskapet før dataene ble lest".to_owned(),
            "the price is in the ledger, charged before the data were read".to_owned(),
            charged,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::city::City;

    #[test]
    fn a_release_with_any_flaw_is_refused() {
        let city = City::new();
        let (policy, whole) = (city.policy.clone(), city.release(2023, 1));
        let refused = |flaw: &dyn Fn(&mut Release), charged: bool| {
            let mut release = whole.clone();
            flaw(&mut release);
            require(checks(&release, &policy, charged)).is_err()
        };
        assert!(!refused(&|_| {}, true));
        assert!(refused(&|_| {}, false));
        assert!(refused(&|release| release.tables[0].rows[0].low = f64::NAN, true));
        assert!(refused(&|release| release.tables[0].rows[0].high = release.tables[0].rows[0].low, true));
        assert!(refused(&|release| release.tables[0].rows[0].display = Display::Count(4), true));
        assert!(refused(&|release| release.themes[0].measured[0].sigma = 0.0, true));
        // A half-width of 3,000 about 2,000 persons.
        assert!(refused(&|release| release.tables[0].sd = 1500.0, true));
        assert!(refused(&|release| release.distinct[0].sigma = 1500.0, true));
    }
}
