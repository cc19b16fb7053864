//! `skjerm release`: the year's key figures.

use clap::{Args, Subcommand};
use serde_json::json;
use skjerm_engine::Engine;
use skjerm_figures::release::{self, Release, Store};
use skjerm_figures::workload::Workload;

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    #[command(subcommand)]
    verb: ReleaseVerb,
}

#[derive(Debug, Subcommand)]
enum ReleaseVerb {
    /// What every table of a release would be worth, before anything is spent; touches no data.
    Plan {
        /// The calendar year.
        #[arg(long)]
        year: i32,
        /// ρ of the whole release; without it, the releases' share of the year.
        #[arg(long)]
        rho: Option<f64>,
    },
    /// Measure and publish a year's key figures. The same year and data again is the same release, free.
    Publish {
        /// The calendar year.
        #[arg(long)]
        year: i32,
        /// ρ of the whole release; without it, the releases' share of the year.
        #[arg(long)]
        rho: Option<f64>,
        /// Who publishes: an analyst of the policy with the role "release".
        #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
        analyst: String,
    },
    /// All published releases.
    List,
    /// All tables of a release.
    Show {
        /// Its id, as `release list` gives it.
        id: String,
    },
}

pub(crate) async fn run(common: &Common, args: ReleaseArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    match args.verb {
        ReleaseVerb::Plan { year, rho } => {
            let policy = open::policy(&installation)?;
            let share = policy
                .budget
                .get("persons")
                .and_then(|budget| Some(budget.rho * budget.shares.get("releases")?));
            let rho = rho
                .or(share)
                .ok_or_else(|| Failure::refused("the policy has no share for releases; name --rho"))?;
            let plan = release::plan(&policy, &Workload::key_figures(), year, rho)?;
            let mut sheet =
                Sheet::new(&["table", "dimensions", "cells", "sd", "95 % ±", "sd of an equal split"]);
            for table in &plan.tables {
                sheet.push(vec![
                    table.name.clone(),
                    table.dimensions.join(" × "),
                    table.cells.to_string(),
                    format!("{:.2}", table.sd),
                    format!("{:.1}", table.half_width),
                    format!("{:.2}", table.equal_split_sd),
                ]);
            }
            output::print(common.format, &sheet, &plan)
        }
        ReleaseVerb::Publish { year, rho, analyst } => {
            let engine = Engine::open(&installation)?;
            let caller = engine.authenticate(&analyst)?;
            let published =
                release::publish(&engine, &caller, &installation, &Workload::key_figures(), year, rho)
                    .await?;
            print_release(common.format, &published)
        }
        ReleaseVerb::List => {
            let releases = Store::open(&installation).list()?;
            let mut sheet = Sheet::new(&["id", "year", "published", "ρ", "tables"]);
            for release in &releases {
                sheet.push(vec![
                    release.id.clone(),
                    release.year.to_string(),
                    release.published.clone(),
                    release.rho.to_string(),
                    release.tables.to_string(),
                ]);
            }
            output::print(common.format, &sheet, &json!({"releases": releases}))
        }
        ReleaseVerb::Show { id } => print_release(common.format, &Store::open(&installation).show(&id)?),
    }
}

/// The tables one below the other, with the unbiased value, its interval and the display value beside each other.
fn print_release(format: Format, release: &Release) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["table", "cell", "display", "unbiased", "95 % interval"]);
    for table in &release.tables {
        for row in &table.rows {
            let key: Vec<String> = table
                .dimensions
                .iter()
                .map(|dimension| row.key.get(dimension).cloned().unwrap_or_default())
                .collect();
            sheet.push(vec![
                table.name.clone(),
                if key.is_empty() { "all".to_owned() } else { key.join(" · ") },
                row.display.text(skjerm_figures::Language::En),
                output::number(row.value),
                output::interval(row.low, row.high),
            ]);
        }
    }
    output::print(format, &sheet, release)?;
    if format == Format::Table {
        eprintln!(
            "\nrelease {}: ρ {} (ε {:.2} at δ {:e})",
            release.id, release.rho, release.epsilon, release.delta
        );
        eprintln!("The interval belongs to the unbiased value; the display values add up over all tables.");
    }
    Ok(())
}
