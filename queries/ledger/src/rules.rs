//! The decisions: who may spend what, and how a reservation ends. Each works within one transaction.
//!
//! # Privacy
//! A charge is an entry, durable before [`crate::Ledger::begin`] returns and so before data are read. No
//! rule lowers what an account has spent. Whether a wish fits is decided by
//! [`skjerm_privacy::filter::Filter`] in whole units: adaptively chosen questions compose to no more than
//! the limit.

use jiff::Timestamp;
use skjerm_privacy::{Delta, Filter, Loss};

use crate::chain::{LedgerKey, NO_PREDECESSOR, Sealed, Unsealed, answer_name, hex};
use crate::entry::{
    Abandoned, Answered, Begun, Body, CHECKPOINT_EVERY, Charge, Checkpoint, EventKind, Limits, Line, PROGRAM,
    Refused, Relimited, Resumed, WrittenOff,
};
use crate::replay::{MOST_RESUMPTIONS, apply, hash_of};
use crate::store::{Account, AccountName, Book, Fate, Level, Reserved};
use crate::{Block, BlockLimit, LedgerError, LimitChange, Request};

type Result<T> = std::result::Result<T, LedgerError>;

/// Writes entries into one transaction.
pub(crate) struct Pen<'a> {
    pub(crate) book: &'a mut dyn Book,
    pub(crate) key: &'a LedgerKey,
    pub(crate) now: Timestamp,
}

impl Pen<'_> {
    /// Seals and appends an entry, and lets it take effect.
    pub(crate) fn write(&mut self, who: &str, body: &Body, text: Option<&str>) -> Result<u64> {
        let seq = self.append(who, body, text)?;
        if (seq + 1).is_multiple_of(CHECKPOINT_EVERY) {
            let accounts = self.book.accounts()?;
            self.append(PROGRAM, &Body::Checkpoint(Checkpoint { accounts }), None)?;
        }
        Ok(seq)
    }

    fn append(&mut self, who: &str, body: &Body, text: Option<&str>) -> Result<u64> {
        let last = self.book.last()?;
        let (seq, previous) = last.as_ref().map_or((1, NO_PREDECESSOR), |last| (last.seq + 1, last.hash));
        // Of one length, so that times can be compared as text.
        let (at, json) = (format!("{:.3}", self.now), body.to_json()?);
        let unsealed = Unsealed { seq, at: &at, kind: body.kind(), who, body: &json };
        let hash = self.key.seal(&unsealed, &previous);
        let (kind, who) = (body.kind().to_owned(), who.to_owned());
        let entry = Sealed { seq, at, kind, who, body: json, previous, hash };
        self.book.append(&entry)?;
        apply(self.book.tables(), &entry, body, text)?;
        Ok(seq)
    }
}

pub(crate) fn begin_book(pen: &mut Pen<'_>) -> Result<()> {
    let program = format!("skjerm {}", env!("CARGO_PKG_VERSION"));
    pen.write(PROGRAM, &Body::Begun(Begun { program }), None).map(drop)
}

/// What a policy declares beside what the book has.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// Accounts that are not there yet.
    pub(crate) missing: Vec<Account>,
    /// Accounts that are there with another limit, as they would be with the new one.
    pub(crate) changed: Vec<(LimitChange, Account)>,
}

