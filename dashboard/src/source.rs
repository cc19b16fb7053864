//! What an installation has published, as the pages want it.

pub(crate) mod convert;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use skjerm_engine::Engine;
use skjerm_figures::{
    FiguresError,
    districts::{self, DistrictComparison},
    key_figures::{self, KeyFigure},
    release::{Release, Store},
    scene, trend,
};
use skjerm_ledger::BlockStatus;
use skjerm_warehouse::Installation;

use crate::{
    model::{Budget, ChoiceGroup, Comparison, Publication, ReleaseRef, Scene, Trend, YearFigures},
    published::{Document, Published, SourceError},
    server::DashboardError,
};

pub use skjerm_figures::release::SYNTHETIC_MARK;

/// The family of budgets of persons.
const PERSONS: &str = "persons";

/// An installation's releases, budgets and stored comparisons.
///
/// # Privacy
/// The engine is asked for the policy, the public reference data and the budgets only. Whatever costs budget needs a
/// [`skjerm_engine::Caller`], and none is made here.
pub struct InstallationSource {
    installation: Installation,
    mark: PathBuf,
    engine: Engine,
    store: Store,
    /// A release never changes: what was made of one is kept by its id.
    made: Mutex<BTreeMap<String, Arc<Made>>>,
}

/// A release and what is shown of it.
struct Made {
    release: Release,
    figures: Vec<KeyFigure>,
    comparison: Option<DistrictComparison>,
}

impl InstallationSource {
    /// Opens the installation's policy, ledger and releases.
    pub fn open(installation: &Installation) -> Result<Self, DashboardError> {
        let engine =
            Engine::open(installation).map_err(|error| DashboardError::Open(error.message.clone()))?;
        Ok(Self {
            mark: installation.root().join(SYNTHETIC_MARK),
            store: Store::open(installation),
            installation: installation.clone(),
            engine,
            made: Mutex::default(),
        })
    }

    /// The key figures in force of a year: of several revisions, the last.
    fn made(&self, year: i32) -> Result<Option<Arc<Made>>, SourceError> {
        match self.store.of_the_years()?.into_iter().rfind(|summary| summary.year == year) {
            Some(summary) => self.make(&summary.id).map(Some),
            None => Ok(None),
        }
    }

    fn make(&self, id: &str) -> Result<Arc<Made>, SourceError> {
        if let Some(made) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(Arc::clone(made));
        }
        let release = self.store.show(id)?;
        let policy = self.engine.policy();
        let figures = key_figures::figures(&release, policy)?;
        // A workload need not hold the table that districts are compared by.
        let comparison = match districts::compare(&release, policy, self.engine.reference()) {
            Ok(comparison) => Some(comparison),
            Err(error) => {
                tracing::warn!(release = id, %error, "the districts of this release cannot be compared");
                None
            }
        };
        let made = Arc::new(Made { release, figures, comparison });
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), Arc::clone(&made));
        Ok(made)
    }

    /// The key figures in force, in the order of the years.
    fn in_force(&self) -> Result<Vec<Arc<Made>>, SourceError> {
        self.store.of_the_years()?.iter().map(|summary| self.make(&summary.id)).collect()
    }

    fn status(&self) -> Result<Vec<BlockStatus>, SourceError> {
        self.engine.budget().map_err(|error| SourceError::Budgets(error.message.clone()))
    }
}

impl Published for InstallationSource {
    fn synthetic(&self) -> bool {
        self.mark.exists()
    }

    fn releases(&self) -> Result<Vec<ReleaseRef>, SourceError> {
        Ok(self.in_force()?.iter().rev().map(|made| convert::release(&made.release)).collect())
    }

    fn figures(&self, year: i32) -> Result<Option<YearFigures>, SourceError> {
        Ok(self.made(year)?.map(|made| YearFigures {
            year,
            release: convert::release(&made.release),
            topics: convert::topics(&made.release, &made.figures),
        }))
    }

    fn districts(&self, year: i32) -> Result<Option<Comparison>, SourceError> {
        let Some(made) = self.made(year)? else { return Ok(None) };
        Ok(made.comparison.as_ref().map(|c| convert::comparison(c, convert::release(&made.release))))
    }

    fn choices(&self) -> Result<Vec<ChoiceGroup>, SourceError> {
        Ok(self.in_force()?.last().map(|made| convert::choices(&made.figures)).unwrap_or_default())
    }

    fn trend(&self, figure: &str) -> Result<Option<Trend>, SourceError> {
        let of_figure: Vec<_> = self
            .in_force()?
            .into_iter()
            .filter(|made| made.figures.iter().any(|f| f.name == figure))
            .collect();
        let Some(latest) = of_figure.last().and_then(|made| made.figures.iter().find(|f| f.name == figure))
        else {
            return Ok(None);
        };
        let releases: Vec<Release> = of_figure.iter().map(|made| made.release.clone()).collect();
        // A line over years in which something else was counted would show that.
        let releases = trend::of_one_meaning(releases, figure);
        let points = trend::series(&releases, self.engine.policy(), figure)?;
        Ok(Some(convert::trend(latest, &points, &releases)))
    }

    fn scenes(&self) -> Result<Vec<Scene>, SourceError> {
        Ok(scene::published(&self.installation)?.iter().map(convert::scene).collect())
    }

    fn publications(&self) -> Result<Vec<Publication>, SourceError> {
        Ok(self.store.list()?.iter().rev().map(convert::publication).collect())
    }

    fn file(&self, release: &str, name: &str) -> Result<Option<Vec<u8>>, SourceError> {
        match self.store.file(release, name) {
            Err(FiguresError::UnknownRelease(_)) => Ok(None),
            file => Ok(file?),
        }
    }

    fn budgets(&self) -> Result<Vec<Budget>, SourceError> {
        Ok(self.status()?.iter().map(|status| convert::budget(status, self.engine.policy())).collect())
    }

    fn spent_over_years(&self) -> Result<Option<(f64, f64)>, SourceError> {
        let sums = self.engine.budget_sums().map_err(|error| SourceError::Budgets(error.message))?;
        let persons = sums.iter().find(|sum| sum.family == PERSONS);
        Ok(persons.map(|sum| (sum.spent.as_f64(), sum.epsilon_spent)))
    }

    fn document(&self, which: &Document) -> Result<Option<Value>, SourceError> {
        Ok(match which {
            Document::Figures(year) => self
                .made(*year)?
                .map(|made| json!({"year": year, "release": made.release.id, "figures": made.figures})),
            Document::Districts(year) => {
                match self.made(*year)?.as_ref().and_then(|made| made.comparison.as_ref()) {
                    Some(comparison) => Some(serde_json::to_value(comparison)?),
                    None => None,
                }
            }
            Document::Releases => Some(json!({"releases": self.store.list()?})),
            Document::Release(id) => match self.store.show(id) {
                Ok(release) => Some(serde_json::to_value(release)?),
                Err(FiguresError::UnknownRelease(_)) => None,
                Err(error) => return Err(error.into()),
            },
            Document::Budget => Some(convert::budget_document(&self.status()?)),
        })
    }
}

impl From<FiguresError> for SourceError {
    fn from(error: FiguresError) -> Self {
        Self::Figures(error.to_string())
    }
}
