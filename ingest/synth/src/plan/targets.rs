//! How many persons Uteseksjonen met in a year, and what for: published where there is a figure, invented elsewhere.
//!
//! # Where the source does not add up
//!
//! Of 456 persons reported missing in 2023 the source names 207 from other municipalities, 154 from Oslo and
//! 47 unknown, together 408. The total is followed: the remaining 95 have unknown belonging.
//!
//! # What is decided here
//!
//! Followed up, concern reports, journeys home, measures and referrals are about persons that Uteseksjonen also met. A person
//! *reported missing* is searched for and need not be found: two in five are also met, the rest are not.

use crate::random::{Purpose, normal, stream, whole};

/// The year whose figures are published in full.
pub(crate) const PUBLISHED_YEAR: i32 = 2023;
/// The year whose psychologist, cannabis and treatment figures are published.
pub(crate) const PUBLISHED_MEASURES_YEAR: i32 = 2022;
/// From so many persons a year on, the published figures are reproduced.
pub(crate) const ENOUGH_PERSONS: u32 = 2400;
/// Municipalities outside Oslo that the persons met in 2023 came from.
pub(crate) const MUNICIPALITIES: usize = 115;

/// The city's activity of a year against 2023: growth, and the dip of 2020–2021.
pub(crate) fn trend(year: i32) -> f64 {
    match year {
        2020 => 0.84,
        2021 => 0.9,
        2022 => 0.97,
        ..=2019 | 2023 => 1.0,
        2024 => 1.02,
        _ => 1.05,
    }
}

/// Men and women (boys and girls).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) men: usize,
    pub(crate) women: usize,
}

impl Split {
    const fn new(men: usize, women: usize) -> Self {
        Self { men, women }
    }

    pub(crate) fn total(self) -> usize {
        self.men + self.women
    }
}

/// Distinct persons in one year. Arrays by belonging are Oslo, other municipality, unknown or foreign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Targets {
    pub(crate) met: [usize; 3],
    pub(crate) met_under_18: usize,
    pub(crate) met_under_25: usize,
    /// Known by a nickname only, so without an age: counted neither under nor over 25.
    pub(crate) met_unknown_age: usize,
    pub(crate) first: usize,
    pub(crate) first_under_18: usize,
    pub(crate) followed: [usize; 3],
    pub(crate) followed_under_25: usize,
    pub(crate) concern: Split,
    pub(crate) concern_oslo: usize,
    pub(crate) missing: [usize; 3],
    pub(crate) missing_under_18: usize,
    pub(crate) journey: Split,
    pub(crate) psychologist: Split,
    pub(crate) treatment: Split,
    pub(crate) cannabis: Split,
    pub(crate) reinforced: Split,
    pub(crate) employment: Split,
    pub(crate) mentor: Split,
    pub(crate) peer_work: Split,
}

/// 2023 as published; shares that are not published (under 18 among all met, nicknames, mentors, peers) are invented, and
/// the measures that are published for 2022 only stand here with those values.
const PUBLISHED: Targets = Targets {
    met: [1019, 721, 237],
    met_under_18: 474,
    met_under_25: 1180,
    met_unknown_age: 119,
    first: 654,
    first_under_18: 239,
    followed: [725, 566, 152],
    followed_under_25: 828,
    concern: Split::new(6, 29),
    concern_oslo: 12,
    missing: [154, 207, 95],
    missing_under_18: 308,
    journey: Split::new(78, 30),
    psychologist: Split::new(53, 19),
    treatment: Split::new(15, 4),
    cannabis: Split::new(26, 16),
    reinforced: Split::new(50, 9),
    employment: Split::new(92, 31),
    mentor: Split::new(31, 18),
    peer_work: Split::new(22, 15),
};

impl Targets {
    /// The figures of a year for a city of this many persons: exact for what is published when `persons` suffice.
    pub(crate) fn of(year: i32, persons: u32, seed: u64) -> Self {
        let size = (f64::from(persons) / f64::from(ENOUGH_PERSONS)).min(1.0);
        let p = PUBLISHED;
        if size >= 1.0 && year == PUBLISHED_YEAR {
            return p;
        }
        let base = size * trend(year);
        let times = |n: usize, by: f64| whole(n as f64 * by) as usize;
        let three = |n: [usize; 3], by: f64| n.map(|n| times(n, by));
        // A year differs from another by some per cent in what is rare.
        let mut rng = stream(seed, Purpose::Slots, year, 1);
        let varies = year != PUBLISHED_YEAR;
        let mut luck = || base * if varies { 1.0 + 0.05 * normal(&mut rng).clamp(-2.0, 2.0) } else { 1.0 };
        let split = |s: Split, by: f64| Split::new(times(s.men, by), times(s.women, by));
        let first = luck();
        let missing = luck();
        let mut t = Self {
            met: three(p.met, base),
            met_under_18: times(p.met_under_18, base),
            met_under_25: times(p.met_under_25, base),
            met_unknown_age: times(p.met_unknown_age, base),
            first: times(p.first, first),
            first_under_18: times(p.first_under_18, first),
            followed: three(p.followed, base),
            followed_under_25: times(p.followed_under_25, base),
            concern: split(p.concern, luck()),
            concern_oslo: 0,
            missing: three(p.missing, missing),
            missing_under_18: times(p.missing_under_18, missing),
            journey: split(p.journey, luck()),
            psychologist: split(p.psychologist, luck()),
            treatment: split(p.treatment, luck()),
            cannabis: split(p.cannabis, luck()),
            reinforced: split(p.reinforced, luck()),
            employment: split(p.employment, luck()),
            mentor: split(p.mentor, luck()),
            peer_work: split(p.peer_work, luck()),
        };
        t.concern_oslo = t.concern.total() * p.concern_oslo / p.concern.total();
        if size >= 1.0 && year == PUBLISHED_MEASURES_YEAR {
            t.psychologist = p.psychologist;
            t.treatment = p.treatment;
            t.cannabis = p.cannabis;
        }
        t
    }
}
