//! How the ρ of a release is spread over its themes, tables and distinct figures.

use skjerm_privacy::{Gaussian, Rho, marginals};

use crate::error::FiguresError;
use crate::workload::{Checked, Workload};

/// The noise of a release. Made from the workload and ρ alone: the same workload and ρ always give the same noise scales, and so the
/// same question to the engine, which answers a repeated question for free.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NoisePlan {
    /// For each theme: the marginals to measure and their σ.
    pub(crate) themes: Vec<Vec<(marginals::Marginal, f64)>>,
    /// For each distinct figure: its σ.
    pub(crate) distinct: Vec<f64>,
    /// What all of it costs, as certified.
    pub(crate) rho: Rho,
}

impl NoisePlan {
    /// Minimises the weighted sum of the variances of all tables' cells.
    pub(crate) fn new(workload: &Workload, checked: &Checked, rho: Rho) -> Result<Self, FiguresError> {
        let plans = workload
            .themes
            .iter()
            .zip(&checked.themes)
            .map(|(theme, checked)| {
                let weights = theme.tables.iter().map(|table| table.weight);
                let tables = checked.tables.iter().cloned().zip(weights).collect();
                Ok(marginals::plan(&marginals::Workload::new(checked.domain.clone(), tables)?))
            })
            .collect::<Result<Vec<_>, FiguresError>>()?;
        // A count with sensitivity 1 has the variance 1/(2ρ).
        let distinct = workload.distinct.iter().map(|distinct| distinct.weight / 2.0);
        let objectives: Vec<f64> = plans.iter().map(marginals::Plan::objective).chain(distinct).collect();
        let shares = marginals::split(&objectives, rho);
        let (for_themes, for_distinct) = shares.split_at(plans.len());
        let themes: Vec<_> = plans.iter().zip(for_themes).map(|(plan, share)| plan.sigmas(*share)).collect();
        let distinct: Vec<f64> = for_distinct
            .iter()
            .map(|share| Ok(Gaussian::for_rho(1, *share)?.sigma()))
            .collect::<Result<_, FiguresError>>()?;
        Self { themes, distinct, rho: Rho::ZERO }.within(rho)
    }

    /// Prices the plan; when rounding has put it a hair above `limit`, adds a hair of noise everywhere.
    fn within(mut self, limit: Rho) -> Result<Self, FiguresError> {
        for _ in 0..8 {
            self.rho = self.price()?;
            if self.rho <= limit {
                return Ok(self);
            }
            let factor = (self.rho.as_f64() / limit.as_f64()).sqrt() * (1.0 + 1e-9);
            for sigma in self.themes.iter_mut().flatten().map(|(_, sigma)| sigma).chain(&mut self.distinct) {
                *sigma *= factor;
            }
        }
        Err(FiguresError::Refused {
            message: format!("ρ = {} is too little for this workload", limit.as_f64()),
            hint: Some("give the release more ρ, or the workload fewer tables".to_owned()),
        })
    }

    fn price(&self) -> Result<Rho, FiguresError> {
        let sigmas = self.themes.iter().flatten().map(|(_, sigma)| sigma).chain(&self.distinct);
        let mut total = Rho::ZERO;
        for sigma in sigmas {
            let one = Gaussian::for_sigma(1, *sigma)?.rho();
            total = total
                .checked_add(one)
                .ok_or_else(|| FiguresError::Fault("the price of the plan is too large".to_owned()))?;
        }
        Ok(total)
    }
}
