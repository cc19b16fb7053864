//! Whatever the order of wishes, ends, crashes and retries, the ledger agrees with a simple account of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const YEARS: [&str; 3] = ["2022", "2023", "2024"];
const SHARES: [&str; 2] = ["releases", "researchers"];
const PEOPLE: [&str; 2] = ["kari", "ola"];

#[derive(Debug, Clone)]
enum Step {
    /// The year's budget, as ever or one too high.
    Declare {
        year: usize,
        too_high: bool,
    },
    Begin {
        hand: usize,
        wish: Wish,
    },
    Settle {
        hand: usize,
        which: usize,
        body: u8,
    },
    Abandon {
        hand: usize,
        which: usize,
    },
    Record {
        hand: usize,
    },
    /// The program ends, however, and another one starts.
    Crash {
        hand: usize,
    },
    Wait {
        seconds: i64,
    },
    Check,
}

#[derive(Debug, Clone)]
struct Wish {
    question: u8,
    snapshot: u8,
    id: Option<u8>,
    who: usize,
    share: usize,
    /// By year; 0 is not asked about.
    prices: [u64; 3],
    endless: bool,
}

impl Wish {
    fn key(&self) -> String {
        format!("q{} at s{}", self.question, self.snapshot)
    }

    fn charges(&self) -> Vec<(usize, u64)> {
        self.prices.into_iter().enumerate().filter(|(_, price)| *price > 0).collect()
    }

    fn seconds(&self) -> i64 {
        if self.endless { 1_000_000 } else { 10 }
    }

    fn request(&self) -> Request {
        let charges: Vec<_> = self.charges().into_iter().map(|(year, price)| (YEARS[year], price)).collect();
        Request {
            id: self.id.map(|id| id.to_string()),
            who: PEOPLE[self.who].to_owned(),
            question: format!("q{}", self.question),
            question_id: format!("q{}", self.question),
            snapshot: format!("s{}", self.snapshot),
            may_take: Duration::from_secs(self.seconds().unsigned_abs()),
            ..request(&self.key(), SHARES[self.share], &charges)
        }
    }
}

/// 2022 and 2023 have 1000, of which each share may have 600; kari may have 500 of 2023. 2024 is declared
/// by and by, and has no share of the researchers.
fn limit_of(year: usize, too_high: bool) -> BlockLimit {
    let (releases, both) = ([("releases", 600)], [("releases", 600), ("researchers", 600)]);
    let mut limit =
        limit(YEARS[year], 1_000 + u64::from(too_high), if year == 2 { &releases } else { &both });
    if year == 1 {
        limit.analysts = [("kari".to_owned(), nano(500))].into();
    }
    limit
}

struct Charge {
    seq: u64,
    wish: Wish,
    fate: Option<EntryState>,
    hand: (usize, u32),
    until: i64,
    resumed: u32,
}

/// What the ledger should hold, said as simply as it can be.
#[derive(Default)]
struct Model {
    entries: u64,
    declared: [bool; 3],
    /// By year and name: "" for the block, and names of shares and people, which differ.
    spent: BTreeMap<(usize, &'static str), u64>,
    charges: Vec<Charge>,
    answers: BTreeMap<String, (String, u64)>,
    now: i64,
    /// How often each hand's program was started.
    lives: [u32; 2],
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Stored(String),
    Running(u64),
    Failed(u64),
    Reserved(u64),
    Reused(u64),
    Exhausted,
    Unknown,
}

impl Model {
    fn most(year: usize, name: &str) -> u64 {
        match (year, name) {
            (_, "") => 1_000,
            (2, "researchers") => 0,
            (_, "releases" | "researchers") => 600,
            (1, "kari") => 500,
            _ => u64::MAX,
        }
    }

    fn names(wish: &Wish) -> [&'static str; 3] {
        ["", SHARES[wish.share], PEOPLE[wish.who]]
    }

    fn left(&self, year: usize, name: &'static str) -> u64 {
        Self::most(year, name) - self.spent.get(&(year, name)).copied().unwrap_or(0)
    }

