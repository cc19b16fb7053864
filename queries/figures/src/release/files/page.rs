//! `index.html`: the release for a reader. One file, without script or anything from elsewhere; Norwegian first, then English.

use askama::Template;

use super::words::Words;
use super::{
    DOCUMENT, FIGURES, FIGURES_PARQUET, JSON_STAT_EN, JSON_STAT_NO, METADATA, TABLES, TABLES_PARQUET, about,
};
use crate::error::FiguresError;
use crate::key_figures::KeyFigure;
use crate::release::document::{Release, Row, Table};
use crate::text::{Display, Language, Text, number};

#[derive(Template)]
#[template(path = "release.html")]
struct Page<'a> {
    release: &'a Release,
    parts: [Part<'a>; 2],
}

/// All of it in one language.
struct Part<'a> {
    words: &'static Words,
    title: String,
    figures: Vec<Group<'a>>,
    tables: Vec<TableView<'a>>,
    price: String,
    limits: Vec<&'a str>,
    unit: &'a str,
    mechanism: &'a str,
    files: Vec<(&'static str, String)>,
    cite: String,
}

/// The figures of one theme.
struct Group<'a> {
    theme: &'a str,
    rows: Vec<FigureView<'a>>,
}

struct FigureView<'a> {
    category: &'a str,
    definition: &'a str,
    numbers: NumbersView,
}

struct TableView<'a> {
    label: &'a str,
    dimensions: Vec<&'a str>,
    rows: Vec<RowView<'a>>,
}

struct RowView<'a> {
    /// The name of the code of each dimension.
    labels: Vec<&'a str>,
    numbers: NumbersView,
}

struct NumbersView {
    display: String,
    estimate: String,
    /// None of an exact figure.
    interval: Option<String>,
}

/// Makes the page.
pub(super) fn page(release: &Release, figures: &[KeyFigure]) -> Result<Vec<u8>, FiguresError> {
    let page = Page {
        release,
        parts: [Language::No, Language::En].map(|language| part(release, figures, language)),
    };
    let text = page
        .render()
        .map_err(|error| FiguresError::Fault(format!("the page of a release cannot be made: {error}")))?;
    Ok(text.into_bytes())
}

fn part<'a>(release: &'a Release, figures: &'a [KeyFigure], language: Language) -> Part<'a> {
    let words = Words::of(language);
    let title =
        format!("{}, {}", release.workload.label.get(language), release.period().label().get(language));
    let mut groups: Vec<Group<'a>> = Vec::new();
    for figure in figures {
        let theme = figure.theme.get(language);
        let row = FigureView {
            category: figure.category.get(language),
            definition: figure.definition.get(language),
            numbers: numbers(
                figure.display,
                figure.value,
                (!figure.exact).then_some((figure.low, figure.high)),
                language,
            ),
        };
        match groups.last_mut() {
            Some(last) if last.theme == theme => last.rows.push(row),
            _ => groups.push(Group { theme, rows: vec![row] }),
        }
    }
    let files =
        [FIGURES, TABLES, FIGURES_PARQUET, TABLES_PARQUET, JSON_STAT_NO, JSON_STAT_EN, METADATA, DOCUMENT];
    Part {
        words,
        figures: groups,
        tables: release.tables.iter().map(|one| table(release, one, language)).collect(),
        price: price(release, language),
        limits: release.known_limits.iter().map(|text| text.get(language)).collect(),
        unit: release.unit.get(language),
        mechanism: release.mechanism.get(language),
        files: files.map(|name| (name, about(name).get(language).to_owned())).to_vec(),
        cite: cite(release, &title, language),
        title,
    }
}

fn table<'a>(release: &'a Release, table: &'a Table, language: Language) -> TableView<'a> {
    let infos: Vec<_> = table
        .dimensions
        .iter()
        .filter_map(|name| release.dimensions.iter().find(|dimension| &dimension.name == name))
        .collect();
    let labels = |row: &'a Row| {
        let codes = infos.iter().map(|info| {
            let code = row.key.get(&info.name).map_or("", String::as_str);
            info.codes.iter().find(|known| known.code == code).map_or(code, |known| known.label.get(language))
        });
        codes.collect()
    };
    TableView {
        label: table.label.get(language),
        dimensions: infos.iter().map(|info| info.label.get(language)).collect(),
        rows: table
            .rows
            .iter()
            .map(|row| RowView {
                labels: labels(row),
                numbers: numbers(row.display, row.value, Some((row.low, row.high)), language),
            })
            .collect(),
    }
}

fn numbers(display: Display, value: f64, interval: Option<(f64, f64)>, language: Language) -> NumbersView {
    let write = |value: f64| number(value, 1, language);
    NumbersView {
        display: display.text(language),
        estimate: write(value),
        interval: interval.map(|(low, high)| match language {
            Language::No => format!("{} til {}", write(low), write(high)),
            Language::En => format!("{} to {}", write(low), write(high)),
        }),
    }
}

/// ε is rounded up, so that "at most" holds of the digits that are seen.
fn price(release: &Release, language: Language) -> String {
    let epsilon = number((release.epsilon * 100.0).ceil() / 100.0, 2, language);
    let delta = format!("{:e}", release.delta);
    let rho = number(release.rho, 4, language);
    let text = Text::new(
        format!("ρ = {rho}, det vil si ε på høyst {epsilon} ved δ = {delta}"),
        format!("ρ = {rho}, that is ε of at most {epsilon} at δ = {delta}"),
    );
    text.get(language).to_owned()
}

fn cite(release: &Release, title: &str, language: Language) -> String {
    let source =
        if release.synthetic { Text::new("Syntetisk by. ", "Synthetic city. ") } else { Text::new("", "") };
    let (release_word, published) = match language {
        Language::No => ("Utgivelse", "publisert"),
        Language::En => ("Release", "published"),
    };
    format!(
        "{}{title}. {release_word} {}, {published} {}. Skjerm.",
        source.get(language),
        release.id,
        release.published
    )
}
