//! `metadata.json`: enough to understand the figures, and to compute every variance again.

use std::collections::BTreeSet;

use serde_json::Value;

use super::city::City;
use crate::release::{Release, Store};

fn published() -> (City, Release, Value) {
    let folder = tempfile::tempdir().unwrap();
    let city = City::new();
    let store = Store::open(&skjerm_warehouse::Installation::init(folder.path()).unwrap());
    let release = store.save(city.release(2023, 4), &city.policy).unwrap();
    let path = folder.path().join("releases").join(&release.id).join("metadata.json");
    let metadata = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    (city, release, metadata)
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn names(value: &Value) -> Vec<String> {
    list(value).iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// The recipe of `covariance`, followed word by word, for one cell of a table: q is the sum of the cells with that key.
fn variance(theme: &Value, table: &BTreeSet<String>) -> f64 {
    let dimensions = names(&theme["dimensions"]);
    let sizes: Vec<f64> = list(&theme["sizes"]).iter().map(|size| size.as_f64().unwrap()).collect();
    let whole: f64 = sizes.iter().product();
    (0_u32..1 << dimensions.len())
        .map(|subset| {
            let inside = |at: usize| subset >> at & 1 == 1;
            // ⟨q_S, q_S⟩: along each dimension, the squared length of (part of) one code, or of all of them.
            let length: f64 = (0..dimensions.len())
                .map(|at| match (table.contains(&dimensions[at]), inside(at)) {
                    (true, true) => 1.0 - 1.0 / sizes[at],
                    (true, false) => 1.0 / sizes[at],
                    (false, true) => 0.0,
                    (false, false) => sizes[at],
                })
                .product();
            if length == 0.0 {
                return 0.0;
            }
            let precision: f64 = list(&theme["measured"])
                .iter()
                .filter(|measured| {
                    let has = names(&measured["dimensions"]);
                    (0..dimensions.len()).all(|at| !inside(at) || has.contains(&dimensions[at]))
                })
                .map(|measured| {
                    whole / measured["cells"].as_f64().unwrap() / measured["sigma"].as_f64().unwrap().powi(2)
                })
                .sum();
            length / precision
        })
        .sum()
}

#[test]
fn every_standard_deviation_follows_from_what_it_says() {
    let (_, release, metadata) = published();
    assert_eq!(list(&metadata["tables"]).len(), release.tables.len());
    for table in list(&metadata["tables"]) {
        let theme =
            list(&metadata["measurements"]).iter().find(|theme| theme["theme"] == table["theme"]).unwrap();
        let sd = variance(theme, &names(&table["dimensions"]).into_iter().collect()).sqrt();
        assert!((sd / table["sd"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{}: {sd}", table["name"]);
    }
}

#[test]
fn it_says_what_was_paid_and_for_what() {
    let (city, release, metadata) = published();
    let rhos = list(&metadata["measurements"]).iter().flat_map(|theme| list(&theme["measured"]));
    let spent: f64 = rhos.chain(list(&metadata["distinct"])).map(|one| one["rho"].as_f64().unwrap()).sum();
    assert!(
        (spent / release.rho - 1.0).abs() < 1e-6,
        "the measurements cost {spent}, the release {}",
        release.rho
    );
    let privacy = &metadata["privacy"];
    assert_eq!(
        (privacy["rho"].as_f64(), privacy["epsilon"].as_f64()),
        (Some(release.rho), Some(release.epsilon))
    );
    assert_eq!(privacy["unit"]["en"], release.unit.en.as_str());
    assert_eq!(
        (&metadata["ledger"]["answer"], &metadata["ledger"]["snapshot"]),
        (&"a1".into(), &"s1".into())
    );
    let form = serde_json::to_vec(&city.workload).unwrap();
    assert_eq!(metadata["workload"]["blake3"], blake3::hash(&form).to_hex().as_str());
    assert_eq!(metadata["policy"]["fingerprint"], city.policy.fingerprint());
    assert_eq!(metadata["policy"]["suppress_below"], 5);
    assert_eq!(metadata["policy"]["suppress_wider_than"]["part_of_value"], 1.0);
    assert_eq!(list(&metadata["figures"]).len(), city.workload.figures.len());
    for figure in list(&metadata["figures"]) {
        assert!(figure["definition"]["no"].is_string() && figure["definition"]["en"].is_string());
    }
    assert_eq!(list(&metadata["known_limits"]).len(), release.known_limits.len());
    assert_eq!(metadata["synthetic"], true);
    assert_eq!(metadata["release"], release.id.as_str());
}
