//! Planned measurements: `measure`, `measure_scene` and `patrols`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::TableProvider;
use skjerm_ledger::{Block, Request};
use skjerm_privacy::{Loss, Rho};
use skjerm_warehouse::Snapshot;
use skjerm_warehouse::policy::{ColumnRole, Role, UNKNOWN};

use crate::caller::Caller;
use crate::engine::{Engine, PERSONS, SCENE, require};
use crate::error::EngineError;
use crate::kept::without_numbers;
use crate::measure::{
    CampaignRounds, MarginalsMeasurement, MarginalsRequest, PatrolCounts, SceneMeasurement,
    campaign::{Campaign, OBSERVATIONS},
    check, marginals, patrols, scene,
};
use crate::plan::checked_rho;
use crate::run::SnapshotTable;
use crate::turn::Working;

const ROUNDS: &str = "count_round";
const PATROLS: &str = "patrol";

impl Engine {
    /// ρ that [`Engine::measure`] charges for this request.
    pub async fn price(&self, request: &MarginalsRequest) -> Result<f64, EngineError> {
        let snapshot = self.snapshot().await?;
        let counted = self.counted(&snapshot, request).await?;
        let rounds = counted.as_ref().map(|counted| &counted.rounds);
        check::price(&self.policy, request, rounds).map(Rho::as_f64)
    }

    /// The rounds of a campaign. Reads the public list of rounds and nothing else.
    pub async fn rounds(&self, campaign: &str) -> Result<CampaignRounds, EngineError> {
        let snapshot = self.snapshot().await?;
        let rounds = self.rounds_of(&snapshot, campaign).await?;
        let years = years_of(&rounds);
        let year = years.first().copied();
        Ok(CampaignRounds {
            year: year.ok_or_else(|| EngineError::fault("The days of the count rounds are out of range."))?,
            by_shift: rounds.iter().map(|(shift, days)| (shift.clone(), days.len() as u64)).collect(),
            snapshot: snapshot.part_id(OBSERVATIONS, years),
        })
    }

    /// Id of a year of these tables, as they are now: what a release that reads them is about. Reads the pointer and the tables'
    /// logs, and no row.
    pub async fn measured_id(&self, year: i32, tables: &BTreeSet<String>) -> Result<String, EngineError> {
        let snapshot = self.snapshot().await?;
        Ok(measured_id(&snapshot, year, tables.iter().map(String::as_str)))
    }

    /// Measures the marginals of a year, or of a campaign, for a release. Role `release`; paid from the caller's share of the block of
    /// the year or campaign. The same request about the same snapshot gives the same measurement, free.
    ///
    /// # Privacy
    /// See [`crate::measure`]: every marginal has the L2 sensitivity that its theme's domain gives it, and the price is the sum of
    /// what is certified for each.
    pub async fn measure(
        &self,
        caller: &Caller,
        request: &MarginalsRequest,
    ) -> Result<MarginalsMeasurement, EngineError> {
        let measured = self.measure_marginals(caller, request).await;
        measured.map_err(|error| self.noted(caller.name(), "release", &request.purpose, error))
    }

    async fn measure_marginals(
        &self,
        caller: &Caller,
        request: &MarginalsRequest,
    ) -> Result<MarginalsMeasurement, EngineError> {
        require(caller, Role::Release)?;
        let turn = self.turns.take(self.limits.deadline).await?;
        let snapshot = self.snapshot().await?;
        let counted = self.counted(&snapshot, request).await?;
        let rounds = counted.as_ref().map(|counted| &counted.rounds);
        let rho = check::price(&self.policy, request, rounds)?;
        let tables = marginals::tables(request);
        let years = rounds.map_or_else(|| BTreeSet::from([request.year]), years_of);
        let (block, part) = match &request.campaign {
            Some(campaign) => {
                (Block::new(SCENE, campaign.as_str()), snapshot.part_id(OBSERVATIONS, years.iter().copied()))
            }
            None => (
                Block::new(PERSONS, request.year.to_string()),
                measured_id(&snapshot, request.year, tables.iter().copied()),
            ),
        };
        // Whether anything was delivered for a year is for the one who delivers, and only that one may ask here.
        let delivered = |name: &&str| {
            let table = snapshot.tables.get(*name);
            table.is_some_and(|table| {
                table.files.iter().any(|file| file.year.is_some_and(|year| years.contains(&year)))
            })
        };
        if !tables.iter().any(delivered) {
            return Err(EngineError::refused(format!(
                "Nothing was delivered for {} yet, so there is nothing to publish; nothing was charged.",
                block.name
            )));
        }
        let canonical = marginals::canonical(request, counted.as_ref()).map_err(|_| unwritable())?;
        let canonical_key = key("marginals", &[&part, &canonical]);
        let entry = Request {
            question_id: key("marginals", &["", &canonical]),
            key: canonical_key.clone(),
            // A publication cut short by a crash is taken up under its charge.
            id: Some(canonical_key),
            who: caller.name().to_owned(),
            share: caller.share().to_owned(),
            kind: "release".to_owned(),
            question: request.purpose.clone(),
            snapshot: part.clone(),
            charges: vec![(block, Loss::pure(rho))],
            bounds: check::bounds_in_words(request),
            noise: check::noise_in_words(request),
            reason: request.reason.as_deref().map(without_numbers),
            may_take: Duration::ZERO,
        };
        let mut sources: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
        for name in tables {
            let source = self.table(&snapshot, name, &years)?;
            sources.insert(name.to_owned(), Arc::new(source));
        }
        let (policy, limits) = (self.policy.clone(), self.limits.clone());
        let (request, id) = (request.clone(), part);
        let work = move |working: Working| async move {
            let exact = marginals::read(&policy, &limits, &sources, &request, counted.as_ref()).await?;
            working.noised(move || exact.into_measurement(&request, id, rho)).await
        };
        let (stored, _) = self.pay_and_run(entry, turn, work).await?;
        let mut measured: MarginalsMeasurement =
            serde_json::from_str(&stored.body).map_err(|_| EngineError::uniform())?;
        measured.answer_id = stored.id;
        Ok(measured)
    }

