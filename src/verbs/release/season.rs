//! `skjerm release season`: trend and season of a table by month or quarter, over the years.

use std::collections::BTreeMap;

use skjerm_figures::release::Store;
use skjerm_figures::season;

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::output::{self, Sheet};

pub(super) fn run(
    common: &Common,
    store: &Store,
    (workload, table): (&str, &str),
    cell: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let series = season::of_releases(&store.of_workload(workload)?, table, cell)?;
    let mut sheet = Sheet::new(&[
        "year",
        "",
        "unbiased",
        "95 % interval",
        "trend",
        "95 % interval",
        "season",
        "adjusted",
    ]);
    for ((year, code), point) in series.times.iter().zip(&series.parts.points) {
        sheet.push(vec![
            year.to_string(),
            code.clone(),
            output::number(point.value.value),
            output::interval(point.value.low, point.value.high),
            output::number(point.trend.value),
            output::interval(point.trend.low, point.trend.high),
            output::number(point.season.value),
            output::number(point.adjusted.value),
        ]);
    }
    output::print(common.format, &sheet, &series)?;
    if common.format == Format::Table {
        if let Some(test) = &series.parts.season {
            eprintln!("\n{}", test.sentence.en);
        }
        eprintln!("Intervals are of the noise alone: how months vary by nature is not in them.");
    }
    Ok(())
}
