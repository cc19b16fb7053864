//! One file from its first byte to its last: the header, then rows in pieces, in the order they stand.
//!
//! A large text is read by several threads: one cuts it into blocks of whole rows, others make pieces of tables of them,
//! and the pieces are handed on in order. So the memory needed does not grow with the file.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::error::ArrowError;
use skjerm_warehouse::rounds::OBSERVATIONS;

use crate::error::FileProblem;
use crate::header::{Header, Search};
use crate::key::Pseudonym;
use crate::mapping::Compiled;
use crate::quality::Tally;
use crate::read::{self, Block, Blocks, Input, Layout, Lines, Sink, Spare, Survey};
use crate::reason::Reason;
use crate::row::Refusal;
use crate::rows::{FileRows, Link, Piece, Rules};
use crate::table::{Rows, plain};
use crate::values::Cell;

/// Rows of a workbook that make a piece.
const PIECE: u64 = 8192;

/// Who takes the rows of a file, in the order they stand.
pub(crate) trait Taker {
    /// Rows of a table.
    fn rows(&mut self, table: &str, rows: &RecordBatch) -> Result<(), FileProblem>;
    /// Records that go from a table.
    fn withdrawn(&mut self, table: &str, records: &[Pseudonym]) -> Result<(), FileProblem>;
}

/// What became of the rows of a file.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) read: u64,
    /// Rows that were taken, also those that withdraw one.
    pub(crate) usable: u64,
    /// Of these, rows that withdraw one.
    pub(crate) withdrawn: u64,
    pub(crate) quarantined: Vec<(u64, Refusal)>,
    /// In order, each once.
    pub(crate) links: Vec<Link>,
    pub(crate) tally: Tally,
}

/// How far the reading of a file has come since it was told last.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    /// Bytes that were read.
    Bytes(u64),
    /// Rows that were looked at.
    Rows(u64),
}

/// Reads a file. `tell` is told how far it has come.
pub(crate) fn read(
    source: &mut dyn Input,
    rules: &Rules<'_>,
    workers: usize,
    tell: &(dyn Fn(Told) + Sync),
    taker: &mut dyn Taker,
) -> Result<Account, FileProblem> {
    let mut collector = Collector {
        rules,
        taker,
        tell,
        account: Account::default(),
        links: HashSet::default(),
        rounds: Vec::new(),
    };
    if read::is_workbook(source)? {
        workbook(source, rules, &mut collector)?;
        return collector.finish();
    }
    let survey = read::survey(source, rules.mapping.encoding)?;
    let spare = Spare::of(&survey);
    let blocks = Blocks::open(source, &survey, &spare)?;
    let advance = &|bytes| tell(Told::Bytes(bytes));
    let pipe = Pipe { workers, spare: &spare, advance };
    if survey.is_json {
        json_lines(blocks, rules, &pipe, &mut collector)?;
    } else {
        delimited(blocks, &survey, rules, &pipe, &mut collector)?;
    }
    collector.finish()
}

/// Whether a text or workbook has the header of a mapping.
pub(crate) fn begins_as(source: &mut dyn Input, mapping: &Compiled) -> Result<bool, FileProblem> {
    let mut search = Search::new(mapping);
    if read::is_workbook(source)? {
        read::read_workbook(source, mapping.sheet.as_deref(), &mut search)?;
    } else {
        let survey = read::survey(source, mapping.encoding)?;
        let spare = Spare::of(&survey);
        let mut blocks = Blocks::open(source, &survey, &spare)?;
        let text = blocks.text(&|_| ())?;
        read::read_rows(text, survey.layout(mapping.delimiter, text), 1, &mut search)?;
    }
    Ok(search.finish().is_ok())
}

fn workbook(
    source: &mut dyn Input,
    rules: &Rules<'_>,
    collector: &mut Collector<'_, '_>,
) -> Result<(), FileProblem> {
    let header = OnceCell::new();
    let give = &mut |piece| collector.add(piece);
    let mut sheet = Sheet { rules, search: Search::new(rules.mapping), header: &header, rows: None, give };
    read::read_workbook(source, rules.mapping.sheet.as_deref(), &mut sheet)?;
    match sheet.rows {
        Some(mut rows) => (sheet.give)(rows.take()?),
        None => sheet.search.finish().map(drop),
    }
}

