//! The whole call: what is written, and what is not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;

pub(super) struct Whole {
    pub(super) bench: Bench,
    pub(super) policy: Arc<Policy>,
    pub(super) warehouse: Warehouse,
    pub(super) warehouse_key: WarehouseKey,
}

impl Whole {
    pub(super) fn new() -> Self {
        let bench = Bench::new();
        let policy = Arc::new(Policy::oslo());
        let warehouse = Warehouse::open(&bench.installation, Arc::clone(&policy)).unwrap();
        Self { bench, policy, warehouse, warehouse_key: WarehouseKey::generate().unwrap() }
    }

    pub(super) async fn ingest(
        &self,
        files: &[(&str, &Path)],
        dry_run: bool,
        progress: &dyn Progress,
    ) -> Result<IngestReport, IngestError> {
        let files: Vec<(String, PathBuf)> =
            files.iter().map(|(s, p)| ((*s).to_owned(), p.to_path_buf())).collect();
        let options = IngestOptions { dry_run, today: Some(TODAY) };
        ingest(
            &self.bench.installation,
            &self.policy,
            &self.bench.key,
            &self.warehouse_key,
            &self.warehouse,
            &files,
            options,
            progress,
        )
        .await
    }

    /// Every file of the installation, with its bytes.
    fn written(&self) -> BTreeSet<(PathBuf, Vec<u8>)> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.bench.installation.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    found.insert((path, bytes));
                }
            }
        }
        found
    }

    /// Ten rows, of which two cannot be used.
    pub(super) fn export(&self) -> PathBuf {
        let mut rows: Vec<SomaRow> = (1..=8).map(SomaRow::new).collect();
        rows.push(SomaRow::new(9).with("Bydel", "Atlantis"));
        rows.push(SomaRow::new(10).with("Fødselsnummer", "01810750127"));
        self.bench.write("soma_uteseksjonen_2023.csv", &windows_1252(&soma_text(&rows)))
    }
}

#[derive(Default)]
struct Steps {
    labels: Mutex<Vec<String>>,
    total: AtomicU64,
    advanced: AtomicU64,
    finished: AtomicU64,
}

impl Progress for Steps {
    fn start(&self, label: &str, total: u64) {
        self.labels.lock().unwrap().push(label.to_owned());
        self.total.fetch_add(total, Ordering::Relaxed);
    }
    fn advance(&self, n: u64) {
        self.advanced.fetch_add(n, Ordering::Relaxed);
    }
    fn finish(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_dry_run_reads_everything_and_writes_nothing() {
    let whole = Whole::new();
    let export = whole.export();
    let before = whole.written();
    let report = whole.ingest(&[("soma", &export)], true, &Silent).await.unwrap();
    assert_eq!((report.read, report.loaded, report.replaced, report.quarantined), (10, 8, 0, 2));
    assert_eq!(whole.written(), before);
}

#[tokio::test]
async fn one_bad_file_refuses_the_call_before_anything_is_written() {
    let whole = Whole::new();
    let (good, empty) = (whole.export(), whole.bench.write("tom.csv", b""));
    let before = whole.written();
    let error = whole.ingest(&[("soma", &good), ("soma", &empty)], false, &Silent).await.unwrap_err();
    assert!(error.is_refusal() && error.to_string().contains("tom.csv"), "{error}");
    assert!(whole.ingest(&[("soma", &good), ("smoa", &good)], false, &Silent).await.is_err());
    assert_eq!(whole.written(), before);
}

#[tokio::test]
async fn rows_are_loaded_once_and_the_others_quarantined_without_values() {
    let whole = Whole::new();
    let export = whole.export();
    let steps = Steps::default();
    let report = whole.ingest(&[("soma", &export)], false, &steps).await.unwrap();
    assert_eq!((report.read, report.loaded, report.replaced, report.quarantined), (10, 8, 0, 2));
    assert_eq!(*steps.labels.lock().unwrap(), ["reading", "loading"]);
    assert_eq!(steps.total.into_inner(), steps.advanced.into_inner());
    assert_eq!(steps.finished.into_inner(), 2);

    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json["deliveries"][0]["reasons"],
        serde_json::json!({"bad_check_digit": 1, "unknown_code": 1})
    );
    let keys: Vec<&String> = json["deliveries"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["source", "file", "read", "loaded", "replaced", "quarantined", "reasons", "quality"]);

    let folder = whole.bench.installation.quarantine_dir();
    let names: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let lines = names.iter().find(|n| n.extension().is_some_and(|e| e == "csv")).unwrap();
    let text = std::fs::read_to_string(lines).unwrap();
    let expected = [
        "soma_uteseksjonen_2023.csv;10;Bydel;unknown_code;",
        "soma_uteseksjonen_2023.csv;11;Fødselsnummer;bad_check_digit;",
    ];
    for line in expected {
        assert!(text.lines().any(|l| l.starts_with(line)), "{text}");
    }
    for (path, bytes) in whole.written() {
        let text = String::from_utf8_lossy(&bytes);
        for value in ["Atlantis", NUMBER, "01810750127", "Nordmann", "Kari", "fritekst", "Ola Ansatt"] {
            assert!(!text.contains(value), "{value} in {}", path.display());
        }
    }

    let snapshot = whole.warehouse.snapshot().await.unwrap().id;
    let again = whole.ingest(&[("soma", &export)], false, &Silent).await.unwrap();
    assert_eq!((again.read, again.loaded, again.replaced, again.quarantined), (10, 0, 8, 2));
    assert_eq!(whole.warehouse.snapshot().await.unwrap().id, snapshot);

    // Corrected at the source: the quarantine of the file goes.
    let rows: Vec<SomaRow> = (1..=10).map(SomaRow::new).collect();
    whole.bench.write("soma_uteseksjonen_2023.csv", &windows_1252(&soma_text(&rows)));
    let corrected = whole.ingest(&[("soma", &export)], false, &Silent).await.unwrap();
    assert_eq!((corrected.loaded, corrected.replaced, corrected.quarantined), (2, 8, 0));
    assert!(!lines.exists());
}
