//! The Delta log of each table.
//!
//! `deltalake-core` without its `datafusion` feature has no writer of data, but all of the log: it creates
//! tables, replays logs and commits actions. The Parquet files are written here, and committed as `Add` and
//! `Remove` actions. Any Delta reader can read the log: the partition value `year` is a string in
//! `partitionValues`, as the protocol asks, and no table feature beyond the basic protocol is used.
//!
//! Delta knows `binary` of any length only, so the log says `binary` for pseudonyms, while the files hold
//! `FIXED_LEN_BYTE_ARRAY(16)`, which `DataFusion` groups by quickly. Readers that insist on the log's type
//! when reading those two columns (the Delta kernel is one) refuse them; nothing but the engine is meant to read
//! them. `Add` actions carry no statistics.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{
    Action, Add, DataType, MetadataExt, PrimitiveType, Remove, StructField, StructType,
};
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use futures::TryStreamExt;
use url::Url;

use super::home::Home;
use super::parquet::order_columns;
use super::{StoredFile, TableFiles, span_of_path, split};
use crate::WarehouseError;
use crate::derive;
use crate::policy::{ColumnRole, Table};

/// The partition column of every table.
const YEAR: &str = "year";
/// Under this name a table's properties and each of its commits say how rows are split and ordered.
const LAYOUT: &str = "skjerm.layout";

/// A table's log at a version.
#[derive(Debug)]
pub(crate) struct TableLog {
    folder: PathBuf,
    name: String,
    store: LogStoreRef,
    delta: Option<DeltaTable>,
    live: Vec<Live>,
}

/// A file that a version names.
#[derive(Debug)]
struct Live {
    path: String,
    bytes: u64,
    year: Option<String>,
}

impl TableLog {
    /// Opens a table's log at a version, or at the newest; one that does not exist yet has no files.
    pub(crate) async fn open(
        home: &Home,
        table: &Table,
        version: Option<u64>,
    ) -> Result<Self, WarehouseError> {
        let log = Self::as_written(home, table, version).await?;
        if log.has_columns_of(table)? {
            return Ok(log);
        }
        let table = table.name.clone();
        Err(if derive::is_derived(&table) {
            WarehouseError::DerivedOtherwise { table }
        } else {
            WarehouseError::OtherColumns { table }
        })
    }

    /// The same, whatever columns it was written with: for what makes its files anew.
    pub(crate) async fn as_written(
        home: &Home,
        table: &Table,
        version: Option<u64>,
    ) -> Result<Self, WarehouseError> {
        let (folder, name) = (home.root().join(&table.name), table.name.clone());
        let log = folder.join("_delta_log");
        let begun = match home {
            Home::Folder(_) => log.is_dir(),
            Home::Bucket(bucket) => bucket.has_any(&log).await.map_err(WarehouseError::io("read", &log))?,
        };
        let store = log_store(home, &folder, &name)?;
        if !begun {
            return match version {
                None => Ok(Self { folder, name, store, delta: None, live: Vec::new() }),
                Some(_) => Err(WarehouseError::damaged(&folder, "the table's log is missing")),
            };
        }
        let failed = WarehouseError::delta(&name, "read");
        let mut delta = DeltaTable::new(store.clone());
        let loaded = match version {
            Some(version) => delta.load_version(version).await,
            None => delta.load().await,
        };
        let delta = match loaded {
            Ok(()) => Some(delta),
            // A loader was stopped between making the folder and the first commit.
            Err(DeltaTableError::NotATable(_)) if version.is_none() => None,
            Err(error) => return Err(failed(error)),
        };
        let mut log = Self { folder, name, store, delta, live: Vec::new() };
        log.same_layout(table)?;
        log.live = log.adds().await?;
        Ok(log)
    }

    /// The same, if no later version was committed since.
    pub(crate) async fn if_newest(self) -> Result<Option<Self>, WarehouseError> {
        let Some(version) = self.delta.as_ref().and_then(DeltaTable::version) else { return Ok(None) };
        let newest = self.store.get_latest_version(version).await;
        let newest = newest.map_err(WarehouseError::delta(&self.name, "read"))?;
        Ok((newest == version).then_some(self))
    }

