//! The Kontakt-like export: a workbook with a title row, typed dates, and numbers where a spreadsheet makes them.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::{Content, words};
use crate::people::{Level, Person, kontakt_client};
use crate::plan::{Plan, YearPlan};
use crate::random::{Purpose, Stream, chance, stream};
use crate::registration::{AREAS, Kind, MEASURES, REFERRALS, Row, SHIFTS};
use crate::service_rows::{day_of, rows};

pub(crate) const SHEET: &str = "Registreringer";
pub(crate) const TITLE: &str = "SYNTETISKE DATA – Kontakt-eksport";
pub(crate) const HEADER: [&str; 20] = [
    "ID",
    "Person-ID",
    "Fnr",
    "Navn",
    "Født",
    "Kjønn",
    "Tilhørighet",
    "Kommune",
    "Bosted bydel",
    "Dato",
    "Tjeneste",
    "Type",
    "Ny",
    "Område",
    "Tid på døgnet",
    "Minutter",
    "Tiltakstype",
    "Henvist",
    "Ansatt",
    "Notat",
];

/// The export of one service and year.
pub(crate) fn file(plan: &Plan, year: &YearPlan, service: usize, seed: u64) -> Result<Content, XlsxError> {
    let mut rng = stream(seed, Purpose::Write, year.year, service);
    let mut book = Workbook::new();
    // A fixed time: the same city gives the same bytes.
    let made = ExcelDateTime::from_ymd(2026, 1, 1)?;
    book.set_properties(
        &DocProperties::new().set_title(TITLE).set_author("SYNTETISK").set_creation_datetime(&made),
    );
    let sheet = book.add_worksheet();
    sheet.set_name(SHEET)?;
    let bold = Format::new().set_bold().set_align(FormatAlign::Left);
    sheet.merge_range(0, 0, 0, 19, TITLE, &bold)?;
    for (column, header) in (0_u16..).zip(HEADER) {
        sheet.write_string_with_format(1, column, header, &bold)?;
    }
    let mut writer = Writer {
        sheet,
        rng: &mut rng,
        plan,
        year: year.year,
        service,
        date: Format::new().set_num_format("dd.mm.yyyy"),
    };
    let rows = rows(plan, year, service, seed);
    for (line, row) in (2_u32..).zip(&rows) {
        writer.row(line, row)?;
    }
    Ok(Content { bytes: book.save_to_buffer()?, rows: rows.len() as u64 })
}

struct Writer<'a> {
    sheet: &'a mut Worksheet,
    rng: &'a mut Stream,
    plan: &'a Plan,
    year: i32,
    service: usize,
    date: Format,
}

impl Writer<'_> {
    fn row(&mut self, line: u32, row: &Row) -> Result<(), XlsxError> {
        let (plan, year) = (self.plan, self.year);
        let person = plan.people.get(row.person);
        self.sheet.write_number(line, 0, f64::from(year) * 1e6 + f64::from(line - 1))?;
        self.text(line, 1, &kontakt_client(row.person))?;
        if person.level(year) != Level::Nickname {
            self.identity(line, person)?;
        }
        self.text(line, 5, words::gender(person, year))?;
        self.text(line, 6, words::belonging(person))?;
        let municipality = words::municipality(self.rng, &plan.city, person);
        self.text(line, 7, &municipality)?;
        let district = words::district(self.rng, &plan.city, person);
        self.text(line, 8, &district)?;
        self.day(line, 9, day_of(year, row.day))?;
        let service = plan.city.spell_district(self.rng, self.service);
        self.text(line, 10, &service)?;
        self.text(line, 11, row.kind.word())?;
        if row.kind == Kind::Contact {
            self.text(line, 12, if row.first { "J" } else { "N" })?;
        }
        self.text(line, 13, AREAS[usize::from(row.area)])?;
        self.text(line, 14, SHIFTS[usize::from(row.shift)])?;
        if let Some(half_minutes) = row.half_minutes {
            self.sheet.write_number(line, 15, f64::from(half_minutes) / 2.0)?;
        }
        match row.kind {
            Kind::Measure => self.text(line, 16, MEASURES[usize::from(row.detail)])?,
            Kind::Referral => self.text(line, 17, REFERRALS[usize::from(row.detail)])?,
            _ => {}
        }
        self.text(line, 18, &words::staff(self.service, row.staff))?;
        self.text(line, 19, &words::note(row.note))
    }

    /// Number, name and birth date. A number in a number cell has lost its leading zero.
    fn identity(&mut self, line: u32, person: &Person) -> Result<(), XlsxError> {
        let mut last = person.last_name().to_owned();
        if let Some(number) = person.national(self.year) {
            match number.parse::<f64>() {
                Ok(value) if chance(self.rng, 0.4) => {
                    self.sheet.write_number(line, 2, value)?;
                }
                _ => self.text(line, 2, number)?,
            }
            if chance(self.rng, 0.05) {
                last = last.to_uppercase();
            }
        }
        self.text(line, 3, &format!("{last}, {}", person.first_name()))?;
        self.day(line, 4, person.birth)
    }

    fn text(&mut self, line: u32, column: u16, value: &str) -> Result<(), XlsxError> {
        if !value.is_empty() {
            self.sheet.write_string(line, column, value)?;
        }
        Ok(())
    }

    fn day(&mut self, line: u32, column: u16, day: jiff::civil::Date) -> Result<(), XlsxError> {
        let (year, month, date) =
            (day.year().unsigned_abs(), day.month().unsigned_abs(), day.day().unsigned_abs());
        let value = ExcelDateTime::from_ymd(year, month, date)?;
        self.sheet.write_datetime_with_format(line, column, &value, &self.date)?;
        Ok(())
    }
}
