//! What must hold for any bytes: asked by the fuzzer (`ingest/fuzz`), and by a test of some thousand damaged seeds.
//! Panics where it does not hold.

use std::io::{Cursor, Write as _};
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use jiff::civil::Date;
use skjerm_warehouse::policy::Policy;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::FileProblem;
use crate::file::{self, Taker};
use crate::identity::NationalId;
use crate::key::{LinkingKey, Pseudonym};
use crate::mapping::{self, Compiled};
use crate::rows::Rules;

/// A text as an export of SOMA.
pub fn text(bytes: &[u8]) {
    read("soma", bytes);
    let header = "Reg.nr;Klientnr;Fnr;Født;Dato;Enhet;Type\n".as_bytes();
    read("soma", &[header, bytes].concat());
}

/// JSON lines as an export of SOMA.
pub fn json(bytes: &[u8]) {
    read("soma", &[b"{", bytes].concat());
    let line = r#"{"Reg.nr":1,"Klientnr":1,"Fnr":"","Født":"","Dato":"","Enhet":"","Type":""}"#;
    read("soma", &[line.as_bytes(), b"\n", bytes].concat());
}

/// A workbook as an export of Kontakt: the archive, and, in one that is whole, its parts, which a sum guards: the texts to the first
/// NUL and the sheet behind it, without a header and with one.
///
/// # Panics
///
/// Where it does not hold.
pub fn workbook(bytes: &[u8]) {
    read("kontakt", bytes);
    read("kontakt", &[b"PK\x03\x04", bytes].concat());
    let nul = bytes.iter().position(|byte| *byte == 0).unwrap_or_default();
    let (texts, sheet) = bytes.split_at(nul);
    read("kontakt", &archive(texts, sheet));
    let header = ["ID", "Person-ID", "Fnr", "Født", "Dato", "Tjeneste", "Type"];
    let cells = header.map(|name| format!("<c t=\"inlineStr\"><is><t>{name}</t></is></c>")).concat();
    let front = format!("<worksheet><sheetData><row r=\"1\">{cells}</row>");
    let texts = [b"<sst>", texts, b"</sst>"].concat();
    read("kontakt", &archive(&texts, &[front.as_bytes(), sheet, b"</sheetData></worksheet>"].concat()));
}

/// A workbook of these texts and this sheet.
pub(crate) fn archive(texts: &[u8], sheet: &[u8]) -> Vec<u8> {
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let names = format!(
        "<workbook xmlns:r=\"{office}\"><sheets><sheet name=\"a\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
    );
    let links = format!(
        "<Relationships><Relationship Id=\"r1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
    );
    let package = format!(
        "<Relationships><Relationship Id=\"r1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let parts: [(&str, &[u8]); 5] = [
        ("_rels/.rels", package.as_bytes()),
        ("xl/workbook.xml", names.as_bytes()),
        ("xl/_rels/workbook.xml.rels", links.as_bytes()),
        ("xl/sharedStrings.xml", texts),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in parts {
        let written = archive.start_file(name, stored).map_err(std::io::Error::other);
        assert!(written.and_then(|()| archive.write_all(bytes)).is_ok(), "memory can be written");
    }
    let Ok(whole) = archive.finish() else { panic!("memory can be written") };
    whole.into_inner()
}

/// A text as an identity number.
///
/// # Panics
///
/// Where it does not hold.
pub fn identity(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(id) = NationalId::parse(text) else { return };
    let again = NationalId::parse(&id.to_text());
    assert!(again.is_ok_and(|again| again == id), "a number that is read is read again as the same");
}

/// Counts rows, and holds that their codes are of their lists.
struct Counted(u64);

impl Taker for Counted {
    fn rows(&mut self, _table: &str, rows: &RecordBatch) -> Result<(), FileProblem> {
        self.0 += rows.num_rows() as u64;
        assert!(crate::table::plain(rows).is_ok(), "codes are positions in their lists");
        Ok(())
    }

    fn withdrawn(&mut self, _table: &str, records: &[Pseudonym]) -> Result<(), FileProblem> {
        self.0 += records.len() as u64;
        Ok(())
    }
}

/// Made once: a policy and its mappings take longer than a small file.
static KNOWN: LazyLock<Option<(Policy, Vec<Compiled>, LinkingKey)>> = LazyLock::new(|| {
    let policy = Policy::oslo();
    let mappings = mapping::shipped().ok()?;
    let compiled = mappings.iter().map(|mapping| Compiled::new(mapping, &policy)).collect::<Result<_, _>>();
    Some((policy, compiled.ok()?, LinkingKey::generate().ok()?))
});

fn read(source: &str, bytes: &[u8]) {
    let Some((policy, mappings, key)) = &*KNOWN else { panic!("the shipped mappings are read") };
    let Some(mapping) = mappings.iter().find(|mapping| mapping.source == source) else {
        panic!("the source is shipped")
    };
    let rules = Rules::new(mapping, policy, key, Date::constant(2026, 2, 1));
    let mut counted = Counted(0);
    match file::read(&mut Cursor::new(bytes), &rules, 1, &|_| (), &mut counted) {
        Ok(account) => {
            assert_eq!(account.usable, counted.0, "every usable row is handed on");
            assert_eq!(account.read, account.usable + account.quarantined.len() as u64, "no row is lost");
        }
        Err(problem) => assert!(!problem.advice().is_empty(), "a refusal says what to do"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of exports, which meet in ways that bytes drawn one by one would not.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let words: Vec<&'static [u8]> = vec![
            b"\n",
            b"\r\n",
            b";",
            b";;;;;;",
            b"\"",
            b"\"\"",
            b",",
            b"\t",
            b"{",
            b"}",
            b"[",
            b":",
            b"\\u0000",
            b"null",
            b"\"Dato\"",
            b"\"Fnr\":",
            b"15.06.2023",
            b"2023-06-15",
            b"01810750126",
            b"1810750126",
            b"Kontakt",
            b"Ute",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\0",
            b"\xc3\xb8",
            b"\xf8",
            b"PK\x03\x04",
            b"1e308",
            b"-0",
            b" ",
            b"x",
            b"Reg.nr;Klientnr;Fnr;F\xc3\xb8dt;Dato;Enhet;Type\n",
            b"1;2;01810750126;01.01.2007;15.06.2023;Ute;Kontakt\n",
        ];
        let piece = prop_oneof![
            4 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_or_refused(bytes in pieces()) {
            text(&bytes);
            json(&bytes);
            workbook(&bytes);
            identity(&bytes);
        }
    }
}
