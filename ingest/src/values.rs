//! Cells, and the dates, numbers and ages in them.

use std::borrow::Cow;

use jiff::civil::Date;
use skjerm_warehouse::policy::CodeList;

/// A cell as a reader gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    /// Text; empty for an empty cell.
    Text(&'a str),
    /// A number of a workbook.
    Number(f64),
    /// A typed date of a workbook.
    Date(Date),
    /// Something of a workbook that has no value, such as `#N/A`.
    Broken,
}

impl Cell<'_> {
    /// The cell as trimmed text; whole numbers without decimals.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(trim(text)),
            // Above 2^53 a spreadsheet has lost digits; such a number is no id.
            Self::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => Cow::Owned(format!("{n:.0}")),
            Self::Number(n) => Cow::Owned(n.to_string()),
            Self::Date(date) => Cow::Owned(date.to_string()),
            Self::Broken => Cow::Borrowed("#"),
        }
    }

    /// Whether nothing but spaces is in it.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if trim(text).is_empty())
    }
}

/// The text without spaces around it. Most cells have none, which their first and last byte say.
pub(crate) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [] | [0x21..=0x7e] | [0x21..=0x7e, .., 0x21..=0x7e] => text,
        _ => text.trim(),
    }
}

/// A format of dates written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateFormat {
    /// Parts in the order day, month, year (or the reverse), with a sign between.
    Parts { sign: u8, year_first: bool },
    /// Eight digits.
    Digits { year_first: bool },
}

impl DateFormat {
    pub(crate) fn parse(format: &str) -> Result<Self, String> {
        Ok(match format {
            "dd.mm.yyyy" => Self::Parts { sign: b'.', year_first: false },
            "dd/mm/yyyy" => Self::Parts { sign: b'/', year_first: false },
            "dd-mm-yyyy" => Self::Parts { sign: b'-', year_first: false },
            "yyyy-mm-dd" => Self::Parts { sign: b'-', year_first: true },
            "yyyy.mm.dd" => Self::Parts { sign: b'.', year_first: true },
            "ddmmyyyy" => Self::Digits { year_first: false },
            "yyyymmdd" => Self::Digits { year_first: true },
            other => {
                return Err(format!(
                    "no date format is called `{other}`: there are dd.mm.yyyy, dd/mm/yyyy, dd-mm-yyyy, yyyy-mm-dd, yyyy.mm.dd, ddmmyyyy and yyyymmdd"
                ));
            }
        })
    }

    fn read(self, text: &str) -> Option<Date> {
        let parts = match self {
            Self::Parts { sign, .. } => Part::between(text, sign)?,
            Self::Digits { year_first } => Part::of_eight(text, year_first)?,
        };
        let (Self::Parts { year_first, .. } | Self::Digits { year_first }) = self;
        let [year, month, day] = if year_first { parts } else { [parts[2], parts[1], parts[0]] };
        // Two-digit years are not guessed at.
        let fits = year.digits == 4 && (1..=2).contains(&month.digits) && (1..=2).contains(&day.digits);
        let small = |part: Part| i8::try_from(part.number).ok();
        if fits { Date::new(year.number, small(month)?, small(day)?).ok() } else { None }
    }
}

/// A part of a date.
#[derive(Clone, Copy, Default)]
struct Part {
    number: i16,
    digits: u8,
}

impl Part {
    /// Adds a digit; nothing when it is none, or one too many.
    fn add(&mut self, digit: u8) -> Option<()> {
        if !digit.is_ascii_digit() || self.digits == 4 {
            return None;
        }
        self.number = 10 * self.number + i16::from(digit - b'0');
        self.digits += 1;
        Some(())
    }

    /// Three parts with a sign between.
    fn between(text: &str, sign: u8) -> Option<[Self; 3]> {
        let mut parts = [Self::default(); 3];
        let mut at = 0;
        for &byte in text.as_bytes() {
            if byte == sign {
                at += 1;
            } else {
                parts.get_mut(at)?.add(byte)?;
            }
        }
        (at == 2).then_some(parts)
    }

