//! Patrols of Uteseksjonen: about the service, without client data, exact.

use std::collections::BTreeMap;

use jiff::civil::{Date, ISOWeekDate, Weekday};
use serde::{Deserialize, Serialize};
use skjerm_warehouse::policy::Policy;

use super::{KeyFigure, Unit};
use crate::facts;
use crate::release::{OperationalFigures, Release};
use crate::text::{Display, Text};
use crate::workload::SourceRef;

/// Patrols a week that the service aims at.
pub const TARGET_A_WEEK: u32 = 35;

/// The patrols of one week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatrolWeek {
    /// ISO week.
    pub week: u32,
    /// Patrols in it.
    pub patrols: u64,
    /// Whether they are fewer than [`TARGET_A_WEEK`].
    pub below_target: bool,
}

/// The patrols of each week that lies wholly in the release's year, also of weeks without any. Of a year that was not over when the
/// release was published: the weeks before the last one with a patrol. Empty when the release has no patrols.
///
/// A week that two years share is no week of either: half of one would always be under the target.
pub fn patrol_weeks(release: &Release) -> Vec<PatrolWeek> {
    let Some(operational) = &release.operational else { return Vec::new() };
    let known = if is_running(release) {
        operational.by_week.keys().next_back().copied().unwrap_or(0)
    } else {
        u32::MAX
    };
    let weeks = (1..=53).filter(|week| is_whole(release.year, *week) && *week < known);
    weeks
        .map(|week| {
            let patrols = operational.by_week.get(&week).copied().unwrap_or(0);
            PatrolWeek { week, patrols, below_target: patrols < u64::from(TARGET_A_WEEK) }
        })
        .collect()
}

pub(super) fn figures(
    release: &Release,
    policy: &Policy,
    operational: &OperationalFigures,
) -> Vec<KeyFigure> {
    let make = Maker { release };
    let mut figures = vec![KeyFigure {
        source_value: published(release.year, &[]),
        ..make.number(
            "patrol_total",
            Text::new("i alt", "total"),
            Text::new(
                "Antall patruljer Uteseksjonen har gått i løpet av året.",
                "Number of patrols Uteseksjonen held during the year.",
            ),
            operational.patrols,
            Unit::Patrols,
        )
    }];
    figures.extend(a_week(&make, operational));
    // A share of no patrols says nothing.
    if operational.staffed > 0 {
        figures.extend(staff(&make, operational));
    }
    if operational.patrols > 0 {
        figures.extend(shifts(&make, policy, operational));
        figures.push(make.number(
            "patrol_joint_total",
            Text::new("felles med bydel, antall", "joint with a district, number"),
            Text::new(
                "Antall patruljer som ble gått sammen med en bydel.",
                "Number of patrols held jointly with a district.",
            ),
            operational.joint,
            Unit::Patrols,
        ));
        figures.push(make.share(
            "patrol_joint",
            Text::new("felles med bydel", "joint with a district"),
            Text::new(
                "Andelen av patruljene som ble gått sammen med en bydel.",
                "Share of the patrols held jointly with a district.",
            ),
            (operational.joint, operational.patrols),
        ));
    }
    figures
}

/// The mean a week, and how many weeks stayed under the target.
fn a_week(make: &Maker<'_>, operational: &OperationalFigures) -> Vec<KeyFigure> {
    let release = make.release;
    let weeks = patrol_weeks(release);
    let mut figures = Vec::new();
    let mean = if is_running(release) {
        let patrols: u64 = weeks.iter().map(|week| week.patrols).sum();
        (!weeks.is_empty()).then(|| patrols as f64 / weeks.len() as f64)
    } else {
        Some(operational.patrols as f64 / (f64::from(days(release.year)) / 7.0))
    };
    figures.extend(mean.map(|mean| KeyFigure {
        source_value: published(release.year, &[(2023, 37.4)]),
        note: Some(Text::new(
            format!("Målet er {TARGET_A_WEEK} patruljer i uken."),
            format!("The target is {TARGET_A_WEEK} patrols a week."),
        )),
        ..make.decimal(
            "patrol_per_week",
            Text::new("per uke", "a week"),
            Text::new(
                "Gjennomsnittlig antall patruljer per uke: årets patruljer delt på årets dager, ganger sju. Før året er omme: snittet av de hele ukene hittil.",
                "Mean number of patrols a week: the year's patrols over the year's days, times seven. Before the year is over: the mean of the whole weeks so far.",
            ),
            mean,
            Unit::PatrolsPerWeek,
        )
    }));
    // Without weeks (a release of before they were kept) there is nothing to compare with the target.
    if !weeks.is_empty() && !operational.by_week.is_empty() {
        let below = weeks.iter().filter(|week| week.below_target).count();
        figures.push(KeyFigure {
            note: Some(Text::new(format!("Av {} hele uker.", weeks.len()), format!("Of {} whole weeks.", weeks.len()))),
            ..make.number(
                "patrol_weeks_below_target",
                Text::new("uker under målet", "weeks under the target"),
                Text::new(
                    format!(
                        "Antall uker med færre enn {TARGET_A_WEEK} patruljer. Bare uker som ligger helt i året, er med, også dem uten patruljer."
                    ),
                    format!(
                        "Number of weeks with fewer than {TARGET_A_WEEK} patrols. Only weeks that lie wholly in the year count, also those without any patrol."
                    ),
                ),
                below as u64,
                Unit::Weeks,
            )
        });
    }
    figures
}

