//! Older copies in the place of the book, at rest and under a running program's hands; the note of the
//! last entry; and taking an older book into use.

use super::*;

/// A book of which an older copy is kept as `old`: since then, all that `researchers` had of 2023 was spent.
fn with_old_copy() -> Fixture {
    let (fixture, ledger) = declared();
    ask(&ledger, &request("a", "researchers", &[("2023", 100)]), "1");
    drop(ledger);
    std::fs::copy(fixture.path(), fixture.file("old")).unwrap();
    ask(&fixture.open(), &request("b", "researchers", &[("2023", 500)]), "1");
    fixture
}

fn copy_back(fixture: &Fixture) {
    std::fs::copy(fixture.file("old"), fixture.path()).unwrap();
}

fn begin(ledger: &Ledger) -> LedgerError {
    ledger.begin(&request("x", "researchers", &[("2023", 1)])).unwrap_err()
}

#[test]
fn an_older_copy_is_refused_at_opening() {
    let fixture = with_old_copy();
    copy_back(&fixture);
    let error = Ledger::open(&fixture.path(), key()).unwrap_err();
    assert!(matches!(error, LedgerError::RolledBack { seen: 6, found: 4 }), "{error}");
    assert!(error.to_string().contains("skjerm budget adopt"), "{error}");
    let found = Ledger::inspect(&fixture.path(), key()).unwrap().verify(&[]).unwrap();
    assert_eq!((found.entries, found.problems.len(), found.problems[0].entry), (4, 1, Some(5)));
}

#[test]
fn a_copy_renamed_over_a_book_in_use_grants_nothing() {
    let fixture = with_old_copy();
    let ledger = fixture.open();
    std::fs::rename(fixture.file("old"), fixture.path()).unwrap();
    let error = begin(&ledger);
    assert!(matches!(error, LedgerError::Replaced { .. }), "{error}");
    assert!(matches!(ledger.status(), Err(LedgerError::Replaced { .. })));
    drop(ledger);
    assert!(matches!(
        Ledger::open(&fixture.path(), key()),
        Err(LedgerError::RolledBack { seen: 6, found: 4 })
    ));
}

#[test]
fn a_copy_written_over_a_book_in_use_grants_nothing() {
    let fixture = with_old_copy();
    let ledger = fixture.open();
    assert_eq!(left(&ledger, "2023"), 0, "its pages are remembered");
    copy_back(&fixture);
    let error = begin(&ledger);
    assert!(matches!(error, LedgerError::RolledBack { seen: 6, found: 4 }), "{error}");
    drop(ledger);
    assert!(matches!(
        Ledger::open(&fixture.path(), key()),
        Err(LedgerError::RolledBack { seen: 6, found: 4 })
    ));
}

/// The log still has what this program wrote, and goes on top of the old copy: a mixture of both, in
/// which no budget is refilled, and which is noticed at the next opening.
#[test]
fn a_copy_written_under_a_log_refills_nothing() {
    let fixture = with_old_copy();
    let ledger = fixture.open();
    drop(reserve(&ledger, &request("c", "releases", &[("2023", 1)])));
    copy_back(&fixture);
    assert!(matches!(begin(&ledger), LedgerError::Exhausted { .. }));
    drop(ledger);
    let error = Ledger::open(&fixture.path(), key()).unwrap_err();
    assert!(matches!(error, LedgerError::Tampered { seq: 6, .. }), "{error}");
}

/// As one does who puts back a copy and means to be thorough.
#[test]
fn a_log_that_is_removed_under_a_running_program_grants_nothing() {
    for name in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let fixture = with_old_copy();
        let ledger = fixture.open();
        std::fs::remove_file(fixture.file(name)).unwrap();
        let error = begin(&ledger);
        assert!(matches!(error, LedgerError::Replaced { .. }), "{name}: {error}");
    }
}

