//! `skjerm release compare`.

use clap::Args;
use skjerm_figures::Language;
use skjerm_figures::compare::{Asked, Comparison, Counted, How, Quantity, What, compare};
use skjerm_figures::release::Store;
use skjerm_warehouse::{Installation, Reference};

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

/// Which figures, and what is asked of them.
#[derive(Debug, Args)]
pub(super) struct Compared {
    /// Id of the release, as `release list` gives it.
    id: String,
    /// One of its tables; its rows are compared.
    #[arg(value_name = "TABLE", required_unless_present = "figure")]
    table: Option<String>,
    /// Named figures instead of a table.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "table")]
    figure: Vec<String>,
    /// Only rows of the table with these codes; a total is then of these.
    #[arg(long = "where", value_name = "DIMENSION=CODE,…", conflicts_with = "figure")]
    within: Option<String>,
    /// What the others are held against: a row (its code, or DIMENSION=CODE,…), "total", or a figure.
    #[arg(long, value_name = "ROW")]
    against: Option<String>,
    #[command(flatten)]
    how: Asking,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
#[allow(clippy::struct_excessive_bools)] // one of them is set
struct Asking {
    /// All of them together.
    #[arg(long)]
    sum: bool,
    /// Each less the one it is held against; without --against, every two.
    #[arg(long)]
    difference: bool,
    /// Each over the one it is held against; without --against, every two.
    #[arg(long)]
    ratio: bool,
    /// Each as a part of the whole, or of what --against names.
    #[arg(long)]
    share: bool,
    /// Each per 1,000 residents of its district and age; of the whole city where it names none.
    #[arg(long)]
    rate: bool,
    /// The change since a release of another year.
    #[arg(long, value_name = "ID")]
    since: Option<String>,
}

pub(super) fn run(common: &Common, installation: &Installation, compared: Compared) -> Result<(), Failure> {
    let store = Store::open(installation);
    let policy = open::policy(installation)?;
    let release = store.show(&compared.id)?;
    let asked = Asked {
        table: compared.table,
        figures: compared.figure,
        within: compared.within,
        against: compared.against,
    };
    let how = compared.how;
    let comparison = if let Some(id) = how.since {
        compare(&release, &policy, &asked, How::Since(&store.show(&id)?))
    } else if how.rate {
        compare(&release, &policy, &asked, How::Rate(&Reference::of(installation)?))
    } else {
        let how = match () {
            () if how.sum => How::Sum,
            () if how.difference => How::Difference,
            () if how.ratio => How::Ratio,
            () => How::Share,
        };
        compare(&release, &policy, &asked, how)
    };
    print(common.format, &comparison?)
}

/// What is asked for stands last but for its interval and what is judged; the counts that it is made of stand before it.
fn print(format: Format, comparison: &Comparison) -> Result<(), Failure> {
    let what = comparison.what;
    let (has_base, is_judged) =
        (comparison.rows.iter().any(|row| row.b.is_some()), comparison.family.is_some());
    let mut headers = vec!["of", "persons"];
    headers.extend(has_base.then_some(["against", "persons"]).into_iter().flatten());
    headers.extend((what == What::Rate).then_some("residents"));
    headers.extend([word(what), "unbiased", "95 % interval"]);
    headers.extend((what == What::Change).then_some(["in per cent", "95 % interval"]).into_iter().flatten());
    headers.extend(is_judged.then_some("distinguishable"));
    let mut sheet = Sheet::new(&headers);
    for row in &comparison.rows {
        let mut cells = counted(&row.a).to_vec();
        cells.extend(row.b.as_ref().map(counted).into_iter().flatten());
        cells.extend(row.residents.map(|residents| residents.to_string()));
        cells.push(shown(&row.result, what));
        cells.push(row.result.value.map_or_else(|| "open".to_owned(), |value| number(value, what)));
        cells.push(interval(&row.result, what));
        if let Some(relative) = &row.relative {
            cells.extend([shown(relative, What::Share), interval(relative, What::Share)]);
        }
        if is_judged {
            let said = match (row.distinguishable, row.distinguishable_together) {
                (_, Some(true)) => "yes",
                (Some(true), _) => "alone",
                _ => "no",
            };
            cells.push(said.to_owned());
        }
        sheet.push(cells);
    }
    output::print(format, &sheet, comparison)?;
    if format == Format::Table {
        eprintln!();
        for note in &comparison.notes {
            eprintln!("{}", note.get(Language::En));
        }
    }
    Ok(())
}

fn word(what: What) -> &'static str {
    match what {
        What::Sum => "sum",
        What::Difference => "difference",
        What::Ratio => "ratio",
        What::Share => "share, per cent",
        What::Rate => "per 1,000 residents",
        What::Change => "change",
    }
}

fn counted(count: &Counted) -> [String; 2] {
    [count.name.clone(), count.estimate.display.text(Language::En)]
}

fn shown(quantity: &Quantity, what: What) -> String {
    match quantity.display {
        skjerm_figures::Display::Decimal(value) => decimals(value, what.decimals()),
        other => other.text(Language::En),
    }
}

/// One decimal more than a reader is shown.
fn number(value: f64, what: What) -> String {
    decimals(value, what.decimals() + 1)
}

fn decimals(value: f64, decimals: u8) -> String {
    let text = format!("{value:.*}", usize::from(decimals));
    // Rounded to nothing, it has no sign.
    if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
        text.trim_start_matches('-').to_owned()
    } else {
        text
    }
}

fn interval(quantity: &Quantity, what: What) -> String {
    match (quantity.low, quantity.high) {
        (Some(low), Some(high)) => format!("{} – {}", number(low, what), number(high, what)),
        _ => "open".to_owned(),
    }
}
