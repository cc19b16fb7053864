//! The power is cut at random moments, and the disk is left with what was forced to it and random parts of
//! the rest.

mod disk;
mod record;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use skjerm_privacy::Rho;

use super::common_processes::{Dice, SHARE, budget, key, role};
use super::workload::{Step, WHO, block, wish, work};
use crate::store::Fate;
use crate::{Begin, Ledger, LedgerError};
use disk::{Disk, Image};
use record::{Act, Change, Recorder, What};

/// Where the process under test notes what was acknowledged: for the record alone, no disk keeps it.
const ACKNOWLEDGED: &str = "acknowledged";

/// What the process under test does.
const BEGIN_AND_WORK: u64 = 0;
const WORK_AND_CLOSE: u64 = 1;
const ADOPT: u64 = 2;

#[test]
fn another_process() {
    let Some((book, what)) = role() else { return };
    let path = book.with_file_name(ACKNOWLEDGED);
    let file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    let tell = |step: &Step| {
        let line = serde_json::to_vec(step).unwrap();
        (&file).write_all(&line).is_ok()
    };
    let mut dice = Dice::new(what);
    let mut work = |ledger: &Ledger, steps: u64| {
        for step in 0..steps {
            assert!(work(ledger, &format!("{what}-{step}-{}", dice.roll()), &mut dice, &tell));
        }
    };
    match what {
        BEGIN_AND_WORK => {
            let ledger = Ledger::create(&book, key()).unwrap();
            ledger.declare(&[budget(&block(), Rho::MAX.nano())]).unwrap();
            tell(&Step::Ready);
            work(&ledger, 300);
            // Nobody closes the book: its log stays.
            std::mem::forget(ledger);
        }
        WORK_AND_CLOSE => {
            for _ in 0..3 {
                work(&Ledger::open(&book, key()).unwrap(), 60);
            }
        }
        _ => {
            let ledger = Ledger::inspect(&book, key()).unwrap();
            ledger.adopt("steward", "the note of the head was lost", &[]).unwrap();
            tell(&Step::Ready);
        }
    }
}

/// What a process did, from which state of the folder on.
struct Recording {
    before: Image,
    /// What earlier processes were acknowledged.
    promised: Vec<Step>,
    acts: Vec<Act>,
}

impl Recording {
    fn make(recorder: &Recorder, before: Image, promised: Vec<Step>, what: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let book = put(&before, folder.path());
        let acts = recorder.record("tests::power::another_process", &book, what);
        let recording = Self { before, promised, acts };
        // What was not recorded would be missing after every cut.
        let seen = recording.disk_after(recording.acts.len()).in_memory();
        for (name, content) in &seen {
            assert!(
                *content == fs::read(folder.path().join(name)).unwrap(),
                "{name} was not recorded as it is"
            );
        }
        assert!(seen.contains_key("ledger.db"));
        recording
    }

    fn disk_after(&self, acts: usize) -> Disk {
        let mut disk = Disk::new(self.before.clone());
        self.go_on(&mut disk, 0..acts);
        disk
    }

    fn go_on(&self, disk: &mut Disk, acts: Range<usize>) {
        self.acts[acts].iter().filter(|act| is_kept(act)).for_each(|act| disk.act(act));
    }

    fn promised_after(&self, acts: usize) -> Vec<Step> {
        let told = self.acts[..acts].iter().filter(|act| act.name == ACKNOWLEDGED);
        let steps = told.filter_map(|act| match &act.what {
            What::Change(Change::Write { data, .. }) => Some(serde_json::from_slice(data).unwrap()),
            _ => None,
        });
        self.promised.iter().cloned().chain(steps).collect()
    }

