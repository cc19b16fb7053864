//! The workloads beside the yearly key figures: months, quarters, services, and the year to date.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use skjerm_engine::measure::{MarginalsMeasurement, MeasuredMarginal, MeasuredTheme};
use skjerm_privacy::Rho;
use skjerm_privacy::marginals::{Kind, marginal_of};
use skjerm_warehouse::policy::Policy;

use super::city::{draw, patrols};
use crate::release::assemble::{Imprint, assemble, request};
use crate::release::noise::NoisePlan;
use crate::release::{Period, Release, Row, plan};
use crate::text::Display;
use crate::workload::{Checked, Workload};

const RHO: f64 = 0.05;

/// A release of a made-up year: every cell has about a hundred persons, fewer in later cells. SYNTHETIC.
fn release(
    workload: &Workload,
    rho: f64,
    seed: u64,
    of_same_data: Vec<&Release>,
) -> (Release, Vec<Vec<i64>>) {
    release_of(&2023.into(), workload, rho, seed, of_same_data)
}

/// The same of any year or campaign.
pub(super) fn release_of(
    period: &Period,
    workload: &Workload,
    rho: f64,
    seed: u64,
    of_same_data: Vec<&Release>,
) -> (Release, Vec<Vec<i64>>) {
    let policy = Policy::oslo();
    let workload = &period.workload(workload).unwrap();
    let checked = Checked::new(workload, &policy).unwrap();
    let noise = NoisePlan::new(workload, &checked, Rho::from_f64_down(rho).unwrap()).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let truth: Vec<Vec<i64>> = checked
        .themes
        .iter()
        .map(|theme| (0..theme.domain.cells()).map(|cell| 130 - i64::try_from(cell % 97).unwrap()).collect())
        .collect();
    let themes = workload.themes.iter().zip(&checked.themes).zip(&noise.themes).zip(&truth).map(
        |(((theme, checked), noise), truth)| {
            let unit = checked.domain.attributes().iter().find_map(|attribute| match attribute.kind() {
                Kind::Several { unit, .. } => Some(i64::try_from(*unit).unwrap()),
                _ => None,
            });
            let measured = noise.sigmas.iter().map(|(marginal, sigma)| {
                let counts = marginal_of(&checked.domain, truth, marginal)
                    .iter()
                    .map(|c| c * unit.unwrap_or(1))
                    .collect();
                let exact = checked.domain.encode(marginal, noise.form, counts).unwrap();
                MeasuredMarginal {
                    dims: marginal.attributes().to_vec(),
                    sigma: *sigma,
                    values: exact.iter().map(|value| value + draw(*sigma, &mut random)).collect(),
                }
            });
            MeasuredTheme { name: theme.name.clone(), form: noise.form, measured: measured.collect() }
        },
    );
    let measurement = MarginalsMeasurement {
        answer_id: format!("a{seed}"),
        snapshot: "s1".to_owned(),
        year: period.year,
        rho: noise.rho.as_f64(),
        themes: themes.collect(),
        distinct: Vec::new(),
        request: Some(request(workload, &checked, &noise, period, None)),
    };
    let imprint = Imprint {
        campaign: period.campaign.clone(),
        of_same_data,
        revision: 1,
        supersedes: None,
        published: "2024-02-01".to_owned(),
        synthetic: true,
    };
    let patrols = period.campaign.is_none().then(|| patrols(period.year));
    let mut release = assemble(&policy, workload, &measurement, patrols.as_ref(), imprint).unwrap();
    release.id = format!("{}-{seed:016x}", period.year);
    (release, truth)
}

/// Twelve months to date: the largest standard deviation is within 10 % of the best of all factorisations (the dual bound of a convex
/// programme says 1.6230 at sensitivity 1), and beats months that are added up by more than half.
#[test]
fn the_year_to_date_is_near_the_best_factorisation() {
    let mut workload = Workload::named("monthly").unwrap();
    workload.themes.retain(|theme| theme.name == "contact_to_date");
    workload.themes[0].tables.truncate(1);
    workload.figures.clear();
    workload.dimensions.remove("month");
    let plan = plan(&Policy::oslo(), &workload, 2023, RHO).unwrap();
    let largest = plan.tables[0].half_width / 1.959_964;
    let best = 1.6230 / (2.0 * plan.rho).sqrt();
    assert!(largest < best * 1.002 && largest > best * 0.999, "{largest} {best}");
    assert!(largest < 0.5 * 12_f64.sqrt() / (2.0 * plan.rho).sqrt());
}

