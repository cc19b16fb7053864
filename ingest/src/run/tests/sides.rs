//! Two sides: deliveries are made without the warehouse key, taken in without the linking key, and refused when anything
//! about them is not as it was sealed.

use skjerm_warehouse::keyfile::KeyFileError;

use super::whole::Whole;
use super::*;
use crate::delivery::DeliveryProblem;
use crate::key::DeliveryKey;

/// The warehouse's side: an installation of its own.
struct Other {
    _dir: tempfile::TempDir,
    installation: Installation,
    warehouse: Warehouse,
    key: WarehouseKey,
}

impl Other {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let installation = Installation::init(dir.path().join("warehouse side")).unwrap();
        let warehouse = Warehouse::open(&installation, std::sync::Arc::new(Policy::oslo())).unwrap();
        Self { _dir: dir, installation, warehouse, key: WarehouseKey::generate().unwrap() }
    }

    async fn take_in(&self, key: &DeliveryKey, deliveries: &[PathBuf]) -> Result<IngestReport, IngestError> {
        let options = IngestOptions { dry_run: false, today: Some(TODAY) };
        take_in(&self.installation, key, &self.key, &self.warehouse, deliveries, options, &Silent).await
    }

    async fn refusal(&self, key: &DeliveryKey, delivery: &Path) -> DeliveryProblem {
        let before = self.warehouse.snapshot().await.unwrap().id;
        let error = self.take_in(key, &[delivery.to_owned()]).await.unwrap_err();
        assert!(error.is_refusal() && error.hint().is_some_and(|h| !h.is_empty()), "{error}");
        assert_eq!(self.warehouse.snapshot().await.unwrap().id, before);
        match error {
            IngestError::Delivery(error) => error.problem,
            other => panic!("{other}"),
        }
    }
}

fn made(whole: &Whole, name: &str, files: &[(&str, &Path)]) -> (PathBuf, IngestReport) {
    let target = whole.bench.dir.path().join(name);
    let files: Vec<_> = files.iter().map(|(s, p)| ((*s).to_owned(), p.to_path_buf())).collect();
    let options = IngestOptions { dry_run: false, today: Some(TODAY) };
    let bench = &whole.bench;
    let report =
        deliver(&bench.installation, &whole.policy, &bench.key, &files, &target, options, &Silent).unwrap();
    (target, report)
}

fn parts(delivery: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(delivery).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "parquet"));
    found.sort();
    found
}

#[tokio::test]
async fn both_sides_together_do_what_one_machine_does() {
    let (whole, other) = (Whole::new(), Other::new());
    let export = whole.export();
    let (delivery, sent) = made(&whole, "one.skjerm", &[("soma", &export)]);
    assert_eq!((sent.read, sent.loaded, sent.quarantined), (10, 8, 2));
    // The shared key is a file that the other side reads.
    let given = other.installation.delivery_key_path();
    whole.bench.key.delivery_key().save(&given).unwrap();
    let key = DeliveryKey::of(&other.installation).unwrap();
    let report = other.take_in(&key, std::slice::from_ref(&delivery)).await.unwrap();
    assert_eq!((report.read, report.loaded, report.replaced, report.quarantined), (10, 8, 0, 2));
    assert_eq!(report.deliveries[0].reasons, sent.deliveries[0].reasons);
    assert_eq!(report.deliveries[0].quality.duplicates, Some(0));

    // The same key and export on one machine make the same warehouse.
    let mut one = Whole { warehouse_key: other.key.clone(), ..Whole::new() };
    one.bench.key = whole.bench.key.clone();
    one.ingest(&[("soma", &export)], false, &Silent).await.unwrap();
    let snapshot = one.warehouse.snapshot().await.unwrap().id;
    assert_eq!(other.warehouse.snapshot().await.unwrap().id, snapshot);
    let incoming = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("incoming-");
    let left = std::fs::read_dir(one.bench.installation.root()).unwrap().map(|e| e.unwrap().file_name());
    assert_eq!(left.filter(|name| incoming(name)).count(), 0, "what was under way is gone");

    // Again it changes nothing.
    let again = other.take_in(&key, &[delivery]).await.unwrap();
    assert_eq!((again.loaded, again.replaced), (0, 8));
    assert_eq!(other.warehouse.snapshot().await.unwrap().id, snapshot);
}

#[tokio::test]
async fn no_part_of_a_delivery_holds_an_identifier() {
    let whole = Whole::new();
    let (delivery, _) = made(&whole, "one.skjerm", &[("soma", &whole.export())]);
    assert!(parts(&delivery).len() > 1);
    for entry in std::fs::read_dir(&delivery).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for value in ["Atlantis", NUMBER, LOST_ZERO, "Nordmann", "Kari", "fritekst", "Ola Ansatt", "K17"] {
            assert!(!text.contains(value), "{value} in {}", path.display());
        }
    }
}

