//! A larger book, with checkpoints: seeded changes anywhere in it, and what opening alone finds.

use super::forge::{Cell, ENTRY, Forger, Random, Row, TABLES, Table};
use super::*;
use crate::rules::{Holders, Outcome};

/// A book of so many questions, two entries each and a checkpoint every thousand, closed.
fn book_of(questions: u64) -> Fixture {
    let (fixture, ledger) = declared();
    let years = ["2030", "2031"];
    ledger.declare(&years.map(|name| limit(name, 1_000_000, &[("researchers", 1_000_000)]))).unwrap();
    let holders = Holders { own: "", is_held: &|_| false };
    // In one transaction: this many commits take their time.
    ledger
        .write(|pen| {
            for number in 0..questions {
                let name = years[usize::from(number % 3 == 0)];
                let wish = with_id(
                    &number.to_string(),
                    request(&number.to_string(), "researchers", &[(name, number + 1)]),
                );
                let Outcome::Reserved(seq) = rules::begin(pen, &wish, &holders)? else { panic!("no room") };
                if number % 5 == 4 {
                    rules::abandon(pen, seq, &wish.key, "test")?;
                } else {
                    rules::settle(pen, seq, &wish.key, &number.to_string())?;
                }
            }
            Ok(())
        })
        .unwrap();
    fixture
}

#[test]
fn checkpoints_come_every_thousand_entries() {
    let fixture = book_of(1_100);
    let ledger = fixture.open();
    let filter = HistoryFilter { kind: Some("checkpoint".to_owned()), ..Default::default() };
    let checkpoints: Vec<u64> = ledger.history(&filter).unwrap().into_iter().map(|entry| entry.id).collect();
    assert_eq!(checkpoints, [1_000, 2_000]);
    let found = ledger.verify(&[]).unwrap();
    assert!(found.is_whole());
    assert_eq!((found.entries, found.answers), (3 + 2_200 + 2, 880));
    // Opening takes a checkpoint's word for what is before it, and goes on from there.
    let spent: u64 = (1..=1_100).sum();
    assert_eq!(ledger.status().unwrap().iter().map(|block| block.spent.nano()).sum::<u64>(), spent);
    drop(reserve(&ledger, &request("more", "researchers", &[("2030", 1)])));
    drop(ledger);
    assert!(fixture.open().verify(&[]).unwrap().is_whole());
}

#[test]
fn seeded_changes_anywhere_in_a_larger_book_are_found() {
    let fixture = book_of(1_500);
    let (forger, ledger) = (Forger::of(&fixture.path()), fixture.open());
    assert_eq!(ledger.head().unwrap().unwrap().seq, 3 + 3_000 + 3);
    let tables: Vec<(Table, Vec<Row>)> =
        TABLES.into_iter().map(|table| (table, forger.rows(table))).collect();
    let (mut random, mut found, mut impossible) = (Random(7), 0, 0);
    while found < 240 {
        // Half of them in the entries.
        let (table, rows) = &tables[random.below(8).saturating_sub(4)];
        let at = random.below(rows.len());
        let row = &rows[at];
        let (old, new) = match random.below(6) {
            0 => (vec![row.clone()], vec![]),
            1 => {
                // Two rows, each under the other's key.
                let other = &rows[random.below(rows.len())];
                let (mut first, mut second) = (row.clone(), other.clone());
                table.swap_keys(&mut first, &mut second);
                (vec![row.clone(), other.clone()], vec![first, second])
            }
            _ => {
                let column = random.below(row.len());
                let mut changed = row.clone();
                match row[column].bits() {
                    0 => changed[column] = Cell::Text(b"1".to_vec()),
                    bits => changed[column] = row[column].flipped(random.below(bits)),
                }
                (vec![row.clone()], vec![changed])
            }
        };
        // Two rows with the same in them may be exchanged.
        if old.len() == new.len() && old.iter().all(|row| new.contains(row)) {
            continue;
        }
        let look = || {
            let problems = ledger.verify(&[]).unwrap().problems;
            assert!(!problems.is_empty(), "{}: {old:?} -> {new:?}", table.name);
            if *table == ENTRY {
                let numbers = old
                    .iter()
                    .filter_map(|row| if let Cell::Number(seq) = row[0] { Some(seq) } else { None });
                assert_eq!(
                    problems[0].entry,
                    numbers.min().and_then(|seq| u64::try_from(seq).ok()),
                    "{problems:?}"
                );
            }
            found += 1;
        };
        impossible += usize::from(!forger.for_a_moment(*table, &old, &new, look));
    }
    assert!(impossible < 60, "{impossible}");
    assert!(ledger.verify(&[]).unwrap().is_whole());
}

