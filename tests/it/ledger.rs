//! The ledger at the command line: proof, history, records, and what a book that was tampered with does.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{binary, entries, fresh_book, json, skjerm, spent};

const QUESTION: &str = "select gender, count(distinct person) from contact where year = 2023 group by gender";

/// What rounding may leave of a share: each of some dozen prices of a release is whole nano-ρ.
const ROUNDING: f64 = 1e-7;

fn verify(dir: &Path, arguments: &[&str]) -> crate::support::Ran {
    json(dir, &[&["budget", "verify"], arguments].concat())
}

#[test]
fn a_whole_book_says_so_and_its_head_can_be_kept() {
    let book = fresh_book();
    json(book.path(), &["query", QUESTION]).ok();
    let found = verify(book.path(), &[]).ok().json();
    assert_eq!((&found["whole"], &found["answers"]), (&true.into(), &1.into()), "{found}");
    let head = found["head"].as_str().unwrap().to_owned();
    // Later entries leave a kept head true.
    json(book.path(), &["query", QUESTION, "--rho", "0.006"]).ok();
    verify(book.path(), &["--head", &head]).ok();
    let (number, hash) = head.split_once(':').unwrap();
    let other = format!("{number}:{}", hash.replace(['0', '1'], "2"));
    let error = verify(book.path(), &["--head", &other]).error(1);
    assert!(error["message"].as_str().unwrap().contains(&format!("entry {number}")), "{error}");
    let beyond = format!("{}:{hash}", number.parse::<u64>().unwrap() + 50);
    let error = verify(book.path(), &["--head", &beyond]).error(1);
    assert!(error["message"].as_str().unwrap().contains("cut off"), "{error}");
    assert_eq!(verify(book.path(), &["--head", "nonsense"]).code, 2);
}

#[test]
fn an_older_copy_is_refused_until_a_steward_gives_up_the_rest() {
    let book = fresh_book();
    json(book.path(), &["query", QUESTION]).ok();
    let ledger = book.path().join("ledger.sqlite");
    let older = std::fs::read(&ledger).unwrap();
    json(book.path(), &["query", QUESTION, "--rho", "0.09"]).error(3);
    json(book.path(), &["query", QUESTION, "--rho", "0.08"]).ok();
    std::fs::write(&ledger, older).unwrap();
    for arguments in [
        &["query", QUESTION, "--rho", "0.02"][..],
        &["budget", "show"],
        &["release", "publish", "--year", "2023"],
    ] {
        let error = json(book.path(), arguments).error(1);
        assert!(error["message"].as_str().unwrap().contains("older copy"), "{error}");
    }
    let failed = verify(book.path(), &[]);
    assert!(failed.json()["verification"]["problems"][0]["entry"].is_number(), "{}", failed.out);
    failed.error(1);
    assert_eq!(json(book.path(), &["budget", "adopt", "--reason", "x", "--as", "researcher"]).code, 4);
    json(book.path(), &["budget", "adopt", "--reason", "the disk was lost"]).ok();
    assert!((spent(book.path(), "2023") - 0.31).abs() < 1e-12, "the rest is given up");
    assert_eq!(verify(book.path(), &[]).ok().json()["whole"], true);
    json(book.path(), &["query", QUESTION, "--rho", "0.02"]).error(3);
    // What was answered and is in the book stays free.
    assert_eq!(json(book.path(), &["query", QUESTION]).ok().json()["privacy"]["charged"], false);
    json(book.path(), &["budget", "adopt", "--reason", "again"]).error(2);
}

#[test]
fn a_lost_note_or_key_is_no_way_round() {
    let book = fresh_book();
    json(book.path(), &["query", QUESTION]).ok();
    let note = book.path().join("ledger.head");
    let kept = std::fs::read(&note).unwrap();
    std::fs::remove_file(&note).unwrap();
    let error = json(book.path(), &["query", QUESTION, "--rho", "0.02"]).error(1);
    assert!(error["message"].as_str().unwrap().contains("ledger.head"), "{error}");
    std::fs::write(&note, kept).unwrap();
    json(book.path(), &["query", QUESTION]).ok();
    let key = book.path().join("keys/ledger.key");
    let secret = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let error = json(book.path(), &["budget", "show"]).error(1);
    assert!(error["message"].as_str().unwrap().contains("key"), "{error}");
    // Another key is not the one that sealed the book.
    std::fs::copy(book.path().join("keys/warehouse.key"), &key).unwrap();
    let error = json(book.path(), &["budget", "show"]).error(1);
    assert!(error["message"].as_str().unwrap().contains("not as it was written"), "{error}");
    std::fs::write(&key, secret).unwrap();
    json(book.path(), &["budget", "show"]).ok();
}

