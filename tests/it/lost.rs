//! What is lost or cut short: books, releases, keys, places to write. Nothing is spent unseen, and there is a way on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{
    Ran, binary, city, entries, files_below, fresh_book, installation, json, skjerm, spent,
};

const QUESTION: &str = "select gender, count(distinct person) from contact where year = 2023 group by gender";
const PUBLISH: [&str; 4] = ["release", "publish", "--year", "2023"];

/// Within what rounding may leave of a share: each of some dozen prices is whole nano-ρ.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-7
}

fn adopt(dir: &Path, arguments: &[&str]) -> Ran {
    json(dir, &[&["budget", "adopt", "--reason", "the disk was lost"], arguments].concat())
}

#[test]
fn a_release_whose_measuring_fails_is_taken_up_under_its_charge() {
    let within = ["release", "publish", "--year", "2023", "--within", "contact_by_age=7"];
    for publish in [&PUBLISH[..], &within] {
        let book = fresh_book();
        let files: Vec<(PathBuf, Vec<u8>)> = files_below(&book.path().join("warehouse/person_year"))
            .into_iter()
            .filter(|file| file.extension().is_some_and(|extension| extension == "parquet"))
            .map(|file| (file.clone(), std::fs::read(&file).unwrap()))
            .collect();
        for (file, _) in &files {
            std::fs::remove_file(file).unwrap();
        }
        json(book.path(), publish).error(1);
        let charged = spent(book.path(), "2023");
        assert!(charged > 0.08, "a fault refunds nothing, and leaves too little for another");
        // Wishes that are refused in between write over nothing.
        json(book.path(), &["release", "publish", "--year", "2023", "--rho", "0.12"]).error(3);
        json(book.path(), &[publish, &["--as", "researcher"]].concat()).error(4);
        for (file, content) in &files {
            std::fs::write(file, content).unwrap();
        }
        json(book.path(), publish).ok();
        assert!((spent(book.path(), "2023") - charged).abs() < 1e-12, "and is not paid twice");
        assert_eq!(
            (
                entries(book.path(), &["--kind", "charge"]).len(),
                entries(book.path(), &["--kind", "resumed"]).len()
            ),
            (1, 1)
        );
    }
}

#[test]
fn a_lost_document_is_made_again_of_its_measurement() {
    let book = fresh_book();
    let first = json(book.path(), &PUBLISH).ok().json();
    std::fs::remove_dir_all(book.path().join("releases")).unwrap();
    let again = json(book.path(), &PUBLISH).ok().json();
    assert_eq!(first["answer"], again["answer"]);
    assert!(close(spent(book.path(), "2023"), 0.155));
}

/// Planned by half-widths, it takes more than half of the share: a second measurement could not be paid.
#[test]
fn a_lost_document_of_wanted_half_widths_is_made_again_too() {
    let book = fresh_book();
    let publish = ["release", "publish", "--year", "2023", "--within", "contact_by_age=7"];
    let first = json(book.path(), &publish).ok().json();
    let paid = spent(book.path(), "2023");
    assert!(paid > 0.08, "{paid}");
    std::fs::remove_dir_all(book.path().join("releases")).unwrap();
    let again = json(book.path(), &publish).ok().json();
    assert_eq!(first["answer"], again["answer"]);
    assert!(close(spent(book.path(), "2023"), paid));
}

#[test]
fn a_release_accuses_a_book_that_does_not_hold_it() {
    let book = fresh_book();
    json(book.path(), &["query", QUESTION]).ok();
    let parts = ["ledger.sqlite", "ledger.head"].map(|name| book.path().join(name));
    let older = parts.each_ref().map(|part| std::fs::read(part).unwrap());
    json(book.path(), &PUBLISH).ok();
    let head = json(book.path(), &["budget", "verify"]).ok().json()["head"].as_str().unwrap().to_owned();
    for (part, content) in parts.iter().zip(older) {
        std::fs::write(part, content).unwrap();
    }
    let error = json(book.path(), &["budget", "verify"]).error(1);
    assert!(error["message"].as_str().unwrap().contains("does not hold its measurement"), "{error}");
    // Book and note fit together, so only what was kept elsewhere shows what is lost.
    adopt(book.path(), &[]).error(2);
    adopt(book.path(), &["--head", &head]).ok();
    assert!(close(spent(book.path(), "2023"), 0.31), "nothing is left to be spent twice");
    let found = json(book.path(), &["budget", "verify"]).ok();
    assert!(found.json()["remarks"].to_string().contains("given up"), "{}", found.out);
    assert_eq!(json(book.path(), &["budget", "verify", "--head", &format!("0:{}", "a".repeat(64))]).code, 2);
}

