//! Opening the file: what it must be, and how it is written.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::LedgerError;

/// "SKJM": marks a file as ours among all `SQLite` files.
const APPLICATION: i32 = 0x534B_4A4D;
/// The layout below. A later one gets a higher number and a migration.
const VERSION: i32 = 1;

/// `STRICT`, so that an amount can never be anything but a whole number. Shares are checked by their
/// foreign key; what is left is decided in code, within the transaction that charges.
const LAYOUT: &str = "
CREATE TABLE block (
    family TEXT NOT NULL,
    name TEXT NOT NULL,
    rho INTEGER NOT NULL CHECK (rho >= 0),
    delta REAL NOT NULL,
    PRIMARY KEY (family, name)
) STRICT;
CREATE TABLE share (
    family TEXT NOT NULL,
    block TEXT NOT NULL,
    name TEXT NOT NULL,
    rho INTEGER NOT NULL CHECK (rho >= 0),
    PRIMARY KEY (family, block, name),
    FOREIGN KEY (family, block) REFERENCES block (family, name)
) STRICT;
CREATE TABLE answer (
    id TEXT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    question TEXT NOT NULL,
    kind TEXT NOT NULL,
    who TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE TABLE reservation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    key TEXT NOT NULL,
    who TEXT NOT NULL,
    share TEXT NOT NULL,
    kind TEXT NOT NULL,
    question TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'abandoned')),
    reason TEXT,
    answer TEXT REFERENCES answer (id)
) STRICT;
CREATE TABLE charge (
    reservation INTEGER NOT NULL REFERENCES reservation (id),
    family TEXT NOT NULL,
    block TEXT NOT NULL,
    share TEXT NOT NULL,
    rho INTEGER NOT NULL CHECK (rho > 0),
    PRIMARY KEY (reservation, family, block),
    FOREIGN KEY (family, block, share) REFERENCES share (family, block, name)
) STRICT;
CREATE INDEX charge_by_block ON charge (family, block, share, rho);
";

pub(crate) fn connect(path: &Path, patience: Duration) -> Result<Connection, LedgerError> {
    let of = |source| LedgerError::of(path, source);
    let mut connection = Connection::open(path).map_err(of)?;
    connection.busy_timeout(patience).map_err(of)?;
    // SQLite opens a file it may not write without a word.
    if connection.is_readonly("main").map_err(of)? {
        return Err(LedgerError::ReadOnly { path: path.to_owned() });
    }
    // Recognised before anything is written: another program's file stays as it is.
    let new = recognise(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(of)?;
    // A commit is on the disk before it returns: in WAL mode only FULL promises that.
    connection.pragma_update(None, "synchronous", "full").map_err(of)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(of)?;
    if new {
        lay_out(&mut connection, path)?;
    }
    Ok(connection)
}

/// Whether the file is empty; an error if it is anything but empty or ours.
fn recognise(connection: &Connection, path: &Path) -> Result<bool, LedgerError> {
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
    // Another process may have been faster.
    if recognise(&transaction, path)? {
        transaction.execute_batch(LAYOUT).map_err(of)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(of)?;
        transaction.pragma_update(None, "user_version", VERSION).map_err(of)?;
    }
    transaction.commit().map_err(of)
}
