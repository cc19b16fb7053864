//! Printing: an aligned table, CSV or one JSON document.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::Value;

use crate::args::Format;
use crate::failure::Failure;

/// A result as rows of text, beside its JSON form.
pub(crate) struct Sheet {
    pub(crate) headers: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Sheet {
    pub(crate) fn new(headers: &[&str]) -> Self {
        Self { headers: headers.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// As lines for a terminal.
    pub(crate) fn print_table(&self) {
        let columns = self.headers.len();
        let mut widths: Vec<usize> = self.headers.iter().map(|cell| cell.chars().count()).collect();
        let mut numeric = vec![!self.rows.is_empty(); columns];
        for row in &self.rows {
            for (index, cell) in row.iter().enumerate().take(columns) {
                widths[index] = widths[index].max(cell.chars().count());
                numeric[index] &= cell.is_empty() || looks_numeric(cell);
            }
        }
        let line = |cells: &[String]| {
            let padded: Vec<String> = cells
                .iter()
                .enumerate()
                .map(|(index, cell)| {
                    let cell = harmless(cell);
                    let fill = " ".repeat(widths[index].saturating_sub(cell.chars().count()));
                    if numeric[index] { format!("{fill}{cell}") } else { format!("{cell}{fill}") }
                })
                .collect();
            say_line(padded.join("  ").trim_end());
        };
        line(&self.headers);
        say_line(&widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  "));
        for row in &self.rows {
            line(row);
        }
    }

    fn print_csv(&self) {
        let quote = |cell: &String| {
            // A spreadsheet would run what begins like a formula.
            let formula = cell.starts_with(['=', '+', '@', '\t'])
                || (cell.starts_with('-') && cell.parse::<f64>().is_err());
            let cell = &harmless(&if formula { format!("'{cell}") } else { cell.clone() });
            if cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        };
        for row in std::iter::once(&self.headers).chain(&self.rows) {
            say_line(&row.iter().map(quote).collect::<Vec<_>>().join(","));
        }
    }
}

/// Whether something of the result could not be written.
static UNWRITTEN: AtomicBool = AtomicBool::new(false);

/// One line on standard output. A reader that has seen enough and closed the pipe is no fault; see [`is_written`].
pub(crate) fn say_line(line: &str) {
    noted(writeln!(std::io::stdout().lock(), "{line}"));
}

/// Whether all of the result reached its reader.
pub(crate) fn is_written() -> bool {
    noted(std::io::stdout().lock().flush());
    !UNWRITTEN.load(Ordering::Relaxed)
}

fn noted(written: std::io::Result<()>) {
    if written.is_err_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
        UNWRITTEN.store(true, Ordering::Relaxed);
    }
}

/// A text as it may be shown: a question or a path is somebody's, and must neither steer the reader's terminal nor
/// turn the order of what is read (Unicode Standard Annex 9).
pub(crate) fn harmless(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.replace(steers, " ")
}

fn looks_numeric(cell: &str) -> bool {
    cell.chars().all(|c| c.is_ascii_digit() || " .,:%±–-−\u{a0}".contains(c))
}

/// Prints the sheet, or for `json` the document.
pub(crate) fn print(format: Format, sheet: &Sheet, document: &impl Serialize) -> Result<(), Failure> {
    match format {
        Format::Table => sheet.print_table(),
        Format::Csv => sheet.print_csv(),
        Format::Json => print_json(document)?,
    }
    Ok(())
}

pub(crate) fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(document)
        .map_err(|error| Failure::fault(format!("the result could not be written as JSON: {error}")))?;
    say_line(&text);
    Ok(())
}

/// A JSON value as a cell.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A number with at most one decimal: the noise makes more of them meaningless.
pub(crate) fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 { format!("{rounded:.0}") } else { format!("{rounded:.1}") }
}

/// An interval as `low – high`.
pub(crate) fn interval(low: f64, high: f64) -> String {
    format!("{} – {}", number(low), number(high))
}

/// ε as it is shown: rounded up, so that "at most" holds of the digits that are seen.
pub(crate) fn epsilon(value: f64, digits: i32) -> String {
    let scale = 10_f64.powi(digits);
    let decimals = usize::try_from(digits).unwrap_or(0);
    format!("{:.decimals$}", (value * scale).ceil() / scale)
}
