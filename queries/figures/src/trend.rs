//! A figure over the years, with intervals, and whether it changed.

use serde::{Deserialize, Serialize};
use skjerm_warehouse::policy::Policy;

use crate::error::FiguresError;
use crate::key_figures::{self, KeyFigure, Unit};
use crate::release::{Matching, Release, joint};
use crate::text::{Display, Language, Text, number};

/// One year of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendPoint {
    /// Calendar year.
    pub year: i32,
    /// The release this comes from.
    pub release: String,
    /// Unbiased value.
    pub value: f64,
    /// Lower end of the 95 % interval of `value`.
    pub low: f64,
    /// Upper end of the 95 % interval of `value`.
    pub high: f64,
    /// What a reader is shown.
    pub display: Display,
    /// Against the published year before, if there is one.
    pub change: Option<Change>,
}

/// The change from the published year before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The year compared with.
    pub from_year: i32,
    /// This year less that year.
    pub difference: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// The interval of the difference does not hold zero.
    pub distinguishable: bool,
    /// One plain sentence.
    pub sentence: Text,
}

/// A figure over the years of these releases, in the order of the years. A release that has no such figure is an error.
///
/// The noise of two releases is independent, so the variances of a change add up.
pub fn series(releases: &[Release], policy: &Policy, name: &str) -> Result<Vec<TrendPoint>, FiguresError> {
    let mut figures: Vec<KeyFigure> = releases
        .iter()
        .map(|release| key_figures::figure(release, policy, name))
        .collect::<Result<_, _>>()?;
    figures.sort_by_key(|figure| figure.year);
    if let Some(pair) = figures.windows(2).find(|pair| pair[0].year == pair[1].year) {
        return Err(FiguresError::Refused {
            message: format!("two of the releases are of the year {}", pair[0].year),
            hint: Some("give one release a year, such as the latest".to_owned()),
        });
    }
    same_meaning(releases, name)?;
    let mut points: Vec<TrendPoint> = Vec::new();
    let mut before: Option<&KeyFigure> = None;
    for figure in &figures {
        points.push(TrendPoint {
            year: figure.year,
            release: figure.release.clone(),
            value: figure.value,
            low: figure.low,
            high: figure.high,
            display: figure.display,
            change: before.map(|before| change(before, figure)),
        });
        before = Some(figure);
    }
    Ok(points)
}

/// The releases since which a figure has meant the same, in the order of the years.
pub fn of_one_meaning(mut releases: Vec<Release>, name: &str) -> Vec<Release> {
    releases.sort_by_key(|release| release.year);
    let last = (1..releases.len()).rfind(|at| same_meaning(&releases[at - 1..=*at], name).is_err());
    releases.split_off(last.unwrap_or(0))
}

/// Refuses a figure whose definition changed: the line would show that, and no change of what is counted.
fn same_meaning(releases: &[Release], name: &str) -> Result<(), FiguresError> {
    let mut by_year: Vec<&Release> = releases.iter().collect();
    by_year.sort_by_key(|release| release.year);
    for pair in by_year.windows(2) {
        let of = |release: &'_ Release| release.workload.figures.iter().find(|one| one.name == name).cloned();
        if let (Some(before), Some(after)) = (of(pair[0]), of(pair[1]))
            && !Matching::new(pair[0], pair[1]).specified_alike(&before, &after)
        {
            return Err(FiguresError::Refused {
                message: format!(
                    "\"{name}\" of {} counts something else than that of {}",
                    pair[1].year, pair[0].year
                ),
                hint: Some(
                    "begin with the year in which it changed; `skjerm release diff` says what did".to_owned(),
                ),
            });
        }
    }
    Ok(())
}

fn change(before: &KeyFigure, after: &KeyFigure) -> Change {
    let difference = joint::rounded(after.value - before.value);
    let sd = after.sd.hypot(before.sd);
    let (low, high) =
        if sd == 0.0 { (difference, difference) } else { joint::interval(after.value - before.value, sd) };
    let distinguishable = low > 0.0 || high < 0.0;
    Change {
        from_year: before.year,
        difference,
        low,
        high,
        distinguishable,
        sentence: sentence(before, after, (difference, low, high)),
    }
}

fn sentence(before: &KeyFigure, after: &KeyFigure, (difference, low, high): (f64, f64, f64)) -> Text {
    let decimals = usize::from(!matches!(
        after.unit,
        Unit::Persons | Unit::Municipalities | Unit::Patrols | Unit::Weeks
    ));
    let write = |value: f64, language| number(value, decimals, language);
    let (from, to) = (before.year, after.year);
    if after.sd == 0.0 && before.sd == 0.0 {
        let (no, en) = match difference {
            0.0 => ("uendret".to_owned(), "unchanged".to_owned()),
            up if up > 0.0 => {
                (format!("opp {}", write(up, Language::No)), format!("up {}", write(up, Language::En)))
            }
            down => (
                format!("ned {}", write(-down, Language::No)),
                format!("down {}", write(-down, Language::En)),
            ),
        };
        return Text::new(
            format!("Fra {from} til {to}: {no} (eksakte tall)."),
            format!("From {from} to {to}: {en} (exact figures)."),
        );
    }
    if low <= 0.0 && high >= 0.0 {
        return Text::new(
            format!("{to} kan ikke skilles fra {from}: forskjellen er mindre enn usikkerheten."),
            format!(
                "{to} cannot be distinguished from {from}: the difference is smaller than the uncertainty."
            ),
        );
    }
    let (near, far) = if difference > 0.0 { (low, high) } else { (-high, -low) };
    let size = difference.abs();
    let (no, en) = if difference > 0.0 { ("økning", "increase") } else { ("nedgang", "decrease") };
    Text::new(
        format!(
            "Fra {from} til {to}: {no} på {} (mellom {} og {}).",
            write(size, Language::No),
            write(near, Language::No),
            write(far, Language::No)
        ),
        format!(
            "From {from} to {to}: {en} of {} (between {} and {}).",
            write(size, Language::En),
            write(near, Language::En),
            write(far, Language::En)
        ),
    )
}
