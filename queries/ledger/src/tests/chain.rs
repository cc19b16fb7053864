//! Whatever is changed in the book is found: every bit of every value, every row, the order, the end.

use std::slice::from_ref;

use super::forge::{ANSWER, Cell, ENTRY, Forger, Row, TABLES, first_problem};
use super::*;
use crate::chain::answer_hash;

/// A small book with everything in it that a book has but checkpoints, closed. After each entry `each` is
/// called.
pub(crate) fn small_book(each: &mut dyn FnMut(&Fixture)) -> Fixture {
    let fixture = Fixture::new();
    let mut step = |ledger: &Ledger| {
        each(&fixture);
        ledger.head().unwrap().unwrap().seq
    };
    let ledger = fixture.open();
    step(&ledger);
    let mut own = limit("2023", 50, &[("r", 40)]);
    own.limit.delta = Delta::from_atto(9);
    own.analysts = [("kari".to_owned(), nano(30))].into();
    ledger.declare(&[limit("2022", 90, &[("r", 40), ("s", 60)]), own]).unwrap();
    step(&ledger);
    let short = |key: &str, charges: &[(&str, u64)]| Request {
        bounds: "b".to_owned(),
        noise: "n".to_owned(),
        question: key.to_owned(),
        ..request(key, "r", charges)
    };
    let answered = reserve(&ledger, &with_id("1", short("two years", &[("2022", 5), ("2023", 6)])));
    step(&ledger);
    ledger.settle(answered, "[1]").unwrap();
    step(&ledger);
    assert!(ledger.begin(&short("dear", &[("2023", 31)])).is_err());
    step(&ledger);
    let given_up = reserve(&ledger, &short("slow", &[("2022", 1)]));
    step(&ledger);
    ledger.abandon(given_up, "timeout").unwrap();
    step(&ledger);
    let lost = with_id("2", short("lost", &[("2023", 3)]));
    drop(reserve(&ledger, &lost));
    step(&ledger);
    drop(ledger);
    let ledger = fixture.open();
    let resumed = reserve(&ledger, &lost);
    step(&ledger);
    ledger.settle(resumed, "2").unwrap();
    step(&ledger);
    // One question, charged twice and answered once.
    let quick = Request { may_take: Duration::ZERO, ..short("twice", &[("2022", 2)]) };
    let first = reserve(&ledger, &quick);
    step(&ledger);
    let second = reserve(&ledger, &quick);
    step(&ledger);
    ledger.settle(second, "3").unwrap();
    step(&ledger);
    ledger.settle(first, "4").unwrap();
    step(&ledger);
    ledger.record("ola", EventKind::Keys, &serde_json::json!({ "what": "rotated" })).unwrap();
    step(&ledger);
    ledger.record_refusal("kari", "sql", "SELECT", "no table").unwrap();
    step(&ledger);
    drop(reserve(&ledger, &short("left open", &[("2022", 1)])));
    step(&ledger);
    ledger.declare(&[limit("2024", 5, &[])]).unwrap();
    step(&ledger);
    ledger.write(|pen| rules::write_off(pen, "ola", "test")).unwrap();
    step(&ledger);
    ledger.record("ola", EventKind::Login, &serde_json::json!({})).unwrap();
    assert_eq!(step(&ledger), 20);
    assert!(ledger.verify(&[]).unwrap().is_whole());
    drop(ledger);
    fixture
}

#[test]
fn every_flipped_bit_of_every_value_is_found() {
    let fixture = small_book(&mut |_| {});
    let (forger, ledger) = (Forger::of(&fixture.path()), Ledger::inspect(&fixture.path(), key()).unwrap());
    let seen = ledger.head().unwrap().unwrap();
    let (mut found, mut impossible) = (0, 0);
    for table in TABLES {
        for row in forger.rows(table) {
            for (column, cell) in row.iter().enumerate() {
                let mut changes: Vec<Cell> = (0..cell.bits()).map(|bit| cell.flipped(bit)).collect();
                // Where nothing may stand, something else is a change as well.
                match (table.columns[column], cell) {
                    ("request", Cell::Null) => changes.push(Cell::Text(b"x".to_vec())),
                    ("closed", Cell::Null) => changes.push(Cell::Number(1)),
                    ("request" | "closed", _) => changes.push(Cell::Null),
                    _ => {}
                }
                for changed in changes {
                    let new: Row = row
                        .iter()
                        .enumerate()
                        .map(|(at, c)| if at == column { &changed } else { c })
                        .cloned()
                        .collect();
                    let look = || {
                        let problem = first_problem(&ledger, &seen).unwrap();
                        let problem = problem.unwrap_or_else(|| panic!("{} {row:?} -> {new:?}", table.name));
                        if let (true, Cell::Number(seq)) = (table == ENTRY, &row[0]) {
                            let before = if new[0] == Cell::Number(0) { 0 } else { *seq };
                            assert_eq!(problem.entry, u64::try_from(before).ok(), "{problem:?}: {new:?}");
                        }
                        found += 1;
                    };
                    impossible +=
                        usize::from(!forger.for_a_moment(table, from_ref(&row), from_ref(&new), look));
                }
            }
        }
    }
    assert!(found > 50_000 && impossible < 100, "{found} {impossible}");
    assert!(ledger.verify(&[]).unwrap().is_whole(), "every change was taken back");
}

