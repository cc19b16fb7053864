//! Every byte that an installation wrote holds none of the names and numbers of its (SYNTHETIC) persons, neither
//! plain nor hashed without a key.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use arrow::array::{Array, BinaryArray, FixedSizeBinaryArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{SOURCES, city, files_below, files_of, fresh_book, json};

/// Everything that identifies: names of six characters or more (shorter ones occur by chance), nicknames, numbers.
fn identifiers(exports: &Path) -> HashSet<String> {
    let path = exports.join("SYNTETISK_identifikatorer.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let mut found = HashSet::new();
    for line in text.lines().skip(1).filter(|line| !line.starts_with('#')) {
        let (_, rest) = line.split_once(',').unwrap();
        let (value, _) = rest.rsplit_once(',').unwrap();
        let value = value.trim_matches('"');
        if value.chars().count() >= 6 {
            found.insert(value.to_owned());
        }
    }
    assert!(found.len() > 1000, "the list of identifiers is short: {}", found.len());
    found
}

/// Every cell of a Parquet file as text, since its pages are compressed; binary cells as hexadecimal.
fn cells(path: &Path) -> HashSet<String> {
    let file = std::fs::File::open(path).unwrap();
    let mut found = HashSet::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        for column in batch.columns() {
            let column: std::sync::Arc<dyn Array> =
                if let Some(column) = column.as_any().downcast_ref::<FixedSizeBinaryArray>() {
                    found.extend((0..column.len()).map(|row| hex(column.value(row))));
                    continue;
                } else if let Some(column) = column.as_any().downcast_ref::<BinaryArray>() {
                    found.extend((0..column.len()).map(|row| hex(column.value(row))));
                    continue;
                } else {
                    column.clone()
                };
            let formatter = arrow::util::display::ArrayFormatter::try_new(
                &column,
                &arrow::util::display::FormatOptions::default(),
            )
            .unwrap();
            found.extend((0..column.len()).map(|row| formatter.value(row).to_string()));
        }
    }
    found
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The unkeyed digests that an outsider would try, as hexadecimal, whole and cut to 128 bits.
fn digests(identifier: &str) -> Vec<String> {
    use md5::Md5;
    use sha2::{Digest, Sha256};
    let bytes = identifier.as_bytes();
    let whole = [hex(blake3::hash(bytes).as_bytes()), hex(&Sha256::digest(bytes)), hex(&Md5::digest(bytes))];
    whole.iter().flat_map(|digest| [digest.clone(), digest[..32].to_owned()]).collect()
}

/// A text export in the forms that the synthetic city does not write, each with a last row that goes to quarantine.
fn other_forms(export: &Path) -> [(&'static str, Vec<u8>); 3] {
    let bytes = std::fs::read(export).unwrap();
    let (text, _, _) = encoding_rs::WINDOWS_1252.decode(&bytes);
    let header = text.lines().next().unwrap();
    let last = text.lines().last().unwrap();
    let dated = header.split(';').position(|name| name == "Dato").unwrap();
    let undated = last.split(';').enumerate().map(|(at, cell)| if at == dated { "tull" } else { cell });
    let text = format!("{}\r\n{}\r\n", text.trim_end(), undated.collect::<Vec<_>>().join(";"));
    let wide = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let mut lines = String::new();
    for row in csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes()).records() {
        let row = row.unwrap();
        let cells = header.split(';').zip(&row).map(|(name, cell)| (name.to_owned(), cell.into()));
        writeln!(lines, "{}", serde_json::Value::Object(cells.collect())).unwrap();
    }
    [("utf-16.csv", wide), ("lines.jsonl", lines.into_bytes()), ("utf-8.csv", text.into_bytes())]
}

#[test]
fn no_identifier_in_any_byte() {
    let book = fresh_book();
    // Let every part of the installation write something first.
    json(book.path(), &["query", "select gender, count(*) from contact where year = 2023 group by gender"])
        .ok();
    json(book.path(), &["release", "publish", "--year", "2023", "--as", "steward"]).ok();
    for source in SOURCES {
        let delivery = book.path().join(format!("{source}.skjerm")).to_string_lossy().into_owned();
        let exports = files_of(&city().exports, source);
        let mut arguments = vec!["ingest", "--source", source, "--to", &delivery];
        arguments.extend(exports.iter().filter_map(|path| path.to_str()));
        json(book.path(), &arguments).ok();
    }
    let folder = tempfile::TempDir::new().unwrap();
    for (name, bytes) in other_forms(&files_of(&city().exports, "soma")[0]) {
        let export = folder.path().join(name);
        std::fs::write(&export, bytes).unwrap();
        let delivery = book.path().join(format!("{name}.skjerm")).to_string_lossy().into_owned();
        let export = export.to_string_lossy().into_owned();
        let sent = json(book.path(), &["ingest", "--source", "soma", "--to", &delivery, &export]).ok().json();
        let loaded = json(book.path(), &["ingest", "--source", "soma", &export]).ok().json();
        for report in [sent, loaded] {
            assert_eq!(report["quarantined"], 1, "{name}: {report}");
            assert!(report["read"].as_u64().unwrap() > 100, "{name}: {report}");
        }
    }
    for format in ["csv", "xlsx"] {
        let is_one = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == format);
        assert!(
            SOURCES.iter().any(|source| files_of(&city().exports, source).iter().any(is_one)),
            "{format}"
        );
    }
    let identifiers = identifiers(&city().exports);

    let mut haystack_cells = HashSet::new();
    let mut haystack_bytes = Vec::new();
    let files = files_below(book.path());
    assert!(files.iter().any(|path| path.extension().is_some_and(|e| e == "parquet")));
    assert!(files.iter().any(|path| path.to_string_lossy().contains("_delta_log")));
    for path in &files {
        haystack_bytes.push((path.clone(), std::fs::read(path).unwrap()));
        if path.extension().is_some_and(|extension| extension == "parquet") {
            haystack_cells.extend(cells(path));
        }
        assert!(
            !identifiers.iter().any(|identifier| path.to_string_lossy().contains(identifier.as_str())),
            "a file is named by an identifier"
        );
    }
    assert!(haystack_cells.len() > 1000);

    // Cells: equality for the hashes (which fill a whole cell), substrings for plain text over the distinct words.
    let text_cells: Vec<&String> = haystack_cells
        .iter()
        .filter(|cell| cell.len() != 32 && !cell.chars().all(|c| c.is_ascii_digit() || "-. :".contains(c)))
        .collect();
    let numbers: HashSet<&String> = haystack_cells.iter().collect();
    // `needles`: all plain and hashed forms, looked up in the raw bytes with one pass a file.
    let mut needles: Vec<String> = Vec::new();
    for identifier in &identifiers {
        assert!(!numbers.contains(identifier), "an identifier stands in a cell");
        assert!(
            !text_cells.iter().any(|cell| cell.contains(identifier.as_str())),
            "an identifier stands in a cell"
        );
        needles.push(identifier.clone());
        for digest in digests(identifier) {
            assert!(!numbers.contains(&digest), "an unkeyed digest stands in a cell");
            needles.push(digest);
        }
    }
    let raw_digests: Vec<Vec<u8>> = identifiers
        .iter()
        .flat_map(|identifier| digests(identifier))
        .filter(|digest| digest.len() == 32)
        .map(|digest| {
            (0..digest.len()).step_by(2).map(|i| u8::from_str_radix(&digest[i..i + 2], 16).unwrap()).collect()
        })
        .collect();
    let search =
        aho_corasick::AhoCorasick::new(needles.iter().map(|n| n.as_bytes().to_vec()).chain(raw_digests))
            .unwrap();
    for (path, bytes) in &haystack_bytes {
        if let Some(found) = search.find(bytes) {
            // Compressed pages are random bytes: six of them may spell a name by chance once in 2^48; none do here.
            panic!("{} holds an identifier at byte {}", path.display(), found.start());
        }
    }
}

#[test]
fn the_scan_can_fail() {
    let identifiers = identifiers(&city().exports);
    let one = identifiers.iter().next().unwrap();
    let search = aho_corasick::AhoCorasick::new([one.as_bytes()]).unwrap();
    assert!(
        files_below(&city().exports).iter().any(|path| search.find(&std::fs::read(path).unwrap()).is_some())
    );
}
