//! Loads and snapshots, from deliveries to files.

mod check;
mod compact;
mod crash;
mod erase;
mod keys;
mod killed;
mod load;
mod refuse;
mod retain;
mod rotate;
mod scale;
mod speed;
mod storage;
mod together;
pub(crate) mod world;
