//! `skjerm release`: the year's key figures.

use clap::{Args, Subcommand};
use serde_json::json;
use skjerm_engine::Engine;
use skjerm_figures::release::{self, Record, Release, Store};
use skjerm_figures::workload::Workload;
use skjerm_figures::{Language, key_figures};
use skjerm_warehouse::policy::Policy;

use crate::args::{Common, Format, reason};
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
    /// All published releases.
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
            print_release(common.format, &published, engine.policy())
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
        ReleaseVerb::Record { id, analyst } => {
            let engine = Engine::open(&installation)?;
            let caller = engine.authenticate(&analyst)?;
            Store::open(&installation).show(&id)?;
            let record = release::record_of(&engine, &caller, &id)?.ok_or_else(|| {
                Failure::fault(format!("the ledger has no record of the release {id}"))
                    .with_hint("`skjerm budget verify` says whether the ledger is whole; `skjerm release publish` for its year writes a missing record")
            })?;
            print_record(common.format, &record)
        }
        ReleaseVerb::Show { id } => {
            let release = Store::open(&installation).show(&id)?;
            let policy = open::policy(&installation)?;
            print_release(common.format, &release, &policy)
        }
    }
}

fn print_record(format: Format, record: &Record) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["", "record"]);
    let mut line = |name: &str, value: String| sheet.push(vec![name.to_owned(), value]);
    line("what", record.what.clone());
    line("why", record.reason.clone().unwrap_or_else(|| "not said".to_owned()));
    line("by whom", format!("{}, {}", record.by, record.published));
    line(
        "how much",
        format!(
            "{} tables, {} cells, {} of them shown as \":\"",
            record.tables, record.cells, record.suppressed
        ),
    );
    line("of what", format!("snapshot {}, answer {}", record.snapshot, record.answer));
    line(
        "price",
        format!("ρ {} (ε {} at δ {:e})", record.rho, output::epsilon(record.epsilon, 2), record.delta),
    );
    line(
        "year so far",
        format!(
            "ε {}; over all years ε {}",
            output::epsilon(record.epsilon_year, 2),
            output::epsilon(record.epsilon_all_years, 2)
        ),
    );
    for risk in &record.risk {
        line("risk", risk.en.clone());
    }
    for check in &record.checks {
        line(if check.passed { "passed" } else { "FAILED" }, check.what.en.clone());
    }
    line("status", record.status.clone());
    output::print(format, &sheet, record)
}

/// The tables one below the other, with the unbiased value, its interval and the display value beside each other; then the exact
/// figures about the service, and each of its weeks.
fn print_release(format: Format, release: &Release, policy: &Policy) -> Result<(), Failure> {
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
                row.display.text(Language::En),
                output::number(row.value),
                output::interval(row.low, row.high),
            ]);
        }
    }
    let (operational, weeks) =
        (key_figures::operational(release, policy), key_figures::patrol_weeks(release));
    for figure in &operational {
        let cell = format!("{}, {}", figure.theme.en.to_lowercase(), figure.category.en);
        let shown = figure.display.text(Language::En);
        sheet.push(vec![figure.name.clone(), cell, shown, output::number(figure.value), "exact".to_owned()]);
    }
    for week in &weeks {
        let (patrols, cell) = (week.patrols.to_string(), format!("week {}", week.week));
        let against = if week.below_target { "exact, under the target" } else { "exact" };
        sheet.push(vec!["patrol_by_week".to_owned(), cell, patrols.clone(), patrols, against.to_owned()]);
    }
    let mut document = serde_json::to_value(release)
        .map_err(|error| Failure::fault(format!("the release cannot be written: {error}")))?;
    document["operational_figures"] = json!(operational);
    document["patrol_weeks"] = json!(weeks);
    output::print(format, &sheet, &document)?;
    if format == Format::Table {
        eprintln!(
            "\nrelease {}: ρ {} (ε {} at δ {:e})",
            release.id,
            release.rho,
            output::epsilon(release.epsilon, 2),
            release.delta
        );
        eprintln!("The interval belongs to the unbiased value; the display values add up over all tables.");
    }
    Ok(())
}
