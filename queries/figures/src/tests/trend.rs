//! Figures over the years.

use super::city::City;
use crate::trend::series;

#[test]
fn a_change_has_the_noise_of_both_years() {
    let mut city = City::new();
    let before = city.release(2022, 5);
    let contact = city.workload.themes.iter().position(|theme| theme.name == "contact").unwrap();
    city.truth[contact].iter_mut().for_each(|count| *count += 10);
    let after = city.release(2023, 6);
    // In whatever order they are given.
    let points = series(&[after.clone(), before.clone()], &city.policy, "contact_total").unwrap();
    assert_eq!(points.iter().map(|point| point.year).collect::<Vec<_>>(), [2022, 2023]);
    assert!(points[0].change.is_none());
    let change = points[1].change.as_ref().unwrap();
    assert_eq!(change.from_year, 2022);
    // 720 more persons, against a noise of about 10.
    assert!(change.distinguishable && change.low > 0.0 && change.low <= 720.0 && 720.0 <= change.high);
    assert!(change.sentence.no.starts_with("Fra 2022 til 2023: økning på 7"), "{}", change.sentence.no);
    let width = |low: f64, high: f64| (high - low) / 2.0;
    let expected = width(points[0].low, points[0].high).hypot(width(points[1].low, points[1].high));
    assert!((width(change.low, change.high) - expected).abs() < 0.03);
    assert_eq!(points[1].release, after.id);
}

#[test]
fn a_figure_that_was_redefined_is_no_series() {
    let city = City::new();
    let (before, mut after) = (city.release(2022, 5), city.release(2023, 6));
    let figure = after.workload.figures.iter_mut().find(|figure| figure.name == "contact_under_25").unwrap();
    figure.cells.get_mut("age").unwrap().truncate(1);
    let refused = series(&[before.clone(), after.clone()], &city.policy, "contact_under_25").unwrap_err();
    assert!(refused.to_string().contains("counts something else"), "{refused}");
    let kept = crate::trend::of_one_meaning(vec![after.clone(), before.clone()], "contact_under_25");
    assert_eq!(kept.iter().map(|release| release.year).collect::<Vec<_>>(), [2023]);
    let kept = crate::trend::of_one_meaning(vec![after.clone(), before.clone()], "contact_total");
    assert_eq!(kept.iter().map(|release| release.year).collect::<Vec<_>>(), [2022, 2023]);
    assert_eq!(series(&[before, after], &city.policy, "contact_total").unwrap().len(), 2);
}

#[test]
fn the_same_city_twice_cannot_be_told_apart_most_times() {
    let city = City::new();
    let apart = (0..60).filter(|seed| {
        let releases = [city.release(2022, 2 * seed + 100), city.release(2023, 2 * seed + 101)];
        let points = series(&releases, &city.policy, "follow_up_total").unwrap();
        let change = points[1].change.clone().unwrap();
        assert_eq!(change.distinguishable, !change.sentence.no.contains("kan ikke skilles fra"));
        change.distinguishable
    });
    // Expected 3 of 60; more than 14 has a probability below 1e-6.
    assert!(apart.count() <= 14);
}

#[test]
fn exact_figures_have_exact_changes() {
    let city = City::new();
    let points =
        series(&[city.release(2022, 1), city.release(2023, 2)], &city.policy, "patrol_total").unwrap();
    let change = points[1].change.as_ref().unwrap();
    assert_eq!((change.difference, change.low, change.high, change.distinguishable), (0.0, 0.0, 0.0, false));
    assert!(change.sentence.no.contains("uendret"));
}

#[test]
fn unknown_figures_and_double_years_are_refused() {
    let city = City::new();
    let release = city.release(2023, 1);
    let error = series(std::slice::from_ref(&release), &city.policy, "contacts").unwrap_err();
    assert!(
        error.to_string().contains("no figure \"contacts\"")
            && error.hint().unwrap().contains("contact_total")
    );
    let error = series(&[release.clone(), release], &city.policy, "contact_total").unwrap_err();
    assert!(error.to_string().contains("two of the releases are of the year 2023"));
}
