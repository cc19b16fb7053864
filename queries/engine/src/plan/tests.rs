//! What is answered, what is refused, and which questions are the same.

mod mutated;
mod refused;

use std::sync::LazyLock;

use proptest::prelude::*;
use skjerm_warehouse::policy::Policy;

use super::{Bounding, Plan, Public, Question};
use crate::error::ErrorKind;

pub(super) static POLICY: LazyLock<Policy> = LazyLock::new(Policy::oslo);

pub(super) static PUBLIC: LazyLock<Public> = LazyLock::new(|| {
    crate::public::tables(&POLICY, &skjerm_warehouse::Reference::shipped().expect("shipped"))
});

/// The one question of a statement.
pub(crate) fn plan(sql: &str) -> Question {
    let planned = Plan::new(&POLICY, &PUBLIC, sql, None);
    let mut plan = planned.unwrap_or_else(|e| panic!("{sql}: {e} ({:?})", e.hint));
    assert_eq!(plan.questions.len(), 1, "{sql}");
    plan.questions.remove(0)
}

fn same(a: &str, b: &str) {
    assert_eq!(plan(a).key("s"), plan(b).key("s"), "should be the same question:\n{a}\n{b}");
}

fn different(a: &str, b: &str) {
    assert_ne!(plan(a).key("s"), plan(b).key("s"), "should be different questions:\n{a}\n{b}");
}

