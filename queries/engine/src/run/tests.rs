//! The private plan against plain SQL, and the declared sensitivity against the removal of any person-year.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use skjerm_warehouse::policy::{Policy, Table};
use skjerm_warehouse::{DataFile, TableSnapshot};

use super::testing::{Row, table};
use super::vectors::{NORM_UNIT, PersonYears};
use super::{Limits, read};
use crate::plan::{Bounding, ONE, Plan};

mod shape;

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::oslo);

fn limits() -> Limits {
    Limits {
        memory_bytes: 256 << 20,
        spill: PathBuf::from("/nonexistent"),
        deadline: Duration::from_mins(1),
        step: Duration::from_millis(1),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn plan(sql: &str) -> Plan {
    Plan::new(&POLICY, sql, Some(0.1)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

async fn person_years(plan: &Plan, rows: &[Row]) -> Vec<PersonYears> {
    let source = table(&POLICY, &plan.query.table, rows);
    read(&limits(), source, &plan.query).await.unwrap_or_else(|e| panic!("{e}"))
}

/// Exact vectors without scaling: the norm is as large as the bounds allow.
async fn unscaled(plan: &Plan, rows: &[Row]) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    for (person_years, (_, bound)) in person_years(plan, rows).await.into_iter().zip(&plan.query.aggregates) {
        let (c, unit) = match bound {
            Bounding::One => (1, 1.0),
            Bounding::Norm { max_norm, .. } => (*max_norm * NORM_UNIT.unsigned_abs(), ONE as f64),
        };
        let exact = person_years.into_exact(c).unwrap_or_else(|e| panic!("{e}"));
        all.push(exact.reveal().iter().map(|v| *v as f64 / unit).collect());
    }
    all
}

/// The same statement in plain DataFusion; key columns first, one aggregate last.
async fn plain(sql: &str, name: &str, rows: &[Row]) -> Vec<(Vec<String>, i64)> {
    let context = SessionContext::new();
    context.register_table(name, table(&POLICY, name, rows)).expect("registered");
    let batches = context.sql(sql).await.expect("planned").collect().await.expect("run");
    let mut found = Vec::new();
    for batch in batches {
        let last = batch.num_columns() - 1;
        let values = batch.column(last).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let keys = (0..last)
                .map(|c| match batch.column(c).as_string_opt::<i32>() {
                    Some(codes) => codes.value(row).to_owned(),
                    None => batch.column(c).as_primitive::<Int64Type>().value(row).to_string(),
                })
                .collect();
            found.push((keys, if values.is_null(row) { 0 } else { values.value(row) }));
        }
    }
    found
}

const QUESTIONS: &[(&str, &str)] = &[
    ("contact", "select count(*) from contact"),
    ("contact", "select year, count(*) from contact group by year"),
    ("contact", "select year, count(distinct person) from contact group by year"),
    ("contact", "select service, count(*) from contact where year = 2024 group by service"),
    ("contact", "select service, count(distinct person) from contact where year = 2023 group by service"),
    (
        "contact",
        "select gender, month, sum(minutes) from contact where year = 2024 and month < 4 group by gender, month",
    ),
    ("contact", "select gender, count(minutes) from contact where year <> 2023 group by gender"),
    (
        "contact",
        "select year, month, count(*) from contact where (year = 2023 and month = 2) or (year = 2024 and month = 1) group by year, month",
    ),
    ("contact", "select gender, count(*) from contact where not (minutes > 30) group by gender"),
    (
        "contact",
        "select gender, count(*) from contact where minutes is null or minutes in (0, 240) group by gender",
    ),
    (
        "contact",
        "select gender, count(*) from contact where not (gender = 'male' or month between 2 and 3) and service <> '030101' group by gender",
    ),
    (
        "contact",
        "select year, service, count(distinct person) from contact where gender in ('male', 'female') group by year, service",
    ),
    ("bed_stay", "select unit, sum(nights) from bed_stay where year = 2024 group by unit"),
];

fn row() -> impl Strategy<Value = Row> {
    let gender = prop_oneof![Just("male"), Just("female"), Just("unknown")];
    let service = prop_oneof![Just("030101"), Just("030102"), Just("uteseksjonen")];
    let unit = prop_oneof![Just("exit"), Just("bryn")];
    let measure = prop_oneof![1 => Just(None), 4 => (0..=240_i64).prop_map(Some)];
    (0..5_u8, 2023..=2024_i64, 1..=4_i64, gender, service, unit, measure).prop_map(
        |(person, year, month, gender, service, unit, measure)| {
            Row::new(
                person,
                year,
                month,
                &[("gender", gender), ("service", service), ("unit", unit)],
                measure,
            )
        },
    )
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // Some persons with many rows, so that bounds bite.
    (proptest::collection::vec(row(), 0..40), row(), 0..30_usize).prop_map(|(mut rows, one, times)| {
        rows.extend(std::iter::repeat_n(one, times));
        rows
    })
}

/// Questions for the sensitivity: every kind of aggregate, grouping and filter, also on `person_year`.
const BOUNDED: &[&str] = &[
    "select service, count(*), count(distinct person), sum(minutes), count(minutes) from contact where year = 2024 group by service",
    "select year, count(*), count(distinct person), sum(minutes) from contact group by year",
    "select count(*), sum(minutes) from contact",
    "select gender, service, month, count(*), count(distinct person) from contact where year = 2023 group by 1, 2, 3",
    "select gender, count(distinct person), sum(minutes) from contact where year = 2024 and (minutes > 100 or month = 2) group by 1",
    "select year, month, count(distinct person), count(*) from contact group by 1, 2",
    "select gender, count(*), count(distinct person) from person_year where year = 2024 group by 1",
    "select year, gender, belonging, count(*) from person_year where gender <> 'male' group by 1, 2, 3",
    "select gender, count(*) from person_year group by 1",
    "select unit, count(*), sum(nights) from bed_stay where nights > 3 group by 1",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Without scaling, the private plan counts what plain SQL counts.
    #[test]
    fn unscaled_answers_are_those_of_plain_sql(rows in rows(), which in 0..QUESTIONS.len()) {
        let (name, sql) = QUESTIONS[which];
        let plan = plan(sql);
        let (exact, plain) = runtime().block_on(async { (unscaled(&plan, &rows).await, plain(sql, name, &rows).await) });
        let keys: Vec<Vec<String>> = plan.query.cells.keys().iter().map(|key| key.iter().map(text).collect()).collect();
        // Keys of the plan are in canonical order; those of the statement in its own.
        let order: Vec<usize> = plan.shown_key_axes();
        let mut found = BTreeSet::new();
        for (cell, value) in plain {
            let canonical: Vec<String> = {
                let mut sorted = vec![String::new(); cell.len()];
                for (at, axis) in order.iter().enumerate() {
                    sorted[*axis].clone_from(&cell[at]);
                }
                sorted
            };
            let number = keys.iter().position(|key| *key == canonical).expect("a cell of the closed lists");
            prop_assert!((exact[0][number] - value as f64).abs() < 1e-9, "{sql} {canonical:?}: {} for {value}", exact[0][number]);
            found.insert(number);
        }
        for (number, value) in exact[0].iter().enumerate() {
            prop_assert!(found.contains(&number) || *value == 0.0, "{sql}: cell {number} is not empty");
        }
    }

    /// Invariant: removing any one person-year changes the vector before noise by no more than the declared L2,
    /// and the histogram of norms by no more than 1.
    #[test]
    fn removing_a_person_year_stays_within_the_declared_sensitivity(
        rows in rows(),
        which in 0..BOUNDED.len(),
        person in 0..5_u8,
        year in 2023..=2024_i64,
        c in 1..3000_u64,
    ) {
        let plan = plan(BOUNDED[which]);
        let without: Vec<Row> = rows.iter().filter(|r| (r.person, r.year) != (person, year)).cloned().collect();
        let (with, without) =
            runtime().block_on(async { (person_years(&plan, &rows).await, person_years(&plan, &without).await) });
        for ((with, without), (_, bound)) in with.into_iter().zip(without).zip(&plan.query.aggregates) {
            let looks = (with.histogram().expect("looked"), without.histogram().expect("looked"));
            if let (Some(a), Some(b)) = looks {
                let change: i64 = a.reveal().iter().zip(b.reveal()).map(|(a, b)| (a - b).pow(2)).sum();
                prop_assert!(change <= 1, "the histogram changed by {change}");
            }
            let c = if *bound == Bounding::One { 1 } else { c };
            let (a, b) = (with.into_exact(c).expect("summed"), without.into_exact(c).expect("summed"));
            prop_assert_eq!(a.l2(), b.l2());
            let change: i128 = a.reveal().iter().zip(b.reveal()).map(|(a, b)| i128::from(a - b).pow(2)).sum();
            prop_assert!(change <= i128::from(a.l2()).pow(2), "{}: changed by √{change}, declared {}", BOUNDED[which], a.l2());
        }
    }
}

fn text(value: &crate::plan::Value) -> String {
    match value {
        crate::plan::Value::Number(n) => n.to_string(),
        crate::plan::Value::Code(code) => code.clone(),
    }
}

#[test]
fn a_person_year_table_with_two_rows_of_a_person_counts_the_person_once() {
    let rows = [
        Row::new(1, 2024, 1, &[("gender", "male")], None),
        Row::new(1, 2024, 1, &[("gender", "female")], None),
        Row::new(2, 2024, 1, &[("gender", "male")], None),
    ];
    let plan = plan("select gender, count(*) from person_year where year = 2024 group by gender");
    let exact = runtime().block_on(unscaled(&plan, &rows));
    assert_eq!(exact, [[1.0, 1.0, 0.0]], "female, male, unknown");
}

#[test]
fn values_outside_the_bounds_are_clamped_after_the_sum_over_the_person() {
    let mut rows = vec![Row::new(1, 2024, 1, &[], Some(100)); 200];
    rows.push(Row::new(2, 2024, 1, &[], Some(i64::MAX)));
    let plan = plan("select count(*), sum(minutes) from contact where year = 2024");
    let exact = runtime().block_on(unscaled(&plan, &rows));
    // 200 rows count as 120; 20,000 minutes stay, and the wild value becomes 120 × 240.
    assert_eq!(exact, [[121.0], [20_000.0 + 28_800.0]]);
}

#[test]
fn codes_outside_the_closed_list_are_in_no_cell_and_no_error() {
    let rows = [
        Row::new(1, 2024, 1, &[("gender", "other")], Some(1)),
        Row::new(2, 2024, 13, &[("gender", "male")], None),
    ];
    let exact = runtime().block_on(unscaled(
        &plan("select gender, count(*) from contact where year = 2024 group by 1"),
        &rows,
    ));
    assert_eq!(exact, [[0.0, 1.0, 0.0]]);
    let exact = runtime()
        .block_on(unscaled(&plan("select month, count(*) from contact where year = 2024 group by 1"), &rows));
    assert!((exact[0].iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn too_little_memory_is_a_fault_and_not_a_wrong_answer() {
    let rows: Vec<Row> = (0..200).map(|i| Row::new(i, 2024, 1, &[], None)).collect();
    let plan = plan("select service, count(*) from contact where year = 2024 group by service");
    let small = Limits { memory_bytes: 1 << 10, ..limits() };
    let source = table(&POLICY, "contact", &rows);
    assert!(runtime().block_on(read(&small, source, &plan.query)).is_err());
}

#[test]
fn rows_of_a_unit_that_do_not_come_together_are_a_fault() {
    use super::vectors::Gather;
    let mut gather = Gather::new(&[Bounding::One], 1);
    let (a, b) = ((2024, [1; 16]), (2024, [2; 16]));
    assert!(gather.add(a, 0, vec![1]).is_ok());
    assert!(gather.add(b, 0, vec![1]).is_ok());
    assert!(gather.add(a, 0, vec![1]).is_err());
}

#[test]
fn two_entries_of_one_cell_count_as_one() {
    use super::vectors::Gather;
    let bound = Bounding::Norm { low: 0, high: 10, max_norm: 10 };
    let mut gather = Gather::new(&[bound, Bounding::One], 2);
    for cell in [1, 0, 1] {
        gather.add((2024, [1; 16]), cell, vec![8, 8]).expect("in order");
    }
    let sums: Vec<Vec<i64>> = gather
        .finish()
        .into_iter()
        .map(|p| p.into_exact(10 * NORM_UNIT.unsigned_abs()).expect("summed").reveal().to_vec())
        .collect();
    let unscaled = [8.0, 10.0_f64];
    let norm = unscaled[0].hypot(unscaled[1]);
    for (sum, value) in sums[0].iter().zip(unscaled) {
        assert!((*sum as f64 / ONE as f64 - value * 10.0 / norm).abs() < 1e-3, "{sum}");
    }
    assert_eq!(sums[1], [1, 0], "one cell, once");
}

/// Files of a table: a year, a shard and the person whose rows it holds.
fn stored(table: &Table, folder: &std::path::Path, cells: &[(i64, u8, u8)], rows: usize) -> TableSnapshot {
    let mut files = Vec::new();
    for &(year, shard, person) in cells {
        let rows = vec![Row::new(person, year, 5, &[("gender", "male")], Some(20)); rows];
        let batch = super::testing::batch(table, &rows);
        let stored: Vec<usize> =
            (0..batch.num_columns()).filter(|at| batch.schema().field(*at).name() != "year").collect();
        let batch = batch.project(&stored).expect("without the year");
        let path = folder.join(format!("part-{year}-{shard}.parquet"));
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        let bytes = std::fs::metadata(&path).expect("there").len();
        files.push(DataFile { path, year: Some(i32::try_from(year).expect("a year")), shard, bytes });
    }
    TableSnapshot { version: 1, files, ..TableSnapshot::default() }
}

/// The provider over Parquet files: only the years asked for, the year from the snapshot, several shards.
#[test]
fn a_snapshot_is_read_from_exactly_its_files() {
    let declared = POLICY.table("contact").expect("a table");
    // A folder whose name needs care in addresses.
    let folder = tempfile::Builder::new().prefix("bydel øst %20").tempdir().expect("a folder");
    let snapshot = stored(declared, folder.path(), &[(2023, 0, 1), (2024, 0, 1), (2024, 3, 200)], 3);
    let run = |sql: &str| {
        let plan = plan(sql);
        let source = super::SnapshotTable::new(declared, Some(&snapshot), &plan.query.years);
        runtime().block_on(async { read(&limits(), std::sync::Arc::new(source), &plan.query).await }).map(
            |mut found| {
                let exact = found.remove(0).into_exact(120 * NORM_UNIT.unsigned_abs() * 5).expect("summed");
                exact.reveal().iter().map(|v| v / ONE).collect::<Vec<_>>()
            },
        )
    };
    assert_eq!(
        run("select year, count(*) from contact where year > 2021 group by year").expect("read"),
        [0, 3, 6, 0]
    );
    assert_eq!(
        run("select gender, sum(minutes) from contact where year = 2024 group by 1").expect("read"),
        [0, 120, 0]
    );
    assert_eq!(run("select count(*) from contact where year = 2022").expect("an empty year"), [0]);
    std::fs::remove_file(folder.path().join("part-2024-3.parquet")).expect("removed");
    assert!(run("select count(*) from contact where year = 2024").is_err());
    assert_eq!(run("select count(*) from contact where year = 2023").expect("other files"), [3]);
}

/// That files are split by person is only declared to `DataFusion`, which would take a person of two files for two.
#[test]
fn a_person_in_two_files_of_a_year_is_no_two_persons() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["contact", "person_year"] {
        let declared = POLICY.table(name).expect("a table");
        let plan = plan(&format!("select count(distinct person) from {name} where year = 2024"));
        let run = |cells: &[(i64, u8, u8)]| {
            let snapshot = stored(declared, folder.path(), cells, 1);
            let source = super::SnapshotTable::new(declared, Some(&snapshot), &plan.query.years);
            let mut found = runtime()
                .block_on(read(&limits(), std::sync::Arc::new(source), &plan.query))
                .expect("in order");
            found.remove(0).into_exact(1).expect("summed").reveal().to_vec()
        };
        assert_eq!(run(&[(2024, 0, 1), (2024, 1, 70)]), [2]);
        assert_eq!(run(&[(2024, 0, 1), (2024, 1, 1)]), [1]);
    }
    let declared = POLICY.table("person_year").expect("a table");
    let snapshot = stored(declared, folder.path(), &[(2024, 0, 1), (2024, 1, 1)], 1);
    let source = super::SnapshotTable::new(declared, Some(&snapshot), &BTreeSet::from([2024]));
    let request = shape::request(2024);
    let limits = limits();
    let read = crate::measure::marginals::read(&limits, std::sync::Arc::new(source), &request);
    assert!(matches!(runtime().block_on(read).map(drop), Err(super::RunError::Unordered)));
}
