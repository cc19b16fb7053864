//! The ledger of privacy: who spent how much of which budget, and every answer ever given.
//!
//! A charge is durable before the data is read ([`Ledger::begin`]), and nothing takes it back: a crash
//! leaves it lost, an error abandons it, and both stay charged. The answer is stored under the canonical
//! key of its question ([`Ledger::settle`]), so that the same question about the same snapshot gets the
//! same answer for ever, free.
//!
//! The book is a chain of entries, each sealed with a keyed hash over itself and its predecessor
//! ([`LedgerKey`]); what each account has spent follows from them and is checked against them, in part
//! whenever the book is opened or written, and as a whole by [`Ledger::verify`].
//!
//! | module | subject |
//! |---|---|
//! | `rules` | who may spend what, and how a reservation ends |
//! | `entry`, `chain` | what entries say, and how they are sealed |
//! | `replay` | from entries to the tables that follow from them |
//! | `verify`, `witness` | proof that the book is whole, and no older one |
//! | `holder` | which processes are at work |
//! | `store` | where the book is kept: `SQLite` |
//!
//! The ledger holds no data: names of blocks, shares and people of the services, questions, and
//! answers that were private before they came here.

mod chain;
mod check;
mod entry;
mod error;
mod holder;
mod model;
mod replay;
mod reports;
mod rules;
mod store;
#[cfg(test)]
mod tests;
mod verify;
mod witness;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use skjerm_privacy::Rho;

pub use chain::{Head, LedgerKey};
pub use entry::{EventKind, KINDS};
pub use error::LedgerError;
pub use model::{
    Begin, Block, BlockLimit, BlockStatus, Charged, Entry, EntryState, FamilySum, HistoryFilter, LimitChange,
    Request, Reservation, ShareStatus, StoredAnswer,
};
pub use verify::{Problem, Verification};

use entry::Body;
use rules::{Holders, Outcome, Pen};
use store::sqlite::SqliteStore;
use store::{Answer, Book, Store};
use verify::Known;
use witness::Witness;

type Result<T> = std::result::Result<T, LedgerError>;

/// How long to wait for another process's transaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open ledger. Shared between threads by reference; several processes may have it open.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    store: Box<dyn Store>,
    key: LedgerKey,
    witness: Witness,
    /// The latest state that this process has checked; none of a book that is only inspected.
    known: Mutex<Option<Arc<Known>>>,
    clock: fn() -> Timestamp,
}

impl Ledger {
    /// Begins a new book, for its owner alone. Its folder must exist, and no book may be there.
    pub fn create(path: &Path, key: LedgerKey) -> Result<Self> {
        let ledger = Self::over(path, Box::new(SqliteStore::create(path, PATIENCE)?), key);
        ledger.knows(Known::default());
        ledger.write(rules::begin_book)?;
        ledger
            .witness
            .keep()
            .map_err(|_| LedgerError::CannotOpen { path: ledger.witness.path().to_owned() })?;
        Ok(ledger)
    }

    /// Opens the ledger and checks its tail: the entries since the last checkpoint, the budgets, and that it
    /// is not older than what was last seen of it.
    ///
    /// # Privacy
    /// Never makes one: an empty book in the place of a lost one would refill every spent budget. Nor does
    /// it take an older one, which would refill what was spent since.
    pub fn open(path: &Path, key: LedgerKey) -> Result<Self> {
        Self::open_with_patience(path, key, PATIENCE)
    }

    /// The same, with another time to wait for other processes.
    pub fn open_with_patience(path: &Path, key: LedgerKey, patience: Duration) -> Result<Self> {
        let ledger = Self::over(path, Box::new(SqliteStore::open(path, patience)?), key);
        let seen = ledger.witness.last(&ledger.key)?;
        if seen.is_none() && ledger.read(|book| book.last())?.is_none() {
            return Err(LedgerError::Unbegun { path: path.to_owned() });
        }
        let known = ledger.read(|book| verify::tail(book, &ledger.key, seen.as_ref()))?;
        if seen.is_none() {
            return Err(LedgerError::WitnessMissing { path: ledger.witness.path().to_owned() });
        }
        ledger.witness.check_writable()?;
        ledger.knows(known);
        Ok(ledger)
    }

    /// Opens a book without checking it, to look what is wrong with it. Of all writing it lets [`Ledger::adopt`] alone through.
    pub fn inspect(path: &Path, key: LedgerKey) -> Result<Self> {
        Ok(Self::over(path, Box::new(SqliteStore::open(path, PATIENCE)?), key))
    }