fn delimited(
    mut blocks: Blocks<'_>,
    survey: &Survey,
    rules: &Rules<'_>,
    pipe: &Pipe<'_>,
    collector: &mut Collector<'_, '_>,
) -> Result<(), FileProblem> {
    let text = blocks.text(pipe.advance)?;
    let layout = survey.layout(rules.mapping.delimiter, text);
    let mut search = Search::new(rules.mapping);
    let (bytes, line) = read::read_rows(text, layout, 1, &mut search)?;
    let header = search.finish()?;
    blocks.skip(bytes, line);
    let whole = |text: &[u8]| read::whole_rows(text, layout, &|cells| header.fits(cells));
    pipe.run(blocks, &whole, &|| Delimited { layout, rows: FileRows::new(rules, &header) }, collector)
}

fn json_lines(
    blocks: Blocks<'_>,
    rules: &Rules<'_>,
    pipe: &Pipe<'_>,
    collector: &mut Collector<'_, '_>,
) -> Result<(), FileProblem> {
    let mapping = rules.mapping;
    let header = Header::of_fields(mapping);
    let seen = Mutex::new(vec![false; mapping.fields.len()]);
    let whole = |text: &[u8]| memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
    let worker =
        || JsonLines { lines: Lines::new(mapping), rows: FileRows::new(rules, &header), seen: &seen };
    pipe.run(blocks, &whole, &worker, collector)?;
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    crate::header::check_fields(mapping, &seen)
}

/// Makes pieces of blocks.
trait Worker {
    fn read(&mut self, block: &Block) -> Result<Piece, FileProblem>;
}

struct Delimited<'a> {
    layout: Layout,
    rows: FileRows<'a>,
}

impl Worker for Delimited<'_> {
    fn read(&mut self, block: &Block) -> Result<Piece, FileProblem> {
        read::read_rows(&block.text, self.layout, block.line, &mut self.rows)?;
        self.rows.take()
    }
}

struct JsonLines<'a> {
    lines: Lines<'a>,
    rows: FileRows<'a>,
    /// Fields that any line had.
    seen: &'a Mutex<Vec<bool>>,
}

impl Worker for JsonLines<'_> {
    fn read(&mut self, block: &Block) -> Result<Piece, FileProblem> {
        self.lines.read(&block.text, block.line, &mut self.rows)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter_mut().zip(&self.lines.seen).for_each(|(all, here)| *all |= here);
        drop(seen);
        self.rows.take()
    }
}

/// Blocks through workers to the collector.
struct Pipe<'p> {
    workers: usize,
    spare: &'p Spare,
    advance: &'p (dyn Fn(u64) + Sync),
}

impl Pipe<'_> {
    fn run<W: Worker>(
        &self,
        mut blocks: Blocks<'_>,
        whole: &(dyn Fn(&[u8]) -> usize + Sync),
        worker: &(dyn Fn() -> W + Sync),
        collector: &mut Collector<'_, '_>,
    ) -> Result<(), FileProblem> {
        if self.workers < 2 {
            let mut worker = worker();
            while let Some(block) = blocks.next(whole, self.advance)? {
                let piece = worker.read(&block)?;
                self.spare.give_back(block);
                collector.add(piece)?;
            }
            return Ok(());
        }
        let (blocks_in, blocks_out) = sync_channel(self.workers);
        let (pieces_in, pieces_out) = sync_channel(self.workers);
        // Owned by the workers alone: when they have stopped, sending fails and the reader stops, too.
        let blocks_out = Arc::new(Mutex::new(blocks_out));
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || self.cut(blocks, whole, &blocks_in));
            for _ in 0..self.workers {
                let (blocks, pieces) = (Arc::clone(&blocks_out), pieces_in.clone());
                scope.spawn(move || self.work(&mut worker(), &blocks, &pieces));
            }
            drop((blocks_out, pieces_in));
            let collected = collector.collect(pieces_out);
            let cut = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            collected.and(cut)
        })
    }

    fn cut(
        &self,
        mut blocks: Blocks<'_>,
        whole: &dyn Fn(&[u8]) -> usize,
        out: &SyncSender<(usize, Block)>,
    ) -> Result<(), FileProblem> {
        let mut number = 0;
        while let Some(block) = blocks.next(whole, self.advance)? {
            if out.send((number, block)).is_err() {
                break;
            }
            number += 1;
        }
        Ok(())
    }

    fn work(
        &self,
        worker: &mut dyn Worker,
        blocks: &Mutex<Receiver<(usize, Block)>>,
        pieces: &SyncSender<(usize, Result<Piece, FileProblem>)>,
    ) {
        loop {
            let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((number, block)) = next else { return };
            let piece = worker.read(&block);
            self.spare.give_back(block);
            if pieces.send((number, piece)).is_err() {
                return;
            }
        }
    }
}

