//! What a malicious analyst would try: each statement is refused with a sentence, or answered like any question, and
//! neither tells two databases apart that differ by a person.
//!
//! `tests/corpus/adversary.sql`: blocks of a name, a class, what is expected, and a statement of any characters.

use std::collections::BTreeMap;

use skjerm_warehouse::policy::Policy;

use super::*;
use crate::plan::Plan;

struct Attack {
    name: &'static str,
    class: &'static str,
    refused: bool,
    sql: String,
}

/// Expected to be refused, and answered all the same: every expression over closed domains is computed on the policy's
/// lists while the question is planned, and is total then, whatever it looks like.
const TOTAL: &[&str] = &[
    "divide_in_per_person_query",
    "cast_measure_to_tinyint",
    "cast_measure_square_to_smallint",
    "cast_measure_to_decimal_too_small",
    "decimal_overflow_product",
    "decimal_overflow_cast",
    "integer_literal_too_big",
    "float_literal_too_big",
    "ln_of_shifted",
    "power_overflow",
    "power_operator",
    "exp_overflow",
    "round_to_data_digits",
    "ln_in_per_person",
    "like_pattern_from_other_column",
    "string_concat_of_columns",
    "at_time_zone",
    "person_in_with_having",
    "concat_doubling",
    "join_subquery_of_extremes",
    "inner_max_date",
    "date_as_number",
];

fn attacks() -> Vec<Attack> {
    let text = include_str!("../../../../tests/corpus/adversary.sql");
    let mut found = Vec::new();
    for block in text.split("\n\n") {
        let mut lines = block.split('\n').skip_while(|line| !line.starts_with("-- name:"));
        let mut of = |word: &str| lines.next().and_then(|line| line.strip_prefix(word)).map(str::trim);
        let (Some(name), Some(class), Some(expect)) = (of("-- name:"), of("-- class:"), of("-- expect:"))
        else {
            continue;
        };
        let sql: Vec<&str> = lines.collect();
        found.push(Attack { name, class, refused: expect == "refused", sql: sql.join("\n") });
    }
    found
}

#[test]
fn attacks_are_refused_with_a_sentence_or_are_plain_questions() {
    let policy = Policy::oslo();
    let public = crate::public::tables(&policy, &skjerm_warehouse::Reference::shipped().expect("shipped"));
    let attacks = attacks();
    assert!(attacks.len() >= 400, "{}", attacks.len());
    let mut wrong = Vec::new();
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    for attack in &attacks {
        *classes.entry(attack.class).or_default() += 1;
        match Plan::new(&policy, &public, &attack.sql, None) {
            Ok(_) if attack.refused && !TOTAL.contains(&attack.name) => {
                wrong.push(format!("{} ({}) is planned: {}", attack.name, attack.class, attack.sql));
            }
            Ok(_) => {}
            Err(error) => {
                let sentence = error.message.ends_with(['.', '?', '…']) && error.hint.is_some();
                if error.kind != ErrorKind::Refused || !sentence {
                    wrong.push(format!("{}: {error:?}", attack.name));
                }
                if !attack.refused || TOTAL.contains(&attack.name) {
                    wrong.push(format!("{} is refused: {} | {}", attack.name, error.message, attack.sql));
                }
            }
        }
    }
    assert!(classes.len() >= 20, "{classes:?}");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
}

/// What may be seen of an answer or an error: all but the noised values.
async fn seen(house: &House, sql: &str) -> String {
    match house.ask(sql, 1e-5).await {
        Err(error) => format!("{:?} {} {:?}", error.kind, error.message, error.hint),
        Ok(answer) => {
            let plan = house
                .engine
                .planner
                .plan(sql, &Ask { price: Some(Price::Rho(1e-5)), ..Ask::default() })
                .expect("planned");
            // What depends on noised values: which rows a HAVING lets through, and the order of what is ordered by them.
            let free = plan.post.depends_on_values();
            let keys = |row: &Vec<Json>| {
                let keys = row.iter().zip(&plan.post.origins);
                let keys = keys.filter(|(_, origin)| **origin == crate::plan::Origin::Key);
                keys.map(|(value, _)| value.to_string()).collect::<Vec<_>>().join("|")
            };
            let rows: Vec<String> = if free { Vec::new() } else { answer.rows.iter().map(keys).collect() };
            let intervals: Vec<&String> = answer.intervals.keys().collect();
            format!(
                "{:?} {rows:?} {intervals:?} {:?} {:?}",
                answer.columns, answer.privacy.blocks, answer.privacy.remaining
            )
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_do_not_tell_a_person_more_or_less() {
    let all = contacts(12);
    let without: Vec<Row> = all.iter().filter(|row| row.person != 11).cloned().collect();
    let (with, without) = (house(&all).await, house(&without).await);
    let mut answered = 0;
    let public = &with.engine.planner.public;
    for (at, attack) in attacks().into_iter().enumerate() {
        // What planning refuses never comes near the data; one in ten is asked all the same.
        let planned = Plan::new(with.engine.policy(), public, &attack.sql, Some(1e-5)).is_ok();
        if !planned && at % 10 > 0 {
            continue;
        }
        let (a, b) = (seen(&with, &attack.sql).await, seen(&without, &attack.sql).await);
        assert_eq!(a, b, "{}: {}", attack.name, attack.sql);
        answered += usize::from(!a.starts_with("Refused"));
    }
    assert!(answered > 80, "{answered}");
}
