//! End to end, one test binary: the command as a user runs it, the promises as an adversary would test them.
//!
//! All data here are SYNTHETIC.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)] // a test that cannot go on should stop where it stands

mod bad_input;
mod budget;
mod coverage;
mod dashboard;
mod demo;
mod full;
mod house;
mod ingest;
mod invariants;
mod json;
mod keep;
mod keys;
mod leaks;
mod ledger;
mod lost;
mod notebook;
mod reference;
mod release;
mod s3;
mod support;
