//! Bytes a row and the time of `count(distinct person)` by district, beside a plain Parquet file of the same rows
//! that `DuckDB` wrote and reads. One run, one machine, as many threads for both.
//!
//! `cargo bench -p skjerm-engine --bench scan [-- ROWS]`; needs Python with the package `duckdb` (`PYTHON=…`). All data
//! are SYNTHETIC.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a measurement that cannot go on should stop where it stands

mod common;

use std::path::Path;
use std::time::Instant;

use common::duckdb::DuckDb;
use common::median;
use skjerm_engine::{Ask, Engine, Price};

const REPEATS: usize = 5;

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

#[tokio::main]
async fn main() {
    let rows = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(common::ROWS);
    let folder = tempfile::tempdir().unwrap();
    let (installation, policy, key) = common::installation(&folder.path().join("installation"));
    let started = Instant::now();
    common::load(&installation, &policy, &key, rows).await;
    println!("loaded {rows} rows in {:.0} s", started.elapsed().as_secs_f64());
    let contact = installation.warehouse_dir().join("contact");
    let bytes = bytes_below(&contact) as f64;
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
        times.push(started.elapsed().as_secs_f64());
    }
    let ours = median(&times);
    println!(
        "ours: {:.2} bytes a row, {ours:.2} s (median of {REPEATS}; with the charge, the bound and the noise)",
        bytes / rows as f64
    );
    let mut duckdb = DuckDb::start(folder.path());
    for compression in ["zstd", "snappy"] {
        let size = duckdb.copy("contact", &contact, compression);
        println!(
            "DuckDB, {compression}: {:.2} bytes a row; ours is {:.2} of it",
            size / rows as f64,
            bytes / size
        );
    }
    let question = "select year, home_district, count(distinct person) from contact group by all";
    let times: Vec<f64> = (0..REPEATS).map(|_| duckdb.ask(question).seconds).collect();
    let seconds = median(&times);
    println!("DuckDB, snappy: {seconds:.2} s; ours is {:.2} of it", ours / seconds);
}
