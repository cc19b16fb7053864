//! How words are spelt: headers, codes, districts, municipalities.

use std::collections::{BTreeMap, HashMap};

use skjerm_warehouse::policy::CodeList;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::mapping::Spelling;

/// Adds a letter or digit in its plainest form: no case, no accents, `ø` as `o`, `æ` as `ae`.
pub(crate) fn push_plain(out: &mut String, c: char) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    for c in c.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'ø' => out.push('o'),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ß' => out.push_str("ss"),
            'đ' | 'ð' => out.push('d'),
            'þ' => out.push_str("th"),
            'ł' => out.push('l'),
            'ŋ' => out.push('n'),
            'ŧ' => out.push('t'),
            'ı' => out.push('i'),
            c => out.push(c),
        }
    }
}

/// A word as it is compared: letters and digits in their plainest form, and `<`, `>`, `+`, which change a meaning.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in
        text.chars().filter(|c| c.is_alphanumeric() || is_combining_mark(*c) || matches!(c, '<' | '>' | '+'))
    {
        if !is_combining_mark(c) {
            push_plain(&mut out, c);
        }
    }
    out
}

/// What words mean in one code list.
#[derive(Debug)]
pub(crate) struct Words {
    words: HashMap<String, u16>,
    spelling: Spelling,
}

/// A word with two meanings in a list, such as the name of two municipalities: it is understood as neither.
const AMBIGUOUS: u16 = u16::MAX;

impl Words {
    /// The list's codes and labels, with a mapping's further words; these win over labels.
    pub(crate) fn new(
        list: &CodeList,
        recode: &BTreeMap<String, Vec<String>>,
        spelling: Spelling,
    ) -> Result<Self, String> {
        let mut words: HashMap<String, u16> = HashMap::new();
        for (at, code) in list.codes.iter().enumerate() {
            let at = u16::try_from(at).map_err(|_| format!("the code list `{}` is too long", list.name))?;
            for label in [&code.no, &code.en] {
                words
                    .entry(fold(label))
                    .and_modify(|b| *b = if *b == at { at } else { AMBIGUOUS })
                    .or_insert(at);
            }
        }
        let mut seen: HashMap<String, u16> = HashMap::new();
        for (code, spellings) in recode {
            let at = crate::mapping::position(list, code)?;
            for word in spellings {
                if seen.insert(fold(word), at).is_some_and(|before| before != at) {
                    return Err(format!("`recode` gives the word `{word}` two meanings"));
                }
            }
        }
        words.extend(seen);
        for (at, code) in list.codes.iter().enumerate() {
            words.insert(fold(&code.code), u16::try_from(at).unwrap_or(AMBIGUOUS));
        }
        words.remove("");
        Ok(Self { words, spelling })
    }

    /// The position of the code a text means.
    pub(crate) fn meaning(&self, text: &str) -> Option<u16> {
        let folded = fold(text);
        self.word(&folded).or_else(|| match self.spelling {
            Spelling::Plain => None,
            Spelling::District => self.district(&folded),
            Spelling::Municipality => self.municipality(&folded),
        })
    }

    fn word(&self, folded: &str) -> Option<u16> {
        self.words.get(folded).copied().filter(|&at| at != AMBIGUOUS)
    }

    /// `Bydel X`, `X bydel`, `4`, `04`, `0301 04`, `30104`, `04 St. Hanshaugen`, `030104 Bydel St. Hanshaugen`.
    ///
    /// `99`, `00` and `0301` (all Oslo) name no district, so they are unknown. A number and a name that do not agree are
    /// not understood. Six digits from another numbering of the city (`040000`) are not, either.
    fn district(&self, folded: &str) -> Option<u16> {
        let digits = folded.bytes().take_while(u8::is_ascii_digit).count();
        let (number, name) = folded.split_at(digits);
        let name = name.strip_prefix("bydelen").or_else(|| name.strip_prefix("bydel")).unwrap_or(name);
        let name = name.strip_suffix("bydel").unwrap_or(name);
        if number.is_empty() {
            return self.word(name);
        }
        let in_city = match number.len() {
            1 | 2 => number,
            5 => number.strip_prefix("301")?,
            6 => number.strip_prefix("0301")?,
            // The city as a whole, `0301 Oslo i alt`.
            4 if number == "0301" => return self.word("unknown"),
            3 if number == "301" => return self.word("unknown"),
            _ => return None,
        };
        if matches!(in_city, "0" | "00" | "99") {
            return self.word("unknown");
        }
        let by_number = self.word(&format!("0301{in_city:0>2}"))?;
        if name.is_empty() || self.word(name) == Some(by_number) { Some(by_number) } else { None }
    }

