//! Tests of the ledger. Here is what they share: books in folders of their own, and short ways to ask.
#![allow(clippy::unwrap_used)]

mod accounts;
mod chain;
mod common_processes;
mod copies;
mod crash;
mod files;
mod forge;
mod forged;
mod heads;
mod large;
mod memory_store;
mod model;
mod pages;
#[cfg(target_os = "linux")]
mod power;
mod questions;
mod race;
mod retries;
mod sharing;
mod speed;
mod workload;

use std::cell::Cell;
use std::path::PathBuf;

use crate::*;
use skjerm_privacy::{Delta, Loss};

/// A begun book in a folder that goes with it.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    /// A book with its first entry, closed.
    pub(crate) fn new() -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap() };
        drop(Ledger::create(&fixture.path(), key()).unwrap());
        fixture
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.file("ledger.sqlite")
    }

    /// A file of the folder: `ledger.sqlite-wal`, `ledger.head`, `ledger.holders`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn open(&self) -> Ledger {
        Ledger::open(&self.path(), key()).unwrap()
    }
}

/// The key of every test's book.
pub(crate) fn key() -> LedgerKey {
    LedgerKey::from_secret(&[7; 32])
}

/// Two open blocks, "2022" and "2023", ρ 1000 units each, of which the shares `releases` and `researchers`
/// may spend 600 each.
pub(crate) fn declared() -> (Fixture, Ledger) {
    let fixture = Fixture::new();
    let ledger = fixture.open();
    let shares = [("releases", 600), ("researchers", 600)];
    ledger.declare(&[limit("2022", 1_000, &shares), limit("2023", 1_000, &shares)]).unwrap();
    (fixture, ledger)
}

pub(crate) fn year(name: &str) -> Block {
    Block::new("persons", name)
}

/// A loss without δ, in 10⁻⁹ of ρ.
pub(crate) fn nano(nano: u64) -> Loss {
    Loss::pure(Rho::from_nano(nano))
}

/// The budget of a year, with shares and without analysts.
pub(crate) fn limit(name: &str, most: u64, shares: &[(&str, u64)]) -> BlockLimit {
    BlockLimit {
        block: year(name),
        limit: nano(most),
        delta: Delta::from_f64_down(1e-6).unwrap(),
        shares: shares.iter().map(|(share, most)| ((*share).to_owned(), nano(*most))).collect(),
        analysts: [].into(),
    }
}

/// A wish of `kari`, without an id.
pub(crate) fn request(key: &str, share: &str, charges: &[(&str, u64)]) -> Request {
    Request {
        key: key.to_owned(),
        id: None,
        who: "kari".to_owned(),
        share: share.to_owned(),
        kind: "sql".to_owned(),
        question: format!("question {key}"),
        question_id: format!("question {key}"),
        snapshot: "s1".to_owned(),
        charges: charges.iter().map(|(name, price)| (year(name), nano(*price))).collect(),
        bounds: "10 rows a person".to_owned(),
        noise: "Gaussian".to_owned(),
        reason: None,
        may_take: Duration::from_mins(1),
    }
}

/// The same wish with a request id.
pub(crate) fn with_id(id: &str, request: Request) -> Request {
    Request { id: Some(id.to_owned()), ..request }
}

/// Begins what must come to a reservation.
pub(crate) fn reserve(ledger: &Ledger, request: &Request) -> Reservation {
    match ledger.begin(request).unwrap() {
        Begin::Reserved(reservation) => reservation,
        other => panic!("no reservation: {other:?}"),
    }
}

/// From wish to answer.
pub(crate) fn ask(ledger: &Ledger, request: &Request, body: &str) -> StoredAnswer {
    ledger.settle(reserve(ledger, request), body).unwrap()
}

/// What is left of a year for `kari` as one of `researchers`.
pub(crate) fn left(ledger: &Ledger, name: &str) -> u64 {
    ledger.remaining(&year(name), "researchers", "kari").unwrap().nano()
}

thread_local! {
    static SECONDS: Cell<i64> = const { Cell::new(0) };
}

/// A clock for [`Ledger::clock`] that stands still until it is moved: half a second past the midnight that
/// begins 2030.
pub(crate) fn set_clock() -> Timestamp {
    Timestamp::from_second(1_893_456_000 + SECONDS.get()).unwrap() + Duration::from_millis(500)
}

/// Sets the clock of this thread's test to so many seconds past that.
pub(crate) fn move_clock(seconds: i64) {
    SECONDS.set(seconds);
}