/// Hands pieces on and keeps the account.
struct Collector<'c, 'a> {
    rules: &'c Rules<'a>,
    taker: &'c mut dyn Taker,
    tell: &'c (dyn Fn(Told) + Sync),
    account: Account,
    links: HashSet<Link, foldhash::fast::RandomState>,
    /// Lines of a count: whether they are used is known at the end of the file.
    rounds: Vec<Rows>,
}

impl Collector<'_, '_> {
    fn collect(&mut self, pieces: Receiver<(usize, Result<Piece, FileProblem>)>) -> Result<(), FileProblem> {
        let (mut early, mut next) = (BTreeMap::new(), 0);
        for (number, piece) in pieces {
            early.insert(number, piece);
            while let Some(piece) = early.remove(&next) {
                self.add(piece?)?;
                next += 1;
            }
        }
        Ok(())
    }

    fn add(&mut self, piece: Piece) -> Result<(), FileProblem> {
        let account = &mut self.account;
        account.read += piece.read;
        (self.tell)(Told::Rows(piece.read));
        account.quarantined.extend(piece.quarantined);
        self.links.extend(piece.links);
        for rows in piece.rows {
            if self.rules.grid.is_some() && rows.table == OBSERVATIONS {
                self.rounds.push(rows);
            } else {
                self.give(&rows.table, &rows.batch)?;
            }
        }
        for (table, records) in self.rules.mapping.tables.iter().zip(&piece.withdrawn) {
            if !records.is_empty() {
                let number = u64::try_from(records.len()).unwrap_or_default();
                self.account.withdrawn += number;
                self.account.usable += number;
                self.taker.withdrawn(&table.name, records)?;
            }
        }
        Ok(())
    }

    fn give(&mut self, table: &str, rows: &RecordBatch) -> Result<(), FileProblem> {
        self.account.usable += u64::try_from(rows.num_rows()).unwrap_or_default();
        self.account.tally.add(rows);
        self.taker.rows(table, rows)
    }

    fn finish(mut self) -> Result<Account, FileProblem> {
        let failed = |error: ArrowError| FileProblem::Io(std::io::Error::other(error));
        let rounds = std::mem::take(&mut self.rounds);
        self.whole_rounds(&rounds).map_err(failed)?.map_or(Ok(()), |rows| self.give(OBSERVATIONS, &rows))?;
        self.account.quarantined.sort_by_key(|(line, _)| *line);
        self.account.links.extend(self.links);
        self.account.links.sort_unstable();
        Ok(self.account)
    }

    /// The lines of a count whose round is whole in this file; those of other rounds go to quarantine, each of them.
    fn whole_rounds(&mut self, rounds: &[Rows]) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(schema) = rounds.first().map(|rows| rows.batch.schema()) else { return Ok(None) };
        let rows = concat_batches(&schema, rounds.iter().map(|rows| &rows.batch))?;
        let texts = plain(&rows)?;
        let whole = self.rules.grid.as_ref().and_then(|grid| grid.in_whole_rounds(&texts));
        let Some(whole) = whole else { return Ok(Some(rows)) };
        let lines = rounds.iter().flat_map(|rows| &rows.lines).copied().zip(whole.values());
        let refusal = (None, Reason::IncompleteRound);
        let others = lines.filter(|(_, whole)| !whole).map(|(line, _)| (line, refusal));
        self.account.quarantined.extend(others);
        let rows = filter_record_batch(&rows, &whole)?;
        Ok((rows.num_rows() > 0).then_some(rows))
    }
}

/// Takes the rows of a workbook: first looks for the header.
struct Sheet<'s> {
    rules: &'s Rules<'s>,
    search: Search<'s>,
    header: &'s OnceCell<Header>,
    rows: Option<FileRows<'s>>,
    give: &'s mut dyn FnMut(Piece) -> Result<(), FileProblem>,
}

impl Sink for Sheet<'_> {
    fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), FileProblem> {
        let Some(rows) = &mut self.rows else {
            self.search.row(line, cells)?;
            if let Some(header) = self.search.take() {
                self.rows = Some(FileRows::new(self.rules, self.header.get_or_init(|| header)));
            }
            return Ok(());
        };
        rows.row(line, cells)?;
        if rows.len() < PIECE {
            return Ok(());
        }
        let piece = rows.take()?;
        (self.give)(piece)
    }

    fn broken(&mut self, line: u64, reason: Reason) {
        if let Some(rows) = &mut self.rows {
            rows.broken(line, reason);
        }
    }

    fn fits(&self, cells: usize) -> bool {
        self.rows.as_ref().is_none_or(|rows| rows.fits(cells))
    }

    fn has_enough(&self) -> bool {
        self.rows.is_none() && self.search.has_enough()
    }
}
