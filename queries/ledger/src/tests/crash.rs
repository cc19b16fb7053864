//! Processes that work on a book are killed at random moments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::json;
use skjerm_privacy::Rho;

use super::common_processes::{Dice, Process, SHARE, budget, key, role, say};
use super::workload::{Step, WHO, block, wish, work};
use crate::replay::MOST_RESUMPTIONS;
use crate::store::Fate;
use crate::{Begin, EntryState, EventKind, HistoryFilter, Ledger};

const KILLS_A_BOOK: u64 = 100;
const BOOKS: u64 = 10;
const THREADS: u64 = 4;

#[test]
fn another_process() {
    let Some((book, number)) = role() else { return };
    let ledger = Ledger::open(&book, key()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let ledger = &ledger;
            scope.spawn(move || {
                let mut dice = Dice::new(number * THREADS + thread);
                let mut steps = 0_u64;
                // Ends by a kill, or when nobody listens any more.
                while work(ledger, &format!("{number}-{thread}-{steps}"), &mut dice, &tell) {
                    steps += 1;
                }
            });
        }
    });
}

fn tell(step: &Step) -> bool {
    say(&serde_json::to_string(step).unwrap())
}

#[test]
fn after_every_kill_all_that_was_acknowledged_is_there_and_nothing_is_refunded_or_charged_twice() {
    std::thread::scope(|scope| {
        // Two lanes keep two processors busy: most of the time goes into starting processes.
        for lane in 0..2 {
            scope.spawn(move || (0..BOOKS).filter(|book| book % 2 == lane).for_each(kill_all_over_one_book));
        }
    });
}

fn kill_all_over_one_book(number: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::create(&path, key()).unwrap();
    ledger.declare(&[budget(&block(), Rho::MAX.nano())]).unwrap();
    // Over some books a second process goes on working: what the dead one left half done is in its way.
    let mut survivor = (number % 4 < 2).then_some(ledger);
    let mut dice = Dice::new(number);
    let mut known = Known::default();
    for kill in 0..KILLS_A_BOOK {
        let steps = work_until_killed(&path, number * KILLS_A_BOOK + kill, survivor.as_ref(), &mut dice);
        let mut asked = known.note(steps);
        let ledger = Ledger::open(&path, key()).unwrap();
        known.check(&ledger);
        if kill % 20 == 19 {
            let found = ledger.verify(&[]).unwrap();
            assert!(found.is_whole(), "{:?}", found.problems);
        }
        // Some try again much later, and some more often than a charge may be taken up.
        known.asked.extend(asked.iter().cloned());
        if !known.asked.is_empty() {
            asked.push(known.asked[dice.place(known.asked.len())].clone());
            asked.extend(known.asked.first().cloned());
        }
        known.retry(&ledger, &asked, &mut dice);
        // Sometimes the book is closed by everybody, sometimes it never is.
        if survivor.is_some() && dice.below(10) == 0 {
            survivor = Some(Ledger::open(&path, key()).unwrap());
        }
    }
    let ledger = Ledger::open(&path, key()).unwrap();
    // Once more all of it.
    known.new = (known.charges.keys().copied().collect(), known.answers.keys().cloned().collect());
    known.check(&ledger);
}

/// Starts a process, kills it at a random moment, and gives what it had said.
fn work_until_killed(path: &Path, seed: u64, survivor: Option<&Ledger>, dice: &mut Dice) -> Vec<Step> {
    let mut process = Process::start("tests::crash::another_process", path, seed, &[]);
    let (sender, heard) = channel();
    let lines = process.hears();
    let listener = std::thread::spawn(move || {
        for line in lines {
            sender.send(serde_json::from_str(&line).unwrap()).unwrap();
        }
    });
    let mut steps = Vec::new();
    // One in ten is killed while it starts and opens the book.
    if dice.below(10) == 0 {
        std::thread::sleep(Duration::from_micros(dice.below(40_000)));
    } else {
        steps.push(first(&heard));
        if let Some(survivor) = survivor {
            survivor.record("steward", EventKind::Policy, &json!({"what": "meanwhile"})).unwrap();
        }
        std::thread::sleep(Duration::from_micros(dice.below(15_000)));
    }
    process.child.kill().unwrap();
    listener.join().unwrap();
    steps.extend(heard);
    steps
}

fn first(heard: &Receiver<Step>) -> Step {
    match heard.recv_timeout(Duration::from_mins(1)) {
        Ok(step) => step,
        Err(RecvTimeoutError::Timeout) => panic!("the process does nothing"),
        Err(RecvTimeoutError::Disconnected) => panic!("the process ended by itself"),
    }
}

/// A request that has an id of its own.
#[derive(Clone)]
struct Asked {
    id: String,
    question: String,
    price: u64,
}

/// What is known of a book from what was acknowledged.
#[derive(Default)]
struct Known {
    /// By the charge's entry: the question and the price.
    charges: BTreeMap<u64, (String, u64)>,
    /// By the question: the text.
    answers: BTreeMap<String, String>,
    /// Charges and questions that have not been looked up yet.
    new: (BTreeSet<u64>, BTreeSet<String>),
    fates: BTreeMap<u64, Fate>,
    events: BTreeSet<u64>,
    asked: Vec<Asked>,
    spent: u64,
}

