//! Workload files: what a release measures, and the named figures it answers.
//!
//! A workload is TOML. It names dimensions (columns of `person_year`, or groups of their codes), themes (a filter over
//! `person_year`, or over events that count persons once a month or service, and tables over dimensions, with weights), numbers of distinct values, and the named key figures that are unions of
//! cells of a theme. It holds no data, and checking it needs none.

mod check;
mod rounds;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use skjerm_warehouse::policy::Policy;

use crate::error::FiguresError;
use crate::text::Text;

pub(crate) use check::{Checked, CheckedTheme};

/// A workload, as its file says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Name.
    pub name: String,
    /// Version: a changed workload is another one.
    pub version: u32,
    /// Title.
    pub label: Text,
    /// Whom it is about.
    #[serde(default, skip_serializing_if = "is_persons")]
    pub family: Family,
    /// What the noise is spread to minimise.
    #[serde(default, skip_serializing_if = "is_sum")]
    pub objective: Objective,
    /// ρ of a release of it where none is named; without it, what the releases' share has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rho: Option<f64>,
    /// Dimensions by name.
    #[serde(default)]
    pub dimensions: BTreeMap<String, Dimension>,
    /// Themes, each measured by itself.
    #[serde(default, rename = "theme")]
    pub themes: Vec<Theme>,
    /// Numbers of distinct values.
    #[serde(default, rename = "distinct")]
    pub distinct: Vec<Distinct>,
    /// Named figures.
    #[serde(default, rename = "figure")]
    pub figures: Vec<Figure>,
}

/// Whom a workload is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// The persons of a calendar year.
    #[default]
    Persons,
    /// Those whom the counts of a campaign in the open drug scenes saw.
    Scene,
}

impl Family {
    /// As the policy names its tables and budgets.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::Scene => "scene",
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_persons(family: &Family) -> bool {
    *family == Family::Persons
}

/// What the noise is spread to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The sum over the tables of weight × mean variance of a cell.
    #[default]
    Sum,
    /// The largest weight × variance of any cell.
    Largest,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_sum(objective: &Objective) -> bool {
    *objective == Objective::Sum
}

/// What is asked of a dimension's codes beyond their single counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Sums over neighbouring codes, in the order of the list: ages from 13 to 24.
    Ranges,
    /// Sums from the first code to each: the year to date. Every table of a theme with it must have it.
    ToDate,
}

/// A column of `person_year`, or a partition of its codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// The column.
    pub column: String,
    /// Name for readers; the code list's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
    /// What is asked of the codes beyond their single counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Groups of codes that together hold every code once that the theme's filter lets through; absent: the codes themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// A union of codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Code of the group.
    pub code: String,
    /// Norwegian name.
    pub no: String,
    /// English name.
    pub en: String,
    /// The policy's codes in it. Of a measure that is added up, none.
    pub of: Vec<String>,
}

/// A part of the persons of the year, and the tables about them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// Name.
    pub name: String,
    /// Title.
    pub label: Text,
    /// A table of events, read instead of `person_year`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    /// Who is in it: for each column, the codes that count. Empty: everybody.
    #[serde(default)]
    pub filter: BTreeMap<String, Vec<String>>,
    /// Names of its dimensions.
    pub dims: Vec<String>,
    /// Its tables.
    #[serde(rename = "table")]
    pub tables: Vec<TableSpec>,
}

/// Persons counted once for each value of a dimension that one of their events has: distinct persons a month, or a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// The table of events.
    pub table: String,
    /// The dimension in which a person may be several times, or whose column is a measure that is added up. Every table of the theme must have it: distinct persons are never
    /// summed over it.
    pub per: String,
    /// The L2 norm of what a person counts over it. Who has k values counts 1 in each if √k is at most this, else this/√k. The higher,
    /// the more noise; the lower, the more those with many values count for too little. Of scene counts it follows from the rounds.
    #[serde(default)]
    pub norm: f64,
    /// Of scene counts, the rounds held by code of `per`, over which each figure is a mean; filled in when a campaign is released.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rounds: BTreeMap<String, u64>,
}

/// A table: a marginal of its theme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// Name, unique in the workload.
    pub name: String,
    /// Title.
    pub label: Text,
    /// Names of its dimensions; empty: the total.
    #[serde(default)]
    pub dims: Vec<String>,
    /// Weight of the variance of a cell: the higher, the more exact.
    #[serde(default = "one")]
    pub weight: f64,
    /// The 95 % half-width wanted of each of its values: with one, the least ρ is looked for that keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_width: Option<f64>,
}

fn one() -> f64 {
    1.0
}

/// How many distinct codes of a column occur.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distinct {
    /// Name.
    pub name: String,
    /// Title.
    pub label: Text,
    /// The column.
    pub column: String,
    /// Who is looked at.
    #[serde(default)]
    pub filter: BTreeMap<String, Vec<String>>,
    /// Codes that do not count.
    #[serde(default)]
    pub excluding: Vec<String>,
    /// Weight of the variance.
    pub weight: f64,
}

