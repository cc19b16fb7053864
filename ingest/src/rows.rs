//! Rows of cells in, pieces of tables out.

use std::collections::HashMap;

use arrow::error::ArrowError;
use jiff::civil::Date;
use skjerm_warehouse::policy::{Policy, YearRange};
use skjerm_warehouse::rounds::Grid;

use crate::error::FileProblem;
use crate::header::Header;
use crate::key::{LinkingKey, Message, Pseudonym};
use crate::mapping::Compiled;
use crate::read::Sink;
use crate::reason::Reason;
use crate::row::{Refusal, Row};
use crate::table::{Builder, Rows, Value};
use crate::values::Cell;

/// What holds for every row of a file.
pub(crate) struct Rules<'a> {
    pub(crate) mapping: &'a Compiled,
    pub(crate) key: &'a LinkingKey,
    pub(crate) years: YearRange,
    /// The first year that each table may still hold.
    pub(crate) oldest: Vec<Option<i32>>,
    /// The lines a form of a count must have.
    pub(crate) grid: Option<Grid>,
    pub(crate) today: Date,
}

impl<'a> Rules<'a> {
    pub(crate) fn new(mapping: &'a Compiled, policy: &Policy, key: &'a LinkingKey, today: Date) -> Self {
        let oldest = |name: &str| policy.table(name).and_then(|table| table.oldest_kept(today));
        Self {
            mapping,
            key,
            years: policy.years,
            oldest: mapping.tables.iter().map(|table| oldest(&table.name)).collect(),
            grid: Grid::new(policy),
            today,
        }
    }
}

/// Somebody known by number, and the client number a source has for them: rows under the one are theirs, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Link {
    pub(crate) client: Pseudonym,
    pub(crate) person: Pseudonym,
}

/// What some rows of a file became.
#[derive(Default)]
pub(crate) struct Piece {
    pub(crate) read: u64,
    pub(crate) rows: Vec<Rows>,
    /// Records that go, by place of their table in the mapping.
    pub(crate) withdrawn: Vec<Vec<Pseudonym>>,
    /// One and the same as often as it is met.
    pub(crate) links: Vec<Link>,
    pub(crate) quarantined: Vec<(u64, Refusal)>,
}

/// What texts of cells mean. As many are remembered as [`crate::row`] allows, so no choice of texts makes it slow.
pub(crate) type Met<T> = HashMap<Box<str>, T, foldhash::fast::RandomState>;

/// Rows of a file, while they are read.
pub(crate) struct FileRows<'a> {
    pub(crate) rules: &'a Rules<'a>,
    pub(crate) header: &'a Header,
    pub(crate) builders: Vec<Builder<'a>>,
    pub(crate) withdrawn: Vec<Vec<Pseudonym>>,
    pub(crate) links: Vec<Link>,
    /// Field → text → code, as met in this file.
    pub(crate) met: Vec<Met<Option<u16>>>,
    /// Text → table, as met in this file.
    pub(crate) routes: Met<Option<usize>>,
    pub(crate) values: Vec<Value>,
    pub(crate) message: Message,
    read: u64,
    quarantined: Vec<(u64, Refusal)>,
}

impl<'a> FileRows<'a> {
    pub(crate) fn new(rules: &'a Rules<'a>, header: &'a Header) -> Self {
        let mapping = rules.mapping;
        Self {
            rules,
            header,
            builders: mapping.tables.iter().map(Builder::new).collect(),
            withdrawn: vec![Vec::new(); mapping.tables.len()],
            links: Vec::new(),
            met: mapping.fields.iter().map(|_| Met::default()).collect(),
            routes: Met::default(),
            values: Vec::new(),
            message: Message::default(),
            read: 0,
            quarantined: Vec::new(),
        }
    }

    /// Rows since the last piece.
    pub(crate) fn len(&self) -> u64 {
        self.read
    }

    /// What became of the rows since the last piece.
    pub(crate) fn take(&mut self) -> Result<Piece, FileProblem> {
        let failed = |error: ArrowError| FileProblem::Io(std::io::Error::other(error));
        let mut rows = Vec::new();
        for builder in &mut self.builders {
            rows.extend(builder.finish().map_err(failed)?);
        }
        Ok(Piece {
            read: std::mem::take(&mut self.read),
            rows,
            withdrawn: self.withdrawn.iter_mut().map(std::mem::take).collect(),
            links: std::mem::take(&mut self.links),
            quarantined: std::mem::take(&mut self.quarantined),
        })
    }
}

impl Sink for FileRows<'_> {
    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), FileProblem> {
        self.read += 1;
        let header = self.header;
        if let Err(refusal) = (Row { cells, header, file: self }).take(line) {
            self.quarantined.push((line, refusal));
        }
        Ok(())
    }

    fn broken(&mut self, line: u64, reason: Reason) {
        self.read += 1;
        self.quarantined.push((line, (None, reason)));
    }

    fn fits(&self, cells: usize) -> bool {
        self.header.fits(cells)
    }
}
