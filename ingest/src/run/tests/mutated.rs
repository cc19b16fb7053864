//! Damaged files: nothing lost, nothing invented, no panic.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::mapping::{self, Compiled};

/// One way to damage a file. Positions are parts of a thousand of its length.
#[derive(Clone, Debug)]
pub(super) enum Damage {
    Flip(usize, u8),
    Cut(usize),
    Insert(usize, Vec<u8>),
    DropLine(usize),
    SwapColumns(usize, usize),
    RenameHeader(usize),
    /// From here on, characters beyond ASCII are written in the other of two encodings.
    MixEncodings(usize),
    /// A field becomes a megabyte long.
    Megabyte(usize),
}

pub(super) fn damage() -> impl Strategy<Value = Damage> {
    let junk = prop::sample::select(vec![
        b"\"".to_vec(),
        b";".to_vec(),
        b"\n".to_vec(),
        b"\r".to_vec(),
        b"\0".to_vec(),
        b"\xff".to_vec(),
        "🙂".as_bytes().to_vec(),
        b"\xc3\xb8".to_vec(),
        vec![b'x'; 5000],
        b"1e99".to_vec(),
        b"\"\"".to_vec(),
    ]);
    let at = 0..1000_usize;
    prop_oneof![
        (at.clone(), 1..=255_u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        at.clone().prop_map(Damage::Cut),
        (at.clone(), junk).prop_map(|(at, junk)| Damage::Insert(at, junk)),
        at.clone().prop_map(Damage::DropLine),
        (0..23_usize, 0..23_usize).prop_map(|(a, b)| Damage::SwapColumns(a, b)),
        at.clone().prop_map(Damage::MixEncodings),
        at.clone().prop_map(Damage::RenameHeader),
        // Rarely, since each takes its time.
        (at, 0..20_u8).prop_map(|(at, dice)| if dice == 0 { Damage::Megabyte(at) } else { Damage::Cut(at) }),
    ]
}

pub(super) fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let len = bytes.len();
    let place = |at: &usize| (at * len / 1000).min(len.saturating_sub(1));
    if len == 0 {
        return;
    }
    match damage {
        Damage::Flip(at, bits) => bytes[place(at)] ^= bits,
        Damage::Cut(at) => bytes.truncate(place(at)),
        Damage::Insert(at, junk) => {
            let at = place(at);
            bytes.splice(at..at, junk.iter().copied());
        }
        Damage::DropLine(at) => {
            let from = bytes[..place(at)].iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1);
            let to = bytes[from..].iter().position(|b| *b == b'\n').map_or(len, |p| from + p + 1);
            bytes.drain(from..to);
        }
        Damage::SwapColumns(a, b) => {
            let lines = bytes.split(|c| *c == b'\n').map(|line| {
                let mut cells: Vec<&[u8]> = line.split(|c| *c == b';').collect();
                if cells.len() > *a.max(b) {
                    cells.swap(*a, *b);
                }
                cells.join(&b';')
            });
            *bytes = lines.collect::<Vec<_>>().join(&b'\n');
        }
        Damage::MixEncodings(at) => {
            let rest = bytes.split_off(place(at));
            match String::from_utf8(rest) {
                Ok(text) => bytes.extend(windows_1252(&text)),
                Err(error) => bytes.extend(encoding_rs::WINDOWS_1252.decode(error.as_bytes()).0.as_bytes()),
            }
        }
        Damage::Megabyte(at) => {
            let at = place(at);
            bytes.splice(at..at, std::iter::repeat_n(b'x', 1 << 20));
        }
        Damage::RenameHeader(at) => {
            let end = bytes.iter().position(|b| *b == b'\n').unwrap_or(len);
            if end > 0 {
                bytes[at % end] = b'?';
            }
        }
    }
}

/// Reads bytes with a shipped mapping; the file's counts, or a refusal.
fn read(source: &Compiled, policy: &Policy, key: &LinkingKey, bytes: &[u8]) -> Result<ReadFile, FileProblem> {
    read_by(1, source, policy, key, bytes)
}

/// The same by several threads.
fn read_by(
    workers: usize,
    source: &Compiled,
    policy: &Policy,
    key: &LinkingKey,
    bytes: &[u8],
) -> Result<ReadFile, FileProblem> {
    let (rules, mut rows) = (Rules::new(source, policy, key, TODAY), Memory::default());
    let mut input = std::io::Cursor::new(bytes);
    let account = crate::file::read(&mut input, &rules, workers, &|_| (), &mut rows)?;
    let labels = source.fields.iter().map(|field| field.label.clone()).collect();
    let (source, file) = (source.source.clone(), "mutated".to_owned());
    Ok(ReadFile::of(&FileRead { source, file, path: PathBuf::new(), labels, account }, rows))
}