    /// The table's files at this version.
    pub(crate) fn files(&self) -> Result<TableFiles, WarehouseError> {
        let mut found = TableFiles::new();
        for Live { path, bytes, year } in &self.live {
            let damaged = |what| WarehouseError::damaged(&self.folder.join(path), what);
            let year = year.as_ref().and_then(|year| year.parse::<i32>().ok());
            let year = year.ok_or_else(|| damaged("it has no year"))?;
            let span = span_of_path(path).ok_or_else(|| damaged("its name says no persons"))?;
            if found.insert((year, span), StoredFile { path: path.clone(), bytes: *bytes }).is_some() {
                return Err(damaged("its year and persons have another file, too"));
            }
        }
        let two = found.iter().zip(found.keys().skip(1));
        let mut meet =
            two.filter(|(((year, span), _), next)| *year == next.0 && span.last() >= next.1.first());
        match meet.next() {
            Some(((_, file), _)) => Err(WarehouseError::damaged(
                &self.folder.join(&file.path),
                "another file of its year has persons of it, too",
            )),
            None => Ok(found),
        }
    }

    async fn adds(&self) -> Result<Vec<Live>, WarehouseError> {
        let Some(delta) = &self.delta else { return Ok(Vec::new()) };
        let failed = WarehouseError::delta(&self.name, "read");
        let snapshot = delta.snapshot().map_err(&failed)?.snapshot();
        let store = delta.log_store();
        let views = snapshot.file_views(&store, None);
        let adds = views.map_ok(|view| Live {
            year: view.partition_values_map().remove(YEAR).flatten(),
            path: view.path().into_owned(),
            bytes: u64::try_from(view.size()).unwrap_or_default(),
        });
        adds.try_collect().await.map_err(&failed)
    }

    /// Commits whatever makes the live files these, and gives the version. Files that a stopped loader committed
    /// are taken out again on the way. The caller makes [`commit_file`] durable.
    pub(crate) async fn commit(self, table: &Table, files: &TableFiles) -> Result<u64, WarehouseError> {
        let now = jiff::Timestamp::now().as_millisecond();
        let live: HashSet<&str> = self.live.iter().map(|file| file.path.as_str()).collect();
        let wanted: HashSet<&str> = files.values().map(|file| file.path.as_str()).collect();
        let gone = self.live.iter().filter(|file| !wanted.contains(file.path.as_str()));
        let mut actions: Vec<Action> = gone.map(|file| remove(file, now)).collect();
        let new = files.iter().filter(|(_, file)| !live.contains(file.path.as_str()));
        actions.extend(new.map(|((year, _), file)| add(&file.path, file.bytes, *year, now)));
        let failed = WarehouseError::delta(&self.name, "written");
        if let (Some(delta), false) = (&self.delta, self.has_columns_of(table)?) {
            let schema = StructType::try_new(columns(table)).map_err(|error| failed(error.into()))?;
            let metadata = delta.snapshot().map_err(&failed)?.metadata().clone();
            let metadata = metadata.with_schema(&schema).map_err(|error| failed(error.into()))?;
            actions.push(Action::Metadata(metadata));
        }
        // No retries: under the loaders' lock a conflict means that something else writes here.
        let properties = || {
            // True of every file that the commit adds: [`super::parquet`] has checked its bytes.
            let layout = [(LAYOUT.to_owned(), layout(table).into())];
            let own = CommitProperties::default().with_max_retries(0).with_metadata(layout);
            // Old versions stay, so that a snapshot taken before stays readable.
            own.with_cleanup_expired_logs(Some(false))
        };
        let version = match &self.delta {
            Some(delta) if actions.is_empty() => delta.version().unwrap_or_default(),
            Some(delta) => {
                let operation = DeltaOperation::Write {
                    mode: SaveMode::Overwrite,
                    partition_by: Some(vec![YEAR.to_owned()]),
                    predicate: None,
                };
                let state = delta.snapshot().map_err(&failed)?;
                let commit = CommitBuilder::from(properties()).with_actions(actions);
                let commit = commit.build(Some(state), delta.log_store(), operation);
                let written = commit.into_prepared_commit_future().await.map_err(&failed)?;
                // Without what comes after a commit: it would read the log again, and make a checkpoint now and then, which
                // could outlive the commit that it is of where a load was stopped.
                written.await.map_err(&failed)?.version
            }
            None => {
                let create = CreateBuilder::new()
                    .with_log_store(self.store.clone())
                    .with_table_name(&self.name)
                    .with_columns(columns(table))
                    .with_partition_columns([YEAR])
                    .with_configuration([(LAYOUT, Some(layout(table)))])
                    .with_raise_if_key_not_exists(false)
                    .with_save_mode(SaveMode::ErrorIfExists)
                    .with_actions(actions)
                    .with_commit_properties(properties());
                create.await.map_err(&failed)?.version().unwrap_or_default()
            }
        };
        Ok(version)
    }

