//! The form of a mapping file.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A mapping file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Name of the source, for `--source` and in every record key.
    pub source: String,
    /// Encoding label (as in HTML: `windows-1252`, `utf-8`, …). Left out: detected, a byte-order mark first.
    #[serde(default)]
    pub encoding: Option<String>,
    /// Delimiter of text files. Left out: `;`, `,` or tab, whichever the header has most of.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// Sheet of workbooks. Left out, or not there: the first sheet.
    #[serde(default)]
    pub sheet: Option<String>,
    /// Formats of dates written as text, tried in order: `dd.mm.yyyy`, `yyyy-mm-dd`, `dd/mm/yyyy`, `ddmmyyyy`, `yyyymmdd`.
    pub dates: Vec<String>,
    /// What counts as an empty cell, beside nothing and spaces. Compared without the case of ASCII letters.
    #[serde(default)]
    pub blank: Vec<String>,
    /// Headers of columns known to be there and never read.
    #[serde(default)]
    pub drop: Vec<String>,
    /// Columns of the export, by a name used in this file only.
    pub fields: BTreeMap<String, Field>,
    /// Which fields say who it is. Left out for sources that name nobody.
    #[serde(default)]
    pub person: Option<Person>,
    /// Which rows go to which table. Left out when there is one table.
    #[serde(default)]
    pub route: Option<Route>,
    /// Which rows the source took back. Left out for sources that just leave them out.
    #[serde(default)]
    pub withdrawn: Option<Withdrawn>,
    /// The tables.
    pub tables: BTreeMap<String, TableMapping>,
}

/// A column of the export.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Every spelling of its header.
    pub headers: Vec<String>,
    /// What it holds.
    pub kind: FieldKind,
    /// The file is refused when the column is missing.
    #[serde(default)]
    pub required: bool,
    /// A row is quarantined when the cell is empty.
    #[serde(default)]
    pub filled: bool,
    /// For `kind = "code"`: the code list of the policy.
    #[serde(default)]
    pub codes: Option<String>,
    /// For `kind = "code"`: ways of spelling beside the codes, the labels and `recode`.
    #[serde(default)]
    pub spelling: Spelling,
    /// For `kind = "code"`: code = further words for it.
    #[serde(default)]
    pub recode: BTreeMap<String, Vec<String>>,
    /// For `kind = "name"`.
    #[serde(default)]
    pub order: NameOrder,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A number the source gave (of a record or client). Leading zeros are dropped, as spreadsheets do.
    Id,
    /// A national identity number.
    NationalId,
    /// A name, or part of one.
    Name,
    /// The date of birth.
    BirthDate,
    /// The date of the event.
    Date,
    /// A word of a code list.
    Code,
    /// A number; decimals are rounded down.
    Whole,
    /// A word that routes the row.
    Route,
    /// A word that says whether the source took the row back.
    Status,
}

/// Ways of spelling a code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    /// Codes, labels and recodes.
    #[default]
    Plain,
    /// Also districts as they are met: `St.Hanshaugen`, `Bydel St. Hanshaugen`, `04`, `030104`, `30104`.
    District,
    /// Also municipalities with a lost leading zero or `kommune` behind the name.
    Municipality,
}

/// Order of the parts of a name. Linking does not depend on it; it says how the source writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameOrder {
    /// `Given Family`.
    #[default]
    GivenFamily,
    /// `Family, Given`.
    FamilyCommaGiven,
}

/// Which fields say who it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The national identity number: the first choice.
    #[serde(default)]
    pub national_id: Option<String>,
    /// The whole name in one field, or `[given, family]`: with the birth date the second choice.
    #[serde(default)]
    pub name: Vec<String>,
    /// The birth date; also for the age at the end of the year.
    #[serde(default)]
    pub birth_date: Option<String>,
    /// The source's client number: the last choice.
    #[serde(default)]
    pub client: Option<String>,
}

/// Which rows go to which table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The field (`kind = "route"`).
    pub field: String,
    /// Table = words that lead to it.
    pub tables: BTreeMap<String, Vec<String>>,
}

/// Which rows the source took back: their record goes from the warehouse.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// The field (`kind = "status"`). An empty cell means that the row stands.
    pub field: String,
    /// Words for a row that was taken back.
    pub words: Vec<String>,
    /// Words for a row that stands. Any other word sends the row to quarantine.
    #[serde(default)]
    pub otherwise: Vec<String>,
}

/// A table rows go to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMapping {
    /// Fields that, with the source and the table, identify the record.
    pub record: Vec<String>,
    /// The field with the date of the event.
    pub date: String,
    /// Policy column = field. A dimension left out is `unknown`, a measure left out is null.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}
