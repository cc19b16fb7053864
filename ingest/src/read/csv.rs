//! Delimited text, split so that nothing is lost.
//!
//! The usual readers treat an unclosed quote as the start of a field that reaches to the end of the file, and
//! a cut or damaged export would lose every row behind it. Here a quoted field may cross lines, but when it does not close
//! soon, or the row it closes in does not fit the header, only the line where it begins is given up,
//! and reading goes on with the next one.

use memchr::{memchr, memchr2, memchr3_iter, memrchr};

use super::Sink;
use crate::error::FileProblem;
use crate::reason::Reason;
use crate::values::Cell;
use crate::wiped::{self, Wiped};

/// The most line ends a quoted field may hold.
const MAX_LINE_ENDS: usize = 32;
/// The most bytes a row that crosses lines may have.
const MAX_ROW: usize = 256 * 1024;
/// Whether a text has letters of UTF-8 that were read as Windows-1252 and written again.
pub(crate) fn is_encoded_twice(text: &str) -> bool {
    text.match_indices('Ã').any(|(at, seen)| text[at + seen.len()..].starts_with(SEEN_DOUBLE))
}

/// What `æ`, `ø`, `å`, `é`, `ä`, `ö` and `ü` of UTF-8 look like behind an `Ã`, when read as Windows-1252.
const SEEN_DOUBLE: [char; 11] = ['¦', '¸', '¥', '†', '˜', '…', '©', '¤', '¶', '¼', '–'];
/// How many lines are looked at to find the delimiter.
const LOOK_AT: usize = 40;

/// How a text is written.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) delimiter: u8,
    /// It was read as a one-byte encoding, in which lines of UTF-8 can hide.
    pub(crate) one_byte: bool,
}

/// Reads rows into a sink, from this line on, until it has enough. Gives the bytes it read and the line behind them.
pub(crate) fn read(
    bytes: &[u8],
    layout: Layout,
    from_line: u64,
    sink: &mut dyn Sink,
) -> Result<(usize, u64), FileProblem> {
    let mut rest = bytes;
    let mut line = from_line;
    let mut fields = Fields::default();
    let mut spare = Vec::new();
    while !rest.is_empty() && !sink.has_enough() {
        let (first, after) = split_line(rest);
        if memchr(b'"', first).is_none() {
            fields.split_plain(first, layout.delimiter);
            give(first, line, layout, &fields, &mut spare, sink)?;
            (rest, line) = (after, line + 1);
            continue;
        }
        match fields.split_quoted(rest, layout.delimiter) {
            // A row that crosses lines and does not fit was more likely opened by a stray quote.
            Quoted::Row(row) if row.line_ends == 0 || sink.fits(fields.parts.len()) => {
                give(&rest[..row.bytes], line, layout, &fields, &mut spare, sink)?;
                rest = &rest[row.bytes..];
                line += row.line_ends + 1;
            }
            _ => {
                sink.broken(line, Reason::UnclosedQuote);
                (rest, line) = (after, line + 1);
            }
        }
    }
    Ok((bytes.len() - rest.len(), line))
}

/// How many bytes at the front are whole rows, whatever comes behind them: they are read the same on their own.
pub(crate) fn whole_rows(bytes: &[u8], layout: Layout, fits: &dyn Fn(usize) -> bool) -> usize {
    let Some(last) = memrchr(b'\n', bytes) else { return 0 };
    let mut fields = Fields::default();
    let mut at = 0;
    while let Some(quote) = memchr(b'"', &bytes[at..]) {
        at += memrchr(b'\n', &bytes[at..at + quote]).map_or(0, |end| end + 1);
        let rest = &bytes[at..];
        match fields.split_quoted(rest, layout.delimiter) {
            Quoted::Unclosed => return at,
            Quoted::Row(row) if row.bytes == rest.len() && !rest.ends_with(b"\n") => return at,
            Quoted::Row(row) if row.line_ends == 0 || fits(fields.parts.len()) => at += row.bytes,
            _ => match memchr(b'\n', rest) {
                Some(end) => at += end + 1,
                None => return at,
            },
        }
    }
    last + 1
}

