//! Files that are no ledger, or cannot be used as one: a clear sentence, and nothing charged.

use std::fmt::Write;

use rusqlite::Connection;

use super::*;
use crate::store::sqlite::open;

fn refusal(path: &Path) -> LedgerError {
    Ledger::open(path, key()).unwrap_err()
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let fixture = Fixture::new();
    let text = fixture.file("text.sqlite");
    let line = "This is no database, but a long enough text to be taken for the header of one.\n";
    std::fs::write(&text, line.repeat(20)).unwrap();
    let foreign = fixture.file("foreign.sqlite");
    let connection = Connection::open(&foreign).unwrap();
    connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    drop(connection);
    let of_layout = |version: i32| {
        let path = fixture.file(&format!("layout{version}.sqlite"));
        drop(Ledger::create(&path, key()).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
        path
    };
    for (path, what) in [
        (text, "not a database"),
        (foreign, "another program's"),
        (of_layout(9), "layout 9"),
        (of_layout(1), "layout 1, and this program reads layout 2: use the program that wrote it"),
    ] {
        let before = std::fs::read(&path).unwrap();
        for error in [refusal(&path), Ledger::inspect(&path, key()).unwrap_err()] {
            assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");
            let message = error.to_string();
            assert!(message.contains(what) && message.contains(path.to_str().unwrap()), "{message}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_missing_folder_is_named() {
    let fixture = Fixture::new();
    let (nowhere, folder) = (fixture.file("none/ledger.sqlite"), fixture.file(""));
    for error in [Ledger::create(&nowhere, key()).unwrap_err(), refusal(&folder)] {
        assert!(matches!(error, LedgerError::CannotOpen { .. }), "{error}");
        assert!(error.to_string().contains(folder.to_str().unwrap()));
    }
}

#[test]
fn of_many_who_begin_a_book_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let begun = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Ledger::create(&path, key()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let (ok, failed): (Vec<_>, Vec<_>) = begun.into_iter().partition(Result::is_ok);
    assert_eq!(ok.len(), 1);
    assert!(failed.iter().all(|error| matches!(error, Err(LedgerError::Exists { .. }))), "{failed:?}");
}

#[test]
fn a_lost_book_is_never_begun_anew() {
    let (fixture, ledger) = declared();
    drop(reserve(&ledger, &request("q", "releases", &[("2023", 1)])));
    let exists = || matches!(Ledger::create(&fixture.path(), key()), Err(LedgerError::Exists { .. }));
    assert!(exists());
    let wal = fixture.file("ledger.sqlite-wal");
    std::fs::copy(&wal, fixture.file("kept")).unwrap();
    drop(ledger);
    std::fs::remove_file(fixture.path()).unwrap();
    // What is left of the book is no ground for a new one: the note of its end would accuse the new one,
    assert!(exists());
    std::fs::remove_file(fixture.file("ledger.head")).unwrap();
    // and its log would be played into it.
    std::fs::rename(fixture.file("kept"), &wal).unwrap();
    assert!(exists());
    std::fs::remove_file(&wal).unwrap();
    let error = refusal(&fixture.path());
    assert!(matches!(error, LedgerError::Missing { .. }), "{error}");
    assert!(!fixture.path().exists(), "asking made a book");
    std::fs::write(fixture.path(), "").unwrap();
    let error = refusal(&fixture.path());
    assert!(matches!(&error, LedgerError::Unbegun { .. }), "{error}");
    assert!(std::fs::read(fixture.path()).unwrap().is_empty());
}

/// What a crash in the middle of beginning a book may leave.
#[test]
fn a_book_without_entries_is_refused() {
    let fixture = Fixture::new();
    let path = fixture.file("empty.sqlite");
    drop(open::create(&path, PATIENCE).unwrap());
    let error = refusal(&path);
    assert!(matches!(&error, LedgerError::Unbegun { .. }), "{error}");
    let found = Ledger::inspect(&path, key()).unwrap().verify(&[]).unwrap();
    assert_eq!(found.problems[0], Problem::new(1, "the book has no entries"));
    let error = Ledger::inspect(&path, key()).unwrap().adopt("ola", "test", &[]).unwrap_err();
    assert!(matches!(error, LedgerError::Tampered { seq: 1, .. }), "{error}");
}

#[test]
fn a_truncated_file_grants_nothing() {
    let (fixture, ledger) = declared();
    ask(&ledger, &request("q", "releases", &[("2023", 1)]), "1");
    drop(ledger);
    let whole = std::fs::read(fixture.path()).unwrap();
    for length in (0..whole.len()).step_by(1_024) {
        std::fs::write(fixture.path(), &whole[..length]).unwrap();
        let error = refusal(&fixture.path());
        // Tampered: what is cut off may be an index that finds the answers.
        let expected = matches!(
            error,
            LedgerError::Corrupt { .. }
                | LedgerError::NotALedger { .. }
                | LedgerError::Tampered { .. }
                | LedgerError::Unbegun { .. }
        );
        assert!(expected, "{length} bytes: {error}");
    }
    std::fs::write(fixture.path(), &whole).unwrap();
    assert!(fixture.open().verify(&[]).unwrap().is_whole());
}

#[test]
fn another_key_opens_nothing() {
    let (fixture, ledger) = declared();
    drop(ledger);
    let other = LedgerKey::from_secret(&[8; 32]);
    let error = Ledger::open(&fixture.path(), other.clone()).unwrap_err();
    assert!(matches!(error, LedgerError::Tampered { seq: 1, .. }), "{error}");
    let found = Ledger::inspect(&fixture.path(), other.clone()).unwrap().verify(&[]).unwrap();
    assert_eq!(found.problems[0].entry, Some(1));
    assert_eq!(format!("{other:?}"), "LedgerKey", "never shown");
}

#[test]
fn a_locked_ledger_says_so_and_reading_goes_on() {
    let (fixture, ledger) = declared();
    drop(ledger);
    let patience = Duration::from_millis(20);
    let ledger = Ledger::open_with_patience(&fixture.path(), key(), patience).unwrap();
    let other = Connection::open(fixture.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = ledger.begin(&request("q", "releases", &[("2023", 1)])).unwrap_err();
    assert!(matches!(error, LedgerError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("nothing was charged"));
    assert_eq!(ledger.status().unwrap().len(), 2);
    other.execute_batch("COMMIT").unwrap();
    drop(reserve(&ledger, &request("q", "releases", &[("2023", 1)])));
}

/// The administrator of a machine may write any file, so the mode of a file proves nothing in a test
/// that may run as one: the database's own refusal is used instead.
#[test]
fn a_read_only_ledger_says_so() {
    let (fixture, ledger) = declared();
    drop(ledger);
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(fixture.path(), flags).unwrap();
    let source = connection.execute("DELETE FROM reservation", []).unwrap_err();
    let error = LedgerError::of(&fixture.path(), source);
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("write access"));
}

#[test]
fn a_full_disk_charges_nothing_and_loses_nothing() {
    let (fixture, ledger) = declared();
    drop(ledger);
    let store = SqliteStore::open(&fixture.path(), PATIENCE).unwrap();
    // As many pages as there are: some room is left on them.
    store.on_connection(|connection| {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    });
    let ledger = Ledger::over(&fixture.path(), Box::new(store), key());
    ledger.knows(ledger.read(|book| verify::tail(book, &ledger.key, None)).unwrap());
    let mut granted = 0;
    let error = loop {
        match ledger.begin(&request(&granted.to_string(), "researchers", &[("2023", 1)])) {
            Ok(_reservation) => granted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LedgerError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("nothing was charged"));
    assert!(granted > 0, "there was room for some");
    assert_eq!(left(&ledger, "2023"), 600 - granted);
    // A refusal must be noted too before it is said.
    assert!(matches!(
        ledger.begin(&request("dear", "researchers", &[("2023", 601)])),
        Err(LedgerError::DiskFull { .. })
    ));
    drop(ledger);
    let ledger = fixture.open();
    assert_eq!(left(&ledger, "2023"), 600 - granted);
    assert!(ledger.verify(&[]).unwrap().is_whole());
    drop(reserve(&ledger, &request("q", "researchers", &[("2023", 1)])));
}

#[cfg(unix)]
#[test]
fn the_book_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (fixture, ledger) = declared();
    drop(reserve(&ledger, &request("q", "releases", &[("2023", 1)])));
    for (name, expected) in [
        ("ledger.sqlite", 0o600),
        ("ledger.sqlite-wal", 0o600),
        ("ledger.sqlite-shm", 0o600),
        ("ledger.head", 0o600),
        ("ledger.holders", 0o700),
    ] {
        let mode = std::fs::metadata(fixture.file(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }
}

#[test]
fn the_file_keeps_its_promises() {
    let (fixture, _ledger) = declared();
    let connection = open::connect(&fixture.path(), PATIENCE).unwrap();
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0));
    assert_eq!(pragma("journal_mode").unwrap(), "wal");
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((number("synchronous"), number("foreign_keys")), (2, 1));
    // Nor does a slip at the database's own prompt change the book.
    for slip in [
        "UPDATE entry SET who = 'ola' WHERE seq = 2",
        "DELETE FROM entry WHERE seq = 2",
        "UPDATE account SET rho_spent = rho_limit + 1",
        "DELETE FROM account",
        "INSERT INTO account VALUES ('persons', '2024', 0, '', 5, 0, 0.5, 0, 0)",
        "INSERT INTO reservation VALUES (77, 'k', 'w', NULL, 'open', NULL, 'h', 'u', 0)",
    ] {
        assert!(connection.execute(slip, []).is_err(), "{slip}");
    }
    connection.execute("UPDATE account SET rho_spent = 2", []).unwrap();
    assert!(connection.execute("UPDATE account SET rho_spent = 1", []).is_err());
}

/// What the log of the program is told, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = String::new();
        event.record(&mut |_: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            let _ = write!(text, "{value:?}");
        });
        self.0.lock().unwrap().push(text);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_clock_that_goes_backwards_is_warned_of_and_changes_no_budget() {
    let (_fixture, mut ledger) = declared();
    ledger.clock = set_clock;
    let log = Log::default();
    let said = || std::mem::take(&mut *log.0.lock().unwrap());
    let begin = |seconds, key: &str| {
        move_clock(seconds);
        drop(reserve(&ledger, &request(key, "researchers", &[("2023", 10)])));
    };
    tracing::subscriber::with_default(log.clone(), || {
        begin(100, "a");
        assert!(said().is_empty());
        begin(98, "b");
        assert!(said().is_empty(), "a clock set by the network may do this");
        begin(10, "c");
        let lines = said();
        assert!(lines.len() == 1 && lines[0].contains("clock is 1m 28s behind the last entry"), "{lines:?}");
    });
    assert_eq!(left(&ledger, "2023"), 570);
    let history = ledger.history(&HistoryFilter::default()).unwrap();
    assert_eq!(history.iter().map(|entry| entry.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let found = ledger.verify(&[]).unwrap();
    assert!(found.is_whole(), "{found:?}");
    assert_eq!(found.remarks.len(), 1);
    assert!(found.remarks[0].starts_with("entry 5 is timed 1m 28s before"), "{found:?}");
}
