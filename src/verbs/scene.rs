//! `skjerm scene`: the counts of open drug scenes.

use clap::{Args, Subcommand};
use skjerm_engine::Engine;
use skjerm_figures::scene::{self, Mean};

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct SceneArgs {
    #[command(subcommand)]
    verb: SceneVerb,
}

#[derive(Debug, Subcommand)]
enum SceneVerb {
    /// Mean observed persons a count in two campaigns, by area and shift.
    Compare {
        /// The first campaign, such as 2024-summer.
        first: String,
        /// The campaign compared with it.
        second: String,
        /// ρ to pay from each campaign's budget that has not been measured before.
        #[arg(long)]
        rho: Option<f64>,
        /// Who asks: an analyst of the policy with the role "scene".
        #[arg(long = "as", value_name = "ANALYST", default_value = "planner")]
        analyst: String,
        /// Put the comparison on the dashboard too. It costs nothing more: it is noised already.
        #[arg(long)]
        publish: bool,
    },
}

pub(crate) async fn run(common: &Common, args: SceneArgs) -> Result<(), Failure> {
    let SceneVerb::Compare { first, second, rho, analyst, publish } = args.verb;
    let installation = open::installation(common)?;
    let engine = Engine::open(&installation)?;
    let caller = engine.authenticate(&analyst)?;
    let comparison = scene::compare(&engine, &caller, &first, &second, rho).await?;
    if publish {
        scene::publish(&installation, &comparison)?;
    }
    let mut sheet =
        Sheet::new(&["area · shift", &first, "95 %", &second, "95 %", "difference", "95 %", "in words"]);
    let cells = std::iter::once(&comparison.total)
        .chain(&comparison.shifts)
        .chain(&comparison.areas)
        .chain(&comparison.cells);
    for cell in cells {
        let mut row = vec![cell.label.en.clone()];
        for mean in [&cell.a, &cell.b, &cell.difference] {
            row.extend(words(mean.as_ref()));
        }
        row.push(cell.sentence.en.clone());
        sheet.push(row);
    }
    output::print(common.format, &sheet, &comparison)?;
    if common.format == Format::Table {
        eprintln!("\nanswers {} and {}", comparison.a.answer, comparison.b.answer);
        eprintln!("{}", comparison.summary.en);
        for note in &comparison.notes {
            eprintln!("note: {}", note.en);
        }
    }
    Ok(())
}

fn words(mean: Option<&Mean>) -> [String; 2] {
    mean.map_or_else(
        || ["no round".to_owned(), String::new()],
        |mean| [output::number(mean.value), output::interval(mean.low, mean.high)],
    )
}
