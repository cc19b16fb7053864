//! The manifest of a delivery.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use skjerm_warehouse::DeliveryLoad;

use crate::file::Account;
use crate::reason::Reason;
use crate::report::{DeliveryReport, Quality, Refused};

/// The format of this version.
pub(crate) const FORMAT: u32 = 1;

/// What a delivery holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// Random.
    pub(crate) id: String,
    /// When it was made (RFC 3339, UTC).
    pub(crate) made: String,
    /// The linking key it was made with.
    pub(crate) key: KeyName,
    /// The first and the last day of its rows.
    pub(crate) period: Option<(Date, Date)>,
    /// Columns and their types of each table there are rows of.
    pub(crate) schema: BTreeMap<String, Vec<(String, String)>>,
    pub(crate) files: Vec<FileEntry>,
    pub(crate) parts: Vec<Part>,
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyName {
    pub(crate) id: String,
    pub(crate) epoch: u32,
}

/// An export that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileEntry {
    pub(crate) source: String,
    /// Base name, without what may be a number of somebody.
    pub(crate) file: String,
    pub(crate) read: u64,
    /// Rows that are in the parts, those that withdraw one among them.
    pub(crate) usable: u64,
    pub(crate) quarantined: u64,
    pub(crate) reasons: BTreeMap<String, u64>,
    pub(crate) quality: Quality,
}

impl FileEntry {
    /// What is to be said of a file that was read; `labels` are its mapping's fields.
    pub(crate) fn of(source: &str, file: &str, labels: &[String], account: &Account) -> Self {
        let mut reasons = BTreeMap::new();
        let mut by_column: BTreeMap<(&str, &str), (u64, Vec<u64>)> = BTreeMap::new();
        let mut outside_period = 0;
        for (line, (field, reason)) in &account.quarantined {
            let column = field.and_then(|at| labels.get(at)).map_or("", String::as_str);
            *reasons.entry(reason.code().to_owned()).or_default() += 1;
            let (rows, lines) = by_column.entry((column, reason.code())).or_default();
            *rows += 1;
            if lines.len() < Refused::NAMED {
                lines.push(*line);
            }
            let outside = [Reason::FutureDate, Reason::YearOutsidePolicy, Reason::PastRetention];
            outside_period += u64::from(outside.contains(reason));
        }
        let refused = |((column, reason), (rows, lines)): ((&str, &str), (u64, Vec<u64>))| Refused {
            column: column.to_owned(),
            reason: reason.to_owned(),
            rows,
            lines,
        };
        let quality = Quality {
            withdrawn: account.withdrawn,
            link_levels: account.tally.link_levels.clone(),
            unknown: account.tally.unknown.clone(),
            refused: by_column.into_iter().map(refused).collect(),
            outside_period,
            period: account.tally.period(),
            known_clients: count(account.links.len()),
            ..Quality::default()
        };
        Self {
            source: source.to_owned(),
            file: file.to_owned(),
            read: account.read,
            usable: account.usable,
            quarantined: count(account.quarantined.len()),
            reasons,
            quality,
        }
    }

    /// The report, given what became of the usable rows, and whether that is known.
    pub(crate) fn report(&self, load: &DeliveryLoad, is_loaded: bool) -> DeliveryReport {
        let known = |number: u64| is_loaded.then_some(number);
        DeliveryReport {
            source: self.source.clone(),
            file: self.file.clone(),
            read: self.read,
            loaded: load.loaded,
            replaced: load.replaced,
            quarantined: self.quarantined,
            reasons: self.reasons.clone(),
            quality: Quality {
                duplicates: known(load.repeated),
                linked_clients: known(load.linked),
                contradicted_clients: known(load.contradicted),
                ..self.quality.clone()
            },
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A file of Parquet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Place of the export in `files`.
    pub(crate) file: usize,
    pub(crate) holds: Holds,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Hexadecimal.
    pub(crate) blake3: String,
}

/// What the rows of a part are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Holds {
    /// Rows of a table.
    Rows(String),
    /// Records that go from a table (`record`).
    Withdrawn(String),
    /// Client numbers whose person is known by number now (`client`, `person`).
    Links,
}
