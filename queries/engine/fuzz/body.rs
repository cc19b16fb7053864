//! What holds of whatever text is asked: the fuzzer's target, and an ordinary test of the engine (`tests/fuzzed.rs`).

use skjerm_engine::{Answer, Ask, Caller, Engine, EngineError, ErrorKind};

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

/// Prices a text and asks it; says whether it was answered. Panics where something does not hold.
pub(crate) async fn asked(engine: &Engine, caller: &Caller, sql: &str) -> bool {
    let ask = Ask::default();
    let explained = engine.explain(caller, sql, &ask).await;
    match (engine.ask(caller, sql, &ask).await, explained) {
        (Ok(answer), Ok(explained)) => {
            whole(&answer, sql);
            assert!(explained.privacy.rho >= answer.privacy.rho, "dearer than it was said: {sql}");
            true
        }
        (Ok(_), Err(error)) => panic!("answered, and cannot be explained: {error}\n{sql}"),
        (Err(error), explained) => {
            refused(&error, sql);
            // What `EXPLAIN PRIVACY` asks for is explained, and not answered.
            if skjerm_engine::explained(sql).is_none() {
                assert_eq!(explained.expect_err(sql), error, "{sql}");
            }
            false
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
