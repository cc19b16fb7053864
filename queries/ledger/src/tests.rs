//! Tests of the ledger as its users see it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;

mod files;

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap() };
        drop(Ledger::create(&fixture.path()).unwrap());
        fixture
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.sqlite")
    }

    fn open(&self) -> Ledger {
        Ledger::open(&self.path()).unwrap()
    }
}

fn year(name: &str) -> Block {
    Block::new("persons", name)
}

fn limit(name: &str, nano: u64, shares: &[(&str, u64)]) -> BlockLimit {
    BlockLimit {
        block: year(name),
        rho: Rho::from_nano(nano),
        delta: 1e-6,
        shares: shares.iter().map(|(share, nano)| ((*share).to_owned(), Rho::from_nano(*nano))).collect(),
    }
}

fn request(key: &str, share: &str, charges: &[(&str, u64)]) -> Request {
    Request {
        key: key.to_owned(),
        who: "kari".to_owned(),
        share: share.to_owned(),
        kind: "sql".to_owned(),
        question: format!("question {key}"),
        snapshot: "s1".to_owned(),
        charges: charges.iter().map(|(name, nano)| (year(name), Rho::from_nano(*nano))).collect(),
    }
}

fn declared() -> (Fixture, Ledger) {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    ledger
        .declare(&[
            limit("2022", 1_000, &[("releases", 600), ("researchers", 600)]),
            limit("2023", 1_000, &[("releases", 600), ("researchers", 600)]),
        ])
        .unwrap();
    (fixture, ledger)
}