#[test]
fn rows_to_date_are_sums_and_add_up() {
    let workload = Workload::named("monthly").unwrap();
    for seed in 0..5 {
        let (release, truth) = release(&workload, RHO, seed, Vec::new());
        let find = |name: &str| release.tables.iter().find(|table| table.name == name).unwrap();
        let whole = |table: &str, month: &str| -> f64 {
            let rows = find(table).rows.iter().filter(|row| row.key["to_date"] == month);
            rows.map(|row| row.value).sum()
        };
        // Over ages and over genders: the same persons to date.
        for month in ["01", "06", "12"] {
            let total = whole("contact_to_date", month);
            assert!((whole("contact_to_date_by_age", month) - total).abs() < 0.1);
            assert!((whole("contact_to_date_by_gender", month) - total).abs() < 0.1);
        }
        let theme = release.workload.themes.iter().position(|theme| theme.name == "contact_to_date").unwrap();
        let table = find("contact_to_date");
        for (at, row) in table.rows.iter().enumerate() {
            let cells = truth[theme].len() / 12;
            let exact: i64 = truth[theme][..(at + 1) * cells].iter().sum();
            // Six standard deviations, 60 rows: a false alarm of 2e-7.
            assert!(
                (row.value - exact as f64).abs() < 6.0 * table.sd_of(row) + 0.01,
                "seed {seed}, row {at}"
            );
        }
        // Display values: whole, never falling from month to month, and the same however they are split.
        let shown = |name: &str| -> Vec<i64> {
            let months = find("contact_to_date").rows.iter().map(|row| row.key["to_date"].clone());
            months
                .map(|month| {
                    let rows = find(name).rows.iter().filter(|row| row.key["to_date"] == month);
                    let count = |row: &Row| match row.display {
                        Display::Count(count) => count,
                        other => panic!("{other:?} in a row that is large"),
                    };
                    rows.map(count).sum()
                })
                .collect()
        };
        let total = shown("contact_to_date");
        assert_eq!(total, shown("contact_to_date_by_gender"));
        assert!(total.windows(2).all(|pair| pair[0] <= pair[1]), "{total:?}");
    }
}

/// Months in which a person may be several times are in persons, unbiased, and agree over ages.
#[test]
fn months_are_in_persons() {
    let workload = Workload::named("monthly").unwrap();
    let (release, truth) = release(&workload, RHO, 77, Vec::new());
    let theme = workload.themes.iter().position(|theme| theme.name == "follow_up_month").unwrap();
    let table = release.tables.iter().find(|table| table.name == "follow_up_by_month").unwrap();
    for (month, row) in table.rows.iter().enumerate() {
        let exact: i64 = truth[theme].chunks(4).nth(month).unwrap().iter().sum();
        assert!(
            (row.value - exact as f64).abs() < 6.0 * table.sd_of(row) + 0.01,
            "{month}: {} {exact}",
            row.value
        );
    }
    assert!(
        release.known_limits.iter().all(|limit| !limit.en.contains("less than one")),
        "everybody counts whole"
    );
    let services = Workload::named("services").unwrap();
    let (release, _) = super::shipped::release(&services, RHO, 1, Vec::new());
    assert!(
        release.known_limits.iter().any(|limit| limit.en.contains("more than 4 of \"Service\"")),
        "the norm cuts"
    );
}

/// A second release of the same data is made of both measurements, a third of all three, each once; what is said of the
/// difference of two of them is what is left to vary.
#[test]
fn later_releases_use_what_was_measured_before() {
    let mut workload = Workload::named("quarterly").unwrap();
    let (first, _) = release(&workload, 0.01, 1, Vec::new());
    workload.version = 2;
    let (second, truth) = release(&workload, 0.03, 2, vec![&first]);
    workload.version = 3;
    let (third, _) = release(&workload, 0.04, 3, vec![&first, &second]);
    let (alone, _) = release(&workload, 0.08, 4, Vec::new());
    for (name, theme) in [("contact_by_quarter_age", 0), ("follow_up_by_quarter", 1)] {
        let sd = |release: &Release| release.tables.iter().find(|table| table.name == name).unwrap().sd;
        // 0.01 + 0.03 and 0.01 + 0.03 + 0.04, as if measured at once.
        assert!((sd(&second) / sd(&alone) - 2.0_f64.sqrt()).abs() < 1e-3, "{name}");
        assert!((sd(&third) / sd(&alone) - 1.0).abs() < 1e-3, "{name}: {} {}", sd(&third), sd(&alone));
        let measured = &third.themes[theme].measured;
        let from: Vec<Option<&str>> = measured.iter().map(|one| one.from.as_deref()).collect();
        assert_eq!(from.iter().filter(|from| **from == Some(first.id.as_str())).count() * 3, measured.len());
    }
    let diff = crate::release::diff(&first, &third, &Policy::oslo()).unwrap();
    let of = |release: &Release| {
        release.tables.iter().find(|table| table.name == "contact_by_quarter").unwrap().sd
    };
    let row = &diff.tables.iter().find(|table| table.name == "contact_by_quarter").unwrap().rows[0].change;
    let half = (row.high.unwrap() - row.low.unwrap()) / 2.0;
    let expected = 1.959_964 * (of(&first).powi(2) - of(&third).powi(2)).sqrt();
    assert!((half - expected).abs() < 0.03, "{half} {expected}");
    let exact: i64 = truth[0][..truth[0].len() / 4].iter().sum();
    let table = third.tables.iter().find(|table| table.name == "contact_by_quarter").unwrap();
    assert!((table.rows[0].value - exact as f64).abs() < 6.0 * table.sd);
}

