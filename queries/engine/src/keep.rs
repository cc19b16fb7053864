//! The steward's work on the warehouse, with its entries in the ledger.
//!
//! An erasure is two entries: that it was begun, durably, before anything is touched; and how it ended, with the
//! counts and the proof, after the proof. So the book never says of anybody that they were taken out before it is
//! proven, and rows never go without a word in the book. Between the two a crash leaves an entry that says "begun" and
//! no more: that is what is known. The same erasure again does what is left, and ends with entries of its own. A
//! rotation of the warehouse key is noted in the same way.
//!
//! # Privacy
//! Entries hold counts, tables and ids of snapshots: never an identifier or a pseudonym. The reason is written by the
//! steward; long numbers in it are blotted out, names are for the steward to leave out.

use std::path::Path;

use jiff::civil::Date;
use serde_json::{Value, json};
use skjerm_ledger::EventKind;
use skjerm_warehouse::policy::{Policy, Role};
use skjerm_warehouse::{
    Check, Erasure, Installation, Rederived, Retained, Rotation, Sought, Warehouse, WarehouseError,
    WarehouseKey, today_in_oslo,
};

use crate::book::ledger_error;
use crate::caller::Caller;
use crate::engine::{Engine, require};
use crate::error::EngineError;
use crate::kept::without_numbers;

impl Engine {
    /// Takes persons out of the warehouse and proves it: see [`skjerm_warehouse::Warehouse::erase`]. Role `steward`.
    /// An erasure whose proof found something is noted as such, and given back like any other.
    pub async fn erase(
        &self,
        caller: &Caller,
        keys: &[WarehouseKey],
        sought: &[Sought],
        reason: &str,
    ) -> Result<Erasure, EngineError> {
        let book = self.begin(caller, EventKind::Erasure, reason, &json!({"persons": sought.len()}))?;
        match self.warehouse.erase(keys, sought).await {
            Ok(erasure) => {
                let proven = erasure.proof.found.is_empty();
                let what = if proven && erasure.found == 0 {
                    "nobody of the list was there, and proven"
                } else if proven {
                    "persons taken out, and proven"
                } else {
                    "persons taken out, but NOT proven"
                };
                let mut details = serde_json::to_value(&erasure).unwrap_or_default();
                // Where a copy lies may be said by its name; the book is for more eyes than the steward's.
                details["proof"]["found"] = erasure.proof.found.len().into();
                book.end(what, details)?;
                Ok(erasure)
            }
            Err(error) => Err(book.stopped(&error)),
        }
    }

    /// Drops the years that the policy does not let be kept any longer on this day: see
    /// [`skjerm_warehouse::Warehouse::retain`]. Role `steward`. What drops no rows is not noted.
    pub async fn retain(
        &self,
        caller: &Caller,
        today: Date,
        reason: &str,
        dry_run: bool,
    ) -> Result<Retained, EngineError> {
        require(caller, Role::Steward)?;
        let fault = |error: WarehouseError| EngineError::stored(&error);
        let planned = self.warehouse.retain(today, true).await.map_err(fault)?;
        if dry_run {
            return Ok(planned);
        }
        if planned.tables.is_empty() {
            // One that was cut short may have left the files of years that are dropped already.
            return self.warehouse.retain(today, false).await.map_err(fault);
        }
        let book = self.begin(caller, EventKind::Retention, reason, &json!({"today": today}))?;
        match self.warehouse.retain(today, false).await {
            Ok(retained) => {
                book.end("years dropped", serde_json::to_value(&retained).unwrap_or_default())?;
                Ok(retained)
            }
            Err(error) => Err(book.stopped(&error)),
        }
    }

