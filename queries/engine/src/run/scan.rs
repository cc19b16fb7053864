//! The rows of one table, a year and shard, as the places of their fields: without plan, batches and texts.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::common::runtime::SpawnedTask;

use super::columns::Columns;
use super::error::RunError;
use super::fetch::{Fetched, Room, Wanted, begin, year_of};
use super::layout::{Layout, View};
use super::pages::Pages;
use super::runs::Runs;
use super::source::SnapshotTable;

/// Rows from which on a stretch is handed on, with those of the file that it ends in.
pub(super) const STRETCH: usize = 1 << 13;
/// Files that are fetched together: one after the other in a folder, where each takes less than handing it to another
/// thread.
const TOGETHER: usize = 16;
/// How many times as many are fetched while those before them are looked at.
const AHEAD: usize = 2;

/// Reading a file takes some 10 µs where the system has it, and longer than this where a disk or network has to be waited for. Then the
/// next files are fetched by other threads.
const SLOW: Duration = Duration::from_millis(1);

/// Rows in the order of their files: of one year, and all rows there are of a person in it.
#[derive(Default)]
pub(super) struct Stretch {
    pub(super) year: i64,
    pub(super) persons: Runs<[u8; 16]>,
    /// By field.
    pub(super) places: Vec<Vec<u32>>,
}

/// Reads fields of a table, stretch after stretch.
///
/// # Privacy
/// The rows come as the files have them. That a person-year's come together, and once, is checked by whoever takes them.
pub(super) struct Scan {
    table: SnapshotTable,
    columns: Arc<Columns>,
    wanted: Arc<Wanted>,
    /// The first file that was not asked for yet.
    next: usize,
    /// By file in a folder where its columns are, if it was read before.
    known: Vec<Option<Vec<Arc<Layout>>>>,
    /// Whether a file that is known had to be waited for all the same.
    is_slow: bool,
    ahead: VecDeque<SpawnedTask<Result<Vec<Fetched>, RunError>>>,
    fetched: VecDeque<Fetched>,
    room: Room,
    pages: Pages,
}

impl Scan {
    /// Of the columns that these names of fields are of.
    pub(super) fn new(
        table: &SnapshotTable,
        columns: &Arc<Columns>,
        names: &BTreeMap<&str, &str>,
    ) -> Result<Self, RunError> {
        let wanted = Wanted::new(table, columns, names)?;
        let in_folder = if table.store().is_none() { table.files() } else { &[] };
        Ok(Self {
            known: table.layouts().of_files(in_folder, &wanted.names),
            table: table.clone(),
            columns: columns.clone(),
            wanted: Arc::new(wanted),
            next: 0,
            is_slow: false,
            ahead: VecDeque::new(),
            fetched: VecDeque::new(),
            room: Room::default(),
            pages: Pages::default(),
        })
    }

    /// Puts the next rows in place of those that are there; says whether there were any left.
    pub(super) async fn next(&mut self, stretch: &mut Stretch) -> Result<bool, RunError> {
        stretch.persons.clear();
        stretch.places.resize_with(self.wanted.fields.len(), Vec::new);
        stretch.places.iter_mut().for_each(Vec::clear);
        while stretch.persons.rows() < STRETCH {
            self.fetch().await?;
            let read = if self.fetched.is_empty() { self.read(stretch)? } else { self.take(stretch)? };
            if !read {
                break;
            }
        }
        Ok(stretch.persons.rows() > 0)
    }

    /// Whether what a file in a folder says of its columns is known. Then it was read before, and most likely nothing waits for a
    /// disk: to read it takes less than handing it to another thread.
    fn is_known(&self, file: usize) -> bool {
        !self.is_slow && self.known.get(file).is_some_and(Option::is_some)
    }