fn give(
    raw: &[u8],
    line: u64,
    layout: Layout,
    fields: &Fields,
    spare: &mut Vec<Cell<'static>>,
    sink: &mut dyn Sink,
) -> Result<(), FileProblem> {
    if raw.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let (Ok(row), Ok(unquoted)) = (str::from_utf8(raw), str::from_utf8(&fields.unquoted)) else {
        sink.broken(line, Reason::BadEncoding);
        return Ok(());
    };
    if damaged(row, layout.one_byte) {
        sink.broken(line, Reason::BadEncoding);
        return Ok(());
    }
    let mut cells = emptied(std::mem::take(spare));
    cells.extend(fields.parts.iter().map(|part| {
        let source = if part.unquoted { unquoted } else { row };
        Cell::Text(source.get(part.from..part.to).unwrap_or_default())
    }));
    let given = give_cells(line, &cells, sink);
    *spare = emptied(cells);
    given
}

fn give_cells(line: u64, cells: &[Cell<'_>], sink: &mut dyn Sink) -> Result<(), FileProblem> {
    if cells.iter().all(Cell::is_empty) {
        return Ok(());
    }
    if sink.fits(cells.len()) {
        return sink.row(line, cells);
    }
    // A spreadsheet may write more delimiters than the header has.
    let filled = cells.iter().rposition(|c| !c.is_empty()).map_or(0, |at| at + 1);
    let fitting = (filled..cells.len()).rev().find(|&n| sink.fits(n));
    if let Some(n) = fitting {
        return sink.row(line, &cells[..n]);
    }
    sink.broken(line, Reason::WrongNumberOfFields);
    Ok(())
}

/// The room of these cells for those of another row. Collecting an empty vector's own iterator keeps its memory, and makes
/// none for each row.
fn emptied<'to>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'to>> {
    cells.clear();
    cells.into_iter().map(|_| Cell::Broken).collect()
}

/// Whether a row holds characters that only a wrong or broken encoding makes.
fn damaged(row: &str, one_byte: bool) -> bool {
    if memchr(0, row.as_bytes()).is_some() {
        return true;
    }
    if row.is_ascii() {
        return false;
    }
    // The first bytes, in UTF-8, of U+FFFD, of the control characters from U+0080 to U+009F, and of `Ã`.
    memchr3_iter(0xef, 0xc2, 0xc3, row.as_bytes()).any(|at| match &row.as_bytes()[at..] {
        [0xef, 0xbf, 0xbd, ..] | [0xc2, 0x80..=0x9f, ..] => true,
        [0xc3, 0x83, ..] => one_byte && row[at + 2..].starts_with(SEEN_DOUBLE),
        _ => false,
    })
}

/// The line at the front, without its end, and what follows it.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (line, after) = match memchr(b'\n', bytes) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &bytes[bytes.len()..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), after)
}

/// The delimiter that the first lines have most of.
pub(crate) fn guess_delimiter(bytes: &[u8]) -> u8 {
    let mut rest = bytes;
    let mut counts = [(b';', 0_usize), (b',', 0), (b'\t', 0)];
    for _ in 0..LOOK_AT {
        let (line, after) = split_line(rest);
        for (delimiter, count) in &mut counts {
            *count = (*count).max(memchr::memchr_iter(*delimiter, line).count());
        }
        rest = after;
    }
    // The first of equals: `;`.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b';', |(delimiter, _)| *delimiter)
}

/// The fields of one row, as ranges.
#[derive(Default)]
struct Fields {
    parts: Vec<Part>,
    /// Texts of quoted fields, without their quotes.
    unquoted: Wiped,
}

struct Part {
    from: usize,
    to: usize,
    /// The range is of `unquoted`, not of the row.
    unquoted: bool,
}

/// What begins with a quoted field.
enum Quoted {
    Row(Row),
    /// A quote stays open for too long, or closes in the middle of another field.
    Open,
    /// The bytes end within quotes.
    Unclosed,
}

/// The extent of a row.
struct Row {
    /// With its line end.
    bytes: usize,
    /// Line ends inside quotes.
    line_ends: u64,
}

impl Fields {
    fn split_plain(&mut self, line: &[u8], delimiter: u8) {
        self.parts.clear();
        self.unquoted.clear();
        let mut from = 0;
        for to in memchr::memchr_iter(delimiter, line) {
            self.parts.push(Part { from, to, unquoted: false });
            from = to + 1;
        }
        self.parts.push(Part { from, to: line.len(), unquoted: false });
    }

