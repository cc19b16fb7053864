//! How the ρ of a release is spread over its themes, tables and distinct figures.

use std::collections::BTreeMap;

use skjerm_privacy::marginals::{self, Form, Marginal, Plan, Variance};
use skjerm_privacy::{Gaussian, Rho, interval};

use super::joint::CONFIDENCE;
use crate::error::FiguresError;
use crate::workload::{Checked, CheckedTheme, Objective, Theme, Workload};

/// Half-widths that are wanted, by the name of the table or distinct figure.
pub(crate) type Wanted = BTreeMap<String, f64>;

/// The least ρ of each theme with its plan, and of each distinct figure.
type Needed = (Vec<(Plan, f64)>, Vec<f64>);

/// The noise of a theme.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ThemeNoise {
    /// What is measured of the marginals.
    pub(crate) form: Form,
    /// The marginals to measure and their σ.
    pub(crate) sigmas: Vec<(Marginal, f64)>,
}

/// The noise of a release. Made from the workload and ρ alone: the same workload and ρ always give the same noise scales, and so the
/// same question to the engine, which answers a repeated question for free.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NoisePlan {
    /// For each theme.
    pub(crate) themes: Vec<ThemeNoise>,
    /// For each distinct figure: its σ.
    pub(crate) distinct: Vec<f64>,
    /// What all of it costs, as certified.
    pub(crate) rho: Rho,
}

impl NoisePlan {
    /// Minimises what the workload says: the weighted sum of the variances, or the largest of them.
    pub(crate) fn new(workload: &Workload, checked: &Checked, rho: Rho) -> Result<Self, FiguresError> {
        let objective = match workload.objective {
            Objective::Sum => marginals::Objective::Sum,
            Objective::Largest => marginals::Objective::Largest,
        };
        let plans = workload
            .themes
            .iter()
            .zip(&checked.themes)
            .map(|(theme, checked)| {
                let weights = theme.tables.iter().map(|table| table.weight);
                let tables = checked.tables.iter().cloned().zip(weights).collect();
                Ok(marginals::plan(&marginals::Workload::new(checked.domain.clone(), tables)?, objective)?)
            })
            .collect::<Result<Vec<_>, FiguresError>>()?;
        // A count with sensitivity 1 has the variance 1/(2ρ).
        let distinct = workload.distinct.iter().map(|distinct| distinct.weight / 2.0);
        let objectives: Vec<f64> = plans.iter().map(Plan::objective).chain(distinct).collect();
        let parts = marginals::split(&objectives, objective, rho);
        Self::of(&plans, &parts, rho)
    }

    /// The least ρ at which every wanted half-width is kept and no other table is less exact than if all tables shared that ρ
    /// equally; and the noise of that plan.
    ///
    /// Each theme's own least ρ is a convex problem ([`marginals::least_rho`]). What is not wanted is bounded by the whole, so the
    /// least whole is where the sum of the themes' least ρ is the whole itself: below, they need more than there is; above, less.
    pub(crate) fn least(
        workload: &Workload,
        checked: &Checked,
        wanted: &Wanted,
    ) -> Result<(Self, f64), FiguresError> {
        let themes: Vec<Needs<'_>> = workload
            .themes
            .iter()
            .zip(&checked.themes)
            .map(|(theme, checked)| Needs { theme, checked })
            .collect();
        let tables = count(workload);
        let needed = |whole: f64| -> Result<Needed, FiguresError> {
            let themes =
                themes.iter().map(|theme| theme.least(wanted, tables, whole)).collect::<Result<_, _>>()?;
            let distinct = workload.distinct.iter().map(|distinct| match wanted.get(&distinct.name) {
                Some(width) => 0.5 / variance_of(*width),
                None => whole / tables as f64,
            });
            Ok((themes, distinct.collect()))
        };
        let sum = |(themes, distinct): &Needed| {
            themes.iter().map(|(_, rho)| rho).sum::<f64>() + distinct.iter().sum::<f64>()
        };
        let (mut low, mut high) = (0.0, 1e-6);
        while sum(&needed(high)?) > high {
            (low, high) = (high, high * 4.0);
            if high > 1e9 {
                return Err(FiguresError::Fault("no ρ keeps these half-widths".to_owned()));
            }
        }
        while high - low > 1e-4 * high {
            let middle = f64::midpoint(low, high);
            if sum(&needed(middle)?) > middle { low = middle } else { high = middle }
        }
        let (themes, distinct) = needed(high)?;
        // A hair more, for what rounding to whole billionths of ρ takes away.
        let budget = |rho: &f64| Rho::from_f64_up(rho * (1.0 + 1e-6) + 1e-8);
        let parts =
            themes.iter().map(|(_, rho)| rho).chain(&distinct).map(budget).collect::<Result<Vec<_>, _>>()?;
        let whole = Rho::from_f64_up(parts.iter().map(|part| part.as_f64()).sum::<f64>() * (1.0 + 1e-9))?;
        let plans: Vec<Plan> = themes.into_iter().map(|(plan, _)| plan).collect();
        Ok((Self::of(&plans, &parts, whole)?, high))
    }

