//! The steward's work on the warehouse: persons taken out and proven, years dropped, everything looked over.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{binary, files_below, fresh_book, ingest, installation, json, skjerm};

/// An identity number of the synthetic series.
pub(crate) const NUMBER: &str = "01810750126";

/// Contacts of four made-up persons: known by number, by name, by client number, and one who stays.
pub(crate) fn soma(folder: &Path) -> PathBuf {
    let header = "Registreringsnr;Klientnr;Fødselsnummer;Fornavn;Etternavn;Fødselsdato;Kjønn;Dato;Enhet;Registreringstype";
    let lines = [
        format!("1;K1;{NUMBER};Testine;Prøvesen;01.01.2007;Jente;02.05.2023;Uteseksjonen;Kontakt"),
        format!("2;K1;{NUMBER};Testine;Prøvesen;01.01.2007;Jente;03.05.2022;Uteseksjonen;Oppfølging"),
        "3;K1;;Testine;Prøvesen;01.01.2007;Jente;04.05.2023;Uteseksjonen;Kontakt".to_owned(),
        "4;K1;;;;;Jente;05.05.2023;Uteseksjonen;Kontakt".to_owned(),
        "5;K2;;Ola;Etterpåsen;01.02.2006;Gutt;05.05.2023;Uteseksjonen;Kontakt".to_owned(),
    ];
    let path = folder.join("soma_SYNTETISK.csv");
    std::fs::write(&path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    path
}

pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) dir: PathBuf,
}

pub(crate) fn house() -> House {
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    installation(&dir);
    let loaded = ingest(&dir, "soma", &[soma(folder.path())]).ok().json();
    assert_eq!(loaded["loaded"], 5, "{loaded}");
    House { folder, dir }
}

