//! `skjerm warehouse compact`: deletes what no snapshot names.

use skjerm_warehouse::{Installation, Removed};

use crate::args::Common;
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

pub(super) async fn run(common: &Common, installation: &Installation) -> Result<(), Failure> {
    let policy = open::policy(installation)?;
    let removed = open::warehouse(installation, &policy)?.compact().await?;
    let mut sheet = Sheet::new(&["deleted", "number"]);
    push(&mut sheet, &removed);
    output::print(common.format, &sheet, &removed)
}

/// What was deleted, a line each.
pub(super) fn push(sheet: &mut Sheet, removed: &Removed) {
    let lines = [
        ("data files", removed.files),
        ("their bytes", removed.bytes),
        ("leftovers", removed.leftovers),
        ("folders", removed.folders),
    ];
    for (what, number) in lines {
        sheet.push(vec![what.to_owned(), number.to_string()]);
    }
}
