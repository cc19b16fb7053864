//! Questions in the span of a release are answered from it, free.

use skjerm_privacy::marginals::{Domain, Form, LinearQuery, Marginal, Measured, Reconstruction};

use super::measuring::marginals;
use super::{House, contacts, house};
use crate::measure::MarginalsMeasurement;
use crate::{AnswerSource, Ask, Price};

async fn published() -> (House, MarginalsMeasurement) {
    let house = house(&contacts(200)).await;
    let mut request = marginals();
    request.distinct[0].sigma = 8.0;
    let measured = house.engine.measure(&house.caller("steward"), &request).await.expect("measured");
    (house, measured)
}

/// The release's own least squares over gender × home.
fn least_squares(measured: &MarginalsMeasurement) -> Reconstruction {
    let of = |one: &crate::measure::MeasuredMarginal| Measured {
        marginal: Marginal::new(one.dims.iter().copied()),
        form: Form::Whole,
        sigma: one.sigma,
        values: one.values.clone(),
    };
    let all: Vec<Measured> = measured.themes[0].measured.iter().map(of).collect();
    Reconstruction::new(Domain::new(vec![3, 2]).expect("a domain"), &all).expect("determined")
}

const BY_GENDER: &str =
    "select gender, count(*) n from person_year where year = 2024 and ute_contact = 'yes' group by gender";