/// A workload that was only worded otherwise gets the same measurement from the ledger: with the same noise it is no second look, neither
/// beside itself nor twice in a third release.
#[test]
fn no_measurement_is_combined_with_itself() {
    let workload = Workload::named("quarterly").unwrap();
    let (first, _) = release(&workload, 0.02, 1, Vec::new());
    let mut worded = workload.clone();
    worded.version = 2;
    worded.dimensions.get_mut("age").unwrap().groups[0].en = "minors".to_owned();
    // The same seed: the same answer.
    let (again, _) = release(&worded, 0.02, 1, vec![&first]);
    assert_eq!(again.answer, first.answer);
    let sds = |release: &Release| release.tables.iter().map(|table| table.sd).collect::<Vec<_>>();
    assert_eq!(sds(&again), sds(&first));
    assert!(again.themes.iter().flat_map(|theme| &theme.measured).all(|one| one.from.is_none()));
    let (third, _) = release(&worded, 0.02, 2, vec![&first, &again]);
    for (once, twice) in sds(&first).iter().zip(sds(&third)) {
        assert!((once / twice - 2.0_f64.sqrt()).abs() < 1e-6, "{once} {twice}");
    }
    let said = |release: &Release| release.known_limits.iter().any(|limit| limit.en.contains("used again"));
    assert!(said(&third) && !said(&again));
}

/// Two releases that share some of their measurements vary together where they share; where the one has all that the other has, the
/// difference is what the rest moved it by, also when both were made of one answer in the ledger.
#[test]
fn differences_follow_from_the_measurements_that_are_shared() {
    let workload = Workload::named("quarterly").unwrap();
    let version = |version: u32| Workload { version, ..workload.clone() };
    let (first, _) = release(&version(1), 0.02, 1, Vec::new());
    let (other, _) = release(&version(2), 0.02, 2, Vec::new());
    // The answer of the first, together with the other's.
    let (mixed, _) = release(&version(3), 0.02, 1, vec![&other]);
    let mut renamed = mixed;
    renamed.id = "2023-00000000000000aa".to_owned();
    let half = |a: &Release, b: &Release| {
        let diff = crate::release::diff(a, b, &Policy::oslo()).unwrap();
        let change = &diff.tables[0].rows[0].change;
        (diff.same_measurement, change.high.map(|high| (high - change.low.unwrap()) / 2.0))
    };
    let sd = first.tables[0].sd;
    let (same, width) = half(&first, &renamed);
    assert!(!same, "the other's measurements moved it");
    assert!((width.unwrap() - 1.959_964 * sd * 0.5_f64.sqrt()).abs() < 0.03, "{width:?}");
    let (same, width) = half(&first, &other);
    assert!(!same && (width.unwrap() - 1.959_964 * sd * 2.0_f64.sqrt()).abs() < 0.03, "{width:?}");
    let (worded, _) = release(&version(4), 0.02, 1, vec![&first]);
    let mut worded = worded;
    worded.id = "2023-00000000000000bb".to_owned();
    let (same, width) = half(&first, &worded);
    assert!(same && width.is_none(), "{width:?}");
    // Through the answer of one that was only worded otherwise.
    let (later, _) = release(&version(5), 0.02, 3, vec![&worded]);
    let (_, width) = half(&first, &later);
    assert!((width.unwrap() - 1.959_964 * sd * 0.5_f64.sqrt()).abs() < 0.03, "{width:?}");
}

