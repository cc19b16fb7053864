//! Any bytes, for libFuzzer: `SKJERM_FUZZ` says what they are taken for. `skjerm_ingest::fuzzed` says what must hold;
//! `tests/fuzz` builds and runs it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use skjerm_ingest::fuzzed;

static ASKED: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    // libFuzzer's hook ends the process at every panic, also at one of a library that the reader catches. One that gets out
    // ends it without the hook.
    drop(std::panic::take_hook());
    match std::env::var("SKJERM_FUZZ").as_deref() {
        Ok("text") => fuzzed::text,
        Ok("json") => fuzzed::json,
        Ok("workbook") => fuzzed::workbook,
        Ok("identity") => fuzzed::identity,
        _ => panic!("SKJERM_FUZZ is to be text, json, workbook or identity"),
    }
});

fuzz_target!(|bytes: &[u8]| ASKED(bytes));
