//! Count forms of the open drug scenes: `;`, UTF-8. One line a round, area, age group and gender, zeros too. Nobody is named.

use jiff::civil::{Date, date};

use super::{Content, Lines, MARK, words};
use crate::random::{Purpose, Stream, normal, poisson, sample, stream};
use crate::registration::{AREAS, COUNTED_AREAS, SHIFTS};

pub(crate) const HEADER: &str = "Skjemanr;Telling;Dato;Vakt;Område;Aldersgruppe;Kjønn;Antall;Datasett";

/// Age groups as the forms name them.
pub(crate) const AGES: [&str; 3] = ["under 18", "18–25", "over 25"];

/// A campaign: its code, and the mean persons a round by area. 2019 is near the published total of 133; the others are invented.
/// From summer 2024 to 2025 Storgata/Brugata falls by a third and Oslo S stays as it was.
pub(crate) struct Campaign {
    pub(crate) code: &'static str,
    pub(crate) label: &'static str,
    pub(crate) year: i32,
    pub(crate) winter: bool,
    means: [f64; COUNTED_AREAS],
    /// Mean persons aged 18–25 a round, over all areas.
    young: f64,
}

const fn campaign(
    code: &'static str,
    label: &'static str,
    year: i32,
    winter: bool,
    young: f64,
    means: [f64; COUNTED_AREAS],
) -> Campaign {
    Campaign { code, label, year, winter, means, young }
}

pub(crate) const CAMPAIGNS: [Campaign; 9] = [
    campaign("2019-summer", "sommeren 2019", 2019, false, 19.0, [27.0, 42.0, 22.0, 21.0, 9.0, 12.0]),
    campaign("2020-summer", "sommeren 2020", 2020, false, 14.0, [19.0, 36.0, 19.0, 16.0, 9.0, 8.0]),
    campaign("2021-summer", "sommeren 2021", 2021, false, 15.0, [21.0, 37.0, 20.0, 17.0, 10.0, 8.0]),
    campaign("2022-summer", "sommeren 2022", 2022, false, 16.0, [24.0, 38.0, 21.0, 19.0, 11.0, 8.0]),
    campaign("2023-summer", "sommeren 2023", 2023, false, 17.0, [25.0, 39.0, 21.0, 20.0, 12.0, 8.0]),
    campaign("2024-summer", "sommeren 2024", 2024, false, 18.0, [26.0, 40.0, 22.0, 20.0, 13.0, 8.0]),
    campaign("2024-winter", "vinteren 2024", 2024, true, 7.0, [17.0, 20.0, 8.0, 11.0, 6.0, 5.0]),
    campaign("2025-summer", "sommeren 2025", 2025, false, 17.0, [26.0, 27.0, 21.0, 21.0, 14.0, 8.0]),
    campaign("2025-winter", "vinteren 2025", 2025, true, 6.0, [16.0, 18.0, 8.0, 11.0, 6.0, 5.0]),
];

/// Rounds of a campaign by day and as many by evening.
pub(crate) fn rounds(campaign: &Campaign) -> usize {
    if campaign.winter { 6 } else { 12 }
}

/// The forms of one campaign.
pub(crate) fn file(campaign: &Campaign, seed: u64) -> Content {
    let mut rng = stream(seed, Purpose::Scene, campaign.year, usize::from(campaign.winter));
    let mut held: Vec<(Date, usize)> = Vec::new();
    for shift in 0..2 {
        let n = rounds(campaign);
        held.extend(sample(&mut rng, days(campaign), n, |_| 1.0).into_iter().map(|day| (day, shift)));
    }
    held.sort_unstable();
    let mut lines = Lines::new(HEADER, ';', "\r\n");
    let letter = if campaign.winter { 'V' } else { 'S' };
    let mut number = 0_u32;
    for (day, shift) in held {
        let round = Round::draw(&mut rng, campaign, day, shift);
        for (area, name) in AREAS.iter().enumerate().take(COUNTED_AREAS) {
            for (age, age_name) in AGES.iter().enumerate() {
                for (gender, gender_name) in ["Mann", "Kvinne"].into_iter().enumerate() {
                    number += 1;
                    let counted = poisson(&mut rng, round.mean(campaign, area, age, gender)).min(200);
                    lines.field(&format!("T{}{letter}-{number:04}", campaign.year));
                    lines.field(if number.is_multiple_of(3) { campaign.label } else { campaign.code });
                    lines.field(&words::norwegian(day));
                    lines.field(SHIFTS[shift]);
                    lines.field(name);
                    lines.field(age_name);
                    lines.field(gender_name);
                    lines.field(&counted.to_string());
                    lines.field(MARK);
                    lines.end_row();
                }
            }
        }
    }
    lines.utf8()
}

/// June to August, or January and February.
fn days(campaign: &Campaign) -> Vec<Date> {
    let year = i16::try_from(campaign.year).unwrap_or(2000);
    let (first, last) = if campaign.winter {
        (date(year, 1, 8), date(year, 2, 28))
    } else {
        (date(year, 6, 5), date(year, 8, 27))
    };
    first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last).collect()
}

/// What a round has of its own beside the campaign's means: the weather, and whether it is a weekend.
struct Round {
    luck: f64,
    young: f64,
    evening: bool,
}

impl Round {
    fn draw(rng: &mut Stream, campaign: &Campaign, day: Date, shift: usize) -> Self {
        // More spread than Poisson alone, as counts outdoors have.
        let spread = if campaign.winter { 0.14 } else { 0.1 };
        let luck = (spread * normal(rng) - spread * spread / 2.0).exp();
        let weekend = day.weekday().to_monday_zero_offset() >= 4;
        // Three days in seven: the mean over a week stays one.
        let young = if weekend { 1.28 } else { 0.79 };
        Self { luck, young, evening: shift == 1 }
    }

    fn mean(&self, campaign: &Campaign, area: usize, age: usize, gender: usize) -> f64 {
        let total: f64 = campaign.means.iter().sum();
        let share = campaign.young / total;
        let minors = 0.008;
        let of_age = match age {
            0 => minors * self.young,
            1 => share * self.young,
            _ => 1.0 - minors - share,
        };
        let of_gender = match (age, gender) {
            (2, 0) => 0.77,
            (2, _) => 0.23,
            (_, 0) => 0.74,
            _ => 0.26,
        };
        // Busier by day along the river and at Urtegata, by evening at Oslo S.
        let evening = [1.15, 0.98, 0.85, 1.05, 0.8, 1.0][area];
        let of_shift = if self.evening { evening } else { 2.0 - evening };
        campaign.means[area] * of_age * of_gender * of_shift * self.luck
    }
}