#[test]
fn an_older_book_under_a_newer_log_is_refused() {
    let fixture = with_old_copy();
    let ledger = fixture.open();
    drop(reserve(&ledger, &request("c", "releases", &[("2023", 1)])));
    std::fs::copy(fixture.file("ledger.sqlite-wal"), fixture.file("log")).unwrap();
    drop(ledger);
    copy_back(&fixture);
    std::fs::copy(fixture.file("log"), fixture.file("ledger.sqlite-wal")).unwrap();
    let error = Ledger::open(&fixture.path(), key()).unwrap_err();
    assert!(matches!(error, LedgerError::Tampered { .. }), "{error}");
}

#[test]
fn a_book_whose_note_is_missing_or_damaged_is_refused() {
    let (fixture, ledger) = declared();
    drop(ledger);
    let note = fixture.file("ledger.head");
    let kept = std::fs::read(&note).unwrap();
    let refused = || {
        let error = Ledger::open(&fixture.path(), key()).unwrap_err();
        assert!(matches!(&error, LedgerError::WitnessMissing { path } if *path == note), "{error}");
        let found = Ledger::inspect(&fixture.path(), key()).unwrap().verify(&[]).unwrap();
        assert!(
            found.problems.len() == 1 && found.problems[0].what.contains("missing or damaged"),
            "{found:?}"
        );
    };
    std::fs::remove_file(&note).unwrap();
    refused();
    let damaged: Vec<u8> = kept.iter().map(|byte| byte ^ 1).collect();
    for content in [&b""[..], b"3 abc def\n", &damaged] {
        std::fs::write(&note, content).unwrap();
        refused();
    }
    // Another installation's note is not ours.
    let other = Fixture { folder: tempfile::tempdir().unwrap() };
    drop(Ledger::create(&other.path(), LedgerKey::from_secret(&[8; 32])).unwrap());
    std::fs::copy(other.file("ledger.head"), &note).unwrap();
    refused();
    std::fs::write(&note, kept).unwrap();
    drop(fixture.open());
}

/// Two lines, written in turn: what a torn write leaves of one, the other makes good.
#[test]
fn every_damage_to_one_line_of_the_note_leaves_the_other() {
    let (fixture, ledger) = declared();
    let head = ledger.head().unwrap().unwrap();
    drop(ledger);
    let note = fixture.file("ledger.head");
    let kept = std::fs::read(&note).unwrap();
    let witness = Witness::beside(&fixture.path());
    assert_eq!((kept.len(), witness.last(&key()).unwrap()), (302, Some(head)));
    for at in 0..kept.len() {
        let mut damaged = kept.clone();
        damaged[at] ^= 1;
        std::fs::write(&note, damaged).unwrap();
        // Lines of odd entries are the second.
        let expected = if at < 151 { head.seq - 1 } else { head.seq };
        assert_eq!(witness.last(&key()).unwrap().map(|head| head.seq), Some(expected), "byte {at}");
        drop(fixture.open());
    }
}

#[test]
fn a_note_that_is_behind_says_nothing_against_the_book() {
    let (fixture, ledger) = declared();
    std::fs::copy(fixture.file("ledger.head"), fixture.file("kept")).unwrap();
    drop(reserve(&ledger, &request("a", "researchers", &[("2023", 1)])));
    drop(ledger);
    std::fs::copy(fixture.file("kept"), fixture.file("ledger.head")).unwrap();
    let ledger = fixture.open();
    assert!(ledger.verify(&[]).unwrap().is_whole());
    drop(reserve(&ledger, &request("b", "researchers", &[("2023", 1)])));
    assert_eq!(Witness::beside(&fixture.path()).last(&key()).unwrap(), ledger.head().unwrap());
}

#[test]
fn a_note_that_comes_late_does_not_go_over_a_later_one() {
    let (fixture, ledger) = declared();
    let mut heads = Vec::new();
    for name in ["a", "b", "c"] {
        drop(reserve(&ledger, &request(name, "researchers", &[("2023", 1)])));
        heads.push(ledger.head().unwrap().unwrap());
    }
    ledger.witness.note(&heads[0], &key()).unwrap();
    assert_eq!(ledger.witness.last(&key()).unwrap(), Some(heads[2]));
    // The one before is there as well, for a torn write.
    let note = std::fs::read_to_string(fixture.file("ledger.head")).unwrap();
    let numbers: Vec<u64> = note.lines().map(|line| line[..20].parse().unwrap()).collect();
    assert_eq!(numbers, [4, 5]);
}

