//! The cells of a table of residents, whatever its form, and the checks that make them figures.

use std::collections::{BTreeMap, BTreeSet};

use super::ages::{self, Ages, Below};
use super::error::{Found, Place, ReferenceProblem as Problem};
use super::region::{Regions, UNREGISTERED};
use super::{Bands, POPULATION_BANDS, Population, WHOLE_CITY};

/// What a dimension of a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    Region,
    Sex,
    Age,
    Year,
    Contents,
}

impl Dimension {
    /// By the names that SSB, Oslo and their English pages give it.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.trim().to_lowercase().as_str() {
            "region" | "bydel" | "bosted" | "geografi" | "district" => Some(Self::Region),
            "kjønn" | "kjonn" | "sex" => Some(Self::Sex),
            "alder" | "age" => Some(Self::Age),
            "år" | "tid" | "year" | "time" => Some(Self::Year),
            "statistikkvariabel" | "contentscode" | "contents" | "innhold" => Some(Self::Contents),
            _ => None,
        }
    }

    /// As a message says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Region => "district (region, bydel, bosted)",
            Self::Sex => "sex (kjønn)",
            Self::Age => "age (alder)",
            Self::Year => "year (år, tid)",
            Self::Contents => "contents (statistikkvariabel)",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sex {
    Both,
    Male,
    Female,
}

impl Sex {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        match text.trim().to_lowercase().as_str() {
            "begge kjønn" | "i alt" | "kjønn i alt" | "both sexes" | "total" | "0" => Ok(Self::Both),
            "menn" | "mann" | "males" | "men" | "1" => Ok(Self::Male),
            "kvinner" | "kvinne" | "females" | "women" | "2" => Ok(Self::Female),
            _ => Err(Problem::NoSex(short(text))),
        }
    }
}

pub(super) fn age(text: &str) -> Result<Ages, Problem> {
    Ages::parse(text).ok_or_else(|| Problem::NoAge(short(text)))
}

pub(super) fn year(text: &str) -> Result<i32, Problem> {
    let year = text.trim().parse().ok().filter(|year| (1900..2200).contains(year));
    year.ok_or_else(|| Problem::NoYear(short(text)))
}

/// Contents are persons, by whatever word.
pub(super) fn persons(contents: &str) -> Result<(), Problem> {
    let words = ["personer", "persons", "folkemengde", "befolkning", "innbyggere", "population"];
    let plain = contents.to_lowercase();
    let other = ["prosent", "andel", "endring", "per cent", "percent", "share", "change"];
    let good =
        words.iter().any(|word| plain.contains(word)) && !other.iter().any(|word| plain.contains(word));
    if good { Ok(()) } else { Err(Problem::NotPersons(short(contents))) }
}

/// A table that says its number is SSB's 10826, or one of another statistics bank.
pub(super) fn right_table(title: &str) -> Result<(), Problem> {
    let number = title.trim().split(':').next().unwrap_or_default().trim();
    let of_ssb = number.len() == 5 && number.bytes().all(|b| b.is_ascii_digit());
    if of_ssb && number != "10826" { Err(Problem::OtherTable { found: number.to_owned() }) } else { Ok(()) }
}

/// A word of a file, short enough for a sentence.
pub(super) fn short(text: &str) -> String {
    let mut short: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(40).collect();
    if text.trim().chars().count() > 40 {
        short.push('…');
    }
    short
}

/// Which residents a cell counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) district: String,
    pub(super) year: i32,
    pub(super) sex: Sex,
    pub(super) ages: Ages,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sex = match self.sex {
            Sex::Both => "",
            Sex::Male => ", male",
            Sex::Female => ", female",
        };
        let all = if self.ages == Ages::ALL { "" } else { "ages " };
        write!(f, "{} in {}, {all}{}{sex}", self.district, self.year, self.ages)
    }
}

/// Counts by ages, of every district and year.
type Counts = BTreeMap<(String, i32), Vec<(Ages, u64)>>;

/// The cells read so far.
#[derive(Debug, Default)]
pub(super) struct Cells {
    counts: BTreeMap<Key, u64>,
}

impl Cells {
    pub(super) fn add(&mut self, key: Key, count: u64) -> Result<(), Problem> {
        // SSB gives Oslo's districts of both times under one number.
        if key.year < 2004 && key.district != WHOLE_CITY {
            return Err(Problem::OldBorders { year: key.year });
        }
        let of = key.to_string();
        if self.counts.insert(key, count).is_some() { Err(Problem::Duplicated { of }) } else { Ok(()) }
    }

