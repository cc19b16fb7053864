//! What a release is about: a calendar year, or a campaign of scene counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skjerm_engine::Engine;
use skjerm_ledger::Block;
use skjerm_warehouse::policy::{Budget, Policy};

use super::document::Release;
use super::plan::check_year;
use crate::error::FiguresError;
use crate::text::Text;
use crate::workload::{Family, Workload};

/// What a release is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Calendar year; of a campaign, that of its first round.
    pub year: i32,
    /// The campaign, where it is about one.
    pub campaign: Option<CampaignInfo>,
}

/// A campaign of scene counts, as it was held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignInfo {
    /// Its code.
    pub code: String,
    /// Its name.
    pub label: Text,
    /// The rounds held in each shift. Public.
    pub rounds: BTreeMap<String, u64>,
}

impl From<i32> for Period {
    fn from(year: i32) -> Self {
        Self { year, campaign: None }
    }
}

impl From<&Period> for Period {
    fn from(period: &Period) -> Self {
        period.clone()
    }
}

impl Period {
    /// A campaign, with the rounds that were held. Reads the public list of rounds and nothing else.
    pub async fn of_campaign(engine: &Engine, code: &str) -> Result<Self, FiguresError> {
        let rounds = engine.rounds(code).await?;
        let label = engine.policy().code_list("campaign").and_then(|list| list.label(code));
        let label = label.map_or_else(|| Text::new(code, code), |code| Text::new(&code.no, &code.en));
        let campaign = CampaignInfo { code: code.to_owned(), label, rounds: rounds.by_shift };
        Ok(Self { year: rounds.year, campaign: Some(campaign) })
    }

    /// The budget that it is paid from.
    pub fn block(&self) -> Block {
        Block::new(self.family().as_str(), self.name())
    }

    fn family(&self) -> Family {
        if self.campaign.is_some() { Family::Scene } else { Family::Persons }
    }

    /// The year, or the code of the campaign.
    pub fn name(&self) -> String {
        self.campaign.as_ref().map_or_else(|| self.year.to_string(), |campaign| campaign.code.clone())
    }

    /// The same for readers.
    pub(crate) fn label(&self) -> Text {
        let year = self.year.to_string();
        self.campaign.as_ref().map_or_else(|| Text::new(&year, &year), |campaign| campaign.label.clone())
    }

    /// The budget's rules; a year must be one that the policy declares.
    pub(crate) fn budget<'p>(&self, policy: &'p Policy) -> Result<&'p Budget, FiguresError> {
        let Some(campaign) = &self.campaign else { return check_year(policy, self.year) };
        policy.budget.get(Family::Scene.as_str()).ok_or_else(|| {
            FiguresError::Fault(format!("the policy has no budget for the campaign {}", campaign.code))
        })
    }

    /// The workload as it is measured of this: of a campaign, over the shifts in which a round was held.
    pub(crate) fn workload(&self, workload: &Workload) -> Result<Workload, FiguresError> {
        let refuse =
            |message: String, hint: &str| Err(FiguresError::Refused { message, hint: Some(hint.to_owned()) });
        match (&self.campaign, workload.family) {
            (None, Family::Persons) => Ok(workload.clone()),
            (Some(campaign), Family::Scene) => Ok(workload.over_rounds(&campaign.rounds)),
            (None, Family::Scene) => refuse(
                format!("\"{}\" is about a campaign of scene counts, and a year was named", workload.name),
                "name one with --campaign, such as 2025-summer",
            ),
            (Some(campaign), Family::Persons) => refuse(
                format!(
                    "\"{}\" is about a year, and the campaign {} was named",
                    workload.name, campaign.code
                ),
                "name a year with --year; the scene counts have the workload `scene`",
            ),
        }
    }

    /// What a workload reads of the warehouse, as it is now.
    pub(crate) async fn snapshot(
        &self,
        engine: &Engine,
        tables: &BTreeSet<String>,
    ) -> Result<String, FiguresError> {
        Ok(match &self.campaign {
            Some(campaign) => {
                let rounds = engine.rounds(&campaign.code).await?;
                // What is published of the rounds is what the noise was made for.
                if rounds.by_shift != campaign.rounds {
                    return Err(FiguresError::Refused {
                        message: format!("rounds of {} were delivered in the meantime", campaign.code),
                        hint: Some("ask again".to_owned()),
                    });
                }
                rounds.snapshot
            }
            None => engine.measured_id(self.year, tables).await?,
        })
    }
}

impl Release {
    /// What it is about.
    pub fn period(&self) -> Period {
        Period { year: self.year, campaign: self.campaign.clone() }
    }

    /// Whether it is about the same year or campaign.
    pub(crate) fn is_of(&self, period: &Period) -> bool {
        self.period().block() == period.block()
    }
}
