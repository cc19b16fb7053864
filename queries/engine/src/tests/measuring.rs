//! Releases, scene counts and patrols over a made-up warehouse.

use skjerm_privacy::marginals::{Attribute, Form};

use super::*;

pub(super) fn marginals() -> MarginalsRequest {
    let groups =
        |codes: &[&str]| codes.iter().map(|c| ((*c).to_owned(), vec![(*c).to_owned()])).collect::<Vec<_>>();
    let gender = Dim {
        name: "gender".into(),
        column: "gender".into(),
        groups: groups(&["female", "male", "unknown"]),
        attribute: None,
    };
    let belonging = Dim {
        name: "home".into(),
        column: "belonging".into(),
        groups: vec![
            ("oslo".into(), vec!["oslo".into()]),
            ("elsewhere".into(), vec!["other".into(), "unknown".into()]),
        ],
        attribute: None,
    };
    MarginalsRequest {
        reason: None,
        year: 2024,
        campaign: None,
        purpose: "test".into(),
        themes: vec![Theme {
            name: "persons".into(),
            filter: vec![("ute_contact".into(), vec!["yes".into()])],
            dims: vec![gender, belonging],
            measured: vec![(vec![], 3.0), (vec![0], 4.0), (vec![0, 1], 5.0)],
            events: None,
            form: Form::Whole,
        }],
        distinct: vec![Distinct {
            name: "services".into(),
            column: "primary_service".into(),
            filter: vec![],
            excluding: vec!["unknown".into()],
            sigma: 2.0,
        }],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_measures_marginals_and_pays_their_certified_sum() {
    let rows = contacts(200);
    let met = |gender: Option<&str>| {
        let seen = rows.iter().filter(|r| {
            r.codes["service"] == "uteseksjonen" && gender.is_none_or(|g| r.codes["gender"] == g)
        });
        let persons = seen.map(|r| r.person).collect::<std::collections::BTreeSet<_>>().len();
        i64::try_from(persons).expect("few")
    };
    let house = house(&rows).await;
    let steward = house.caller("steward");
    let price = house.engine.price(&marginals()).await.expect("priced");
    let expected = 0.5 / 9.0 + 0.5 / 16.0 + 0.5 / 25.0 + 0.5 / 4.0;
    assert!((price - expected).abs() < 1e-4, "{price} for {expected}");
    let before = house.left("persons", "2024", "releases");
    let error = house.engine.measure(&steward, &marginals()).await.map(|_| ());
    // 0.232 is more than the half of 0.31 that releases have.
    assert_eq!(error.expect_err("too dear").kind, ErrorKind::Exhausted);
    let mut request = marginals();
    request.distinct[0].sigma = 8.0;
    let measured = house.engine.measure(&steward, &request).await.expect("measured");
    let theme = &measured.themes[0].measured;
    assert_eq!(theme.iter().map(|m| m.values.len()).collect::<Vec<_>>(), [1, 3, 6]);
    assert!((theme[0].values[0] - met(None)).abs() < 20, "{} for {}", theme[0].values[0], met(None));
    assert!((theme[1].values[1] - met(Some("male"))).abs() < 25, "male is the second group");
    assert!((theme[2].values[2] - met(Some("male"))).abs() < 32, "male in Oslo is the third cell");
    assert!(theme[2].values[3].abs() < 32, "no men from elsewhere");
    assert!((measured.distinct[0].value - 3).abs() < 48);
    assert!((before - house.left("persons", "2024", "releases") - measured.rho).abs() < 1e-8);
    // The same again, with another purpose: the same noise, free.
    request.purpose = "again".into();
    let again = house.engine.measure(&steward, &request).await.expect("stored");
    assert_eq!(again, measured);
    assert!((before - house.left("persons", "2024", "releases") - measured.rho).abs() < 1e-8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_request_must_partition_the_code_lists() {
    let house = house(&contacts(4)).await;
    let mut cases = vec![marginals(); 12];
    cases[0].themes[0].dims[0].groups.pop();
    cases[1].themes[0].dims[0].groups[0].1.push("male".into());
    cases[2].themes[0].measured[2].0 = vec![1, 0];
    cases[3].themes[0].filter[0].1 = vec!["maybe".into()];
    cases[4].year = 2030;
    cases[5].distinct[0].column = "person".into();
    // Events without a word on how often a person counts; several values where a person has one; a table that is none of persons'
    // events; a marginal that sums over months; an attribute of another size.
    let months = |norm| {
        let groups = (1..=12).map(|month: u32| (month.to_string(), vec![month.to_string()])).collect();
        Dim {
            name: "month".into(),
            column: "month".into(),
            groups,
            attribute: Attribute::several(12, 1, norm).ok(),
        }
    };
    cases[6].themes[0].events = Some("contact".into());
    cases[7].themes[0].dims[0].attribute = Attribute::several(3, 1, 1).ok();
    for (case, table) in [(8, "scene_observation"), (9, "patrol"), (10, "contact")] {
        let theme = &mut cases[case].themes[0];
        theme.events = Some(table.into());
        theme.filter = Vec::new();
        theme.dims[1] = months(2);
        theme.measured = vec![(vec![0], 4.0)];
    }
    cases[11].themes[0].dims[0].attribute = Attribute::ranges(4).ok();
    for request in cases {
        assert_eq!(house.engine.price(&request).await.expect_err("refused").kind, ErrorKind::Refused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scene_counts_are_measured_by_shift_and_area() {
    let house = house(&contacts(4)).await;
    let planner = house.caller("planner");
    let before = house.left("scene", "2024-summer", "planners");
    let measured = house.engine.measure_scene(&planner, "2024-summer", 0.2).await.expect("measured");
    let shifts: Vec<(&str, u64)> = measured.shifts.iter().map(|s| (s.shift.as_str(), s.rounds)).collect();
    assert_eq!(shifts, [("day", 1), ("evening", 2)]);
    for shift in &measured.shifts {
        assert_eq!(shift.areas.len(), 8, "every area of the closed list");
        // ρ 0.1 a shift at sensitivity R: σ = R · √5.
        assert!(
            (shift.sigma_total - shift.rounds as f64 * 5.0_f64.sqrt()).abs() < 0.1,
            "{}",
            shift.sigma_total
        );
        for area in &shift.areas {
            let truth = match (shift.shift.as_str(), area.area.as_str()) {
                ("evening", "oslo_s") => 100,
                ("evening", "urtegata") => 10,
                ("day", "oslo_s") => 5,
                ("day", "urtegata") => 7,
                _ => 0,
            };
            assert!((area.total - truth).abs() < 30, "{} for {truth}", area.total);
        }
    }
    assert!((before - house.left("scene", "2024-summer", "planners") - 0.2).abs() < 1e-8);
    let again = house.engine.measure_scene(&planner, "2024-summer", 0.2).await.expect("stored");
    assert_eq!(again, measured);
    for campaign in ["unknown", "2031-summer", "2023-summer"] {
        assert_eq!(
            house.engine.measure_scene(&planner, campaign, 0.01).await.expect_err("none").kind,
            ErrorKind::Refused
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patrols_are_exact_and_free() {
    let house = house(&contacts(4)).await;
    let counts = house.engine.patrols(2024).await.expect("counted");
    assert_eq!((counts.all.patrols, counts.all.below_two_staff, counts.all.joint), (3, 1, 1));
    assert_eq!(counts.all.by_shift, BTreeMap::from([("day".to_owned(), 1), ("evening".to_owned(), 2)]));
    assert_eq!(counts.all.by_week, BTreeMap::from([(2, 2), (6, 1)]));
    assert_eq!(counts.by_service["uteseksjonen"], counts.all);
    assert_eq!(house.engine.patrols(2023).await.expect("counted").all.patrols, 0);
}
