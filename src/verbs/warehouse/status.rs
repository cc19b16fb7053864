//! `skjerm warehouse status`: the current snapshot.

use serde_json::json;
use skjerm_warehouse::Installation;

use crate::args::Common;
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

pub(super) async fn run(common: &Common, installation: &Installation) -> Result<(), Failure> {
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
