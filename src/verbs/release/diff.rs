//! How the difference of two releases is printed.

use skjerm_figures::Language;
use skjerm_figures::release::{Change, Diff};

use crate::args::Format;
use crate::failure::Failure;
use crate::output::{self, Sheet};

/// Figures first, then cells; what is not compared follows in words.
pub(super) fn print(format: Format, diff: &Diff) -> Result<(), Failure> {
    let (a, b) = (&diff.a.release, &diff.b.release);
    let mut sheet = Sheet::new(&["table", "cell", a, b, "difference", "95 % interval", "distinguishable"]);
    for figure in &diff.figures {
        sheet.push(line("figure", figure.name.clone(), &figure.change));
    }
    for table in &diff.tables {
        for row in &table.rows {
            let key: Vec<String> = table
                .dimensions
                .iter()
                .map(|dimension| row.key.get(dimension).cloned().unwrap_or_default())
                .collect();
            let key = if key.is_empty() { "all".to_owned() } else { key.join(" · ") };
            sheet.push(line(&table.name, key, &row.change));
        }
    }
    output::print(format, &sheet, diff)?;
    if format == Format::Table {
        eprintln!("\n{}", diff.summary.get(Language::En));
        for unmatched in &diff.unmatched {
            eprintln!("{}", unmatched.sentence.get(Language::En));
        }
        for note in &diff.notes {
            eprintln!("{}", note.get(Language::En));
        }
    }
    Ok(())
}

fn line(table: &str, cell: String, change: &Change) -> Vec<String> {
    let interval = match (change.low, change.high) {
        (Some(low), Some(high)) => output::interval(low, high),
        _ => "exact".to_owned(),
    };
    let distinguishable = match (change.distinguishable, change.distinguishable_together) {
        (_, Some(true)) => "yes",
        (Some(true), _) => "alone",
        (Some(false), _) => "no",
        (None, _) => "",
    };
    vec![
        table.to_owned(),
        cell,
        output::number(change.a.value),
        output::number(change.b.value),
        output::number(change.difference),
        interval,
        distinguishable.to_owned(),
    ]
}
