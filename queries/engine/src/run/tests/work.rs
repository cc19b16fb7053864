//! Questions that compute so much with their answers that it cannot be done some hundred times.

use super::super::post::made_up;
use super::*;
use crate::run::{RunError, present, rehearse};

/// Of some thousand cells, with noise.
fn answers(plan: &Plan, value: f64) -> Vec<NoisedTable> {
    let mut answers = made_up(plan, value);
    answers.iter_mut().flat_map(|table| &mut table.columns).for_each(|column| column.half_width = 5.0);
    answers
}

fn planned(of_pairs: &str) -> Plan {
    let sql = format!(
        "with a as (select service, month, gender, count(*) n from contact where year = 2024 group by 1, 2, 3),
            b as (select service s, month m, gender g, count(*) n from contact where year = 2023 group by 1, 2, 3)
         {of_pairs}"
    );
    Plan::new(&POLICY, &PUBLIC, &sql, Some(0.2)).expect("planned")
}

#[test]
fn what_would_be_drawn_for_too_long_is_refused_before_it_is_paid_for() {
    let too_much = [
        "select sum(x.n * y.n) as s from (select * from a union all select * from a) x cross join (select * from b union all select * from b) y",
        "select sum(x.n * y.n) as s from (select * from a union all select * from a) x join (select * from b union all select * from b) y on x.gender = y.g or x.n > y.n",
        "select sum(x.n * y.n) as s from (select * from a union all select * from a union all select * from a union all select * from a) x join (select * from b union all select * from b union all select * from b) y on x.gender = y.g and x.n <= y.n",
    ];
    let (runtime, limits) = (runtime(), limits());
    for sql in too_much {
        let rehearsed = runtime.block_on(rehearse(&limits, &PUBLIC, &planned(sql)));
        assert!(matches!(rehearsed, Err(RunError::TooMuchWork)), "{rehearsed:?}: {sql}");
    }
    // All pairs of a few, or many that nothing computed is drawn of.
    for sql in [
        "select sum(x.n * y.n) as s from (select month, sum(n) n from a group by month) x cross join (select g, sum(n) n from b group by g) y",
        "select x.n, x.service, y.s from a x join b y on x.gender = y.g or x.month > y.m where x.month = 1 and y.m = 1",
    ] {
        runtime.block_on(rehearse(&limits, &PUBLIC, &planned(sql))).expect(sql);
    }
}

/// Rows that conditions on noised values leave are others than it was rehearsed with. What was paid for is shown: without the
/// intervals of computed columns, and it is said.
#[test]
fn what_is_paid_for_is_shown_where_drawing_takes_too_long() {
    let plan = planned(
        "select sum(x.n * y.n) as s from (select * from a union all select * from a union all select * from a) x
         cross join (select * from b union all select * from b union all select * from b) y where x.n > 1000",
    );
    let (runtime, limits) = (runtime(), limits());
    runtime.block_on(rehearse(&limits, &PUBLIC, &plan)).expect("nothing is above");
    let show = |value: f64| {
        runtime.block_on(present(&limits, &PUBLIC, &plan, &answers(&plan, value), "seed")).expect("shown")
    };
    let shown = show(2_000.0);
    assert!(shown.rows[0][0].is_number() && shown.intervals["s"][0][0].is_nan(), "{shown:?}");
    assert!(shown.notes.iter().any(|note| note.contains("no interval")), "{:?}", shown.notes);
    assert_eq!(shown.rows, show(2_000.0).rows);
    let few = show(900.0);
    assert!(!few.notes.iter().any(|note| note.contains("no interval")), "{:?}", few.notes);
}