#[test]
fn a_question_from_wish_to_answer() {
    let (_folder, ledger) = declared();
    assert_eq!(ledger.lookup("q").unwrap(), None);
    let reservation = ledger.reserve(&request("q", "researchers", &[("2022", 100), ("2023", 200)])).unwrap();
    // Charged before there is an answer.
    assert_eq!(ledger.remaining(&year("2023"), "researchers").unwrap().nano(), 400);
    let stored = ledger.settle(reservation, r#"{"rows":[[1]]}"#).unwrap();
    assert_eq!(ledger.lookup("q").unwrap().as_ref(), Some(&stored));
    assert_eq!(ledger.answer(&stored.id).unwrap(), Some(stored.clone()));
    assert_eq!((stored.who.as_str(), stored.snapshot.as_str(), stored.kind.as_str()), ("kari", "s1", "sql"));
    assert_eq!(stored.body, r#"{"rows":[[1]]}"#);
    assert!(stored.when.parse::<jiff::Timestamp>().is_ok());

    let status = ledger.status().unwrap();
    assert_eq!(status.len(), 2);
    assert_eq!(
        (status[0].block.name.as_str(), status[0].spent.nano(), status[0].left.nano()),
        ("2022", 100, 900)
    );
    let researchers = status[1].shares.iter().find(|share| share.name == "researchers").unwrap();
    assert_eq!((researchers.spent.nano(), researchers.left.nano()), (200, 400));
    assert!(status[1].epsilon_spent > status[0].epsilon_spent && status[0].epsilon_spent > 0.0);
}

#[test]
fn begin_charges_a_known_question_nothing() {
    let (_folder, ledger) = declared();
    let wish = request("q", "releases", &[("2023", 600)]);
    let Begin::Reserved(reservation) = ledger.begin(&wish).unwrap() else { panic!("no answer yet") };
    let stored = ledger.settle(reservation, "1").unwrap();
    // Nothing would be left to pay it a second time.
    let Begin::Stored(again) = ledger.begin(&wish).unwrap() else { panic!("answered") };
    assert_eq!(again, stored);
    assert!(matches!(ledger.reserve(&wish), Err(LedgerError::Exhausted { .. })));
}

#[test]
fn the_first_answer_stays() {
    let (_folder, ledger) = declared();
    let wish = request("q", "researchers", &[("2023", 100)]);
    let (first, second) = (ledger.reserve(&wish).unwrap(), ledger.reserve(&wish).unwrap());
    let given = ledger.settle(second, "2").unwrap();
    assert_eq!(ledger.settle(first, "1").unwrap(), given);
    assert_eq!(given.body, "2");
    assert_eq!(ledger.remaining(&year("2023"), "researchers").unwrap().nano(), 400, "both read the data");
}

#[test]
fn exhausted_blocks_and_shares_change_nothing() {
    let (_folder, ledger) = declared();
    let before = ledger.status().unwrap();
    let error = ledger.reserve(&request("q", "researchers", &[("2022", 1), ("2023", 601)])).unwrap_err();
    let LedgerError::Exhausted { block, share, asked, left } = &error else { panic!("{error}") };
    assert_eq!((block, share.as_deref()), (&year("2023"), Some("researchers")));
    assert_eq!((asked.nano(), left.nano()), (601, 600));
    assert!(error.to_string().contains("persons/2023 (share `researchers`)"), "{error}");
    assert_eq!(ledger.status().unwrap(), before);
    assert!(ledger.history(&HistoryFilter::default()).unwrap().is_empty());

    // The shares sum to more than the block: the block rules.
    let _open = ledger.reserve(&request("a", "releases", &[("2023", 600)])).unwrap();
    let error = ledger.reserve(&request("b", "researchers", &[("2023", 401)])).unwrap_err();
    assert!(
        matches!(&error, LedgerError::Exhausted { share: None, left, .. } if left.nano() == 400),
        "{error}"
    );
    assert_eq!(ledger.remaining(&year("2023"), "researchers").unwrap().nano(), 400);
    let researchers = &ledger.status().unwrap()[1].shares[1];
    assert_eq!((researchers.name.as_str(), researchers.left.nano()), ("researchers", 400));
    let _last = ledger.reserve(&request("c", "researchers", &[("2023", 400)])).unwrap();
    assert!(ledger.remaining(&year("2023"), "researchers").unwrap().is_zero());
}

#[test]
fn abandoned_and_open_charges_stay() {
    let (fixture, ledger) = declared();
    let reservation = ledger.reserve(&request("q", "researchers", &[("2023", 100)])).unwrap();
    ledger.abandon(reservation, "timeout").unwrap();
    drop(ledger.reserve(&request("r", "researchers", &[("2023", 50)])).unwrap());
    drop(ledger);
    let ledger = fixture.open();
    assert_eq!(ledger.remaining(&year("2023"), "researchers").unwrap().nano(), 450);
    let history = ledger.history(&HistoryFilter::default()).unwrap();
    assert_eq!(
        history.iter().map(|entry| entry.state).collect::<Vec<_>>(),
        [EntryState::Abandoned, EntryState::Open]
    );
    assert_eq!(history[0].reason.as_deref(), Some("timeout"));
    assert_eq!(history[0].charges, [(year("2023"), Rho::from_nano(100))]);
}

#[test]
fn a_reservation_ends_once() {
    let (_folder, ledger) = declared();
    let reservation = ledger.reserve(&request("q", "researchers", &[("2023", 100)])).unwrap();
    let copy = || Reservation { id: reservation.id, key: "q".to_owned() };
    ledger.settle(copy(), "1").unwrap();
    assert!(matches!(ledger.settle(copy(), "2"), Err(LedgerError::NotOpen { .. })));
    assert!(matches!(ledger.abandon(copy(), "late"), Err(LedgerError::NotOpen { .. })));
    let foreign = Reservation { id: 77, key: "x".to_owned() };
    assert!(matches!(ledger.settle(foreign, "1"), Err(LedgerError::NotOpen { id: 77 })));
    assert_eq!(ledger.lookup("q").unwrap().unwrap().body, "1");
    assert_eq!(ledger.lookup("x").unwrap(), None);
}

#[test]
fn limits_never_change_silently() {
    let (_folder, ledger) = declared();
    let same = limit("2023", 1_000, &[("releases", 600), ("researchers", 600)]);
    ledger.declare(std::slice::from_ref(&same)).unwrap();
    let mut other_delta = same.clone();
    other_delta.delta = 1e-5;
    for changed in [
        limit("2023", 1_001, &[("releases", 600)]),
        limit("2023", 999, &[]),
        limit("2023", 1_000, &[("releases", 601)]),
        other_delta,
    ] {
        // All or none: the new block before it is not kept either.
        let error = ledger.declare(&[limit("2024", 5, &[]), changed]).unwrap_err();
        assert!(matches!(error, LedgerError::LimitDiffers { .. }), "{error}");
        assert_eq!(ledger.status().unwrap().len(), 2);
    }
    ledger.declare(&[limit("2023", 1_000, &[("planners", 10)])]).unwrap();
    assert_eq!(ledger.remaining(&year("2023"), "planners").unwrap().nano(), 10);
}

#[test]
fn nonsense_is_refused() {
    let (_folder, ledger) = declared();
    for wish in [
        request("", "researchers", &[("2023", 1)]),
        request("q", "researchers", &[]),
        request("q", "researchers", &[("2023", 0)]),
        request("q", "researchers", &[("2023", 1), ("2023", 1)]),
    ] {
        assert!(matches!(ledger.reserve(&wish), Err(LedgerError::Invalid(_))), "{wish:?}");
        assert!(matches!(ledger.begin(&wish), Err(LedgerError::Invalid(_))), "{wish:?}");
    }
    let unknown = ledger.reserve(&request("q", "researchers", &[("1999", 1)])).unwrap_err();
    assert!(unknown.to_string().contains("persons/1999"), "{unknown}");
    let unknown = ledger.reserve(&request("q", "press", &[("2023", 1)])).unwrap_err();
    assert!(matches!(unknown, LedgerError::UnknownShare { .. }), "{unknown}");
    assert!(matches!(ledger.remaining(&year("1999"), "press"), Err(LedgerError::UnknownBlock { .. })));
    assert!(ledger.declare(&[limit("2030", 10, &[("a", 11)])]).is_err());
    assert!(ledger.declare(&[BlockLimit { delta: 0.0, ..limit("2030", 10, &[]) }]).is_err());
    assert!(ledger.declare(&[limit("", 10, &[])]).is_err());
    let reservation = ledger.reserve(&request("q", "researchers", &[("2023", 1)])).unwrap();
    assert!(matches!(ledger.settle(reservation, "not JSON"), Err(LedgerError::Invalid(_))));
    assert!(ledger.history(&HistoryFilter::default()).unwrap().iter().all(|e| e.state == EntryState::Open));
}

#[test]
fn history_is_filtered() {
    let (_folder, ledger) = declared();
    for (key, who, block) in [("a", "kari", "2022"), ("b", "ola", "2023"), ("c", "kari", "2023")] {
        let mut wish = request(key, "researchers", &[(block, 10)]);
        who.clone_into(&mut wish.who);
        let reservation = ledger.reserve(&wish).unwrap();
        if key != "c" {
            ledger.settle(reservation, "1").unwrap();
        }
    }
    let keys = |filter: HistoryFilter| {
        ledger.history(&filter).unwrap().into_iter().map(|entry| entry.key).collect::<String>()
    };
    assert_eq!(keys(HistoryFilter::default()), "abc");
    assert_eq!(keys(HistoryFilter { block: Some(year("2023")), ..Default::default() }), "bc");
    assert_eq!(keys(HistoryFilter { who: Some("kari".into()), ..Default::default() }), "ac");
    assert_eq!(keys(HistoryFilter { state: Some(EntryState::Settled), ..Default::default() }), "ab");
    assert_eq!(keys(HistoryFilter { limit: Some(2), ..Default::default() }), "bc");
}

/// Many threads over several connections race for the last of a budget: not one billionth over, and
/// not one affordable price refused.
#[test]
fn a_race_never_overspends() {
    let fixture = Fixture::new();
    let ledgers: Vec<Ledger> = (0..3).map(|_| fixture.open()).collect();
    ledgers[0].declare(&[limit("2023", 100, &[("a", 60), ("b", 60)])]).unwrap();
    let spent = [AtomicU64::new(0), AtomicU64::new(0)];
    std::thread::scope(|scope| {
        for thread in 0..12_usize {
            let (ledger, spent) = (&ledgers[thread % 3], &spent);
            scope.spawn(move || {
                let side = thread / 3 % 2;
                for turn in 0.. {
                    let wish = request(&format!("{thread}/{turn}"), ["a", "b"][side], &[("2023", 1)]);
                    match ledger.reserve(&wish) {
                        Ok(_charged) => spent[side].fetch_add(1, Ordering::SeqCst),
                        Err(LedgerError::Exhausted { left, .. }) => {
                            assert!(left.is_zero());
                            break;
                        }
                        Err(other) => panic!("{other}"),
                    };
                }
            });
        }
    });
    let [a, b] = spent.map(AtomicU64::into_inner);
    assert_eq!(a + b, 100);
    assert!(a <= 60 && b <= 60, "{a} {b}");
    let status = &fixture.open().status().unwrap()[0];
    assert_eq!((status.spent.nano(), status.left), (100, Rho::ZERO));
}

#[test]
fn of_many_who_begin_a_book_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let begun = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Ledger::create(&path))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(begun.iter().filter(|ledger| ledger.is_ok()).count(), 1);
    assert!(
        begun
            .iter()
            .filter_map(|ledger| ledger.as_ref().err())
            .all(|e| matches!(e, LedgerError::Exists { .. }))
    );
}

