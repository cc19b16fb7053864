//! Researchers' questions: the corpus against plain SQL over the same rows.
//!
//! `tests/corpus/questions.sql` holds what researchers ask. Before noise and scaling each must give what DataFusion
//! gives for the same text over ordinary tables; the rows are made up.

use std::collections::BTreeMap;
use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use serde_json::Value as Json;

use super::*;
use crate::plan::Origin;
use crate::run::{present, rehearse};

/// A question of the corpus.
pub(super) struct Asked {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) sql: String,
}

/// Questions whose plain answer lacks the empty cells that ours has, so that what is computed over cells differs.
pub(super) const OVER_CELLS: &[&str] =
    &["contacts_a_week_by_service", "rank_of_districts", "agency_rank_by_age"];

pub(super) fn corpus() -> Vec<Asked> {
    let text = include_str!("../../../../../tests/corpus/questions.sql");
    let mut found = Vec::new();
    for block in text.split("\n\n") {
        let of = |word: &str| block.lines().find_map(|line| line.strip_prefix(word)).map(str::trim);
        let (Some(name), Some(kind)) = (of("-- name:"), of("-- kind:")) else { continue };
        let sql: Vec<&str> = block.lines().filter(|line| !line.starts_with("--")).collect();
        found.push(Asked { name, kind, sql: sql.join("\n") });
    }
    found
}

/// Numbers that look random, the same each time.
pub(super) struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }

    /// From above 0 to 1.
    fn part(&mut self) -> f64 {
        (self.below(1 << 20) + 1) as f64 / f64::from(1 << 20)
    }

    fn measure(&mut self, bound: usize) -> i64 {
        i64::try_from(self.below(bound)).expect("small")
    }
}

/// Rows of all tables of persons: MADE UP, over 2023 and 2024.
pub(super) fn city() -> BTreeMap<&'static str, Vec<Row>> {
    city_of(7, 200, 5)
}

/// The same with so many persons, each with fewer than `most` rows a table and year.
pub(super) fn city_of(seed: u64, persons: u8, most: usize) -> BTreeMap<&'static str, Vec<Row>> {
    city_with(seed, persons, &mut |numbers, _| numbers.below(most))
}

/// The same with a power law of exponent 1.3: half of the persons have a single row, and some as many as count.
pub(super) fn heavy_city() -> BTreeMap<&'static str, Vec<Row>> {
    city_with(7, 250, &mut |numbers, most| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most what counts
        let rows = numbers.part().powf(-1.0 / 1.3).min(most as f64) as usize;
        rows
    })
}

/// Persons whose rows of a table and year are as many as `times` says, given the most that count.
fn city_with(
    seed: u64,
    persons: u8,
    times: &mut dyn FnMut(&mut Numbers, u64) -> usize,
) -> BTreeMap<&'static str, Vec<Row>> {
    let mut numbers = Numbers(seed);
    let policy: &'static Policy = &POLICY;
    let mut tables: BTreeMap<&'static str, Vec<Row>> = BTreeMap::new();
    for table in policy.tables.values().filter(|table| table.family == "persons") {
        let single = table.grain == skjerm_warehouse::policy::Grain::PersonYear;
        let mut rows = Vec::new();
        for person in 0..persons {
            for year in [2023, 2024] {
                let times = if single { 1 } else { times(&mut numbers, u64::from(table.max_rows)) };
                for _ in 0..times {
                    let mut codes = Vec::new();
                    for column in &table.columns {
                        if let skjerm_warehouse::policy::ColumnRole::Dimension { codes: list } = &column.role
                        {
                            let list = &policy.code_list(list).expect("a list").codes;
                            // A few codes of a long list, so that cells have several rows.
                            let pick = numbers.below(list.len().min(6));
                            codes.push((column.name.as_str(), list[pick].code.as_str()));
                        }
                    }
                    let measure = (numbers.below(5) > 0).then(|| numbers.measure(200));
                    let month = 1 + numbers.measure(12);
                    rows.push(Row::new(person, year, month, &codes, measure));
                }
            }
        }
        tables.insert(table.name.as_str(), rows);
    }
    tables
}

/// The tables as ordinary ones.
pub(super) fn ordinary(tables: &BTreeMap<&'static str, Vec<Row>>) -> SessionContext {
    let context = SessionContext::new();
    for (name, rows) in tables {
        context.register_table(*name, table(&POLICY, name, rows)).expect("registered");
    }
    for (name, rows) in PUBLIC.iter() {
        let table = MemTable::try_new(rows.schema(), vec![vec![rows.clone()]]).expect("a table");
        context.register_table(name.as_str(), Arc::new(table)).expect("registered");
    }
    context
}

/// The rows of a text over ordinary tables.
pub(super) async fn plain(context: &SessionContext, sql: &str) -> RecordBatch {
    let frame = context.sql(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    concat_batches(&schema, &batches).expect("one batch")
}

pub(super) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => format!("{:.4}", number.as_f64().unwrap_or(f64::NAN)),
        other => other.to_string(),
    }
}