#[test]
fn a_block_that_the_older_copy_does_not_know_is_given_up_too() {
    let fixture = Fixture::new();
    // Kept before any budget was declared.
    let kept = std::fs::read(fixture.path()).unwrap();
    let ledger = fixture.open();
    let limits = [limit("2023", 1_000, &[("researchers", 600)])];
    ledger.declare(&limits).unwrap();
    drop(reserve(&ledger, &request("a", "researchers", &[("2023", 600)])));
    drop(ledger);
    std::fs::write(fixture.path(), kept).unwrap();
    Ledger::inspect(&fixture.path(), key()).unwrap().adopt("ola", "lost", &limits).unwrap();
    let ledger = fixture.open();
    ledger.declare(&limits).unwrap();
    assert_eq!(left(&ledger, "2023"), 0);
    assert!(ledger.verify(&[]).unwrap().is_whole());
}

#[test]
fn an_adopted_book_has_nothing_left() {
    let fixture = with_old_copy();
    copy_back(&fixture);
    let inspected = Ledger::inspect(&fixture.path(), key()).unwrap();
    inspected.adopt("ola", "the disk was lost", &[]).unwrap();
    drop(inspected);
    let ledger = fixture.open();
    assert!(ledger.status().unwrap().iter().all(|block| block.left.is_zero() && block.spent == block.limit));
    assert_eq!((left(&ledger, "2022"), left(&ledger, "2023")), (0, 0));
    assert!(matches!(begin(&ledger), LedgerError::Exhausted { .. }));
    // Answers stay, new blocks get their budgets, and the book is whole.
    assert_eq!(ledger.lookup("a").unwrap().unwrap().body, "1");
    ledger.declare(&[limit("2024", 1_000, &[("researchers", 600)])]).unwrap();
    drop(reserve(&ledger, &request("d", "researchers", &[("2024", 600)])));
    assert!(ledger.verify(&[]).unwrap().is_whole());
    let filter = HistoryFilter { kind: Some("written_off".to_owned()), ..Default::default() };
    let entries = ledger.history(&filter).unwrap();
    let lost = |name: &str, amount| Charged { block: year(name), loss: nano(amount) };
    assert_eq!(entries[0].charges, [lost("2022", 1_000), lost("2023", 900)]);
    assert_eq!((entries[0].who.as_str(), entries[0].reason.as_deref()), ("ola", Some("the disk was lost")));
}

#[test]
fn a_book_without_its_note_can_be_adopted() {
    let (fixture, ledger) = declared();
    drop(ledger);
    std::fs::remove_file(fixture.file("ledger.head")).unwrap();
    Ledger::inspect(&fixture.path(), key()).unwrap().adopt("ola", "lost note", &[]).unwrap();
    assert_eq!(left(&fixture.open(), "2023"), 0);
}

#[test]
fn a_book_that_is_not_whole_cannot_be_adopted() {
    for change in [
        "UPDATE account SET rho_spent = 1 WHERE level = 0 AND block = '2022'",
        "DROP TRIGGER spent_is_spent",
        "DROP INDEX reservation_open",
    ] {
        let fixture = with_old_copy();
        copy_back(&fixture);
        let connection = rusqlite::Connection::open(fixture.path()).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let error = Ledger::inspect(&fixture.path(), key()).unwrap().adopt("ola", "test", &[]).unwrap_err();
        assert!(matches!(error, LedgerError::Tampered { .. }), "{change}: {error}");
        assert!(fixture.file("ledger.head").exists());
    }
}

#[test]
fn what_cannot_be_noted_is_charged_and_not_answered() {
    let (fixture, ledger) = declared();
    ledger.witness.hold_read_only();
    let error = begin(&ledger);
    assert!(matches!(error, LedgerError::NotNoted { .. }), "{error}");
    assert_eq!(left(&ledger, "2023"), 599, "the charge stands");
    drop(ledger);
    // The note is behind the book, which says nothing against it.
    let ledger = fixture.open();
    assert_eq!(left(&ledger, "2023"), 599);
    assert!(ledger.verify(&[]).unwrap().is_whole());
}
