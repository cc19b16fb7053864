//! How often, and where: splits the year's contacts over persons and services, and fills bed units and agency lists.

use super::rest::Part;
use super::targets::trend;
use super::uteseksjonen::UteYear;
use super::{ROLES, Role, Roles, Step, Visit, YearPlan};
use crate::city::{DISTRICTS, UTE};
use crate::people::{Age, Belonging, Level};
use crate::random::{Stream, chance, geometric, normal, poisson, sample, weighted, whole};

/// Contacts a year for each person of the city.
const CONTACTS_PER_PERSON: f64 = 10.0;
/// The most contacts of one person in one year.
const MOST_CONTACTS: f64 = 400.0;
/// How many districts meet a person, from 1 to 8.
const DISTRICTS_MET: [f64; 8] = [0.62, 0.22, 0.09, 0.035, 0.016, 0.009, 0.006, 0.004];

/// A person's year before contacts are counted.
struct Draft {
    person: u32,
    ute: Option<UteYear>,
    districts: Vec<usize>,
    weight: f64,
}

impl Step<'_> {
    pub(super) fn visits(&mut self, ute: &[UteYear], rest: &[(u32, Part)]) -> YearPlan {
        let mut drafts = Vec::new();
        for year in ute {
            let n = self.districts_beside_ute(year);
            drafts.push(self.draft(year.person, Some(*year), n));
        }
        for (person, _) in rest.iter().filter(|(_, part)| *part == Part::Outreach) {
            let n = 1 + weighted(&mut self.rng, &DISTRICTS_MET);
            drafts.push(self.draft(*person, None, n));
        }
        let mut plan = self.empty_plan();
        let target = f64::from(self.persons) * CONTACTS_PER_PERSON * trend(self.year);
        let unit = target / drafts.iter().map(|d| d.weight).sum::<f64>().max(1.0);
        for draft in &drafts {
            self.place(&mut plan, draft, unit);
        }
        self.beds(&mut plan, rest);
        self.agencies(&mut plan, rest);
        plan
    }

    fn districts_beside_ute(&mut self, ute: &UteYear) -> usize {
        let none = match self.people.get(ute.person).belonging {
            Belonging::Oslo => 0.45,
            Belonging::Other | Belonging::Unknown => 0.88,
        };
        if chance(&mut self.rng, none) { 0 } else { 1 + weighted(&mut self.rng, &DISTRICTS_MET) }
    }

    fn draft(&mut self, person: u32, ute: Option<UteYear>, districts: usize) -> Draft {
        let districts = self.districts_of(person, districts);
        let one = self.people.get(person);
        let heavy = ute.is_some_and(|u| u.roles.has(Role::Reinforced) || u.roles.has(Role::Employment));
        let met = ute.is_none_or(|u| u.met) || !districts.is_empty();
        let lognormal = (0.9 * one.frailty + 0.9 * normal(&mut self.rng)).exp();
        let weight = if met { lognormal * if heavy { 2.0 } else { 1.0 } } else { 0.0 };
        Draft { person, ute, districts, weight }
    }

    /// Mostly the home district and those met in before; sometimes any.
    fn districts_of(&mut self, person: u32, n: usize) -> Vec<usize> {
        let weights = self.city.district_weights(self.year);
        let one = self.people.get(person);
        let total: f64 = weights.iter().sum();
        let draw = |d: usize| {
            let home = one.district.is_some_and(|home| usize::from(home) == d);
            let known = one.first_year_at(d).is_some();
            weights[d] / total + if home { 3.0 } else { 0.0 } + if known { 0.8 } else { 0.0 }
        };
        sample(&mut self.rng, 0..DISTRICTS, n, draw)
    }

    /// Gives a person their visits: at least one contact at each service that met them.
    fn place(&mut self, plan: &mut YearPlan, draft: &Draft, unit: f64) {
        let met_by_ute = draft.ute.is_some_and(|u| u.met);
        let mut at: Vec<usize> = draft.districts.clone();
        if met_by_ute {
            at.insert(usize::from(!at.is_empty() && chance(&mut self.rng, 0.4)), UTE);
        }
        let n = (draft.weight * unit).min(MOST_CONTACTS);
        // Rounded at random, so that the year's total is as planned although everybody has at least one.
        let n = (whole(n.floor()) + u32::from(chance(&mut self.rng, n.fract()))) as usize;
        let mut counts = vec![1_u32; at.len()];
        let shares: Vec<f64> = (0_u8..).take(at.len()).map(|i| 0.45_f64.powi(i32::from(i))).collect();
        for _ in at.len()..n.max(at.len()) {
            counts[weighted(&mut self.rng, &shares)] += 1;
        }
        for (service, contacts) in at.into_iter().zip(counts) {
            let visit = match draft.ute.filter(|_| service == UTE) {
                Some(ute) => Visit {
                    person: draft.person,
                    contacts,
                    first: ute.first,
                    follow_ups: if ute.followed { follow_ups(&mut self.rng, contacts) } else { 0 },
                    roles: ute.roles,
                },
                None => self.district_visit(draft.person, service, contacts),
            };
            plan.services[service].push(visit);
        }
        if let Some(ute) = draft.ute.filter(|u| !u.met) {
            let visit =
                Visit { person: draft.person, contacts: 0, first: false, follow_ups: 0, roles: ute.roles };
            plan.services[UTE].push(visit);
        }
    }

    fn district_visit(&mut self, person: u32, service: usize, contacts: u32) -> Visit {
        let one = self.people.get_mut(person);
        if self.opening && one.first_year_at(service).is_none() && chance(&mut self.rng, 0.55) {
            one.meet(service, self.year - 1);
        }
        let first = one.meet(service, self.year);
        let cell = one.cell(self.year);
        let mut roles = Roles::default();
        for role in ROLES {
            let minor = cell.age == Age::Under18;
            let young = minor || cell.age == Age::From18To24;
            let p = match role {
                Role::Missing if minor => 0.05,
                Role::Missing => 0.004,
                Role::Concern if minor => 0.03,
                Role::JourneyHome if cell.belonging == Belonging::Other && !minor => 0.04,
                Role::Psychologist | Role::Reinforced if young => 0.02,
                Role::Cannabis => 0.015,
                Role::Employment if young => 0.035,
                Role::Mentor if young => 0.03,
                Role::PeerWork if young => 0.025,
                Role::Treatment if !minor => 0.008,
                _ => 0.0,
            };
            if chance(&mut self.rng, p) {
                roles.add(role);
            }
        }
        let followed = !roles.is_empty() || chance(&mut self.rng, 0.38);
        let follow_ups = if followed { follow_ups(&mut self.rng, contacts) } else { 0 };
        Visit { person, contacts, first, follow_ups, roles }
    }

    /// 407 admissions of 116 persons aged 18–25 as in 2012, and some of older ones.
    fn beds(&mut self, plan: &mut YearPlan, rest: &[(u32, Part)]) {
        let size = self.scale() * trend(self.year);
        let only: Vec<u32> = rest.iter().filter(|(_, p)| *p == Part::BedOnly).map(|(id, _)| *id).collect();
        let from_ute: Vec<u32> =
            plan.services[UTE].iter().filter(|v| v.contacts > 0).map(|v| v.person).collect();
        let others: Vec<u32> = rest.iter().filter(|(_, p)| *p == Part::Outreach).map(|(id, _)| *id).collect();
        for (ages, persons, admissions) in [(18..=25, 116.0, 407.0), (26..=70, 48.0, 130.0)] {
            let (persons, admissions) = (whole(persons * size) as usize, whole(admissions * size) as usize);
            let (people, year) = (&*self.people, self.year);
            let fits = |id: &u32| {
                let one = people.get(*id);
                one.level(year) != Level::Nickname && ages.contains(&one.years_old(year))
            };
            let mut guests: Vec<u32> = only.iter().copied().filter(fits).collect();
            let pool = from_ute.iter().map(|id| (*id, 5.0)).chain(others.iter().map(|id| (*id, 1.0)));
            let pool: Vec<(u32, f64)> = pool.filter(|(id, _)| fits(id)).collect();
            let more = persons.saturating_sub(guests.len());
            let by_frailty = |(id, w): (u32, f64)| w * (0.7 * people.get(id).frailty).exp();
            guests.extend(sample(&mut self.rng, pool, more, by_frailty).into_iter().map(|(id, _)| id));
            let mut counts = vec![1_u32; guests.len()];
            let shares: Vec<f64> = guests.iter().map(|id| (0.8 * people.get(*id).frailty).exp()).collect();
            for _ in guests.len()..admissions {
                let i = weighted(&mut self.rng, &shares);
                // Nobody is admitted more often than every fortnight or so.
                if counts.get(i).is_some_and(|n| *n < 24) {
                    counts[i] += 1;
                }
            }
            plan.beds.extend(guests.into_iter().zip(counts));
        }
    }

    /// The lists overlap with each other and with those met outside, more so for those met often.
    fn agencies(&mut self, plan: &mut YearPlan, rest: &[(u32, Part)]) {
        let mut outside: Vec<u32> = plan.services.iter().flatten().map(|v| v.person).collect();
        outside.sort_unstable();
        outside.dedup();
        let only = rest.iter().filter(|(_, part)| *part == Part::AgencyOnly).map(|(id, _)| *id);
        let listed: Vec<(u32, bool)> =
            outside.into_iter().map(|id| (id, false)).chain(only.map(|id| (id, true))).collect();
        for (person, only) in listed {
            let one = self.people.get(person);
            if one.level(self.year) == Level::Nickname {
                continue;
            }
            let age = one.years_old(self.year);
            let often = (0.6 * one.frailty).exp();
            let mut p = match age {
                ..18 => [0.1, 0.12, 0.13, 0.0],
                18..20 => [0.13, 0.08, 0.06, 0.12],
                20..25 => [0.13, 0.01, 0.02, 0.2],
                _ => [0.1, 0.0, 0.0, 0.25],
            };
            if one.belonging != Belonging::Oslo {
                p = p.map(|x| x * 0.35);
            }
            let forced = only.then(|| weighted(&mut self.rng, &p));
            for (agency, p) in p.into_iter().enumerate() {
                if forced == Some(agency) || (p > 0.0 && chance(&mut self.rng, (p * often).min(0.8))) {
                    let entries = geometric(&mut self.rng, 2.2, 40);
                    plan.agencies[agency].push((person, entries));
                }
            }
        }
    }
}

fn follow_ups(rng: &mut Stream, contacts: u32) -> u32 {
    1 + poisson(rng, 0.22 * f64::from(contacts.min(250)) + 0.4).min(89)
}
