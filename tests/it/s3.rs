//! An installation whose tables are in a bucket of an S3 server on this machine: from `init` to an erasure and its proof.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use skjerm_loopback::{KEY_ID, Manner, SECRET, Server};
use tempfile::TempDir;

use crate::keep::{NUMBER, WHOLE, soma};
use crate::support::{Ran, binary, files_below, ran};

struct Town {
    server: Server,
    folder: TempDir,
    dir: PathBuf,
    objects: PathBuf,
}

impl Town {
    fn new() -> Self {
        let server = Server::start().unwrap();
        let objects = server.make_bucket("byen").unwrap();
        let folder = TempDir::new().unwrap();
        let dir = folder.path().join("installation");
        Self { server, folder, dir, objects }
    }

    /// An installation with five rows.
    fn loaded() -> Self {
        let town = Self::new();
        town.init("s3://byen/tabeller").ok();
        town.run(&["keys", "new"]).ok();
        let file = soma(town.folder.path());
        let loaded = town.run(&["ingest", "--source", "soma", file.to_str().unwrap()]).ok().json();
        assert_eq!(loaded["loaded"], 5, "{loaded}");
        town
    }

    fn init(&self, url: &str) -> Ran {
        let endpoint = self.server.endpoint();
        self.run(&["init", "--warehouse", url, "--endpoint", &endpoint, "--allow-http"])
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_as(KEY_ID, SECRET, arguments)
    }

    /// With these credentials; what is said holds none of them.
    fn run_as(&self, id: &str, secret: &str, arguments: &[&str]) -> Ran {
        Self::run_in(&self.dir, id, secret, arguments)
    }

    fn run_in(dir: &Path, id: &str, secret: &str, arguments: &[&str]) -> Ran {
        let mut command = Command::new(binary());
        command.arg("--dir").arg(dir).args(["--format", "json"]).args(arguments);
        command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
        let ran = ran(command.output().unwrap());
        for known in [id, secret].into_iter().filter(|known| !known.is_empty()) {
            assert!(!ran.out.contains(known) && !ran.err.contains(known), "{} {}", ran.out, ran.err);
        }
        ran
    }

    fn data(&self) -> Vec<PathBuf> {
        let files = files_below(&self.objects).into_iter();
        files.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
    }
}

fn message(error: &Value) -> String {
    error["message"].as_str().unwrap().to_owned()
}

const SQL: &str = "select gender, count(*) from contact where year = 2023 group by gender";

#[test]
fn everything_works_on_a_bucket() {
    let town = Town::loaded();
    assert!(!town.data().is_empty());
    let local = files_below(&town.dir.join("warehouse"));
    assert!(local.iter().all(|path| path.ends_with("keys.json")), "the tables are elsewhere: {local:?}");
    // Another installation has other keys: there, one human would become two.
    let other = town.folder.path().join("another");
    let endpoint = town.server.endpoint();
    let url = ["--warehouse", "s3://byen/tabeller", "--endpoint", &endpoint, "--allow-http"];
    let taken = Town::run_in(&other, KEY_ID, SECRET, &[&["init"][..], &url].concat()).error(2);
    assert!(message(&taken).contains("s3://byen/tabeller holds the tables of an installation"), "{taken}");
    // Nothing new, nothing written.
    let status = town.run(&["warehouse", "status"]).ok().json();
    let again = soma(town.folder.path());
    let loaded = town.run(&["ingest", "--source", "soma", again.to_str().unwrap()]).ok().json();
    assert_eq!((&loaded["loaded"], &loaded["replaced"]), (&json!(0), &json!(5)), "{loaded}");
    assert_eq!(town.run(&["warehouse", "status"]).ok().json(), status);
    // The same question gets the same answer, free.
    let first = town.run(&["query", SQL]).ok().json();
    let second = town.run(&["query", SQL]).ok().json();
    assert_eq!(first["rows"], second["rows"]);
    assert_eq!(
        (&second["privacy"]["charged"], &second["answer"]["source"]),
        (&json!(false), &json!("stored"))
    );

    let list = town.folder.path().join("liste.csv");
    std::fs::write(&list, WHOLE).unwrap();
    let erase = ["warehouse", "erase", list.to_str().unwrap(), "--reason", "sletting etter krav"];
    let done = town.run(&erase).ok().json();
    assert_eq!((&done["found"], &done["tables"]["contact"]["rows"]), (&json!(1), &json!(3)), "{done}");
    assert_eq!(done["proof"]["found"], json!([]), "{done}");
    let all = files_below(&town.dir).len() + files_below(&town.objects).len();
    assert!(done["proof"]["files"].as_u64().unwrap().abs_diff(all as u64) < 8, "{all} {done}");
    let check = town.run(&["warehouse", "check"]).ok().json();
    assert_eq!((&check["rows"], &check["orphans"], &check["foreign"]), (&json!(2), &json!([]), &json!([])));
    let removed = town.run(&["warehouse", "compact"]).ok().json();
    assert_eq!(removed["files"], 0, "{removed}");
    town.run(&["budget", "verify"]).ok();
    for path in files_below(town.folder.path()).into_iter().chain(files_below(&town.objects)) {
        let content = std::fs::read(&path).unwrap();
        let holds = |secret: &str| content.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
        assert!(!holds(SECRET) && !holds(KEY_ID), "{}", path.display());
        assert!(!path.starts_with(&town.objects) || !holds(NUMBER), "{}", path.display());
    }
}

