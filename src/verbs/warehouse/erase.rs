//! `skjerm warehouse erase`: takes persons out, and prints the proof.

use std::path::PathBuf;

use clap::Args;
use skjerm_engine::Engine;
use skjerm_ingest::LinkingKey;
use skjerm_warehouse::{Erasure, Installation, WarehouseKey};

use crate::args::{Common, Format, reason};
use crate::failure::Failure;
use crate::output::{self, Sheet};

/// What an erasure does not reach. Printed with every one.
const OUTSIDE: &str = "\
Searched were the pseudonyms that follow from the list, and nothing else: rows that a source kept under another number,
name or client number of the same person stay until the list says it. Not searched: what lies in archives, workbooks or
other compressed files that were put into this folder, and identifiers in plain text.
Not reached by this: answers and releases given out before (they are noisy, and stay as they are); the sources' own
systems and exports; backups of this installation and file-system snapshots; and the next delivery of a source that
still has the person, which brings the rows back. Quarantine files hold line numbers and reasons, and no person.
The list of persons is yours to delete.";

#[derive(Debug, Args)]
pub(super) struct EraseArgs {
    /// The list of persons: CSV with a header, such as Fødselsnummer, or Navn and Fødselsdato, or Kilde and
    /// Klientnummer; `-` reads it from standard input. Never on the command line: others could read it there.
    #[arg(value_name = "FILE")]
    list: PathBuf,
    /// Why; kept in the ledger. Without names or numbers of persons.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Who does it: an analyst with the role "steward".
    #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
    analyst: String,
}

pub(super) async fn run(
    common: &Common,
    installation: &Installation,
    args: EraseArgs,
) -> Result<(), Failure> {
    let engine = Engine::open(installation)?;
    let steward = engine.authenticate(&args.analyst)?;
    let linking = LinkingKey::load(&installation.linking_key_path())?;
    let key = WarehouseKey::load(&installation.warehouse_key_path())?;
    let persons = skjerm_ingest::persons_to_erase(installation, engine.policy(), &linking, &key, &args.list)?;
    let erasure = engine.erase(&steward, &[key], &persons, &args.reason).await?;
    if !erasure.proof.found.is_empty() {
        let paths: Vec<String> = erasure.proof.found.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::fault(format!(
            "the persons are out of the tables, but these files still hold their pseudonyms: {}",
            paths.join(", ")
        ))
        .with_hint("the warehouse did not write them: delete them, and run the same erasure again")
        .with_details("erasure", serde_json::to_value(&erasure).unwrap_or_default()));
    }
    print(common.format, &erasure)
}

fn print(format: Format, erasure: &Erasure) -> Result<(), Failure> {
    let mut sheet = Sheet::new(&["table", "rows taken out", "files made anew", "files left as they are"]);
    for (table, taken) in &erasure.tables {
        let counts = [taken.rows, taken.files, taken.untouched];
        let mut row = vec![table.clone()];
        row.extend(counts.map(|count| count.to_string()));
        sheet.push(row);
    }
    let mut document = serde_json::to_value(erasure).unwrap_or_default();
    document["missing_lines"] = erasure.missing.clone().into();
    output::print(format, &sheet, &document)?;
    if format != Format::Json {
        let (removed, proof) = (&erasure.removed, &erasure.proof);
        eprintln!(
            "\n{} persons on the list, {} of them found. Snapshot {} → {}.",
            erasure.persons, erasure.found, erasure.snapshot_before, erasure.snapshot_after
        );
        if !erasure.missing.is_empty() {
            let lines: Vec<String> = erasure.missing.iter().map(u64::to_string).collect();
            eprintln!("Not found: the persons of these lines of the list: {}.", lines.join(", "));
        }
        eprintln!(
            "Deleted: {} files ({} bytes), {} leftovers, {} folders.",
            removed.files, removed.bytes, removed.leftovers, removed.folders
        );
        eprintln!(
            "Proof: every byte of {} files ({} bytes) searched for {} pseudonyms of both layers, and the person column decoded of the {} data files ({} rows) where their rows would be: found 0.",
            proof.files, proof.bytes, proof.pseudonyms, proof.tables_files, proof.tables_rows
        );
        eprintln!("\n{OUTSIDE}");
        eprintln!("These are exact counts for the steward: not for publication.");
    }
    Ok(())
}
