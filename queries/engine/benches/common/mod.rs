//! An installation with many contact rows, as the benchmarks of this crate need it. All data are SYNTHETIC.

#![allow(dead_code, reason = "no benchmark uses all of it")]

pub(crate) mod duckdb;
pub(crate) mod plain;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::buffer::Buffer;
use skjerm_engine::Engine;
use skjerm_warehouse::policy::{ColumnRole, Policy, Table};
use skjerm_warehouse::{Delivery, Installation, Warehouse, WarehouseKey};

pub(crate) const ROWS: usize = 20_000_000;
const PER_LOAD: usize = 2_500_000;

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

/// An empty installation whose answers do not wait for a step: their time is the question here.
pub(crate) fn installation(folder: &Path) -> (Installation, Arc<Policy>, WarehouseKey) {
    let installation = Installation::init(folder).unwrap();
    let path = installation.policy_path();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("answer_step_ms = 250", "answer_step_ms = 1")).unwrap();
    Engine::init_ledger(&installation).unwrap();
    let key = WarehouseKey::generate().unwrap();
    key.save(&installation.warehouse_key_path()).unwrap();
    let policy = Arc::new(Policy::load(&path).unwrap());
    (installation, policy, key)
}

/// Loads so many contacts.
pub(crate) async fn load(installation: &Installation, policy: &Arc<Policy>, key: &WarehouseKey, rows: usize) {
    let warehouse = Warehouse::open(installation, Arc::clone(policy)).unwrap();
    let table = policy.table("contact").unwrap();
    for first in (0..rows).step_by(PER_LOAD) {
        let part = first as u64..(first + PER_LOAD).min(rows) as u64;
        let tables = BTreeMap::from([("contact".to_owned(), batch(policy, table, part))]);
        let delivery =
            Delivery { source: "bench".to_owned(), file: "rows".to_owned(), tables, ..Delivery::default() };
        warehouse.load(key, vec![delivery]).await.unwrap();
    }
    // Peers read all files that are in the folder.
    warehouse.compact().await.unwrap();
}

/// Seconds, and seconds of the processors' time: what others do on the machine prolongs the first much more.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    pub(crate) work: f64,
}

/// Seconds of the processors' time that a process (`self`, or its number) has used.
pub(crate) fn work_of(process: &str) -> f64 {
    // Linux counts in hundredths.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..=12].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// The median of some seconds.
pub(crate) fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// How many Parquet files are below a folder.
pub(crate) fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                path.extension().is_some_and(|e| e == "parquet").into()
            }
        })
        .sum()
}
