//! What the steward sees: how the budgets stand, and what happened.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use skjerm_privacy::epsilon;

use crate::charges::amount;
use crate::{Block, BlockStatus, Entry, EntryState, HistoryFilter, ShareStatus};

pub(crate) fn status(connection: &Connection) -> rusqlite::Result<Vec<BlockStatus>> {
    let mut shares: BTreeMap<Block, Vec<ShareStatus>> = BTreeMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT s.family, s.block, s.name, s.rho, COALESCE(SUM(c.rho), 0)
         FROM share s LEFT JOIN charge c ON c.family = s.family AND c.block = s.block AND c.share = s.name
         GROUP BY s.family, s.block, s.name ORDER BY s.name",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (limit, spent) = (amount(row.get(3)?), amount(row.get(4)?));
        let status = ShareStatus { name: row.get(2)?, limit, spent, left: limit.saturating_sub(spent) };
        shares.entry(Block { family: row.get(0)?, name: row.get(1)? }).or_default().push(status);
    }
    let mut statement =
        connection.prepare_cached("SELECT family, name, rho, delta FROM block ORDER BY family, name")?;
    let blocks = statement.query_map([], |row| {
        let block = Block { family: row.get(0)?, name: row.get(1)? };
        let (limit, delta) = (amount(row.get(2)?), row.get(3)?);
        let mut shares = shares.remove(&block).unwrap_or_default();
        let spent = shares.iter().map(|share| share.spent).sum();
        let left = limit.saturating_sub(spent);
        for share in &mut shares {
            share.left = share.left.min(left);
        }
        Ok(BlockStatus { block, limit, spent, left, delta, epsilon_spent: epsilon(spent, delta), shares })
    })?;
    blocks.collect()
}

pub(crate) fn history(connection: &Connection, filter: &HistoryFilter) -> rusqlite::Result<Vec<Entry>> {
    let (family, block) = filter.block.as_ref().map(|b| (&b.family, &b.name)).unzip();
    let mut statement = connection.prepare_cached(
        "SELECT id, at, who, share, kind, question, snapshot, key, state, reason, answer FROM (
             SELECT * FROM reservation r
             WHERE (?1 IS NULL OR EXISTS (
                     SELECT 1 FROM charge c WHERE c.reservation = r.id AND c.family = ?1 AND c.block = ?2))
               AND (?3 IS NULL OR who = ?3) AND (?4 IS NULL OR state = ?4)
             ORDER BY id DESC LIMIT ?5)
         ORDER BY id",
    )?;
    let state = filter.state.map(name_of);
    let limit = filter.limit.map_or(-1, i64::from);
    let entries = statement.query_map(params![family, block, filter.who, state, limit], entry)?;
    let mut entries: Vec<Entry> = entries.collect::<rusqlite::Result<_>>()?;
    let mut charges = connection.prepare_cached(
        "SELECT family, block, rho FROM charge WHERE reservation = ?1 ORDER BY family, block",
    )?;
    for entry in &mut entries {
        let of_entry = charges.query_map([entry.id], |row| {
            Ok((Block { family: row.get(0)?, name: row.get(1)? }, amount(row.get(2)?)))
        })?;
        entry.charges = of_entry.collect::<rusqlite::Result<_>>()?;
    }
    Ok(entries)
}

fn name_of(state: EntryState) -> &'static str {
    match state {
        EntryState::Open => "open",
        EntryState::Settled => "settled",
        EntryState::Abandoned => "abandoned",
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let state: String = row.get(8)?;
    Ok(Entry {
        id: row.get(0)?,
        when: row.get(1)?,
        who: row.get(2)?,
        share: row.get(3)?,
        kind: row.get(4)?,
        question: row.get(5)?,
        snapshot: row.get(6)?,
        key: row.get(7)?,
        // The layout admits these three only.
        state: match state.as_str() {
            "settled" => EntryState::Settled,
            "abandoned" => EntryState::Abandoned,
            _ => EntryState::Open,
        },
        reason: row.get(9)?,
        answer: row.get(10)?,
        charges: Vec::new(),
    })
}
