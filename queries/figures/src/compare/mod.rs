//! What figures of a release say beside each other: sums, differences, ratios, shares, rates per 1,000 residents, and the change from
//! year to year, each with its 95 % interval.
//!
//! Everything is computed from the unbiased values and their joint covariance (generalised least squares over all that was measured of
//! a theme): post-processing of what is published, so it costs nothing.
//!
//! Assumptions. The errors of the values are Gaussian: they are sums of exact discrete Gaussian noise, whose distribution is that of the
//! rounded Gaussian to many digits once σ ≥ 1 (Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", 2020).
//! Different themes, and the measurements of different years, have independent noise. Residents are public and exact. The intervals hold
//! the noise, and not what the registration missed. Those of quotients are Fieller's ("Some problems in interval estimation", 1954):
//! they cover as often as they say, also where the two figures share noise, and have no ends where the lower figure may be nothing; then
//! the quotient is said to be open. Differences are judged alone and, by Holm's procedure, together.

mod chosen;
mod counts;
#[cfg(test)]
mod coverage;
mod quotient;
mod residents;
mod sentences;

use serde::{Deserialize, Serialize};
use skjerm_privacy::interval::z;
use skjerm_warehouse::Reference;
use skjerm_warehouse::policy::Policy;

use crate::districts::Estimate;
use crate::error::FiguresError;
use crate::holm;
use crate::release::Release;
use crate::release::joint::{self, CONFIDENCE};
use crate::text::{Display, Text};
use counts::{Count, Counts};
pub(crate) use quotient::Pair;

/// Which figures of a release are compared: rows of a table, or named figures.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Name of the table.
    pub table: Option<String>,
    /// Names of figures, where no table is named.
    pub figures: Vec<String>,
    /// Of the table, only rows with these codes: `age=under_18,18-24,belonging=oslo`. A total is then of these.
    pub within: Option<String>,
    /// What the others are held against: a row (`age=under_18,belonging=oslo`, or a code that one row alone has), `total` for all rows
    /// together, or the name of a figure.
    pub against: Option<String>,
}

/// What is asked of them.
#[derive(Debug, Clone, Copy)]
pub enum How<'a> {
    /// All of them together.
    Sum,
    /// Each less the one it is held against; without one, every two.
    Difference,
    /// Each over the one it is held against; without one, every two.
    Ratio,
    /// Each as a part of the one it is held against; without one, of all rows together.
    Share,
    /// Each per 1,000 residents of the same districts and ages; where none are named, of the whole city and of all ages.
    Rate(&'a Reference),
    /// Each less the same of a release of another year.
    Since(&'a Release),
}

/// What a comparison's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A number of persons.
    Sum,
    /// Persons more (or fewer).
    Difference,
    /// How many times as many.
    Ratio,
    /// Per cent of the whole.
    Share,
    /// Persons per 1,000 residents.
    Rate,
    /// Persons more (or fewer) than in the other year, and the same in per cent of that year's.
    Change,
}

impl What {
    /// How many decimals a reader is shown.
    pub fn decimals(self) -> u8 {
        match self {
            Self::Sum | Self::Difference | Self::Change => 0,
            Self::Share | Self::Rate => 1,
            Self::Ratio => 2,
        }
    }
}

/// Figures of a release beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The release.
    pub release: String,
    /// Its calendar year.
    pub year: i32,
    /// The release of another year that it is held against.
    pub since: Option<String>,
    /// The table, unless figures are compared.
    pub table: Option<String>,
    /// What the numbers are.
    pub what: What,
    /// Confidence of every interval, and of all flags of `distinguishable_together` at once.
    pub confidence: f64,
    /// The differences that were judged together; none where nothing is judged.
    pub family: Option<Family>,
    /// One a comparison.
    pub rows: Vec<Compared>,
    /// What to keep in mind.
    pub notes: Vec<Text>,
}

