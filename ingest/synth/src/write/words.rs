//! How exports spell what is known of a person.

use jiff::civil::Date;

use crate::city::City;
use crate::names;
use crate::people::{Belonging, Gender, Level, Person};
use crate::random::{Stream, chance};
use crate::registration::Note;

/// `dd.mm.yyyy`.
pub(super) fn norwegian(day: Date) -> String {
    format!("{:02}.{:02}.{:04}", day.day(), day.month(), day.year())
}

pub(super) fn gender(person: &Person, year: i32) -> &'static str {
    let minor = person.level(year) != Level::Nickname && person.years_old(year) < 18;
    match (person.gender, minor) {
        (Gender::Male, true) => "Gutt",
        (Gender::Male, false) => "Mann",
        (Gender::Female, true) => "Jente",
        (Gender::Female, false) => "Kvinne",
        (Gender::Unknown, _) => "Ukjent",
    }
}

pub(super) fn belonging(person: &Person) -> &'static str {
    match person.belonging {
        Belonging::Oslo => "Oslo",
        Belonging::Other => "Annen kommune",
        Belonging::Unknown => "Ukjent eller utlandet",
    }
}

/// The home municipality by name or number; empty when unknown.
pub(super) fn municipality(rng: &mut Stream, city: &City, person: &Person) -> String {
    let by_number = chance(rng, 0.15);
    match (person.belonging, person.municipality) {
        (Belonging::Oslo, _) if by_number => "0301".to_owned(),
        (Belonging::Oslo, _) => "Oslo".to_owned(),
        (Belonging::Other, Some(index)) => {
            let home = &city.municipalities[usize::from(index)];
            match &home.name {
                Some(name) if !by_number => name.clone(),
                _ => home.number.clone(),
            }
        }
        _ => String::new(),
    }
}

/// The home district in one of its spellings; empty when unknown, and now and then left out.
pub(super) fn district(rng: &mut Stream, city: &City, person: &Person) -> String {
    match person.district {
        Some(district) if !chance(rng, 0.04) => city.spell_district(rng, usize::from(district)),
        _ => String::new(),
    }
}

/// The identity number, sometimes without its leading zero; empty when it is not known.
pub(super) fn national(rng: &mut Stream, person: &Person, year: i32) -> String {
    let number = person.national(year).unwrap_or_default();
    match number.strip_prefix('0') {
        Some(rest) if chance(rng, 0.25) => rest.to_owned(),
        _ => number.to_owned(),
    }
}

pub(super) fn note(written: Option<Note>) -> String {
    let Some(note) = written else { return String::new() };
    let list: &[&str] = if note.woman { &names::WOMEN } else { &names::MEN };
    let first = list[usize::from(note.first) % list.len()];
    let family = names::LAST[usize::from(note.last) % names::LAST.len()];
    names::NOTES[usize::from(note.phrase) % names::NOTES.len()].replace("{1}", first).replace("{2}", family)
}

/// The name of one of a service's staff.
pub(super) fn staff(service: usize, staff: u8) -> String {
    let n = service * 31 + usize::from(staff);
    let list: &[&str] = if n.is_multiple_of(2) { &names::WOMEN } else { &names::MEN };
    format!("{} {}", list[n * 7 % list.len()], names::LAST[n * 13 % names::LAST.len()])
}
