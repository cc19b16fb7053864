//! What became of a delivery.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What became of everything that was read. `read = loaded + replaced + quarantined`, in sum and in every delivery.
///
/// In a dry run nothing is loaded: `loaded` counts the rows that would be loaded or would replace one.
///
/// # Privacy
///
/// Exact counts of protected rows: for the steward, not for publication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestReport {
    /// Rows read.
    pub read: u64,
    /// Rows whose record was new.
    pub loaded: u64,
    /// Rows whose record was there already.
    pub replaced: u64,
    /// Rows that could not be used.
    pub quarantined: u64,
    /// One a file, in the order given.
    pub deliveries: Vec<DeliveryReport>,
}

/// What became of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// Name of the source.
    pub source: String,
    /// Base name of the file.
    pub file: String,
    /// Rows read: every line or row below the header that is not blank.
    pub read: u64,
    /// Rows whose record was new.
    pub loaded: u64,
    /// Rows whose record was there already.
    pub replaced: u64,
    /// Rows that could not be used.
    pub quarantined: u64,
    /// Quarantined rows by reason code.
    pub reasons: BTreeMap<String, u64>,
}

impl IngestReport {
    pub(crate) fn of(deliveries: Vec<DeliveryReport>) -> Self {
        let sum = |field: fn(&DeliveryReport) -> u64| deliveries.iter().map(field).sum();
        Self {
            read: sum(|d| d.read),
            loaded: sum(|d| d.loaded),
            replaced: sum(|d| d.replaced),
            quarantined: sum(|d| d.quarantined),
            deliveries,
        }
    }
}
