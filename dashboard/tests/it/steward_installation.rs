//! The steward's page over an installation: logins and refusals are entries, and a changed book is seen.

use std::path::Path;
use std::time::Duration;

use axum::{
    Router,
    http::{Method, StatusCode},
};
use skjerm_dashboard::{DashboardState, Site, StewardState, router};
use skjerm_engine::{Engine, ErrorKind};
use skjerm_ledger::{Begin, Block, Entry, HistoryFilter, Ledger, LedgerKey, Request};
use skjerm_privacy::{Loss, Rho};
use skjerm_warehouse::{Installation, keyfile::KeyFile, policy::Policy};
use tempfile::TempDir;

use crate::{
    html, made_up_release,
    steward::{ask, go_in},
};

const QUESTION: &str = "select '<script>' from contact where year = 2023";

fn installation() -> (TempDir, Installation) {
    let folder = tempfile::tempdir().unwrap();
    let installation = Installation::init(folder.path().join("installation")).unwrap();
    Engine::init_ledger(&installation).unwrap();
    let policy = Policy::load(&installation.policy_path()).unwrap();
    made_up_release::write(&installation, &policy, 2023);
    drop(Engine::open(&installation).unwrap());
    (folder, installation)
}

fn open(installation: &Installation) -> (Router, String) {
    let (state, token) = StewardState::open(installation, "steward").unwrap();
    let link = token.link("127.0.0.1:8023".parse().unwrap());
    let login = link.strip_prefix("http://127.0.0.1:8023").unwrap().to_owned();
    (router(Site::with_steward(DashboardState::open(installation).unwrap(), state)), login)
}

fn history(installation: &Installation, kind: &str) -> Vec<Entry> {
    let engine = Engine::open(installation).unwrap();
    let steward = engine.authenticate("steward").unwrap();
    let filter = HistoryFilter { kind: Some(kind.to_owned()), ..HistoryFilter::default() };
    engine.history(&steward, &filter).unwrap()
}

/// Two paid questions, as the engine would charge them: one that is answered, and one that a crash left.
fn two_questions(installation: &Installation) {
    let key = KeyFile::load(&installation.ledger_key_path()).unwrap();
    let key = LedgerKey::from_secret(key.secret());
    let ledger = Ledger::open(&installation.ledger_path(), key).unwrap();
    let begin = |key: &str| {
        let request = Request {
            question_id: "q".into(),
            key: key.to_owned(),
            id: None,
            who: "researcher".into(),
            share: "researchers".into(),
            kind: "sql".into(),
            question: QUESTION.into(),
            snapshot: "SYNTHETIC".into(),
            charges: vec![(Block::new("persons", "2023"), Loss::pure(Rho::from_f64_down(0.005).unwrap()))],
            bounds: "made up".into(),
            noise: "made up".into(),
            reason: Some("for <b>a test</b>".into()),
            may_take: Duration::from_mins(1),
        };
        match ledger.begin(&request).unwrap() {
            Begin::Reserved(reservation) => reservation,
            other => panic!("{other:?}"),
        }
    };
    ledger.settle(begin("first"), "{\"made_up\": 4711}").unwrap();
    drop(begin("second"));
}

/// Changes a byte of the book's file, as somebody without the ledger's key would.
fn tamper(book: &Path) {
    let mut bytes = std::fs::read(book).unwrap();
    let wanted = b"\"made_up\": 4711";
    let at = bytes.windows(wanted.len()).position(|part| part == wanted).unwrap();
    bytes[at + wanted.len() - 1] = b'2';
    std::fs::write(book, bytes).unwrap();
}

#[tokio::test]
async fn a_login_and_a_wrong_token_are_entries() {
    let (_folder, installation) = installation();
    let (app, login) = open(&installation);
    let wrong = format!("/steward/login?token={}", "0".repeat(64));
    for _ in 0..5 {
        assert_eq!(ask(&app, Method::GET, &wrong, None).await.status, StatusCode::FORBIDDEN);
    }
    let cookie = go_in(&app, &login).await;
    let (logins, refusals) = (history(&installation, "login"), history(&installation, "refused"));
    assert_eq!((logins.len(), refusals.len()), (1, 1));
    assert_eq!(logins[0].who, "steward");
    assert!(refusals[0].what.starts_with("login: "), "{}", refusals[0].what);
    assert_eq!(refusals[0].reason.as_deref(), Some("the token was wrong"));
    let book = format!("{logins:?}{refusals:?}");
    assert!(!book.contains(login.split("token=").nth(1).unwrap()) && !book.contains(&"0".repeat(64)));
    assert!(!book.contains(cookie.split_once('=').unwrap().1));
    let page = ask(&app, Method::GET, "/steward", Some(&cookie)).await.body;
    assert!(page.contains("innlogging") && page.contains("the token was wrong"));
}

#[tokio::test]
async fn only_a_steward_is_let_in() {
    let (_folder, installation) = installation();
    for name in ["researcher", "planner", "nobody"] {
        let Err(error) = StewardState::open(&installation, name) else { panic!("{name} is in") };
        assert_eq!(error.kind, ErrorKind::NotPermitted, "{error}");
    }
    assert_eq!(history(&installation, "refused").len(), 3);
}

#[tokio::test]
async fn the_page_of_an_installation_is_whole_in_both_languages() {
    let (_folder, installation) = installation();
    two_questions(&installation);
    let (app, login) = open(&installation);
    let cookie = go_in(&app, &login).await;
    for (lang, words) in [
        (
            "no",
            [
                "Regnskapet er helt",
                "tapt",
                "besvart",
                "publisert",
                "gjenstår",
                "Andeler og analytikere: 2023",
            ],
        ),
        ("en", ["The ledger is whole", "lost", "answered", "published", "due", "Shares and analysts: 2023"]),
    ] {
        for filter in ["", "&kind=charge", "&who=researcher", "&block=persons%2F2023", "&who=nobody"] {
            let address = format!("/steward?lang={lang}{filter}");
            let page = ask(&app, Method::GET, &address, Some(&cookie)).await;
            assert_eq!(page.status, StatusCode::OK, "{address}");
            html::check(&page.body).unwrap_or_else(|problem| panic!("{address}: {problem}"));
            for word in words {
                assert!(page.body.contains(word), "{address}: {word}");
            }
            assert!(
                !page.body.contains("<script") && !page.body.contains("<b>") && !page.body.contains("NaN")
            );
        }
    }
    for address in ["/steward?kind=no", "/steward?block=persons", "/steward?block=persons%2F1900"] {
        let missing = ask(&app, Method::GET, address, Some(&cookie)).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{address}");
    }
    // Looking spends nothing and writes nothing: the login was the last entry.
    let page = ask(&app, Method::GET, "/steward?who=nobody&lang=en", Some(&cookie)).await.body;
    assert!(page.contains("No entry fits."));
    assert_eq!(history(&installation, "charge").len(), 2);
}

#[tokio::test]
async fn a_changed_book_is_seen_on_the_page() {
    let (_folder, installation) = installation();
    two_questions(&installation);
    tamper(&installation.ledger_path());
    let (app, login) = open(&installation);
    let cookie = go_in(&app, &login).await;
    let page = ask(&app, Method::GET, "/steward", Some(&cookie)).await;
    assert_eq!(page.status, StatusCode::OK);
    html::check(&page.body).unwrap();
    assert!(page.body.contains("verdict-alarm") && page.body.contains("Feil ved oppføring"), "{}", page.body);
    assert!(page.body.contains("was changed"));
    assert!(page.body.contains("Andeler og analytikere: 2023"), "the rest is shown all the same");
}
