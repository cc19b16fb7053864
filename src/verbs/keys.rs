//! `skjerm keys`: the linking key of the source side and the key of the warehouse.

use clap::{Args, Subcommand};
use serde_json::json;
use skjerm_engine::Engine;
use skjerm_ingest::LinkingKey;
use skjerm_ledger::EventKind;
use skjerm_warehouse::keyfile::{KeyFile, KeyFileError};
use skjerm_warehouse::{Installation, WarehouseKey};

use crate::args::Common;
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// Make the linking key and the warehouse key. Never overwrites a key.
    New,
    /// List the keys by purpose, id and epoch; never the secrets.
    List,
}

pub(crate) fn run(common: &Common, args: &KeysArgs) -> Result<(), Failure> {
    let installation = open::installation(common)?;
    if matches!(args.verb, KeysVerb::New) {
        make(&installation)?;
    }
    list(common, &installation)
}

/// Makes both keys. One that is missing beside the other is made where nothing was loaded yet: the making was cut short.
pub(crate) fn make(installation: &Installation) -> Result<(), Failure> {
    let (linking, warehouse) = (installation.linking_key_path(), installation.warehouse_key_path());
    let there = [&linking, &warehouse].map(|path| path.exists());
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

fn list(common: &Common, installation: &Installation) -> Result<(), Failure> {
    let linking = LinkingKey::load(&installation.linking_key_path())?;
    let warehouse = WarehouseKey::load(&installation.warehouse_key_path())?;
    let ledger = KeyFile::load(&installation.ledger_key_path())?;
    let mut sheet = Sheet::new(&["purpose", "id", "epoch"]);
    let mut keys = Vec::new();
    for (purpose, id, epoch) in [
        ("linking", linking.id(), linking.epoch()),
        ("warehouse", warehouse.id(), warehouse.epoch()),
        ("ledger", &ledger.id, ledger.epoch),
    ] {
        sheet.push(vec![purpose.into(), id.to_string(), epoch.to_string()]);
        keys.push(json!({"purpose": purpose, "id": id, "epoch": epoch}));
    }
    output::print(common.format, &sheet, &json!({"keys": keys}))
}
