//! Who a row is about: identity number, else name and birth date, else the source's client number.
//!
//! # Privacy
//!
//! The identifiers of a row live in buffers that are wiped, from the reader's cell to the keyed hash, and no longer.

use jiff::civil::Date;
use zeroize::Zeroizing;

use crate::identity::{IdentityError, NationalId};
use crate::key::{LinkingKey, Message, Pseudonym, Purpose};
use crate::reason::Reason;
use crate::spelling::push_plain;

/// How a person was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkLevel {
    NationalId,
    NameBirth,
    Client,
}

/// The pseudonym of an identity number. `message` is a buffer.
pub(crate) fn by_national_id(
    key: &LinkingKey,
    message: &mut Message,
    text: &str,
) -> Result<Pseudonym, Reason> {
    let id = NationalId::parse(text).map_err(|error| match error {
        IdentityError::CheckDigit => Reason::BadCheckDigit,
        IdentityError::NotDigits | IdentityError::Length | IdentityError::Date => Reason::BadNumber,
    })?;
    let digits = Zeroizing::new(id.ascii());
    message.clear();
    message.push(&*digits);
    Ok(key.of_message(Purpose::NationalId, message))
}

/// The pseudonym of a name with a birth date: the same for every source. `None` when the name has fewer than two parts: too many
/// share a first name and a birthday.
pub(crate) fn by_name(key: &LinkingKey, names: &[&str], birth: Date) -> Option<Pseudonym> {
    let name = normal_name(names)?;
    let date = Zeroizing::new(birth.to_string());
    Some(key.pseudonym(Purpose::NameBirth, &[name.as_bytes(), date.as_bytes()]))
}

/// The pseudonym of a source's client number. `message` is a buffer.
pub(crate) fn by_client(key: &LinkingKey, message: &mut Message, source: &str, client: &str) -> Pseudonym {
    message.clear();
    message.push(source.as_bytes());
    push_id(message, client);
    key.of_message(Purpose::Client, message)
}

/// Adds an id as it is compared.
pub(crate) fn push_id(message: &mut Message, text: &str) {
    match text.as_bytes() {
        // As most are: nothing to be made of it.
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => message.push(text.as_bytes()),
        _ => message.push(normal_id(text).as_bytes()),
    }
}

/// An id as it is compared: without spaces, leading zeros of a whole number, and case.
fn normal_id(text: &str) -> Zeroizing<String> {
    let mut id = Zeroizing::new(String::with_capacity(text.len()));
    id.extend(text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase));
    if id.bytes().all(|b| b.is_ascii_digit()) {
        let significant = id.trim_start_matches('0').len().max(usize::from(!id.is_empty()));
        let cut = id.len() - significant;
        id.drain(..cut);
    }
    id
}

/// A name as it is compared: its parts without case, accents and signs, in alphabetical order, so that neither
/// the order of given and family name nor a hyphen matters.
fn normal_name(names: &[&str]) -> Option<Zeroizing<String>> {
    let length = names.iter().map(|n| 2 * n.len() + 2).sum();
    let mut plain = Zeroizing::new(String::with_capacity(length));
    for name in names {
        for c in name.chars() {
            if c.is_alphanumeric() {
                push_plain(&mut plain, c);
            } else if c.is_whitespace() || matches!(c, '-' | ',' | ';' | '/' | '.' | '_') || is_dash(c) {
                plain.push(' ');
            }
            // Anything else (apostrophes, combining marks) is left out.
        }
        plain.push(' ');
    }
    let mut parts: Vec<&str> = plain.split_ascii_whitespace().collect();
    if parts.len() < 2 {
        return None;
    }
    parts.sort_unstable();
    let mut name = Zeroizing::new(String::with_capacity(plain.len()));
    for part in parts {
        name.push_str(part);
        name.push(' ');
    }
    Some(name)
}

fn is_dash(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_name_links_whatever_its_case_accents_hyphens_and_order() {
        let key = LinkingKey::generate().unwrap();
        let born = date(2005, 3, 14);
        let of = |names: &[&str]| by_name(&key, names, born).unwrap();
        let same = of(&["Anne-Marie", "Grønås Çelik"]);
        for names in [
            vec!["ANNE MARIE", "GRØNÅS ÇELIK"],
            vec!["Grønås Celik, Anne-Marie"],
            vec!["anne–marie", "grona\u{30a}s c\u{327}elik"],
            vec!["Grønås\u{a0}Çelik", " Anne  Marie "],
        ] {
            assert_eq!(of(&names), same, "{names:?}");
        }
        assert_ne!(of(&["Anne", "Grønås Çelik"]), same);
        assert_ne!(by_name(&key, &["Anne-Marie", "Grønås Çelik"], date(2005, 3, 15)).unwrap(), same);
        assert_eq!(of(&["Sean", "O'Brien"]), of(&["Seán", "O’Brien"]));
        assert!(by_name(&key, &["Anne", ""], born).is_none());
        assert!(by_name(&key, &["", "---"], born).is_none());
    }

    #[test]
    fn ids_are_the_same_with_lost_zeros() {
        assert_eq!(*normal_id("0042"), "42");
        assert_eq!(*normal_id(" 42 "), "42");
        assert_eq!(*normal_id("000"), "0");
        assert_eq!(*normal_id("00a2"), "00A2");
        assert_eq!(*normal_id("K-0042"), "K-0042");
    }

    #[test]
    fn a_client_number_is_of_its_source_and_no_identity_number() {
        let key = LinkingKey::generate().unwrap();
        let by_client = |source, client| by_client(&key, &mut Message::default(), source, client);
        let by_number = |text| by_national_id(&key, &mut Message::default(), text);
        assert_ne!(by_client("soma", "42"), by_client("kontakt", "42"));
        assert_eq!(by_client("soma", "42"), by_client("soma", " 0042 "));
        let number = "01810750126";
        assert_ne!(by_client("soma", number), by_number(number).unwrap());
        assert_eq!(by_number(number), by_number("1810750126"));
        assert_eq!(by_number("01810750127"), Err(Reason::BadCheckDigit));
        assert_eq!(by_number("ukjent"), Err(Reason::BadNumber));
    }
}
