//! Imported figures are kept whole, and win over those that come with the program.

use std::fs;

use super::*;

fn shipped(district: &str, year: i32) -> Option<u64> {
    Reference::shipped().expect("shipped").residents(district, year, &YOUTH_BANDS)
}

/// Residents of one district in one year, by bands.
fn table(district: &str, year: i32, young: u64) -> String {
    format!(
        "region;alder;{year}\n{district};0-12 år;10\n{district};13-15 år;{young}\n{district};16-17 år;1\n{district};18-19 år;1\n{district};20-24 år;1\n"
    )
}

#[test]
fn imported_figures_win_by_district_and_year() {
    let place = Place::new();
    let before = place.reference();
    assert_eq!(before.sources().len(), 1);
    let report = place.import("ny.csv", table("030101", 2027, 700).as_bytes()).expect("a table");
    assert_eq!((report.compared.new, report.compared.different, &report.compared.first), (5, 0, &None));
    assert_eq!(report.unknown, ["18-22", "23-24", "25+"]);
    assert_eq!(before.residents("030101", 2027, &YOUTH_BANDS), None);
    assert_eq!(place.reference().residents("030101", 2027, &YOUTH_BANDS), Some(703));
    // One that the program has: the difference is said, and the rest stays.
    let report = place.import("rettet.csv", table("030101", 2025, 5).as_bytes()).expect("a table");
    let first = report.compared.first.expect("a difference");
    assert_eq!(
        (report.compared.different, first.district.as_str(), first.year, first.band),
        (5, "030101", 2025, "0-12")
    );
    assert_eq!(
        (first.shipped, first.imported),
        (before.residents("030101", 2025, &["0-12"]).expect("known"), 10)
    );
    let reference = place.reference();
    assert_eq!(reference.residents("030101", 2025, &YOUTH_BANDS), Some(8));
    assert_eq!(
        reference.residents("030101", 2025, &["25+"]),
        None,
        "not given, and not mixed with another source"
    );
    assert_eq!(reference.residents("030101", 2024, &YOUTH_BANDS), shipped("030101", 2024));
    assert_eq!(reference.residents("030102", 2025, &YOUTH_BANDS), shipped("030102", 2025));
    let listed = reference.sources();
    let files: Vec<(&str, &[i32])> = listed[1..].iter().map(|l| (l.file.as_str(), &l.years[..])).collect();
    assert!(
        files.contains(&("ny.csv", &[2027])) && files.contains(&("rettet.csv", &[2025])) && files.len() == 2,
        "{files:?}"
    );
    // The warehouse uses them.
    let warehouse =
        crate::Warehouse::open(&place.installation, std::sync::Arc::new(Policy::oslo())).expect("one");
    assert_eq!(warehouse.reference().residents("030101", 2027, &YOUTH_BANDS), Some(703));
}

#[test]
fn a_source_that_is_replaced_altogether_is_gone() {
    let place = Place::new();
    place.import("a.csv", table("030101", 2027, 1).as_bytes()).expect("a table");
    place.import("b.csv", table("030101", 2027, 2).as_bytes()).expect("a table");
    let listed = place.reference().sources();
    assert_eq!(
        listed.iter().map(|l| l.file.as_str()).collect::<Vec<_>>(),
        ["population.csv, with the program", "b.csv"]
    );
    assert_eq!(listed[1].hash, blake3::hash(table("030101", 2027, 2).as_bytes()).to_hex().to_string());
    assert_eq!(place.reference().residents("030101", 2027, &["13-15"]), Some(2));
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::new();
    let file = place.file("ny.csv", table("030101", 2027, 700).as_bytes());
    let report = import(&place.installation, &place.districts, &file, true).expect("a table");
    assert_eq!(report.years, [2027]);
    assert!(!place.installation.reference_dir().exists());
    assert_eq!(place.reference().residents("030101", 2027, &YOUTH_BANDS), None);
}

#[test]
fn figures_that_were_changed_on_disk_are_refused() {
    let place = Place::new();
    place.import("ny.csv", table("030101", 2027, 700).as_bytes()).expect("a table");
    let path = place.installation.reference_dir().join("population.json");
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.contains(": 700"));
    for damaged in
        [text.replace(": 700", ": 701"), text.replace("ny.csv", "my.csv"), text[..text.len() / 2].to_owned()]
    {
        fs::write(&path, damaged).expect("a file");
        let error = Reference::of(&place.installation).expect_err("damaged").to_string();
        assert!(
            error.contains("population.json is not as `skjerm warehouse reference import` wrote it"),
            "{error}"
        );
        assert!(
            place.import("b.csv", table("030102", 2027, 1).as_bytes()).is_err(),
            "nothing is built on it"
        );
    }
    fs::write(&path, text).expect("a file");
    // What an import that was stopped left behind does not hinder the next.
    fs::write(place.installation.reference_dir().join(".unfinished/rest"), "x").expect("a file");
    place.import("b.csv", table("030102", 2027, 1).as_bytes()).expect("a table");
    assert_eq!(place.reference().residents("030101", 2027, &["13-15"]), Some(700));
    assert_eq!(place.reference().residents("030102", 2027, &["13-15"]), Some(1));
}

/// Imports at the same time all stay.
#[test]
fn imports_at_once_lose_nothing() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for n in 1..=8 {
            let place = &place;
            scope.spawn(move || {
                let text = table(&format!("0301{n:02}"), 2027, n);
                place.import(&format!("{n}.csv"), text.as_bytes()).expect("a table");
            });
        }
    });
    for n in 1..=8 {
        assert_eq!(place.reference().residents(&format!("0301{n:02}"), 2027, &["13-15"]), Some(n));
    }
}
