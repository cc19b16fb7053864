//! Every row of the services' published figures, and what answers it here.

use std::collections::{BTreeMap, BTreeSet};

use super::city::City;
use crate::key_figures;
use crate::workload::Workload;

/// What answers a row.
enum Answer {
    /// The figure of this name counts the same, and shows the row's value beside it.
    Same(&'static str),
    /// The figure of this name, but for what is said.
    Near(&'static str, &'static str),
    /// The share of these rows in this table of a shipped workload, by `release compare --share`.
    Share(&'static str, &'static str, &'static str),
    /// Nothing yet, and why.
    Nothing(&'static str),
}

use Answer::{Near, Nothing, Same, Share};

const AGES: &str = "the source's 18-25 holds those who are 25; the ages of the policy are 18-24";

const SUMS: &str = "the source's 18-25 holds those who are 25, and one person counts here up to a norm";

/// Year, service, measure, unit, breakdown and category of each row.
const ANSWERS: [(&str, Answer); 49] = [
    ("2023,Uteseksjonen,contact,distinct persons,total,all", Same("contact_total")),
    ("2023,Uteseksjonen,contact,distinct persons,age,under 25", Same("contact_under_25")),
    ("2023,Uteseksjonen,contact,distinct persons,belonging,oslo", Same("contact_oslo")),
    (
        "2023,Uteseksjonen,contact,distinct persons,belonging,other municipality",
        Same("contact_other_municipality"),
    ),
    ("2023,Uteseksjonen,contact,distinct persons,belonging,unknown or foreign", Same("contact_unknown")),
    (
        "2023,Uteseksjonen,contact,distinct home municipalities,belonging,other municipality",
        Same("contact_municipalities"),
    ),
    ("2023,Uteseksjonen,first contact,distinct persons,total,all", Same("first_contact_total")),
    ("2023,Uteseksjonen,first contact,distinct persons,age,under 18", Same("first_contact_under_18")),
    ("2023,Uteseksjonen,follow-up,distinct persons,total,all", Same("follow_up_total")),
    ("2023,Uteseksjonen,follow-up,distinct persons,age,under 25", Same("follow_up_under_25")),
    ("2023,Uteseksjonen,follow-up,distinct persons,belonging,oslo", Same("follow_up_oslo")),
    (
        "2023,Uteseksjonen,follow-up,distinct persons,belonging,other municipality",
        Same("follow_up_other_municipality"),
    ),
    ("2023,Uteseksjonen,follow-up,distinct persons,belonging,unknown or foreign", Same("follow_up_unknown")),
    ("2023,Uteseksjonen,patrol,patrols,total,all", Same("patrol_total")),
    ("2023,Uteseksjonen,concern report,distinct persons,total,minors", Same("concern_report_total")),
    ("2023,Uteseksjonen,concern report,distinct persons,gender,boys", Same("concern_report_boys")),
    ("2023,Uteseksjonen,concern report,distinct persons,gender,girls", Same("concern_report_girls")),
    ("2023,Uteseksjonen,concern report,distinct persons,belonging,oslo", Same("concern_report_oslo")),
    (
        "2023,Uteseksjonen,concern report,distinct persons,belonging,other municipality",
        Same("concern_report_other_municipality"),
    ),
    ("2023,Uteseksjonen,missing report,distinct persons,total,all", Same("missing_report_total")),
    ("2023,Uteseksjonen,missing report,distinct persons,age,under 18", Same("missing_report_under_18")),
    ("2023,Uteseksjonen,missing report,distinct persons,belonging,oslo", Same("missing_report_oslo")),
    (
        "2023,Uteseksjonen,missing report,distinct persons,belonging,other municipality",
        Same("missing_report_other_municipality"),
    ),
    ("2023,Uteseksjonen,missing report,distinct persons,belonging,unknown", Same("missing_report_unknown")),
    ("2023,Uteseksjonen,journey home,distinct persons,total,all", Same("journey_home_total")),
    ("2023,Uteseksjonen,journey home,distinct persons,gender,men", Same("journey_home_men")),
    ("2023,Uteseksjonen,journey home,distinct persons,gender,women", Same("journey_home_women")),
    ("2022,Uteseksjonen,psychologist,distinct persons,total,under 25", Same("psychologist_total")),
    ("2022,Uteseksjonen,psychologist,distinct persons,gender,men", Same("psychologist_men")),
    ("2022,Uteseksjonen,psychologist,distinct persons,gender,women", Same("psychologist_women")),
    (
        "2022,Uteseksjonen,referral to specialised treatment,distinct persons,total,all",
        Same("treatment_referral_total"),
    ),
    ("2022,Uteseksjonen,cannabis cessation,distinct persons,total,all", Same("cannabis_cessation_total")),
    ("2023,Uteseksjonen,reinforced follow-up,distinct persons,total,all", Same("reinforced_follow_up_total")),
    ("2023,Uteseksjonen,employment,distinct persons,total,all", Same("employment_total")),
    ("2012,Uteseksjonen,contact,distinct persons,age,18-25", Near("contact_18_24", AGES)),
    ("2012,Uteseksjonen,follow-up,distinct persons,age,18-25", Near("follow_up_18_24", AGES)),
    ("2012,Uteseksjonen,first contact,distinct persons,age,18-25", Near("first_contact_18_24", AGES)),
    ("2012-07,Uteseksjonen,follow-up,distinct persons,age,18-25", Near("follow_up_18_24_in_07", AGES)),
    ("2012-08,Uteseksjonen,follow-up,distinct persons,age,18-25", Near("follow_up_18_24_in_08", AGES)),
    ("2012-09,Uteseksjonen,follow-up,distinct persons,age,18-25", Near("follow_up_18_24_in_09", AGES)),
    ("2012-10,Uteseksjonen,follow-up,distinct persons,age,18-25", Near("follow_up_18_24_in_10", AGES)),
    ("2012-11,Uteseksjonen,follow-up,distinct persons,age,18-25", Near("follow_up_18_24_in_11", AGES)),
    ("2012-12,Uteseksjonen,follow-up,distinct persons,age,18-25", Near("follow_up_18_24_in_12", AGES)),
    ("2012,Sengebaserte tjenester,bed stay,distinct persons,age,18-25", Near("bed_stay_18_24", AGES)),
    ("2012,Sengebaserte tjenester,bed stay,admissions,age,18-25", Near("admissions_18_24", SUMS)),
    ("2012,Sengebaserte tjenester,bed stay,nights,age,18-25", Near("nights_18_24", SUMS)),
    ("2012,24SJU,registered clients,distinct persons,age,18-25", Near("agency_24sju_18_24", AGES)),
    (
        "2012,Open drug scene,estimated population,persons,age,18-25",
        Nothing(
            "estimates of how many use the scene are not there yet; counts see nobody twice in a round only",
        ),
    ),
    (
        "2012,Open drug scene,summer count,share men,age,18-25",
        Share("scene", "observed_by_gender", "gender=male"),
    ),
];

const FACTS: &str = include_str!("../../facts/key_figures.csv");

#[test]
fn every_published_row_has_its_answer_or_the_reason_why_none() {
    let rows: BTreeMap<String, f64> = FACTS
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.splitn(9, ',').collect();
            (fields[..6].join(","), fields[6].parse().unwrap_or(f64::NAN))
        })
        .collect();
    let answered: BTreeSet<&str> = ANSWERS.iter().map(|(row, _)| *row).collect();
    assert_eq!(answered.len(), ANSWERS.len(), "a row is there twice");
    assert_eq!(answered, rows.keys().map(String::as_str).collect());
    let city = City::new();
    let figures: BTreeMap<i32, _> = [2022, 2023]
        .map(|year| (year, key_figures::figures(&city.release(year, 1), &city.policy).unwrap()))
        .into();
    let named: Vec<_> = ["key_figures", "monthly", "beds", "services"]
        .into_iter()
        .flat_map(|name| Workload::named(name).unwrap().figures)
        .collect();
    for (row, answer) in &ANSWERS {
        match answer {
            Same(name) => {
                let year: i32 = row[..4].parse().unwrap();
                let figure = figures[&year].iter().find(|figure| figure.name == *name);
                let figure = figure.unwrap_or_else(|| panic!("{row}: no figure {name}"));
                assert_eq!(figure.source_value, Some(rows[*row]), "{row}: {name}");
            }
            Near(name, why) => {
                assert!(!why.is_empty());
                let figure = named.iter().find(|figure| figure.name == *name);
                let figure = figure.unwrap_or_else(|| panic!("{row}: no figure {name}"));
                assert!(figure.source.is_none(), "{row}: what is not the same is not shown beside {name}");
            }
            Share(name, table, rows) => {
                let workload = Workload::named(name).unwrap();
                let (dimension, code) = rows.split_once('=').unwrap();
                let of = |theme: &crate::workload::Theme| theme.tables.iter().any(|one| one.name == *table);
                assert!(workload.themes.iter().any(of), "{row}: {table}");
                let checked = crate::workload::Checked::new(&workload, &city.policy).unwrap();
                let info = checked.dimensions.iter().find(|info| info.name == dimension);
                assert!(info.unwrap().codes.iter().any(|known| known.code == code), "{row}: {rows}");
            }
            Nothing(why) => assert!(!why.is_empty(), "{row}"),
        }
    }
}

/// The rows of 2012 give men and women, and where they belong, in their notes.
#[test]
fn the_beds_and_the_overlap_have_their_figures_in_both_languages() {
    let workload = Workload::key_figures();
    let names: BTreeSet<&str> = workload.figures.iter().map(|figure| figure.name.as_str()).collect();
    for name in [
        "bed_stay_total",
        "bed_stay_men",
        "bed_stay_women",
        "bed_stay_men_oslo",
        "bed_stay_men_other_municipality",
        "bed_stay_women_oslo",
        "bed_stay_women_other_municipality",
        "services_two_or_more",
        "services_three_or_more",
        "services_two_or_more_under_18",
    ] {
        assert!(names.contains(name), "{name}");
    }
    for figure in &workload.figures {
        for text in [&figure.label, &figure.category, &figure.definition] {
            assert!(!text.no.is_empty() && !text.en.is_empty(), "{}", figure.name);
        }
        assert!(figure.definition.no != figure.definition.en, "{}", figure.name);
    }
}