    fn runs(&self, charge: &Charge) -> bool {
        charge.fate.is_none() && self.now < charge.until && self.lives[charge.hand.0] == charge.hand.1
    }

    fn begin(&mut self, hand: usize, wish: &Wish) -> Said {
        let by_id = |c: &Charge| c.wish.id.is_some() && (c.wish.id, c.wish.who) == (wish.id, wish.who);
        if let Some(at) = self.charges.iter().position(by_id) {
            return self.again(at, hand, wish);
        }
        if let Some((body, _)) = self.answers.get(&wish.key()) {
            return Said::Stored(body.clone());
        }
        if let Some(running) = self.charges.iter().find(|c| c.wish.key() == wish.key() && self.runs(c)) {
            return Said::Running(running.seq);
        }
        for (year, price) in wish.charges() {
            if !self.declared[year] || (year == 2 && wish.share == 1) {
                return Said::Unknown;
            }
            if Self::names(wish).into_iter().any(|name| self.left(year, name) < price) {
                self.entries += 1;
                return Said::Exhausted;
            }
        }
        for (year, price) in wish.charges() {
            for name in Self::names(wish) {
                *self.spent.entry((year, name)).or_default() += price;
            }
        }
        self.entries += 1;
        self.charges.push(Charge {
            seq: self.entries,
            wish: wish.clone(),
            fate: None,
            hand: (hand, self.lives[hand]),
            until: self.now + wish.seconds(),
            resumed: 0,
        });
        Said::Reserved(self.entries)
    }

    fn again(&mut self, at: usize, hand: usize, wish: &Wish) -> Said {
        let first = &self.charges[at];
        if first.wish.question != wish.question || first.wish.prices != wish.prices {
            return Said::Reused(first.seq);
        }
        if let Some((body, _)) = self.answers.get(&first.wish.key()) {
            return Said::Stored(body.clone());
        }
        if self.runs(first) {
            return Said::Running(first.seq);
        }
        if first.fate.is_some() || first.wish.key() != wish.key() || first.resumed == 2 {
            return Said::Failed(first.seq);
        }
        self.entries += 1;
        let (hand, until) = ((hand, self.lives[hand]), self.now + wish.seconds());
        let first = &mut self.charges[at];
        (first.hand, first.until, first.resumed) = (hand, until, first.resumed + 1);
        Said::Reserved(first.seq)
    }

    /// Whether a reservation can still be ended; it is, then.
    fn end(&mut self, seq: u64, fate: EntryState) -> bool {
        let charge = self.charges.iter_mut().find(|charge| charge.seq == seq).unwrap();
        let open = charge.fate.is_none();
        if open {
            charge.fate = Some(fate);
            self.entries += 1;
        }
        open
    }

    fn states(&self) -> Vec<(u64, EntryState)> {
        let running = |c: &Charge| if self.runs(c) { EntryState::Running } else { EntryState::Lost };
        self.charges.iter().map(|c| (c.seq, c.fate.unwrap_or_else(|| running(c)))).collect()
    }
}

struct Run {
    fixture: Fixture,
    hands: [Ledger; 2],
    open: Vec<Reservation>,
    model: Model,
    said: Vec<Said>,
}

impl Run {
    fn new() -> Self {
        move_clock(0);
        let fixture = Fixture::new();
        let hands = [(); 2].map(|()| Self::start(&fixture));
        Self {
            fixture,
            hands,
            open: Vec::new(),
            model: Model { entries: 1, ..Model::default() },
            said: Vec::new(),
        }
    }

