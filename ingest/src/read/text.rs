//! Which encoding a text has, and whether it is one.

use std::io::{self, Read, SeekFrom};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::Input;
use crate::error::FileProblem;
use crate::wiped;

/// What is known of a text before its first row is read.
pub(crate) struct Survey {
    pub(crate) encoding: &'static Encoding,
    /// Bytes of the byte-order mark.
    pub(crate) mark: usize,
    /// Bytes to read at a time: all of a small text.
    pub(super) step: usize,
    /// Objects in lines, and no fields between delimiters.
    pub(crate) is_json: bool,
}

/// How much of a file is looked at to tell a text from something else.
const HEAD: usize = 8192;
/// How much is read at a time, at most.
pub(super) const STEP: usize = 1 << 20;
/// And at least.
const LEAST: usize = 1 << 12;
/// How many characters beyond ASCII decide on the encoding.
const ENOUGH: usize = 100_000;

/// Looks at a file and goes back to its start. A byte-order mark wins, then the mapping's encoding, then what the bytes
/// look like.
pub(crate) fn survey(
    source: &mut dyn Input,
    declared: Option<&'static Encoding>,
) -> Result<Survey, FileProblem> {
    let length = source.seek(SeekFrom::End(0)).and_then(|length| source.rewind().map(|()| length));
    let length = length.map_err(FileProblem::Io)?;
    // A buffer holds a step and never grows, also when the file does.
    let step = usize::try_from(length).map_or(STEP, |length| length.clamp(LEAST, STEP));
    let mut piece = wiped::buffer(step);
    fill(source, &mut piece, step)?;
    let (mut encoding, mark) = Encoding::for_bom(&piece).unwrap_or((declared.unwrap_or(UTF_8), 0));
    let is_open = mark == 0 && declared.is_none();
    if let Some(wide) = wide(&piece[..piece.len().min(HEAD)]).filter(|_| is_open) {
        encoding = wide;
    }
    let is_wide = encoding == UTF_16LE || encoding == UTF_16BE;
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0);
    if !is_wide {
        refuse_what_is_no_text(&piece[mark..])?;
    }
    let first = piece[mark..].iter().find(|b| !blank(b)).copied();
    let mut is_empty = first.is_none();
    let mut count = Utf8Count::default();
    let mut from = mark;
    loop {
        is_empty = is_empty && piece[from..].iter().all(blank);
        count.add(&piece[from..]);
        from = 0;
        let decided = !is_open || is_wide || count.good + count.bad >= ENOUGH;
        if (decided && !is_empty) || piece.len() < step {
            break;
        }
        piece.clear();
        fill(source, &mut piece, step)?;
    }
    if is_empty {
        return Err(FileProblem::Empty);
    }
    if is_open && !is_wide {
        encoding = count.encoding();
    }
    source.rewind().map_err(FileProblem::Io)?;
    Ok(Survey { encoding, mark, step, is_json: first == Some(b'{') })
}

fn fill(source: &mut dyn Input, piece: &mut Vec<u8>, step: usize) -> Result<(), FileProblem> {
    let wanted = u64::try_from(step).unwrap_or(u64::MAX);
    io::Read::take(source, wanted).read_to_end(piece).map(drop).map_err(FileProblem::Io)
}

/// UTF-16 without a byte-order mark: most characters of these exports are ASCII, so that every second byte is 0.
fn wide(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |from: usize| head.iter().skip(from).step_by(2).map(|b| usize::from(*b == 0)).sum::<usize>();
    let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
    // More than three in four of one half, and hardly any of the other.
    match () {
        () if half < 4 => None,
        () if odd * 4 > half * 3 && even * 50 < half => Some(UTF_16LE),
        () if even * 4 > half * 3 && odd * 50 < half => Some(UTF_16BE),
        () => None,
    }
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
    if strange > 3 && strange * 50 > head.len() && head.iter().any(|b| *b != 0) {
        return Err(FileProblem::NotATable("a binary file"));
    }
    match head.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'<') => Err(FileProblem::NotATable("a web page or XML (some systems call it .xls)")),
        Some(b'[') => Err(FileProblem::NotATable("a JSON array, where each line is to be an object")),
        _ => Ok(()),
    }
}

/// UTF-8 when most of what is not ASCII is UTF-8, so that a flipped byte does not turn a whole file around.
#[derive(Default)]
struct Utf8Count {
    good: usize,
    bad: usize,
}

impl Utf8Count {
    /// A character that two pieces share counts as a bad one, which is one among many.
    fn add(&mut self, piece: &[u8]) {
        if piece.is_ascii() {
            return;
        }
        for chunk in piece.utf8_chunks() {
            self.good += chunk.valid().bytes().filter(|b| *b >= 0xc0).count();
            self.bad += usize::from(!chunk.invalid().is_empty());
            if self.good + self.bad >= ENOUGH {
                return;
            }
        }
    }

    fn encoding(&self) -> &'static Encoding {
        if self.good >= self.bad { UTF_8 } else { WINDOWS_1252 }
    }
}
