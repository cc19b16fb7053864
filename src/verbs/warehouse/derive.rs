//! `skjerm warehouse derive`: makes derived tables anew under the policy in force.

use clap::Args;
use skjerm_engine::Engine;
use skjerm_warehouse::Installation;

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(super) struct DeriveArgs {
    /// Who does it: an analyst with the role "steward".
    #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
    analyst: String,
}

pub(super) async fn run(
    common: &Common,
    installation: &Installation,
    args: DeriveArgs,
) -> Result<(), Failure> {
    let engine = Engine::open(installation)?;
    let steward = engine.authenticate(&args.analyst)?;
    let done = engine.rederive(&steward).await?;
    let mut sheet = Sheet::new(&["table", "files", "years that say something else"]);
    for (table, anew) in &done.tables {
        let years: Vec<String> = anew.changed.iter().map(i32::to_string).collect();
        sheet.push(vec![table.clone(), anew.files.to_string(), years.join(", ")]);
    }
    output::print(common.format, &sheet, &done)?;
    if common.format == Format::Table && done.tables.is_empty() {
        eprintln!("\nEvery derived table has the columns of the policy.");
    }
    Ok(())
}
