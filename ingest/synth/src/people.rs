//! The persons of the city: what stays the same about them over the years.

use std::collections::HashSet;

use jiff::civil::Date;
use skjerm_ingest::identity::{individual_numbers, make_synthetic, make_synthetic_d};

use crate::city::City;
use crate::names;
use crate::random::{Stream, below, chance, normal, weighted};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Gender {
    Female,
    Male,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Belonging {
    Oslo,
    Other,
    Unknown,
}

/// Age at the end of the year as far as the records tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Age {
    Under18,
    From18To24,
    From25,
    /// The birth date is not known: only a nickname is.
    Unknown,
}

/// How well the services know somebody, at best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    National,
    NameBirth,
    Nickname,
}

/// What a year's plan looks for in a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cell {
    pub(crate) age: Age,
    pub(crate) gender: Gender,
    pub(crate) belonging: Belonging,
}

pub(crate) struct Person {
    pub(crate) first: u16,
    pub(crate) last: u16,
    pub(crate) nickname: Option<u8>,
    pub(crate) birth: Date,
    pub(crate) gender: Gender,
    pub(crate) belonging: Belonging,
    /// Index into the municipalities of the city; only for those who belong elsewhere.
    pub(crate) municipality: Option<u16>,
    /// Home district; only for those who belong to Oslo.
    pub(crate) district: Option<u8>,
    level: Level,
    /// The year from which more than a nickname is known. What is known stays so within a year.
    pub(crate) identified_from: i32,
    national: [u8; 11],
    /// How often a person is met, apart from the luck of the year: standard normal.
    pub(crate) frailty: f64,
    /// Services that know the person, and the first year they met. Years before the data are history.
    pub(crate) known: Vec<(u8, i32)>,
    pub(crate) last_active: i32,
    pub(crate) last_ute: i32,
}

pub(crate) const NEVER: i32 = i32::MIN;

impl Person {
    pub(crate) fn level(&self, year: i32) -> Level {
        if year < self.identified_from { Level::Nickname } else { self.level }
    }

    /// The age a person reaches in the year.
    pub(crate) fn years_old(&self, year: i32) -> i32 {
        year - i32::from(self.birth.year())
    }

    pub(crate) fn cell(&self, year: i32) -> Cell {
        let age = match (self.level(year), self.years_old(year)) {
            (Level::Nickname, _) => Age::Unknown,
            (_, ..18) => Age::Under18,
            (_, ..25) => Age::From18To24,
            _ => Age::From25,
        };
        Cell { age, gender: self.gender, belonging: self.belonging }
    }

    /// The number as eleven digits, for those who are known by it.
    pub(crate) fn national(&self, year: i32) -> Option<&str> {
        if self.level(year) == Level::National { std::str::from_utf8(&self.national).ok() } else { None }
    }

    pub(crate) fn first_year_at(&self, service: usize) -> Option<i32> {
        self.known.iter().find(|(s, _)| usize::from(*s) == service).map(|(_, year)| *year)
    }

    /// Remembers that the service met the person in this year, and tells whether it is the first time.
    pub(crate) fn meet(&mut self, service: usize, year: i32) -> bool {
        if let Some(first) = self.first_year_at(service) {
            return first == year;
        }
        self.known.push((u8::try_from(service).unwrap_or(u8::MAX), year));
        true
    }

    pub(crate) fn first_name(&self) -> &'static str {
        let list: &[&str] = if self.gender == Gender::Female { &names::WOMEN } else { &names::MEN };
        list[usize::from(self.first) % list.len()]
    }

    pub(crate) fn last_name(&self) -> &'static str {
        names::LAST[usize::from(self.last) % names::LAST.len()]
    }

    pub(crate) fn nick(&self) -> Option<&'static str> {
        self.nickname.map(|n| names::NICKNAMES[usize::from(n) % names::NICKNAMES.len()])
    }
}

/// The client number of a person in the SOMA-like system: one person, one number, no order to be read off it.
pub(crate) fn soma_client(person: u32) -> String {
    format!("S-{:07}", (u64::from(person) * 7919 + 4217) % 9_999_991)
}

/// The client number of a person in the Kontakt-like system.
pub(crate) fn kontakt_client(person: u32) -> String {
    format!("P-{:07}", (u64::from(person) * 104_729 + 815) % 9_999_991)
}

/// Everybody, and what may not be given twice.
#[derive(Default)]
pub(crate) struct People {
    pub(crate) all: Vec<Person>,
    numbers: HashSet<[u8; 11]>,
    /// Name and birth date: who is known by these alone must not be taken for another.
    names: HashSet<(u16, u16, bool, Date)>,
}

/// Where a person is first met, which says how old they may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Centre,
    District,
}

