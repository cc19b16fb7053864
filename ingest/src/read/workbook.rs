//! XLSX workbooks: one sheet, cell by cell.

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader, Xlsx};
use jiff::civil::Date;

use super::{Input, Sink};
use crate::error::FileProblem;
use crate::values::{Cell, serial_date};

/// Columns further right hold nothing of ours; a stray cell out there must not make rows huge.
const MAX_COLUMNS: u32 = 512;

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
