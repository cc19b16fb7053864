//! `skjerm keys`: the linking key of the source side and the key of the warehouse.

use std::cmp::Ordering;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use skjerm_engine::Engine;
use skjerm_ingest::{DeliveryKey, LinkingKey};
use skjerm_ledger::EventKind;
use skjerm_warehouse::keyfile::{self, KeyFile, KeyFileError};
use skjerm_warehouse::{Installation, WarehouseKey};

use crate::args::{Common, Format, reason};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

/// What a rotation does not reach. Printed with every one.
const OUTSIDE: &str = "\
Keep a new copy of the key file now: earlier copies open nothing that is stored from here on, so destroy them. Not
reached by this: copies of the old files and of the old key (backups, file-system snapshots), which still open each
other; whoever has the key file of today, since it holds every epoch; and the linking key, which stays as it is.";

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// Make the linking key and the warehouse key. Never overwrites a key.
    New(NewArgs),
    /// Write the key that deliveries made here are sealed with to a file: for the warehouse's side, which puts it into its
    /// folder keys as `delivery.key`. Nobody can be looked up with it.
    Share {
        /// The new file.
        file: PathBuf,
    },
    /// List the keys by purpose, id and epoch; never the secrets.
    List,
    /// Give the warehouse key another epoch, and hash every stored pseudonym once more with it. Figures and links stay
    /// as they are. Cut short, it is run again and finishes.
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
struct NewArgs {
    /// Only the key of this side, where sources and warehouse are on different machines.
    #[arg(long, value_enum)]
    only: Option<Side>,
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    /// The sources, who have the linking key.
    Linking,
    /// The warehouse, which has a key of its own.
    Warehouse,
}

#[derive(Debug, Args)]
struct RotateArgs {
    /// Why; kept in the ledger. Without names or numbers of persons.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Who does it: an analyst with the role "steward".
    #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
    analyst: String,
}

pub(crate) async fn run(common: &Common, args: &KeysArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    match &args.verb {
        KeysVerb::New(NewArgs { only: None }) => make(&installation)?,
        KeysVerb::New(NewArgs { only: Some(side) }) => make_one(&installation, *side)?,
        KeysVerb::Share { file } => {
            LinkingKey::load(&installation.linking_key_path())?.delivery_key().save(file)?;
        }
        KeysVerb::List => {}
        KeysVerb::Rotate(args) => return rotate(common.format, &installation, args).await,
    }
    list(common, &installation)
}

async fn rotate(format: Format, installation: &Installation, args: &RotateArgs) -> Result<(), Failure> {
    let engine = Engine::open(installation)?;
    let steward = engine.authenticate(&args.analyst)?;
    let (delivery, path) = (DeliveryKey::of(installation)?, installation.warehouse_key_path());
    let key = WarehouseKey::load(&path)?;
    skjerm_ingest::check_keys(installation, &delivery, &key)?;
    let rotation = engine.rotate_key(&steward, &key, &path, &args.reason).await?;
    let mut sheet = Sheet::new(&["table", "files", "rows hashed again"]);
    for (table, done) in &rotation.tables {
        sheet.push(vec![table.clone(), done.files.to_string(), done.rows.to_string()]);
    }
    output::print(format, &sheet, &serde_json::to_value(&rotation).unwrap_or_default())?;
    if format != Format::Json {
        let (removed, resumed) = (&rotation.removed, if rotation.resumed { ", begun before" } else { "" });
        eprintln!(
            "\nEpoch {} of the warehouse key is in force (before: {}{resumed}). Snapshot {} → {}.",
            rotation.epoch, rotation.epoch_before, rotation.snapshot_before, rotation.snapshot_after
        );
        eprintln!(
            "Deleted: {} files ({} bytes), {} leftovers, {} folders. No data file of the warehouse is under an earlier epoch.",
            removed.files, removed.bytes, removed.leftovers, removed.folders
        );
        if !rotation.foreign.is_empty() {
            let paths: Vec<String> = rotation.foreign.iter().map(|path| path.display().to_string()).collect();
            eprintln!(
                "Not the warehouse's own, and not looked into: {}.",
                output::harmless(&paths.join(", "))
            );
        }
        eprintln!("\n{OUTSIDE}");
    }
    Ok(())
}

