//! The form of the files: names, encodings, headers, numbers, and that they are the same every time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jiff::civil::date;
use skjerm_ingest::identity::{Control, Kind, NationalId, Series};
use skjerm_warehouse::policy::Policy;

use super::read::{csv_table, sheet, utf8, windows_1252};
use super::{Quiet, write};
use crate::registration::{AREAS, MEASURES, REFERRALS, SHIFTS};
use crate::write::{agency, beds, kontakt, patrol, scene, soma};
use crate::{SynthError, SynthOptions, generate, names};

fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap());
    entries.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap())).collect()
}

#[test]
fn the_same_city_is_written_with_the_same_bytes() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    write(folders[0].path(), 300, 2022..=2024, 9);
    write(folders[1].path(), 300, 2022..=2024, 9);
    write(folders[2].path(), 300, 2022..=2024, 10);
    let [first, second, other] = folders.map(|f| bytes(f.path()));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, content) in &first {
        assert!(second[name] == *content, "{name} differs");
        if name.starts_with("soma") || name.starts_with("kontakt") {
            assert!(other[name] != *content, "{name} does not depend on the seed");
        }
    }
}

#[test]
fn every_file_says_that_it_is_synthetic() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(folder.path(), 200, 2019..=2025, 1);
    let on_disk = bytes(folder.path());
    // 9 + 7 services, beds, patrols and 4 agencies a year; 9 campaigns.
    assert_eq!(summary.files.len(), 7 * (16 + 1 + 1 + 4) + 9);
    assert_eq!(on_disk.len(), summary.files.len() + 2);
    assert!(on_disk.keys().all(|name| name.contains("SYNTETISK") || name == "LESMEG.txt"));
    assert!(String::from_utf8_lossy(&on_disk["LESMEG.txt"]).contains("SYNTHETIC"));
    let mut rows = 0;
    for (source, path) in &summary.files {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(source.as_str()));
        let table = match source.as_str() {
            "kontakt" => sheet(path),
            "soma" | "patrol" => windows_1252(path),
            "agency" => utf8(path, b','),
            _ => utf8(path, b';'),
        };
        rows += table.len() as u64;
        if source != "kontakt" {
            let mark = if source == "agency" { "datasett" } else { "Datasett" };
            assert!(table.rows().all(|at| at(mark) == "SYNTETISK"), "{name}");
        }
    }
    assert_eq!(rows, summary.rows);
}

#[test]
fn headers_and_encodings_are_those_of_the_sources() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 200, 2024..=2024, 1);
    let files = bytes(folder.path());
    let windows = |name: &str| {
        let content = &files[name];
        assert!(std::str::from_utf8(content).is_err(), "{name} is UTF-8");
        encoding_rs::WINDOWS_1252.decode(content).0.into_owned()
    };
    let ute = windows("soma_uteseksjonen_2024_SYNTETISK.csv");
    assert_eq!(ute.lines().next(), Some(soma::HEADER));
    assert!(ute.matches('\n').count() == ute.matches("\r\n").count());
    assert_eq!(
        soma::HEADER,
        "Registreringsnr;Klientnr;Fødselsnummer;Fornavn;Etternavn;Kallenavn;Fødselsdato;Kjønn;Tilhørighet;Hjemkommune;Bydel;\
         Dato;Enhet;Registreringstype;Førstegang;Sted;Vakt;Varighet (min);Tiltak;Henvist til;Saksbehandler;Merknad;Datasett"
    );
    assert_eq!(windows("patrol_2024_SYNTETISK.csv").lines().next(), Some(patrol::HEADER));
    let bed_file = &files["beds_2024_SYNTETISK.csv"];
    assert!(bed_file.starts_with(&[0xEF, 0xBB, 0xBF]));
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    assert_eq!(
        text("beds_2024_SYNTETISK.csv").trim_start_matches('\u{feff}').lines().next(),
        Some(beds::HEADER)
    );
    assert_eq!(text("agency_politi_2024_SYNTETISK.csv").lines().next(), Some(agency::HEADER));
    assert_eq!(text("scene_2024-winter_SYNTETISK.csv").lines().next(), Some(scene::HEADER));

    let mut book: calamine::Xlsx<_> =
        calamine::open_workbook(folder.path().join("kontakt_030109_2024_SYNTETISK.xlsx")).unwrap();
    let range = calamine::Reader::worksheet_range(&mut book, kontakt::SHEET).unwrap();
    let cell = |row: u32, column: u32| range.get_value((row, column)).unwrap().to_string();
    assert_eq!(cell(0, 0), kontakt::TITLE);
    assert!((0_u32..).zip(kontakt::HEADER).all(|(c, header)| cell(1, c) == header));
    assert!(matches!(range.get_value((2, 9)), Some(calamine::Data::DateTime(_))));
}

