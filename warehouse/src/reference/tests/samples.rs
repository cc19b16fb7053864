//! What the samples say is what the published figures say.

use serde_json::{Value, json};

use super::*;

#[test]
fn every_sample_gives_the_published_figures_to_the_last_resident() {
    let bands = ["0-12", "13-15", "16-17", "18-19", "20-24", "25+"];
    for (name, districts, years, form, updated) in [
        ("ssb_10826_ages.json", 3, 2, "json-stat2", Some("2025-02-25T07:00:00Z")),
        ("ssb_10826_groups.json", 19, 1, "json-stat2", Some("2025-02-25T07:00:00Z")),
        ("ssb_10826.csv", 2, 2, "csv", None),
        ("oslo_folkemengde.csv", 3, 2, "csv", Some("20250303 08:00")),
    ] {
        let place = Place::new();
        let report = place.import(name, sample(name)).expect(name);
        let single_ages = matches!(name, "ssb_10826_ages.json" | "ssb_10826.csv");
        assert_eq!((report.districts.len(), report.years.len()), (districts, years), "{name}");
        assert_eq!(
            (report.source.form.as_str(), report.source.updated.as_deref()),
            (form, updated),
            "{name}"
        );
        assert_eq!(report.bands.len(), if single_ages { 8 } else { 6 }, "{name}: {:?}", report.bands);
        assert_eq!(report.compared.different, 0, "{name}: {:?}", report.compared);
        // The unregistered are no district of the shipped figures.
        let shipped_too = report.districts.iter().filter(|code| *code != "030199").count();
        assert_eq!(report.compared.same, shipped_too * years * bands.len(), "{name}");
        let (reference, shipped) = (place.reference(), Reference::shipped().expect("shipped"));
        for district in report.districts.iter().filter(|code| *code != "030199") {
            for year in &report.years {
                for band in bands {
                    let [here, there] = [&reference, &shipped].map(|r| r.residents(district, *year, &[band]));
                    assert!(here.is_some() && here == there, "{name}: {district} {year} {band}");
                }
                // The policy's bands, where ages are one by one.
                let of = |bands: &[&str]| reference.residents(district, *year, bands);
                let adults = of(&["18-22", "23-24"]);
                assert_eq!(adults, of(&["18-19", "20-24"]).filter(|_| single_ages), "{name}");
            }
        }
    }
}

/// The whole shipped table as JSON-stat, with the dimensions in another order: every figure comes back.
#[test]
fn the_whole_table_comes_back() {
    let shipped = Reference::shipped().expect("shipped");
    let bands = ["0-12", "13-15", "16-17", "18-19", "20-24", "25+"];
    let districts: Vec<String> = (1..=17).map(|n| format!("0301{n:02}")).chain(["0301".to_owned()]).collect();
    let years: Vec<i32> = (2005..=2026).collect();
    let mut values = Vec::new();
    for year in &years {
        for band in bands {
            for district in &districts {
                values.push(shipped.residents(district, *year, &[band]).expect("a figure"));
            }
        }
    }
    let index = |codes: Vec<String>| json!({"category": {"index": codes}});
    let document = json!({
        "version": "2.0", "class": "dataset", "id": ["Tid", "Alder", "Region"],
        "size": [years.len(), bands.len(), districts.len()],
        "dimension": {
            "Tid": index(years.iter().map(i32::to_string).collect()),
            "Alder": index(bands.map(str::to_owned).to_vec()),
            "Region": index(districts),
        },
        "value": values,
    });
    let place = Place::new();
    let report = place.import("all.json", document.to_string().as_bytes()).expect("the table");
    assert_eq!((report.compared.same, report.compared.different, report.compared.new), (2376, 0, 0));
    assert!(place.reference().population().eq(shipped.population()));
}

#[test]
fn the_same_table_in_other_forms_says_the_same() {
    let place = Place::new();
    place.import("ssb_10826.csv", sample("ssb_10826.csv")).expect("a sample");
    let wanted: Vec<_> = place.reference().population().map(|(d, y, b, n)| (d.to_owned(), y, b, n)).collect();
    let text = encoding_rs::WINDOWS_1252.decode(sample("ssb_10826.csv")).0.into_owned();
    let lines: Vec<&str> = text.lines().collect();
    // A row an age and year, and one a district with a heading an age and year.
    let (mut long, mut wide) = ("region,alder,tid,10826\n".to_owned(), String::from("region"));
    let cells =
        |line: &str| line.split(';').map(|cell| cell.trim_matches('"').to_owned()).collect::<Vec<_>>();
    for line in &lines[3..109] {
        let age = cells(line)[1].clone();
        wide.extend([";2024 ", &age, ";Personer 2025 ", &age]);
    }
    for (at, line) in lines[3..].iter().enumerate() {
        let cells = cells(line);
        let rows = format!("{0},{1},2024,{2}\n{0},{1},2025,{3}\n", cells[0], cells[1], cells[2], cells[3]);
        long.push_str(&rows);
        if at % 106 == 0 {
            wide.extend(["\n", &cells[0]]);
        }
        wide.extend([";", &cells[2], ";", &cells[3]]);
    }
    let tabs = text.replace(';', "\t");
    for (name, text) in [("long", long), ("wide", wide + "\n"), ("tabs", tabs)] {
        let place = Place::new();
        place.import(name, text.as_bytes()).expect(name);
        let reference = place.reference();
        let found = reference.population().map(|(d, y, b, n)| (d.to_owned(), y, b, n));
        assert!(found.eq(wanted.iter().cloned()), "{name}");
    }
}

/// An array with `null`s and an object without them mean the same.
#[test]
fn sparse_and_dense_values_say_the_same() {
    let mut document: Value = serde_json::from_slice(sample("ssb_10826_groups.json")).expect("JSON");
    let dense: Vec<Value> = document["value"].as_object().expect("sparse").values().cloned().collect();
    document["value"] = dense.into();
    let place = Place::new();
    let report = place.import("dense.json", document.to_string().as_bytes()).expect("a table");
    assert_eq!((report.compared.same, report.compared.different), (108, 0));
}
