//! The figures and tables of a release as CSV: UTF-8, comma, decimal point.

use super::key_text;
use crate::error::FiguresError;
use crate::key_figures::KeyFigure;
use crate::release::document::Release;
use crate::release::joint::CONFIDENCE;

/// One line a key figure.
pub(super) fn figures(release: &Release, figures: &[KeyFigure]) -> Result<Vec<u8>, FiguresError> {
    let headers = [
        "release",
        "year",
        "name",
        "theme_no",
        "category_no",
        "theme_en",
        "category_en",
        "value",
        "sd",
        "low",
        "high",
        "confidence",
        "display",
        "exact",
    ];
    let rows = figures.iter().map(|figure| {
        vec![
            release.id.clone(),
            figure.year.to_string(),
            figure.name.clone(),
            figure.theme.no.clone(),
            figure.category.no.clone(),
            figure.theme.en.clone(),
            figure.category.en.clone(),
            figure.value.to_string(),
            figure.sd.to_string(),
            figure.low.to_string(),
            figure.high.to_string(),
            CONFIDENCE.to_string(),
            figure.display.to_string(),
            figure.exact.to_string(),
        ]
    });
    written(&headers, rows)
}

/// One line a cell. Of a campaign, `year` is its code.
pub(super) fn tables(release: &Release) -> Result<Vec<u8>, FiguresError> {
    let headers =
        ["release", "year", "theme", "table", "key", "value", "sd", "low", "high", "confidence", "display"];
    let rows = release.tables.iter().flat_map(|table| {
        table.rows.iter().map(|row| {
            vec![
                release.id.clone(),
                release.period().name(),
                table.theme.clone(),
                table.name.clone(),
                key_text(table, row),
                row.value.to_string(),
                table.sd_of(row).to_string(),
                row.low.to_string(),
                row.high.to_string(),
                CONFIDENCE.to_string(),
                row.display.to_string(),
            ]
        })
    });
    written(&headers, rows)
}

fn written(headers: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, FiguresError> {
    let fault = |error: &dyn std::fmt::Display| {
        FiguresError::Fault(format!("a table cannot be written as CSV: {error}"))
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(headers).map_err(|error| fault(&error))?;
    for row in rows {
        writer.write_record(row).map_err(|error| fault(&error))?;
    }
    writer.into_inner().map_err(|error| fault(&error))
}
