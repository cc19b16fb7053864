//! `skjerm release`: the year's key figures.

mod check;
mod diff;
mod print;

use clap::{Args, Subcommand};
use skjerm_engine::Engine;
use skjerm_figures::release::{self, Store};
use skjerm_figures::workload::Workload;

use crate::args::{Common, reason};
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
        /// Why; kept in the release's record in the ledger.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: Option<String>,
        /// Who publishes: an analyst of the policy with the role "release".
        #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
        analyst: String,
    },
    /// All published releases, and which of them are in force.
    List,
    /// The record of a release: what left, why, by whom, at which risk, and what was checked.
    Record {
        /// Its id, as `release list` gives it.
        id: String,
        /// Who reads: an analyst of the policy with the role "release" or "steward".
        #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
        analyst: String,
    },
    /// All tables of a release.
    Show {
        /// Its id, as `release list` gives it.
        id: String,
        /// This table alone.
        #[arg(long, value_name = "NAME")]
        table: Option<String>,
    },
    /// What differs between two releases, of one year or of two, and which differences are real.
    Diff {
        /// Id of the one.
        a: String,
        /// Id of the other.
        b: String,
    },
    /// Whether every file of every release is as it was published, and no file is missing or foreign.
    Check {
        /// One release; without it, all.
        id: Option<String>,
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
        ReleaseVerb::Publish { year, rho, reason, analyst } => {
            let engine = Engine::open(&installation)?;
            let caller = engine.authenticate(&analyst)?;
            let wanted = release::Wanted { year, rho, reason: reason.as_deref() };
            let published =
                release::publish(&engine, &caller, &installation, &Workload::key_figures(), &wanted).await?;
            print::release(common.format, &published)
        }
        ReleaseVerb::List => print::list(common.format, &Store::open(&installation).list()?),
        ReleaseVerb::Record { id, analyst } => {
            let engine = Engine::open(&installation)?;
            let caller = engine.authenticate(&analyst)?;
            Store::open(&installation).show(&id)?;
            let record = release::record_of(&engine, &caller, &id)?.ok_or_else(|| {
                Failure::fault(format!("the ledger has no record of the release {id}"))
                    .with_hint("`skjerm budget verify` says whether the ledger is whole; `skjerm release publish` for its year writes a missing record")
            })?;
            print::record(common.format, &record)
        }
        ReleaseVerb::Show { id, table } => {
            let release = Store::open(&installation).show(&id)?;
            match table {
                Some(name) => print::table(common.format, release, &name),
                None => print::release(common.format, &release),
            }
        }
        ReleaseVerb::Diff { a, b } => {
            let store = Store::open(&installation);
            let policy = open::policy(&installation)?;
            diff::print(common.format, &release::diff(&store.show(&a)?, &store.show(&b)?, &policy)?)
        }
        ReleaseVerb::Check { id } => check::run(common, &Store::open(&installation), id.as_deref()),
    }
}
