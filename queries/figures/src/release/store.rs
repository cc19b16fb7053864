//! The folder of published releases: written once, never changed.
//!
//! A release lives in `releases/ID/`; the ID stands for every byte of every file there ([`super::seal`]), so that a changed, missing or
//! foreign file is noticed when the release is read. A later release of a year supersedes the earlier one; both stay.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use skjerm_warehouse::Installation;
use skjerm_warehouse::policy::Policy;

use super::document::{Release, ReleaseSummary};
use super::files::{DOCUMENT, METADATA};
use super::period::Period;
use super::seal;
use crate::error::FiguresError;
use crate::workload::OF_THE_YEAR;

/// The releases of an installation.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// No release takes this long to write.
const UNFINISHED: std::time::Duration = std::time::Duration::from_hours(1);

impl Store {
    /// The releases of that installation.
    pub fn open(installation: &Installation) -> Self {
        Self { folder: installation.releases_dir() }
    }

    /// All releases, by year and revision.
    pub fn list(&self) -> Result<Vec<ReleaseSummary>, FiguresError> {
        let mut summaries: Vec<ReleaseSummary> = self.read_all()?.iter().map(summary).collect();
        summaries.sort_by_key(|summary| (summary.year, summary.revision));
        let later: Vec<(String, String)> = summaries
            .iter()
            .filter_map(|summary| Some((summary.supersedes.clone()?, summary.id.clone())))
            .collect();
        for summary in &mut summaries {
            summary.superseded_by =
                later.iter().find(|(earlier, _)| earlier == &summary.id).map(|(_, later)| later.clone());
        }
        Ok(summaries)
    }

    /// One release, after every file of its folder was checked against its id.
    pub fn show(&self, id: &str) -> Result<Release, FiguresError> {
        let folder = self.folder.join(id);
        // Also keeps a path from being smuggled in as an id.
        if !seal::is_id(id) || !seal::exists(&folder)? {
            return Err(FiguresError::UnknownRelease(id.to_owned()));
        }
        let files = seal::opened(&folder, id)?;
        let damaged = |problem: String| FiguresError::Damaged { path: folder.join(DOCUMENT), problem };
        let document = files.get(DOCUMENT).ok_or_else(|| damaged("it is missing".to_owned()))?;
        serde_json::from_slice(document)
            .map_err(|error| damaged(format!("it cannot be read by this version ({error})")))
    }

    /// A file of a release, after every file of its folder was checked against its id; nothing where it has no such file.
    pub fn file(&self, id: &str, name: &str) -> Result<Option<Vec<u8>>, FiguresError> {
        let folder = self.folder.join(id);
        if !seal::is_id(id) || !seal::exists(&folder)? {
            return Err(FiguresError::UnknownRelease(id.to_owned()));
        }
        let mut files = seal::opened(&folder, id)?;
        if name == METADATA {
            // Checked, too: the id is made of it.
            let path = folder.join(METADATA);
            return fs::read(&path).map(Some).map_err(disk("read", &path));
        }
        Ok(files.remove(name))
    }

    /// Looks every release over, or one of them: its id, and what is wrong with it, if anything.
    pub fn check(&self, id: Option<&str>) -> Result<Vec<(String, Option<FiguresError>)>, FiguresError> {
        let ids = match id {
            Some(id) => vec![id.to_owned()],
            None => self.ids()?,
        };
        let mut found = Vec::new();
        for id in ids {
            match self.show(&id) {
                Err(error @ FiguresError::UnknownRelease(_)) => return Err(error),
                result => found.push((id, result.err())),
            }
        }
        Ok(found)
    }

    /// The releases of the years' key figures in force, in the order of the years.
    pub fn of_the_years(&self) -> Result<Vec<ReleaseSummary>, FiguresError> {
        let mut all = self.list()?;
        all.retain(|one| {
            one.workload == OF_THE_YEAR && one.campaign.is_none() && one.superseded_by.is_none()
        });
        Ok(all)
    }

    /// The release of the year's key figures in force.
    pub fn latest(&self, year: i32) -> Result<Option<Release>, FiguresError> {
        self.latest_of(year, OF_THE_YEAR)
    }

    /// The release of a workload in force for a year.
    pub fn latest_of(&self, year: i32, workload: &str) -> Result<Option<Release>, FiguresError> {
        let mut releases = self.of_period(&Period::from(year))?.into_iter();
        Ok(releases.rfind(|release| release.workload.name == workload))
    }

    /// The releases of a workload in force, in the order of the years. Campaigns are in none.
    pub fn of_workload(&self, workload: &str) -> Result<Vec<Release>, FiguresError> {
        let mut in_force: BTreeMap<i32, Release> = BTreeMap::new();
        let of_years = |release: &Release| release.workload.name == workload && release.campaign.is_none();
        for release in self.read_all()?.into_iter().filter(of_years) {
            let known = in_force.get(&release.year);
            if known.is_none_or(|known| known.revision < release.revision) {
                in_force.insert(release.year, release);
            }
        }
        Ok(in_force.into_values().collect())
    }

