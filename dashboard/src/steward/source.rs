//! The steward's page of an installation.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use skjerm_engine::{Caller, Engine, EngineError};
use skjerm_figures::{Text, forecast, release::Record as Document};
use skjerm_ledger::{BlockStatus, EntryState, EventKind, HistoryFilter, KINDS, ShareStatus};
use skjerm_warehouse::{Installation, policy::Role};

use super::{
    COUNTED, SHOWN, Stewardship,
    model::{
        Account, Amount, Became, Checked, Entry, Forecast, Part, Planned, PlannedState, Record, RecordEntry,
        Sum, Wanted, Within,
    },
};
use crate::{
    model::Both,
    source::{SYNTHETIC_MARK, convert},
};

/// How long the proof and the forecast are kept: both read much.
const KEPT: SignedDuration = SignedDuration::from_mins(1);
/// What the book says of a login, and of one that was turned down.
const LOGIN: &str = "login to the steward page of the dashboard";
const DOOR: &str = "steward page of the dashboard";

/// What the steward of an installation sees.
///
/// # Privacy
/// The caller made here has the role `steward`, and is used to read the book and to enter logins. Nothing is asked of the
/// data: no method here charges a budget.
pub struct InstallationSteward {
    installation: Installation,
    mark: PathBuf,
    engine: Engine,
    caller: Caller,
    checked: Kept<Checked>,
    forecast: Kept<Forecast>,
}

impl InstallationSteward {
    /// Opens the installation for an analyst of its policy, who must have the role `steward`.
    pub fn open(installation: &Installation, analyst: &str) -> Result<Self, EngineError> {
        let engine = Engine::open(installation)?;
        let caller = engine.authenticate(analyst)?;
        if !caller.roles().contains(&Role::Steward) {
            let message = format!("`{analyst}` does not have the role \"steward\".");
            engine.note_refusal(&caller, "login", DOOR, "the role steward is missing");
            return Err(EngineError::not_permitted(message)
                .with_hint("Roles are given in the policy, by the steward."));
        }
        Ok(Self {
            mark: installation.root().join(SYNTHETIC_MARK),
            installation: installation.clone(),
            engine,
            caller,
            checked: Kept::default(),
            forecast: Kept::default(),
        })
    }

    /// Newest first.
    fn history(&self, filter: &HistoryFilter) -> Part<Vec<Entry>> {
        let entries = self.engine.history(&self.caller, filter).map_err(said)?;
        Ok(entries.into_iter().rev().map(|entry| self.entry(entry)).collect())
    }

    fn entry(&self, entry: skjerm_ledger::Entry) -> Entry {
        let amounts = entry.charges.iter().map(|charged| Amount {
            block: charged.block.to_string(),
            label: convert::block_label(&charged.block, self.engine.policy()),
            rho: charged.loss.rho.as_f64(),
        });
        Entry {
            number: entry.id,
            amounts: amounts.collect(),
            when: entry.when,
            who: entry.who,
            kind: entry.kind,
            became: entry.state.map(became),
            what: entry.what,
            reason: entry.reason,
        }
    }
}

impl Stewardship for InstallationSteward {
    fn synthetic(&self) -> bool {
        self.mark.exists()
    }

    fn who(&self) -> &str {
        self.caller.name()
    }

    fn let_in(&self) -> Result<(), String> {
        let noted = self.engine.record(&self.caller, EventKind::Login, &json!({"what": LOGIN}));
        noted.map(drop).map_err(said)
    }

    fn turned_away(&self, reason: &str) {
        self.engine.note_refusal(&self.caller, "login", DOOR, reason);
    }

    fn checked(&self) -> Part<Checked> {
        self.checked.get(|| {
            let found = self.engine.verify_ledger(&self.caller).map_err(said)?;
            Ok(Checked {
                when: Timestamp::now().to_string(),
                entries: found.entries,
                answers: found.answers,
                head: found.head.map(|head| head.to_string()),
                problems: found.problems.into_iter().map(|p| (p.entry, p.what)).collect(),
                remarks: found.remarks,
            })
        })
    }

    fn accounts(&self) -> Part<Vec<Account>> {
        let status = self.engine.budget().map_err(said)?;
        Ok(status.iter().map(|status| account(status, self.engine.policy())).collect())
    }

    fn sums(&self) -> Part<Vec<Sum>> {
        let sums = self.engine.budget_sums().map_err(said)?;
        let sum = |sum: skjerm_ledger::FamilySum| Sum {
            blocks: sum.blocks,
            rho_spent: sum.spent.as_f64(),
            rho_limit: sum.limit.as_f64(),
            epsilon_spent: sum.epsilon_spent,
            epsilon_limit: sum.epsilon_limit,
            delta: sum.delta.as_f64(),
            family: sum.family,
        };
        Ok(sums.into_iter().map(sum).collect())
    }

    fn forecast(&self) -> Part<Forecast> {
        self.forecast.get(|| {
            // On a blocking thread of the server's runtime, where waiting for a future is allowed.
            let runtime = tokio::runtime::Handle::try_current().map_err(|error| error.to_string())?;
            let years = runtime.block_on(forecast::forecast(&self.engine, &self.installation));
            let years = years.map_err(|error| {
                tracing::error!(%error, "no forecast");
                "`skjerm budget forecast` says why.".to_owned()
            })?;
            Ok(Forecast {
                when: Timestamp::now().to_string(),
                planned: years.iter().flat_map(planned).collect(),
            })
        })
    }

