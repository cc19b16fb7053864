//! `skjerm warehouse`: what the warehouse holds.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::args::Common;
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct WarehouseArgs {
    #[command(subcommand)]
    verb: WarehouseVerb,
}

#[derive(Debug, Subcommand)]
enum WarehouseVerb {
    /// The current snapshot: its tables, versions and files. For the steward; file sizes are not private.
    Status,
}

pub(crate) async fn run(common: &Common, args: WarehouseArgs) -> Result<(), Failure> {
    let WarehouseVerb::Status = args.verb;
    let installation = open::installation(common)?;
    let policy = open::policy(&installation)?;
    let snapshot = open::warehouse(&installation, &policy)?.snapshot().await?;
    let mut sheet = Sheet::new(&["table", "kind", "version", "files", "bytes"]);
    let mut tables = Vec::new();
    for (name, table) in &snapshot.tables {
        let kind =
            policy.table(name).map(|table| format!("{:?}", table.kind).to_lowercase()).unwrap_or_default();
        let bytes: u64 = table.files.iter().map(|file| file.bytes).sum();
        sheet.push(vec![
            name.clone(),
            kind.clone(),
            table.version.to_string(),
            table.files.len().to_string(),
            bytes.to_string(),
        ]);
        tables.push(json!({"name": name, "kind": kind, "version": table.version, "files": table.files.len(), "bytes": bytes}));
    }
    output::print(common.format, &sheet, &json!({"snapshot": snapshot.id, "tables": tables}))
}
