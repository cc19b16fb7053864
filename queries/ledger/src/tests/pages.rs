//! Damage to the file itself: a flipped bit is reported, or it changed nothing that the book says.

use super::chain::small_book;
use super::forge::{Forger, Random, first_problem};
use super::*;

/// The small book in one file of small pages, so that there are few unused bytes.
fn compact() -> (Fixture, Vec<u8>) {
    let fixture = small_book(&mut |_| {});
    let forger = Forger::of(&fixture.path());
    forger.execute("PRAGMA journal_mode = delete; PRAGMA page_size = 512; VACUUM; PRAGMA journal_mode = wal");
    drop(forger);
    assert!(fixture.open().verify(&[]).unwrap().is_whole());
    assert!(!fixture.file("ledger.sqlite-wal").exists());
    let bytes = std::fs::read(fixture.path()).unwrap();
    (fixture, bytes)
}

/// Flips each of `bits` for a moment; how many were reported, and how many changed nothing.
fn flip(bits: impl Iterator<Item = usize>, fixture: &Fixture, whole: &[u8]) -> (usize, usize) {
    let content = Forger::of(&fixture.path()).content();
    let seen = fixture.open().head().unwrap().unwrap();
    let (mut reported, mut harmless) = (0, 0);
    for bit in bits {
        let mut damaged = whole.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(fixture.path(), &damaged).unwrap();
        let inspected = Ledger::inspect(&fixture.path(), key());
        if matches!(inspected.and_then(|ledger| first_problem(&ledger, &seen)), Ok(None)) {
            harmless += 1;
            assert_eq!(Forger::of(&fixture.path()).content(), content, "bit {bit} went unnoticed");
        } else {
            reported += 1;
        }
        // What the damage made of the way of writing may have left a journal.
        for side in ["-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(fixture.file(&format!("ledger.sqlite{side}")));
        }
    }
    std::fs::write(fixture.path(), whole).unwrap();
    assert!(fixture.open().verify(&[]).unwrap().is_whole());
    (reported, harmless)
}

#[test]
fn a_flipped_bit_in_any_byte_of_the_file_is_reported_or_harmless() {
    let (fixture, whole) = compact();
    let mut random = Random(2026);
    let bits: Vec<usize> = (0..whole.len()).map(|byte| byte * 8 + random.below(8)).collect();
    let (reported, harmless) = flip(bits.into_iter(), &fixture, &whole);
    assert_eq!(reported + harmless, whole.len());
    // Pages are filled to two thirds at least.
    assert!(harmless < reported, "{reported} reported, {harmless} harmless");
}

#[test]
#[ignore = "takes many minutes"]
fn every_flipped_bit_of_the_file_is_reported_or_harmless() {
    let (fixture, whole) = compact();
    let (reported, harmless) = flip(0..whole.len() * 8, &fixture, &whole);
    println!("{} bytes: {reported} flips reported, {harmless} harmless", whole.len());
}