/// Makes both keys. One that is missing beside the other is made where nothing was loaded yet: the making was cut short.
pub(crate) fn make(installation: &Installation) -> Result<(), Failure> {
    let (linking, warehouse) = (installation.linking_key_path(), installation.warehouse_key_path());
    let there = [&linking, &warehouse].map(|path| keyfile::exists(path));
    if there == [true, true] {
        return Err(KeyFileError::Exists(linking).into());
    }
    if there != [false, false] && !installation.is_unused() {
        let gone = if there[0] { warehouse } else { linking };
        return Err(Failure::fault(format!(
            "the key {} is missing, and this installation holds data",
            gone.display()
        ))
        .with_hint("put back the kept copy; with a new key everybody would be somebody else"));
    }
    if !there[0] {
        LinkingKey::generate()?.save(&linking)?;
    }
    if !there[1] {
        WarehouseKey::generate()?.save(&warehouse)?;
    }
    let id = WarehouseKey::load(&warehouse)?.id().to_owned();
    let details = json!({"what": "the linking key and the warehouse key were made", "warehouse_key": id});
    Ok(Engine::note_event(installation, EventKind::Keys, &details)?)
}

/// Makes the key of one side.
fn make_one(installation: &Installation, side: Side) -> Result<(), Failure> {
    let what = match side {
        Side::Linking => {
            LinkingKey::generate()?.save(&installation.linking_key_path())?;
            "the linking key was made"
        }
        Side::Warehouse => {
            let path = installation.warehouse_key_path();
            if !keyfile::exists(&path) && !installation.is_unused() {
                return Err(Failure::fault(format!(
                    "the key {} is missing, and this installation holds data",
                    path.display()
                ))
                .with_hint("put back the kept copy; with a new key everybody would be somebody else"));
            }
            WarehouseKey::generate()?.save(&path)?;
            "the warehouse key was made"
        }
    };
    Ok(Engine::note_event(installation, EventKind::Keys, &json!({"what": what}))?)
}

fn list(common: &Common, installation: &Installation) -> Result<(), Failure> {
    let (linking, warehouse) = (installation.linking_key_path(), installation.warehouse_key_path());
    let mut all = Vec::new();
    // Where the two sides are apart, each lists its own. An installation without any key says so.
    if keyfile::exists(&linking) || !keyfile::exists(&warehouse) {
        let linking = LinkingKey::load(&linking)?;
        all.push(("linking", linking.id().to_owned(), linking.epoch(), "in force"));
    } else {
        let delivery = DeliveryKey::of(installation);
        all.extend(delivery.iter().map(|key| ("delivery", key.id().to_owned(), key.epoch(), "in force")));
    }
    if keyfile::exists(&warehouse) {
        let warehouse = WarehouseKey::load(&warehouse)?;
        let in_force = installation.key_in_force(&warehouse)?.epoch();
        let state = |epoch: u32| match epoch.cmp(&in_force) {
            Ordering::Less => "before",
            Ordering::Equal => "in force",
            Ordering::Greater => "begun; `keys rotate` finishes it",
        };
        all.extend(warehouse.epochs().map(|e| ("warehouse", e.id, e.number, state(e.number))));
    }
    let ledger = KeyFile::load(&installation.ledger_key_path())?;
    all.push(("ledger", ledger.id.clone(), ledger.epoch, "in force"));
    let mut sheet = Sheet::new(&["purpose", "id", "epoch", "state"]);
    let mut keys = Vec::new();
    for (purpose, id, epoch, state) in all {
        keys.push(json!({"purpose": purpose, "id": id, "epoch": epoch, "state": state}));
        sheet.push(vec![purpose.into(), id, epoch.to_string(), state.into()]);
    }
    output::print(common.format, &sheet, &json!({"keys": keys}))
}
