//! From any text to an answer or a refusal: see `body.rs` for what must hold. `tests/fuzz` runs it.

#![no_main]

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

#[path = "../body.rs"]
mod body;
#[path = "../house.rs"]
mod house;
#[allow(dead_code)] // a part of it is for the tests of the engine
#[path = "../../src/run/testing.rs"]
mod rows;

/// So many texts, and the installation is made anew: its ledger keeps every refusal.
const TEXTS: usize = 20_000;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static HOUSE: Mutex<Option<(house::House, usize)>> = Mutex::new(None);

fuzz_target!(|data: &[u8]| {
    let Ok(sql) = std::str::from_utf8(data) else { return };
    let mut house = HOUSE.lock().expect("one at a time");
    RUNTIME.block_on(async {
        if house.as_ref().is_none_or(|(_, asked)| *asked == TEXTS) {
            *house = Some((house::House::new().await, 0));
        }
        let Some((house, texts)) = house.as_mut() else { return };
        *texts += 1;
        body::asked(&house.engine, &house.caller, sql).await;
    });
});
