//! What differs between two releases: a revision of a year, or two years.
//!
//! Two measurements have independent noise, so the variances of a difference add up. Two releases of one measurement have the same noise:
//! their difference is exact, and has no interval.

mod judge;
mod matching;
mod sentences;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skjerm_warehouse::policy::Policy;

use super::document::{Release, Row, Table};
use super::joint::{CONFIDENCE, interval, rounded};
use crate::districts::Estimate;
use crate::error::FiguresError;
use crate::key_figures::{self, KeyFigure, Unit};
use crate::text::Text;
pub(crate) use matching::Matching;

/// Two releases beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// The one.
    pub a: Side,
    /// The other.
    pub b: Side,
    /// Both rest on the same measurement: differences are exact.
    pub same_measurement: bool,
    /// Confidence of every interval, and of all flags of `distinguishable_together` at once.
    pub confidence: f64,
    /// How many differences with noise were judged together.
    pub compared: usize,
    /// How many of them can be told from none when all are judged together.
    pub distinguishable_together: usize,
    /// In one sentence or two.
    pub summary: Text,
    /// The named figures that are in both.
    pub figures: Vec<FigureChange>,
    /// The tables that are in both, cell by cell.
    pub tables: Vec<TableChange>,
    /// What is in one of them alone, or is not the same in both.
    pub unmatched: Vec<Unmatched>,
    /// What to keep in mind.
    pub notes: Vec<Text>,
}

/// One of two releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Id.
    pub release: String,
    /// Calendar year.
    pub year: i32,
    /// 1 for the first release of the year.
    pub revision: u32,
    /// Day of publication.
    pub published: String,
    /// Id of its measurement in the ledger.
    pub answer: String,
}

/// The same figure in two releases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// In the one.
    pub a: Estimate,
    /// In the other.
    pub b: Estimate,
    /// Value of `b` less that of `a`.
    pub difference: f64,
    /// Lower end of its 95 % interval; none where the noise is the same in both.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// The interval does not hold zero, this difference taken alone.
    pub distinguishable: Option<bool>,
    /// So it is when all differences are judged together (Holm): the chance that any is flagged without reason is 5 % at most.
    pub distinguishable_together: Option<bool>,
}

/// A named figure in two releases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FigureChange {
    /// Stable name.
    pub name: String,
    /// Theme.
    pub theme: Text,
    /// Category within the theme.
    pub category: Text,
    /// What it counts.
    pub unit: Unit,
    /// Exact: without noise in either.
    pub exact: bool,
    /// The figures.
    #[serde(flatten)]
    pub change: Change,
}

/// A table in two releases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableChange {
    /// Name.
    pub name: String,
    /// Title, of the second.
    pub label: Text,
    /// Names of its dimensions.
    pub dimensions: Vec<String>,
    /// The cells that are in both.
    pub rows: Vec<CellChange>,
}

/// A cell in two releases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellChange {
    /// Code of each dimension.
    pub key: BTreeMap<String, String>,
    /// The figures.
    #[serde(flatten)]
    pub change: Change,
}

/// What could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmatched {
    /// "table", "code" or "figure".
    pub what: String,
    /// Its name; of a code `dimension=code`.
    pub name: String,
    /// The release that has it; none where both have it and mean something else by it.
    pub only_in: Option<String>,
    /// Why it is not compared.
    pub sentence: Text,
}

/// Compares two releases: everything that means the same in both.
pub fn diff(a: &Release, b: &Release, policy: &Policy) -> Result<Diff, FiguresError> {
    if a.id == b.id {
        return Err(FiguresError::Refused {
            message: format!("both are the release {}: nothing can differ", a.id),
            hint: Some("name two releases; `skjerm release list` shows those that exist".to_owned()),
        });
    }
    let noises = Noises { a, b };
    let same_measurement = noises.are_the_same();
    let matching = Matching::new(a, b);
    let mut unmatched = matching.tables_apart();
    let mut tables = Vec::new();
    for (before, after) in matching.tables() {
        tables.push(table(before, after, &matching, &noises));
    }
    unmatched.extend(matching.codes_apart());
    let (before, after) = (key_figures::figures(a, policy)?, key_figures::figures(b, policy)?);
    unmatched.extend(matching.figures_apart(&before, &after));
    let mut figures: Vec<FigureChange> = matching
        .figures(&before, &after)
        .into_iter()
        .map(|(before, after)| figure(before, after, &noises))
        .collect();
    let cells = tables.iter_mut().flat_map(|table| table.rows.iter_mut().map(|row| &mut row.change));
    let noisy = figures.iter_mut().filter(|figure| !figure.exact).map(|figure| &mut figure.change);
    let judged = judge::together(cells.chain(noisy).collect());
    Ok(Diff {
        a: side(a),
        b: side(b),
        same_measurement,
        confidence: CONFIDENCE,
        compared: judged.compared,
        distinguishable_together: judged.together,
        summary: sentences::summary(&judged, same_measurement),
        figures,
        tables,
        unmatched,
        notes: sentences::notes(a, b),
    })
}

