//! From a question and what it may cost to a plan. Holds no handle to data.

use std::sync::Arc;

use skjerm_privacy::rho_for_epsilon;
use skjerm_warehouse::policy::Policy;

use crate::caller::{Ask, Price};
use crate::engine::PERSONS;
use crate::error::EngineError;
use crate::plan::{Plan, Public, half_widths};

/// Plans questions.
#[derive(Clone)]
pub(crate) struct Planner {
    pub(crate) policy: Arc<Policy>,
    pub(crate) public: Arc<Public>,
}

impl Planner {
    pub(crate) fn plan(&self, sql: &str, ask: &Ask) -> Result<Plan, EngineError> {
        let plan = |rho| Plan::new(&self.policy, &self.public, sql, rho);
        match ask.price {
            None => plan(None),
            Some(Price::Rho(rho)) => plan(Some(rho)),
            Some(Price::Epsilon(epsilon)) => {
                let delta = self.policy.budget.get(PERSONS).map_or(1e-6, |budget| budget.delta);
                if !epsilon.is_finite() || epsilon <= 0.0 {
                    return Err(EngineError::refused("ε must be a number above 0.")
                        .with_hint("Leave it out to pay the policy's default."));
                }
                plan(Some(rho_for_epsilon(epsilon, delta).as_f64()))
            }
            Some(Price::Within(half_width)) => self.plan_within(&plan, half_width),
        }
    }

    /// The cheapest plan whose measured columns are expected to be no wider than this.
    ///
    /// Half-widths fall with the root of ρ, but for the discreteness of the noise: two corrections find the price.
    fn plan_within(
        &self,
        plan: &dyn Fn(Option<f64>) -> Result<Plan, EngineError>,
        half_width: f64,
    ) -> Result<Plan, EngineError> {
        if !half_width.is_finite() || half_width <= 0.0 {
            return Err(EngineError::refused("A half-width must be a number above 0.")
                .with_hint("Leave it out to pay the policy's default."));
        }
        let most = self.policy.budget.get(PERSONS).map_or(0.0, |budget| budget.rho);
        let mut rho = self.policy.query.default_rho;
        for _ in 0..3 {
            let widest = widest(&plan(Some(rho))?)?;
            rho = (rho * (widest / half_width).powi(2) * 1.0001).max(self.policy.query.min_rho);
            if rho > most {
                let least = half_width * (rho / most).sqrt();
                return Err(EngineError::refused(format!(
                    "A half-width of {half_width} would cost ρ {rho:.4}, and a block has {most} in all."
                ))
                .with_hint(format!("For all of it the half-width would be about {least:.1}.")));
            }
        }
        plan(Some(rho))
    }
}

/// The widest half-width that is expected of a measured column.
fn widest(plan: &Plan) -> Result<f64, EngineError> {
    let mut widest = 0.0_f64;
    for question in &plan.questions {
        for (vector, part) in question.query.vectors.iter().zip(&question.parts) {
            let [_, expected, _] = half_widths(vector.bounding, *part)?;
            widest = widest.max(expected / question.query.parts_of(vector.term) as f64);
        }
    }
    Ok(widest)
}
