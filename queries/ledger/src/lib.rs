//! The ledger of privacy: who spent how much of which budget, and every answer ever given.
mod error;
mod model;

pub use error::LedgerError;
pub use model::{
    Begin, Block, BlockLimit, BlockStatus, Entry, EntryState, HistoryFilter, Request, Reservation, ShareStatus,
    StoredAnswer,
};

use skjerm_privacy::Rho;
use std::path::Path;

/// An open ledger. Shared between threads by reference; several processes may have it open.
#[derive(Debug)]
pub struct Ledger {}

impl Ledger {
    /// Opens the ledger, and makes it if there is none.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let _ = path;
        unimplemented!()
    }
    /// Declares blocks with their limits. Declaring the same again changes nothing; another limit
    /// for a known block is an error.
    pub fn declare(&self, limits: &[BlockLimit]) -> Result<(), LedgerError> {
        let _ = limits;
        unimplemented!()
    }
    /// The stored answer to a question, by its canonical key.
    pub fn lookup(&self, key: &str) -> Result<Option<StoredAnswer>, LedgerError> {
        let _ = key;
        unimplemented!()
    }
    /// The stored answer with this id.
    pub fn answer(&self, id: &str) -> Result<Option<StoredAnswer>, LedgerError> {
        let _ = id;
        unimplemented!()
    }
    /// Charges, durably before it returns.
    pub fn reserve(&self, request: &Request) -> Result<Reservation, LedgerError> {
        let _ = request;
        unimplemented!()
    }
    /// [`Ledger::lookup`] and [`Ledger::reserve`] in one transaction.
    pub fn begin(&self, request: &Request) -> Result<Begin, LedgerError> {
        let _ = request;
        unimplemented!()
    }
    /// Stores the answer of a reservation.
    pub fn settle(&self, reservation: Reservation, body: &str) -> Result<StoredAnswer, LedgerError> {
        let _ = (reservation, body);
        unimplemented!()
    }
    /// Closes a reservation without an answer. The charge stays.
    pub fn abandon(&self, reservation: Reservation, reason: &str) -> Result<(), LedgerError> {
        let _ = (reservation, reason);
        unimplemented!()
    }
    /// All blocks.
    pub fn status(&self) -> Result<Vec<BlockStatus>, LedgerError> {
        unimplemented!()
    }
    /// What a share may still spend of a block: the lesser of the share's rest and the block's.
    pub fn remaining(&self, block: &Block, share: &str) -> Result<Rho, LedgerError> {
        let _ = (block, share);
        unimplemented!()
    }
    /// What happened, oldest first.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<Entry>, LedgerError> {
        let _ = filter;
        unimplemented!()
    }
}
