//! Entries that were not written by this program: under another key, out of other entries, or, with the key
//! itself, against the rules.

use std::slice::from_ref;

use super::chain::small_book;
use super::forge::{Cell, ENTRY, Forger, Row};
use super::*;
use crate::chain::Sealed;

/// The row that an entry makes behind `previous` when it is sealed with `secret`.
fn sealed_row(secret: u8, entry: &Sealed) -> Row {
    let key = LedgerKey::from_secret(&[secret; 32]);
    let hash = key.seal(&entry.unsealed(), &entry.previous);
    row_of(&Sealed { hash, ..entry.clone() })
}

fn row_of(entry: &Sealed) -> Row {
    let text = |text: &str| Cell::Text(text.as_bytes().to_vec());
    vec![
        Cell::Number(i64::try_from(entry.seq).unwrap()),
        text(&entry.at),
        text(&entry.kind),
        text(&entry.who),
        text(&entry.body),
        Cell::Blob(entry.previous.to_vec()),
        Cell::Blob(entry.hash.to_vec()),
    ]
}

/// What is found first while `new` stand in the place of `old`.
fn problem(fixture: &Fixture, old: &[Row], new: &[Row]) -> Option<Problem> {
    let ledger = Ledger::inspect(&fixture.path(), key()).unwrap();
    let mut problem = None;
    let look = || problem = ledger.verify(&[]).unwrap().problems.into_iter().next();
    assert!(Forger::of(&fixture.path()).for_a_moment(ENTRY, old, new, look));
    problem
}

fn last(fixture: &Fixture) -> Sealed {
    Ledger::inspect(&fixture.path(), key()).unwrap().read(|book| book.last()).unwrap().unwrap()
}

/// An entry that would follow the last one.
fn next(fixture: &Fixture) -> Sealed {
    let last = last(fixture);
    Sealed { seq: last.seq + 1, previous: last.hash, ..last }
}

#[test]
fn an_entry_under_another_key_is_found() {
    let fixture = small_book(&mut |_| {});
    let does_not_fit = |seq: u64| Some(Problem::new(seq, "its content does not fit its hash"));
    assert_eq!(problem(&fixture, &[], &[sealed_row(8, &next(&fixture))]), does_not_fit(21));
    let kept = last(&fixture);
    let changed = Sealed { who: "kari".to_owned(), ..kept.clone() };
    assert_eq!(problem(&fixture, &[row_of(&kept)], &[sealed_row(8, &changed)]), does_not_fit(20));
    // With the key it is no forgery: what is shown above is the seal's work.
    assert_eq!(problem(&fixture, &[], &[sealed_row(7, &next(&fixture))]), None);
}

