//! Turns: no more at once than the policy says, held by what works; and a time for waiting, planning and running.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};

use skjerm_ledger::{Block, Request, StoredAnswer};
use skjerm_privacy::{Loss, Rho};
use tokio::sync::Semaphore;

use super::*;
use crate::run::RunError;
use crate::turn::{Turn, Turns, Working};

const LONG: Duration = Duration::from_mins(10);
const STEP: Duration = Duration::from_millis(1);

/// A question of this name, which costs a little of 2024.
fn request(name: &str) -> Request {
    Request {
        key: name.to_owned(),
        id: None,
        who: "researcher".to_owned(),
        share: "researchers".to_owned(),
        kind: "sql".to_owned(),
        question: "made up".to_owned(),
        question_id: name.to_owned(),
        snapshot: String::new(),
        charges: vec![(Block::new("persons", "2024"), Loss::pure(Rho::from_nano(1_000)))],
        bounds: String::new(),
        noise: String::new(),
        reason: None,
        may_take: Duration::ZERO,
    }
}

/// Waits until something has become so. A test that waits in vain hangs, and is seen.
async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::time::sleep(STEP).await;
    }
}

/// Work that begins, is counted, and ends when it is let go.
struct Counted {
    now: AtomicUsize,
    most: AtomicUsize,
    go: Semaphore,
}

impl Counted {
    fn new() -> Arc<Self> {
        Arc::new(Self { now: AtomicUsize::new(0), most: AtomicUsize::new(0), go: Semaphore::new(0) })
    }

    async fn work(self: Arc<Self>, working: Working) -> Result<String, RunError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.go.acquire().await.expect("open").forget();
        self.now.fetch_sub(1, Ordering::SeqCst);
        working.noised(|| Ok("done")).await
    }
}

