//! Rows of a table, chosen by their codes.

use crate::error::FiguresError;
use crate::release::{Release, Row, Table};

/// Codes that a row must have: `age=under_18,18-24,belonging=oslo`, or a code alone.
pub(super) struct Chosen {
    text: String,
    /// A dimension, or any where only a code was named, and its codes.
    codes: Vec<(Option<String>, Vec<String>)>,
}

impl Chosen {
    /// Reads and checks them.
    pub(super) fn new(release: &Release, table: &Table, text: &str) -> Result<Self, FiguresError> {
        let mut codes: Vec<(Option<String>, Vec<String>)> = Vec::new();
        for part in text.split(',').map(str::trim) {
            match (part.split_once('='), codes.last_mut()) {
                (Some((dimension, code)), _) => {
                    codes.push((Some(dimension.trim().to_owned()), vec![code.trim().to_owned()]));
                }
                (None, Some((_, codes))) => codes.push(part.to_owned()),
                (None, None) => codes.push((None, vec![part.to_owned()])),
            }
        }
        let known = |dimension: &str| -> Vec<String> {
            let info = release.dimensions.iter().find(|info| info.name == dimension);
            info.map(|info| info.codes.iter().map(|code| code.code.clone()).collect()).unwrap_or_default()
        };
        for (dimension, codes) in &codes {
            let dimensions: Vec<&String> = table
                .dimensions
                .iter()
                .filter(|name| dimension.as_ref().is_none_or(|d| d == *name))
                .collect();
            if let (Some(dimension), true) = (dimension, dimensions.is_empty()) {
                return Err(FiguresError::Refused {
                    message: format!("the table \"{}\" has no dimension \"{dimension}\"", table.name),
                    hint: Some(if table.dimensions.is_empty() {
                        "it has one row alone".to_owned()
                    } else {
                        format!("it has {}", table.dimensions.join(", "))
                    }),
                });
            }
            if let Some(code) =
                codes.iter().find(|code| !dimensions.iter().any(|name| known(name).contains(code)))
            {
                let lists = dimensions.iter().map(|name| format!("{name}: {}", known(name).join(", ")));
                return Err(FiguresError::Refused {
                    message: format!("the table \"{}\" has no code \"{code}\"", table.name),
                    hint: Some(format!("it has {}", lists.collect::<Vec<_>>().join("; "))),
                });
            }
        }
        Ok(Self { text: text.to_owned(), codes })
    }

    /// Whether a row has them.
    pub(super) fn has(&self, row: &Row) -> bool {
        self.codes.iter().all(|(dimension, codes)| match dimension {
            Some(dimension) => row.key.get(dimension).is_some_and(|code| codes.contains(code)),
            None => row.key.values().any(|code| codes.contains(code)),
        })
    }

    /// The one row that has them: of those in question, else of the table.
    pub(super) fn one<'a>(&self, rows: &[&'a Row], table: &'a Table) -> Result<&'a Row, FiguresError> {
        let of = |rows: Vec<&'a Row>| rows.into_iter().filter(|row| self.has(row)).collect::<Vec<_>>();
        let mut found = of(rows.to_vec());
        if found.is_empty() {
            found = of(table.rows.iter().collect());
        }
        match found.as_slice() {
            [one] => Ok(*one),
            several => Err(FiguresError::Refused {
                message: format!(
                    "{} rows of the table \"{}\" are \"{}\"",
                    several.len(),
                    table.name,
                    self.text
                ),
                hint: Some(format!(
                    "name one code of each of {}, as {}=CODE, or choose rows with --where",
                    table.dimensions.join(", "),
                    table.dimensions.first().map_or("DIMENSION", String::as_str)
                )),
            }),
        }
    }
}
