//! The engine: one place that authenticates, plans, charges, reads and noises.

use std::sync::Arc;

use skjerm_ledger::{BlockStatus, Ledger};
use skjerm_warehouse::{Installation, Reference, Warehouse, policy::Policy};

use crate::answer::{Answer, Explanation};
use crate::caller::{Ask, Caller};
use crate::error::EngineError;
use crate::measure::{MarginalsMeasurement, MarginalsRequest, PatrolCounts, SceneMeasurement};

/// The engine of one installation.
pub struct Engine {
    installation: Installation,
    policy: Arc<Policy>,
    warehouse: Warehouse,
    ledger: Arc<Ledger>,
}

impl Engine {
    /// Opens the installation: policy, warehouse and ledger; declares the policy's budgets.
    pub fn open(installation: &Installation) -> Result<Self, EngineError>;
    /// The caller of this name, with the policy's roles and share.
    pub fn authenticate(&self, name: &str) -> Result<Caller, EngineError>;
    /// Answers a question. Role `query`.
    pub async fn ask(&self, caller: &Caller, sql: &str, ask: &Ask) -> Result<Answer, EngineError>;
    /// Price, expected half-widths and bounds of a question; touches no data. Role `query`.
    pub async fn explain(&self, caller: &Caller, sql: &str, ask: &Ask) -> Result<Explanation, EngineError>;
    /// ρ that [`Engine::measure`] would charge for this request.
    pub fn price(&self, request: &MarginalsRequest) -> Result<f64, EngineError>;
    /// Measures a year's marginals for a release. Role `release`.
    pub async fn measure(&self, caller: &Caller, request: &MarginalsRequest) -> Result<MarginalsMeasurement, EngineError>;
    /// Measures a campaign's totals by shift and area. Role `scene`.
    pub async fn measure_scene(&self, caller: &Caller, campaign: &str, rho: f64) -> Result<SceneMeasurement, EngineError>;
    /// Patrols of a year: operational, exact.
    pub async fn patrols(&self, year: i32) -> Result<PatrolCounts, EngineError>;
    /// Budgets, block by block.
    pub fn budget(&self) -> Result<Vec<BlockStatus>, EngineError>;
    /// The policy in force.
    pub fn policy(&self) -> &Policy;
    /// Public reference data: residents by district, year and age band.
    pub fn reference(&self) -> &Reference;
}
