//! Numbers and dates as each language writes them.

use super::Lang;
use crate::model::Estimate;

/// No-break space: groups of a Norwegian number do not part at the end of a line.
const NBSP: char = '\u{a0}';
const MINUS: char = '\u{2212}';
const EN_DASH: char = '\u{2013}';

/// A number with `digits` decimals: `12 345,6` in Norwegian, `12,345.6` in English, with a real minus sign.
///
/// A number that is not finite is written as a dash: pages never say NaN.
pub fn decimal(lang: Lang, value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return EN_DASH.to_string();
    }
    let plain = format!("{:.digits$}", value.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let negative = value < 0.0 && plain.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let mut out = String::with_capacity(plain.len() + 6);
    if negative {
        out.push(MINUS);
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(lang.pick(NBSP, ','));
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push(lang.pick(',', '.'));
        out.push_str(fraction);
    }
    out
}

/// A whole number.
pub fn whole(lang: Lang, value: f64) -> String {
    decimal(lang, value, 0)
}

/// A signed number: a change of +12 or −3.
pub fn signed(lang: Lang, value: f64, digits: usize) -> String {
    let text = decimal(lang, value, digits);
    if value > 0.0 && text.chars().any(|c| ('1'..='9').contains(&c)) { format!("+{text}") } else { text }
}

/// `12,3 %` in Norwegian, `12.3%` in English; `share` is 0–1.
pub fn percent(lang: Lang, share: f64, digits: usize) -> String {
    let number = decimal(lang, share * 100.0, digits);
    lang.pick(format!("{number}{NBSP}%"), format!("{number}%"))
}

/// `1 958–1 992`; with a negative end `−3 til 12`, since a dash beside a minus is hard to read.
pub fn range(lang: Lang, low: f64, high: f64, digits: usize) -> String {
    let (low_text, high_text) = (decimal(lang, low, digits), decimal(lang, high, digits));
    if low_text.starts_with(MINUS) || high_text.starts_with(MINUS) {
        format!("{low_text} {} {high_text}", lang.pick("til", "to"))
    } else {
        format!("{low_text}{EN_DASH}{high_text}")
    }
}

/// `1 975 (1 958–1 992)`.
pub fn estimate(lang: Lang, estimate: Estimate, digits: usize) -> String {
    format!(
        "{} ({})",
        decimal(lang, estimate.value, digits),
        range(lang, estimate.low, estimate.high, digits)
    )
}

/// ε, ρ and the like, with as many decimals as mean something: `0,155`, `2,78`.
pub fn small(lang: Lang, value: f64) -> String {
    decimal(lang, value, if value.abs() < 1.0 { 3 } else { 2 })
}

/// An amount with all its decimals: what is written of the ledger must not be rounded.
pub fn exact(lang: Lang, value: f64) -> String {
    let text = decimal(lang, value, 9);
    text.trim_end_matches('0').trim_end_matches([',', '.']).to_owned()
}

/// A tiny number as a power of ten: `10⁻⁶`, `5·10⁻⁷`; zero is `0`.
pub fn power(lang: Lang, value: f64) -> String {
    if value <= 0.0 || !value.is_finite() {
        return decimal(lang, value, 0);
    }
    // Through the printed form, because a logarithm would turn 1e-6 into 10⁻⁵·⁹⁹⁹.
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let raised: String = exponent
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            _ => '⁹',
        })
        .collect();
    if mantissa == "1" {
        format!("10{raised}")
    } else {
        format!("{}·10{raised}", lang.pick(mantissa.replace('.', ","), mantissa.to_owned()))
    }
}

/// A date `yyyy-mm-dd…` as `01.06.2026` or `1 June 2026`; what is not such a date is given back as it is.
pub fn date(lang: Lang, iso: &str) -> String {
    let Ok(date) = iso.get(..10).unwrap_or(iso).parse::<jiff::civil::Date>() else {
        return iso.to_owned();
    };
    match lang {
        Lang::No => date.strftime("%d.%m.%Y").to_string(),
        Lang::En => date.strftime("%-d %B %Y").to_string(),
    }
}

