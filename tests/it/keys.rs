//! The warehouse key is rotated: figures, links and stored answers stay, an older key is refused.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::keep::{WHOLE, house};
use crate::support::{binary, ingest, json, skjerm};

const ROTATE: [&str; 4] = ["keys", "rotate", "--reason", "nøkkelen kan være på avveie"];
const SQL: &str =
    "select gender, count(distinct person) as persons from contact where year = 2023 group by gender";

#[test]
fn a_rotation_keeps_figures_and_links_and_stands_in_the_book() {
    let house = house();
    let export = house.folder.path().join("soma_SYNTETISK.csv");
    let answer = json(&house.dir, &["query", SQL, "--rho", "0.01"]).ok().json();
    let old = std::fs::read(house.dir.join("keys/warehouse.key")).unwrap();
    let made = house.history("keys").len();
    json(&house.dir, &[&ROTATE[..], &["--as", "researcher"]].concat()).error(4);
    let done = json(&house.dir, &ROTATE).ok().json();
    assert_eq!((&done["epoch_before"], &done["epoch"]), (&1.into(), &2.into()), "{done}");
    assert_eq!((&done["resumed"], &done["tables"]["contact"]["rows"]), (&false.into(), &4.into()), "{done}");
    assert_ne!(done["snapshot_before"], done["snapshot_after"]);

    let listed = json(&house.dir, &["keys", "list"]).ok().json();
    let of_warehouse = listed["keys"].as_array().unwrap().iter().filter(|key| key["purpose"] == "warehouse");
    let epochs: Vec<_> = of_warehouse.map(|key| (key["epoch"].clone(), key["state"].clone())).collect();
    assert_eq!(epochs, [(1.into(), "before".into()), (2.into(), "in force".into())], "{listed}");

    let again = json(&house.dir, &["query", SQL, "--rho", "0.01"]).ok().json();
    assert_eq!((&again["rows"], &again["answer"]["id"]), (&answer["rows"], &answer["answer"]["id"]));
    assert_eq!(again["privacy"]["charged"], false, "{again}");
    let sent = ingest(&house.dir, "soma", std::slice::from_ref(&export)).ok().json();
    assert_eq!((&sent["loaded"], &sent["replaced"]), (&0.into(), &5.into()), "{sent}");
    let check = json(&house.dir, &["warehouse", "check"]).ok().json();
    assert_eq!((&check["rows"], &check["orphans"]), (&9.into(), &serde_json::json!([])), "{check}");

    let entries = house.history("keys");
    let [begun, ended] = &entries[made..] else { panic!("{entries:?}") };
    assert_eq!(begun["what"], "keys: begun");
    assert_eq!(
        (&ended["what"], &ended["reason"]),
        (&"keys: the warehouse key was rotated".into(), &begun["reason"])
    );
    json(&house.dir, &["budget", "verify"]).ok();

    let erased =
        json(&house.dir, &["warehouse", "erase", &house.list(WHOLE), "--reason", "krav"]).ok().json();
    assert_eq!((&erased["found"], &erased["proof"]["pseudonyms"]), (&1.into(), &10.into()), "{erased}");

    // The copy of the key from before.
    std::fs::write(house.dir.join("keys/warehouse.key"), old).unwrap();
    let status = json(&house.dir, &["warehouse", "status"]).ok().json();
    let list = house.list(WHOLE);
    for error in [
        ingest(&house.dir, "soma", &[export]).error(2),
        json(&house.dir, &["warehouse", "erase", &list, "--reason", "krav"]).error(2),
        json(&house.dir, &ROTATE).error(2),
    ] {
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("epoch 2") && message.contains("newest copy of the key file"), "{error}");
    }
    assert_eq!(json(&house.dir, &["warehouse", "status"]).ok().json(), status);
}

