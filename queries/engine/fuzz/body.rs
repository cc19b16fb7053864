//! What holds of whatever text is asked: the fuzzer's target, and an ordinary test of the engine (`tests/fuzzed.rs`).

use skjerm_engine::{Answer, Ask, Caller, Engine, EngineError, ErrorKind, Price};

/// What the program calls things that a question does not.
const INTERNAL: &[&str] = &[
    "answer_",
    "measured_",
    "key_0",
    "part_0",
    "quantile_of_counts",
    "__",
    "DataFusion",
    "datafusion",
    "panicked",
    "src/",
    ".rs",
    "TableScan",
    "Internal error",
];

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Refused,
    /// There is too little left to spend.
    Exhausted,
}

/// A first line of a text that says how it is asked, word by word: `--ask rho 0.05 norm 2`.
const OPTIONS: &str = "--ask ";

/// How a text is asked, and the question itself.
fn read(text: &str) -> (Ask, &str) {
    let mut ask = Ask::default();
    let Some((line, sql)) = text.strip_prefix(OPTIONS).and_then(|rest| rest.split_once('\n')) else {
        return (ask, text);
    };
    let mut words = line.split_whitespace();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        let number = value.parse().unwrap_or(f64::NAN);
        match name {
            "rho" => ask.price = Some(Price::Rho(number)),
            "epsilon" => ask.price = Some(Price::Epsilon(number)),
            "within" => ask.price = Some(Price::Within(number)),
            "norm" => ask.norm = Some(number),
            "request" => ask.request = Some(value.to_owned()),
            _ => ask.reason = Some(value.to_owned()),
        }
    }
    (ask, sql)
}

/// Of so many answered texts one is asked again: drawing the noise of computed values is most of the time.
const AGAIN: usize = 4;

/// Prices a text, asks it, and now and then asks it again. Panics where something does not hold.
pub(crate) async fn asked(engine: &Engine, caller: &Caller, text: &str) -> Outcome {
    let (ask, sql) = read(text);
    let explained = engine.explain(caller, sql, &ask).await;
    let before = spent(engine);
    let answer = engine.ask(caller, sql, &ask).await;
    let after = spent(engine);
    match (answer, explained) {
        (Ok(answer), Ok(explained)) => {
            whole(&answer, text);
            assert!(explained.privacy.rho >= answer.privacy.rho, "dearer than it was said: {text}");
            assert!(!explained.free || !answer.privacy.charged, "said to be free, and charged: {text}");
            // From each year that was named the price at most, and nothing from others.
            for ((block, before), (_, after)) in before.iter().zip(&after) {
                let may_cost = if answer.privacy.blocks.contains(block) { answer.privacy.rho } else { 0.0 };
                assert!(after - before <= may_cost + 1e-8, "{before} to {after} from {block}: {text}");
                assert!(answer.privacy.charged || after <= before, "free, and charged to {block}: {text}");
            }
            if text.len().is_multiple_of(AGAIN) {
                let again = engine.ask(caller, sql, &ask).await.expect(text);
                assert!(!again.privacy.charged && spent(engine) == after, "charged twice: {text}");
                assert_eq!(values(&answer), values(&again), "another answer to the same question: {text}");
            }
            Outcome::Answered
        }
        (Ok(_), Err(error)) => panic!("answered, and cannot be explained: {error}\n{text}"),
        (Err(error), explained) => {
            assert_eq!(before, after, "charged for a refusal: {error}\n{text}");
            if error.kind == ErrorKind::Exhausted {
                explained.expect(text);
                return Outcome::Exhausted;
            }
            refused(&error, text);
            // What `EXPLAIN PRIVACY` asks for is explained, and not answered; explaining looks for no earlier request.
            if skjerm_engine::explained(sql).is_none() && !error.message.contains("request id") {
                assert_eq!(explained.expect_err(text), error, "{text}");
            }
            Outcome::Refused
        }
    }
}

/// Nothing goes wrong behind the charge, and nothing takes so long that it has no turn: every error is a refusal, in words
/// of the question.
pub(crate) fn refused(error: &EngineError, sql: &str) {
    assert_eq!(error.kind, ErrorKind::Refused, "{error}\n{sql}");
    assert!(!error.message.contains("could not be begun"), "planned for too long: {sql}");
    let said = format!("{} {}", error.message, error.hint.as_deref().unwrap_or_default());
    let known = INTERNAL.iter().find(|word| said.contains(**word) && !sql.contains(**word));
    assert!(known.is_none(), "{known:?} in: {said}\nfor: {sql}");
}

/// A row has a value for every column, and an interval for every noised one.
fn whole(answer: &Answer, sql: &str) {
    assert!(answer.rows.iter().all(|row| row.len() == answer.columns.len()), "{sql}");
    for (column, intervals) in answer.intervals.iter().chain(&answer.with_bound) {
        assert!(answer.columns.contains(column) && intervals.len() == answer.rows.len(), "{column}: {sql}");
        assert!(!intervals.iter().any(|[low, high]| low > high), "{column}: {sql}");
    }
    serde_json::to_string(answer).expect(sql);
}

/// What an answer says, whatever it cost this time. As text, in which no number differs from itself.
fn values(answer: &Answer) -> String {
    serde_json::json!([answer.columns, answer.rows, answer.intervals, answer.with_bound]).to_string()
}

/// What each block has spent, by its name.
fn spent(engine: &Engine) -> Vec<(String, f64)> {
    let blocks = engine.budget().expect("the ledger");
    blocks.into_iter().map(|status| (status.block.to_string(), status.spent.as_f64())).collect()
}