#[test]
fn long_and_deep_statements_are_refused_quickly() {
    let chains = [
        format!("select count(*) from contact where {}", "(".repeat(3000)),
        format!("select count(*) from contact where {} month = 1", "not ".repeat(1900)),
        format!("select count(*) from contact where {}month = 1", "(not ".repeat(1500)),
        format!("select count(*) from contact where minutes = {}1", "-".repeat(4000)),
        format!("select count(*) from contact where month in ({}1)", "1,".repeat(5000)),
    ];
    // Common table expressions that grow when they are written out: expressions, columns, tables.
    let level =
        |at: usize, of: &str, table: &str| format!("{table}{at} as (select {of} from {table}{})", at - 1);
    let grown = |first: &str, of: &str, levels: usize, quoted: bool| {
        let table = if quoted { "\"a\"\"\"" } else { "a" };
        let name = |at: usize| if quoted { format!("\"a\"\"{at}\"") } else { format!("a{at}") };
        let mut parts = vec![format!("{} as ({first})", name(0))];
        for at in 1..levels {
            parts.push(if quoted {
                format!("{} as (select p.y from {} p cross join {} q)", name(at), name(at - 1), name(at - 1))
            } else {
                level(at, of, table)
            });
        }
        format!("with {} select * from {}", parts.join(", "), name(levels - 1))
    };
    let expressions = grown("select year + year y from contact", "y + y y", 40, false)
        .replace("select *", "select count(*)");
    let tables = grown("select count(*) y from contact where year = 2024", "", 20, true);
    let chains: Vec<String> =
        chains.into_iter().chain([format!("{expressions} where y > 0"), tables]).collect();
    let begun = std::time::Instant::now();
    let columns = grown(
        "select year x, month y, count(*) n from contact group by 1, 2",
        "x + y x, x - y y, n",
        60,
        false,
    );
    let _ = Plan::new(&POLICY, &PUBLIC, &columns, None);
    for sql in chains {
        assert!(Plan::new(&POLICY, &PUBLIC, &sql, None).is_err(), "{}", &sql[..80]);
    }
    // A long flat chain is a fair question.
    let sql = format!(
        "select count(*) from contact where year = 2024 and ({} month = 2)",
        "month = 1 or ".repeat(550)
    );
    assert!(Plan::new(&POLICY, &PUBLIC, &sql, None).is_ok());
    // The deepest nesting that is let through: the parser tries each bracket in more than one way.
    for inner in ["month = 1", "not month = 1"] {
        let sql = format!(
            "select count(*) from contact where year = 2024 and {}{inner}{}",
            "(".repeat(8),
            ")".repeat(8)
        );
        assert!(Plan::new(&POLICY, &PUBLIC, &sql, None).is_ok());
        let open = format!("select count(*) from contact where {}{inner}", "(".repeat(8));
        assert!(Plan::new(&POLICY, &PUBLIC, &open, None).is_err());
    }
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn equal_questions_have_equal_keys() {
    same(
        "select count(*) from contact where year = 2024",
        "SELECT count(*) AS n FROM contact c WHERE c.year = 2024",
    );
    same(
        "select count(*) from contact where year = 2024 and gender = 'female' and month <= 3",
        "select count(1) from contact where month in (3, 2, 1) and (gender <> 'male' and gender <> 'unknown') and 2024 = year",
    );
    same(
        "select service, gender, count(*) from contact where year = 2024 group by service, gender",
        "select count(*), gender g, service s from contact where year = 2024 group by 2, 3 order by 1 desc limit 4",
    );
    same(
        "select sum(minutes), count(*) from contact where year = 2024",
        "select count(*) a, sum(minutes) b from contact where not (year <> 2024)",
    );
    same(
        "select count(*) from contact where year = 2024 and (minutes > 10 or minutes is null)",
        "select count(*) from contact where not (not (minutes is null) and minutes <= 10 or year <> 2024)",
    );
    same(
        "select count(*) from contact where year = 2024 and minutes between 5 and 10",
        "select count(*) from contact where year = 2024 and minutes >= 5 and not minutes > 10 and true",
    );
    // One row a person-year: rows are persons.
    same(
        "select count(*) from person_year where year = 2024",
        "select count(distinct person) from person_year where year = 2024",
    );
    same("select count(*) from contact where year >= 2019", "select count(*) from contact");
    // A median is read off the histogram.
    same(
        "select gender, median(minutes) from contact where year = 2024 group by gender",
        "select minutes, gender, count(*) from contact where minutes is not null and year = 2024 group by 1, 2",
    );
}

#[test]
fn different_questions_have_different_keys() {
    different(
        "select count(*) from contact where year = 2024",
        "select count(*) from contact where year = 2023",
    );
    different(
        "select count(*) from contact where year = 2024",
        "select count(*) from follow_up where year = 2024",
    );
    different(
        "select count(*) from contact where year = 2024",
        "select count(distinct person) from contact where year = 2024",
    );
    // A missing measure passes neither a test nor its negation.
    different(
        "select count(*) from contact where year = 2024 and (minutes > 10 or minutes <= 10)",
        "select count(*) from contact where year = 2024",
    );
    let sql = "select count(*) from contact where year = 2024";
    let price =
        |rho| Plan::new(&POLICY, &PUBLIC, sql, Some(rho)).map(|p| p.questions[0].key("s")).expect("planned");
    assert_ne!(price(0.01), price(0.02));
    assert_ne!(plan(sql).key("one"), plan(sql).key("two"));
}

#[test]
fn the_years_read_follow_from_the_text() {
    let years = |sql: &str| plan(sql).query.years.into_iter().collect::<Vec<_>>();
    assert_eq!(years("select count(*) from contact"), (2019..=2025).collect::<Vec<_>>());
    assert_eq!(years("select count(*) from contact where year = 2024 or year = 2021"), [2021, 2024]);
    assert_eq!(years("select count(*) from contact where year < 2021"), [2019, 2020]);
    assert_eq!(years("select count(*) from contact where year <> 2022").len(), 6);
    // Each side of the OR names a year; the rest of the condition does not matter.
    assert_eq!(
        years(
            "select count(*) from contact where (year = 2020 and gender = 'male') or (year = 2023 and month = 2)"
        ),
        [2020, 2023]
    );
    assert_eq!(years("select count(*) from contact where year = 2020 or month = 2").len(), 7);
}

#[test]
fn all_cells_of_the_closed_lists_come_back_but_those_the_filter_rules_out() {
    let cells = |sql: &str| plan(sql).query.cells();
    for (sql, count) in [
        ("select count(*) from contact where year = 2024", 1),
        ("select gender, month, count(*) from contact where year = 2024 group by 1, 2", 36),
        ("select gender, count(*) from contact where year = 2024 and gender <> 'unknown' group by 1", 2),
        (
            "select year, month, count(*) from contact
             where (year = 2023 and month = 12) or (year = 2024 and month < 3) group by year, month",
            3,
        ),
        // What follows from each other makes no cells that cannot be.
        (
            "select year, date_trunc('month', date) m, count(*) from contact where year >= 2024 group by 1, 2",
            24,
        ),
        (
            "select gender, case when gender = 'male' then 'm' else 'other' end g, count(*) from contact where year = 2024 group by 1, 2",
            3,
        ),
        (
            "select extract(quarter from date) q, count(*) from contact where year = 2024 and month < 7 group by 1",
            2,
        ),
        (
            "select rank, count(*) from (select case when minutes >= 60 then 'long' else 'short' end as rank from contact where year = 2024) t group by rank",
            2,
        ),
        (
            "select gender, month, count(*) from contact where year = 2024 group by rollup (gender, month)",
            36 + 3 + 1,
        ),
    ] {
        assert_eq!(cells(sql), count, "{sql}");
    }
    let grid = plan("select gender, belonging, count(*) from contact where year = 2024 group by 1, 2");
    let keys: Vec<&str> =
        arrow::array::AsArray::as_string::<i32>(&grid.shown.keys[0]).iter().flatten().collect();
    assert_eq!(keys, ["female", "female", "female", "male", "male", "male", "unknown", "unknown", "unknown"]);
}

#[test]
fn bounds_come_from_grain_grouping_and_policy() {
    let bounds = |sql: &str| plan(sql).query.vectors.into_iter().map(|v| v.bounding).collect::<Vec<_>>();
    let by_service = "select service, count(*), count(distinct person), sum(minutes) from contact where year = 2024 group by 1";
    assert_eq!(
        bounds(by_service),
        [
            Bounding::Norm { low: 0, high: 120, max_norm: 120 * 5, given: None },
            Bounding::Norm { low: 0, high: 1, max_norm: 5, given: None },
            Bounding::Norm { low: 0, high: 120 * 240, max_norm: 120 * 240 * 5, given: None },
        ]
    );
    assert_eq!(bounds("select count(distinct person) from contact where year = 2024"), [Bounding::One]);
    assert_eq!(bounds("select year, count(distinct person) from contact group by year"), [Bounding::One]);
    assert_eq!(
        bounds(
            "select age_band, gender, home_district, count(*) from person_year where year = 2024 group by 1, 2, 3"
        ),
        [Bounding::One]
    );
    // A person can be in two age bands of the events of one year.
    assert_eq!(
        bounds("select age_band, count(distinct person) from contact where year = 2024 group by 1"),
        [Bounding::Norm { low: 0, high: 1, max_norm: 3, given: None }]
    );
}

#[test]
fn the_price_is_split_and_never_exceeded() {
    let plan = plan(
        "select service, count(*), count(distinct person), sum(minutes) from contact where year = 2024 group by 1",
    );
    let spent: u64 = plan.parts.iter().map(|p| p.look.nano() + p.noise.nano()).sum();
    assert!(
        plan.parts.iter().all(|part| !part.remainder.is_zero() && part.remainder < part.noise),
        "17 services"
    );
    assert!(spent <= plan.rho.nano() && spent + 3 >= plan.rho.nano(), "{spent}");
}

#[test]
fn a_price_has_a_least_and_a_greatest() {
    let sql = "select service, count(*) from contact group by 1";
    for (rho, said) in [
        (0.0, "ρ must be a number above 0, and at least 0.00001."),
        (-1e300, "ρ must be a number above 0, and at least 0.00001."),
        (f64::NAN, "ρ must be a number above 0, and at least 0.00001."),
        (f64::INFINITY, "ρ must be a number above 0, and at least 0.00001."),
        (1e-300, "ρ must be at least 0.00001, the least price in the policy."),
        (9.9e-6, "ρ must be at least 0.00001, the least price in the policy."),
        (1e300, "ρ must be at most 0.31, which is all that may ever be spent of one block."),
        (0.32, "ρ must be at most 0.31, which is all that may ever be spent of one block."),
    ] {
        let error = Plan::new(&POLICY, &PUBLIC, sql, Some(rho)).map(|_| ()).expect_err("refused");
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Refused, said), "{rho}");
    }
    for rho in [1e-5, 0.31] {
        Plan::new(&POLICY, &PUBLIC, sql, Some(rho)).expect("planned");
    }
}

