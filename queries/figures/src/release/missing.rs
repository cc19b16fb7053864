//! Published releases as witnesses of the ledger: a book that does not hold their measurements is an older one.

use skjerm_ledger::{HistoryFilter, Ledger, LedgerError};

use super::store::Store;
use crate::error::FiguresError;

/// A published release whose measurement the book does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The book is an older copy: what the release cost could be spent again.
    OlderCopy(String),
    /// All that was left was given up, so nothing can be spent again.
    GivenUp(String),
}

/// The releases whose measurement the book does not hold.
pub fn missing(ledger: &Ledger, store: &Store) -> Result<Vec<Missing>, FiguresError> {
    let fault = |error: &LedgerError| FiguresError::Fault(error.to_string());
    let written_off = HistoryFilter { kind: Some("written_off".to_owned()), ..HistoryFilter::default() };
    let given_up = !ledger.history(&written_off).map_err(|error| fault(&error))?.is_empty();
    let mut found = Vec::new();
    for summary in store.list()? {
        let id = &summary.id;
        let answer = store.show(id)?.answer;
        if ledger.answer(&answer).map_err(|error| fault(&error))?.is_some() {
            continue;
        }
        found.push(if given_up {
            Missing::GivenUp(format!(
                "the release {id} was measured before the rest of the budgets was given up; its charge is not in the book"
            ))
        } else {
            Missing::OlderCopy(format!(
                "the release {id} is published, but the book does not hold its measurement: it is an older copy"
            ))
        });
    }
    Ok(found)
}
