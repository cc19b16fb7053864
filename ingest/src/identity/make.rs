//! Synthetic numbers for the synthetic city: month + 80, which no person is ever given.

use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::{NationalId, W1, W2, remainder};

/// The synthetic fødselsnummer (month + 80) of somebody born on `birth` with the individual number `individual`,
/// under the control rule of today.
///
/// `None` when the individual number is above 999, or when this combination has no control digits (about one
/// in six): try the next one. Take the individual number from [`individual_numbers`] for the number to look like one of
/// that year; nothing in this program reads the century off it.
pub fn make_synthetic(birth: Date, individual: u16) -> Option<NationalId> {
    make(birth, individual, 0)
}

/// As [`make_synthetic`], as a D-number (day + 40, month + 80).
pub fn make_synthetic_d(birth: Date, individual: u16) -> Option<NationalId> {
    make(birth, individual, 40)
}

/// The individual numbers that were given to people born in `year` (1940 to 2039; the last are the usual ones).
pub fn individual_numbers(year: i16) -> RangeInclusive<u16> {
    if year < 2000 { 0..=499 } else { 500..=999 }
}

fn make(birth: Date, individual: u16, day_plus: u16) -> Option<NationalId> {
    if individual > 999 {
        return None;
    }
    let day = u16::try_from(birth.day()).ok()? + day_plus;
    let month = u16::try_from(birth.month()).ok()? + 80;
    let year = u16::try_from(birth.year().rem_euclid(100)).ok()?;
    let mut digits = [0_u8; 11];
    for (i, two) in [day, month, year].into_iter().enumerate() {
        digits[2 * i] = u8::try_from(two / 10).ok()?;
        digits[2 * i + 1] = u8::try_from(two % 10).ok()?;
    }
    digits[6] = u8::try_from(individual / 100).ok()?;
    digits[7] = u8::try_from(individual / 10 % 10).ok()?;
    digits[8] = u8::try_from(individual % 10).ok()?;
    let k1 = (11 - remainder(&W1, &digits[..9])) % 11;
    digits[9] = u8::try_from(k1).ok()?;
    // A control digit of 10 does not exist; `from_digits` refuses it.
    if digits[9] > 9 {
        return None;
    }
    let k2 = (11 - remainder(&W2, &digits[..10])) % 11;
    digits[10] = u8::try_from(k2).ok()?;
    NationalId::from_digits(digits).ok()
}
