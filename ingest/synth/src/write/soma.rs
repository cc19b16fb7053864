//! The SOMA-like export: `;`, Windows-1252, CRLF, Norwegian headers and dates.

use super::{Content, Lines, MARK, words};
use crate::city::UTE;
use crate::people::{Level, soma_client};
use crate::plan::{Plan, YearPlan};
use crate::random::{Purpose, Stream, stream};
use crate::registration::{AREAS, Kind, MEASURES, REFERRALS, Row, SHIFTS};
use crate::service_rows::{day_of, rows};

pub(crate) const HEADER: &str = "Registreringsnr;Klientnr;Fødselsnummer;Fornavn;Etternavn;Kallenavn;Fødselsdato;Kjønn;\
Tilhørighet;Hjemkommune;Bydel;Dato;Enhet;Registreringstype;Førstegang;Sted;Vakt;Varighet (min);Tiltak;Henvist til;\
Saksbehandler;Merknad;Datasett";

/// The export of one service and year.
pub(crate) fn file(plan: &Plan, year: &YearPlan, service: usize, seed: u64) -> Content {
    let mut rng = stream(seed, Purpose::Write, year.year, service);
    let mut lines = Lines::new(HEADER, ';', "\r\n");
    for (i, row) in rows(plan, year, service, seed).iter().enumerate() {
        line(&mut lines, &mut rng, plan, year.year, service, i + 1, row);
    }
    lines.windows_1252()
}

fn line(
    lines: &mut Lines,
    rng: &mut Stream,
    plan: &Plan,
    year: i32,
    service: usize,
    number: usize,
    row: &Row,
) {
    let person = plan.people.get(row.person);
    let named = person.level(year) != Level::Nickname;
    lines.field(&format!("{year}-{number:06}"));
    lines.field(&soma_client(row.person));
    lines.field(&words::national(rng, person, year));
    lines.field(if named { person.first_name() } else { "" });
    lines.field(if named { person.last_name() } else { "" });
    lines.field(person.nick().unwrap_or_default());
    lines.field(&if named { words::norwegian(person.birth) } else { String::new() });
    lines.field(words::gender(person, year));
    lines.field(words::belonging(person));
    lines.field(&words::municipality(rng, &plan.city, person));
    lines.field(&words::district(rng, &plan.city, person));
    lines.field(&words::norwegian(day_of(year, row.day)));
    if service == UTE {
        lines.field("Uteseksjonen");
    } else {
        lines.field(&plan.city.spell_district(rng, service));
    }
    lines.field(row.kind.word());
    let first = match (row.kind, row.first) {
        (Kind::Contact, true) => "Ja",
        (Kind::Contact, false) => "Nei",
        _ => "",
    };
    lines.field(first);
    lines.field(AREAS[usize::from(row.area)]);
    lines.field(SHIFTS[usize::from(row.shift)]);
    lines.field(&row.half_minutes.map(decimal_comma).unwrap_or_default());
    lines.field(if row.kind == Kind::Measure { MEASURES[usize::from(row.detail)] } else { "" });
    lines.field(if row.kind == Kind::Referral { REFERRALS[usize::from(row.detail)] } else { "" });
    lines.field(&words::staff(service, row.staff));
    lines.field(&words::note(row.note));
    lines.field(MARK);
    lines.end_row();
}

fn decimal_comma(half_minutes: u16) -> String {
    let minutes = half_minutes / 2;
    if half_minutes % 2 == 1 { format!("{minutes},5") } else { minutes.to_string() }
}