#[test]
fn the_history_says_who_asked_what_and_holds_no_number_that_was_pasted() {
    let book = fresh_book();
    json(
        book.path(),
        &["query", &format!("{QUESTION} -- about 01810750126"), "--reason", "trend, see 018107 50126"],
    )
    .ok();
    json(book.path(), &["query", "select count(*) from contact where gender = 'Kari Nordmann'"]).error(2);
    json(book.path(), &["query", QUESTION, "--as", "01810750134"]).error(4);
    json(book.path(), &["query", QUESTION, "--as", "steward"]).error(4);
    let all = entries(book.path(), &[]);
    let text = serde_json::to_string(&all).unwrap();
    for secret in ["01810750126", "50126", "01810750134", "Nordmann"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let kinds: Vec<&str> = all.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["begun", "limits", "policy", "charge", "answer", "refused", "refused", "refused"]);
    let charge = &all[3];
    assert_eq!((&charge["who"], &charge["state"]), (&"researcher".into(), &"settled".into()));
    for name in ["snapshot", "bounds", "noise", "key", "question", "charges"] {
        assert!(!charge["details"][name].is_null(), "{name}: {charge}");
    }
    let answer = charge["answer"].as_str().unwrap();
    assert_eq!(all[4]["details"]["answer"], answer);
    assert_eq!(entries(book.path(), &["--kind", "charge"]).len(), 1);
    assert_eq!(entries(book.path(), &["--block", "persons/2023"]).len(), 1);
    assert_eq!(entries(book.path(), &["--block", "persons/2022"]).len(), 0);
    assert_eq!(entries(book.path(), &["--who", "steward"]).len(), 1);
    assert_eq!(entries(book.path(), &["--state", "lost"]).len(), 0);
    assert_eq!(entries(book.path(), &["--until", "2001"]).len(), 0);
    assert_eq!(entries(book.path(), &["--limit", "2"]).len(), 2);
    assert_eq!(json(book.path(), &["budget", "history", "--since", "yesterday"]).code, 2);
    assert_eq!(
        json(book.path(), &["budget", "history", "--as", "researcher"]).error(4)["kind"],
        "not_permitted"
    );
    let csv = skjerm(book.path(), &["--format", "csv", "budget", "history"]).ok().out;
    assert!(csv.lines().next().unwrap().ends_with("answer,hash"), "{csv}");
    let stored = json(book.path(), &["budget", "answers", answer]).ok().json();
    assert!(stored["body"]["columns"].is_array() && stored["charges"][0]["rho"].is_number(), "{stored}");
    assert_eq!(json(book.path(), &["budget", "answers"]).ok().json()["answers"].as_array().unwrap().len(), 1);
    json(book.path(), &["budget", "answers", "a0"]).error(2);
}

#[test]
fn a_request_that_is_tried_again_is_charged_once() {
    let book = fresh_book();
    let ask = |sql: &str| json(book.path(), &["query", sql, "--request", "mine-1"]);
    let first = ask(QUESTION).ok().json();
    let again = ask(QUESTION).ok().json();
    assert_eq!(first["answer"]["id"], again["answer"]["id"]);
    assert_eq!(first["rows"], again["rows"]);
    assert!((spent(book.path(), "2023") - 0.005).abs() < 1e-12);
    let other = ask("select count(*) from contact where year = 2023").error(2);
    assert!(other["message"].as_str().unwrap().contains("another question"), "{other}");
    assert!((spent(book.path(), "2023") - 0.005).abs() < 1e-12);
}

