//! Requests that come again: charged once, whatever became of the first; and questions being worked on.

use super::*;

fn wish() -> Request {
    with_id("r1", request("q", "researchers", &[("2023", 100)]))
}

fn charges(ledger: &Ledger) -> usize {
    let filter = HistoryFilter { kind: Some("charge".to_owned()), ..Default::default() };
    ledger.history(&filter).unwrap().len()
}

#[test]
fn a_retry_of_a_settled_request_gets_its_answer() {
    let (fixture, ledger) = declared();
    let answer = ask(&ledger, &wish(), "1");
    for ledger in [&ledger, &fixture.open()] {
        assert!(matches!(ledger.begin(&wish()).unwrap(), Begin::Stored(stored) if stored == answer));
    }
    // Also when the data has moved on: this request was about the earlier snapshot.
    let moved = Request { key: "q at s2".to_owned(), snapshot: "s2".to_owned(), ..wish() };
    assert!(matches!(ledger.begin(&moved).unwrap(), Begin::Stored(stored) if stored == answer));
    assert_eq!((left(&ledger, "2023"), charges(&ledger)), (500, 1));
}

#[test]
fn a_retry_of_a_lost_request_goes_on_under_its_charge_twice_and_then_fails() {
    let (fixture, ledger) = declared();
    let first = reserve(&ledger, &wish()).id();
    drop(ledger);
    for _ in 0..2 {
        let ledger = fixture.open();
        assert_eq!(reserve(&ledger, &wish()).id(), first);
        // While that one lives it is at work.
        assert!(matches!(fixture.open().begin(&wish()).unwrap(), Begin::Running(seq) if seq == first));
    }
    let ledger = fixture.open();
    assert!(matches!(ledger.begin(&wish()).unwrap(), Begin::Failed(seq) if seq == first));
    assert_eq!((left(&ledger, "2023"), charges(&ledger)), (500, 1));
    assert!(ledger.verify(&[]).unwrap().is_whole());
    // As a new request the question is charged anew.
    assert_ne!(reserve(&ledger, &with_id("r2", wish())).id(), first);
    assert_eq!((left(&ledger, "2023"), charges(&ledger)), (400, 2));
}

#[test]
fn a_resumed_request_is_answered_as_if_nothing_had_happened() {
    let (fixture, ledger) = declared();
    drop(reserve(&ledger, &wish()));
    drop(ledger);
    let ledger = fixture.open();
    let answer = ask(&ledger, &wish(), "1");
    assert!(matches!(ledger.begin(&wish()).unwrap(), Begin::Stored(stored) if stored == answer));
    let kinds: Vec<String> =
        ledger.history(&HistoryFilter::default()).unwrap().into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["begun", "limits", "charge", "resumed", "answer"]);
    assert_eq!(left(&ledger, "2023"), 500);
}

#[test]
fn a_retry_of_an_abandoned_request_fails() {
    let (_fixture, ledger) = declared();
    let reservation = reserve(&ledger, &wish());
    let first = reservation.id();
    ledger.abandon(reservation, "timeout").unwrap();
    assert!(matches!(ledger.begin(&wish()).unwrap(), Begin::Failed(seq) if seq == first));
    assert_eq!((left(&ledger, "2023"), charges(&ledger)), (500, 1));
    // Until the question gets its answer in another way.
    let answer = ask(&ledger, &request("q", "researchers", &[("2023", 100)]), "1");
    assert!(matches!(ledger.begin(&wish()).unwrap(), Begin::Stored(stored) if stored == answer));
}

/// About other data, the charge of a lost request would pay for another question.
#[test]
fn a_lost_request_is_not_resumed_about_another_snapshot() {
    let (fixture, ledger) = declared();
    let first = reserve(&ledger, &wish()).id();
    drop(ledger);
    let ledger = fixture.open();
    let moved = Request { key: "q at s2".to_owned(), snapshot: "s2".to_owned(), ..wish() };
    assert!(matches!(ledger.begin(&moved).unwrap(), Begin::Failed(seq) if seq == first));
    assert_eq!(charges(&ledger), 1);
}

