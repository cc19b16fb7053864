//! Fills Uteseksjonen's slots of a year with persons: those who come back, those known elsewhere, new ones.

use std::collections::BTreeMap;

use super::slots::{Slot, build};
use super::targets::{MUNICIPALITIES, PUBLISHED_YEAR, Targets};
use super::{Roles, Step};
use crate::city::UTE;
use crate::people::{Belonging, Cell, Origin};
use crate::random::{Purpose, geometric, sample, stream};

/// One person's year at Uteseksjonen, without numbers of rows.
#[derive(Clone, Copy)]
pub(crate) struct UteYear {
    pub(crate) person: u32,
    pub(crate) met: bool,
    pub(crate) first: bool,
    pub(crate) followed: bool,
    pub(crate) roles: Roles,
}

/// How a slot may be filled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Returning,
    First,
    MissingOnly,
}

impl Slot {
    fn way(&self) -> Way {
        match (self.met, self.first) {
            (false, _) => Way::MissingOnly,
            (true, true) => Way::First,
            (true, false) => Way::Returning,
        }
    }
}

impl Step<'_> {
    pub(super) fn uteseksjonen(&mut self, seed: u64) -> Vec<UteYear> {
        let targets = Targets::of(self.year, self.persons, seed);
        let slots = build(&mut stream(seed, Purpose::Slots, self.year, 0), &targets);
        let mut groups: BTreeMap<(Way, Cell), Vec<usize>> = BTreeMap::new();
        for (i, slot) in slots.iter().enumerate() {
            groups.entry((slot.way(), slot.cell)).or_default().push(i);
        }
        // Everybody who could fill a slot, by what the slots ask for.
        let mut by_cell: BTreeMap<Cell, Vec<u32>> = BTreeMap::new();
        for id in self.people.ids() {
            by_cell.entry(self.people.get(id).cell(self.year)).or_default().push(id);
        }
        let mut filled: Vec<Option<u32>> = vec![None; slots.len()];
        let mut newcomers = Vec::new();
        for ((way, cell), members) in groups {
            let known = by_cell.get(&cell).map_or(&[][..], Vec::as_slice);
            let found = self.candidates(way, cell, known, members.len());
            for (k, slot) in members.into_iter().enumerate() {
                let person = found.get(k).copied().unwrap_or_else(|| {
                    let person =
                        self.people.create(&mut self.rng, self.city, self.year, cell, Origin::Centre);
                    if way == Way::Returning {
                        // Known from before the data, or from a year whose records are gone.
                        let ago = i32::try_from(geometric(&mut self.rng, 2.5, 9)).unwrap_or(1);
                        self.people.get_mut(person).meet(UTE, self.year - ago);
                        if self.is_exact(cell) {
                            let home = self.city.municipality(&mut self.rng, true);
                            self.people.get_mut(person).municipality = Some(home);
                        }
                    } else if way == Way::First && cell.belonging == Belonging::Other {
                        newcomers.push(person);
                    }
                    person
                });
                self.claim(person);
                filled[slot] = Some(person);
            }
        }
        let result: Vec<UteYear> = slots
            .iter()
            .zip(filled)
            .filter_map(|(slot, person)| {
                person.map(|person| UteYear {
                    person,
                    met: slot.met,
                    first: slot.first,
                    followed: slot.followed,
                    roles: slot.roles,
                })
            })
            .collect();
        if self.year == PUBLISHED_YEAR {
            self.cover_municipalities(&result, &newcomers);
        }
        for ute in result.iter().filter(|u| u.met) {
            let person = self.people.get_mut(ute.person);
            person.meet(UTE, self.year);
            person.last_ute = self.year;
        }
        result
    }

    /// Whether the number of municipalities that these persons come from is published.
    fn is_exact(&self, cell: Cell) -> bool {
        self.year == PUBLISHED_YEAR && cell.belonging == Belonging::Other
    }

    /// Up to `wanted` persons of a cell for a way of being met, the recently met before others.
    fn candidates(&mut self, way: Way, cell: Cell, known: &[u32], wanted: usize) -> Vec<u32> {
        let exact = self.is_exact(cell);
        let part = match way {
            Way::Returning => wanted,
            // All new visitors are created in the published year, so that they can come from every municipality.
            Way::First if exact => 0,
            Way::First => wanted / 4,
            Way::MissingOnly => wanted / 3,
        };
        let (people, city, year, used) = (&*self.people, self.city, self.year, &self.used);
        sample(&mut self.rng, known.iter().copied(), part, |id| {
            let person = people.get(id);
            if used.get(id as usize).copied().unwrap_or(false) {
                return 0.0;
            }
            let published = person.municipality.is_none_or(|m| city.municipalities[usize::from(m)].published);
            match way {
                Way::Returning if exact && !published => 0.0,
                Way::Returning => match person.first_year_at(UTE) {
                    Some(first) if first < year => match year - person.last_ute {
                        1 => 5.0,
                        2 => 1.2,
                        _ => 0.5,
                    },
                    _ => 0.0,
                },
                Way::First => {
                    f64::from(person.first_year_at(UTE).is_none() && person.last_active >= year - 2)
                }
                Way::MissingOnly => f64::from(person.last_active >= year - 2),
            }
        })
    }

    /// Lets the persons met from other municipalities come from all of the published number of them: the newcomers among
    /// them take what the others leave open.
    fn cover_municipalities(&mut self, met: &[UteYear], newcomers: &[u32]) {
        let mut covered = vec![false; self.city.municipalities.len()];
        for ute in met.iter().filter(|ute| ute.met && !newcomers.contains(&ute.person)) {
            if let Some(m) = self.people.get(ute.person).municipality {
                covered[usize::from(m)] = true;
            }
        }
        let open: Vec<u16> = (0_u16..)
            .zip(self.city.municipalities.iter().zip(covered))
            .filter(|(_, (m, covered))| m.published && !covered)
            .map(|(i, _)| i)
            .collect();
        debug_assert!(self.scale() < 1.0 || open.len() <= MUNICIPALITIES.min(newcomers.len()));
        for (k, person) in newcomers.iter().enumerate() {
            let municipality =
                open.get(k).copied().unwrap_or_else(|| self.city.municipality(&mut self.rng, true));
            self.people.get_mut(*person).municipality = Some(municipality);
        }
    }
}