    /// The noise of these plans at these prices, those of the distinct figures last.
    fn of(plans: &[Plan], prices: &[Rho], limit: Rho) -> Result<Self, FiguresError> {
        let (for_themes, for_distinct) = prices.split_at(plans.len());
        let mut noise = Self { themes: Vec::new(), distinct: Vec::new(), rho: Rho::ZERO };
        let too_little = |_| FiguresError::Refused {
            message: format!("ρ = {} is too little for this workload", limit.as_f64()),
            hint: Some("give the release more ρ, or the workload fewer tables".to_owned()),
        };
        let mut pay = |gaussian: &Gaussian| {
            let paid = noise.rho.checked_add(gaussian.rho());
            noise.rho =
                paid.ok_or_else(|| FiguresError::Fault("the price of the plan is too large".to_owned()))?;
            Ok::<_, FiguresError>(gaussian.sigma())
        };
        for (plan, price) in plans.iter().zip(for_themes) {
            let sigmas = plan.noise(*price).map_err(too_little)?;
            let sigmas = sigmas
                .into_iter()
                .map(|(marginal, gaussian)| Ok((marginal, pay(&gaussian)?)))
                .collect::<Result<_, FiguresError>>()?;
            noise.themes.push(ThemeNoise { form: plan.form(), sigmas });
        }
        for price in for_distinct {
            let sigma = pay(&Gaussian::for_rho(1, *price).map_err(too_little)?)?;
            noise.distinct.push(sigma);
        }
        Ok(noise)
    }
}

/// How many tables share a budget that is split equally.
pub(crate) fn count(workload: &Workload) -> usize {
    workload.themes.iter().map(|theme| theme.tables.len()).sum::<usize>() + workload.distinct.len()
}

/// The variance of a 95 % half-width.
fn variance_of(half_width: f64) -> f64 {
    (half_width / interval::z(CONFIDENCE)).powi(2)
}

/// A theme, and how exact its tables must be.
struct Needs<'a> {
    theme: &'a Theme,
    checked: &'a CheckedTheme,
}

impl Needs<'_> {
    fn least(&self, wanted: &Wanted, tables: usize, whole: f64) -> Result<(Plan, f64), FiguresError> {
        let limits = self.theme.tables.iter().zip(&self.checked.tables).map(|(spec, marginal)| {
            let limit = match wanted.get(&spec.name) {
                Some(width) => variance_of(*width),
                None => naive(self.checked, marginal, tables).largest / whole,
            };
            (marginal.clone(), limit)
        });
        Ok(marginals::least_rho(&self.checked.domain, &limits.collect::<Vec<_>>())?)
    }
}

/// The variances of a table's values at ρ = 1 if each of `tables` tables had an equal part, and sums of its single counts were made of
/// these.
pub(crate) fn naive(theme: &CheckedTheme, marginal: &Marginal, tables: usize) -> Variance {
    let mut variance = Variance { mean: tables as f64 / 2.0, largest: tables as f64 / 2.0 };
    for attribute in marginal.attributes().iter().filter_map(|a| theme.domain.attributes().get(*a)) {
        let size = attribute.size() as f64;
        match attribute.kind() {
            marginals::Kind::Nominal => {}
            // Sums of k values, of which there are n − k + 1.
            marginals::Kind::Ranges(_) => {
                variance.mean *= (size + 2.0) / 3.0;
                variance.largest *= size;
            }
            marginals::Kind::Prefixes(_) => {
                variance.mean *= f64::midpoint(size, 1.0);
                variance.largest *= size;
            }
            marginals::Kind::Several { unit, norm } => {
                let norm = *norm as f64 / *unit as f64;
                variance.mean *= norm * norm;
                variance.largest *= norm * norm;
            }
        }
    }
    variance
}