    /// Splits the row at the front of `bytes`.
    fn split_quoted(&mut self, bytes: &[u8], delimiter: u8) -> Quoted {
        self.parts.clear();
        self.unquoted.clear();
        let mut at = 0;
        let mut line_ends = 0;
        loop {
            if bytes.get(at) == Some(&b'"') {
                let before = line_ends;
                match self.quoted_field(bytes, at + 1, &mut line_ends) {
                    Ok(end) => at = end,
                    Err(why) => return why,
                }
                // The quote that opens a later field must not close this one: what closes is followed by an end.
                let closed = bytes.get(at).is_none_or(|b| *b == delimiter || matches!(b, b'\r' | b'\n'));
                if line_ends > before && !closed {
                    return Quoted::Open;
                }
                let from = self.unquoted.len();
                // Anything between the closing quote and the delimiter belongs to the field.
                let end = at + end_of_field(&bytes[at..], delimiter);
                let tail = bytes[at..end].strip_suffix(b"\r").unwrap_or(&bytes[at..end]);
                wiped::make_room(&mut self.unquoted, tail.len());
                self.unquoted.extend_from_slice(tail);
                let to = self.unquoted.len();
                if let Some(part) = self.parts.last_mut() {
                    part.to += to - from;
                }
                at = end;
            } else {
                let end = at + end_of_field(&bytes[at..], delimiter);
                let to = if bytes.get(end) == Some(&delimiter) || end == at || bytes[end - 1] != b'\r' {
                    end
                } else {
                    end - 1
                };
                self.parts.push(Part { from: at, to, unquoted: false });
                at = end;
            }
            match bytes.get(at) {
                Some(&b) if b == delimiter => at += 1,
                Some(_) => return Quoted::Row(Row { bytes: at + 1, line_ends }),
                None => return Quoted::Row(Row { bytes: at, line_ends }),
            }
        }
    }

    /// Reads a field behind its opening quote, and gives the position behind the closing one.
    fn quoted_field(&mut self, bytes: &[u8], start: usize, line_ends: &mut u64) -> Result<usize, Quoted> {
        let from = self.unquoted.len();
        let mut at = start;
        let mut crossed = 0;
        loop {
            let next = memchr2(b'"', b'\n', bytes.get(at..).unwrap_or_default());
            let next = at + next.ok_or(Quoted::Unclosed)?;
            wiped::make_room(&mut self.unquoted, next + 1 - at);
            if bytes[next] == b'\n' {
                crossed += 1;
                if crossed > MAX_LINE_ENDS || next > MAX_ROW {
                    return Err(Quoted::Open);
                }
                self.unquoted.extend_from_slice(&bytes[at..=next]);
                at = next + 1;
                continue;
            }
            self.unquoted.extend_from_slice(&bytes[at..next]);
            if bytes.get(next + 1) == Some(&b'"') {
                self.unquoted.push(b'"');
                at = next + 2;
                continue;
            }
            *line_ends += crossed as u64;
            self.parts.push(Part { from, to: self.unquoted.len(), unquoted: true });
            return Ok(next + 1);
        }
    }
}

