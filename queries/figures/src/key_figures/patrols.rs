//! Patrols of Uteseksjonen: about the service, without client data, exact.

use std::collections::BTreeMap;

use super::{KeyFigure, Unit};
use crate::facts;
use crate::release::{OperationalFigures, Release};
use crate::text::{Display, Text};
use crate::workload::SourceRef;

/// Patrols a week that the service aims at.
const TARGET_A_WEEK: u32 = 35;

pub(super) fn figures(release: &Release, operational: &OperationalFigures) -> Vec<KeyFigure> {
    let patrols = operational.patrols as f64;
    let mut figures = vec![KeyFigure {
        source_value: published(release.year, &[]),
        ..figure(
            release,
            "patrol_total",
            Text::new("i alt", "total"),
            Text::new(
                "Antall patruljer Uteseksjonen har gått i løpet av året.",
                "Number of patrols Uteseksjonen held during the year.",
            ),
            (patrols, Display::Count(i64::try_from(operational.patrols).unwrap_or(i64::MAX))),
            Unit::Patrols,
        )
    }];
    let week = tenth(patrols / (f64::from(days(release.year)) / 7.0));
    figures.push(KeyFigure {
        source_value: published(release.year, &[(2023, 37.4)]),
        note: Some(Text::new(
            format!("Målet er {TARGET_A_WEEK} patruljer i uken."),
            format!("The target is {TARGET_A_WEEK} patrols a week."),
        )),
        ..figure(
            release,
            "patrol_per_week",
            Text::new("per uke", "a week"),
            Text::new(
                "Gjennomsnittlig antall patruljer per uke: årets patruljer delt på årets dager, ganger sju.",
                "Mean number of patrols a week: the year's patrols over the year's days, times seven.",
            ),
            (week, Display::Decimal(week)),
            Unit::PatrolsPerWeek,
        )
    });
    // A share of no patrols says nothing.
    if operational.patrols > 0 {
        let staffed = tenth((patrols - operational.below_two_staff as f64) / patrols * 100.0);
        figures.push(figure(
            release,
            "patrol_two_staff",
            Text::new("med minst to ansatte", "with at least two staff"),
            Text::new(
                "Andelen av patruljene som hadde minst to ansatte, slik Oslostandarden krever.",
                "Share of the patrols that had at least two staff, as the Oslo standard asks.",
            ),
            (staffed, Display::Decimal(staffed)),
            Unit::Percent,
        ));
        let joint = tenth(operational.joint as f64 / patrols * 100.0);
        figures.push(figure(
            release,
            "patrol_joint",
            Text::new("felles med bydel", "joint with a district"),
            Text::new(
                "Andelen av patruljene som ble gått sammen med en bydel.",
                "Share of the patrols held jointly with a district.",
            ),
            (joint, Display::Decimal(joint)),
            Unit::Percent,
        ));
    }
    figures
}

fn figure(
    release: &Release,
    name: &str,
    category: Text,
    definition: Text,
    (value, display): (f64, Display),
    unit: Unit,
) -> KeyFigure {
    KeyFigure {
        name: name.to_owned(),
        release: release.id.clone(),
        theme: Text::new("Patruljer", "Patrols"),
        category,
        definition,
        year: release.year,
        value,
        sd: 0.0,
        low: value,
        high: value,
        display,
        unit,
        exact: true,
        source_value: None,
        source: None,
        note: None,
    }
}

fn published(year: i32, from_note: &[(i32, f64)]) -> Option<f64> {
    let reference = SourceRef {
        measure: "patrol".to_owned(),
        unit: "patrols".to_owned(),
        breakdown: "total".to_owned(),
        category: "all".to_owned(),
        from_note: from_note
            .iter()
            .map(|(year, value)| (year.to_string(), *value))
            .collect::<BTreeMap<_, _>>(),
    };
    facts::published(year, &reference).map(|published| published.value)
}

fn days(year: i32) -> u16 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if leap { 366 } else { 365 }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
