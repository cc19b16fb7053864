//! `skjerm demo`: everything in one command, on a synthetic city.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::json;
use skjerm_engine::Engine;
use skjerm_figures::key_figures::{self, KeyFigure};
use skjerm_figures::workload::Workload;
use skjerm_figures::{Language, release, scene};
use skjerm_warehouse::Installation;

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::output::{self, Sheet};
use crate::verbs::synth::{CityArgs, generate};
use crate::verbs::{ingest, keys, serve};

/// The year whose figures are shown: that of the published presentation of Uteseksjonen.
const SHOWN: i32 = 2023;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Stop after printing the key figures, without serving the dashboard.
    #[arg(long)]
    once: bool,
    /// Address of the dashboard.
    #[arg(long, default_value_t = skjerm_dashboard::DEFAULT_ADDRESS, value_name = "ADDR")]
    listen: SocketAddr,
    #[command(flatten)]
    city: CityArgs,
}

pub(crate) async fn run(common: &Common, args: DemoArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let (installation, exports) = prepare(&common.dir)?;
    say("writing a synthetic city as export files");
    let summary = generate(&args.city.options(exports))?;
    say("reading them into the warehouse: checked, pseudonymised twice, split and sorted");
    let report = ingest::load(&installation, &summary.files, false).await?;
    say(&format!(
        "{} rows read = {} loaded + {} replaced + {} quarantined",
        report.read, report.loaded, report.replaced, report.quarantined
    ));
    let engine = Engine::open(&installation)?;
    let figures = publish(&engine, &installation, &args.city).await?;
    compare_summers(&engine, &installation, &args.city).await?;
    let seconds = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    print_figures(common.format, &figures, seconds, &summary.notes)?;
    if args.once {
        return Ok(());
    }
    drop(engine);
    serve::serve(common.format, serve::Announce::Aside, &installation, args.listen).await
}

fn say(step: &str) {
    eprintln!("• {step}");
}

/// Makes the demonstration, or finds the one that an earlier run made. Never touches another installation.
fn prepare(dir: &Path) -> Result<(Installation, PathBuf), Failure> {
    let exports = dir.join("exports");
    if dir.join(release::SYNTHETIC_MARK).exists() {
        return Ok((Installation::open(dir)?, exports));
    }
    let taken = dir.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(Failure::refused(format!(
            "{} holds something that is not a synthetic demonstration",
            dir.display()
        ))
        .with_hint("name an empty folder with --dir"));
    }
    let installation = Installation::init(dir)?;
    Engine::init_ledger(&installation)?;
    keys::make(&installation)?;
    std::fs::write(
        dir.join(release::SYNTHETIC_MARK),
        "SYNTHETIC: everything in this folder is made up by `skjerm demo`. No real person is in it.\n\
         SYNTETISK: alt i denne mappen er laget av `skjerm demo`. Ingen virkelige personer er med.\n",
    )
    .map_err(|error| Failure::fault(format!("cannot write to {}: {error}", dir.display())))?;
    Ok((installation, exports))
}

/// Publishes every year; gives the figures of the year that is shown.
async fn publish(
    engine: &Engine,
    installation: &Installation,
    city: &CityArgs,
) -> Result<Vec<KeyFigure>, Failure> {
    let steward = engine.authenticate("steward")?;
    let workload = Workload::key_figures();
    let mut figures = Vec::new();
    let shown = if city.years().contains(&SHOWN) { SHOWN } else { *city.years().end() };
    for year in city.years() {
        say(&format!("publishing the key figures of {year}"));
        let release = release::publish(
            engine,
            &steward,
            installation,
            &workload,
            &release::Wanted {
                period: &year.into(),
                rho: None,
                within: None,
                reason: Some("the yearly key figures (demonstration)"),
            },
        )
        .await?;
        // The published figures of the year before, where the source gives only those, stand beside.
        let published = key_figures::figures(&release, engine.policy())?;
        figures.extend(published.into_iter().filter(|figure| {
            figure.year == shown || (figure.year + 1 == shown && figure.source_value.is_some())
        }));
    }
    figures.sort_by_key(|figure| std::cmp::Reverse(figure.year));
    Ok(figures)
}

/// One question of the planners of scene counts, where the city has two summers.
async fn compare_summers(
    engine: &Engine,
    installation: &Installation,
    city: &CityArgs,
) -> Result<(), Failure> {
    let last = *city.years().end();
    if city.years().start() == &last {
        return Ok(());
    }
    let planner = engine.authenticate("planner")?;
    let (before, after) = (format!("{}-summer", last - 1), format!("{last}-summer"));
    let comparison = scene::compare(engine, &planner, &before, &after, None).await?;
    scene::publish(installation, &comparison)?;
    say(&format!("open drug scenes: {}", comparison.summary.en));
    Ok(())
}

fn print_figures(
    format: Format,
    figures: &[KeyFigure],
    seconds: f64,
    notes: &[String],
) -> Result<(), Failure> {
    let mut sheet =
        Sheet::new(&["year", "figure", "", "published", "unbiased", "95 % interval", "source says", ""]);
    for figure in figures {
        let inside = figure.source_value.map(|truth| figure.low <= truth && truth <= figure.high);
        sheet.push(vec![
            figure.year.to_string(),
            figure.theme.en.clone(),
            figure.category.en.clone(),
            figure.display.text(Language::En),
            output::number(figure.value),
            if figure.exact { "exact".to_owned() } else { output::interval(figure.low, figure.high) },
            figure.source_value.map(output::number).unwrap_or_default(),
            match (inside, figure.note.is_some()) {
                (Some(true), _) => "inside".to_owned(),
                (Some(false), false) => "outside".to_owned(),
                (Some(false), true) => "outside, see note".to_owned(),
                (None, _) => String::new(),
            },
        ]);
    }
    let document: Vec<_> = figures
        .iter()
        .map(|figure| {
            json!({
                "name": figure.name,
                "year": figure.year,
                "value": figure.value,
                "low": figure.low,
                "high": figure.high,
                "display": figure.display,
                "source_value": figure.source_value,
            })
        })
        .collect();
    if format == Format::Table {
        output::say_line(
            "\nSYNTHETIC DATA. Key figures of Uteseksjonen, as the shared dashboard shows them\n",
        );
    }
    output::print(format, &sheet, &json!({"figures": document, "seconds": seconds}))?;
    if format == Format::Table {
        output::say_line(&format!(
            "\nOf 100 intervals about 5 miss; the interval belongs to the unbiased value. Done in {seconds} s."
        ));
        let mut releases: Vec<&str> = figures.iter().map(|figure| figure.release.as_str()).collect();
        releases.dedup();
        eprintln!("releases: {}", releases.join(", "));
        for note in figures.iter().filter_map(|figure| figure.note.as_ref()).take(1) {
            eprintln!("note: {}", note.en);
        }
        for note in notes {
            eprintln!("note: {note}");
        }
    }
    Ok(())
}
