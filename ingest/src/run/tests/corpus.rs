//! Some thousand damaged exports of every format through the whole of an ingest: each is refused with a sentence, or every
//! row of it is loaded, replaces one or is quarantined.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::mutated::{Damage, apply, damage};
use super::whole::Whole;
use super::*;

/// Damaged files a format.
const EACH: usize = 280;
/// Files that are ingested in one call.
const AT_ONCE: usize = 200;

/// An export to be damaged.
struct Original {
    source: &'static str,
    name: &'static str,
    bytes: Vec<u8>,
}

fn utf_16(text: &str, big: bool, mark: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn rows() -> Vec<SomaRow> {
    let row = |n: u32| match n % 4 {
        0 => SomaRow::new(n).with("Merknad", "\"sa: \"\"hei\"\"; gikk\""),
        1 => SomaRow::new(n).nickname(),
        2 => SomaRow::new(n).with("Merknad", "\"over\ntwo lines\""),
        _ => SomaRow::new(n).with("Registreringstype", "Tiltak").with("Tiltak", "Mentor"),
    };
    (1..=10).map(row).collect()
}

fn originals() -> Vec<Original> {
    let plain: Vec<SomaRow> = (1..=10).map(SomaRow::new).collect();
    let (quoted, plain) = (soma_text(&rows()), soma_text(&plain));
    let soma = |name, bytes| Original { source: "soma", name, bytes };
    vec![
        soma("windows-1252.csv", windows_1252(&quoted)),
        soma("utf-8.csv", quoted.clone().into_bytes()),
        soma("mark.csv", [b"\xef\xbb\xbf", plain.as_bytes()].concat()),
        soma("comma.csv", plain.replace("12,5", "12").replace(';', ",").into_bytes()),
        soma("tab-utf-16.txt", utf_16(&plain.replace(';', "\t"), false, true)),
        soma("utf-16-be.csv", utf_16(&plain, true, false)),
        soma("lines.jsonl", json_lines(&rows()).into_bytes()),
        Original { source: "kontakt", name: "kontakt.xlsx", bytes: Vec::new() },
    ]
}

/// A Kontakt export with some cells that hold what they should not.
fn workbook(runner: &mut TestRunner) -> Vec<u8> {
    let strange = prop::sample::select(vec![
        X::Nothing,
        X::Text("🙂"),
        X::Text("=1+1"),
        X::Text("01.02.2023"),
        X::Text("1810750126"),
        X::Text("Bydel Atlantis"),
        X::Number(-1.0),
        X::Number(1e300),
        X::Number(45092.0),
        X::Number(1_810_750_126.0),
        X::Day(1900, 1, 1),
        X::Day(2030, 1, 1),
    ]);
    let changes = prop::collection::vec((0..8_usize, 0..20_usize, strange), 0..12);
    let mut row = [X::Nothing; 20];
    for (at, cell) in [(1, X::Number(991.0)), (2, X::Text(NUMBER)), (9, X::Day(2023, 6, 15))] {
        row[at] = cell;
    }
    (row[10], row[11]) = (X::Text("Bjerke"), X::Text("Kontakt"));
    let mut rows = [row; 8];
    for (n, row) in (1_u8..).zip(&mut rows) {
        row[0] = X::Number(f64::from(n));
    }
    for (r, c, cell) in changes.new_tree(runner).unwrap().current() {
        rows[r][c] = cell;
    }
    kontakt(&rows)
}

#[tokio::test]
async fn every_row_of_two_thousand_damaged_exports_is_accounted_for() {
    let whole = Whole::new();
    let mut runner = TestRunner::deterministic();
    let damages = prop::collection::vec(damage(), 1..6);
    let (mut files, mut refused) = (Vec::new(), 0);
    let reading = Ingest::open(&whole.bench.installation, &whole.policy).unwrap();
    let dry = IngestOptions { dry_run: true, today: Some(TODAY) };
    for (at, original) in originals().into_iter().enumerate() {
        for n in 0..EACH {
            let is_workbook = original.bytes.is_empty();
            let mut bytes = if is_workbook { workbook(&mut runner) } else { original.bytes.clone() };
            // One flipped byte of a workbook is mostly a damaged one.
            let harm: Vec<Damage> = damages.new_tree(&mut runner).unwrap().current();
            for damage in harm.iter().take(if is_workbook && n % 2 == 0 { 0 } else { harm.len() }) {
                apply(&mut bytes, damage);
            }
            let path = whole.bench.write(&format!("{at}-{n}-{}", original.name), &bytes);
            let file = [(original.source.to_owned(), path.clone())];
            match would_be(&reading, &whole.bench.key, &file, dry, &Silent) {
                Ok(report) => {
                    assert_eq!(report.read, report.loaded + report.quarantined);
                    files.push((original.source, path, report.read));
                }
                Err(error) => {
                    assert!(error.is_refusal() && error.hint().is_some_and(|h| !h.is_empty()), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(files.len() + refused, 8 * EACH);
    let (mut rows, mut quarantined) = (0, 0);
    for some in files.chunks(AT_ONCE) {
        let call: Vec<(&str, &Path)> =
            some.iter().map(|(source, path, _)| (*source, path.as_path())).collect();
        let report = whole.ingest(&call, false, &Silent).await.unwrap();
        assert_eq!(report.deliveries.len(), some.len());
        for (delivery, (_, path, read)) in report.deliveries.iter().zip(some) {
            let sum = delivery.loaded + delivery.replaced + delivery.quarantined;
            assert_eq!((delivery.read, delivery.read), (*read, sum), "{}", path.display());
            assert_eq!(delivery.reasons.values().sum::<u64>(), delivery.quarantined);
        }
        rows += report.read;
        quarantined += report.quarantined;
    }
    println!("{} files read, {refused} refused; {quarantined} of {rows} rows quarantined", files.len());
    // The corpus does what it is for: some of each.
    assert!(
        files.len() > 800 && refused > 300 && quarantined > 1000,
        "{} {refused} {quarantined}",
        files.len()
    );
}
