//! The JSON of every verb has the shape that scripts rely on.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PERSONS, city, fresh_book, json};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}")).keys().map(String::as_str).collect()
}

fn assert_keys(value: &Value, wanted: &[&str]) {
    assert_eq!(keys(value), wanted, "{value}");
}

#[test]
fn synth_init_and_keys() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("city");
    let dir = folder.path().join("installation");
    let synth =
        json(&dir, &["synth", "--out", out.to_str().unwrap(), "--persons", "200", "--years", "2024..2024"]);
    let synth = synth.ok().json();
    assert_keys(&synth, &["files", "persons", "rows", "notes"]);
    assert!(
        synth["notes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|note| note.as_str().unwrap().contains("not reproduced")),
        "{synth}"
    );
    let init = json(&dir, &["init"]).ok().json();
    assert_keys(&init, &["dir", "policy"]);
    // Again it changes nothing.
    let policy = std::fs::read(dir.join("policy.toml")).unwrap();
    json(&dir, &["init"]).ok();
    assert_eq!(std::fs::read(dir.join("policy.toml")).unwrap(), policy);
    let keys = json(&dir, &["keys", "new"]).ok().json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 3, "{keys}");
    let listed = json(&dir, &["keys", "list"]).ok().json();
    for key in listed["keys"].as_array().unwrap() {
        assert_keys(key, &["purpose", "id", "epoch", "state"]);
        assert_eq!(key["state"], "in force");
    }
}

#[test]
fn ingest() {
    for (source, report) in &city().reports {
        assert_keys(report, &["read", "loaded", "replaced", "quarantined", "deliveries"]);
        for delivery in report["deliveries"].as_array().unwrap() {
            assert_keys(
                delivery,
                &["source", "file", "read", "loaded", "replaced", "quarantined", "reasons", "quality"],
            );
            assert_keys(
                &delivery["quality"],
                &[
                    "withdrawn",
                    "duplicates",
                    "link_levels",
                    "unknown",
                    "refused",
                    "outside_period",
                    "period",
                    "known_clients",
                    "linked_clients",
                    "contradicted_clients",
                ],
            );
            assert_eq!(delivery["source"], source.as_str());
        }
    }
}

#[test]
fn query_and_explain() {
    let book = fresh_book();
    let sql = "select year, count(distinct person) as persons from contact where year = 2023 group by year";
    let explained = json(book.path(), &["query", sql, "--explain"]).ok().json();
    assert_keys(
        &explained["privacy"],
        &["rho", "epsilon", "delta", "unit", "blocks", "charged", "remaining"],
    );
    assert_eq!(&keys(&explained["expected"][0])[..2], ["column", "half_width"], "{explained}");
    assert!(explained["free"].is_boolean() && explained["bounds"].is_object(), "{explained}");
    let answer = json(book.path(), &["query", sql]).ok().json();
    for key in ["columns", "rows", "intervals", "privacy", "answer"] {
        assert!(answer.get(key).is_some(), "{key} is missing: {answer}");
    }
    assert_keys(&answer["answer"], &["id", "source"]);
    assert_eq!(
        answer["intervals"]["persons"].as_array().unwrap().len(),
        answer["rows"].as_array().unwrap().len()
    );
    assert_eq!(answer["privacy"]["blocks"], serde_json::json!(["persons/2023"]), "{answer}");
}

#[test]
fn release_plan_publish_list_show() {
    let book = fresh_book();
    let plan = json(book.path(), &["release", "plan", "--year", "2023"]).ok().json();
    assert!(plan["rho"].as_f64().unwrap() > 0.0);
    for table in plan["tables"].as_array().unwrap() {
        for key in ["name", "dimensions", "cells", "sd", "half_width", "equal_split_sd"] {
            assert!(table.get(key).is_some(), "{key} is missing: {table}");
        }
    }
    let published =
        json(book.path(), &["release", "publish", "--year", "2023", "--as", "steward"]).ok().json();
    let id = published["id"].as_str().unwrap();
    let list = json(book.path(), &["release", "list"]).ok().json();
    assert_eq!(list["releases"][0]["id"], id, "{list}");
    let shown = json(book.path(), &["release", "show", id]).ok().json();
    assert_eq!(shown["id"], id);
    assert_eq!(shown["year"], 2023);
    for table in shown["tables"].as_array().unwrap() {
        for key in ["name", "dimensions", "rows"] {
            assert!(table.get(key).is_some(), "{key} is missing: {table}");
        }
        for row in table["rows"].as_array().unwrap() {
            assert_keys(row, &["key", "value", "low", "high", "display"]);
        }
    }
    let missing = json(book.path(), &["release", "show", "no-such"]).error(2);
    assert!(missing["message"].as_str().unwrap().contains("no-such"), "{missing}");
}

#[test]
fn budget_show() {
    let book = fresh_book();
    let budget = json(book.path(), &["budget", "show"]).ok().json();
    let blocks = budget["blocks"].as_array().unwrap();
    assert!(blocks.len() >= 7, "{budget}");
    for block in blocks {
        for key in ["family", "block", "rho_limit", "rho_spent", "rho_left", "epsilon_spent", "delta"] {
            assert!(block.get(key).is_some(), "{key} is missing: {block}");
        }
    }
}

#[test]
fn warehouse_status() {
    let status = json(&city().dir, &["warehouse", "status"]).ok().json();
    assert!(status["snapshot"].is_string() && status["tables"].is_array(), "{status}");
}

#[test]
fn scene_compare() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("city");
    let dir = folder.path().join("installation");
    json(&dir, &["synth", "--out", out.to_str().unwrap(), "--persons", PERSONS, "--years", "2024..2025"])
        .ok();
    crate::support::installation(&dir);
    crate::support::ingest(&dir, "scene", &crate::support::files_of(&out, "scene")).ok();
    let compared =
        json(&dir, &["scene", "compare", "2024-summer", "2025-summer", "--as", "planner"]).ok().json();
    for key in ["a", "b", "total", "shifts", "areas", "cells", "summary", "notes"] {
        assert!(compared.get(key).is_some(), "{key} is missing: {compared}");
    }
    assert_eq!(compared["areas"].as_array().unwrap().len(), 6, "{compared}");
    for mean in [&compared["total"]["a"], &compared["total"]["b"], &compared["total"]["difference"]] {
        assert_keys(mean, &["value", "low", "high"]);
    }
    let unknown = json(&dir, &["scene", "compare", "2024-summer", "2031-summer", "--as", "planner"]).error(2);
    assert!(unknown["message"].as_str().unwrap().contains("2031-summer"), "{unknown}");
}

#[test]
fn wrong_usage_is_json_too() {
    let error = json(std::path::Path::new("nowhere"), &["query"]).error(2);
    assert_eq!(error["kind"], "refused");
    let error = json(std::path::Path::new("nowhere"), &["nonsense"]).error(2);
    assert!(error["message"].as_str().unwrap().contains("nonsense"), "{error}");
}
