//! The registrations of one service in one year, drawn from the plan: dates, areas, shifts, durations, notes.

use jiff::Span;
use jiff::civil::{Date, date};

use crate::city::UTE;
use crate::names;
use crate::plan::{Plan, Role, Visit, YearPlan};
use crate::random::{Purpose, Stream, below, chance, geometric, normal, stream, unit, weighted, whole};
use crate::registration::{Kind, Note, Row};

/// Weight of each month for Uteseksjonen: the centre fills in summer.
const MONTHS_CENTRE: [f64; 12] = [0.75, 0.78, 0.9, 1.0, 1.2, 1.3, 1.15, 1.25, 1.15, 1.0, 0.85, 0.7];
/// And for the districts, which empty in July.
const MONTHS_DISTRICT: [f64; 12] = [0.9, 0.95, 1.0, 1.0, 1.1, 1.1, 0.55, 1.1, 1.15, 1.05, 1.0, 0.75];
/// Weight of each weekday, Monday first, for work outside and for appointments.
const WEEK_CENTRE: [f64; 7] = [1.0, 1.0, 1.0, 1.1, 1.3, 1.0, 0.6];
const WEEK_DISTRICT: [f64; 7] = [0.9, 1.05, 1.1, 1.1, 1.35, 0.5, 0.2];
const WEEK_OFFICE: [f64; 7] = [1.0, 1.1, 1.1, 1.1, 0.9, 0.08, 0.04];

/// Draws days of a year by month and weekday.
pub(crate) struct Days {
    cumulative: Vec<f64>,
}

impl Days {
    pub(crate) fn new(year: i32, months: &[f64; 12], week: &[f64; 7]) -> Self {
        let mut sum = 0.0;
        let mut cumulative = Vec::with_capacity(366);
        for (day, _) in
            (0..366_u16).map(|d| (day_of(year, d), d)).filter(|(d, _)| i32::from(d.year()) == year)
        {
            let month = usize::from(day.month().unsigned_abs()) - 1;
            let weekday = usize::from(day.weekday().to_monday_zero_offset().unsigned_abs());
            sum += months[month] * week[weekday];
            cumulative.push(sum);
        }
        Self { cumulative }
    }

    /// A year like the centre's, for what is not tied to patrols.
    pub(crate) fn centre(year: i32) -> Self {
        Self::new(year, &MONTHS_CENTRE, &[1.0; 7])
    }

    /// Office days.
    pub(crate) fn office(year: i32) -> Self {
        Self::new(year, &MONTHS_DISTRICT, &WEEK_OFFICE)
    }

    pub(crate) fn draw(&self, rng: &mut Stream) -> u16 {
        let point = unit(rng) * self.cumulative.last().copied().unwrap_or(0.0);
        let day =
            self.cumulative.partition_point(|c| *c <= point).min(self.cumulative.len().saturating_sub(1));
        u16::try_from(day).unwrap_or(0)
    }
}

/// The date of a day of the year, counted from 0.
pub(crate) fn day_of(year: i32, day: u16) -> Date {
    date(i16::try_from(year).unwrap_or(2000), 1, 1).saturating_add(Span::new().days(i64::from(day)))
}

/// All registrations of a service in a year, in order of date.
pub(crate) fn rows(plan: &Plan, year: &YearPlan, service: usize, seed: u64) -> Vec<Row> {
    let mut rng = stream(seed, Purpose::Rows, year.year, service);
    let centre = service == UTE;
    let (months, week) =
        if centre { (&MONTHS_CENTRE, &WEEK_CENTRE) } else { (&MONTHS_DISTRICT, &WEEK_DISTRICT) };
    let mut maker = Maker {
        outside: Days::new(year.year, months, week),
        office: Days::new(year.year, months, &WEEK_OFFICE),
        rng: &mut rng,
        year: year.year,
        centre,
        rows: Vec::new(),
    };
    for visit in &year.services[service] {
        maker.visit(visit, plan.people.get(visit.person).years_old(year.year));
    }
    let mut rows = maker.rows;
    rows.sort_by_key(|row| row.day);
    rows
}

struct Maker<'a> {
    outside: Days,
    office: Days,
    rng: &'a mut Stream,
    year: i32,
    centre: bool,
    rows: Vec<Row>,
}