    fn lost(&self) -> Part<Vec<Entry>> {
        self.history(&HistoryFilter { state: Some(EntryState::Lost), ..HistoryFilter::default() })
    }

    fn refused(&self, since: Timestamp) -> Part<Vec<Entry>> {
        self.history(&HistoryFilter {
            kind: Some("refused".to_owned()),
            since: Some(format!("{since:.3}")),
            limit: u32::try_from(COUNTED).ok(),
            ..HistoryFilter::default()
        })
    }

    fn records(&self) -> Part<Vec<RecordEntry>> {
        let kind = Some(EventKind::Release.as_str().to_owned());
        let filter = HistoryFilter { kind, ..HistoryFilter::default() };
        let entries = self.engine.history(&self.caller, &filter).map_err(said)?;
        let entry = |entry: skjerm_ledger::Entry| RecordEntry {
            number: entry.id,
            record: serde_json::from_value::<Document>(entry.details).ok().map(record),
        };
        Ok(entries.into_iter().rev().map(entry).collect())
    }

    fn entries(&self, wanted: &Wanted) -> Part<Option<Vec<Entry>>> {
        if wanted.kind.as_ref().is_some_and(|kind| !KINDS.contains(&kind.as_str())) {
            return Ok(None);
        }
        let block = match &wanted.block {
            None => None,
            Some(name) => {
                let blocks = self.engine.budget().map_err(said)?;
                match blocks.into_iter().find(|status| status.block.to_string() == *name) {
                    Some(status) => Some(status.block),
                    None => return Ok(None),
                }
            }
        };
        let filter = HistoryFilter {
            block,
            who: wanted.who.clone(),
            kind: wanted.kind.clone(),
            limit: u32::try_from(SHOWN).ok(),
            ..HistoryFilter::default()
        };
        self.history(&filter).map(Some)
    }
}

/// An error of the engine in its words for callers, with what to do.
fn said(error: EngineError) -> String {
    match error.hint {
        Some(hint) => format!("{} {hint}", error.message),
        None => error.message,
    }
}

fn became(state: EntryState) -> Became {
    match state {
        EntryState::Running => Became::Running,
        EntryState::Lost => Became::Lost,
        EntryState::Settled => Became::Settled,
        EntryState::Abandoned => Became::Abandoned,
    }
}

fn account(status: &BlockStatus, policy: &skjerm_warehouse::policy::Policy) -> Account {
    let within = |of: &ShareStatus| Within {
        name: of.name.clone(),
        rho_limit: of.limit.as_f64(),
        rho_spent: of.spent.as_f64(),
        rho_left: of.left.as_f64(),
    };
    let thresholds = (status.delta_spent.as_f64(), status.delta_limit.as_f64());
    Account {
        budget: convert::budget(status, policy),
        thresholds: (thresholds.1 > 0.0).then_some(thresholds),
        shares: status.shares.iter().map(within).collect(),
        analysts: status.analysts.iter().map(within).collect(),
    }
}

fn planned(year: &forecast::YearForecast) -> Vec<Planned> {
    let planned = |planned: &forecast::PlannedRelease| Planned {
        year: year.year,
        workload: planned.workload.clone(),
        state: match (planned.state, planned.changed_since) {
            (forecast::State::Published, false) => PlannedState::Published,
            (forecast::State::Published, true) => PlannedState::Outdated,
            (forecast::State::Due, _) => PlannedState::Due,
            (forecast::State::Unaffordable, _) => PlannedState::Unaffordable,
        },
        release: planned.release.clone(),
        needs: planned.needs,
        half_width: planned.half_width,
        left_for_questions: year.left_for_questions,
    };
    year.planned.iter().map(planned).collect()
}

fn record(document: Document) -> Record {
    let both = |text: &Text| Both::new(text.no.as_str(), text.en.as_str());
    Record {
        risk: document.risk.iter().map(both).collect(),
        checks: document.checks.iter().map(|check| (both(&check.what), check.passed)).collect(),
        passed: document.status == "pass",
        what: document.what,
        year: document.year,
        revision: document.revision,
        published: document.published,
        by: document.by,
        reason: document.reason,
        answer: document.answer,
        snapshot: document.snapshot,
        size: (document.tables, document.cells, document.suppressed),
        price: (document.rho, document.epsilon, document.delta),
        epsilon_year: document.epsilon_year,
        epsilon_all_years: document.epsilon_all_years,
    }
}

/// Something that takes long to make, for a minute. While it is made others wait, so that it is made once.
struct Kept<T>(Mutex<Option<(Timestamp, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Kept<T> {
    fn get(&self, make: impl FnOnce() -> Part<T>) -> Part<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back makes nothing last longer.
        if let Some((made, value)) = &*kept
            && Timestamp::now().duration_since(*made).abs() < KEPT
        {
            return Ok(value.clone());
        }
        *kept = None;
        let value = make()?;
        *kept = Some((Timestamp::now(), value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_made_once_and_a_failure_is_not_kept() {
        let kept = Kept::default();
        assert_eq!(kept.get(|| Err("locked".to_owned())), Err("locked".to_owned()));
        assert_eq!(kept.get(|| Ok(1)), Ok(1));
        assert_eq!(kept.get(|| Ok(2)), Ok(1));
    }
}