/// What is changed in the last thousand entries, and budgets wherever they come from, must not be used to
/// decide a charge.
#[test]
fn changed_budgets_are_refused_at_opening_and_in_use() {
    let rise = "rho_limit = rho_limit + 1";
    let fall = "rho_spent = rho_spent - 1";
    for questions in [20, 1_100] {
        let fixture = book_of(questions);
        let (forger, ledger) = (Forger::of(&fixture.path()), fixture.open());
        let (block, share) = ("block = '2030' AND level = 0", "block = '2030' AND level = 1");
        for (change, back) in [
            (
                format!("UPDATE account SET {fall} WHERE {block}"),
                format!("rho_spent = rho_spent + 1 WHERE {block}"),
            ),
            (
                format!("UPDATE account SET {fall} WHERE {share}"),
                format!("rho_spent = rho_spent + 1 WHERE {share}"),
            ),
            (
                format!("UPDATE account SET {rise} WHERE {block}"),
                format!("rho_limit = rho_limit - 1 WHERE {block}"),
            ),
            (
                format!("UPDATE account SET {rise} WHERE {share}"),
                format!("rho_limit = rho_limit - 1 WHERE {share}"),
            ),
            (
                format!("UPDATE account SET delta_limit = 7 WHERE {block}"),
                format!("delta_limit = 0 WHERE {block}"),
            ),
            (
                format!("UPDATE account SET shown = shown + 1 WHERE {block}"),
                format!("shown = shown - 1 WHERE {block}"),
            ),
            (
                format!("UPDATE account SET block = '2099' WHERE {block}"),
                "block = '2030' WHERE block = '2099'".to_owned(),
            ),
        ] {
            forger.execute(&change);
            let error = Ledger::open(&fixture.path(), key()).unwrap_err();
            assert!(matches!(error, LedgerError::Tampered { .. }), "{change}: {error}");
            assert!(error.to_string().contains("nothing was charged"), "{error}");
            // Nor does a program that has it open go by it.
            let wish = request("x", "researchers", &[("2030", 1)]);
            assert!(matches!(ledger.begin(&wish), Err(LedgerError::Tampered { .. })), "{change}");
            forger.execute(&format!("UPDATE account SET {back}"));
        }
        let before = ledger.head().unwrap();
        assert_eq!(fixture.open().head().unwrap(), before);
        drop(reserve(&ledger, &request("x", "researchers", &[("2030", 1)])));
    }
}

#[test]
fn a_changed_tail_is_refused_at_opening() {
    let fixture = book_of(1_100);
    let forger = Forger::of(&fixture.path());
    let set = |what: &str, of: &str| format!("UPDATE {of} SET {what}");
    for (change, back) in [
        // An entry of the tail, the checkpoint itself, and the last one.
        (set("who = 'ola' WHERE seq = 2100", "entry"), set("who = 'kari' WHERE seq = 2100", "entry")),
        (set("who = 'kari' WHERE seq = 2000", "entry"), set("who = 'skjerm' WHERE seq = 2000", "entry")),
        (set("at = at || ' ' WHERE seq = 2205", "entry"), set("at = trim(at) WHERE seq = 2205", "entry")),
        (
            set("fate = 'open' WHERE seq = 2202", "reservation"),
            set("fate = 'settled' WHERE seq = 2202", "reservation"),
        ),
        (
            set("key = key || 'x' WHERE entry = 2203", "answer"),
            set("key = rtrim(key, 'x') WHERE entry = 2203", "answer"),
        ),
    ] {
        forger.execute(&change);
        let error = Ledger::open(&fixture.path(), key()).unwrap_err();
        assert!(matches!(error, LedgerError::Tampered { .. }), "{change}: {error}");
        forger.execute(&back);
        drop(fixture.open());
    }
    // What is before the checkpoint is for the whole check.
    forger.execute("UPDATE entry SET who = 'ola' WHERE seq = 7");
    let found = fixture.open().verify(&[]).unwrap();
    assert_eq!(found.problems.iter().map(|p| p.entry).collect::<Vec<_>>(), [Some(7)]);
}