#[test]
fn a_damaged_or_lost_book_without_a_copy_leaves_a_way_on() {
    let book = fresh_book();
    json(book.path(), &["query", QUESTION]).ok();
    adopt(book.path(), &["--anew"]).error(2);
    let ledger = book.path().join("ledger.sqlite");
    let mut content = std::fs::read(&ledger).unwrap();
    for byte in content.iter_mut().skip(4096).step_by(97) {
        *byte ^= 0x55;
    }
    std::fs::write(&ledger, content).unwrap();
    json(book.path(), &["query", QUESTION]).error(1);
    adopt(book.path(), &[]).error(1);
    adopt(book.path(), &["--anew", "--as", "researcher"]).error(4);
    assert_eq!(json(book.path(), &["budget", "adopt", "--anew", "--reason", " "]).code, 2);
    let aside = adopt(book.path(), &["--anew"]).ok().json()["aside"].as_str().unwrap().to_owned();
    assert!(Path::new(&aside).join("ledger.sqlite").exists(), "the evidence is kept");
    for block in ["2022", "2023", "2022-summer"] {
        assert!(close(spent(book.path(), block), 0.31), "{block}");
    }
    json(book.path(), &["query", QUESTION]).error(3);
    json(book.path(), &["budget", "verify"]).ok();
    let written_off = entries(book.path(), &["--kind", "written_off"]);
    assert_eq!(
        (&written_off[0]["who"], &written_off[0]["reason"]),
        (&"steward".into(), &"the disk was lost".into())
    );
    for part in files_below(book.path()) {
        if part.parent() == Some(book.path())
            && part.file_name().unwrap().to_string_lossy().starts_with("ledger.")
        {
            std::fs::remove_file(part).unwrap();
        }
    }
    let error = json(book.path(), &["budget", "show"]).error(1);
    assert!(error["hint"].as_str().unwrap().contains("--anew"), "{error}");
    adopt(book.path(), &["--anew"]).ok();
    json(book.path(), &["query", QUESTION]).error(3);
}

