//! Loads and snapshots, from deliveries to files.

mod crash;
mod keys;
mod load;
mod refuse;
mod speed;
mod storage;
pub(crate) mod world;
