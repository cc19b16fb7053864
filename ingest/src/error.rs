//! Why an ingest was refused or failed. No message holds a value of a row.

use std::io;
use std::path::{Path, PathBuf};

use skjerm_warehouse::WarehouseError;
use thiserror::Error;

use crate::delivery::{DeliveryError, DeliveryProblem};
use crate::mapping::MappingError;

/// An ingest that did not happen. Nothing was written, unless it says so.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IngestError {
    /// Nothing to read.
    #[error("no file was given: name at least one export")]
    NoFiles,
    /// A source without a mapping.
    #[error("unknown source `{name}`: the known sources are {}", known.join(", "))]
    UnknownSource {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Files that cannot be read as a whole. Every such file is named.
    #[error("{}", refusal(.0))]
    Refused(Vec<FileError>),
    /// A list of persons to be taken out that cannot be used as a whole.
    #[error("nobody was taken out: {0}")]
    List(FileError),
    /// A mapping file that cannot be used.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The warehouse did not take the rows.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// The counts do not add up: a fault of this program.
    #[error(
        "the warehouse took {taken} of {offered} rows of {file}: this is a fault of the program, please report it"
    )]
    Unaccounted {
        /// The file.
        file: String,
        /// Rows given to the warehouse.
        offered: u64,
        /// Rows it says it took.
        taken: u64,
    },
    /// One key file stands in both places.
    #[error(
        "the linking key and the warehouse key are the same: the two sides of the pseudonymisation need a key each"
    )]
    SameKey,
    /// The warehouse was written with another key.
    #[error(
        "the {purpose} key here is {given}, but this warehouse was written with {written}: every person would get a second pseudonym and be counted twice"
    )]
    OtherKey {
        /// Which of the two keys.
        purpose: &'static str,
        /// Id of the key that the warehouse was written with.
        written: String,
        /// Id of the key that was given.
        given: String,
    },
    /// The note of the keys beside the tables could not be used.
    #[error("the note of the warehouse's keys {path} {problem}")]
    Custody {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A delivery that cannot be made or taken in.
    #[error("nothing was ingested: {0}")]
    Delivery(#[from] DeliveryError),
    /// What an ingest that was cut short left behind cannot be removed.
    #[error("nothing was ingested: what an earlier ingest left in {path} cannot be removed: {source}")]
    Leftovers {
        /// The installation's folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The rows are loaded, but the quarantine could not be written.
    #[error(
        "the rows are loaded, but the quarantine file {path} cannot be written ({source}): free space or correct permissions, and ingest the same files again"
    )]
    Quarantine {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl IngestError {
    pub(crate) fn leftovers(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Leftovers { path: path.to_owned(), source }
    }

    /// Whether the input was refused (exit code 2), as opposed to a fault (exit code 1).
    pub fn is_refusal(&self) -> bool {
        if let Self::Delivery(error) = self {
            return !matches!(error.problem, DeliveryProblem::Io(_) | DeliveryProblem::Rows(_));
        }
        matches!(
            self,
            Self::NoFiles
                | Self::UnknownSource { .. }
                | Self::Refused(_)
                | Self::List(_)
                | Self::Mapping(_)
                | Self::SameKey
                | Self::OtherKey { .. }
                | Self::Warehouse(WarehouseError::OtherEpoch { .. })
        )
    }

    /// What to do, where the message does not say it yet.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownSource { .. } => {
                Some("give one of them with --source, or write a mapping file for a new source".into())
            }
            Self::Refused(errors) => Some(errors.iter().map(FileError::advice).collect::<Vec<_>>().join(" ")),
            Self::Delivery(error) => Some(error.problem.advice().to_owned()),
            Self::List(error) => Some(error.problem.advice().to_owned()),
            Self::SameKey | Self::OtherKey { .. } => {
                Some("put the kept copies of this installation's keys back into its folder keys".into())
            }
            _ => None,
        }
    }
}