    fn start(fixture: &Fixture) -> Ledger {
        Ledger { clock: set_clock, ..fixture.open() }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Declare { year, too_high } => {
                // Only what is known can be declared otherwise.
                let too_high = too_high && self.model.declared[year];
                let result = self.hands[0].declare(&[limit_of(year, too_high)]);
                assert_eq!(result.is_err(), too_high);
                if !self.model.declared[year] {
                    self.model.declared[year] = true;
                    self.model.entries += 1;
                }
            }
            Step::Begin { hand, wish } => {
                let said = match self.hands[hand].begin(&wish.request()) {
                    Ok(Begin::Stored(answer)) => Said::Stored(answer.body),
                    Ok(Begin::Running(seq)) => Said::Running(seq),
                    Ok(Begin::Failed(seq)) => Said::Failed(seq),
                    Ok(Begin::Reserved(reservation)) => {
                        let seq = reservation.id();
                        self.open.push(reservation);
                        Said::Reserved(seq)
                    }
                    Err(LedgerError::RequestReused { seq }) => Said::Reused(seq),
                    Err(LedgerError::Exhausted { .. }) => Said::Exhausted,
                    Err(LedgerError::UnknownBlock { .. } | LedgerError::UnknownShare { .. }) => Said::Unknown,
                    Err(other) => panic!("{other}"),
                };
                assert_eq!(said, self.model.begin(hand, &wish));
                self.said.push(said);
            }
            Step::Settle { hand, which, body } if !self.open.is_empty() => {
                let reservation = self.open.swap_remove(which % self.open.len());
                let (seq, key) = (reservation.id(), reservation.key().to_owned());
                let result = self.hands[hand].settle(reservation, &body.to_string());
                if self.model.end(seq, EntryState::Settled) {
                    let first = self.model.answers.entry(key).or_insert((body.to_string(), seq));
                    let given = result.unwrap();
                    assert_eq!((given.body, given.charge), *first);
                } else {
                    assert!(matches!(result, Err(LedgerError::NotOpen { id }) if id == seq));
                }
            }
            Step::Abandon { hand, which } if !self.open.is_empty() => {
                let reservation = self.open.swap_remove(which % self.open.len());
                let seq = reservation.id();
                let result = self.hands[hand].abandon(reservation, "test");
                assert_eq!(result.is_ok(), self.model.end(seq, EntryState::Abandoned));
            }
            Step::Settle { .. } | Step::Abandon { .. } => {}
            Step::Record { hand } => {
                self.model.entries += 1;
                let details = serde_json::json!({ "what": "test" });
                let seq = self.hands[hand].record("ola", EventKind::Policy, &details).unwrap();
                assert_eq!(seq, self.model.entries);
            }
            Step::Crash { hand } => {
                let another = Self::start(&self.fixture);
                drop(std::mem::replace(&mut self.hands[hand], another));
                self.model.lives[hand] += 1;
            }
            Step::Wait { seconds } => {
                self.model.now += seconds;
                move_clock(self.model.now);
            }
            Step::Check => self.check(),
        }
        assert_eq!(self.hands[1].head().unwrap().unwrap().seq, self.model.entries);
    }

    fn check(&self) {
        let (ledger, model) = (&self.hands[0], &self.model);
        let status = ledger.status().unwrap();
        let declared: Vec<usize> = (0..3).filter(|year| model.declared[*year]).collect();
        assert_eq!(status.len(), declared.len());
        for (block, year) in status.iter().zip(declared) {
            assert_eq!((block.block.name.as_str(), block.left.nano()), (YEARS[year], model.left(year, "")));
            for share in block.shares.iter().chain(&block.analysts) {
                let name = SHARES.into_iter().chain(PEOPLE).find(|name| *name == share.name).unwrap();
                assert_eq!(share.left.nano(), model.left(year, name).min(model.left(year, "")));
            }
            for (who, share) in PEOPLE.into_iter().flat_map(|who| SHARES.map(|share| (who, share))) {
                let left = ledger.remaining(&year_block(year), share, who).map(Rho::nano).ok();
                let expected = ["", share, who].map(|name| model.left(year, name)).into_iter().min();
                assert_eq!(left, expected.filter(|_| (year, share) != (2, "researchers")));
            }
        }
        for key in (0..3).flat_map(|q| (0..2).map(move |s| format!("q{q} at s{s}"))) {
            let answer = ledger.lookup(&key).unwrap().map(|answer| (answer.body, answer.charge));
            assert_eq!(answer.as_ref(), model.answers.get(&key));
        }
        let filter = HistoryFilter { kind: Some("charge".to_owned()), ..Default::default() };
        let history = ledger.history(&filter).unwrap();
        let charges: Vec<_> = history.iter().map(|entry| (entry.id, entry.state.unwrap())).collect();
        assert_eq!(charges, model.states());
        let found = ledger.verify(&[]).unwrap();
        assert!(found.is_whole(), "{found:?}");
        assert_eq!((found.entries, found.answers), (model.entries, model.answers.len() as u64));
    }
}

