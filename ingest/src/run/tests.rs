//! Whole files through the reading half, and the ways input is bad.

mod bad_input;
mod corpus;
mod forms;
mod killed;
mod large;
mod learnt;
mod mutated;
mod scene;
mod sides;
mod sources;
mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use jiff::civil::{Date, date};
use rust_xlsxwriter::{Format, Workbook};
use skjerm_warehouse::Installation;
use skjerm_warehouse::policy::Policy;

use super::*;
use crate::error::FileProblem;
use crate::file::Taker;
use crate::key::Pseudonym;
use crate::progress::Silent;

pub(super) const TODAY: Date = date(2026, 2, 1);

/// A number of the synthetic series, and what it looks like after a spreadsheet.
pub(super) const NUMBER: &str = "01810750126";
pub(super) const LOST_ZERO: &str = "1810750126";

pub(super) const SOMA: &str = "Registreringsnr;Klientnr;Fødselsnummer;Fornavn;Etternavn;Kallenavn;Fødselsdato;Kjønn;Tilhørighet;Hjemkommune;Bydel;Dato;Enhet;Registreringstype;Førstegang;Sted;Vakt;Varighet (min);Tiltak;Henvist til;Saksbehandler;Merknad;Datasett";

/// A file that was read, with its rows.
pub(super) struct ReadFile {
    pub(super) read: u64,
    pub(super) quarantined: Vec<QuarantineLine>,
    pub(super) entry: FileEntry,
    pub(super) rows: Memory,
}

impl ReadFile {
    pub(super) fn of(file: &FileRead, rows: Memory) -> Self {
        let read = file.account.read;
        Self { read, quarantined: file.quarantined().collect(), entry: file.entry(), rows }
    }

    /// Rows that go to the warehouse.
    pub(super) fn usable(&self) -> u64 {
        let rows: usize = self.rows.tables.values().map(RecordBatch::num_rows).sum();
        (rows + self.rows.withdrawn.len()) as u64
    }

    pub(super) fn report(&self, load: DeliveryLoad) -> crate::DeliveryReport {
        self.entry.report(&load, true)
    }
}

/// Keeps rows in memory.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) tables: BTreeMap<String, RecordBatch>,
    pub(super) withdrawn: Vec<(String, Pseudonym)>,
}

impl Taker for Memory {
    fn rows(&mut self, table: &str, rows: &RecordBatch) -> Result<(), FileProblem> {
        let rows = crate::table::plain(rows).unwrap();
        let rows = match self.tables.remove(table) {
            None => rows,
            Some(before) => arrow::compute::concat_batches(&rows.schema(), [&before, &rows]).unwrap(),
        };
        self.tables.insert(table.to_owned(), rows);
        Ok(())
    }

    fn withdrawn(&mut self, table: &str, records: &[Pseudonym]) -> Result<(), FileProblem> {
        self.withdrawn.extend(records.iter().map(|record| (table.to_owned(), *record)));
        Ok(())
    }
}

struct InMemory;

impl Keep for InMemory {
    type File<'k> = Memory;
    type Done = Memory;

    fn file(&self, _number: usize) -> Memory {
        Memory::default()
    }

    fn done(&self, file: Memory, _account: &Account) -> Result<Memory, FileProblem> {
        Ok(file)
    }
}

/// A place to work in, with a key.
pub(super) struct Bench {
    pub(super) dir: tempfile::TempDir,
    pub(super) key: LinkingKey,
    pub(super) policy: Policy,
    pub(super) installation: Installation,
}

impl Bench {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let installation = Installation::init(dir.path().join("installation")).unwrap();
        Self { dir, key: LinkingKey::generate().unwrap(), policy: Policy::oslo(), installation }
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(super) fn read_all(&self, files: &[(&str, &Path)]) -> Result<Vec<ReadFile>, IngestError> {
        let files: Vec<(String, PathBuf)> =
            files.iter().map(|(s, p)| ((*s).to_owned(), p.to_path_buf())).collect();
        let reading = Ingest::open(&self.installation, &self.policy)?;
        let read = reading.read(&self.key, &files, TODAY, &Silent, &InMemory)?;
        Ok(read.into_iter().map(|(file, rows)| ReadFile::of(&file, rows)).collect())
    }

    /// Reads one file of bytes.
    pub(super) fn read(&self, source: &str, name: &str, bytes: &[u8]) -> Result<ReadFile, IngestError> {
        let path = self.write(name, bytes);
        let mut read = self.read_all(&[(source, &path)])?;
        let file = read.remove(0);
        assert_eq!(file.read, file.usable() + file.quarantined.len() as u64);
        Ok(file)
    }

    /// Reads a SOMA export with these rows, in Windows-1252.
    pub(super) fn soma(&self, rows: &[SomaRow]) -> ReadFile {
        self.read("soma", "soma.csv", &windows_1252(&soma_text(rows))).unwrap()
    }
}

