//! Uteseksjonen's year as slots: one a person, with exact totals, before it is decided who fills them.
//!
//! Roles that need a gender or an age are given first, then the rest is spread so that every margin of the targets holds exactly.
//! No step depends on persons, so the published figures do not either.

use super::targets::{Split, Targets};
use super::{Role, Roles};
use crate::people::{Age, Belonging, Cell, Gender};
use crate::random::{Stream, apportion, chance, sample, shuffle};

#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // four independent facts, each a margin of its own
pub(crate) struct Slot {
    pub(crate) cell: Cell,
    pub(crate) met: bool,
    pub(crate) first: bool,
    pub(crate) followed: bool,
    pub(crate) roles: Roles,
    gender_set: bool,
}

impl Slot {
    fn new(belonging: Belonging, age: Age, met: bool) -> Self {
        let cell = Cell { age, gender: Gender::Unknown, belonging };
        Self { cell, met, first: false, followed: false, roles: Roles::default(), gender_set: false }
    }

    fn under_25(&self) -> bool {
        matches!(self.cell.age, Age::Under18 | Age::From18To24)
    }

    fn may_be(&self, gender: Gender) -> bool {
        !self.gender_set || self.cell.gender == gender
    }

    fn give(&mut self, role: Role, gender: Gender) {
        self.roles.add(role);
        self.followed = true;
        self.cell.gender = gender;
        self.gender_set = true;
    }
}

const BELONGINGS: [Belonging; 3] = [Belonging::Oslo, Belonging::Other, Belonging::Unknown];

/// The slots of a year.
pub(crate) fn build(rng: &mut Stream, targets: &Targets) -> Vec<Slot> {
    let mut slots = met(rng, targets);
    roles(rng, targets, &mut slots);
    genders(rng, &mut slots);
    follow_up(rng, targets, &mut slots);
    first_time(rng, targets, &mut slots);
    missing(rng, targets, &mut slots);
    shuffle(rng, &mut slots);
    slots
}

/// Belonging and age of those met.
fn met(rng: &mut Stream, targets: &Targets) -> Vec<Slot> {
    let mut slots: Vec<Slot> = BELONGINGS
        .iter()
        .zip(targets.met)
        .flat_map(|(&belonging, n)| std::iter::repeat_n(Slot::new(belonging, Age::From25, true), n))
        .collect();
    let by = |weights: [f64; 3], slots: &[Slot], i: usize| {
        if slots[i].cell.age == Age::From25 { weights[slots[i].cell.belonging as usize] } else { 0.0 }
    };
    let steps = [
        (Age::Unknown, targets.met_unknown_age, [1.0, 0.8, 5.0]),
        (Age::Under18, targets.met_under_18, [1.0, 1.2, 0.4]),
        (
            Age::From18To24,
            targets.met_under_25 - targets.met_under_18.min(targets.met_under_25),
            [1.1, 1.0, 0.7],
        ),
    ];
    for (age, n, weights) in steps {
        for i in sample(rng, 0..slots.len(), n, |i| by(weights, &slots, i)) {
            slots[i].cell.age = age;
        }
    }
    slots
}

/// Gives `n` slots a role, each drawn by weight from those that may have this gender.
fn give(rng: &mut Stream, slots: &mut [Slot], role: Role, split: Split, weight: impl Fn(&Slot) -> f64) {
    for (gender, n) in [(Gender::Male, split.men), (Gender::Female, split.women)] {
        let free = |i: usize| {
            let slot = &slots[i];
            if slot.may_be(gender) && !slot.roles.has(role) { weight(slot) } else { 0.0 }
        };
        for i in sample(rng, 0..slots.len(), n, free) {
            slots[i].give(role, gender);
        }
    }
}

fn roles(rng: &mut Stream, targets: &Targets, slots: &mut [Slot]) {
    concern(rng, targets, slots);
    let oslo = |slot: &Slot| if slot.cell.belonging == Belonging::Oslo { 1.0 } else { 0.25 };
    let youth = |slot: &Slot| match slot.cell.age {
        Age::Under18 => 0.6 * oslo(slot),
        Age::From18To24 => oslo(slot),
        Age::From25 | Age::Unknown => 0.0,
    };
    give(rng, slots, Role::JourneyHome, targets.journey, |slot| match (slot.cell.belonging, slot.cell.age) {
        (Belonging::Other, Age::From18To24 | Age::From25) => 1.0,
        _ => 0.0,
    });
    give(rng, slots, Role::Reinforced, targets.reinforced, youth);
    give(rng, slots, Role::Employment, targets.employment, |slot| {
        youth(slot) * if slot.roles.has(Role::Reinforced) { 4.0 } else { 1.0 }
    });
    give(rng, slots, Role::Psychologist, targets.psychologist, youth);
    // Treatment is mostly referred to by the psychologists.
    give(rng, slots, Role::Treatment, targets.treatment, |slot| match slot.cell.age {
        Age::Under18 | Age::Unknown => 0.0,
        _ if slot.roles.has(Role::Psychologist) => 40.0,
        _ => 1.0,
    });
    give(rng, slots, Role::Cannabis, targets.cannabis, |slot| match slot.cell.age {
        Age::Unknown => 0.0,
        _ => oslo(slot).powi(2),
    });
    give(rng, slots, Role::Mentor, targets.mentor, youth);
    give(rng, slots, Role::PeerWork, targets.peer_work, youth);
}

