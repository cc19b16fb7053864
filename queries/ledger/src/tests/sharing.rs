//! Threads and processes that ask at the same time, in schedules that the test chooses: what this crate
//! does between its transactions, over a store that is no file.

use std::collections::{BTreeMap, BTreeSet};

use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

use super::memory_store::{MemoryStore, Shared};
use super::*;

/// Of the block and of the share; each question costs 20 or 30.
const MOST: u64 = 100;

fn begun(folder: &Path, shared: &Arc<Shared>) -> Ledger {
    let ledger = Ledger::over(&folder.join("book"), Box::new(MemoryStore::of(shared, "first")), key());
    ledger.knows(Known::default());
    ledger.write(rules::begin_book).unwrap();
    ledger.declare(&[limit("2023", MOST, &[("researchers", MOST)])]).unwrap();
    ledger
}

/// Another process's.
fn opened(folder: &Path, shared: &Arc<Shared>, name: &str) -> Ledger {
    let ledger = Ledger::over(&folder.join("book"), Box::new(MemoryStore::of(shared, name)), key());
    let known = ledger.read(|book| verify::tail(book, &key(), None)).unwrap();
    ledger.knows(known);
    ledger
}

/// What the threads were told.
#[derive(Debug, Default)]
struct Told {
    /// Charges by number, with their price. A resumed one is told again.
    granted: BTreeMap<u64, u64>,
    refused: Vec<u64>,
    answers: BTreeMap<String, BTreeSet<String>>,
    settled: BTreeSet<u64>,
}

type Notes = Arc<Mutex<Told>>;

/// Asks something, and does something with what it gets.
fn ask_something(ledger: &Ledger, notes: &Notes, name: usize) {
    let mut random = shuttle::rand::thread_rng();
    let question = random.gen_range(0..3_u64);
    let (question_key, price) = (format!("q{question}"), 20 + 10 * (question % 2));
    let mut wish = request(&question_key, "researchers", &[("2023", price)]);
    if random.gen_bool(0.5) {
        // The same client's, whoever of its threads sends it.
        wish.id = Some(format!("r{question}"));
    }
    if random.gen_bool(0.3) {
        wish.may_take = Duration::ZERO;
    }
    let answered = |answer: StoredAnswer| {
        notes.lock().unwrap().answers.entry(answer.key).or_default().insert(answer.body);
    };
    match ledger.begin(&wish) {
        Ok(Begin::Stored(answer)) => answered(answer),
        Ok(Begin::Running(_) | Begin::Failed(_)) => {}
        Ok(Begin::Reserved(reservation)) => {
            let seq = reservation.id();
            notes.lock().unwrap().granted.insert(seq, price);
            match random.gen_range(0..4) {
                0 => drop(reservation),
                1 => match ledger.abandon(reservation, "test") {
                    Ok(()) | Err(LedgerError::NotOpen { .. }) => {}
                    Err(other) => panic!("{other}"),
                },
                _ => match ledger.settle(reservation, &name.to_string()) {
                    Ok(answer) => {
                        answered(answer);
                        assert!(notes.lock().unwrap().settled.insert(seq), "charge {seq} was settled twice");
                    }
                    // Another took it up when its time was over, and was first.
                    Err(LedgerError::NotOpen { .. }) => {}
                    Err(other) => panic!("{other}"),
                },
            }
        }
        Err(LedgerError::Exhausted { asked, .. }) => notes.lock().unwrap().refused.push(asked.rho.nano()),
        Err(other) => panic!("{other}"),
    }
}

