//! Whether a request can be measured, and what it costs. Sees no data.

use std::collections::BTreeSet;

use skjerm_privacy::marginals::{Kind, Marginal};
use skjerm_privacy::{Gaussian, PrivacyError, Rho};
use skjerm_warehouse::policy::{ColumnRole, Grain, Policy, Table, TableKind};

use super::campaign::{self, OBSERVATIONS};
use super::marginals::TABLE;
use super::request::{Dim, MarginalsRequest, Theme};
use super::scene::Rounds;
use super::sums;
use crate::engine::{PERSONS, SCENE};
use crate::error::EngineError;

/// The most cells of one marginal.
const MAX_CELLS: usize = 1 << 20;

/// Checks a request against the policy, and of a campaign against its public rounds, and says what it costs. Sees no data.
pub(crate) fn price(
    policy: &Policy,
    request: &MarginalsRequest,
    rounds: Option<&Rounds>,
) -> Result<Rho, EngineError> {
    let persons =
        policy.table(TABLE).ok_or_else(|| EngineError::fault("The policy has no table person_year."))?;
    if !policy.years.contains(request.year) {
        return Err(EngineError::refused(format!("The policy declares no year {}.", request.year))
            .with_hint(format!("Its years are {} to {}.", policy.years.first, policy.years.last)));
    }
    let mut total = Rho::ZERO;
    let mut pay = |l2_squared: u128, sigma: f64| {
        let gaussian = Gaussian::for_sigma_squared(l2_squared, sigma)
            .map_err(|e| EngineError::refused(e.to_string()))?;
        total = total
            .checked_add(gaussian.rho())
            .ok_or_else(|| EngineError::refused("The request costs more than any budget holds."))?;
        Ok::<_, EngineError>(())
    };
    for theme in &request.themes {
        let table = match rounds {
            None => table_of(policy, persons, theme)?,
            Some(rounds) => {
                let refused = |problem| EngineError::refused(format!("In `{}`: {problem}", theme.name));
                campaign::of_rounds(rounds, theme).map_err(refused)?;
                observations(policy, theme)?
            }
        };
        check_filter(policy, table, &theme.filter)?;
        for dim in &theme.dims {
            check_dim(policy, table, theme, dim)?;
        }
        if theme.adds_up() {
            let others = theme.dims.iter().filter(|dim| !dim.adds_up());
            sums::check_others(persons, others.map(|dim| dim.column.as_str()))
                .map_err(|problem| EngineError::refused(format!("In `{}`: {problem}", theme.name)))?;
        }
        let refused = |error: PrivacyError| EngineError::refused(format!("In `{}`: {error}.", theme.name));
        let domain = theme.domain().map_err(refused)?;
        for (dims, sigma) in &theme.measured {
            cells(theme, dims)?;
            let marginal = Marginal::new(dims.iter().copied());
            pay(domain.sensitivity_squared(&marginal, theme.form).map_err(refused)?, *sigma)?;
        }
    }
    if rounds.is_some() && !request.distinct.is_empty() {
        return Err(EngineError::refused(
            "Scene counts tell nobody apart, so no different codes can be counted.",
        ));
    }
    for distinct in &request.distinct {
        check_filter(policy, persons, &distinct.filter)?;
        codes(policy, persons, &distinct.column)?;
        pay(1, distinct.sigma)?;
    }
    if total.is_zero() {
        return Err(EngineError::refused("The request measures nothing."));
    }
    Ok(total)
}

/// What one person-year adds, for the ledger.
pub(crate) fn bounds_in_words(request: &MarginalsRequest) -> String {
    if request.campaign.is_some() {
        return "an individual is seen once a round at most, and adds 1 to the mean of a count in each shift at most".into();
    }
    let several = request.themes.iter().filter_map(|theme| {
        let (dim, unit, norm) = theme.several()?;
        if theme.adds_up() {
            return Some(format!("; in {}, {norm} at most", theme.name));
        }
        Some(format!(
            "; in {}, once for each {}, scaled to an L2 norm of {:.3}",
            theme.name,
            theme.dims.get(dim)?.name,
            norm as f64 / unit as f64
        ))
    });
    format!("a person-year adds 1 to one cell of each marginal{}", several.collect::<String>())
}

/// Mechanism and scales, for the ledger.
pub(crate) fn noise_in_words(request: &MarginalsRequest) -> String {
    let themes = request.themes.iter().map(|theme| {
        let sigmas: Vec<String> = theme.measured.iter().map(|(_, sigma)| format!("{sigma:.3}")).collect();
        format!("{}: σ {}", theme.name, sigmas.join(", "))
    });
    let distinct = request.distinct.iter().map(|figure| format!("{}: σ {:.3}", figure.name, figure.sigma));
    format!("discrete Gaussian on each marginal; {}", themes.chain(distinct).collect::<Vec<_>>().join("; "))
}