async fn asked(
    engine: Arc<Engine>,
    name: String,
    counted: Arc<Counted>,
) -> Result<StoredAnswer, EngineError> {
    let turn = engine.turns.take(LONG).await?;
    let answered = engine.pay_and_run(request(&name), turn, |working| counted.work(working)).await;
    answered.map(|(answer, _)| answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_worked_on_at_once_than_there_are_turns() {
    let House { folder: _folder, mut engine } = house(&contacts(4)).await;
    assert_eq!(engine.turns.free(), 2, "what the shipped policy says");
    for concurrent in [1, 3] {
        engine.turns = Turns::new(concurrent);
        let (shared, counted) = (Arc::new(engine), Counted::new());
        let ask = |n: usize| {
            tokio::spawn(asked(Arc::clone(&shared), format!("{concurrent} {n}"), Arc::clone(&counted)))
        };
        let asking: Vec<_> = (0..8).map(ask).collect();
        until(|| counted.now.load(Ordering::SeqCst) == concurrent).await;
        // Time in which another could begin, if the limit did not hold.
        tokio::time::sleep(Duration::from_millis(100)).await;
        counted.go.add_permits(8);
        for answer in asking {
            assert_eq!(answer.await.expect("no panic").expect("answered").body, "\"done\"");
        }
        assert_eq!(counted.most.load(Ordering::SeqCst), concurrent);
        until(|| shared.turns.free() == concurrent).await;
        engine = Arc::into_inner(shared).expect("nobody else");
    }
}

/// However many ask, and however few turns there are.
#[tokio::test(flavor = "multi_thread")]
async fn all_who_wait_get_an_answer() {
    let mut house = house(&contacts(40)).await;
    for concurrent in 1..=3 {
        house.engine.turns = Turns::new(concurrent);
        let rho = 1e-5 * f64::from(u32::try_from(concurrent).expect("few"));
        let sql =
            |month: usize| format!("select count(*) n from contact where year = 2024 and month = {month}");
        let asked: Vec<String> = (1..=9).map(sql).collect();
        let answers = futures::future::join_all(asked.iter().map(|sql| house.ask(sql, rho))).await;
        let ids: BTreeSet<String> =
            answers.into_iter().map(|answer| answer.expect("answered").answer.id).collect();
        assert_eq!(ids.len(), 9, "each its own");
        until(|| house.engine.turns.free() == concurrent).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_no_turn_is_not_charged() {
    let mut house = house(&contacts(4)).await;
    let before = house.left("persons", "2024", "researchers");
    let held = [house.engine.turns.take(LONG).await, house.engine.turns.take(LONG).await];
    house.engine.limits.deadline = Duration::from_millis(60);
    let caller = house.caller("researcher");
    let refused = house.ask(BY_GENDER, 0.01).await.expect_err("no turn");
    assert_eq!(refused.kind, ErrorKind::Fault);
    assert!(
        refused.message.contains("0.03 seconds") && refused.message.contains("nothing was charged"),
        "{refused}"
    );
    assert!(refused.hint.as_ref().is_some_and(|hint| hint.contains("later")), "{refused:?}");
    let explained = house.engine.explain(&caller, BY_GENDER, &Ask::default()).await;
    assert_eq!(explained.expect_err("no turn"), refused, "the same for whatever waits");
    let mut request = marginals();
    request.distinct[0].sigma = 8.0;
    let release = house.engine.measure(&house.caller("steward"), &request).await;
    assert_eq!(release.expect_err("no turn"), refused);
    let scene = house.engine.measure_scene(&house.caller("planner"), "2024-summer", 0.2).await;
    assert_eq!(scene.expect_err("no turn"), refused);
    assert!((house.left("persons", "2024", "researchers") - before).abs() < 1e-12);
    assert!((house.left("persons", "2024", "releases") - 0.155).abs() < 1e-9);
    house.engine.limits.deadline = LONG;
    drop(held);
    house.ask(BY_GENDER, 0.01).await.expect("answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_planning_is_refused_uncharged_and_holds_its_turn_to_its_end() {
    let mut house = house(&contacts(4)).await;
    let before = house.left("persons", "2024", "researchers");
    house.engine.limits.deadline = Duration::ZERO;
    let error = house.ask(BY_GENDER, 0.01).await.expect_err("no time");
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(
        error.message.contains("could not be begun") && error.message.contains("nothing was charged"),
        "{error}"
    );
    assert!((house.left("persons", "2024", "researchers") - before).abs() < 1e-12);
    // A plan that takes longer than there is time.
    let turns = Turns::new(1);
    let (end, ended) = mpsc::channel::<()>();
    let turn = turns.take(Duration::from_millis(100)).await.expect("a turn");
    let planned = turn.plan(move || Ok(ended.recv().is_ok())).await;
    assert_eq!(planned.expect_err("too slow").kind, ErrorKind::Refused);
    drop(turn);
    assert_eq!(turns.free(), 0, "the planning goes on");
    end.send(()).expect("still planning");
    until(|| turns.free() == 1).await;
    // One that panics says nothing of what it was about.
    let turn = turns.take(LONG).await.expect("a turn");
    let broken = turn.plan(|| -> Result<(), EngineError> { panic!("on purpose: a number") }).await;
    let broken = broken.expect_err("a panic");
    assert!(broken.kind == ErrorKind::Fault && !broken.message.contains("number"), "{broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_makes_no_room_while_the_work_goes_on() {
    let House { folder: _folder, mut engine } = house(&contacts(4)).await;
    engine.turns = Turns::new(1);
    let (engine, counted) = (Arc::new(engine), Counted::new());
    let caller = tokio::spawn(asked(Arc::clone(&engine), "left".to_owned(), Arc::clone(&counted)));
    until(|| counted.now.load(Ordering::SeqCst) == 1).await;
    caller.abort();
    assert!(caller.await.expect_err("gone").is_cancelled());
    assert_eq!(engine.turns.free(), 0, "the work goes on");
    counted.go.add_permits(1);
    // The next has the turn when the work has been stored, and finds it.
    let again = asked(Arc::clone(&engine), "left".to_owned(), counted).await.expect("stored");
    assert_eq!(again.body, "\"done\"");
}

/// Noise that is still being drawn when the time is up cannot be stopped: its caller is told, and its turn is held.
#[tokio::test(flavor = "multi_thread")]
async fn work_past_the_deadline_ends_in_the_uniform_fault_and_holds_its_turn() {
    let House { folder: _folder, mut engine } = house(&contacts(4)).await;
    engine.turns = Turns::new(1);
    let left = |engine: &Engine| {
        engine.remaining(&engine.authenticate("researcher").expect("known"), &Block::new("persons", "2024"))
    };
    let before = left(&engine).expect("known");
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let turn = engine.turns.take(Duration::from_secs(8)).await.expect("a turn");
    let drawing = move |working: Working| {
        working.noised(move || Ok(ended.lock().is_ok_and(|ended| ended.recv().is_ok())))
    };
    let error = engine.pay_and_run(request("slow"), turn, drawing).await.expect_err("no time");
    assert_eq!(error, EngineError::uniform());
    assert_eq!(before.nano() - left(&engine).expect("known").nano(), 1_000, "charged");
    assert_eq!(engine.turns.free(), 0, "the drawing goes on");
    end.send(()).expect("still drawing");
    until(|| engine.turns.free() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_given_back_at_a_step_whenever_the_work_ends() {
    let step = Duration::from_millis(700);
    let turns = Turns::new(1);
    let turn = turns.take(LONG).await.expect("a turn");
    let since = Instant::now();
    let working = turn.working(since, step);
    drop(turn);
    drop(working);
    turns.take(LONG).await.expect("a turn");
    assert!(since.elapsed() >= step, "{:?}", since.elapsed());
}

#[tokio::test]
async fn time_that_is_up_is_a_refusal_before_the_charge_and_a_fault_behind_it() {
    let turns = Turns::new(8);
    let taken = async |lasts| turns.take(lasts).await.expect("a turn");
    let of = |turn: &Turn| turn.may_charge().map_err(|error| error.kind);
    let (mut none, mut enough) = (taken(Duration::ZERO).await, taken(LONG).await);
    assert_eq!((of(&none), of(&enough)), (Err(ErrorKind::Refused), Ok(())));
    // Half of the time is gone: too late to begin, and time enough for what was begun.
    let mut half = taken(LONG).await;
    half.ask_earlier(LONG / 2);
    assert_eq!(of(&half), Err(ErrorKind::Refused));
    half.paid();
    none.paid();
    enough.paid();
    assert_eq!((of(&half), of(&enough)), (Ok(()), Ok(())));
    assert_eq!(none.may_charge().expect_err("no time"), EngineError::uniform());
    // A time that no clock can hold.
    assert!(taken(Duration::MAX).await.may_charge().is_ok());
}
