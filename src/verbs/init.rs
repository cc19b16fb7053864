//! `skjerm init`: a new installation.

use clap::Args;
use serde_json::json;
use skjerm_engine::Engine;
use skjerm_warehouse::{Installation, Storage, WarehouseError};

use crate::args::Common;
use crate::failure::Failure;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Keep the tables in this bucket instead of the installation's folder. The credentials come from
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, here and whenever the tables are used.
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    warehouse: Option<String>,
    /// The server of the bucket, unless it is Amazon's.
    #[arg(long, value_name = "URL", requires = "warehouse")]
    endpoint: Option<String>,
    /// The region of the bucket.
    #[arg(long, requires = "warehouse")]
    region: Option<String>,
    /// Let the server do without TLS.
    #[arg(long, requires = "warehouse")]
    allow_http: bool,
}

impl InitArgs {
    fn storage(&self) -> Result<Option<Storage>, WarehouseError> {
        let (endpoint, region) = (self.endpoint.as_deref(), self.region.as_deref());
        let storage = |url: &String| Storage::new(url, endpoint, region, self.allow_http);
        Ok(self.warehouse.as_ref().map(storage).transpose()?)
    }
}

pub(crate) fn run(common: &Common, args: &InitArgs) -> Result<(), Failure> {
    let installation = match args.storage()? {
        Some(storage) => Installation::init_in(&common.dir, &storage)?,
        None => Installation::init(&common.dir)?,
    };
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
