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