/// A fault of the program, or of somebody with the key: no seal makes such an entry a good one.
#[test]
fn an_entry_that_breaks_a_rule_is_found() {
    let fixture = small_book(&mut |_| {});
    let charge = |share: &str, rho: u64, delta: u64| {
        format!(
            r#"{{"what":"sql","question":"q","question_id":"q","key":"k","snapshot":"s","share":"{share}","bounds":"b","noise":"n",
            "charges":[{{"family":"persons","block":"2023","rho_nano":{rho},"delta_atto":{delta}}}],
            "holder":"h","until":"2030-01-01T00:00:00.000Z"}}"#
        )
    };
    let amount = r#"{"rho_nano":0,"delta_atto":0}"#;
    let account = format!(
        r#"{{"accounts":[{{"family":"persons","block":"2023","level":"block","name":"","limit":{amount},"spent":{amount},"shown":1}}]}}"#
    );
    let unknown_block = charge("r", 0, 0).replace("2023", "2099");
    // Everything was given up in the book's last entries; 17 is an open charge, 3 a settled one.
    for (kind, body, what) in [
        ("begun", r#"{"program":"x"}"#, "a book begins with its first entry, once"),
        ("limits", account.as_str(), "it declares a budget that was declared before"),
        (
            "relimited",
            &account.replace("}]}", r#"}],"reason":"r"}"#),
            "it changes the limit of a budget that is not there, or what it has spent",
        ),
        ("charge", &charge("r", 1, 0), "it spends more of persons/2023 than its limit"),
        ("charge", &charge("r", 0, 1), "it spends more of persons/2023 than its limit"),
        ("charge", &charge("s", 0, 0), "it charges persons/2023 (share `s`), which was never declared"),
        ("charge", &unknown_block, "it charges persons/2099, which was never declared"),
        (
            "resumed",
            r#"{"charge":3,"holder":"h","until":"u"}"#,
            "it takes up a charge that is not open, or too often",
        ),
        ("answer", r#"{"charge":3,"answer":"a","hash":"h"}"#, "it answers a charge that is not open"),
        (
            "answer",
            r#"{"charge":17,"answer":"a","hash":"h"}"#,
            "it names an answer that does not belong to its question",
        ),
        ("abandoned", r#"{"charge":3,"reason":"again"}"#, "it ends a charge that is not open"),
        ("abandoned", r#"{"charge":5,"reason":"no charge"}"#, "it ends a charge that is not open"),
        (
            "written_off",
            r#"{"charges":[{"family":"persons","block":"2023","rho_nano":1,"delta_atto":0}],"reason":""}"#,
            "it spends more of persons/2023 than its limit",
        ),
        (
            "checkpoint",
            r#"{"accounts":[]}"#,
            "the state of the budgets that it notes is not what the entries before it add up to",
        ),
        ("refund", "{}", "it has a form that this program does not know"),
        ("charge", "{}", "it has a form that this program does not know"),
    ] {
        let entry = Sealed { kind: kind.to_owned(), body: body.to_owned(), ..next(&fixture) };
        let found = problem(&fixture, &[], &[sealed_row(7, &entry)]);
        assert_eq!(found, Some(Problem::new(21, what)), "{kind} {body}");
    }
    // A second answer to a question that has one.
    let ledger = fixture.open();
    ledger.declare(&[limit("2025", 9, &[("r", 9)])]).unwrap();
    let quick = Request { may_take: Duration::ZERO, ..request("q", "r", &[("2025", 1)]) };
    let (first, second) = (reserve(&ledger, &quick), reserve(&ledger, &quick));
    let answer = ledger.settle(first, "1").unwrap();
    let body =
        format!(r#"{{"charge":{},"answer":"{}","hash":"{}"}}"#, second.id(), answer.id, replay::hash_of("2"));
    let entry = Sealed { kind: "answer".to_owned(), body, ..next(&fixture) };
    let found = problem(&fixture, &[], &[sealed_row(7, &entry)]);
    assert_eq!(found, Some(Problem::new(entry.seq, "it gives a question a second answer")));
}

/// The seal covers where one column ends and the next begins.
#[test]
fn text_moved_over_the_border_of_two_columns_is_found() {
    let (fixture, ledger) = declared();
    let seq = ledger.record("ola", EventKind::Login, &serde_json::json!(12)).unwrap();
    let entry = last(&fixture);
    let moved = Sealed { who: "ola1".to_owned(), body: "2".to_owned(), ..entry.clone() };
    let found = problem(&fixture, &[row_of(&entry)], &[row_of(&moved)]);
    assert_eq!(found, Some(Problem::new(seq, "its content does not fit its hash")));
}

/// Two histories of one book, each whole: an entry of the one cannot stand in the other.
#[test]
fn an_entry_of_another_history_of_the_book_is_found() {
    let (fixture, ledger) = declared();
    drop(ledger);
    let note = || fixture.file("ledger.head");
    std::fs::copy(fixture.path(), fixture.file("old")).unwrap();
    std::fs::copy(note(), fixture.file("old.head")).unwrap();
    let go_on = |who: &str| {
        let ledger = fixture.open();
        let entry =
            |what: &str| ledger.record(who, EventKind::Login, &serde_json::json!({ "what": what })).unwrap();
        let (third, fourth) = (entry("first"), entry("second"));
        ledger.read(|book| Ok((book.entry(third)?.unwrap(), book.entry(fourth)?.unwrap()))).unwrap()
    };
    let (foreign, _) = go_on("kari");
    std::fs::copy(fixture.file("old"), fixture.path()).unwrap();
    std::fs::copy(fixture.file("old.head"), note()).unwrap();
    let (third, fourth) = go_on("ola");
    let found = problem(&fixture, &[row_of(&third)], &[row_of(&foreign)]);
    assert_eq!(found, Some(Problem::new(4, "it does not carry the hash of the entry before it")));
    let patched = Sealed { previous: foreign.hash, ..fourth.clone() };
    let found = problem(&fixture, &[row_of(&third), row_of(&fourth)], &[row_of(&foreign), row_of(&patched)]);
    assert_eq!(found, Some(Problem::new(4, "its content does not fit its hash")));
    assert!(problem(&fixture, from_ref(&row_of(&fourth)), from_ref(&row_of(&fourth))).is_none());
}
