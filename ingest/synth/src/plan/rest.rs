//! The rest of the city: who else is active this year, up to the persons asked for.

use super::Step;
use super::targets::trend;
use crate::people::{Age, Belonging, Cell, Gender, Origin};
use crate::random::{Stream, chance, sample, weighted, whole};

/// Why somebody outside Uteseksjonen's list is in a year's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Met by a district's own service.
    Outreach,
    /// On an agency's list only.
    AgencyOnly,
    /// In a bed unit only.
    BedOnly,
}

impl Step<'_> {
    /// Persons beside the `ute` ones that have a part already.
    pub(super) fn rest(&mut self, ute: usize) -> Vec<(u32, Part)> {
        let total = whole(f64::from(self.persons) * trend(self.year)) as usize;
        let wanted = total.saturating_sub(ute);
        let mut chosen = self.returning(wanted);
        for person in &chosen {
            self.claim(*person);
        }
        let mut rest: Vec<(u32, Part)> = Vec::with_capacity(wanted);
        for person in chosen.drain(..) {
            let part = part(&mut self.rng);
            rest.push((person, self.fitting(person, part)));
        }
        while rest.len() < wanted {
            let part = part(&mut self.rng);
            let cell = cell(&mut self.rng, part);
            let person = self.people.create(&mut self.rng, self.city, self.year, cell, Origin::District);
            self.claim(person);
            rest.push((person, part));
        }
        rest
    }

    /// So many come back that, with those Uteseksjonen meets again, it is half of last year's persons; and a few after a pause.
    fn returning(&mut self, wanted: usize) -> Vec<u32> {
        let (mut last_year, mut again) = (0_usize, 0_usize);
        for id in self.people.ids() {
            if self.people.get(id).last_active == self.year - 1 {
                last_year += 1;
                again += usize::from(self.is_used(id));
            }
        }
        let (people, used, year) = (&*self.people, &self.used, self.year);
        let weight = |id: u32, years: std::ops::RangeInclusive<i32>| {
            let person = people.get(id);
            if used.get(id as usize).copied().unwrap_or(false)
                || !years.contains(&(year - person.last_active))
            {
                return 0.0;
            }
            if person.years_old(year) < 25 { 1.0 } else { 0.4 }
        };
        let back = (last_year / 2).saturating_sub(again).min(wanted * 4 / 5);
        let mut chosen = sample(&mut self.rng, people.ids(), back, |id| weight(id, 1..=1));
        let late = wanted.saturating_sub(chosen.len()) / 20;
        chosen.extend(sample(&mut self.rng, people.ids(), late, |id| weight(id, 2..=3)));
        chosen
    }

    /// Lists that hold no client number cannot hold who is known by a nickname; bed units take adults.
    fn fitting(&self, person: u32, part: Part) -> Part {
        let cell = self.people.get(person).cell(self.year);
        match part {
            Part::BedOnly if matches!(cell.age, Age::Under18 | Age::Unknown) => Part::Outreach,
            Part::AgencyOnly if cell.age == Age::Unknown => Part::Outreach,
            part => part,
        }
    }
}

fn part(rng: &mut Stream) -> Part {
    [Part::Outreach, Part::AgencyOnly, Part::BedOnly][weighted(rng, &[0.9, 0.085, 0.015])]
}

fn cell(rng: &mut Stream, part: Part) -> Cell {
    const AGES: [Age; 4] = [Age::Under18, Age::From18To24, Age::From25, Age::Unknown];
    let (ages, belongings) = match part {
        Part::Outreach => ([0.55, 0.33, 0.06, 0.06], [0.88, 0.07, 0.05]),
        Part::AgencyOnly => ([0.62, 0.34, 0.04, 0.0], [0.92, 0.06, 0.02]),
        Part::BedOnly => ([0.0, 0.65, 0.35, 0.0], [0.72, 0.26, 0.02]),
    };
    let age = AGES[weighted(rng, &ages)];
    let gender = if age == Age::Unknown && chance(rng, 0.15) {
        Gender::Unknown
    } else if chance(rng, 0.62) {
        Gender::Male
    } else {
        Gender::Female
    };
    let belonging = [Belonging::Oslo, Belonging::Other, Belonging::Unknown][weighted(rng, &belongings)];
    Cell { age, gender, belonging }
}
