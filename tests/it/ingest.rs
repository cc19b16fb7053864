//! Every row is accounted for, and re-sent deliveries change nothing.

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{SOURCES, city, files_of, fresh_book, ingest, json};

#[test]
fn read_is_loaded_replaced_and_quarantined() {
    for (source, report) in &city().reports {
        let number = |value: &serde_json::Value, key: &str| value[key].as_u64().unwrap();
        assert!(number(report, "read") > 0, "{source}");
        assert_eq!(number(report, "quarantined"), 0, "the synthetic city is clean: {report}");
        for value in std::iter::once(report).chain(report["deliveries"].as_array().unwrap()) {
            let sum = number(value, "loaded") + number(value, "replaced") + number(value, "quarantined");
            assert_eq!(number(value, "read"), sum, "{source}: {value}");
        }
    }
}

#[test]
fn the_same_delivery_twice_changes_nothing() {
    let copy = fresh_book();
    let before = json(copy.path(), &["warehouse", "status"]).ok().json();
    for source in SOURCES {
        let report = ingest(copy.path(), source, &files_of(&city().exports, source)).ok().json();
        assert_eq!(report["loaded"], 0, "{source}: {report}");
        assert_eq!(report["read"], report["replaced"], "{source}: {report}");
    }
    assert_eq!(json(copy.path(), &["warehouse", "status"]).ok().json(), before);
}

#[test]
fn other_keys_are_refused_once_the_warehouse_is_written() {
    let copy = fresh_book();
    let before = json(copy.path(), &["warehouse", "status"]).ok().json();
    let files = files_of(&city().exports, "beds");
    let keys = copy.path().join("keys");
    let (linking, warehouse) = (keys.join("linking.key"), keys.join("warehouse.key"));

    std::fs::copy(&warehouse, &linking).unwrap();
    let error = ingest(copy.path(), "beds", &files).error(2);
    assert!(error["message"].as_str().unwrap().contains("the same"), "{error}");

    std::fs::remove_file(&linking).unwrap();
    std::fs::remove_file(&warehouse).unwrap();
    json(copy.path(), &["keys", "new"]).ok();
    let error = ingest(copy.path(), "beds", &files).error(2);
    assert!(error["message"].as_str().unwrap().contains("second pseudonym"), "{error}");
    assert_eq!(json(copy.path(), &["warehouse", "status"]).ok().json(), before);
}

#[test]
fn a_number_in_a_file_name_is_not_kept() {
    let copy = fresh_book();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("beds 018107 50126.csv");
    std::fs::copy(&files_of(&city().exports, "beds")[0], &file).unwrap();
    let report = ingest(copy.path(), "beds", &[file]).ok().json();
    assert_eq!(report["deliveries"][0]["file"], "beds #########.csv", "{report}");
    for path in crate::support::files_below(copy.path()) {
        assert!(!path.to_string_lossy().contains("50126"), "a file is named by a number");
        assert!(!String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains("018107 50126"));
    }
}

#[test]
fn two_sides_with_a_key_each_load_what_one_machine_does() {
    let folder = tempfile::TempDir::new().unwrap();
    let (source, warehouse) = (folder.path().join("source"), folder.path().join("warehouse"));
    for (dir, side) in [(&source, "linking"), (&warehouse, "warehouse")] {
        json(dir, &["init"]).ok();
        json(dir, &["keys", "new", "--only", side]).ok();
    }
    let given = warehouse.join("keys").join("delivery.key");
    json(&source, &["keys", "share", given.to_str().unwrap()]).ok();
    let delivery = folder.path().join("kontakt.skjerm");
    let export = &files_of(&city().exports, "kontakt")[0];
    let [to, export] = [&delivery, export].map(|path| path.to_str().unwrap());
    let sent = json(&source, &["ingest", "--source", "kontakt", "--to", to, export]).ok().json();
    assert_eq!(sent["read"], sent["loaded"], "{sent}");
    // Neither side has what the other needs.
    let error = json(&source, &["ingest", to]).error(2);
    assert!(error["message"].as_str().unwrap().contains("no key in"), "{error}");
    let error = json(&warehouse, &["ingest", "--source", "kontakt", export]).error(2);
    assert!(error["message"].as_str().unwrap().contains("no key in"), "{error}");
    let error = json(&warehouse, &["ingest", export]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("--source"), "{error}");

    let report = json(&warehouse, &["ingest", to]).ok().json();
    assert_eq!((&report["read"], &report["loaded"]), (&sent["read"], &sent["read"]), "{report}");
    let again = json(&warehouse, &["ingest", to]).ok().json();
    assert_eq!((&again["loaded"], &again["replaced"]), (&serde_json::json!(0), &sent["read"]), "{again}");
    let listed = json(&warehouse, &["keys", "list"]).ok().json();
    let purposes: Vec<&str> =
        listed["keys"].as_array().unwrap().iter().filter_map(|k| k["purpose"].as_str()).collect();
    assert_eq!(purposes, ["delivery", "warehouse", "ledger"], "{listed}");

    std::fs::remove_file(delivery.join("manifest.mac")).unwrap();
    let error = json(&warehouse, &["ingest", to]).error(2);
    assert!(error["message"].as_str().unwrap().contains("seal is missing"), "{error}");
}

