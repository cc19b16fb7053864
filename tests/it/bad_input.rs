//! Bad input: a clear sentence on what and where, exit code 2 or a line in quarantine, nothing half-written.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{ingest, installation, json};

/// A SOMA-like export with the given lines (SYNTHETIC persons).
fn soma(folder: &Path, lines: &[String]) -> PathBuf {
    let header = "Registreringsnr;Klientnr;Fødselsnummer;Fornavn;Etternavn;Kallenavn;Fødselsdato;Kjønn;Tilhørighet;Hjemkommune;Bydel;Dato;Enhet;Registreringstype;Førstegang;Sted;Vakt;Varighet (min);Tiltak;Henvist til;Saksbehandler;Merknad;Datasett";
    let text = format!("{header}\r\n{}\r\n", lines.join("\r\n"));
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(); // Latin-1 is within Windows-1252
    let path = folder.join("soma_uteseksjonen_2023_SYNTETISK.csv");
    std::fs::write(&path, bytes).unwrap();
    path
}

struct Line {
    number: u32,
    id: &'static str,
    birth: &'static str,
    date: &'static str,
    district: &'static str,
}

impl Line {
    fn good(number: u32) -> Self {
        Self { number, id: "", birth: "14.03.2006", date: "02.05.2023", district: "Frogner" }
    }

    fn text(&self) -> String {
        let Self { number, id, birth, date, district } = self;
        format!(
            "{number};K{number};{id};Testine;Prøvesen;;{birth};Jente;Oslo;Oslo;{district};{date};Uteseksjonen;Kontakt;Ja;Oslo S;Kveld;12,5;;;A B;fritekst;SYNTETISK"
        )
    }
}

fn snapshot(dir: &Path) -> Value {
    json(dir, &["warehouse", "status"]).ok().json()["snapshot"].clone()
}

fn refused(source: &str, name: &str, bytes: Option<&[u8]>) -> String {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    installation(&dir);
    let before = snapshot(&dir);
    let file = folder.path().join(name);
    if let Some(bytes) = bytes {
        std::fs::write(&file, bytes).unwrap();
    }
    let error = ingest(&dir, source, &[file]).error(2);
    assert_eq!(snapshot(&dir), before, "something was written");
    let message = error["message"].as_str().unwrap().to_owned();
    assert!(
        error["hint"].is_string() || message.contains(';') || message.contains(':'),
        "no way out: {error}"
    );
    message
}

#[test]
fn a_missing_file() {
    let message = refused("soma", "soma_borte.csv", None);
    assert!(message.contains("soma_borte.csv"), "{message}");
}

#[test]
fn an_empty_file() {
    let message = refused("soma", "soma_tom.csv", Some(b""));
    assert!(message.contains("soma_tom.csv") && message.contains("empty"), "{message}");
}

#[test]
fn a_wrong_source_name() {
    let message = refused("sommer", "soma.csv", Some(b"a;b\r\n1;2\r\n"));
    assert!(message.contains("sommer") && message.contains("soma"), "{message}");
}

#[test]
fn a_binary_file() {
    let noise: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let message = refused("soma", "soma_bilde.csv", Some(&noise));
    assert!(message.contains("soma_bilde.csv"), "{message}");
    let message = refused("kontakt", "kontakt_bilde.xlsx", Some(&noise));
    assert!(message.contains("kontakt_bilde.xlsx"), "{message}");
}

#[test]
fn a_file_of_another_source() {
    let message =
        refused("soma", "soma_feil.csv", Some("Patruljenr;Dato;Vakt\r\n1;02.05.2023;Dag\r\n".as_bytes()));
    assert!(message.contains("soma_feil.csv") && message.to_lowercase().contains("header"), "{message}");
}

#[test]
fn one_bad_file_among_good_ones_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    installation(&dir);
    let before = snapshot(&dir);
    let good = soma(folder.path(), &[Line::good(1).text()]);
    let error = ingest(&dir, "soma", &[good, folder.path().join("soma_borte.csv")]).error(2);
    assert!(error["message"].as_str().unwrap().contains("soma_borte.csv"), "{error}");
    assert_eq!(snapshot(&dir), before);
}

/// Ingests the lines and gives the report with the text of the quarantine.
fn quarantined(lines: &[String]) -> (Value, String) {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    installation(&dir);
    let file = soma(folder.path(), lines);
    let report = ingest(&dir, "soma", &[file]).ok().json();
    let sum: u64 =
        ["loaded", "replaced", "quarantined"].iter().map(|key| report[key].as_u64().unwrap()).sum();
    assert_eq!(report["read"].as_u64().unwrap(), sum, "{report}");
    let quarantine = crate::support::files_below(&dir.join("quarantine"))
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    (report, quarantine)
}

fn one_bad_line(bad: &Line, column: &str, value: &str) {
    let (report, quarantine) = quarantined(&[Line::good(1).text(), bad.text(), Line::good(3).text()]);
    assert_eq!(report["loaded"], 2, "{report}");
    assert_eq!(report["quarantined"], 1, "{report}");
    // Beside the list stands the report as a page and as JSON, which name columns, too.
    let line = quarantine
        .lines()
        .find(|line| line.contains(column) && line.matches(';').count() > 2)
        .unwrap_or_else(|| panic!("{quarantine}"));
    assert!(
        line.contains("soma_uteseksjonen_2023") && line.contains(";3;"),
        "file or line is missing: {line}"
    );
    assert!(!quarantine.contains(value), "a value stands in the quarantine: {quarantine}");
}

#[test]
fn an_unknown_district() {
    one_bad_line(&Line { district: "Atlantis", ..Line::good(2) }, "Bydel", "Atlantis");
}

#[test]
fn a_birth_date_in_the_future() {
    one_bad_line(&Line { birth: "01.01.2091", ..Line::good(2) }, "Fødselsdato", "2091");
}

#[test]
fn a_wrong_check_digit() {
    one_bad_line(&Line { id: "01810750127", ..Line::good(2) }, "Fødselsnummer", "01810750127");
}

#[test]
fn a_date_that_is_none() {
    one_bad_line(&Line { date: "31.02.2023", ..Line::good(2) }, "Dato", "31.02");
}

#[test]
fn a_csv_cut_in_the_middle() {
    let cut: String = Line::good(3).text().chars().take(40).collect();
    let (report, quarantine) = quarantined(&[Line::good(1).text(), Line::good(2).text(), cut]);
    assert_eq!(report["loaded"], 2, "{report}");
    assert_eq!(report["quarantined"], 1, "{report} {quarantine}");
}

#[test]
fn no_installation_and_no_keys() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("nowhere");
    let file = soma(folder.path(), &[Line::good(1).text()]);
    let error = ingest(&dir, "soma", std::slice::from_ref(&file)).error(2);
    assert!(format!("{error}").contains("skjerm init"), "{error}");
    json(&dir, &["init"]).ok();
    let error = ingest(&dir, "soma", &[file]).error(2);
    assert!(format!("{error}").contains("keys new"), "{error}");
}

#[test]
fn a_policy_with_a_typo() {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    installation(&dir);
    let path = dir.join("policy.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("role = \"measure\"", "role = \"mesure\"");
    std::fs::write(&path, text).unwrap();
    let error = json(&dir, &["budget", "show"]).error(2);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("policy.toml") && message.contains("mesure"), "{message}");
}
