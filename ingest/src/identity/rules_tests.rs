//! Against the rules of python-stdnum (`stdnum.no.fodselsnummer`, version 2.2), told anew: control digits are computed, not
//! checked, and the date is looked for in the century that the individual number says. The numbers are drawn at random, not kept.

use jiff::civil::Date;
use proptest::prelude::*;

use super::*;

/// What the peer says of eleven digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Valid,
    Checksum,
    /// An FH-number: it holds no date.
    Dateless,
    /// No century has the individual number with this year, or the century's calendar lacks the day.
    NoDate,
}

fn check_digit(weights: &[u32], digits: &[u8]) -> u32 {
    let sum: u32 = weights.iter().zip(digits).map(|(w, d)| w * u32::from(*d)).sum();
    (11 - sum % 11) % 11
}

fn peer(digits: &[u8; 11]) -> Peer {
    let first = check_digit(&[3, 7, 6, 1, 8, 9, 4, 5, 2], digits);
    let second = check_digit(&[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], digits);
    if u32::from(digits[9]) != first || u32::from(digits[10]) != second {
        return Peer::Checksum;
    }
    let number = |from: usize, to: usize| digits[from..to].iter().fold(0_i16, |n, d| n * 10 + i16::from(*d));
    let (mut day, mut month, short, individual) = (number(0, 2), number(2, 4), number(4, 6), number(6, 9));
    if day >= 80 {
        return Peer::Dateless;
    }
    day -= if day > 40 { 40 } else { 0 };
    month -= if month > 40 { 40 } else { 0 };
    let century = match (individual, short) {
        (0..500, _) | (900.., 40..) => 1900,
        (500..750, 54..) => 1800,
        (_, 0..40) => 2000,
        _ => return Peer::NoDate,
    };
    let small = |n: i16| i8::try_from(n).unwrap();
    match Date::new(century + short, small(month), small(day)) {
        Ok(_) => Peer::Valid,
        Err(_) => Peer::NoDate,
    }
}

fn agrees(digits: [u8; 11]) -> Result<(), TestCaseError> {
    let ours = NationalId::from_digits(digits);
    let current = ours.as_ref().is_ok_and(|id| id.control() == Control::Current);
    match peer(&digits) {
        Peer::Valid => {
            prop_assert!(current);
            prop_assert_eq!(ours.map(|id| id.series()), Ok(Series::Real));
        }
        // Only the rule from 2032 may let it in.
        Peer::Checksum => prop_assert!(!current),
        Peer::Dateless => {
            prop_assert!(current);
            prop_assert_eq!(ours.map(|id| id.kind()), Ok(Kind::Fh));
        }
        // The century is not read off a number, and synthetic months are not the peer's.
        Peer::NoDate => {
            if let Ok(id) = ours {
                let leap = digits[..4] == [2, 9, 0, 2] || digits[..4] == [6, 9, 0, 2];
                let leap = leap || digits[..4] == [2, 9, 4, 2] || digits[..4] == [6, 9, 4, 2];
                let no_century = digits[6] >= 5 && digits[4] >= 4;
                prop_assert!(leap || no_century || id.series() != Series::Real);
            }
        }
    }
    Ok(())
}

/// Digits of a date as numbers have it, an individual number, and control digits: fitting, where there are such.
fn near_number() -> impl Strategy<Value = [u8; 11]> {
    let add = |plus: Vec<u16>| prop::sample::select(plus);
    let day = (0..=32_u16, add(vec![0, 40, 80]));
    let month = (0..=13_u16, add(vec![0, 40, 65, 80]));
    (day, month, 0..100_u16, 0..1000_u16, 0..8_u8).prop_map(|((d, dx), (m, mx), year, individual, off)| {
        let parts = [((d + dx) % 100, 2), ((m + mx) % 100, 2), (year, 2), (individual, 3)];
        let text: String = parts.iter().map(|(n, width)| format!("{n:0>width$}")).collect();
        let mut digits = [0; 11];
        for (digit, c) in digits.iter_mut().zip(text.bytes()) {
            *digit = c - b'0';
        }
        // One in four has a first control digit beside the one of today.
        let first = check_digit(&[3, 7, 6, 1, 8, 9, 4, 5, 2], &digits) + u32::from(off.saturating_sub(5));
        digits[9] = u8::try_from(first % 10).unwrap();
        digits[10] = u8::try_from(check_digit(&[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], &digits) % 10).unwrap();
        digits
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn near_numbers_are_judged_as_the_peer_judges_them(digits in near_number()) {
        agrees(digits)?;
    }

    #[test]
    fn any_digits_are_judged_as_the_peer_judges_them(digits in prop::array::uniform11(0..10_u8)) {
        agrees(digits)?;
    }

    #[test]
    fn a_lost_zero_and_separators_change_nothing(digits in near_number()) {
        let text: String = digits.iter().map(|d| char::from(b'0' + d)).collect();
        let whole = NationalId::parse(&text);
        prop_assert_eq!(&NationalId::parse(&format!("{} {}", &text[..6], &text[6..])), &whole);
        if digits[0] == 0 && digits[1] != 0 {
            prop_assert_eq!(&NationalId::parse(&text[1..]), &whole);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(id) = NationalId::parse(&text) {
            prop_assert_eq!(id.to_text().len(), 11);
        }
    }
}

#[test]
fn the_random_numbers_are_of_every_kind() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..20_000 {
        let digits = near_number().new_tree(&mut runner).unwrap().current();
        let id = NationalId::from_digits(digits);
        let kind = id.map(|id| format!("{:?} {:?} {:?}", id.kind(), id.series(), id.control())).ok();
        *seen.entry(kind).or_insert(0_u32) += 1;
    }
    for kind in
        ["Birth Real Current", "Birth Real From2032", "D Real Current", "H Real Current", "DH Real Current"]
    {
        assert!(seen.get(&Some(kind.to_owned())).is_some_and(|n| *n > 50), "{kind}: {seen:?}");
    }
    for kind in ["Birth Helsenett Current", "D Skatteetaten From2032", "Fh Real Current", "Fh Real From2032"]
    {
        assert!(seen.get(&Some(kind.to_owned())).is_some_and(|n| *n > 50), "{kind}: {seen:?}");
    }
}
