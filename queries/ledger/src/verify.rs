//! Proof that the book is as it was written: all of it, or its tail.
//!
//! Every entry is checked against its seal and its place in the chain, the tables are built anew from the
//! entries and compared with those of the book, and every answer is checked against its hash. What was cut
//! off at the end leaves a whole chain, so the head is compared with one that was kept elsewhere.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::LedgerError;
use crate::chain::{Head, LedgerKey, Sealed, answer_hash};
use crate::entry::{Body, CHECKPOINT_EVERY};
use crate::replay::apply;
use crate::store::memory::MemoryTables;
use crate::store::{Account, AccountName, Answer, Book, Fate, Reserved};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// How many entries the book has.
    pub entries: u64,
    /// How many answers.
    pub answers: u64,
    /// Its last entry: keep this elsewhere.
    pub head: Option<Head>,
    /// What is wrong, first entry first. Empty: the book is as it was written.
    pub problems: Vec<Problem>,
    /// What is worth knowing and no fault of the book.
    pub remarks: Vec<String>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The first entry concerned, where it is one.
    pub entry: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Problem {
    /// Something that is wrong, and the first entry concerned, where it is one.
    pub fn new(entry: impl Into<Option<u64>>, what: impl Into<String>) -> Self {
        Self { entry: entry.into(), what: what.into() }
    }
}

/// A clock that is set by the network moves by less than this.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// Checks the whole book. That a part of it cannot be read is a finding too.
pub(crate) fn whole(book: &dyn Book, key: &LedgerKey, seen: Option<&Head>, kept: &[Head]) -> Verification {
    let (mut tables, mut last, mut remarks) = (MemoryTables::default(), None::<Sealed>, Vec::new());
    let mut problem = None;
    // Hashes of the entries that somebody kept the number of.
    let mut wanted: BTreeMap<u64, Option<[u8; 32]>> =
        kept.iter().chain(seen).map(|h| (h.seq, None)).collect();
    // From 0, since an entry could be slipped in before the first.
    let walked = book.walk(0, &mut |entry| {
        let before = last.as_ref().map(Sealed::head);
        if let Some(what) = entry.fault(key, before.as_ref()) {
            // The one that is missing is the first bad one.
            let missing = before.map_or(1, |head| head.seq + 1);
            problem = Some(Problem::new(missing.min(entry.seq), what));
            return Ok(false);
        }
        let Some(body) = Body::of(&entry) else {
            problem = Some(Problem::new(entry.seq, "it has a form that this program does not know"));
            return Ok(false);
        };
        match apply(&mut tables, &entry, &body, None) {
            Ok(()) => {}
            Err(LedgerError::Tampered { seq, what }) => {
                problem = Some(Problem::new(seq, what));
                return Ok(false);
            }
            Err(other) => return Err(other),
        }
        if let Some(before) = &last
            && let Some(by) = behind(&entry.at, &before.at)
        {
            remarks.push(format!(
                "entry {} is timed {by:#} before the entry in front of it: the clock was set back",
                entry.seq
            ));
        }
        if let Some(slot) = wanted.get_mut(&entry.seq) {
            *slot = Some(entry.hash);
        }
        last = Some(entry);
        Ok(true)
    });
    let mut problems: Vec<Problem> = problem.into_iter().collect();
    if let Err(error) = walked {
        let at = last.as_ref().map_or(1, |entry| entry.seq + 1);
        problems.push(Problem::new(at, format!("it cannot be read: {error}")));
    }
    let head = last.as_ref().map(Sealed::head);
    if head.is_none() && problems.is_empty() {
        problems.push(Problem::new(1, "the book has no entries"));
    }
    let mut answers = 0;
    if problems.is_empty() {
        match compare(book, &tables, &mut answers) {
            Ok(different) => problems.extend(different),
            Err(error) => problems.push(Problem::new(None, format!("its tables cannot be read: {error}"))),
        }
        for (heads, which) in
            [(kept, "the kept head"), (seen.map_or(&[][..], std::slice::from_ref), "the head last seen here")]
        {
            for kept in heads {
                match wanted.get(&kept.seq).copied().flatten() {
                    Some(hash) if hash == kept.hash => {}
                    Some(_) => problems.push(Problem::new(
                        kept.seq,
                        format!("it is not the entry of {which}: another book, or one that was written anew"),
                    )),
                    None => problems.push(Problem::new(
                        head.map_or(1, |head| head.seq + 1),
                        format!("it and what follows is missing: {which} is entry {}; the book was cut off, or an older copy was put in its place", kept.seq),
                    )),
                }
            }
        }
    }
    Verification { entries: head.map_or(0, |head| head.seq), answers, head, problems, remarks }
}

