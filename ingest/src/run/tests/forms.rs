//! Forms of files beside plain delimited text: JSON lines, UTF-16, folders.

use super::*;
use crate::error::FileProblem;

#[test]
fn json_lines_are_the_same_rows() {
    let bench = Bench::new();
    let rows = [SomaRow::new(1), SomaRow::new(2).nickname(), SomaRow::new(3).with("Bydel", "Atlantis")];
    let expected = bench.soma(&rows);
    let file = bench.read("soma", "soma.jsonl", json_lines(&rows).as_bytes()).unwrap();
    assert_eq!(table(&file, "contact"), table(&expected, "contact"));
    assert_eq!(faults(&file), [(3, "Bydel", "unknown_code")]);
    // Any spelling of a key, numbers and escapes, fields that no mapping has, a mark, and line ends of Windows.
    let line = "\u{feff}{\"reg.nr\": 1, \"fnr\": 1810750126, \"klient-id\": \"K17\", \"f\\u00f8dselsdato\": \"2007-01-01\", \
        \"KJØNN\": \"Jente\", \"Tilhørighet\": \"Oslo\", \"Kommune\": 301, \"Bydel\": 4, \"Dato\": \"15.06.2023 10:00\", \
        \"Enhet\": \"Ute\", \"Type\": \"Kontakt\", \"Ny\": \"Ja\", \"Sted\": \"Oslo S\", \"Vakt\": \"Kveld\", \"Minutter\": 12.5, \
        \"ekstra\": {\"navn\": [1, {\"a\": null}]}, \"Etternavn\": null}\r\n\r\n";
    let file = bench.read("soma", "annen.jsonl", line.as_bytes()).unwrap();
    assert_eq!(faults(&file), []);
    assert_eq!(table(&file, "contact"), &table(&expected, "contact").slice(0, 1));
}

#[test]
fn lines_that_are_no_objects_are_quarantined() {
    let bench = Bench::new();
    let good = json_lines(&[SomaRow::new(1)]);
    let cut = &good[..good.len() / 2];
    let twice = good.replacen('{', "{\"Dato\": \"15.06.2023\", ", 1);
    let deep = format!("{{\"x\": {}", "[".repeat(100_000));
    let text = format!("{good}{cut}\n[1]\n{twice}{deep}\n7\n{good}");
    let file = bench.read("soma", "soma.jsonl", text.as_bytes()).unwrap();
    let lines: Vec<u64> = faults(&file).iter().map(|fault| fault.0).collect();
    assert_eq!((file.read, lines), (7, vec![2, 3, 4, 5, 6]));
    assert!(faults(&file).iter().all(|fault| (fault.1, fault.2) == ("", "not_an_object")));
    let bad = [good.as_bytes(), b"{\"Bydel\": \"\xff\"}\n", good.as_bytes()].concat();
    let file = bench.read("soma", "soma.jsonl", &bad).unwrap();
    assert_eq!(faults(&file), [(2, "", "bad_encoding")]);
    // A value that a field cannot be.
    let nested = good.replacen("\"Oslo S\"", "[\"Oslo S\"]", 1);
    let file = bench.read("soma", "soma.jsonl", nested.as_bytes()).unwrap();
    assert_eq!(faults(&file), [(1, "Sted", "unknown_code")]);
}

#[test]
fn json_of_another_source_or_form_is_refused() {
    let bench = Bench::new();
    let refusal = |bytes: &[u8]| bench.read("soma", "x.jsonl", bytes).err().unwrap().to_string();
    assert!(refusal(b"{\"a\": 1}\n").contains("no object in the file has keys of this source"));
    assert!(refusal(b"[{\"Dato\": 1}]").contains("a JSON array"));
    let text = json_lines(&[SomaRow::new(1)]).replace("\"Dato\"", "\"Tidspunkt\"");
    let message = refusal(text.as_bytes());
    assert!(message.contains("no column Dato") && !message.contains("Nordmann"), "{message}");
}

#[test]
fn utf_16_is_read_with_and_without_a_mark_in_either_order() {
    let bench = Bench::new();
    let rows = [SomaRow::new(1), SomaRow::new(2).with("Fødselsnummer", "")];
    let (text, expected) = (soma_text(&rows), bench.soma(&rows));
    for mark in [true, false] {
        for big in [true, false] {
            let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
            let order = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            let bytes: Vec<u8> = units.flat_map(order).collect();
            let file = bench.read("soma", "x.csv", &bytes).unwrap();
            assert_eq!(faults(&file), [], "{mark} {big}");
            assert_eq!(table(&file, "contact"), table(&expected, "contact"), "{mark} {big}");
        }
    }
}

#[test]
fn a_declared_encoding_is_kept_to() {
    let bench = Bench::new();
    let mapping = include_str!("../../../mappings/soma.toml");
    let mapping = mapping.replacen("dates =", "encoding = \"iso-8859-15\"\ndelimiter = \"|\"\ndates =", 1);
    std::fs::create_dir_all(bench.installation.root().join("mappings")).unwrap();
    std::fs::write(bench.installation.root().join("mappings/soma.toml"), mapping).unwrap();
    let text = soma_text(&[SomaRow::new(1)]).replace(';', "|").replace("Nordmann", "Nordmæ€nn");
    let bytes: Vec<u8> =
        text.chars().map(|c| if c == '€' { 0xa4 } else { u8::try_from(c).unwrap() }).collect();
    let file = bench.read("soma", "x.csv", &bytes).unwrap();
    assert_eq!((faults(&file), file.usable()), (vec![], 1));
}

#[test]
fn a_folder_means_every_file_in_it() {
    let bench = Bench::new();
    let folder = bench.dir.path().join("eksport");
    std::fs::create_dir_all(folder.join("2023")).unwrap();
    for (n, name) in (1..).zip(["b.csv", "a.csv", "2023/c.csv"]) {
        std::fs::write(folder.join(name), windows_1252(&soma_text(&[SomaRow::new(n)]))).unwrap();
    }
    for hidden in [".DS_Store", "~$a.xlsx"] {
        std::fs::write(folder.join(hidden), b"\0\0\0").unwrap();
    }
    let read = bench.read_all(&[("soma", &folder)]).unwrap();
    let names: Vec<&str> = read.iter().map(|file| file.entry.file.as_str()).collect();
    assert_eq!(names, ["c.csv", "a.csv", "b.csv"]);
    // What is no export is not passed over.
    std::fs::write(folder.join("les.pdf"), b"%PDF-1.7").unwrap();
    let error = bench.read_all(&[("soma", &folder)]).err().unwrap().to_string();
    assert!(error.contains("les.pdf: this is a PDF document"), "{error}");
}

#[test]
fn a_text_that_never_ends_a_line_is_no_table() {
    let text = [b"a;b\n".to_vec(), vec![b'x'; 80 << 20]].concat();
    let bench = Bench::new();
    let problem = crate::read::text_of(&text, &mut Ignoring).unwrap_err();
    assert!(matches!(problem, FileProblem::NotATable(_)), "{problem}");
    drop(bench);
}

struct Ignoring;

impl crate::read::Sink for Ignoring {
    fn row(&mut self, _line: u64, _cells: &[crate::values::Cell<'_>]) -> Result<(), FileProblem> {
        Ok(())
    }
    fn broken(&mut self, _line: u64, _reason: crate::reason::Reason) {}
    fn fits(&self, _cells: usize) -> bool {
        true
    }
}
