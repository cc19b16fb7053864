use std::time::Instant;

use super::world::{Row, World, row};

/// Seven years as a city of some 6,000 young people makes them. Run by hand, in a release build:
/// `cargo test --release -p skjerm-warehouse speed -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes seconds, and means something in a release build only"]
async fn speed_of_loading_seven_years() {
    crate::storage::split::SMALLER.store(1, std::sync::atomic::Ordering::Relaxed);
    let world = World::new();
    let tables =
        [("contact", 420_000_u64), ("follow_up", 120_000), ("measure", 60_000), ("bed_stay", 20_000)];
    let mut deliveries = Vec::new();
    for year in 2019..=2025_u64 {
        for (table, all) in tables {
            let rows: Vec<Row> = (0..all / 7)
                .map(|n| {
                    let date = format!("{year}-{:02}-{:02}", n % 12 + 1, n * 7 % 28 + 1);
                    let gender = if n % 3 == 0 { "female" } else { "male" };
                    let row = row(n * 31 % 6000, year * 1_000_000 + n, &date).ute();
                    row.with("gender", gender).with("age_band", "16-17").with("home_municipality", "0301")
                })
                .collect();
            for part in rows.chunks(5000) {
                deliveries.push(world.delivery(&format!("{table}_{year}.csv"), &[(table, part)]));
            }
        }
    }
    for what in ["first load", "same again"] {
        let start = Instant::now();
        let loads = world.try_load(deliveries.clone()).await.expect("a load");
        let rows: u64 = loads.iter().map(|l| l.loaded + l.replaced).sum();
        eprintln!("{what}: {rows} rows in {:?}", start.elapsed());
    }
    let start = Instant::now();
    world.load(&[("contact", &[row(1, 1, "2023-01-01")])]).await;
    eprintln!("one more row: {:?}", start.elapsed());
    let start = Instant::now();
    world.snapshot().await;
    eprintln!("snapshot: {:?}", start.elapsed());
}