pub(crate) fn compare(book: &dyn Book, limits: &[BlockLimit]) -> Result<Declared> {
    let mut found = Declared::default();
    for declared in limits.iter().flat_map(BlockLimit::accounts) {
        let Some(known) = book.account(&declared.name)? else {
            found.missing.push(declared);
            continue;
        };
        let (old, new, spent) =
            (Loss::from(known.limit), Loss::from(declared.limit), Loss::from(known.spent));
        let shown = |account: &Account| Delta::from_atto(account.shown).to_string();
        let (what, stored, wanted) = if old.rho != new.rho {
            ("ρ", old.rho.to_string(), new.rho.to_string())
        } else if old.delta != new.delta {
            ("δ for thresholds", old.delta.to_string(), new.delta.to_string())
        } else if known.shown != declared.shown {
            ("δ", shown(&known), shown(&declared))
        } else {
            continue;
        };
        let change = LimitChange {
            account: declared.name.to_string(),
            what: what.to_owned(),
            stored,
            declared: wanted,
            loosens: declared.name.level == Level::Block
                && (new.rho > old.rho || new.delta > old.delta || declared.shown > known.shown),
        };
        // What is spent is spent: no limit comes below it.
        let limit = Loss { rho: new.rho.max(spent.rho), delta: new.delta.max(spent.delta) };
        found.changed.push((change, Account { limit: limit.into(), spent: known.spent, ..declared }));
    }
    Ok(found)
}

pub(crate) fn declare(pen: &mut Pen<'_>, limits: &[BlockLimit]) -> Result<()> {
    let Declared { missing, changed } = compare(pen.book, limits)?;
    if let Some((change, _)) = changed.into_iter().next() {
        return Err(LedgerError::LimitDiffers { change });
    }
    if missing.is_empty() {
        return Ok(());
    }
    pen.write(PROGRAM, &Body::Limits(Limits { accounts: missing }), None).map(drop)
}

/// Gives accounts that are there the limits of `limits`, but none below what is spent; declares the others.
pub(crate) fn relimit(pen: &mut Pen<'_>, who: &str, reason: &str, limits: &[BlockLimit]) -> Result<()> {
    let Declared { missing, changed } = compare(pen.book, limits)?;
    let changed: Vec<Account> = changed
        .into_iter()
        .map(|(_, account)| account)
        // One that stays at what is spent is as it was.
        .filter(|account| !matches!(pen.book.account(&account.name), Ok(Some(known)) if known == *account))
        .collect();
    if !changed.is_empty() {
        let body = Relimited { accounts: changed, reason: reason.to_owned() };
        pen.write(who, &Body::Relimited(body), None)?;
    }
    if !missing.is_empty() {
        pen.write(PROGRAM, &Body::Limits(Limits { accounts: missing }), None)?;
    }
    Ok(())
}

/// What [`begin`] comes to. A refusal is not an error here: its entry must be committed.
pub(crate) enum Outcome {
    Stored(String),
    Running(u64),
    Failed(u64),
    Reserved(u64),
    Exhausted(LedgerError),
}

/// The holder's name, and who else still holds theirs.
pub(crate) struct Holders<'a> {
    pub(crate) own: &'a str,
    pub(crate) is_held: &'a dyn Fn(&str) -> bool,
}

impl Holders<'_> {
    pub(crate) fn is_running(&self, reserved: &Reserved, now: Timestamp) -> bool {
        reserved.fate == Fate::Open
            && reserved.until.parse().is_ok_and(|until: Timestamp| now < until)
            && (self.is_held)(&reserved.holder)
    }
}

pub(crate) fn begin(pen: &mut Pen<'_>, request: &Request, holders: &Holders<'_>) -> Result<Outcome> {
    if let Some(id) = &request.id
        && let Some(earlier) = pen.book.by_request(&request.who, id)?
    {
        return again(pen, request, &earlier, holders);
    }
    if let Some(answer) = pen.book.answer_by_key(&request.key)? {
        return Ok(Outcome::Stored(answer.id));
    }
    let open = pen.book.open_by_key(&request.key)?;
    if let Some(running) = open.iter().find(|reserved| holders.is_running(reserved, pen.now)) {
        return Ok(Outcome::Running(running.seq));
    }
    charge(pen, request, holders)
}