impl Known {
    /// Takes in what a process said. Gives what it asked under an id.
    fn note(&mut self, steps: Vec<Step>) -> Vec<Asked> {
        let mut asked = Vec::new();
        for step in steps {
            match step {
                Step::Ready => {}
                Step::Asks { id, question, price } => asked.push(Asked { id, question, price }),
                Step::Charged { charge, question, price } => {
                    assert!(
                        self.charges.insert(charge, (question, price)).is_none(),
                        "one entry, two charges"
                    );
                    self.new.0.insert(charge);
                }
                Step::Answered { charge, question, text } => {
                    self.new.1.insert(question.clone());
                    let first = self.answers.entry(question).or_insert_with(|| text.clone());
                    assert_eq!(*first, text, "a question has one answer");
                    self.fates.extend(charge.map(|charge| (charge, Fate::Settled)));
                }
                Step::Abandoned { charge } => {
                    self.fates.insert(charge, Fate::Abandoned);
                }
                Step::Recorded { entry } => {
                    self.events.insert(entry);
                }
            }
        }
        asked
    }

    fn check(&mut self, ledger: &Ledger) {
        let spent = spent(ledger);
        assert!(spent >= self.spent, "something was refunded");
        assert!(spent >= self.charges.values().map(|(_, price)| price).sum(), "a charge is missing");
        self.spent = spent;
        let mut open = BTreeSet::new();
        ledger
            .read(|book| {
                open.clear();
                for charge in &self.new.0 {
                    let (question, price) = &self.charges[charge];
                    let (entry, reserved) =
                        (book.entry(*charge)?.unwrap(), book.reservation(*charge)?.unwrap());
                    assert_eq!((entry.kind.as_str(), &reserved.key), ("charge", question));
                    assert!(entry.body.contains(&format!("\"rho_nano\":{price},")), "{}", entry.body);
                    if let Some(fate) = self.fates.get(charge) {
                        assert_eq!(reserved.fate, *fate, "charge {charge}");
                    }
                }
                for event in &self.events {
                    assert_eq!(book.entry(*event)?.unwrap().kind, "login");
                }
                book.reservations(&mut |reserved| {
                    open.extend((reserved.fate == Fate::Open).then_some(reserved.seq));
                    Ok(())
                })
            })
            .unwrap();
        for question in &self.new.1 {
            let answer = ledger.lookup(question).unwrap().expect("an answer is missing");
            assert_eq!(answer.body, self.answers[question]);
            if let Some((charged, price)) = self.charges.get(&answer.charge) {
                assert_eq!((charged, *price), (question, answer.charges[0].loss.rho.nano()));
            }
        }
        self.events.clear();
        self.new = Default::default();
        let ids = |state| {
            let entries = ledger.history(&HistoryFilter { state: Some(state), ..HistoryFilter::default() });
            entries.unwrap().into_iter().map(|entry| entry.id).collect::<BTreeSet<u64>>()
        };
        assert_eq!(ids(EntryState::Lost), open, "what a dead process left open is lost");
        assert!(ids(EntryState::Running).is_empty());
    }

    /// The clients of the dead process try again, under the same ids.
    fn retry(&mut self, ledger: &Ledger, asked: &[Asked], dice: &mut Dice) {
        for Asked { id, question, price } in asked {
            let earlier = ledger.read(|book| book.by_request(WHO, id)).unwrap();
            let before = spent(ledger);
            let begun = ledger.begin(&wish(question, *price, Some(id))).unwrap();
            let charged = spent(ledger) - before;
            match (&begun, &earlier) {
                // Running: this process itself has just taken it up and dropped it, or another request asks the same.
                (Begin::Stored(_) | Begin::Running(_), _) => assert_eq!(charged, 0),
                (Begin::Failed(charge), Some(earlier)) => {
                    assert!(earlier.fate == Fate::Abandoned || earlier.resumed == MOST_RESUMPTIONS);
                    assert_eq!((earlier.seq, charged), (*charge, 0));
                }
                (Begin::Reserved(again), Some(earlier)) => {
                    assert_eq!((earlier.fate, earlier.seq, charged), (Fate::Open, again.id(), 0));
                }
                (Begin::Reserved(_), None) => assert_eq!(charged, *price),
                other => panic!("a retry got {other:?}"),
            }
            let Begin::Reserved(reservation) = begun else { continue };
            self.charges.insert(reservation.id(), (question.clone(), *price));
            // Those that are not answered now are lost again.
            if dice.below(2) == 0 {
                let charge = reservation.id();
                let text =
                    ledger.settle(reservation, &json!(format!("again {id}")).to_string()).unwrap().body;
                self.note(vec![Step::Answered { charge: Some(charge), question: question.clone(), text }]);
            }
        }
        self.spent = spent(ledger);
    }
}

fn spent(ledger: &Ledger) -> u64 {
    Rho::MAX.nano() - ledger.remaining(&block(), SHARE, WHO).unwrap().nano()
}
