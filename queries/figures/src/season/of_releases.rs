//! A series of a table's values over the months or quarters of several years' releases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Decomposition, decompose};
use crate::error::FiguresError;
use crate::release::joint::Joint;
use crate::release::{Matching, Release, Row};
use crate::text::Text;

/// The column of events that says when.
const MONTH: &str = "month";

/// Values of one cell of a table, month by month (or quarter by quarter) over several years, taken apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The table.
    pub table: String,
    /// Its title.
    pub label: Text,
    /// The code of each dimension but that of time.
    pub cell: BTreeMap<String, String>,
    /// Year and code (month, quarter) of each point.
    pub times: Vec<(i32, String)>,
    /// The releases, by year.
    pub releases: Vec<String>,
    /// Trend, season and remainder.
    pub parts: Decomposition,
}

/// The series of a table's cell over releases of consecutive years, each of which counts persons once a month or quarter.
///
/// Values within a year have the covariance that their release says; those of different years have independent noise.
///
/// # Errors
/// Refuses, with what to do: no such table, one that is not by month or quarter, a cell that is not one, years with a gap, codes that
/// changed between years, and fewer than two years.
pub fn of_releases(
    releases: &[Release],
    table: &str,
    cell: &BTreeMap<String, String>,
) -> Result<Series, FiguresError> {
    if releases.is_empty() {
        return Err(refused(
            "there is no release of these years".to_owned(),
            "publish the monthly or quarterly tables of two years or more",
        ));
    }
    if let Some(pair) = releases.windows(2).find(|pair| pair[1].year != pair[0].year + 1) {
        return Err(refused(
            format!(
                "a season is looked for in consecutive years, and {} is followed by {}",
                pair[0].year, pair[1].year
            ),
            "publish the years between, or begin after the gap",
        ));
    }
    for pair in releases.windows(2) {
        require_same(pair, table, cell)?;
    }
    let mut found = Series {
        table: table.to_owned(),
        label: Text::new("", ""),
        cell: cell.clone(),
        times: Vec::new(),
        releases: releases.iter().map(|release| release.id.clone()).collect(),
        parts: Decomposition { period: 0, points: Vec::new(), season: None },
    };
    let mut values = Vec::new();
    let mut blocks = Vec::new();
    let mut period = None;
    for release in releases {
        let year = Year::of(release, table, cell)?;
        if period.is_some_and(|period| period != year.codes.len()) {
            return Err(refused(
                format!(
                    "the table \"{table}\" of {} has another number of months or quarters than the year before",
                    release.year
                ),
                "begin with the year in which they changed",
            ));
        }
        period = Some(year.codes.len());
        found.label = year.label;
        found.times.extend(year.codes.into_iter().map(|code| (release.year, code)));
        values.extend(year.values);
        blocks.push(year.covariance);
    }
    let covariance = block_diagonal(&blocks, values.len());
    found.parts = decompose(&values, &covariance, period.unwrap_or_default())?;
    Ok(found)
}

/// Refuses a table that means something else in the second of two years, or has other codes in the cell.
fn require_same(pair: &[Release], name: &str, cell: &BTreeMap<String, String>) -> Result<(), FiguresError> {
    let [before, after] = pair else { return Ok(()) };
    let matching = Matching::new(before, after);
    let tables = matching.tables().into_iter().find(|(_, table)| table.name == name);
    let of_cell =
        |row: &&Row| cell.iter().all(|(dimension, code)| row.key.get(dimension).is_none_or(|of| of == code));
    let same = tables.is_none_or(|(a, b)| {
        let rows = matching.rows(a, b).iter().filter(|(_, row)| of_cell(row)).count();
        rows == a.rows.iter().filter(of_cell).count() && rows == b.rows.iter().filter(of_cell).count()
    });
    // Where one of the two has no such table, that is said below.
    let known = |release: &Release| release.tables.iter().any(|table| table.name == name);
    if same && (tables.is_some() || !known(before) || !known(after)) {
        return Ok(());
    }
    Err(refused(
        format!(
            "the table \"{name}\" of {} counts something else than that of {}, or by other codes",
            after.year, before.year
        ),
        "begin with the year in which they changed; `skjerm release diff` says what did",
    ))
}

/// One year of the series.
struct Year {
    label: Text,
    codes: Vec<String>,
    values: Vec<f64>,
    /// Row-major.
    covariance: Vec<f64>,
}

