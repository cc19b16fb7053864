//! Contact rows from an export to Parquet, beside `DuckDB`: `cargo bench -p skjerm-ingest --bench contacts`.
//!
//! Writes SYNTHETIC exports in the way of SOMA (`;`, Windows-1252), of `ROWS` rows (five million unless told otherwise) and of a
//! tenth of them, and reads each into a delivery. `DuckDB` (from the Python that `PYTHON` names) does equivalent work in the same run: reads the text,
//! recodes, hashes person and record with a key (SHA-256, cut to 128 bits), and writes the same columns as Parquet with
//! Zstandard. Each side is a process of its own; its peak memory is what the system counted (`VmHWM`), and the processors' time
//! says what was worked, which others on the machine disturb least.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use jiff::civil::Date;
use skjerm_ingest::identity::{individual_numbers, make_synthetic};
use skjerm_ingest::{IngestOptions, LinkingKey, Silent, deliver};
use skjerm_warehouse::Installation;
use skjerm_warehouse::policy::Policy;

/// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Says to a process of this binary that it is to read this export.
const EXPORT: &str = "SKJERM_BENCH_EXPORT";
const PERSONS: u64 = 200_000;
const DISTRICTS: [&str; 6] =
    ["Gamle Oslo", "Grünerløkka", "Bydel Alna", "St.Hanshaugen", "Søndre Nordstrand", "Østensjø"];
const AREAS: [&str; 4] = ["Oslo S", "Storgata", "Vaterland", "Urtegata"];
const HEADER: &str = "Registreringsnr;Klientnr;Fødselsnummer;Fornavn;Etternavn;Kallenavn;Fødselsdato;Kjønn;Tilhørighet;Hjemkommune;Bydel;Dato;Enhet;Registreringstype;Førstegang;Sted;Vakt;Varighet (min);Tiltak;Henvist til;Saksbehandler;Merknad;Datasett\r\n";

fn main() {
    if let Some(export) = std::env::var_os(EXPORT) {
        return read(Path::new(&export));
    }
    let rows: u64 = std::env::var("ROWS").map_or(5_000_000, |rows| rows.parse().expect("a number of rows"));
    let folder = tempfile::tempdir().unwrap();
    for rows in [rows / 10, rows] {
        let export = folder.path().join("contacts_SYNTETISK.csv");
        write(&export, rows);
        println!("{rows} rows, {} MB", std::fs::metadata(&export).unwrap().len() / 1_000_000);
        let reader = Command::new(std::env::current_exe().unwrap()).env(EXPORT, &export).status();
        assert!(reader.unwrap().success());
        if let Some(python) = std::env::var_os("PYTHON") {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/contacts.py");
            let target = folder.path().join("duckdb.parquet");
            assert!(Command::new(python).arg(script).args([&export, &target]).status().unwrap().success());
        }
    }
}

fn read(export: &Path) {
    let folder = tempfile::tempdir_in(export.parent().unwrap()).unwrap();
    let installation = Installation::init(folder.path().join("installation")).unwrap();
    let (policy, key) = (Policy::oslo(), LinkingKey::generate().unwrap());
    let target = folder.path().join("delivery.skjerm");
    let files = [("soma".to_owned(), export.to_owned())];
    let options = IngestOptions { dry_run: false, today: Some(Date::constant(2026, 2, 1)) };
    let (started, before) = (Instant::now(), worked());
    let report = deliver(&installation, &policy, &key, &files, &target, options, &Silent).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!((report.read, report.loaded), (report.read, report.read), "nothing is quarantined");
    let parts = std::fs::read_dir(&target).unwrap().map(|part| part.unwrap().metadata().unwrap().len());
    let bytes: u64 = parts.sum();
    println!(
        "  Skjerm: {seconds:.2} s, {:.2} s of the processors, {:.0} rows a second, peak {} MB, {} MB of Parquet",
        worked() - before,
        report.read as f64 / seconds,
        peak() / 1_000,
        bytes / 1_000_000
    );
}

/// Seconds that the processors worked for this process, in user and system mode (`utime` and `stime`, in hundredths).
fn worked() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The second field, the name in brackets, may hold anything; the 14th and 15th are the 12th and 13th behind it.
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ');
    fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

/// Peak memory of this process in kB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Numbers that look random and are the same in every run (`SplitMix64`).
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

fn pick<'a>(from: &[&'a str], n: u64) -> &'a str {
    from[usize::try_from(n % from.len() as u64).unwrap()]
}

fn write(path: &Path, rows: u64) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let persons: Vec<(String, Date)> = (0..PERSONS).map(person).collect();
    let put = |file: &mut BufWriter<File>, text: &str| {
        file.write_all(&encoding_rs::WINDOWS_1252.encode(text).0).unwrap();
    };
    put(&mut file, HEADER);
    let mut text = String::new();
    for row in 0..rows {
        let dice = mixed(row);
        let who = dice % PERSONS;
        let (number, born) = &persons[usize::try_from(who).unwrap()];
        let (year, month, day) = (2022 + dice / 7 % 4, 1 + dice / 31 % 12, 1 + dice / 400 % 28);
        text.clear();
        write!(
            text,
            "{row};{who};{number};Fornavn{who};Etternavn{};;{:02}.{:02}.{};{};Oslo;Oslo;{};{day:02}.{month:02}.{year};Uteseksjonen;Kontakt;{};{};{};{};;;Ansatt {};SYNTETISK merknad nr. {row};SYNTETISK\r\n",
            who / 7,
            born.day(),
            born.month(),
            born.year(),
            pick(&["Gutt", "Jente"], who),
            pick(&DISTRICTS, who / 2),
            pick(&["Ja", "Nei"], dice / 11),
            pick(&AREAS, dice / 13),
            pick(&["Dag", "Kveld", "Natt"], dice / 17),
            dice / 19 % 200,
            dice % 40,
        )
        .unwrap();
        put(&mut file, &text);
    }
    file.flush().unwrap();
}

/// A synthetic number (none for one in ten) and a birth date.
fn person(n: u64) -> (String, Date) {
    let dice = mixed(n ^ 0xABCD);
    let small = |n: u64| i8::try_from(n).unwrap();
    let born = Date::new(
        2000 + i16::try_from(dice % 10).unwrap(),
        small(1 + dice / 10 % 12),
        small(1 + dice / 120 % 28),
    );
    let born = born.unwrap();
    if n.is_multiple_of(10) {
        return (String::new(), born);
    }
    let mut individual = individual_numbers(born.year()).cycle_from(dice / 4000);
    let number = individual.find_map(|individual| make_synthetic(born, individual)).unwrap();
    (number.to_text(), born)
}

/// All numbers of a range, beginning anywhere in it.
trait Cycle {
    fn cycle_from(self, n: u64) -> impl Iterator<Item = u16>;
}

impl Cycle for std::ops::RangeInclusive<u16> {
    fn cycle_from(self, n: u64) -> impl Iterator<Item = u16> {
        let all: Vec<u16> = self.collect();
        let first = usize::try_from(n % all.len() as u64).unwrap();
        (0..all.len()).map(move |at| all[(first + at) % all.len()])
    }
}
