//! The house stands as ARCHITECTURE.md says: arrows point one way, secrets are named in one room.

use std::path::Path;

use crate::support::{files_below, root};

/// Room, folder, and what of ours it may depend on.
const ROOMS: [(&str, &str, &[&str]); 9] = [
    ("skjerm-privacy", "queries/privacy", &[]),
    ("skjerm-ledger", "queries/ledger", &["skjerm-privacy"]),
    ("skjerm-warehouse", "warehouse", &[]),
    ("skjerm-ingest", "ingest", &["skjerm-warehouse"]),
    ("skjerm-synth", "ingest/synth", &["skjerm-ingest", "skjerm-warehouse"]),
    ("skjerm-engine", "queries/engine", &["skjerm-ledger", "skjerm-privacy", "skjerm-warehouse"]),
    (
        "skjerm-figures",
        "queries/figures",
        &["skjerm-engine", "skjerm-ledger", "skjerm-privacy", "skjerm-warehouse"],
    ),
    (
        "skjerm-dashboard",
        "dashboard",
        &["skjerm-figures", "skjerm-engine", "skjerm-ledger", "skjerm-privacy", "skjerm-warehouse"],
    ),
    (
        "skjerm",
        ".",
        &[
            "skjerm-ingest",
            "skjerm-synth",
            "skjerm-dashboard",
            "skjerm-figures",
            "skjerm-engine",
            "skjerm-ledger",
            "skjerm-warehouse",
        ],
    ),
];

fn dependencies(folder: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

#[test]
fn arrows_point_one_way() {
    for (name, folder, allowed) in ROOMS {
        for dependency in dependencies(folder).iter().filter(|d| d.starts_with("skjerm")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn one_room_one_dependency() {
    for (dependency, owner) in [
        ("opendp", "skjerm-privacy"),
        ("rusqlite", "skjerm-ledger"),
        ("datafusion", "skjerm-engine"),
        ("deltalake-core", "skjerm-warehouse"),
        ("axum", "skjerm-dashboard"),
    ] {
        for (name, folder, _) in ROOMS {
            let has = dependencies(folder).iter().any(|d| d == dependency);
            assert_eq!(has, name == owner, "{dependency} belongs to {owner} alone; {name}");
        }
    }
}

fn sources_below(folder: &Path) -> Vec<(std::path::PathBuf, String)> {
    files_below(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

#[test]
fn only_ingest_names_the_linking_key() {
    let mut seen = false;
    for (_, folder, _) in ROOMS.iter().filter(|(_, folder, _)| *folder != ".") {
        for (path, text) in sources_below(&root().join(folder).join("src")) {
            let named = text.contains("LinkingKey");
            if named {
                // The command makes the key and hands it over; every other room has no word for it.
                assert!(path.starts_with(root().join("ingest")), "{} names the linking key", path.display());
                seen = true;
            }
        }
    }
    assert!(seen, "the type has another name now: mend this test");
}

#[test]
fn planning_names_no_handle_to_data() {
    for (path, text) in sources_below(&root().join("queries/engine/src/plan")) {
        if path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs") {
            continue;
        }
        // Batches of the policy's own lists and of public tables are there; whatever could read others is not.
        let forbidden = [
            "Snapshot",
            "Warehouse",
            "DataFile",
            "Ledger",
            "parquet",
            "MemTable",
            "TableProvider",
            "SessionContext",
        ];
        for word in forbidden {
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            assert!(
                !code.contains(word),
                "{} names {word}: planning must hold no handle to data",
                path.display()
            );
        }
    }
}