/// A figure of one month, and one to the end of a month, are those of the tables.
#[test]
fn figures_of_months_are_the_rows_of_their_tables() {
    let mut workload = Workload::named("monthly").unwrap();
    let figure = |name: &str, theme: &str, cells: &[(&str, &[&str])]| {
        let mut figure = Workload::key_figures().figures[0].clone();
        (figure.name, figure.theme, figure.source) = (name.to_owned(), Some(theme.to_owned()), None);
        let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
        figure.cells = cells.iter().map(|(dim, of)| ((*dim).to_owned(), codes(of))).collect();
        figure
    };
    workload.figures = vec![
        figure("july", "contact_month", &[("month", &["7"]), ("age", &["under_18", "18-24"])]),
        figure("to_july", "contact_to_date", &[("to_date", &["07"])]),
    ];
    let (release, _) = release(&workload, RHO, 5, Vec::new());
    let figures = crate::key_figures::figures(&release, &Policy::oslo()).unwrap();
    let named = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap().value;
    let rows = |table: &str, of: &dyn Fn(&Row) -> bool| -> f64 {
        let table = release.tables.iter().find(|found| found.name == table).unwrap();
        table.rows.iter().filter(|row| of(row)).map(|row| row.value).sum()
    };
    let july = rows("contact_by_month_age", &|row| {
        row.key["month"] == "7" && ["under_18", "18-24"].contains(&row.key["age"].as_str())
    });
    assert!((named("july") - july).abs() < 0.03);
    assert!((named("to_july") - rows("contact_to_date", &|row| row.key["to_date"] == "07")).abs() < 0.03);
    // What would sum distinct persons over months, or not be determined.
    let refused = |cells: &[(&str, &[&str])]| {
        let mut other = workload.clone();
        other.figures = vec![figure("odd", "contact_month", cells)];
        other.check(&Policy::oslo()).unwrap_err().to_string()
    };
    assert!(refused(&[("month", &["1", "2", "3"])]).contains("never summed"));
    assert!(refused(&[("age", &["under_18"])]).contains("0 codes of \"month\""));
}

/// Nights and admissions: sums with the noise of one person's norm, in their own unit, and said to be cut.
#[test]
fn stays_and_nights_are_added_up() {
    let workload = Workload::named("beds").unwrap();
    let (release, truth) = release(&workload, 0.03, 4, Vec::new());
    let plan = plan(&Policy::oslo(), &workload, 2023, 0.03).unwrap();
    let table = |name: &str| release.tables.iter().find(|table| table.name == name).unwrap();
    let sd = |name: &str| plan.tables.iter().find(|table| table.name == name).unwrap().sd;
    for (theme, name) in ["admissions_total", "nights_total"].into_iter().enumerate() {
        let exact: i64 = truth[theme].iter().sum();
        let table = table(name);
        // Two values of six standard deviations: a false alarm of 4e-9.
        assert!((table.rows[0].value - exact as f64).abs() < 6.0 * table.sd, "{name}");
        assert!((table.sd / sd(name) - 1.0).abs() < 0.01, "{name}");
    }
    let figures = crate::key_figures::figures(&release, &Policy::oslo()).unwrap();
    let unit = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap().unit.text().en;
    assert_eq!((unit("nights_18_24"), unit("admissions_total")), ("nights".into(), "registrations".into()));
    assert!(release.known_limits.iter().any(|limit| limit.en.contains("counts for 120 at most")));
    let refused = |change: &dyn Fn(&mut Workload)| {
        let mut other = workload.clone();
        change(&mut other);
        other.check(&Policy::oslo()).unwrap_err().to_string()
    };
    let groups = |workload: &mut Workload, of: &[&str]| {
        let group = &mut workload.dimensions.get_mut("nights").unwrap().groups[0];
        group.of = of.iter().map(|code| (*code).to_owned()).collect();
    };
    assert!(refused(&|workload| groups(workload, &["1"])).contains("which is added up"));
    assert!(
        refused(&|workload| workload.themes[1].events.as_mut().unwrap().per = "age".into())
            .contains("name it as `per`")
    );
    assert!(
        refused(&|workload| {
            workload.dimensions.get_mut("gender").unwrap().column = "unit".into();
        })
        .contains("stands in one cell")
    );
    assert!(
        refused(&|workload| workload.dimensions.get_mut("gender").unwrap().column = "date".into())
            .contains("has no code list")
    );
}

