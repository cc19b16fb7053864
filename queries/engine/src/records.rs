//! What is noted in the ledger beside charges: refusals, releases, keys, logins.

use serde_json::Value;
use skjerm_ledger::{Entry, EventKind, HistoryFilter, StoredAnswer, Verification};
use skjerm_warehouse::policy::{Policy, Role, Table};

use crate::book::ledger_error;
use crate::caller::Caller;
use crate::engine::{Engine, require};
use crate::error::{EngineError, ErrorKind};
use crate::kept::{answered, refused, refused_for, without_numbers};

impl Engine {
    /// Notes an event: what happened, why, by whom. Role `release` or `steward`. `details` is an object without
    /// data of persons; its `what` and `reason` are shown in the history.
    pub fn record(&self, caller: &Caller, kind: EventKind, details: &Value) -> Result<u64, EngineError> {
        require(caller, Role::Release).or_else(|_| require(caller, Role::Steward))?;
        self.ledger.record(caller.name(), kind, details).map_err(|error| ledger_error(&error))
    }

    /// Notes a wish that was turned down outside the engine, as for want of a budget.
    pub fn note_refusal(&self, caller: &Caller, what: &str, question: &str, reason: &str) {
        self.note(caller.name(), what, question, reason);
    }

    /// What happened, oldest first. Role `release` or `steward`: questions and names of those who ask.
    pub fn history(&self, caller: &Caller, filter: &HistoryFilter) -> Result<Vec<Entry>, EngineError> {
        require(caller, Role::Release).or_else(|_| require(caller, Role::Steward))?;
        self.ledger.history(filter).map_err(|error| ledger_error(&error))
    }

    /// A stored answer with its provenance. Whoever may ask or publish may read it: it was private before it was stored.
    pub fn stored_answer(&self, id: &str) -> Result<Option<StoredAnswer>, EngineError> {
        self.ledger.answer(id).map_err(|error| ledger_error(&error))
    }

    /// All stored answers, in the order in which they were given, each to `each`.
    pub fn stored_answers(&self, each: &mut dyn FnMut(StoredAnswer)) -> Result<(), EngineError> {
        let mut give = |answer| {
            each(answer);
            Ok(())
        };
        self.ledger.answers(&mut give).map_err(|error| ledger_error(&error))
    }

    /// Checks the whole ledger. Role `steward`.
    pub fn verify_ledger(&self, caller: &Caller) -> Result<Verification, EngineError> {
        require(caller, Role::Steward)?;
        self.ledger.verify(&[]).map_err(|error| ledger_error(&error))
    }

    /// An answered question as the ledger keeps it.
    pub(crate) fn kept(&self, sql: &str) -> String {
        let is_code = |text: &str| self.policy.codes.values().any(|list| list.contains(text));
        answered(sql, &is_code, &|word| is_of_policy(&self.policy, word))
    }

    /// Notes a refusal and gives it back. A budget's refusal is in the book already; a fault is none.
    pub(crate) fn noted(&self, who: &str, what: &str, question: &str, error: EngineError) -> EngineError {
        if matches!(error.kind, ErrorKind::Refused | ErrorKind::NotPermitted) {
            self.note(who, what, question, &error.message);
        }
        error
    }

    fn note(&self, who: &str, what: &str, question: &str, reason: &str) {
        let is_known = |word: &str| is_of_policy(&self.policy, word);
        let (question, reason) = (refused(question, &is_known), refused_for(reason, &is_known));
        if let Err(error) = self.ledger.record_refusal(&without_numbers(who), what, &question, &reason) {
            // The caller is refused all the same.
            tracing::warn!(%error, "a refusal could not be noted in the ledger");
        }
    }
}

/// Whether a word is one of the policy's own names or codes.
fn is_of_policy(policy: &Policy, word: &str) -> bool {
    let of_table = |table: &Table| table.name == word || table.column(word).is_some();
    policy.tables.values().any(of_table) || policy.codes.values().any(|list| list.contains(word))
}
