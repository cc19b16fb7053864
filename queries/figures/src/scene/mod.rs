//! Two campaigns of the open-drug-scene counts beside each other.

mod arithmetic;
mod build;
mod sentences;
mod stored;

use serde::{Deserialize, Serialize};
use skjerm_engine::{Caller, Engine, EngineError};
use skjerm_ledger::Block;
use skjerm_warehouse::policy::{Policy, UNKNOWN};

use crate::error::FiguresError;
use crate::text::Text;

pub use build::build;
pub use stored::{publish, published};

/// The part of the caller's share of a campaign that a comparison takes when no ρ is named: the rest is for estimates.
const DEFAULT_PART: f64 = 0.5;
/// The family of blocks that campaigns belong to.
const FAMILY: &str = "scene";

/// Measures both campaigns and compares them. Without `rho`: half of what the caller's share has for a campaign. A campaign measured
/// before with the same ρ is free.
///
/// # Privacy
/// Two calls of [`Engine::measure_scene`], each paid from its campaign's block; all else works on noised totals and on the rounds held,
/// which are public.
pub async fn compare(
    engine: &Engine,
    caller: &Caller,
    a: &str,
    b: &str,
    rho: Option<f64>,
) -> Result<SceneComparison, FiguresError> {
    let policy = engine.policy();
    let wanted = checked_wish(policy, caller, a, b, rho);
    let rho = wanted.inspect_err(|error| {
        engine.note_refusal(caller, "scene", &format!("{a} {b}"), &error.to_string());
    })?;
    // One campaign is not charged for a comparison that the other one makes impossible.
    for code in [a, b] {
        engine.check_scene(caller, code, rho).await?;
    }
    // The tighter budget first: if it does not suffice, the other one is not charged for nothing.
    let left = |code: &str| engine.remaining(caller, &Block::new(FAMILY, code));
    let (first, second) = if left(b)? < left(a)? {
        let second = engine.measure_scene(caller, b, rho).await?;
        (engine.measure_scene(caller, a, rho).await?, second)
    } else {
        let first = engine.measure_scene(caller, a, rho).await?;
        (first, engine.measure_scene(caller, b, rho).await?)
    };
    build(policy, &first, &second)
}

/// ρ of a comparison that can be asked for. What ρ may be, the engine says.
fn checked_wish(
    policy: &Policy,
    caller: &Caller,
    a: &str,
    b: &str,
    rho: Option<f64>,
) -> Result<f64, FiguresError> {
    for code in [a, b] {
        check_campaign(policy, code)?;
    }
    if a == b {
        return Err(FiguresError::Refused {
            message: format!("the campaign {a} cannot be compared with itself"),
            hint: Some("name two campaigns".to_owned()),
        });
    }
    rho.map_or_else(|| default_rho(policy, caller), Ok)
}

fn check_campaign(policy: &Policy, code: &str) -> Result<(), FiguresError> {
    let list = policy
        .code_list("campaign")
        .ok_or_else(|| FiguresError::Fault("the policy has no campaigns".to_owned()))?;
    if code != UNKNOWN && list.contains(code) {
        return Ok(());
    }
    let known: Vec<&str> =
        list.codes.iter().map(|code| code.code.as_str()).filter(|code| *code != UNKNOWN).collect();
    Err(FiguresError::Refused {
        message: format!("there is no campaign \"{code}\""),
        hint: Some(format!("the campaigns are {}", known.join(", "))),
    })
}

fn default_rho(policy: &Policy, caller: &Caller) -> Result<f64, FiguresError> {
    let share =
        policy.budget.get(FAMILY).and_then(|budget| Some(budget.rho * budget.shares.get(caller.share())?));
    share.map(|share| share * DEFAULT_PART).ok_or_else(|| {
        EngineError::not_permitted(format!(
            "the share \"{}\" has no part in the budget of the counts",
            caller.share()
        ))
        .with_hint("ask as a planner")
        .into()
    })
}

/// Two campaigns, area by area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneComparison {
    /// The first campaign.
    pub a: Campaign,
    /// The campaign compared with it.
    pub b: Campaign,
    /// All areas and shifts together.
    pub total: SceneCell,
    /// All areas together, by shift.
    pub shifts: Vec<SceneCell>,
    /// By area (all shifts together).
    pub areas: Vec<SceneCell>,
    /// By area and shift.
    pub cells: Vec<SceneCell>,
    /// One plain sentence.
    pub summary: Text,
    /// What to keep in mind.
    pub notes: Vec<Text>,
}

/// One campaign, as measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Code of the campaign.
    pub code: String,
    /// Its name.
    pub label: Text,
    /// Id of the stored measurement.
    pub answer: String,
    /// ρ of the measurement.
    pub rho: f64,
    /// Rounds held, by shift (public).
    pub rounds: Vec<(String, u64)>,
}

/// Mean observed persons a count in one area and shift, in both campaigns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneCell {
    /// Code of the area; `None`: all areas.
    pub area: Option<String>,
    /// Code of the shift; `None`: all shifts.
    pub shift: Option<String>,
    /// Name of the cell.
    pub label: Text,
    /// Mean a count in the first campaign; `None` when no round was held.
    pub a: Option<Mean>,
    /// Mean a count in the second campaign; `None` when no round was held.
    pub b: Option<Mean>,
    /// Second less first.
    pub difference: Option<Mean>,
    /// Second over first; `None` when the first cannot be told from zero.
    pub ratio: Option<Mean>,
    /// The interval of the difference does not hold zero.
    pub distinguishable: bool,
    /// One plain sentence.
    pub sentence: Text,
}

/// A value with its 95 % interval (of the noise).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// Unbiased value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}
