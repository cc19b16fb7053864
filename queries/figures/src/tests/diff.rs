//! What differs between two releases, on made-up ones whose intervals were computed by hand. SYNTHETIC.

use std::collections::BTreeMap;

use super::city::City;
use crate::release::{Diff, Release, Row, diff};
use crate::{Display, FiguresError};

/// A release with one table of four cells, the given values and standard deviation, and no figures.
fn small(city: &City, year: i32, answer: &str, values: [f64; 4], sd: f64) -> Release {
    let mut release = city.release(year, 1);
    release.id = format!("{year}-{answer:0>16}");
    release.answer = answer.to_owned();
    release.workload.figures.clear();
    release.operational = None;
    release.tables.retain(|table| table.name == "contact_by_age");
    release.tables[0].sd = sd;
    for (row, value) in release.tables[0].rows.iter_mut().zip(values) {
        let half_width = 1.96 * sd;
        *row = Row { value, low: value - half_width, high: value + half_width, ..row.clone() };
    }
    release
}

fn compare(city: &City, a: &Release, b: &Release) -> Diff {
    diff(a, b, &city.policy).unwrap()
}

/// √(3² + 4²) = 5, and 1.95996 · 5 = 9.79982, rounded outwards to hundredths.
///
/// Of four differences judged together by Holm, the largest must be above 2.4977 · 5 = 12.49, the next above 2.3940 · 5 = 11.97, the next
/// above 2.2414 · 5 = 11.21 and the last above 9.80: of 13, 12, 11 and 10 the first two are. By Bonferroni only the first would be.
#[test]
fn intervals_and_flags_are_those_computed_by_hand() {
    let city = City::new();
    let a = small(&city, 2022, "a1", [100.0, 200.0, 300.0, 400.0], 3.0);
    let b = small(&city, 2023, "a2", [110.0, 211.0, 312.0, 387.0], 4.0);
    let found = compare(&city, &a, &b);
    let rows = &found.tables[0].rows;
    let differences: Vec<f64> = rows.iter().map(|row| row.change.difference).collect();
    assert_eq!(differences, [10.0, 11.0, 12.0, -13.0]);
    assert_eq!((rows[0].change.low, rows[0].change.high), (Some(0.2), Some(19.8)));
    assert_eq!((rows[3].change.low, rows[3].change.high), (Some(-22.8), Some(-3.2)));
    assert!(rows.iter().all(|row| row.change.distinguishable == Some(true)));
    let together: Vec<_> = rows.iter().map(|row| row.change.distinguishable_together).collect();
    assert_eq!(together, [Some(false), Some(false), Some(true), Some(true)]);
    assert_eq!((found.compared, found.distinguishable_together), (4, 2));
    assert!(found.summary.en.starts_with("Of 4 differences, 2 can be told"), "{}", found.summary.en);
    assert!(found.summary.en.contains("Each taken alone it is 4; about 0 "), "{}", found.summary.en);
    assert!(found.unmatched.is_empty() && !found.same_measurement);
    assert!(found.notes[0].en.contains("each year by itself"));
    // The other way round it is the same with the other sign.
    let back = compare(&city, &b, &a);
    assert_eq!(
        (back.tables[0].rows[0].change.low, back.tables[0].rows[0].change.high),
        (Some(-19.8), Some(-0.2))
    );
    // 9 is within 9.8.
    let near = small(&city, 2023, "a3", [109.0, 200.0, 300.0, 400.0], 4.0);
    let found = compare(&city, &a, &near);
    assert_eq!(found.tables[0].rows[0].change.distinguishable, Some(false));
    assert_eq!(found.distinguishable_together, 0);
}

#[test]
fn two_releases_of_one_measurement_differ_exactly() {
    let city = City::new();
    let a = small(&city, 2023, "a1", [100.0, 200.0, 300.0, 400.0], 3.0);
    let mut b = small(&city, 2023, "a1", [100.0, 200.0, 300.0, 400.5], 3.0);
    b.id = "2023-00000000000000b1".to_owned();
    let found = compare(&city, &a, &b);
    assert!(found.same_measurement && found.compared == 0);
    let change = &found.tables[0].rows[3].change;
    assert_eq!((change.difference, change.low, change.high), (0.5, None, None));
    assert_eq!((change.distinguishable, change.distinguishable_together), (None, None));
    assert!(found.summary.en.contains("the same measurement"), "{}", found.summary.en);
    assert!(found.notes[0].en.contains("the same year"));
    let error = diff(&a, &a, &city.policy).unwrap_err();
    assert!(
        matches!(&error, FiguresError::Refused { .. }) && error.to_string().contains("both are the release")
    );
}

