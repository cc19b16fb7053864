//! The warehouse of Skjerm: the policy, the pseudonymised tables on disk, and snapshots over them.
//!
//! * [`Installation`] knows where things are under `--dir`.
//! * [`policy`] says which tables, columns, codes, bounds and budgets there are.
//! * [`WarehouseKey`] makes the second layer of pseudonyms; only that layer is stored.
//! * [`Warehouse`] loads [`Delivery`]s and gives [`Snapshot`]s; it takes persons out again ([`Warehouse::erase`])
//!   and puts all under a new epoch of the key ([`Warehouse::rotate`]).
//! * [`reference::Reference`] holds public reference data.
//! * [`rounds`] says which rounds of a count are whole.
//!
//! # Privacy
//!
//! No identifier ever reaches this crate: deliveries hold pseudonyms of the first layer, made by the ingest
//! room with a key this crate does not have. They are hashed again here with a key the ingest room need not
//! have, so neither key alone can look a person up. Errors never hold a value of a row.
//!
//! A record is known by the source's own number for it, and the last row of a record wins: also when it names
//! another person, since a correction may do so (a national identity number that is learnt later makes the row
//! another pseudonym's). Record numbers are therefore taken to be unique in a source.
//!
//! *Not promised:* a source that reuses a number for another person makes the presence of one unit remove a row
//! of another. Units tied so are protected as a group, which is weaker the more of them there are, and not each
//! alone. Nothing here can tell the reuse of a number from a correction; a delivery of new rows shows it as
//! `replaced` where `loaded` is expected. The remedy is a field that tells the records apart (a service, a date)
//! in the `record` of the source's mapping.

#![cfg_attr(test, allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stderr))]

mod delivery;
mod derive;
mod error;
mod installation;
mod keep;
mod key;
mod keycommand;
pub mod keyfile;
mod links;
mod load;
pub mod policy;
pub mod reference;
pub mod rounds;
mod snapshot;
mod storage;
mod warehouse;

pub use delivery::{Delivery, DeliveryLoad};
pub use error::{Refusal, WarehouseError, disk_hint};
pub use installation::{Installation, InstallationError};
pub use keep::{
    Anew, Check, Damage, Dropped, Erasure, Outside, Proof, Rederived, Rehashed, Removed, Retained, Rotation,
    Sought, TakenOut, YearRisk, today_in_oslo,
};
pub use key::{KeyEpoch, Purpose, WarehouseKey};
pub use reference::Reference;
pub use snapshot::{DataFile, Snapshot, TableSnapshot};
pub use storage::bucket::{Storage, StorageError};
pub use storage::lease::Lease;
pub use storage::origin::Origin;
pub use storage::{SHARDS, Span};
pub use warehouse::Warehouse;

#[cfg(test)]
mod tests;
