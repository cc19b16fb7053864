//! Which policy is in force. A change is an entry of the ledger; one that promises less to those whom the data are
//! about comes into force only when a steward says so, with a reason.
//!
//! # Privacy
//! What is spent of a budget stays spent whatever the policy says. A budget that is raised lets more leave about
//! the years whose budget it is: that is for a person to decide and to answer for, and the ledger keeps who did.

use serde::Serialize;
use serde_json::json;
use skjerm_ledger::{EventKind, HistoryFilter, Ledger, LedgerError};
use skjerm_warehouse::Installation;
use skjerm_warehouse::policy::{Policy, Promise, Role};

use crate::book::{self, ledger_error, limits};
use crate::engine::Engine;
use crate::error::EngineError;

/// How the policy file stands beside the policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyChange {
    /// Name and version of the policy in the file.
    pub policy: String,
    /// BLAKE3 of its canonical form.
    pub fingerprint: String,
    /// Whether it differs from the one in force.
    pub changed: bool,
    /// Budgets and limits that differ from those of the ledger.
    pub limits: Vec<String>,
    /// In which ways it promises less. Not empty: it is not in force.
    pub loosens: Vec<String>,
}

/// A steward's decision.
pub(crate) struct Decision<'a> {
    who: &'a str,
    reason: &'a str,
}

impl Engine {
    /// How the policy file stands beside the policy in force. Changes nothing.
    pub fn policy_change(installation: &Installation) -> Result<PolicyChange, EngineError> {
        compare(&book::open_only(installation)?, &load(installation)?)
    }

    /// Puts the policy in force although it promises less. Role `steward`, by the policy that is in force and not by
    /// the new one.
    pub fn accept_policy(
        installation: &Installation,
        who: &str,
        reason: &str,
    ) -> Result<PolicyChange, EngineError> {
        let (ledger, policy) = (book::open_only(installation)?, load(installation)?);
        let permitted = match last(&ledger)? {
            Some((_, promise)) => promise
                .roles
                .get(who)
                .is_some_and(|roles| roles.iter().any(|role| role == Role::Steward.as_str())),
            None => policy.analyst(who).is_some_and(|analyst| analyst.may(Role::Steward)),
        };
        if !permitted {
            return Err(EngineError::not_permitted(
                "Only a steward of the policy in force can put one in force that promises less.",
            ));
        }
        let change = compare(&ledger, &policy)?;
        put_in_force(&ledger, &policy, Some(&Decision { who, reason }))?;
        Ok(change)
    }
}

fn load(installation: &Installation) -> Result<Policy, EngineError> {
    Policy::load(&installation.policy_path()).map_err(|error| EngineError::refused(error.to_string()))
}

/// Declares the policy's budgets, and notes a policy that differs from the one in force. One that loosens needs a
/// decision.
pub(crate) fn put_in_force(
    ledger: &Ledger,
    policy: &Policy,
    decision: Option<&Decision<'_>>,
) -> Result<(), EngineError> {
    let failed = |error: LedgerError| ledger_error(&error);
    let change = compare(ledger, policy)?;
    if decision.is_none() && !change.loosens.is_empty() {
        return Err(EngineError::refused(format!(
            "The policy promises less than the one in force: {}.",
            change.loosens.join("; ")
        ))
        .with_hint(
            "Restore the earlier policy, or let a steward decide: `skjerm warehouse policy --accept --reason …`.",
        ));
    }
    let limits = limits(policy)?;
    let (who, reason) = match decision {
        Some(decision) => (decision.who, decision.reason),
        None => ("skjerm", "the policy changed and promises no less"),
    };
    if change.limits.is_empty() {
        ledger.declare(&limits).map_err(failed)?;
    } else {
        ledger.relimit(who, reason, &limits).map_err(failed)?;
    }
    if change.changed { note(ledger, policy, &change, who, reason) } else { Ok(()) }
}

fn compare(ledger: &Ledger, policy: &Policy) -> Result<PolicyChange, EngineError> {
    let fingerprint = policy.fingerprint();
    let changes = ledger.changes(&limits(policy)?).map_err(|error| ledger_error(&error))?;
    let mut loosens: Vec<String> =
        changes.iter().filter(|change| change.loosens).map(ToString::to_string).collect();
    let last = last(ledger)?;
    if let Some((_, promise)) = &last {
        loosens.extend(policy.promise().loosened_from(promise));
    }
    Ok(PolicyChange {
        policy: format!("{} version {}", policy.name, policy.version),
        changed: last.is_none_or(|(noted, _)| noted != fingerprint),
        fingerprint,
        limits: changes.iter().map(ToString::to_string).collect(),
        loosens,
    })
}

/// Fingerprint and promise of the policy in force; none in a new book.
fn last(ledger: &Ledger) -> Result<Option<(String, Promise)>, EngineError> {
    let kind = Some(EventKind::Policy.as_str().to_owned());
    let filter = HistoryFilter { kind, limit: Some(1), ..HistoryFilter::default() };
    let Some(entry) = ledger.history(&filter).map_err(|error| ledger_error(&error))?.pop() else {
        return Ok(None);
    };
    let promise = serde_json::from_value(entry.details["promise"].clone());
    let promise = promise.map_err(|_| {
        EngineError::fault(format!(
            "Entry {} of the ledger names a policy in a form that is not known.",
            entry.id
        ))
        .with_hint("Use the program that wrote it.")
    })?;
    Ok(Some((entry.details["fingerprint"].as_str().unwrap_or_default().to_owned(), promise)))
}

fn note(
    ledger: &Ledger,
    policy: &Policy,
    change: &PolicyChange,
    who: &str,
    reason: &str,
) -> Result<(), EngineError> {
    let details = json!({
        "what": format!("policy {} is in force", change.policy),
        "reason": reason,
        "fingerprint": change.fingerprint,
        "loosens": change.loosens,
        "limits": change.limits,
        "promise": policy.promise(),
    });
    ledger.record(who, EventKind::Policy, &details).map(drop).map_err(|error| ledger_error(&error))
}
