//! All names and numbers are made up; the numbers are of the synthetic series.

use jiff::civil::date;

use super::*;
use crate::identity::make_synthetic;

fn number() -> String {
    (500..).find_map(|individual| make_synthetic(date(2006, 5, 4), individual)).unwrap().to_text()
}

fn read(text: &str) -> Result<Vec<Sought>, FileProblem> {
    of_bytes(text.as_bytes(), &LinkingKey::generate().unwrap(), &["soma".to_owned(), "kontakt".to_owned()])
}

fn refused(text: &str) -> (u64, ListProblem) {
    match read(text) {
        Err(FileProblem::List { line, problem }) => (line, problem),
        other => panic!("not refused: {other:?}"),
    }
}

/// The pseudonyms of each line, which no other crate can see.
fn pseudonyms(key: &LinkingKey, text: &[u8]) -> Vec<Vec<[u8; 16]>> {
    let found = of_bytes(text, key, &["soma".to_owned(), "kontakt".to_owned()]).unwrap();
    found.iter().map(|sought| sought.pseudonyms().to_vec()).collect()
}

#[test]
fn a_line_gives_the_pseudonyms_of_deliveries_at_every_level() {
    let (key, number) = (LinkingKey::generate().unwrap(), number());
    let born = date(2006, 5, 4);
    let expected = vec![
        person::by_national_id(&key, &mut Message::default(), &number).unwrap(),
        person::by_name(&key, &["Anne-Marie", "Grønås"], born).unwrap(),
        person::by_client(&key, &mut Message::default(), "soma", "0042"),
    ];
    for text in [
        format!(
            "Fødselsnummer;Navn;Fødselsdato;Kilde;Klientnummer\n{number};Grønås, Anne Marie;04.05.2006;soma;42\n"
        ),
        format!(
            "Client number,Source,Date of birth,Name,Number\n042,SOMA,2006-05-04,ANNE-MARIE GRØNÅS,{number}"
        ),
        format!(
            "Fornavn;Etternavn;Født;Kilde;Klientnr;Fødselsnr;\nAnne-Marie;Gronas;4.5.2006;soma;42;{number};\n"
        ),
    ] {
        let mut found = pseudonyms(&key, text.as_bytes()).remove(0);
        let mut wanted = expected.clone();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{text}");
    }
}

/// What it says might be what somebody is known by.
#[test]
fn a_column_that_is_not_known_refuses_the_list() {
    let text = format!("Fødselsnummer;Klient nr. i SOMA\n{};42\n", number());
    assert!(matches!(refused(&text), (1, ListProblem::Unread { column: 2 })));
}

#[test]
fn a_lost_zero_and_windows_letters_are_read_as_in_deliveries() {
    let key = LinkingKey::generate().unwrap();
    let zero = (500..)
        .find_map(|individual| make_synthetic(date(2006, 5, 4), individual))
        .filter(|id| id.to_text().starts_with('0'))
        .unwrap();
    let whole = pseudonyms(&key, format!("Fnr\n{}\n", zero.to_text()).as_bytes());
    let cut = pseudonyms(&key, format!("Fnr\n{}\n", zero.to_text().trim_start_matches('0')).as_bytes());
    assert_eq!(whole, cut);
    let utf8 = pseudonyms(&key, "Navn;Fødselsdato\nBjørn Æsøy;01.02.2005\n".as_bytes());
    let windows = pseudonyms(&key, b"Navn;F\xf8dselsdato\nBj\xf8rn \xc6s\xf8y;01.02.2005\n");
    assert_eq!(utf8, windows);
}

#[test]
fn cells_that_are_not_filled_in_are_left_out() {
    let key = LinkingKey::generate().unwrap();
    let number = number();
    let text = format!(
        "Fnr;Navn;Fødselsdato;Kilde;Klientnr\n{number};;;;\n-;Kari Nordmann;01.02.2005;-;-\n;;;soma;K7\n"
    );
    assert_eq!(pseudonyms(&key, text.as_bytes()).iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn a_line_that_is_half_filled_or_wrong_refuses_the_whole_list() {
    let good = number();
    let mut bad = good.clone().into_bytes();
    bad[10] = if bad[10] == b'9' { b'0' } else { bad[10] + 1 };
    let bad = String::from_utf8(bad).unwrap();
    let header = "Fnr;Navn;Fødselsdato;Kilde;Klientnr";
    let second = |line: &str| refused(&format!("{header}\n{good};;;;\n{line}\n{good};;;;\n"));
    for (line, problem) in [
        (format!("{bad};;;;"), ListProblem::CheckDigit),
        ("12345;;;;".to_owned(), ListProblem::Number),
        (format!("{good};Kari Nordmann;;;"), ListProblem::NameOrBirth),
        (format!("{good};;01.02.2005;;"), ListProblem::NameOrBirth),
        (";Kari;01.02.2005;;".to_owned(), ListProblem::Name),
        (";Kari Nordmann;31.02.2005;;".to_owned(), ListProblem::Birth),
        (";;;soma;".to_owned(), ListProblem::SourceOrClient),
        (format!("{good};;;;42"), ListProblem::SourceOrClient),
        (format!("{good};;;"), ListProblem::Line),
        (";-;;;".to_owned() + "-", ListProblem::Person),
    ] {
        // A line of nothing but signs that stand for nothing identifies nobody.
        assert_eq!(second(&line), (3, problem), "{line}");
    }
    let (line, problem) = second(";;;somma;42");
    assert!(line == 3 && matches!(problem, ListProblem::Source { .. }));
}

#[test]
fn a_header_must_identify() {
    for text in [
        "Navn;Kilde\nKari Nordmann;soma\n",
        "01810750126\n01810750126\n",
        "Fornavn;Fødselsdato\nA;01.01.2001\n",
    ] {
        assert_eq!(refused(text).1, ListProblem::Header, "{text}");
    }
    assert_eq!(refused("Fnr;Fødselsnummer\n1;2\n"), (1, ListProblem::Twice));
    assert_eq!(refused("Fnr;Navn\n"), (1, ListProblem::Nobody));
    assert_eq!(refused("PK\x03\x04"), (1, ListProblem::Workbook));
    assert!(matches!(read(" \n"), Err(FileProblem::Empty)));
}

#[test]
fn no_message_holds_what_the_line_says() {
    let text = "Fnr;Navn;Fødselsdato\n11223344556;Hemmelig Person;99.99.2001\n";
    let error = read(text).unwrap_err();
    let shown = format!("{error} {error:?} {}", error.advice());
    for secret in ["11223344556", "Hemmelig", "99.99"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
