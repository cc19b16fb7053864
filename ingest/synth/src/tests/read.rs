//! Reads exports back, and derives a person's year by the rules of the warehouse.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use calamine::{Data, Reader as _};
use jiff::civil::{Date, date};
use skjerm_ingest::identity::NationalId;

/// One row of an export about a person.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) source: &'static str,
    pub(super) number: String,
    pub(super) service: String,
    pub(super) kind: String,
    pub(super) person: String,
    pub(super) birth: Option<Date>,
    pub(super) gender: &'static str,
    pub(super) belonging: String,
    pub(super) municipality: String,
    pub(super) date: Date,
    pub(super) first: bool,
    pub(super) detail: String,
}

/// A table of text, by header.
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn rows(&self) -> impl Iterator<Item = impl Fn(&str) -> String> {
        self.rows.iter().map(|row| {
            |name: &str| {
                row[self.header.iter().position(|h| h == name).unwrap_or_else(|| panic!("{name}"))].clone()
            }
        })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

pub(super) fn csv_table(text: &str, separator: u8) -> Table {
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(text.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
    Table { header, rows }
}

pub(super) fn windows_1252(path: &Path) -> Table {
    let bytes = std::fs::read(path).unwrap();
    csv_table(&encoding_rs::WINDOWS_1252.decode(&bytes).0, b';')
}

pub(super) fn utf8(path: &Path, separator: u8) -> Table {
    let text = std::fs::read_to_string(path).unwrap();
    csv_table(text.trim_start_matches('\u{feff}'), separator)
}

pub(super) fn sheet(path: &Path) -> Table {
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(path).unwrap();
    let range = book.worksheet_range("Registreringer").unwrap();
    let text = |cell: &Data| match cell {
        Data::DateTime(d) => {
            let (year, month, day, ..) = d.to_ymd_hms_milli();
            format!("{day:02}.{month:02}.{year:04}")
        }
        other => other.to_string(),
    };
    let mut rows = range.rows().skip(1);
    let header = rows.next().unwrap().iter().map(text).collect();
    Table { header, rows: rows.map(|row| row.iter().map(text).collect()).collect() }
}

/// The persons' rows of these files, of one year.
pub(super) fn records(files: &[(String, PathBuf)], year: i32) -> Vec<Record> {
    let mut records = Vec::new();
    for (source, path) in files {
        if !path.file_name().unwrap().to_str().unwrap().contains(&format!("_{year}_")) {
            continue;
        }
        match source.as_str() {
            "soma" => soma(&windows_1252(path), &mut records),
            "kontakt" => kontakt(&sheet(path), &mut records),
            "beds" => beds(&utf8(path, b';'), &mut records),
            "agency" => agency(&utf8(path, b','), &mut records),
            _ => {}
        }
    }
    assert!(records.iter().all(|r| i32::from(r.date.year()) == year));
    records
}

fn soma(table: &Table, records: &mut Vec<Record>) {
    for at in table.rows() {
        let name = format!("{} {}", at("Fornavn"), at("Etternavn"));
        let birth = norwegian(&at("Fødselsdato"));
        let detail = format!("{}{}", at("Tiltak"), at("Henvist til"));
        records.push(Record {
            source: "soma",
            number: at("Registreringsnr"),
            service: service(&at("Enhet")),
            kind: at("Registreringstype"),
            person: person("soma", &at("Fødselsnummer"), &name, birth, &at("Klientnr")),
            birth,
            gender: gender(&at("Kjønn")),
            belonging: at("Tilhørighet"),
            municipality: at("Hjemkommune"),
            date: norwegian(&at("Dato")).unwrap(),
            first: at("Førstegang") == "Ja",
            detail,
        });
        assert_eq!(at("Datasett"), "SYNTETISK");
    }
}

fn kontakt(table: &Table, records: &mut Vec<Record>) {
    for at in table.rows() {
        let full = at("Navn");
        let name = full.split_once(", ").map(|(last, first)| format!("{first} {last}")).unwrap_or_default();
        let birth = norwegian(&at("Født"));
        records.push(Record {
            source: "kontakt",
            number: at("ID"),
            service: service(&at("Tjeneste")),
            kind: at("Type"),
            person: person("kontakt", &at("Fnr"), &name, birth, &at("Person-ID")),
            birth,
            gender: gender(&at("Kjønn")),
            belonging: at("Tilhørighet"),
            municipality: at("Kommune"),
            date: norwegian(&at("Dato")).unwrap(),
            first: at("Ny") == "J",
            detail: format!("{}{}", at("Tiltakstype"), at("Henvist")),
        });
    }
}

fn beds(table: &Table, records: &mut Vec<Record>) {
    for at in table.rows() {
        let birth = norwegian(&at("Fødselsdato"));
        let name = format!("{} {}", at("Fornavn"), at("Etternavn"));
        records.push(Record {
            source: "beds",
            number: at("Oppholdsnr"),
            service: String::new(),
            kind: "Opphold".into(),
            person: person("beds", &at("Fødselsnummer"), &name, birth, ""),
            birth,
            gender: gender(&at("Kjønn")),
            belonging: at("Tilhørighet"),
            municipality: at("Hjemkommune"),
            date: norwegian(&at("Innskrevet")).unwrap(),
            first: false,
            detail: format!("{} {}", at("Enhet"), at("Døgn")),
        });
    }
}

fn agency(table: &Table, records: &mut Vec<Record>) {
    for at in table.rows() {
        let birth = at("fodselsdato").parse().ok();
        let name = format!("{} {}", at("fornavn"), at("etternavn"));
        records.push(Record {
            source: "agency",
            number: at("sak_id"),
            service: String::new(),
            kind: "Etat".into(),
            person: person("agency", &at("fnr"), &name, birth, ""),
            birth,
            gender: gender(&at("kjonn")),
            belonging: at("tilhorighet"),
            municipality: at("kommune"),
            date: at("dato").parse().unwrap(),
            first: false,
            detail: at("etat"),
        });
    }
}

/// By number, else by name and birth date, else by the source's client number.
fn person(source: &str, number: &str, name: &str, birth: Option<Date>, client: &str) -> String {
    if !number.is_empty() {
        return NationalId::parse(number).unwrap().to_text();
    }
    match birth {
        Some(birth) if !name.trim().is_empty() => format!("{} {birth}", name.to_lowercase()),
        _ => {
            assert!(!client.is_empty(), "a row of nobody");
            format!("{source} {client}")
        }
    }
}

fn norwegian(text: &str) -> Option<Date> {
    let mut parts = text.split('.').map(|part| part.parse::<i16>().ok());
    let (day, month, year) = (parts.next()??, parts.next()??, parts.next()??);
    Some(date(year, i8::try_from(month).unwrap(), i8::try_from(day).unwrap()))
}

fn gender(text: &str) -> &'static str {
    match text {
        "Mann" | "Gutt" => "male",
        "Kvinne" | "Jente" => "female",
        "Ukjent" => "unknown",
        _ => panic!("a gender that no export has"),
    }
}

/// The code of a service in any of its spellings.
pub(super) fn service(text: &str) -> String {
    static DISTRICTS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let policy = skjerm_warehouse::policy::Policy::oslo();
        let codes = &policy.code_list("district").unwrap().codes;
        codes.iter().map(|c| (c.code.clone(), plain(&c.no))).collect()
    });
    fn plain(name: &str) -> String {
        name.trim_start_matches("Bydel ").replace([' ', '.'], "").to_lowercase()
    }
    if text == "Uteseksjonen" {
        return "uteseksjonen".into();
    }
    let name = plain(text);
    let found = DISTRICTS
        .iter()
        .find(|(code, no)| *no == name || code == text || code[1..] == *text || code.get(4..) == Some(text));
    found.unwrap_or_else(|| panic!("an unknown service")).0.clone()
}