fn refusal(errors: &[FileError]) -> String {
    match errors {
        [one] => format!("nothing was ingested: {one}"),
        many => {
            let lines: Vec<String> = many.iter().map(|e| format!("\n  - {e}")).collect();
            format!("nothing was ingested: {} files cannot be read:{}", many.len(), lines.concat())
        }
    }
}

/// A file that cannot be read as a whole.
#[derive(Debug, Error)]
#[error("{}: {problem}{}", path.display(), likely_export(.likely.as_deref()))]
pub struct FileError {
    /// The file, as it was given.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: FileProblem,
    /// The one other source whose header it has.
    pub likely: Option<Box<str>>,
}

impl FileError {
    pub(crate) fn new(path: &Path, problem: FileProblem) -> Self {
        Self { path: path.to_owned(), problem, likely: None }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match &self.likely {
            Some(source) => format!("If it is one, name that source: --source {source}."),
            None => self.problem.advice().to_owned(),
        }
    }
}

fn likely_export(likely: Option<&str>) -> String {
    likely.map(|source| format!("; it looks like an export of `{source}`")).unwrap_or_default()
}

/// What is wrong with a file as a whole.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// It is not there.
    #[error("there is no such file")]
    Missing,
    /// It is a folder or a device.
    #[error("this is not a file")]
    NotAFile,
    /// It cannot be opened or read.
    #[error("the file cannot be read: {0}")]
    Io(io::Error),
    /// A folder without files.
    #[error("the folder holds no file")]
    EmptyFolder,
    /// The rows that were read cannot be kept.
    #[error("its rows cannot be written to the delivery: {0}")]
    Delivery(io::Error),
    /// It has no bytes, or only blanks.
    #[error("the file is empty")]
    Empty,
    /// It is neither text nor a workbook.
    #[error("this is {0}, not a CSV text, JSON lines or an XLSX workbook")]
    NotATable(&'static str),
    /// A workbook that cannot be opened, or breaks off.
    #[error(
        "the workbook is damaged or protected by a password (sheet row {row} was the last that could be read)"
    )]
    DamagedWorkbook {
        /// Last row read; 0 when none was.
        row: u64,
    },
    /// A workbook whose texts do not fit into memory.
    #[error(
        "the texts and formats of the workbook take more than {most} MB, which are held in memory at once"
    )]
    LargeWorkbook {
        /// The most that are read.
        most: u64,
    },
    /// No row looks like a header.
    #[error("no header row was found in the first {searched} rows; expected columns such as {}", expected.join(", "))]
    NoHeader {
        /// How many rows were looked at.
        searched: usize,
        /// Headers of the required columns.
        expected: Vec<String>,
    },
    /// No row that is surely a header, to propose a mapping from.
    #[error(
        "no row of the first {searched} is surely a header: words without digits, above rows with digits"
    )]
    NoGuess {
        /// How many rows were looked at.
        searched: usize,
    },
    /// JSON lines that hold nothing of the mapping's.
    #[error("no object in the file has keys of this source; expected are keys such as {}", expected.join(", "))]
    NoKeys {
        /// Headers of the required columns.
        expected: Vec<String>,
    },
    /// A header whose letters were encoded twice.
    #[error("in the header in line {line}, letters such as æ, ø and å were encoded twice (ø looks like Ã¸)")]
    EncodedTwice {
        /// Line or row of the header.
        line: u64,
    },
    /// A required column is not there.
    #[error(
        "the header in line {line} has no column {}; recognised were {}{}",
        missing.join(", "), found.join(", "), unrecognised(.unknown_at)
    )]
    MissingHeader {
        /// Line or row of the header.
        line: u64,
        /// The missing columns, as the mapping spells them first.
        missing: Vec<String>,
        /// The columns that were recognised, as the mapping spells them first.
        found: Vec<String>,
        /// Positions (from 1) of columns with a header the mapping does not know. Not their texts: in a file
        /// without a header, those would be somebody's data.
        unknown_at: Vec<usize>,
    },
    /// A list of persons with a line that cannot be used.
    #[error("line {line}: {problem}")]
    List {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: ListProblem,
    },
    /// Two columns mean the same field.
    #[error("the columns {first} and {second} of the header in line {line} both mean {field}")]
    DoubleHeader {
        /// Line or row of the header.
        line: u64,
        /// Position (from 1) of one.
        first: usize,
        /// Position of the other.
        second: usize,
        /// The column, as the mapping spells it first.
        field: String,
    },
}

