//! The named figures of the field, out of a release.

mod patrols;

use std::collections::BTreeMap;

pub use patrols::{PatrolWeek, TARGET_A_WEEK, patrol_weeks};
use serde::{Deserialize, Serialize};
use skjerm_privacy::interval::discrete_gaussian_half_width;
use skjerm_warehouse::policy::Policy;

use crate::error::FiguresError;
use crate::facts;
use crate::release::joint::{self, Joint};
use crate::release::{Release, shown};
use crate::text::{Display, Text};
use crate::workload::Figure;

/// One figure of one year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyFigure {
    /// Stable name, such as `contact_under_25`.
    pub name: String,
    /// The release this comes from.
    pub release: String,
    /// Theme, such as "Contact".
    pub theme: Text,
    /// Category within the theme, such as "under 25".
    pub category: Text,
    /// What exactly is counted.
    pub definition: Text,
    /// Calendar year.
    pub year: i32,
    /// Unbiased value.
    pub value: f64,
    /// Standard deviation of the noise in `value`; 0 when exact.
    pub sd: f64,
    /// Lower end of the 95 % interval of `value`.
    pub low: f64,
    /// Upper end of the 95 % interval of `value`.
    pub high: f64,
    /// What a reader is shown: consistent with the tables, or ":".
    pub display: Display,
    /// What the number counts.
    pub unit: Unit,
    /// Exact: about the service, without noise (`low` = `value` = `high`).
    pub exact: bool,
    /// The figure published by the source for that year, if there is one.
    pub source_value: Option<f64>,
    /// Where the source figure is from.
    pub source: Option<String>,
    /// A remark, such as that the source does not add up.
    pub note: Option<Text>,
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Distinct persons in the year.
    Persons,
    /// Distinct municipalities.
    Municipalities,
    /// Nights.
    Nights,
    /// Registrations: admissions, contacts.
    Registrations,
    /// Another measure, added up.
    Amount,
    /// Patrols.
    Patrols,
    /// Patrols a week.
    PatrolsPerWeek,
    /// Staff a patrol.
    StaffPerPatrol,
    /// Weeks.
    Weeks,
    /// Per cent.
    Percent,
}

impl Unit {
    /// What the values of a theme's tables are.
    pub(crate) fn of_theme(release: &Release, theme: &str) -> Self {
        match release.workload.added_up(theme) {
            None => Self::Persons,
            Some("nights") => Self::Nights,
            Some("record") => Self::Registrations,
            Some(_) => Self::Amount,
        }
    }

    /// Its name for readers.
    pub fn text(self) -> Text {
        let (no, en) = match self {
            Self::Persons => ("personer", "persons"),
            Self::Municipalities => ("kommuner", "municipalities"),
            Self::Nights => ("døgn", "nights"),
            Self::Registrations => ("registreringer", "registrations"),
            Self::Amount => ("samlet verdi", "amount"),
            Self::Patrols => ("patruljer", "patrols"),
            Self::PatrolsPerWeek => ("patruljer per uke", "patrols a week"),
            Self::StaffPerPatrol => ("ansatte per patrulje", "staff a patrol"),
            Self::Weeks => ("uker", "weeks"),
            Self::Percent => ("prosent", "per cent"),
        };
        Text::new(no, en)
    }
}

/// All figures of a release: those of its workload, then the patrols of Uteseksjonen (exact).
pub fn figures(release: &Release, policy: &Policy) -> Result<Vec<KeyFigure>, FiguresError> {
    let mut themes = BTreeMap::new();
    let mut figures = Vec::new();
    for figure in &release.workload.figures {
        let numbers = match (&figure.theme, &figure.distinct) {
            (Some(theme), _) => {
                if !themes.contains_key(theme) {
                    themes.insert(theme.clone(), Joint::of_release(release, theme)?);
                }
                let (joint, measurement) = &themes[theme];
                let union = joint.union(&joint.named(&figure.cells), &measurement.display)?;
                let interval = joint::interval(union.value, union.sd);
                Numbers {
                    value: union.value,
                    sd: union.sd,
                    interval,
                    display: shown(policy, union.value, union.sd, union.display),
                    unit: Unit::of_theme(release, theme),
                }
            }
            (None, Some(name)) => {
                let distinct =
                    release.distinct.iter().find(|distinct| &distinct.name == name).ok_or_else(|| {
                        FiguresError::Fault(format!("the release {} has not measured \"{name}\"", release.id))
                    })?;
                let half_width = discrete_gaussian_half_width(distinct.sigma, joint::CONFIDENCE);
                let value = distinct.value as f64;
                let interval = (value - half_width, value + half_width);
                Numbers {
                    value,
                    sd: distinct.sigma,
                    interval,
                    display: distinct.display,
                    unit: Unit::Municipalities,
                }
            }
            (None, None) => {
                return Err(FiguresError::Fault(format!(
                    "the figure \"{}\" says not what it counts",
                    figure.name
                )));
            }
        };
        figures.push(key_figure(release, figure, numbers));
    }
    figures.extend(operational(release, policy));
    Ok(figures)
}

/// The exact figures of a release, about the service: the patrols of Uteseksjonen. They are also among [`figures`].
pub fn operational(release: &Release, policy: &Policy) -> Vec<KeyFigure> {
    let operational = release.operational.as_ref();
    operational.map(|operational| patrols::figures(release, policy, operational)).unwrap_or_default()
}

/// One figure of a release by its name.
pub fn figure(release: &Release, policy: &Policy, name: &str) -> Result<KeyFigure, FiguresError> {
    let all = figures(release, policy)?;
    let names: Vec<String> = all.iter().map(|figure| figure.name.clone()).collect();
    all.into_iter().find(|figure| figure.name == name).ok_or_else(|| FiguresError::Refused {
        message: format!("the release {} has no figure \"{name}\"", release.id),
        hint: Some(format!("it has {}", names.join(", "))),
    })
}

#[derive(Clone, Copy)]
struct Numbers {
    value: f64,
    sd: f64,
    interval: (f64, f64),
    display: Display,
    unit: Unit,
}

fn key_figure(release: &Release, figure: &Figure, numbers: Numbers) -> KeyFigure {
    let published = figure.source.as_ref().and_then(|source| facts::published(release.year, source));
    let (low, high) = joint::counted(numbers.value, numbers.interval);
    KeyFigure {
        name: figure.name.clone(),
        release: release.id.clone(),
        theme: figure.label.clone(),
        category: figure.category.clone(),
        definition: figure.definition.clone(),
        year: release.year,
        value: joint::rounded(numbers.value),
        sd: numbers.sd,
        low,
        high,
        display: numbers.display,
        unit: numbers.unit,
        exact: false,
        source_value: published.as_ref().map(|published| published.value),
        source: published.as_ref().map(|published| published.source.clone()),
        // A remark is about the source's figure: it has no place beside a year that the source says nothing of.
        note: figure.note.clone().filter(|_| published.is_some()),
    }
}
