//! Intake to beds: `;`, UTF-8 with a byte-order mark.

use super::{Content, Lines, MARK, words};
use crate::plan::{Plan, YearPlan};
use crate::random::{Purpose, stream, weighted, whole};
use crate::service_rows::{Days, day_of};

pub(crate) const HEADER: &str = "Oppholdsnr;Fødselsnummer;Fornavn;Etternavn;Fødselsdato;Kjønn;Tilhørighet;Hjemkommune;\
Bydel;Enhet;Innskrevet;Døgn;Datasett";

/// Units and their admissions of persons aged 18–25 in 2012 (the mapping of unge voksne i åpne rusmiljø, 2013).
pub(crate) const UNITS: [(&str, f64); 11] = [
    ("Thereses akuttavdeling", 29.0),
    ("Prindsen beredskapsavdeling og akuttilbud", 195.0),
    ("Ila akuttavdeling og korttidsavdeling", 35.0),
    ("Dalsbergstien beredskapsavdeling og døgnavdeling", 14.0),
    ("Marcus Thranes akuttavdeling og døgnavdeling", 14.0),
    ("Fagerborg akuttavdeling", 22.0),
    ("Fagerborgveien 7 og 16", 10.0),
    ("Exit akuttavdeling og døgnavdeling", 78.0),
    ("Bjørnerud døgnavdeling", 2.0),
    ("Bryn døgnavdeling", 5.0),
    ("Stensløkka døgnavdeling", 3.0),
];
/// Nights an admission in 2012.
const MEAN_NIGHTS: f64 = 8620.0 / 407.0;
/// Spread of the logarithm of the nights.
const SPREAD: f64 = 1.0;
const MOST_NIGHTS: u32 = 366;

/// The export of one year.
pub(crate) fn file(plan: &Plan, year: &YearPlan, seed: u64) -> Content {
    let mut rng = stream(seed, Purpose::Beds, year.year, 0);
    let days = Days::centre(year.year);
    let weights = UNITS.map(|(_, n)| n);
    let median = MEAN_NIGHTS * (-SPREAD * SPREAD / 2.0).exp();
    let mut stays = Vec::new();
    for (person, admissions) in &year.beds {
        for _ in 0..*admissions {
            let nights =
                whole(median * (SPREAD * crate::random::normal(&mut rng)).exp()).clamp(1, MOST_NIGHTS);
            stays.push((days.draw(&mut rng), *person, weighted(&mut rng, &weights), nights));
        }
    }
    stays.sort_by_key(|stay| stay.0);
    let mut lines = Lines::new(HEADER, ';', "\r\n");
    for (i, (day, id, unit, nights)) in stays.into_iter().enumerate() {
        let person = plan.people.get(id);
        lines.field(&format!("O{}-{:05}", year.year, i + 1));
        lines.field(&words::national(&mut rng, person, year.year));
        lines.field(person.first_name());
        lines.field(person.last_name());
        lines.field(&words::norwegian(person.birth));
        lines.field(words::gender(person, year.year));
        lines.field(words::belonging(person));
        lines.field(&words::municipality(&mut rng, &plan.city, person));
        lines.field(&words::district(&mut rng, &plan.city, person));
        lines.field(UNITS[unit].0);
        lines.field(&words::norwegian(day_of(year.year, day)));
        lines.field(&nights.to_string());
        lines.field(MARK);
        lines.end_row();
    }
    lines.utf8_with_mark()
}