impl FileProblem {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Missing | Self::NotAFile | Self::EmptyFolder => "Check the path.",
            Self::Io(_) | Self::Delivery(_) => "Check the permissions and the disk.",
            Self::Empty => "Export again.",
            Self::NotATable(_) | Self::DamagedWorkbook { .. } => {
                "Export again as CSV, or save as XLSX without a password."
            }
            Self::LargeWorkbook { .. } => {
                "Save the sheet as CSV (UTF-8), which may be of any size, or split it into several workbooks."
            }
            Self::NoGuess { .. } => "Put a row with the names of the columns above the rows.",
            Self::NoHeader { .. } => {
                "Check that a row with the names of the columns stands above the rows, and that the file belongs to the source that was named."
            }
            Self::NoKeys { .. } => "Check that the file belongs to the source that was named.",
            Self::EncodedTwice { .. } => {
                "Export again, and give the file as it came: a program that took it for another encoding saved it anew."
            }
            Self::MissingHeader { .. } => {
                "Check that the file belongs to the source that was named. If it does, export the column too, or add its header to the source's mapping file."
            }
            Self::DoubleHeader { .. } => "Remove or rename one of them.",
            Self::List { .. } => {
                "Correct the line, or clear the cells that are not to be used, and give the whole list again."
            }
        }
    }
}

/// What is wrong with a line of a list of persons. Says nothing of what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ListProblem {
    /// A workbook.
    #[error("this is a workbook; save the list as CSV")]
    Workbook,
    /// No header that identifies anybody.
    #[error(
        "the header names nothing that identifies a person: it needs Fødselsnummer, or Navn (or Fornavn and Etternavn) and Fødselsdato, or Kilde and Klientnummer"
    )]
    Header,
    /// A header that the list does not know.
    #[error(
        "the header of column {column} is none of Fødselsnummer, Navn, Fornavn, Etternavn, Fødselsdato, Kilde and Klientnummer; rename the column, or remove it if it does not say who is meant"
    )]
    Unread {
        /// Which column, from 1.
        column: usize,
    },
    /// A column twice.
    #[error("two columns of the header mean the same")]
    Twice,
    /// No line below the header.
    #[error("the list names nobody")]
    Nobody,
    /// Another number of fields than the header, an open quote, or damaged bytes.
    #[error("the line has more or fewer fields than the header, or is damaged")]
    Line,
    /// Nothing is filled in.
    #[error("nothing in the line identifies a person")]
    Person,
    /// Not an identity number.
    #[error("this is no identity number")]
    Number,
    /// Control digits do not match.
    #[error("the control digits of the identity number do not match")]
    CheckDigit,
    /// A name without a birth date, or the reverse.
    #[error("a name and a birth date identify together: one of them is missing")]
    NameOrBirth,
    /// A name of one part.
    #[error("the name needs a given and a family name")]
    Name,
    /// Not a date.
    #[error("the birth date is no date: write it as dd.mm.yyyy or yyyy-mm-dd")]
    Birth,
    /// A source without a client number, or the reverse.
    #[error("a source and its client number identify together: one of them is missing")]
    SourceOrClient,
    /// A source without a mapping.
    #[error("the source is unknown: known are {}", known.join(", "))]
    Source {
        /// What there is.
        known: Vec<String>,
    },
}

fn unrecognised(at: &[usize]) -> String {
    match at {
        [] => String::new(),
        at => {
            let numbers: Vec<String> = at.iter().map(ToString::to_string).collect();
            format!("; not recognised: column {}", numbers.join(", "))
        }
    }
}
