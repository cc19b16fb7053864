//! Files that are no ledger, or cannot be used as one: a clear sentence, and nothing charged.

use super::*;

#[test]
fn other_files_are_refused_and_left_alone() {
    let fixture = Fixture::new();
    let text = fixture.folder.path().join("text.sqlite");
    std::fs::write(
        &text,
        "This is no database, but a long enough text to be taken for the header of one.\n".repeat(20),
    )
    .unwrap();
    let foreign = fixture.folder.path().join("foreign.sqlite");
    Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    let newer = fixture.folder.path().join("newer.sqlite");
    drop(Ledger::create(&newer).unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 9).unwrap();
    for (path, what) in [(text, "not a database"), (foreign, "another program's"), (newer, "layout 9")] {
        let before = std::fs::read(&path).unwrap();
        let error = Ledger::open(&path).unwrap_err();
        assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(what) && message.contains(path.to_str().unwrap()), "{message}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_missing_folder_is_named() {
    let fixture = Fixture::new();
    let (nowhere, folder) = (fixture.folder.path().join("none/ledger.sqlite"), fixture.folder.path());
    for error in [Ledger::create(&nowhere).unwrap_err(), Ledger::open(folder).unwrap_err()] {
        assert!(matches!(error, LedgerError::CannotOpen { .. }), "{error}");
        assert!(error.to_string().contains(folder.to_str().unwrap()));
    }
}

#[test]
fn a_damaged_ledger_charges_nothing() {
    let (fixture, ledger) = declared();
    drop(ledger);
    let whole = std::fs::read(fixture.path()).unwrap();
    std::fs::write(fixture.path(), &whole[..whole.len() / 2]).unwrap();
    let result = Ledger::open(&fixture.path())
        .and_then(|ledger| ledger.reserve(&request("q", "releases", &[("2023", 1)])));
    assert!(matches!(result, Err(LedgerError::Corrupt { .. })), "{result:?}");
}

#[test]
fn a_locked_ledger_says_so_and_reading_goes_on() {
    let (fixture, ledger) = declared();
    drop(ledger);
    let ledger = Ledger::open_with_patience(&fixture.path(), Duration::from_millis(20)).unwrap();
    let other = Connection::open(fixture.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = ledger.reserve(&request("q", "releases", &[("2023", 1)])).unwrap_err();
    assert!(matches!(error, LedgerError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("nothing was charged"));
    assert_eq!(ledger.status().unwrap().len(), 2);
    other.execute_batch("COMMIT").unwrap();
    drop(ledger.reserve(&request("q", "releases", &[("2023", 1)])).unwrap());
}

/// The administrator of a machine may write any file, so the mode of a file proves nothing in a test
/// that may run as one: the database's own refusal is used instead.
#[test]
fn a_read_only_ledger_says_so() {
    let (fixture, ledger) = declared();
    drop(ledger);
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(fixture.path(), flags).unwrap();
    let source = connection.execute("DELETE FROM block", []).unwrap_err();
    let error = LedgerError::of(&fixture.path(), source);
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("write access"));
}
