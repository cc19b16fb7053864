//! The records of releases, each folded.

use super::{both, plain::visible};
use crate::{
    steward::model::{Record, RecordEntry},
    text::{Lang, number},
};

pub(super) struct RecordView {
    pub(super) summary: String,
    /// Whether it passed, in words; empty where that is not known.
    pub(super) status: &'static str,
    pub(super) alarm: bool,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) risk: Vec<String>,
    pub(super) checks: Vec<CheckView>,
}

pub(super) struct CheckView {
    pub(super) what: String,
    pub(super) result: &'static str,
    pub(super) alarm: bool,
}

pub(super) fn views(lang: Lang, records: &[RecordEntry]) -> Vec<RecordView> {
    let unread = |number: u64| RecordView {
        summary: (lang.text().steward.record_unread)(number),
        status: "",
        alarm: true,
        facts: Vec::new(),
        risk: Vec::new(),
        checks: Vec::new(),
    };
    let one = |entry: &RecordEntry| {
        entry.record.as_ref().map_or_else(|| unread(entry.number), |record| view(lang, entry.number, record))
    };
    records.iter().map(one).collect()
}

fn view(lang: Lang, entry: u64, record: &Record) -> RecordView {
    let text = &lang.text().steward;
    let ([passed, failed], [held, broken]) = (text.record_status, text.check);
    let (rho, epsilon, delta) = record.price;
    let small = |value| number::small(lang, value);
    let at = |epsilon| format!("ε = {} (δ = {})", small(epsilon), number::power(lang, delta));
    let (tables, cells, suppressed) = record.size;
    let facts = [
        visible(&record.what),
        record.reason.as_deref().map_or_else(|| text.no_reason.to_owned(), visible),
        visible(&record.by),
        entry.to_string(),
        visible(&record.answer),
        visible(&record.snapshot),
        (text.record_size)(tables, cells, suppressed),
        format!("ρ = {}, {}", number::exact(lang, rho), at(epsilon)),
        at(record.epsilon_year),
        at(record.epsilon_all_years),
    ];
    let day = number::date(lang, &record.published);
    let check = |(what, passed): &(_, bool)| CheckView {
        what: both(lang, what),
        result: if *passed { held } else { broken },
        alarm: !passed,
    };
    RecordView {
        summary: (text.record)(record.year, record.revision, &visible(&day), &visible(&record.by)),
        status: if record.passed { passed } else { failed },
        alarm: !record.passed,
        facts: text.record_terms.into_iter().zip(facts).collect(),
        risk: record.risk.iter().map(|risk| both(lang, risk)).collect(),
        checks: record.checks.iter().map(check).collect(),
    }
}
