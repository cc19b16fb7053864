//! The tables and the named figures of a release as datasets.

use serde_json::{Map, Value, json};

use super::{Category, Cell, Collection, Dataset, Dimension, Items, Role, VERSION};
use crate::error::FiguresError;
use crate::key_figures::{KeyFigure, Unit};
use crate::release::joint::CONFIDENCE;
use crate::release::{DimensionInfo, Release, Table};
use crate::text::{Display, Language, Text};
use crate::workload::Workload;

const TIME: &str = "Tid";
const CONTENTS: &str = "ContentsCode";
const FIGURE: &str = "figure";

/// What is said of every cell, in the order of [`Numbers::cells`]: code, name, and what it is.
fn contents() -> [(&'static str, Text, Text); 5] {
    let text = Text::new;
    [
        (
            "display",
            text("Visningstall", "Display value"),
            text(
                "Helt tall, tilpasset slik at tabellene går opp; «:» når det ikke vises.",
                "Whole number, fitted so that the tables add up; \":\" when it is not shown.",
            ),
        ),
        (
            "value",
            text("Anslag", "Estimate"),
            text("Forventningsrett verdi, med støy.", "Unbiased value, with noise."),
        ),
        (
            "low",
            text("95 %-intervall, nedre grense", "95% interval, lower end"),
            text("Hører til anslaget.", "Belongs to the estimate."),
        ),
        (
            "high",
            text("95 %-intervall, øvre grense", "95% interval, upper end"),
            text("Hører til anslaget.", "Belongs to the estimate."),
        ),
        (
            "sd",
            text("Standardavvik", "Standard deviation"),
            text(
                "Av støyen i anslaget; 0 når tallet er eksakt.",
                "Of the noise in the estimate; 0 when it is exact.",
            ),
        ),
    ]
}

/// What is known of one cell.
struct Numbers {
    display: Display,
    value: f64,
    low: f64,
    high: f64,
    sd: f64,
}

impl Numbers {
    fn cells(&self) -> [Cell; 5] {
        let display = match self.display {
            Display::Count(count) => Cell::Whole(count),
            Display::Decimal(value) => Cell::Decimal(value),
            Display::Suppressed => Cell::Nothing,
        };
        [display, self.value.into(), self.low.into(), self.high.into(), self.sd.into()]
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Decimal(value)
    }
}

/// Refuses a workload with a dimension whose name the format takes for itself, before anything is measured.
pub(crate) fn check_names(workload: &Workload) -> Result<(), FiguresError> {
    match workload.dimensions.keys().find(|name| [TIME, CONTENTS].contains(&name.as_str())) {
        Some(name) => Err(FiguresError::Workload {
            workload: workload.name.clone(),
            problem: format!(
                "dimension \"{name}\": JSON-stat, in which releases are published, needs this name for its own; give the dimension another one"
            ),
        }),
        None => Ok(()),
    }
}

/// One table of a release: its dimensions, `Tid` and `ContentsCode`.
pub fn table(release: &Release, table: &Table, language: Language) -> Result<Dataset, FiguresError> {
    let mut dimensions = Vec::new();
    for name in &table.dimensions {
        let info = release.dimensions.iter().find(|dimension| &dimension.name == name).ok_or_else(|| {
            FiguresError::Fault(format!(
                "the release {} does not describe its dimension \"{name}\"",
                release.id
            ))
        })?;
        dimensions.push((name.clone(), of_codes(info, language)));
    }
    let numbers = table.rows.iter().map(|row| Numbers {
        display: row.display,
        value: row.value,
        low: row.low,
        high: row.high,
        sd: table.sd_of(row),
    });
    let mut dataset = dataset(release, &table.label, dimensions, numbers, language)?;
    let of = Unit::of_theme(release, &table.theme);
    let units = contents().map(|(code, ..)| (code.to_owned(), unit(of, decimals(code), language)));
    if let Some(contents) = dataset.dimension.get_mut(CONTENTS) {
        contents.category.unit = units.into_iter().collect();
    }
    dataset.extension = extension(release, &table.name, language);
    Ok(dataset)
}

/// The named figures of a release: `figure`, `Tid` and `ContentsCode`. Their definitions are notes on their codes.
pub fn figures(
    release: &Release,
    figures: &[KeyFigure],
    language: Language,
) -> Result<Dataset, FiguresError> {
    let labels: Vec<String> = figures
        .iter()
        .map(|figure| format!("{}: {}", figure.theme.get(language), figure.category.get(language)))
        .collect();
    let names = figures.iter().map(|figure| figure.name.as_str());
    let mut category = Category::new(names.zip(labels.iter().map(String::as_str)));
    for figure in figures {
        category.note.insert(figure.name.clone(), json!([figure.definition.get(language)]));
        category
            .unit
            .insert(figure.name.clone(), unit(figure.unit, u8::from(!is_count(figure.unit)), language));
    }
    let label = Text::new("Nøkkeltall", "Key figures").get(language).to_owned();
    let dimensions = vec![(FIGURE.to_owned(), Dimension { label, category })];
    let numbers = figures.iter().map(|figure| Numbers {
        display: figure.display,
        value: figure.value,
        low: figure.low,
        high: figure.high,
        sd: figure.sd,
    });
    let mut dataset = dataset(release, &release.workload.label, dimensions, numbers, language)?;
    dataset.role.metric.insert(0, FIGURE.to_owned());
    dataset.extension = extension(release, FIGURE, language);
    Ok(dataset)
}

/// All datasets of a release in one language: the figures first, if it has some, then the tables.
pub fn collection(
    release: &Release,
    key_figures: &[KeyFigure],
    language: Language,
) -> Result<Collection, FiguresError> {
    let mut item = Vec::new();
    if !key_figures.is_empty() {
        item.push(figures(release, key_figures, language)?);
    }
    for one in &release.tables {
        item.push(table(release, one, language)?);
    }
    Ok(Collection {
        version: VERSION,
        class: "collection",
        label: format!(
            "{}, {}",
            release.workload.label.get(language),
            release.period().label().get(language)
        ),
        updated: release.published.clone(),
        link: Items { item },
    })
}

fn dataset(
    release: &Release,
    label: &Text,
    mut dimensions: Vec<(String, Dimension)>,
    numbers: impl Iterator<Item = Numbers>,
    language: Language,
) -> Result<Dataset, FiguresError> {
    let (period, label_of) = (release.period().name(), release.period().label());
    let kind = match release.campaign {
        None => Text::new("år", "year"),
        Some(_) => Text::new("tellekampanje", "campaign"),
    };
    dimensions.push((
        TIME.to_owned(),
        Dimension {
            label: kind.get(language).to_owned(),
            category: Category::new([(period.as_str(), label_of.get(language))]),
        },
    ));
    dimensions.push((CONTENTS.to_owned(), of_contents(language)));
    let size: Vec<usize> = dimensions.iter().map(|(_, dimension)| dimension.category.index.len()).collect();
    let value: Vec<Cell> = numbers.flat_map(|numbers| numbers.cells()).collect();
    if size.iter().product::<usize>() != value.len() {
        return Err(FiguresError::Fault(format!(
            "\"{}\" has {} values, and its dimensions have room for {size:?}",
            label.en,
            value.len()
        )));
    }
    let hidden = value.iter().enumerate().filter(|(_, cell)| **cell == Cell::Nothing);
    let status = hidden.map(|(position, _)| (position, ":")).collect();
    Ok(Dataset {
        version: VERSION,
        class: "dataset",
        label: format!("{}, {}", label.get(language), label_of.get(language)),
        source: format!("Skjerm, {}", release.id),
        updated: release.published.clone(),
        note: notes(release, language),
        role: Role { time: vec![TIME.to_owned()], metric: vec![CONTENTS.to_owned()] },
        id: dimensions.iter().map(|(id, _)| id.clone()).collect(),
        size,
        dimension: dimensions.into_iter().collect(),
        value,
        status,
        extension: Value::Null,
    })
}

fn of_codes(info: &DimensionInfo, language: Language) -> Dimension {
    let codes = info.codes.iter().map(|code| (code.code.as_str(), code.label.get(language)));
    Dimension { label: info.label.get(language).to_owned(), category: Category::new(codes) }
}

fn of_contents(language: Language) -> Dimension {
    let contents = contents();
    let mut category = Category::new(contents.iter().map(|(code, label, _)| (*code, label.get(language))));
    for (code, _, note) in &contents {
        category.note.insert((*code).to_owned(), json!([note.get(language)]));
    }
    Dimension { label: Text::new("statistikkvariabel", "contents").get(language).to_owned(), category }
}

fn notes(release: &Release, language: Language) -> Vec<String> {
    let synthetic = Text::new(
        "SYNTETISKE DATA: ingen virkelige personer er med.",
        "SYNTHETIC DATA: no real person is in them.",
    );
    let first = release.synthetic.then_some(&synthetic);
    let rest = std::iter::once(&release.unit).chain([&release.mechanism]).chain(&release.known_limits);
    first.into_iter().chain(rest).map(|text| text.get(language).to_owned()).collect()
}

fn extension(release: &Release, table: &str, language: Language) -> Value {
    json!({
        "px": {"tableid": table, "language": language, "decimals": 0},
        "skjerm": {
            "release": release.id,
            "answer": release.answer,
            "confidence": CONFIDENCE,
            "rho": release.rho,
            "epsilon": release.epsilon,
            "delta": release.delta,
            "synthetic": release.synthetic,
        },
    })
}

/// Display values of tables are whole; the noise makes more than one decimal of the others meaningless.
fn decimals(contents: &str) -> u8 {
    u8::from(contents != "display")
}

fn is_count(unit: Unit) -> bool {
    matches!(
        unit,
        Unit::Persons
            | Unit::Municipalities
            | Unit::Patrols
            | Unit::Nights
            | Unit::Registrations
            | Unit::Amount
    )
}

fn unit(unit: Unit, decimals: u8, language: Language) -> Value {
    let base = unit.text();
    let mut value = Map::new();
    value.insert("base".to_owned(), base.get(language).into());
    value.insert("decimals".to_owned(), decimals.into());
    Value::Object(value)
}
