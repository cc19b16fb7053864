//! What the ingest room hands over.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;

/// The rows of one exported file, pseudonymised once.
///
/// # Privacy
///
/// The columns `person` and `record` hold first-layer pseudonyms; no identifier is in any column.
#[derive(Clone)]
pub struct Delivery {
    /// Name of the source.
    pub source: String,
    /// Base name of the file.
    pub file: String,
    /// Rows by table, each of the table's [`crate::policy::Table::arrow_schema`].
    pub tables: BTreeMap<String, RecordBatch>,
}

impl std::fmt::Debug for Delivery {
    /// Names and row counts only: never a row.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows: BTreeMap<&str, usize> =
            self.tables.iter().map(|(n, b)| (n.as_str(), b.num_rows())).collect();
        let mut shown = f.debug_struct("Delivery");
        shown.field("source", &self.source).field("file", &self.file).field("rows", &rows).finish()
    }
}

/// What became of a delivery's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryLoad {
    /// Rows whose record was new.
    pub loaded: u64,
    /// Rows whose record was there already, in the warehouse or earlier in the same call. A row that says the
    /// same as before counts here, too.
    pub replaced: u64,
}
