//! An ingest from start to end: all files are read first, in parallel, into a delivery; only then is anything loaded.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use skjerm_warehouse::policy::Policy;
use skjerm_warehouse::{DeliveryLoad, Installation, Warehouse, WarehouseKey, today_in_oslo};

use crate::custody::Custody;
use crate::delivery::{self, FileEntry, Opened, Writer};
use crate::error::{FileError, FileProblem, IngestError};
use crate::file::{self, Account, Told};
use crate::key::{DeliveryKey, LinkingKey};
use crate::mapping::{self, Compiled};
use crate::progress::Progress;
use crate::quarantine::{self, QuarantineLine};
use crate::report::IngestReport;
use crate::rows::Rules;
use crate::{folder, keep, read};

pub(crate) use keep::Keep;

/// How to ingest.
#[derive(Clone, Copy, Debug, Default)]
pub struct IngestOptions {
    /// Read everything and write nothing.
    pub dry_run: bool,
    /// The day after which an event lies in the future. Left out: today in Oslo.
    pub today: Option<Date>,
}

impl IngestOptions {
    fn today(self) -> Date {
        self.today.unwrap_or_else(today_in_oslo)
    }
}

/// The reading half: files in, pseudonymised rows out.
pub struct Ingest<'a> {
    policy: &'a Policy,
    mappings: Vec<Compiled>,
}

/// A file that was read.
pub(crate) struct FileRead {
    pub(crate) source: String,
    pub(crate) file: String,
    path: PathBuf,
    /// Labels of the mapping's fields.
    labels: Vec<String>,
    pub(crate) account: Account,
}

impl FileRead {
    fn entry(&self) -> FileEntry {
        FileEntry::of(&self.source, &self.file, &self.labels, &self.account)
    }

    /// Where rows went wrong.
    pub(crate) fn quarantined(&self) -> impl Iterator<Item = QuarantineLine> + '_ {
        self.account.quarantined.iter().map(|(line, (field, reason))| QuarantineLine {
            file: self.file.clone(),
            line: *line,
            column: field.and_then(|at| self.labels.get(at)).cloned().unwrap_or_default(),
            reason: *reason,
        })
    }
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

    /// Reads all files, and those of folders, or says of each that cannot be read why.
    pub(crate) fn read<K: Keep>(
        &self,
        key: &LinkingKey,
        files: &[(String, PathBuf)],
        today: Date,
        progress: &dyn Progress,
        keep: &K,
    ) -> Result<Vec<(FileRead, K::Done)>, IngestError> {
        if files.is_empty() {
            return Err(IngestError::NoFiles);
        }
        let mut jobs = Vec::new();
        let mut refused = Vec::new();
        for (at, (source, path)) in folder::files(files).into_iter().enumerate() {
            let mapping = self.mapping(source)?;
            let sized = path.and_then(|path| match read::size(&path) {
                Ok(bytes) => Ok((path, bytes)),
                Err(problem) => Err(FileError::new(&path, problem)),
            });
            match sized {
                Ok((path, bytes)) => jobs.push(Job { at, mapping, path, bytes }),
                Err(error) => refused.push((at, error)),
            }
        }
        // The largest first, so that no thread is left with a large one at the end.
        jobs.sort_by_key(|job| std::cmp::Reverse(job.bytes));
        progress.start("reading", jobs.iter().map(|job| job.bytes).sum());
        let outcomes = self.in_parallel(&jobs, key, today, progress, keep);
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

    fn in_parallel<K: Keep>(
        &self,
        jobs: &[Job<'_>],
        key: &LinkingKey,
        today: Date,
        progress: &dyn Progress,
        keep: &K,
    ) -> Outcomes<K::Done> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.min(jobs.len());
        // A few large files are read by several threads each.
        let workers = processors.checked_div(threads).unwrap_or(1);
        let next = AtomicUsize::new(0);
        let outcomes = Mutex::new(Vec::with_capacity(jobs.len()));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = self.one(job, key, today, workers, progress, keep);
                        let outcome = outcome.map_err(|problem| self.refusal(job, problem));
                        outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((job.at, outcome));
                    }
                });
            }
        });
        outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says of a file without the header of its source whose it has, where there is one such source.
    fn refusal(&self, job: &Job<'_>, problem: FileProblem) -> FileError {
        let mut error = FileError::new(&job.path, problem);
        if matches!(error.problem, FileProblem::NoHeader { .. } | FileProblem::MissingHeader { .. }) {
            let begins_as = |mapping: &&Compiled| {
                let begins = |mut file| file::begins_as(&mut file, mapping).unwrap_or(false);
                std::fs::File::open(&job.path).is_ok_and(begins)
            };
            let mut others = self.mappings.iter().filter(begins_as);
            if let (Some(one), None) = (others.next(), others.next()) {
                error.likely = Some(one.source.as_str().into());
            }
        }
        error
    }

    fn one<K: Keep>(
        &self,
        job: &Job<'_>,
        key: &LinkingKey,
        today: Date,
        workers: usize,
        progress: &dyn Progress,
        keep: &K,
    ) -> Result<(FileRead, K::Done), FileProblem> {
        let rules = Rules::new(job.mapping, self.policy, key, today);
        let told = AtomicU64::new(0);
        let tell = |so_far: Told| match so_far {
            Told::Rows(rows) => progress.rows(rows),
            // A file that grows meanwhile is not read beyond what was announced by the bar.
            Told::Bytes(bytes) => {
                let before = told.fetch_add(bytes, Ordering::Relaxed);
                progress.advance(bytes.min(job.bytes.saturating_sub(before)));
            }
        };
        let mut source = std::fs::File::open(&job.path).map_err(read::problem)?;
        let mut taker = keep.file(job.at);
        let account = file::read(&mut source, &rules, workers, &tell, &mut taker)?;
        let done = keep.done(taker, &account)?;
        tell(Told::Bytes(job.bytes.saturating_sub(told.load(Ordering::Relaxed))));
        let file = FileRead {
            source: job.mapping.source.clone(),
            file: base_name(&job.path),
            path: job.path.clone(),
            labels: job.mapping.fields.iter().map(|field| field.label.clone()).collect(),
            account,
        };
        Ok((file, done))
    }
}

