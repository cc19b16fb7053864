//! A warehouse in a folder of its own, and rows for it. All data is SYNTHETIC.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use jiff::civil::Date;

use super::loopback;
use crate::policy::{ColumnRole, Policy, UNKNOWN};
use crate::storage::files::LoadLock;
use crate::{
    Delivery, DeliveryLoad, Erasure, Installation, Snapshot, Sought, Warehouse, WarehouseError, WarehouseKey,
};

/// A row, its columns as text; what is not said is "unknown" or null.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) person: u64,
    pub(crate) record: u64,
    pub(crate) date: Date,
    pub(crate) says: BTreeMap<&'static str, String>,
}

pub(crate) fn row(person: u64, record: u64, date: &str) -> Row {
    Row { person, record, date: date.parse().expect("a date"), says: BTreeMap::new() }
}

impl Row {
    #[allow(clippy::needless_pass_by_value)] // reads better at the call sites
    pub(crate) fn with(mut self, column: &'static str, value: impl std::fmt::Display) -> Self {
        self.says.insert(column, value.to_string());
        self
    }

    pub(crate) fn ute(self) -> Self {
        self.with("service", "uteseksjonen")
    }
}

/// A first-layer pseudonym.
pub(crate) fn layer_one(what: &str, number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&blake3::hash(format!("{what} {number}").as_bytes()).as_bytes()[..16]);
    bytes
}

pub(crate) fn days(date: Date) -> i32 {
    date.since(Date::constant(1970, 1, 1)).expect("a span").get_days()
}

pub(crate) fn batch(policy: &Policy, table: &str, rows: &[Row]) -> RecordBatch {
    let table = policy.table(table).expect("a table");
    let columns = table.columns.iter().map(|column| -> ArrayRef {
        let text = |row: &Row| row.says.get(column.name.as_str()).cloned();
        let number =
            |row: &Row, usual: Option<i64>| text(row).map(|t| t.parse().expect("a number")).or(usual);
        let hashed = |what: &str, of: fn(&Row) -> u64| -> ArrayRef {
            let bytes: Vec<u8> = rows.iter().flat_map(|r| layer_one(what, of(r))).collect();
            Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(bytes), None).expect("16 bytes each"))
        };
        match column.role {
            ColumnRole::Person => hashed("person", |r| r.person),
            ColumnRole::Record => hashed("record", |r| r.record),
            ColumnRole::Year => {
                Arc::new(rows.iter().map(|r| number(r, Some(r.date.year().into()))).collect::<Int64Array>())
            }
            ColumnRole::Month => {
                Arc::new(rows.iter().map(|r| number(r, Some(r.date.month().into()))).collect::<Int64Array>())
            }
            ColumnRole::Date => Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| days(r.date)))),
            ColumnRole::Dimension { .. } => Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| text(r).unwrap_or_else(|| UNKNOWN.to_owned())),
            )),
            ColumnRole::Measure { .. } => {
                Arc::new(rows.iter().map(|r| number(r, None)).collect::<Int64Array>())
            }
        }
    });
    RecordBatch::try_new(table.arrow_schema(), columns.collect()).expect("the policy's columns")
}

/// A stored row as text, with its year and pseudonyms in hexadecimal.
pub(crate) type Stored = BTreeMap<String, String>;

