//! What keeps the steward's page from everybody else: the log, the network, and the sources of the public side.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use skjerm_dashboard::{
    DashboardError, DashboardState, Site, StewardState, bind, for_this_machine, router, serve_on,
};

use crate::{
    made_up::MadeUp,
    made_up_steward::MadeUpSteward,
    steward::{ask, go_in},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that this test program logs, in full.
fn log_everything() -> Log {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log
}

#[tokio::test]
async fn neither_token_nor_cookie_is_logged() {
    let log = log_everything();
    let (state, token) = StewardState::new(MadeUpSteward::default(), Timestamp::now()).unwrap();
    let link = token.link("127.0.0.1:8023".parse().unwrap());
    let login = link.strip_prefix("http://127.0.0.1:8023").unwrap();
    let app = router(Site::with_steward(DashboardState::new(MadeUp::default()), state));
    let cookie = go_in(&app, login).await;
    assert_eq!(ask(&app, Method::GET, "/steward", Some(&cookie)).await.status, StatusCode::OK);
    assert_eq!(ask(&app, Method::GET, login, Some(&cookie)).await.status, StatusCode::FORBIDDEN);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("/steward/login"), "the log has the requests: {logged}");
    let secret = cookie.split_once('=').unwrap().1;
    assert!(!logged.contains(login.split("token=").nth(1).unwrap()) && !logged.contains(secret));
    assert!(!logged.contains("token="), "{logged}");
}

#[tokio::test]
async fn the_page_is_for_this_machine_alone() {
    for address in ["127.0.0.1:80", "127.3.2.1:80", "[::1]:80"] {
        for_this_machine(address.parse().unwrap()).unwrap();
    }
    for address in ["0.0.0.0:80", "10.0.0.1:80", "[::]:80", "[::ffff:10.0.0.1]:80"] {
        let error = for_this_machine(address.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains(address) && error.contains("--listen"), "{error}");
    }
    let (state, _) = StewardState::new(MadeUpSteward::default(), Timestamp::now()).unwrap();
    let site = Site::with_steward(DashboardState::new(MadeUp::default()), state);
    let listener = bind("0.0.0.0:0".parse().unwrap()).await.unwrap();
    let error = serve_on(site, listener, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, DashboardError::NotLoopback(_)), "{error}");
}

/// The architecture invariant of `skjerm_dashboard::steward`: public sources have no word for what is the steward's.
#[test]
fn the_public_side_does_not_name_the_stewards() {
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![sources.clone()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("steward") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            // The root of the crate puts the two beside each other, and nothing else does.
            if path != sources.join("lib.rs") {
                for word in ["Stewardship", "StewardState", "InstallationSteward", "Caller", "authenticate"] {
                    assert!(!code.contains(word), "{} names {word}", path.display());
                }
            }
            read += 1;
        }
    }
    assert!(read > 20, "{read} files");
}