/// Concern reports have two margins, belonging and gender, of the same minors.
fn concern(rng: &mut Stream, targets: &Targets, slots: &mut [Slot]) {
    let total = targets.concern.total();
    let mut chosen = Vec::new();
    for (belonging, n) in
        [(Belonging::Oslo, targets.concern_oslo), (Belonging::Other, total - targets.concern_oslo)]
    {
        let minor =
            |i: usize| f64::from(slots[i].cell.belonging == belonging && slots[i].cell.age == Age::Under18);
        chosen.extend(sample(rng, 0..slots.len(), n, minor));
    }
    shuffle(rng, &mut chosen);
    for (k, i) in chosen.into_iter().enumerate() {
        let gender = if k < targets.concern.men { Gender::Male } else { Gender::Female };
        slots[i].give(Role::Concern, gender);
    }
}

fn genders(rng: &mut Stream, slots: &mut [Slot]) {
    for slot in slots.iter_mut().filter(|slot| !slot.gender_set) {
        let men = match slot.cell.age {
            Age::Under18 => 0.6,
            Age::From18To24 => 0.7,
            Age::From25 => 0.74,
            Age::Unknown => 0.65,
        };
        slot.cell.gender = if slot.cell.age == Age::Unknown && chance(rng, 0.15) {
            Gender::Unknown
        } else if chance(rng, men) {
            Gender::Male
        } else {
            Gender::Female
        };
        slot.gender_set = true;
    }
}

/// Who is followed up: totals by belonging and under 25 at once, with those who have a role included.
fn follow_up(rng: &mut Stream, targets: &Targets, slots: &mut [Slot]) {
    let count = |b: usize, keep: &dyn Fn(&Slot) -> bool| {
        slots.iter().filter(|slot| slot.cell.belonging as usize == b && keep(slot)).count()
    };
    let (mut low, mut high) = ([0; 3], [0; 3]);
    for b in 0..3 {
        let wanted = targets.followed[b];
        let young = count(b, &|slot| slot.under_25());
        let older = count(b, &|slot| !slot.under_25());
        let must_young = count(b, &|slot| slot.under_25() && slot.followed);
        let must_older = count(b, &|slot| !slot.under_25() && slot.followed);
        low[b] = must_young.max(wanted.saturating_sub(older));
        high[b] = young.min(wanted.saturating_sub(must_older)).max(low[b]);
    }
    let weights = targets.followed.map(|n| n as f64);
    let young = apportion(targets.followed_under_25, &weights, &low, &high);
    for (b, young) in young.into_iter().enumerate() {
        for (under_25, wanted) in [(true, young), (false, targets.followed[b].saturating_sub(young))] {
            let here = |slot: &Slot| slot.cell.belonging as usize == b && slot.under_25() == under_25;
            let have = slots.iter().filter(|slot| here(slot) && slot.followed).count();
            let free = |i: usize| f64::from(here(&slots[i]) && !slots[i].followed);
            for i in sample(rng, 0..slots.len(), wanted.saturating_sub(have), free) {
                slots[i].followed = true;
            }
        }
    }
}

/// Who is met for the first time: seldom those with long follow-up, often visitors.
fn first_time(rng: &mut Stream, targets: &Targets, slots: &mut [Slot]) {
    let older = targets.first.saturating_sub(targets.first_under_18);
    for (minors, n) in [(true, targets.first_under_18), (false, older)] {
        let weight = |i: usize| {
            let slot = &slots[i];
            if (slot.cell.age == Age::Under18) != minors {
                return 0.0;
            }
            let settled =
                [Role::Reinforced, Role::Psychologist, Role::Cannabis].iter().any(|r| slot.roles.has(*r));
            let away = if slot.cell.belonging == Belonging::Oslo { 1.0 } else { 1.4 };
            away * if settled {
                0.15
            } else if slot.followed {
                0.8
            } else {
                1.0
            }
        };
        for i in sample(rng, 0..slots.len(), n, weight) {
            slots[i].first = true;
        }
    }
}

/// Reports of missing persons: some of those met, and others who never were.
fn missing(rng: &mut Stream, targets: &Targets, slots: &mut Vec<Slot>) {
    let mut rest = targets.missing;
    let mut rest_minors = targets.missing_under_18;
    // Two in five are met, minors in proportion: both margins stay open for the others.
    let total: usize = targets.missing.iter().sum();
    for (b, rest) in rest.iter_mut().enumerate() {
        let met = targets.missing[b] * 2 / 5;
        let minors = (met * targets.missing_under_18).checked_div(total).unwrap_or(0);
        for (minor, n) in [(true, minors), (false, met - minors)] {
            let weight = |i: usize| {
                let slot = &slots[i];
                f64::from(
                    slot.cell.belonging as usize == b
                        && slot.cell.age != Age::Unknown
                        && (slot.cell.age == Age::Under18) == minor,
                )
            };
            let chosen = sample(rng, 0..slots.len(), n, weight);
            *rest -= chosen.len();
            if minor {
                rest_minors = rest_minors.saturating_sub(chosen.len());
            }
            for i in chosen {
                slots[i].roles.add(Role::Missing);
            }
        }
    }
    let mut others: Vec<Slot> = BELONGINGS
        .iter()
        .zip(rest)
        .flat_map(|(&belonging, n)| std::iter::repeat_n(Slot::new(belonging, Age::Under18, false), n))
        .collect();
    shuffle(rng, &mut others);
    for (k, slot) in others.iter_mut().enumerate() {
        slot.roles.add(Role::Missing);
        if k >= rest_minors {
            slot.cell.age = if chance(rng, 0.55) { Age::From18To24 } else { Age::From25 };
        }
        slot.cell.gender = if chance(rng, 0.52) { Gender::Male } else { Gender::Female };
        slot.gender_set = true;
    }
    slots.append(&mut others);
}
