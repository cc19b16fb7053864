//! Patrols: exact figures of a made-up year.

use super::city::City;
use crate::Display;
use crate::key_figures::{KeyFigure, PatrolWeek, Unit, operational, patrol_weeks};
use crate::release::Release;

fn release(year: i32, published: &str) -> (City, Release) {
    let city = City::new();
    let mut release = city.release(year, 2);
    release.published = published.to_owned();
    (city, release)
}

fn named<'a>(figures: &'a [KeyFigure], name: &str) -> &'a KeyFigure {
    figures.iter().find(|figure| figure.name == name).unwrap_or_else(|| panic!("no figure {name}"))
}

#[test]
fn every_figure_of_patrols_is_exact_and_defined_in_both_languages() {
    let (city, release) = release(2023, "2024-02-01");
    let figures = operational(&release, &city.policy);
    let expected = [
        ("patrol_total", 1951.0, Unit::Patrols),
        ("patrol_per_week", 37.4, Unit::PatrolsPerWeek),
        // Ten weeks of 34, and one without any.
        ("patrol_weeks_below_target", 11.0, Unit::Weeks),
        ("patrol_staff", 2.1, Unit::StaffPerPatrol),
        ("patrol_two_staff", 98.0, Unit::Percent),
        ("patrol_below_two_staff", 2.0, Unit::Percent),
        ("patrol_shift_day", 51.3, Unit::Percent),
        ("patrol_shift_evening", 48.7, Unit::Percent),
        ("patrol_shift_night", 0.0, Unit::Percent),
        ("patrol_shift_unknown", 0.0, Unit::Percent),
        ("patrol_joint_total", 195.0, Unit::Patrols),
        ("patrol_joint", 10.0, Unit::Percent),
    ];
    assert_eq!(figures.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), expected.map(|(name, ..)| name));
    for (name, value, unit) in expected {
        let figure = named(&figures, name);
        assert_eq!((figure.value, figure.unit), (value, unit), "{name}");
        assert!(figure.exact && figure.sd == 0.0 && figure.low == value && figure.high == value, "{name}");
        let whole = matches!(unit, Unit::Patrols | Unit::Weeks);
        assert_eq!(matches!(figure.display, Display::Count(_)), whole, "{name}");
        for text in [&figure.definition, &figure.category, &figure.theme] {
            assert!(!text.no.is_empty() && !text.en.is_empty() && text.no != text.en, "{name}: {text:?}");
        }
    }
    let note = named(&figures, "patrol_weeks_below_target").note.clone().expect("of how many");
    assert_eq!((note.no.as_str(), note.en.as_str()), ("Av 52 hele uker.", "Of 52 whole weeks."));
}

#[test]
fn a_week_without_patrols_is_under_the_target_and_one_of_two_years_is_of_neither() {
    let (_, release) = release(2023, "2024-02-01");
    let weeks = patrol_weeks(&release);
    assert_eq!(weeks.iter().map(|week| week.week).collect::<Vec<_>>(), (1..=52).collect::<Vec<_>>());
    assert_eq!(weeks[28], PatrolWeek { week: 29, patrols: 0, below_target: true });
    assert_eq!(weeks[0], PatrolWeek { week: 1, patrols: 34, below_target: true });
    assert_eq!(weeks[51], PatrolWeek { week: 52, patrols: 37, below_target: false });
    // The first week of 2025 begins on 30 December 2024, and its last days are of the first week of 2026; 2020 ends on a Thursday of
    // its week 53.
    let of = |year: i32| {
        let mut release = release.clone();
        release.year = year;
        release.published = format!("{}-02-01", year + 1);
        let weeks = patrol_weeks(&release);
        (weeks[0].week, weeks[weeks.len() - 1].week)
    };
    assert_eq!((of(2025), of(2024), of(2020)), ((2, 52), (1, 52), (2, 52)));
}

#[test]
fn a_year_that_is_not_over_is_judged_by_its_whole_weeks_so_far() {
    let (city, mut release) = release(2023, "2023-04-20");
    let operational_figures = release.operational.as_mut().expect("patrols");
    operational_figures.by_week.retain(|week, _| *week <= 15);
    let weeks = patrol_weeks(&release);
    assert_eq!(weeks.last().map(|week| week.week), Some(14), "the last week with a patrol may not be over");
    let figures = operational(&release, &city.policy);
    assert_eq!(named(&figures, "patrol_weeks_below_target").value, 10.0);
    assert_eq!(
        named(&figures, "patrol_per_week").value,
        ((10.0 * 34.0 + 4.0 * 37.0) / 14.0_f64 * 10.0).round() / 10.0
    );
}

#[test]
fn what_is_not_known_is_not_shown() {
    let (city, mut release) = release(2023, "2024-02-01");
    let kept = release.operational.as_mut().expect("patrols");
    (kept.staffed, kept.staff) = (0, 0);
    kept.by_week.clear();
    let figures = operational(&release, &city.policy);
    for name in ["patrol_staff", "patrol_two_staff", "patrol_below_two_staff", "patrol_weeks_below_target"] {
        assert!(figures.iter().all(|figure| figure.name != name), "{name}");
    }
    release.operational = None;
    assert!(operational(&release, &city.policy).is_empty() && patrol_weeks(&release).is_empty());
}
