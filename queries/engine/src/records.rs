//! What is noted in the ledger beside charges: refusals, releases, keys, logins.

use serde_json::Value;
use skjerm_ledger::{Entry, EventKind, HistoryFilter, StoredAnswer, Verification};
use skjerm_warehouse::policy::Role;

use crate::book::ledger_error;
use crate::caller::Caller;
use crate::engine::{Engine, require};
use crate::error::{EngineError, ErrorKind};

/// Digits in a row from which on a text may hold somebody's number.
const DIGITS: usize = 6;
/// The most that is kept of a question, in characters.
const MOST: usize = 4_000;

impl Engine {
    /// Notes an event: what happened, why, by whom. Role `release` or `steward`. `details` is an object without
    /// data of persons; its `what` and `reason` are shown in the history.
    pub fn record(&self, caller: &Caller, kind: EventKind, details: &Value) -> Result<u64, EngineError> {
        require(caller, Role::Release).or_else(|_| require(caller, Role::Steward))?;
        self.ledger.record(caller.name(), kind, details).map_err(|error| ledger_error(&error))
    }

    /// Notes a wish that was turned down outside the engine, as for want of a budget.
    pub fn note_refusal(&self, caller: &Caller, what: &str, question: &str, reason: &str) {
        self.note(caller.name(), what, &without_numbers(question), reason);
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
        without_remarks(sql, &|digits| self.policy.codes.values().any(|list| list.contains(digits)))
    }

    /// Notes a refusal and gives it back. A budget's refusal is in the book already; a fault is none.
    pub(crate) fn noted(&self, who: &str, what: &str, question: &str, error: EngineError) -> EngineError {
        if !matches!(error.kind, ErrorKind::Refused | ErrorKind::NotPermitted) {
            return error;
        }
        self.note(who, what, &without_literals(question), &error.message);
        error
    }

    fn note(&self, who: &str, what: &str, question: &str, reason: &str) {
        let noted =
            self.ledger.record_refusal(&without_numbers(who), what, question, &without_literals(reason));
        if let Err(error) = noted {
            // The caller is refused all the same.
            tracing::warn!(%error, "a refusal could not be noted in the ledger");
        }
    }
}

/// A text as the ledger keeps it: long numbers are blotted out, since somebody's may have been pasted.
pub(crate) fn without_numbers(text: &str) -> String {
    without_numbers_but(text, &|_| false)
}

/// The same, but for numbers that are codes of the policy.
fn without_numbers_but(text: &str, is_code: &dyn Fn(&str) -> bool) -> String {
    let mut kept = String::new();
    let mut cut: String = text.chars().take(MOST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    let mut rest = cut.as_str();
    let mut blotted = false;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (between, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        kept.push_str(between);
        // A national number may be written in two groups, of six and five digits.
        let second = blotted && digits.len() == 5 && between.chars().count() == 1;
        blotted = second || (digits.len() >= DIGITS && !is_code(digits));
        kept.push_str(if blotted { "#" } else { digits });
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// A question that was answered: its literals are codes of closed lists; comments and names of columns may say
/// anything.
fn without_remarks(text: &str, is_code: &dyn Fn(&str) -> bool) -> String {
    without_numbers_but(&cut(text, &['"', '-', '/'], '\''), is_code)
}

/// A refused question: whatever stood in quotes may be anybody's name, and comments may hold anything.
pub(crate) fn without_literals(text: &str) -> String {
    without_numbers(&cut(text, &['\'', '"', '-', '/'], '\0'))
}

/// Cuts what begins with one of `starts`, and leaves what stands between two `kept` as it is.
fn cut(text: &str, starts: &[char], kept_quote: char) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c| c == kept_quote || starts.contains(&c)) {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let closing = |quote: char| from[1..].find(quote).map_or(from.len(), |end| end + 2);
        let (shown, end) = if from.starts_with("--") {
            ("--…", from.find('\n').unwrap_or(from.len()))
        } else if from.starts_with("/*") {
            ("/*…*/", from.find("*/").map_or(from.len(), |end| end + 2))
        } else if from.starts_with(kept_quote) {
            (&from[..closing(kept_quote)], closing(kept_quote))
        } else if let Some(quote @ ('\'' | '"')) = from.chars().next() {
            ("'…'", closing(quote))
        } else {
            (&from[..1], 1)
        };
        kept.push_str(shown);
        rest = &from[end..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_do_not_reach_the_book() {
        for (text, kept) in [
            ("select 1 where year = 2023", "select 1 where year = 2023"),
            ("where person = 01810750126", "where person = #"),
            ("about 018107 50126 asked", "about # # asked"),
            ("about 018107-50126", "about #-#"),
            ("in (2019, 2020, 2021)", "in (2019, 2020, 2021)"),
            ("date >= '2024-01-01'", "date >= '2024-01-01'"),
        ] {
            assert_eq!(without_numbers(text), kept);
        }
        let is_code = |digits: &str| digits == "030101";
        for (text, kept) in [
            ("district = '030101' or 030102", "district = '030101' or #"),
            ("select 1 as \"Kari\" -- for Kari\nfrom t", "select 1 as '…' --…\nfrom t"),
            ("x = '--' and y = 2 /* Kari */", "x = '--' and y = 2 /*…*/"),
        ] {
            assert_eq!(without_remarks(text, &is_code), kept);
        }
        assert_eq!(without_numbers(&"x".repeat(MOST + 1)).chars().count(), MOST + 1);
        for (text, kept) in [
            ("where name = 'Kari Nordmann' and x = 1", "where name = '…' and x = 1"),
            ("select \"Kari\" -- about Kari\n from t", "select '…' --…\n from t"),
            ("select 1 /* Kari */ - 2 / 3", "select 1 /*…*/ - 2 / 3"),
            ("where name = 'Kari", "where name = '…'"),
            ("x = 'æøå", "x = '…'"),
        ] {
            assert_eq!(without_literals(text), kept);
        }
    }
}
