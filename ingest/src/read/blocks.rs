//! A text as blocks of whole rows, so that a file larger than memory is read in little of it.
//!
//! # Privacy
//!
//! Buffers are used again and wiped in the end.

use std::io::{Read, SeekFrom};
use std::sync::{Mutex, PoisonError};

use encoding_rs::{CoderResult, Decoder, UTF_8};
use memchr::{memchr, memchr_iter};

use super::Input;
use super::text::{STEP, Survey};
use crate::error::FileProblem;
use crate::wiped::{self, Wiped};

/// The text a block has when its rows are short.
const BLOCK: usize = 2 << 20;
/// The longest row. What has no row end for so long is no table.
const LONGEST: usize = 64 << 20;

/// Some whole rows of a text, in UTF-8 as far as it is one.
pub(crate) struct Block {
    pub(crate) text: Wiped,
    /// The line of its first row.
    pub(crate) line: u64,
}

/// A text while it is read.
pub(crate) struct Blocks<'s> {
    source: &'s mut dyn Input,
    /// None for UTF-8, which is checked row by row.
    decoder: Option<Decoder>,
    raw: Wiped,
    /// Bytes that are read at a time.
    step: usize,
    text: Wiped,
    line: u64,
    /// Whether lines end with a carriage return alone, as old Macintosh programs write them; known once there is text.
    only_returns: Option<bool>,
    is_at_end: bool,
    spare: &'s Spare,
}

/// Buffers to be used again.
pub(crate) struct Spare {
    free: Mutex<Vec<Wiped>>,
    /// Room of a new one: for a block, or for all of a smaller text, since all of a buffer is wiped in the end.
    room: usize,
}

impl Spare {
    pub(crate) fn of(survey: &Survey) -> Self {
        Self { free: Mutex::default(), room: (2 * survey.step).min(BLOCK + 4 * STEP) }
    }

    fn take(&self) -> Wiped {
        let spare = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| wiped::buffer(self.room))
    }

    pub(crate) fn give_back(&self, mut block: Block) {
        block.text.clear();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(block.text);
    }
}

impl<'s> Blocks<'s> {
    pub(crate) fn open(
        source: &'s mut dyn Input,
        survey: &Survey,
        spare: &'s Spare,
    ) -> Result<Self, FileProblem> {
        let mark = u64::try_from(survey.mark).unwrap_or_default();
        source.seek(SeekFrom::Start(mark)).map_err(FileProblem::Io)?;
        let is_utf_8 = survey.encoding == UTF_8;
        Ok(Self {
            source,
            decoder: (!is_utf_8).then(|| survey.encoding.new_decoder_without_bom_handling()),
            raw: wiped::buffer(survey.step),
            step: survey.step,
            text: spare.take(),
            line: 1,
            only_returns: None,
            is_at_end: false,
            spare,
        })
    }

    /// What was read and not given out yet; at least a block of it, but for the end of the file. `advance` is told how
    /// many bytes of the file were read.
    pub(crate) fn text(&mut self, advance: &dyn Fn(u64)) -> Result<&[u8], FileProblem> {
        self.read_to(BLOCK, advance)?;
        Ok(&self.text)
    }

    /// Leaves out the rows above: so many bytes and lines.
    pub(crate) fn skip(&mut self, bytes: usize, line: u64) {
        let mut rest = self.spare.take();
        wiped::make_room(&mut rest, self.text.len());
        rest.extend_from_slice(self.text.get(bytes..).unwrap_or_default());
        self.text = rest;
        self.line = line;
    }

    /// The next whole rows; `whole` says how many bytes at the front of a text are whole rows.
    pub(crate) fn next(
        &mut self,
        whole: &dyn Fn(&[u8]) -> usize,
        advance: &dyn Fn(u64),
    ) -> Result<Option<Block>, FileProblem> {
        let mut wanted = BLOCK;
        let rows = loop {
            self.read_to(wanted, advance)?;
            if self.is_at_end {
                break self.text.len();
            }
            match whole(&self.text) {
                0 if self.text.len() > LONGEST => {
                    return Err(FileProblem::NotATable("a text without line ends"));
                }
                0 => wanted = self.text.len() + BLOCK,
                rows => break rows,
            }
        };
        if rows == 0 {
            return Ok(None);
        }
        let mut rest = self.spare.take();
        wiped::make_room(&mut rest, self.text.len() - rows);
        rest.extend_from_slice(&self.text[rows..]);
        self.text.truncate(rows);
        let block = Block { text: std::mem::replace(&mut self.text, rest), line: self.line };
        let lines = memchr_iter(b'\n', &block.text).count();
        self.line += u64::try_from(lines).unwrap_or_default();
        Ok(Some(block))
    }

    fn read_to(&mut self, wanted: usize, advance: &dyn Fn(u64)) -> Result<(), FileProblem> {
        while !self.is_at_end && self.text.len() < wanted {
            self.raw.clear();
            let limit = u64::try_from(self.step).unwrap_or(u64::MAX);
            let read = Read::take(&mut *self.source, limit).read_to_end(&mut self.raw);
            let read = read.map_err(FileProblem::Io)?;
            self.is_at_end = read < self.step;
            let before = self.text.len();
            self.decode();
            self.feed(before);
            advance(u64::try_from(read).unwrap_or_default());
        }
        Ok(())
    }

    fn decode(&mut self) {
        let Some(decoder) = &mut self.decoder else {
            wiped::make_room(&mut self.text, self.raw.len());
            self.text.extend_from_slice(&self.raw);
            return;
        };
        let mut from = 0;
        loop {
            let rest = &self.raw[from..];
            // Enough for these exports. What needs more room goes round again: room must be zeroed first.
            let most = rest.len() + rest.len() / 8 + 64;
            let before = self.text.len();
            wiped::make_room(&mut self.text, most);
            self.text.resize(before + most, 0);
            let (result, read, written, _) =
                decoder.decode_to_utf8(rest, &mut self.text[before..], self.is_at_end);
            self.text.truncate(before + written);
            from += read;
            if result == CoderResult::InputEmpty {
                return;
            }
        }
    }

    /// Puts line feeds where lines end with a carriage return alone.
    fn feed(&mut self, from: usize) {
        let text = &mut self.text[from..];
        let only = *self
            .only_returns
            .get_or_insert_with(|| memchr(b'\r', text).is_some() && memchr(b'\n', text).is_none());
        if only {
            text.iter_mut().filter(|b| **b == b'\r').for_each(|b| *b = b'\n');
        }
    }
}
