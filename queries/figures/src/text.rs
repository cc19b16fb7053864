//! Texts in both languages, and how numbers are written in them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text in Norwegian (bokmål) and English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Norwegian, bokmål.
    pub no: String,
    /// English.
    pub en: String,
}

impl Text {
    /// Both languages at once.
    pub fn new(no: impl Into<String>, en: impl Into<String>) -> Self {
        Self { no: no.into(), en: en.into() }
    }

    /// The text in one language.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::No => &self.no,
            Language::En => &self.en,
        }
    }
}

/// The languages of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Norwegian, bokmål.
    #[default]
    No,
    /// English.
    En,
}

/// What a reader is shown for a figure: a number of the consistent display table, or ":".
///
/// Serialised as a JSON number, or as the string ":" when it is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "Shown", try_from = "Shown")]
pub enum Display {
    /// A whole number.
    Count(i64),
    /// A mean, a rate or a share.
    Decimal(f64),
    /// Not shown: the noised value is below the policy's limit, or its interval is wider than the policy's limit.
    Suppressed,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Shown {
    Count(i64),
    Decimal(f64),
    Sign(String),
}

impl From<Display> for Shown {
    fn from(display: Display) -> Self {
        match display {
            Display::Count(count) => Self::Count(count),
            Display::Decimal(value) => Self::Decimal(value),
            Display::Suppressed => Self::Sign(":".to_owned()),
        }
    }
}

impl TryFrom<Shown> for Display {
    type Error = String;

    fn try_from(shown: Shown) -> Result<Self, String> {
        match shown {
            Shown::Count(count) => Ok(Self::Count(count)),
            Shown::Decimal(value) => Ok(Self::Decimal(value)),
            Shown::Sign(sign) if sign == ":" => Ok(Self::Suppressed),
            Shown::Sign(sign) => {
                Err(format!("\"{sign}\" is not a displayed value; expected a number or \":\""))
            }
        }
    }
}

impl Display {
    /// As it is written in a text of that language.
    pub fn text(self, language: Language) -> String {
        match self {
            Self::Count(count) => number(count as f64, 0, language),
            Self::Decimal(value) => number(value, 1, language),
            Self::Suppressed => ":".to_owned(),
        }
    }
}

impl fmt::Display for Display {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Decimal(value) => write!(formatter, "{value:.1}"),
            Self::Suppressed => formatter.write_str(":"),
        }
    }
}

/// A number as prose writes it: `12 345,6` (no-break space, comma) in Norwegian, `12,345.6` in English; minus is U+2212 in both.
pub fn number(value: f64, decimals: usize, language: Language) -> String {
    let plain = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let separator = match language {
        Language::No => '\u{a0}',
        Language::En => ',',
    };
    let mut grouped = String::with_capacity(plain.len() + 8);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push(match language {
            Language::No => ',',
            Language::En => '.',
        });
        grouped.push_str(fraction);
    }
    let is_zero = plain.chars().all(|character| character == '0' || character == '.');
    if value < 0.0 && !is_zero { format!("\u{2212}{grouped}") } else { grouped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_language() {
        assert_eq!(number(12345.64, 1, Language::No), "12\u{a0}345,6");
        assert_eq!(number(12345.64, 1, Language::En), "12,345.6");
        assert_eq!(number(-1977.0, 0, Language::No), "\u{2212}1\u{a0}977");
        assert_eq!(number(-0.04, 1, Language::No), "0,0");
        assert_eq!(number(999.0, 0, Language::En), "999");
    }

    #[test]
    fn a_display_value_is_a_number_or_a_colon_in_json() {
        let written =
            serde_json::to_string(&[Display::Count(12), Display::Decimal(37.4), Display::Suppressed])
                .expect("serialises");
        assert_eq!(written, r#"[12,37.4,":"]"#);
        let read: Vec<Display> = serde_json::from_str(&written).expect("reads back");
        assert_eq!(read, [Display::Count(12), Display::Decimal(37.4), Display::Suppressed]);
        assert!(serde_json::from_str::<Display>("\"..\"").is_err());
    }
}
