//! What can go wrong in the warehouse.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::storage::bucket::without_answer;

/// A load or a snapshot that could not be done. No message holds a value of a row.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WarehouseError {
    /// A file or folder could not be used.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A delivery that breaks the policy. The whole call is refused: such a row is a mistake of the reader of
    /// exports, which should have put it in quarantine.
    #[error("the delivery {file} of {source_name} is refused: table {table}{}{}: {reason}", place(" column ", .column.as_deref()), place(" row ", .row.as_ref()))]
    Refused {
        /// The source.
        source_name: String,
        /// The file.
        file: String,
        /// The table.
        table: String,
        /// The column, when it is about one.
        column: Option<String>,
        /// The row in the delivery's table, from 1.
        row: Option<usize>,
        /// Why.
        reason: Refusal,
    },
    /// A Delta log that could not be read or written.
    #[error("the Delta log of table {table} cannot be {doing}: {}", without_answer(&source.to_string()))]
    Delta {
        /// The table.
        table: String,
        /// Read or written.
        doing: &'static str,
        /// Why not.
        source: Box<deltalake_core::DeltaTableError>,
    },
    /// A data file that could not be read or written.
    #[error("the data file {path} cannot be {doing}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Read or written.
        doing: &'static str,
        /// Why not.
        source: Box<parquet::errors::ParquetError>,
    },
    /// A table on disk with other columns than the policy.
    #[error(
        "table {table} was written with other columns than the policy declares; restore the policy it was written with, or load into a new installation"
    )]
    OtherColumns {
        /// The table.
        table: String,
    },
    /// A derived table on disk with other columns than the policy.
    #[error(
        "table {table} was derived with other columns than the policy declares; `skjerm warehouse derive` makes it anew from the rows that are loaded"
    )]
    DerivedOtherwise {
        /// The table.
        table: String,
    },
    /// A table whose files another version of the program split or ordered otherwise.
    #[error(
        "table {table} was written by a version of the program that splits or orders rows otherwise, on which answers and erasures rely; use that version, or load the deliveries into a new installation"
    )]
    OtherLayout {
        /// The table.
        table: String,
    },
    /// Something on disk is not as the warehouse leaves it.
    #[error("{path} is not as the warehouse wrote it: {what}; restore the installation from a copy")]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// Rows about to be committed are in the wrong place or order. Answers rely on both, so nothing is
    /// committed.
    #[error(
        "rows of table {table} for {year} would be stored {what}; nothing was committed. This is a fault of the program"
    )]
    Misplaced {
        /// The table.
        table: String,
        /// The year.
        year: i32,
        /// How they would be misplaced.
        what: &'static str,
    },
    /// A column of a derived table that no rule fills.
    #[error(
        "the policy's table {table} has the column {column}, which no rule derives; remove it, or add it to the tables it is to come from, with the same code list"
    )]
    Underivable {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Whether a round of a count is whole cannot be told.
    #[error(
        "the policy declares the table {rounds}, so its table {source_table} needs the columns {}, each with a closed list: only a round with a line for all of them counts",
        columns.join(", ")
    )]
    NoGrid {
        /// The table of the rounds.
        rounds: &'static str,
        /// The table they come from.
        source_table: &'static str,
        /// The columns it needs.
        columns: [&'static str; 3],
    },
    /// Somebody reads files that are to be deleted.
    #[error(
        "an older state of the tables has been read for more than {seconds} s, so its files were left; run the command again when that reader is done"
    )]
    StillRead {
        /// How long was waited.
        seconds: u64,
    },
    /// The warehouse holds a table that the policy does not declare.
    #[error(
        "the warehouse holds the table {table}, which the policy does not declare: its rows can be neither searched nor kept; declare it again, or load anything to drop it, and run the command again"
    )]
    Undeclared {
        /// The table.
        table: String,
    },
    /// The persons are out of the tables, but older files may be left.
    #[error(
        "the persons are out of the tables, but files with their rows may be left: {source}; run the same erasure again until it ends with a proof"
    )]
    Unproven {
        /// What came between.
        source: Box<WarehouseError>,
    },
    /// The key lacks the epoch that the tables are of.
    #[error(
        "the tables are hashed under epoch {number} (id {id}) of the warehouse key, which the key given does not hold (its newest is {newest}); put back the newest copy of the key file, or run the command again if the key was rotated just now"
    )]
    OtherEpoch {
        /// The epoch of the tables.
        number: u32,
        /// Its id.
        id: String,
        /// The newest epoch of the key given.
        newest: u32,
    },
    /// The key file is another one than a moment ago.
    #[error(
        "the key file {path} was exchanged for that of another key; nothing was rotated. Put the right one back"
    )]
    Exchanged {
        /// The key file.
        path: PathBuf,
    },
    /// The new epoch is in force, but older files may be left.
    #[error(
        "epoch {epoch} of the warehouse key is in force, but files under the one before may be left: {source}; run `skjerm warehouse compact` until it ends"
    )]
    Unswept {
        /// The epoch in force.
        epoch: u32,
        /// What came between.
        source: Box<WarehouseError>,
    },
    /// A key file that cannot be read or written.
    #[error(transparent)]
    Key(#[from] crate::keyfile::KeyFileError),
    /// Rows could not be put together.
    #[error("rows of table {table} cannot be put together: {source}")]
    Arrow {
        /// The table.
        table: String,
        /// Why not.
        source: Box<arrow::error::ArrowError>,
    },
    /// Tables cannot be kept where somebody said.
    #[error(transparent)]
    Storage(#[from] crate::StorageError),
    /// The installation cannot be made.
    #[error(transparent)]
    Installation(#[from] crate::InstallationError),
    /// Reference data that cannot be used.
    #[error(transparent)]
    Reference(#[from] crate::reference::ReferenceError),
    /// A worker was stopped before it had done its part.
    #[error("the load was interrupted; nothing was committed")]
    Interrupted,
}

/// Why a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The policy has no such table.
    #[error("the policy declares no such table")]
    UnknownTable,
    /// The table is derived by the warehouse.
    #[error("the warehouse derives this table from others, so it takes no rows of it")]
    DerivedTable,
    /// Columns differ from the policy's.
    #[error("the columns or their types differ from the policy's")]
    Columns,
    /// A column that must be filled is null.
    #[error("the value is missing")]
    Null,
    /// A code outside the closed list.
    #[error("the code is not in the policy's list")]
    UnknownCode,
    /// A measure outside its bounds.
    #[error("the value is outside the policy's bounds")]
    OutOfBounds,
    /// A year the policy does not declare.
    #[error("the year is not one the policy declares")]
    YearOutsidePolicy,
    /// A year older than the table is kept.
    #[error("the year is older than the policy lets the table be kept")]
    PastRetention,
    /// Year or month that differ from the date's.
    #[error("the value differs from that of the date")]
    NotOfDate,
}

fn place<T: std::fmt::Display>(what: &str, value: Option<T>) -> String {
    value.map_or_else(String::new, |value| format!(",{what}{value}"))
}

/// What to do about a disk or a folder that could not be written, by what lies at the bottom of an error.
pub fn disk_hint(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).find_map(|cause| match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Some(
            "make room there and run the same command again: what was stored before is whole, and what it had begun it does anew",
        ),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Some(
            "run the command as the user that owns the installation, on a disk that can be written: what was stored before is whole",
        ),
        _ => None,
    })
}

impl WarehouseError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    pub(crate) fn delta(
        table: &str,
        doing: &'static str,
    ) -> impl Fn(deltalake_core::DeltaTableError) -> Self + use<> {
        let table = table.to_owned();
        move |source| Self::Delta { table: table.clone(), doing, source: Box::new(source) }
    }

    pub(crate) fn file(
        path: &Path,
        doing: &'static str,
    ) -> impl Fn(parquet::errors::ParquetError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path: path.clone(), doing, source: Box::new(source) }
    }

    pub(crate) fn arrow(table: &str) -> impl Fn(arrow::error::ArrowError) -> Self + use<> {
        let table = table.to_owned();
        move |source| Self::Arrow { table: table.clone(), source: Box::new(source) }
    }

    pub(crate) fn damaged(path: &Path, what: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), what }
    }
}