/// A person's year: what is most frequent and known; of equals, the latest.
#[derive(Debug)]
pub(super) struct PersonYear {
    pub(super) age: Option<i32>,
    pub(super) gender: String,
    pub(super) belonging: String,
    pub(super) municipality: String,
    /// Kinds (and kinds with detail) registered by Uteseksjonen.
    pub(super) ute: Vec<String>,
    pub(super) ute_first: bool,
}

impl PersonYear {
    pub(super) fn ute(&self, kind: &str) -> bool {
        self.ute.iter().any(|k| k == kind)
    }

    pub(super) fn under(&self, age: i32) -> bool {
        self.age.is_some_and(|a| a < age)
    }
}

pub(super) fn person_years(records: &[Record], year: i32) -> BTreeMap<String, PersonYear> {
    let mut rows: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in records {
        rows.entry(&record.person).or_default().push(record);
    }
    rows.into_iter()
        .map(|(person, rows)| {
            let most = |value: &dyn Fn(&Record) -> String, unknown: &str| {
                let mut counts: BTreeMap<String, (usize, Date)> = BTreeMap::new();
                for row in rows.iter().filter(|row| value(row) != unknown) {
                    let entry = counts.entry(value(row)).or_insert((0, row.date));
                    *entry = (entry.0 + 1, entry.1.max(row.date));
                }
                counts.into_iter().max_by_key(|(_, n)| *n).map_or(unknown.to_owned(), |(v, _)| v)
            };
            let age =
                most(&|r| r.birth.map(|b| (year - i32::from(b.year())).to_string()).unwrap_or_default(), "");
            let ute: Vec<_> = rows.iter().filter(|r| r.service == "uteseksjonen").collect();
            let derived = PersonYear {
                age: age.parse().ok(),
                gender: most(&|r| r.gender.to_owned(), "unknown"),
                belonging: most(&|r| r.belonging.clone(), "Ukjent eller utlandet"),
                municipality: most(&|r| number_of(&r.municipality), ""),
                ute: ute.iter().flat_map(|r| [r.kind.clone(), format!("{}: {}", r.kind, r.detail)]).collect(),
                ute_first: ute.iter().any(|r| r.kind == "Kontakt" && r.first),
            };
            (person.to_owned(), derived)
        })
        .collect()
}

/// A municipality's number, from its number or name.
fn number_of(text: &str) -> String {
    static NUMBERS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let policy = skjerm_warehouse::policy::Policy::oslo();
        let codes = &policy.code_list("municipality").unwrap().codes;
        codes.iter().map(|c| (c.no.clone(), c.code.clone())).collect()
    });
    NUMBERS.get(text).cloned().unwrap_or_else(|| text.to_owned())
}