/// Read once: a policy and its mappings take longer than a small file.
static KNOWN: LazyLock<(Policy, Vec<Compiled>)> = LazyLock::new(|| {
    let policy = Policy::oslo();
    let all = mapping::all(Path::new("/nonexistent")).unwrap();
    let all = all.iter().map(|m| Compiled::new(m, &policy).unwrap()).collect();
    (policy, all)
});

fn compiled(name: &str) -> (&'static Policy, &'static Compiled) {
    let (policy, all) = &*KNOWN;
    (policy, all.iter().find(|m| m.source == name).unwrap())
}

fn check(file: &ReadFile, key: &LinkingKey) {
    assert_eq!(file.read, file.usable() + file.quarantined.len() as u64);
    let report = file.report(DeliveryLoad { loaded: file.usable(), ..DeliveryLoad::default() });
    assert_eq!(report.reasons.values().sum::<u64>(), report.quarantined);
    assert!(file.quarantined.windows(2).all(|w| w[0].line < w[1].line));
    for batch in file.rows.tables.values() {
        for column in batch.columns() {
            assert_eq!(column.len(), batch.num_rows());
        }
        if batch.column_by_name("service").is_some() {
            assert!(cells(batch, "service").iter().all(|code| !code.is_empty()), "{key:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_row_of_a_damaged_text_is_loaded_or_quarantined(
        damages in prop::collection::vec(damage(), 1..6),
        one_byte in any::<bool>(),
    ) {
        let ((policy, soma), key) = (compiled("soma"), LinkingKey::generate().unwrap());
        let rows: Vec<SomaRow> = (1..=12)
            .map(|n| if n % 3 == 0 { SomaRow::new(n).with("Merknad", "\"sa: \"\"hei\"\"; gikk\"") } else { SomaRow::new(n) })
            .collect();
        let text = soma_text(&rows);
        let mut bytes = if one_byte { windows_1252(&text) } else { text.into_bytes() };
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        if let Ok(file) = read(soma, policy, &key, &bytes) {
            check(&file, &key);
            // Nothing is lost: every line below the header is accounted for, unless quotes or junk joined or split lines.
            let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
            let lines = bytes.split(|b| *b == end).filter(|l| !l.iter().all(u8::is_ascii_whitespace)).count() as u64;
            prop_assert!(file.read < lines.max(1));
        }
    }

    #[test]
    fn a_damaged_workbook_is_read_or_refused(damages in prop::collection::vec(damage(), 1..4)) {
        let ((policy, source), key) = (compiled("kontakt"), LinkingKey::generate().unwrap());
        let mut row = [X::Nothing; 20];
        for (at, cell) in [(0, X::Number(1.0)), (2, X::Text(NUMBER)), (9, X::Day(2023, 6, 15)), (10, X::Text("Bjerke")), (11, X::Text("Kontakt"))] {
            row[at] = cell;
        }
        let mut bytes = kontakt(&[row; 8]);
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        if let Ok(file) = read(source, policy, &key, &bytes) {
            check(&file, &key);
        }
    }
}

#[test]
fn one_flipped_byte_costs_one_row_at_most() {
    let ((policy, soma), key) = (compiled("soma"), LinkingKey::generate().unwrap());
    let rows: Vec<SomaRow> = (1..=4).map(SomaRow::new).collect();
    let whole = windows_1252(&soma_text(&rows));
    let header = whole.iter().position(|b| *b == b'\n').unwrap() + 1;
    for at in (header..whole.len()).step_by(3) {
        for new in [b'"', 0xff, 0, b';', b'x'] {
            let mut bytes = whole.clone();
            // A line end that goes joins two rows.
            if matches!(bytes[at], b'\n' | b'\r') {
                continue;
            }
            bytes[at] = new;
            let file = read(soma, policy, &key, &bytes).unwrap();
            check(&file, &key);
            assert_eq!(file.read, 4, "{at} {new}");
            assert!(file.quarantined.len() <= 1, "{at} {new} {:?}", faults(&file));
        }
    }
}

#[test]
fn strange_cells_are_no_trouble() {
    let bench = Bench::new();
    let long = "x".repeat(1 << 20);
    let strange =
        [long.as_str(), "🙂🙂", "\u{202e}abc", "=cmd|'/c calc'!A1", "1e400", "NaN", "-0", "٠١٢٣٤٥٦٧٨٩", "İ"];
    let mut rows = Vec::new();
    for value in strange {
        for column in SOMA.split(';') {
            rows.push(SomaRow::new(1).with(column, value));
        }
    }
    let file = bench.read("soma", "rart.csv", soma_text(&rows).as_bytes()).unwrap();
    assert_eq!(file.read, rows.len() as u64);
}
