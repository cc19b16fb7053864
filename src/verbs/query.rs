//! `skjerm query`: a question in SQL, or its price.

use clap::Args;
use skjerm_engine::{Answer, Ask, Engine, Explanation, Price, explained};

use crate::args::{Common, Format, reason};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The question: one SELECT. With EXPLAIN PRIVACY before it, the same as --explain.
    sql: String,
    /// Say the price and the expected half-widths, and touch no data.
    #[arg(long)]
    explain: bool,
    /// ρ to pay from each block that the question reads.
    #[arg(long, value_name = "R", group = "price")]
    rho: Option<f64>,
    /// The same as ε, at the δ of the policy.
    #[arg(long, value_name = "E", group = "price")]
    epsilon: Option<f64>,
    /// Pay for this half-width: the least ρ at which no measured column is expected to have a wider interval.
    #[arg(long, value_name = "H", group = "price")]
    within: Option<f64>,
    /// Scale every person-year to this L2 norm, in the unit of the column (rows, persons, minutes), instead of one that is
    /// chosen privately; what it cuts off is not known then. The same as /*+ norm(N) */ in the question.
    #[arg(long, value_name = "N")]
    norm: Option<f64>,
    /// Weights of output columns, such as persons=2,minutes=1: the first has half the relative error of the second. Columns that
    /// are not named weigh 1. The same as /*+ weights(persons => 2, minutes => 1) */ in the question.
    #[arg(long, value_name = "COLUMN=WEIGHT,...", value_delimiter = ',', value_parser = weight)]
    weights: Vec<(String, f64)>,
    /// A name of your own for this request: trying again under the same name is charged once, also after a crash.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// What the answer is for; kept in the ledger.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// Who asks: an analyst of the policy.
    #[arg(long = "as", value_name = "ANALYST", default_value = "researcher")]
    analyst: String,
}

pub(crate) async fn run(common: &Common, args: QueryArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    let engine = Engine::open(&installation)?;
    let caller = engine.authenticate(&args.analyst)?;
    let prices = [args.rho.map(Price::Rho), args.epsilon.map(Price::Epsilon), args.within.map(Price::Within)];
    let ask = Ask {
        price: prices.into_iter().flatten().next(),
        norm: args.norm,
        weights: args.weights,
        request: args.request,
        reason: args.reason,
    };
    if args.explain || explained(&args.sql).is_some() {
        print_explanation(common.format, &engine.explain(&caller, &args.sql, &ask).await?)
    } else {
        print_answer(common.format, &engine.ask(&caller, &args.sql, &ask).await?)
    }
}

/// A column and its weight.
fn weight(text: &str) -> Result<(String, f64), String> {
    let cannot = || format!("`{text}` is no column with a weight: write persons=2");
    // A name may hold the sign, a number cannot.
    let (column, weight) = text.rsplit_once('=').ok_or_else(cannot)?;
    Ok((column.trim().to_owned(), weight.trim().parse().map_err(|_| cannot())?))
}