    /// Whether it was written with the columns that the policy declares.
    pub(crate) fn has_columns_of(&self, table: &Table) -> Result<bool, WarehouseError> {
        let Some(delta) = &self.delta else { return Ok(true) };
        let schema = delta.snapshot().map_err(WarehouseError::delta(&self.name, "read"))?.schema();
        let stored: BTreeMap<&str, (&DataType, bool)> =
            schema.fields().map(|f| (f.name().as_str(), (f.data_type(), f.is_nullable()))).collect();
        let declared = columns(table);
        Ok(stored.len() == declared.len()
            && declared
                .iter()
                .all(|f| stored.get(f.name().as_str()) == Some(&(f.data_type(), f.is_nullable()))))
    }

    /// The columns it was written with.
    pub(crate) fn column_names(&self) -> Result<Vec<String>, WarehouseError> {
        let Some(delta) = &self.delta else { return Ok(Vec::new()) };
        let schema = delta.snapshot().map_err(WarehouseError::delta(&self.name, "read"))?.schema();
        Ok(schema.fields().map(|field| field.name().clone()).collect())
    }

    /// The engine relies on split and order: files of another layout are not read.
    fn same_layout(&self, table: &Table) -> Result<(), WarehouseError> {
        let Some(delta) = &self.delta else { return Ok(()) };
        let snapshot = delta.snapshot().map_err(WarehouseError::delta(&self.name, "read"))?;
        let same = snapshot.metadata().configuration().get(LAYOUT) == Some(&layout(table));
        if same { Ok(()) } else { Err(WarehouseError::OtherLayout { table: self.name.clone() }) }
    }
}

/// How the rows of a table are split into files and ordered in them.
fn layout(table: &Table) -> String {
    let order = order_columns(table);
    let first = order.first().copied().unwrap_or_default();
    let order = order.join(", ");
    let (most, rule) = (split::most(table), split::RULE);
    format!("split by year and ranges of {first}, of {most} rows at most ({rule}); ordered by {order}")
}

/// The file of a commit in a table's folder.
pub(crate) fn commit_file(folder: &Path, version: u64) -> PathBuf {
    folder.join("_delta_log").join(format!("{version:020}.json"))
}

/// The columns as Delta declares them.
fn columns(table: &Table) -> Vec<StructField> {
    let field = |name: &str, role: &ColumnRole| {
        let primitive = match role {
            ColumnRole::Person | ColumnRole::Record => PrimitiveType::Binary,
            ColumnRole::Year | ColumnRole::Month | ColumnRole::Measure { .. } => PrimitiveType::Long,
            ColumnRole::Date => PrimitiveType::Date,
            ColumnRole::Dimension { .. } => PrimitiveType::String,
        };
        StructField::new(name, DataType::Primitive(primitive), role.nullable())
    };
    table.columns.iter().map(|c| field(&c.name, &c.role)).collect()
}

fn partition(year: Option<String>) -> HashMap<String, Option<String>> {
    HashMap::from([(YEAR.to_owned(), year)])
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn add(path: &str, bytes: u64, year: i32, now: i64) -> Action {
    Action::Add(Add {
        path: path.to_owned(),
        partition_values: partition(Some(year.to_string())),
        size: signed(bytes),
        modification_time: now,
        data_change: true,
        ..Add::default()
    })
}

fn remove(file: &Live, now: i64) -> Action {
    Action::Remove(Remove {
        path: file.path.clone(),
        data_change: true,
        deletion_timestamp: Some(now),
        extended_file_metadata: Some(true),
        partition_values: Some(partition(file.year.clone())),
        size: Some(signed(file.bytes)),
        ..Remove::default()
    })
}

/// Who reads and writes the log of a table.
fn log_store(home: &Home, folder: &Path, table: &str) -> Result<LogStoreRef, WarehouseError> {
    if let Home::Bucket(bucket) = home {
        return bucket.log_store(folder).map_err(WarehouseError::io("open", folder));
    }
    let failed = WarehouseError::delta(table, "opened");
    let url = Url::from_directory_path(folder)
        .map_err(|()| WarehouseError::damaged(folder, "its path is not absolute"))?;
    DeltaTableBuilder::from_url(url).and_then(|builder| builder.build_storage()).map_err(failed)
}