/// The table a theme is measured on. Only one of persons will do, and only where the theme says in what a person is several times.
fn table_of<'p>(policy: &'p Policy, persons: &'p Table, theme: &Theme) -> Result<&'p Table, EngineError> {
    let refuse = |problem: &str| Err(EngineError::refused(format!("In `{}`: {problem}", theme.name)));
    let Some(name) = &theme.events else {
        return match theme.several() {
            Some(_) => refuse("a person is in person_year once, so no dimension of it has several values."),
            None => Ok(persons),
        };
    };
    let found = policy.table(name);
    match found.filter(|table| table.kind == TableKind::Protected && table.family == PERSONS) {
        Some(_) if theme.several().is_none() => refuse(
            "it reads events, of which a person may have many, and names no dimension in which a person is counted once a value.",
        ),
        Some(table) if table.grain == Grain::Events => Ok(table),
        _ => refuse(&format!("`{name}` is no table of events of persons.")),
    }
}

/// The table of the forms of scene counts.
fn observations<'p>(policy: &'p Policy, theme: &Theme) -> Result<&'p Table, EngineError> {
    let table = policy.table(OBSERVATIONS).filter(|table| table.family == SCENE);
    match table {
        Some(table) if theme.events.as_deref() == Some(OBSERVATIONS) => Ok(table),
        _ => Err(EngineError::refused(format!(
            "In `{}`: a campaign is counted on the forms in `{OBSERVATIONS}`.",
            theme.name
        ))),
    }
}

/// The codes of a column; of one with months, their numbers.
fn codes(policy: &Policy, table: &Table, column: &str) -> Result<Vec<String>, EngineError> {
    let list = table.column(column).and_then(|c| match &c.role {
        ColumnRole::Dimension { codes } => {
            Some(policy.code_list(codes)?.codes.iter().map(|code| code.code.clone()).collect())
        }
        ColumnRole::Month => Some((1..=12).map(|month: u32| month.to_string()).collect()),
        _ => None,
    });
    list.ok_or_else(|| EngineError::refused(format!("{} has no coded column `{column}`.", table.name)))
}

fn check_filter(policy: &Policy, table: &Table, filter: &[(String, Vec<String>)]) -> Result<(), EngineError> {
    for (column, wanted) in filter {
        let known = codes(policy, table, column)?;
        if let Some(code) = wanted.iter().find(|code| !known.contains(code)) {
            return Err(EngineError::refused(format!("'{code}' is no code of `{column}`.")));
        }
    }
    Ok(())
}

fn check_dim(policy: &Policy, table: &Table, theme: &Theme, dim: &Dim) -> Result<(), EngineError> {
    if dim.adds_up() {
        sums::check(table, &dim.column)
            .map_err(|problem| EngineError::refused(format!("In `{}`: {problem}", theme.name)))?;
        // The norm is in units of the measure.
        return match dim.attribute().kind() {
            Kind::Several { unit: 1, .. } if dim.attribute().size() == 1 => Ok(()),
            _ => Err(EngineError::refused(format!(
                "In `{}`: `{}` is added up, so it needs a norm in whole units.",
                theme.name, dim.name
            ))),
        };
    }
    if dim.attribute().size() != dim.groups.len() {
        return Err(EngineError::refused(format!(
            "`{}` has {} groups, and is to be measured as {}.",
            dim.name,
            dim.groups.len(),
            dim.attribute().size()
        )));
    }
    let mut left: BTreeSet<String> = codes(policy, table, &dim.column)?.into_iter().collect();
    for code in dim.groups.iter().flat_map(|(_, codes)| codes) {
        if !left.remove(code) {
            return Err(EngineError::refused(format!(
                "In `{}` the code '{code}' of `{}` is unknown or in two groups.",
                dim.name, dim.column
            )));
        }
    }
    for (_, passing) in theme.filter.iter().filter(|(column, _)| *column == dim.column) {
        left.retain(|code| passing.contains(code));
    }
    match left.first() {
        Some(code) => Err(EngineError::refused(format!(
            "In `{}` no group holds the code '{code}' of `{}`; every code must be in one.",
            dim.name, dim.column
        ))),
        None => Ok(()),
    }
}

fn cells(theme: &Theme, dims: &[usize]) -> Result<usize, EngineError> {
    let ascending = dims.windows(2).all(|pair| pair[0] < pair[1]);
    let sizes: Option<Vec<usize>> =
        dims.iter().map(|d| theme.dims.get(*d).map(|dim| dim.groups.len())).collect();
    let (true, Some(sizes)) = (ascending, sizes) else {
        return Err(EngineError::refused(format!(
            "A marginal of `{}` names its dims out of order.",
            theme.name
        )));
    };
    let cells = sizes.iter().try_fold(1_usize, |n, size| n.checked_mul(*size)).filter(|n| *n <= MAX_CELLS);
    cells.ok_or_else(|| EngineError::refused(format!("A marginal of `{}` has too many cells.", theme.name)))
}