pub(crate) struct World {
    /// Where it lies, if it is this world's to remove.
    _folder: Option<tempfile::TempDir>,
    pub(crate) installation: Installation,
    pub(crate) policy: Arc<Policy>,
    pub(crate) warehouse: Warehouse,
    pub(crate) key: WarehouseKey,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_key(WarehouseKey::generate().expect("randomness"))
    }

    pub(crate) fn with_key(key: WarehouseKey) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("oslo");
        if loopback::is_wanted() {
            loopback::settle(&path);
        }
        Self { _folder: Some(folder), ..Self::at(&path, key) }
    }

    /// A world in a folder that others may use, too.
    pub(crate) fn at(folder: &Path, key: WarehouseKey) -> Self {
        let installation = Installation::init(folder).expect("an installation");
        // As the ingest room would, before the first rows are.
        std::fs::create_dir_all(installation.warehouse_dir()).expect("a folder");
        std::fs::write(installation.key_note_path(), "{}").expect("written");
        let policy = Arc::new(Policy::load(&installation.policy_path()).expect("the policy"));
        let home = loopback::home(&installation);
        let warehouse = Warehouse::at(home, &installation, policy.clone()).expect("a warehouse");
        Self { _folder: None, installation, policy, warehouse, key }
    }

    /// The same warehouse under another policy.
    pub(crate) fn reopened(&self, policy: Policy) -> Warehouse {
        Warehouse::at(self.warehouse.home.clone(), &self.installation, policy.into()).expect("opened")
    }

    /// Where the files of the tables can be touched behind the warehouse's back: in a bucket, the server's folder.
    pub(crate) fn tables(&self) -> PathBuf {
        loopback::objects(&self.installation).unwrap_or_else(|| self.installation.warehouse_dir())
    }

    /// The same of one file.
    pub(crate) fn touchable(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix(self.root()).expect("a path of this warehouse");
        self.tables().join(below)
    }

    /// Whether any file lies below there.
    pub(crate) fn holds(&self, below: &str) -> bool {
        let folder = self.tables().join(below);
        self.files().keys().any(|path| path.starts_with(&folder))
    }

    /// What every path begins with.
    pub(crate) fn root(&self) -> &Path {
        self.warehouse.home.root()
    }

    pub(crate) fn delivery(&self, file: &str, tables: &[(&str, &[Row])]) -> Delivery {
        let tables = tables.iter().map(|(name, rows)| ((*name).to_owned(), batch(&self.policy, name, rows)));
        Delivery {
            source: "soma".to_owned(),
            file: file.to_owned(),
            tables: tables.collect(),
            ..Delivery::default()
        }
    }

    pub(crate) async fn try_load(
        &self,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<DeliveryLoad>, WarehouseError> {
        self.warehouse.load(&self.key, deliveries).await
    }

    pub(crate) async fn load(&self, tables: &[(&str, &[Row])]) -> DeliveryLoad {
        self.try_load(vec![self.delivery("a_SYNTETISK.csv", tables)]).await.expect("a load")[0]
    }

    pub(crate) async fn try_erase(&self, sought: &[Sought]) -> Result<Erasure, WarehouseError> {
        self.warehouse.erase(std::slice::from_ref(&self.key), sought).await
    }

    /// The pointer as it is while the first load is under way.
    pub(crate) fn point_to_nothing(&self) {
        let id = crate::snapshot::snapshot_id(std::iter::empty());
        let pointer = crate::storage::pointer::Pointer { id, ..Default::default() };
        pointer.write(&LoadLock::wait(&self.warehouse.home).expect("the lock")).expect("written");
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        self.warehouse.snapshot().await.expect("a snapshot")
    }

    /// Every stored row of a table, in the order of the files.
    pub(crate) async fn rows(&self, table: &str) -> Vec<Stored> {
        self.rows_of(&self.snapshot().await, table)
    }

    /// The same of a snapshot.
    pub(crate) fn rows_of(&self, snapshot: &Snapshot, table: &str) -> Vec<Stored> {
        let schema = self.policy.table(table).expect("a table").file_schema();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let mut stored = Vec::new();
        for file in snapshot.tables[table].files.iter() {
            let batch = self.warehouse.home.columns(&file.path, &names).expect("a data file");
            assert_eq!(batch.schema(), schema, "the file has the declared types");
            for row in 0..batch.num_rows() {
                let mut of_row: Stored =
                    names.iter().map(|n| ((*n).to_owned(), value(&batch, n, row))).collect();
                of_row.insert("year".to_owned(), file.year.expect("a year").to_string());
                stored.push(of_row);
            }
        }
        stored
    }

    /// Every file of the tables with its content, but for the lock and the clock.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = BTreeSet::from([self.tables()]);
        while let Some(folder) = folders.pop_first() {
            for entry in std::fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.insert(path);
                } else if !path.ends_with(".lock") && !path.ends_with(".clock") {
                    let content = std::fs::read(&path).expect("a file");
                    found.insert(path, content);
                }
            }
        }
        found
    }
}

fn value(batch: &RecordBatch, name: &str, row: usize) -> String {
    let array = batch.column_by_name(name).expect("a column");
    if array.is_null(row) {
        return "null".to_owned();
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Date32 => array.as_primitive::<Date32Type>().value(row).to_string(),
        _ => hex(array.as_fixed_size_binary().value(row)),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
