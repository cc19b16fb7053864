//! Who asks. Every door hands a name to [`crate::Engine::authenticate`]; what the name may do is policy.

use skjerm_warehouse::policy::Role;

/// An authenticated analyst of the policy. Only [`crate::Engine::authenticate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    name: String,
    roles: Vec<Role>,
    share: String,
}

impl Caller {
    pub(crate) fn new(name: String, roles: Vec<Role>, share: String) -> Self {
        Self { name, roles, share }
    }

    /// Name of the analyst, as in the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the analyst may do.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The share of each block's budget that the analyst spends from.
    pub fn share(&self) -> &str {
        &self.share
    }
}

/// What a question may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Price {
    /// ρ.
    Rho(f64),
    /// ε, at the δ of the policy's budget: the largest ρ that is no more than that.
    Epsilon(f64),
    /// A half-width: the least ρ at which no measured column is expected to have a wider 95 % interval. Where the bound is
    /// chosen by a private look, what is expected is the middle of what can come.
    Within(f64),
}

/// How a question is to be answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ask {
    /// The client's own name for this request: the same request again is charged once, also after a crash.
    pub request: Option<String>,
    /// What the question is asked for; kept in the ledger.
    pub reason: Option<String>,
    /// What to pay from each block read; `None` takes the policy's `query.default_rho`.
    pub price: Option<Price>,
    /// The L2 norm that a person-year's vector is scaled to, in the unit of what is counted; the same as
    /// `/*+ norm(2.0) */` in the question. `None` has it chosen privately, for a tenth of the price.
    pub norm: Option<f64>,
    /// Weights of output columns: the same as `/*+ weights(persons => 2, minutes => 1) */` in the question. Relative errors stand in
    /// inverse proportion to them; a column that is not named weighs 1.
    pub weights: Vec<(String, f64)>,
}
