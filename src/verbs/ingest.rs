//! `skjerm ingest`: export files into the warehouse.

use std::path::{Path, PathBuf};

use clap::Args;
use skjerm_ingest::{DeliveryKey, IngestOptions, IngestReport, LinkingKey, Progress as _, Quality};
use skjerm_warehouse::{Installation, WarehouseKey};

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};
use crate::progress::Bars;

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// Export files of one source and folders of them; or deliveries, which need no --source.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The source whose mapping reads them: soma, kontakt, beds, patrol, scene, agency, or one of your own mappings.
    #[arg(long)]
    source: Option<String>,
    /// Read and check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Propose a mapping for one export of a source that none is known for: headers, and no value of a row. Reads the
    /// file and writes nothing.
    #[arg(long, conflicts_with_all = ["source", "dry_run", "to"])]
    guess: bool,
    /// Make a delivery of this name for a warehouse elsewhere, and load nothing. Needs the linking key alone.
    #[arg(long, value_name = "DELIVERY")]
    to: Option<PathBuf>,
}

/// Reads the files into the warehouse of the installation, with a progress bar.
pub(crate) async fn load(
    installation: &Installation,
    files: &[(String, PathBuf)],
    dry_run: bool,
) -> Result<IngestReport, Failure> {
    let policy = open::policy(installation)?;
    let linking = LinkingKey::load(&installation.linking_key_path())?;
    let warehouse_key = WarehouseKey::load(&installation.warehouse_key_path())?;
    let warehouse = open::warehouse(installation, &policy)?;
    let bars = Bars::new();
    let options = IngestOptions { dry_run, today: None };
    let report = skjerm_ingest::ingest(
        installation,
        &policy,
        &linking,
        &warehouse_key,
        &warehouse,
        files,
        options,
        &bars,
    )
    .await?;
    bars.finish();
    Ok(report)
}

/// Reads the files into a delivery.
fn deliver(
    installation: &Installation,
    files: &[(String, PathBuf)],
    target: &Path,
    dry_run: bool,
) -> Result<IngestReport, Failure> {
    let policy = open::policy(installation)?;
    let linking = LinkingKey::load(&installation.linking_key_path())?;
    let bars = Bars::new();
    let options = IngestOptions { dry_run, today: None };
    let report = skjerm_ingest::deliver(installation, &policy, &linking, files, target, options, &bars)?;
    bars.finish();
    Ok(report)
}

/// Prints a proposal for the mapping of a new source.
fn guess(common: &Common, installation: &Installation, files: &[PathBuf]) -> Result<(), Failure> {
    let [file] = files else {
        return Err(Failure::refused("a mapping is proposed for one file")
            .with_hint("name one export that is like the others of its source"));
    };
    let mapping = skjerm_ingest::guess(&*open::policy(installation)?, file)?;
    if common.format == Format::Json {
        return output::print_json(&serde_json::json!({"mapping": mapping}));
    }
    mapping.lines().for_each(|line| output::say_line(&output::harmless(line)));
    Ok(())
}

/// Loads deliveries.
async fn take_in(
    installation: &Installation,
    deliveries: &[PathBuf],
    dry_run: bool,
) -> Result<IngestReport, Failure> {
    let policy = open::policy(installation)?;
    let delivery = DeliveryKey::of(installation)?;
    let key = WarehouseKey::load(&installation.warehouse_key_path())?;
    let warehouse = open::warehouse(installation, &policy)?;
    let bars = Bars::new();
    let options = IngestOptions { dry_run, today: None };
    let report =
        skjerm_ingest::take_in(installation, &delivery, &key, &warehouse, deliveries, options, &bars).await?;
    bars.finish();
    Ok(report)
}

