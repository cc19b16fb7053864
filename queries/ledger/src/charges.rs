//! Limits, and the decision to spend.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use skjerm_privacy::Rho;

use crate::{Block, BlockLimit, Ledger, LedgerError, Request, Reservation};

/// An amount as a column holds it: [`Rho::MAX`] fits by far.
pub(crate) fn column(rho: Rho) -> i64 {
    i64::try_from(rho.nano()).unwrap_or(i64::MAX)
}

/// An amount from a column. Limits and charges are never negative, which the layout checks.
pub(crate) fn amount(column: i64) -> Rho {
    Rho::from_nano(u64::try_from(column).unwrap_or(0))
}

pub(crate) fn check_limit(limit: &BlockLimit) -> Result<(), LedgerError> {
    let block = &limit.block;
    if block.family.is_empty() || block.name.is_empty() {
        return Err(LedgerError::Invalid(
            "a budget's block needs a family and a name: check the policy".into(),
        ));
    }
    if !(limit.delta > 0.0 && limit.delta < 1.0) {
        return Err(LedgerError::Invalid(format!(
            "the budget of {block} has δ {}: it must lie between 0 and 1; check the policy",
            limit.delta
        )));
    }
    match limit.shares.iter().find(|(_, share)| **share > limit.rho) {
        Some((name, share)) => Err(LedgerError::Invalid(format!(
            "the share `{name}` of {block} is ρ {share}, more than the block's ρ {}: check the policy",
            limit.rho
        ))),
        None => Ok(()),
    }
}

pub(crate) fn check_request(request: &Request) -> Result<(), LedgerError> {
    let invalid = |what: &str| Err(LedgerError::Invalid(format!("a request to the ledger {what}")));
    if request.key.is_empty() {
        return invalid("has no key: the same question could not be recognised");
    }
    if request.charges.is_empty() {
        return invalid("charges no block: an answer from protected data is never free");
    }
    if request.charges.iter().any(|(_, price)| price.is_zero()) {
        return invalid("has a price of 0: an answer from protected data is never free");
    }
    let blocks: BTreeSet<&Block> = request.charges.iter().map(|(block, _)| block).collect();
    if blocks.len() != request.charges.len() {
        return invalid("names a block twice: add its prices up first");
    }
    Ok(())
}

pub(crate) fn declare(
    ledger: &Ledger,
    transaction: &Transaction<'_>,
    limits: &[BlockLimit],
) -> Result<(), LedgerError> {
    for limit in limits {
        let block = &limit.block;
        let differs = |what: &str, stored: String, declared: String| LedgerError::LimitDiffers {
            block: block.clone(),
            what: what.to_owned(),
            stored,
            declared,
        };
        let known = ledger.read(
            transaction
                .prepare_cached("SELECT rho, delta FROM block WHERE family = ?1 AND name = ?2")
                .and_then(|mut statement| {
                    statement
                        .query_row(params![block.family, block.name], |row| {
                            Ok((amount(row.get(0)?), row.get::<_, f64>(1)?))
                        })
                        .optional()
                }),
        )?;
        match known {
            None => {
                ledger.read(transaction.execute(
                    "INSERT INTO block (family, name, rho, delta) VALUES (?1, ?2, ?3, ?4)",
                    params![block.family, block.name, column(limit.rho), limit.delta],
                ))?;
            }
            Some((rho, _)) if rho != limit.rho => {
                return Err(differs("ρ", rho.to_string(), limit.rho.to_string()));
            }
            Some((_, delta)) if delta.to_bits() != limit.delta.to_bits() => {
                return Err(differs("δ", delta.to_string(), limit.delta.to_string()));
            }
            Some(_) => {}
        }
        for (name, share) in &limit.shares {
            let inserted = ledger.read(transaction.execute(
                "INSERT INTO share (family, block, name, rho) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                params![block.family, block.name, name, column(*share)],
            ))?;
            if inserted == 0 {
                let stored = ledger.read(share_limit(transaction, block, name))?.unwrap_or(Rho::ZERO);
                if stored != *share {
                    let what = format!("share `{name}`");
                    return Err(differs(&what, stored.to_string(), share.to_string()));
                }
            }
        }
    }
    Ok(())
}

/// What is left of a block, and of a share of it.
pub(crate) struct Rest {
    pub(crate) block: Rho,
    pub(crate) share: Rho,
}

/// What was never declared.
pub(crate) enum Missing {
    Block,
    Share,
}

impl Missing {
    pub(crate) fn into_error(self, block: &Block, share: &str) -> LedgerError {
        let block = block.clone();
        match self {
            Self::Block => LedgerError::UnknownBlock { block },
            Self::Share => LedgerError::UnknownShare { block, share: share.to_owned() },
        }
    }
}

fn share_limit(connection: &Connection, block: &Block, share: &str) -> rusqlite::Result<Option<Rho>> {
    connection
        .prepare_cached("SELECT rho FROM share WHERE family = ?1 AND block = ?2 AND name = ?3")?
        .query_row(params![block.family, block.name, share], |row| row.get(0).map(amount))
        .optional()
}

pub(crate) fn rest(
    connection: &Connection,
    block: &Block,
    share: &str,
) -> rusqlite::Result<Result<Rest, Missing>> {
    let limit = connection
        .prepare_cached("SELECT rho FROM block WHERE family = ?1 AND name = ?2")?
        .query_row(params![block.family, block.name], |row| row.get(0).map(amount))
        .optional()?;
    let Some(limit) = limit else { return Ok(Err(Missing::Block)) };
    let Some(share_limit) = share_limit(connection, block, share)? else { return Ok(Err(Missing::Share)) };
    // `SUM` of integers is exact in SQLite, and an error if it overflows.
    let (spent, by_share) = connection
        .prepare_cached(
            "SELECT COALESCE(SUM(rho), 0), COALESCE(SUM(rho) FILTER (WHERE share = ?3), 0)
             FROM charge WHERE family = ?1 AND block = ?2",
        )?
        .query_row(params![block.family, block.name, share], |row| {
            Ok((amount(row.get(0)?), amount(row.get(1)?)))
        })?;
    Ok(Ok(Rest { block: limit.saturating_sub(spent), share: share_limit.saturating_sub(by_share) }))
}

pub(crate) fn reserve(
    ledger: &Ledger,
    transaction: &Transaction<'_>,
    request: &Request,
) -> Result<Reservation, LedgerError> {
    for (block, asked) in &request.charges {
        let left = ledger
            .read(rest(transaction, block, &request.share))?
            .map_err(|missing| missing.into_error(block, &request.share))?;
        let exhausted = |share: Option<&String>, left: Rho| LedgerError::Exhausted {
            block: block.clone(),
            share: share.cloned(),
            asked: *asked,
            left,
        };
        if left.block < *asked {
            return Err(exhausted(None, left.block));
        }
        if left.share < *asked {
            return Err(exhausted(Some(&request.share), left.share));
        }
    }
    ledger.read(transaction.execute(
        "INSERT INTO reservation (at, key, who, share, kind, question, snapshot, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open')",
        params![
            jiff::Timestamp::now().to_string(),
            request.key,
            request.who,
            request.share,
            request.kind,
            request.question,
            request.snapshot
        ],
    ))?;
    let id = transaction.last_insert_rowid();
    for (block, price) in &request.charges {
        ledger.read(transaction.execute(
            "INSERT INTO charge (reservation, family, block, share, rho) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, block.family, block.name, request.share, column(*price)],
        ))?;
    }
    Ok(Reservation { id, key: request.key.clone() })
}