/// How far a time lies before the one in front of it, if it does.
pub(crate) fn behind(at: &str, before: &str) -> Option<SignedDuration> {
    let (at, before): (Timestamp, Timestamp) = (at.parse().ok()?, before.parse().ok()?);
    let by = before.duration_since(at);
    (by > CLOCK_SLACK).then(|| SignedDuration::from_secs(by.as_secs()))
}

/// Compares the tables of the book with those that follow from its entries.
fn compare(book: &dyn Book, replayed: &MemoryTables, answers: &mut u64) -> Result<Vec<Problem>, LedgerError> {
    let mut problems = Vec::new();
    for difference in differences(&book.accounts()?, replayed.accounts.values()) {
        problems.push(Problem::new(
            None,
            format!("the budget of {difference} is not what the entries add up to"),
        ));
    }
    let mut expected = replayed.reservations.clone();
    book.reservations(&mut |stored: Reserved| {
        if expected.remove(&stored.seq).as_ref() != Some(&stored) {
            problems.push(Problem::new(stored.seq, "its reservation is not what the entries say"));
        }
        Ok(())
    })?;
    problems.extend(expected.keys().map(|seq| Problem::new(*seq, "its reservation is missing")));
    let mut expected = replayed.answers.clone();
    book.answers(&mut |stored: Answer, body: String| {
        *answers += 1;
        if answer_hash(&body) != stored.hash || expected.remove(&stored.key).as_ref() != Some(&stored) {
            problems.push(Problem::new(stored.entry, format!("answer {} was changed", stored.id)));
        }
        Ok(())
    })?;
    problems.extend(expected.values().map(|a| Problem::new(a.entry, format!("answer {} is missing", a.id))));
    problems.sort_by_key(|problem| problem.entry);
    Ok(problems)
}

fn differences<'a>(stored: &[Account], replayed: impl Iterator<Item = &'a Account>) -> Vec<AccountName> {
    let replayed: Vec<&Account> = replayed.collect();
    let unlike = |account: &&Account| !stored.contains(account);
    let mut names: Vec<AccountName> =
        replayed.iter().copied().filter(unlike).map(|account| account.name.clone()).collect();
    names.extend(stored.iter().filter(|a| !replayed.contains(a)).map(|a| a.name.clone()));
    names.sort();
    names.dedup();
    names
}

/// What was checked already: the end of the chain, and the budgets there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    head: Option<Head>,
    accounts: BTreeMap<AccountName, Account>,
}

impl Known {
    /// Up to which entry.
    pub(crate) fn seq(&self) -> u64 {
        self.head.map_or(0, |head| head.seq)
    }
}

/// Checks what opening can afford: the entries since the last checkpoint, the tables as far as they follow
/// from these, and that the book is not older than what was last seen of it.
///
/// # Privacy
/// Budgets that were changed by hand are noticed before a charge is decided by them.
pub(crate) fn tail(book: &dyn Book, key: &LedgerKey, seen: Option<&Head>) -> Result<Known, LedgerError> {
    let Some(last) = book.last()? else {
        return Err(tampered(1, "the book has no entries"));
    };
    let start = last.seq / CHECKPOINT_EVERY * CHECKPOINT_EVERY;
    let mut known = Known::default();
    if start > 0 {
        let checkpoint = book.entry(start)?;
        let Some(entry) =
            checkpoint.filter(|entry| key.seal(&entry.unsealed(), &entry.previous) == entry.hash)
        else {
            return Err(tampered(start, "its content does not fit its hash"));
        };
        let Some(Body::Checkpoint(checkpoint)) = Body::of(&entry) else {
            return Err(tampered(start, "it should hold the state of the budgets"));
        };
        known.accounts = checkpoint.accounts.into_iter().map(|a| (a.name.clone(), a)).collect();
        known.head = Some(entry.head());
    }
    let known = since(book, key, &known)?;
    if let Some(seen) = seen {
        is_there(book, seen)?;
    }
    Ok(known)
}

