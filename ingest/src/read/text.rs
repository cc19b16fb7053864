//! Which encoding a text has, and whether it is one.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::memchr;
use zeroize::Zeroizing;

use crate::error::FileProblem;

/// The bytes of a text file, ready to be split into lines.
pub(crate) struct Text<'a> {
    bytes: Bytes<'a>,
    /// The bytes may hold what is no UTF-8; every line has to be checked.
    pub(crate) unchecked: bool,
    /// It was read as a one-byte encoding, in which lines of UTF-8 can hide.
    pub(crate) one_byte: bool,
}

enum Bytes<'a> {
    Borrowed(&'a [u8]),
    Decoded(Zeroizing<String>),
    Converted(Zeroizing<Vec<u8>>),
}

impl Text<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Borrowed(bytes) => bytes,
            Bytes::Decoded(text) => text.as_bytes(),
            Bytes::Converted(bytes) => bytes,
        }
    }
}

/// How much of a file is looked at to tell a text from something else.
const HEAD: usize = 8192;

/// Decodes a file. A byte-order mark wins, then the mapping's encoding, then what the bytes look like.
pub(crate) fn decode<'a>(
    bytes: &'a [u8],
    declared: Option<&'static Encoding>,
) -> Result<Text<'a>, FileProblem> {
    let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or((declared.unwrap_or(UTF_8), 0));
    let body = &bytes[mark..];
    if body.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0)) {
        return Err(FileProblem::Empty);
    }
    let wide = encoding == UTF_16LE || encoding == UTF_16BE;
    if !wide {
        refuse_what_is_no_text(body)?;
    }
    let encoding = if mark == 0 && declared.is_none() { detect(body) } else { encoding };
    if encoding == UTF_8 {
        let bytes = match lines_fed(body) {
            Some(fed) => Bytes::Converted(fed),
            None => Bytes::Borrowed(body),
        };
        return Ok(Text { bytes, unchecked: true, one_byte: false });
    }
    let (text, _) = encoding.decode_without_bom_handling(body);
    let text = Zeroizing::new(text.into_owned());
    let bytes = match lines_fed(text.as_bytes()) {
        Some(fed) => Bytes::Converted(fed),
        None => Bytes::Decoded(text),
    };
    Ok(Text { bytes, unchecked: false, one_byte: encoding.is_single_byte() })
}

/// The text with line feeds, where its lines end with a carriage return alone, as old Macintosh programs write them.
fn lines_fed(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let alone = memchr(b'\r', text).is_some() && memchr(b'\n', text).is_none();
    alone.then(|| Zeroizing::new(text.iter().map(|b| if *b == b'\r' { b'\n' } else { *b }).collect()))
}

fn refuse_what_is_no_text(body: &[u8]) -> Result<(), FileProblem> {
    let known: [(&[u8], &str); 8] = [
        (b"%PDF", "a PDF document"),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"\xd0\xcf\x11\xe0", "an old or encrypted Office file (.xls, or an .xlsx with a password)"),
        (b"\x1f\x8b", "a compressed file"),
        (b"PK", "a damaged archive"),
        (b"\x7fELF", "a program"),
        (b"PAR1", "a Parquet file"),
    ];
    if let Some((_, what)) = known.iter().find(|(magic, _)| body.starts_with(magic)) {
        return Err(FileProblem::NotATable(what));
    }
    let head = &body[..body.len().min(HEAD)];
    let strange =
        head.iter().filter(|&&b| b < 0x20 && !matches!(b, b'\t' | b'\r' | b'\n' | 0x0c | 0x1a)).count();
    // A flipped byte in a text is a matter of its line; a text does not have one control character in fifty.
    if strange > 3 && strange * 50 > head.len() {
        Err(FileProblem::NotATable("a binary file"))
    } else {
        Ok(())
    }
}

/// UTF-8 when most of what is not ASCII is UTF-8, so that a flipped byte does not turn a whole file around.
fn detect(body: &[u8]) -> &'static Encoding {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in body.utf8_chunks() {
        good += chunk.valid().bytes().filter(|b| *b >= 0xc0).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    if good >= bad { UTF_8 } else { WINDOWS_1252 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> String {
        String::from_utf8_lossy(decode(bytes, None).unwrap().bytes()).into_owned()
    }

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(decoded(b"F\xf8dt;Kj\xf8nn\r\n"), "Født;Kjønn\r\n");
        assert_eq!(decoded("Født;Kjønn\r\n".as_bytes()), "Født;Kjønn\r\n");
        assert_eq!(decoded(b"\xef\xbb\xbfF\xc3\xb8dt"), "Født");
        assert_eq!(decoded(b"\xff\xfeF\0\xf8\0d\0t\0"), "Født");
        assert_eq!(decoded(b"a;b\r1;2\r"), "a;b\n1;2\n");
        assert_eq!(decoded(b"a;\xf8\r1;2\r"), "a;ø\n1;2\n");
        // One damaged byte among much UTF-8.
        let mut bytes = "ø;å;æ;ø;å\n".repeat(3).into_bytes();
        bytes.push(0xff);
        assert!(decode(&bytes, None).unwrap().unchecked);
        assert_eq!(decode(b"a\xf8", Some(WINDOWS_1252)).unwrap().bytes(), "aø".as_bytes());
    }

    #[test]
    fn what_is_no_text_is_named() {
        let problem = |bytes: &[u8]| decode(bytes, None).err().map(|p| p.to_string()).unwrap_or_default();
        assert!(problem(b"").contains("empty"));
        assert!(problem(b"\xef\xbb\xbf \r\n").contains("empty"));
        assert!(problem(b"%PDF-1.7 ...").contains("PDF"));
        assert!(problem(&[0, 1, 2, 3, 4, 5, 6, 7]).contains("binary"));
        assert!(problem(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").contains("password"));
    }
}
