//! The engine on a small made-up warehouse: SYNTHETIC persons, delivered as ingest would.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use skjerm_warehouse::Installation;

use crate::measure::{Dim, Distinct, MarginalsRequest, Theme};
use crate::run::testing::Row;
use crate::run::until_step;
use crate::{Answer, AnswerSource, Ask, Caller, Engine, EngineError, ErrorKind, Price, UNIFORM_FAULT};

mod adversary;
mod bound;
mod explained;
mod fuzzed;
mod house;
mod keep;
mod measuring;
mod released;
mod turns;
mod weighed;

use house::{House, contacts, house, house_with, house_with_step};
use measuring::marginals;

const BY_GENDER: &str =
    "select gender, count(distinct person) as persons from person_year where year = 2024 group by gender";

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_with_intervals_and_charged_once() {
    let house = house(&contacts(200)).await;
    let before = house.left("persons", "2024", "researchers");
    let answer = house.ask(BY_GENDER, 0.05).await.expect("answered");
    assert_eq!(answer.columns, ["gender", "persons"]);
    let keys: Vec<&Json> = answer.rows.iter().map(|row| &row[0]).collect();
    assert_eq!(keys, ["female", "male", "unknown"]);
    for ((row, truth), [low, high]) in
        answer.rows.iter().zip([100.0, 100.0, 0.0]).zip(&answer.intervals["persons"])
    {
        let value = row[1].as_i64().expect("a whole number") as f64;
        // Six standard deviations are 19: passed by one of three values with a chance of 6e-9.
        assert!((value - truth).abs() < 19.0, "{value} for {truth}");
        assert!(*low < value && value < *high && high - low < 16.0);
    }
    assert_eq!(answer.answer.source, AnswerSource::Spent);
    assert!(answer.privacy.charged);
    assert_eq!(answer.privacy.blocks, ["persons/2024"]);
    assert!(answer.privacy.epsilon > 1.0 && answer.privacy.epsilon < 2.0, "{}", answer.privacy.epsilon);
    let left = house.left("persons", "2024", "researchers");
    assert!((before - left - 0.05).abs() < 1e-8);

    // Differently spelt, in another order: the stored answer, free.
    let again = "SELECT count(*) n, py.gender AS g FROM person_year py WHERE 2024 = py.year GROUP BY 2 ORDER BY g DESC LIMIT 2";
    let counted = house.ask(again, 0.05).await.expect("answered");
    assert_eq!((counted.answer.source, &counted.answer.id), (AnswerSource::Stored, &answer.answer.id));
    let again = "SELECT count(distinct py.person) n, py.gender AS g FROM person_year py
        WHERE py.year in (2024) GROUP BY 2 ORDER BY g DESC LIMIT 2 -- cheap";
    let stored = house.ask(again, 0.05).await.expect("answered");
    assert_eq!((stored.answer.source, stored.privacy.charged), (AnswerSource::Stored, false));
    assert_eq!(stored.answer.id, answer.answer.id);
    assert_eq!(stored.columns, ["n", "g"]);
    assert_eq!(
        stored.rows,
        [[answer.rows[2][1].clone(), "unknown".into()], [answer.rows[1][1].clone(), "male".into()]]
    );
    assert!((house.left("persons", "2024", "researchers") - left).abs() < 1e-12);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_bounded_and_the_bound_is_told() {
    let house = house(&contacts(200)).await;
    let sql = "select service, count(*), sum(minutes) m from contact where year = 2024 group by service";
    let answer = house.ask(sql, 0.09).await.expect("answered");
    assert_eq!(answer.rows.len(), 17, "every service of the closed list");
    assert_eq!(answer.columns, ["service", "count(*)", "m"]);
    let total: f64 = answer.rows.iter().map(|row| row[1].as_f64().expect("a number")).sum();
    // 500 contacts, of which a bound may cut all. The σ of the sum of 17 cells is at most the sum of theirs, whatever C the
    // private look gave and whatever errors they share. Six of them are passed with a chance of 2e-9.
    let sigma = answer.intervals["count(*)"].iter().map(|[low, high]| (high - low) / 2.0 / 1.96).sum::<f64>();
    let noise = 6.0 * sigma;
    assert!((-noise..=500.0 + noise).contains(&total), "{total} with σ {sigma}");
    assert!(
        answer
            .notes
            .iter()
            .any(|n| n.contains("not what the bound cuts off") || n.contains("not where exactly")),
        "{:?}",
        answer.notes
    );
    let explained = house
        .engine
        .explain(&house.caller("researcher"), sql, &Ask { price: Some(Price::Rho(0.09)), ..Ask::default() })
        .await
        .expect("explained");
    assert!(explained.free, "it has been paid for");
    assert_eq!(explained.bounds.max_rows, 120);
    assert_eq!(explained.bounds.columns["m"], [0, 120 * 240]);
    for (expected, name) in explained.expected.iter().zip(["count(*)", "m"]) {
        assert_eq!(expected.column, name);
        let [low, high] = answer.intervals[name][0];
        let half = (high - low) / 2.0;
        assert!(expected.at_least <= half + 0.2 && half <= expected.at_most + 0.2, "{expected:?} but {half}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_ends_and_an_exhausted_question_charges_nothing() {
    let house = house(&contacts(20)).await;
    house.ask(BY_GENDER, 0.09).await.expect("answered");
    let left = house.left("persons", "2024", "researchers");
    let sql = "select count(*) from contact where year in (2023, 2024)";
    let error = house.ask(sql, 0.09).await.expect_err("too dear");
    assert_eq!(error.kind, ErrorKind::Exhausted);
    assert!(error.message.contains("persons/2024"), "{}", error.message);
    assert!((house.left("persons", "2024", "researchers") - left).abs() < 1e-12);
    assert!((house.left("persons", "2023", "researchers") - 0.093).abs() < 1e-9, "the other year neither");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_said_as_rho_as_epsilon_or_as_a_half_width() {
    let house = house(&contacts(20)).await;
    let explain = async |price| {
        let ask = Ask { price: Some(price), ..Ask::default() };
        house.engine.explain(&house.caller("researcher"), BY_GENDER, &ask).await
    };
    let within = explain(Price::Within(10.0)).await.expect("explained");
    let half_width = within.expected[0].half_width;
    assert!((9.0..=10.0).contains(&half_width), "{half_width} for ρ {}", within.privacy.rho);
    let cheaper = explain(Price::Rho(within.privacy.rho * 0.8)).await.expect("explained");
    assert!(cheaper.expected[0].half_width > 10.0, "{}", cheaper.expected[0].half_width);
    let epsilon = explain(Price::Epsilon(0.5)).await.expect("explained");
    assert!((0.49..=0.5).contains(&epsilon.privacy.epsilon), "{}", epsilon.privacy.epsilon);
    for price in [Price::Within(0.1), Price::Within(0.0), Price::Epsilon(-1.0), Price::Epsilon(f64::NAN)] {
        assert_eq!(explain(price).await.expect_err("refused").kind, ErrorKind::Refused, "{price:?}");
    }
    let (caller, sql) = (house.caller("researcher"), format!("EXPLAIN PRIVACY {BY_GENDER}"));
    let asked = Ask::default();
    let asked = house.engine.explain(&caller, &sql, &asked);
    assert_eq!(asked.await.expect("explained").expected.len(), 1);
    assert_eq!(crate::explained("explain  privacy\nselect 1"), Some("select 1"));
    assert_eq!(
        (crate::explained("explain select 1"), crate::explained("explain privacyselect 1")),
        (None, None)
    );
}

/// What fails over any answers is refused before anything is charged.
#[tokio::test(flavor = "multi_thread")]
async fn mistakes_above_the_aggregates_cost_nothing() {
    let house = house(&contacts(20)).await;
    let left = house.left("persons", "2024", "researchers");
    for sql in [
        "select cast('x' as int) x, count(*) n from contact where year = 2024",
        "select 1 / 0 x, count(*) n from contact where year = 2024",
        "select count(*) n, (select residents from population) r from contact where year = 2024",
        "select n from (select count(*) n from contact where year = 2024) t cross join population p cross join population q",
    ] {
        let error = house.ask(sql, 0.01).await.expect_err(sql);
        assert_eq!(error.kind, ErrorKind::Refused, "{sql}: {error:?}");
    }
    assert!((house.left("persons", "2024", "researchers") - left).abs() < 1e-12);
}

/// Also where all that others are read for is not read; and a question is the same with such a number and without it.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_persons_that_nobody_reads_are_left_out() {
    let house = house(&contacts(200)).await;
    let of = |numbers: &str| {
        format!(
            "select count(*) as n from (select person, year{numbers} from contact where year = 2024 group by person, year) t"
        )
    };
    let by_month = "select person, year, month, count(*) as n from contact where year = 2024 group by person, year, month";
    for sql in [
        of(", count(*) as c, sum(minutes) as m"),
        format!("select count(*) as n from (select person, year, max(n) as most from ({by_month}) t group by person, year) u"),
        format!("select count(*) as n from person_year p where p.year = 2024 and exists (select 1 from ({by_month}) t where t.person = p.person and t.year = p.year)"),
        "select count(*) as n from person_year p join (select person, year, count(*) as c from contact group by person, year) t using (person, year) where p.year = 2024".to_owned(),
    ] {
        let answer = house.ask(&sql, 0.01).await.expect(&sql);
        // Of 200 persons, and σ at most 15, or of their months; six of them.
        let n = answer.rows[0][0].as_f64().expect("a number");
        assert!((100.0..700.0).contains(&n), "{n}: {sql}");
    }
    let answer = house.ask(&of(""), 0.01).await.expect("answered");
    assert_eq!(answer.answer.source, AnswerSource::Stored);
}

/// Conditions on noised values choose rows; intervals are those of the rows they choose.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_only_a_condition_names_draws_no_other_rows() {
    let house = house(&contacts(200)).await;
    let sql = "with a as (select service s, count(*) n from contact where year = 2024 group by 1),
        b as (select count(*) m from contact where year = 2024)
        select s, n / 2 as h from a where n > (select m from b) / 20 order by s";
    let answer = house.ask(sql, 0.05).await.expect("answered");
    assert!(!answer.rows.is_empty());
    for (row, [low, high]) in answer.rows.iter().zip(&answer.intervals["h"]) {
        let half = row[1].as_f64().expect("a number");
        assert!(*low < half && half < *high && high - low < 2_000.0, "{answer:?}");
    }
}

/// What a computed column shows, and its interval; the rows of a union in the order of the text.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_computed_of_answers_has_intervals() {
    let house = house(&contacts(200)).await;
    let sql = "select gender, 100.0 * persons / sum(persons) over () as share from
        (select gender, count(distinct person) as persons from person_year where year = 2024 group by gender) t
        where gender <> 'unknown' order by gender";
    let answer = house.ask(sql, 0.05).await.expect("answered");
    assert_eq!(answer.rows.len(), 2);
    for (row, [low, high]) in answer.rows.iter().zip(&answer.intervals["share"]) {
        let share = row[1].as_f64().expect("a number");
        // 100 of 200, with σ 3.2: six of them are 10 points.
        assert!(
            (40.0..60.0).contains(&share) && low < &share && &share < high && high - low < 10.0,
            "{answer:?}"
        );
    }
    let both = "select 'persons' as what, count(distinct person) as n from contact where year = 2024
        union all select 'contacts', count(*) from contact where year = 2024
        union all select 'minutes', avg(minutes) from contact where year = 2024";
    // 500 contacts with a noise of at most σ 91: an average of none has a chance of 2e-8.
    let answer = house.ask(both, 0.04).await.expect("answered");
    let what: Vec<&str> = answer.rows.iter().filter_map(|row| row[0].as_str()).collect();
    assert_eq!(what, ["persons", "contacts", "minutes"]);
    assert!(answer.intervals["n"].iter().all(|[low, high]| low < high), "{answer:?}");
    assert!(answer.answer.id.contains('+'), "three stored answers");
    let left = house.left("persons", "2024", "researchers");
    assert_eq!(house.ask(both, 0.04).await.expect("answered").answer.source, AnswerSource::Stored);
    assert!((house.left("persons", "2024", "researchers") - left).abs() < 1e-12);
    assert!((left - (0.093 - 0.05 - 0.04)).abs() < 1e-8, "a statement pays its price once: {left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_checked_here() {
    let house = house(&contacts(4)).await;
    assert_eq!(house.engine.authenticate("nobody").expect_err("unknown").kind, ErrorKind::NotPermitted);
    let steward = house.caller("steward");
    let error = house.engine.ask(&steward, BY_GENDER, &Ask::default()).await.expect_err("no role");
    assert_eq!(error.kind, ErrorKind::NotPermitted);
    let error = house.engine.explain(&steward, BY_GENDER, &Ask::default()).await.expect_err("no role");
    assert_eq!(error.kind, ErrorKind::NotPermitted);
    let researcher = house.caller("researcher");
    assert_eq!(
        house.engine.measure(&researcher, &marginals()).await.expect_err("no role").kind,
        ErrorKind::NotPermitted
    );
    let error = house.engine.measure_scene(&researcher, "2024-summer", 0.05).await.expect_err("no role");
    assert_eq!(error.kind, ErrorKind::NotPermitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_after_the_charge_is_uniform_and_keeps_the_charge() {
    let house = house(&contacts(50)).await;
    house.lose_files();
    let questions = [BY_GENDER, "select service, sum(minutes) from contact where year = 2024 group by 1"];
    for sql in questions {
        let before = house.left("persons", "2024", "researchers");
        let error = house.ask(sql, 0.02).await.expect_err("no files");
        assert_eq!(
            (error.kind, error.message.as_str(), error.hint.as_deref()),
            (ErrorKind::Fault, UNIFORM_FAULT, None)
        );
        assert!(
            (before - house.left("persons", "2024", "researchers") - 0.02).abs() < 1e-8,
            "the charge stays"
        );
    }
    // Planning and pricing need no data.
    let explained = house.engine.explain(&house.caller("researcher"), BY_GENDER, &Ask::default()).await;
    assert!(explained.is_ok_and(|e| !e.free));
    // A refusal costs nothing.
    let before = house.left("persons", "2024", "researchers");
    assert_eq!(
        house.ask("select person from contact", 0.02).await.expect_err("refused").kind,
        ErrorKind::Refused
    );
    assert!((before - house.left("persons", "2024", "researchers")).abs() < 1e-12);
}

/// Invariant 5: what a caller sees, but for the noise, is the same for two warehouses that differ in one person.
#[tokio::test(flavor = "multi_thread")]
async fn one_person_more_or_less_changes_no_error_and_no_shape() {
    let (all, fewer) = (contacts(30), contacts(29));
    let (a, b) = (house(&all).await, house(&fewer).await);
    let statements = [
        BY_GENDER,
        "select service, count(*), count(distinct person) from contact where year = 2024 group by 1",
        "select month, sum(minutes) from contact where year = 2024 and minutes > 3 group by 1",
        "select year, count(*) from contact where year < 2021 group by year order by 2",
        "select count(*) from contact where 1/(minutes-30) = 1",
        "select count(*) from contact where person = 29",
        "select count(*) from contact where year = 2031",
        "select service, count(*) from nothing group by 1",
    ];
    for sql in statements {
        match (a.ask(sql, 0.01).await, b.ask(sql, 0.01).await) {
            (Ok(x), Ok(y)) => {
                assert_eq!(x.columns, y.columns);
                assert_eq!(x.rows.len(), y.rows.len(), "{sql}");
                assert_eq!((x.privacy, x.answer.source), (y.privacy, y.answer.source));
                if !sql.contains("order by") {
                    let keys = |rows: &[Vec<Json>]| rows.iter().map(|r| r[0].clone()).collect::<Vec<_>>();
                    assert_eq!(keys(&x.rows), keys(&y.rows), "{sql}");
                }
            }
            (Err(x), Err(y)) => assert_eq!(x, y, "{sql}"),
            (x, y) => panic!("{sql}: {x:?} and {y:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_gets_the_answer_later_for_free() {
    let house = house(&contacts(50)).await;
    let researcher = house.caller("researcher");
    let ask = Ask { price: Some(Price::Rho(0.01)), ..Ask::default() };
    let gone = tokio::time::timeout(
        std::time::Duration::from_millis(2),
        house.engine.ask(&researcher, BY_GENDER, &ask),
    )
    .await;
    // Either it was never begun, or it goes on without the caller; one who asks meanwhile waits for it.
    drop(gone);
    let (one, two) = tokio::join!(house.ask(BY_GENDER, 0.01), house.ask(BY_GENDER, 0.01));
    assert_eq!(one.expect("answered").rows, two.expect("answered").rows);
    assert!((house.left("persons", "2024", "researchers") - 0.083).abs() < 1e-8, "charged once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ledger_refills_no_budget() {
    let House { folder, engine } = house(&contacts(20)).await;
    drop(engine);
    let installation = Installation::open(folder.path()).expect("an installation");
    assert_eq!(Engine::init_ledger(&installation).expect_err("a book is there").kind, ErrorKind::Fault);
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ledger.sqlite")) {
            std::fs::remove_file(path).expect("removed");
        }
    }
    for error in [Engine::open(&installation).err(), Engine::init_ledger(&installation).err()] {
        let error = error.expect("refused");
        assert_eq!(error.kind, ErrorKind::Fault);
        assert!(error.message.contains("holds data or releases"), "{error}");
        assert!(error.hint.is_some_and(|hint| hint.contains("kept copy")));
    }
    assert!(!installation.ledger_path().exists());
}

#[test]
fn a_new_installation_begins_its_ledger_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let installation = Installation::init(folder.path()).expect("an installation");
    let error = Engine::open(&installation).err().expect("no ledger yet");
    assert!(error.hint.is_some_and(|hint| hint.contains("skjerm init")), "{}", error.message);
    let release = installation.releases_dir().join("2023-0");
    std::fs::create_dir(&release).expect("a folder");
    Engine::init_ledger(&installation).expect_err("a release is there");
    std::fs::remove_dir(&release).expect("removed");
    Engine::init_ledger(&installation).expect("begun");
    Engine::init_ledger(&installation).expect_err("there already");
    Engine::open(&installation).expect("an engine");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_faults_leave_at_a_step() {
    let step = Duration::from_millis(1500);
    let house = house_with_step(&contacts(20), 1500).await;
    let other = "select service, count(*) from contact where year = 2024 group by service";
    // Work on 20 persons ends within the first step; so does finding that the files are gone.
    let started = Instant::now();
    let (paid, waited) = tokio::join!(house.ask(BY_GENDER, 0.02), house.ask(BY_GENDER, 0.02));
    assert!(started.elapsed() >= step, "{:?}", started.elapsed());
    let sources = [paid.expect("answered").answer.source, waited.expect("answered").answer.source];
    assert!(sources.contains(&AnswerSource::Spent) && sources.contains(&AnswerSource::Stored));
    let started = Instant::now();
    house.ask(BY_GENDER, 0.02).await.expect("stored");
    assert!(started.elapsed() < step, "a stored answer is the same for all data, and need not wait");
    house.lose_files();
    let started = Instant::now();
    assert_eq!(house.ask(other, 0.02).await.expect_err("no files").message, UNIFORM_FAULT);
    assert!(started.elapsed() >= step, "{:?}", started.elapsed());
}

#[test]
fn a_step_is_waited_for_to_its_end() {
    let ms = Duration::from_millis;
    for (elapsed, wait) in [(0, 250), (1, 249), (249, 1), (250, 250), (260, 240), (60_001, 249)] {
        assert_eq!(until_step(ms(elapsed), ms(250)), ms(wait), "{elapsed}");
    }
}
