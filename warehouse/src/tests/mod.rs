//! Loads and snapshots, from deliveries to files.

mod check;
mod compact;
mod crash;
mod erase;
mod keys;
mod load;
mod refuse;
mod retain;
mod speed;
mod storage;
pub(crate) mod world;
