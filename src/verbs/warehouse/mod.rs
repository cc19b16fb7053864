//! `skjerm warehouse`: what the warehouse holds, and the steward's work on it.

mod check;
mod compact;
mod derive;
mod erase;
mod policy;
mod reference;
mod retain;
mod status;

use clap::{Args, Subcommand};

use crate::args::Common;
use crate::failure::Failure;
use crate::open;

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
    Policy(policy::PolicyArgs),
    /// Makes derived tables anew after the policy gained or lost a column of them.
    Derive(derive::DeriveArgs),
    /// Takes persons out of every table, and proves that no file of the installation holds them any more.
    Erase(erase::EraseArgs),
    /// Drops the years that the policy does not let be kept any longer.
    Retain(retain::RetainArgs),
    /// Looks every file over, against its name, the log and the policy, and says how far persons could be told
    /// apart. For the steward; exact.
    Check(check::CheckArgs),
    /// Public reference data: residents by district, year and age band, and the regions.
    Reference(reference::ReferenceArgs),
    /// Deletes files that no snapshot names: replaced ones, and what loads that were cut short left behind.
    Compact,
}

pub(crate) async fn run(common: &Common, args: WarehouseArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    match args.verb {
        WarehouseVerb::Status => status::run(common, &installation).await,
        WarehouseVerb::Policy(args) => policy::run(common, &installation, args),
        WarehouseVerb::Derive(args) => derive::run(common, &installation, args).await,
        WarehouseVerb::Erase(args) => erase::run(common, &installation, args).await,
        WarehouseVerb::Retain(args) => retain::run(common, &installation, args).await,
        WarehouseVerb::Check(args) => check::run(common, &installation, args).await,
        WarehouseVerb::Reference(args) => reference::run(common, &installation, args),
        WarehouseVerb::Compact => compact::run(common, &installation).await,
    }
}
