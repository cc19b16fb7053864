//! `skjerm warehouse check`: integrity, orphans, rows outside the policy, and the risk of `person_year`.
//!
//! Exit code 1 when anything is damaged, else 0. With `--format json`:
//!
//! ```text
//! {snapshot, files, bytes, rows,
//!  damage: [{path, what}],                      what is not as the warehouse wrote it
//!  outside: [{table, column, what, rows}],      rows that the policy would not let in now
//!  orphans: [PATH], foreign: [PATH],            files that no snapshot names; files of others
//!  risk: [{year, persons, classes, smallest_class, unique, in_classes_below_3, in_classes_below_5,
//!          least_diversity, in_uniform_classes, link_levels: {LEVEL: n}}]}
//! ```
//!
//! When damaged, the same stands under `check` beside the `error`.

use clap::Args;
use skjerm_engine::Engine;
use skjerm_warehouse::{Check, Installation};

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Who looks: an analyst with the role "steward".
    #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
    analyst: String,
}

pub(super) async fn run(
    common: &Common,
    installation: &Installation,
    args: CheckArgs,
) -> Result<(), Failure> {
    let check = Engine::check_warehouse(installation, &args.analyst).await?;
    if common.format != Format::Json || !check.is_damaged() {
        output::print(common.format, &sheet(&check), &check)?;
    }
    if common.format == Format::Table {
        eprintln!("\nThese are exact counts for the steward: not for publication.");
    }
    if check.is_damaged() {
        let document = serde_json::to_value(&check).unwrap_or_default();
        return Err(Failure::fault(format!("the warehouse is damaged in {} places", check.damage.len()))
            .with_hint(
                "restore the installation from a copy; what `check` lists says which files are affected",
            )
            .with_details("check", document));
    }
    Ok(())
}

fn sheet(check: &Check) -> Sheet {
    let mut sheet = Sheet::new(&["", "what", "where or how many"]);
    let mut line = |kind: &str, what: &str, number: String| {
        sheet.push(vec![kind.to_owned(), what.to_owned(), number]);
    };
    line(
        "snapshot",
        &check.snapshot,
        format!("{} files, {} bytes, {} rows", check.files, check.bytes, check.rows),
    );
    for damage in &check.damage {
        line("DAMAGED", &damage.what, damage.path.display().to_string());
    }
    for outside in &check.outside {
        let what = format!("{}.{} is {}", outside.table, outside.column, outside.what);
        line("outside the policy", &what, format!("{} rows", outside.rows));
    }
    for path in &check.orphans {
        line("named by nothing", "`skjerm warehouse compact` deletes it", path.display().to_string());
    }
    for path in &check.foreign {
        line("not the warehouse's", "look at it, and move it away", path.display().to_string());
    }
    for year in &check.risk {
        let levels: Vec<String> = year.link_levels.iter().map(|(level, n)| format!("{level} {n}")).collect();
        line(
            &format!("person_year {}", year.year),
            "k-anonymity: persons, classes of persons who look alike, the smallest",
            format!("{}, {}, {}", year.persons, year.classes, year.smallest_class),
        );
        line(
            "",
            "persons alone, in classes below 3, below 5",
            format!("{}, {}, {}", year.unique, year.in_classes_below_3, year.in_classes_below_5),
        );
        line(
            "",
            "l-diversity: fewest uses of services in a class; persons in classes of one use",
            format!("{}, {}", year.least_diversity, year.in_uniform_classes),
        );
        line("", "known by", levels.join(", "));
    }
    sheet
}
