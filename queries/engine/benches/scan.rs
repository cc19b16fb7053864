//! Bytes a row and the time of `count(distinct person)` by district, beside a plain Parquet file of the same rows
//! that `DuckDB` wrote and reads. One run, one machine, as many threads for both.
//!
//! `cargo bench -p skjerm-engine --bench scan [-- ROWS]`; needs Python with the package `duckdb` (`PYTHON=…`). All data
//! are SYNTHETIC.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a measurement that cannot go on should stop where it stands

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Date32Array, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::buffer::Buffer;
use skjerm_engine::{Ask, Engine, Price};
use skjerm_warehouse::policy::{ColumnRole, Policy, Table};
use skjerm_warehouse::{Delivery, Installation, Warehouse, WarehouseKey};

const ROWS: usize = 20_000_000;
const PER_LOAD: usize = 2_500_000;
const REPEATS: usize = 5;

/// A number for each row and purpose that looks drawn.
fn drawn(row: u64, purpose: u64) -> u64 {
    // SplitMix64 (Steele, Lea and Flood 2014).
    let mut z =
        row.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(purpose.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A person has about twenty contacts, most of them in one year, and is alike in all of them.
fn person(row: u64) -> u64 {
    row / 20
}

fn pseudonyms(numbers: impl Iterator<Item = u64>, purpose: u64) -> ArrayRef {
    let bytes: Vec<u8> = numbers
        .flat_map(|n| [drawn(n, purpose).to_be_bytes(), drawn(n, purpose + 1).to_be_bytes()].concat())
        .collect();
    Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(bytes), None).unwrap())
}

fn batch(policy: &Policy, table: &Table, rows: std::ops::Range<u64>) -> RecordBatch {
    let first = i64::from(policy.years.first);
    let span = u64::try_from(policy.years.iter().count()).unwrap();
    let year = |row| first + i64::try_from(drawn(person(row), 1) % span).unwrap();
    let month = |row| i64::try_from(drawn(row, 2) % 12).unwrap() + 1;
    let date = |row| {
        let date = jiff::civil::date(i16::try_from(year(row)).unwrap(), i8::try_from(month(row)).unwrap(), 1);
        date.since(jiff::civil::date(1970, 1, 1)).unwrap().get_days()
            + i32::try_from(drawn(row, 3) % 28).unwrap()
    };
    let columns = table.columns.iter().enumerate().map(|(at, column)| -> ArrayRef {
        let purpose = 100 + at as u64;
        match &column.role {
            ColumnRole::Person => pseudonyms(rows.clone().map(person), 10),
            ColumnRole::Record => pseudonyms(rows.clone(), 20),
            ColumnRole::Year => Arc::new(Int64Array::from_iter_values(rows.clone().map(year))),
            ColumnRole::Month => Arc::new(Int64Array::from_iter_values(rows.clone().map(month))),
            ColumnRole::Date => Arc::new(Date32Array::from_iter_values(rows.clone().map(date))),
            ColumnRole::Measure { max, .. } => {
                let most = u64::try_from(*max).unwrap() / 15 + 1;
                Arc::new(Int64Array::from_iter_values(
                    rows.clone().map(|row| i64::try_from(drawn(row, purpose) % most).unwrap() * 15),
                ))
            }
            ColumnRole::Dimension { codes } => {
                let list = &policy.code_list(codes).unwrap().codes;
                // What a person is like is the same in all rows; what happened is not. The first codes are the usual ones.
                let about =
                    column.name.starts_with("home") || column.name == "gender" || column.name == "age_band";
                let codes = u64::try_from(list.len()).unwrap();
                let code = |row| {
                    let draw = drawn(if about { person(row) } else { row }, purpose);
                    let place = (draw % codes) * (drawn(draw, 4) % codes) / codes;
                    &list[usize::try_from(place).unwrap()].code
                };
                Arc::new(StringArray::from_iter_values(rows.clone().map(code)))
            }
        }
    });
    RecordBatch::try_new(table.arrow_schema(), columns.collect()).unwrap()
}

