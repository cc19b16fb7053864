//! The ledger of an installation: begun, opened, given the policy's budgets; its errors in a caller's words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use skjerm_ledger::{Block, BlockLimit, EventKind, Ledger, LedgerError, LedgerKey};
use skjerm_privacy::{Delta, Loss, PrivacyError, Rho};
use skjerm_warehouse::Installation;
use skjerm_warehouse::keyfile::{KeyFile, KeyFileError};
use skjerm_warehouse::policy::{Budget, Policy, UNKNOWN};

use crate::engine::{Engine, PERSONS, SCENE};
use crate::error::EngineError;
use crate::policy_change;

impl Engine {
    /// Begins the ledger of a new installation, with a key of its own. The budgets are declared by the first
    /// [`Engine::open`], from the policy as the steward left it.
    ///
    /// # Privacy
    /// Refuses where a book, data or releases are there already: a new book would refill spent budgets.
    pub fn init_ledger(installation: &Installation) -> Result<(), EngineError> {
        let path = installation.ledger_path();
        if !path.exists() && !installation.is_unused() {
            return Err(missing_ledger(installation));
        }
        let fault = |error: &dyn std::error::Error| EngineError::fault(error.to_string());
        let key_path = installation.ledger_key_path();
        if !key_path.exists() {
            KeyFile::generate(1).and_then(|key| key.save(&key_path)).map_err(|error| fault(&error))?;
        }
        Ledger::create(&path, key(installation)?).map(drop).map_err(|error| fault(&error))
    }

    /// The ledger for the steward's eyes, unchecked: to verify a book that [`Engine::open`] may refuse, to read
    /// its history, and to take it into use after a loss.
    pub fn inspect_ledger(installation: &Installation) -> Result<Ledger, EngineError> {
        Ledger::inspect(&installation.ledger_path(), key(installation)?)
            .map_err(|error| open_error(installation, &error))
    }

    /// Begins a ledger again whose making was cut short, where nothing was loaded or published; leaves a whole one.
    pub fn finish_ledger(installation: &Installation) -> Result<(), EngineError> {
        let path = installation.ledger_path();
        match key(installation).and_then(|key| {
            Ledger::open(&path, key).map(drop).map_err(|error| open_error(installation, &error))
        }) {
            Ok(()) => Ok(()),
            Err(_) if installation.is_unused() && Self::is_unbegun(installation) => {
                for suffix in ["", "-wal", "-shm"] {
                    let mut name = path.clone().into_os_string();
                    name.push(suffix);
                    match std::fs::remove_file(&name) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(EngineError::fault(format!("{}: {error}", path.display())));
                        }
                        _ => {}
                    }
                }
                Self::init_ledger(installation)
            }
            Err(error) => Err(error),
        }
    }

    fn is_unbegun(installation: &Installation) -> bool {
        let opened = key(installation).map(|key| Ledger::open(&installation.ledger_path(), key));
        matches!(opened, Ok(Err(LedgerError::Unbegun { .. })))
    }

    /// Notes an event for which no engine is needed, as the making of keys.
    pub fn note_event(
        installation: &Installation,
        kind: EventKind,
        details: &Value,
    ) -> Result<(), EngineError> {
        let noted = open_only(installation)?.record("skjerm", kind, details);
        noted.map(drop).map_err(|error| open_error(installation, &error))
    }
}

/// Opens the ledger and puts the policy in force: see [`crate::policy_change`].
pub(crate) fn open(installation: &Installation, policy: &Policy) -> Result<Ledger, EngineError> {
    let ledger = open_only(installation)?;
    policy_change::put_in_force(&ledger, policy, None)?;
    Ok(ledger)
}

/// Opens the ledger without looking at the policy.
pub(crate) fn open_only(installation: &Installation) -> Result<Ledger, EngineError> {
    Ledger::open(&installation.ledger_path(), key(installation)?)
        .map_err(|error| open_error(installation, &error))
}

pub(crate) fn key(installation: &Installation) -> Result<LedgerKey, EngineError> {
    let path = installation.ledger_key_path();
    match KeyFile::load(&path) {
        Ok(key) => Ok(LedgerKey::from_secret(key.secret())),
        Err(KeyFileError::Missing(_)) if !installation.ledger_path().exists() => {
            Err(missing_ledger(installation))
        }
        Err(KeyFileError::Missing(_)) => {
            Err(EngineError::fault(format!("The ledger's key {} is missing.", path.display())).with_hint(
                "Put back the kept copy: without its key the ledger can be neither checked nor continued. If there is none, `skjerm budget adopt --anew` begins another one with nothing left to spend.",
            ))
        }
        Err(error) => Err(EngineError::fault(error.to_string())),
    }
}

/// The book is gone, or was never begun.
fn missing_ledger(installation: &Installation) -> EngineError {
    let path = installation.ledger_path();
    if installation.is_unused() {
        return EngineError::fault(format!("The ledger {} is missing.", path.display()))
            .with_hint("Nothing was loaded or published here yet: `skjerm init` begins the ledger.");
    }
    EngineError::fault(format!(
        "The ledger {} is missing, but this installation holds data or releases.",
        path.display()
    ))
    .with_hint("Put back the kept copy; a new book would refill spent budgets. If there is none, `skjerm budget adopt --anew` begins one with nothing left to spend.")
}

/// An error of opening, for whoever has the installation's folder.
pub(crate) fn open_error(installation: &Installation, error: &LedgerError) -> EngineError {
    match error {
        LedgerError::Missing { .. } => missing_ledger(installation),
        other => EngineError::fault(other.to_string()),
    }
}

