//! What the tests share that start this test binary again, as processes that can race and be killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use skjerm_privacy::{Delta, Loss, Rho};

use crate::{Block, BlockLimit, LedgerKey, Request};

/// Set in another process: the book that it works on.
const BOOK: &str = "SKJERM_TEST_BOOK";
/// Its number among its like, from which its seeds follow.
const NUMBER: &str = "SKJERM_TEST_PROCESS";

pub(super) const SHARE: &str = "researchers";

pub(super) fn key() -> LedgerKey {
    LedgerKey::from_secret(&[7; 32])
}

pub(super) fn loss(nano: u64) -> Loss {
    Loss::pure(Rho::from_nano(nano))
}

/// A block whose one share may spend all of it.
pub(super) fn budget(block: &Block, nano: u64) -> BlockLimit {
    BlockLimit {
        block: block.clone(),
        limit: loss(nano),
        delta: Delta::from_atto(1_000_000_000_000),
        shares: BTreeMap::from([(SHARE.to_owned(), loss(nano))]),
        analysts: BTreeMap::new(),
    }
}

pub(super) fn request(block: &Block, key: &str, nano: u64) -> Request {
    Request {
        key: key.to_owned(),
        id: None,
        who: "analyst".to_owned(),
        share: SHARE.to_owned(),
        kind: "sql".to_owned(),
        question: format!("question {key}"),
        question_id: key.to_owned(),
        snapshot: "3".to_owned(),
        charges: vec![(block.clone(), loss(nano))],
        bounds: "1 row a person".to_owned(),
        noise: "discrete Gaussian".to_owned(),
        reason: None,
        may_take: Duration::from_hours(1),
    }
}

/// Numbers that look random and are the same in every run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014).
    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    /// A place in something of that length.
    pub(super) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}

/// Another process of this test binary. Killed when dropped, so that none outlives a failed test.
pub(super) struct Process {
    pub(super) child: Child,
    said: Option<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts one that runs the one test of that name (a function that returns at once in this process).
    pub(super) fn start(test: &str, book: &Path, number: u64, settings: &[(&str, &Path)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
        command.env(BOOK, book).env(NUMBER, number.to_string()).envs(settings.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = child.stdout.take().map(BufReader::new);
        Self { child, said }
    }

    pub(super) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// What it says with [`say`], and then its end.
    pub(super) fn hears(&mut self) -> impl Iterator<Item = String> + Send + 'static {
        let mut said = self.said.take().unwrap();
        let lines = std::iter::from_fn(move || {
            let mut line = String::new();
            // Half a line, cut off by a kill, was not said.
            (said.read_line(&mut line).is_ok() && line.ends_with('\n')).then_some(line)
        });
        lines.filter_map(|line| Some(line.strip_suffix('\n')?.strip_prefix(MARK)?.to_owned()))
    }

    /// Says that there is nothing more to do.
    pub(super) fn finish(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells what a test says from what the test harness says on the same channel.
const MARK: &str = "said: ";

/// Says one line to the process that started this one; false if that is gone.
pub(super) fn say(line: &str) -> bool {
    // On a line of its own, whatever the harness wrote.
    let line = format!("\n{MARK}{line}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// In another process, its book and number. In the first one nothing.
pub(super) fn role() -> Option<(PathBuf, u64)> {
    let book = PathBuf::from(std::env::var_os(BOOK)?);
    Some((book, std::env::var(NUMBER).unwrap().parse().unwrap()))
}
