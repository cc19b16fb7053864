//! JSON-stat 2.0, read back by the rules of the standard (json-stat.org/full) and by nothing of ours.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::city::City;
use crate::workload::Dimension;
use crate::{FiguresError, Language, json_stat, key_figures};

/// What is wrong with a dataset, if anything.
pub(super) fn check(dataset: &Value) -> Result<(), String> {
    let wrong = |what: &str| Err(what.to_owned());
    if dataset["version"] != "2.0" || dataset["class"] != "dataset" {
        return wrong("version or class");
    }
    let ids: Vec<&str> = strings(&dataset["id"]).ok_or("id is no list of texts")?;
    let sizes: Option<Vec<u64>> =
        dataset["size"].as_array().and_then(|sizes| sizes.iter().map(Value::as_u64).collect());
    let sizes = sizes.ok_or("size is no list of whole numbers")?;
    let dimension = dataset["dimension"].as_object().ok_or("dimension is no object")?;
    let named: BTreeSet<&str> = ids.iter().copied().collect();
    if ids.len() != sizes.len() || named.len() != ids.len() {
        return wrong("id and size");
    }
    if dimension.keys().map(String::as_str).collect::<BTreeSet<_>>() != named {
        return wrong("dimension has not the ids");
    }
    let metric = strings(&dataset["role"]["metric"]).ok_or("role.metric")?;
    let time = strings(&dataset["role"]["time"]).ok_or("role.time")?;
    let roles: BTreeSet<&str> = metric.iter().chain(&time).copied().collect();
    if roles.len() != metric.len() + time.len() || !roles.is_subset(&named) {
        return wrong("roles");
    }
    for (id, size) in ids.iter().zip(&sizes) {
        let category = &dimension[*id]["category"];
        let index = category["index"].as_object().ok_or("no index")?;
        let mut positions: Vec<u64> = index.values().filter_map(Value::as_u64).collect();
        positions.sort_unstable();
        if positions != (0..*size).collect::<Vec<_>>() {
            return Err(format!("the index of {id}"));
        }
        let codes: BTreeSet<&String> = index.keys().collect();
        let labels = category["label"].as_object().ok_or("no labels")?;
        let named = labels.keys().collect::<BTreeSet<_>>() == codes;
        if !named || !labels.values().all(Value::is_string) || !dimension[*id]["label"].is_string() {
            return Err(format!("the labels of {id}"));
        }
        for (what, of) in [("note", &category["note"]), ("unit", &category["unit"])] {
            let Some(of) = of.as_object() else { continue };
            let sound = match what {
                "note" => of.values().all(|notes| strings(notes).is_some()),
                // Units are for what is counted.
                _ => metric.contains(id) && of.values().all(|unit| unit["decimals"].is_u64()),
            };
            if !sound || !of.keys().all(|code| codes.contains(code)) {
                return Err(format!("{what} of {id}"));
            }
        }
    }
    let values = dataset["value"].as_array().ok_or("value is no list")?;
    if values.len() as u64 != sizes.iter().product::<u64>() {
        return wrong("as many values as size says");
    }
    let empty = serde_json::Map::new();
    let status = dataset.get("status").map_or(Some(&empty), Value::as_object).ok_or("status")?;
    for (position, value) in values.iter().enumerate() {
        let status = status.get(&position.to_string());
        let sound = if value.is_null() {
            status == Some(&Value::from(":"))
        } else {
            value.is_number() && status.is_none()
        };
        if !sound {
            return Err(format!("value {position}: {value} with status {status:?}"));
        }
    }
    if !status.keys().all(|key| key.parse::<usize>().is_ok_and(|at| at < values.len())) {
        return wrong("a status of no value");
    }
    let updated: Result<jiff::civil::Date, _> = dataset["updated"].as_str().unwrap_or_default().parse();
    if updated.is_err() || strings(&dataset["note"]).is_none() || !dataset["label"].is_string() {
        return wrong("updated, note or label");
    }
    Ok(())
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// Every value of a dataset by its codes, in the order of `id`.
pub(super) fn cells(dataset: &Value) -> BTreeMap<Vec<String>, Value> {
    let ids = strings(&dataset["id"]).unwrap();
    let codes: Vec<BTreeMap<u64, &String>> = ids
        .iter()
        .map(|id| {
            let index = dataset["dimension"][*id]["category"]["index"].as_object().unwrap();
            index.iter().map(|(code, at)| (at.as_u64().unwrap(), code)).collect()
        })
        .collect();
    let values = dataset["value"].as_array().unwrap();
    let key = |at: usize| {
        let mut rest = at as u64;
        let mut key: Vec<String> = Vec::new();
        for codes in codes.iter().rev() {
            let size = codes.len() as u64;
            key.insert(0, codes[&(rest % size)].clone());
            rest /= size;
        }
        key
    };
    values.iter().enumerate().map(|(at, value)| (key(at), value.clone())).collect()
}

#[test]
fn every_dataset_keeps_to_the_standard_in_both_languages() {
    let city = City::new();
    let release = city.release(2023, 1);
    let figures = key_figures::figures(&release, &city.policy).unwrap();
    let mut hidden = 0;
    for (language, total) in [(Language::No, "i alt"), (Language::En, "total")] {
        let collection = json_stat::collection(&release, &figures, language).unwrap();
        let collection = serde_json::to_value(collection).unwrap();
        assert_eq!((&collection["version"], &collection["class"]), (&"2.0".into(), &"collection".into()));
        let items = collection["link"]["item"].as_array().unwrap();
        assert_eq!(items.len(), 1 + release.tables.len());
        for item in items {
            check(item).unwrap_or_else(|problem| panic!("{}: {problem}", item["label"]));
            assert_eq!(item["extension"]["skjerm"]["release"], release.id.as_str());
            assert!(item["note"][0].as_str().unwrap().starts_with("SYNT"), "it says that it is made up");
            hidden += item["status"].as_object().map_or(0, serde_json::Map::len);
        }
        assert!(items[1]["label"].as_str().unwrap().contains(total), "{}", items[1]["label"]);
        let figure = &items[0]["dimension"]["figure"]["category"];
        assert_eq!(figure["note"]["contact_total"][0], figures[0].definition.get(language));
        assert_eq!(figure["unit"]["patrol_two_staff"]["decimals"], 1);
    }
    assert!(hidden > 0, "some cells are not shown");
}

/// The check of this test finds what the standard forbids.
#[test]
fn the_check_finds_faults() {
    let city = City::new();
    let release = city.release(2023, 1);
    let table = release.tables.iter().find(|table| table.rows.len() > 50).unwrap();
    let whole = serde_json::to_value(json_stat::table(&release, table, Language::En).unwrap()).unwrap();
    check(&whole).unwrap();
    let faults: [fn(&mut Value); 9] = [
        |d| d["version"] = "1.0".into(),
        |d| d["size"][0] = 3.into(),
        |d| drop(d["value"].as_array_mut().unwrap().pop()),
        |d| d["dimension"]["service"]["category"]["index"]["030101"] = 1.into(),
        |d| drop(d["dimension"]["service"]["category"]["label"].as_object_mut().unwrap().remove("030101")),
        |d| d["value"][1] = Value::Null,
        |d| d["status"]["1"] = ":".into(),
        |d| d["role"]["metric"][0] = "Contents".into(),
        |d| d["dimension"]["service"]["category"]["unit"] = serde_json::json!({"030101": {"decimals": 0}}),
    ];
    for (number, fault) in faults.iter().enumerate() {
        let mut broken = whole.clone();
        fault(&mut broken);
        assert!(check(&broken).is_err(), "fault {number}");
    }
}

#[test]
fn a_dimension_by_a_name_of_the_format_is_refused_before_anything_is_spent() {
    for name in ["Tid", "ContentsCode"] {
        let mut workload = City::new().workload;
        json_stat::check_names(&workload).unwrap();
        let column = "gender".to_owned();
        workload
            .dimensions
            .insert(name.to_owned(), Dimension { column, label: None, order: None, groups: Vec::new() });
        let error = json_stat::check_names(&workload).unwrap_err();
        assert!(
            matches!(error, FiguresError::Workload { .. })
                && error.to_string().contains(&format!("\"{name}\"")),
            "{error}"
        );
    }
}