#[test]
fn numbers_are_synthetic_valid_and_agree_with_the_birth_date() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(folder.path(), 600, 2023..=2023, 1);
    let (mut lost_zero, mut full, mut none, mut nicknames) = (0, 0, 0, 0);
    for (_, path) in summary.files.iter().filter(|(source, _)| source == "soma") {
        for at in windows_1252(path).rows() {
            let (number, birth) = (at("Fødselsnummer"), at("Fødselsdato"));
            if number.is_empty() {
                none += 1;
                let only_nickname = at("Fornavn").is_empty();
                assert_eq!(only_nickname, at("Etternavn").is_empty());
                assert_eq!(only_nickname, birth.is_empty());
                if only_nickname {
                    nicknames += 1;
                    assert!(!at("Kallenavn").is_empty() && !at("Klientnr").is_empty());
                }
                continue;
            }
            full += 1;
            lost_zero += usize::from(number.len() == 10);
            let id = NationalId::parse(&number).unwrap();
            assert_eq!(id.series(), Series::Skatteetaten);
            assert_eq!(id.control(), Control::Current);
            let digits: Vec<u32> = id.to_text().chars().map(|c| c.to_digit(10).unwrap()).collect();
            let day = digits[0] * 10 + digits[1] - if id.kind() == Kind::D { 40 } else { 0 };
            let month = digits[2] * 10 + digits[3] - 80;
            assert_eq!(birth, format!("{day:02}.{month:02}.{}", &birth[6..]));
            assert_eq!(birth[8..], format!("{}{}", digits[4], digits[5]));
        }
    }
    assert!(lost_zero > 0 && full > 3 * none && nicknames > 0, "{lost_zero} {full} {none} {nicknames}");
}

#[test]
fn names_are_distinctive_and_can_be_written() {
    let policy = Policy::oslo();
    let mut public = String::new();
    for list in policy.codes.values() {
        for code in &list.codes {
            public.push_str(&format!("{} {} {}\n", code.code, code.no, code.en));
        }
    }
    let public = public.to_lowercase();
    let mut seen = BTreeSet::new();
    for name in names::WOMEN.iter().chain(&names::MEN).chain(&names::LAST).chain(&names::NICKNAMES) {
        assert!(name.chars().count() >= 5, "{name} is too short to be searched for");
        assert!(!public.contains(&name.to_lowercase()), "{name} is part of a public word");
        assert!(!encoding_rs::WINDOWS_1252.encode(name).2, "{name} cannot be written");
        assert!(seen.insert(name), "{name} is there twice");
    }
}

#[test]
fn words_are_those_of_the_policy() {
    let policy = Policy::oslo();
    let known = |list: &str, word: &str| {
        let codes = &policy.code_list(list).unwrap().codes;
        assert!(codes.iter().any(|c| c.no.to_lowercase() == word.to_lowercase()), "{list}: {word}");
    };
    AREAS.iter().filter(|w| !w.is_empty()).for_each(|w| known("area", w));
    SHIFTS.iter().filter(|w| !w.is_empty()).for_each(|w| known("shift", w));
    MEASURES.iter().for_each(|w| known("measure_kind", w));
    REFERRALS.iter().for_each(|w| known("referral_to", w));
    beds::UNITS.iter().for_each(|(w, _)| known("bed_unit", w));
    scene::AGES.iter().for_each(|w| known("scene_age", w));
    for campaign in &scene::CAMPAIGNS {
        known("campaign", campaign.label);
        assert!(policy.code_list("campaign").unwrap().contains(campaign.code));
    }
    let campaigns =
        policy.code_list("campaign").unwrap().codes.iter().filter(|c| c.code != "unknown").count();
    assert_eq!(campaigns, scene::CAMPAIGNS.len());
}

#[test]
fn the_list_of_identifiers_holds_everything_that_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(folder.path(), 150, 2023..=2024, 3);
    let text = fs::read_to_string(folder.path().join("SYNTETISK_identifikatorer.csv")).unwrap();
    let listed: BTreeSet<String> = csv_table(&text, b',').rows().map(|at| at("verdi")).collect();
    let has =
        |value: &str| assert!(value.is_empty() || listed.contains(value), "something written is not listed");
    for (source, path) in &summary.files {
        match source.as_str() {
            "soma" => {
                for at in windows_1252(path).rows() {
                    for column in ["Klientnr", "Fødselsnummer", "Fornavn", "Etternavn", "Kallenavn"] {
                        has(&at(column));
                    }
                    has(format!("{} {}", at("Fornavn"), at("Etternavn")).trim());
                }
            }
            "kontakt" => sheet(path).rows().for_each(|at| {
                has(&at("Person-ID"));
                has(&at("Fnr"));
            }),
            "agency" => utf8(path, b',').rows().for_each(|at| {
                has(&at("fnr"));
                has(&at("fornavn"));
                has(&at("etternavn"));
            }),
            _ => {}
        }
    }
    assert!(summary.files.iter().all(|(_, path)| !path.ends_with("SYNTETISK_identifikatorer.csv")));
}

#[test]
fn what_cannot_be_made_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("city");
    let ask = |persons, years| generate(&SynthOptions { out: out.clone(), persons, years, seed: 1 }, &Quiet);
    assert!(matches!(ask(0, 2019..=2020), Err(SynthError::NoPersons)));
    assert!(matches!(ask(5_000_000, 2019..=2020), Err(SynthError::TooManyPersons { .. })));
    assert!(matches!(ask(10, 2018..=2020), Err(SynthError::Years { from: 2019, .. })));
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = ask(10, 2023..=2020);
    assert!(matches!(backwards, Err(SynthError::Years { .. })));
    assert!(!out.exists());
    fs::write(&out, "a file where the folder should be").unwrap();
    assert!(matches!(ask(10, 2023..=2023), Err(SynthError::Write { .. })));
}

#[test]
fn a_birth_date_is_never_in_the_future() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(folder.path(), 300, 2019..=2019, 1);
    for (_, path) in summary.files.iter().filter(|(source, _)| source == "agency") {
        for at in utf8(path, b',').rows() {
            let birth: jiff::civil::Date = at("fodselsdato").parse().unwrap();
            assert!(birth < date(2010, 1, 1) && birth > date(1940, 1, 1));
        }
    }
}
