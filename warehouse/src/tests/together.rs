//! Readers and writers at once, with a compaction and an erasure: every read is a state that was committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::world::{Row, World, layer_one, row};
use crate::{Snapshot, Sought};

const WRITERS: u64 = 4;
const READERS: u64 = 8;
/// How long they work; `SKJERM_TOGETHER_SECONDS` says otherwise.
const SECONDS: u64 = 8;
/// Rows of a writer: two tables, two years, three persons.
const ROWS: u64 = 12;

/// What a state holds: how far each writer has come, and the eraser: 2n + 1 while person n is there, 2n + 2 when
/// taken out again.
type Progress = Vec<u64>;

/// The rows of a writer, all of which say how often it has written.
fn rows(writer: u64, time: u64) -> [Vec<Row>; 2] {
    [0, 1].map(|table| {
        let row = |n: u64| {
            let date = format!("{}-03-04", 2022 + n % 2);
            row(writer * 10 + n % 3, writer * 100 + table * 50 + n, &date).ute().with("minutes", time)
        };
        (0..ROWS / 2).map(row).collect()
    })
}

/// A writer's records are all of one time, or the state was never committed.
fn progress(world: &World, snapshot: &Snapshot) -> Progress {
    let key = |what, number| {
        super::world::hex(&world.key.pseudonym(
            if what == "person" { crate::Purpose::Person } else { crate::Purpose::Record },
            &layer_one(what, number),
        ))
    };
    let mut times: BTreeMap<String, u64> = BTreeMap::new();
    let mut persons = std::collections::BTreeSet::new();
    for table in ["contact", "follow_up"] {
        for row in world.rows_of(snapshot, table) {
            times.insert(row["record"].clone(), row["minutes"].parse().expect("a number"));
            persons.insert(row["person"].clone());
        }
    }
    let mut progress: Progress = (0..WRITERS)
        .map(|writer| {
            let records = rows(writer, 0).concat();
            let found: Vec<u64> =
                records.iter().filter_map(|row| times.get(&key("record", row.record)).copied()).collect();
            assert!(found.is_empty() || found.len() as u64 == ROWS, "a part of a load");
            assert!(found.iter().all(|time| *time == found[0]), "parts of two loads");
            found.first().map_or(0, |time| time + 1)
        })
        .collect();
    let marker = times.get(&key("record", 9_000)).copied();
    let there = |n: u64| persons.contains(&key("person", 1_000 + n));
    progress.push(marker.map_or(0, |n| if there(n) { 2 * n + 1 } else { 2 * n + 2 }));
    if let Some(n) = marker {
        assert!(n == 0 || !there(n - 1), "somebody who was taken out is back");
    }
    progress
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_read_equals_a_committed_state() {
    let seconds =
        std::env::var("SKJERM_TOGETHER_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let first = World::new();
    let folder = first.installation.root().to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    // Each has a warehouse of its own, as another process would.
    let join = || (World::at(&folder, first.key.clone()), stop.clone());
    let mut workers = Vec::new();
    for writer in 0..WRITERS {
        let (world, stop) = join();
        workers.push(tokio::spawn(async move {
            let mut time = 0;
            while !stop.load(Ordering::Relaxed) {
                let [contact, follow_up] = rows(writer, time % 240);
                // Bounded by the policy's minutes; a run stays far below.
                assert!(time < 240);
                world.load(&[("contact", &contact), ("follow_up", &follow_up)]).await;
                time += 1;
                tokio::time::sleep(Duration::from_millis(
                    20 + 300 * u64::from(time > 20) + 1500 * u64::from(time > 120),
                ))
                .await;
            }
            time
        }));
    }
    let (world, stopped) = join();
    workers.push(tokio::spawn(async move {
        let mut time = 0;
        while !stopped.load(Ordering::Relaxed) && time < 240 {
            let marker = row(999, 9_000, "2022-01-01").with("minutes", time);
            let person = row(1_000 + time, 10_000 + time, "2023-01-01").with("minutes", 1);
            world.load(&[("contact", &[marker, person])]).await;
            let sought = [Sought::new(vec![layer_one("person", 1_000 + time)])];
            let report = world.try_erase(&sought).await.expect("erased");
            assert!(report.found == 1 && report.proof.found.is_empty());
            time += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        time
    }));
    let (world, stopped) = join();
    workers.push(tokio::spawn(async move {
        let mut time = 0;
        while !stopped.load(Ordering::Relaxed) {
            world.warehouse.compact().await.expect("compacted");
            time += 1;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        time
    }));
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let (world, stop) = join();
        readers.push(tokio::spawn(async move {
            let mut seen: Vec<(String, Progress)> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let snapshot = world.snapshot().await;
                // Time for somebody to delete what is read, if anybody would.
                tokio::time::sleep(Duration::from_millis(5)).await;
                seen.push((snapshot.id.clone(), progress(&world, &snapshot)));
            }
            seen
        }));
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut done = Vec::new();
    for worker in workers {
        done.push(worker.await.expect("a worker"));
    }
    let (mut by_id, mut reads) = (BTreeMap::<String, Progress>::new(), 0);
    for reader in readers {
        let seen = reader.await.expect("a reader");
        assert!(seen.is_sorted_by(|(_, a), (_, b)| a.iter().zip(b).all(|(a, b)| a <= b)), "time went back");
        reads += seen.len();
        for (id, progress) in seen {
            assert_eq!(by_id.entry(id).or_insert_with(|| progress.clone()), &progress, "one id, two states");
        }
    }
    // All that was seen by anybody lies on one line of history: of two states one is nowhere behind the other.
    let mut states: Vec<&Progress> = by_id.values().collect();
    states.sort_by_key(|progress| progress.iter().sum::<u64>());
    for two in states.windows(2) {
        assert!(two[0].iter().zip(two[1]).all(|(a, b)| a <= b), "{two:?} were never one after the other");
    }
    eprintln!("{reads} reads of {} states; writers, eraser and compactor: {done:?}", by_id.len());
    assert!(done.iter().all(|times| *times > 0) && by_id.len() > 1);
    assert!(!first.warehouse.check(crate::today_in_oslo()).await.expect("a check").is_damaged());
}