#[test]
fn a_rotation_says_what_it_does_not_reach() {
    let house = house();
    let note = house.dir.join("warehouse/contact/notat.txt");
    std::fs::write(&note, "").unwrap();
    let done = skjerm(&house.dir, &ROTATE).ok();
    assert!(done.out.contains("rows hashed again"), "{}", done.out);
    for said in ["Epoch 2", "in force", "notat.txt", "Keep a new copy", "the linking key"] {
        assert!(done.err.contains(said), "{said}: {}", done.err);
    }
    let secrets = std::fs::read_to_string(house.dir.join("keys/warehouse.key")).unwrap();
    for secret in secrets.lines().filter_map(|line| line.strip_prefix("secret = ")) {
        assert!(!done.err.contains(&secret[1..9]) && !done.out.contains(&secret[1..9]));
    }
}

#[test]
fn keys_come_from_commands_and_no_memory_goes_into_a_core_dump() {
    let house = house();
    let keys = house.dir.join("keys");
    let go = house.folder.path().join("go");
    for name in ["linking", "warehouse"] {
        let [key, kept] = ["key", "kept"].map(|end| keys.join(format!("{name}.{end}")));
        std::fs::rename(&key, &kept).unwrap();
        // The second key is waited for, so that the process can be looked at while it holds the first.
        let wait = format!("until [ -e {} ]; do sleep 0.1; done; ", go.display());
        let wait = if name == "warehouse" { wait.as_str() } else { "" };
        let text = format!("command = [\"sh\", \"-c\", '{wait}cat {}']\n", kept.display());
        let command = keys.join(format!("{name}.command"));
        std::fs::write(&command, text).unwrap();
        std::fs::set_permissions(&command, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let export = house.folder.path().join("soma_SYNTETISK.csv");
    let mut waiting = Command::new(binary())
        .arg("--dir")
        .arg(&house.dir)
        .args(["ingest", "--source", "soma"])
        .arg(&export)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let filter = format!("/proc/{}/coredump_filter", waiting.id());
    let kept_out = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        u32::from_str_radix(std::fs::read_to_string(&filter).unwrap().trim(), 16) == Ok(0)
    });
    std::fs::write(go, "").unwrap();
    assert!(waiting.wait().unwrap().success());
    assert!(kept_out, "a core dump would hold keys");
    // The same persons and records: nothing new.
    let again = ingest(&house.dir, "soma", std::slice::from_ref(&export)).ok().json();
    assert_eq!((&again["loaded"], &again["replaced"]), (&0.into(), &5.into()), "{again}");
    let listed = json(&house.dir, &["keys", "list"]).ok().json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 3, "{listed}");
    let error = json(&house.dir, &ROTATE).error(1);
    assert!(error["message"].as_str().unwrap().contains("comes from the command"), "{error}");
    let error = json(&house.dir, &["keys", "new"]).error(2);
    assert!(error["message"].as_str().unwrap().contains("holds a key already"), "{error}");
}

/// Without the note any key would be taken for the right one, and everybody counted twice.
#[test]
fn tables_without_the_note_of_their_keys_take_no_rows() {
    let house = house();
    let export = house.folder.path().join("soma_SYNTETISK.csv");
    let note = house.dir.join("warehouse/keys.json");
    let kept = std::fs::read(&note).unwrap();
    std::fs::remove_file(&note).unwrap();
    for key in ["linking.key", "warehouse.key"] {
        std::fs::remove_file(house.dir.join("keys").join(key)).unwrap();
    }
    json(&house.dir, &["keys", "new"]).ok();
    let status = json(&house.dir, &["warehouse", "status"]).ok().json();
    let error = ingest(&house.dir, "soma", std::slice::from_ref(&export)).error(1);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("keys.json is missing, and there are tables: put it back"), "{error}");
    let check = json(&house.dir, &["warehouse", "check"]);
    assert_eq!(check.code, 1, "{}", check.out);
    assert!(check.out.contains("keys.json") && check.out.contains("which keys"), "{}", check.out);
    assert!(!note.exists() && json(&house.dir, &["warehouse", "status"]).ok().json() == status);
    std::fs::write(&note, kept).unwrap();
    assert_eq!(json(&house.dir, &["warehouse", "check"]).code, 0);
    let error = ingest(&house.dir, "soma", &[export]).error(2);
    assert!(error["message"].as_str().unwrap().contains("counted twice"), "these keys are new: {error}");
}
