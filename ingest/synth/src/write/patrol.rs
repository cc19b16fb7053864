//! Uteseksjonen's patrols: `;`, Windows-1252. They name nobody, and do not depend on how many persons the city has.

use super::{Content, Lines, MARK, words};
use crate::plan::PUBLISHED_YEAR;
use crate::random::{Purpose, chance, normal, stream, weighted, whole};
use crate::registration::{AREAS, COUNTED_AREAS, SHIFTS};
use crate::service_rows::day_of;

pub(crate) const HEADER: &str =
    "Patruljenr;Dato;Tjeneste;Område;Vakt;Antall ansatte;Felles med bydel;Datasett";

/// Patrols in the published year.
pub(crate) const PUBLISHED: u32 = 1951;

/// Patrols wanted by weekday (Monday first) and shift, after the service's own plan of the week.
const WEEK: [[f64; 3]; 7] = [
    [2.5, 4.0, 0.0],
    [2.5, 4.0, 0.0],
    [2.5, 4.0, 0.0],
    [2.5, 4.0, 0.0],
    [2.5, 1.6, 1.0],
    [1.0, 1.2, 1.0],
    [0.3, 1.0, 0.0],
];

/// How many patrols a year has.
pub(crate) fn patrols(year: i32, seed: u64) -> u32 {
    if year == PUBLISHED_YEAR {
        return PUBLISHED;
    }
    let base = match year {
        2020 => 1720.0,
        2021 => 1790.0,
        _ => 1900.0,
    };
    let luck = normal(&mut stream(seed, Purpose::Patrol, year, 1)).clamp(-2.0, 2.0);
    whole(base + 25.0 * luck)
}

/// The export of one year.
pub(crate) fn file(year: i32, seed: u64) -> Content {
    let mut rng = stream(seed, Purpose::Patrol, year, 0);
    let days = (0..366_u16).filter(|d| i32::from(day_of(year, *d).year()) == year);
    let wanted: Vec<(u16, usize, f64)> = days
        .flat_map(|day| {
            let weekday = usize::from(day_of(year, day).weekday().to_monday_zero_offset().unsigned_abs());
            (0..3).map(move |shift| (day, shift, WEEK[weekday][shift]))
        })
        .collect();
    let total = patrols(year, seed);
    let unit = f64::from(total) / wanted.iter().map(|w| w.2).sum::<f64>();
    let mut lines = Lines::new(HEADER, ';', "\r\n");
    let (mut due, mut held) = (0.0, 0_u32);
    for (i, (day, shift, weight)) in wanted.iter().enumerate() {
        // The running sum decides, so that the year's total is exact and every week near its plan.
        due += weight * unit;
        let upto = if i + 1 == wanted.len() { total } else { whole(due).min(total) };
        while held < upto {
            held += 1;
            let area = weighted(&mut rng, &[0.3, 0.22, 0.16, 0.2, 0.07, 0.05]).min(COUNTED_AREAS - 1);
            lines.field(&format!("P{year}-{held:04}"));
            lines.field(&words::norwegian(day_of(year, *day)));
            lines.field("Uteseksjonen");
            lines.field(AREAS[area]);
            lines.field(SHIFTS[*shift]);
            lines.field(if chance(&mut rng, 0.06) { "3" } else { "2" });
            lines.field(if chance(&mut rng, 0.08) { "Ja" } else { "Nei" });
            lines.field(MARK);
            lines.end_row();
        }
    }
    lines.windows_1252()
}
