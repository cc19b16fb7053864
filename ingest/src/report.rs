//! What became of a delivery.

use std::collections::BTreeMap;

use askama::Template as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// What became of everything that was read. `read = loaded + replaced + quarantined`, in sum and in every delivery.
///
/// In a dry run nothing is loaded: `loaded` counts the rows that would be loaded or would replace one.
///
/// # Privacy
///
/// Exact counts of protected rows: for the steward, not for publication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestReport {
    /// Rows read.
    pub read: u64,
    /// Rows whose record was new.
    pub loaded: u64,
    /// Rows whose record was there already.
    pub replaced: u64,
    /// Rows that could not be used.
    pub quarantined: u64,
    /// One a file, in the order given.
    pub deliveries: Vec<DeliveryReport>,
}

/// What became of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// Name of the source.
    pub source: String,
    /// Base name of the file.
    pub file: String,
    /// Rows read: every line or row below the header that is not blank.
    pub read: u64,
    /// Rows whose record was new.
    pub loaded: u64,
    /// Rows whose record was there already.
    pub replaced: u64,
    /// Rows that could not be used.
    pub quarantined: u64,
    /// Quarantined rows by reason code.
    pub reasons: BTreeMap<String, u64>,
    /// What else a steward wants to know of it.
    pub quality: Quality,
}

/// How good a file is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Rows that took back an earlier one; they count as replaced.
    pub withdrawn: u64,
    /// Rows whose record had come earlier in the same call; they count as replaced. Not known before the rows are loaded.
    pub duplicates: Option<u64>,
    /// Usable rows about persons by how the person was known: `national_id`, `name_birth`, `client`.
    pub link_levels: BTreeMap<String, u64>,
    /// Usable rows by the column whose code is "unknown": empty cells, and words for it.
    pub unknown: BTreeMap<String, u64>,
    /// Quarantined rows by column (empty: the line as a whole) and reason.
    pub refused: Vec<Refused>,
    /// Quarantined rows that lie in the future, outside the policy's years or past retention.
    pub outside_period: u64,
    /// The first and the last day of the usable rows.
    pub period: Option<(Date, Date)>,
    /// Client numbers that the file has a national identity number for.
    pub known_clients: u64,
    /// Of these, those that were known by the client number alone before. Not known before the rows are loaded.
    pub linked_clients: Option<u64>,
    /// Client numbers said to be another person's than before, or two persons': they are not linked, and the source should be
    /// asked. Not known before the rows are loaded.
    pub contradicted_clients: Option<u64>,
}

/// Quarantined rows of one column and reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The column, as the mapping spells its header first.
    pub column: String,
    /// The reason's code.
    pub reason: String,
    /// How many.
    pub rows: u64,
    /// Where the first of them are: lines of a text or rows of a sheet, from 1.
    #[serde(default)]
    pub lines: Vec<u64>,
}

impl Refused {
    /// So many lines are named; all of them stand in the quarantine file.
    pub(crate) const NAMED: usize = 5;

    /// What to do about these rows, for people.
    pub fn advice(&self) -> &'static str {
        Reason::of_code(&self.reason).map_or("", Reason::advice)
    }

    /// The lines as text, with a sign that there are more.
    pub fn places(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(ToString::to_string).collect();
        let more = if self.lines.len() as u64 == self.rows { "" } else { ", …" };
        format!("{}{more}", lines.join(", "))
    }
}

impl IngestReport {
    /// The report as a page, marked as not for publication.
    pub fn page(&self) -> Result<String, askama::Error> {
        Page { report: self }.render()
    }

    pub(crate) fn of(deliveries: Vec<DeliveryReport>) -> Self {
        let sum = |field: fn(&DeliveryReport) -> u64| deliveries.iter().map(field).sum();
        Self {
            read: sum(|d| d.read),
            loaded: sum(|d| d.loaded),
            replaced: sum(|d| d.replaced),
            quarantined: sum(|d| d.quarantined),
            deliveries,
        }
    }
}

/// Whatever is put into it is escaped: names of files and columns are others'.
#[derive(askama::Template)]
#[template(path = "quality.html")]
struct Page<'a> {
    report: &'a IngestReport,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_marked_and_says_names_as_text() {
        let refused = Refused {
            column: "<b>Bydel</b>".to_owned(),
            reason: "unknown_code".to_owned(),
            rows: 31,
            lines: vec![71, 73],
        };
        let quality = Quality {
            refused: vec![refused],
            link_levels: BTreeMap::from([("client".to_owned(), 47)]),
            unknown: BTreeMap::from([("gender".to_owned(), 53)]),
            period: Some((Date::constant(2023, 1, 2), Date::constant(2023, 12, 30))),
            contradicted_clients: Some(59),
            ..Quality::default()
        };
        let file = "<script>alert(1)</script>.csv".to_owned();
        let delivery = DeliveryReport {
            file,
            read: 61,
            loaded: 30,
            quarantined: 31,
            quality,
            ..DeliveryReport::default()
        };
        let page = IngestReport::of(vec![delivery]).page().unwrap();
        assert!(page.contains("Not for publication"), "{page}");
        for said in ["31", "47", "53", "59", "61", "2023-01-02", "2023-12-30", "unknown_code"] {
            assert!(page.contains(&format!(">{said}<")), "{said}: {page}");
        }
        assert!(page.contains("71, 73, …") && page.contains("the word is in no code list"), "{page}");
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert!(page.contains("alert(1)"), "{page}");
    }
}
