//! Small runs, and the declared sensitivity against the removal of any person-year.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use skjerm_privacy::centred::Centred;
use skjerm_warehouse::policy::{Policy, Table};
use skjerm_warehouse::{DataFile, Span, TableSnapshot};

use super::testing::{Row, table};
use super::vectors::PersonYears;
use super::{Limits, Source, Sources, read};
use crate::plan::{Bounding, Lost, NORM_UNIT, NoisedColumn, NoisedTable, ONE, Plan, Public, Question};
use crate::public;

mod corpus;
mod draws;
mod noisy;
mod parts;
mod shape;
mod weighed;
mod wide;
mod work;

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

static PUBLIC: LazyLock<Public> =
    LazyLock::new(|| public::tables(&POLICY, &skjerm_warehouse::Reference::shipped().expect("shipped")));

fn plan(sql: &str) -> Plan {
    Plan::new(&POLICY, &PUBLIC, sql, Some(0.1)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// The one question of a statement.
fn question(sql: &str) -> Question {
    let mut plan = plan(sql);
    assert_eq!(plan.questions.len(), 1, "{sql}");
    plan.questions.remove(0)
}

/// Tables by name, in memory and in no order.
fn sources(rows: &BTreeMap<&str, Vec<Row>>) -> Sources {
    let source = |name: &str, rows: &[Row]| Source::Rows(table(&POLICY, name, rows));
    rows.iter().map(|(name, rows)| ((*name).to_owned(), source(name, rows))).collect()
}

/// The answer before noise and without scaling: the norm is as large as the bounds allow.
async fn exact_table(sources: &Sources, question: &Question) -> NoisedTable {
    let query = Arc::new(question.query.clone());
    let read = read(&limits(), sources, &query).await.unwrap_or_else(|e| panic!("{e}"));
    let mut columns = Vec::new();
    for (person_years, vector) in read.into_iter().zip(&query.vectors) {
        let (c, unit) = match vector.bounding {
            Bounding::One => (1, 1),
            Bounding::Norm { max_norm, .. } => {
                (max_norm * NORM_UNIT.unsigned_abs(), ONE * query.parts_of(vector.term))
            }
        };
        let exact = person_years.into_exact(c).unwrap_or_else(|e| panic!("{e}"));
        columns.push(NoisedColumn {
            name: String::new(),
            values: exact.reveal().iter().map(|v| *v as f64 / unit as f64).collect(),
            half_width: 0.0,
            shared: 0.0,
            whole: false,
            lost: Lost::Nothing,
            widths: Vec::new(),
        });
    }
    NoisedTable { columns, notes: Vec::new(), read_off: None }
}

async fn person_years(question: &Question, rows: &[Row]) -> Vec<PersonYears> {
    let all = question.query.tables().into_iter().map(|name| (name, rows));
    let sources = all.map(|(name, rows)| (name.clone(), Source::Rows(table(&POLICY, &name, rows)))).collect();
    read(&limits(), &sources, &Arc::new(question.query.clone())).await.unwrap_or_else(|e| panic!("{e}"))
}

/// Exact vectors without scaling.
async fn unscaled(question: &Question, rows: &[Row]) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    for (person_years, vector) in person_years(question, rows).await.into_iter().zip(&question.query.vectors)
    {
        let (c, unit) = match vector.bounding {
            Bounding::One => (1, 1.0),
            Bounding::Norm { max_norm, .. } => (max_norm * NORM_UNIT.unsigned_abs(), ONE as f64),
        };
        let exact = person_years.into_exact(c).unwrap_or_else(|e| panic!("{e}"));
        all.push(exact.reveal().iter().map(|v| *v as f64 / unit).collect());
    }
    all
}

/// More questions for the sensitivity: every kind of aggregate, grouping and filter.
const BOUNDED: &[&str] = &[
    "select service, count(*), count(distinct person), sum(minutes), count(minutes) from contact where year = 2024 group by service",
    "select year, count(*), count(distinct person), sum(minutes) from contact group by year",
    "select count(*), sum(minutes) from contact",
    "select gender, service, month, count(*), count(distinct person) from contact where year = 2023 group by 1, 2, 3",
    "select gender, count(distinct person), sum(minutes - 100) from contact where year = 2024 and (minutes > 100 or month = 2) group by 1",
    "select year, gender, belonging, count(*) from person_year where gender <> 'male' group by 1, 2, 3",
    "select gender, avg(minutes / 7.0) from contact group by rollup (gender)",
    "select unit, count(*), sum(nights) from bed_stay where nights > 3 group by 1",
    "select c.service, p.gender, count(*), count(distinct c.person) from contact c join person_year p using (person, year) where c.year = 2024 group by 1, 2",
    "select n, count(*), sum(m) from (select person, year, count(*) n, sum(minutes) m from contact group by 1, 2) t where year = 2024 group by n",
    "select count(*) from contact c where not exists (select 1 from follow_up f where f.person = c.person and f.year = c.year)",
];

/// A text with weights for the columns that can have some.
fn weighed(sql: &str, weights: Option<&[u32]>) -> String {
    let Some(weights) = weights.filter(|_| !sql.contains("weights(")) else { return sql.to_owned() };
    let plan = plan(sql);
    let mut of_terms: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    let mut given = Vec::new();
    for (name, origin) in plan.post.names.iter().zip(&plan.post.origins) {
        let crate::plan::Origin::Measured { question, term } = origin else { continue };
        let next = weights[of_terms.len() % weights.len()];
        // Two names of one column have one weight.
        let weight = *of_terms.entry((*question, *term)).or_insert(next);
        given.push(format!("\"{}\" => {}", name.replace('"', "\"\""), f64::from(weight) / 1_000.0));
    }
    if given.is_empty() { sql.to_owned() } else { format!("/*+ weights({}) */ {sql}", given.join(", ")) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Invariant: removing any one person-year from all tables changes a question's vectors before noise by no more than
    /// the declared L2, the histogram of norms by no more than 1, and what is cut off by
    /// no more than its own bound; and what is shared out after the looks is no more than what was charged. Over the
    /// questions of the corpus and those above, with norms that are chosen and norms that the caller names, and with weights.
    #[test]
    fn removing_a_person_year_stays_within_the_declared_sensitivity(
        seed in any::<u64>(),
        which in any::<prop::sample::Index>(),
        person in 0..6_u8,
        year in 2023..=2024_i64,
        c in 1..3000_u64,
        r in 1..3000_u64,
        norm in prop::option::of(0.1..4.0_f64),
        weights in prop::option::of(prop::collection::vec(1_000..10_000_u32, 1..6)),
        around in any::<bool>(),
    ) {
        let mut texts: Vec<String> = BOUNDED.iter().map(|sql| (*sql).to_owned()).collect();
        texts.extend(corpus::corpus().into_iter().map(|asked| asked.sql));
        let sql = &weighed(&texts[which.index(texts.len())], weights.as_deref());
        // Few persons with many rows, so that bounds bite.
        let all = corpus::city_of(seed, 6, 40);
        let kept = |rows: &Vec<Row>| rows.iter().filter(|r| (r.person, r.year) != (person, year)).cloned().collect();
        let fewer: BTreeMap<&str, Vec<Row>> = all.iter().map(|(name, rows)| (*name, kept(rows))).collect();
        let (all, fewer) = (sources(&all), sources(&fewer));
        // A norm that the caller names, where the question can have one.
        let named = norm.and_then(|norm| {
            Plan::new(&POLICY, &PUBLIC, &format!("/*+ norm({norm}) */ {sql}"), Some(0.1)).ok()
        });
        let plan = named.unwrap_or_else(|| plan(sql));
        let mut paid: BTreeMap<i32, BTreeMap<String, u64>> = BTreeMap::new();
        for question in &plan.questions {
            for year in &question.query.years {
                paid.entry(*year).or_default().insert(question.key(""), question.rho.nano());
            }
        }
        for (year, paid) in paid {
            prop_assert!(paid.values().sum::<u64>() <= plan.rho.nano(), "{}: {} pays too much", sql, year);
        }
        for question in plan.questions {
            let parts = question.parts;
            let cost = |parts: &[crate::plan::Part]| parts.iter().map(|p| p.look.nano() + p.pool()).sum::<u64>();
            prop_assert!(cost(&parts) <= question.rho.nano());
            let query = Arc::new(question.query);
            let (with, without) = runtime().block_on(async {
                let limits = limits();
                let with = read(&limits, &all, &query).await.expect("read");
                (with, read(&limits, &fewer, &query).await.expect("read"))
            });
            let looks = with.iter().zip(&parts).map(|(exact, part)| super::bounded::look(exact, *part).expect("looked"));
            let shared = super::shares::shared(&query, &parts, &looks.collect::<Vec<_>>()).expect("shared");
            prop_assert!(cost(&shared) <= cost(&parts), "{}: {:?} of {:?}", sql, shared, parts);
            for (shared, planned) in shared.iter().zip(&parts) {
                prop_assert!(planned.range[0].nano() <= shared.pool() && shared.pool() <= planned.range[1].nano());
                prop_assert_eq!(shared.look, planned.look);
            }
            for (((with, without), vector), part) in with.into_iter().zip(without).zip(&query.vectors).zip(parts) {
                {
                    let [a, b] = [&with, &without].map(|years| years.histogram().expect("looked"));
                    let change: i64 = a.reveal().iter().zip(b.reveal()).map(|(a, b)| (a - b).pow(2)).sum();
                    prop_assert!(change <= 1, "the histogram changed by {change}");
                }
                let c = match vector.bounding {
                    Bounding::One => 1,
                    Bounding::Norm { given: None, .. } => c,
                    Bounding::Norm { given: Some(given), .. } => {
                        // Without a look at the data, and without a price for one.
                        prop_assert_eq!([part.look, part.remainder], [skjerm_privacy::Rho::ZERO; 2]);
                        given
                    }
                };
                // Persons who are in cells may be measured around their means instead.
                let centred = query.shape(vector).filter(|shape| shape.indicator.is_some());
                let centred = centred.filter(|_| around).and_then(|shape| Centred::new(shape.cells));
                let has_lost = query.shape(vector).is_some();
                let summed = |years: PersonYears| match &centred {
                    Some(centred) => (years.into_centred(centred).expect("summed"), None),
                    None if has_lost => {
                        let (sums, lost) = years.into_exact_and_lost(c, r).expect("summed");
                        (sums, Some(lost))
                    }
                    None => (years.into_exact(c).expect("summed"), None),
                };
                let ((a, a_lost), (b, b_lost)) = (summed(with), summed(without));
                if let Some((a, b)) = a_lost.zip(b_lost) {
                    prop_assert_eq!(a.l2(), b.l2());
                    let change = a.reveal()[0] - b.reveal()[0];
                    prop_assert!(change.unsigned_abs() <= a.l2(), "{}: the remainder changed by {}", sql, change);
                }
                prop_assert_eq!(a.l2(), b.l2());
                let change: i128 =
                    a.reveal().iter().zip(b.reveal()).map(|(a, b)| i128::from(a - b).pow(2)).sum();
                prop_assert!(
                    change <= i128::from(a.l2()).pow(2), "{}: changed by √{}, declared {}", sql, change, a.l2()
                );
            }
        }
    }
}

#[test]
fn a_person_year_table_with_two_rows_of_a_person_counts_the_person_once() {
    let rows = [
        Row::new(1, 2024, 1, &[("gender", "male")], None),
        Row::new(1, 2024, 1, &[("gender", "female")], None),
        Row::new(2, 2024, 1, &[("gender", "male")], None),
    ];
    let question = question("select gender, count(*) from person_year where year = 2024 group by gender");
    let exact = runtime().block_on(unscaled(&question, &rows));
    assert_eq!(exact, [[1.0, 1.0, 0.0]], "female, male, unknown");
}

#[test]
fn values_outside_the_bounds_are_clamped_by_row_and_after_the_sum_over_the_person() {
    let mut rows = vec![Row::new(1, 2024, 1, &[], Some(100)); 200];
    rows.push(Row::new(2, 2024, 1, &[], Some(i64::MAX)));
    let question = question("select count(*), sum(minutes) from contact where year = 2024");
    let exact = runtime().block_on(unscaled(&question, &rows));
    // 200 rows count as 120; 20,000 minutes stay, and the wild value counts as the policy's greatest.
    assert_eq!(exact, [[121.0], [20_000.0 + 240.0]]);
    // Of 400 rows of 100 minutes no more counts than 120 of the greatest.
    let many = vec![Row::new(1, 2024, 1, &[], Some(100)); 400];
    assert_eq!(runtime().block_on(unscaled(&question, &many)), [[120.0], [28_800.0]]);
}

#[test]
fn codes_outside_the_closed_list_are_in_no_cell_and_no_error() {
    let rows = [
        Row::new(1, 2024, 1, &[("gender", "other")], Some(1)),
        Row::new(2, 2024, 13, &[("gender", "male")], None),
    ];
    let exact = runtime().block_on(unscaled(
        &question("select gender, count(*) from contact where year = 2024 group by 1"),
        &rows,
    ));
    assert_eq!(exact, [[0.0, 1.0, 0.0]]);
    let exact = runtime().block_on(unscaled(
        &question("select month, count(*) from contact where year = 2024 group by 1"),
        &rows,
    ));
    assert!((exact[0].iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn too_little_memory_is_a_fault_and_not_a_wrong_answer() {
    let rows: Vec<Row> = (0..200).map(|i| Row::new(i, 2024, 1, &[], None)).collect();
    let question = question("select service, count(*) from contact where year = 2024 group by service");
    let small = Limits { memory_bytes: 1 << 10, ..limits() };
    let sources = sources(&BTreeMap::from([("contact", rows)]));
    assert!(runtime().block_on(read(&small, &sources, &Arc::new(question.query))).is_err());
}

#[test]
fn rows_of_a_unit_that_do_not_come_together_are_a_fault() {
    use super::gather::Gather;
    let (a, b) = ((2024, [1; 16]), (2024, [2; 16]));
    let with = |units: &[_]| {
        let mut gather = Gather::of(&[(Bounding::One, 1)]);
        for unit in units {
            gather.begin(*unit)?;
            gather.add_one(0, 0, 1);
        }
        Ok::<_, super::RunError>(gather)
    };
    assert!(with(&[a, b]).is_ok() && with(&[a, b, a]).is_err());
    // Nor may two partitions have the same unit, or come in another order.
    assert!(with(&[a]).expect("one").append(with(&[b]).expect("one")).is_ok());
    assert!(with(&[a]).expect("one").append(with(&[a]).expect("one")).is_err());
    assert!(with(&[b]).expect("one").append(with(&[a]).expect("one")).is_err());
}

#[test]
fn a_sum_is_not_cut_to_a_count_of_persons_where_the_look_sees_nobody() {
    let unit = NORM_UNIT.unsigned_abs();
    assert_eq!(super::bounded::middle(10_980), 104 * unit);
    let bounds = skjerm_privacy::bounding::buckets(10_980 * unit);
    let nobody = vec![0.0; bounds.len()];
    let rho = skjerm_privacy::Rho::from_f64_up(0.001).expect("a price");
    assert_eq!(skjerm_privacy::bounding::choose_norm(&nobody, 20.0, &bounds, 1, rho, unit), None);
}

#[test]
fn sums_beyond_every_number_are_no_fault() {
    use super::gather::Gather;
    let most = 1_i64 << 30;
    let bound = Bounding::Norm { low: 0, high: most, max_norm: most.unsigned_abs(), given: None };
    let mut gather = Gather::of(&[(bound, 1)]);
    // More than fit into 63 bits in fixed point.
    for person in 0..140_000_u32 {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&person.to_be_bytes());
        gather.begin((2024, id)).expect("in order");
        gather.add_one(0, 0, most);
    }
    let exact = gather.finish().remove(0).into_exact(most.unsigned_abs() * NORM_UNIT.unsigned_abs());
    assert_eq!(exact.expect("summed").reveal(), [1 << 62]);
}

#[test]
fn two_entries_of_one_cell_count_as_one() {
    use super::gather::Gather;
    let bound = Bounding::Norm { low: 0, high: 10, max_norm: 10, given: None };
    let mut gather = Gather::of(&[(bound, 2), (Bounding::One, 2)]);
    gather.begin((2024, [1; 16])).expect("the first");
    for cell in [1, 0, 1] {
        gather.add_one(0, cell, 8);
        gather.add_one(1, cell, 8);
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
        files.push(DataFile {
            path,
            year: Some(i32::try_from(year).expect("a year")),
            span: Span::of_shard(shard),
            bytes,
        });
    }
    TableSnapshot { version: 1, files: files.into(), ..TableSnapshot::default() }
}

/// The provider over Parquet files: only the years asked for, the year from the snapshot, several shards.
#[test]
fn a_snapshot_is_read_from_exactly_its_files() {
    let declared = POLICY.table("contact").expect("a table");
    // A folder whose name needs care in addresses.
    let folder = tempfile::Builder::new().prefix("bydel øst %20").tempdir().expect("a folder");
    let snapshot = stored(declared, folder.path(), &[(2023, 0, 1), (2024, 0, 1), (2024, 3, 200)], 3);
    let run = |sql: &str| {
        let question = question(sql);
        let source =
            super::SnapshotTable::new(declared, Some(&snapshot), &question.query.years, &Arc::default());
        let sources = Sources::from([("contact".to_owned(), Source::Files(source))]);
        runtime().block_on(async { read(&limits(), &sources, &Arc::new(question.query)).await }).map(
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

/// The rows of somebody with very many would meet each other until the question's time is over.
#[test]
fn a_join_takes_so_many_rows_of_a_person_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let declared = POLICY.table("contact").expect("contact");
    let joined = |sql: &str, rows: usize| {
        let query = question(sql).query;
        let snapshot = stored(declared, folder.path(), &[(2024, 0, 1), (2024, 1, 70)], rows);
        let of = |name: String| {
            let table = POLICY.table(&name).expect("a table");
            (
                name,
                Source::Files(super::SnapshotTable::new(
                    table,
                    Some(&snapshot),
                    &query.years,
                    &Arc::default(),
                )),
            )
        };
        let sources: Sources = query.tables().into_iter().map(of).collect();
        let count = async |part: &Sources| {
            let none = super::columns::Columns::new(std::iter::empty());
            let rows = super::persons::PersonRows::new(part, &query, &none).expect("a relation");
            let mut all = 0;
            let taken = rows.read(|made| {
                all += made.units.rows();
                Ok(())
            });
            taken.await.expect("rows");
            all
        };
        let parts = super::relation::parts(&sources);
        parts.iter().map(|part| runtime().block_on(count(part))).sum::<usize>()
    };
    let with_itself =
        "select count(*) from contact c join contact d using (person, year) where c.year = 2024";
    assert_eq!(joined(with_itself, 30), 2 * 30 * 30);
    assert_eq!(joined(with_itself, 600), 2 * 240 * 240, "twice the policy's 120");
    // Of one side alone nothing grows, and nothing is cut.
    let beside = "select count(*) from contact c where year = 2024 and exists \
                  (select 1 from contact d where d.person = c.person and d.year = c.year)";
    assert_eq!(joined(beside, 600), 2 * 600);
}

/// That files are split by person is only declared to `DataFusion`, which would take a person of two files for two.
#[test]
fn a_person_in_two_files_of_a_year_is_no_two_persons() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["contact", "person_year"] {
        let declared = POLICY.table(name).expect("a table");
        let question = question(&format!("select count(distinct person) from {name} where year = 2024"));
        let query = Arc::new(question.query);
        let run = |cells: &[(i64, u8, u8)]| {
            let snapshot = stored(declared, folder.path(), cells, 1);
            let source = super::SnapshotTable::new(declared, Some(&snapshot), &query.years, &Arc::default());
            let sources = Sources::from([(name.to_owned(), Source::Files(source))]);
            let found = runtime().block_on(read(&limits(), &sources, &query));
            found.map(|mut found| found.remove(0).into_exact(1).expect("summed").reveal().to_vec())
        };
        assert_eq!(run(&[(2024, 0, 1), (2024, 1, 70)]).expect("in order"), [2]);
        assert!(matches!(run(&[(2024, 0, 1), (2024, 1, 1)]), Err(super::RunError::Unordered)));
    }
    let declared = POLICY.table("person_year").expect("a table");
    let snapshot = stored(declared, folder.path(), &[(2024, 0, 1), (2024, 1, 1)], 1);
    let source =
        super::SnapshotTable::new(declared, Some(&snapshot), &BTreeSet::from([2024]), &Arc::default());
    let request = shape::request(2024);
    let limits = limits();
    let source: std::sync::Arc<dyn datafusion::catalog::TableProvider> = std::sync::Arc::new(source);
    let tables = std::collections::BTreeMap::from([("person_year".to_owned(), source)]);
    let read = crate::measure::marginals::read(&POLICY, &limits, &tables, &request, None);
    assert!(matches!(runtime().block_on(read).map(drop), Err(super::RunError::Unordered)));
}
