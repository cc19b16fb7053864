//! Lists of other agencies' contacts: `,`, UTF-8, ISO dates, lower-case headers.

use super::{Content, Lines, MARK, words};
use crate::plan::{Plan, YearPlan};
use crate::random::{Purpose, stream};
use crate::service_rows::{Days, day_of};

pub(crate) const HEADER: &str =
    "sak_id,fnr,fornavn,etternavn,fodselsdato,kjonn,tilhorighet,kommune,bydel,dato,etat,datasett";

/// The word in the list, and the word in the file's name.
pub(crate) const AGENCIES: [(&str, &str); 4] =
    [("politi", "politi"), ("skole", "skole"), ("barnevern", "barnevern"), ("nav", "nav")];

/// The list of one agency and year.
pub(crate) fn file(plan: &Plan, year: &YearPlan, agency: usize, seed: u64) -> Content {
    let mut rng = stream(seed, Purpose::Agency, year.year, agency);
    let days = Days::office(year.year);
    let mut entries = Vec::new();
    for (person, n) in &year.agencies[agency] {
        for _ in 0..*n {
            entries.push((days.draw(&mut rng), *person));
        }
    }
    entries.sort_by_key(|entry| entry.0);
    let mut lines = Lines::new(HEADER, ',', "\n");
    for (i, (day, id)) in entries.into_iter().enumerate() {
        let person = plan.people.get(id);
        lines.field(&format!("{}-{}-{:05}", AGENCIES[agency].0, year.year, i + 1));
        lines.field(&words::national(&mut rng, person, year.year));
        lines.field(person.first_name());
        lines.field(person.last_name());
        lines.field(&person.birth.to_string());
        lines.field(words::gender(person, year.year));
        lines.field(words::belonging(person));
        lines.field(&words::municipality(&mut rng, &plan.city, person));
        lines.field(&words::district(&mut rng, &plan.city, person));
        lines.field(&day_of(year.year, day).to_string());
        lines.field(AGENCIES[agency].0);
        lines.field(MARK);
        lines.end_row();
    }
    lines.utf8()
}
