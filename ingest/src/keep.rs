//! Where rows go while files are read.

use arrow::array::RecordBatch;

use crate::delivery::{FileDone, FileParts, Writer};
use crate::error::FileProblem;
use crate::file::{Account, Taker};
use crate::key::Pseudonym;

/// Keeps the rows of several files, each in a place of its own.
pub(crate) trait Keep: Sync {
    /// Takes the rows of one file.
    type File<'k>: Taker
    where
        Self: 'k;
    /// What there is of a file in the end.
    type Done: Send;

    fn file(&self, number: usize) -> Self::File<'_>;
    fn done(&self, file: Self::File<'_>, account: &Account) -> Result<Self::Done, FileProblem>;
}

/// Keeps nothing.
pub(crate) struct Nothing;

impl Taker for Nothing {
    fn rows(&mut self, _table: &str, _rows: &RecordBatch) -> Result<(), FileProblem> {
        Ok(())
    }

    fn withdrawn(&mut self, _table: &str, _records: &[Pseudonym]) -> Result<(), FileProblem> {
        Ok(())
    }
}

impl Keep for Nothing {
    type File<'k> = Self;
    type Done = ();

    fn file(&self, _number: usize) -> Self {
        Self
    }

    fn done(&self, _file: Self, _account: &Account) -> Result<(), FileProblem> {
        Ok(())
    }
}

impl Keep for Writer {
    type File<'k> = FileParts<'k>;
    type Done = FileDone;

    fn file(&self, number: usize) -> FileParts<'_> {
        Self::file(self, number)
    }

    fn done(&self, file: FileParts<'_>, account: &Account) -> Result<FileDone, FileProblem> {
        file.finish(&account.links)
    }
}
