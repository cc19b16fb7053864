//! `skjerm ingest`: export files into the warehouse.

use std::path::PathBuf;

use clap::Args;
use skjerm_ingest::{IngestOptions, IngestReport, LinkingKey, Progress as _};
use skjerm_warehouse::{Installation, WarehouseKey};

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};
use crate::progress::Bars;

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// The export files of one source.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The source whose mapping reads them: soma, kontakt, beds, patrol, scene or agency.
    #[arg(long)]
    source: String,
    /// Read and check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
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

pub(crate) async fn run(common: &Common, args: IngestArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    let files: Vec<(String, PathBuf)> =
        args.files.into_iter().map(|file| (args.source.clone(), file)).collect();
    let report = load(&installation, &files, args.dry_run).await?;
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
        }
        if report.read == 0 {
            eprintln!("\nNothing was read: the files hold headers but no rows.");
        } else if report.quarantined == report.read {
            eprintln!(
                "\nNo row could be used: the file is in another format than the mapping of this source reads."
            );
        }
        if report.quarantined > 0 {
            eprintln!("quarantine: {}", installation.quarantine_dir().display());
        }
        eprintln!("These are exact counts for the steward: not for publication.");
    }
    Ok(())
}