#[test]
fn a_mapping_is_proposed_for_an_export_and_shows_nobody() {
    let folder = tempfile::TempDir::new().unwrap();
    json(folder.path(), &["init"]).ok();
    let export = files_of(&city().exports, "beds").remove(0);
    let proposed = json(folder.path(), &["ingest", "--guess", export.to_str().unwrap()]).ok().json();
    let text = proposed["mapping"].as_str().unwrap();
    assert!(text.contains("[tables.bed_stay]") && text.contains("kind = \"national_id\""), "{text}");
    // Words of the policy's code lists are proposed; what is said of a person is not.
    let rows = std::fs::read_to_string(&export).unwrap();
    let headers: Vec<&str> = rows.lines().next().unwrap().split(';').collect();
    let mut compared = 0;
    for row in rows.lines().skip(1).take(20) {
        let cells = headers.iter().zip(row.split(';'));
        let of_person = ["Fødselsnummer", "Fornavn", "Etternavn", "Fødselsdato"];
        for (header, cell) in cells.filter(|(header, cell)| of_person.contains(*header) && !cell.is_empty()) {
            let said = text.split('"').any(|word| word == cell) || (cell.len() > 4 && text.contains(cell));
            assert!(!said, "a value of {header} in {text}");
            compared += 1;
        }
    }
    assert!(compared > 20, "{headers:?}");
}

#[test]
fn a_row_that_the_source_took_back_goes() {
    let folder = tempfile::TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    crate::support::installation(&dir);
    let export = folder.path().join("soma_SYNTETISK.csv");
    let rows = |status: [&str; 3]| {
        let header = "Registreringsnr;Klientnr;Fødselsnummer;Fødselsdato;Dato;Enhet;Registreringstype;Registreringsstatus";
        let row = |(n, status): (usize, &str)| {
            format!("{n};K{n};;01.01.2007;0{n}.05.2023;Uteseksjonen;Kontakt;{status}\n")
        };
        let rows: String = (1..).zip(status).map(row).collect();
        std::fs::write(&export, format!("{header}\n{rows}")).unwrap();
        ingest(&dir, "soma", std::slice::from_ref(&export)).ok().json()
    };
    let stored = || {
        let installation = skjerm_warehouse::Installation::open(&dir).unwrap();
        let policy = std::sync::Arc::new(skjerm_warehouse::policy::Policy::oslo());
        let warehouse = skjerm_warehouse::Warehouse::open(&installation, policy).unwrap();
        let snapshot = tokio::runtime::Runtime::new().unwrap().block_on(warehouse.snapshot()).unwrap();
        let rows = |path: &std::path::Path| {
            let file = std::fs::File::open(path).unwrap();
            ParquetRecordBatchReaderBuilder::try_new(file).unwrap().metadata().file_metadata().num_rows()
        };
        snapshot.tables["contact"].files.iter().map(|file| rows(&file.path)).sum::<i64>()
    };
    let report = rows(["Aktiv", "", "Gjeldende"]);
    assert_eq!((&report["loaded"], stored()), (&3.into(), 3), "{report}");
    let report = rows(["Aktiv", "Slettet", "Kanskje"]);
    assert_eq!((&report["read"], &report["quarantined"]), (&3.into(), &1.into()), "{report}");
    let delivery = &report["deliveries"][0];
    assert_eq!(delivery["quality"]["withdrawn"], 1, "{report}");
    assert_eq!(delivery["quality"]["refused"][0]["column"], "Registreringsstatus", "{report}");
    assert_eq!(stored(), 2);
}
