//! Many draws of the noise at once, and one by one.

use super::corpus::corpus;
use super::*;
use crate::plan::Origin;
use crate::run::draws::{ByRow, by_row, of_kinds};
use crate::run::post::{Over, made_up};
use crate::run::session::RunSession;

/// Draws that go through a plan together give what each of them gives, row by row.
#[tokio::test]
async fn draws_at_once_are_draws_one_by_one() {
    let session = RunSession::in_order(&limits()).expect("a session");
    let rated = "select t.home_district, 1000.0 * t.n / p.residents as rate from (select home_district, count(distinct person) as n from contact where year = 2024 group by home_district) t";
    let on = "join population p on p.district = t.home_district and p.year = 2024";
    let mut asked: Vec<String> = corpus().into_iter().map(|asked| asked.sql).step_by(2).collect();
    asked.extend(["", "left "].map(|how| format!("{rated} {how}{on} and p.age_band = '13-15'")));
    // Several rows of a district.
    asked.push(format!("{rated} {on}"));
    // A join by a noised value: which rows there are differs.
    let by_noised = format!("{rated} {on} and p.age_band = '13-15' and p.residents > t.n");
    assert_eq!(by_row(&plan(&by_noised).post.unordered), None);
    let (mut at_once, mut joined) = (0, 0);
    for sql in asked {
        let plan = plan(&sql);
        let Some(rows) = by_row(&plan.post.unordered) else { continue };
        let derived: Vec<usize> =
            (0..plan.post.names.len()).filter(|at| plan.post.origins[*at] == Origin::Derived).collect();
        if derived.is_empty() {
            continue;
        }
        let mut answers = made_up(&plan, 50.0);
        answers.iter_mut().flat_map(|table| &mut table.columns).for_each(|column| column.half_width = 9.0);
        let over = Over { session: &session, public: &PUBLIC, plan: &plan, answers: &answers };
        let ready = over.ready(&plan.post.unordered).await.expect(&sql);
        let together = over.at_once(&plan.post, &derived, "seed", None, &ready, rows).await;
        let mut together = together.expect(&sql).expect(&sql);
        let mut each = over.one_by_one(&plan.post, &derived, "seed", None, &ready).await.expect(&sql);
        for draws in together.values_mut().chain(each.values_mut()).flatten() {
            draws.sort_by(f64::total_cmp);
        }
        assert_eq!(together, each, "{sql}");
        at_once += 1;
        joined += usize::from(rows == ByRow::InAnyOrder);
    }
    assert!(at_once > 12 && joined >= 3, "{at_once} {joined}");
}

/// An answer that is paid for is shown, however little memory there is to draw many at once.
#[tokio::test]
async fn too_little_memory_for_many_draws_is_enough_for_one() {
    let sql = "select t.home_district, 1000.0 * t.n / p.residents as rate from (select home_district, count(distinct person) as n from contact where year = 2024 group by home_district) t join population p on p.district = t.home_district and p.year = 2024 and p.age_band = '13-15'";
    let plan = plan(sql);
    let mut answers = made_up(&plan, 50.0);
    answers.iter_mut().flat_map(|table| &mut table.columns).for_each(|column| column.half_width = 9.0);
    let rows = by_row(&plan.post.unordered).expect("row by row");
    let drawn = async |memory_bytes: usize| {
        let session = RunSession::in_order(&Limits { memory_bytes, ..limits() }).expect("a session");
        let over = Over { session: &session, public: &PUBLIC, plan: &plan, answers: &answers };
        let ready = over.ready(&plan.post.unordered).await.expect(sql);
        let at_once = over.at_once(&plan.post, &[1], "seed", None, &ready, rows).await;
        let mut draws = over.draws(&plan.post, &[1], "seed", None).await.expect(sql);
        draws.values_mut().flatten().for_each(|draws| draws.sort_by(f64::total_cmp));
        (at_once.is_ok(), draws)
    };
    let [(enough, all), (little, one_by_one)] = [drawn(256 << 20).await, drawn(128 << 10).await];
    assert!(enough && !little);
    assert_eq!(all, one_by_one);
}

/// Rows are told apart by their keys, or not at all.
#[test]
fn a_kind_of_row_comes_once_a_draw() {
    use arrow::array::{ArrayRef, StringArray};
    let keys = |keys: &[&[Option<&str>]]| -> Vec<ArrayRef> {
        keys.iter().map(|keys| Arc::new(StringArray::from(keys.to_vec())) as ArrayRef).collect()
    };
    let (a, b) = (Some("a"), Some("b"));
    let kinds = |of: &[&[Option<&str>]], draws| of_kinds(&keys(of), of[0].len(), draws).expect("of texts");
    assert_eq!(kinds(&[&[b, None, None, b]], 2), Some(vec![1, 0, 0, 1]));
    assert_eq!(kinds(&[&[a, a, b, b], &[a, b, a, b]], 1), Some(vec![0, 1, 2, 3]));
    assert_eq!(kinds(&[&[a, a, a, b]], 2), None);
    assert_eq!(kinds(&[&[a, a, b, b]], 1), None);
    assert_eq!(of_kinds(&[], 3, 3).expect("nothing"), Some(vec![0; 3]));
    assert_eq!(of_kinds(&[], 6, 3).expect("nothing"), None);
}
