//! The tables in memory: what a replay of the entries builds, to be compared with the tables of the book.

use std::collections::BTreeMap;

use super::{Account, AccountName, Answer, Reserved, Result, Tables};

/// Tables without a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MemoryTables {
    pub(crate) accounts: BTreeMap<AccountName, Account>,
    pub(crate) reservations: BTreeMap<u64, Reserved>,
    /// By the key of the question.
    pub(crate) answers: BTreeMap<String, Answer>,
}

impl Tables for MemoryTables {
    fn account(&self, name: &AccountName) -> Result<Option<Account>> {
        Ok(self.accounts.get(name).cloned())
    }

    fn accounts(&self) -> Result<Vec<Account>> {
        Ok(self.accounts.values().cloned().collect())
    }

    fn put_account(&mut self, account: &Account) -> Result<()> {
        self.accounts.insert(account.name.clone(), account.clone());
        Ok(())
    }

    fn reservation(&self, seq: u64) -> Result<Option<Reserved>> {
        Ok(self.reservations.get(&seq).cloned())
    }

    fn put_reservation(&mut self, reserved: &Reserved) -> Result<()> {
        self.reservations.insert(reserved.seq, reserved.clone());
        Ok(())
    }

    fn answer_by_key(&self, key: &str) -> Result<Option<Answer>> {
        Ok(self.answers.get(key).cloned())
    }

    fn put_answer(&mut self, answer: &Answer, _body: Option<&str>) -> Result<()> {
        self.answers.insert(answer.key.clone(), answer.clone());
        Ok(())
    }
}
