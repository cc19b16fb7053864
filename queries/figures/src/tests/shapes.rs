//! The documents as JSON, in the shapes that scripts rely on, and that they read back.

use serde_json::{Value, json};

use super::city::{City, RHO};
use crate::districts;
use crate::key_figures;
use crate::release::{Release, plan};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_plan_has_the_documented_shape() {
    let city = City::new();
    let plan = serde_json::to_value(plan(&city.policy, &city.workload, 2023, RHO).unwrap()).unwrap();
    assert!(plan["rho"].is_f64());
    let table =
        plan["tables"].as_array().unwrap().iter().find(|table| table["name"] == "contact_by_age").unwrap();
    assert_eq!(keys(table), ["name", "dimensions", "cells", "sd", "half_width", "equal_split_sd"]);
    assert_eq!((&table["dimensions"], &table["cells"]), (&json!(["age"]), &json!(4)));
}

#[test]
fn a_release_has_the_documented_shape_and_reads_back() {
    let city = City::new();
    let release = city.release(2023, 1);
    let value = serde_json::to_value(&release).unwrap();
    for key in [
        "id",
        "year",
        "published",
        "snapshot",
        "rho",
        "epsilon",
        "delta",
        "mechanism",
        "unit",
        "known_limits",
        "themes",
        "tables",
    ] {
        assert!(value.get(key).is_some(), "no {key}");
    }
    let table = value["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|table| table["name"] == "services_by_service_youth_age")
        .unwrap();
    assert_eq!(table["dimensions"], json!(["service", "youth_age"]));
    let rows = table["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 17 * 5);
    assert_eq!(keys(&rows[1]), ["key", "value", "low", "high", "display"]);
    assert_eq!(rows[1]["key"], json!({"service": "030101", "youth_age": "13-17"}));
    let shown = rows.iter().map(|row| &row["display"]);
    assert!(shown.clone().all(|display| display.is_i64() || display == ":"));
    assert!(shown.clone().any(|display| display == ":") && shown.clone().any(Value::is_i64));
    let back: Release = serde_json::from_value(value).unwrap();
    assert_eq!(back, release);
}

#[test]
fn a_key_figure_has_the_documented_shape() {
    let city = City::new();
    let figures = key_figures::figures(&city.release(2023, 1), &city.policy).unwrap();
    let value = serde_json::to_value(&figures[0]).unwrap();
    for key in [
        "name",
        "year",
        "value",
        "low",
        "high",
        "display",
        "source_value",
        "release",
        "theme",
        "category",
        "definition",
        "note",
    ] {
        assert!(value.get(key).is_some(), "no {key}");
    }
    assert_eq!((&value["name"], &value["source_value"]), (&json!("contact_total"), &json!(1977.0)));
}

/// Every published figure of Uteseksjonen of 2022 and 2023 has its named figure, under its year.
#[test]
fn every_published_figure_is_there() {
    let city = City::new();
    let mut expected = std::collections::BTreeMap::new();
    for line in include_str!("../../facts/key_figures.csv").lines().skip(1) {
        let fields: Vec<&str> = line.splitn(9, ',').collect();
        if matches!(fields[0], "2022" | "2023") && fields[1] == "Uteseksjonen" {
            expected.insert(
                (
                    fields[0].parse::<i32>().unwrap(),
                    fields[2].to_owned(),
                    fields[4].to_owned(),
                    fields[5].to_owned(),
                    fields[3].to_owned(),
                ),
                fields[6].parse::<f64>().unwrap(),
            );
        }
    }
    for year in [2022, 2023] {
        let figures = key_figures::figures(&city.release(year, 1), &city.policy).unwrap();
        let mut found: Vec<f64> = figures.iter().filter_map(|figure| figure.source_value).collect();
        for ((_, measure, breakdown, category, _), value) in
            expected.iter().filter(|((of, ..), _)| *of == year)
        {
            let at = found.iter().position(|found| (found - value).abs() < 1e-9);
            let at = at.unwrap_or_else(|| {
                panic!("{year}: no figure shows {measure}, {breakdown}, {category}: {value}")
            });
            found.swap_remove(at);
        }
    }
}

#[test]
fn a_district_comparison_reads_back() {
    let city = City::new();
    let reference = skjerm_warehouse::Reference::shipped().unwrap();
    let comparison = districts::compare(&city.release(2023, 1), &city.policy, &reference).unwrap();
    let value = serde_json::to_value(&comparison).unwrap();
    assert_eq!(serde_json::from_value::<districts::DistrictComparison>(value).unwrap(), comparison);
}
