//! Files in, rows of cells out, whatever the format.
//!
//! # Privacy
//!
//! The text of a file is read in blocks, whose buffers are wiped when the reader is done. (The texts of a workbook
//! and of escaped JSON pass through buffers of the libraries, which are freed, but not wiped.)

mod blocks;
mod csv;
mod json;
mod text;
mod workbook;

use std::fs;
use std::io::{Cursor, Read, Seek};
use std::path::Path;

pub(crate) use blocks::{Block, Blocks, Spare};
pub(crate) use csv::{Layout, guess_delimiter, is_encoded_twice, read as read_rows, whole_rows};
pub(crate) use json::Lines;
pub(crate) use text::{Survey, survey};
pub(crate) use workbook::read as read_workbook;

use crate::error::{FileProblem, ListProblem};
use crate::reason::Reason;
use crate::values::Cell;

/// Where bytes come from: a file, or memory.
pub(crate) trait Input: Read + Seek + Send {}

impl<T: Read + Seek + Send> Input for T {}

/// Who takes the rows of a file.
pub(crate) trait Sink {
    /// A row that is not blank. `line` is the line of a text (where the row begins) or the row of a sheet, from 1.
    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), FileProblem>;
    /// A row that cannot be split into cells.
    fn broken(&mut self, line: u64, reason: Reason);
    /// Whether a row may have this many cells. Anything goes until the header is known.
    fn fits(&self, cells: usize) -> bool;
    /// Whether no more rows are wanted.
    fn has_enough(&self) -> bool {
        false
    }
}

/// Whether these are the first bytes of a workbook.
pub(crate) fn is_workbook(source: &mut dyn Input) -> Result<bool, FileProblem> {
    let mut head = Vec::new();
    Read::take(&mut *source, 38).read_to_end(&mut head).map_err(FileProblem::Io)?;
    source.rewind().map_err(FileProblem::Io)?;
    let is_archive = head.starts_with(b"PK\x03\x04");
    // Such a file begins with a part of this name.
    if is_archive && head.ends_with(b"mimetype") {
        return Err(FileProblem::NotATable("an OpenDocument file (.ods)"));
    }
    Ok(is_archive)
}

impl Survey {
    /// How the rows of a text are written, whose first block this is.
    pub(crate) fn layout(&self, declared: Option<u8>, text: &[u8]) -> Layout {
        let delimiter = declared.unwrap_or_else(|| guess_delimiter(text));
        Layout { delimiter, one_byte: self.encoding.is_single_byte() }
    }
}

/// Reads delimited text that no mapping describes into a sink.
pub(crate) fn text_of(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), FileProblem> {
    let source = &mut Cursor::new(bytes);
    if is_workbook(source)? {
        return Err(FileProblem::List { line: 1, problem: ListProblem::Workbook });
    }
    let survey = survey(source, None)?;
    let spare = Spare::of(&survey);
    let mut blocks = Blocks::open(source, &survey, &spare)?;
    let layout = survey.layout(None, blocks.text(&|_| ())?);
    loop {
        let whole = |text: &[u8]| whole_rows(text, layout, &|cells| sink.fits(cells));
        let Some(block) = blocks.next(&whole, &|_| ())? else { return Ok(()) };
        read_rows(&block.text, layout, block.line, sink)?;
        spare.give_back(block);
    }
}

/// Checks what can be said of a file without reading it, and gives its size.
pub(crate) fn size(path: &Path) -> Result<u64, FileProblem> {
    let about = fs::metadata(path).map_err(problem)?;
    if !about.is_file() {
        return Err(FileProblem::NotAFile);
    }
    if about.len() == 0 { Err(FileProblem::Empty) } else { Ok(about.len()) }
}

/// What is wrong with a path.
pub(crate) fn problem(error: std::io::Error) -> FileProblem {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileProblem::Missing,
        ErrorKind::IsADirectory => FileProblem::NotAFile,
        _ => FileProblem::Io(error),
    }
}
