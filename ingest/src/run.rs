//! An ingest from start to end: all files are read first, in parallel; only then is anything written.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use skjerm_warehouse::policy::Policy;
use skjerm_warehouse::{DeliveryLoad, Installation, Warehouse, WarehouseKey, today_in_oslo};

use crate::custody::Custody;
use crate::error::{FileError, FileProblem, IngestError};
use crate::key::LinkingKey;
use crate::mapping::{self, Compiled};
use crate::progress::Progress;
use crate::report::IngestReport;
use crate::rows::{FileRows, ReadFile};
use crate::{quarantine, read};

/// How to ingest.
#[derive(Clone, Copy, Debug, Default)]
pub struct IngestOptions {
    /// Read everything and write nothing.
    pub dry_run: bool,
    /// The day after which an event lies in the future. Left out: today in Oslo.
    pub today: Option<Date>,
}

/// The reading half: files in, pseudonymised rows out, nothing written.
pub struct Ingest<'a> {
    policy: &'a Policy,
    mappings: Vec<Compiled>,
}

impl<'a> Ingest<'a> {
    /// Reads and checks the mappings: the shipped ones, and those in the folder `mappings` of the installation.
    pub fn open(installation: &Installation, policy: &'a Policy) -> Result<Self, IngestError> {
        let mappings = mapping::all(&installation.root().join("mappings"))?;
        let mappings = mappings.iter().map(|m| Compiled::new(m, policy)).collect::<Result<_, _>>()?;
        Ok(Self { policy, mappings })
    }

    /// Names of the sources there are mappings for.
    pub fn sources(&self) -> Vec<String> {
        self.mappings.iter().map(|m| m.source.clone()).collect()
    }

    fn mapping(&self, source: &str) -> Result<&Compiled, IngestError> {
        self.mappings
            .iter()
            .find(|m| m.source == source)
            .ok_or_else(|| IngestError::UnknownSource { name: source.to_owned(), known: self.sources() })
    }

    /// Reads all files, or says of each that cannot be read why.
    fn read(
        &self,
        key: &LinkingKey,
        files: &[(String, PathBuf)],
        today: Date,
        progress: &dyn Progress,
    ) -> Result<Vec<ReadFile>, IngestError> {
        if files.is_empty() {
            return Err(IngestError::NoFiles);
        }
        let mut jobs = Vec::new();
        let mut refused = Vec::new();
        for (at, (source, path)) in files.iter().enumerate() {
            let mapping = self.mapping(source)?;
            match read::size(path) {
                Ok(bytes) => jobs.push(Job { at, mapping, path, bytes }),
                Err(problem) => refused.push((at, FileError::new(path, problem))),
            }
        }
        // The largest first, so that no thread is left with a large one at the end.
        jobs.sort_by_key(|job| std::cmp::Reverse(job.bytes));
        progress.start("reading", jobs.iter().map(|job| job.bytes).sum());
        let outcomes = self.in_parallel(&jobs, key, today, progress);
        progress.finish();
        let mut done = Vec::new();
        for (at, outcome) in outcomes {
            match outcome {
                Ok(file) => done.push((at, file)),
                Err(error) => refused.push((at, error)),
            }
        }
        if !refused.is_empty() {
            refused.sort_by_key(|(at, _)| *at);
            return Err(IngestError::Refused(refused.into_iter().map(|(_, error)| error).collect()));
        }
        done.sort_by_key(|(at, _)| *at);
        Ok(done.into_iter().map(|(_, file)| file).collect())
    }

    fn in_parallel(
        &self,
        jobs: &[Job<'_>],
        key: &LinkingKey,
        today: Date,
        progress: &dyn Progress,
    ) -> Vec<(usize, Result<ReadFile, FileError>)> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
        let next = AtomicUsize::new(0);
        let outcomes = Mutex::new(Vec::with_capacity(jobs.len()));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = self.one(job, key, today);
                        outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((job.at, outcome));
                        progress.advance(job.bytes);
                    }
                });
            }
        });
        outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn one(&self, job: &Job<'_>, key: &LinkingKey, today: Date) -> Result<ReadFile, FileError> {
        let mut rows = FileRows::new(job.mapping, self.policy, key, today);
        let file = base_name(job.path);
        let read = read::file(job.path, job.mapping, &mut rows).and_then(|()| rows.finish(&file));
        read.map_err(|problem: FileProblem| FileError::new(job.path, problem))
    }
}

