//! What a process does to the files of a folder, in the order in which it does it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::common_processes::Process;

/// Something done to a file.
#[derive(Debug)]
pub(super) struct Act {
    /// The file's name; empty for the folder itself.
    pub(super) name: String,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Change(Change),
    Create,
    Remove,
    Rename(String),
    /// Forced to the disk.
    Sync,
}

/// A change of a file's content.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write { place: usize, data: Vec<u8> },
    Length(usize),
}

/// A library that records, loaded before the C library.
pub(super) struct Recorder {
    folder: tempfile::TempDir,
}

impl Recorder {
    pub(super) fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("record_writes.c");
        fs::write(&source, include_str!("record_writes.c")).unwrap();
        let recorder = Self { folder };
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&recorder.library(), &source])
            .args(["-ldl", "-lpthread"])
            .output()
            .expect(
                "this test needs a C compiler named `cc`, as the build does: apt install build-essential",
            );
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        recorder
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("record_writes.so")
    }

    /// Lets another process do its work on the book, and gives all that it did in the book's folder.
    pub(super) fn record(&self, test: &str, book: &Path, number: u64) -> Vec<Act> {
        let record = self.folder.path().join(format!("record {number}"));
        let settings = [
            ("LD_PRELOAD", self.library()),
            ("SKJERM_RECORDED_FOLDER", book.parent().unwrap().to_owned()),
            ("SKJERM_RECORD", record.clone()),
        ];
        let settings = settings.each_ref().map(|(name, path)| (*name, path.as_path()));
        assert!(Process::start(test, book, number, &settings).finish().success());
        let bytes = fs::read(record).unwrap();
        let mut rest = bytes.as_slice();
        std::iter::from_fn(|| (!rest.is_empty()).then(|| next(&mut rest))).collect()
    }
}

fn next(rest: &mut &[u8]) -> Act {
    let mut take = |length: usize| rest.split_off(..length).unwrap();
    let what = take(1)[0];
    let mut number = |length| {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(take(length));
        usize::try_from(u64::from_le_bytes(bytes)).unwrap()
    };
    let (name_length, data_length, place) = (number(4), number(4), number(8));
    let name = String::from_utf8(take(name_length).to_vec()).unwrap();
    let data = take(data_length).to_vec();
    let what = match what {
        b'w' => What::Change(Change::Write { place, data }),
        b't' => What::Change(Change::Length(place)),
        b'c' => What::Create,
        b'u' => What::Remove,
        b'r' => What::Rename(String::from_utf8(data).unwrap()),
        b's' => What::Sync,
        other => panic!("the record holds {other}"),
    };
    Act { name, what }
}