#[test]
fn every_missing_row_is_found() {
    let fixture = small_book(&mut |_| {});
    let (forger, ledger) = (Forger::of(&fixture.path()), Ledger::inspect(&fixture.path(), key()).unwrap());
    let mut removed = 0;
    for table in TABLES {
        for row in forger.rows(table) {
            let look = || {
                let found = ledger.verify(&[]).unwrap();
                assert!(!found.is_whole(), "{row:?}");
                if let (true, Cell::Number(seq)) = (table == ENTRY, &row[0]) {
                    assert_eq!(found.problems[0].entry, u64::try_from(*seq).ok(), "{found:?}");
                }
            };
            assert!(forger.for_a_moment(table, from_ref(&row), &[], look));
            removed += 1;
        }
    }
    assert_eq!(removed, 20 + 7 + 6 + 3);
    assert!(ledger.verify(&[]).unwrap().is_whole());
}

#[test]
fn rows_that_nobody_wrote_are_found() {
    let fixture = small_book(&mut |_| {});
    let (forger, ledger) = (Forger::of(&fixture.path()), Ledger::inspect(&fixture.path(), key()).unwrap());
    for table in TABLES {
        let mut row = forger.rows(table).pop().unwrap();
        let other = match &row[0] {
            Cell::Number(_) => Cell::Number(77),
            _ => Cell::Text(b"other".to_vec()),
        };
        row[0] = other;
        if table == ANSWER {
            row[1] = Cell::Text(b"other question".to_vec());
        }
        let look = || assert!(!ledger.verify(&[]).unwrap().is_whole(), "{row:?}");
        assert!(forger.for_a_moment(table, &[], from_ref(&row), look), "{row:?}");
    }
    // Nor in front of the first entry, where no walk along the chain comes by.
    for seq in [0, -1] {
        let mut row = forger.rows(ENTRY).remove(0);
        row[0] = Cell::Number(seq);
        let look = || {
            let found = ledger.verify(&[]).unwrap();
            assert!(!found.is_whole(), "{row:?}");
            assert_eq!(found.problems[0].entry, u64::try_from(seq).ok());
        };
        assert!(forger.for_a_moment(ENTRY, &[], from_ref(&row), look));
    }
}

#[test]
fn exchanged_neighbours_are_found() {
    let fixture = small_book(&mut |_| {});
    let (forger, ledger) = (Forger::of(&fixture.path()), Ledger::inspect(&fixture.path(), key()).unwrap());
    let rows = forger.rows(ENTRY);
    for pair in rows.windows(2) {
        let (mut first, mut second) = (pair[0].clone(), pair[1].clone());
        std::mem::swap(&mut first[0], &mut second[0]);
        let look = || {
            let found = ledger.verify(&[]).unwrap();
            let Cell::Number(seq) = pair[0][0] else { panic!("a number") };
            assert_eq!(found.problems[0].entry, u64::try_from(seq).ok(), "{found:?}");
        };
        assert!(forger.for_a_moment(ENTRY, pair, &[first.clone(), second.clone()], look));
        // With the hashes left where they are, so that each carries that of the one before it.
        for column in [5, 6] {
            std::mem::swap(&mut first[column], &mut second[column]);
        }
        if pair[0][1..5] == pair[1][1..5] {
            // One question charged twice in one millisecond says the same twice.
            continue;
        }
        assert!(forger.for_a_moment(ENTRY, pair, &[first.clone(), second.clone()], look));
    }
}

#[test]
fn a_changed_answer_is_found_and_not_given() {
    let fixture = small_book(&mut |_| {});
    let (forger, ledger) = (Forger::of(&fixture.path()), fixture.open());
    let rows = forger.rows(ANSWER);
    let text = |text: &str| Cell::Text(text.as_bytes().to_vec());
    let wish = request("two years", "r", &[("2022", 5)]);
    for (columns, values) in [
        (&[5][..], vec![text("[2]")]),
        (&[5], vec![text("")]),
        // With the hash that fits it,
        (&[4, 5], vec![Cell::Blob(answer_hash("[2]").to_vec()), text("[2]")]),
        // or another question's charge and entry, or name.
        (&[2], vec![rows[1][2].clone()]),
        (&[3], vec![rows[1][3].clone()]),
        (&[2, 3, 4, 5], rows[1][2..].to_vec()),
        (&[0], vec![text("a0000000000000000")]),
    ] {
        let mut changed = rows[0].clone();
        columns.iter().zip(values).for_each(|(column, value)| changed[*column] = value);
        let look = || {
            let error = ledger.lookup("two years").unwrap_err();
            assert!(matches!(error, LedgerError::Tampered { .. }), "{error}");
            assert!(matches!(ledger.begin(&wish), Err(LedgerError::Tampered { .. })));
            assert!(ledger.answers(&mut |_| Ok(())).is_err());
            let found = ledger.verify(&[]).unwrap();
            assert!(found.problems[0].what.contains("was changed"), "{found:?}");
        };
        assert!(forger.for_a_moment(ANSWER, &rows[..1], from_ref(&changed), look), "{changed:?}");
        assert_eq!(ledger.lookup("two years").unwrap().unwrap().body, "[1]");
    }
}
