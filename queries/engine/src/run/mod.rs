//! Running: from a snapshot's files to noised values.
//!
//! Everything here happens after the charge. Whatever goes wrong is a [`RunError`], which callers see as the one
//! uniform fault.

mod again;
mod bounded;
mod cells;
mod columns;
mod condition;
mod cut;
mod draws;
mod error;
mod exact;
mod expected;
mod fetch;
mod gather;
#[cfg(test)]
mod in_memory;
mod layout;
mod lookup;
mod normal;
mod numbers;
mod pages;
mod persons;
mod post;
mod question;
mod relation;
mod runs;
mod scan;
mod session;
mod shares;
mod slots;
mod source;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod vectors;

pub(crate) use error::RunError;
pub(crate) use exact::Exact;
pub(crate) use expected::factors;
pub(crate) use layout::Layouts;
pub(crate) use post::{Presented, present, rehearse};
pub(crate) use question::{check, noised, read, units};
pub(crate) use relation::{Source, Sources};
pub(crate) use session::{Limits, RunSession, empty_stale_spill, until_step};
pub(crate) use source::SnapshotTable;

/// An exact vector counted outside this module: by [`crate::measure`], which argues for `l2`.
pub(crate) fn exact_of_units(values: Vec<i64>, l2: u64) -> Exact {
    Exact::new(values, l2)
}
