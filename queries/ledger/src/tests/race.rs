//! Many clients of several processes race for the last of a budget.

use std::collections::BTreeMap;
use std::sync::Barrier;

use serde::{Deserialize, Serialize};
use skjerm_privacy::Rho;

use super::common_processes::{Dice, Process, SHARE, budget, key, loss, request, role, say};
use crate::{Begin, Block, BlockLimit, HistoryFilter, Ledger, LedgerError, Request};

const ROUNDS: u64 = 1_000;
/// Every write checks all budgets of a book, so a book has about as many blocks as a city's.
const ROUNDS_A_BOOK: usize = 25;
const PROCESSES: u64 = 4;
const THREADS: u64 = 16;
const ANALYST: &str = "kari";

/// Which account is the tight one, or whether the clients offer different prices.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tight {
    Block,
    Share,
    Analyst,
    MixedPrices,
}

/// What a round is about: the same in every process.
struct Round {
    number: u64,
    block: Block,
    tight: Tight,
    price: u64,
    /// So many can pay it.
    payers: u64,
    /// And so much is left then: less than the price.
    rest: u64,
}

impl Round {
    fn of(number: u64) -> Self {
        let mut dice = Dice::new(number);
        let price = 1 + dice.below(5_000_000);
        let tight = match dice.below(6) {
            0 => Tight::Share,
            1 => Tight::Analyst,
            2 => Tight::MixedPrices,
            _ => Tight::Block,
        };
        let payers = dice.below(6);
        let rest = match dice.below(4) {
            // The last payer takes the last of it.
            0 => 0,
            // The least unit is missing.
            1 => price - 1,
            _ => dice.below(price),
        };
        Self { number, block: Block::new("race", format!("{number:04}")), tight, price, payers, rest }
    }

    fn limit(&self) -> u64 {
        self.price * self.payers + self.rest
    }

    fn budget(&self) -> BlockLimit {
        let wide = self.limit() + 64 * self.price;
        match self.tight {
            Tight::Block | Tight::MixedPrices => budget(&self.block, self.limit()),
            Tight::Share => {
                let shares = BTreeMap::from([(SHARE.to_owned(), loss(self.limit()))]);
                BlockLimit { shares, ..budget(&self.block, wide) }
            }
            Tight::Analyst => {
                let analysts = BTreeMap::from([(ANALYST.to_owned(), loss(self.limit()))]);
                BlockLimit { analysts, ..budget(&self.block, wide) }
            }
        }
    }

    fn price_of(&self, client: u64) -> u64 {
        match self.tight {
            Tight::MixedPrices => 1 + Dice::new(self.number * 1_000 + client).below(2 * self.price),
            _ => self.price,
        }
    }

    fn request(&self, client: u64) -> Request {
        let key = format!("{} of {client}", self.number);
        let who = if self.tight == Tight::Analyst { ANALYST.to_owned() } else { format!("client {client}") };
        Request { who, ..request(&self.block, &key, self.price_of(client)) }
    }

    fn refusal(&self, price: u64, left: u64) -> String {
        let within = match self.tight {
            Tight::Block | Tight::MixedPrices => String::new(),
            Tight::Share => format!("share `{SHARE}`"),
            Tight::Analyst => format!("analyst `{ANALYST}`"),
        };
        LedgerError::Exhausted { block: self.block.clone(), within, asked: loss(price), left: loss(left) }
            .to_string()
    }
}

/// What a client got.
#[derive(Serialize, Deserialize)]
struct Heard {
    client: u64,
    /// The entry of the charge, or the sentence of the refusal.
    answer: Result<u64, String>,
}

fn ask(ledger: &Ledger, round: &Round, client: u64) -> Heard {
    let answer = match ledger.begin(&round.request(client)) {
        Ok(Begin::Reserved(reservation)) => {
            let charge = reservation.id();
            // Some answer at once and so are in the way of those who still ask.
            if client.is_multiple_of(2) {
                ledger.settle(reservation, "42").unwrap();
            }
            Ok(charge)
        }
        Err(error @ LedgerError::Exhausted { .. }) => Err(error.to_string()),
        other => panic!("a client got {other:?}"),
    };
    Heard { client, answer }
}

