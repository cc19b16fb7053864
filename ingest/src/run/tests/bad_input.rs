//! Bad input: what is said, where, and that a row's value is never shown.

use encoding_rs::WINDOWS_1252;

use super::*;
use crate::error::IngestError;

fn refusal(bench: &Bench, source: &str, path: &Path) -> String {
    let error = bench.read_all(&[(source, path)]).err().unwrap();
    assert!(error.is_refusal());
    assert!(error.hint().is_some_and(|h| !h.is_empty()), "{error}");
    error.to_string()
}

#[test]
fn a_missing_file_a_folder_and_no_file_are_named() {
    let bench = Bench::new();
    let path = bench.dir.path().join("borte.csv");
    let message = refusal(&bench, "soma", &path);
    assert!(message.contains("borte.csv: there is no such file"), "{message}");
    let folder = bench.dir.path().join("mappe");
    std::fs::create_dir_all(&folder).unwrap();
    let message = refusal(&bench, "soma", &folder);
    assert!(message.contains("mappe: the folder holds no file"), "{message}");
    assert!(matches!(bench.read_all(&[]), Err(IngestError::NoFiles)));
}

#[test]
fn an_empty_file_is_named() {
    let bench = Bench::new();
    for bytes in [&b""[..], b"\r\n \r\n", b"\xef\xbb\xbf"] {
        let path = bench.write("tom.csv", bytes);
        let message = refusal(&bench, "soma", &path);
        assert!(message.contains("tom.csv: the file is empty"), "{message}");
    }
}

#[test]
fn an_unknown_source_lists_the_known() {
    let bench = Bench::new();
    let path = bench.write("a.csv", b"a;b\n");
    let message = refusal(&bench, "sooma", &path);
    assert!(message.contains("unknown source `sooma`"), "{message}");
    for source in crate::sources() {
        assert!(message.contains(source), "{message}");
    }
}

