//! Which column is which field.

use crate::error::FileProblem;
use crate::mapping::Compiled;
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

/// Looks for the header from the top of a file.
#[derive(Default)]
pub(crate) struct Search {
    rows: usize,
    /// How many headers were known in the best row so far, and what was wrong with it.
    best: Option<(usize, FileProblem)>,
}

impl Search {
    /// Looks at a row: the header, or nothing yet, or that it is no use to go on.
    pub(crate) fn look(
        &mut self,
        line: u64,
        cells: &[Cell<'_>],
        mapping: &Compiled,
    ) -> Result<Option<Header>, FileProblem> {
        let (known, outcome) = recognise(line, cells, mapping);
        match outcome {
            Ok(header) if known >= LEAST => return Ok(Some(header)),
            Ok(_) => {}
            Err(problem) => {
                if known >= LEAST && self.best.as_ref().is_none_or(|(before, _)| known > *before) {
                    self.best = Some((known, problem));
                }
            }
        }
        self.rows += 1;
        if self.rows < SEARCHED { Ok(None) } else { Err(self.failed(mapping)) }
    }

    /// Why no header was found.
    pub(crate) fn failed(&mut self, mapping: &Compiled) -> FileProblem {
        match self.best.take() {
            Some((_, problem)) => problem,
            None => FileProblem::NoHeader { searched: self.rows, expected: mapping.required() },
        }
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
    let label = |(field, _): (usize, &Option<usize>)| mapping.fields[field].label.clone();
    let missing: Vec<String> = columns
        .iter()
        .enumerate()
        .filter(|(field, column)| column.is_none() && mapping.fields[*field].required)
        .map(label)
        .collect();
    if !missing.is_empty() {
        let found = columns.iter().enumerate().filter(|(_, column)| column.is_some()).map(label).collect();
        return (known, Err(FileProblem::MissingHeader { line, missing, found, unknown_at }));
    }
    let least = cells.iter().rposition(|c| !c.is_empty()).map_or(0, |at| at + 1);
    (known, Ok(Header { columns, width: (least, cells.len().max(least)) }))
}