/// How the noises of two releases go together.
struct Noises<'a> {
    a: &'a Release,
    b: &'a Release,
}

impl Noises<'_> {
    /// The standard deviation of a difference within a theme; none where both have the same noise.
    ///
    /// Independent noises: the variances add up. Where one release's estimate is made of all measurements of the theme that the other's
    /// is made of, and of more, it is the best one of all of them, and the best estimate's covariance with any other that is made of
    /// the same measurements is its own variance (Gauss and Markov): the variance of the difference is the difference of the variances.
    /// Where each has some that the other has not, what they share makes them vary together, and the sum is more than the variance.
    fn of_difference(&self, theme: Option<&str>, a: f64, b: f64) -> Option<f64> {
        let (of_a, of_b) = (sources(self.a, theme), sources(self.b, theme));
        if of_a == of_b {
            None
        } else if of_a.is_subset(&of_b) || of_b.is_subset(&of_a) {
            Some((a * a - b * b).abs().sqrt())
        } else {
            Some(a.hypot(b))
        }
    }

    /// Whether everything that is in both is made of the same measurements.
    fn are_the_same(&self) -> bool {
        let themes = self.b.themes.iter().map(|theme| Some(theme.name.as_str()));
        let both = themes.filter(|name| self.a.themes.iter().any(|theme| Some(theme.name.as_str()) == *name));
        self.a.answer == self.b.answer
            && both.into_iter().all(|theme| sources(self.a, theme) == sources(self.b, theme))
    }
}

/// The measurements in the ledger that a theme's estimates are made of; of what is of no theme, the release's own.
fn sources<'a>(release: &'a Release, theme: Option<&str>) -> BTreeSet<&'a str> {
    let found = release.themes.iter().find(|measured| Some(measured.name.as_str()) == theme);
    let taken = found.into_iter().flat_map(|found| &found.measured).filter_map(|one| one.answer.as_deref());
    taken.chain([release.answer.as_str()]).collect()
}

fn table(a: &Table, b: &Table, matching: &Matching<'_>, noises: &Noises<'_>) -> TableChange {
    let estimate =
        |row: &Row| Estimate { value: row.value, low: row.low, high: row.high, display: row.display };
    let rows = matching.rows(a, b).into_iter().map(|(before, after)| CellChange {
        key: after.key.clone(),
        change: change(
            estimate(before),
            estimate(after),
            noises.of_difference(Some(&b.theme), a.sd_of(before), b.sd_of(after)),
        ),
    });
    TableChange {
        name: b.name.clone(),
        label: b.label.clone(),
        dimensions: b.dimensions.clone(),
        rows: rows.collect(),
    }
}

fn figure(a: &KeyFigure, b: &KeyFigure, noises: &Noises<'_>) -> FigureChange {
    let estimate = |figure: &KeyFigure| Estimate {
        value: figure.value,
        low: figure.low,
        high: figure.high,
        display: figure.display,
    };
    let exact = a.exact && b.exact;
    // An exact figure has no noise to share.
    let specified = noises.b.workload.figures.iter().find(|figure| figure.name == b.name);
    let theme = specified.and_then(|figure| figure.theme.as_deref());
    let sd = if exact { Some(0.0) } else { noises.of_difference(theme, a.sd, b.sd) };
    FigureChange {
        name: b.name.clone(),
        theme: b.theme.clone(),
        category: b.category.clone(),
        unit: b.unit,
        exact,
        change: change(estimate(a), estimate(b), sd),
    }
}

/// The difference of two values; `sd` is that of both noises together, and none where it is the same noise.
fn change(a: Estimate, b: Estimate, sd: Option<f64>) -> Change {
    let difference = rounded(b.value - a.value);
    let ends = sd.map(|sd| if sd == 0.0 { (difference, difference) } else { interval(difference, sd) });
    let distinguishable = ends.map(|(low, high)| low > 0.0 || high < 0.0);
    Change {
        a,
        b,
        difference,
        low: ends.map(|(low, _)| low),
        high: ends.map(|(_, high)| high),
        distinguishable,
        // Of a difference with noise it is judged when all are known.
        distinguishable_together: distinguishable,
    }
}

fn side(release: &Release) -> Side {
    Side {
        release: release.id.clone(),
        year: release.year,
        revision: release.revision,
        published: release.published.clone(),
        answer: release.answer.clone(),
    }
}