fn installation(folder: &Path) -> (Installation, Arc<Policy>, WarehouseKey) {
    let installation = Installation::init(folder).unwrap();
    // Answers wait for the next step; here their time is the question.
    let path = installation.policy_path();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("answer_step_ms = 250", "answer_step_ms = 1")).unwrap();
    Engine::init_ledger(&installation).unwrap();
    let key = WarehouseKey::generate().unwrap();
    key.save(&installation.warehouse_key_path()).unwrap();
    let policy = Arc::new(Policy::load(&path).unwrap());
    (installation, policy, key)
}

fn bytes_below(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let parquet = path.extension().is_some_and(|extension| extension == "parquet");
            if path.is_dir() {
                bytes_below(&path)
            } else if parquet {
                path.metadata().unwrap().len()
            } else {
                0
            }
        })
        .sum()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// Writes the same rows as a plain file, compressed in two ways, and times the same question on the first.
const PEER: &str = r#"
import duckdb, os, statistics, sys, time
rows, folder, repeats, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
db = duckdb.connect(config={"threads": threads})
for name in ["snappy", "zstd"]:
    db.execute(f"copy (select * from read_parquet('{rows}', hive_partitioning = true)) to '{folder}/{name}.parquet' (compression {name})")
    print("bytes", name, os.path.getsize(f"{folder}/{name}.parquet"))
question = f"select year, home_district, count(distinct person) from read_parquet('{folder}/snappy.parquet') group by all"
times = []
for _ in range(repeats):
    start = time.perf_counter()
    db.execute(question).fetchall()
    times.append(time.perf_counter() - start)
print("seconds", statistics.median(times))
"#;

#[tokio::main]
async fn main() {
    let rows = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(ROWS);
    let folder = tempfile::tempdir().unwrap();
    let (installation, policy, key) = installation(&folder.path().join("installation"));
    let warehouse = Warehouse::open(&installation, Arc::clone(&policy)).unwrap();
    let table = policy.table("contact").unwrap();
    let started = Instant::now();
    for first in (0..rows).step_by(PER_LOAD) {
        let part = first as u64..(first + PER_LOAD).min(rows) as u64;
        let tables = BTreeMap::from([("contact".to_owned(), batch(&policy, table, part))]);
        let delivery =
            Delivery { source: "bench".to_owned(), file: "rows".to_owned(), tables, ..Delivery::default() };
        warehouse.load(&key, vec![delivery]).await.unwrap();
    }
    println!("loaded {rows} rows in {:.0} s", started.elapsed().as_secs_f64());
    let contact = installation.warehouse_dir().join("contact");
    let bytes = bytes_below(&contact);
    let engine = Engine::open(&installation).unwrap();
    let caller = engine.authenticate("researcher").unwrap();
    let mut times = Vec::new();
    for repeat in 0..REPEATS {
        // Another price is another question: it is not answered from the store.
        let rho = 1e-4 + repeat as f64 * 1e-6;
        let sql =
            "select year, home_district, count(distinct person) from contact group by year, home_district";
        let started = Instant::now();
        engine.ask(&caller, sql, &Ask { price: Some(Price::Rho(rho)), ..Ask::default() }).await.unwrap();
        times.push(started.elapsed());
    }
    let ours = median(times);
    println!(
        "ours: {:.2} bytes a row, {ours:.2} s (median of {REPEATS}; with the charge, the bound and the noise)",
        bytes as f64 / rows as f64
    );
    let threads = std::thread::available_parallelism().unwrap().get();
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let pattern = contact.join("**/*.parquet");
    let peer = Command::new(python)
        .args(["-c", PEER, pattern.to_str().unwrap(), folder.path().to_str().unwrap()])
        .args([REPEATS.to_string(), threads.to_string()])
        .output()
        .unwrap();
    assert!(peer.status.success(), "{}", String::from_utf8_lossy(&peer.stderr));
    for line in String::from_utf8(peer.stdout).unwrap().lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["bytes", name, size] => {
                let size: f64 = size.parse().unwrap();
                println!(
                    "DuckDB, {name}: {:.2} bytes a row; ours is {:.2} of it",
                    size / rows as f64,
                    bytes as f64 / size
                );
            }
            ["seconds", seconds] => {
                let seconds: f64 = seconds.parse().unwrap();
                println!("DuckDB: {seconds:.2} s; ours is {:.2} of it", ours / seconds);
            }
            _ => println!("{line}"),
        }
    }
}
