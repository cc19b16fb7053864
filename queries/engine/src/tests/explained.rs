//! What `explain` says of computed columns.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::*;
use crate::Explanation;

async fn explain(house: &House, sql: &str) -> Explanation {
    let ask = Ask { price: Some(Price::Rho(0.05)), ..Ask::default() };
    house.engine.explain(&house.caller("researcher"), sql, &ask).await.expect(sql)
}

fn half_width(explained: &Explanation, column: &str) -> Option<f64> {
    explained.expected.iter().find(|expected| expected.column == column).map(|expected| expected.half_width)
}

#[tokio::test(flavor = "multi_thread")]
async fn widths_of_sums_of_answers_follow_from_the_noise() {
    let house = house(&contacts(200)).await;
    let sql = "select gender, a, b, a - b as less, 2 * a + 0.5 * b + 7 as more, a / 4 - a as part, a + b - b as a_again, 100.0 * a / b as share
        from (select gender, count(distinct person) filter (where service = 'uteseksjonen') a,
                     count(distinct person) filter (where service = '030101') b
              from contact where year = 2024 group by gender) t";
    let explained = explain(&house, sql).await;
    let of = |column: &str| half_width(&explained, column).expect(column);
    let (a, b) = (of("a"), of("b"));
    for (column, expected) in
        [("less", a.hypot(b)), ("more", (2.0 * a).hypot(0.5 * b)), ("part", 0.75 * a), ("a_again", a)]
    {
        assert!((of(column) / expected - 1.0).abs() < 1e-9, "{column}: {} for {expected}", of(column));
    }
    assert_eq!(half_width(&explained, "share"), None);
    let said = |explained: &Explanation, column: &str| {
        explained.notes.iter().filter(|note| note.starts_with(&format!("`{column}`"))).count()
    };
    assert_eq!((said(&explained, "share"), said(&explained, "less")), (1, 0), "{:?}", explained.notes);
    // The noise of the answer, drawn 400 times: an end of the interval has an error of an eighth of σ, a sixteenth of
    // the half-width. Six of them, of both ends together and of three rows, are passed with a chance below 1e-7.
    let answer = house.ask(sql, 0.05).await.expect("answered");
    let less = explained.expected.iter().find(|column| column.column == "less").expect("said");
    for [low, high] in &answer.intervals["less"] {
        let half = (high - low) / 2.0;
        assert!(half > 0.7 * less.at_least && half < 1.3 * less.at_most, "{half} for {less:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_has_the_width_of_its_widest_row() {
    let house = house(&contacts(20)).await;
    let sql = "select d.code, c.persons, 1000.0 * c.persons / r.residents as per_1000, r.residents
        from (select service, count(distinct person) as persons from contact where year = 2024 group by service) c
        join district d on d.code = c.service
        join population r on r.district = c.service and r.year = 2024 and r.age_band = '13-15'
        where c.persons > 3 order by per_1000 desc limit 4";
    let explained = explain(&house, sql).await;
    let residents = &house.engine.planner.public["population"];
    let (years, districts, bands, numbers) = (
        residents.column_by_name("year").expect("a column"),
        residents.column_by_name("district").expect("a column"),
        residents.column_by_name("age_band").expect("a column"),
        residents.column_by_name("residents").expect("a column"),
    );
    let services: Vec<&str> = house
        .engine
        .policy()
        .code_list("service")
        .expect("a list")
        .codes
        .iter()
        .map(|c| c.code.as_str())
        .collect();
    let fewest = (0..residents.num_rows())
        .filter(|row| years.as_primitive::<Int64Type>().value(*row) == 2024)
        .filter(|row| bands.as_string::<i32>().value(*row) == "13-15")
        .filter(|row| services.contains(&districts.as_string::<i32>().value(*row)))
        .map(|row| numbers.as_primitive::<Int64Type>().value(row))
        .min()
        .expect("residents");
    let expected = 1000.0 * half_width(&explained, "persons").expect("measured") / fewest as f64;
    let per_1000 = half_width(&explained, "per_1000").expect("a sum with known factors");
    assert!((per_1000 / expected - 1.0).abs() < 1e-9, "{per_1000} for {expected}");
    assert!(
        explained.notes.iter().any(|note| note.contains("differs from row to row")),
        "{:?}",
        explained.notes
    );
    assert_eq!(half_width(&explained, "residents"), None, "nothing of it is noised");
}

/// The bound of a column that is scaled is not known: neither is that of what is computed of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_bound_leaves_open_is_open_in_sums_too() {
    let house = house(&contacts(20)).await;
    let sql =
        "select service, count(*) n, count(*) / 12.0 as a_month from contact where year = 2024 group by 1";
    let explained = explain(&house, sql).await;
    let [n, a_month] = explained.expected.as_slice() else { panic!("{:?}", explained.expected) };
    assert!(n.at_least < n.half_width && n.half_width < n.at_most);
    for (of_month, of_all) in
        [(a_month.at_least, n.at_least), (a_month.half_width, n.half_width), (a_month.at_most, n.at_most)]
    {
        assert!((12.0 * of_month / of_all - 1.0).abs() < 1e-9, "{a_month:?} of {n:?}");
    }
}