/// Differences that are judged together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// Which they are.
    pub name: Text,
    /// How many.
    pub compared: usize,
    /// Distinguishable when each is taken alone.
    pub alone: usize,
    /// Distinguishable when all are judged together.
    pub together: usize,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// What is compared.
    pub a: Counted,
    /// What it is held against.
    pub b: Option<Counted>,
    /// The residents that a rate is of.
    pub residents: Option<u64>,
    /// The sum, difference, ratio, share, rate, or change in persons.
    #[serde(flatten)]
    pub result: Quantity,
    /// The change in per cent of the other year's figure.
    pub relative: Option<Quantity>,
    /// The interval of the difference does not hold zero, this comparison taken alone; none where nothing is judged.
    pub distinguishable: Option<bool>,
    /// So it is when all of the family are judged together (Holm): the chance that any is flagged without reason is 5 % at most.
    pub distinguishable_together: Option<bool>,
}

/// A number of persons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// Codes of the row, or the figure's name.
    pub name: String,
    /// For readers.
    pub label: Text,
    /// The number.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// What was computed, with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// The value; none where it is open.
    pub value: Option<f64>,
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// The lower figure of a quotient may be nothing: its interval has no ends.
    pub open: bool,
    /// What a reader is shown: ":" where it is open, or where a figure it is made of is not shown.
    pub display: Display,
}

/// Compares figures of a release.
///
/// # Privacy
/// Post-processing of published values, at no cost. The policy's rules on small and unsure figures are applied to the noised counts that
/// a comparison is made of: it is shown as ":" where one of them is. The unbiased values of all counts are published, so this hides
/// nothing that could not be computed; it keeps what is shown consistent.
pub fn compare(
    release: &Release,
    policy: &Policy,
    asked: &Asked,
    how: How<'_>,
) -> Result<Comparison, FiguresError> {
    let counts = Counts::new(release, policy, asked)?;
    if asked.against.is_some() && matches!(how, How::Sum | How::Rate(_) | How::Since(_)) {
        return Err(FiguresError::Refused {
            message: "a sum, a rate and a change are held against no other figure".to_owned(),
            hint: Some("leave out --against, or ask for --difference, --ratio or --share".to_owned()),
        });
    }
    let mut notes = sentences::notes(policy);
    let (what, rows) = match how {
        How::Sum => (What::Sum, vec![sum(&counts.sum()?)]),
        How::Difference => (What::Difference, pairs(&counts, difference)?),
        How::Ratio => (What::Ratio, pairs(&counts, ratio)?),
        How::Share => (What::Share, shares(&counts)?),
        How::Rate(reference) => {
            let (rows, without) = rates(&counts, release, policy, reference)?;
            notes.extend(sentences::residents(&without));
            (What::Rate, rows)
        }
        How::Since(earlier) => {
            let (before, unmatched) = counts.before(earlier, asked)?;
            notes.extend(unmatched);
            notes.push(if release.campaign.is_some() { sentences::campaigns() } else { sentences::years() });
            (What::Change, before.iter().map(|(now, then)| change(now, then)).collect())
        }
    };
    if rows.is_empty() {
        return Err(FiguresError::Refused {
            message: "there is nothing to compare it with: one figure alone was named".to_owned(),
            hint: Some(
                "name two figures or rows; or --share, --sum, --rate or --since, which take one".to_owned(),
            ),
        });
    }
    let mut rows: Vec<(Compared, f64)> = rows;
    let family = judge(&mut rows).map(|(compared, alone, together)| Family {
        name: sentences::family(what, release, asked),
        compared,
        alone,
        together,
    });
    notes.extend(family.as_ref().map(sentences::judged));
    let rows: Vec<Compared> = rows.into_iter().map(|(row, _)| row).collect();
    if rows.iter().any(|row| row.result.open || row.relative.is_some_and(|relative| relative.open)) {
        notes.push(sentences::open());
    }
    Ok(Comparison {
        release: release.id.clone(),
        year: release.year,
        since: if let How::Since(earlier) = how { Some(earlier.id.clone()) } else { None },
        table: asked.table.clone(),
        what,
        confidence: CONFIDENCE,
        family,
        rows,
        notes,
    })
}

/// A comparison, and how far it is from none in standard deviations.
type Scored = (Compared, f64);