#[test]
fn a_code_that_vanished_has_its_sentence_and_the_others_are_compared() {
    let city = City::new();
    let before = city.release(2022, 1);
    let mut after = city.release(2023, 2);
    after.answer = "a2".to_owned();
    let info = after.dimensions.iter_mut().find(|info| info.name == "service").unwrap();
    info.codes.retain(|code| code.code != "030115");
    for table in &mut after.tables {
        table.rows.retain(|row| row.key.get("service").is_none_or(|code| code != "030115"));
    }
    after.themes.retain(|theme| theme.name != "services");
    let services = |figure: &crate::workload::Figure| figure.theme.as_deref() != Some("services");
    after.workload.figures.retain(services);
    let mut before = before;
    before.workload.figures.retain(services);
    let found = compare(&city, &before, &after);
    let codes: Vec<_> = found.unmatched.iter().filter(|one| one.what == "code").collect();
    assert_eq!(found.unmatched.len(), 1, "{:?}", found.unmatched);
    assert_eq!((codes[0].name.as_str(), codes[0].only_in.as_ref()), ("service=030115", Some(&before.id)));
    // One cell of the table of services, five of that by age.
    let said = &codes[0].sentence;
    assert!(
        said.en.contains("the code \"030115\" (Søndre Nordstrand)") && said.en.contains("6 cells"),
        "{}",
        said.en
    );
    assert!(said.no.contains("6 celler er ikke sammenlignet, de andre er det"), "{}", said.no);
    let table = |name: &str| found.tables.iter().find(|table| table.name == name).unwrap();
    assert_eq!(table("services_by_service").rows.len(), 16);
    assert_eq!(table("services_by_service_youth_age").rows.len(), 80);
    assert_eq!(table("services_by_youth_age").rows.len(), 5, "what does not name the code is compared");
    assert_eq!(table("contact_by_age").rows.len(), 4);
    // The other way round it is the second that has it.
    let back = compare(&city, &after, &before);
    assert_eq!(back.unmatched[0].only_in.as_ref(), Some(&before.id));
}

#[test]
fn what_means_something_else_is_not_compared() {
    let city = City::new();
    let a = city.release(2022, 1);
    let other = |change: &dyn Fn(&mut Release)| {
        let mut b = city.release(2023, 2);
        b.answer = "a2".to_owned();
        change(&mut b);
        compare(&city, &a, &b)
    };
    let named = |found: &Diff| -> Vec<String> {
        found.unmatched.iter().map(|one| format!("{} {}", one.what, one.name)).collect()
    };
    assert!(named(&other(&|_| {})).is_empty());
    // A group of other ages under the same code: its cells, and the figures made of them.
    let found = other(&|b| {
        let ages = b.dimensions.iter_mut().find(|info| info.name == "age").unwrap();
        let moved = ages.codes[0].of.pop().unwrap();
        ages.codes[1].of.push(moved);
    });
    let codes = named(&found);
    assert!(
        codes.contains(&"code age=under_18".to_owned()) && codes.contains(&"code age=18-24".to_owned()),
        "{codes:?}"
    );
    assert!(codes.contains(&"figure contact_under_25".to_owned()), "{codes:?}");
    assert!(!codes.contains(&"figure contact_total".to_owned()), "{codes:?}");
    assert_eq!(found.tables.iter().find(|table| table.name == "contact_by_age").unwrap().rows.len(), 2);
    // Other persons.
    let found = other(&|b| {
        let theme = b.workload.themes.iter_mut().find(|theme| theme.name == "follow_up").unwrap();
        theme.filter =
            BTreeMap::from([("ute_follow_up".to_owned(), vec!["yes".to_owned(), "unknown".to_owned()])]);
    });
    let apart = named(&found);
    assert!(apart.contains(&"table follow_up_by_age".to_owned()), "{apart:?}");
    assert!(apart.contains(&"figure follow_up_total".to_owned()), "{apart:?}");
    assert!(!found.tables.iter().any(|table| table.name.starts_with("follow_up")));
    // A table and a figure that the second does not have.
    let found = other(&|b| {
        b.tables.remove(0);
        b.workload.figures.remove(0);
    });
    assert_eq!(named(&found), ["table contact_total", "figure contact_total"]);
    assert!(found.unmatched[0].sentence.en.contains(&a.id), "{}", found.unmatched[0].sentence.en);
    // The same name of another column, and single codes that became sums.
    let found = other(&|b| b.workload.dimensions.get_mut("belonging").unwrap().column = "gender".to_owned());
    let apart = named(&found);
    assert!(apart.contains(&"table contact_by_belonging".to_owned()), "{apart:?}");
    assert!(apart.contains(&"figure contact_oslo".to_owned()), "{apart:?}");
    assert!(!apart.contains(&"table contact_by_age".to_owned()), "{apart:?}");
    let found = other(&|b| {
        let ages = b.dimensions.iter_mut().find(|info| info.name == "age").unwrap();
        ages.order = Some(crate::workload::Order::ToDate);
    });
    let apart = named(&found);
    assert!(apart.contains(&"table contact_by_age".to_owned()), "{apart:?}");
    assert!(apart.contains(&"figure contact_under_25".to_owned()), "{apart:?}");
    // The same name over other dimensions.
    let found = other(&|b| b.tables[1].dimensions = vec!["gender".to_owned()]);
    assert_eq!(named(&found), ["table contact_by_age"]);
    assert!(found.unmatched[0].only_in.is_none());
}

