//! From entries to tables. The same function keeps the tables while the book is written and builds them
//! anew when it is checked, so that they cannot come to mean different things.

use skjerm_privacy::Loss;

use crate::LedgerError;
use crate::chain::{Sealed, answer_hash, answer_name, hex, unhex};
use crate::entry::{Body, Charge, Line};
use crate::store::{AccountName, Answer, Fate, Level, Reserved, Tables};

/// How often a lost reservation may be taken up under its charge.
///
/// # Privacy
/// At most one answer of a reservation ever leaves ([`crate::Ledger::settle`] gives the first one), so its
/// charge pays for it whoever computed it. That a run crashed may itself depend on data; the limit keeps
/// that channel to two bits a charge.
pub(crate) const MOST_RESUMPTIONS: u64 = 2;

/// Lets an entry take effect. `text` is the answer's text, which the entry itself does not carry.
///
/// An entry that breaks a rule is an error whose sentence says which: while the book is written that would
/// be a fault of ours, and while it is checked it is what the check is for.
pub(crate) fn apply(
    tables: &mut dyn Tables,
    entry: &Sealed,
    body: &Body,
    text: Option<&str>,
) -> Result<(), LedgerError> {
    let wrong = |what: &str| Err(LedgerError::Tampered { seq: entry.seq, what: what.to_owned() });
    if (entry.seq == 1) != matches!(body, Body::Begun(_)) {
        return wrong("a book begins with its first entry, once");
    }
    match body {
        Body::Begun(_) | Body::Refused(_) | Body::Event(..) => Ok(()),
        Body::Limits(limits) => {
            for account in &limits.accounts {
                if tables.account(&account.name)?.is_some() || account.spent != crate::store::Units::default()
                {
                    return wrong("it declares a budget that was declared before");
                }
                tables.put_account(account)?;
            }
            Ok(())
        }
        Body::Relimited(relimited) => {
            for account in &relimited.accounts {
                let same_spent = tables.account(&account.name)?.is_some_and(|old| old.spent == account.spent);
                if !same_spent || !Loss::from(account.spent).fits_in(account.limit.into()) {
                    return wrong("it changes the limit of a budget that is not there, or what it has spent");
                }
                tables.put_account(account)?;
            }
            Ok(())
        }
        Body::Charge(charge) => {
            spend(tables, entry, charge)?;
            tables.put_reservation(&Reserved {
                seq: entry.seq,
                key: charge.key.clone(),
                who: entry.who.clone(),
                request: charge.request.clone(),
                fate: Fate::Open,
                closed: None,
                holder: charge.holder.clone(),
                until: charge.until.clone(),
                resumed: 0,
            })
        }
        Body::Resumed(resumed) => match tables.reservation(resumed.charge)? {
            Some(open) if open.fate == Fate::Open && open.resumed < MOST_RESUMPTIONS => tables
                .put_reservation(&Reserved {
                    holder: resumed.holder.clone(),
                    until: resumed.until.clone(),
                    resumed: open.resumed + 1,
                    ..open
                }),
            _ => wrong("it takes up a charge that is not open, or too often"),
        },
        Body::Answer(answered) => {
            let Some(open) = tables.reservation(answered.charge)?.filter(|r| r.fate == Fate::Open) else {
                return wrong("it answers a charge that is not open");
            };
            let Some(hash) = unhex(&answered.hash).filter(|_| answered.answer == answer_name(&open.key))
            else {
                return wrong("it names an answer that does not belong to its question");
            };
            match tables.answer_by_key(&open.key)? {
                // The first answer wins: one that has been seen is never replaced.
                Some(first) if first.hash != hash => return wrong("it gives a question a second answer"),
                Some(_) => {}
                None => {
                    if text.is_some_and(|text| answer_hash(text) != hash) {
                        return wrong("the answer does not fit its hash");
                    }
                    let id = answered.answer.clone();
                    let answer =
                        Answer { id, key: open.key.clone(), charge: open.seq, entry: entry.seq, hash };
                    tables.put_answer(&answer, text)?;
                }
            }
            close(tables, open, Fate::Settled, entry)
        }
        Body::Abandoned(abandoned) => {
            match tables.reservation(abandoned.charge)?.filter(|r| r.fate == Fate::Open) {
                Some(open) => close(tables, open, Fate::Abandoned, entry),
                None => wrong("it ends a charge that is not open"),
            }
        }
        Body::WrittenOff(written_off) => written_off
            .charges
            .iter()
            .try_for_each(|line| add(tables, entry, &AccountName::of_block(&line.block()), line).map(drop)),
        Body::Checkpoint(checkpoint) => {
            if tables.accounts()? == checkpoint.accounts {
                Ok(())
            } else {
                wrong("the state of the budgets that it notes is not what the entries before it add up to")
            }
        }
    }
}

fn close(tables: &mut dyn Tables, open: Reserved, fate: Fate, entry: &Sealed) -> Result<(), LedgerError> {
    tables.put_reservation(&Reserved { fate, closed: Some(entry.seq), ..open })
}

/// A charge falls on the block, on the share and, if one was declared, on the analyst's own account.
fn spend(tables: &mut dyn Tables, entry: &Sealed, charge: &Charge) -> Result<(), LedgerError> {
    for line in &charge.charges {
        let block = line.block();
        for (name, must) in [
            (AccountName::of_block(&block), true),
            (AccountName::new(&block, Level::Share, &charge.share), true),
            (AccountName::new(&block, Level::Analyst, &entry.who), false),
        ] {
            if !add(tables, entry, &name, line)? && must {
                return Err(LedgerError::Tampered {
                    seq: entry.seq,
                    what: format!("it charges {name}, which was never declared"),
                });
            }
        }
    }
    Ok(())
}

/// Adds to what an account has spent; false if there is no such account.
fn add(
    tables: &mut dyn Tables,
    entry: &Sealed,
    name: &AccountName,
    line: &Line,
) -> Result<bool, LedgerError> {
    let Some(mut account) = tables.account(name)? else { return Ok(false) };
    // Whole units, checked: neither a float nor an overflow can flatter.
    let rho = account.spent.rho_nano.checked_add(line.amount.rho_nano);
    let delta = account.spent.delta_atto.checked_add(line.amount.delta_atto);
    match (rho, delta) {
        (Some(rho_nano), Some(delta_atto))
            if rho_nano <= account.limit.rho_nano && delta_atto <= account.limit.delta_atto =>
        {
            account.spent = crate::store::Units { rho_nano, delta_atto };
        }
        _ => {
            return Err(LedgerError::Tampered {
                seq: entry.seq,
                what: format!("it spends more of {name} than its limit"),
            });
        }
    }
    tables.put_account(&account)?;
    Ok(true)
}

/// The hash of an answer's text as an entry writes it.
pub(crate) fn hash_of(text: &str) -> String {
    hex(&answer_hash(text))
}
