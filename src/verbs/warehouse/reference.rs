//! `skjerm warehouse reference`: public reference data.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use skjerm_warehouse::policy::Policy;
use skjerm_warehouse::reference::{self, Imported};
use skjerm_warehouse::{Installation, Reference};

use crate::args::Common;
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct ReferenceArgs {
    #[command(subcommand)]
    verb: ReferenceVerb,
}

#[derive(Debug, Subcommand)]
enum ReferenceVerb {
    /// Import residents by district, year and age: SSB's table 10826 as JSON-stat 2 or CSV, or Oslo's as CSV. All of the
    /// file is used or nothing. A dashboard that is being served shows them when it is started anew.
    Import {
        /// The file.
        file: PathBuf,
        /// Only say what it holds and what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Where the figures in use come from: years, districts, file and its hash.
    Show,
    /// The regions of the policy: which districts are put together.
    Regions,
}

pub(crate) fn run(common: &Common, installation: &Installation, args: ReferenceArgs) -> Result<(), Failure> {
    match args.verb {
        ReferenceVerb::Import { file, dry_run } => {
            let policy = open::policy(installation)?;
            let districts = policy.code_list("district").ok_or_else(|| {
                Failure::refused("the policy has no code list \"district\", so residents belong nowhere")
                    .with_hint("add [codes.district] to the policy")
            })?;
            let imported = reference::import(installation, districts, &file, dry_run)?;
            print_import(common, &imported, dry_run)
        }
        ReferenceVerb::Show => show(common, &Reference::of(installation)?),
        ReferenceVerb::Regions => {
            let policy = open::policy(installation)?;
            regions(common, &policy)
        }
    }
}

fn print_import(common: &Common, imported: &Imported, dry_run: bool) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["", if dry_run { "would be imported" } else { "imported" }]);
    let mut line = |name: &str, value: String| sheet.push(vec![name.to_owned(), value]);
    line("file", imported.source.file.clone());
    line("hash", imported.hash.clone());
    for (name, said) in [("table", &imported.source.title), ("updated", &imported.source.updated)] {
        line(name, said.clone().unwrap_or_else(|| "not said".to_owned()));
    }
    line("years", ranges(&imported.years));
    line("districts", imported.districts.join(" "));
    line("age bands", imported.bands.join(" "));
    if !imported.unknown.is_empty() {
        line("unknown from now on", imported.unknown.join(" "));
    }
    let compared = &imported.compared;
    line(
        "beside the shipped",
        format!("{} the same, {} different, {} new", compared.same, compared.different, compared.new),
    );
    if let Some(first) = &compared.first {
        let (district, year, band) = (&first.district, first.year, first.band);
        line(
            "first different",
            format!("{district} in {year}, ages {band}: {}, shipped {}", first.imported, first.shipped),
        );
    }
    let mut document = serde_json::to_value(imported).unwrap_or_default();
    document["dry_run"] = dry_run.into();
    output::print(common.format, &sheet, &document)
}

fn show(common: &Common, reference: &Reference) -> Result<(), Failure> {
    let mut sheet =
        Sheet::new(&["file", "years", "districts", "age bands", "table", "updated", "imported", "hash"]);
    let sources = reference.sources();
    for source in &sources {
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        sheet.push(vec![
            source.file.clone(),
            ranges(&source.years),
            source.districts.to_string(),
            source.bands.join(" "),
            said(&source.title),
            said(&source.updated),
            said(&source.imported),
            source.hash.clone(),
        ]);
    }
    output::print(common.format, &sheet, &json!({"sources": sources}))
}

fn regions(common: &Common, policy: &Policy) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["grouping", "region", "district", "label"]);
    for row in policy.region_table() {
        sheet.push([row.grouping, row.region, row.district, &row.label.no].map(str::to_owned).to_vec());
    }
    let rows: Vec<_> = policy.region_table().collect();
    output::print(common.format, &sheet, &json!({"regions": rows}))
}

/// Years as "2005–2023, 2025".
fn ranges(years: &[i32]) -> String {
    let runs = years.chunk_by(|before, after| before + 1 == *after);
    let shown = runs.map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}–{last}"),
        [] => String::new(),
    });
    shown.collect::<Vec<_>>().join(", ")
}