/// The same request of the same client once more: charged once, whatever became of it.
fn again(pen: &mut Pen<'_>, request: &Request, earlier: &Reserved, holders: &Holders<'_>) -> Result<Outcome> {
    let seq = earlier.seq;
    let entry = pen.book.entry(seq)?;
    let Some(Body::Charge(charged)) = entry.as_ref().and_then(Body::of) else {
        return Err(LedgerError::Tampered { seq, what: "a charge without its entry".to_owned() });
    };
    // The same key is the same question, however it is worded; another key may be the same one about newer data.
    let same = charged.charges == lines(request)
        && (earlier.key == request.key || charged.question_id == request.question_id);
    if !same {
        return Err(LedgerError::RequestReused { seq });
    }
    if let Some(answer) = pen.book.answer_by_key(&earlier.key)? {
        return Ok(Outcome::Stored(answer.id));
    }
    if holders.is_running(earlier, pen.now) {
        return Ok(Outcome::Running(seq));
    }
    // About other data the charge would pay for another question.
    let lost = earlier.fate == Fate::Open && earlier.key == request.key;
    if lost && resumptions(pen, earlier)? < MOST_RESUMPTIONS {
        let (holder, until) = (holders.own.to_owned(), until(pen.now, request));
        pen.write(&request.who, &Body::Resumed(Resumed { charge: seq, holder, until }), None)?;
        return Ok(Outcome::Reserved(seq));
    }
    Ok(Outcome::Failed(seq))
}

/// How often a lost charge was taken up, by the sealed entries since: the tables alone are not taken at their
/// word for a second reading of the data.
fn resumptions(pen: &Pen<'_>, lost: &Reserved) -> Result<u64> {
    let (mut resumptions, mut before) = (0, None);
    pen.book.walk(lost.seq, &mut |entry| {
        let tampered = |what: &str| LedgerError::Tampered { seq: entry.seq, what: what.to_owned() };
        let fault = match &before {
            Some(_) => entry.fault(pen.key, before.as_ref()),
            None => (pen.key.seal(&entry.unsealed(), &entry.previous) != entry.hash)
                .then_some("its content does not fit its hash"),
        };
        if let Some(what) = fault {
            return Err(tampered(what));
        }
        before = Some(entry.head());
        match Body::of(&entry) {
            Some(Body::Resumed(body)) if body.charge == lost.seq => resumptions += 1,
            Some(Body::Answer(Answered { charge, .. }) | Body::Abandoned(Abandoned { charge, .. }))
                if charge == lost.seq =>
            {
                return Err(tampered("it ended a charge that the tables call open"));
            }
            _ => {}
        }
        Ok(true)
    })?;
    Ok(resumptions)
}

fn lines(request: &Request) -> Vec<Line> {
    request.charges.iter().map(|(block, price)| Line::new(block, *price)).collect()
}

fn until(now: Timestamp, request: &Request) -> String {
    format!("{:.3}", now.checked_add(request.may_take).unwrap_or(Timestamp::MAX))
}

fn charge(pen: &mut Pen<'_>, request: &Request, holders: &Holders<'_>) -> Result<Outcome> {
    for (block, asked) in &request.charges {
        if let Err(exhausted) = fits(pen.book, block, request, *asked)? {
            let refused = Refused {
                what: request.kind.clone(),
                question: request.question.clone(),
                charges: lines(request),
                reason: exhausted.to_string(),
            };
            pen.write(&request.who, &Body::Refused(refused), None)?;
            return Ok(Outcome::Exhausted(exhausted));
        }
    }
    let charge = Charge {
        what: request.kind.clone(),
        question: request.question.clone(),
        question_id: request.question_id.clone(),
        key: request.key.clone(),
        request: request.id.clone(),
        snapshot: request.snapshot.clone(),
        share: request.share.clone(),
        charges: lines(request),
        bounds: request.bounds.clone(),
        noise: request.noise.clone(),
        reason: request.reason.clone(),
        holder: holders.own.to_owned(),
        until: until(pen.now, request),
    };
    pen.write(&request.who, &Body::Charge(charge), None).map(Outcome::Reserved)
}