impl House {
    pub(crate) fn list(&self, text: &str) -> String {
        let path = self.folder.path().join("liste.csv");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn history(&self, kind: &str) -> Vec<Value> {
        let found = json(&self.dir, &["budget", "history", "--kind", kind]).ok().json();
        found["entries"].as_array().unwrap().clone()
    }
}

pub(crate) const WHOLE: &str = "Fødselsnummer;Fornavn;Etternavn;Fødselsdato;Kilde;Klientnr\n01810750126;Testine;Prøvesen;01.01.2007;soma;K1\n";

#[test]
fn a_person_known_in_three_ways_is_taken_out_of_every_table_and_the_book_says_so() {
    let house = house();
    let list = house.list(WHOLE);
    let arguments = ["warehouse", "erase", &list, "--reason", "sletting etter krav, sak 7"];
    let done = json(&house.dir, &arguments).ok().json();
    assert_eq!((&done["persons"], &done["found"]), (&1.into(), &1.into()), "{done}");
    assert_eq!(done["tables"]["contact"]["rows"], 3);
    assert_eq!(done["tables"]["follow_up"]["rows"], 1);
    // By number in 2022 and 2023, which the client number was linked to, and by name in 2023.
    assert_eq!(done["tables"]["person_year"]["rows"], 3);
    assert_eq!(done["proof"]["found"], serde_json::json!([]));
    // Of number, name and client number both layers, and of the client number that of before it was linked.
    assert_eq!(done["proof"]["pseudonyms"], 7);
    let files = files_below(&house.dir).len() as u64;
    assert!(done["proof"]["files"].as_u64().unwrap().abs_diff(files) < 8, "{files} {done}");
    // What is there is sound, and what is left is the other one's.
    let check = json(&house.dir, &["warehouse", "check"]).ok().json();
    assert_eq!((&check["rows"], &check["orphans"]), (&2.into(), &serde_json::json!([])), "{check}");
    assert_eq!(check["risk"][0]["persons"], 1);

    let entries = house.history("erasure");
    let [begun, ended] = &entries[..] else { panic!("{entries:?}") };
    assert!(begun["what"].as_str().unwrap().contains("begun"), "{begun}");
    assert!(ended["what"].as_str().unwrap().contains("proven"), "{ended}");
    assert_eq!(ended["reason"], "sletting etter krav, sak 7");
    let text = format!("{begun}{ended}");
    for secret in [NUMBER, "Testine", "K1"] {
        assert!(!text.contains(secret), "{text}");
    }
    json(&house.dir, &["budget", "verify"]).ok();

    // A second time there is nobody; and the source still has the person, who comes back with its next delivery.
    let again = json(&house.dir, &arguments).ok().json();
    assert_eq!((&again["found"], &again["snapshot_before"]), (&0.into(), &again["snapshot_after"]));
    assert_eq!(
        again["missing_lines"],
        serde_json::json!([2]),
        "who was not there is said by the line of the list"
    );
    let back = ingest(&house.dir, "soma", &[house.folder.path().join("soma_SYNTETISK.csv")]).ok().json();
    assert_eq!(back["loaded"], 4, "{back}");
}

#[test]
fn the_list_comes_from_a_file_or_standard_input_and_what_is_outside_is_said() {
    let house = house();
    let mut child = Command::new(binary())
        .arg("--dir")
        .arg(&house.dir)
        .args(["warehouse", "erase", "-", "--reason", "krav"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all("Source,Client number\nsoma,k2\n".as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    // K2 is known by name in the delivery: the client number alone does not find that.
    assert!(text.contains("1 persons on the list, 0 of them found"), "{text}");
    for said in ["found 0", "answers and releases given out before", "backups", "next delivery", "Quarantine"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn a_broken_list_a_stranger_and_other_keys_change_nothing() {
    let house = house();
    let status = || json(&house.dir, &["warehouse", "status"]).ok().json();
    let before = status();
    let erase = |list: &str, analyst: &str| {
        json(&house.dir, &["warehouse", "erase", list, "--reason", "krav", "--as", analyst])
    };
    let broken = house.list("Fnr;Navn;Fødselsdato\n01810750126;;\n01810750127;Hemmelig Person;\n");
    let error = erase(&broken, "steward").error(2);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("line 3") && message.contains("nobody was taken out"), "{error}");
    assert!(!error.to_string().contains("Hemmelig") && !error.to_string().contains("0181075012"), "{error}");
    assert!(erase("borte.csv", "steward").error(2)["message"].as_str().unwrap().contains("borte.csv"));
    let good = house.list(WHOLE);
    erase(&good, "researcher").error(4);
    erase(&good, "nobody").error(4);
    json(&house.dir, &["warehouse", "check", "--as", "researcher"]).error(4);
    json(&house.dir, &["warehouse", "retain", "--reason", "x", "--as", "planner"]).error(4);
    // Another linking key would find nobody, and call it done.
    for key in ["linking.key", "warehouse.key"] {
        std::fs::rename(house.dir.join("keys").join(key), house.folder.path().join(key)).unwrap();
    }
    json(&house.dir, &["keys", "new"]).ok();
    let error = erase(&good, "steward").error(2);
    assert!(error["message"].as_str().unwrap().contains("linking key"), "{error}");
    assert_eq!(status(), before);
    assert!(house.history("erasure").is_empty());
}

#[test]
fn a_file_that_still_holds_the_person_is_named() {
    let house = house();
    let list = house.list(WHOLE);
    // A copy of a data file in the installation: its pages are compressed, and its person column is not, in a file of
    // a few rows; the hexadecimal digits are how a note would hold it.
    let first = json(&house.dir, &["warehouse", "erase", &list, "--reason", "krav"]).ok().json();
    assert_eq!(first["proof"]["found"], serde_json::json!([]));
    let copy = house.dir.join("releases").join("kopi");
    let loaded = ingest(&house.dir, "soma", &[house.folder.path().join("soma_SYNTETISK.csv")]).ok();
    assert_eq!(loaded.json()["loaded"], 4);
    let data: Vec<PathBuf> = files_below(&house.dir.join("warehouse/contact"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "parquet"))
        .collect();
    let all: Vec<u8> = data.iter().flat_map(|path| std::fs::read(path).unwrap()).collect();
    std::fs::write(&copy, all).unwrap();
    let failed = json(&house.dir, &["warehouse", "erase", &list, "--reason", "krav"]);
    let document = failed.json();
    let error = failed.error(1);
    assert!(error["message"].as_str().unwrap().contains("kopi"), "{error}");
    assert_eq!(document["erasure"]["found"], 1);
    let noted = house.history("erasure").pop().unwrap();
    assert!(noted["what"].as_str().unwrap().contains("NOT proven"), "{noted}");
}

#[test]
fn years_past_their_time_are_dropped_and_noted() {
    let house = house();
    let dry = json(&house.dir, &["warehouse", "retain", "--reason", "rutine", "--dry-run"]).ok().json();
    assert_eq!(dry["tables"], serde_json::json!({}), "{dry}");
    let year: i32 = dry["today"].as_str().unwrap()[..4].parse().unwrap();
    // Kept for as long as 2022 is past, and no longer: of 2022 and 2023, 2022 goes.
    let policy = house.dir.join("policy.toml");
    let text = std::fs::read_to_string(&policy).unwrap();
    let years = format!("retention_years = {}", year - 2023);
    std::fs::write(&policy, text.replace("retention_years = 10", &years)).unwrap();
    let arguments = ["warehouse", "retain", "--reason", "rutine"];
    let done = json(&house.dir, &arguments).ok().json();
    assert_eq!(done["tables"]["follow_up"]["years"], serde_json::json!([2022]), "{done}");
    assert_eq!(done["tables"]["person_year"]["rows"], 1);
    assert_eq!(house.history("retention").len(), 2);
    // As one that was cut short leaves it: a file of a dropped year that nothing names any more.
    let left = house.dir.join(format!("warehouse/contact/year=2022/part-00-{}.parquet", "0".repeat(32)));
    std::fs::create_dir_all(left.parent().unwrap()).unwrap();
    std::fs::write(&left, "").unwrap();
    let again = json(&house.dir, &arguments).ok().json();
    assert_eq!(again["tables"], serde_json::json!({}));
    assert!(!left.exists());
    assert_eq!(house.history("retention").len(), 2, "nothing was dropped, so nothing is noted");
    // What is past its time does not come back.
    let back = ingest(&house.dir, "soma", &[house.folder.path().join("soma_SYNTETISK.csv")]).ok().json();
    assert_eq!(back["deliveries"][0]["reasons"], serde_json::json!({"past_retention": 1}), "{back}");
    json(&house.dir, &["warehouse", "check"]).ok();
    // To keep rows for longer is to promise less.
    std::fs::write(&policy, text).unwrap();
    let error = json(&house.dir, &arguments).error(2);
    assert!(error["message"].as_str().unwrap().contains("kept for longer than"), "{error}");
}

#[test]
fn a_policy_with_another_column_of_person_years_is_decided_on_and_then_derived() {
    let house = house();
    let policy = house.dir.join("policy.toml");
    let text = std::fs::read_to_string(&policy).unwrap();
    let line = "  { name = \"services_used\", role = \"dimension\", codes = \"services_used\" },\n";
    assert!(text.contains(line));
    let question =
        "select services_used, count(*) n from person_year where year = 2023 group by services_used";
    let derive = || json(&house.dir, &["warehouse", "derive"]);
    // A column less is no less a promise, and the files are those of before.
    std::fs::write(&policy, text.replace(line, "")).unwrap();
    let error = json(&house.dir, &["warehouse", "status"]).error(1);
    assert!(error["message"].as_str().unwrap().contains("skjerm warehouse derive"), "{error}");
    let done = derive().ok().json();
    assert_eq!(done["tables"]["person_year"]["changed"], serde_json::json!([]), "{done}");
    json(&house.dir, &["query", question]).error(2);
    // A column more says more about persons: nothing is derived before somebody has decided.
    std::fs::write(&policy, &text).unwrap();
    let error = derive().error(2);
    assert!(error["message"].as_str().unwrap().contains("more about persons: services_used"), "{error}");
    json(&house.dir, &["warehouse", "policy", "--accept", "--reason", "vedtak"]).ok();
    let error = json(&house.dir, &["warehouse", "derive", "--as", "researcher"]).error(4);
    assert!(error["message"].as_str().unwrap().contains("steward"), "{error}");
    let done = derive().ok().json();
    assert_ne!(done["snapshot_before"], done["snapshot_after"]);
    assert_eq!(derive().ok().json()["tables"], serde_json::json!({}), "once is enough");
    json(&house.dir, &["warehouse", "check"]).ok();
    let answer = json(&house.dir, &["query", question]).ok().json();
    assert_eq!(answer["rows"].as_array().unwrap().len(), 5, "{answer}");
}

#[test]
fn a_damaged_city_is_reported_to_the_end_with_exit_code_1() {
    let book = fresh_book();
    let sound = json(book.path(), &["warehouse", "check"]).ok().json();
    let wanted = ["snapshot", "files", "bytes", "rows", "damage", "outside", "orphans", "foreign", "risk"];
    assert_eq!(sound.as_object().unwrap().keys().collect::<Vec<_>>(), wanted);
    assert!(sound["rows"].as_u64().unwrap() > 10_000 && sound["risk"].as_array().unwrap().len() == 2);
    let removed = json(book.path(), &["warehouse", "compact"]).ok().json();
    assert!(
        removed["files"].as_u64().unwrap() > 0,
        "six loads made each other's person_year anew: {removed}"
    );
    let again = json(book.path(), &["warehouse", "compact"]).ok().json();
    assert_eq!(again, serde_json::json!({"files": 0, "bytes": 0, "leftovers": 0, "folders": 0}));
    let compacted = json(book.path(), &["warehouse", "check"]).ok().json();
    assert_eq!((&compacted["snapshot"], &compacted["orphans"]), (&sound["snapshot"], &serde_json::json!([])));
    let file = files_below(&book.path().join("warehouse/contact"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "parquet"))
        .unwrap();
    std::fs::write(&file, b"PAR1").unwrap();
    let damaged = json(book.path(), &["warehouse", "check"]);
    assert_eq!(damaged.json()["check"]["damage"].as_array().unwrap().len(), 1);
    assert!(damaged.error(1)["message"].as_str().unwrap().contains("1 place"));
    let text = skjerm(book.path(), &["warehouse", "check"]);
    assert_eq!(text.code, 1);
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert!(text.out.contains(&name) && text.err.contains("not for publication"), "{}", text.out);
}