fn sum(all: &Count) -> Scored {
    let Estimate { value, low, high, display } = all.estimate();
    let result = Quantity { value: Some(value), low: Some(low), high: Some(high), open: false, display };
    (row(counted(all), None, result), 0.0)
}

/// Each against the one it is held against, or every two.
fn pairs(
    counts: &Counts<'_>,
    make: fn(&Count, &Count, &Pair) -> Scored,
) -> Result<Vec<Scored>, FiguresError> {
    let all = counts.counts();
    let mut rows = Vec::new();
    if let Some(base) = counts.base() {
        for one in all.iter().filter(|one| one.name != base.name) {
            rows.push(make(one, base, &counts.pair(one, base)?));
        }
        return Ok(rows);
    }
    for (index, a) in all.iter().enumerate() {
        for b in &all[index + 1..] {
            rows.push(make(a, b, &counts.pair(a, b)?));
        }
    }
    Ok(rows)
}

fn difference(a: &Count, b: &Count, pair: &Pair) -> Scored {
    let (value, sd) = pair.difference();
    let result = quantity(joint::rounded(value), joint::interval(value, sd), shown(a, b), What::Difference);
    (judged(a, b, result, pair), score(value, sd))
}

fn ratio(a: &Count, b: &Count, pair: &Pair) -> Scored {
    let (value, sd) = pair.difference();
    let result = quotient(pair, 1.0, (0.0, f64::INFINITY), shown(a, b), What::Ratio);
    let mut row = judged(a, b, result, pair);
    // Its own interval says the same, but for the rounding of both.
    let holds_one = result.low.zip(result.high).is_some_and(|(low, high)| low <= 1.0 && 1.0 <= high);
    row.distinguishable = row.distinguishable.map(|alone| alone && !holds_one);
    (row, score(value, sd))
}

fn shares(counts: &Counts<'_>) -> Result<Vec<Scored>, FiguresError> {
    let whole = match counts.base() {
        Some(base) => base.clone(),
        None => counts.sum()?,
    };
    let mut rows = Vec::new();
    for part in counts.counts().iter().filter(|part| part.name != whole.name) {
        Counts::check_part(part, &whole)?;
        let result =
            quotient(&counts.pair(part, &whole)?, 100.0, (0.0, 100.0), shown(part, &whole), What::Share);
        rows.push((row(counted(part), Some(counted(&whole)), result), 0.0));
    }
    Ok(rows)
}

/// Rates, and the names of those whose residents are not known.
fn rates(
    counts: &Counts<'_>,
    release: &Release,
    policy: &Policy,
    reference: &Reference,
) -> Result<(Vec<Scored>, Vec<String>), FiguresError> {
    let (mut rows, mut without) = (Vec::new(), Vec::new());
    for count in counts.counts() {
        let Some(residents) = residents::of(count, release, policy, reference) else {
            without.push(count.name.clone());
            continue;
        };
        rows.push(rate(count, residents));
    }
    if rows.is_empty() {
        return Err(FiguresError::Refused {
            message: format!("of none of these the residents of {} are known", release.period().name()),
            hint: Some(
                "residents are known by district and age; `skjerm warehouse reference show` says of which years".to_owned(),
            ),
        });
    }
    Ok((rows, without))
}

fn rate(count: &Count, residents: u64) -> Scored {
    let scale = 1000.0 / residents as f64;
    let (value, half_width) = (count.value * scale, z(CONFIDENCE) * count.sd * scale);
    let (value, low, high) = outwards(value, (value - half_width).max(value.min(0.0)), value + half_width);
    let result = quantity(value, (low, high), count.is_shown(), What::Rate);
    (Compared { residents: Some(residents), ..row(counted(count), None, result) }, 0.0)
}

/// Of two years, whose noise is independent.
fn change(now: &Count, then: &Count) -> Scored {
    let pair = Pair {
        a: now.value,
        b: then.value,
        variance_a: now.sd * now.sd,
        variance_b: then.sd * then.sd,
        covariance: 0.0,
    };
    let (value, sd) = pair.difference();
    let result = quantity(joint::rounded(value), joint::interval(value, sd), shown(now, then), What::Change);
    let growth = Pair { a: pair.a - pair.b, variance_a: sd * sd, covariance: -pair.variance_b, ..pair };
    let relative = quotient(&growth, 100.0, (-100.0, f64::INFINITY), shown(now, then), What::Share);
    (Compared { relative: Some(relative), ..judged(now, then, result, &pair) }, score(value, sd))
}

