//! The ledger of privacy: who spent how much of which budget, and every answer ever given.
//!
//! A charge is durable before the data is read ([`Ledger::reserve`]), and nothing takes it back: a
//! crash leaves it open, an error abandons it, and both stay charged. The answer is stored under the
//! canonical key of its question ([`Ledger::settle`]), so that the same question about the same
//! snapshot gets the same answer for ever, free.
//!
//! It is one `SQLite` file in write-ahead mode with full synchronisation. Amounts are whole billionths
//! of ρ, so sums are exact; every decision to spend is made inside an immediate transaction, so
//! several threads and processes cannot spend the same rest twice.
//!
//! The ledger holds no data: names of blocks, shares and people of the services, questions, and
//! answers that were private before they came here.

mod answers;
mod charges;
mod error;
mod model;
mod open;
mod reports;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use skjerm_privacy::Rho;

pub use error::LedgerError;
pub use model::{
    Begin, Block, BlockLimit, BlockStatus, Entry, EntryState, HistoryFilter, Request, Reservation,
    ShareStatus, StoredAnswer,
};

/// How long to wait for another process's transaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open ledger. Shared between threads by reference; several processes may have it open.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Ledger {
    /// Begins a new book, for its owner alone. Its folder must exist, and no book may be there.
    pub fn create(path: &Path) -> Result<Self, LedgerError> {
        let connection = open::create(path, PATIENCE)?;
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    /// Opens the ledger.
    ///
    /// # Privacy
    /// Never makes one: an empty book in the place of a lost one would refill every spent budget.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::open_with_patience(path, PATIENCE)
    }

    /// The same, with another time to wait for other processes.
    pub fn open_with_patience(path: &Path, patience: Duration) -> Result<Self, LedgerError> {
        let connection = open::connect(path, patience)?;
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    /// Declares blocks with their limits, all or none. Declaring the same again changes nothing, and new
    /// shares may be added; another limit or δ for what is known is an error.
    pub fn declare(&self, limits: &[BlockLimit]) -> Result<(), LedgerError> {
        limits.iter().try_for_each(charges::check_limit)?;
        self.write(|transaction| charges::declare(self, transaction, limits))
    }

    /// The stored answer to a question, by its canonical key.
    pub fn lookup(&self, key: &str) -> Result<Option<StoredAnswer>, LedgerError> {
        let connection = self.lock()?;
        self.read(answers::by_key(&connection, key))
    }

    /// The stored answer with this id.
    pub fn answer(&self, id: &str) -> Result<Option<StoredAnswer>, LedgerError> {
        let connection = self.lock()?;
        self.read(answers::by_id(&connection, id))
    }

    /// Charges, durably before it returns. If the rest of a block or of the share does not suffice,
    /// nothing is charged.
    pub fn reserve(&self, request: &Request) -> Result<Reservation, LedgerError> {
        charges::check_request(request)?;
        self.write(|transaction| charges::reserve(self, transaction, request))
    }

    /// [`Ledger::lookup`] and [`Ledger::reserve`] in one: charges only if there is no answer yet.
    pub fn begin(&self, request: &Request) -> Result<Begin, LedgerError> {
        charges::check_request(request)?;
        self.write(|transaction| match self.read(answers::by_key(transaction, &request.key))? {
            Some(stored) => Ok(Begin::Stored(stored)),
            None => charges::reserve(self, transaction, request).map(Begin::Reserved),
        })
    }

    /// Stores the answer of a reservation, as JSON. If the question got an answer meanwhile, that one is
    /// returned, and the charge stays: both read the data.
    #[allow(clippy::needless_pass_by_value)] // taken away from the caller: a reservation ends once
    pub fn settle(&self, reservation: Reservation, body: &str) -> Result<StoredAnswer, LedgerError> {
        serde_json::from_str::<serde::de::IgnoredAny>(body)
            .map_err(|error| LedgerError::Invalid(format!("an answer to be stored is not JSON: {error}")))?;
        self.write(|transaction| answers::settle(self, transaction, &reservation, body))
    }

    /// Closes a reservation without an answer. The charge stays. `reason` must not depend on data.
    #[allow(clippy::needless_pass_by_value)] // taken away from the caller: a reservation ends once
    pub fn abandon(&self, reservation: Reservation, reason: &str) -> Result<(), LedgerError> {
        self.write(|transaction| answers::abandon(self, transaction, &reservation, reason))
    }

    /// All blocks, by family and name.
    pub fn status(&self) -> Result<Vec<BlockStatus>, LedgerError> {
        self.snapshot(|transaction| reports::status(transaction))
    }

    /// What a share may still spend of a block: the lesser of the share's rest and the block's.
    pub fn remaining(&self, block: &Block, share: &str) -> Result<Rho, LedgerError> {
        let rest = self.snapshot(|transaction| charges::rest(transaction, block, share))?;
        rest.map(|rest| rest.block.min(rest.share)).map_err(|missing| missing.into_error(block, share))
    }

    /// What happened, oldest first.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<Entry>, LedgerError> {
        self.snapshot(|transaction| reports::history(transaction, filter))
    }

    fn lock(&self) -> Result<MutexGuard<'_, Connection>, LedgerError> {
        self.connection.lock().map_err(|_| LedgerError::Poisoned)
    }

    fn read<T>(&self, result: rusqlite::Result<T>) -> Result<T, LedgerError> {
        result.map_err(|source| LedgerError::of(&self.path, source))
    }

    /// Runs `work` in a transaction that excludes other writers from the start. An error rolls back.
    fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let mut connection = self.lock()?;
        let transaction = self.read(connection.transaction_with_behavior(TransactionBehavior::Immediate))?;
        let result = work(&transaction)?;
        self.read(transaction.commit())?;
        Ok(result)
    }

    /// Runs `work` on one state of the ledger.
    fn snapshot<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, LedgerError> {
        let mut connection = self.lock()?;
        let transaction = self.read(connection.transaction())?;
        let result = self.read(work(&transaction))?;
        self.read(transaction.commit())?;
        Ok(result)
    }
}
