//! `skjerm warehouse retain`: drops what is past its time.

use clap::Args;
use skjerm_engine::Engine;
use skjerm_warehouse::{Installation, today_in_oslo};

use crate::args::{Common, Format, reason};
use crate::failure::Failure;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(super) struct RetainArgs {
    /// Why; kept in the ledger.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Only say what would be dropped.
    #[arg(long)]
    dry_run: bool,
    /// Who does it: an analyst with the role "steward".
    #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
    analyst: String,
}

pub(super) async fn run(
    common: &Common,
    installation: &Installation,
    args: RetainArgs,
) -> Result<(), Failure> {
    let engine = Engine::open(installation)?;
    let steward = engine.authenticate(&args.analyst)?;
    let retained = engine.retain(&steward, today_in_oslo(), &args.reason, args.dry_run).await?;
    let mut sheet = Sheet::new(&["table", "kept from", "years dropped", "files", "rows"]);
    for (table, dropped) in &retained.tables {
        let years: Vec<String> = dropped.years.iter().map(i32::to_string).collect();
        sheet.push(vec![
            table.clone(),
            dropped.oldest_kept.to_string(),
            years.join(", "),
            dropped.files.to_string(),
            dropped.rows.to_string(),
        ]);
    }
    output::print(common.format, &sheet, &retained)?;
    if common.format == Format::Table {
        if retained.tables.is_empty() {
            eprintln!("\nNothing is past its time on {}.", retained.today);
        } else if args.dry_run {
            eprintln!("\nnothing was dropped (--dry-run)");
        }
        eprintln!("These are exact counts for the steward: not for publication.");
    }
    Ok(())
}