/// Keys and numbers of plain rows, as ours are written.
pub(super) fn plain_rows(batch: &RecordBatch, origins: &[Origin]) -> BTreeMap<String, Vec<Option<f64>>> {
    let mut rows: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    for row in 0..batch.num_rows() {
        let (mut key, mut numbers) = (String::new(), Vec::new());
        for (column, origin) in batch.columns().iter().zip(origins) {
            let number = cast(column, &DataType::Float64).ok().filter(|_| column.data_type().is_numeric());
            match (origin, number) {
                (Origin::Key, Some(number)) => {
                    let number = number.as_primitive::<Float64Type>();
                    let shown = if number.is_null(row) {
                        "null".to_owned()
                    } else {
                        format!("{:.4}", number.value(row))
                    };
                    write!(key, "{shown}|").expect("written");
                }
                (Origin::Key, None) => {
                    let shown = if column.is_null(row) {
                        "null".to_owned()
                    } else {
                        arrow::util::display::array_value_to_string(column, row).expect("shown")
                    };
                    write!(key, "{}|", shown.strip_suffix("T00:00:00").unwrap_or(&shown)).expect("written");
                }
                (_, Some(number)) => {
                    let number = number.as_primitive::<Float64Type>();
                    numbers.push(number.is_valid(row).then(|| number.value(row)));
                }
                (_, None) => {}
            }
        }
        while rows.contains_key(&key) {
            key.push('+');
        }
        rows.insert(key, numbers);
    }
    rows
}

#[test]
fn every_question_of_the_corpus_gives_the_plain_answer_before_noise() {
    let corpus = corpus();
    assert!(corpus.len() >= 150, "{}", corpus.len());
    let tables = city();
    let context = ordinary(&tables);
    let sources = sources(&tables);
    let runtime = runtime();
    let mut wrong = Vec::new();
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for asked in &corpus {
        let plan = match Plan::new(&POLICY, &PUBLIC, &asked.sql, Some(0.2)) {
            Ok(plan) => plan,
            Err(refused) => {
                let hint = refused.hint.clone().unwrap_or_default();
                wrong.push(format!("{} is refused: {refused} {hint}", asked.name));
                continue;
            }
        };
        if let Err(error) = runtime.block_on(rehearse(&limits(), &PUBLIC, &plan)) {
            wrong.push(format!("{} is refused when rehearsed: {error}", asked.name));
            continue;
        }
        let (ours, of_plain) = runtime.block_on(async {
            let mut answers = Vec::new();
            for question in &plan.questions {
                answers.push(exact_table(&sources, question).await);
            }
            (present(&limits(), &PUBLIC, &plan, &answers, "seed").await, plain(&context, &asked.sql).await)
        });
        let ours = match ours {
            Ok(ours) => ours,
            Err(error) => {
                wrong.push(format!("{} fails: {error}", asked.name));
                continue;
            }
        };
        *by_kind.entry(asked.kind).or_default() += 1;
        if OVER_CELLS.contains(&asked.name) {
            continue;
        }
        let mut expected = plain_rows(&of_plain, &plan.post.origins);
        let mut unlike = Vec::new();
        let mut keys: BTreeMap<String, usize> = BTreeMap::new();
        for row in &ours.rows {
            let (mut key, mut numbers) = (String::new(), Vec::new());
            for (value, origin) in row.iter().zip(&plan.post.origins) {
                match (origin, value) {
                    (Origin::Key, value) => write!(key, "{}|", text(value)).expect("written"),
                    (_, Json::Number(number)) => numbers.push(number.as_f64()),
                    (_, Json::Null) => numbers.push(None),
                    _ => {}
                }
            }
            let times = keys.entry(key.clone()).or_default();
            key.push_str(&"+".repeat(*times));
            *times += 1;
            match expected.remove(&key) {
                Some(exact) => {
                    let near = |(a, b): (&Option<f64>, &Option<f64>)| match (a, b) {
                        (Some(a), Some(b)) => (a - b).abs() <= 0.051 + 1e-3 * b.abs(),
                        (a, b) => a.or(*b).unwrap_or(0.0).abs() < 1e-9,
                    };
                    if numbers.len() != exact.len() || !numbers.iter().zip(&exact).all(near) {
                        unlike.push(format!("{key}: {numbers:?} for {exact:?}"));
                    }
                }
                None if numbers.iter().all(|n| n.is_none_or(|n| n == 0.0)) => {}
                None => unlike.push(format!("{key}: {numbers:?} for nothing")),
            }
        }
        unlike.extend(expected.iter().map(|(key, exact)| format!("{key}: nothing for {exact:?}")));
        if !unlike.is_empty() {
            unlike.truncate(3);
            wrong.push(format!("{}: {}", asked.name, unlike.join("; ")));
        }
    }
    eprintln!("{by_kind:?}");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), corpus.len(), wrong.join("\n"));
}
