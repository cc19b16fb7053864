//! What a release would cost and how exact it would be, before anything is read or spent.

use std::collections::BTreeMap;

use skjerm_privacy::interval::z;
use skjerm_privacy::marginals::Form;
use skjerm_privacy::{Gaussian, Rho, epsilon};
use skjerm_warehouse::policy::{Budget, Policy};

use super::document::{Measured, PlannedMeasurement, PlannedTable, ReleasePlan};
use super::joint::{CONFIDENCE, Joint};
use super::noise::{self, NoisePlan, Wanted};
use super::period::Period;
use crate::error::FiguresError;
use crate::workload::{Checked, Workload};

/// What buys no figure.
const LEAST: f64 = 1e-5;
/// The family of blocks a release is paid from.
pub(crate) const FAMILY: &str = "persons";

/// Plans a release of a year or campaign at `rho`. Holds no handle to any data.
pub fn plan(
    policy: &Policy,
    workload: &Workload,
    period: impl Into<Period>,
    rho: f64,
) -> Result<ReleasePlan, FiguresError> {
    let period = period.into();
    let workload = &period.workload(workload)?;
    let checked = Checked::new(workload, policy)?;
    let budget = period.budget(policy)?;
    let noise = NoisePlan::new(workload, &checked, check_rho(budget, rho)?)?;
    document(workload, &checked, &noise, budget, (period, &Wanted::new()))
}

/// The plan at the least ρ that keeps the wanted 95 % half-widths, by name of the table or distinct figure; every other table is at
/// least as exact as by an equal split of the same ρ. Holds no handle to any data.
///
/// Refused, with what could be had instead, where that takes more than `available`.
pub fn plan_within(
    policy: &Policy,
    workload: &Workload,
    period: impl Into<Period>,
    wanted: &BTreeMap<String, f64>,
    available: f64,
) -> Result<ReleasePlan, FiguresError> {
    let period = period.into();
    let workload = &period.workload(workload)?;
    let checked = Checked::new(workload, policy)?;
    let budget = period.budget(policy)?;
    let noise = within(workload, &checked, wanted, available)?;
    document(workload, &checked, &noise, budget, (period, wanted))
}

/// The noise at the least ρ that keeps the wanted half-widths.
pub(crate) fn within(
    workload: &Workload,
    checked: &Checked,
    wanted: &Wanted,
    available: f64,
) -> Result<NoisePlan, FiguresError> {
    check_wanted(workload, wanted)?;
    let (noise, needed) = NoisePlan::least(workload, checked, wanted)?;
    if noise.rho.as_f64() <= available {
        return Ok(noise);
    }
    let message = format!(
        "these half-widths cannot be had: they take ρ = {:.4}, and ρ = {available:.4} is left for releases",
        noise.rho.as_f64()
    );
    if available < LEAST {
        return Err(FiguresError::Refused { message, hint: Some("nothing was spent".to_owned()) });
    }
    // Wider by a common factor: as much wider as the budget asks, to 2 %.
    let wider =
        |factor: f64| wanted.iter().map(|(name, width)| (name.clone(), width * factor)).collect::<Wanted>();
    let (mut low, mut high) = (1.0, (needed / available.max(1e-9)).sqrt().max(1.0) * 1.02);
    while high / low > 1.01 {
        let middle = f64::midpoint(low, high);
        let fits = NoisePlan::least(workload, checked, &wider(middle))?.0.rho.as_f64() <= available;
        if fits { high = middle } else { low = middle }
    }
    let instead: Vec<String> = wider(high)
        .iter()
        .map(|(name, width)| format!("{name}={:.1}", (width * 10.0).ceil() / 10.0))
        .collect();
    Err(FiguresError::Refused {
        message,
        hint: Some(format!("with what is left, {} can be had; nothing was spent", instead.join(","))),
    })
}

pub(crate) fn check_wanted(workload: &Workload, wanted: &Wanted) -> Result<(), FiguresError> {
    let tables = workload.themes.iter().flat_map(|theme| theme.tables.iter().map(|table| &table.name));
    let known: Vec<&String> = tables.chain(workload.distinct.iter().map(|distinct| &distinct.name)).collect();
    if wanted.is_empty() {
        return Err(FiguresError::Refused {
            message: "no half-width is wanted".to_owned(),
            hint: Some("name a table and its 95 % half-width, such as contact_by_age=15".to_owned()),
        });
    }
    for (name, width) in wanted {
        if !known.contains(&name) {
            let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
            return Err(FiguresError::Refused {
                message: format!("the workload \"{}\" has no table \"{name}\"", workload.name),
                hint: Some(format!("it has {}", names.join(", "))),
            });
        }
        if !(width.is_finite() && *width > 0.0) {
            return Err(FiguresError::Refused {
                message: format!("the half-width wanted of \"{name}\" must be a number above 0"),
                hint: None,
            });
        }
    }
    Ok(())
}