    /// Measures a campaign's totals by shift and area. Role `scene`; block `scene/CAMPAIGN`.
    ///
    /// # Privacy
    /// See [`crate::measure`]: the vector of a shift's totals has an L2 sensitivity of the number of its rounds,
    /// which is public. ρ is split evenly over the shifts.
    pub async fn measure_scene(
        &self,
        caller: &Caller,
        campaign: &str,
        rho: f64,
    ) -> Result<SceneMeasurement, EngineError> {
        let measured = self.measure_rounds(caller, campaign, rho).await;
        measured.map_err(|error| self.noted(caller.name(), "scene", campaign, error))
    }

    /// Refuses what [`Engine::measure_scene`] would refuse, for want of a budget apart, before anything is charged: for
    /// who needs several campaigns or none. Reads the public list of rounds and nothing else.
    pub async fn check_scene(&self, caller: &Caller, campaign: &str, rho: f64) -> Result<(), EngineError> {
        let checked = self.rounds_held(caller, campaign, rho).await.map(drop);
        checked.map_err(|error| self.noted(caller.name(), "scene", campaign, error))
    }

    async fn rounds_held(&self, caller: &Caller, campaign: &str, rho: f64) -> Result<Held, EngineError> {
        require(caller, Role::Scene)?;
        let rho = checked_rho(&self.policy, SCENE, rho)?;
        let snapshot = self.snapshot().await?;
        let rounds = self.rounds_of(&snapshot, campaign).await?;
        let each = Rho::from_nano(rho.nano() / rounds.len() as u64);
        if each.is_zero() {
            return Err(EngineError::refused(format!("ρ = {rho} is too little to pay for this question.")));
        }
        Ok(Held { snapshot, rounds, rho, each })
    }

    /// The campaign that a request is about, as it was counted; none where it is about a year.
    async fn counted(
        &self,
        snapshot: &Snapshot,
        request: &MarginalsRequest,
    ) -> Result<Option<Campaign>, EngineError> {
        let Some(code) = &request.campaign else { return Ok(None) };
        let rounds = self.rounds_of(snapshot, code).await?;
        Ok(Some(Campaign { code: code.clone(), rounds, bounds: self.observation_bounds()? }))
    }

    async fn rounds_of(&self, snapshot: &Snapshot, campaign: &str) -> Result<scene::Rounds, EngineError> {
        let known = self.policy.code_list("campaign").is_some_and(|list| list.contains(campaign));
        if !known || campaign == UNKNOWN {
            return Err(EngineError::refused("There is no such campaign.").with_hint(
                "A campaign is named by year and season, such as 2024-summer; the list is in the policy.",
            ));
        }
        let years: BTreeSet<i32> = self.policy.years.iter().collect();
        let table = self.table(snapshot, ROUNDS, &years)?;
        let rounds = scene::rounds(&self.limits, Arc::new(table), campaign).await.map_err(|error| {
            tracing::error!(%error, "the public table of rounds");
            EngineError::fault("The public list of count rounds could not be read; nothing was charged.")
        })?;
        if rounds.is_empty() {
            return Err(EngineError::refused(format!(
                "No round of {campaign} was held, or none was delivered yet; nothing was charged."
            )));
        }
        Ok(rounds)
    }