    /// Moments before and after something is forced to the disk, moments at which the book itself is written
    /// (when its log is full, or it is closed) or names change, and any others: a third of each.
    fn moments(&self, count: usize, dice: &mut Dice) -> Vec<usize> {
        let near = |is: fn(&Act) -> bool| -> Vec<usize> {
            let at = |at: usize| self.acts.get(at).is_some_and(is);
            (0..=self.acts.len())
                .filter(|moment| at(*moment) || moment.checked_sub(1).is_some_and(at))
                .collect()
        };
        let mut chosen = BTreeSet::new();
        for (third, mut moments) in [
            (1, near(|act| matches!(act.what, What::Sync))),
            (2, near(|act| act.name == "ledger.db" || matches!(act.what, What::Create | What::Remove))),
            (3, near(|_| true)),
        ] {
            while chosen.len() < count * third / 3 && !moments.is_empty() {
                chosen.insert(moments.swap_remove(dice.place(moments.len())));
            }
        }
        chosen.into_iter().collect()
    }

    /// Cuts the power at these moments. Two threads keep two processors busy.
    fn cut_at(&self, moments: &[usize]) {
        std::thread::scope(|scope| {
            for half in 0..2 {
                scope.spawn(move || {
                    let (mut disk, mut done) = (Disk::new(self.before.clone()), 0);
                    for moment in moments.iter().copied().skip(half).step_by(2) {
                        self.go_on(&mut disk, done..moment);
                        done = moment;
                        let image = disk.cut(&mut Dice::new(moment as u64));
                        if let Err(what) = check(&image, &self.promised_after(moment)) {
                            panic!("power cut after {moment} of {} acts: {what}", self.acts.len());
                        }
                    }
                });
            }
        });
    }
}

/// What is on the disk: the index of the log is mapped memory and built anew, and acknowledgements go out
/// of the machine.
fn is_kept(act: &Act) -> bool {
    !act.name.ends_with("-shm") && !act.name.ends_with(" (deleted)") && act.name != ACKNOWLEDGED
}

/// Writes an image into an empty folder, and gives the path of the book.
fn put(image: &Image, folder: &Path) -> PathBuf {
    // As the recorder sees it.
    let folder = folder.canonicalize().unwrap();
    for (name, content) in image {
        fs::write(folder.join(name), content).unwrap();
    }
    folder.join("ledger.db")
}

/// Whether the book in that state keeps what was promised.
fn check(image: &Image, promised: &[Step]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let book = put(image, folder.path());
    let ledger = match Ledger::open(&book, key()) {
        Err(refusal) if promised.is_empty() => return refuses_clearly(&refusal),
        other => other.map_err(|error| error.to_string())?,
    };
    whole(&ledger)?;
    holds(&ledger, promised)?;
    if promised.len() % 8 == 1 {
        // The next question is asked as ever, and the book is good for another start.
        let Begin::Reserved(reservation) = ledger.begin(&wish("next", 1, None)).unwrap() else {
            return Err("a new question is not new".to_owned());
        };
        ledger.settle(reservation, "1").unwrap();
        drop(ledger);
        let ledger = Ledger::open(&book, key()).map_err(|error| error.to_string())?;
        whole(&ledger)?;
        holds(&ledger, promised)?;
    }
    Ok(())
}

/// Nothing was charged in a book whose beginning was cut short: it need not be used, but nor may it be taken
/// for one that somebody changed.
fn refuses_clearly(refusal: &LedgerError) -> Result<(), String> {
    match refusal {
        LedgerError::Missing { .. }
        | LedgerError::Unbegun { .. }
        | LedgerError::NotALedger { .. }
        | LedgerError::WitnessMissing { .. } => Ok(()),
        other => Err(other.to_string()),
    }
}

fn whole(ledger: &Ledger) -> Result<(), String> {
    let found = ledger.verify(&[]).map_err(|error| error.to_string())?;
    if found.is_whole() { Ok(()) } else { Err(format!("{:?}", found.problems)) }
}

