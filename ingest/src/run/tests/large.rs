//! Files of many blocks: read the same by one thread and by several, in little memory.

use std::io::Cursor;

use super::*;
use crate::file::{self, Account, Taker};
use crate::mapping::{self, Compiled};
use crate::rows::Rules;

fn by(workers: usize, bytes: &[u8], key: &LinkingKey, taker: &mut dyn Taker) -> Account {
    let policy = Policy::oslo();
    let all = mapping::all(Path::new("/nonexistent")).unwrap();
    let soma = all.iter().find(|mapping| mapping.source == "soma").unwrap();
    let soma = Compiled::new(soma, &policy).unwrap();
    let rules = Rules::new(&soma, &policy, key, TODAY);
    file::read(&mut Cursor::new(bytes), &rules, workers, &|_| (), taker).unwrap()
}

/// Rows of every kind: plain, quoted over lines, a stray quote, too many fields, damaged bytes.
fn export(rows: u32) -> Vec<u8> {
    let mut bytes = windows_1252(&soma_text(&[]));
    for n in 0..rows {
        let row = SomaRow::new(n).with("Klientnr", &format!("K{}", n % 50));
        let row = match n % 11 {
            0 => row.with("Merknad", "\"to\nlinjer; \"\"sitat\"\"\""),
            1 => row.with("Merknad", "\"åpen"),
            2 => row.with("Merknad", "for;mange"),
            3 => row.with("Merknad", "\u{1}\u{81}"),
            4 => row.nickname(),
            _ => row,
        };
        let text = soma_text(&[row]);
        bytes.extend(windows_1252(text.split_once('\n').unwrap().1));
    }
    bytes
}

#[test]
fn several_threads_read_what_one_does_in_the_same_order() {
    let key = LinkingKey::generate().unwrap();
    let bytes = export(40_000);
    assert!(bytes.len() > 6 << 20, "several blocks: {}", bytes.len());
    let (mut one, mut three) = (Memory::default(), Memory::default());
    let account = by(1, &bytes, &key, &mut one);
    let by_three = by(3, &bytes, &key, &mut three);
    assert_eq!(account.read, 40_000);
    assert_eq!((account.read, account.usable), (by_three.read, by_three.usable));
    assert_eq!(account.quarantined, by_three.quarantined);
    assert_eq!(account.links, by_three.links);
    assert_eq!(one.tables, three.tables);
    assert!(account.quarantined.len() > 7000 && one.tables["contact"].num_rows() > 29_000);
}

/// Counts what it is given, and the most it is given at once.
#[derive(Default)]
struct Counting {
    rows: usize,
    most: usize,
}

impl Taker for Counting {
    fn rows(&mut self, _table: &str, rows: &RecordBatch) -> Result<(), FileProblem> {
        self.rows += rows.num_rows();
        self.most = self.most.max(rows.num_rows());
        Ok(())
    }

    fn withdrawn(&mut self, _table: &str, _records: &[Pseudonym]) -> Result<(), FileProblem> {
        Ok(())
    }
}

#[test]
fn rows_are_handed_on_block_by_block() {
    let key = LinkingKey::generate().unwrap();
    for workers in [1, 2] {
        let mut counting = Counting::default();
        let account = by(workers, &export(40_000), &key, &mut counting);
        assert_eq!(account.usable, counting.rows as u64);
        assert!(counting.most < 20_000, "{} of {} rows at once", counting.most, counting.rows);
    }
}

#[test]
fn a_source_that_fails_in_the_middle_is_a_problem_and_no_hang() {
    struct Failing(Cursor<Vec<u8>>, u64);
    impl std::io::Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            if self.0.position() > self.1 {
                return Err(std::io::Error::other("the disk is gone"));
            }
            self.0.read(into)
        }
    }
    impl std::io::Seek for Failing {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }
    let bytes = export(40_000);
    let (policy, key) = (Policy::oslo(), LinkingKey::generate().unwrap());
    let all = mapping::all(Path::new("/nonexistent")).unwrap();
    let soma = Compiled::new(all.iter().find(|m| m.source == "soma").unwrap(), &policy).unwrap();
    let rules = Rules::new(&soma, &policy, &key, TODAY);
    for workers in [1, 3] {
        let mut source = Failing(Cursor::new(bytes.clone()), 5 << 20);
        let problem = file::read(&mut source, &rules, workers, &|_| (), &mut Memory::default());
        assert!(problem.is_err_and(|p| p.to_string().contains("the disk is gone")));
    }
}
