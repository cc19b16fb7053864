//! What a release would cost and how exact it would be, before anything is read or spent.

use skjerm_privacy::interval::z;
use skjerm_privacy::{Rho, epsilon};
use skjerm_warehouse::policy::{Budget, Policy};

use super::document::{Measured, PlannedTable, ReleasePlan};
use super::joint::{CONFIDENCE, Joint};
use super::noise::NoisePlan;
use crate::error::FiguresError;
use crate::workload::{Checked, Workload};

/// The family of blocks a release is paid from.
pub(crate) const FAMILY: &str = "persons";

/// Plans a release of `year` at `rho`. Holds no handle to any data.
pub fn plan(policy: &Policy, workload: &Workload, year: i32, rho: f64) -> Result<ReleasePlan, FiguresError> {
    let checked = Checked::new(workload, policy)?;
    let budget = check_year(policy, year)?;
    let asked = check_rho(budget, rho)?;
    let noise = NoisePlan::new(workload, &checked, asked)?;
    let count =
        workload.themes.iter().map(|theme| theme.tables.len()).sum::<usize>() + workload.distinct.len();
    let equal_split_sd = (count as f64 / (2.0 * asked.as_f64())).sqrt();
    let mut tables = Vec::new();
    for ((theme, checked), measured) in workload.themes.iter().zip(&checked.themes).zip(&noise.themes) {
        let measured: Vec<Measured> = measured
            .iter()
            .map(|(marginal, sigma)| Measured {
                dims: marginal.attributes().to_vec(),
                sigma: *sigma,
                values: vec![0; marginal.cells(&checked.domain)],
            })
            .collect();
        let joint = Joint::new(checked.domain.clone(), checked.dims.clone(), &measured)?;
        for (spec, marginal) in theme.tables.iter().zip(&checked.tables) {
            let cells = marginal.cells(&checked.domain);
            let figures = joint.marginal(marginal, &vec![0; checked.domain.cells()])?;
            let sd = (figures.iter().map(|figure| figure.sd * figure.sd).sum::<f64>() / cells as f64).sqrt();
            tables.push(planned(&spec.name, &spec.dims, cells, sd, equal_split_sd));
        }
    }
    for (distinct, sigma) in workload.distinct.iter().zip(&noise.distinct) {
        tables.push(planned(&distinct.name, &[], 1, *sigma, equal_split_sd));
    }
    Ok(ReleasePlan {
        year,
        rho: noise.rho.as_f64(),
        epsilon: epsilon(noise.rho, budget.delta),
        delta: budget.delta,
        tables,
    })
}

fn planned(name: &str, dimensions: &[String], cells: usize, sd: f64, equal_split_sd: f64) -> PlannedTable {
    PlannedTable {
        name: name.to_owned(),
        dimensions: dimensions.to_vec(),
        cells,
        sd,
        half_width: z(CONFIDENCE) * sd,
        equal_split_sd,
    }
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

/// ρ must be above 0, and no more than a whole year's.
pub(crate) fn check_rho(budget: &Budget, rho: f64) -> Result<Rho, FiguresError> {
    let refuse = |message: String| FiguresError::Refused {
        message,
        hint: Some(format!(
            "a year has ρ = {} in all; the shipped share for releases is half of it",
            budget.rho
        )),
    };
    if !rho.is_finite() || rho <= 0.0 {
        return Err(refuse("ρ must be a number above 0".to_owned()));
    }
    if rho > budget.rho {
        return Err(refuse("this ρ is more than a whole year has".to_owned()));
    }
    let rho = Rho::from_f64_down(rho)?;
    if rho.is_zero() { Err(refuse("ρ is too small to measure anything with".to_owned())) } else { Ok(rho) }
}
