//! What the steward reads: how the budgets stand, and what happened.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use skjerm_privacy::{Delta, Loss, Rho, epsilon_of};

use crate::chain::{Sealed, hex};
use crate::entry::{Body, Line};
use crate::rules::{Holders, left};
use crate::store::{Account, Book, Fate, Level};
use crate::{
    Block, BlockStatus, Charged, Entry, EntryState, FamilySum, HistoryFilter, LedgerError, ShareStatus,
};

pub(crate) fn status(book: &dyn Book) -> Result<Vec<BlockStatus>, LedgerError> {
    let mut blocks: Vec<BlockStatus> = Vec::new();
    // In the order of names: a block's own account comes before those within it.
    for account in book.accounts()? {
        let (limit, spent) = (Loss::from(account.limit), Loss::from(account.spent));
        if account.name.level == Level::Block {
            let delta = Delta::from_atto(account.shown);
            blocks.push(BlockStatus {
                block: account.name.block(),
                limit: limit.rho,
                spent: spent.rho,
                left: left(&account).rho,
                delta,
                delta_limit: limit.delta,
                delta_spent: spent.delta,
                epsilon_spent: epsilon_of(spent, delta),
                epsilon_limit: epsilon_of(limit, delta),
                shares: Vec::new(),
                analysts: Vec::new(),
            });
        } else if let Some(block) = blocks.last_mut().filter(|b| b.block == account.name.block()) {
            let within = within(&account, block.left);
            match account.name.level {
                Level::Share => block.shares.push(within),
                Level::Block | Level::Analyst => block.analysts.push(within),
            }
        }
    }
    Ok(blocks)
}

fn within(account: &Account, left_of_block: Rho) -> ShareStatus {
    ShareStatus {
        name: account.name.name.clone(),
        limit: Loss::from(account.limit).rho,
        spent: Loss::from(account.spent).rho,
        left: left(account).rho.min(left_of_block),
    }
}

/// Somebody may be in every block of a family: their losses add up.
pub(crate) fn sums(blocks: &[BlockStatus]) -> Vec<FamilySum> {
    let mut families: BTreeMap<&str, Vec<&BlockStatus>> = BTreeMap::new();
    for block in blocks {
        families.entry(&block.block.family).or_default().push(block);
    }
    let sum = |(family, blocks): (&str, Vec<&BlockStatus>)| {
        let total = |rho: fn(&BlockStatus) -> Rho, delta: fn(&BlockStatus) -> Delta| Loss {
            rho: blocks.iter().map(|b| rho(b)).sum(),
            delta: blocks.iter().map(|b| delta(b)).sum(),
        };
        let spent = total(|b| b.spent, |b| b.delta_spent);
        let limit = total(|b| b.limit, |b| b.delta_limit);
        // The strictest of the δs, should they differ.
        let delta = blocks.iter().map(|b| b.delta).min().unwrap_or(Delta::ZERO);
        FamilySum {
            family: family.to_owned(),
            blocks: blocks.len(),
            spent: spent.rho,
            limit: limit.rho,
            delta,
            epsilon_spent: epsilon_of(spent, delta),
            epsilon_limit: epsilon_of(limit, delta),
        }
    };
    families.into_iter().map(sum).collect()
}

pub(crate) fn history(
    book: &dyn Book,
    filter: &HistoryFilter,
    holders: &Holders<'_>,
    now: Timestamp,
) -> Result<Vec<Entry>, LedgerError> {
    let (since, until) = (filter.since.as_deref().map(as_in_book), filter.until.as_deref().map(as_in_book));
    let mut entries = Vec::new();
    for seq in book.find(&HistoryFilter { since, until, ..filter.clone() })? {
        let Some(sealed) = book.entry(seq)? else { continue };
        let entry = line(book, sealed, holders, now)?;
        if filter.state.is_none_or(|state| entry.state == Some(state)) {
            entries.push(entry);
        }
    }
    if let Some(limit) = filter.limit {
        let surplus = entries.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
        entries.drain(..surplus);
    }
    Ok(entries)
}

/// A moment in the form of the book's, which are compared as text; a day stays as it is.
fn as_in_book(moment: &str) -> String {
    moment.parse().map_or_else(|_| moment.to_owned(), |at: Timestamp| format!("{at:.3}"))
}

fn line(
    book: &dyn Book,
    sealed: Sealed,
    holders: &Holders<'_>,
    now: Timestamp,
) -> Result<Entry, LedgerError> {
    let (mut state, mut answer, mut reason, mut charges) = (None, None, None, Vec::new());
    let what = match Body::of(&sealed) {
        Some(Body::Charge(body)) => {
            if let Some(reserved) = book.reservation(sealed.seq)? {
                state = Some(match reserved.fate {
                    Fate::Settled => EntryState::Settled,
                    Fate::Abandoned => EntryState::Abandoned,
                    Fate::Open if holders.is_running(&reserved, now) => EntryState::Running,
                    Fate::Open => EntryState::Lost,
                });
                if reserved.fate == Fate::Settled {
                    answer = book.answer_by_key(&reserved.key)?.map(|answer| answer.id);
                }
            }
            (reason, charges) = (body.reason, charged(&body.charges));
            format!("{}: {}", body.what, body.question)
        }
        Some(Body::Refused(body)) => {
            (reason, charges) = (Some(body.reason), charged(&body.charges));
            format!("{}: {}", body.what, body.question)
        }
        Some(Body::WrittenOff(body)) => {
            (reason, charges) = (Some(body.reason), charged(&body.charges));
            "the rest of the budgets is given up".to_owned()
        }
        Some(Body::Abandoned(body)) => {
            reason = Some(body.reason);
            format!("charge {} ended without an answer", body.charge)
        }
        Some(Body::Answer(body)) => {
            answer = Some(body.answer);
            format!("charge {} was answered", body.charge)
        }
        Some(Body::Resumed(body)) => format!("charge {} was taken up again after a crash", body.charge),
        Some(Body::Limits(body)) => format!("{} budgets, shares and limits declared", body.accounts.len()),
        Some(Body::Relimited(body)) => {
            reason = Some(body.reason);
            format!("{} limits changed", body.accounts.len())
        }
        Some(Body::Checkpoint(body)) => format!("state of {} accounts", body.accounts.len()),
        Some(Body::Begun(body)) => format!("begun by {}", body.program),
        Some(Body::Event(_, body)) => {
            reason = body.get("reason").and_then(Value::as_str).map(ToOwned::to_owned);
            body.get("what").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        None => "of a form that this program does not know".to_owned(),
    };
    let details = serde_json::from_str(&sealed.body).unwrap_or(Value::Null);
    let hash = hex(&sealed.hash);
    let Sealed { seq, at, kind, who, .. } = sealed;
    Ok(Entry { id: seq, when: at, who, kind, what, state, answer, charges, reason, details, hash })
}

pub(crate) fn charged(lines: &[Line]) -> Vec<Charged> {
    lines
        .iter()
        .map(|line| Charged { block: Block::new(&line.family, &line.block), loss: line.amount.into() })
        .collect()
}