#[test]
fn processes_that_ask_the_same_at_once_pay_once() {
    let book = fresh_book();
    // The first opening declares the budgets; that is not what is raced for here.
    json(book.path(), &["budget", "show"]).ok();
    let children: Vec<_> = (0..5)
        .map(|_| {
            Command::new(binary())
                .arg("--dir")
                .arg(book.path())
                .args(["--format", "json", "query", QUESTION])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let answers: Vec<Value> = children
        .into_iter()
        .map(|child| serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    assert!(answers.iter().all(|answer| answer["rows"] == answers[0]["rows"]), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer["privacy"]["charged"] == true).count(), 1);
    assert!((spent(book.path(), "2023") - 0.005).abs() < 1e-12);
}

#[test]
fn a_release_has_its_record_and_the_forecast_knows_what_is_due() {
    let book = fresh_book();
    let state = || {
        let years = json(book.path(), &["budget", "forecast"]).ok().json();
        let year = years["years"].as_array().unwrap().iter().find(|y| y["year"] == 2023).unwrap().clone();
        (
            year["planned"][0]["state"].clone(),
            year["planned"][0]["needs"].clone(),
            year["left_for_questions"].clone(),
        )
    };
    assert_eq!(state(), ("due".into(), 0.155.into(), 0.155.into()));
    let published =
        json(book.path(), &["release", "publish", "--year", "2023", "--reason", "the yearly figures"])
            .ok()
            .json();
    let (state, needs, left) = state();
    assert_eq!((state, needs), ("published".into(), 0.0.into()));
    assert!((left.as_f64().unwrap() - 0.155).abs() < ROUNDING, "{left}");
    let id = published["id"].as_str().unwrap();
    let record = json(book.path(), &["release", "record", id]).ok().json();
    assert_eq!(record["status"], "pass", "{record}");
    assert_eq!((&record["by"], &record["reason"]), (&"steward".into(), &"the yearly figures".into()));
    assert_eq!(record["answer"], published["answer"]);
    assert!(record["risk"].as_array().unwrap().len() >= 3 && record["checks"].as_array().unwrap().len() == 5);
    // Published again, it is the same release and the same record.
    json(book.path(), &["release", "publish", "--year", "2023"]).ok();
    assert_eq!(entries(book.path(), &["--kind", "release"]).len(), 1);
    json(book.path(), &["release", "record", "2023-0000000000000000"]).error(2);
}

#[test]
fn a_publication_that_is_killed_is_taken_up_under_its_charge() {
    let book = fresh_book();
    // The answer waits for its step: time enough to be killed in.
    let policy = book.path().join("policy.toml");
    let text = std::fs::read_to_string(&policy).unwrap();
    let slow = text.replace("answer_step_ms = 250", "answer_step_ms = 60000");
    assert_ne!(text, slow);
    std::fs::write(&policy, slow).unwrap();
    let publish = ["release", "publish", "--year", "2023"];
    let mut child = Command::new(binary())
        .arg("--dir")
        .arg(book.path())
        .args(publish)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let charge = loop {
        let running = json(book.path(), &["budget", "history", "--state", "running"]);
        match running.code {
            0 if !running.json()["entries"].as_array().unwrap().is_empty() => {
                break running.json()["entries"][0]["id"].clone();
            }
            _ => assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed"),
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(entries(book.path(), &["--state", "lost"])[0]["id"], charge);
    let charged = spent(book.path(), "2023");
    assert!((charged - 0.155).abs() < ROUNDING, "a crash refunds nothing");
    std::fs::write(&policy, text).unwrap();
    // Shorter steps say more by their time: a steward must want them.
    json(book.path(), &publish).error(2);
    json(book.path(), &["warehouse", "policy", "--accept", "--reason", "the test is over"]).ok();
    json(book.path(), &publish).ok();
    assert!((spent(book.path(), "2023") - charged).abs() < 1e-12, "and is not paid twice");
    assert_eq!(entries(book.path(), &["--kind", "resumed"]).len(), 1);
    assert_eq!(entries(book.path(), &["--kind", "charge"]).len(), 1);
    assert_eq!(entries(book.path(), &["--state", "settled"])[0]["id"], charge);
}

#[test]
fn a_policy_that_promises_less_needs_a_steward_and_stands_in_the_book() {
    let book = fresh_book();
    json(book.path(), &["query", QUESTION, "--rho", "0.05"]).ok();
    let policy = book.path().join("policy.toml");
    let shipped = std::fs::read_to_string(&policy).unwrap();
    let write = |from: &str, to: &str| {
        assert!(shipped.contains(from));
        std::fs::write(&policy, shipped.replacen(from, to, 1)).unwrap();
    };
    let state = || json(book.path(), &["warehouse", "policy"]).ok().json();
    assert_eq!((&state()["in_force"], &state()["changed"]), (&true.into(), &false.into()));

    // Less budget, also less than is spent, comes into force by itself: what is spent stays spent.
    write("rho = 0.31", "rho = 0.04");
    let error = json(book.path(), &["query", QUESTION, "--rho", "0.01"]).error(3);
    assert!(error["message"].as_str().unwrap().contains("ρ 0 left"), "{error}");
    assert!((spent(book.path(), "2023") - 0.05).abs() < 1e-12);
    assert!((spent(book.path(), "2022")).abs() < 1e-12);
    json(book.path(), &["budget", "show"]).ok();
    assert_eq!(entries(book.path(), &["--kind", "relimited"]).len(), 1, "written once");

    // More budget, or more shown, does not.
    for (from, to, said) in [
        ("rho = 0.31", "rho = 0.4", "ρ of persons/2023"),
        ("suppress_below = 5", "suppress_below = 2", "from 2 on"),
    ] {
        write(from, to);
        let error = json(book.path(), &["query", QUESTION]).error(2);
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
        assert_eq!(state()["in_force"], false);
        json(book.path(), &["warehouse", "policy", "--accept", "--reason", "x", "--as", "researcher"])
            .error(4);
    }
    assert_eq!(json(book.path(), &["warehouse", "policy", "--accept"]).code, 2, "a reason must be given");
    json(book.path(), &["warehouse", "policy", "--accept", "--reason", "decided by the board"]).ok();
    json(book.path(), &["query", QUESTION, "--rho", "0.05"]).ok();
    let noted = entries(book.path(), &["--kind", "policy"]);
    let last = noted.last().unwrap();
    assert_eq!((&last["who"], &last["reason"]), (&"steward".into(), &"decided by the board".into()));
    assert!(!last["details"]["loosens"].as_array().unwrap().is_empty(), "{last}");
    verify(book.path(), &[]).ok();
}
