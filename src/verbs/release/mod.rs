//! `skjerm release`: planned tables of a year.

mod check;
mod compare;
mod diff;
mod plan;
mod print;
mod season;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use skjerm_engine::Engine;
use skjerm_figures::release::{self, Period, Store};
use skjerm_figures::workload::Workload;

use crate::args::{Common, reason};
use crate::failure::Failure;
use crate::open;

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    #[command(subcommand)]
    verb: ReleaseVerb,
}

#[derive(Debug, Subcommand)]
enum ReleaseVerb {
    /// What every table of a release would be worth, before anything is spent; touches no data.
    Plan(Planned),
    /// Measure and publish tables of a year, or of a campaign of scene counts. The same year, data and workload again is the same release, free.
    Publish {
        #[command(flatten)]
        planned: Planned,
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
    /// Figures of a release beside each other: differences, ratios, shares, rates, and the change since another year, with intervals.
    Compare(compare::Compared),
    /// Trend and season of a table by month or quarter, over all years published: two or more, without a gap.
    Season {
        /// The table, such as `follow_up_by_month`.
        table: String,
        /// The code of each other dimension of it, such as `age=18-24`.
        #[arg(long = "where", value_name = "DIMENSION=CODE,…", value_parser = codes)]
        cell: Option<BTreeMap<String, String>>,
        /// Name of the workload that it is of.
        #[arg(long, default_value = "monthly")]
        workload: String,
    },
    /// Whether every file of every release is as it was published, and no file is missing or foreign.
    Check {
        /// One release; without it, all.
        id: Option<String>,
    },
}

/// Which tables, of which year or campaign, at which price.
#[derive(Debug, Args)]
struct Planned {
    /// A shipped workload (`key_figures`, monthly, quarterly, services, scene), or the path of a workload file.
    #[arg(default_value = "key_figures", value_name = "WORKLOAD")]
    workload: String,
    /// The calendar year.
    #[arg(long, required_unless_present = "campaign")]
    year: Option<i32>,
    /// A campaign of scene counts, such as 2025-summer, for the workload scene.
    #[arg(long, conflicts_with = "year")]
    campaign: Option<String>,
    /// ρ of the whole release; without it, what the workload says, or what the releases' share has left.
    #[arg(long, conflicts_with = "within")]
    rho: Option<f64>,
    /// 95 % half-widths to be kept at the least ρ, such as `contact_by_age=15,contact_total=8`.
    #[arg(long, value_name = "TABLE=HALF-WIDTH,…", value_parser = half_widths)]
    within: Option<BTreeMap<String, f64>>,
}

impl Planned {
    async fn period(&self, engine: &Engine) -> Result<Period, Failure> {
        match (&self.campaign, self.year) {
            (Some(campaign), _) => Ok(Period::of_campaign(engine, campaign).await?),
            (None, Some(year)) => Ok(year.into()),
            (None, None) => Err(Failure::refused("a release is of a year or of a campaign")
                .with_hint("name one with --year or --campaign")),
        }
    }
}

fn half_widths(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let one = |part: &str| {
        let (name, width) =
            part.split_once('=').ok_or_else(|| format!("\"{part}\" is not TABLE=HALF-WIDTH"))?;
        let width = width
            .trim()
            .parse()
            .map_err(|_| format!("the half-width of \"{}\" is no number", name.trim()))?;
        Ok((name.trim().to_owned(), width))
    };
    text.split(',').map(one).collect()
}

fn codes(text: &str) -> Result<BTreeMap<String, String>, String> {
    let one = |part: &str| {
        let (dimension, code) =
            part.split_once('=').ok_or_else(|| format!("\"{part}\" is not DIMENSION=CODE"))?;
        Ok((dimension.trim().to_owned(), code.trim().to_owned()))
    };
    text.split(',').map(one).collect()
}

pub(crate) async fn run(common: &Common, args: ReleaseArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    match args.verb {
        ReleaseVerb::Plan(planned) => plan::run(common, &installation, &planned).await,
        ReleaseVerb::Publish { planned, reason, analyst } => {
            let engine = Engine::open(&installation)?;
            let caller = engine.authenticate(&analyst)?;
            let workload = Workload::named(&planned.workload)?;
            let wanted = release::Wanted {
                period: &planned.period(&engine).await?,
                rho: planned.rho,
                within: planned.within.as_ref(),
                reason: reason.as_deref(),
            };
            let folder = installation.releases_dir();
            let before: Vec<_> = std::fs::read_dir(&folder)
                .map(|entries| entries.flatten().map(|entry| entry.file_name()).collect())
                .unwrap_or_default();
            let published = release::publish(&engine, &caller, &installation, &workload, &wanted).await?;
            print::release(common.format, &published, engine.policy())?;
            if before.iter().any(|name| name == published.id.as_str()) {
                eprintln!(
                    "note: {} was published before, at ρ {}: the same data and workload are the same release; nothing was charged",
                    published.id, published.rho
                );
            }
            Ok(())
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
            let policy = open::policy(&installation)?;
            match table {
                Some(name) => print::table(common.format, release, &name),
                None => print::release(common.format, &release, &policy),
            }
        }
        ReleaseVerb::Diff { a, b } => {
            let store = Store::open(&installation);
            let policy = open::policy(&installation)?;
            diff::print(common.format, &release::diff(&store.show(&a)?, &store.show(&b)?, &policy)?)
        }
        ReleaseVerb::Compare(compared) => compare::run(common, &installation, compared),
        ReleaseVerb::Season { table, cell, workload } => {
            let store = Store::open(&installation);
            season::run(common, &store, (&workload, &table), &cell.unwrap_or_default())
        }
        ReleaseVerb::Check { id } => check::run(common, &Store::open(&installation), id.as_deref()),
    }
}
