//! `skjerm warehouse policy`: how the policy file stands beside the policy in force.

use clap::Args;
use skjerm_engine::{Engine, PolicyChange};
use skjerm_warehouse::Installation;

use crate::args::{Common, reason};
use crate::failure::Failure;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    /// Put it in force although it promises less.
    #[arg(long, requires = "reason")]
    accept: bool,
    /// Why; kept in the ledger.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// Who decides: an analyst with the role "steward" in the policy in force.
    #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
    analyst: String,
}

pub(super) fn run(common: &Common, installation: &Installation, args: PolicyArgs) -> Result<(), Failure> {
    let reason = args.reason.filter(|_| args.accept);
    let change = match &reason {
        Some(reason) => Engine::accept_policy(installation, &args.analyst, reason)?,
        None => Engine::policy_change(installation)?,
    };
    print_change(common, &change, reason.is_some())
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
