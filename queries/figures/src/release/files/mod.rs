//! The files of a published release: one content, in the forms that its readers use.
//!
//! | file | for whom |
//! |---|---|
//! | `release.json` | Skjerm: everything, with the noised measurements |
//! | `metadata.json` | whoever checks: how it was made, and the hash of every other file |
//! | `figures.csv`, `tables.csv` | a spreadsheet |
//! | `figures.parquet`, `tables.parquet` | R, Python, `DuckDB` |
//! | `figures_and_tables.no.json`, `….en.json` | a client of a statistics bank (JSON-stat 2.0) |
//! | `index.html` | a reader |

mod csv;
pub(crate) mod metadata;
mod page;
mod parquet;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;
use skjerm_warehouse::policy::Policy;

use super::document::{Release, Row, Table};
use crate::error::FiguresError;
use crate::text::{Language, Text};
use crate::{json_stat, key_figures};

pub(crate) const DOCUMENT: &str = "release.json";
pub(crate) const METADATA: &str = "metadata.json";
const FIGURES: &str = "figures.csv";
const TABLES: &str = "tables.csv";
const FIGURES_PARQUET: &str = "figures.parquet";
const TABLES_PARQUET: &str = "tables.parquet";
const JSON_STAT_NO: &str = "figures_and_tables.no.json";
const JSON_STAT_EN: &str = "figures_and_tables.en.json";
const PAGE: &str = "index.html";

/// Files by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Everything of a release but its metadata, which say what these hold.
pub(crate) fn render(release: &Release, policy: &Policy) -> Result<Files, FiguresError> {
    let figures = key_figures::figures(release, policy)?;
    let json_stat = |language| json(&json_stat::collection(release, &figures, language)?);
    let files = [
        (DOCUMENT, json(release)?),
        (FIGURES, csv::figures(release, &figures)?),
        (TABLES, csv::tables(release)?),
        (FIGURES_PARQUET, parquet::figures(release, &figures)?),
        (TABLES_PARQUET, parquet::tables(release)?),
        (JSON_STAT_NO, json_stat(Language::No)?),
        (JSON_STAT_EN, json_stat(Language::En)?),
        (PAGE, page::page(release, &figures)?),
    ];
    Ok(files.map(|(name, bytes)| (name.to_owned(), bytes)).into())
}

/// What each file is for.
pub(crate) fn about(name: &str) -> Text {
    let (no, en) = match name {
        DOCUMENT => (
            "hele publiseringen, med de målte tallene og støyen i dem (JSON)",
            "the whole release, with the measured numbers and their noise (JSON)",
        ),
        METADATA => (
            "hvordan tallene er laget, og kontrollsummer for alle filene (JSON)",
            "how the figures were made, and checksums of all files (JSON)",
        ),
        FIGURES => ("nøkkeltallene (CSV)", "the key figures (CSV)"),
        TABLES => ("alle tabellene (CSV)", "all tables (CSV)"),
        FIGURES_PARQUET => ("nøkkeltallene (Parquet)", "the key figures (Parquet)"),
        TABLES_PARQUET => ("alle tabellene (Parquet)", "all tables (Parquet)"),
        JSON_STAT_NO => (
            "nøkkeltallene og tabellene, med norske navn (JSON-stat 2.0)",
            "key figures and tables, with Norwegian names (JSON-stat 2.0)",
        ),
        JSON_STAT_EN => (
            "nøkkeltallene og tabellene, med engelske navn (JSON-stat 2.0)",
            "key figures and tables, with English names (JSON-stat 2.0)",
        ),
        _ => ("denne siden", "this page"),
    };
    Text::new(no, en)
}

/// A document as it is written.
pub(crate) fn json(document: &impl Serialize) -> Result<Vec<u8>, FiguresError> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| FiguresError::Fault(format!("the release cannot be written: {error}")))?;
    Ok((text + "\n").into_bytes())
}

/// The key of a row as one text: `dimension=code` in the order of the table, separated by `;`.
fn key_text(table: &Table, row: &Row) -> String {
    let codes = table.dimensions.iter().filter_map(|name| Some(format!("{name}={}", row.key.get(name)?)));
    codes.collect::<Vec<_>>().join(";")
}
