//! What the ingest room hands over.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;

/// The rows of one exported file, pseudonymised once.
///
/// # Privacy
///
/// The columns `person` and `record` hold first-layer pseudonyms; no identifier is in any column.
#[derive(Clone, Default)]
pub struct Delivery {
    /// Name of the source.
    pub source: String,
    /// Base name of the file.
    pub file: String,
    /// Rows by table, each of the table's [`crate::policy::Table::arrow_schema`].
    pub tables: BTreeMap<String, RecordBatch>,
    /// Records that the source took back, by table. They go after the delivery's rows are in.
    pub withdrawn: BTreeMap<String, Vec<[u8; 16]>>,
    /// Persons that the source knew by a client number, and who they are: rows of the first become the second's.
    pub links: Vec<([u8; 16], [u8; 16])>,
}

impl std::fmt::Debug for Delivery {
    /// Names and row counts only: never a row.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows: BTreeMap<&str, usize> =
            self.tables.iter().map(|(n, b)| (n.as_str(), b.num_rows())).collect();
        let mut shown = f.debug_struct("Delivery");
        let withdrawn: BTreeMap<&str, usize> =
            self.withdrawn.iter().map(|(n, records)| (n.as_str(), records.len())).collect();
        shown.field("source", &self.source).field("file", &self.file).field("rows", &rows);
        shown.field("withdrawn", &withdrawn).field("links", &self.links.len()).finish()
    }
}

/// What became of a delivery's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryLoad {
    /// Rows whose record was new.
    pub loaded: u64,
    /// Rows whose record was there already, in the warehouse or earlier in the same call. A row that says the
    /// same as before counts here, too, and so does a record that was taken back.
    pub replaced: u64,
    /// Of the replaced, rows whose record had come earlier in the same call.
    pub repeated: u64,
    /// Client numbers whose person is known now, and was not before.
    pub linked: u64,
    /// Client numbers that are said to be another person's than before, or two persons': these links are not made.
    pub contradicted: u64,
}

impl DeliveryLoad {
    /// Adds what became of another part of the same delivery.
    pub fn add(&mut self, other: &Self) {
        self.loaded += other.loaded;
        self.replaced += other.replaced;
        self.repeated += other.repeated;
        self.linked += other.linked;
        self.contradicted += other.contradicted;
    }
}