impl Year {
    fn of(release: &Release, name: &str, cell: &BTreeMap<String, String>) -> Result<Self, FiguresError> {
        let by_time = |theme: &str| {
            let theme = release.workload.themes.iter().find(|specified| specified.name == theme)?;
            let per = &theme.events.as_ref()?.per;
            is_time(release, per).then(|| per.clone())
        };
        let table = release.tables.iter().find(|table| table.name == name).ok_or_else(|| {
            let names: Vec<&str> = release
                .tables
                .iter()
                .filter(|table| by_time(&table.theme).is_some())
                .map(|table| table.name.as_str())
                .collect();
            refused(
                format!("the release {} has no table \"{name}\"", release.id),
                &format!("its tables by month or quarter are {}", names.join(", ")),
            )
        })?;
        let time = by_time(&table.theme).ok_or_else(|| {
            refused(
                format!("the table \"{name}\" has no months or quarters of which each is counted by itself"),
                "name a table of the monthly or quarterly workload that is not to date",
            )
        })?;
        let (joint, _) = Joint::of_release(release, &table.theme)?;
        let dimensions: Vec<&String> =
            table.dimensions.iter().filter(|dimension| **dimension != time).collect();
        for dimension in &dimensions {
            let info = joint.dims().iter().find(|info| info.name == **dimension);
            let codes: Vec<&str> =
                info.into_iter().flat_map(|info| &info.codes).map(|code| code.code.as_str()).collect();
            if !cell.get(*dimension).is_some_and(|code| codes.contains(&code.as_str())) {
                return Err(refused(
                    format!(
                        "the table \"{name}\" of {} is by \"{dimension}\", and no code of it is named",
                        release.year
                    ),
                    &format!("name one, such as {dimension}={}", codes.first().copied().unwrap_or_default()),
                ));
            }
        }
        if let Some(other) = cell.keys().find(|key| !dimensions.contains(key)) {
            return Err(refused(
                format!("the table \"{name}\" has no dimension \"{other}\""),
                "leave it out, or name another table",
            ));
        }
        let info = joint.dims().iter().find(|info| info.name == time).ok_or_else(|| {
            FiguresError::Fault(format!(
                "the release {} does not describe its dimension \"{time}\"",
                release.id
            ))
        })?;
        let mut queries = Vec::new();
        for code in &info.codes {
            let mut sets: BTreeMap<String, Vec<String>> =
                cell.iter().map(|(dimension, code)| (dimension.clone(), vec![code.clone()])).collect();
            sets.insert(time.clone(), vec![code.code.clone()]);
            queries.push(joint.query(&sets)?);
        }
        let values =
            queries.iter().map(|query| Ok(joint.estimate(query)?.0)).collect::<Result<_, FiguresError>>()?;
        let mut covariance = Vec::with_capacity(queries.len() * queries.len());
        for a in &queries {
            for b in &queries {
                covariance.push(joint.covariance(a, b)?);
            }
        }
        let codes = info.codes.iter().map(|code| code.code.clone()).collect();
        Ok(Self { label: table.label.clone(), codes, values, covariance })
    }
}

/// Whether a dimension's codes are the months of the whole year, or quarters of them, in their order.
fn is_time(release: &Release, dimension: &str) -> bool {
    let info = release.dimensions.iter().find(|info| info.name == dimension);
    let months: Vec<&str> =
        info.iter().flat_map(|info| &info.codes).flat_map(|code| &code.of).map(String::as_str).collect();
    release.workload.dimensions.get(dimension).is_some_and(|spec| spec.column == MONTH)
        && months.iter().map(|month| month.parse().ok()).eq((1..=12_u32).map(Some))
}

/// The blocks along the diagonal, zero elsewhere; row-major.
fn block_diagonal(blocks: &[Vec<f64>], count: usize) -> Vec<f64> {
    let mut all = vec![0.0; count * count];
    let mut start = 0;
    for block in blocks {
        let side = block.len().isqrt();
        for (row, values) in block.chunks(side.max(1)).enumerate() {
            for (column, value) in values.iter().enumerate() {
                all[(start + row) * count + start + column] = *value;
            }
        }
        start += side;
    }
    all
}

fn refused(message: String, hint: &str) -> FiguresError {
    FiguresError::Refused { message, hint: Some(hint.to_owned()) }
}
