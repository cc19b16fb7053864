//! The book in one `SQLite` file: write-ahead log, full synchronisation, immediate transactions.

mod book;
pub(crate) mod open;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{Book, Result, Store};
use crate::LedgerError;
use crate::holder::{self, Holder};
use book::SqliteBook;

/// How long the database itself waits for a lock before this store tries anew: short, so that of many
/// processes none sleeps through its turn.
const NAP: Duration = Duration::from_millis(2);

/// A book on this machine.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    path: PathBuf,
    patience: Duration,
    identity: Vec<Identity>,
    connection: Mutex<Connection>,
    holder: OnceLock<Holder>,
    holders: PathBuf,
}

impl SqliteStore {
    pub(crate) fn create(path: &Path, patience: Duration) -> Result<Self> {
        Self::over(path, patience, open::create(path, NAP)?)
    }

    pub(crate) fn open(path: &Path, patience: Duration) -> Result<Self> {
        let holders = holder::folder_beside(path);
        // Opening reads the log's index, which another process may be building.
        let store = Self::over(path, patience, open::connect(path, patience)?)?;
        holder::clear(&holders);
        Ok(store)
    }

    fn over(path: &Path, patience: Duration, connection: Connection) -> Result<Self> {
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(NAP).map_err(|source| LedgerError::of(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            patience,
            identity: identity(path),
            connection: Mutex::new(connection),
            holder: OnceLock::new(),
            holders: holder::folder_beside(path),
        })
    }

    fn lock(&self) -> Result<MutexGuard<'_, Connection>> {
        // Another file under a name: what is written to this one would be read by nobody.
        if self.identity != identity(&self.path) {
            return Err(LedgerError::Replaced { path: self.path.clone() });
        }
        self.connection.lock().map_err(|_| LedgerError::Poisoned)
    }

    /// A hand on this very connection, for what cannot be done to it from outside.
    #[cfg(test)]
    pub(crate) fn on_connection<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        work(&self.connection.lock().unwrap())
    }

    fn of<T>(&self, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|source| LedgerError::of(&self.path, source))
    }

    /// Begins a transaction, waiting for other processes in small steps. It has its state of the book when it
    /// has begun: a reader, too, may have to wait, for one that builds the log's index anew after a crash.
    fn transaction<'c>(
        &self,
        connection: &'c Connection,
        behavior: TransactionBehavior,
    ) -> Result<Transaction<'c>> {
        let start = Instant::now();
        loop {
            let begun = Transaction::new_unchecked(connection, behavior).and_then(|transaction| {
                transaction.prepare_cached("SELECT 1 FROM sqlite_schema LIMIT 1")?.exists([])?;
                Ok(transaction)
            });
            match self.of(begun) {
                Err(LedgerError::Locked { .. }) if start.elapsed() < self.patience => {
                    std::thread::sleep(Duration::from_micros(500));
                }
                other => return other,
            }
        }
    }
}

impl Store for SqliteStore {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Book) -> Result<()>) -> Result<()> {
        let connection = self.lock()?;
        // What decides a charge is read from the file, not from pages remembered of it.
        self.of(connection.execute_batch("PRAGMA shrink_memory"))?;
        let transaction = self.transaction(&connection, TransactionBehavior::Immediate)?;
        work(&mut SqliteBook { connection: &transaction, path: &self.path })?;
        self.of(transaction.commit())?;
        // Exchanged while we waited for the lock: what was written is in nobody's book.
        if self.identity == identity(&self.path) {
            Ok(())
        } else {
            Err(LedgerError::Replaced { path: self.path.clone() })
        }
    }

    fn read(&self, work: &mut dyn FnMut(&dyn Book) -> Result<()>) -> Result<()> {
        let connection = self.lock()?;
        let transaction = self.transaction(&connection, TransactionBehavior::Deferred)?;
        work(&SqliteBook { connection: &transaction, path: &self.path })?;
        self.of(transaction.commit())
    }

    fn flaws(&self) -> Result<Vec<String>> {
        let connection = self.lock()?;
        let transaction = self.transaction(&connection, TransactionBehavior::Deferred)?;
        self.of(open::flaws(&transaction))
    }

    fn is_held(&self, holder: &str) -> bool {
        holder::is_held(&self.holders, holder)
    }

    fn holder(&self) -> Result<String> {
        if let Some(holder) = self.holder.get() {
            return Ok(holder.name().to_owned());
        }
        let taken = Holder::take(&self.holders).map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => LedgerError::DiskFull { path: self.holders.clone() },
            _ => LedgerError::CannotOpen { path: self.holders.clone() },
        })?;
        // Of two threads that took one at once, the first stays.
        Ok(self.holder.get_or_init(|| taken).name().to_owned())
    }
}

/// Device and number of a file.
type Identity = Option<(u64, u64)>;

/// Which files are meant: the book, its log and the log's index. As long as a connection is open, the
/// database leaves them in their places.
fn identity(path: &Path) -> Vec<Identity> {
    ["", "-wal", "-shm"].into_iter().map(|suffix| identity_of(&open::beside(path, suffix))).collect()
}

#[cfg(unix)]
fn identity_of(path: &Path) -> Identity {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity_of(_path: &Path) -> Identity {
    None
}
