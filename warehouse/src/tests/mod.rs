//! Loads and snapshots, from deliveries to files.

mod check;
mod compact;
mod crash;
mod damaged;
mod erase;
mod full_size;
mod joined;
mod keys;
mod killed;
mod learnt;
mod load;
mod loopback;
mod rederive;
mod refuse;
mod retain;
mod rotate;
mod s3;
mod scale;
mod speed;
mod storage;
mod together;
pub(crate) mod world;
