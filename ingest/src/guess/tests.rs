use super::*;
use crate::mapping::parse;

fn guessed(name: &str, bytes: &[u8]) -> Result<String, IngestError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    guess(&Policy::oslo(), &path)
}

/// SYNTHETIC rows of an export that no mapping knows.
fn export() -> String {
    let mut text =
        "Utskrift fra systemet;;;;;;\nSamtale;Når;Fnr;Født den;Hvor i byen;Kjønn;Egne ord\n".to_owned();
    for n in 1..40 {
        let district = ["Alna", "Bydel Sagene", "04", "Frogner", "Månen"][n % 5];
        let _ = writeln!(
            text,
            "{n};{:02}.06.2023;01810750126;01.01.2007;{district};{};Hemmelig ting {n}",
            1 + n % 28,
            ["Jente", "Gutt"][n % 2]
        );
    }
    text
}

#[test]
fn a_proposal_is_a_mapping_that_reads_the_file() {
    let text = guessed("samtaler 2023.csv", export().as_bytes()).unwrap();
    assert!(text.starts_with("# A proposal: look through it"), "{text}");
    let mapping = parse(&text, "test").unwrap();
    assert_eq!(mapping.source, "samtaler");
    let kind = |name: &str| mapping.fields[name].kind;
    assert_eq!(kind("samtale"), FieldKind::Id);
    assert_eq!(kind("nar"), FieldKind::Date);
    assert_eq!(kind("national_id"), FieldKind::NationalId);
    assert_eq!(kind("fodtden"), FieldKind::BirthDate);
    assert_eq!(mapping.fields["hvoribyen"].codes.as_deref(), Some("district"));
    assert_eq!(mapping.fields["gender"].codes.as_deref(), Some("gender"));
    assert_eq!(mapping.drop, ["Egne ord"]);
    assert_eq!(mapping.tables["contact"].columns["home_district"], "hvoribyen");
    // Words that are in no list are counted, and not shown.
    assert!(text.contains("# 1 of 5 words met are in no list"), "{text}");
    for value in ["Månen", "Hemmelig", "01810750126", "2007"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
}

#[test]
fn json_lines_and_what_the_shipped_mappings_know_are_guessed() {
    let mut text = String::new();
    for n in 1..30 {
        let _ = writeln!(
            text,
            "{{\"Reg.nr\": {n}, \"Dato\": \"2023-06-{:02}\", \"Enhet\": \"Ute\", \"Klientnr\": \"K{n}\"}}",
            1 + n % 28
        );
    }
    let text = guessed("x.jsonl", text.as_bytes()).unwrap();
    let mapping = parse(&text, "test").unwrap();
    assert_eq!(mapping.fields["service"].codes.as_deref(), Some("service"));
    assert_eq!(mapping.person.unwrap().client.as_deref(), Some("client"));
    assert_eq!(mapping.tables["contact"].record, ["record"]);
}

#[test]
fn the_words_met_decide_between_two_meanings_of_a_header() {
    // `Enhet` is a service in one shipped mapping, and a unit with beds in another.
    let mut text = "Oppholdsnr;Fnr;Enhet;Innskrevet;Døgn\n".to_owned();
    for n in 1..30 {
        let _ = writeln!(
            text,
            "{n};01810750126;Ila akuttavdeling og korttidsavdeling;{:02}.02.2024;{}",
            1 + n % 28,
            n % 9
        );
    }
    let text = guessed("opphold.csv", text.as_bytes()).unwrap();
    let mapping = parse(&text, "test").unwrap();
    let stays = mapping.tables.get("bed_stay").unwrap_or_else(|| panic!("{text}"));
    assert_eq!((stays.columns["unit"].as_str(), stays.columns["nights"].as_str()), ("unit", "nights"));
}

#[test]
fn a_file_without_a_header_is_not_shown() {
    let text = export();
    let rows = text.splitn(3, '\n').nth(2).unwrap();
    for text in [rows.to_owned(), "Kari;Nordmann\nOla;Hansen\n".to_owned()] {
        let error = guessed("x.csv", text.as_bytes()).unwrap_err();
        assert!(error.is_refusal(), "{error}");
        let shown = error.to_string();
        assert!(shown.contains("no row of the first") && !shown.contains("Nordmann"), "{shown}");
    }
}

#[test]
fn what_is_missing_is_said() {
    let text = "Navn;Antall\n".to_owned() + &"Kari;3\n".repeat(20);
    let text = guessed("x.csv", text.as_bytes()).unwrap();
    assert!(text.starts_with("# A proposal, which is NOT COMPLETE"), "{text}");
}
