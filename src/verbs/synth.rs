//! `skjerm synth`: a synthetic city as export files.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::Args;
use skjerm_ingest::Progress as _;
use skjerm_synth::{SynthOptions, SynthSummary};

use crate::args::Common;
use crate::failure::Failure;
use crate::output::{self, Sheet};
use crate::progress::Bars;

#[derive(Debug, Args)]
pub(crate) struct SynthArgs {
    /// The folder for the export files; made when it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    city: CityArgs,
}

/// Which city: the same numbers give the same files, byte for byte.
#[derive(Debug, Args)]
pub(crate) struct CityArgs {
    /// Persons met by any service in a year. From 2,400 the published figures of Uteseksjonen are reproduced.
    #[arg(long, default_value_t = 6000)]
    persons: u32,
    /// First and last calendar year.
    #[arg(long, default_value = "2019..2025", value_parser = years)]
    years: RangeInclusive<i32>,
    /// Seed of the random numbers.
    #[arg(long, default_value_t = 2023)]
    seed: u64,
}

impl CityArgs {
    pub(crate) fn options(&self, out: PathBuf) -> SynthOptions {
        SynthOptions { out, persons: self.persons, years: self.years.clone(), seed: self.seed }
    }

    pub(crate) fn years(&self) -> RangeInclusive<i32> {
        self.years.clone()
    }
}

fn years(text: &str) -> Result<RangeInclusive<i32>, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let number =
        |part: &str| part.trim().parse::<i32>().map_err(|_| "write years as 2019..2025 or 2023".to_owned());
    let range = number(first)?..=number(last)?;
    if range.is_empty() { Err("the first year is after the last".to_owned()) } else { Ok(range) }
}

/// Generates the city with a progress bar.
pub(crate) fn generate(options: &SynthOptions) -> Result<SynthSummary, Failure> {
    let bars = Bars::new();
    let summary = skjerm_synth::generate(options, &bars)?;
    bars.finish();
    Ok(summary)
}

pub(crate) fn run(common: &Common, args: SynthArgs) -> Result<(), Failure> {
    let summary = generate(&args.city.options(args.out))?;
    let mut sheet = Sheet::new(&["source", "file"]);
    for (source, file) in &summary.files {
        sheet.push(vec![source.clone(), file.display().to_string()]);
    }
    output::print(common.format, &sheet, &summary)?;
    for note in &summary.notes {
        eprintln!("note: {note}");
    }
    Ok(())
}
