//! Many draws of the noise at once, and one by one.

use super::corpus::corpus;
use super::*;
use crate::plan::Origin;
use crate::run::draws::{ByRow, by_row};
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
    // Several rows of a district, which nothing tells apart; and a join by a noised value.
    asked.push(format!("{rated} {on}"));
    asked.push(format!("{rated} {on} and p.age_band = '13-15' and p.residents > t.n"));
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
        let together = over.at_once(&plan.post, &derived, "seed", None, &ready, rows).await.expect(&sql);
        let Some(mut together) = together else { continue };
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
