//! Texts that anybody may have written, made fit to be read: what would steer the reader's eye becomes a visible sign.
//! Markup needs no care here: the templates escape.

/// From how many characters on a text in a table is folded.
const LONG: usize = 140;

/// A text of the book, in full or folded.
pub(crate) struct Words {
    /// All of it, or its beginning.
    pub(crate) shown: String,
    /// All of it, if it is folded.
    pub(crate) whole: String,
}

impl Words {
    pub(crate) fn new(text: &str) -> Self {
        let text = visible(text);
        if text.chars().count() <= LONG {
            return Self { shown: text, whole: String::new() };
        }
        let beginning: String = text.chars().take(LONG - 20).collect();
        Self { shown: format!("{}…", beginning.trim_end()), whole: text }
    }
}

/// Without control characters, and without those that turn or hide what stands around them.
pub(crate) fn visible(text: &str) -> String {
    let sign = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(' '),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => '\u{fffd}',
        other => other,
    };
    text.chars().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_eye() {
        assert_eq!(visible("a\u{1b}[31mb\0c\nd"), "a␛[31mb␀c d");
        assert_eq!(visible("x\u{202e}y\u{7f}\u{85}"), "x\u{fffd}y␡\u{fffd}");
        assert_eq!(visible("select 'æøå' – 7·10⁻⁶"), "select 'æøå' – 7·10⁻⁶");
    }

    #[test]
    fn long_texts_are_folded() {
        let words = Words::new("short");
        assert_eq!((words.shown.as_str(), words.whole.as_str()), ("short", ""));
        let long = "æ ".repeat(200);
        let words = Words::new(&long);
        assert!(words.shown.ends_with('…') && words.shown.chars().count() <= LONG);
        assert_eq!(words.whole, long);
    }
}
