//! Ages as tables write them, and what follows exactly from counts by age.

use std::collections::BTreeMap;
use std::fmt;

/// Beyond every age.
const OPEN: u16 = u16::MAX;
/// Higher ages are a mistake.
const MOST: u16 = 130;

/// Ages in whole years from one age up to, but without, another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ages {
    from: u16,
    end: u16,
}

impl Ages {
    pub(super) const ALL: Self = Self { from: 0, end: OPEN };

    /// Reads "17 år", "13–15", "25+", "105 år eller eldre", "under 13", "I alt", or the same in English.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let all = ["i alt", "alder i alt", "alle aldre", "alle aldersgrupper", "all ages", "total", "totalt"];
        if all.contains(&text.as_str()) {
            return Some(Self::ALL);
        }
        let tokens = tokens(&text);
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        let age = |digits: &str| digits.parse::<u16>().ok().filter(|age| *age <= MOST);
        let (from, end) = match tokens[..] {
            [one] => (age(one)?, age(one)? + 1),
            [from, "-" | "–" | "—" | "til" | "to", last] => (age(from)?, age(last)? + 1),
            [from, "+"]
            | [from, "og" | "eller" | "and" | "or", "eldre" | "over" | "mer" | "older" | "above" | "more"] => {
                (age(from)?, OPEN)
            }
            ["under", end] => (0, age(end)?),
            _ => return None,
        };
        (from < end).then_some(Self { from, end })
    }

    fn years(self) -> u16 {
        self.end - self.from
    }
}

/// Runs of digits, runs of letters and signs; the words for a year of age are left out.
fn tokens(text: &str) -> Vec<String> {
    let kind = |c: char| match c {
        c if c.is_ascii_digit() => 0,
        c if c.is_alphabetic() => 1,
        _ => 2,
    };
    let mut tokens: Vec<String> = Vec::new();
    let mut before = None;
    for c in text.chars() {
        match tokens.last_mut() {
            Some(token) if kind(c) < 2 && before == Some(kind(c)) => token.push(c),
            _ if c.is_whitespace() => {}
            _ => tokens.push(c.to_string()),
        }
        before = Some(kind(c));
    }
    tokens.retain(|token| !["år", "year", "years", "old"].contains(&token.as_str()));
    tokens
}

impl fmt::Display for Ages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.end) {
            _ if *self == Self::ALL => f.write_str("all ages"),
            (from, OPEN) => write!(f, "{from}+"),
            (from, end) if end == from + 1 => write!(f, "{from}"),
            (from, end) => write!(f, "{from}–{}", end - 1),
        }
    }
}

/// The first ages missing between others.
pub(super) fn hole(ages: impl IntoIterator<Item = Ages>) -> Option<Ages> {
    let mut ages: Vec<Ages> = ages.into_iter().collect();
    ages.sort();
    let mut reach = ages.first()?.from;
    for of in ages {
        if of.from > reach {
            return Some(Ages { from: reach, end: of.from });
        }
        reach = reach.max(of.end);
    }
    None
}

/// Whether somebody is of two of the ages.
pub(super) fn overlap(ages: &[Ages]) -> bool {
    let pairs =
        ages.iter().enumerate().flat_map(|(at, one)| ages[at + 1..].iter().map(move |other| (one, other)));
    pairs.into_iter().any(|(one, other)| one.from < other.end && other.from < one.end)
}

/// Ages whose count contradicts those of other ages.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contradiction {
    pub(super) ages: Ages,
    pub(super) said: i64,
    pub(super) others: i64,
}

/// What counts by age say together: how many there are below each age. Each count ties its two ends; two ages that
/// are tied, over however many counts, have a difference that is known exactly, and any others are not.
#[derive(Debug, Default)]
pub(super) struct Below {
    /// For each age its group of tied ages, and the number below it from the group's own zero.
    tied: BTreeMap<u16, (u16, i64)>,
}

impl Below {
    /// Takes counts in, the narrow ones first, so that totals are held against their parts.
    pub(super) fn new(counts: &[(Ages, u64)]) -> Result<Self, Contradiction> {
        let mut counts = counts.to_vec();
        counts.sort_by_key(|(ages, _)| (ages.years(), ages.from));
        let mut below = Self::default();
        for (ages, count) in counts {
            below.add(ages, i64::try_from(count).unwrap_or(i64::MAX))?;
        }
        below.rising()?;
        Ok(below)
    }

