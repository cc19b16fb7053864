//! Which column is which field.

use crate::error::FileProblem;
use crate::mapping::Compiled;
use crate::read::{self, Sink};
use crate::reason::Reason;
use crate::spelling::fold;
use crate::values::Cell;

/// Rows above the header (titles, dates of export) that are put up with.
const SEARCHED: usize = 30;
/// A row with fewer known headers is no header: a single word may be one by chance.
const LEAST: usize = 2;

/// The header of a file, once found.
#[derive(Debug)]
pub(crate) struct Header {
    /// Field → column.
    pub(crate) columns: Vec<Option<usize>>,
    /// Fewest and most cells a row may have.
    pub(crate) width: (usize, usize),
}

impl Header {
    /// The header of rows whose columns are the mapping's fields.
    pub(crate) fn of_fields(mapping: &Compiled) -> Self {
        let fields = mapping.fields.len();
        Self { columns: (0..fields).map(Some).collect(), width: (fields, fields) }
    }

    /// Whether a row may have so many cells.
    pub(crate) fn fits(&self, cells: usize) -> bool {
        (self.width.0..=self.width.1).contains(&cells)
    }
}

/// Looks for the header from the top of a file.
pub(crate) struct Search<'a> {
    mapping: &'a Compiled,
    found: Option<Header>,
    rows: usize,
    /// How many headers were known in the best row so far, and what was wrong with it.
    best: Option<(usize, FileProblem)>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(mapping: &'a Compiled) -> Self {
        Self { mapping, found: None, rows: 0, best: None }
    }

    /// The header, when it is found.
    pub(crate) fn take(&mut self) -> Option<Header> {
        self.found.take()
    }

    /// The header, or why there is none.
    pub(crate) fn finish(self) -> Result<Header, FileProblem> {
        match (self.found, self.best) {
            (Some(header), _) => Ok(header),
            (None, Some((_, problem))) => Err(problem),
            (None, None) => {
                Err(FileProblem::NoHeader { searched: self.rows, expected: self.mapping.required() })
            }
        }
    }
}

impl Sink for Search<'_> {
    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), FileProblem> {
        let (known, outcome) = recognise(line, cells, self.mapping);
        match outcome {
            Ok(header) if known >= LEAST => self.found = Some(header),
            Ok(_) => {}
            Err(problem) => {
                if known >= LEAST && self.best.as_ref().is_none_or(|(before, _)| known > *before) {
                    self.best = Some((known, problem));
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    fn broken(&mut self, _line: u64, _reason: Reason) {
        // Above the header there are no rows yet.
    }

    fn fits(&self, _cells: usize) -> bool {
        true
    }

    fn has_enough(&self) -> bool {
        self.found.is_some() || self.rows >= SEARCHED
    }
}

fn recognise(line: u64, cells: &[Cell<'_>], mapping: &Compiled) -> (usize, Result<Header, FileProblem>) {
    let mut columns = vec![None; mapping.fields.len()];
    let mut unknown_at = Vec::new();
    let mut known = 0;
    let mut double = None;
    for (at, cell) in cells.iter().enumerate() {
        let Cell::Text(text) = cell else {
            unknown_at.push(at + 1);
            continue;
        };
        if text.trim().is_empty() {
            continue;
        }
        match mapping.headers.get(&fold(text)) {
            None => unknown_at.push(at + 1),
            Some(None) => known += 1,
            Some(Some(field)) => {
                known += 1;
                if let Some(before) = columns[*field].replace(at) {
                    double = Some((before, at, *field));
                }
            }
        }
    }
    if let Some((first, second, field)) = double {
        let field = mapping.fields[field].label.clone();
        let problem = FileProblem::DoubleHeader { line, first: first + 1, second: second + 1, field };
        return (known, Err(problem));
    }
    let seen: Vec<bool> = columns.iter().map(Option::is_some).collect();
    if let Err(problem) = check(line, mapping, &seen, unknown_at) {
        let twice = cells.iter().any(|cell| matches!(cell, Cell::Text(text) if read::is_encoded_twice(text)));
        return (known, Err(if twice { FileProblem::EncodedTwice { line } } else { problem }));
    }
    let least = cells.iter().rposition(|c| !c.is_empty()).map_or(0, |at| at + 1);
    (known, Ok(Header { columns, width: (least, cells.len().max(least)) }))
}

/// Refuses a file that lacks a required column.
fn check(line: u64, mapping: &Compiled, seen: &[bool], unknown_at: Vec<usize>) -> Result<(), FileProblem> {
    let labels = |wanted: &dyn Fn(bool, bool) -> bool| -> Vec<String> {
        let fields = mapping.fields.iter().zip(seen);
        fields.filter(|(f, seen)| wanted(f.required, **seen)).map(|(f, _)| f.label.clone()).collect()
    };
    let missing = labels(&|required, seen| required && !seen);
    if missing.is_empty() {
        return Ok(());
    }
    Err(FileProblem::MissingHeader { line, missing, found: labels(&|_, seen| seen), unknown_at })
}

/// Refuses JSON lines that never have a required field.
pub(crate) fn check_fields(mapping: &Compiled, seen: &[bool]) -> Result<(), FileProblem> {
    if seen.iter().filter(|seen| **seen).count() < LEAST {
        return Err(FileProblem::NoKeys { expected: mapping.required() });
    }
    check(1, mapping, seen, Vec::new())
}