/// How far from none, in standard deviations. Without noise there is nothing to judge.
fn score(value: f64, sd: f64) -> f64 {
    if sd > 0.0 { value.abs() / sd } else { 0.0 }
}

fn shown(a: &Count, b: &Count) -> bool {
    a.is_shown() && b.is_shown()
}

fn counted(count: &Count) -> Counted {
    Counted { name: count.name.clone(), label: count.label.clone(), estimate: count.estimate() }
}

fn row(a: Counted, b: Option<Counted>, result: Quantity) -> Compared {
    Compared {
        a,
        b,
        residents: None,
        result,
        relative: None,
        distinguishable: None,
        distinguishable_together: None,
    }
}

/// A comparison that is judged by the difference of the two.
fn judged(a: &Count, b: &Count, result: Quantity, pair: &Pair) -> Compared {
    let (value, sd) = pair.difference();
    let (low, high) = joint::interval(value, sd);
    Compared { distinguishable: Some(low > 0.0 || high < 0.0), ..row(counted(a), Some(counted(b)), result) }
}

fn quantity(value: f64, (low, high): (f64, f64), shown: bool, what: What) -> Quantity {
    let scale = 10_f64.powi(i32::from(what.decimals()));
    let display =
        if shown { Display::Decimal((value * scale).round() / scale + 0.0) } else { Display::Suppressed };
    Quantity { value: Some(value), low: Some(low), high: Some(high), open: false, display }
}

/// The quotient of a pair times `scale`. The part of its interval outside of what is possible, and beyond the value itself, says nothing.
fn quotient(pair: &Pair, scale: f64, possible: (f64, f64), shown: bool, what: What) -> Quantity {
    let Some((low, high)) = pair.quotient(z(CONFIDENCE)) else {
        return Quantity { value: None, low: None, high: None, open: true, display: Display::Suppressed };
    };
    let value = pair.a / pair.b * scale;
    let (low, high) = ((low * scale).max(value.min(possible.0)), (high * scale).min(value.max(possible.1)));
    let (value, low, high) = outwards(value, low, high);
    quantity(value, (low, high), shown, what)
}

/// A value and its interval, rounded outwards to two decimals, and to more where a hundredth is much of its half-width: so that the
/// rounding never adds more than a hundredth to it.
fn outwards(value: f64, low: f64, high: f64) -> (f64, f64, f64) {
    let half_width = (high - low) / 2.0;
    let decimals = if half_width > 0.0 { (2.0 - half_width.log10().floor()).clamp(2.0, 9.0) } else { 2.0 };
    let scale = 10_f64.powf(decimals);
    let rounded = |value: f64| value / scale + 0.0;
    // What lies on a step but for the rounding of floating point stays there.
    let slack = 1e-6;
    (
        rounded((value * scale).round()),
        rounded((low * scale + slack).floor()),
        rounded((high * scale - slack).ceil()),
    )
}

/// Flags those that can be told from none when all are judged together: how many were judged, and how many are flagged alone and together.
fn judge(rows: &mut [Scored]) -> Option<(usize, usize, usize)> {
    if rows.iter().any(|(row, _)| row.distinguishable.is_none()) {
        return None;
    }
    let scores: Vec<f64> = rows.iter().map(|(_, score)| *score).collect();
    for ((row, _), together) in rows.iter_mut().zip(holm::together(&scores)) {
        // Intervals are rounded outwards: what is no difference alone is none together.
        row.distinguishable_together = Some(together && row.distinguishable == Some(true));
    }
    let count =
        |flag: fn(&Compared) -> Option<bool>| rows.iter().filter(|(row, _)| flag(row) == Some(true)).count();
    Some((rows.len(), count(|row| row.distinguishable), count(|row| row.distinguishable_together)))
}
