//! Published releases at the command line: their files, revisions, differences, and what is noticed of changes.

use std::path::PathBuf;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::support::{fresh_book, json, skjerm};

fn publish(book: &std::path::Path, year: &str, rho: &str) -> String {
    let published = json(book, &["release", "publish", "--year", year, "--rho", rho]).ok().json();
    published["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_release_is_a_folder_of_files_that_say_the_same() {
    let book = fresh_book();
    let id = publish(book.path(), "2023", "0.1");
    let folder: PathBuf = book.path().join("releases").join(&id);
    let shown = json(book.path(), &["release", "show", &id]).ok().json();
    let cells: usize =
        shown["tables"].as_array().unwrap().iter().map(|table| table["rows"].as_array().unwrap().len()).sum();
    let csv = std::fs::read_to_string(folder.join("tables.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + cells);
    let parquet = std::fs::File::open(folder.join("tables.parquet")).unwrap();
    let rows: usize = ParquetRecordBatchReaderBuilder::try_new(parquet)
        .unwrap()
        .build()
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert_eq!(rows, cells);
    let read =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    let collection = read("figures_and_tables.no.json");
    assert_eq!(
        collection["link"]["item"].as_array().unwrap().len(),
        1 + shown["tables"].as_array().unwrap().len()
    );
    let metadata = read("metadata.json");
    assert_eq!(metadata["ledger"]["answer"], shown["answer"]);
    // The installation of this test has no mark of a demonstration.
    assert_eq!(metadata["synthetic"], false);
    let page = std::fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(page.contains(&id) && page.contains("Slik viser du til tallene"));

    let one = json(book.path(), &["release", "show", &id, "--table", "contact_by_age"]).ok().json();
    assert_eq!((one["tables"].as_array().unwrap().len(), &one["id"]), (1, &shown["id"]));
    let error = json(book.path(), &["release", "show", &id, "--table", "contact_by_shoe"]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("contact_by_age"), "{error}");
}

#[test]
fn a_revision_supersedes_and_a_difference_says_what_is_real() {
    let book = fresh_book();
    let first = publish(book.path(), "2023", "0.07");
    // Persons who were delivered later.
    let later = crate::keep::soma(book.path());
    crate::support::ingest(book.path(), "soma", &[later]).ok();
    let second = publish(book.path(), "2023", "0.07");
    let other = publish(book.path(), "2022", "0.07");
    assert_ne!(first, second);
    let list = json(book.path(), &["release", "list"]).ok().json();
    let of =
        |id: &str| list["releases"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    assert_eq!(
        (&of(&first)["superseded_by"], &of(&first)["supersedes"]),
        (&second.as_str().into(), &Value::Null)
    );
    assert_eq!(
        (&of(&second)["supersedes"], &of(&second)["superseded_by"]),
        (&first.as_str().into(), &Value::Null)
    );
    assert_eq!(of(&second)["revision"], 2);
    let text = skjerm(book.path(), &["release", "list"]).ok().out;
    assert!(text.contains(&format!("superseded by {second}")) && text.contains("in force"), "{text}");
    json(book.path(), &["release", "show", &first]).ok();

    for (a, b) in [(&first, &second), (&other, &second)] {
        let diff = json(book.path(), &["release", "diff", a, b]).ok().json();
        for key in
            ["a", "b", "same_measurement", "compared", "summary", "figures", "tables", "unmatched", "notes"]
        {
            assert!(diff.get(key).is_some(), "{key} is missing");
        }
        assert_eq!(
            (&diff["same_measurement"], diff["unmatched"].as_array().unwrap().len()),
            (&false.into(), 0)
        );
        let row = &diff["tables"][0]["rows"][0];
        let number = |name: &str| row[name].as_f64().unwrap();
        let moved = row["b"]["value"].as_f64().unwrap() - row["a"]["value"].as_f64().unwrap();
        assert!((number("difference") - moved).abs() < 0.011, "{row}");
        assert!(number("low") < number("difference") && number("difference") < number("high"), "{row}");
    }
    let sheet = skjerm(book.path(), &["--format", "csv", "release", "diff", &other, &second]).ok().out;
    assert!(sheet.lines().next().unwrap().contains(&other), "{sheet}");
    let revision = json(book.path(), &["release", "diff", &first, &second]).ok().json();
    assert!(revision["notes"][0]["en"].as_str().unwrap().contains("the same year"));
    let error = json(book.path(), &["release", "diff", &first, &first]).error(2);
    assert!(error["message"].as_str().unwrap().contains("nothing can differ"), "{error}");
    json(book.path(), &["release", "diff", &first, "2023-0123456789abcdef"]).error(2);
}

#[test]
fn a_damaged_release_is_named_with_its_file() {
    let book = fresh_book();
    let (first, second) = (publish(book.path(), "2022", "0.05"), publish(book.path(), "2023", "0.05"));
    let whole = json(book.path(), &["release", "check"]).ok().json();
    assert_eq!((&whole["whole"], whole["releases"].as_array().unwrap().len()), (&true.into(), 2));
    let path = book.path().join("releases").join(&second).join("tables.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("contact_total", "contact_totem", 1)).unwrap();
    let failed = json(book.path(), &["release", "check"]);
    let found = failed.json()["releases"].clone();
    failed.error(1);
    assert_eq!((&found[0]["release"], &found[0]["whole"]), (&first.as_str().into(), &true.into()));
    assert_eq!(found[1]["whole"], false);
    assert!(found[1]["problem"].as_str().unwrap().contains("tables.csv"), "{found}");
    for arguments in
        [&["release", "show", &second][..], &["release", "diff", &first, &second], &["release", "list"]]
    {
        let error = json(book.path(), arguments).error(1);
        assert!(error["message"].as_str().unwrap().contains("tables.csv"), "{error}");
    }
    json(book.path(), &["release", "check", &first]).ok();
    std::fs::write(&path, text).unwrap();
    json(book.path(), &["release", "check"]).ok();
}

/// The year to date at its end and the year's own figure count the same persons, by two measurements; no month has more persons than the year.
#[test]
fn months_the_year_to_date_and_the_year_agree() {
    let book = fresh_book();
    let monthly = json(book.path(), &["release", "publish", "monthly", "--year", "2023"]).ok().json();
    let yearly = json(book.path(), &["release", "publish", "--year", "2023", "--rho", "0.1"]).ok().json();
    let rows = |release: &Value, name: &str| {
        let tables = release["tables"].as_array().unwrap();
        tables.iter().find(|table| table["name"] == name).unwrap()["rows"].as_array().unwrap().clone()
    };
    let half = |row: &Value| (row["high"].as_f64().unwrap() - row["low"].as_f64().unwrap()) / 2.0;
    let to_date = rows(&monthly, "contact_to_date");
    assert_eq!(to_date.len(), 12);
    let (last, total) = (&to_date[11], &rows(&yearly, "contact_total")[0]);
    // Six standard deviations of the difference of two independent measurements: 2e-9.
    let apart = (last["value"].as_f64().unwrap() - total["value"].as_f64().unwrap()).abs();
    assert!(apart < 6.0 / 1.96 * half(last).hypot(half(total)), "{last} {total}");
    for month in rows(&monthly, "contact_by_month") {
        let more = month["value"].as_f64().unwrap() - total["value"].as_f64().unwrap();
        assert!(more < 6.0 / 1.96 * half(&month).hypot(half(total)), "{month}");
    }
    let listed = json(book.path(), &["release", "list"]).ok().json();
    let in_force =
        listed["releases"].as_array().unwrap().iter().filter(|release| release["superseded_by"].is_null());
    assert_eq!(in_force.count(), 2, "one workload does not supersede the other");
    // The same again is the same, free.
    let again = json(book.path(), &["release", "publish", "monthly", "--year", "2023"]).ok().json();
    assert_eq!(again["id"], monthly["id"]);
}

#[test]
fn a_plan_says_what_half_widths_cost_and_what_cannot_be_had() {
    let book = fresh_book();
    let plan = json(book.path(), &["release", "plan", "--year", "2023", "--within", "contact_by_age=20"])
        .ok()
        .json();
    let tables = plan["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["name"] == "contact_by_age").unwrap();
    assert!(table["half_width"].as_f64().unwrap() <= 20.01 && table["wanted"] == 20.0);
    let spent: f64 =
        plan["measurements"].as_array().unwrap().iter().map(|one| one["rho"].as_f64().unwrap()).sum();
    assert!((spent / plan["rho"].as_f64().unwrap() - 1.0).abs() < 1e-6);
    assert!(plan["left"]["year"].as_f64().unwrap() > 0.3);
    let refused = json(book.path(), &["release", "plan", "--year", "2023", "--within", "contact_by_age=0.5"]);
    let error = refused.error(2);
    assert!(error["message"].as_str().unwrap().contains("cannot be had"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("contact_by_age="), "{error}");
    for (arguments, expected) in [
        (["plan", "fortnightly", "--year", "2023"], "no workload \"fortnightly\""),
        (["plan", "monthly", "--year", "1999"], "outside the policy's years"),
        (["publish", "monthly", "--year", "2019"], "Nothing was delivered for 2019"),
    ] {
        let arguments: Vec<&str> = std::iter::once("release").chain(arguments).collect();
        let error = json(book.path(), &arguments).error(2);
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
    }
    let budget = json(book.path(), &["budget", "show"]).ok().json();
    let spent = budget["blocks"].as_array().unwrap().iter().map(|block| block["rho_spent"].as_f64().unwrap());
    assert!(spent.sum::<f64>().abs() < 1e-12, "refusals and plans cost nothing");
}

#[test]
fn figures_of_a_release_are_compared_with_intervals() {
    let book = fresh_book();
    let id = publish(book.path(), "2023", "0.1");
    let shares = json(book.path(), &["release", "compare", &id, "contact_by_age", "--share"]).ok().json();
    let rows = shares["rows"].as_array().unwrap();
    let sum: f64 = rows.iter().map(|row| row["value"].as_f64().unwrap()).sum();
    assert!((sum - 100.0).abs() < 0.1, "the shares of all ages are all: {sum}");
    for row in rows {
        let of = |end: &str| row[end].as_f64().unwrap();
        assert!(of("low") <= of("value") && of("value") <= of("high"), "{row}");
    }
    let other = publish(book.path(), "2022", "0.1");
    let since =
        json(book.path(), &["release", "compare", &id, "contact_total", "--since", &other]).ok().json();
    assert!(since["rows"][0]["distinguishable"].is_boolean(), "{since}");
    let error = json(book.path(), &["release", "compare", &id, "contact_by_shoe", "--share"]).error(2);
    assert!(error["hint"].as_str().unwrap().contains("contact_by_age"), "{error}");
    let none = json(book.path(), &["release", "season", "follow_up_by_month"]).error(2);
    assert!(none["message"].as_str().unwrap().contains("no release"), "{none}");
}

/// A campaign of scene counts: planned over the rounds held, paid from its own budget, compared with another.
#[test]
fn a_campaign_is_released_from_its_own_budget() {
    let book = fresh_book();
    let of =
        |verb: &str, campaign: &str| json(book.path(), &["release", verb, "scene", "--campaign", campaign]);
    let plan = of("plan", "2022-summer").ok().json();
    assert_eq!(plan["campaign"]["code"], "2022-summer");
    assert!((plan["left"]["releases"].as_f64().unwrap() - 0.062).abs() < 1e-9, "a fifth of the campaign");
    let first = of("publish", "2022-summer").ok().json();
    let again = of("publish", "2022-summer").ok();
    assert_eq!(again.json()["id"], first["id"]);
    let second = of("publish", "2023-summer").ok().json();
    let blocks = json(book.path(), &["budget", "show"]).ok().json();
    let spent = |name: &str| {
        let blocks = blocks["blocks"].as_array().unwrap();
        blocks.iter().find(|block| block["block"] == name).map_or(0.0, |b| b["rho_spent"].as_f64().unwrap())
    };
    assert!((spent("2022-summer") - 0.05).abs() < 1e-6, "{blocks}");
    assert!((spent("2022")).abs() < 1e-12, "the year's persons have paid nothing");
    // Totals of the shifts, as the comparison of scenes measures them too.
    let observed = &first["tables"][0]["rows"];
    assert_eq!(observed.as_array().unwrap().len(), 2, "{observed}");
    let list = json(book.path(), &["release", "list"]).ok().json();
    assert_eq!(list["releases"][0]["campaign"]["code"], "2022-summer");
    let (first, second) = (first["id"].as_str().unwrap(), second["id"].as_str().unwrap());
    let shares = json(
        book.path(),
        &["release", "compare", first, "observed_by_gender", "--where", "shift=day", "--share"],
    );
    assert_eq!(shares.ok().json()["rows"].as_array().unwrap().len(), 3);
    let diff = json(book.path(), &["release", "diff", first, second]).ok().json();
    assert_eq!(diff["tables"].as_array().unwrap().len(), 5, "{diff}");
    let check = json(book.path(), &["release", "check"]).ok().json();
    assert!(!check.to_string().contains("changed"), "{check}");
    let refused = |arguments: &[&str]| {
        json(book.path(), &[&["release"], arguments].concat()).error(2)["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(refused(&["plan", "scene", "--campaign", "2019-summer"]).contains("No round"));
    assert!(refused(&["plan", "scene", "--campaign", "summer"]).contains("no such campaign"));
    assert!(refused(&["publish", "scene", "--year", "2022"]).contains("a year was named"));
    assert!(refused(&["publish", "monthly", "--campaign", "2022-summer"]).contains("was named"));
}
