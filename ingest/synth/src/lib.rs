//! SYNTHETIC: a seeded synthetic city, written as the export files that its services' systems would make.
//!
//! Nobody in it exists. Names are drawn from lists, identity numbers belong to the synthetic series (month + 80),
//! and every file says `SYNTETISK`: in its name, in a column or title row, and in the `LESMEG.txt` beside it.
//!
//! # How it works
//!
//! 1. A *plan* is made year by year ([`plan`]): who exists, who is met again, by which services, how often. Uteseksjonen's
//!    part of a year is first laid out as slots with exact totals ([`plan::slots`]), then filled with persons: the published
//!    figures hold by construction, and do not depend on who happened to come back.
//! 2. Every *file* is then made from the plan with a random stream of its own, so files are written in parallel and come out the
//!    same, byte for byte, for the same seed, persons and years.
//!
//! # Privacy
//!
//! The files hold names and numbers on purpose, so that what reads them can be tested for leaks:
//! `SYNTETISK_identifikatorer.csv` lists every one of them.

mod city;
mod error;
mod identifiers;
mod names;
mod options;
mod people;
mod plan;
mod random;
mod registration;
mod run;
mod service_rows;
mod write;

#[cfg(test)]
mod tests;

pub use error::SynthError;
pub use options::{MAX_PERSONS, SynthOptions, SynthSummary};
pub use run::generate;