impl Maker<'_> {
    fn visit(&mut self, visit: &Visit, age: i32) {
        let mut days: Vec<u16> = (0..visit.contacts).map(|_| self.outside.draw(self.rng)).collect();
        days.sort_unstable();
        let earliest = days.first().copied().unwrap_or(0);
        for (i, day) in days.into_iter().enumerate() {
            let mut row = self.row(Kind::Contact, visit.person, day);
            row.first = visit.first && i == 0;
            row.area = self.area();
            row.shift = self.shift(day, age);
            row.half_minutes = self.duration(12.0, 240);
            self.rows.push(row);
        }
        for _ in 0..visit.follow_ups {
            let mut row = self.later(Kind::FollowUp, visit.person, earliest);
            row.half_minutes = self.duration(45.0, 480);
            self.rows.push(row);
        }
        for role in crate::plan::ROLES.into_iter().filter(|role| visit.roles.has(*role)) {
            self.role(role, visit, earliest);
        }
        if visit.follow_ups > 0 && chance(self.rng, 0.3) {
            for _ in 0..geometric(self.rng, 1.3, 6) {
                let mut row = self.later(Kind::Referral, visit.person, earliest);
                row.detail = u8::try_from(weighted(self.rng, &[0.0, 0.2, 0.3, 0.18, 0.22, 0.1])).unwrap_or(5);
                self.rows.push(row);
            }
        }
    }

    fn role(&mut self, role: Role, visit: &Visit, earliest: u16) {
        let (kind, detail, mean, most) = match role {
            Role::Missing => (Kind::Missing, 0, 1.7, 25),
            Role::Concern => (Kind::Concern, 0, 1.15, 4),
            Role::JourneyHome => (Kind::JourneyHome, 0, 1.3, 8),
            Role::Treatment => (Kind::Referral, 0, 1.1, 3),
            Role::Psychologist => (Kind::Measure, 0, 6.0, 40),
            Role::Cannabis => (Kind::Measure, 1, 7.0, 30),
            Role::Reinforced => (Kind::Measure, 2, 12.0, 55),
            Role::Employment => (Kind::Measure, 3, 5.0, 40),
            Role::Mentor => (Kind::Measure, 4, 5.0, 30),
            Role::PeerWork => (Kind::Measure, 5, 4.0, 30),
        };
        for _ in 0..geometric(self.rng, mean, most) {
            let mut row = if kind == Kind::Missing {
                let day = self.outside.draw(self.rng);
                self.row(kind, visit.person, day)
            } else {
                self.later(kind, visit.person, earliest)
            };
            row.detail = detail;
            self.rows.push(row);
        }
    }

    /// A row on an office day, not before the first contact of the year.
    fn later(&mut self, kind: Kind, person: u32, earliest: u16) -> Row {
        let day = self.office.draw(self.rng).max(earliest);
        self.row(kind, person, day)
    }

    fn row(&mut self, kind: Kind, person: u32, day: u16) -> Row {
        let staff = u8::try_from(below(self.rng, if self.centre { 30 } else { 8 })).unwrap_or(0);
        let note = chance(self.rng, 0.12).then(|| {
            let woman = chance(self.rng, 0.5);
            let names = if woman { names::WOMEN.len() } else { names::MEN.len() };
            Note {
                phrase: u8::try_from(below(self.rng, names::NOTES.len())).unwrap_or(0),
                woman,
                first: u16::try_from(below(self.rng, names)).unwrap_or(0),
                last: u16::try_from(below(self.rng, names::LAST.len())).unwrap_or(0),
            }
        });
        Row { day, kind, person, first: false, area: 7, shift: 3, half_minutes: None, detail: 0, note, staff }
    }

    fn area(&mut self) -> u8 {
        let weights = if self.centre {
            [0.3, 0.22, 0.15, 0.18, 0.07, 0.06, 0.0, 0.02]
        } else {
            [0.03, 0.02, 0.02, 0.03, 0.01, 0.0, 0.84, 0.05]
        };
        u8::try_from(weighted(self.rng, &weights)).unwrap_or(7)
    }

    /// Night work is on Fridays and Saturdays; the young are out later.
    fn shift(&mut self, day: u16, age: i32) -> u8 {
        let weekday = day_of(self.year, day).weekday().to_monday_zero_offset();
        let weekend = matches!(weekday, 4 | 5);
        let evening = if age < 25 { 0.66 } else { 0.5 };
        let night = match (weekend, self.centre) {
            (true, true) => 0.22,
            (true, false) => 0.05,
            (false, _) => 0.0,
        };
        u8::try_from(weighted(self.rng, &[1.0 - evening, evening, night, 0.015])).unwrap_or(3)
    }

    /// Lognormal around a median in minutes; sometimes half minutes, sometimes left out.
    fn duration(&mut self, median: f64, most: u16) -> Option<u16> {
        if chance(self.rng, 0.06) {
            return None;
        }
        let minutes =
            u16::try_from(whole(median * (0.8 * normal(self.rng)).exp())).unwrap_or(most).clamp(1, most);
        let half = u16::from(minutes < most && chance(self.rng, 0.08));
        Some(2 * minutes + half)
    }
}
