//! The dashboard in a real browser.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::{binary, fresh_book, json};

struct Server {
    child: Child,
    address: String,
    /// The link that opens the steward's page once.
    steward: Option<String>,
    book: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(arguments: &[&str]) -> Server {
    let book = fresh_book();
    std::fs::write(book.path().join("SYNTHETIC"), "SYNTHETIC").unwrap();
    for year in ["2022", "2023"] {
        json(book.path(), &["release", "publish", "--year", year, "--as", "steward"]).ok();
    }
    let mut child = Command::new(binary())
        .arg("--dir")
        .arg(book.path())
        .args(["--format", "json", "serve", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let started: serde_json::Value =
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no address: {line}"));
    let address = started["address"].as_str().unwrap().to_owned();
    let steward = started["steward"].as_str().map(str::to_owned);
    Server { child, address, steward, book }
}

/// The page as a browser has it after loading.
fn browse(url: &str) -> String {
    let profile = TempDir::new().unwrap();
    let chromium = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok())
        .expect("no Chromium: tests/run installs it");
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
        ])
        .args(["--disable-background-networking", "--disable-component-update", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_browser_shows_figures_districts_and_trend() {
    let server = serve(&[]);
    assert_eq!(server.steward, None);
    let page = |path: &str| browse(&format!("{}{path}", server.address));
    let start = page("/");
    assert!(start.contains("lang=\"nb\"") || start.contains("lang=\"no\""), "{start}");
    assert!(start.contains("2023") && start.contains("SYNTETISK"), "{start}");
    let english = page("/?lang=en");
    assert!(english.contains("lang=\"en\"") && english.contains("SYNTHETIC"), "{english}");
    for path in ["/districts", "/trend", "/districts?lang=en", "/trend?lang=en"] {
        let chart = page(path);
        // The logo is a drawing too: a chart is one that says what it shows.
        assert!(chart.matches("<svg").count() >= 2 && chart.contains("<desc"), "{path}: {chart}");
        assert!(!chart.contains("NaN"), "{path}: {chart}");
    }
    let districts = page("/districts");
    for name in ["Gamle Oslo", "St. Hanshaugen", "Søndre Nordstrand"] {
        assert!(districts.contains(name), "{name} is missing");
    }
}

#[test]
fn the_stewards_page_opens_once_and_for_its_link_only() {
    let server = serve(&["--steward"]);
    let link = server.steward.as_deref().unwrap();
    // What the page alone shows: the head of the book, and who did what.
    let head =
        json(server.book.path(), &["budget", "verify"]).ok().json()["head"].as_str().unwrap().to_owned();
    let number = head.split_once(':').unwrap().0.parse::<u64>().unwrap();
    let closed = browse(&format!("{}/steward", server.address));
    let page = browse(link);
    // The login is an entry of its own.
    assert!(page.contains(&format!("{}:", number + 1)), "{page}");
    assert!(page.contains("Siste oppføring") && page.contains("steward"), "{page}");
    let again = browse(link);
    for page in [&closed, &again] {
        assert!(!page.contains("Siste oppføring"), "{page}");
    }
    let logins = json(server.book.path(), &["budget", "history", "--kind", "login"]).ok().json();
    assert_eq!(logins["entries"].as_array().unwrap().len(), 1, "{logins}");
}
