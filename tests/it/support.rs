//! A small synthetic city, made and ingested once, and the command to ask it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The fewest persons at which the published figures of 2022 and 2023 are reproduced exactly.
pub(crate) const PERSONS: &str = "2400";
pub(crate) const YEARS: &str = "2022..2023";

/// What one run of the command gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("not one JSON document ({error}): {}\n{}", self.out, self.err))
    }

    /// The error document, after checking the exit code.
    pub(crate) fn error(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        let error = self.json()["error"].clone();
        assert!(error["kind"].is_string() && error["message"].is_string(), "{error}");
        error
    }

    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }
}

/// The command, built beside this test binary by `cargo build --workspace` (tests/run does it).
pub(crate) fn binary() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let path = this.parent().unwrap().parent().unwrap().join("skjerm");
    assert!(path.exists(), "the command is not built: run tests/run, or cargo build --workspace first");
    path
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Runs the command with an installation.
pub(crate) fn skjerm<S: AsRef<std::ffi::OsStr>>(dir: &Path, arguments: &[S]) -> Ran {
    ran(Command::new(binary()).arg("--dir").arg(dir).args(arguments).output().unwrap())
}

/// Runs the command with an installation and `--format json`.
pub(crate) fn json<S: AsRef<std::ffi::OsStr>>(dir: &Path, arguments: &[S]) -> Ran {
    ran(Command::new(binary())
        .arg("--dir")
        .arg(dir)
        .args(["--format", "json"])
        .args(arguments)
        .output()
        .unwrap())
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A synthetic city: its export files, and an installation that has ingested them.
pub(crate) struct City {
    _folder: TempDir,
    pub(crate) exports: PathBuf,
    pub(crate) dir: PathBuf,
    /// The report of the ingest, a source.
    pub(crate) reports: Vec<(String, Value)>,
}

pub(crate) const SOURCES: [&str; 6] = ["soma", "kontakt", "beds", "agency", "patrol", "scene"];

/// The files of one source in a folder of exports.
pub(crate) fn files_of(exports: &Path, source: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(exports)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&format!("{source}_")))
        .collect();
    files.sort();
    files
}

/// A new installation, empty but for policy and keys.
pub(crate) fn installation(dir: &Path) {
    json(dir, &["init"]).ok();
    json(dir, &["keys", "new"]).ok();
}

pub(crate) fn ingest(dir: &Path, source: &str, files: &[PathBuf]) -> Ran {
    let mut arguments: Vec<std::ffi::OsString> = vec!["ingest".into(), "--source".into(), source.into()];
    arguments.extend(files.iter().map(|file| file.clone().into_os_string()));
    json(dir, &arguments)
}

/// The city that all tests share for reading. A test that spends budget takes a copy with [`fresh_book`].
pub(crate) fn city() -> &'static City {
    static CITY: OnceLock<City> = OnceLock::new();
    CITY.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let exports = folder.path().join("exports");
        let dir = folder.path().join("installation");
        json(&dir, &["synth", "--out", exports.to_str().unwrap(), "--persons", PERSONS, "--years", YEARS])
            .ok();
        installation(&dir);
        let reports = SOURCES
            .iter()
            .map(|source| {
                ((*source).to_owned(), ingest(&dir, source, &files_of(&exports, source)).ok().json())
            })
            .collect();
        City { _folder: folder, exports, dir, reports }
    })
}

/// An installation over the shared city's warehouse with an unspent book of its own.
pub(crate) fn fresh_book() -> TempDir {
    let shared = &city().dir;
    let folder = TempDir::new().unwrap();
    copy_folder(shared, folder.path(), &|name| !name.starts_with("ledger.") && name != "releases");
    fresh_ledger(&skjerm_warehouse::Installation::open(folder.path()).unwrap());
    folder
}

/// Begins an unspent book in an installation whose own was taken away: no user can, since it would refill budgets.
pub(crate) fn fresh_ledger(installation: &skjerm_warehouse::Installation) {
    let key = skjerm_warehouse::keyfile::KeyFile::load(&installation.ledger_key_path()).unwrap();
    let key = skjerm_ledger::LedgerKey::from_secret(key.secret());
    drop(skjerm_ledger::Ledger::create(&installation.ledger_path(), key).unwrap());
}

/// Copies a folder, but what `keep` leaves out of its top level.
pub(crate) fn copy_folder(from: &Path, to: &Path, keep: &dyn Fn(&str) -> bool) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if !keep(&name.to_string_lossy()) {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target, &|_| true);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
    let permissions = std::fs::metadata(from).unwrap().permissions();
    std::fs::set_permissions(to, permissions).unwrap();
}

/// Every file below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// The least number of successes that `n` independent trials with success rate `p` fall below with a chance under
/// 5e-7, and the most that they exceed with the same chance: a test between them has a false-alarm rate under 1e-6.
pub(crate) fn binomial_bounds(n: u64, p: f64) -> (u64, u64) {
    let ln_choose = |k: u64| -> f64 { (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln()).sum() };
    let mass: Vec<f64> =
        (0..=n).map(|k| (ln_choose(k) + k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln()).exp()).collect();
    // How many of these outcomes together stay under the allowed chance.
    let tail = |outcomes: &mut dyn Iterator<Item = &f64>| {
        let sums = outcomes.scan(0.0, |sum, mass| {
            *sum += mass;
            Some(*sum)
        });
        sums.take_while(|sum| *sum < 5e-7).map(|_| 1).sum::<u64>()
    };
    (tail(&mut mass.iter()), n - tail(&mut mass.iter().rev()))
}

#[test]
fn the_bounds_of_a_fair_coin() {
    let (low, high) = binomial_bounds(100, 0.5);
    assert_eq!((low, high), (26, 74));
}

/// ρ that is spent of a calendar year or a campaign.
pub(crate) fn spent(dir: &Path, block: &str) -> f64 {
    let shown = json(dir, &["budget", "show"]).ok().json();
    let found = shown["blocks"].as_array().unwrap().iter().find(|b| b["block"] == block);
    found.unwrap()["rho_spent"].as_f64().unwrap()
}

/// The entries of the ledger that pass the filters.
pub(crate) fn entries(dir: &Path, filters: &[&str]) -> Vec<Value> {
    let all = json(dir, &[&["budget", "history"], filters].concat()).ok().json();
    all["entries"].as_array().unwrap().clone()
}