fn print_answer(format: Format, answer: &Answer) -> Result<(), Failure> {
    let mut headers: Vec<String> = Vec::new();
    for column in &answer.columns {
        headers.push(column.clone());
        if answer.intervals.contains_key(column) {
            match format {
                Format::Csv => headers.extend([format!("low_{column}"), format!("high_{column}")]),
                Format::Table | Format::Json => headers.push(format!("95 % {column}")),
            }
        }
        if wider(answer, column).is_some() {
            match format {
                Format::Csv => {
                    headers.extend([format!("low_with_bound_{column}"), format!("high_with_bound_{column}")]);
                }
                Format::Table | Format::Json => headers.push(format!("with bound {column}")),
            }
        }
    }
    let mut sheet = Sheet { headers, rows: Vec::new() };
    for (index, row) in answer.rows.iter().enumerate() {
        let mut cells = Vec::new();
        for (column, value) in answer.columns.iter().zip(row) {
            if let Some(plain) = answer.intervals.get(column).and_then(|all| all.get(index)) {
                let both = [Some(plain), wider(answer, column).and_then(|all| all.get(index))];
                if format == Format::Csv {
                    cells.push(output::cell(value));
                    for ends in both.into_iter().flatten() {
                        cells.extend(
                            ends.map(|end| if end.is_finite() { end.to_string() } else { String::new() }),
                        );
                    }
                } else {
                    let decimals = decimals(plain[1] - plain[0]);
                    let number = |value: f64| number(value, decimals);
                    cells.push(value.as_f64().map_or_else(|| output::cell(value), number));
                    for [low, high] in both.into_iter().flatten() {
                        let known = low.is_finite() && high.is_finite();
                        cells.push(if known {
                            format!("{} – {}", number(*low), number(*high))
                        } else {
                            String::new()
                        });
                    }
                }
            } else {
                cells.push(output::cell(value));
            }
        }
        sheet.push(cells);
    }
    output::print(format, &sheet, answer)?;
    if format == Format::Table {
        let privacy = &answer.privacy;
        let paid = if privacy.charged {
            format!(
                "ρ {} (ε {} at δ {:e}) from each of {}",
                privacy.rho,
                output::epsilon(privacy.epsilon, 3),
                privacy.delta,
                privacy.blocks.join(", ")
            )
        } else {
            "nothing: this is the stored answer".to_owned()
        };
        eprintln!("\nanswer {}; paid: {paid}", answer.answer.id);
        for (block, left) in &privacy.remaining {
            eprintln!("left for you in {block}: ρ {left}");
        }
        for note in &answer.notes {
            eprintln!("note: {note}");
        }
    }
    Ok(())
}

/// The intervals that hold what bounds cut off too, where they say more than the plain ones.
fn wider<'a>(answer: &'a Answer, column: &str) -> Option<&'a Vec<[f64; 2]>> {
    let wide = answer.with_bound.get(column)?;
    let plain = answer.intervals.get(column)?;
    // By bits, since where nothing is known both are no number.
    let ends = |all: &[[f64; 2]]| all.iter().flatten().map(|end| end.to_bits()).collect::<Vec<_>>();
    (ends(wide) != ends(plain)).then_some(wide)
}

/// As many decimals as say something about a value whose interval is so wide.
fn decimals(width: f64) -> usize {
    match width {
        width if width >= 2.0 => 1,
        width if width >= 0.2 => 2,
        width if width >= 0.02 => 3,
        _ => 4,
    }
}

/// A number with so many decimals at most.
fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

fn print_explanation(format: Format, explanation: &Explanation) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["column", "expected ±", "at least", "at most"]);
    for column in &explanation.expected {
        sheet.push(vec![
            column.column.clone(),
            output::number(column.half_width),
            output::number(column.at_least),
            output::number(column.at_most),
        ]);
    }
    output::print(format, &sheet, explanation)?;
    if format == Format::Table {
        let privacy = &explanation.privacy;
        if explanation.free {
            eprintln!("\nfree: a stored answer is given again");
        } else {
            eprintln!(
                "\nprice: ρ {} (ε {} at δ {:e}) from each of {}",
                privacy.rho,
                output::epsilon(privacy.epsilon, 3),
                privacy.delta,
                privacy.blocks.join(", ")
            );
        }
        eprintln!("unit: {}; {} cells; {}", privacy.unit, explanation.cells, explanation.bounds.norm);
        for (column, [least, most]) in &explanation.bounds.norms {
            let number = |norm: f64| number(norm, 4);
            let norm = if most - least < f64::EPSILON {
                number(*least)
            } else {
                format!("{} to {}", number(*least), number(*most))
            };
            let [low, high] = explanation.bounds.columns.get(column).copied().unwrap_or_default();
            eprintln!(
                "bound of {column}: {low} to {high} a cell, then the whole person-year to a norm of {norm}"
            );
        }
        for note in &explanation.notes {
            eprintln!("note: {note}");
        }
    }
    Ok(())
}