fn year_block(at: usize) -> Block {
    year(YEARS[at])
}

fn wish() -> impl Strategy<Value = Wish> {
    let price = || prop_oneof![2 => Just(0), 2 => Just(100), 1 => 1..400_u64];
    let prices = [price(), price(), price()].prop_filter("a price", |prices| prices.iter().any(|p| *p > 0));
    (0..3_u8, 0..2_u8, prop::option::of(0..3_u8), 0..2_usize, 0..2_usize, prices, any::<bool>()).prop_map(
        |(question, snapshot, id, who, share, prices, endless)| Wish {
            question,
            snapshot,
            id,
            who,
            share,
            prices,
            endless,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let (hand, which) = (0..2_usize, 0..64_usize);
    prop_oneof![
        2 => (0..3_usize, prop::bool::weighted(0.2)).prop_map(|(year, too_high)| Step::Declare { year, too_high }),
        8 => (hand.clone(), wish()).prop_map(|(hand, wish)| Step::Begin { hand, wish }),
        3 => (hand.clone(), which.clone(), any::<u8>()).prop_map(|(hand, which, body)| Step::Settle { hand, which, body }),
        2 => (hand.clone(), which).prop_map(|(hand, which)| Step::Abandon { hand, which }),
        1 => hand.clone().prop_map(|hand| Step::Record { hand }),
        2 => hand.prop_map(|hand| Step::Crash { hand }),
        // Also backwards: the clock may be set.
        1 => (-5..20_i64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Check),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_ledger_agrees_with_a_model(steps in prop::collection::vec(step(), 1..60)) {
        let mut run = Run::new();
        for year in [0, 1] {
            run.step(Step::Declare { year, too_high: false });
        }
        for step in steps {
            run.step(step);
        }
        run.check();
    }
}

/// The model is worth something if a run of it meets every answer that a wish can get.
#[test]
fn the_model_and_the_ledger_go_through_every_answer_together() {
    let wish = |id, price| Wish {
        question: 0,
        snapshot: 0,
        id: Some(id),
        who: 0,
        share: 1,
        prices: [price, 0, 0],
        endless: true,
    };
    let mut run = Run::new();
    run.step(Step::Begin { hand: 0, wish: wish(0, 1) });
    run.step(Step::Declare { year: 0, too_high: false });
    for hand in [0, 1, 0] {
        run.step(Step::Begin { hand, wish: wish(1, 100) });
        run.step(Step::Begin { hand: 1, wish: wish(2, 200) });
        run.step(Step::Check);
        run.step(Step::Crash { hand });
    }
    run.step(Step::Begin { hand: 0, wish: wish(1, 100) });
    run.step(Step::Begin { hand: 1, wish: wish(1, 101) });
    run.step(Step::Begin { hand: 0, wish: wish(2, 501) });
    run.step(Step::Begin { hand: 0, wish: wish(2, 500) });
    run.step(Step::Settle { hand: 0, which: 0, body: 1 });
    run.step(Step::Begin { hand: 1, wish: wish(1, 100) });
    run.check();
    let (running, reserved) = (Said::Running(3), || Said::Reserved(3));
    assert_eq!(run.said[0], Said::Unknown);
    for said in
        [running, reserved(), Said::Failed(3), Said::Reused(3), Said::Exhausted, Said::Stored("1".to_owned())]
    {
        assert!(run.said.contains(&said), "{said:?} is not among {:?}", run.said);
    }
    assert_eq!(run.said.iter().filter(|said| **said == reserved()).count(), 3);
}
