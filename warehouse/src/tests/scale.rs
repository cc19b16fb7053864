//! What an erasure costs beside making everything anew, at the size of a city over seven years.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Date32Array, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::buffer::Buffer;

use super::world::{World, days, layer_one};
use crate::policy::{ColumnRole, Table, UNKNOWN};
use crate::storage::split::SMALLER;
use crate::storage::{files, parquet, path_of, workers};
use crate::{Delivery, Sought};

const PERSONS: u64 = 700_000;
/// Rows of a person in each of the two years they are met in.
const ROWS: u64 = 7;

/// A year's contacts: two persons of seven, each with [`ROWS`] rows.
fn contacts(table: &Table, year: i16) -> RecordBatch {
    let of_year = (0..PERSONS).filter(|person| {
        let first = 2019 + i16::try_from(person % 7).expect("small");
        first == year || (if first == 2025 { 2019 } else { first + 1 }) == year
    });
    let rows: Vec<(u64, u64)> = of_year.flat_map(|person| (0..ROWS).map(move |row| (person, row))).collect();
    let numbers = |of: &dyn Fn(u64, u64) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(person, row)| of(*person, *row))))
    };
    let month = |person: u64, row: u64| i8::try_from((person + row * 5) % 12 + 1).expect("a month");
    let hashed = |bytes: Vec<u8>| -> ArrayRef {
        Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(bytes), None).expect("16 bytes each"))
    };
    let columns = table.columns.iter().map(|column| -> ArrayRef {
        match (&column.role, column.name.as_str()) {
            (ColumnRole::Person, _) => {
                hashed(rows.iter().flat_map(|(p, _)| layer_one("person", *p)).collect())
            }
            (ColumnRole::Record, _) => {
                let record = |(p, r): &(u64, u64)| {
                    layer_one("record", (p * 100 + r) * 7 + u64::from(year.unsigned_abs() % 7))
                };
                hashed(rows.iter().flat_map(record).collect())
            }
            (ColumnRole::Year, _) => numbers(&|_, _| i64::from(year)),
            (ColumnRole::Month, _) => numbers(&|p, r| i64::from(month(p, r))),
            (ColumnRole::Measure { .. }, _) => {
                numbers(&|p, r| i64::try_from((p * 31 + r * 7) % 120).expect("small"))
            }
            (ColumnRole::Date, _) => {
                let day = |(p, r): &(u64, u64)| {
                    let day = i8::try_from((p * 3 + r * 11) % 28 + 1).expect("a day");
                    days(jiff::civil::date(year, month(*p, *r), day))
                };
                Arc::new(Date32Array::from_iter_values(rows.iter().map(day)))
            }
            (_, name) => {
                let codes: &[&str] = match name {
                    "gender" => &["male", "female", "male"],
                    "age_band" => &["16-17", "18-22", "13-15", "18-22", "23-24"],
                    "belonging" => &["oslo", "oslo", "other"],
                    "home_municipality" => &["0301", "0301", "0301", "3201"],
                    "home_district" => &["030101", "030105", "030110", "030112", UNKNOWN],
                    "service" => &["uteseksjonen", "030101", "030102", "030110", "030112"],
                    "area" => &["oslo_s", "urtegata", UNKNOWN],
                    "shift" => &["day", "evening", "night"],
                    "link_level" => &["national_id", "name_birth"],
                    "first_time" => &["yes", "no"],
                    _ => &[UNKNOWN],
                };
                // What a person is like is the same in all rows; what happened is not.
                let varies = matches!(name, "service" | "area" | "shift" | "first_time");
                let code = |(p, r): &(u64, u64)| {
                    let at = p.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                    codes[usize::try_from(at + if varies { *r } else { 0 }).expect("small") % codes.len()]
                };
                Arc::new(StringArray::from_iter_values(rows.iter().map(code)))
            }
        }
    });
    RecordBatch::try_new(table.arrow_schema(), columns.collect()).expect("the policy's columns")
}