    /// Has the next file here that must be waited for, if it is such a one that comes next.
    async fn fetch(&mut self) -> Result<(), RunError> {
        while self.fetched.is_empty() {
            while self.ahead.len() < AHEAD {
                let most = self.table.files().len().min(self.next + TOGETHER);
                let end = (self.next..most).find(|file| self.is_known(*file)).unwrap_or(most);
                if end == self.next {
                    break;
                }
                self.ahead.push_back(begin(self.table.part_of(self.next..end), &self.wanted)?);
                self.next = end;
            }
            self.is_slow = false;
            let Some(ahead) = self.ahead.pop_front() else { return Ok(()) };
            self.fetched = ahead.join().await.map_err(|_| RunError::Task)??.into();
        }
        Ok(())
    }

    /// Adds the rows of the next file, one that is known, if there is one and it is of the same year.
    fn read(&mut self, stretch: &mut Stretch) -> Result<bool, RunError> {
        let Self { table, columns, wanted, next, known, is_slow, room, pages, .. } = self;
        let Some((file, layouts)) = table.files().get(*next).zip(known.get_mut(*next)) else {
            return Ok(false);
        };
        if !goes_on(stretch, year_of(file)?) {
            return Ok(false);
        }
        *next += 1;
        let layouts = layouts.take().ok_or(RunError::Layout)?;
        let began = Instant::now();
        let read = room.read(file, &layouts);
        *is_slow = began.elapsed() > SLOW;
        let added = read.and_then(|parts| decode(&layouts, &parts, wanted, pages, columns, stretch));
        learn(table, wanted, &file.path, &layouts, false, added)
    }

    /// Adds the rows of the file that is here, if it is of the same year.
    fn take(&mut self, stretch: &mut Stretch) -> Result<bool, RunError> {
        match self.fetched.pop_front_if(|file| goes_on(stretch, file.year)) {
            Some(file) => self.added(&file, stretch),
            None => Ok(false),
        }
    }

    fn added(&mut self, file: &Fetched, stretch: &mut Stretch) -> Result<bool, RunError> {
        let Self { table, columns, wanted, pages, .. } = self;
        let added = decode(&file.layouts, &file.views(), wanted, pages, columns, stretch);
        learn(table, wanted, &file.path, &file.layouts, file.is_new, added)
    }
}

/// Keeps layouts that a file was read by. One that it could not be read by is of a damaged file, and may be wrong once that is
/// mended.
fn learn(
    table: &SnapshotTable,
    wanted: &Wanted,
    path: &Path,
    layouts: &[Arc<Layout>],
    is_new: bool,
    added: Result<(), RunError>,
) -> Result<bool, RunError> {
    match &added {
        Ok(()) if is_new => table.layouts().keep(path, &wanted.names, layouts),
        Ok(()) => {}
        Err(_) => table.layouts().forget(path),
    }
    added.map(|()| true)
}

/// Whether a file of this year goes on where a stretch ends; it begins one if there is none.
fn goes_on(stretch: &mut Stretch, year: i64) -> bool {
    if stretch.persons.rows() == 0 {
        stretch.year = year;
    }
    stretch.year == year
}

/// Adds the rows of a file.
fn decode(
    layouts: &[Arc<Layout>],
    parts: &[View<'_>],
    wanted: &Wanted,
    pages: &mut Pages,
    columns: &Columns,
    into: &mut Stretch,
) -> Result<(), RunError> {
    let layout = |column: usize| layouts.get(column).ok_or(RunError::Layout);
    pages.persons(layout(0)?, parts, &mut into.persons)?;
    let rows = into.persons.rows();
    for ((at, column), places) in wanted.fields.iter().enumerate().zip(&mut into.places) {
        match column {
            Some(column) => {
                let layout = layout(*column)?;
                let place = columns.place_of(at, layout.of)?;
                pages.places(layout, parts, place, columns.missing(at), places)?;
            }
            None => places.resize(rows, columns.place_of_number(at, into.year)),
        }
        if places.len() != rows {
            return Err(RunError::Layout);
        }
    }
    Ok(())
}
