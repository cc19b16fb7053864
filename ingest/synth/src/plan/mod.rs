//! Who exists, and who is met by which service how often: everything but the dates.

mod rest;
mod slots;
mod targets;
mod uteseksjonen;
mod visits;

use std::ops::RangeInclusive;

pub(crate) use targets::{ENOUGH_PERSONS, MUNICIPALITIES, PUBLISHED_YEAR};

use crate::city::{City, SERVICES};
use crate::people::People;
use crate::random::{Purpose, Stream, chance, stream};

/// What a person is registered for by a service in a year, beside contacts and follow-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Missing,
    Concern,
    JourneyHome,
    Psychologist,
    Cannabis,
    Reinforced,
    Employment,
    Mentor,
    PeerWork,
    Treatment,
}

/// All roles.
pub(crate) const ROLES: [Role; 10] = [
    Role::Missing,
    Role::Concern,
    Role::JourneyHome,
    Role::Psychologist,
    Role::Cannabis,
    Role::Reinforced,
    Role::Employment,
    Role::Mentor,
    Role::PeerWork,
    Role::Treatment,
];

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roles(u16);

impl Roles {
    pub(crate) fn add(&mut self, role: Role) {
        self.0 |= 1 << (role as u16);
    }

    pub(crate) fn has(self, role: Role) -> bool {
        self.0 & (1 << (role as u16)) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One person's year at one service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) person: u32,
    pub(crate) contacts: u32,
    pub(crate) first: bool,
    pub(crate) follow_ups: u32,
    pub(crate) roles: Roles,
}

/// A year of the city.
pub(crate) struct YearPlan {
    pub(crate) year: i32,
    /// By service: the districts, then Uteseksjonen.
    pub(crate) services: Vec<Vec<Visit>>,
    /// Persons and their admissions.
    pub(crate) beds: Vec<(u32, u32)>,
    /// Police, school, child welfare, NAV: persons and their entries.
    pub(crate) agencies: [Vec<(u32, u32)>; 4],
    /// Distinct persons of the year.
    pub(crate) persons: usize,
}

pub(crate) struct Plan {
    pub(crate) city: City,
    pub(crate) people: People,
    pub(crate) years: Vec<YearPlan>,
}

/// What the steps of one year share.
struct Step<'a> {
    city: &'a City,
    people: &'a mut People,
    rng: Stream,
    year: i32,
    /// The first year that is made: who comes in it may have been known before.
    opening: bool,
    /// Persons a year that were asked for.
    persons: u32,
    /// Who already has a part in this year.
    used: Vec<bool>,
}

impl Step<'_> {
    fn is_used(&self, person: u32) -> bool {
        self.used.get(person as usize).copied().unwrap_or(false)
    }

    fn claim(&mut self, person: u32) {
        let i = person as usize;
        if self.used.len() <= i {
            self.used.resize(i + 1, false);
        }
        self.used[i] = true;
    }

    /// 1 for a city large enough for the published figures, less for a smaller one.
    fn scale(&self) -> f64 {
        (f64::from(self.persons) / f64::from(ENOUGH_PERSONS)).min(1.0)
    }
}

impl Plan {
    pub(crate) fn make(city: City, seed: u64, persons: u32, years: RangeInclusive<i32>) -> Self {
        let opening = *years.start();
        let mut people = People::default();
        let mut plans = Vec::new();
        for year in years {
            let rng = stream(seed, Purpose::Plan, year, 0);
            let mut step = Step {
                city: &city,
                people: &mut people,
                rng,
                year,
                opening: year == opening,
                persons,
                used: Vec::new(),
            };
            step.identify();
            let ute = step.uteseksjonen(seed);
            let rest = step.rest(ute.len());
            plans.push(step.visits(&ute, &rest));
            for (i, used) in step.used.iter().enumerate() {
                if *used {
                    step.people.all[i].last_active = year;
                }
            }
        }
        Self { city, people, years: plans }
    }
}

impl Step<'_> {
    /// Some of those known by a nickname tell who they are. Their client number stays.
    fn identify(&mut self) {
        for person in &mut self.people.all {
            if person.identified_from == i32::MAX && chance(&mut self.rng, 0.15) {
                person.identified_from = self.year;
            }
        }
    }

    fn empty_plan(&self) -> YearPlan {
        YearPlan {
            year: self.year,
            services: vec![Vec::new(); SERVICES],
            beds: Vec::new(),
            agencies: [const { Vec::new() }; 4],
            persons: self.used.iter().filter(|used| **used).count(),
        }
    }
}
