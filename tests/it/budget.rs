//! The budget: charged before the data is read, never refunded, never overdrawn.

use crate::support::{fresh_book, json, spent};

#[test]
fn a_fault_after_the_charge_refunds_nothing() {
    let book = fresh_book();
    let sql = "select gender, count(*) from contact where year = 2023 group by gender";
    let contact = book.path().join("warehouse/contact");
    for file in crate::support::files_below(&contact) {
        if file.extension().is_some_and(|extension| extension == "parquet") {
            std::fs::remove_file(file).unwrap();
        }
    }
    let error = json(book.path(), &["query", sql]).error(1);
    assert!((spent(book.path(), "2023") - 0.005).abs() < 1e-9, "{error}");
    assert!(!error.to_string().contains("parquet"), "an inner message got out: {error}");
}

#[test]
fn the_share_of_an_analyst_runs_out_with_one_sentence() {
    let book = fresh_book();
    let ask = |rho: &str, gender: &str| {
        let sql = format!("select count(*) from contact where year = 2023 and gender = '{gender}'");
        json(book.path(), &["query", &sql, "--rho", rho])
    };
    ask("0.08", "male").ok();
    let refused = ask("0.08", "female").error(3);
    assert_eq!(refused["kind"], "exhausted");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("2023") && message.contains("0.013"), "what remains is not said: {message}");
    assert!((spent(book.path(), "2023") - 0.08).abs() < 1e-9);
    ask("0.013", "female").ok();
    assert!(spent(book.path(), "2023") <= 0.093 + 1e-9);
}

#[test]
fn every_analyst_is_stopped_at_the_share() {
    // The shares of all analysts together are within the block: colluders cannot add up past it.
    let book = fresh_book();
    let ask = |sql: &str, analyst: &str, rho: &str| {
        json(book.path(), &["query", sql, "--as", analyst, "--rho", rho])
    };
    for (analyst, rho, gender) in
        [("researcher", "0.093", "female"), ("district", "0.031", "male"), ("planner", "0.031", "unknown")]
    {
        ask(&format!("select count(*) from contact where year = 2023 and gender = '{gender}'"), analyst, rho)
            .ok();
        ask("select count(*) from contact where year = 2023 and month = 3", analyst, rho).error(3);
    }
    assert!((spent(book.path(), "2023") - 0.155).abs() < 1e-8);
}
