//! Figures of speed, printed: nothing is asserted, since they are a machine's as much as the ledger's.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior, params};
use skjerm_privacy::Rho;

use super::common_processes::{budget, key, request};
use crate::entry::CHECKPOINT_EVERY;
use crate::rules::{self, Holders, Outcome};
use crate::{Begin, Block, Ledger};

const ANSWER: &str = r#"{"rows":[["Gamle Oslo",412],["Grünerløkka",377],["Sagene",190]],"noise":4.2}"#;

fn block() -> Block {
    Block::new("persons", "2023")
}

fn begun(path: &Path) -> Ledger {
    let ledger = Ledger::create(path, key()).unwrap();
    let years = (2000..2025).map(|year| Block::new("persons", year.to_string()));
    ledger.declare(&years.map(|block| budget(&block, Rho::MAX.nano())).collect::<Vec<_>>()).unwrap();
    ledger
}

/// What cannot be done in less: two transactions of one row, each forced to the disk.
struct Bare(Mutex<Connection>);

impl Bare {
    fn begun(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        connection.pragma_update(None, "synchronous", "full").unwrap();
        connection.execute_batch("CREATE TABLE pair (number INTEGER PRIMARY KEY, body TEXT) STRICT").unwrap();
        Self(Mutex::new(connection))
    }

    fn pair(&self, _number: u64) {
        for _ in 0..2 {
            let connection = self.0.lock().unwrap();
            let transaction =
                rusqlite::Transaction::new_unchecked(&connection, TransactionBehavior::Immediate).unwrap();
            let insert = "INSERT INTO pair (body) VALUES (?1)";
            transaction.prepare_cached(insert).unwrap().execute(params![ANSWER]).unwrap();
            transaction.commit().unwrap();
        }
    }
}

fn reserve_and_settle(ledger: &Ledger, number: u64) {
    let begun = ledger.begin(&request(&block(), &format!("question {number}"), 10)).unwrap();
    let Begin::Reserved(reservation) = begun else { panic!("it was asked before") };
    ledger.settle(reservation, ANSWER).unwrap();
}

/// Pairs until `count`, by several threads.
fn time(threads: u64, count: u64, numbers: &AtomicU64, pair: &(dyn Fn(u64) + Sync)) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                (0..count / threads).for_each(|_| pair(numbers.fetch_add(1, Ordering::Relaxed)));
            });
        }
    });
    start.elapsed()
}

#[test]
#[ignore = "a timing means something in a release build only"]
fn pairs_of_reserving_and_settling_a_minute() {
    const PAIRS: u64 = 300;
    const TURNS: u64 = 10;
    let folder = tempfile::tempdir().unwrap();
    let ledger = begun(&folder.path().join("ledger.db"));
    let bare = Bare::begun(&folder.path().join("bare.db"));
    let numbers = AtomicU64::new(0);
    for threads in [1, 4] {
        let (mut of_ledger, mut of_bare) = (Duration::ZERO, Duration::ZERO);
        // In turns, so that what else the machine does falls on both.
        for _ in 0..TURNS {
            of_ledger += time(threads, PAIRS, &numbers, &|number| reserve_and_settle(&ledger, number));
            of_bare += time(threads, PAIRS, &numbers, &|number| bare.pair(number));
        }
        let a_minute = |time: Duration| 60.0 * (PAIRS * TURNS) as f64 / time.as_secs_f64();
        println!(
            "{threads} threads: {:.0} pairs a minute; bare SQLite {:.0}; ratio of the times {:.2}",
            a_minute(of_ledger),
            a_minute(of_bare),
            of_ledger.as_secs_f64() / of_bare.as_secs_f64()
        );
    }
}

#[test]
#[ignore = "a timing means something in a release build only"]
fn opening_and_verifying_a_book_of_a_million_entries() {
    const BATCH: u64 = 10_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = begun(&path);
    let start = Instant::now();
    let holders = Holders { own: "", is_held: &|_| false };
    let (mut number, mut entries) = (0, 0);
    while entries < 1_000_000 {
        // Many to a transaction: the way to the rules is another, the entries are the same.
        ledger
            .write(|pen| {
                for _ in 0..BATCH {
                    number += 1;
                    let key = format!("question {number}");
                    let Outcome::Reserved(charge) =
                        rules::begin(pen, &request(&block(), &key, 10), &holders)?
                    else {
                        panic!("it was asked before")
                    };
                    rules::settle(pen, charge, &key, ANSWER)?;
                }
                Ok(())
            })
            .unwrap();
        entries = ledger.head().unwrap().unwrap().seq;
    }
    // Just before a checkpoint, so that opening has as much to check as it ever has.
    while entries % CHECKPOINT_EVERY < CHECKPOINT_EVERY - 5 {
        number += 1;
        reserve_and_settle(&ledger, number);
        entries = ledger.record_refusal("analyst", "sql", "question", "no such column").unwrap();
    }
    drop(ledger);
    let size = std::fs::metadata(&path).unwrap().len() / 1_000_000;
    println!("{entries} entries, {size} MB, built in {:.0?}", start.elapsed());

    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let start = Instant::now();
            let blocks = Ledger::open(&path, key()).unwrap().status().unwrap();
            assert_eq!(blocks.len(), 25);
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("open and status: median {:.1?}, slowest {:.1?}", times[4], times[8]);

    let start = Instant::now();
    let found = Ledger::open(&path, key()).unwrap().verify(&[]).unwrap();
    assert!(found.is_whole(), "{:?}", found.problems);
    println!("verify: {:.1?}", start.elapsed());
}