#[tokio::test(flavor = "multi_thread")]
async fn a_question_in_the_span_of_a_release_is_free_and_says_what_the_release_says() {
    let (house, measured) = published().await;
    let left = house.left("persons", "2024", "researchers");
    let caller = house.caller("researcher");
    let explained = house.engine.explain(&caller, BY_GENDER, &Ask::default()).await.expect("explained");
    let answer = house.engine.ask(&caller, BY_GENDER, &Ask::default()).await.expect("answered");
    assert_eq!(answer.answer.source, AnswerSource::Release);
    assert_eq!(answer.answer.id, measured.answer_id);
    assert!(explained.free && !answer.privacy.charged);
    let table = least_squares(&measured).marginal(&Marginal::new([0])).expect("determined");
    assert_eq!(answer.rows.len(), table.len());
    for ((row, interval), cell) in answer.rows.iter().zip(&answer.intervals["n"]).zip(&table) {
        assert!((row[1].as_f64().expect("a number") - cell.value).abs() <= 0.05 + 1e-9, "{row:?} {cell:?}");
        let half = (interval[1] - interval[0]) / 2.0;
        assert!((half - 1.96 * cell.sd).abs() < 0.11, "{half} {cell:?}");
        assert!((explained.expected[0].half_width - 1.96 * cell.sd).abs() < 0.01);
    }
    // Sharper than the one marginal that was measured alone, with σ 4.
    assert!(table[0].sd < 4.0);
    assert!((house.left("persons", "2024", "researchers") - left).abs() < 1e-12);
    // Unions of cells, other words, and what is computed of it.
    for sql in [
        "select count(distinct person) from person_year where year = 2024 and ute_contact = 'yes' and belonging = 'oslo' and gender <> 'unknown'",
        "select belonging = 'oslo' home, count(*) from person_year where ute_contact = 'yes' and year = 2024 group by 1",
        "select gender, count(*) filter (where belonging in ('other', 'unknown')) from person_year where year = 2024 and ute_contact = 'yes' group by rollup (gender)",
    ] {
        let answer = house.engine.ask(&caller, sql, &Ask::default()).await.expect("answered");
        assert_eq!(answer.answer.source, AnswerSource::Release, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_of_sums_know_that_cells_of_a_release_share_their_errors() {
    let (house, measured) = published().await;
    let sql = format!("select sum(n) as of_all from ({BY_GENDER}) t");
    let answer =
        house.engine.ask(&house.caller("researcher"), &sql, &Ask::default()).await.expect("answered");
    assert_eq!(answer.answer.source, AnswerSource::Release);
    let result = least_squares(&measured);
    let total = result.estimate(&LinearQuery::total()).expect("determined");
    let [low, high] = answer.intervals["of_all"][0];
    let half = (high - low) / 2.0;
    // The errors of the cells go together: taken for independent ones they would make it half as wide again.
    let apart: f64 = result.marginal(&Marginal::new([0])).expect("it").iter().map(|c| c.sd * c.sd).sum();
    assert!(apart.sqrt() > 1.3 * total.sd, "{apart} {total:?}");
    // 400 draws: the ends of the interval are known to some 10 %; the seed follows from the answer's id.
    assert!((half / (1.96 * total.sd) - 1.0).abs() < 0.25, "{half} for {total:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_of_one_statement_that_are_read_off_one_release_share_its_errors() {
    let (house, measured) = published().await;
    let of = |gender| {
        format!(
            "(select count(*) from person_year where year = 2024 and ute_contact = 'yes' and gender = '{gender}')"
        )
    };
    let sql = format!("select {} + {} as of_both", of("female"), of("male"));
    let answer =
        house.engine.ask(&house.caller("researcher"), &sql, &Ask::default()).await.expect("answered");
    assert_eq!(answer.answer.source, AnswerSource::Release);
    let result = least_squares(&measured);
    let both = LinearQuery::union(result.domain(), &[(0, vec![0, 1])]).expect("a query");
    let both = result.estimate(&both).expect("determined");
    let apart = result.marginal(&Marginal::new([0])).expect("it")[0].sd * std::f64::consts::SQRT_2;
    assert!(apart > 1.1 * both.sd, "{apart} {both:?}");
    let [low, high] = answer.intervals["of_both"][0];
    // Known to some 4 % by 400 draws; taken for independent it would be wider than this.
    let half = (high - low) / 2.0;
    assert!(
        half < 1.96 * f64::midpoint(apart, both.sd) && half > 1.96 * 0.8 * both.sd,
        "{half} for {both:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_release_cannot_say_is_measured() {
    let (house, _) = published().await;
    let caller = house.caller("researcher");
    for sql in [
        // A cell cut in two, the filter left out or another one, another year, another table, another dimension.
        "select count(*) from person_year where year = 2024 and ute_contact = 'yes' and belonging = 'other'",
        "select gender, count(*) from person_year where year = 2024 group by gender",
        "select gender, count(*) from person_year where year = 2024 and ute_contact in ('yes', 'no') group by gender",
        "select gender, count(*) from person_year where year = 2023 and ute_contact = 'yes' group by gender",
        "select age_band, count(*) from person_year where year = 2024 and ute_contact = 'yes' group by age_band",
        "select count(distinct person) from contact where year = 2024",
    ] {
        let explained = house.engine.explain(&caller, sql, &Ask::default()).await.expect("explained");
        assert!(!explained.free, "{sql}");
    }
    // Whoever pays for more than the release says is given more; whoever is content with less gets the release.
    let within = |half_width| Ask { price: Some(Price::Within(half_width)), ..Ask::default() };
    let free = |ask: Ask| {
        let (house, caller) = (&house, &caller);
        async move { house.engine.explain(caller, BY_GENDER, &ask).await.expect("explained").free }
    };
    assert!(free(within(20.0)).await && !free(within(4.5)).await);
    assert!(free(Ask { price: Some(Price::Rho(0.001)), ..Ask::default() }).await);
    assert!(!free(Ask { price: Some(Price::Rho(0.09)), ..Ask::default() }).await);
    // What was measured before stays the answer.
    let ask = Ask { price: Some(Price::Rho(0.09)), ..Ask::default() };
    let spent = house.engine.ask(&caller, BY_GENDER, &ask).await.expect("answered");
    assert_eq!(spent.answer.source, AnswerSource::Spent);
    let again = house.engine.ask(&caller, BY_GENDER, &ask).await.expect("answered");
    assert_eq!((again.answer.source, again.rows), (AnswerSource::Stored, spent.rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_answers_nothing_about_data_that_came_after_it() {
    let (house, _) = published().await;
    let caller = house.caller("researcher");
    let free =
        async || house.engine.explain(&caller, BY_GENDER, &Ask::default()).await.expect("explained").free;
    assert!(free().await);
    house.deliver(&contacts(210)).await;
    assert!(!free().await);
    let answer = house.engine.ask(&caller, BY_GENDER, &Ask::default()).await.expect("answered");
    assert_eq!(answer.answer.source, AnswerSource::Spent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_far_wider_than_the_default_price_is_not_taken_for_an_answer() {
    let house = house(&contacts(200)).await;
    let mut request = marginals();
    request.themes[0].measured = vec![(vec![0], 40.0)];
    request.distinct.clear();
    house.engine.measure(&house.caller("steward"), &request).await.expect("measured");
    let caller = house.caller("researcher");
    let explained = house.engine.explain(&caller, BY_GENDER, &Ask::default()).await.expect("explained");
    assert!(!explained.free && explained.expected[0].half_width < 40.0, "{:?}", explained.expected);
    let within = Ask { price: Some(Price::Within(80.0)), ..Ask::default() };
    assert!(house.engine.explain(&caller, BY_GENDER, &within).await.expect("explained").free);
}