fn document(
    workload: &Workload,
    checked: &Checked,
    noise: &NoisePlan,
    budget: &Budget,
    (period, wanted): (Period, &Wanted),
) -> Result<ReleasePlan, FiguresError> {
    let count = noise::count(workload);
    let rho = noise.rho.as_f64();
    let wished = workload.half_widths();
    let wanted = |name: &String| wanted.get(name).or_else(|| wished.get(name)).copied();
    let mut tables = Vec::new();
    let mut measurements = Vec::new();
    for ((theme, checked), measured) in workload.themes.iter().zip(&checked.themes).zip(&noise.themes) {
        let silent: Vec<Measured> = measured
            .sigmas
            .iter()
            .map(|(marginal, sigma)| Measured {
                from: None,
                answer: None,
                dims: marginal.attributes().to_vec(),
                form: measured.form,
                sigma: *sigma,
                values: vec![0; checked.domain.measured_values(marginal)],
            })
            .collect();
        for ((marginal, sigma), silent) in measured.sigmas.iter().zip(&silent) {
            let squared = checked.domain.sensitivity_squared(marginal, measured.form)?;
            measurements.push(PlannedMeasurement {
                theme: theme.name.clone(),
                dimensions: marginal.attributes().iter().map(|a| theme.dims[*a].clone()).collect(),
                form: measured.form,
                values: silent.values.len(),
                sigma: *sigma,
                rho: Gaussian::for_sigma_squared(squared, *sigma)?.rho().as_f64(),
            });
        }
        let joint = Joint::new(checked.domain.clone(), checked.dims.clone(), &silent)?;
        for (spec, marginal) in theme.tables.iter().zip(&checked.tables) {
            let variance = joint.variance(marginal)?;
            tables.push(PlannedTable {
                name: spec.name.clone(),
                dimensions: spec.dims.clone(),
                cells: marginal.cells(&checked.domain),
                sd: variance.mean.sqrt(),
                half_width: z(CONFIDENCE) * variance.largest.sqrt(),
                wanted: wanted(&spec.name),
                equal_split_sd: (noise::naive(checked, marginal, count).mean / rho).sqrt(),
            });
        }
    }
    for (distinct, sigma) in workload.distinct.iter().zip(&noise.distinct) {
        measurements.push(PlannedMeasurement {
            theme: distinct.name.clone(),
            dimensions: Vec::new(),
            form: Form::Whole,
            values: 1,
            sigma: *sigma,
            rho: Gaussian::for_sigma(1, *sigma)?.rho().as_f64(),
        });
        tables.push(PlannedTable {
            name: distinct.name.clone(),
            dimensions: Vec::new(),
            cells: 1,
            sd: *sigma,
            half_width: z(CONFIDENCE) * sigma,
            wanted: wanted(&distinct.name),
            equal_split_sd: (count as f64 / (2.0 * rho)).sqrt(),
        });
    }
    let ratios = tables.iter().map(|table| (table.sd / table.equal_split_sd).powi(2));
    Ok(ReleasePlan {
        year: period.year,
        campaign: period.campaign,
        rho,
        epsilon: epsilon(noise.rho, budget.delta),
        delta: budget.delta,
        objective: workload.objective,
        of_equal_split: (ratios.sum::<f64>() / tables.len() as f64).sqrt(),
        tables,
        measurements,
    })
}

/// The year must be one the policy declares.
pub(crate) fn check_year(policy: &Policy, year: i32) -> Result<&Budget, FiguresError> {
    if !policy.years.contains(year) {
        let (first, last) = (policy.years.first, policy.years.last);
        return Err(FiguresError::Refused {
            message: format!("the year {year} is outside the policy's years {first}\u{2013}{last}"),
            hint: Some(format!("name a year from {first} to {last}")),
        });
    }
    policy
        .budget
        .get(FAMILY)
        .ok_or_else(|| FiguresError::Fault(format!("the policy has no budget for \"{FAMILY}\"")))
}

/// ρ must be above 0, and no more than a whole budget.
pub(crate) fn check_rho(budget: &Budget, rho: f64) -> Result<Rho, FiguresError> {
    let refuse = |message: String| FiguresError::Refused {
        message,
        hint: Some(format!(
            "all that may ever be spent of it is ρ = {}, and releases have their share of that",
            budget.rho
        )),
    };
    if !rho.is_finite() || rho <= 0.0 {
        return Err(refuse("ρ must be a number above 0".to_owned()));
    }
    if rho > budget.rho {
        return Err(refuse("this ρ is more than the whole budget of a year or campaign".to_owned()));
    }
    let rho = Rho::from_f64_down(rho)?;
    if rho.is_zero() { Err(refuse("ρ is too small to measure anything with".to_owned())) } else { Ok(rho) }
}
