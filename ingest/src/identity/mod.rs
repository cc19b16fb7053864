//! Norwegian national identity numbers.
//!
//! A number is eleven digits: a date, three individual digits and two control digits. Five kinds are met
//! in exports (see [`Kind`]), and three synthetic series, which add to the month (see [`Series`]).
//!
//! # What is read off a number, and what is not
//!
//! Whether it can be a number at all: its length, its date part and its control digits. Never age or sex:
//! numbers issued from 2032 carry neither, so both come from the source's own fields.
//!
//! # Control digits
//!
//! With the weights `w1 = 3 7 6 1 8 9 4 5 2` and `w2 = 5 4 3 2 7 6 5 4 3 2`, let
//! `r1 = (Σ w1·d + k1) mod 11` over the first nine digits and `r2 = (Σ w2·d + k2) mod 11` over the first ten.
//! Numbers issued today have `r1 = r2 = 0`; those issued from 2032 have `r1 ∈ {0, 1, 2, 3}` and `r2 = 0`.
//! Both are accepted, as nothing in a number says when it was issued. Every weight of `w2` is prime to 11, so one
//! mistyped digit is found under either rule.
//!
//! # Privacy
//!
//! The digits are wiped when a [`NationalId`] is dropped, and its `Debug` output shows the kind only.

mod make;

use std::fmt;

pub use make::{individual_numbers, make_synthetic, make_synthetic_d};
use zeroize::Zeroize;

const W1: [u32; 9] = [3, 7, 6, 1, 8, 9, 4, 5, 2];
const W2: [u32; 10] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];

/// What a number was issued as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fødselsnummer: a resident's number.
    Birth,
    /// D-number (day + 40): somebody without a residence permit or address in Norway.
    D,
    /// H-number (month + 40): a health institution's help number with a date of birth.
    H,
    /// D- and H-number at once (day + 40 and month + 40).
    DH,
    /// FH-number (first digit 8 or 9): a common help number without a date.
    Fh,
}

/// Whether a number belongs to a person or to a test series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// Not marked as synthetic. NAV's synthetic series (month + 40) looks like an H-number and is read as one.
    Real,
    /// Month + 80: the tax administration's synthetic population.
    Skatteetaten,
    /// Month + 65: Norsk helsenett.
    Helsenett,
}

/// Which rule the control digits keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `r1 = r2 = 0`, as issued today (and still possible from 2032).
    Current,
    /// `r1 ∈ {1, 2, 3}`, `r2 = 0`: only issued from 2032.
    From2032,
}

/// Why a text is not an identity number. Says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Something other than digits (and what may stand between them).
    #[error("an identity number has only digits")]
    NotDigits,
    /// Neither eleven digits nor ten (a lost leading zero).
    #[error("an identity number has 11 digits")]
    Length,
    /// The control digits match neither today's rule nor that of 2032.
    #[error("the control digits of the identity number do not match")]
    CheckDigit,
    /// The date part is none.
    #[error("the identity number holds no possible date")]
    Date,
}

/// A valid national identity number.
#[derive(Clone, PartialEq, Eq)]
pub struct NationalId {
    digits: [u8; 11],
    kind: Kind,
    series: Series,
    control: Control,
}

impl NationalId {
    /// Reads a number as exports write it: eleven digits, spaces and hyphens between groups allowed (and the apostrophe that
    /// spreadsheets mark text with), and ten digits when a spreadsheet ate the leading zero.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let mut digits = [0_u8; 11];
        let mut len = 0;
        for c in text.chars() {
            if let Some(d) = c.to_digit(10) {
                if len == 11 {
                    return Err(IdentityError::Length);
                }
                digits[len] = u8::try_from(d).map_err(|_| IdentityError::NotDigits)?;
                len += 1;
            } else if !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '-' | '\'') {
                return Err(IdentityError::NotDigits);
            }
        }
        match len {
            11 => {}
            // A day never starts with two zeros, so at most one can be lost.
            10 => {
                digits.rotate_right(1);
                digits[0] = 0;
            }
            _ => return Err(IdentityError::Length),
        }
        Self::from_digits(digits)
    }

    /// Checks eleven digits (values 0 to 9).
    pub fn from_digits(digits: [u8; 11]) -> Result<Self, IdentityError> {
        if digits.iter().any(|&d| d > 9) {
            return Err(IdentityError::NotDigits);
        }
        let control = control_of(&digits).ok_or(IdentityError::CheckDigit)?;
        let (kind, series) = kind_of(&digits).ok_or(IdentityError::Date)?;
        Ok(Self { digits, kind, series, control })
    }

    /// What it was issued as.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is marked as synthetic.
    pub fn series(&self) -> Series {
        self.series
    }

    /// Which control rule it keeps.
    pub fn control(&self) -> Control {
        self.control
    }

    /// The eleven ASCII digits, for hashing and for writing synthetic exports. The caller wipes the copy.
    pub fn ascii(&self) -> [u8; 11] {
        self.digits.map(|d| b'0' + d)
    }

    /// The number as text, for writing synthetic exports.
    pub fn to_text(&self) -> String {
        self.digits.iter().map(|&d| char::from(b'0' + d)).collect()
    }
}

impl fmt::Debug for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NationalId")
            .field("kind", &self.kind)
            .field("series", &self.series)
            .finish_non_exhaustive()
    }
}

impl Drop for NationalId {
    fn drop(&mut self) {
        self.digits.zeroize();
    }
}

fn remainder(weights: &[u32], digits: &[u8]) -> u32 {
    weights.iter().zip(digits).map(|(w, &d)| w * u32::from(d)).sum::<u32>() % 11
}

fn control_of(digits: &[u8; 11]) -> Option<Control> {
    let r1 = (remainder(&W1, &digits[..9]) + u32::from(digits[9])) % 11;
    let r2 = (remainder(&W2, &digits[..10]) + u32::from(digits[10])) % 11;
    match (r1, r2) {
        (0, 0) => Some(Control::Current),
        (1..=3, 0) => Some(Control::From2032),
        _ => None,
    }
}

fn kind_of(digits: &[u8; 11]) -> Option<(Kind, Series)> {
    if digits[0] >= 8 {
        return Some((Kind::Fh, Series::Real));
    }
    let two = |i: usize| digits[i] * 10 + digits[i + 1];
    let (mut day, mut month, year) = (two(0), two(2), two(4));
    let d = day > 40;
    if d {
        day -= 40;
    }
    let mut h = false;
    let mut series = Series::Real;
    match month {
        41..=52 => {
            month -= 40;
            h = true;
        }
        66..=77 => {
            month -= 65;
            series = Series::Helsenett;
        }
        81..=92 => {
            month -= 80;
            series = Series::Skatteetaten;
        }
        _ => {}
    }
    // Without a century, 29 February can be ruled out for years not divisible by four only.
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u8::from(year % 4 == 0),
        _ => return None,
    };
    let kind = match (d, h) {
        (false, false) => Kind::Birth,
        (true, false) => Kind::D,
        (false, true) => Kind::H,
        (true, true) => Kind::DH,
    };
    (1..=days).contains(&day).then_some((kind, series))
}

#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod tests;
