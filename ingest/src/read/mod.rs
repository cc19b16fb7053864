//! Files in, rows of cells out, whatever the format.
//!
//! # Privacy
//!
//! The bytes of a file and its decoded text are wiped when the reader is done. (The table of shared
//! texts inside the workbook library is freed, but not wiped.)

mod csv;
mod text;
mod workbook;

use std::fs;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{FileProblem, ListProblem};
use crate::mapping::Compiled;
use crate::reason::Reason;
use crate::values::Cell;

/// Who takes the rows of a file.
pub(crate) trait Sink {
    /// A row that is not blank. `line` is the line of a text (where the row begins) or the row of a sheet, from 1.
    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), FileProblem>;
    /// A row that cannot be split into cells.
    fn broken(&mut self, line: u64, reason: Reason);
    /// Whether a row may have this many cells. Anything goes until the header is known.
    fn fits(&self, cells: usize) -> bool;
}

/// Reads a file into a sink.
pub(crate) fn file(path: &Path, mapping: &Compiled, sink: &mut dyn Sink) -> Result<(), FileProblem> {
    let bytes = Zeroizing::new(fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FileProblem::Missing,
        io::ErrorKind::IsADirectory => FileProblem::NotAFile,
        _ => FileProblem::Io(error),
    })?);
    bytes_of(&bytes, mapping, sink)
}

/// Reads the bytes of a file into a sink.
pub(crate) fn bytes_of(bytes: &[u8], mapping: &Compiled, sink: &mut dyn Sink) -> Result<(), FileProblem> {
    if bytes.starts_with(b"PK\x03\x04") {
        return workbook::read(bytes, mapping, sink);
    }
    let text = text::decode(bytes, mapping.encoding)?;
    csv::read(&text, mapping.delimiter, sink)
}

/// Reads delimited text that no mapping describes into a sink.
pub(crate) fn text_of(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), FileProblem> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(FileProblem::List { line: 1, problem: ListProblem::Workbook });
    }
    csv::read(&text::decode(bytes, None)?, None, sink)
}

/// Checks what can be said of a file without reading it, and gives its size.
pub(crate) fn size(path: &Path) -> Result<u64, FileProblem> {
    let about = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FileProblem::Missing,
        _ => FileProblem::Io(error),
    })?;
    if !about.is_file() {
        return Err(FileProblem::NotAFile);
    }
    if about.len() == 0 { Err(FileProblem::Empty) } else { Ok(about.len()) }
}
