//! Exports in, pseudonymised deliveries out.
//!
//! The only place in Skjerm that sees identifiers, and the only one that holds the linking key.

pub mod identity;
mod progress;

pub use progress::{Progress, Silent};
