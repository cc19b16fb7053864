//! From any text to an answer or a refusal, for libFuzzer: `body.rs` says what must hold; `tests/fuzz` builds and runs it.

#![no_main]

use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::runtime::Runtime;

mod body;
mod house;
#[allow(dead_code)] // a part of it is for the tests of the engine
#[path = "../src/run/testing.rs"]
mod rows;
mod words;

/// So many texts, and the installation is made anew: its ledger keeps every refusal.
const TEXTS: usize = 20_000;

/// The processors' time that a text may take, in seconds, with libraries that are not optimised. libFuzzer's own limit is one of the
/// clock, which other work on the machine makes run out.
const MOST_WORK: f64 = 20.0;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static HOUSE: Mutex<Option<(house::House, usize)>> = Mutex::new(None);

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut house = HOUSE.lock().expect("one at a time");
    RUNTIME.block_on(async {
        if house.as_ref().is_none_or(|(_, asked)| *asked == TEXTS) {
            *house = Some((house::House::new().await, 0));
        }
        let Some((known, texts)) = house.as_mut() else { return };
        *texts += 1;
        let before = worked();
        let outcome = body::asked(&known.engine, &known.caller, text).await;
        // What goes on when nobody waits for it any more has an end, too.
        while !known.engine.is_idle() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if let (Some(before), Some(after)) = (before, worked()) {
            assert!(after - before < MOST_WORK, "worked for {} s: {text}", after - before);
        }
        if outcome == body::Outcome::Exhausted {
            *house = None;
        }
    });
});

/// The processors' time that this process took so far, in seconds, where the system says it as Linux does.
fn worked() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may hold anything: the 14th and 15th of all fields, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

// What parses the text is not ours and does not say how far it came: letters changed one by one would hardly ever make another
// question. So most changes are of whole words, of this text or of a statement of the corpora; the rest are libFuzzer's own.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = ChaCha8Rng::seed_from_u64(u64::from(seed));
    let text = data.get(..size).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let changed = match (random.random_range(0..8), text) {
        (0, _) => words::mutated(&mut random),
        (1..=5, Some(text)) => words::changed(&mut random, words::words(text)),
        _ => return fuzzer_mutate(data, size, max_size),
    };
    let length = changed.len().min(max_size);
    data[..length].copy_from_slice(&changed.as_bytes()[..length]);
    length
});