#[test]
fn a_lost_book_is_never_begun_anew() {
    let (fixture, ledger) = declared();
    drop(ledger.reserve(&request("q", "releases", &[("2023", 1)])).unwrap());
    let error = Ledger::create(&fixture.path()).unwrap_err();
    assert!(matches!(error, LedgerError::Exists { .. }), "{error}");
    // What is left of the book is no ground for a new one either: it would be played into it.
    let wal = fixture.folder.path().join("ledger.sqlite-wal");
    assert!(wal.exists());
    std::fs::copy(&wal, fixture.folder.path().join("kept")).unwrap();
    drop(ledger);
    std::fs::rename(fixture.folder.path().join("kept"), &wal).unwrap();
    std::fs::remove_file(fixture.path()).unwrap();
    assert!(matches!(Ledger::create(&fixture.path()), Err(LedgerError::Exists { .. })));
    std::fs::remove_file(&wal).unwrap();
    let error = Ledger::open(&fixture.path()).unwrap_err();
    assert!(matches!(error, LedgerError::Missing { .. }), "{error}");
    assert!(!fixture.path().exists(), "asking made a book");
    std::fs::write(fixture.path(), "").unwrap();
    let error = Ledger::open(&fixture.path()).unwrap_err();
    assert!(matches!(&error, LedgerError::NotALedger { what, .. } if what == "it is empty"), "{error}");
    assert!(std::fs::read(fixture.path()).unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn the_book_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (fixture, ledger) = declared();
    drop(ledger.reserve(&request("q", "releases", &[("2023", 1)])).unwrap());
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let mode = std::fs::metadata(fixture.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

const CHILD: &str = "SKJERM_LEDGER_TEST_CHILD";

/// Runs this test binary again as another process that spends what it can and dies without a word.
fn child(fixture: &Fixture, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::another_process", "--nocapture"])
        .env(CHILD, name)
        .env("SKJERM_LEDGER_TEST_PATH", fixture.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn another_process() {
    let Ok(name) = std::env::var(CHILD) else { return };
    let ledger = Ledger::open(&PathBuf::from(std::env::var("SKJERM_LEDGER_TEST_PATH").unwrap())).unwrap();
    for turn in 0.. {
        if ledger.reserve(&request(&format!("{name}/{turn}"), "a", &[("2023", 7)])).is_err() {
            std::process::abort();
        }
    }
}

#[test]
fn processes_race_and_crash_and_the_charges_stay() {
    let fixture = Fixture::new();
    fixture.open().declare(&[limit("2023", 300, &[("a", 300)])]).unwrap();
    let children: Vec<Child> = ["x", "y"].iter().map(|name| child(&fixture, name)).collect();
    for mut child in children {
        assert!(!child.wait().unwrap().success(), "it aborts");
    }
    let ledger = fixture.open();
    assert_eq!(ledger.remaining(&year("2023"), "a").unwrap().nano(), 300 % 7);
    let history = ledger.history(&HistoryFilter::default()).unwrap();
    assert_eq!(history.len(), 300 / 7);
    assert!(history.iter().all(|entry| entry.state == EntryState::Open));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever the order of wishes, the ledger agrees with a simple account of them.
    #[test]
    fn agrees_with_a_model(wishes in prop::collection::vec((0..2_usize, 0..2_usize, 1..400_u64, 0..3_u8), 1..25)) {
        let (_folder, ledger) = declared();
        let mut spent: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for (turn, (block, share, nano, end)) in wishes.into_iter().enumerate() {
            let wish = request(&turn.to_string(), ["releases", "researchers"][share], &[(["2022", "2023"][block], nano)]);
            let of = |share| spent.get(&(block, share)).copied().unwrap_or(0);
            let fits = of(share) + nano <= 600 && of(0) + of(1) + nano <= 1_000;
            match ledger.reserve(&wish) {
                Ok(reservation) => {
                    prop_assert!(fits);
                    *spent.entry((block, share)).or_default() += nano;
                    match end {
                        0 => { ledger.settle(reservation, "null").unwrap(); }
                        1 => ledger.abandon(reservation, "test").unwrap(),
                        _ => {}
                    }
                }
                Err(LedgerError::Exhausted { .. }) => prop_assert!(!fits),
                Err(other) => panic!("{other}"),
            }
        }
        for (index, status) in ledger.status().unwrap().into_iter().enumerate() {
            let sum: u64 = (0..2).map(|share| spent.get(&(index, share)).copied().unwrap_or(0)).sum();
            prop_assert_eq!(status.spent.nano(), sum);
        }
    }
}

#[test]
fn names_of_answers_follow_the_question() {
    let (_folder, ledger) = declared();
    let (_other, second) = declared();
    let settle = |ledger: &Ledger, key: &str| {
        let reservation = ledger.reserve(&request(key, "releases", &[("2023", 1)])).unwrap();
        ledger.settle(reservation, "1").unwrap().id
    };
    let id = settle(&ledger, "q");
    assert_eq!(id, settle(&second, "q"));
    assert_ne!(id, settle(&ledger, "r"));
    assert!(id.len() == 17 && id.starts_with('a'), "{id}");
}

#[test]
fn shared_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Ledger>();
}

#[test]
fn the_file_keeps_its_promises() {
    let (fixture, _ledger) = declared();
    let connection = open::connect(&fixture.path(), PATIENCE).unwrap();
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0));
    assert_eq!(pragma("journal_mode").unwrap(), "wal");
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((number("synchronous"), number("foreign_keys")), (2, 1));
    // Not even by hand can a charge name a share that does not exist, or be nothing.
    connection.execute("INSERT INTO reservation (at, key, who, share, kind, question, snapshot, state) VALUES ('', 'k', '', '', '', '', '', 'open')", []).unwrap();
    assert!(connection.execute("INSERT INTO charge VALUES (1, 'persons', '2023', 'none', 5)", []).is_err());
    assert!(
        connection.execute("INSERT INTO charge VALUES (1, 'persons', '2023', 'releases', 0)", []).is_err()
    );
    assert!(
        connection.execute("INSERT INTO charge VALUES (1, 'persons', '2023', 'releases', 0.5)", []).is_err()
    );
}
