//! Weights of columns: what is said before, what comes back, and that they are a part of the question.

use super::{contacts, house};
use crate::{AnswerSource, Ask, Price};

const SQL: &str = "select gender, count(*) n, count(distinct person) p, sum(minutes) m from contact where year = 2024 group by gender";

fn ask(weights: &[(&str, f64)]) -> Ask {
    let weights = weights.iter().map(|(column, weight)| ((*column).to_owned(), *weight)).collect();
    Ask { price: Some(Price::Rho(0.02)), weights, ..Ask::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_beside_the_question_are_those_in_its_text() {
    let house = house(&contacts(200)).await;
    let caller = house.caller("researcher");
    let weighed = house.engine.ask(&caller, SQL, &ask(&[("p", 2.0)])).await.expect("answered");
    let stored = async |sql: &str, with: &Ask| {
        let answer = house.engine.ask(&caller, sql, with).await.expect("answered");
        (answer.answer.source == AnswerSource::Stored, answer.answer.id == weighed.answer.id)
    };
    for hint in ["/*+ weights(p => 2) */", "/*+ weights(p = 4, n = 2, m = 2) */"] {
        assert_eq!(stored(&format!("{hint} {SQL}"), &ask(&[])).await, (true, true), "{hint}");
    }
    // Other weights are another question, as none are; even ones are none.
    let free = async |with: &Ask| house.engine.explain(&caller, SQL, with).await.expect("explained").free;
    assert!(free(&ask(&[("p", 2.0)])).await && !free(&ask(&[("p", 2.5)])).await && !free(&ask(&[])).await);
    house.engine.ask(&caller, SQL, &ask(&[("n", 3.0), ("p", 3.0), ("m", 3.0)])).await.expect("answered");
    assert!(free(&ask(&[])).await);
    // The book says how it was weighed.
    let history = house.engine.ledger.history(&skjerm_ledger::HistoryFilter::default()).expect("read");
    let said: Vec<String> = history.iter().map(|entry| format!("{entry:?}")).collect();
    assert!(said.iter().any(|entry| entry.contains("by weights 1, 2, 1")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_expected_follows_the_weights_and_holds_what_comes() {
    let house = house(&contacts(200)).await;
    let caller = house.caller("researcher");
    let expected =
        async |with: &Ask| house.engine.explain(&caller, SQL, with).await.expect("explained").expected;
    let (even, weighed) = (expected(&ask(&[])).await, expected(&ask(&[("n", 2.0)])).await);
    let names: Vec<&str> = weighed.iter().map(|column| column.column.as_str()).collect();
    assert_eq!(names, ["n", "p", "m"]);
    // Of six parts the first has four, and the others one each, where each had a third.
    for ((even, weighed), factor) in even.iter().zip(&weighed).zip([0.5, 2.0, 2.0]) {
        let ratio = weighed.half_width / even.half_width;
        assert!((ratio / f64::sqrt(factor) - 1.0).abs() < 1e-3, "{weighed:?} beside {even:?}");
    }
    for (with, expected) in [(ask(&[]), even), (ask(&[("n", 2.0)]), weighed)] {
        let answer = house.engine.ask(&caller, SQL, &with).await.expect("answered");
        for column in expected {
            for [low, high] in &answer.intervals[&column.column] {
                let half = (high - low) / 2.0;
                // Ends are shown rounded.
                assert!(half > column.at_least - 0.1 && half < column.at_most + 0.1, "{half} for {column:?}");
            }
        }
        assert!(
            answer.notes.iter().any(|note| note.starts_with("The columns share ρ")),
            "{:?}",
            answer.notes
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_cannot_leave_the_hint_and_bad_weights_are_refused() {
    let house = house(&contacts(20)).await;
    let caller = house.caller("researcher");
    for (name, weight) in [
        ("p */ select 1 /*", 2.0),
        ("p\" => 2) */ --", 2.0),
        ("/*", 2.0),
        ("", 2.0),
        ("P", 2.0),
        ("p", f64::NAN),
        ("p", f64::INFINITY),
        ("p", -2.0),
        ("p", 0.0),
        ("p", 11.0),
        ("gender", 2.0),
    ] {
        let error = house.engine.ask(&caller, SQL, &ask(&[(name, weight)])).await.expect_err(name);
        assert_eq!(error.kind, crate::ErrorKind::Refused, "{name} {weight}");
        let known = ["no output column", "a number above 0", "10 to 1", "is not measured", "not understood"];
        assert!(known.iter().any(|said| error.message.contains(said)), "{name} {weight}: {error}");
    }
}
