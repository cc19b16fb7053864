//! A hand in the file: changes of single values, past every trigger and constraint, and taken back again.

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::*;

/// A value as it is stored. Text is bytes: a changed one need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Number(i64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

pub(crate) type Row = Vec<Cell>;

/// A table, its columns, and how many of them, the first ones, are its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
    key: usize,
}

pub(crate) const ENTRY: Table =
    Table { name: "entry", columns: &["seq", "at", "kind", "who", "body", "previous", "hash"], key: 1 };
const ACCOUNT: Table = Table {
    name: "account",
    columns: &[
        "family",
        "block",
        "level",
        "name",
        "rho_limit",
        "delta_limit",
        "rho_spent",
        "delta_spent",
        "shown",
    ],
    key: 4,
};
const RESERVATION: Table = Table {
    name: "reservation",
    columns: &["seq", "key", "who", "request", "fate", "closed", "holder", "until", "resumed"],
    key: 1,
};
pub(crate) const ANSWER: Table =
    Table { name: "answer", columns: &["id", "key", "charge", "entry", "hash", "body"], key: 1 };
pub(crate) const TABLES: [Table; 4] = [ENTRY, ACCOUNT, RESERVATION, ANSWER];

impl Table {
    pub(crate) fn swap_keys(self, first: &mut Row, second: &mut Row) {
        first[..self.key].swap_with_slice(&mut second[..self.key]);
    }
}

impl Cell {
    pub(crate) fn bits(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Number(_) => 64,
            Self::Text(bytes) | Self::Blob(bytes) => bytes.len() * 8,
        }
    }

    pub(crate) fn flipped(&self, bit: usize) -> Self {
        let flip = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        match self {
            Self::Null => Self::Null,
            Self::Number(number) => Self::Number(number ^ (1 << bit)),
            Self::Text(bytes) => Self::Text(flip(bytes)),
            Self::Blob(bytes) => Self::Blob(flip(bytes)),
        }
    }

    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Number(number),
            ValueRef::Text(bytes) => Self::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
            ValueRef::Real(number) => panic!("a ledger of {number}"),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

impl rusqlite::ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Number(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(bytes) | Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// Somebody with the file in their hands who knows the database, and not the key.
pub(crate) struct Forger(Connection);

impl Forger {
    pub(crate) fn of(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.set_prepared_statement_cache_capacity(256);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = off; PRAGMA ignore_check_constraints = on; PRAGMA synchronous = off",
            )
            .unwrap();
        Self(connection)
    }

    pub(crate) fn rows(&self, table: Table) -> Vec<Row> {
        let sql = format!("SELECT {} FROM {}", table.columns.join(", "), table.name);
        let mut statement = self.0.prepare(&sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            (0..table.columns.len()).map(|at| Ok(Cell::of(row.get_ref(at)?))).collect()
        };
        statement.query_map([], row).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    /// Everything that the file says.
    pub(crate) fn content(&self) -> Vec<Vec<Row>> {
        let mut all: Vec<Vec<Row>> = TABLES.into_iter().map(|table| self.rows(table)).collect();
        all.push(self.rows(Table {
            name: "sqlite_schema",
            columns: &["type", "name", "tbl_name", "sql"],
            key: 0,
        }));
        all
    }

    /// Removes `old` rows and puts `new` ones, all or none: an error if the database itself admits no such
    /// rows beside the others.
    pub(crate) fn exchange(&self, table: Table, old: &[Row], new: &[Row]) -> rusqlite::Result<()> {
        let transaction = self.0.unchecked_transaction()?;
        for row in old {
            let conditions: Vec<String> = (0..table.key)
                .map(|at| format!("{} = {}", table.columns[at], parameter(&row[at], at)))
                .collect();
            let sql = format!("DELETE FROM {} WHERE {}", table.name, conditions.join(" AND "));
            let removed = transaction.prepare_cached(&sql)?.execute(params_from_iter(&row[..table.key]))?;
            assert_eq!(removed, 1, "{row:?}");
        }
        for row in new {
            let values: Vec<String> = row.iter().enumerate().map(|(at, cell)| parameter(cell, at)).collect();
            let sql = format!(
                "INSERT INTO {} ({}) VALUES ({})",
                table.name,
                table.columns.join(", "),
                values.join(", ")
            );
            transaction.prepare_cached(&sql)?.execute(params_from_iter(row))?;
        }
        transaction.commit()
    }

    /// Shows `look` the book with `new` rows in the place of `old` ones, and puts the old ones back. False
    /// if the database itself admits no such rows.
    pub(crate) fn for_a_moment(&self, table: Table, old: &[Row], new: &[Row], look: impl FnOnce()) -> bool {
        match self.exchange(table, old, new) {
            Ok(()) => {}
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                return false;
            }
            Err(error) => panic!("{error}"),
        }
        look();
        self.exchange(table, new, old).unwrap();
        true
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.0.execute_batch(sql).unwrap();
    }
}

/// Bytes become text again in the database: what is no UTF-8 cannot be handed over as text.
fn parameter(cell: &Cell, at: usize) -> String {
    if cell.is_text() { format!("CAST(?{} AS TEXT)", at + 1) } else { format!("?{}", at + 1) }
}

/// What a check finds first, if anything.
pub(crate) fn first_problem(ledger: &Ledger, seen: &Head) -> Result<Option<Problem>> {
    // The whole check costs twice as much, for what the cheaper part of it mostly finds.
    let found = ledger.read(|book| Ok(verify::whole(book, &key(), Some(seen), &[])))?;
    match found.problems.into_iter().next() {
        None => Ok(ledger.verify(&[])?.problems.into_iter().next()),
        found => Ok(found),
    }
}

/// Seeded: the same changes in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}