/// Whether the price fits in the block, in the share and in the analyst's own limit. If not, the sentence
/// names the tightest of them, so that everybody who asks the same hears the same.
fn fits(
    book: &dyn Book,
    block: &Block,
    request: &Request,
    asked: Loss,
) -> Result<std::result::Result<(), LedgerError>> {
    let accounts = accounts_of(book, block, &request.share, &request.who)?;
    let refused = accounts.iter().any(|account| filter(account).admit(asked).is_err());
    if !refused {
        return Ok(Ok(()));
    }
    let tight = accounts
        .iter()
        .filter(|account| filter(account).admit(asked).is_err())
        .min_by_key(|account| left(account).rho)
        .map(|account| LedgerError::Exhausted {
            block: block.clone(),
            within: match account.name.level {
                Level::Block => String::new(),
                level => format!("{} `{}`", level.as_str(), account.name.name),
            },
            asked,
            left: left(account),
        });
    Ok(tight.map_or(Ok(()), Err))
}

fn filter(account: &Account) -> Filter {
    Filter::new(account.limit.into(), account.spent.into())
}

pub(crate) fn left(account: &Account) -> Loss {
    filter(account).left()
}

/// The accounts that a spender's charge falls on: block, share and, if declared, the analyst's own.
pub(crate) fn accounts_of(book: &dyn Book, block: &Block, share: &str, who: &str) -> Result<Vec<Account>> {
    let of_block = book
        .account(&AccountName::of_block(block))?
        .ok_or_else(|| LedgerError::UnknownBlock { block: block.clone() })?;
    let of_share = book
        .account(&AccountName::new(block, Level::Share, share))?
        .ok_or_else(|| LedgerError::UnknownShare { block: block.clone(), share: share.to_owned() })?;
    let of_analyst = book.account(&AccountName::new(block, Level::Analyst, who))?;
    Ok([Some(of_block), Some(of_share), of_analyst].into_iter().flatten().collect())
}

pub(crate) fn settle(pen: &mut Pen<'_>, seq: u64, key: &str, text: &str) -> Result<String> {
    let Some(open) = pen.book.reservation(seq)?.filter(|r| r.fate == Fate::Open && r.key == key) else {
        return Err(LedgerError::NotOpen { id: seq });
    };
    let first = pen.book.answer_by_key(key)?;
    let hash = first.map_or_else(|| hash_of(text), |first| hex(&first.hash));
    let answer = answer_name(key);
    let body = Body::Answer(Answered { charge: seq, answer: answer.clone(), hash });
    pen.write(&open.who, &body, Some(text))?;
    Ok(answer)
}

pub(crate) fn abandon(pen: &mut Pen<'_>, seq: u64, key: &str, reason: &str) -> Result<()> {
    let Some(open) = pen.book.reservation(seq)?.filter(|r| r.fate == Fate::Open && r.key == key) else {
        return Err(LedgerError::NotOpen { id: seq });
    };
    let body = Body::Abandoned(Abandoned { charge: seq, reason: reason.to_owned() });
    pen.write(&open.who, &body, None).map(drop)
}

pub(crate) fn record(
    pen: &mut Pen<'_>,
    who: &str,
    kind: EventKind,
    details: &serde_json::Value,
) -> Result<u64> {
    pen.write(who, &Body::Event(kind, details.clone()), None)
}

pub(crate) fn refuse(pen: &mut Pen<'_>, who: &str, what: &str, question: &str, reason: &str) -> Result<u64> {
    let body = Refused {
        what: what.to_owned(),
        question: question.to_owned(),
        charges: Vec::new(),
        reason: reason.to_owned(),
    };
    pen.write(who, &Body::Refused(body), None)
}

/// Gives up what is left of every block: after a loss nobody knows what was spent of it.
pub(crate) fn write_off(pen: &mut Pen<'_>, who: &str, reason: &str) -> Result<()> {
    let charges = pen
        .book
        .accounts()?
        .iter()
        .filter(|account| account.name.level == Level::Block && left(account) != Loss::ZERO)
        .map(|account| Line::new(&account.name.block(), left(account)))
        .collect();
    let body = WrittenOff { charges, reason: reason.to_owned() };
    pen.write(who, &Body::WrittenOff(body), None).map(drop)
}