/// An error of the ledger before a charge, for any caller. Names blocks, shares and amounts; paths go to the log.
pub(crate) fn ledger_error(error: &LedgerError) -> EngineError {
    let steward = "Tell the steward: `skjerm budget verify` says what is wrong.";
    match error {
        LedgerError::Exhausted { block, within, asked, left } => {
            let within = if within.is_empty() { String::new() } else { format!(" ({within})") };
            let amount = |loss: &Loss| {
                if asked.delta.is_zero() {
                    format!("ρ {}", loss.rho)
                } else {
                    format!("ρ {} and δ {}", loss.rho, loss.delta)
                }
            };
            EngineError::exhausted(format!(
                "The budget of {block}{within} has {} left, and the question costs {}. Nothing was charged.",
                amount(left),
                amount(asked)
            ))
            .with_hint("Ask at a lower ρ, name fewer years, or use a published release, which is free.")
        }
        LedgerError::UnknownBlock { .. }
        | LedgerError::UnknownShare { .. }
        | LedgerError::LimitDiffers { .. } => EngineError::fault(error.to_string()),
        LedgerError::RequestReused { .. } | LedgerError::Invalid(_) => {
            EngineError::refused(error.to_string())
        }
        LedgerError::Locked { .. } => {
            EngineError::fault("The ledger is in use by another process; nothing was charged.")
                .with_hint("Try again.")
        }
        LedgerError::DiskFull { .. } => {
            logged(error, "There is no room on the disk for the ledger; nothing was charged.")
                .with_hint("Tell the steward to make room, and ask again.")
        }
        LedgerError::ReadOnly { .. } => logged(error, "The ledger cannot be written; nothing was charged.")
            .with_hint("Tell the steward: the program needs write access to the ledger and its folder."),
        LedgerError::Tampered { .. } | LedgerError::Corrupt { .. } | LedgerError::WitnessMissing { .. } => {
            logged(error, "The ledger is not as it was written; nothing was charged.").with_hint(steward)
        }
        LedgerError::RolledBack { .. } | LedgerError::Replaced { .. } => {
            logged(error, "The ledger was exchanged for another copy; nothing was charged.")
                .with_hint(steward)
        }
        other => logged(other, "The ledger could not be used; nothing was charged."),
    }
}

fn logged(error: &LedgerError, message: &str) -> EngineError {
    tracing::error!(%error, "ledger");
    EngineError::fault(message)
}

/// Runs one call of the ledger where blocking is allowed.
pub(crate) async fn on_ledger<T: Send + 'static>(
    ledger: &Arc<Ledger>,
    call: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, EngineError> {
    let ledger = Arc::clone(ledger);
    match tokio::task::spawn_blocking(move || call(&ledger)).await {
        Ok(result) => result.map_err(|error| ledger_error(&error)),
        Err(_) => Err(EngineError::fault("The ledger could not be used.")),
    }
}

/// The blocks of the policy's families, with their shares and analysts.
pub(crate) fn limits(policy: &Policy) -> Result<Vec<BlockLimit>, EngineError> {
    limits_with(policy, &BTreeSet::new())
}

/// The same, and the blocks of more calendar years.
pub(crate) fn limits_with(policy: &Policy, years: &BTreeSet<i32>) -> Result<Vec<BlockLimit>, EngineError> {
    let mut limits = Vec::new();
    for (family, budget) in &policy.budget {
        let names: Vec<String> = match family.as_str() {
            PERSONS => {
                let years: BTreeSet<i32> = policy.years.iter().chain(years.iter().copied()).collect();
                years.iter().map(i32::to_string).collect()
            }
            SCENE => policy
                .code_list("campaign")
                .map(|list| {
                    list.codes.iter().map(|c| c.code.clone()).filter(|code| code != UNKNOWN).collect()
                })
                .unwrap_or_default(),
            other => {
                return Err(EngineError::fault(format!(
                    "The policy has a budget for the unknown family \"{other}\"."
                )));
            }
        };
        let of_family =
            family_limit(policy, budget).map_err(|error| EngineError::fault(error.to_string()))?;
        limits.extend(
            names.into_iter().map(|name| BlockLimit { block: Block::new(family, name), ..of_family.clone() }),
        );
    }
    Ok(limits)
}

/// What every block of a family may spend. Allowances are rounded down.
fn family_limit(policy: &Policy, budget: &Budget) -> Result<BlockLimit, PrivacyError> {
    let rho = Rho::from_f64_down(budget.rho)?;
    let delta = Delta::from_f64_down(budget.delta)?;
    let limit = Loss { rho, delta: Delta::from_f64_down(budget.thresholds)? };
    // Of δ a share gets as large a part as of ρ.
    let part = |fraction: f64| -> Result<Loss, PrivacyError> {
        let delta = Delta::from_f64_down(limit.delta.as_f64() * fraction)?;
        Ok(Loss { rho: rho.fraction(fraction)?, delta: delta.min(limit.delta) })
    };
    let shares: BTreeMap<String, Loss> = budget
        .shares
        .iter()
        .map(|(share, fraction)| Ok((share.clone(), part(*fraction)?)))
        .collect::<Result<_, PrivacyError>>()?;
    let mut analysts = BTreeMap::new();
    for analyst in &policy.analysts {
        let Some(share) = shares.get(&analyst.share) else { continue };
        let own = match analyst.limit {
            Some(fraction) => {
                let own = part(fraction)?;
                Loss { rho: own.rho.min(share.rho), delta: own.delta.min(share.delta) }
            }
            None => *share,
        };
        analysts.insert(analyst.name.clone(), own);
    }
    Ok(BlockLimit { block: Block::new("", ""), limit, delta, shares, analysts })
}