    fn over(path: &Path, store: Box<dyn Store>, key: LedgerKey) -> Self {
        let witness = Witness::beside(path);
        Self { path: path.to_owned(), store, key, witness, known: Mutex::new(None), clock: Timestamp::now }
    }

    /// Declares blocks with their limits, all or none. Declaring the same again changes nothing, and new
    /// shares and analysts may be added; another limit or δ for what is known is an error.
    pub fn declare(&self, limits: &[BlockLimit]) -> Result<()> {
        limits.iter().try_for_each(check::limit)?;
        // Mostly there is nothing to declare, and then nobody's writing is waited for.
        let found = self.read(|book| rules::compare(book, limits))?;
        if found.missing.is_empty() && found.changed.is_empty() {
            return Ok(());
        }
        self.write(|pen| rules::declare(pen, limits))
    }

    /// Where `limits` say something else than the book about accounts that are there.
    pub fn changes(&self, limits: &[BlockLimit]) -> Result<Vec<LimitChange>> {
        let found = self.read(|book| rules::compare(book, limits))?;
        Ok(found.changed.into_iter().map(|(change, _)| change).collect())
    }

    /// Gives accounts that are there the limits of `limits`, none below what it has spent, and declares the
    /// others. Whether somebody may do so is the caller's to decide: the entry says who, why, and which limits.
    pub fn relimit(&self, who: &str, reason: &str, limits: &[BlockLimit]) -> Result<()> {
        limits.iter().try_for_each(check::limit)?;
        self.write(|pen| rules::relimit(pen, who, reason, limits))
    }

    /// The stored answer to a question, by its canonical key.
    pub fn lookup(&self, key: &str) -> Result<Option<StoredAnswer>> {
        self.read(|book| book.answer_by_key(key)?.map(|answer| self.stored(book, answer)).transpose())
    }

    /// The stored answer with this id.
    pub fn answer(&self, id: &str) -> Result<Option<StoredAnswer>> {
        self.read(|book| book.answer_by_id(id)?.map(|answer| self.stored(book, answer)).transpose())
    }

    /// All stored answers in the order in which they were given, each to `each`.
    pub fn answers(&self, each: &mut dyn FnMut(StoredAnswer) -> Result<()>) -> Result<()> {
        self.read(|book| {
            let mut found = Vec::new();
            book.answers(&mut |answer, _| {
                found.push(answer);
                Ok(())
            })?;
            found.into_iter().try_for_each(|answer| each(self.stored(book, answer)?))
        })
    }

    /// The stored answer to the question, or a charge for it, durable before this returns. If the rest of a
    /// block, of the share or of the analyst's account does not suffice, nothing is charged and the refusal
    /// is an entry.
    ///
    /// A request with the id of an earlier one of the same client is that one: it is never charged again. If
    /// the earlier one was lost in a crash, it is taken up under its charge, twice at most.
    pub fn begin(&self, request: &Request) -> Result<Begin> {
        check::request(request)?;
        let own = self.store.holder()?;
        let holders = Holders { own: &own, is_held: &|name| self.store.is_held(name) };
        self.write(|pen| {
            Ok(match rules::begin(pen, request, &holders)? {
                Outcome::Stored(id) => {
                    let answer = pen.book.answer_by_id(&id)?;
                    let answer = answer.ok_or_else(|| gone(&id))?;
                    Ok(Begin::Stored(self.stored(pen.book, answer)?))
                }
                Outcome::Running(seq) => Ok(Begin::Running(seq)),
                Outcome::Failed(seq) => Ok(Begin::Failed(seq)),
                Outcome::Reserved(id) => Ok(Begin::Reserved(Reservation { id, key: request.key.clone() })),
                Outcome::Exhausted(error) => Err(error),
            })
        })?
    }

    /// Stores the answer of a reservation, as JSON, and its settlement in one transaction. If the question
    /// got an answer meanwhile, that one is returned, and the charge stays: both read the data.
    #[allow(clippy::needless_pass_by_value)] // taken away from the caller: a reservation ends once
    pub fn settle(&self, reservation: Reservation, body: &str) -> Result<StoredAnswer> {
        check::answer(body)?;
        self.write(|pen| {
            let id = rules::settle(pen, reservation.id, &reservation.key, body)?;
            let answer = pen.book.answer_by_id(&id)?.ok_or_else(|| gone(&id))?;
            self.stored(pen.book, answer)
        })
    }