/// What became of each file, by its place.
type Outcomes<D> = Vec<(usize, Result<(FileRead, D), FileError>)>;

struct Job<'a> {
    at: usize,
    mapping: &'a Compiled,
    path: PathBuf,
    bytes: u64,
}

/// Reads exports, each of a source, and loads them: all or none. Both sides at once, on one machine.
///
/// A file that cannot be read as a whole refuses the call before anything is loaded. A row that cannot be used goes to the
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
    Custody::check(installation, linking.id(), warehouse_key)?;
    let reading = Ingest::open(installation, policy)?;
    if options.dry_run {
        return would_be(&reading, linking, files, options, progress);
    }
    let leftovers = IngestError::leftovers(installation.root());
    delivery::remove_leftovers(installation.root()).map_err(leftovers)?;
    let delivery = Writer::within(installation.root())?;
    let key = linking.delivery_key();
    let read = made(&reading, linking, &key, files, options, progress, &delivery)?;
    let folders = [delivery.folder().to_owned()];
    let report = take_in(installation, &key, warehouse_key, warehouse, &folders, options, progress).await?;
    write_quarantine(installation, &read, &report)?;
    Ok(report)
}

/// The source's side: reads exports into a delivery of this name, and quarantines rows that cannot be used. In the report,
/// what would be loaded counts as loaded.
pub fn deliver(
    installation: &Installation,
    policy: &Policy,
    linking: &LinkingKey,
    files: &[(String, PathBuf)],
    target: &Path,
    options: IngestOptions,
    progress: &dyn Progress,
) -> Result<IngestReport, IngestError> {
    let reading = Ingest::open(installation, policy)?;
    if options.dry_run {
        return would_be(&reading, linking, files, options, progress);
    }
    let delivery = Writer::beside(target)?;
    let read = made(&reading, linking, &linking.delivery_key(), files, options, progress, &delivery)?;
    delivery.name(target)?;
    let report = would_load(&read);
    write_quarantine(installation, &read, &report)?;
    Ok(report)
}

