//! XLSX workbooks: one sheet, cell by cell.
//!
//! A sheet is read as it comes. The texts that cells share, and the formats, are held in memory by the library, so a workbook
//! with more of them than [`HELD`] is refused before it is opened: its sheet can be given as CSV.

use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader, Xlsx};
use jiff::civil::Date;
use memchr::memmem;
use zip::ZipArchive;

use super::{Input, Sink};
use crate::error::FileProblem;
use crate::values::{Cell, serial_date};

/// Columns further right hold nothing of ours; a stray cell out there must not make rows huge.
const MAX_COLUMNS: u32 = 512;

/// The most bytes of shared texts and formats together, unpacked. They take up to five times as much memory.
const HELD: u64 = 128 << 20;
/// The least bytes that a shared text takes in its part: `<si/>`.
const LEAST_TEXT: u64 = 5;

/// Reads the sheet of this name (or the first) into a sink.
pub(crate) fn read(
    source: &mut dyn Input,
    sheet: Option<&str>,
    sink: &mut dyn Sink,
) -> Result<(), FileProblem> {
    let mut last_row = 0;
    // The library is not ours, and a workbook may be damaged in ways it does not expect.
    let outcome = catch_unwind(AssertUnwindSafe(|| read_sheet(source, sheet, sink, &mut last_row)));
    outcome.unwrap_or(Err(FileProblem::DamagedWorkbook { row: last_row }))
}

fn read_sheet(
    source: &mut dyn Input,
    sheet: Option<&str>,
    sink: &mut dyn Sink,
    last_row: &mut u64,
) -> Result<(), FileProblem> {
    let damaged = |row: u64| FileProblem::DamagedWorkbook { row };
    refuse_what_would_be_held(source)?;
    let mut workbook: Xlsx<_> = Xlsx::new(BufReader::new(source)).map_err(|_| damaged(0))?;
    let names = workbook.sheet_names();
    let sheet =
        names.iter().find(|n| sheet == Some(n.as_str())).or(names.first()).ok_or(FileProblem::Empty)?;
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(|_| damaged(0))?;
    let mut row: Vec<DataRef<'_>> = Vec::new();
    let mut number: Option<u32> = None;
    let mut any = false;
    loop {
        let cell = cells.next_cell().map_err(|_| damaged(*last_row))?;
        let at = cell.as_ref().map(calamine::Cell::get_position);
        if number.is_some() && at.map(|(r, _)| r) != number {
            let line = u64::from(number.unwrap_or_default()) + 1;
            any |= give(&row, line, sink)?;
            row.clear();
            *last_row = line;
            if sink.has_enough() {
                break;
            }
        }
        let (Some(cell), Some((r, c))) = (cell, at) else { break };
        number = Some(r);
        if c < MAX_COLUMNS {
            let c = c as usize;
            if row.len() <= c {
                row.resize(c + 1, DataRef::Empty);
            }
            row[c].clone_from(cell.get_value());
        }
    }
    if any { Ok(()) } else { Err(FileProblem::Empty) }
}

/// Unpacks the parts that the library holds in memory once, and keeps nothing of them. What a part says of its own size is
/// not believed: neither by its entry in the archive, nor by its number of texts, for which the library makes room at once.
fn refuse_what_would_be_held(source: &mut dyn Input) -> Result<(), FileProblem> {
    let damaged = || FileProblem::DamagedWorkbook { row: 0 };
    let mut archive = ZipArchive::new(BufReader::new(&mut *source)).map_err(|_| damaged())?;
    let mut held = 0;
    for at in 0..archive.len() {
        let name = archive.name_for_index(at).transpose().map_err(|_| damaged())?;
        let name = name.unwrap_or_default().to_ascii_lowercase();
        if !name.ends_with("sharedstrings.xml") && !name.ends_with("styles.xml") {
            continue;
        }
        let mut part = archive.by_index(at).map_err(|_| damaged())?.take(HELD + 1 - held);
        let mut front = Vec::new();
        Read::take(&mut part, 1 << 16).read_to_end(&mut front).map_err(|_| damaged())?;
        let rest = io::copy(&mut part, &mut io::sink()).map_err(|_| damaged())?;
        let bytes = rest + u64::try_from(front.len()).unwrap_or(HELD);
        held += bytes;
        if held > HELD {
            return Err(FileProblem::LargeWorkbook { most: HELD >> 20 });
        }
        if claimed_texts(&front) > bytes / LEAST_TEXT {
            return Err(damaged());
        }
    }
    source.rewind().map_err(FileProblem::Io)
}

/// How many texts the part says it has.
fn claimed_texts(front: &[u8]) -> u64 {
    let name = b"uniqueCount=";
    memmem::find_iter(front, name)
        .map(|at| number_behind(&front[at + name.len()..]))
        .max()
        .unwrap_or_default()
}

/// The number in quotes at the front; as many as there can be when it is too long to be one.
fn number_behind(text: &[u8]) -> u64 {
    let digits = text
        .iter()
        .skip_while(|b| matches!(b, b'"' | b'\'' | b'+' | b' '))
        .take_while(|b| b.is_ascii_digit());
    digits.fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

/// Whether the row had anything in it.
fn give(row: &[DataRef<'_>], line: u64, sink: &mut dyn Sink) -> Result<bool, FileProblem> {
    let cells: Vec<Cell<'_>> = row.iter().map(cell).collect();
    if cells.iter().all(Cell::is_empty) {
        return Ok(false);
    }
    sink.row(line, &cells)?;
    Ok(true)
}

fn cell<'a>(value: &'a DataRef<'_>) -> Cell<'a> {
    match value {
        DataRef::Empty => Cell::Text(""),
        DataRef::String(text) => Cell::Text(text),
        DataRef::SharedString(text) => Cell::Text(text),
        DataRef::Int(n) => Cell::Number(*n as f64),
        DataRef::Float(n) => Cell::Number(*n),
        DataRef::Bool(yes) => Cell::Text(if *yes { "ja" } else { "nei" }),
        DataRef::DateTime(moment) => serial(moment).map_or(Cell::Broken, Cell::Date),
        DataRef::DateTimeIso(text) => iso(text).map_or(Cell::Text(text), Cell::Date),
        DataRef::DurationIso(_) | DataRef::Error(_) => Cell::Broken,
    }
}

fn serial(moment: &calamine::ExcelDateTime) -> Option<Date> {
    // Also checks the range, which the library's own conversion does not.
    let plain = serial_date(moment.as_f64())?;
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    // The library knows whether the workbook counts from 1904.
    let exact = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
    exact.or(Some(plain))
}

fn iso(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}
