//! The command line as a type.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::verbs;

/// Private key figures for Oslo's outreach work: exports in, pseudonymous warehouse, noisy answers out.
#[derive(Debug, Parser)]
#[command(name = "skjerm", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The installation: the folder that holds policy, keys, warehouse, ledger and releases.
    #[arg(long, global = true, env = "SKJERM_DIR", default_value = "skjerm-data", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// How results are printed. With `json`, one document on standard output and nothing else there.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Csv,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a synthetic city, ingest it, publish its key figures and show them.
    Demo(verbs::demo::DemoArgs),
    /// Write a synthetic city as export files, the way the sources would make them.
    Synth(verbs::synth::SynthArgs),
    /// Make a new installation with the shipped policy for Oslo.
    Init(verbs::init::InitArgs),
    /// Make or list the keys.
    Keys(verbs::keys::KeysArgs),
    /// Read export files into the warehouse; rows that cannot be used go to quarantine.
    Ingest(verbs::ingest::IngestArgs),
    /// What the warehouse holds.
    Warehouse(verbs::warehouse::WarehouseArgs),
    /// Ask a question in SQL; the answer carries noise, intervals and its price.
    Query(verbs::query::QueryArgs),
    /// Plan, publish and show the year's key figures.
    Release(verbs::release::ReleaseArgs),
    /// Compare count campaigns of the open drug scenes.
    Scene(verbs::scene::SceneArgs),
    /// What is spent and left, what happened, and the proof that the book is whole.
    Budget(verbs::budget::BudgetArgs),
    /// Serve the dashboard.
    Serve(verbs::serve::ServeArgs),
}

/// A reason that is kept in the ledger: somebody must be able to read why.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().any(char::is_alphanumeric) {
        Ok(text.to_owned())
    } else {
        Err("say why, in words".to_owned())
    }
}
