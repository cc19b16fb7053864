//! The list of everything in the exports that must never be found in an installation.

use std::collections::BTreeSet;

use crate::city::in_soma;
use crate::names;
use crate::people::{Level, kontakt_client, soma_client};
use crate::plan::Plan;
use crate::write::{Content, Lines, MARK};

/// Outside the pattern of names that are read as exports.
pub(crate) const FILE: &str = "SYNTETISK_identifikatorer.csv";
pub(crate) const HEADER: &str = "type,verdi,datasett";

/// Every distinct first name, last name, full name, nickname, identity number (also as written without its leading zero) and
/// client number. Names in notes and of staff come from the same lists, so those are listed whole.
pub(crate) fn file(plan: &Plan) -> Content {
    let mut names_used: BTreeSet<String> = BTreeSet::new();
    let mut numbers: BTreeSet<String> = BTreeSet::new();
    let mut clients: BTreeSet<String> = BTreeSet::new();
    for year in &plan.years {
        let visits = year
            .services
            .iter()
            .enumerate()
            .flat_map(|(s, visits)| visits.iter().map(move |v| (v.person, Some(s))));
        let lists = year.agencies.iter().flatten().chain(&year.beds).map(|(person, _)| (*person, None));
        for (id, service) in visits.chain(lists) {
            let person = plan.people.get(id);
            if person.level(year.year) != Level::Nickname {
                names_used.insert(format!("{} {}", person.first_name(), person.last_name()));
            }
            if let Some(number) = person.national(year.year) {
                numbers.insert(number.to_owned());
                numbers.extend(number.strip_prefix('0').map(str::to_owned));
            }
            if let Some(service) = service {
                clients.insert(if in_soma(service) { soma_client(id) } else { kontakt_client(id) });
            }
        }
    }
    let mut lines = Lines::new(HEADER, ',', "\n");
    let mut list = |kind: &str, value: &str| {
        lines.field(kind);
        lines.field(value);
        lines.field(MARK);
        lines.end_row();
    };
    for name in names::WOMEN.iter().chain(&names::MEN) {
        list("fornavn", name);
    }
    for name in names::LAST {
        list("etternavn", name);
    }
    for name in names::NICKNAMES {
        list("kallenavn", name);
    }
    for (kind, values) in [("navn", names_used), ("fødselsnummer", numbers), ("klientnummer", clients)] {
        for value in values {
            list(kind, &value);
        }
    }
    lines.utf8()
}
