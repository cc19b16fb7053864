//! What the fuzzer's target says of any text, of the statements of both corpora and of some that nobody wrote.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::fuzz_body::{Outcome, asked};
use crate::fuzz_words::{STATEMENTS, mutated};
use crate::plan::Origin;

/// How many are tried that nobody wrote. The seed is fixed: a failure is found again.
const TRIED: usize = 2_000;
/// Of what takes long (many cells, noise that is drawn again), and of what planning refuses, one in so many is asked.
const ONE_IN: usize = 25;

/// A house with a budget that nobody spends, and time enough for a build that is not optimised.
async fn wealthy() -> House {
    let changes = [("rho = 0.31", "rho = 100000.0"), ("timeout_seconds = 60", "timeout_seconds = 600")];
    house_with(&contacts(12), &changes).await
}

/// Whether an answer is there at once.
fn is_quick(house: &House, sql: &str) -> bool {
    let planned = house.engine.planner.plan(sql, &Ask::default());
    planned.is_ok_and(|plan| {
        let cells: usize = plan.questions.iter().map(|question| question.query.measured()).sum();
        cells < 2_000 && !plan.post.origins.contains(&Origin::Derived)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_is_answered_whole_or_refused_in_words_of_the_question() {
    let house = wealthy().await;
    let caller = house.caller("researcher");
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut texts: Vec<String> = STATEMENTS.iter().map(|words| words.concat()).collect();
    texts.extend((0..TRIED).map(|_| mutated(&mut random)));
    let (mut answered, mut refused) = (0, 0);
    for (at, sql) in texts.iter().enumerate() {
        if !is_quick(&house, sql) && at % ONE_IN > 0 {
            continue;
        }
        match asked(&house.engine, &caller, sql).await {
            Outcome::Answered => answered += 1,
            Outcome::Refused => refused += 1,
            Outcome::Exhausted => panic!("nothing left for {sql}"),
        }
    }
    // Both ways are looked at in earnest.
    assert!(answered > 150 && refused > 50, "{answered} answered, {refused} refused");
}

/// The same for as long as somebody wants, from another seed each time: `tests/fuzz --words`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "as long as SECONDS says: tests/fuzz --words"]
async fn any_text_for_a_while() {
    let seconds = std::env::var("SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let lasts = Duration::from_secs(seconds.expect("SECONDS, a whole number"));
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let started = Instant::now();
    let (mut answered, mut texts) = (0, 0_u64);
    let mut house = wealthy().await;
    while started.elapsed() < lasts {
        // The ledger keeps every refusal: a new one now and then.
        if texts % 20_000 == 19_999 {
            house = wealthy().await;
        }
        let sql = mutated(&mut random);
        texts += 1;
        answered +=
            usize::from(asked(&house.engine, &house.caller("researcher"), &sql).await == Outcome::Answered);
    }
    println!("{texts} texts, {answered} of them answered");
}