pub(crate) async fn run(common: &Common, args: IngestArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    if args.guess {
        return guess(common, &installation, &args.files);
    }
    let deliveries = args.files.iter().filter(|path| skjerm_ingest::is_delivery(path)).count();
    let report = match (&args.source, &args.to) {
        (None, None) if deliveries == args.files.len() => {
            take_in(&installation, &args.files, args.dry_run).await?
        }
        (None, _) => {
            return Err(Failure::refused("which source the files are of is not said").with_hint(
                "name it with --source, or give whole deliveries alone: folders with a manifest.json",
            ));
        }
        (Some(_), _) if deliveries > 0 => {
            return Err(Failure::refused("a delivery is among the files")
                .with_hint("give deliveries without --source and --to: their manifests say the source"));
        }
        (Some(source), target) => {
            let files: Vec<(String, PathBuf)> =
                args.files.iter().map(|file| (source.clone(), file.clone())).collect();
            match target {
                Some(target) => deliver(&installation, &files, target, args.dry_run)?,
                None => load(&installation, &files, args.dry_run).await?,
            }
        }
    };
    let mut sheet = Sheet::new(&["file", "read", "loaded", "replaced", "quarantined", "reasons"]);
    let mut total = [0; 4];
    for delivery in &report.deliveries {
        let counts = [delivery.read, delivery.loaded, delivery.replaced, delivery.quarantined];
        total.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        let reasons: Vec<String> =
            delivery.reasons.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        let mut row = vec![delivery.file.clone()];
        row.extend(counts.map(|count| count.to_string()));
        row.push(reasons.join(", "));
        sheet.push(row);
    }
    let mut row = vec!["all".to_owned()];
    row.extend(total.map(|count| count.to_string()));
    row.push(String::new());
    sheet.push(row);
    output::print(common.format, &sheet, &report)?;
    if common.format == Format::Table {
        if args.dry_run {
            eprintln!("\nnothing was written (--dry-run)");
        } else if let Some(target) = &args.to {
            eprintln!("\nmade the delivery {}; nothing was loaded", target.display());
        }
        refused(&report);
        quality(&report);
        if report.read == 0 {
            eprintln!("\nNothing was read: the files hold headers but no rows.");
        } else if report.quarantined == report.read {
            eprintln!(
                "\nNo row could be used: is this an export of the source that was named, and are its columns in order?"
            );
        }
        if report.quarantined > 0 && !args.dry_run {
            eprintln!("quarantine: {}", installation.quarantine_dir().display());
        }
        if !args.dry_run {
            let page = installation.quarantine_dir().join("last_report.html");
            eprintln!("quality of the delivery: {}", page.display());
        }
        eprintln!("These are exact counts for the steward: not for publication.");
    }
    Ok(())
}

/// Where rows cannot be used, and what to do about it. Headers of the mapping and lines of the file, and no value of a row.
fn refused(report: &IngestReport) {
    for delivery in report.deliveries.iter().filter(|delivery| !delivery.quality.refused.is_empty()) {
        eprintln!("\n{}: rows that cannot be used", output::harmless(&delivery.file));
        for rows in &delivery.quality.refused {
            let column = if rows.column.is_empty() { "the line" } else { &rows.column };
            let lines = if rows.rows == 1 { "line" } else { "lines" };
            let places = rows.places();
            eprintln!("- {column} ({}), {lines} {places}: {}", rows.reason, rows.advice());
        }
    }
}

/// What a steward should see of the quality at once; the rest is on the page.
fn quality(report: &IngestReport) {
    let sum = |of: fn(&Quality) -> u64| report.deliveries.iter().map(|d| of(&d.quality)).sum::<u64>();
    let mut levels = std::collections::BTreeMap::<&str, u64>::new();
    for (level, rows) in report.deliveries.iter().flat_map(|d| &d.quality.link_levels) {
        *levels.entry(level).or_default() += rows;
    }
    let persons: u64 = levels.values().sum();
    if persons > 0 {
        let share = |(level, rows): (&&str, &u64)| format!("{level} {} %", rows * 100 / persons);
        eprintln!("\npersons known by: {}", levels.iter().map(share).collect::<Vec<_>>().join(", "));
    }
    for (what, number) in [
        ("rows of a record that came twice", sum(|q| q.duplicates.unwrap_or_default())),
        ("rows taken back by the source", sum(|q| q.withdrawn)),
        ("rows dated outside the period (quarantined)", sum(|q| q.outside_period)),
        ("codes that are unknown", sum(|q| q.unknown.values().sum())),
        ("client numbers linked to a person now", sum(|q| q.linked_clients.unwrap_or_default())),
        (
            "client numbers said to be two persons' (not linked: ask the source)",
            sum(|q| q.contradicted_clients.unwrap_or_default()),
        ),
    ] {
        if number > 0 {
            eprintln!("{number} {what}");
        }
    }
}