/// Nothing is taken from a release that counts others, or over other groups.
#[test]
fn measurements_of_something_else_are_left_alone() {
    let workload = Workload::named("quarterly").unwrap();
    let (first, _) = release(&workload, 0.02, 1, Vec::new());
    let own = |other: &Workload| {
        let (second, _) = release(other, 0.02, 2, vec![&first]);
        second.themes[0].measured.iter().all(|one| one.from.is_none())
    };
    assert!(!own(&workload));
    let mut other = workload.clone();
    other.themes[0].filter.insert("service".to_owned(), vec!["030101".to_owned()]);
    assert!(own(&other), "another filter");
    let mut other = workload.clone();
    other.themes[0].events.as_mut().unwrap().norm = 1.5;
    assert!(own(&other), "another norm");
    let mut other = workload.clone();
    other.themes[0].events.as_mut().unwrap().table = "follow_up".to_owned();
    assert!(own(&other), "other events");
    let mut other = workload.clone();
    other.dimensions.get_mut("age").unwrap().groups.swap(0, 1);
    assert!(own(&other), "other groups");
}

/// Three years of quarters: the series has every quarter in its order with the covariance of its release, the season that was put in is
/// found, and what cannot be taken apart is refused with a sentence.
#[test]
fn quarters_of_several_years_are_a_series() {
    let workload = Workload::named("quarterly").unwrap();
    let of_year = |year: i32| {
        let (mut release, _) = release(&workload, RHO, u64::try_from(year).unwrap(), Vec::new());
        release.year = year;
        release
    };
    let releases: Vec<Release> = (2021..=2023).map(of_year).collect();
    let age = |code: &str| std::collections::BTreeMap::from([("age".to_owned(), code.to_owned())]);
    let series = crate::season::of_releases(&releases, "follow_up_by_quarter_age", &age("18-24")).unwrap();
    assert_eq!(series.times.len(), 12);
    assert_eq!(series.times[4], (2022, "Q1".to_owned()));
    for ((year, quarter), point) in series.times.iter().zip(&series.parts.points) {
        let release = releases.iter().find(|release| release.year == *year).unwrap();
        let table = release.tables.iter().find(|table| table.name == "follow_up_by_quarter_age").unwrap();
        let row = table
            .rows
            .iter()
            .find(|row| &row.key["quarter"] == quarter && row.key["age"] == "18-24")
            .unwrap();
        assert!(
            (point.value.value - row.value).abs() < 0.006 && (point.value.sd - table.sd_of(row)).abs() < 1e-6
        );
    }
    let refused = |releases: &[Release], table: &str, cell| {
        crate::season::of_releases(releases, table, &cell).unwrap_err().to_string()
    };
    let none = std::collections::BTreeMap::new();
    assert!(refused(&releases, "follow_up_by_week", none.clone()).contains("has no table"));
    assert!(refused(&releases, "follow_up_by_quarter_age", none.clone()).contains("no code of it is named"));
    assert!(refused(&releases, "follow_up_by_quarter_age", age("99")).contains("no code of it is named"));
    // A table by the same name that counts something else since, and services are no months.
    let mut changed = releases.clone();
    changed[2].workload.themes[1].filter.insert("service".to_owned(), vec!["030101".to_owned()]);
    assert!(refused(&changed, "follow_up_by_quarter_age", age("18-24")).contains("something else"));
    let mut changed = releases.clone();
    let ages = changed[1].dimensions.iter_mut().find(|info| info.name == "age").unwrap();
    ages.codes.iter_mut().find(|code| code.code == "18-24").unwrap().of.pop();
    assert!(refused(&changed, "follow_up_by_quarter_age", age("18-24")).contains("by other codes"));
    assert!(crate::season::of_releases(&changed, "follow_up_by_quarter_age", &age("25+")).is_ok());
    let services = Workload::named("services").unwrap();
    let services: Vec<Release> =
        (2021..=2022).map(|year| release_of(&year.into(), &services, RHO, 1, Vec::new()).0).collect();
    assert!(refused(&services, "contact_by_service", none.clone()).contains("no months or quarters"));
    assert!(refused(&releases, "follow_up_by_quarter", age("18-24")).contains("has no dimension"));
    assert!(
        refused(&[releases[0].clone(), releases[2].clone()], "follow_up_by_quarter", none.clone())
            .contains("2021 is followed by 2023")
    );
    assert!(refused(&releases[..1], "follow_up_by_quarter", none.clone()).contains("two"));
    assert!(refused(&[], "follow_up_by_quarter", none).contains("no release"));
}