fn holds(ledger: &Ledger, promised: &[Step]) -> Result<(), String> {
    let mut charged = 0;
    for step in promised {
        let is_there = match step {
            Step::Ready | Step::Asks { .. } => true,
            Step::Charged { charge, question, price } => {
                charged += price;
                let found = ledger.read(|book| book.reservation(*charge)).unwrap();
                found.is_some_and(|reserved| reserved.key == *question)
            }
            Step::Answered { question, text, .. } => {
                ledger.lookup(question).unwrap().is_some_and(|answer| answer.body == *text)
            }
            Step::Abandoned { charge } => {
                let found = ledger.read(|book| book.reservation(*charge)).unwrap();
                found.is_some_and(|reserved| reserved.fate == Fate::Abandoned)
            }
            Step::Recorded { entry } => ledger.read(|book| book.entry(*entry)).unwrap().is_some(),
        };
        if !is_there {
            return Err(format!("it was acknowledged and is not there: {step:?}"));
        }
    }
    if promised.is_empty() {
        return Ok(());
    }
    let spent = Rho::MAX.nano() - ledger.remaining(&block(), SHARE, WHO).unwrap().nano();
    if spent < charged { Err(format!("{charged} was charged, and {spent} is spent")) } else { Ok(()) }
}

#[test]
fn after_a_power_cut_the_book_is_whole_and_holds_all_that_was_acknowledged() {
    let recorder = Recorder::build();
    let first = Recording::make(&recorder, Image::new(), Vec::new(), BEGIN_AND_WORK);
    let of_book = |act: &&Act| act.name == "ledger.db" && matches!(act.what, What::Sync);
    assert!(first.acts.iter().filter(of_book).count() > 2, "the log is never full: make the work longer");
    first.cut_at(&first.moments(600, &mut Dice::new(0)));
    // Every moment of the beginning.
    let ready = (0..first.acts.len()).find(|acts| !first.promised_after(*acts).is_empty()).unwrap();
    first.cut_at(&(0..ready).collect::<Vec<_>>());
    // Further work on what a cut left.
    let end = first.acts.len();
    let left = first.disk_after(end).cut(&mut Dice::new(7));
    let second = Recording::make(&recorder, left, first.promised_after(end), WORK_AND_CLOSE);
    second.cut_at(&second.moments(600, &mut Dice::new(1)));
}

#[test]
fn a_book_that_is_taken_into_use_again_is_so_for_good_or_not_at_all() {
    let recorder = Recorder::build();
    let first = Recording::make(&recorder, Image::new(), Vec::new(), BEGIN_AND_WORK);
    let mut left = first.disk_after(first.acts.len()).in_memory();
    left.get_mut("ledger.head").unwrap().truncate(100);
    let second = Recording::make(&recorder, left, Vec::new(), ADOPT);
    for moment in 0..=second.acts.len() {
        for cut in 0..10 {
            let image = second.disk_after(moment).cut(&mut Dice::new(cut));
            let folder = tempfile::tempdir().unwrap();
            let opened = Ledger::open(&put(&image, folder.path()), key());
            match opened {
                Ok(ledger) => {
                    whole(&ledger).unwrap();
                    assert!(ledger.remaining(&block(), SHARE, WHO).unwrap().is_zero());
                }
                Err(LedgerError::WitnessMissing { .. }) if second.promised_after(moment).is_empty() => {}
                Err(other) => panic!("power cut after {moment} of {} acts: {other}", second.acts.len()),
            }
        }
    }
}

#[test]
fn a_disk_that_lies_is_noticed() {
    let recorder = Recorder::build();
    let recording = Recording::make(&recorder, Image::new(), Vec::new(), BEGIN_AND_WORK);
    let mut dice = Dice::new(2);
    let (mut noticed, mut cuts) = (0, 0);
    while cuts < 100 {
        let lies_from = dice.place(recording.acts.len() - 100);
        let moment = lies_from + 100;
        if recording.promised_after(lies_from).is_empty() {
            continue;
        }
        cuts += 1;
        let mut disk = recording.disk_after(lies_from);
        disk.lies = true;
        recording.go_on(&mut disk, lies_from..moment);
        let image = disk.cut(&mut dice);
        noticed += usize::from(check(&image, &recording.promised_after(moment)).is_err());
    }
    // Some lies come true: what was not forced may be there all the same.
    assert!(noticed > cuts / 2, "{noticed} of {cuts} were noticed");
}