    /// The release of the key figures in force for each of these years that has one, in the order of the years.
    pub fn for_years(&self, years: impl IntoIterator<Item = i32>) -> Result<Vec<Release>, FiguresError> {
        let mut wanted: Vec<i32> = years.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let found: Vec<Option<Release>> =
            wanted.into_iter().map(|year| self.latest(year)).collect::<Result<_, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// All releases of a year or campaign, by revision.
    pub(crate) fn of_period(&self, period: &Period) -> Result<Vec<Release>, FiguresError> {
        // The first round of a campaign may be delivered later than others, in another year.
        let prefix = if period.campaign.is_some() { String::new() } else { format!("{}-", period.year) };
        let ids = self.ids()?.into_iter().filter(|id| id.starts_with(&prefix));
        let mut releases: Vec<Release> = ids.map(|id| self.show(&id)).collect::<Result<_, _>>()?;
        releases.retain(|release| release.is_of(period));
        releases.sort_by_key(|release| release.revision);
        Ok(releases)
    }

    /// Gives the release its id and writes its folder; the folder appears whole or not at all. Called by [`super::publish`], which measures
    /// and charges first; a release of anything else is made up.
    pub fn save(&self, release: Release, policy: &Policy) -> Result<Release, FiguresError> {
        let (id, files) = seal::sealed(release, policy)?;
        let target = self.folder.join(&id);
        if target.is_dir() {
            return self.show(&id);
        }
        self.clear_unfinished();
        let work = self.folder.join(format!(".{id}-{}", std::process::id()));
        let written = (|| {
            fs::create_dir_all(&work).map_err(disk("make", &work))?;
            for (name, bytes) in &files {
                write(&work.join(name), bytes)?;
            }
            sync_folder(&work)?;
            fs::rename(&work, &target).map_err(disk("write", &target))?;
            sync_folder(&self.folder)
        })();
        if written.is_err() {
            // Best effort: the half-written folder has a name that no reader takes for a release.
            let _ = fs::remove_dir_all(&work);
            if target.is_dir() {
                return self.show(&id);
            }
        }
        // What is given back is what was written, to the last digit.
        written.and_then(|()| self.show(&id))
    }

    /// ρ that an interrupted publication of this period and snapshot had settled on.
    pub(crate) fn intent(&self, period: &Period, workload: &str, snapshot: &str) -> Option<f64> {
        let text = fs::read_to_string(self.intent_path(period, workload)).ok()?;
        let (for_snapshot, rho) = text.trim().split_once(' ')?;
        if for_snapshot == snapshot { rho.parse().ok() } else { None }
    }

    /// Notes ρ before it is spent, so that a publication cut short is taken up with the same noise scales, and is free.
    pub(crate) fn note_intent(
        &self,
        period: &Period,
        workload: &str,
        snapshot: &str,
        rho: f64,
    ) -> Result<(), FiguresError> {
        fs::create_dir_all(&self.folder).map_err(disk("make", &self.folder))?;
        write(&self.intent_path(period, workload), format!("{snapshot} {rho}\n").as_bytes())
    }

    /// The publication is complete.
    pub(crate) fn forget_intent(&self, period: &Period, workload: &str) {
        // A stale note is harmless: it is looked at only when no release of that snapshot exists.
        let _ = fs::remove_file(self.intent_path(period, workload));
    }

    /// Removes what processes that were killed left half-written.
    fn clear_unfinished(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let unfinished = name.to_str().and_then(|name| name.strip_prefix('.')?.rsplit_once('-'));
            let old = entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|then| {
                std::time::SystemTime::now().duration_since(then).is_ok_and(|age| age > UNFINISHED)
            });
            if old && unfinished.is_some_and(|(id, _)| seal::is_id(id)) {
                // Best effort: no reader takes it for a release.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn intent_path(&self, period: &Period, workload: &str) -> PathBuf {
        // A workload's name is anything that its file says; a file's name is not.
        let campaign = period.campaign.as_ref().map_or_else(String::new, |of| format!("{} ", of.code));
        let name = blake3::hash(format!("{campaign}{workload}").as_bytes()).to_hex();
        self.folder.join(format!(".intent-{}-{}", period.year, &name[..8]))
    }

    fn ids(&self) -> Result<Vec<String>, FiguresError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(FiguresError::Disk { action: "read", path: self.folder.clone(), source });
            }
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(disk("read", &self.folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if seal::is_id(&name) {
                ids.push(name);
            }
        }
        ids.sort();
        Ok(ids)
    }

    fn read_all(&self) -> Result<Vec<Release>, FiguresError> {
        self.ids()?.iter().map(|id| self.show(id)).collect()
    }
}

fn summary(release: &Release) -> ReleaseSummary {
    ReleaseSummary {
        id: release.id.clone(),
        year: release.year,
        campaign: release.campaign.clone(),
        revision: release.revision,
        supersedes: release.supersedes.clone(),
        superseded_by: None,
        published: release.published.clone(),
        snapshot: release.snapshot.clone(),
        workload: release.workload.name.clone(),
        label: release.workload.label.clone(),
        workload_version: release.workload.version,
        rho: release.rho,
        tables: release.tables.len(),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), FiguresError> {
    let done =
        fs::File::create(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    done.map_err(disk("write", path))
}

fn sync_folder(folder: &Path) -> Result<(), FiguresError> {
    fs::File::open(folder).and_then(|handle| handle.sync_all()).map_err(disk("write", folder))
}

fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FiguresError {
    let path = path.to_owned();
    move |source| FiguresError::Disk { action, path, source }
}
