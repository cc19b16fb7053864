//! The main job: one command, from exports to figures.

use tempfile::TempDir;

use crate::support::{PERSONS, YEARS, json, skjerm};

#[test]
fn the_demo_ends_with_the_key_figures() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("demo");
    let arguments = ["demo", "--once", "--persons", PERSONS, "--years", YEARS];
    let demo = json(&dir, &arguments).ok().json();
    assert!(demo["seconds"].as_f64().unwrap() > 0.0);
    let figures = demo["figures"].as_array().unwrap();
    let mut misses = 0;
    let mut published = 0;
    for figure in figures {
        for key in ["name", "year", "value", "low", "high", "display", "source_value"] {
            assert!(figure.get(key).is_some(), "{key} is missing: {figure}");
        }
        let (low, high) = (figure["low"].as_f64().unwrap(), figure["high"].as_f64().unwrap());
        assert!(low <= figure["value"].as_f64().unwrap() && figure["value"].as_f64().unwrap() <= high);
        if let Some(truth) = figure["source_value"].as_f64() {
            published += 1;
            misses += u32::from(truth < low || truth > high);
        }
    }
    assert!(published >= 35, "{published} published figures");
    // At 5 % each, correlated within themes: that half of them miss is far beyond a chance of 1e-6.
    assert!(misses * 2 < published, "{misses} of {published} published figures are outside their intervals");
    assert!(dir.join("SYNTHETIC").exists());

    // A second run finds its own work: same files, same release, same figures, nothing spent.
    let again = json(&dir, &arguments).ok().json();
    assert_eq!(again["figures"], demo["figures"]);

    let text = skjerm(&dir, &arguments).ok().out;
    assert!(text.contains("1977") || text.contains("1 977") || text.contains("1\u{a0}977"), "{text}");
}

#[test]
fn the_demo_does_not_touch_an_installation_that_is_not_its_own() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("real");
    crate::support::installation(&dir);
    let error = json(&dir, &["demo", "--once", "--persons", "200", "--years", "2024..2024"]).error(2);
    assert!(error["message"].as_str().unwrap().contains("synthetic"), "{error}");
}