/// Checks that the book still goes on from what is known of it, and the tables as far as they follow from
/// the entries after that.
pub(crate) fn since(book: &dyn Book, key: &LedgerKey, known: &Known) -> Result<Known, LedgerError> {
    if let Some(head) = &known.head {
        is_there(book, head)?;
    }
    let (start, tables) =
        (known.seq(), MemoryTables { accounts: known.accounts.clone(), ..Default::default() });
    let (tables, head) = follow(book, key, tables, known.head)?;
    if !book.accounts()?.iter().eq(tables.accounts.values()) {
        return Err(tampered(
            head.map_or(0, |head| head.seq),
            "the budgets are not what the entries add up to",
        ));
    }
    for reserved in tables.reservations.values() {
        // How often one was taken up before is not at hand.
        let resumed = |r: Reserved| Reserved { resumed: if r.seq > start { r.resumed } else { 0 }, ..r };
        if book.reservation(reserved.seq)?.map(resumed) != Some(resumed(reserved.clone())) {
            return Err(tampered(reserved.seq, "its reservation is not what the entries say"));
        }
    }
    for answer in tables.answers.values() {
        if book.answer_by_key(&answer.key)?.as_ref() != Some(answer) {
            return Err(tampered(answer.entry, "its answer is missing or was changed"));
        }
    }
    Ok(Known { head, accounts: tables.accounts })
}

/// What is known after the entries that this process has just written.
pub(crate) fn onward(book: &dyn Book, key: &LedgerKey, known: Known) -> Result<Known, LedgerError> {
    let tables = MemoryTables { accounts: known.accounts, ..MemoryTables::default() };
    let (tables, head) = follow(book, key, tables, known.head)?;
    Ok(Known { head, accounts: tables.accounts })
}

/// Lets the entries behind `before` take effect, after checking them.
fn follow(
    book: &dyn Book,
    key: &LedgerKey,
    mut tables: MemoryTables,
    mut before: Option<Head>,
) -> Result<(MemoryTables, Option<Head>), LedgerError> {
    book.walk(before.map_or(0, |head| head.seq) + 1, &mut |entry| {
        if let Some(what) = entry.fault(key, before.as_ref()) {
            return Err(tampered(entry.seq, what));
        }
        let Some(body) = Body::of(&entry) else {
            return Err(tampered(entry.seq, "it has a form that this program does not know"));
        };
        // Reservations and answers of before are not at hand: taken as the book has them.
        recall(book, &mut tables, &body, entry.seq)?;
        apply(&mut tables, &entry, &body, None)?;
        before = Some(entry.head());
        Ok(true)
    })?;
    Ok((tables, before))
}

fn is_there(book: &dyn Book, seen: &Head) -> Result<(), LedgerError> {
    if book.entry(seen.seq)?.map(|entry| entry.head()).as_ref() == Some(seen) {
        return Ok(());
    }
    Err(LedgerError::RolledBack { seen: seen.seq, found: book.last()?.map_or(0, |last| last.seq) })
}

fn tampered(seq: u64, what: &str) -> LedgerError {
    LedgerError::Tampered { seq, what: what.to_owned() }
}

fn recall(book: &dyn Book, tables: &mut MemoryTables, body: &Body, at: u64) -> Result<(), LedgerError> {
    let (Body::Answer(crate::entry::Answered { charge, .. })
    | Body::Abandoned(crate::entry::Abandoned { charge, .. })
    | Body::Resumed(crate::entry::Resumed { charge, .. })) = body
    else {
        return Ok(());
    };
    if tables.reservations.contains_key(charge) {
        return Ok(());
    }
    let Some(stored) = book.reservation(*charge)? else { return Ok(()) };
    let answer = book.answer_by_key(&stored.key)?;
    if let Some(answer) = answer.filter(|answer| answer.entry < at) {
        tables.answers.insert(answer.key.clone(), answer);
    }
    tables.reservations.insert(*charge, Reserved { fate: Fate::Open, closed: None, resumed: 0, ..stored });
    Ok(())
}