#[test]
fn the_making_of_a_book_or_of_keys_is_finished_where_nothing_was_loaded() {
    let folder = tempfile::tempdir().unwrap();
    json(folder.path(), &["init"]).ok();
    for name in ["ledger.head", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    std::fs::write(folder.path().join("ledger.sqlite"), "").unwrap();
    json(folder.path(), &["budget", "show"]).error(1);
    json(folder.path(), &["init"]).ok();
    json(folder.path(), &["budget", "verify"]).ok();
    let (linking, warehouse) =
        (folder.path().join("keys/linking.key"), folder.path().join("keys/warehouse.key"));
    json(folder.path(), &["keys", "new"]).ok();
    let kept = std::fs::read(&linking).unwrap();
    std::fs::remove_file(&warehouse).unwrap();
    json(folder.path(), &["keys", "new"]).ok();
    assert!(warehouse.exists() && std::fs::read(&linking).unwrap() == kept);
    assert_ne!(json(folder.path(), &["keys", "new"]).code, 0, "a key is never replaced");

    // Where there are data, the same would refill budgets, or make everybody somebody else.
    let book = fresh_book();
    for name in ["ledger.head", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = std::fs::remove_file(book.path().join(name));
    }
    std::fs::write(book.path().join("ledger.sqlite"), "").unwrap();
    json(book.path(), &["init"]).error(1);
    let linking = book.path().join("keys/linking.key");
    std::fs::remove_file(&linking).unwrap();
    let error = json(book.path(), &["keys", "new"]).error(1);
    assert!(error["message"].as_str().unwrap().contains("holds data") && !linking.exists(), "{error}");
}

#[test]
fn a_comparison_that_cannot_be_made_charges_neither_campaign() {
    let book = fresh_book();
    let compare = |a: &str, b: &str, arguments: &[&str]| {
        json(book.path(), &[&["scene", "compare", a, b, "--as", "planner"], arguments].concat())
    };
    // No round of 2021 was delivered.
    for (a, b) in [("2022-summer", "2021-summer"), ("2021-summer", "2022-summer")] {
        let error = compare(a, b, &["--rho", "0.1"]).error(2);
        assert!(error["message"].as_str().unwrap().contains("2021-summer"), "{error}");
    }
    assert!(spent(book.path(), "2022-summer").abs() < 1e-12);
    // Of one campaign less is left than is asked for.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engine =
        skjerm_engine::Engine::open(&skjerm_warehouse::Installation::open(book.path()).unwrap()).unwrap();
    let planner = engine.authenticate("planner").unwrap();
    runtime.block_on(engine.measure_scene(&planner, "2022-summer", 0.2)).unwrap();
    drop(engine);
    for (a, b) in [("2022-summer", "2023-summer"), ("2023-summer", "2022-summer")] {
        compare(a, b, &["--rho", "0.1"]).error(3);
        assert!(spent(book.path(), "2023-summer").abs() < 1e-12, "{a} {b}");
    }
    compare("2022-summer", "2023-summer", &["--rho", "0.2"]).ok();
    assert!(close(spent(book.path(), "2023-summer"), 0.2) && close(spent(book.path(), "2022-summer"), 0.2));
    // A refusal is an entry, and holds no name.
    let before = entries(book.path(), &["--kind", "refused"]).len();
    json(book.path(), &["scene", "compare", "Kari Nordmann", "2022-summer", "--as", "planner"]).error(2);
    json(book.path(), &["scene", "compare", "2022-summer", "2023-summer", "--as", "district"]).error(4);
    let refused = entries(book.path(), &["--kind", "refused"]);
    assert_eq!(refused.len(), before + 2);
    assert!(!serde_json::to_string(&refused).unwrap().contains("Nordmann"), "{refused:?}");
}

#[test]
fn what_cannot_be_answered_is_refused_before_it_is_charged() {
    let book = fresh_book();
    let spill = book.path().join("spill");
    std::fs::remove_dir_all(&spill).unwrap();
    std::fs::write(&spill, "").unwrap();
    let error = json(book.path(), &["query", QUESTION]).error(1);
    assert!(error["message"].as_str().unwrap().contains("nothing was charged"), "{error}");
    std::fs::remove_file(&spill).unwrap();
    assert!(spent(book.path(), "2023").abs() < 1e-12);
    json(book.path(), &["query", QUESTION]).ok();

    let empty = tempfile::tempdir().unwrap();
    installation(empty.path());
    let error = json(empty.path(), &["query", QUESTION]).error(2);
    assert!(error["message"].as_str().unwrap().contains("Nothing was ever loaded"), "{error}");
    assert!(spent(empty.path(), "2023").abs() < 1e-12);
}

#[test]
fn what_cannot_be_written_or_would_steer_a_terminal_is_said_and_stopped() {
    let shared = &city().dir;
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let shown = Command::new(binary())
        .arg("--dir")
        .arg(shared)
        .args(["budget", "show"])
        .stdout(Stdio::from(full))
        .output()
        .unwrap();
    assert_eq!(shown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&shown.stderr).contains("could not be written"));
    let book = fresh_book();
    let reason = "trend \u{202e}\u{1b}[31mred";
    json(book.path(), &["query", QUESTION, "--reason", reason]).ok();
    for format in ["csv", "table"] {
        let out = skjerm(book.path(), &["--format", format, "budget", "history"]).ok().out;
        assert!(out.contains("trend") && !out.contains(['\u{1b}', '\u{202e}']), "{format}: {out:?}");
    }
    let wrong = skjerm(book.path(), &["query", "select \u{1b}[31m\u{202e}x from contact"]);
    assert!(wrong.code == 2 && !wrong.err.contains(['\u{1b}', '\u{202e}']), "{:?}", wrong.err);
}