/// Staff a patrol, and the Oslo standard. Of patrols whose number of staff is known.
fn staff(make: &Maker<'_>, operational: &OperationalFigures) -> [KeyFigure; 3] {
    let staffed = operational.staffed;
    [
        make.decimal(
            "patrol_staff",
            Text::new("ansatte per patrulje", "staff a patrol"),
            Text::new(
                "Gjennomsnittlig antall ansatte per patrulje, av patruljene der antallet er kjent.",
                "Mean number of staff a patrol, of the patrols where the number is known.",
            ),
            operational.staff as f64 / staffed as f64,
            Unit::StaffPerPatrol,
        ),
        make.share(
            "patrol_two_staff",
            Text::new("med minst to ansatte", "with at least two staff"),
            Text::new(
                "Andelen av patruljene som hadde minst to ansatte, slik Oslostandarden krever, av patruljene der antallet er kjent.",
                "Share of the patrols that had at least two staff, as the Oslo standard asks, of the patrols where the number is known.",
            ),
            (staffed - operational.below_two_staff.min(staffed), staffed),
        ),
        make.share(
            "patrol_below_two_staff",
            Text::new("med færre enn to ansatte", "with fewer than two staff"),
            Text::new(
                "Andelen av patruljene som hadde færre enn to ansatte og ikke fulgte Oslostandarden, av patruljene der antallet er kjent.",
                "Share of the patrols that had fewer than two staff, against the Oslo standard, of the patrols where the number is known.",
            ),
            (operational.below_two_staff, staffed),
        ),
    ]
}

/// The share of each shift of the policy's list, also of those without any patrol.
fn shifts(make: &Maker<'_>, policy: &Policy, operational: &OperationalFigures) -> Vec<KeyFigure> {
    let list = policy.code_list("shift").map(|list| list.codes.as_slice()).unwrap_or_default();
    let of = list.iter().map(|shift| {
        let patrols = operational.by_shift.get(&shift.code).copied().unwrap_or(0);
        make.share(
            &format!("patrol_shift_{}", shift.code),
            Text::new(format!("på vakten {}", shift.no), format!("on the {} shift", shift.en)),
            Text::new(
                format!("Andelen av patruljene som ble gått på vakten: {}.", shift.no),
                format!("Share of the patrols that were held on the shift: {}.", shift.en),
            ),
            (patrols, operational.patrols),
        )
    });
    of.collect()
}

/// Makes exact figures of a release.
struct Maker<'a> {
    release: &'a Release,
}

impl Maker<'_> {
    fn number(&self, name: &str, category: Text, definition: Text, count: u64, unit: Unit) -> KeyFigure {
        let display = Display::Count(i64::try_from(count).unwrap_or(i64::MAX));
        self.figure(name, category, definition, (count as f64, display), unit)
    }

    fn decimal(&self, name: &str, category: Text, definition: Text, value: f64, unit: Unit) -> KeyFigure {
        let value = tenth(value);
        self.figure(name, category, definition, (value, Display::Decimal(value)), unit)
    }

    /// A part of a whole above zero, in per cent.
    fn share(&self, name: &str, category: Text, definition: Text, (part, whole): (u64, u64)) -> KeyFigure {
        self.decimal(name, category, definition, part as f64 / whole as f64 * 100.0, Unit::Percent)
    }

    fn figure(
        &self,
        name: &str,
        category: Text,
        definition: Text,
        (value, display): (f64, Display),
        unit: Unit,
    ) -> KeyFigure {
        KeyFigure {
            name: name.to_owned(),
            release: self.release.id.clone(),
            theme: Text::new("Patruljer", "Patrols"),
            category,
            definition,
            year: self.release.year,
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

/// Whether the year was not over when the release was published.
fn is_running(release: &Release) -> bool {
    release.published.parse::<Date>().is_ok_and(|day| i32::from(day.year()) <= release.year)
}

/// Whether all seven days of an ISO week are of the year; not of a week that the year has not.
fn is_whole(year: i32, week: u32) -> bool {
    let day = |weekday| {
        let week = ISOWeekDate::new(i16::try_from(year).ok()?, i8::try_from(week).ok()?, weekday).ok()?;
        Some(i32::from(week.date().year()))
    };
    day(Weekday::Monday) == Some(year) && day(Weekday::Sunday) == Some(year)
}

fn days(year: i32) -> u16 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if leap { 366 } else { 365 }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