    /// Puts the warehouse under a new epoch of the key in this file: see [`skjerm_warehouse::Warehouse::rotate`]. Role
    /// `steward`. `key` was checked to be the warehouse's.
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        key: &WarehouseKey,
        file: &Path,
        reason: &str,
    ) -> Result<Rotation, EngineError> {
        let book = self.begin(caller, EventKind::Keys, reason, &json!({"warehouse_key": key.id()}))?;
        match self.warehouse.rotate(key, file).await {
            Ok(rotation) => {
                let mut details = serde_json::to_value(&rotation).unwrap_or_default();
                // As for an erasure: names of files are the steward's.
                details["foreign"] = rotation.foreign.len().into();
                book.end("the warehouse key was rotated", details)?;
                Ok(rotation)
            }
            Err(error) => Err(book.stopped(&error)),
        }
    }

    /// Makes derived tables anew that have other columns than the policy declares: see
    /// [`skjerm_warehouse::Warehouse::rederive`]. Role `steward`. That there is an engine says that the policy is in
    /// force: nothing more about persons is stored than somebody has decided. It brings no rows in and takes none out,
    /// so the book does not note it, like a load.
    pub async fn rederive(&self, caller: &Caller) -> Result<Rederived, EngineError> {
        require(caller, Role::Steward)?;
        self.warehouse.rederive().await.map_err(|error| EngineError::stored(&error))
    }

    /// Looks the whole warehouse over: see [`skjerm_warehouse::Warehouse::check`]. Role `steward` of the policy file;
    /// needs no ledger, so that an installation in any state can be looked at.
    ///
    /// # Privacy
    /// Exact counts, for the steward alone: no other role and no other door reaches them.
    pub async fn check_warehouse(installation: &Installation, who: &str) -> Result<Check, EngineError> {
        let policy =
            Policy::load(&installation.policy_path()).map_err(|e| EngineError::refused(e.to_string()))?;
        if !policy.analyst(who).is_some_and(|analyst| analyst.may(Role::Steward)) {
            return Err(EngineError::not_permitted("Only a steward may look the warehouse over."));
        }
        let fault = |error: WarehouseError| EngineError::stored(&error);
        let warehouse = Warehouse::open(installation, policy.into()).map_err(fault)?;
        warehouse.check(today_in_oslo()).await.map_err(fault)
    }

    fn begin(
        &self,
        caller: &Caller,
        kind: EventKind,
        reason: &str,
        details: &Value,
    ) -> Result<Begun<'_>, EngineError> {
        require(caller, Role::Steward)?;
        if reason.trim().is_empty() {
            return Err(EngineError::refused("The reason is empty; nothing was done."));
        }
        let mut begun = Begun {
            engine: self,
            who: caller.name().to_owned(),
            kind,
            reason: without_numbers(reason),
            entry: 0,
        };
        begun.entry = begun.note("begun", details.clone())?;
        Ok(begun)
    }
}

/// Work whose beginning is in the book.
struct Begun<'a> {
    engine: &'a Engine,
    who: String,
    kind: EventKind,
    reason: String,
    /// The entry of its beginning.
    entry: u64,
}

impl Begun<'_> {
    fn note(&self, what: &str, mut details: Value) -> Result<u64, EngineError> {
        details["what"] = format!("{}: {what}", self.kind.as_str()).into();
        details["reason"] = self.reason.clone().into();
        if self.entry > 0 {
            details["begun"] = self.entry.into();
        }
        self.engine.ledger.record(&self.who, self.kind, &details).map_err(|error| ledger_error(&error))
    }

    fn end(self, what: &str, details: Value) -> Result<(), EngineError> {
        self.note(what, details).map(drop).map_err(|error| {
            EngineError::fault(format!(
                "The work was done, but the ledger could not note how it ended (entry {} says that it was begun): {}",
                self.entry, error.message
            ))
            .with_hint("Run the same command again when the ledger can be written.")
        })
    }

    /// Notes that the work was stopped; the steward hears why.
    fn stopped(self, error: &WarehouseError) -> EngineError {
        let done = match error {
            WarehouseError::Unproven { .. } => "out of the tables, NOT proven",
            WarehouseError::Unswept { .. } => "the warehouse key was rotated, older files are left",
            _ => "stopped before its end",
        };
        if let Err(unnoted) = self.note(done, json!({})) {
            tracing::warn!(error = unnoted.message, "the end of the work could not be noted");
        }
        EngineError::stored(error)
    }
}
