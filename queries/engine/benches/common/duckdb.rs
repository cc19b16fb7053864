//! `DuckDB` beside us: a process that writes the rows as plain Parquet files and asks them, as many threads for both.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{Cost, work_of};

/// Commands a line, tab between the words: `copy NAME FILES COMPRESSION` writes a file, if it is not there, and makes a view of it, `ask SQL` asks.
const SCRIPT: &str = r#"
import duckdb, os, sys, time
folder, threads = sys.argv[1], int(sys.argv[2])
db = duckdb.connect(config={"threads": threads})
db.execute("set enable_progress_bar = false")
for line in sys.stdin:
    words = line.rstrip("\n").split("\t")
    if words[0] == "copy":
        name, files, compression = words[1:]
        path = f"{folder}/{name}-{compression}.parquet"
        if not os.path.exists(path): db.execute(f"copy (select * from read_parquet('{files}', hive_partitioning = true)) to '{path}' (compression {compression})")
        db.execute(f"create or replace view {name} as select * from read_parquet('{path}')")
        print(os.path.getsize(path), flush=True)
    else:
        start = time.perf_counter()
        db.execute(words[1]).fetchall()
        print(time.perf_counter() - start, flush=True)
"#;

pub(crate) struct DuckDb {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl DuckDb {
    /// Starts it; its files go to `folder`. Needs Python with the package `duckdb` (`PYTHON=…`).
    pub(crate) fn start(folder: &Path) -> Self {
        let threads = std::thread::available_parallelism().unwrap().get();
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut process = Command::new(python)
            .args(["-c", SCRIPT, folder.to_str().unwrap(), &threads.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, to, from: BufReader::new(from) }
    }

    /// Writes the rows of a table's folder, or of a file, as one file, and says its bytes.
    pub(crate) fn copy(&mut self, name: &str, table: &Path, compression: &str) -> f64 {
        let files = if table.is_dir() { table.join("**/*.parquet") } else { table.to_owned() };
        self.number(&format!("copy\t{name}\t{}\t{compression}", files.to_str().unwrap()))
    }

    /// What a question costs, its rows fetched.
    pub(crate) fn ask(&mut self, sql: &str) -> Cost {
        let process = self.process.id().to_string();
        let before = work_of(&process);
        let seconds = self.number(&format!("ask\t{sql}"));
        Cost { seconds, work: work_of(&process) - before }
    }

    fn number(&mut self, line: &str) -> f64 {
        writeln!(self.to, "{line}").unwrap();
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        // Where it stopped, what it said stands above.
        answer.trim().parse().unwrap()
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        // It ends by itself when nothing can be asked any more; a fault of it has been said.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