/// A moment in UTC (RFC 3339) as `01.06.2026 08:15:00` or `1 Jun 2026 08:15:00`; anything else as it is.
pub fn moment(lang: Lang, when: &str) -> String {
    let Ok(moment) = when.parse::<jiff::Timestamp>() else { return when.to_owned() };
    moment.strftime(lang.pick("%d.%m.%Y %H:%M:%S", "%-d %b %Y %H:%M:%S")).to_string()
}

/// `a, b og c`.
pub fn list(lang: Lang, items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {} {last}", first.join(", "), lang.pick("og", "and")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norwegian_numbers_group_with_no_break_spaces_and_use_a_comma() {
        assert_eq!(decimal(Lang::No, 12_345.6, 1), "12\u{a0}345,6");
        assert_eq!(whole(Lang::No, 1_234_567.0), "1\u{a0}234\u{a0}567");
        assert_eq!(whole(Lang::No, 999.0), "999");
        assert_eq!(whole(Lang::No, -1_000.0), "\u{2212}1\u{a0}000");
        assert_eq!(percent(Lang::No, 0.123, 1), "12,3\u{a0}%");
    }

    #[test]
    fn english_numbers_group_with_commas() {
        assert_eq!(decimal(Lang::En, 12_345.6, 1), "12,345.6");
        assert_eq!(decimal(Lang::En, -0.5, 1), "\u{2212}0.5");
        assert_eq!(percent(Lang::En, 0.5, 0), "50%");
    }

    #[test]
    fn what_rounds_to_zero_has_no_sign() {
        assert_eq!(whole(Lang::No, -0.4), "0");
        assert_eq!(signed(Lang::No, 0.3, 0), "0");
        assert_eq!(signed(Lang::No, 3.0, 0), "+3");
        assert_eq!(signed(Lang::No, -3.0, 0), "\u{2212}3");
    }

    #[test]
    fn a_number_that_is_not_one_is_a_dash() {
        assert_eq!(decimal(Lang::No, f64::NAN, 1), "\u{2013}");
        assert_eq!(decimal(Lang::En, f64::INFINITY, 1), "\u{2013}");
    }

    #[test]
    fn ranges_use_a_dash_unless_an_end_is_negative() {
        assert_eq!(range(Lang::No, 1958.0, 1992.0, 0), "1\u{a0}958\u{2013}1\u{a0}992");
        assert_eq!(range(Lang::No, -3.2, 12.0, 0), "\u{2212}3 til 12");
        assert_eq!(range(Lang::En, -3.2, 12.0, 0), "\u{2212}3 to 12");
        assert_eq!(range(Lang::En, -0.2, 12.0, 0), "0\u{2013}12");
    }

    #[test]
    fn dates_powers_and_lists() {
        assert_eq!(date(Lang::No, "2026-06-01T08:00:00Z"), "01.06.2026");
        assert_eq!(date(Lang::En, "2026-06-01"), "1 June 2026");
        assert_eq!(date(Lang::No, "no date"), "no date");
        assert_eq!(power(Lang::No, 1e-6), "10⁻⁶");
        assert_eq!(power(Lang::No, 2.5e-7), "2,5·10⁻⁷");
        assert_eq!(moment(Lang::No, "2026-06-01T08:15:00.123Z"), "01.06.2026 08:15:00");
        assert_eq!(moment(Lang::En, "2026-06-01T08:15:00Z"), "1 Jun 2026 08:15:00");
        assert_eq!(moment(Lang::En, "<when>"), "<when>");
        assert_eq!(exact(Lang::No, 0.000_5), "0,0005");
        assert_eq!(exact(Lang::En, 1_000.0), "1,000");
        assert_eq!(exact(Lang::En, 0.0), "0");
        let names = ["Sagene", "Frogner", "Alna"].map(String::from);
        assert_eq!(list(Lang::No, &names), "Sagene, Frogner og Alna");
        assert_eq!(list(Lang::En, &names[..1]), "Sagene");
    }
}
