//! The least price at which every table is as exact as is wanted.

use super::{Domain, Marginal, Objective, Plan, Workload, plan};
use crate::PrivacyError;

/// The plan that keeps the variance of everything that is asked of each table within a limit at the least ρ, and that ρ.
///
/// Variances are in proportion to 1/ρ, so the least ρ is the least largest variance at ρ = 1 in units of the limits.
/// ρ here is a plain number, as it may be more than any budget holds.
pub fn least_rho(domain: &Domain, limits: &[(Marginal, f64)]) -> Result<(Plan, f64), PrivacyError> {
    let weighted = limits.iter().map(|(table, limit)| (table.clone(), limit.recip())).collect();
    let plan = plan(&Workload::new(domain.clone(), weighted)?, Objective::Largest)?;
    let rho = plan.objective();
    Ok((plan, rho))
}
