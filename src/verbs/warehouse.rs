//! `skjerm warehouse`: what the warehouse holds.

use clap::{Args, Subcommand};
use serde_json::json;
use skjerm_engine::{Engine, PolicyChange};
use skjerm_warehouse::Installation;

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
    /// How the policy file stands beside the policy in force; with --accept, puts one in force that promises less.
    Policy {
        /// Put it in force although it promises less.
        #[arg(long, requires = "reason")]
        accept: bool,
        /// Why; kept in the ledger.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Who decides: an analyst with the role "steward" in the policy in force.
        #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
        analyst: String,
    },
}

pub(crate) async fn run(common: &Common, args: WarehouseArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    match args.verb {
        WarehouseVerb::Status => status(common, &installation).await,
        WarehouseVerb::Policy { accept, reason, analyst } => {
            let reason = reason.filter(|_| accept);
            let change = match &reason {
                Some(reason) => Engine::accept_policy(&installation, &analyst, reason)?,
                None => Engine::policy_change(&installation)?,
            };
            print_change(common, &change, reason.is_some())
        }
    }
}

fn print_change(common: &Common, change: &PolicyChange, accepted: bool) -> Result<(), Failure> {
    let in_force = accepted || change.loosens.is_empty();
    let mut sheet = Sheet::new(&["", "policy"]);
    let mut line = |name: &str, value: &str| sheet.push(vec![name.to_owned(), value.to_owned()]);
    line("policy", &change.policy);
    line(
        "state",
        match (in_force, change.changed) {
            (true, false) => "in force",
            (true, true) if accepted => "in force from now on",
            (true, true) => "changed; promises no less, and comes into force with the next command",
            (false, _) => "NOT in force: it promises less",
        },
    );
    for limit in &change.limits {
        line("limit", limit);
    }
    for way in &change.loosens {
        line("less", way);
    }
    let mut document = serde_json::to_value(change).unwrap_or_default();
    document["in_force"] = in_force.into();
    output::print(common.format, &sheet, &document)
}

async fn status(common: &Common, installation: &Installation) -> Result<(), Failure> {
    let policy = open::policy(installation)?;
    let snapshot = open::warehouse(installation, &policy)?.snapshot().await?;
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