/// Two threads share one process's ledger; two more are processes of their own, one of which ends early.
fn race() {
    let folder = tempfile::tempdir().unwrap();
    let (shared, notes) = (Arc::new(Shared::default()), Notes::default());
    let first = Arc::new(begun(folder.path(), &shared));
    let threads: Vec<_> = (0..4)
        .map(|name: usize| {
            let (first, shared, notes) = (Arc::clone(&first), Arc::clone(&shared), Arc::clone(&notes));
            let folder = folder.path().to_owned();
            thread::spawn(move || {
                let own = (name >= 2).then(|| opened(&folder, &shared, &name.to_string()));
                let ledger = own.as_ref().unwrap_or(&first);
                for _ in 0..=name.min(2) {
                    ask_something(ledger, &notes, name);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }

    let told = std::mem::take(&mut *notes.lock().unwrap());
    let status = &first.status().unwrap()[0];
    let granted: u64 = told.granted.values().sum();
    assert_eq!(status.spent.nano(), granted, "every charge is accounted, once");
    assert_eq!(status.shares[0].spent.nano(), granted);
    assert!(granted <= MOST);
    assert!(told.refused.iter().all(|price| *price > MOST - granted), "refused what fits: {told:?}");
    for (key, bodies) in &told.answers {
        let stored = first.lookup(key).unwrap().map(|answer| answer.body);
        assert_eq!(
            bodies.iter().collect::<Vec<_>>(),
            stored.iter().collect::<Vec<_>>(),
            "one answer a question"
        );
    }
    let history = first.history(&HistoryFilter { kind: Some("charge".to_owned()), ..Default::default() });
    let history = history.unwrap();
    assert!(history.iter().map(|entry| entry.id).eq(told.granted.keys().copied()));
    let settled = history.iter().filter(|entry| entry.state == Some(EntryState::Settled));
    assert!(settled.map(|entry| entry.id).eq(told.settled.iter().copied()));
    let found = first.verify(&[]).unwrap();
    assert!(found.is_whole(), "{found:?}");
}

/// Threads of one process write one after the other and note the end of the book outside of that.
fn race_of_notes() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(begun(folder.path(), &Arc::new(Shared::default())));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || {
                for _ in 0..2 {
                    ledger.record("ola", EventKind::Login, &serde_json::json!({})).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let head = ledger.head().unwrap();
    assert_eq!(head.unwrap().seq, 2 + 6);
    assert_eq!(ledger.witness.last(&key()).unwrap(), head);
    assert_eq!(ledger.known.lock().unwrap().as_ref().unwrap().seq(), 2 + 6);
}

fn run(scheduler: impl Scheduler + 'static, test: fn()) {
    let mut config = Config::new();
    // Formatting and hashing without optimisation take more than a small stack.
    config.stack_size = 1 << 20;
    Runner::new(scheduler, config).run(test);
}

#[test]
fn whatever_the_schedule_nothing_is_overspent_and_a_question_has_one_answer() {
    run(RandomScheduler::new_from_seed(1, 2_000), race);
}

#[test]
fn nor_with_few_and_badly_placed_interruptions() {
    run(PctScheduler::new_from_seed(2, 3, 1_000), race);
}

#[test]
fn the_note_ends_up_at_the_end_of_the_book() {
    run(RandomScheduler::new_from_seed(3, 500), race_of_notes);
}

#[test]
fn a_ledger_over_another_store_does_what_one_over_a_file_does() {
    // The store's lock works within a schedule only.
    let once = || {
        let folder = tempfile::tempdir().unwrap();
        let shared = Arc::new(Shared::default());
        let ledger = begun(folder.path(), &shared);
        let wish = with_id("1", request("q", "researchers", &[("2023", 60)]));
        let dropped = opened(folder.path(), &shared, "second");
        drop(reserve(&dropped, &wish));
        assert!(matches!(ledger.begin(&wish), Ok(Begin::Running(3))));
        drop(dropped);
        let answer = ask(&ledger, &wish, "1");
        assert_eq!((answer.charge, left(&ledger, "2023")), (3, 40));
        assert_eq!(ledger.lookup("q").unwrap(), Some(answer));
        let error = ledger.begin(&request("r", "researchers", &[("2023", 41)])).unwrap_err();
        assert!(matches!(error, LedgerError::Exhausted { .. }), "{error}");
        let by_block = HistoryFilter { block: Some(year("2023")), ..Default::default() };
        assert_eq!(ledger.history(&by_block).unwrap()[0].state, Some(EntryState::Settled));
        let found = ledger.verify(&[ledger.head().unwrap().unwrap()]).unwrap();
        assert!(found.is_whole() && found.entries == 6 && found.answers == 1, "{found:?}");
    };
    run(RandomScheduler::new_from_seed(4, 1), once as fn());
}
