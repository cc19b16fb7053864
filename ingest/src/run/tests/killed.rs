//! An ingest is killed at random moments: the warehouse is as it was before it, or as after it, at every moment and to every
//! reader; and whoever runs it again gets what an undisturbed one gives.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;

/// Says to a process of this binary where to work.
const FOLDER: &str = "SKJERM_TEST_KILLED_INGEST";
const KILLS: u64 = 200;
/// Threads that kill, each in a place of its own.
const LANES: u64 = 2;
const BEGUN: &str = "the ingest is begun";

/// An installation with keys, an earlier delivery, and an export to come.
struct Place {
    installation: Installation,
    policy: Arc<Policy>,
    linking: LinkingKey,
    key: WarehouseKey,
    export: PathBuf,
}

impl Place {
    fn at(folder: &Path) -> Self {
        let installation = Installation::open(folder.join("installation")).unwrap();
        let linking = LinkingKey::load(&installation.linking_key_path()).unwrap();
        let key = WarehouseKey::load(&installation.warehouse_key_path()).unwrap();
        let policy = Arc::new(Policy::load(&installation.policy_path()).unwrap());
        Self { installation, policy, linking, key, export: folder.join("juni_SYNTETISK.csv") }
    }

    /// Makes it.
    async fn settle(folder: &Path) -> Self {
        let installation = Installation::init(folder.join("installation")).unwrap();
        LinkingKey::generate().unwrap().save(&installation.linking_key_path()).unwrap();
        WarehouseKey::generate().unwrap().save(&installation.warehouse_key_path()).unwrap();
        let place = Self::at(folder);
        let may: Vec<SomaRow> = (0..60).map(|n| person(n).nickname()).collect();
        std::fs::write(&place.export, windows_1252(&soma_text(&may))).unwrap();
        place.ingest().await;
        // Corrections, new rows of several tables and years, numbers learnt, rows that cannot be used.
        let kinds = ["Kontakt", "Oppfølging", "Savnetmelding", "Tiltak"];
        let june: Vec<SomaRow> =
            (30..150_u32)
                .map(|n| {
                    person(n)
                        .with("Registreringstype", kinds[n as usize % 4])
                        .with("Dato", &format!("15.06.{}", 2022 + n % 3))
                })
                .map(|row| {
                    if row.0["Registreringsnr"].ends_with('7') { row.with("Bydel", "Atlantis") } else { row }
                })
                .collect();
        std::fs::write(&place.export, windows_1252(&soma_text(&june))).unwrap();
        place
    }

    async fn ingest(&self) -> IngestReport {
        let warehouse = Warehouse::open(&self.installation, Arc::clone(&self.policy)).unwrap();
        let files = [("soma".to_owned(), self.export.clone())];
        let options = IngestOptions { dry_run: false, today: Some(TODAY) };
        let (installation, policy) = (&self.installation, &self.policy);
        ingest(installation, policy, &self.linking, &self.key, &warehouse, &files, options, &Silent)
            .await
            .unwrap()
    }

    async fn snapshot(&self) -> String {
        let warehouse = Warehouse::open(&self.installation, Arc::clone(&self.policy)).unwrap();
        warehouse.snapshot().await.unwrap().id
    }
}

fn person(n: u32) -> SomaRow {
    let born = date(2005, 1, 1 + i8::try_from(n % 20).unwrap());
    let number = (500..).find_map(|at| crate::identity::make_synthetic(born, at)).unwrap().to_text();
    SomaRow::new(n)
        .with("Klientnr", &format!("K{}", n % 20))
        .with("Fødselsnummer", &number)
        .with("Fødselsdato", &format!("{:02}.01.2005", born.day()))
}

#[test]
fn another_process() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let place = Place::at(&folder);
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{BEGUN}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
    drop(out);
    tokio::runtime::Runtime::new().unwrap().block_on(place.ingest());
}

#[test]
fn after_two_hundred_kills_a_rerun_ends_as_without() {
    let within: u64 = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|lane| scope.spawn(move || kill_all(lane))).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    println!("{within} of {KILLS} kills within an ingest");
    // Of an ingest that ends before it is killed nothing is learnt.
    assert!(within > KILLS / 2, "{within}");
}

fn kill_all(lane: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = runtime.block_on(Place::settle(folder.path()));
    let before = runtime.block_on(place.snapshot());
    let kept = tempfile::tempdir().unwrap();
    copy(folder.path(), kept.path());
    let started = Instant::now();
    let mut undisturbed = begin(folder.path());
    undisturbed.wait().unwrap();
    let lasts = started.elapsed();
    let after = runtime.block_on(place.snapshot());
    assert_ne!(before, after);

    let (mut within, mut dice) = (0, lane + 1);
    for _ in 0..KILLS / LANES {
        std::fs::remove_dir_all(place.installation.root()).unwrap();
        copy(kept.path(), folder.path());
        let mut child = begin(folder.path());
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Instant::now() + lasts.mul_f64((dice >> 11) as f64 / (1_u64 << 53) as f64);
        // Readers look on while it works.
        let mut seen = vec![runtime.block_on(place.snapshot())];
        while Instant::now() < moment {
            seen.push(runtime.block_on(place.snapshot()));
            std::thread::sleep(Duration::from_millis(5));
        }
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        seen.push(runtime.block_on(place.snapshot()));
        assert!(seen.iter().all(|id| *id == before || *id == after), "half a delivery was seen");
        within += u64::from(!ended);

        let report = runtime.block_on(place.ingest());
        assert_eq!(report.read, report.loaded + report.replaced + report.quarantined);
        assert_eq!(runtime.block_on(place.snapshot()), after, "the rerun ends elsewhere");
        let left = std::fs::read_dir(place.installation.root()).unwrap();
        let left =
            left.filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("incoming-"));
        assert_eq!(left.count(), 0, "a delivery under way is left");
    }
    within
}

/// Starts an ingest, and waits until it says that it is begun.
fn begin(folder: &Path) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["run::tests::killed::another_process", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line == BEGUN));
    child
}

/// Copies a folder with its permissions: keys and their folder are their owner's alone.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
            std::fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