    /// Checks the table as a whole: every district and year has the same ages and sexes, none are missing between
    /// others, totals are the sums of their parts. Then sums up to bands; one that does not follow exactly stays
    /// unknown.
    pub(super) fn figures(&self, regions: &Regions) -> Result<Population, Found> {
        self.whole().map_err(|problem| (Place::Whole, problem))?;
        let counts = self.both_sexes().map_err(|problem| (Place::Whole, problem))?;
        let mut figures = Population::new();
        for ((district, year), counts) in counts {
            let bands = bands(&counts).map_err(|(ages, total, parts)| {
                let of = Key { district: district.clone(), year, sex: Sex::Both, ages }.to_string();
                (Place::Whole, Problem::Total { of, total, parts })
            })?;
            figures.insert((district, year), bands);
        }
        if figures.values().flatten().all(Option::is_none) {
            return Err((Place::Whole, Problem::NoBand(POPULATION_BANDS.join(", "))));
        }
        city(&figures, regions).map_err(|problem| (Place::Whole, problem))?;
        Ok(figures)
    }

    /// Refuses a table with holes.
    fn whole(&self) -> Result<(), Problem> {
        if self.counts.is_empty() {
            return Err(Problem::Empty);
        }
        let districts: BTreeSet<&str> = self.counts.keys().map(|key| key.district.as_str()).collect();
        let years: BTreeSet<i32> = self.counts.keys().map(|key| key.year).collect();
        let kinds: BTreeSet<(Sex, Ages)> = self.counts.keys().map(|key| (key.sex, key.ages)).collect();
        for district in districts {
            for year in &years {
                for (sex, ages) in &kinds {
                    let key = Key { district: district.to_owned(), year: *year, sex: *sex, ages: *ages };
                    if !self.counts.contains_key(&key) {
                        return Err(Problem::Missing { of: key.to_string() });
                    }
                }
            }
        }
        match ages::hole(kinds.into_iter().map(|(_, ages)| ages)) {
            Some(hole) => Err(Problem::MissingAges(hole.to_string())),
            None => Ok(()),
        }
    }

    /// Counts by ages, both sexes together, of every district and year.
    fn both_sexes(&self) -> Result<Counts, Problem> {
        let mut sexes: BTreeMap<(&str, i32, Ages), BTreeMap<Sex, u64>> = BTreeMap::new();
        for (key, count) in &self.counts {
            sexes.entry((&key.district, key.year, key.ages)).or_default().insert(key.sex, *count);
        }
        let mut counts = Counts::new();
        for ((district, year, ages), sexes) in sexes {
            let [both, male, female] =
                [Sex::Both, Sex::Male, Sex::Female].map(|sex| sexes.get(&sex).copied());
            let parts = male.zip(female).map(|(male, female)| male + female);
            let count = match (both, parts) {
                (Some(total), Some(parts)) if total != parts => {
                    let of = Key { district: district.to_owned(), year, sex: Sex::Both, ages }.to_string();
                    let [total, parts] = [total, parts].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
                    return Err(Problem::Total { of, total, parts });
                }
                (None, None) => return Err(Problem::OneSex),
                (Some(count), _) | (None, Some(count)) => count,
            };
            counts.entry((district.to_owned(), year)).or_default().push((ages, count));
        }
        Ok(counts)
    }
}

fn bands(counts: &[(Ages, u64)]) -> Result<Bands, (Ages, i64, i64)> {
    let below = Below::new(counts).map_err(|wrong| (wrong.ages, wrong.said, wrong.others))?;
    Ok(POPULATION_BANDS.map(|band| Ages::parse(band).and_then(|ages| below.count(ages))))
}

/// The city has all residents of its districts, and those registered in none.
fn city(figures: &Population, regions: &Regions) -> Result<(), Problem> {
    for ((_, year), city) in figures.iter().filter(|((district, _), _)| district == WHOLE_CITY) {
        for (at, city) in city.iter().enumerate() {
            let of = |district: &str| figures.get(&(district.to_owned(), *year)).and_then(|bands| bands[at]);
            let (Some(city), Some(districts)) = (*city, regions.districts().map(of).sum::<Option<u64>>())
            else {
                continue;
            };
            let unregistered = of(UNREGISTERED);
            let sum = districts + unregistered.unwrap_or(0);
            if sum > city || (unregistered.is_some() && sum != city) {
                let ages = POPULATION_BANDS[at].to_owned();
                return Err(Problem::City { year: *year, ages, districts: sum, city });
            }
        }
    }
    Ok(())
}

/// A whole number of residents, perhaps with spaces between its thousands.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
    let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|count| whole && *count <= MOST)
}

/// No district and no city of ours has more residents.
pub(super) const MOST: u64 = 100_000_000;