#[tokio::test]
async fn a_changed_cut_or_foreign_delivery_is_refused() {
    let (whole, other) = (Whole::new(), Other::new());
    let key = whole.bench.key.delivery_key();
    let export = whole.export();
    let made = |name: &str| made(&whole, name, &[("soma", &export)]).0;

    let cut = made("cut.skjerm");
    let part = parts(&cut).remove(0);
    let bytes = std::fs::read(&part).unwrap();
    std::fs::write(&part, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(other.refusal(&key, &cut).await, DeliveryProblem::PartChanged(_)));
    std::fs::remove_file(&part).unwrap();
    assert!(matches!(other.refusal(&key, &cut).await, DeliveryProblem::PartMissing(_)));
    // Every single byte of a part counts.
    for at in [0, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&part, &changed).unwrap();
        assert!(matches!(other.refusal(&key, &cut).await, DeliveryProblem::PartChanged(_)));
    }

    let changed = made("changed.skjerm");
    let manifest = changed.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"read\": 10", "\"read\": 11", 1)).unwrap();
    assert!(matches!(other.refusal(&key, &changed).await, DeliveryProblem::Changed));
    std::fs::write(&manifest, &text).unwrap();
    std::fs::write(changed.join("mer.parquet"), b"PAR1").unwrap();
    assert!(matches!(other.refusal(&key, &changed).await, DeliveryProblem::Foreign(1)));
    std::fs::remove_file(changed.join("manifest.mac")).unwrap();
    assert!(matches!(other.refusal(&key, &changed).await, DeliveryProblem::NoSeal));
    std::fs::remove_file(&manifest).unwrap();
    assert!(matches!(other.refusal(&key, &changed).await, DeliveryProblem::NoManifest));

    // A part of another delivery under this one's manifest.
    let (one, two) = (made("one.skjerm"), made("two.skjerm"));
    let rows = vec![SomaRow::new(77)];
    let export = whole.bench.write("annen.csv", &windows_1252(&soma_text(&rows)));
    let three = super::sides::made(&whole, "three.skjerm", &[("soma", &export)]).0;
    std::fs::copy(&parts(&three)[0], &parts(&one)[0]).unwrap();
    assert!(matches!(other.refusal(&key, &one).await, DeliveryProblem::PartChanged(_)));
    // Another delivery's seal.
    std::fs::copy(three.join("manifest.mac"), two.join("manifest.mac")).unwrap();
    assert!(matches!(other.refusal(&key, &two).await, DeliveryProblem::Changed));
}

#[tokio::test]
async fn a_delivery_under_another_key_is_refused() {
    let (whole, stranger, other) = (Whole::new(), Whole::new(), Other::new());
    let export = whole.export();
    let key = whole.bench.key.delivery_key();
    let (delivery, _) = made(&whole, "one.skjerm", &[("soma", &export)]);
    let (foreign, _) = made(&stranger, "foreign.skjerm", &[("soma", &export)]);
    assert!(matches!(other.refusal(&key, &foreign).await, DeliveryProblem::OtherKey { .. }));
    // With the stranger's id painted over, the seal gives it away.
    let manifest = foreign.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace(stranger.bench.key.id(), key.id())).unwrap();
    assert!(matches!(other.refusal(&key, &foreign).await, DeliveryProblem::Changed));

    // A warehouse that was written with one linking key takes nothing of another.
    other.take_in(&key, &[delivery]).await.unwrap();
    let (foreign, _) = made(&stranger, "again.skjerm", &[("soma", &export)]);
    let error = other.take_in(&stranger.bench.key.delivery_key(), &[foreign]).await.unwrap_err();
    assert!(matches!(error, IngestError::OtherKey { purpose: "linking", .. }), "{error}");
}

#[test]
fn a_delivery_is_whole_or_not_there_and_never_written_over() {
    let whole = Whole::new();
    let export = whole.export();
    let (delivery, _) = made(&whole, "one.skjerm", &[("soma", &export)]);
    let bench = &whole.bench;
    let files = |path: &Path| vec![("soma".to_owned(), path.to_owned())];
    let options = IngestOptions { dry_run: false, today: Some(TODAY) };
    let deliver = |path: &Path, target: &Path| {
        deliver(&bench.installation, &whole.policy, &bench.key, &files(path), target, options, &Silent)
    };
    let before = parts(&delivery);
    let error = deliver(&export, &delivery).unwrap_err();
    assert!(
        matches!(&error, IngestError::Delivery(e) if matches!(e.problem, DeliveryProblem::Exists)),
        "{error}"
    );
    assert_eq!(parts(&delivery), before);
    let target = bench.dir.path().join("two.skjerm");
    assert!(deliver(&bench.write("tom.csv", b""), &target).is_err());
    let names = std::fs::read_dir(bench.dir.path()).unwrap().map(|e| e.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|name| name.starts_with("two.skjerm")), "{names:?}");
}

#[tokio::test]
async fn what_a_killed_ingest_left_is_removed_by_the_next() {
    let whole = Whole::new();
    let root = whole.bench.installation.root();
    let left = root.join("incoming-0123456789abcdef");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("0001-00001-contact.parquet"), b"PAR1").unwrap();
    // One that is at work keeps its own.
    let at_work = Writer::within(root).unwrap();
    whole.ingest(&[("soma", &whole.export())], false, &Silent).await.unwrap();
    assert!(!left.exists() && at_work.folder().exists());
}

#[test]
fn a_side_without_a_key_is_told_which() {
    let other = Other::new();
    let error = DeliveryKey::of(&other.installation).unwrap_err();
    assert!(matches!(&error, KeyFileError::Missing(path) if path.ends_with("keys/delivery.key")), "{error}");
    let linking = LinkingKey::generate().unwrap();
    linking.save(&other.installation.linking_key_path()).unwrap();
    assert_eq!(DeliveryKey::of(&other.installation).unwrap().id(), linking.id());
    // It is no linking key: it makes nobody's pseudonym.
    let text = |key: &Path| std::fs::read_to_string(key).unwrap();
    let path = other.installation.root().join("given").join("delivery.key");
    linking.delivery_key().save(&path).unwrap();
    assert_ne!(text(&path), text(&other.installation.linking_key_path()));
    let as_linking = LinkingKey::load(&path).unwrap();
    let of =
        |key: &LinkingKey| crate::person::by_client(key, &mut crate::key::Message::default(), "soma", "17");
    assert_ne!(of(&as_linking), of(&linking));
}