impl People {
    /// A new person of this kind as of this year.
    pub(crate) fn create(
        &mut self,
        rng: &mut Stream,
        city: &City,
        year: i32,
        cell: Cell,
        origin: Origin,
    ) -> u32 {
        let age = age(rng, cell.age, origin);
        let level = if chance(rng, 0.15) { Level::NameBirth } else { Level::National };
        let nicknamed = cell.age == Age::Unknown;
        let female = cell.gender == Gender::Female;
        let (first, last, birth, national) = loop {
            let names = if female { names::WOMEN.len() } else { names::MEN.len() };
            let first = u16::try_from(below(rng, names)).unwrap_or(0);
            let last = u16::try_from(below(rng, names::LAST.len())).unwrap_or(0);
            let birth = birth_date(rng, year - age);
            if !self.names.insert((first, last, female, birth)) {
                continue;
            }
            if let Some(national) = self.number(rng, birth, cell) {
                break (first, last, birth, national);
            }
        };
        let district = (cell.belonging == Belonging::Oslo)
            .then(|| u8::try_from(weighted(rng, &city.district_weights(year))).unwrap_or(0));
        let municipality = (cell.belonging == Belonging::Other).then(|| city.municipality(rng, false));
        let has_nickname = nicknamed || chance(rng, 0.08);
        self.all.push(Person {
            first,
            last,
            nickname: has_nickname.then(|| u8::try_from(below(rng, names::NICKNAMES.len())).unwrap_or(0)),
            birth,
            gender: cell.gender,
            belonging: cell.belonging,
            municipality,
            district,
            level,
            identified_from: if nicknamed { i32::MAX } else { i32::MIN },
            national,
            frailty: normal(rng),
            known: Vec::new(),
            last_active: NEVER,
            last_ute: NEVER,
        });
        u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, person: u32) -> &Person {
        &self.all[person as usize]
    }

    pub(crate) fn get_mut(&mut self, person: u32) -> &mut Person {
        &mut self.all[person as usize]
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> + use<> {
        0..u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// A synthetic number that nobody has yet; None when the day has none left. Foreign visitors often have a D-number.
    fn number(&mut self, rng: &mut Stream, birth: Date, cell: Cell) -> Option<[u8; 11]> {
        let d_number = cell.belonging == Belonging::Unknown && chance(rng, 0.5);
        let range = individual_numbers(birth.year());
        let width = usize::from(range.end() - range.start()) + 1;
        let start = below(rng, width);
        let odd = match cell.gender {
            Gender::Female => Some(0),
            Gender::Male => Some(1),
            Gender::Unknown => None,
        };
        // The ninth digit is odd for men, where the numbers of the day are not used up.
        for parity in [odd, None] {
            for step in 0..width {
                let individual = range.start() + u16::try_from((start + step) % width).unwrap_or(0);
                if parity.is_some_and(|p| individual % 2 != p) {
                    continue;
                }
                let made = if d_number {
                    make_synthetic_d(birth, individual)
                } else {
                    make_synthetic(birth, individual)
                };
                if let Some(number) = made.map(|n| n.ascii())
                    && self.numbers.insert(number)
                {
                    return Some(number);
                }
            }
        }
        None
    }
}

fn age(rng: &mut Stream, class: Age, origin: Origin) -> i32 {
    let pick = |rng: &mut Stream, from: i32, weights: &[f64]| {
        from + i32::try_from(weighted(rng, weights)).unwrap_or(0)
    };
    match (class, origin) {
        (Age::Under18, Origin::Centre) => pick(rng, 12, &[2.0, 5.0, 12.0, 22.0, 29.0, 30.0]),
        (Age::Under18, Origin::District) => pick(rng, 10, &[1.0, 2.0, 5.0, 12.0, 18.0, 22.0, 22.0, 18.0]),
        (Age::From18To24, Origin::Centre) => pick(rng, 18, &[20.0, 17.0, 15.0, 13.0, 12.0, 12.0, 11.0]),
        (Age::From18To24, Origin::District) => pick(rng, 18, &[30.0, 22.0, 16.0, 12.0, 9.0, 6.0, 5.0]),
        (Age::From25 | Age::Unknown, Origin::Centre) => (25 + adult(rng, 13.0)).min(66),
        (Age::From25 | Age::Unknown, Origin::District) => (25 + adult(rng, 4.0)).min(50),
    }
}

fn adult(rng: &mut Stream, mean: f64) -> i32 {
    i32::try_from(crate::random::geometric(rng, mean, 60)).unwrap_or(60) - 1
}

fn birth_date(rng: &mut Stream, year: i32) -> Date {
    let year = i16::try_from(year).unwrap_or(2000);
    let first = jiff::civil::date(year, 1, 1);
    let day = i32::try_from(below(rng, usize::try_from(first.days_in_year()).unwrap_or(365))).unwrap_or(0);
    first.saturating_add(jiff::Span::new().days(day))
}
