//! Exports in, pseudonymised deliveries out.
//!
//! The only place in Skjerm that sees identifiers, and the only one that holds the [`LinkingKey`].
//!
//! * A mapping file a source ([`mapping`]) says how its exports are read.
//! * Text and workbooks are split into rows so that nothing is lost: every row is loaded, replaces one, or
//!   goes to quarantine with its line, column and reason.
//! * A person is known by national identity number ([`identity`]), else by name and birth date, else by the source's
//!   client number, and becomes a pseudonym of the first layer: a keyed BLAKE3 hash of 128 bits, with a key of its own
//!   for each of the three, so that they never meet by chance.
//! * [`persons_to_erase`] reads a list of persons to be taken out into the same pseudonyms.
//! * [`deliver`] is the source's side: all files are read, and become a sealed delivery. [`take_in`] is the warehouse's: it
//!   checks deliveries and loads them, hashed again with a key of its own. [`ingest`] is the one after the other.
//!
//! # Privacy
//!
//! Identifiers live in memory only, from a reader's cell to the hash; buffers that held them are wiped. No error,
//! log or quarantine file holds a value of a row. Free text, names, numbers, exact birth dates and staff names are never
//! stored; a birth date becomes the age band at the year's end.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::format_collect))]

mod custody;
mod delivery;
mod erasure;
mod error;
mod file;
mod folder;
#[cfg(any(test, fuzzing))]
pub mod fuzzed;
mod guess;
mod header;
pub mod identity;
mod keep;
mod key;
pub mod mapping;
mod person;
mod progress;
mod quality;
mod quarantine;
mod read;
mod reason;
mod report;
mod row;
mod rows;
mod run;
mod spelling;
mod table;
mod values;
mod wiped;

pub use custody::check_keys;
pub use delivery::{DeliveryError, DeliveryProblem, is_delivery};
pub use erasure::persons_to_erase;
pub use error::{FileError, FileProblem, IngestError, ListProblem};
pub use guess::guess;
pub use key::{DeliveryKey, LinkingKey};
pub use mapping::{MappingError, sources};
pub use progress::{Progress, Silent};
pub use quarantine::QuarantineLine;
pub use reason::Reason;
pub use report::{DeliveryReport, IngestReport, Quality, Refused};
pub use run::{Ingest, IngestOptions, deliver, ingest, take_in};