    /// Eight digits.
    fn of_eight(text: &str, year_first: bool) -> Option<[Self; 3]> {
        let ends = if year_first { [4, 6, 8] } else { [2, 4, 8] };
        let mut parts = [Self::default(); 3];
        let mut from = 0;
        for (part, end) in parts.iter_mut().zip(ends) {
            text.as_bytes().get(from..end)?.iter().try_for_each(|byte| part.add(*byte))?;
            from = end;
        }
        (text.len() == from).then_some(parts)
    }
}

/// The last day a spreadsheet knows, 31 December 9999.
const LAST_SERIAL: f64 = 2_958_465.0;

/// The date of a spreadsheet's serial number (days since 30 December 1899, right from March 1900 on).
pub(crate) fn serial_date(serial: f64) -> Option<Date> {
    if !(61.0..=LAST_SERIAL).contains(&serial) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let days = serial.floor() as i64;
    Date::new(1899, 12, 30).ok()?.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// A date in a cell; a time of day behind it is left off.
pub(crate) fn date(cell: &Cell<'_>, formats: &[DateFormat]) -> Option<Date> {
    match cell {
        Cell::Date(date) => Some(*date),
        Cell::Number(n) => {
            // A date whose cell lost its format is a serial number; eight digits are a date written without signs.
            if (61.0..80_000.0).contains(n) {
                return serial_date(*n);
            }
            let text = cell.text();
            formats.iter().find_map(|f| f.read(&text))
        }
        Cell::Text(text) => {
            let text = trim(text);
            formats.iter().find_map(|f| f.read(text)).or_else(|| {
                let (day, _time) = text.split_once([' ', 'T', '\u{a0}'])?;
                formats.iter().find_map(|f| f.read(day))
            })
        }
        Cell::Broken => None,
    }
}

/// A number in a cell, rounded down. Understands a decimal comma or point and spaces between thousands.
pub(crate) fn whole(cell: &Cell<'_>) -> Option<i64> {
    let value = match cell {
        Cell::Number(n) => *n,
        Cell::Text(text) => number(text.trim())?,
        Cell::Date(_) | Cell::Broken => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "bounded by the filter")]
    Some(value.floor()).filter(|v| v.abs() < 9e15).map(|v| v as i64)
}

