//! Every row is accounted for, and re-sent deliveries change nothing.

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
