use jiff::civil::date;

use super::*;

fn parsed(text: &str) -> NationalId {
    NationalId::parse(text).unwrap()
}

#[test]
fn published_vectors_are_read_with_their_kind_series_and_rule() {
    use Control::{Current, From2032};
    use Series::{Real, Skatteetaten};
    let vectors = [
        ("01810750126", Kind::Birth, Skatteetaten, Current),
        ("01810750134", Kind::Birth, Skatteetaten, From2032),
        ("01810750142", Kind::Birth, Skatteetaten, From2032),
        ("01810750150", Kind::Birth, Skatteetaten, From2032),
        ("10915596784", Kind::Birth, Skatteetaten, Current),
        ("13527248013", Kind::H, Real, Current),
        ("68467038838", Kind::DH, Real, Current),
        ("02013299997", Kind::Birth, Real, Current),
        ("02013299903", Kind::Birth, Real, From2032),
        ("30108299939", Kind::Birth, Real, From2032),
    ];
    for (text, kind, series, control) in vectors {
        let id = parsed(text);
        assert_eq!((id.kind(), id.series(), id.control()), (kind, series, control), "{text}");
        assert_eq!(id.to_text(), text);
    }
}

#[test]
fn the_first_remainder_of_a_2032_number_stops_at_three() {
    // r1 = 4 and a fitting second digit: not issued under any rule.
    let nine = [0, 1, 8, 1, 0, 7, 5, 0, 1];
    let r = remainder(&W1, &nine);
    for r1 in 0..11_u32 {
        let k1 = (r1 + 11 - r) % 11;
        if k1 == 10 {
            continue;
        }
        let mut digits = [0_u8; 11];
        digits[..9].copy_from_slice(&nine);
        digits[9] = u8::try_from(k1).unwrap();
        let k2 = (11 - remainder(&W2, &digits[..10])) % 11;
        if k2 == 10 {
            continue;
        }
        digits[10] = u8::try_from(k2).unwrap();
        assert_eq!(NationalId::from_digits(digits).is_ok(), r1 <= 3, "r1 = {r1}");
    }
}

#[test]
fn every_single_wrong_digit_is_found() {
    for text in ["01810750126", "01810750150", "13527248013"] {
        let digits: Vec<u8> = text.bytes().map(|b| b - b'0').collect();
        for at in 0..11 {
            for d in 0..10 {
                if d == digits[at] {
                    continue;
                }
                let mut wrong: [u8; 11] = digits.clone().try_into().unwrap();
                wrong[at] = d;
                assert_eq!(NationalId::from_digits(wrong).unwrap_err(), IdentityError::CheckDigit);
            }
        }
    }
}

#[test]
fn a_lost_leading_zero_and_spaces_are_forgiven() {
    assert_eq!(parsed("1810750126"), parsed("01810750126"));
    assert_eq!(parsed("018107 50126"), parsed("01810750126"));
    for text in ["018107\u{a0}50126", "018107\u{202f}50126", "018107-50126", "'01810750126", "'1810750126"] {
        assert_eq!(parsed(text), parsed("01810750126"), "{text}");
    }
}

#[test]
fn what_is_no_number_is_refused_with_its_kind_of_fault() {
    assert_eq!(NationalId::parse("").unwrap_err(), IdentityError::Length);
    assert_eq!(NationalId::parse("810750126").unwrap_err(), IdentityError::Length);
    assert_eq!(NationalId::parse("018107501260").unwrap_err(), IdentityError::Length);
    assert_eq!(NationalId::parse("0181075012x").unwrap_err(), IdentityError::NotDigits);
    assert_eq!(NationalId::parse("00000000000").unwrap_err(), IdentityError::Date);
    // 31 February with control digits that fit.
    let mut digits = [3, 1, 0, 2, 0, 1, 0, 0, 0, 0, 0];
    let found = (0..1000_u16).any(|i| {
        for (at, value) in [(6, i / 100), (7, i / 10 % 10), (8, i % 10)] {
            digits[at] = u8::try_from(value).unwrap();
        }
        let k1 = (11 - remainder(&W1, &digits[..9])) % 11;
        if k1 == 10 {
            return false;
        }
        digits[9] = u8::try_from(k1).unwrap();
        let k2 = (11 - remainder(&W2, &digits[..10])) % 11;
        if k2 == 10 {
            return false;
        }
        digits[10] = u8::try_from(k2).unwrap();
        NationalId::from_digits(digits).unwrap_err() == IdentityError::Date
    });
    assert!(found);
}

#[test]
fn help_numbers_without_a_date_are_read() {
    // FH-number: any digits after 8 or 9, with control digits.
    let mut digits = [8, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0];
    digits[9] = u8::try_from((11 - remainder(&W1, &digits[..9])) % 11).unwrap();
    digits[10] = u8::try_from((11 - remainder(&W2, &digits[..10])) % 11).unwrap();
    let id = NationalId::from_digits(digits).unwrap();
    assert_eq!((id.kind(), id.series()), (Kind::Fh, Series::Real));
}

#[test]
fn made_numbers_are_valid_synthetic_and_distinct() {
    let mut seen = std::collections::BTreeSet::new();
    for born in [date(2007, 1, 1), date(1999, 12, 31), date(2008, 2, 29)] {
        for individual in individual_numbers(born.year()) {
            let Some(id) = make_synthetic(born, individual) else { continue };
            assert_eq!(
                (id.kind(), id.series(), id.control()),
                (Kind::Birth, Series::Skatteetaten, Control::Current)
            );
            assert_eq!(NationalId::parse(&id.to_text()).unwrap(), id);
            assert!(seen.insert(id.to_text()));
        }
    }
    // About one combination in six has no control digits.
    assert!((1150..1350).contains(&seen.len()), "{}", seen.len());
    let d = (500..999).find_map(|i| make_synthetic_d(date(2007, 1, 1), i)).unwrap();
    assert_eq!((d.kind(), d.series()), (Kind::D, Series::Skatteetaten));
    assert!(make_synthetic(date(2007, 1, 1), 1000).is_none());
}

#[test]
fn debug_shows_no_digits() {
    let shown = format!("{:?}", parsed("01810750126"));
    assert!(!shown.contains("0181") && shown.contains("Birth"), "{shown}");
}
