//! Any bytes: see `skjerm_ingest::fuzzed` for what must hold.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| skjerm_ingest::fuzzed::identity(bytes));
