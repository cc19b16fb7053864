//! Districts as statistics banks write them.

use std::collections::BTreeMap;

use super::WHOLE_CITY;
use crate::policy::{CodeList, UNKNOWN};

/// Residents who are registered in no district.
pub(super) const UNREGISTERED: &str = "030199";

/// The districts by code and name.
#[derive(Debug)]
pub(super) struct Regions {
    codes: Vec<String>,
    names: BTreeMap<String, String>,
}

impl Regions {
    /// The districts of the policy, the whole city, and those registered in no district.
    pub(super) fn new(districts: &CodeList) -> Self {
        let districts = districts.codes.iter().filter(|code| code.code != UNKNOWN);
        let mut names = BTreeMap::new();
        for code in districts.clone() {
            names.extend([&code.no, &code.en].map(|name| (plain(name), code.code.clone())));
        }
        for (code, spelt) in [
            (WHOLE_CITY, &["Oslo", "Oslo i alt", "Hele Oslo", "Oslo kommune", "Oslo - Oslove", "I alt"][..]),
            (
                UNREGISTERED,
                &["Uoppgitt", "Uoppgitt bydel", "Bydel uoppgitt", "Uten registrert adresse", "Uregistrert"],
            ),
        ] {
            names.extend(spelt.iter().map(|name| (plain(name), code.to_owned())));
        }
        let codes = districts.map(|code| code.code.clone());
        Self { codes: codes.chain([WHOLE_CITY.to_owned(), UNREGISTERED.to_owned()]).collect(), names }
    }

    /// All districts, without the city and the unregistered.
    pub(super) fn districts(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(String::as_str).filter(|code| ![WHOLE_CITY, UNREGISTERED].contains(code))
    }

    /// The code of "030101", "030101a", "030101 Gamle Oslo", "01 Gamle Oslo", "Bydel Gamle Oslo" or "Gamle Oslo".
    /// A code with a name that is another's is none.
    pub(super) fn code(&self, text: &str) -> Option<&str> {
        let text = text.trim();
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return self.name(text);
        }
        let (code, name) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let code = self.number(code)?;
        (name.trim().is_empty() || self.name(name) == Some(code)).then_some(code)
    }

    /// The code of a member that has both a code and a label. The code of another bank may be a mere running number, so
    /// that the label rules; one of SSB's must be known and name the same district, since other cities have a Sentrum too.
    pub(super) fn member(&self, code: &str, label: Option<&str>) -> Option<&str> {
        let label = label.filter(|label| label.trim() != code);
        let number = code.len() >= 4 && code.starts_with(|c: char| c.is_ascii_digit());
        match (number.then(|| self.code(code)), label.map(|label| self.code(label))) {
            (Some(by_code), Some(by_label)) if by_code != by_label => None,
            (Some(found), _) | (None, Some(found)) => found,
            (None, None) => self.code(code),
        }
    }

    /// SSB's number, perhaps without its leading zero, perhaps with the letters that tell today's districts from
    /// those before 2004; or two digits.
    fn number(&self, text: &str) -> Option<&str> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let code = match (digits.len(), digits) {
            (4 | 6, _) => digits.to_owned(),
            (3 | 5, _) => format!("0{digits}"),
            (2, _) if digits == text => format!("{WHOLE_CITY}{digits}"),
            _ => return None,
        };
        let code = code.strip_suffix("00").filter(|code| *code == WHOLE_CITY).unwrap_or(&code);
        self.codes.iter().map(String::as_str).find(|known| *known == code)
    }

    fn name(&self, text: &str) -> Option<&str> {
        self.names.get(&plain(text)).map(String::as_str)
    }
}

/// A name without what spellings differ in: the word for a district, case, signs, and what stands in parentheses.
fn plain(name: &str) -> String {
    let name = name.split('(').next().unwrap_or_default().trim().to_lowercase();
    let name = name.strip_prefix("bydel ").unwrap_or(&name);
    name.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn districts_are_known_as_they_are_written() {
        let policy = Policy::oslo();
        let regions = Regions::new(policy.code_list("district").expect("districts"));
        for (text, code) in [
            ("030101", "030101"),
            ("030101a", "030101"),
            ("030100aa", "0301"),
            ("0301", "0301"),
            ("30104 St.Hanshaugen", "030104"),
            ("030104 St. Hanshaugen", "030104"),
            ("04 St Hanshaugen", "030104"),
            ("Bydel Grünerløkka", "030102"),
            ("Østensjø (2004-)", "030113"),
            ("00 Oslo i alt", "0301"),
            ("0301 Oslo - Oslove", "0301"),
            ("030199 Uoppgitt bydel", "030199"),
        ] {
            assert_eq!(regions.code(text), Some(code), "{text}");
        }
        for text in
            ["030118", "030102 Gamle Oslo", "460101 Arna", "4601", "Løren", "", "1", "030101-02", "100000"]
        {
            assert_eq!(regions.code(text), None, "{text}");
        }
        assert_eq!(regions.member("3", Some("Bydel Sagene")), Some("030103"), "a running number");
        assert_eq!(regions.member("030103a", Some("Sagene")), Some("030103"));
        assert_eq!(regions.member("030103a", None), Some("030103"));
        assert_eq!(regions.member("030103a", Some("Frogner")), None, "code and label disagree");
        assert_eq!(regions.member("030103a", Some("Torshov")), None, "a part of it");
        assert_eq!(regions.member("110303a", Some("Sentrum")), None, "another city's");
        assert_eq!(regions.member("Bydel Sagene", Some("Bydel Sagene")), Some("030103"));
        assert_eq!(regions.districts().count(), 17);
    }
}