    async fn measure_rounds(
        &self,
        caller: &Caller,
        campaign: &str,
        rho: f64,
    ) -> Result<SceneMeasurement, EngineError> {
        let turn = self.turns.take(self.limits.deadline).await?;
        let Held { snapshot, rounds, rho, each } = self.rounds_held(caller, campaign, rho).await?;
        let years = years_of(&rounds);
        let part = snapshot.part_id(OBSERVATIONS, years.iter().copied());
        let query = scene::SceneQuery {
            each,
            rounds,
            campaign: campaign.to_owned(),
            areas: self
                .policy
                .code_list("area")
                .map(|l| l.codes.iter().map(|c| c.code.clone()).collect())
                .unwrap_or_default(),
            bounds: self.observation_bounds()?,
        };
        let canonical =
            serde_json::to_string(&(&query.campaign, &query.rounds, &query.areas, query.bounds, rho.nano()))
                .map_err(|_| unwritable())?;
        let canonical_key = key("scene", &[&part, &canonical]);
        let entry = Request {
            question_id: key("scene", &["", &canonical]),
            key: canonical_key.clone(),
            id: Some(canonical_key),
            who: caller.name().to_owned(),
            share: caller.share().to_owned(),
            kind: "scene".to_owned(),
            question: format!("persons observed in {campaign} by shift and area"),
            snapshot: part.clone(),
            charges: vec![(Block::new(SCENE, campaign), Loss::pure(rho))],
            bounds: "an individual adds 1 a round, in one area".to_owned(),
            noise: format!(
                "discrete Gaussian on each shift's vector of L2 norm up to its rounds, ρ {} a shift",
                query.each
            ),
            reason: None,
            may_take: Duration::ZERO,
        };
        let source = self.table(&snapshot, OBSERVATIONS, &years)?;
        let (limits, id) = (self.limits.clone(), part);
        let work = move |working: Working| async move {
            let exact = scene::read(&limits, Arc::new(source), &query).await?;
            working.noised(move || exact.into_measurement(&query, id, rho)).await
        };
        let (stored, _) = self.pay_and_run(entry, turn, work).await?;
        let mut measured: SceneMeasurement =
            serde_json::from_str(&stored.body).map_err(|_| EngineError::uniform())?;
        measured.answer_id = stored.id;
        Ok(measured)
    }

    /// Patrols of a year: operational, exact, free. Reads the table `patrol` and no other.
    pub async fn patrols(&self, year: i32) -> Result<PatrolCounts, EngineError> {
        let snapshot = self.snapshot().await?;
        let source = self.table(&snapshot, PATROLS, &BTreeSet::from([year]))?;
        patrols::read(&self.limits, Arc::new(source), year).await.map_err(|error| {
            tracing::error!(%error, "patrols");
            EngineError::fault("The patrols could not be read.")
        })
    }

    fn table(
        &self,
        snapshot: &Snapshot,
        name: &str,
        years: &BTreeSet<i32>,
    ) -> Result<SnapshotTable, EngineError> {
        let table = self.policy.table(name);
        let table = table.ok_or_else(|| EngineError::fault(format!("The policy has no table {name}.")))?;
        Ok(SnapshotTable::new(table, snapshot.tables.get(name), years, &self.layouts))
    }

    fn observation_bounds(&self) -> Result<(i64, i64), EngineError> {
        let column = self.policy.table(OBSERVATIONS).and_then(|table| table.column("persons"));
        match column.map(|column| &column.role) {
            Some(ColumnRole::Measure { min, max }) => Ok((*min, *max)),
            _ => Err(EngineError::fault("The policy has no measure `persons` in scene_observation.")),
        }
    }
}

/// The id of one table's part, or of several together.
fn measured_id<'a>(snapshot: &Snapshot, year: i32, tables: impl Iterator<Item = &'a str>) -> String {
    let parts: Vec<String> = tables.map(|table| snapshot.part_id(table, [year])).collect();
    match parts.as_slice() {
        [part] => part.clone(),
        parts => {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            key("parts", &parts)[..32].to_owned()
        }
    }
}

/// A campaign that can be measured: its rounds on a snapshot, and what is paid, in all and a shift.
struct Held {
    snapshot: Snapshot,
    rounds: scene::Rounds,
    rho: Rho,
    each: Rho,
}

fn unwritable() -> EngineError {
    EngineError::fault("The request could not be written in canonical form; nothing was charged.")
}

/// Key of a planned measurement.
fn key(kind: &str, parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("skjerm 2026 engine measurement key v1");
    for part in std::iter::once(&kind).chain(parts) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// The calendar years in which the rounds of a campaign were held.
fn years_of(rounds: &scene::Rounds) -> BTreeSet<i32> {
    let year = |day: &i32| {
        jiff::civil::date(1970, 1, 1)
            .checked_add(jiff::Span::new().try_days(*day).ok()?)
            .ok()
            .map(|date| i32::from(date.year()))
    };
    rounds.values().flatten().filter_map(year).collect()
}