fn end_of_field(bytes: &[u8], delimiter: u8) -> usize {
    memchr2(delimiter, b'\n', bytes).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Found {
        rows: Vec<(u64, Vec<String>)>,
        broken: Vec<(u64, Reason)>,
        width: Option<usize>,
    }

    impl Sink for Found {
        fn row(&mut self, line: u64, cells: &[Cell<'_>]) -> Result<(), FileProblem> {
            self.width.get_or_insert(cells.len());
            self.rows.push((line, cells.iter().map(|c| c.text().into_owned()).collect()));
            Ok(())
        }
        fn broken(&mut self, line: u64, reason: Reason) {
            self.broken.push((line, reason));
        }
        fn fits(&self, cells: usize) -> bool {
            self.width.is_none_or(|w| w == cells)
        }
    }

    fn rows(bytes: &[u8]) -> Found {
        let mut sink = Found::default();
        crate::read::text_of(bytes, &mut sink).unwrap();
        sink
    }

    #[test]
    fn whole_rows_are_read_the_same_in_pieces_of_any_size() {
        let text =
            "a;b;c\n1;\"x\ny\";3\n1;\"open;3\n4;5;6\n\"7\";\"8\"\"\";9\n1;\"two\nlines\";\"\"\n7;\"8;9\n"
                .repeat(3);
        let bytes = text.as_bytes();
        let layout = Layout { delimiter: b';', one_byte: false };
        let mut expected = Found::default();
        read(bytes, layout, 1, &mut expected).unwrap();
        for step in 1..bytes.len() {
            let (mut sink, mut from, mut to, mut line) =
                (Found { width: Some(3), ..Found::default() }, 0, 0, 1);
            while from < bytes.len() {
                to = (to + step).min(bytes.len());
                let at_end = to == bytes.len();
                let front = &bytes[from..to];
                let whole = if at_end { front.len() } else { whole_rows(front, layout, &|n| n == 3) };
                let (read, next) = read(&front[..whole], layout, line, &mut sink).unwrap();
                assert_eq!(read, whole);
                (from, line) = (from + whole, next);
            }
            assert_eq!(sink.rows, expected.rows, "{step}");
            assert_eq!(sink.broken, expected.broken, "{step}");
        }
    }

    #[test]
    fn plain_and_quoted_rows_are_split() {
        let found = rows(b"a;b;c\r\n1;\"x;\"\"y\"\"\";3\r\n\r\n;;\r\n4;\"two\nlines\";6\n7;8;9");
        let expected = [
            (1, ["a", "b", "c"]),
            (2, ["1", "x;\"y\"", "3"]),
            (5, ["4", "two\nlines", "6"]),
            (7, ["7", "8", "9"]),
        ];
        let expected: Vec<(u64, Vec<String>)> =
            expected.iter().map(|(l, r)| (*l, r.iter().map(ToString::to_string).collect())).collect();
        assert_eq!(found.rows, expected);
        assert!(found.broken.is_empty());
    }

    #[test]
    fn the_delimiter_is_found() {
        assert_eq!(rows(b"a,b;x,c\n1,2;x,3\n").rows[0].1.len(), 3);
        assert_eq!(rows(b"a\tb\tc\n1\t2;x\t3\n").rows[1].1.len(), 3);
    }

    #[test]
    fn an_unclosed_quote_costs_its_own_line_only() {
        let found = rows(b"a;b;c\n1;\"open;3\n4;5;6\n7;\"8\";9\n10;11;12\n");
        assert_eq!(found.broken, [(2, Reason::UnclosedQuote)]);
        assert_eq!(found.rows.iter().map(|r| r.0).collect::<Vec<_>>(), [1, 3, 4, 5]);
        let cut = rows(b"a;b;c\n1;2;3\n4;\"fi");
        assert_eq!(cut.broken, [(3, Reason::UnclosedQuote)]);
    }

    #[test]
    fn lines_of_another_width_are_broken_and_spare_delimiters_are_not() {
        let found = rows(b"a;b;c\n1;2\n1;2;3;4\n1;2;3;;\n1;2;3");
        assert_eq!(found.broken, [(2, Reason::WrongNumberOfFields), (3, Reason::WrongNumberOfFields)]);
        assert_eq!(found.rows.len(), 3);
    }

    #[test]
    fn damaged_bytes_cost_their_line() {
        let mut bytes = "ø;b;c\nå;2;3\næ;5;6\n".as_bytes().to_vec();
        bytes.extend_from_slice(b"7;\xff;9\n8;\0;9\n");
        let found = rows(&bytes);
        assert_eq!(found.broken, [(4, Reason::BadEncoding), (5, Reason::BadEncoding)]);
        // UTF-8 in a Windows-1252 file.
        let found = rows(b"\xf8;b\n\xe5;2\n\xe6;2\n\xc3\xb8;4\n");
        assert_eq!(found.broken, [(4, Reason::BadEncoding)]);
    }

    #[test]
    fn many_open_quotes_do_not_take_long() {
        let mut bytes = b"a;b\n".to_vec();
        for _ in 0..20_000 {
            bytes.extend_from_slice(b"1;\"open\n");
        }
        let started = std::time::Instant::now();
        let found = rows(&bytes);
        assert_eq!(found.rows.len() + found.broken.len(), 20_001);
        assert!(started.elapsed().as_secs() < 20);
    }
}
