//! Opening and making the file: what it must be, and how it is written.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::LedgerError;

/// "SKJM": marks a file as ours among all `SQLite` files.
const APPLICATION: i32 = 0x534B_4A4D;
/// The layout below. A later one gets a higher number and a migration.
const VERSION: i32 = 2;

/// `entry` is the book; the other tables follow from it and are checked against it. `STRICT`, so that an
/// amount can never be anything but a whole number. The triggers are no wall against somebody with the file
/// in their hands, whom the chain finds; they keep a slip from becoming an entry that never was.
const LAYOUT: &str = "
CREATE TABLE entry (
    seq INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    who TEXT NOT NULL,
    body TEXT NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX entry_kind ON entry (kind, seq);
CREATE TABLE account (
    family TEXT NOT NULL,
    block TEXT NOT NULL,
    level INTEGER NOT NULL,
    name TEXT NOT NULL,
    rho_limit INTEGER NOT NULL,
    delta_limit INTEGER NOT NULL,
    rho_spent INTEGER NOT NULL CHECK (rho_spent BETWEEN 0 AND rho_limit),
    delta_spent INTEGER NOT NULL CHECK (delta_spent BETWEEN 0 AND delta_limit),
    shown INTEGER NOT NULL,
    PRIMARY KEY (family, block, level, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE reservation (
    seq INTEGER NOT NULL PRIMARY KEY REFERENCES entry (seq),
    key TEXT NOT NULL,
    who TEXT NOT NULL,
    request TEXT,
    fate TEXT NOT NULL CHECK (fate IN ('open', 'settled', 'abandoned')),
    closed INTEGER REFERENCES entry (seq),
    holder TEXT NOT NULL,
    until TEXT NOT NULL,
    resumed INTEGER NOT NULL
) STRICT;
CREATE INDEX reservation_open ON reservation (key) WHERE fate = 'open';
CREATE UNIQUE INDEX reservation_request ON reservation (who, request) WHERE request IS NOT NULL;
CREATE TABLE answer (
    id TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    charge INTEGER NOT NULL REFERENCES reservation (seq),
    entry INTEGER NOT NULL REFERENCES entry (seq),
    hash BLOB NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER entry_stays_as_it_is BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'entries of the ledger are never changed'); END;
CREATE TRIGGER entry_stays BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'entries of the ledger are never removed'); END;
CREATE TRIGGER answer_stays_as_it_is BEFORE UPDATE ON answer
BEGIN SELECT RAISE(ABORT, 'answers are never changed'); END;
CREATE TRIGGER answer_stays BEFORE DELETE ON answer
BEGIN SELECT RAISE(ABORT, 'answers are never removed'); END;
CREATE TRIGGER spent_is_spent BEFORE UPDATE ON account
WHEN NEW.rho_spent < OLD.rho_spent OR NEW.delta_spent < OLD.delta_spent
BEGIN SELECT RAISE(ABORT, 'nothing is refunded'); END;
CREATE TRIGGER account_stays BEFORE DELETE ON account
BEGIN SELECT RAISE(ABORT, 'accounts are never removed'); END;
";

/// What is wrong with pages, indices or layout: one sentence each.
pub(crate) fn flaws(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut flaws: Vec<String> = connection
        .prepare("PRAGMA integrity_check(20)")?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<_>>()?;
    flaws.retain(|line| line != "ok");
    let layout = |connection: &Connection| -> rusqlite::Result<Vec<[Option<String>; 4]>> {
        connection
            .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name")?
            .query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?
            .collect()
    };
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(LAYOUT)?;
    if layout(connection)? != layout(&fresh)? {
        flaws.push("its tables, indices or triggers are not those it was made with".to_owned());
    }
    Ok(flaws)
}

/// Opens a book that is there.
///
/// # Privacy
/// Never makes one: where a book was lost, an empty one in its place would refill every spent budget.
pub(crate) fn connect(path: &Path, patience: Duration) -> Result<Connection, LedgerError> {
    let connection = match attach(path, patience) {
        Err(LedgerError::CannotOpen { path }) if !path.exists() => return Err(LedgerError::Missing { path }),
        other => other?,
    };
    // Recognised before anything is written: another program's file stays as it is.
    if is_empty(&connection, path)? {
        // A book that was cut to nothing looks the same as one that was never begun.
        return Err(LedgerError::Unbegun { path: path.to_owned() });
    }
    configure(&connection, path)?;
    Ok(connection)
}

/// Begins a book where there is none, for the owner's eyes alone.
pub(crate) fn create(path: &Path, patience: Duration) -> Result<Connection, LedgerError> {
    let exists = || LedgerError::Exists { path: path.to_owned() };
    // What is left of a lost book would be played into the new one.
    if ["-wal", "-journal"].iter().any(|suffix| beside(path, suffix).exists())
        || crate::witness::path_beside(path).exists()
    {
        return Err(exists());
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // SQLite gives its side files the same mode
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(),
        io::ErrorKind::StorageFull => LedgerError::DiskFull { path: path.to_owned() },
        _ => LedgerError::CannotOpen { path: path.to_owned() },
    })?;
    let laid_out = attach(path, patience).and_then(|mut connection| {
        configure(&connection, path)?;
        lay_out(&mut connection, path)?;
        Ok(connection)
    });
    if laid_out.is_err() {
        // Ours, and nothing was ever charged in it.
        let _ = std::fs::remove_file(path);
    }
    laid_out
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn attach(path: &Path, patience: Duration) -> Result<Connection, LedgerError> {
    let of = |source| LedgerError::of(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(of)?;
    connection.busy_timeout(patience).map_err(of)?;
    // SQLite opens a file it may not write without a word.
    if connection.is_readonly("main").map_err(of)? {
        return Err(LedgerError::ReadOnly { path: path.to_owned() });
    }
    Ok(connection)
}

fn configure(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let of = |source| LedgerError::of(path, source);
    connection.pragma_update(None, "journal_mode", "wal").map_err(of)?;
    // A commit is on the disk before it returns: in WAL mode only FULL promises that.
    connection.pragma_update(None, "synchronous", "full").map_err(of)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(of)
}

/// Whether the file is empty; an error if it is anything but empty or ours.
fn is_empty(connection: &Connection, path: &Path) -> Result<bool, LedgerError> {
    let of = |source| LedgerError::of(path, source);
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0)).map_err(of);
    let refuse = |what: String| LedgerError::NotALedger { path: path.to_owned(), what };
    let (application, version) = (number("application_id")?, number("user_version")?);
    if application == APPLICATION {
        return if version == VERSION {
            Ok(false)
        } else {
            Err(refuse(format!(
                "it has layout {version}, and this program reads layout {VERSION}: use the program that wrote it"
            )))
        };
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(of)?;
    if application == 0 && version == 0 && tables == 0 {
        Ok(true)
    } else {
        Err(refuse("it is another program's database".to_owned()))
    }
}

fn lay_out(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let of = |source| LedgerError::of(path, source);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(of)?;
    transaction.execute_batch(LAYOUT).map_err(of)?;
    transaction.pragma_update(None, "application_id", APPLICATION).map_err(of)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(of)?;
    transaction.commit().map_err(of)
}