#[test]
fn a_server_that_is_gone_or_refuses_is_one_sentence_for_the_steward_and_a_uniform_one_for_analysts() {
    let town = Town::loaded();
    let cases: [(&str, &str, &str); 2] =
        [(KEY_ID, "guessed", "refuses the credentials"), ("", SECRET, "AWS_ACCESS_KEY_ID is not set")];
    for (id, secret, sentence) in cases {
        let ran = town.run_as(id, secret, &["warehouse", "status"]);
        assert!(ran.code != 0 && message(&ran.json()["error"]).contains(sentence), "{}", ran.out);
    }
    let asked = message(&town.run_as(KEY_ID, "guessed", &["query", SQL]).error(1));
    assert!(asked.contains("nothing was charged") && !asked.contains("127.0.0.1"), "{asked}");
    town.server.behave(Manner::Overloaded);
    let status = message(&town.run(&["warehouse", "status"]).error(1));
    assert!(status.contains("503"), "{status}");
    town.server.behave(Manner::Proper);
    town.run(&["warehouse", "check"]).ok();
    // Objects that are gone when the budget is charged already.
    for path in town.data() {
        std::fs::remove_file(path).unwrap();
    }
    let error = town.run(&["query", SQL]).error(1);
    for inner in ["parquet", "127.0.0.1", "byen", "s3://"] {
        assert!(!error.to_string().contains(inner), "an inner message got out: {error}");
    }
}

#[test]
fn init_asks_the_server_before_it_makes_anything() {
    let town = Town::new();
    let refused = |ran: Ran, code: i32, sentence: &str| {
        let text = message(&ran.error(code));
        assert!(text.contains(sentence), "{text}");
        assert!(!town.dir.exists(), "{sentence}: something was made");
    };
    refused(town.init("s3://ingensteds/x"), 1, "has no bucket ingensteds");
    refused(town.init("https://byen/x"), 2, "s3://BUCKET");
    let plain = town.server.endpoint();
    refused(town.run(&["init", "--warehouse", "s3://byen/x", "--endpoint", &plain]), 2, "no TLS");
    refused(town.run(&["init", "--warehouse", "s3://byen/x"]), 2, "region is missing");
    town.server.behave(Manner::NoConditions);
    refused(town.init("s3://byen/x"), 1, "ignores the conditions");
    town.server.behave(Manner::Versions);
    refused(town.init("s3://byen/y"), 1, "keeps old versions");
    town.server.behave(Manner::Proper);
    town.init("s3://byen/tabeller").ok();
    town.init("s3://byen/tabeller").ok();
    let elsewhere = message(&town.init("s3://byen/andre").error(2));
    assert!(elsewhere.contains("in another bucket already"), "{elsewhere}");
    let text = std::fs::read_to_string(town.dir.join("storage.toml")).unwrap();
    assert!(text.contains("url = \"s3://byen/tabeller\"") && !text.contains(KEY_ID), "{text}");
    assert!(is_private(&town.dir));
}

fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(folder).unwrap().permissions().mode() & 0o777 == 0o700
}