    /// Closes a reservation without an answer. The charge stays. `reason` must not depend on data.
    #[allow(clippy::needless_pass_by_value)] // taken away from the caller: a reservation ends once
    pub fn abandon(&self, reservation: Reservation, reason: &str) -> Result<()> {
        self.write(|pen| rules::abandon(pen, reservation.id, &reservation.key, reason))
    }

    /// Notes something that bears on the promise and spends nothing. `details` is an object; its `what` and
    /// `reason` are shown in the history. It must hold nothing of the data. Gives the entry's number.
    pub fn record(&self, who: &str, kind: EventKind, details: &serde_json::Value) -> Result<u64> {
        self.write(|pen| rules::record(pen, who, kind, details))
    }

    /// Notes a wish that was turned down before its price was known. Gives the entry's number.
    pub fn record_refusal(&self, who: &str, what: &str, question: &str, reason: &str) -> Result<u64> {
        self.write(|pen| rules::refuse(pen, who, what, question, reason))
    }

    /// Takes a book into use that is older than what was last seen of it, or whose witness is gone: all that
    /// is left of every budget is written off, since nobody knows what was spent of it.
    ///
    /// # Privacy
    /// Refuses a book that is not whole. What was spent and lost from the book is covered by writing off the
    /// rest of every block, also of those of `limits` that the older book does not know yet.
    pub fn adopt(&self, who: &str, reason: &str, limits: &[BlockLimit]) -> Result<()> {
        limits.iter().try_for_each(check::limit)?;
        if let Some(problem) = self.flaws()?.into_iter().next() {
            let last = self.head()?.map_or(0, |head| head.seq);
            return Err(LedgerError::Tampered { seq: problem.entry.unwrap_or(last), what: problem.what });
        }
        let head = self.write_unchecked(|pen| {
            rules::relimit(pen, who, reason, limits)?;
            rules::write_off(pen, who, reason)?;
            pen.book.last()
        })?;
        // Only now: a failure before this leaves the note of the newer book, which may still be found.
        let kept = match head {
            Some(head) => self.witness.replace(&head.head(), &self.key),
            None => Ok(()),
        };
        kept.map_err(|_| LedgerError::CannotOpen { path: self.witness.path().to_owned() })
    }

    /// What is wrong with what is in the book, whether or not it is the latest.
    pub fn flaws(&self) -> Result<Vec<Problem>> {
        let found = self.read(|book| Ok(verify::whole(book, &self.key, None, &[])))?;
        let file = self.store.flaws()?.into_iter().map(|flaw| Problem::new(None, flaw));
        Ok(found.problems.into_iter().chain(file).collect())
    }

    /// All blocks, by family and name.
    pub fn status(&self) -> Result<Vec<BlockStatus>> {
        self.read(reports::status)
    }

    /// What somebody who is in every block of a family has lost, by family.
    pub fn sums(&self) -> Result<Vec<FamilySum>> {
        Ok(reports::sums(&self.status()?))
    }

    /// What a spender may still spend of a block: the least of the rests of the block, the share and the
    /// analyst's own account.
    pub fn remaining(&self, block: &Block, share: &str, who: &str) -> Result<Rho> {
        self.read(|book| {
            let accounts = rules::accounts_of(book, block, share, who)?;
            Ok(accounts.iter().map(|account| rules::left(account).rho).min().unwrap_or(Rho::ZERO))
        })
    }

