//! One transaction: the operations of the traits as statements.

use std::path::Path;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row, ToSql, params, params_from_iter};

use crate::chain::{Hash, Sealed};
use crate::store::{Account, AccountName, Answer, Book, Fate, Level, Reserved, Result, Tables, Units};
use crate::{EntryState, HistoryFilter, LedgerError};

/// A transaction on the file.
pub(super) struct SqliteBook<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a Path,
}

const ENTRY: &str = "SELECT seq, at, kind, who, body, previous, hash FROM entry";
const ACCOUNT: &str =
    "SELECT family, block, level, name, rho_limit, delta_limit, rho_spent, delta_spent, shown
                       FROM account";
const RESERVATION: &str =
    "SELECT seq, key, who, request, fate, closed, holder, until, resumed FROM reservation";
const ANSWER: &str = "SELECT id, key, charge, entry, hash, body FROM answer";

impl SqliteBook<'_> {
    fn of<T>(&self, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|source| LedgerError::of(self.path, source))
    }

    fn one<T>(
        &self,
        select: &str,
        condition: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let statement = self.connection.prepare_cached(&format!("{select} WHERE {condition}"));
        self.of(statement.and_then(|mut statement| statement.query_row(values, read).optional()))
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let statement = self.connection.prepare_cached(sql);
        self.of(statement.and_then(|mut statement| statement.query_map(values, read)?.collect()))
    }

    fn put(&self, sql: &str, values: impl Params) -> Result<()> {
        let statement = self.connection.prepare_cached(sql);
        self.of(statement.and_then(|mut statement| statement.execute(values))).map(drop)
    }

    /// Every row in turn. `each` may end it.
    fn each<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
        each: &mut dyn FnMut(T) -> Result<bool>,
    ) -> Result<()> {
        let mut statement = self.of(self.connection.prepare_cached(sql))?;
        let mut rows = self.of(statement.query(values))?;
        while let Some(row) = self.of(rows.next())? {
            if !each(self.of(read(row))?)? {
                break;
            }
        }
        Ok(())
    }
}

impl Tables for SqliteBook<'_> {
    fn account(&self, name: &AccountName) -> Result<Option<Account>> {
        let values = params![name.family, name.block, level_code(name.level), name.name];
        self.one(ACCOUNT, "family = ?1 AND block = ?2 AND level = ?3 AND name = ?4", values, account)
    }

    fn accounts(&self) -> Result<Vec<Account>> {
        self.all(&format!("{ACCOUNT} ORDER BY family, block, level, name"), [], account)
    }

    fn put_account(&mut self, account: &Account) -> Result<()> {
        let (name, limit, spent) = (&account.name, account.limit, account.spent);
        self.put(
            "INSERT INTO account (family, block, level, name, rho_limit, delta_limit, rho_spent, delta_spent, shown)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT DO UPDATE SET rho_limit = excluded.rho_limit, delta_limit = excluded.delta_limit,
                 rho_spent = excluded.rho_spent, delta_spent = excluded.delta_spent, shown = excluded.shown",
            params![
                name.family,
                name.block,
                level_code(name.level),
                name.name,
                column(limit.rho_nano),
                column(limit.delta_atto),
                column(spent.rho_nano),
                column(spent.delta_atto),
                column(account.shown)
            ],
        )
    }

    fn reservation(&self, seq: u64) -> Result<Option<Reserved>> {
        self.one(RESERVATION, "seq = ?1", params![column(seq)], reserved)
    }

    fn put_reservation(&mut self, reserved: &Reserved) -> Result<()> {
        self.put(
            "INSERT INTO reservation (seq, key, who, request, fate, closed, holder, until, resumed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (seq) DO UPDATE SET fate = excluded.fate, closed = excluded.closed,
                 holder = excluded.holder, until = excluded.until, resumed = excluded.resumed",
            params![
                column(reserved.seq),
                reserved.key,
                reserved.who,
                reserved.request,
                reserved.fate.as_str(),
                reserved.closed.map(column),
                reserved.holder,
                reserved.until,
                column(reserved.resumed)
            ],
        )
    }

    fn answer_by_key(&self, key: &str) -> Result<Option<Answer>> {
        self.one(ANSWER, "key = ?1", params![key], answer)
    }

    fn put_answer(&mut self, answer: &Answer, body: Option<&str>) -> Result<()> {
        self.put(
            "INSERT INTO answer (id, key, charge, entry, hash, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![answer.id, answer.key, column(answer.charge), column(answer.entry), answer.hash, body],
        )
    }
}

