//! Answers, and how a reservation ends.

use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, params};

use crate::{Ledger, LedgerError, Reservation, StoredAnswer};

const COLUMNS: &str = "SELECT id, key, body, question, kind, who, snapshot, at FROM answer";

fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredAnswer> {
    Ok(StoredAnswer {
        id: row.get(0)?,
        key: row.get(1)?,
        body: row.get(2)?,
        question: row.get(3)?,
        kind: row.get(4)?,
        who: row.get(5)?,
        snapshot: row.get(6)?,
        when: row.get(7)?,
    })
}

fn one(
    connection: &Connection,
    condition: &str,
    values: impl Params,
) -> rusqlite::Result<Option<StoredAnswer>> {
    connection.prepare_cached(&format!("{COLUMNS} WHERE {condition}"))?.query_row(values, from_row).optional()
}

pub(crate) fn by_key(connection: &Connection, key: &str) -> rusqlite::Result<Option<StoredAnswer>> {
    one(connection, "key = ?1", params![key])
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<StoredAnswer>> {
    one(connection, "id = ?1", params![id])
}

/// Derived from the key, so that the same question about the same snapshot keeps its name.
fn name_of(key: &str) -> String {
    let digest = blake3::derive_key("skjerm ledger 2026 answer id", key.as_bytes());
    digest[..8].iter().fold(String::from("a"), |mut name, byte| {
        for digit in [byte >> 4, byte & 15] {
            name.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
        name
    })
}

pub(crate) fn settle(
    ledger: &Ledger,
    transaction: &Transaction<'_>,
    reservation: &Reservation,
    body: &str,
) -> Result<StoredAnswer, LedgerError> {
    let id = name_of(&reservation.key);
    // The first answer wins: an answer that has been seen is never replaced.
    ledger.read(transaction.execute(
        "INSERT INTO answer (id, key, body, question, kind, who, snapshot, at)
         SELECT ?2, key, ?3, question, kind, who, snapshot, ?4 FROM reservation
         WHERE id = ?1 AND key = ?5 AND state = 'open'
         ON CONFLICT (key) DO NOTHING",
        params![reservation.id, id, body, jiff::Timestamp::now().to_string(), reservation.key],
    ))?;
    let stored = ledger.read(by_key(transaction, &reservation.key))?;
    let stored = stored.ok_or(LedgerError::NotOpen { id: reservation.id })?;
    close(ledger, transaction, reservation, "settled", None, Some(&stored.id))?;
    Ok(stored)
}

pub(crate) fn abandon(
    ledger: &Ledger,
    transaction: &Transaction<'_>,
    reservation: &Reservation,
    reason: &str,
) -> Result<(), LedgerError> {
    close(ledger, transaction, reservation, "abandoned", Some(reason), None)
}

fn close(
    ledger: &Ledger,
    transaction: &Transaction<'_>,
    reservation: &Reservation,
    state: &str,
    reason: Option<&str>,
    answer: Option<&str>,
) -> Result<(), LedgerError> {
    let changed = ledger.read(transaction.execute(
        "UPDATE reservation SET state = ?3, reason = ?4, answer = ?5
         WHERE id = ?1 AND key = ?2 AND state = 'open'",
        params![reservation.id, reservation.key, state, reason, answer],
    ))?;
    if changed == 1 { Ok(()) } else { Err(LedgerError::NotOpen { id: reservation.id }) }
}