#[test]
fn a_binary_file_and_a_damaged_workbook_are_named() {
    let bench = Bench::new();
    let path = bench.write("bilde.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    assert!(refusal(&bench, "soma", &path).contains("bilde.csv: this is a picture, not a CSV text"));
    let noise: Vec<u8> = (0..4096_u32).map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    let path = bench.write("støy.csv", &noise);
    assert!(refusal(&bench, "soma", &path).contains("a binary file"));
    let mut workbook = kontakt(&[]);
    workbook.truncate(workbook.len() / 2);
    let path = bench.write("halv.xlsx", &workbook);
    assert!(refusal(&bench, "kontakt", &path).contains("the workbook is damaged"));
}

#[test]
fn an_export_of_another_source_is_told_by_its_header() {
    let bench = Bench::new();
    let beds = "Oppholdsnr;Fødselsnummer;Fornavn;Etternavn;Fødselsdato;Kjønn;Tilhørighet;Hjemkommune;Bydel;Enhet;Innskrevet;Døgn\n";
    let path = bench.write("opphold.csv", beds.as_bytes());
    let error = bench.read_all(&[("soma", &path)]).err().unwrap();
    assert!(error.to_string().ends_with("it looks like an export of `beds`"), "{error}");
    assert!(error.hint().unwrap().contains("--source beds"), "{error}");
    let path = bench.write("kontakt.xlsx", &kontakt(&[]));
    assert!(refusal(&bench, "soma", &path).ends_with("it looks like an export of `kontakt`"));
    // One that is nobody's.
    let path = bench.write("annet.csv", b"Fornavn;Etternavn;Farge\nKari;Nordmann;gul\n");
    assert!(!refusal(&bench, "soma", &path).contains("looks like"));
}

#[test]
fn what_offices_call_an_export_is_told_by_its_name() {
    let bench = Bench::new();
    let opened = b"PK\x03\x04\x14\0\0\x08\0\0\xe5\x5a\x5a\x5a\x85\x6c\x39\x8a\x2e\0\0\0\x2e\0\0\0\x08\0\0\0mimetypeapplication/vnd";
    let twice = WINDOWS_1252.decode(soma_text(&[SomaRow::new(1)]).as_bytes()).0.into_owned();
    for (name, bytes, said) in [
        ("side.xls", &b"\r\n<html><table><tr><td>Fnr"[..], "side.xls: this is a web page or XML"),
        ("ark.ods", opened, "ark.ods: this is an OpenDocument file (.ods)"),
        (
            "to.csv",
            twice.as_bytes(),
            "in the header in line 1, letters such as æ, ø and å were encoded twice",
        ),
    ] {
        let message = refusal(&bench, "soma", &bench.write(name, bytes));
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn a_workbook_that_would_not_fit_into_memory_is_refused() {
    let bench = Bench::new();
    let sheet = b"<worksheet><sheetData/></worksheet>";
    // Room for so many texts is made at once, and the process would end.
    for claim in ["99999999999", "+99999999999", "99999999999999999999999"] {
        let texts = format!("<sst uniqueCount=\"{claim}\"><si><t>a</t></si></sst>");
        let path = bench.write("mange.xlsx", &crate::fuzzed::archive(texts.as_bytes(), sheet));
        assert!(refusal(&bench, "kontakt", &path).contains("the workbook is damaged"), "{claim}");
    }
    let texts = [b"<sst>".to_vec(), vec![b' '; 128 << 20], b"</sst>".to_vec()].concat();
    let path = bench.write("store.xlsx", &crate::fuzzed::archive(&texts, sheet));
    let message = refusal(&bench, "kontakt", &path);
    assert!(
        message.contains("store.xlsx: the texts and formats of the workbook take more than 128 MB"),
        "{message}"
    );
    // What it says of itself is true, and all of it fits.
    let texts = b"<sst count=\"1\" uniqueCount='1'><si><t>ID</t></si></sst>";
    let path = bench.write("liten.xlsx", &crate::fuzzed::archive(texts, sheet));
    assert!(refusal(&bench, "kontakt", &path).contains("the file is empty"));
}

#[test]
fn a_missing_header_is_named_and_no_value_of_a_row() {
    let bench = Bench::new();
    let text = soma_text(&[SomaRow::new(1)]).replacen(";Dato;", ";Tidspunkt;", 1);
    let path = bench.write("uten_dato.csv", &windows_1252(&text));
    let message = refusal(&bench, "soma", &path);
    assert!(message.contains("line 1 has no column Dato"), "{message}");
    assert!(message.contains("Klientnr") && message.contains("not recognised: column 12"), "{message}");
    assert!(!message.contains("Tidspunkt") && !message.contains("Nordmann"), "{message}");
    // Without a header, the first row is somebody's data.
    let text = soma_text(&[SomaRow::new(1)]);
    let path = bench.write("uten_hode.csv", &windows_1252(text.split_once('\n').unwrap().1));
    let message = refusal(&bench, "soma", &path);
    assert!(message.contains("no header row was found") && message.contains("Registreringsnr"), "{message}");
    assert!(!message.contains("Nordmann") && !message.contains(NUMBER), "{message}");
    // The file of another source.
    let patrol = bench.write("patrol.csv", b"Patruljenr;Dato;Tjeneste;Vakt\n1;01.02.2024;Uteseksjonen;Dag\n");
    assert!(refusal(&bench, "soma", &patrol).contains("has no column"));
}

#[test]
fn two_columns_for_one_field_are_refused() {
    let bench = Bench::new();
    let text = soma_text(&[]).replacen("Kallenavn", "Fnr", 1);
    let path = bench.write("dobbel.csv", &windows_1252(&text));
    let message = refusal(&bench, "soma", &path);
    assert!(message.contains("columns 3 and 6") && message.contains("Fødselsnummer"), "{message}");
}

#[test]
fn every_refused_file_is_named_at_once() {
    let bench = Bench::new();
    let good = bench.write("god.csv", &windows_1252(&soma_text(&[SomaRow::new(1)])));
    let empty = bench.write("tom.csv", b"");
    let missing = bench.dir.path().join("borte.csv");
    let error = bench.read_all(&[("soma", &good), ("soma", &empty), ("soma", &missing)]).err().unwrap();
    let message = error.to_string();
    assert!(
        message.contains("2 files") && message.contains("tom.csv") && message.contains("borte.csv"),
        "{message}"
    );
    assert!(!message.contains("god.csv"), "{message}");
}

#[test]
fn rows_that_cannot_be_used_are_quarantined_with_line_column_and_reason() {
    let bench = Bench::new();
    let cases: [(&'static str, &str, &str); 17] = [
        ("Bydel", "Bydel Atlantis", "unknown_code"),
        ("Hjemkommune", "Atlantis", "unknown_code"),
        ("Enhet", "Marka", "unknown_code"),
        ("Registreringstype", "Kaffe", "unknown_code"),
        ("Fødselsdato", "01.01.2033", "birth_date_in_future"),
        ("Fødselsdato", "16.06.2023", "birth_date_in_future"),
        ("Fødselsdato", "31.02.2005", "bad_date"),
        ("Fødselsdato", "01.01.1890", "bad_date"),
        ("Fødselsnummer", "01810750127", "bad_check_digit"),
        ("Fødselsnummer", "12345", "bad_number"),
        ("Dato", "i går", "bad_date"),
        ("Dato", "02.02.2026", "future_date"),
        ("Dato", "31.12.2018", "year_outside_policy"),
        ("Dato", "", "missing_value"),
        ("Registreringsnr", "", "missing_value"),
        ("Varighet (min)", "lenge", "bad_number"),
        ("Varighet (min)", "241", "out_of_bounds"),
    ];
    let mut rows = vec![SomaRow::new(0)];
    rows.extend((1..).zip(&cases).map(|(n, (column, value, _))| SomaRow::new(n).with(column, value)));
    let file = bench.soma(&rows);
    assert_eq!((file.read, file.usable()), (18, 1));
    let expected: Vec<_> =
        (3..).zip(cases).map(|(line, (column, _, reason))| (line, column, reason)).collect();
    assert_eq!(faults(&file), expected);
    let report = file.report(DeliveryLoad { loaded: 1, ..DeliveryLoad::default() });
    assert_eq!(report.reasons["unknown_code"], 4);
    assert_eq!(report.reasons.values().sum::<u64>(), report.quarantined);
}

#[test]
fn a_file_cut_in_the_middle_loses_its_last_line_only() {
    let bench = Bench::new();
    let rows: Vec<SomaRow> = (1..=5).map(SomaRow::new).collect();
    let bytes = windows_1252(&soma_text(&rows));
    let cut = bench.read("soma", "kuttet.csv", &bytes[..bytes.len() - 60]).unwrap();
    assert_eq!((cut.read, cut.usable()), (5, 4));
    assert_eq!(faults(&cut), [(6, "", "wrong_number_of_fields")]);
    let quoted = soma_text(&rows).replace("fritekst", "\"fri;tekst\"");
    let at = quoted.rfind("fri;").unwrap() + 2;
    let cut = bench.read("soma", "kuttet.csv", &quoted.as_bytes()[..at]).unwrap();
    assert_eq!(faults(&cut), [(6, "", "unclosed_quote")]);
    assert_eq!(cut.usable(), 4);
}

#[test]
fn nothing_that_is_shown_holds_a_value() {
    let bench = Bench::new();
    let secret = "Hemmelighetsen";
    let mut rows = Vec::new();
    for column in SOMA.split(';') {
        let column: &'static str = column;
        rows.push(SomaRow::new(1).with(column, secret));
        rows.push(SomaRow::new(1).with(column, "\"Hemmelighetsen"));
    }
    let file = bench.soma(&rows);
    let shown = format!("{:?}{:?}", file.quarantined, file.report(DeliveryLoad::default()));
    assert!(!shown.contains(secret), "{shown}");
}