impl Book for SqliteBook<'_> {
    fn last(&self) -> Result<Option<Sealed>> {
        self.one(ENTRY, "seq = (SELECT max(seq) FROM entry)", [], sealed)
    }

    fn entry(&self, seq: u64) -> Result<Option<Sealed>> {
        self.one(ENTRY, "seq = ?1", params![column(seq)], sealed)
    }

    fn walk(&self, from: u64, each: &mut dyn FnMut(Sealed) -> Result<bool>) -> Result<()> {
        self.each(&format!("{ENTRY} WHERE seq >= ?1 ORDER BY seq"), params![column(from)], sealed, each)
    }

    fn append(&mut self, entry: &Sealed) -> Result<()> {
        self.put(
            "INSERT INTO entry (seq, at, kind, who, body, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                column(entry.seq),
                entry.at,
                entry.kind,
                entry.who,
                entry.body,
                entry.previous,
                entry.hash
            ],
        )
    }

    fn tables(&mut self) -> &mut dyn Tables {
        self
    }

    fn by_request(&self, who: &str, request: &str) -> Result<Option<Reserved>> {
        self.one(RESERVATION, "who = ?1 AND request = ?2", params![who, request], reserved)
    }

    fn open_by_key(&self, key: &str) -> Result<Vec<Reserved>> {
        self.all(&format!("{RESERVATION} WHERE key = ?1 AND fate = 'open' ORDER BY seq"), [key], reserved)
    }

    fn answer_by_id(&self, id: &str) -> Result<Option<Answer>> {
        self.one(ANSWER, "id = ?1", params![id], answer)
    }

    fn body(&self, id: &str) -> Result<Option<String>> {
        self.one("SELECT body FROM answer", "id = ?1", params![id], |row| row.get(0))
    }

    fn reservations(&self, each: &mut dyn FnMut(Reserved) -> Result<()>) -> Result<()> {
        self.each(&format!("{RESERVATION} ORDER BY seq"), [], reserved, &mut |one| each(one).map(|()| true))
    }

    fn answers(&self, each: &mut dyn FnMut(Answer, String) -> Result<()>) -> Result<()> {
        let with_body = |row: &Row<'_>| Ok((answer(row)?, row.get(5)?));
        self.each(&format!("{ANSWER} ORDER BY entry"), [], with_body, &mut |(one, body)| {
            each(one, body).map(|()| true)
        })
    }

    fn find<'f>(&self, filter: &'f HistoryFilter) -> Result<Vec<u64>> {
        // Only the conditions that are asked for, so that each finds its index.
        let mut conditions = vec!["TRUE"];
        let mut values: Vec<&dyn ToSql> = Vec::new();
        let mut asked = |condition, value: Option<&'f dyn ToSql>| {
            conditions.push(condition);
            values.extend(value);
        };
        if let Some(block) = &filter.block {
            // What others call charges in the details of an event is none.
            asked("e.kind IN ('charge', 'refused', 'written_off')", None);
            asked(
                "EXISTS (SELECT 1 FROM json_each(e.body, '$.charges') c WHERE c.value ->> 'family' = ?",
                Some(&block.family),
            );
            // One condition in two, a value each.
            asked("c.value ->> 'block' = ?)", Some(&block.name));
        }
        for (condition, value) in [
            ("e.who = ?", &filter.who),
            ("e.kind = ?", &filter.kind),
            ("e.at >= ?", &filter.since),
            ("e.at < ?", &filter.until),
        ] {
            if let Some(value) = value {
                asked(condition, Some(value));
            }
        }
        match filter.state {
            // Few are open at any time: they have an index of their own. Whether one is lost is known to the
            // holders' locks only.
            Some(EntryState::Running | EntryState::Lost) => {
                asked("e.seq IN (SELECT seq FROM reservation WHERE fate = 'open')", None);
            }
            Some(EntryState::Settled) => {
                asked("e.seq IN (SELECT seq FROM reservation WHERE fate = 'settled')", None);
            }
            Some(EntryState::Abandoned) => {
                asked("e.seq IN (SELECT seq FROM reservation WHERE fate = 'abandoned')", None);
            }
            None => {}
        }
        let narrowed = matches!(filter.state, Some(EntryState::Running | EntryState::Lost));
        let limit = filter.limit.filter(|_| !narrowed).map_or(-1, i64::from);
        values.push(&limit);
        let sql = format!(
            "SELECT e.seq FROM entry e WHERE {} ORDER BY e.seq DESC LIMIT ?",
            conditions.join(" AND ")
        );
        let mut found = self.all(&sql, params_from_iter(values), |row| number(row, 0))?;
        found.reverse();
        Ok(found)
    }
}

/// A whole number as a column holds it. Amounts and numbers of entries stay far below 2⁶³.
fn column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A whole number from a column. The layout admits no negative one; a damaged file may hold it.
fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(at)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, value))
}

fn level_code(level: Level) -> i64 {
    match level {
        Level::Block => 0,
        Level::Share => 1,
        Level::Analyst => 2,
    }
}

fn sealed(row: &Row<'_>) -> rusqlite::Result<Sealed> {
    Ok(Sealed {
        seq: number(row, 0)?,
        at: row.get(1)?,
        kind: row.get(2)?,
        who: row.get(3)?,
        body: row.get(4)?,
        previous: row.get::<_, Hash>(5)?,
        hash: row.get::<_, Hash>(6)?,
    })
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let level = match row.get(2)? {
        0_i64 => Level::Block,
        1 => Level::Share,
        2 => Level::Analyst,
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(2, other)),
    };
    Ok(Account {
        name: AccountName { family: row.get(0)?, block: row.get(1)?, level, name: row.get(3)? },
        limit: Units { rho_nano: number(row, 4)?, delta_atto: number(row, 5)? },
        spent: Units { rho_nano: number(row, 6)?, delta_atto: number(row, 7)? },
        shown: number(row, 8)?,
    })
}

fn reserved(row: &Row<'_>) -> rusqlite::Result<Reserved> {
    let name: String = row.get(4)?;
    let fate = Fate::from_name(&name)
        .ok_or_else(|| rusqlite::Error::InvalidColumnType(4, "fate".to_owned(), Type::Text))?;
    let closed: Option<i64> = row.get(5)?;
    Ok(Reserved {
        seq: number(row, 0)?,
        key: row.get(1)?,
        who: row.get(2)?,
        request: row.get(3)?,
        fate,
        closed: closed.is_some().then(|| number(row, 5)).transpose()?,
        holder: row.get(6)?,
        until: row.get(7)?,
        resumed: number(row, 8)?,
    })
}

fn answer(row: &Row<'_>) -> rusqlite::Result<Answer> {
    Ok(Answer {
        id: row.get(0)?,
        key: row.get(1)?,
        charge: number(row, 2)?,
        entry: number(row, 3)?,
        hash: row.get::<_, Hash>(4)?,
    })
}