fn number(text: &str) -> Option<f64> {
    if let Ok(plain) = text.parse::<u32>() {
        return Some(f64::from(plain));
    }
    let (sign, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let (whole, decimals) = match digits.rsplit_once(',') {
        Some((whole, decimals)) => (whole.replace('.', ""), decimals),
        None => match digits.split_once('.') {
            Some((whole, decimals)) => (whole.to_owned(), decimals),
            None => (digits.to_owned(), ""),
        },
    };
    let whole: String = whole.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 15
        || decimals.len() > 30
        || !all_digits(&whole)
        || !all_digits(decimals)
    {
        return None;
    }
    format!("{whole}.{decimals}0").parse::<f64>().ok().map(|v| sign * v)
}

/// The age bands of a code list whose codes are `13-15` and `25+`.
#[derive(Clone, Debug)]
pub(crate) struct AgeBands {
    bands: Vec<(i32, i32, u16)>,
    unknown: u16,
}

/// Nobody is older.
pub(crate) const OLDEST: i32 = 120;

impl AgeBands {
    pub(crate) fn new(list: &CodeList) -> Result<Self, String> {
        let mut bands = Vec::new();
        for code in list.codes.iter().filter(|c| c.code != "unknown") {
            let limits = match code.code.strip_suffix('+') {
                Some(from) => from.parse().ok().map(|from| (from, i32::MAX)),
                None => code.code.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))),
            };
            let (from, to) = limits
                .ok_or_else(|| format!("the code `{}` of `{}` is no age band", code.code, list.name))?;
            bands.push((from, to, crate::mapping::position(list, &code.code)?));
        }
        Ok(Self { bands, unknown: crate::mapping::position(list, "unknown")? })
    }

    /// The band of the age that somebody born on `birth` has at the end of `year`.
    pub(crate) fn at_end_of(&self, year: i16, birth: Option<Date>) -> u16 {
        let Some(birth) = birth else { return self.unknown };
        let age = i32::from(year) - i32::from(birth.year());
        self.bands.iter().find(|(from, to, _)| (*from..=*to).contains(&age)).map_or(self.unknown, |b| b.2)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date as day;
    use skjerm_warehouse::policy::Policy;

    use super::*;

    #[test]
    fn dates_are_read_in_the_declared_formats_only() {
        let formats = [DateFormat::parse("dd.mm.yyyy").unwrap(), DateFormat::parse("yyyy-mm-dd").unwrap()];
        let read = |text| date(&Cell::Text(text), &formats);
        for text in [
            "01.06.2023",
            "1.6.2023",
            " 01.06.2023 ",
            "01.06.2023 14:05",
            "2023-06-01",
            "2023-06-01T12:00:00",
        ] {
            assert_eq!(read(text), Some(day(2023, 6, 1)), "{text}");
        }
        for text in [
            "",
            "31.02.2023",
            "01.06.23",
            "06/01/2023",
            "1.6.2023.1",
            "x",
            "01.13.2023",
            "45000",
            "+1.6.2023",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(date(&Cell::Number(45078.5), &formats), Some(day(2023, 6, 1)));
        assert_eq!(serial_date(61.0), Some(day(1900, 3, 1)));
        assert_eq!(date(&Cell::Number(f64::NAN), &formats), None);
        assert_eq!(date(&Cell::Number(-5.0), &formats), None);
        let digits = [DateFormat::parse("yyyymmdd").unwrap()];
        assert_eq!(date(&Cell::Number(20_230_601.0), &digits), Some(day(2023, 6, 1)));
        assert!(DateFormat::parse("mm/dd/yy").is_err());
    }

    #[test]
    fn numbers_have_commas_points_and_spaces_and_round_down() {
        for (text, value) in [
            ("12", 12),
            ("12,5", 12),
            ("12,9", 12),
            ("0,5", 0),
            ("12.75", 12),
            ("1 234,5", 1234),
            ("1\u{a0}234", 1234),
            ("1.234,5", 1234),
            ("-3", -3),
            ("-0,5", -1),
            ("007", 7),
        ] {
            assert_eq!(whole(&Cell::Text(text)), Some(value), "{text}");
        }
        for text in ["", "x", "12a", "1e3", "NaN", "inf", "--3", ",5", "1,2,3,4x", "99999999999999999999"] {
            assert_eq!(whole(&Cell::Text(text)), None, "{text}");
        }
        assert_eq!(whole(&Cell::Number(12.9)), Some(12));
        assert_eq!(whole(&Cell::Number(f64::INFINITY)), None);
    }

    #[test]
    fn ages_are_those_at_the_end_of_the_year() {
        let policy = Policy::oslo();
        let list = policy.code_list("age_band").unwrap();
        let bands = AgeBands::new(list).unwrap();
        let band = |birth| list.codes[usize::from(bands.at_end_of(2023, birth))].code.clone();
        for (year, code) in [
            (2011, "0-12"),
            (2010, "13-15"),
            (2008, "13-15"),
            (2007, "16-17"),
            (2006, "16-17"),
            (2005, "18-22"),
            (2001, "18-22"),
            (2000, "23-24"),
            (1999, "23-24"),
            (1998, "25+"),
        ] {
            assert_eq!(band(Some(day(year, 12, 31))), code, "{year}");
        }
        assert_eq!(band(None), "unknown");
    }

    #[test]
    fn whole_numbers_in_workbooks_have_no_decimals() {
        assert_eq!(Cell::Number(1_810_750_126.0).text(), "1810750126");
        assert_eq!(Cell::Number(12.5).text(), "12.5");
    }
}