    /// A number with a lost zero, a name with `kommune` behind it, or a number and its name.
    fn municipality(&self, folded: &str) -> Option<u16> {
        let digits = folded.bytes().take_while(u8::is_ascii_digit).count();
        let (number, name) = folded.split_at(digits);
        let name = name.strip_suffix("kommune").unwrap_or(name);
        if number.is_empty() {
            return self.word(name);
        }
        if !(3..=4).contains(&number.len()) {
            return None;
        }
        let by_number = self.word(&format!("{number:0>4}"))?;
        // The list may tell two of a name apart (`Herøy (Nordland)`) where the number already does.
        let agrees = self.words.iter().any(|(word, &at)| at == by_number && word.starts_with(name));
        agrees.then_some(by_number)
    }
}

#[cfg(test)]
mod tests {
    use skjerm_warehouse::policy::Policy;

    use super::*;

    fn meaning(list: &str, spelling: Spelling, text: &str) -> Option<String> {
        let policy = Policy::oslo();
        let list = policy.code_list(list).unwrap();
        let words = Words::new(list, &BTreeMap::new(), spelling).unwrap();
        words.meaning(text).map(|at| list.codes[usize::from(at)].code.clone())
    }

    #[test]
    fn districts_are_understood_in_every_spelling_met() {
        let spellings = [
            "St. Hanshaugen",
            "St.Hanshaugen",
            "St Hanshaugen",
            "ST. HANSHAUGEN",
            "Bydel St. Hanshaugen",
            "bydel st.hanshaugen",
            "St. Hanshaugen bydel",
            "04",
            "4",
            "030104",
            "30104",
            "04 St. Hanshaugen",
            "030104 Bydel St. Hanshaugen",
            " 0301 04 ",
            "04 Bydel St.Hanshaugen",
        ];
        for text in spellings {
            assert_eq!(meaning("district", Spelling::District, text).as_deref(), Some("030104"), "{text}");
        }
        for (text, code) in [
            ("Grünerløkka", "030102"),
            ("Grunerlokka", "030102"),
            ("Gru\u{308}nerløkka", "030102"),
            ("Østensjø", "030113"),
            ("Bydel Søndre Nordstrand", "030115"),
            ("Nordstrand", "030114"),
            ("15", "030115"),
            ("Sentrum", "030116"),
            ("17", "030117"),
            ("99", "unknown"),
            ("00", "unknown"),
            ("0301 Oslo i alt", "unknown"),
            ("0301", "unknown"),
        ] {
            assert_eq!(meaning("district", Spelling::District, text).as_deref(), Some(code), "{text}");
        }
        for text in
            ["18", "Bydel 4 Frogner", "04 Frogner", "100000", "Atlantis", "030118", "4030104", "Hanshaugen"]
        {
            assert_eq!(meaning("district", Spelling::District, text), None, "{text}");
        }
    }

    #[test]
    fn services_are_districts_and_uteseksjonen() {
        for (text, code) in [("Uteseksjonen", "uteseksjonen"), ("Bydel Alna", "030112"), ("9", "030109")] {
            assert_eq!(meaning("service", Spelling::District, text).as_deref(), Some(code), "{text}");
        }
        assert_eq!(meaning("service", Spelling::District, "Marka"), None);
    }

    #[test]
    fn municipalities_are_understood_by_name_or_number() {
        for (text, code) in [
            ("Oslo", "0301"),
            ("0301", "0301"),
            ("301", "0301"),
            ("Oslo kommune", "0301"),
            ("0301 Oslo", "0301"),
            ("TROMSØ", "5501"),
            ("1818", "1818"),
            ("1818 Herøy", "1818"),
            ("unknown", "unknown"),
        ] {
            assert_eq!(
                meaning("municipality", Spelling::Municipality, text).as_deref(),
                Some(code),
                "{text}"
            );
        }
        // Two municipalities have this name: guessing would be wrong half the time.
        assert_eq!(meaning("municipality", Spelling::Municipality, "Herøy"), None);
        assert_eq!(meaning("municipality", Spelling::Municipality, "0301 Bergen"), None);
    }

    #[test]
    fn signs_that_change_a_meaning_stay() {
        assert_eq!(fold("Varighet (min)"), "varighetmin");
        assert_ne!(fold("<18"), fold("18"));
        assert_eq!(fold("18–25"), fold("18-25"));
    }
}
