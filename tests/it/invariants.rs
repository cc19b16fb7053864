//! The invariants of ARCHITECTURE.md, as far as they show at the command's door; it lists where each is tested.

use crate::support::{city, fresh_book, json};

#[test]
fn the_same_question_gets_the_same_answer_for_free() {
    let book = fresh_book();
    let first = json(book.path(), &["query", "select gender, count(*) as n from contact where year = 2023 and service = 'uteseksjonen' group by gender"]).ok().json();
    let again = json(book.path(), &["query", "SELECT gender, COUNT(*) AS n FROM contact WHERE 'uteseksjonen' = service AND year = 2023 GROUP BY gender"]).ok().json();
    assert_eq!(first["rows"], again["rows"]);
    assert_eq!(again["answer"]["source"], "stored");
    assert_eq!(again["privacy"]["charged"], false);
    let spent = json(book.path(), &["budget", "show"]).ok().json();
    let block = spent["blocks"].as_array().unwrap().iter().find(|b| b["block"] == "2023").unwrap().clone();
    assert!((block["rho_spent"].as_f64().unwrap() - 0.005).abs() < 1e-9, "{block}");
}

#[test]
fn a_release_again_is_the_same_release() {
    let book = fresh_book();
    let publish =
        || json(book.path(), &["release", "publish", "--year", "2023", "--as", "steward"]).ok().json();
    let first = publish();
    let again = publish();
    assert_eq!(first, again);
}

#[test]
fn roles_are_checked_in_the_engine() {
    let book = fresh_book();
    let error = json(book.path(), &["release", "publish", "--year", "2023", "--as", "researcher"]).error(4);
    assert_eq!(error["kind"], "not_permitted");
    json(book.path(), &["query", "select count(*) from contact where year = 2023", "--as", "nobody"])
        .error(4);
    json(book.path(), &["scene", "compare", "2022-summer", "2023-summer", "--as", "district"]).error(4);
}

#[test]
fn what_is_refused_costs_nothing_and_says_what_is_allowed() {
    let book = fresh_book();
    for sql in [
        "select person from contact",
        "select * from contact",
        "select count(*) from contact where person = x'00'",
        "explain analyze select count(*) from contact",
        "delete from contact",
        "select count(*) from generate_series(1, 10)",
        "select count(*) from contact where 1 / (month - 3) > 0",
        "select max(minutes) from contact",
        "select count(*) from contact; select count(*) from contact",
        "select count(*) from nowhere",
        "select random() from contact",
        "",
    ] {
        let error = json(book.path(), &["query", sql]).error(2);
        assert!(error["message"].as_str().unwrap().len() > 20, "{sql}: {error}");
    }
    let budget = json(book.path(), &["budget", "show"]).ok().json();
    assert!(budget["blocks"].as_array().unwrap().iter().all(|block| block["rho_spent"] == 0.0), "{budget}");
}

#[test]
fn every_figure_has_an_interval_and_names_its_answer() {
    let book = fresh_book();
    let answer = json(book.path(), &["query", "select age_band, count(distinct person) as n, sum(minutes) as m from contact where year = 2023 group by age_band"]).ok().json();
    for column in ["n", "m"] {
        let intervals = answer["intervals"][column].as_array().unwrap();
        let index = answer["columns"].as_array().unwrap().iter().position(|name| name == column).unwrap();
        for (row, interval) in answer["rows"].as_array().unwrap().iter().zip(intervals) {
            let value = row[index].as_f64().unwrap();
            assert!(
                interval[0].as_f64().unwrap() < value && value < interval[1].as_f64().unwrap(),
                "{answer}"
            );
        }
    }
    assert!(!answer["answer"]["id"].as_str().unwrap().is_empty());
}

#[test]
fn all_cells_of_a_closed_list_come_back() {
    let book = fresh_book();
    let answer = json(
        book.path(),
        &["query", "select service, count(*) from contact where year = 2023 group by service"],
    )
    .ok()
    .json();
    assert_eq!(answer["rows"].as_array().unwrap().len(), 17, "15 districts, Uteseksjonen, unknown: {answer}");
}

#[test]
fn explaining_reads_no_data() {
    // With every data file gone, the price is the same to the letter.
    let sql = "select gender, count(*) from contact where year = 2023 group by gender";
    let whole = json(&city().dir, &["query", sql, "--explain"]).ok().out;
    let book = fresh_book();
    for file in crate::support::files_below(&book.path().join("warehouse")) {
        if file.extension().is_some_and(|extension| extension == "parquet") {
            std::fs::remove_file(file).unwrap();
        }
    }
    assert_eq!(json(book.path(), &["query", sql, "--explain"]).ok().out, whole);
}

#[test]
fn a_delivery_of_another_year_leaves_answers_and_releases_standing() {
    let folder = tempfile::TempDir::new().unwrap();
    let dir = folder.path().join("installation");
    crate::support::installation(&dir);
    let files = crate::support::files_of(&city().exports, "soma");
    let of = |year: &str| -> Vec<std::path::PathBuf> {
        files.iter().filter(|file| file.to_string_lossy().contains(year)).take(3).cloned().collect()
    };
    let ask = || json(&dir, &["query", "select count(*) from contact where year = 2022"]).ok().json();
    let publish = || json(&dir, &["release", "publish", "--year", "2022"]).ok().json();
    crate::support::ingest(&dir, "soma", &of("2022")).ok();
    let refused = json(&dir, &["release", "publish", "--year", "2023"]).error(2);
    assert!(refused["message"].as_str().unwrap().contains("nothing was charged"), "{refused}");
    let (answer, release) = (ask(), publish());
    crate::support::ingest(&dir, "soma", &of("2023")).ok();
    let again = ask();
    assert_eq!((&again["rows"], &again["answer"]["source"]), (&answer["rows"], &"stored".into()));
    assert_eq!(publish()["id"], release["id"]);
    json(&dir, &["release", "publish", "--year", "2023"]).ok();
}
