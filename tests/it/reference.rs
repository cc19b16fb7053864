//! Reference data that a steward imports, through the command.

use skjerm_engine::Engine;
use skjerm_warehouse::Installation;
use tempfile::TempDir;

use crate::support::{installation, json, root};

const AGES: &str = "warehouse/reference/samples/ssb_10826_ages.json";

#[test]
fn residents_are_imported_shown_and_used() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    installation(&dir);
    let sample = root().join(AGES);
    let arguments = ["warehouse", "reference", "import", sample.to_str().unwrap()];
    let residents = || {
        let engine = Engine::open(&Installation::open(&dir).unwrap()).unwrap();
        engine.reference().residents("030101", 2025, &["18-22"])
    };
    let dry = json(&dir, &[&arguments[..], &["--dry-run"]].concat()).ok().json();
    assert_eq!((&dry["dry_run"], residents()), (&true.into(), None), "{dry}");
    let report = json(&dir, &arguments).ok().json();
    assert_eq!(
        (&report["dry_run"], &report["compared"]["different"]),
        (&false.into(), &0.into()),
        "{report}"
    );
    assert_eq!(report["years"], serde_json::json!([2024, 2025]));
    assert!(residents().is_some_and(|residents| residents > 1000));
    let shown = json(&dir, &["warehouse", "reference", "show"]).ok().json();
    let sources = shown["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 2, "{shown}");
    assert_eq!((&sources[1]["hash"], &sources[1]["districts"]), (&report["hash"], &3.into()), "{shown}");
    assert!(sources[0]["imported"].is_null() && sources[1]["imported"].is_string(), "{shown}");
}

#[test]
fn a_file_that_is_wrong_is_refused_and_the_figures_stay() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    installation(&dir);
    let file = folder.path().join("folketall.json");
    let text = std::fs::read_to_string(root().join(AGES)).unwrap();
    std::fs::write(&file, text.replace("030116a", "460101a")).unwrap();
    let import = |name: &std::path::Path| {
        let error = json(&dir, &["warehouse", "reference", "import", name.to_str().unwrap()]).error(2);
        error["message"].as_str().unwrap().to_owned()
    };
    let message = import(&file);
    assert!(
        message.starts_with("folketall.json: \"460101a Sentrum\" is neither Oslo nor a district"),
        "{message}"
    );
    assert!(import(&folder.path().join("borte.json")).starts_with("cannot read borte.json"));
    let shown = json(&dir, &["warehouse", "reference", "show"]).ok().json();
    assert_eq!(shown["sources"].as_array().unwrap().len(), 1, "{shown}");
    // What is damaged on disk is a fault that every verb says, and not passed over.
    std::fs::create_dir(dir.join("reference")).unwrap();
    std::fs::write(dir.join("reference/population.json"), "{}").unwrap();
    let error = json(&dir, &["warehouse", "reference", "show"]).error(1);
    assert!(error["message"].as_str().unwrap().contains("population.json is not as"), "{error}");
    let error = json(&dir, &["query", "select count(*) from patrol", "--as", "researcher"]).error(1);
    assert_eq!(error["kind"], "fault", "{error}");
}

#[test]
fn regions_are_listed() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    installation(&dir);
    let listed = json(&dir, &["warehouse", "reference", "regions"]).ok().json();
    let rows = listed["regions"].as_array().unwrap();
    assert_eq!(rows.len(), 15, "{listed}");
    assert_eq!((&rows[0]["region"], &rows[0]["district"]), (&"inner".into(), &"030101".into()), "{listed}");
}
