//! What the written files say, read back by these tests' own means: never from the plan.

// A test that cannot read what it wrote has failed.
#![allow(clippy::unwrap_used, clippy::needless_for_each, clippy::format_push_string)]

mod city;
mod figures;
mod forms;
mod read;

use std::path::Path;

use crate::{SynthOptions, SynthSummary, generate};

/// Shows nothing.
struct Quiet;

impl skjerm_ingest::Progress for Quiet {
    fn start(&self, _label: &str, _total: u64) {}
    fn advance(&self, _n: u64) {}
    fn finish(&self) {}
}

/// Writes a city.
fn write(out: &Path, persons: u32, years: std::ops::RangeInclusive<i32>, seed: u64) -> SynthSummary {
    generate(&SynthOptions { out: out.to_owned(), persons, years, seed }, &Quiet).unwrap()
}