/// A named figure: a union of cells of a theme, or a number of distinct values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Stable name.
    pub name: String,
    /// Title of the theme for readers.
    pub label: Text,
    /// Category for readers.
    pub category: Text,
    /// What exactly is counted.
    pub definition: Text,
    /// The theme it is a union of cells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<String>,
    /// For each dimension of the theme that matters, the codes in the union.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cells: BTreeMap<String, Vec<String>>,
    /// The distinct figure it shows, instead of a theme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<String>,
    /// Which published figure of the source it corresponds to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// A row of `facts/key_figures.csv`, apart from the year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRef {
    /// Column `measure`.
    pub measure: String,
    /// Column `unit`.
    #[serde(default = "distinct_persons")]
    pub unit: String,
    /// Column `breakdown`.
    pub breakdown: String,
    /// Column `category`.
    pub category: String,
    /// By year: the number, where the row's note says it and not its value ("15 men 4 women").
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub from_note: BTreeMap<String, f64>,
}

fn distinct_persons() -> String {
    "distinct persons".to_owned()
}

/// The shipped workload of the year.
const KEY_FIGURES: &str = include_str!("../../workloads/key_figures.toml");
/// All shipped workloads.
const SHIPPED: [(&str, &str); 6] = [
    ("key_figures", KEY_FIGURES),
    ("monthly", include_str!("../../workloads/monthly.toml")),
    ("quarterly", include_str!("../../workloads/quarterly.toml")),
    ("services", include_str!("../../workloads/services.toml")),
    ("beds", include_str!("../../workloads/beds.toml")),
    ("scene", include_str!("../../workloads/scene.toml")),
];
/// The name of the workload whose releases answer for a year's key figures.
pub(crate) const OF_THE_YEAR: &str = "key_figures";

impl Workload {
    /// The shipped workload of the year's key figures.
    pub fn key_figures() -> Self {
        match Self::parse(KEY_FIGURES, "key_figures.toml") {
            Ok(workload) => workload,
            // The file is compiled in, and a test reads it.
            Err(error) => unreachable!("the shipped workload is refused: {error}"),
        }
    }

    /// Reads a workload from TOML; `file` is named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, FiguresError> {
        let workload: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            FiguresError::Workload {
                workload: file.to_owned(),
                problem: format!("{place}{}", error.message()),
            }
        })?;
        let given = workload
            .themes
            .iter()
            .find(|theme| theme.events.as_ref().is_some_and(|events| !events.rounds.is_empty()));
        match given {
            Some(theme) => Err(FiguresError::Workload {
                workload: file.to_owned(),
                problem: format!(
                    "theme \"{}\": `rounds` follow from the campaign that is released; leave them out",
                    theme.name
                ),
            }),
            None => Ok(workload),
        }
    }

    /// Reads a workload file.
    pub fn load(path: &Path) -> Result<Self, FiguresError> {
        let text = std::fs::read_to_string(path).map_err(|source| FiguresError::Disk {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let file = path
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        Self::parse(&text, &file)
    }

    /// The 95 % half-widths that it wants, by table.
    pub fn half_widths(&self) -> BTreeMap<String, f64> {
        let tables = self.themes.iter().flat_map(|theme| &theme.tables);
        tables.filter_map(|table| Some((table.name.clone(), table.half_width?))).collect()
    }

    /// The tables that a release of it reads.
    pub fn tables(&self) -> BTreeSet<String> {
        let events = self.themes.iter().filter_map(|theme| Some(theme.events.as_ref()?.table.clone()));
        let persons = self.themes.iter().any(|theme| theme.events.is_none()) || !self.distinct.is_empty();
        events.chain(persons.then(|| check::TABLE.to_owned())).collect()
    }

    /// The column that a theme adds up, where it does not count persons: the dimension of it has one group, of no code.
    pub(crate) fn added_up(&self, theme: &str) -> Option<&str> {
        let theme = self.themes.iter().find(|known| known.name == theme)?;
        let dimension = self.dimensions.get(&theme.events.as_ref()?.per)?;
        let sum = matches!(dimension.groups.as_slice(), [group] if group.of.is_empty());
        sum.then_some(dimension.column.as_str())
    }

    /// A shipped workload by its name, or the file at that path.
    pub fn named(name: &str) -> Result<Self, FiguresError> {
        match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            Some((shipped, text)) => Self::parse(text, &format!("{shipped}.toml")),
            None if name.contains(['/', '.']) => Self::load(Path::new(name)),
            None => Err(FiguresError::Refused {
                message: format!("there is no workload \"{name}\""),
                hint: Some(format!(
                    "shipped are {}; a file of your own is named by its path, such as ./{name}.toml",
                    SHIPPED.map(|(shipped, _)| shipped).join(", ")
                )),
            }),
        }
    }

    /// Checks the workload against a policy: every column, code, dimension and table; touches no data.
    pub fn check(&self, policy: &Policy) -> Result<(), FiguresError> {
        Checked::new(self, policy).map(|_| ())
    }
}