#[test]
fn what_is_not_understood_is_said_in_plain_words() {
    for sql in [
        "selec 1",
        "select count(*) from contact where",
        "select ' from contact",
        "select count(* from contact",
        "select foo from contact",
        "select nope(1) from contact",
        "select cast(1 as nope) from contact",
        "select count(*) from contact where year = interval 'x'",
        "select a.b.c.d.e.f from contact",
        "create external table x",
        "select count(*) from contact limit 1 2",
    ] {
        let said = Plan::new(&POLICY, &PUBLIC, sql, None).map(|_| ()).expect_err("refused").message;
        assert!(said.starts_with("The question was not understood: "), "{said}");
        for jargon in ["Error(", "rror: ", "rror during", "not implemented", "\n", "?.", ".."] {
            assert!(!said.contains(jargon), "{said}");
        }
    }
}

#[test]
fn planning_names_no_handle_to_data() {
    // Invariant 4. The sources are read as text, since an import is all it takes.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan");
    let forbidden = [
        "Warehouse",
        "Snapshot",
        "DataFile",
        "crate::run",
        "Ledger",
        "std::fs",
        "SessionContext",
        "TableProvider",
    ];
    for entry in std::fs::read_dir(folder).expect("source folder") {
        let path = entry.expect("entry").path();
        if path.ends_with("tests.rs") || path.ends_with("tests") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("source");
        for word in forbidden {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}

fn token() -> impl Strategy<Value = String> {
    let words = "select count ( ) * from contact person_year where and or not in between year month gender service minutes \
        = <> < <= , 2024 '030101' 'male' 1 group by order limit as distinct person sum is null having union ; -- /* \" ' \
        year=2024 (select cast :: case when end exists explain values lateral";
    proptest::sample::select(words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_planning_panic(tokens in proptest::collection::vec(token(), 0..30)) {
        let _ = Plan::new(&POLICY, &PUBLIC, &tokens.join(" "), None);
    }

    #[test]
    fn no_bytes_make_planning_panic(text in "\\PC{0,80}") {
        let _ = Plan::new(&POLICY, &PUBLIC, &text, None);
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_conjuncts_does_not_matter(order in Just(vec![
        "year = 2024", "gender <> 'male'", "month in (1, 2, 3)", "(minutes > 5 or minutes is null)",
        "not (area = 'oslo_s' or area = 'district')", "first_time = 'yes'",
    ]).prop_shuffle()) {
        let sql = format!("select count(*) from contact where {}", order.join(" and "));
        let fixed = "select count(*) from contact where year = 2024 and gender in ('female', 'unknown') and month < 4
            and (minutes is null or minutes >= 6) and area not in ('oslo_s', 'district') and first_time = 'yes'";
        prop_assert_eq!(plan(&sql).key("s"), plan(fixed).key("s"));
    }
}
