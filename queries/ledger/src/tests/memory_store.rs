//! A store without a file: what the store's trait asks for, in a hundred lines. Its lock is one whose
//! waiting is scheduled by the test, and it can be asked to end a "process" that has the book open.

use std::collections::{BTreeMap, BTreeSet};

use shuttle::sync::Mutex as ScheduledMutex;

use super::*;
use crate::chain::Sealed;
use crate::entry::{Body, Line};
use crate::store::memory::MemoryTables;
use crate::store::{Account, AccountName, Fate, Reserved, Tables};

/// What several processes share: the book, and the names of those who live.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    book: ScheduledMutex<MemoryBook>,
    living: ScheduledMutex<BTreeSet<String>>,
}

/// One process's hold of it, until it is dropped.
#[derive(Debug)]
pub(crate) struct MemoryStore {
    shared: Arc<Shared>,
    name: String,
}

#[derive(Debug, Clone, Default)]
struct MemoryBook {
    entries: Vec<Sealed>,
    tables: MemoryTables,
    bodies: BTreeMap<String, String>,
}

impl MemoryStore {
    pub(crate) fn of(shared: &Arc<Shared>, name: &str) -> Self {
        shared.living.lock().unwrap().insert(name.to_owned());
        Self { shared: Arc::clone(shared), name: name.to_owned() }
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.shared.living.lock().unwrap().remove(&self.name);
    }
}

impl Store for MemoryStore {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Book) -> Result<()>) -> Result<()> {
        let mut book = self.shared.book.lock().unwrap();
        // An error leaves the book as it was.
        let mut written = book.clone();
        work(&mut written)?;
        *book = written;
        drop(book);
        // Much may happen before the one who wrote goes on.
        shuttle::thread::yield_now();
        Ok(())
    }

    fn read(&self, work: &mut dyn FnMut(&dyn Book) -> Result<()>) -> Result<()> {
        work(&*self.shared.book.lock().unwrap())
    }

    fn flaws(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn is_held(&self, holder: &str) -> bool {
        self.shared.living.lock().unwrap().contains(holder)
    }

    fn holder(&self) -> Result<String> {
        Ok(self.name.clone())
    }
}

impl Tables for MemoryBook {
    fn account(&self, name: &AccountName) -> Result<Option<Account>> {
        self.tables.account(name)
    }
    fn accounts(&self) -> Result<Vec<Account>> {
        self.tables.accounts()
    }
    fn put_account(&mut self, account: &Account) -> Result<()> {
        self.tables.put_account(account)
    }
    fn reservation(&self, seq: u64) -> Result<Option<Reserved>> {
        self.tables.reservation(seq)
    }
    fn put_reservation(&mut self, reserved: &Reserved) -> Result<()> {
        self.tables.put_reservation(reserved)
    }
    fn answer_by_key(&self, key: &str) -> Result<Option<Answer>> {
        self.tables.answer_by_key(key)
    }
    fn put_answer(&mut self, answer: &Answer, body: Option<&str>) -> Result<()> {
        self.bodies.insert(answer.id.clone(), body.unwrap().to_owned());
        self.tables.put_answer(answer, body)
    }
}

impl Book for MemoryBook {
    fn last(&self) -> Result<Option<Sealed>> {
        Ok(self.entries.last().cloned())
    }

    fn entry(&self, seq: u64) -> Result<Option<Sealed>> {
        Ok(self.entries.iter().find(|entry| entry.seq == seq).cloned())
    }

    fn walk(&self, from: u64, each: &mut dyn FnMut(Sealed) -> Result<bool>) -> Result<()> {
        for entry in self.entries.iter().filter(|entry| entry.seq >= from) {
            if !each(entry.clone())? {
                break;
            }
        }
        Ok(())
    }

    fn append(&mut self, entry: &Sealed) -> Result<()> {
        self.entries.push(entry.clone());
        Ok(())
    }

    fn tables(&mut self) -> &mut dyn Tables {
        self
    }

    fn by_request(&self, who: &str, request: &str) -> Result<Option<Reserved>> {
        let named = |r: &&Reserved| r.who == who && r.request.as_deref() == Some(request);
        Ok(self.tables.reservations.values().find(named).cloned())
    }

    fn open_by_key(&self, key: &str) -> Result<Vec<Reserved>> {
        let open = |r: &&Reserved| r.key == key && r.fate == Fate::Open;
        Ok(self.tables.reservations.values().filter(open).cloned().collect())
    }

    fn answer_by_id(&self, id: &str) -> Result<Option<Answer>> {
        Ok(self.tables.answers.values().find(|answer| answer.id == id).cloned())
    }

    fn body(&self, id: &str) -> Result<Option<String>> {
        Ok(self.bodies.get(id).cloned())
    }

    fn reservations(&self, each: &mut dyn FnMut(Reserved) -> Result<()>) -> Result<()> {
        self.tables.reservations.values().cloned().try_for_each(each)
    }

    fn answers(&self, each: &mut dyn FnMut(Answer, String) -> Result<()>) -> Result<()> {
        self.tables.answers.values().try_for_each(|a| each(a.clone(), self.bodies[&a.id].clone()))
    }

    /// By block, kind and person; nothing here asks for the rest.
    fn find(&self, filter: &HistoryFilter) -> Result<Vec<u64>> {
        let of_block = |entry: &Sealed, block: &Block| match Body::of(entry) {
            Some(Body::Charge(charge)) => charge.charges.iter().map(Line::block).any(|b| b == *block),
            _ => false,
        };
        let fits = |entry: &&Sealed| {
            filter.kind.as_ref().is_none_or(|kind| entry.kind == *kind)
                && filter.who.as_ref().is_none_or(|who| entry.who == *who)
                && filter.block.as_ref().is_none_or(|block| of_block(entry, block))
        };
        Ok(self.entries.iter().filter(fits).map(|entry| entry.seq).collect())
    }
}
