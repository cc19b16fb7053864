//! What a steward can do when the ledger, or the latest state of it, is lost: go on with an older copy, or with a
//! new book.
//!
//! # Privacy
//! Nobody knows what was spent since the older copy, or of a book that cannot be read. So both ways give up all that
//! is left of every budget: no charge that was lost can be spent again, and answers that are still in the book stay
//! free. A book that can be used is refused: giving up budgets must not happen by mistake, nor hide a charge.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skjerm_ledger::{Head, Ledger, LedgerError, LedgerKey};
use skjerm_warehouse::keyfile::{KeyFile, KeyFileError};
use skjerm_warehouse::policy::{Policy, Role};
use skjerm_warehouse::{Installation, Warehouse};

use crate::book::{key, limits, limits_with, open_error};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::kept::without_numbers;

/// What belongs to a book beside its file; the file itself is moved last, so that a book that is there is whole.
const PARTS: [&str; 5] =
    ["ledger.holders", "ledger.head", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.sqlite"];
/// Where a new book is made before it takes the place of the old one.
const NEW: &str = "ledger.new";

impl Engine {
    /// Takes a ledger into use that is older than what was last seen of it, or whose note of that is gone: all that
    /// is left of every budget is written off. Role `steward`. A book that opens is refused, unless `kept`, a head
    /// that was kept elsewhere, is not in it: then the whole folder is an older one.
    pub fn adopt_ledger(
        installation: &Installation,
        who: &str,
        reason: &str,
        kept: Option<&Head>,
    ) -> Result<(), EngineError> {
        let policy = policy_for(installation, who)?;
        let failed = |error: LedgerError| open_error(installation, &error);
        match Ledger::open(&installation.ledger_path(), key(installation)?) {
            Err(LedgerError::RolledBack { .. } | LedgerError::WitnessMissing { .. }) => {}
            // Locked, damaged, no room: no reason to give up anything.
            Err(other) => return Err(failed(other)),
            Ok(ledger) => {
                let lost = match kept {
                    Some(head) => !ledger.verify(std::slice::from_ref(head)).map_err(failed)?.is_whole(),
                    None => false,
                };
                if !lost {
                    return Err(EngineError::refused("The ledger is in order: there is nothing to give up.")
                        .with_hint("If the whole folder is an older copy, name a head that was kept elsewhere and is not in it: `--head NUMBER:HASH`."));
                }
            }
        }
        let reason = without_numbers(reason);
        Self::inspect_ledger(installation)?.adopt(who, &reason, &limits(&policy)?).map_err(failed)
    }

    /// Begins a new book in the place of one that is damaged or gone and of which there is no copy, with nothing left
    /// to spend, and puts what is there of the old one aside, in the folder whose path is given back. Role `steward`.
    ///
    /// # Privacy
    /// Written off are the blocks of the policy and of every year that the warehouse has rows of. Stored answers are
    /// lost with the old book; what was released stays as it is.
    pub async fn begin_ledger_anew(
        installation: &Installation,
        who: &str,
        reason: &str,
    ) -> Result<PathBuf, EngineError> {
        let policy = Arc::new(policy_for(installation, who)?);
        if installation.is_unused() {
            return Err(EngineError::refused("Nothing was loaded or published here yet.")
                .with_hint("`skjerm init` begins the ledger."));
        }
        refuse_usable(installation)?;
        let fault = |error: &dyn std::error::Error| EngineError::fault(error.to_string());
        let warehouse = Warehouse::open(installation, Arc::clone(&policy)).map_err(|e| fault(&e))?;
        let snapshot = warehouse.snapshot().await.map_err(|e| fault(&e))?;
        let years: BTreeSet<i32> = snapshot
            .tables
            .values()
            .flat_map(|table| table.files.iter())
            .filter_map(|file| file.year)
            .collect();
        let folder = installation.root();
        let new = folder.join(NEW);
        let made = (|| {
            match fs::remove_dir_all(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(&error)),
                _ => {}
            }
            fs::create_dir(&new).map_err(|e| fault(&e))?;
            let book = Ledger::create(&new.join("ledger.sqlite"), key_or_new(installation)?)
                .map_err(|e| fault(&e))?;
            book.adopt(who, &without_numbers(reason), &limits_with(&policy, &years)?).map_err(|e| fault(&e))
        })();
        made?;
        let moment = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ");
        let aside = folder.join(format!("ledger.damaged-{moment}"));
        fs::create_dir(&aside).map_err(|e| fault(&e))?;
        // Cut short, it leaves an installation without a book, and is done again.
        exchange(folder, &new, &aside).map_err(|e| fault(&e))?;
        Ok(aside)
    }
}

fn policy_for(installation: &Installation, who: &str) -> Result<Policy, EngineError> {
    let policy =
        Policy::load(&installation.policy_path()).map_err(|e| EngineError::refused(e.to_string()))?;
    if policy.analyst(who).is_some_and(|analyst| analyst.may(Role::Steward)) {
        return Ok(policy);
    }
    Err(EngineError::not_permitted("Only a steward of the policy can give up budgets."))
}

/// Refuses a book that can be used, or taken into use with what is in it.
fn refuse_usable(installation: &Installation) -> Result<(), EngineError> {
    let path = installation.ledger_path();
    if !path.exists() {
        return Ok(());
    }
    let key = match KeyFile::load(&installation.ledger_key_path()) {
        Ok(key) => LedgerKey::from_secret(key.secret()),
        Err(KeyFileError::Missing(_)) => return Ok(()),
        Err(error) => return Err(EngineError::fault(error.to_string())),
    };
    let flaws = Ledger::inspect(&path, key).and_then(|ledger| ledger.flaws());
    match flaws {
        Ok(flaws) if flaws.is_empty() => Err(EngineError::refused("The ledger is whole.").with_hint(
            "If it is an older copy, or its note is lost, `skjerm budget adopt` without `--anew` keeps its answers.",
        )),
        Ok(_)
        | Err(
            LedgerError::Corrupt { .. }
            | LedgerError::NotALedger { .. }
            | LedgerError::Tampered { .. }
            | LedgerError::Unbegun { .. },
        ) => Ok(()),
        Err(error) => Err(open_error(installation, &error)),
    }
}

fn key_or_new(installation: &Installation) -> Result<LedgerKey, EngineError> {
    let path = installation.ledger_key_path();
    if !path.exists() {
        let made = KeyFile::generate(1).and_then(|key| key.save(&path));
        made.map_err(|error| EngineError::fault(error.to_string()))?;
    }
    key(installation)
}

/// Moves the old book aside and the new one to its place.
fn exchange(folder: &Path, new: &Path, aside: &Path) -> io::Result<()> {
    let moved = |from: &Path, to: &Path| match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    // Without its file there is no book, so that goes first.
    for part in PARTS.iter().rev() {
        moved(&folder.join(part), &aside.join(part))?;
    }
    for part in PARTS {
        moved(&new.join(part), &folder.join(part))?;
    }
    fs::remove_dir_all(new)?;
    fs::File::open(folder)?.sync_all()
}
