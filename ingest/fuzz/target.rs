//! Any bytes, for libFuzzer: `SKJERM_FUZZ` says what they are taken for. `skjerm_ingest::fuzzed` says what must hold;
//! `ingest/fuzz/run` builds and runs it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use skjerm_ingest::fuzzed;

static ASKED: LazyLock<fn(&[u8])> = LazyLock::new(|| match std::env::var("SKJERM_FUZZ").as_deref() {
    Ok("text") => fuzzed::text,
    Ok("json") => fuzzed::json,
    Ok("workbook") => fuzzed::workbook,
    Ok("identity") => fuzzed::identity,
    _ => panic!("SKJERM_FUZZ is to be text, json, workbook or identity"),
});

fuzz_target!(|bytes: &[u8]| ASKED(bytes));
