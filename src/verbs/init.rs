//! `skjerm init`: a new installation.

use clap::Args;
use serde_json::json;
use skjerm_engine::Engine;
use skjerm_warehouse::Installation;

use crate::args::Common;
use crate::failure::Failure;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct InitArgs {}

pub(crate) fn run(common: &Common, _: InitArgs) -> Result<(), Failure> {
    let installation = Installation::init(&common.dir)?;
    // It can be run again: a ledger that is there stays.
    if installation.ledger_path().exists() {
        Engine::finish_ledger(&installation)?;
    } else {
        Engine::init_ledger(&installation)?;
    }
    let dir = common.dir.display().to_string();
    let policy = installation.policy_path().display().to_string();
    let mut sheet = Sheet::new(&["what", "where"]);
    sheet.push(vec!["installation".into(), dir.clone()]);
    sheet.push(vec!["policy".into(), policy.clone()]);
    output::print(common.format, &sheet, &json!({"dir": dir, "policy": policy}))?;
    eprintln!("next: skjerm --dir {dir} keys new");
    Ok(())
}