#[test]
fn a_request_id_names_one_question() {
    let (_fixture, ledger) = declared();
    let first = reserve(&ledger, &wish()).id();
    let before = ledger.head().unwrap();
    for other in [
        Request { key: "another".to_owned(), question_id: "another".to_owned(), ..wish() },
        with_id("r1", request("q", "researchers", &[("2023", 101)])),
        with_id("r1", request("q", "researchers", &[("2022", 100)])),
    ] {
        let error = ledger.begin(&other).unwrap_err();
        assert!(matches!(error, LedgerError::RequestReused { seq } if seq == first), "{error}");
    }
    assert_eq!(ledger.head().unwrap(), before);
    // Another client's ids are its own.
    let ola = Request { who: "ola".to_owned(), ..with_id("r1", request("p", "researchers", &[("2023", 1)])) };
    assert_ne!(reserve(&ledger, &ola).id(), first);
}

#[test]
fn a_refused_request_may_be_tried_again() {
    let (_fixture, ledger) = declared();
    let dear = with_id("r1", request("q", "researchers", &[("2023", 601)]));
    for _ in 0..2 {
        assert!(matches!(ledger.begin(&dear), Err(LedgerError::Exhausted { .. })));
    }
    drop(reserve(&ledger, &wish()));
}

#[test]
fn a_question_at_work_is_not_charged_again() {
    let (fixture, ledger) = declared();
    let plain = request("q", "researchers", &[("2023", 100)]);
    let reservation = reserve(&ledger, &plain);
    let other = fixture.open();
    for asking in [&ledger, &other] {
        for wish in [plain.clone(), wish(), Request { who: "ola".to_owned(), ..plain.clone() }] {
            assert!(matches!(asking.begin(&wish).unwrap(), Begin::Running(seq) if seq == reservation.id()));
        }
    }
    assert_eq!((left(&ledger, "2023"), charges(&ledger)), (500, 1));
    ledger.settle(reservation, "1").unwrap();
    assert!(matches!(other.begin(&plain).unwrap(), Begin::Stored(_)));
}

#[test]
fn a_question_whose_worker_died_can_be_asked_at_once() {
    let (fixture, ledger) = declared();
    let plain = request("q", "researchers", &[("2023", 100)]);
    let first = reserve(&ledger, &plain).id();
    let other = fixture.open();
    drop(ledger);
    assert_ne!(reserve(&other, &plain).id(), first);
    assert_eq!(left(&other, "2023"), 400);
}

#[test]
fn work_that_takes_too_long_counts_as_lost() {
    let (fixture, mut ledger) = declared();
    ledger.clock = set_clock;
    let mut other = fixture.open();
    other.clock = set_clock;
    move_clock(0);
    let late = reserve(&ledger, &wish());
    let seq = late.id();
    move_clock(59);
    assert!(matches!(other.begin(&wish()).unwrap(), Begin::Running(running) if running == seq));
    move_clock(61);
    let resumed = reserve(&other, &wish());
    assert_eq!(resumed.id(), seq);
    assert!(matches!(ledger.begin(&wish()).unwrap(), Begin::Running(_)), "the one who took it up has time");
    // The first to settle gives the answer: there is one charge, and one answer leaves.
    ledger.settle(late, "1").unwrap();
    assert!(matches!(other.settle(resumed, "2"), Err(LedgerError::NotOpen { .. })));
    assert_eq!(other.lookup("q").unwrap().unwrap().body, "1");
    assert!(other.verify(&[]).unwrap().is_whole());
}

#[test]
fn work_without_an_end_is_held_as_long_as_its_worker_lives() {
    let (_fixture, ledger) = declared();
    let endless = Request { may_take: Duration::MAX, ..wish() };
    let seq = reserve(&ledger, &endless).id();
    assert!(matches!(ledger.begin(&wish()).unwrap(), Begin::Running(running) if running == seq));
}
