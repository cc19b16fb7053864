//! Figures whose interval is wider than the policy's limit are not shown: by noised values and public standard deviations alone.

use skjerm_warehouse::Reference;
use skjerm_warehouse::policy::Width;

use super::city::City;
use crate::release::assemble::shown;
use crate::{Display, districts, key_figures};

const Z: f64 = 1.959_963_984_540_054;

fn city(width: Option<Width>) -> City {
    let mut city = City::new();
    city.policy.suppress_below = 0;
    city.policy.suppress_wider_than = width;
    city
}

#[test]
fn the_rule_is_that_of_the_policy() {
    let policy = city(Some(Width { part_of_value: 0.5, floor: 10.0 })).policy;
    // A half-width of 9.8 is below the floor; one of 19.6 needs a value of 39.2.
    assert_eq!(shown(&policy, 1.0, 5.0, 3), Display::Count(3));
    assert_eq!(shown(&policy, 39.1, 10.0, 39), Display::Suppressed);
    assert_eq!(shown(&policy, 39.3, 10.0, 39), Display::Count(39));
    assert_eq!(shown(&city(None).policy, 1.0, 1000.0, 3), Display::Count(3));
}

/// Tables, figures and rates: what is hidden is what the rule says, and the unbiased columns stay.
#[test]
fn wide_cells_figures_and_rates_are_hidden_and_no_others() {
    let width = Width { part_of_value: 0.1, floor: 0.0 };
    let (limited, all) = (city(Some(width)), city(None));
    let (release, whole) = (limited.release(2023, 3), all.release(2023, 3));
    let (mut hidden, mut seen) = (0, 0);
    for (table, plain) in release.tables.iter().zip(&whole.tables) {
        for (row, plain) in table.rows.iter().zip(&plain.rows) {
            assert_eq!((row.value, row.low, row.high), (plain.value, plain.low, plain.high));
            // The published value is rounded to two decimals.
            let (half_width, limit) = (Z * table.sd, 0.1 * row.value);
            match row.display {
                Display::Suppressed => {
                    assert!(half_width > limit - 0.01 || row.value < 0.0, "{}", table.name);
                }
                display => {
                    assert!(half_width <= limit + 0.01 && display == plain.display, "{}", table.name);
                    seen += 1;
                }
            }
            hidden += u32::from(row.display == Display::Suppressed);
        }
    }
    assert!(hidden > 20 && seen > 20, "{hidden} hidden, {seen} shown");
    let (mut hidden, mut seen) = (0, 0);
    for figure in key_figures::figures(&release, &limited.policy).unwrap() {
        let wide = Z * figure.sd > 0.1 * figure.value;
        assert_eq!(figure.display == Display::Suppressed, wide && !figure.exact, "{}", figure.name);
        *(if wide { &mut hidden } else { &mut seen }) += 1;
    }
    assert!(hidden > 5 && seen > 5, "{hidden} hidden, {seen} shown");
    let reference = Reference::shipped().unwrap();
    let comparison = districts::compare(&release, &limited.policy, &reference).unwrap();
    let mut hidden = 0;
    for district in &comparison.districts {
        let young = district.persons_13_24;
        let wide = (young.high - young.value) > 0.1 * young.value + 0.02;
        assert_eq!(young.display == Display::Suppressed, wide, "{}", district.code);
        assert_eq!(district.rate.unwrap().display == Display::Suppressed, wide, "{}", district.code);
        hidden += u32::from(wide);
    }
    assert!((1..15).contains(&hidden), "{hidden} of 15 districts");
}

/// The shipped limit, at the shipped budget, hides no figure of the size that Uteseksjonen has published.
#[test]
fn the_shipped_limit_leaves_the_key_figures_readable() {
    let city = City::new();
    let with = key_figures::figures(&city.release(2023, 5), &city.policy).unwrap();
    let mut policy = city.policy.clone();
    policy.suppress_wider_than = None;
    let without = key_figures::figures(&city.release(2023, 5), &policy).unwrap();
    assert_eq!(with, without);
    // With a hundredth of the budget it does hide.
    assert_eq!(shown(&city.policy, 35.0, 80.0, 35), Display::Suppressed);
}

#[test]
fn the_rule_is_among_the_known_limits_and_depends_on_nothing_else() {
    let some = city(Some(Width { part_of_value: 0.5, floor: 10.0 })).release(2023, 1);
    let none = city(None).release(2023, 1);
    assert_eq!(some.known_limits.len(), none.known_limits.len() + 1);
    let said = some.known_limits.last().unwrap();
    assert!(said.en.contains("± 50 %") && said.en.contains("± 10 at most"), "{}", said.en);
    assert!(said.no.contains("± 50 %") && said.no.contains("± 10."), "{}", said.no);
}
