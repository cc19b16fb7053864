//! Figures as JSON-stat 2.0 (Badosa, "JSON-stat 2.0", json-stat.org/format), the way the statistics banks of the Nordic countries write it
//! (`PxWeb`): dimensions of codes, `Tid` with the year, and `ContentsCode` with what is said of each cell.
//!
//! A dataset speaks one language, since the standard has one label a code: there is one a language. What is not shown has no value and the
//! status ":".

mod cubes;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

pub use cubes::{collection, figures, table};

pub(crate) use cubes::check_names;

/// The only version there is that has classes.
const VERSION: &str = "2.0";

/// Several datasets in one document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Collection {
    /// "2.0".
    pub version: &'static str,
    /// "collection".
    pub class: &'static str,
    /// Title.
    pub label: String,
    /// Day of publication.
    pub updated: String,
    /// The datasets, embedded.
    pub link: Items,
}

/// What a collection holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Items {
    /// Each complete in itself.
    pub item: Vec<Dataset>,
}

/// A table of one release in one language.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dataset {
    /// "2.0".
    pub version: &'static str,
    /// "dataset".
    pub class: &'static str,
    /// Title.
    pub label: String,
    /// Where it is from: the release.
    pub source: String,
    /// Day of publication.
    pub updated: String,
    /// What a reader must know, one sentence each.
    pub note: Vec<String>,
    /// Which dimension is of time, and which says what is counted.
    pub role: Role,
    /// The dimensions in order; the last varies first in `value`.
    pub id: Vec<String>,
    /// How many codes each of them has.
    pub size: Vec<usize>,
    /// The dimensions by id.
    pub dimension: BTreeMap<String, Dimension>,
    /// One a cell, row-major.
    pub value: Vec<Cell>,
    /// ":" by the position of a value that is not shown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub status: BTreeMap<usize, &'static str>,
    /// What the standard has no place for: `px` as `PxWeb` has it, and `skjerm` with the release.
    pub extension: Value,
}

/// The special parts that dimensions play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Role {
    /// Dimensions of time.
    pub time: Vec<String>,
    /// Dimensions that say what is counted; their codes have units.
    pub metric: Vec<String>,
}

/// A dimension.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dimension {
    /// Its name for readers.
    pub label: String,
    /// Its codes.
    pub category: Category,
}

/// The codes of a dimension.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Category {
    /// The position of each code.
    pub index: Map<String, Value>,
    /// Its name for readers.
    pub label: Map<String, Value>,
    /// Remarks, such as a definition.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub note: Map<String, Value>,
    /// What is counted, with how many decimals to show.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub unit: Map<String, Value>,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Decimal(f64),
    /// Not shown.
    Nothing,
}

impl Category {
    /// Codes with their labels, in order.
    fn new<'a>(codes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut index, mut label) = (Map::new(), Map::new());
        for (position, (code, name)) in codes.into_iter().enumerate() {
            index.insert(code.to_owned(), position.into());
            label.insert(code.to_owned(), name.into());
        }
        Self { index, label, note: Map::new(), unit: Map::new() }
    }
}