/// Figures have the noise of both years as well, and exact ones none.
#[test]
fn figures_are_compared_too_and_exact_ones_exactly() {
    let city = City::new();
    let a = city.release(2022, 1);
    let mut b = city.release(2023, 2);
    b.answer = "a2".to_owned();
    b.operational.as_mut().unwrap().patrols += 7;
    let found = compare(&city, &a, &b);
    let figure = |name: &str| found.figures.iter().find(|figure| figure.name == name).unwrap();
    let contact = figure("contact_total");
    let table = &a.tables[0];
    assert_eq!(table.name, "contact_total");
    let half_width = (contact.change.high.unwrap() - contact.change.low.unwrap()) / 2.0;
    assert!((half_width - 1.959_964 * table.sd * 2.0_f64.sqrt()).abs() < 0.02, "{half_width}");
    let patrols = figure("patrol_total");
    assert!(patrols.exact);
    assert_eq!(
        (patrols.change.difference, patrols.change.low, patrols.change.high),
        (7.0, Some(7.0), Some(7.0))
    );
    assert_eq!(patrols.change.distinguishable_together, Some(true));
    assert_eq!(figure("patrol_two_staff").change.a.display, Display::Decimal(98.0));
    let cells: usize = found.tables.iter().map(|table| table.rows.len()).sum();
    let noisy = found.figures.iter().filter(|figure| !figure.exact).count();
    assert_eq!(found.compared, cells + noisy);
    let value = serde_json::to_value(&found).unwrap();
    assert!(
        value["tables"][1]["rows"][0]["difference"].is_number()
            && value["figures"][0]["a"]["value"].is_number()
    );
    assert_eq!(serde_json::from_value::<Diff>(value).unwrap(), found, "it reads back");
}

/// Over 60 pairs of releases of one city, in which nothing differs: a pair in which any flag is set by mistake is expected at most three
/// times, and more than fourteen have a probability below 1e-6.
#[test]
fn of_no_differences_none_is_flagged_mostly() {
    let city = City::new();
    let (mut any, mut alone, mut compared) = (0, 0, 0);
    for seed in 0..60 {
        let a = city.release(2022, 2 * seed + 1000);
        let mut b = city.release(2023, 2 * seed + 1001);
        b.answer = "a2".to_owned();
        let found = compare(&city, &a, &b);
        any += u32::from(found.distinguishable_together > 0);
        let changes = found.tables.iter().flat_map(|table| &table.rows).map(|row| &row.change);
        alone += changes.filter(|change| change.distinguishable == Some(true)).count();
        compared += found.tables.iter().map(|table| table.rows.len()).sum::<usize>();
    }
    let rate = alone as f64 / compared as f64;
    eprintln!("{any} of 60 pairs flagged together, {rate} of the cells alone");
    assert!(any <= 14, "{any} of 60");
    assert!((0.03..0.07).contains(&rate), "{rate} of the cells are flagged when taken alone");
}