#[test]
fn another_process() {
    let Some((book, process)) = role() else { return };
    let ledgers = [Ledger::open(&book, key()).unwrap(), Ledger::open(&book, key()).unwrap()];
    for line in std::io::stdin().lines() {
        let round = Round::of(line.unwrap().parse().unwrap());
        let start = Barrier::new(usize::try_from(THREADS).unwrap());
        let heard: Vec<Heard> = std::thread::scope(|scope| {
            let clients = (0..THREADS).map(|thread| {
                let (start, round, ledger) = (&start, &round, &ledgers[usize::from(thread % 2 == 0)]);
                scope.spawn(move || {
                    start.wait();
                    ask(ledger, round, process * THREADS + thread)
                })
            });
            // All are started before any is waited for.
            clients.collect::<Vec<_>>().into_iter().map(|client| client.join().unwrap()).collect()
        });
        say(&serde_json::to_string(&heard).unwrap());
    }
}

#[test]
fn the_last_of_a_budget_is_never_overspent_and_all_who_are_refused_hear_the_same() {
    let rounds: Vec<Round> = (0..ROUNDS).map(Round::of).collect();
    rounds.chunks(ROUNDS_A_BOOK).for_each(race);
}

fn race(rounds: &[Round]) {
    let folder = tempfile::tempdir().unwrap();
    let book = folder.path().join("ledger.db");
    let ledger = Ledger::create(&book, key()).unwrap();
    ledger.declare(&rounds.iter().map(Round::budget).collect::<Vec<_>>()).unwrap();

    let start = |number| Process::start("tests::race::another_process", &book, number, &[]);
    let mut processes: Vec<Process> = (0..PROCESSES).map(start).collect();
    let mut lines: Vec<_> = processes.iter_mut().map(Process::hears).collect();
    let mut refused = 0;
    for round in rounds {
        for process in &mut processes {
            process.tell(&round.number.to_string());
        }
        let heard: Vec<Heard> = lines
            .iter_mut()
            .flat_map(|lines| serde_json::from_str::<Vec<Heard>>(&lines.next().unwrap()).unwrap())
            .collect();
        refused += heard.iter().filter(|heard| heard.answer.is_err()).count();
        let left = ledger.remaining(&round.block, SHARE, ANALYST).unwrap();
        check_round(round, &heard, left);
    }
    assert!(processes.into_iter().all(|process| process.finish().success()));

    assert_eq!(refused, check_entries(&ledger, rounds), "every refusal is an entry, and no other");
    let found = ledger.verify(&[]).unwrap();
    assert!(found.is_whole(), "{:?}", found.problems);
}

fn check_round(round: &Round, heard: &[Heard], left: Rho) {
    assert_eq!(heard.len() as u64, PROCESSES * THREADS);
    let won = heard.iter().filter(|heard| heard.answer.is_ok());
    let spent: u64 = won.clone().map(|heard| round.price_of(heard.client)).sum();
    assert!(spent <= round.limit(), "round {} is overspent", round.number);
    assert_eq!(left.nano(), round.limit() - spent, "what is left is what was not spent");
    if round.tight == Tight::MixedPrices {
        return;
    }
    assert_eq!(won.count() as u64, round.payers, "round {} refused what was affordable", round.number);
    let sentence = round.refusal(round.price, round.rest);
    assert!(sentence.contains(&format!("has ρ {left} left")));
    for heard in heard.iter().filter_map(|heard| heard.answer.as_ref().err()) {
        assert_eq!(*heard, sentence);
    }
}

/// Plays the entries anew, in their order: nothing affordable was refused, and nothing else charged.
/// Gives the number of refusals.
fn check_entries(ledger: &Ledger, rounds: &[Round]) -> usize {
    let mut left: BTreeMap<&Block, u64> = rounds.iter().map(|round| (&round.block, round.limit())).collect();
    let mut refusals = 0;
    for entry in ledger.history(&HistoryFilter::default()).unwrap() {
        let Some(charged) = entry.charges.first() else { continue };
        let (price, left) = (charged.loss.rho.nano(), left.get_mut(&charged.block).unwrap());
        let round = rounds.iter().find(|round| round.block == charged.block).unwrap();
        if entry.kind == "charge" {
            *left = left.checked_sub(price).unwrap();
        } else {
            assert_eq!(entry.kind, "refused");
            assert!(price > *left, "entry {} refuses what was affordable", entry.id);
            assert_eq!(entry.reason.unwrap(), round.refusal(price, *left));
            refusals += 1;
        }
    }
    for status in ledger.status().unwrap() {
        let round = rounds.iter().find(|round| round.block == status.block).unwrap();
        let spent = round.limit() - left[&status.block];
        assert_eq!(status.spent.nano(), spent);
        assert_eq!(status.limit.nano(), status.spent.nano() + status.left.nano());
    }
    refusals
}
