//! What an answer says of the bound: a second interval, sentences, and a norm that the caller names.

use super::{contacts, house};
use crate::plan::{Lost, NoisedTable};
use crate::{AnswerSource, Ask, Price};

const BY_SERVICE: &str =
    "select service, count(*) n, avg(minutes) m from contact where year = 2024 group by service";

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_that_cuts_makes_a_second_and_wider_interval() {
    let house = house(&contacts(200)).await;
    let answer = house.ask(BY_SERVICE, 0.08).await.expect("answered");
    for name in ["n", "m"] {
        let (plain, wide) = (&answer.intervals[name], &answer.with_bound[name]);
        assert_eq!(plain.len(), wide.len());
        for ([low, high], wide) in plain.iter().zip(wide) {
            let nothing = low.is_nan() && wide[0].is_nan();
            assert!(nothing || wide[0] <= *low && *high <= wide[1], "{name}: {wide:?} in {low} to {high}");
        }
    }
    // Rows are only ever lost, and what was given back may belong to other cells.
    for ([low, high], wide) in answer.intervals["n"].iter().zip(&answer.with_bound["n"]) {
        let (down, up) = (low - wide[0], wide[1] - high);
        assert!(down > -1e-9 && up > down, "{wide:?} for {low} to {high}");
    }
    assert!(
        answer.notes.iter().any(|note| note.contains("`n`") && note.contains("bound cut off")
            || note.contains("cut off by the bound")),
        "{:?}",
        answer.notes
    );
    let again = house.ask(BY_SERVICE, 0.08).await.expect("stored");
    assert_eq!(again.answer.source, AnswerSource::Stored);
    assert_eq!(again.with_bound["n"], answer.with_bound["n"]);
    // Where one person-year counts once, nothing is cut.
    let persons = house.ask("select count(distinct person) p from contact where year = 2024", 0.01).await;
    let persons = persons.expect("answered");
    assert_eq!(persons.with_bound["p"], persons.intervals["p"]);
    assert!(!persons.notes.iter().any(|note| note.contains("`p`")), "{:?}", persons.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_norm_is_kept_to_and_what_it_cuts_is_said_to_be_unknown() {
    let house = house(&contacts(200)).await;
    let sql =
        "select service, count(*) n, count(*) * 2 twice from contact where year = 2024 group by service";
    let ask = Ask { price: Some(Price::Rho(0.09)), norm: Some(2.0), ..Ask::default() };
    let caller = house.caller("researcher");
    let explained = house.engine.explain(&caller, sql, &ask).await.expect("explained");
    let expected = &explained.expected[0];
    assert!(expected.at_most - expected.at_least < 1e-9 && !explained.free, "{expected:?}");
    assert!(explained.bounds.norms["n"].iter().all(|norm| (norm - 2.0).abs() < 1e-9), "{explained:?}");
    assert!(explained.bounds.norm.contains("named"), "{}", explained.bounds.norm);
    let answer = house.engine.ask(&caller, sql, &ask).await.expect("answered");
    let [low, high] = answer.intervals["n"][0];
    assert!(((high - low) / 2.0 - expected.half_width).abs() <= 0.2, "{low} to {high} for {expected:?}");
    assert!(answer.with_bound.is_empty(), "{:?}", answer.with_bound);
    assert!(answer.notes.iter().any(|note| note.contains("is not known")), "{:?}", answer.notes);
    // In the text it is the same question, without it another.
    let again = house.ask(&format!("/*+ norm(2) */ {sql}"), 0.09).await.expect("stored");
    assert_eq!((again.answer.source, again.answer.id), (AnswerSource::Stored, answer.answer.id));
    assert!(!house.engine.explain(&caller, sql, &Ask { norm: None, ..ask }).await.expect("explained").free);
    // A norm that no person-year can be above cuts nothing.
    let all = Ask { price: Some(Price::Rho(0.001)), norm: Some(120.0 * 5.0), ..Ask::default() };
    let all = house.engine.ask(&caller, sql, &all).await.expect("answered");
    assert_eq!(all.with_bound, all.intervals);
}

#[test]
fn answers_of_before_have_no_second_interval() {
    let old = r#"{"columns":[{"name":"count","values":[1.0],"half_width":2.0,"whole":false}],"notes":[]}"#;
    let old: NoisedTable = serde_json::from_str(old).expect("read");
    assert_eq!(old.columns[0].lost, Lost::Nothing);
    let written = serde_json::to_string(&old).expect("written");
    assert_eq!(serde_json::from_str::<NoisedTable>(&written).expect("read"), old);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_reads_so_many_rows_and_no_more_says_so() {
    let house = house(&contacts(200)).await;
    let caller = house.caller("researcher");
    let most = 2 * house.engine.policy().table("contact").expect("a table").max_rows;
    let said = format!("reads {most} rows of `contact`");
    for (from, is_said) in [
        ("contact join follow_up f using (person, year)", true),
        (
            "contact join (select person, year, gender from follow_up where month < 7) f using (person, year)",
            true,
        ),
        ("contact join person_year p using (person, year)", false),
        (
            "contact join (select person, year, count(*) n from follow_up group by person, year) f using (person, year)",
            false,
        ),
        (
            "contact where exists (select 1 from follow_up f where f.person = contact.person and f.year = contact.year)",
            false,
        ),
    ] {
        let and = if from.contains("where exists") { "and" } else { "where" };
        let sql =
            format!("select service, count(*) n from {from} {and} contact.year = 2024 group by service");
        let sql =
            if from.contains("join") { sql.replace("select service", "select contact.service") } else { sql };
        let sql = sql.replace("group by service", "group by contact.service");
        let ask = Ask { price: Some(Price::Rho(0.05)), ..Ask::default() };
        let explained = house.engine.explain(&caller, &sql, &ask).await.expect("explained");
        let found = explained.notes.iter().any(|note| note.contains(&said));
        assert_eq!(found, is_said, "{from}: {:?}", explained.notes);
    }
}
