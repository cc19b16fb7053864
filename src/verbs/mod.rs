//! One file a verb.

pub(crate) mod budget;
pub(crate) mod demo;
pub(crate) mod ingest;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod query;
pub(crate) mod release;
pub(crate) mod scene;
pub(crate) mod serve;
pub(crate) mod synth;
pub(crate) mod warehouse;