/// A row of a SOMA export, with a value for what a test does not care about.
#[derive(Clone)]
pub(super) struct SomaRow(pub(super) BTreeMap<&'static str, String>);

impl SomaRow {
    pub(super) fn new(number: u32) -> Self {
        let row = Self(BTreeMap::new());
        row.with("Registreringsnr", &number.to_string())
            .with("Klientnr", "K17")
            .with("Fødselsnummer", NUMBER)
            .with("Fornavn", "Kari")
            .with("Etternavn", "Nordmann")
            .with("Fødselsdato", "01.01.2007")
            .with("Kjønn", "Jente")
            .with("Tilhørighet", "Oslo")
            .with("Hjemkommune", "Oslo")
            .with("Bydel", "St.Hanshaugen")
            .with("Dato", "15.06.2023")
            .with("Enhet", "Uteseksjonen")
            .with("Registreringstype", "Kontakt")
            .with("Førstegang", "Ja")
            .with("Sted", "Oslo S")
            .with("Vakt", "Kveld")
            .with("Varighet (min)", "12,5")
            .with("Saksbehandler", "Ola Ansatt")
            .with("Merknad", "fritekst")
            .with("Datasett", "SYNTETISK")
    }

    pub(super) fn with(mut self, column: &'static str, value: &str) -> Self {
        assert!(SOMA.split(';').any(|h| h == column), "{column}");
        self.0.insert(column, value.to_owned());
        self
    }

    /// Somebody of whom only the client number is known.
    pub(super) fn nickname(self) -> Self {
        self.with("Fødselsnummer", "")
            .with("Fornavn", "")
            .with("Etternavn", "")
            .with("Kallenavn", "Lillebror")
    }
}

pub(super) fn soma_text(rows: &[SomaRow]) -> String {
    let mut text = format!("{SOMA}\r\n");
    for row in rows {
        let cells: Vec<&str> =
            SOMA.split(';').map(|h| row.0.get(h).map(String::as_str).unwrap_or_default()).collect();
        text += &cells.join(";");
        text += "\r\n";
    }
    text
}

/// The rows as JSON lines, a field that is empty left out.
pub(super) fn json_lines(rows: &[SomaRow]) -> String {
    let line = |row: &SomaRow| {
        let filled = row.0.iter().filter(|(_, value)| !value.is_empty());
        let object: serde_json::Map<String, serde_json::Value> =
            filled.map(|(header, value)| ((*header).to_owned(), value.trim_matches('"').into())).collect();
        format!("{}\n", serde_json::Value::Object(object))
    };
    rows.iter().map(line).collect()
}

pub(super) fn windows_1252(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

/// A cell of a workbook under test.
#[derive(Clone, Copy, Debug)]
pub(super) enum X<'a> {
    Text(&'a str),
    Number(f64),
    Day(i16, u8, u8),
    Nothing,
}

pub(super) const KONTAKT: [&str; 20] = [
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

/// A Kontakt export: a merged title row, a header, rows.
pub(super) fn kontakt(rows: &[[X<'_>; 20]]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet().set_name("Registreringer").unwrap();
    let plain = Format::new();
    let day = Format::new().set_num_format("dd.mm.yyyy");
    sheet.merge_range(0, 0, 0, 19, "SYNTETISKE DATA – Kontakt-eksport", &plain).unwrap();
    for (c, header) in (0..).zip(KONTAKT) {
        sheet.write(1, c, header).unwrap();
    }
    for (r, row) in (2..).zip(rows) {
        for (c, cell) in (0..).zip(row) {
            match cell {
                X::Text(text) => sheet.write(r, c, *text).map(|_| ()),
                X::Number(number) => sheet.write(r, c, *number).map(|_| ()),
                X::Day(y, m, d) => {
                    let moment =
                        rust_xlsxwriter::ExcelDateTime::from_ymd(u16::try_from(*y).unwrap(), *m, *d).unwrap();
                    sheet.write_with_format(r, c, &moment, &day).map(|_| ())
                }
                X::Nothing => Ok(()),
            }
            .unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// The rows of a batch as text, by column: what a test compares.
pub(super) fn cells(batch: &RecordBatch, column: &str) -> Vec<String> {
    let array = batch.column_by_name(column).unwrap();
    (0..batch.num_rows())
        .map(|row| {
            if array.is_null(row) {
                return "null".to_owned();
            }
            match array.data_type() {
                arrow::datatypes::DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
                arrow::datatypes::DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
                arrow::datatypes::DataType::Date32 => {
                    array.as_primitive::<Date32Type>().value(row).to_string()
                }
                _ => array.as_fixed_size_binary().value(row).iter().map(|b| format!("{b:02x}")).collect(),
            }
        })
        .collect()
}

pub(super) fn table<'f>(file: &'f ReadFile, name: &str) -> &'f RecordBatch {
    &file.rows.tables[name]
}

/// Where the rows of a file went wrong: (line, column, reason).
pub(super) fn faults(file: &ReadFile) -> Vec<(u64, &str, &str)> {
    file.quarantined.iter().map(|l| (l.line, l.column.as_str(), l.reason.code())).collect()
}
