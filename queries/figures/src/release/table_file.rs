//! The figures and tables of a release as CSV: UTF-8, comma, decimal point.

use super::document::Release;
use crate::error::FiguresError;
use crate::key_figures;
use skjerm_warehouse::policy::Policy;

/// One line a key figure.
pub(crate) fn figures(release: &Release, policy: &Policy) -> Result<String, FiguresError> {
    let mut lines = vec![
        "release,year,name,theme_no,category_no,theme_en,category_en,value,low,high,display,exact".to_owned(),
    ];
    for figure in key_figures::figures(release, policy)? {
        let texts = [&figure.theme.no, &figure.category.no, &figure.theme.en, &figure.category.en]
            .map(|text| field(text));
        lines.push(format!(
            "{},{},{},{},{},{},{},{},{}",
            release.id,
            figure.year,
            field(&figure.name),
            texts.join(","),
            figure.value,
            figure.low,
            figure.high,
            figure.display,
            figure.exact
        ));
    }
    Ok(lines.join("\n") + "\n")
}

/// One line a cell; the key as `dimension=code`, separated by `;`.
pub(crate) fn tables(release: &Release) -> String {
    let mut lines = vec!["release,year,table,key,value,low,high,display".to_owned()];
    for table in &release.tables {
        for row in &table.rows {
            let key: Vec<String> =
                row.key.iter().map(|(dimension, code)| format!("{dimension}={code}")).collect();
            lines.push(format!(
                "{},{},{},{},{},{},{},{}",
                release.id,
                release.year,
                field(&table.name),
                field(&key.join(";")),
                row.value,
                row.low,
                row.high,
                row.display
            ));
        }
    }
    lines.join("\n") + "\n"
}

fn field(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