    fn add(&mut self, ages: Ages, count: i64) -> Result<(), Contradiction> {
        let (group, start) = *self.tied.entry(ages.from).or_insert((ages.from, 0));
        let end = start.saturating_add(count);
        match self.tied.insert(ages.end, (group, end)) {
            Some((same, others)) if same == group && others != end => {
                Err(Contradiction { ages, said: count, others: others - start })
            }
            Some((other, there)) if other != group => {
                // Two groups become one: the other's numbers are moved to this one's zero.
                for tied in self.tied.values_mut().filter(|tied| tied.0 == other) {
                    *tied = (group, tied.1.saturating_add(end - there));
                }
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// No ages have less than nobody.
    fn rising(&self) -> Result<(), Contradiction> {
        let mut last: BTreeMap<u16, (u16, i64)> = BTreeMap::new();
        for (age, (group, below)) in &self.tied {
            if let Some((from, before)) = last.insert(*group, (*age, *below))
                && before > *below
            {
                let ages = Ages { from, end: *age };
                return Err(Contradiction { ages, said: below - before, others: 0 });
            }
        }
        Ok(())
    }

    /// How many are of these ages, if the counts say so exactly.
    pub(super) fn count(&self, ages: Ages) -> Option<u64> {
        let (from, end) = (self.tied.get(&ages.from)?, self.tied.get(&ages.end)?);
        (from.0 == end.0).then(|| u64::try_from(end.1 - from.1).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ages(text: &str) -> Ages {
        Ages::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn ages_are_read_as_tables_write_them() {
        for (text, shown) in [
            ("0 år", "0"),
            ("000", "0"),
            ("017", "17"),
            ("13-15 år", "13–15"),
            ("13 – 15", "13–15"),
            ("105 år eller eldre", "105+"),
            ("25 år og over", "25+"),
            ("105 years or older", "105+"),
            ("25+", "25+"),
            ("Under 13 år", "0–12"),
            ("I alt", "all ages"),
            ("Alle aldre", "all ages"),
        ] {
            assert_eq!(ages(text).to_string(), shown, "{text}");
        }
        for text in ["", "år", "15-13", "17,5 år", "17 år (2006)", "999", "menn", "1 3", "-5", "gjennomsnitt"]
        {
            assert_eq!(Ages::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_counts_do_not_say_is_unknown() {
        let below =
            Below::new(&[(ages("0-17"), 10), (ages("18-19"), 3), (ages("i alt"), 20)]).expect("counts");
        assert_eq!(below.count(ages("0-19")), Some(13));
        assert_eq!(below.count(ages("20+")), Some(7), "the total less its parts");
        assert_eq!(below.count(ages("13-17")), None);
        let apart = Below::new(&[(ages("0-12"), 4), (ages("16-17"), 5)]).expect("counts");
        assert_eq!((apart.count(ages("16-17")), apart.count(ages("0-17"))), (Some(5), None));
    }

    #[test]
    fn a_total_is_held_against_its_parts() {
        let wrong = [(ages("i alt"), 21), (ages("0-17"), 10), (ages("18+"), 10)];
        let found = Below::new(&wrong).expect_err("21 is not 20");
        assert_eq!(found, Contradiction { ages: ages("i alt"), said: 21, others: 20 });
        let less = [(ages("i alt"), 9), (ages("0-17"), 10)];
        assert_eq!(Below::new(&less).expect_err("fewer than its part").said, -1);
    }

    #[test]
    fn a_hole_is_found() {
        assert_eq!(hole([ages("0-12"), ages("16-17")]), Some(ages("13-15")));
        assert_eq!(hole([ages("16-17"), ages("i alt"), ages("13-15")]), None);
        assert_eq!(hole([ages("13"), ages("14")]), None);
    }

    proptest! {
        /// Whatever counts of whatever ages a table gives of a population: what follows is right, and with all
        /// single ages everything follows.
        #[test]
        fn what_follows_is_right(
            people in prop::collection::vec(0_u64..50, 30),
            spans in prop::collection::vec((0_u16..29, 1_u16..30), 0..40),
            singles: bool,
        ) {
            let count = |of: Ages| people[of.from.into()..of.end.min(30).into()].iter().sum::<u64>();
            let mut given: Vec<Ages> = spans
                .into_iter()
                .map(|(from, years)| Ages { from, end: if from + years >= 30 { OPEN } else { from + years } })
                .collect();
            if singles {
                given.extend((0..30).map(|from| Ages { from, end: if from == 29 { OPEN } else { from + 1 } }));
            }
            let counts: Vec<(Ages, u64)> = given.iter().map(|of| (*of, count(*of))).collect();
            let below = Below::new(&counts).expect("true counts do not contradict each other");
            for from in 0..30 {
                for end in (from + 1..30).chain([OPEN]) {
                    let of = Ages { from, end };
                    match below.count(of) {
                        Some(found) => prop_assert_eq!(found, count(of)),
                        None => prop_assert!(!singles && !given.contains(&of)),
                    }
                }
            }
        }
    }
}