/// The warehouse's side: checks deliveries and loads them, all or none.
pub async fn take_in(
    installation: &Installation,
    key: &DeliveryKey,
    warehouse_key: &WarehouseKey,
    warehouse: &Warehouse,
    deliveries: &[PathBuf],
    options: IngestOptions,
    progress: &dyn Progress,
) -> Result<IngestReport, IngestError> {
    let custody = Custody::check(installation, key.id(), warehouse_key)?;
    let (mut files, mut parts) = (Vec::new(), Vec::new());
    for folder in deliveries {
        let opened = Opened::open(folder, key)?;
        let before = files.len();
        parts.extend(opened.deliveries()?.into_iter().map(|(file, part)| (before + file, part)));
        files.extend(opened.manifest.files);
    }
    if options.dry_run {
        let load = |file: &FileEntry| DeliveryLoad { loaded: file.usable, ..DeliveryLoad::default() };
        return Ok(IngestReport::of(files.iter().map(|file| file.report(&load(file), false)).collect()));
    }
    let rows = files.iter().map(|file| file.usable).sum();
    progress.start("loading", rows);
    let (places, parts): (Vec<usize>, Vec<_>) = parts.into_iter().unzip();
    custody.keep()?;
    let mut loads = vec![DeliveryLoad::default(); files.len()];
    for (place, load) in
        places.into_iter().zip(warehouse.load_on(warehouse_key, parts, options.today()).await?)
    {
        loads[place].add(&load);
    }
    progress.advance(rows);
    progress.finish();
    let mut reports = Vec::with_capacity(files.len());
    for (file, load) in files.iter().zip(&loads) {
        let taken = load.loaded + load.replaced;
        if taken != file.usable {
            return Err(IngestError::Unaccounted { file: file.file.clone(), offered: file.usable, taken });
        }
        reports.push(file.report(load, true));
    }
    let report = IngestReport::of(reports);
    quarantine::write_summary(&installation.quarantine_dir(), &report)?;
    tracing::info!(
        read = report.read,
        loaded = report.loaded,
        replaced = report.replaced,
        quarantined = report.quarantined,
        "ingested"
    );
    Ok(report)
}

/// Reads everything and keeps nothing.
fn would_be(
    reading: &Ingest<'_>,
    linking: &LinkingKey,
    files: &[(String, PathBuf)],
    options: IngestOptions,
    progress: &dyn Progress,
) -> Result<IngestReport, IngestError> {
    let read = reading.read(linking, files, options.today(), progress, &keep::Nothing)?;
    Ok(would_load(&read.into_iter().map(|(file, ())| file).collect::<Vec<_>>()))
}

/// Reads everything into a delivery and seals it.
fn made(
    reading: &Ingest<'_>,
    linking: &LinkingKey,
    key: &DeliveryKey,
    files: &[(String, PathBuf)],
    options: IngestOptions,
    progress: &dyn Progress,
    delivery: &Writer,
) -> Result<Vec<FileRead>, IngestError> {
    let read = reading.read(linking, files, options.today(), progress, delivery)?;
    let (files, parts): (Vec<FileRead>, Vec<_>) = read.into_iter().unzip();
    delivery.seal(key, files.iter().map(FileRead::entry).collect(), parts)?;
    Ok(files)
}

fn would_load(files: &[FileRead]) -> IngestReport {
    let report = |file: &FileRead| {
        let load = DeliveryLoad { loaded: file.account.usable, ..DeliveryLoad::default() };
        file.entry().report(&load, false)
    };
    IngestReport::of(files.iter().map(report).collect())
}

fn write_quarantine(
    installation: &Installation,
    files: &[FileRead],
    report: &IngestReport,
) -> Result<(), IngestError> {
    let folder = installation.quarantine_dir();
    for file in files {
        quarantine::write(&folder, &file.source, &file.path, file.quarantined())?;
    }
    quarantine::write_summary(&folder, report)
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