struct Job<'a> {
    at: usize,
    mapping: &'a Compiled,
    path: &'a Path,
    bytes: u64,
}

/// Reads exports, each of a source, and loads them: all or none.
///
/// A file that cannot be read as a whole refuses the call before anything is written. A row that cannot be used goes to the
/// installation's quarantine folder (file, line, column, reason), and the others are loaded. Reading uses threads of
/// its own and blocks the calling task meanwhile.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a different owner's: keys, policy and data stay apart"
)]
pub async fn ingest(
    installation: &Installation,
    policy: &Policy,
    linking: &LinkingKey,
    warehouse_key: &WarehouseKey,
    warehouse: &Warehouse,
    files: &[(String, PathBuf)],
    options: IngestOptions,
    progress: &dyn Progress,
) -> Result<IngestReport, IngestError> {
    let today = options.today.unwrap_or_else(today_in_oslo);
    let custody = Custody::check(installation, linking, warehouse_key)?;
    let mut read = Ingest::open(installation, policy)?.read(linking, files, today, progress)?;
    if options.dry_run {
        let report = |f: &ReadFile| f.report(DeliveryLoad { loaded: f.usable(), replaced: 0 });
        return Ok(IngestReport::of(read.iter().map(report).collect()));
    }
    let usable: Vec<u64> = read.iter().map(ReadFile::usable).collect();
    let rows = usable.iter().sum();
    progress.start("loading", rows);
    let deliveries = read
        .iter_mut()
        .map(|f| skjerm_warehouse::Delivery {
            source: f.source.clone(),
            file: f.file.clone(),
            tables: std::mem::take(&mut f.delivery.tables),
        })
        .collect();
    custody.keep()?;
    let loads = warehouse.load_on(warehouse_key, deliveries, today).await?;
    progress.advance(rows);
    progress.finish();
    let mut reports = Vec::with_capacity(read.len());
    for (at, file) in read.iter().enumerate() {
        let load = loads.get(at).copied().unwrap_or_default();
        let taken = load.loaded + load.replaced;
        if taken != usable[at] {
            return Err(IngestError::Unaccounted { file: file.file.clone(), offered: usable[at], taken });
        }
        reports.push(file.report(load));
    }
    let report = IngestReport::of(reports);
    let folder = installation.quarantine_dir();
    for (file, (_, path)) in read.iter().zip(files) {
        quarantine::write(&folder, &file.source, path, &file.quarantined)?;
    }
    quarantine::write_summary(&folder, &report)?;
    tracing::info!(
        read = report.read,
        loaded = report.loaded,
        replaced = report.replaced,
        quarantined = report.quarantined,
        "ingested"
    );
    Ok(report)
}

fn base_name(path: &Path) -> String {
    masked(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// A file's name without what may be an identity number in it: nine or more digits in a row, or six and five.
pub(crate) fn masked(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut digits = String::new();
    // A separator within a run of digits belongs to it: numbers are written as `010101 12345` too.
    let flush = |digits: &mut String, shown: &mut String| {
        let count = digits.bytes().filter(u8::is_ascii_digit).count();
        shown.push_str(if count >= 9 { "#########" } else { digits });
        digits.clear();
    };
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let joins = matches!(letter, ' ' | '-' | '.') && !digits.is_empty();
        let joins = joins && letters.peek().is_some_and(char::is_ascii_digit);
        if letter.is_ascii_digit() || joins {
            digits.push(letter);
        } else {
            flush(&mut digits, &mut shown);
            shown.push(letter);
        }
    }
    flush(&mut digits, &mut shown);
    shown
}

#[cfg(test)]
mod tests;