    /// What happened, oldest first.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<Entry>> {
        let holders = Holders { own: "", is_held: &|name| self.store.is_held(name) };
        let now = (self.clock)();
        self.read(|book| reports::history(book, filter, &holders, now))
    }

    /// The last entry: kept elsewhere, it shows later that nothing up to there was changed or cut off.
    pub fn head(&self) -> Result<Option<Head>> {
        self.read(|book| Ok(book.last()?.map(|entry| entry.head())))
    }

    /// Checks the whole book against its seals, its tables against its entries, its answers against their
    /// hashes, its end against the heads kept elsewhere and the one noted beside it, and the file itself.
    pub fn verify(&self, kept: &[Head]) -> Result<Verification> {
        let seen = self.witness.last(&self.key)?;
        let mut found = self.read(|book| Ok(verify::whole(book, &self.key, seen.as_ref(), kept)))?;
        if seen.is_none() {
            let path = self.witness.path().display();
            found.problems.push(Problem::new(
                None,
                format!("{path}, which notes the head last seen, is missing or damaged"),
            ));
        }
        // A damaged file may refuse even this question.
        let flaws = self.store.flaws().unwrap_or_else(|error| vec![error.to_string()]);
        found.problems.extend(flaws.into_iter().map(|flaw| Problem::new(None, flaw)));
        Ok(found)
    }

    /// An answer with its provenance, after checking it against the seal of its entry.
    fn stored(&self, book: &dyn Book, answer: Answer) -> Result<StoredAnswer> {
        let tampered = |what: &str| LedgerError::Tampered { seq: answer.entry, what: what.to_owned() };
        let sealed = |seq| {
            let entry = book.entry(seq)?;
            let entry = entry.filter(|entry| self.key.seal(&entry.unsealed(), &entry.previous) == entry.hash);
            entry.ok_or_else(|| tampered("the entry of an answer or of its charge was changed"))
        };
        let (given, charge) = (sealed(answer.entry)?, sealed(answer.charge)?);
        let (Some(Body::Answer(answered)), Some(Body::Charge(charged))) =
            (Body::of(&given), Body::of(&charge))
        else {
            return Err(tampered("an answer without its charge"));
        };
        let body = book.body(&answer.id)?.unwrap_or_default();
        if answered.hash != replay::hash_of(&body)
            || answered.answer != answer.id
            || answered.charge != answer.charge
            || charged.key != answer.key
        {
            return Err(tampered("a stored answer was changed"));
        }
        Ok(StoredAnswer {
            id: answer.id,
            key: answer.key,
            body,
            question: charged.question,
            kind: charged.what,
            who: charge.who,
            snapshot: charged.snapshot,
            bounds: charged.bounds,
            noise: charged.noise,
            charges: reports::charged(&charged.charges),
            charge: answer.charge,
            when: given.at,
        })
    }

    /// Runs `work` in a transaction that excludes other writers from the start. An error rolls back.
    ///
    /// # Privacy
    /// What others wrote since is checked first, and the budgets against it: a book that was exchanged or
    /// changed by hand while it is in use grants nothing. A book that was never checked is not written at all.
    fn write<T>(&self, work: impl FnMut(&mut Pen<'_>) -> Result<T>) -> Result<T> {
        if self.known.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return Err(LedgerError::Invalid(
                "a ledger that was opened to be inspected is not written".into(),
            ));
        }
        self.write_unchecked(work)
    }

    fn write_unchecked<T>(&self, mut work: impl FnMut(&mut Pen<'_>) -> Result<T>) -> Result<T> {
        let (mut result, mut head, mut after) = (None, None, None);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.store.write(&mut |book| {
            let known = known.as_ref().map(|known| verify::since(book, &self.key, known)).transpose()?;
            let now = (self.clock)();
            Self::compare_clock(book, now)?;
            let mut pen = Pen { book, key: &self.key, now };
            result = Some(work(&mut pen)?);
            head = pen.book.last()?.map(|entry| entry.head());
            after = known.map(|known| verify::onward(pen.book, &self.key, known)).transpose()?;
            Ok(())
        })?;
        if let Some(after) = after {
            self.knows(after);
        }
        if let Some(head) = head {
            self.witness.note(&head, &self.key)?;
        }
        result.ok_or(LedgerError::Poisoned)
    }

    fn compare_clock(book: &dyn Book, now: Timestamp) -> Result<()> {
        if let Some(last) = book.last()?
            && let Some(by) = verify::behind(&format!("{now:.3}"), &last.at)
        {
            tracing::warn!(
                "this machine's clock is {by:#} behind the last entry of the ledger; budgets do not depend on it, \
                 but set it right, so that the history can be read"
            );
        }
        Ok(())
    }

    /// Runs `work` on one state of the ledger.
    fn read<T>(&self, mut work: impl FnMut(&dyn Book) -> Result<T>) -> Result<T> {
        let mut result = None;
        self.store.read(&mut |book| {
            result = Some(work(book)?);
            Ok(())
        })?;
        result.ok_or(LedgerError::Poisoned)
    }

    fn knows(&self, known: Known) {
        let mut slot = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have gone on meanwhile.
        if slot.as_ref().is_none_or(|older| older.seq() < known.seq()) {
            *slot = Some(Arc::new(known));
        }
    }

    /// Where the book is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn gone(id: &str) -> LedgerError {
    LedgerError::Invalid(format!("answer {id} was there a moment ago and is not any more"))
}