/// Seconds of the processors that this process has had: how much work was done, whoever else uses the machine.
fn worked() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("a Linux system");
    let fields: Vec<&str> = text.rsplit(')').next().expect("fields").split_whitespace().collect();
    // Of user and kernel, in hundredths: fields 14 and 15, counted from the process's number.
    [11, 12].iter().map(|at| fields[*at].parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

/// Every file decoded, encoded, checked, hashed, written to another folder and made durable.
async fn full_rewrite(world: &World, to: &Path) {
    let snapshot = world.snapshot().await;
    let jobs: Vec<_> = snapshot
        .tables
        .iter()
        .flat_map(|(name, table)| table.files.iter().map(move |file| (name.clone(), file.clone())))
        .collect();
    std::fs::create_dir_all(to.join(".unfinished")).expect("a folder");
    let written = workers::each(jobs, |(name, file)| {
        let table = world.policy.table(&name).expect("a table");
        let schema = table.file_schema();
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let rows = parquet::read(&file.path, &columns)?;
        let of_file = (file.year.expect("a year"), file.span);
        let content = parquet::encode(table, of_file, &rows)?;
        let path = to.join(&name).join(path_of(of_file, &content));
        files::write(to, &path, &content)?;
        Ok(path)
    });
    files::sync(to, &written.expect("rewritten")).expect("durable");
}

/// Erases 100 of 700,000 persons from ten million rows; prints what it costs, proof and all, beside decoding, encoding,
/// checking, hashing and syncing every file, without a proof. Run by hand, in a release build: `cargo test --release -p skjerm-warehouse scale -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and means something in a release build only"]
async fn an_erasure_beside_a_full_rewrite() {
    SMALLER.store(1, std::sync::atomic::Ordering::Relaxed);
    let world = World::new();
    let table = world.policy.table("contact").expect("contact");
    let start = Instant::now();
    let mut loaded = 0;
    for year in 2019..=2025 {
        let rows = contacts(table, year);
        loaded += rows.num_rows();
        let tables = [("contact".to_owned(), rows)].into();
        let delivery = Delivery {
            source: "soma".to_owned(),
            file: format!("{year}_SYNTETISK.csv"),
            tables,
            ..Delivery::default()
        };
        world.try_load(vec![delivery]).await.expect("a load");
    }
    world.warehouse.compact().await.expect("compacted");
    eprintln!("loaded {loaded} rows in {:?}", start.elapsed());
    let snapshot = world.snapshot().await;
    for (name, rows) in [("contact", loaded), ("person_year", loaded / 7)] {
        let bytes: u64 = snapshot.tables[name].files.iter().map(|file| file.bytes).sum();
        let files = snapshot.tables[name].files.len();
        eprintln!("{name}: {:.2} bytes a row, {files} files", bytes as f64 / rows as f64);
    }
    for columns in [&["person", "service"][..], &["person", "service", "gender", "date", "minutes"]] {
        let (start, before) = (Instant::now(), worked());
        let files = snapshot.tables["contact"].files.to_vec();
        let read =
            workers::each(files, |file| Ok(parquet::read(&file.path, columns)?.num_rows())).expect("read");
        assert_eq!(read.iter().sum::<usize>(), loaded);
        let (taken, worked) = (start.elapsed(), worked() - before);
        eprintln!("scan of {} columns of contact: {taken:?} (work {worked:.2} s)", columns.len());
    }
    drop(snapshot);
    let folder = tempfile::tempdir().expect("a folder");
    let mut rewrites = Vec::new();
    for round in 0..2 {
        let (start, before) = (Instant::now(), worked());
        full_rewrite(&world, &folder.path().join(round.to_string())).await;
        rewrites.push((start.elapsed(), worked() - before));
    }
    let full = rewrites.iter().map(|(taken, _)| *taken).min().expect("two");
    let full_work = rewrites.iter().map(|(_, worked)| *worked).fold(f64::MAX, f64::min);
    eprintln!("full rewrites, and seconds of work: {rewrites:?}");
    let gone: Vec<u64> = (0..100).map(|n| n * 6_997 + 13).collect();
    let sought: Vec<Sought> = gone.iter().map(|p| Sought::new(vec![layer_one("person", *p)])).collect();
    let (start, before) = (Instant::now(), worked());
    let report = world.try_erase(&sought).await.expect("erased");
    let (erasure, work) = (start.elapsed(), worked() - before);
    eprintln!("{report:?}");
    let ratio = erasure.as_secs_f64() / full.as_secs_f64();
    eprintln!("erasure with proof: {erasure:?}; full rewrite: {full:?}; ratio {ratio:.3}");
    let ratio = work / full_work;
    eprintln!("the same in work: {work:.2} s; {full_work:.2} s; ratio {ratio:.3}");
    assert_eq!((report.found, report.tables["contact"].rows), (100, 100 * 2 * ROWS));
    assert!(report.proof.found.is_empty());
    let start = Instant::now();
    let check = world.warehouse.check(crate::today_in_oslo()).await.expect("a check");
    assert!(!check.is_damaged() && check.rows == (loaded + loaded / 7) as u64 - 100 * 2 * (ROWS + 1));
    eprintln!("check: {:?}", start.elapsed());
}
