//! The steward's page over a made-up book: its door, its words, and that it stays by itself.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use skjerm_dashboard::{DashboardState, Site, StewardState, router};
use tower::ServiceExt;

use crate::{
    html,
    made_up::MadeUp,
    made_up_steward::{HOSTILE, MadeUpSteward},
};

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) async fn ask(app: &Router, method: Method, address: &str, cookie: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(address);
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn get(app: &Router, address: &str, cookie: Option<&str>) -> Answer {
    ask(app, Method::GET, address, cookie).await
}

/// The application, and the address of the login.
fn app_since(source: MadeUpSteward, started: Timestamp) -> (Router, String) {
    let (state, token) = StewardState::new(source, started).unwrap();
    let link = token.link("127.0.0.1:8023".parse().unwrap());
    let login = link.strip_prefix("http://127.0.0.1:8023").unwrap().to_owned();
    (router(Site::with_steward(DashboardState::new(MadeUp::default()), state)), login)
}

fn app(source: MadeUpSteward) -> (Router, String) {
    app_since(source, Timestamp::now())
}

/// Goes in, and gives the cookie as a browser sends it back.
pub(crate) async fn go_in(app: &Router, login: &str) -> String {
    let answer = get(app, login, None).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

async fn inside(source: MadeUpSteward) -> (Router, String) {
    let (app, login) = app(source);
    let cookie = go_in(&app, &login).await;
    (app, cookie)
}

/// The structure of a page: its tags without their texts and addresses.
fn structure(html: &str) -> Vec<String> {
    let tags = html.split('<').skip(1).map(|part| part.split([' ', '>']).next().unwrap().to_owned());
    tags.collect()
}

#[tokio::test]
async fn without_the_wish_for_it_there_is_no_such_page() {
    let public = router(DashboardState::new(MadeUp::default()));
    let nowhere = get(&public, "/nope", None).await;
    for address in ["/steward", "/steward/", "/steward/login", "/steward/login?token=x"] {
        for method in [Method::GET, Method::POST] {
            let answer = ask(&public, method, address, None).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
            assert_eq!(answer.body, nowhere.body, "{address}");
        }
    }
}

#[tokio::test]
async fn whoever_has_no_session_is_turned_away_without_being_told_why() {
    let source = MadeUpSteward::default();
    let (app, login) = app(source.clone());
    let without = get(&app, "/steward", None).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN);
    html::check(&without.body).unwrap();
    assert!(!without.body.contains("/steward") && !without.body.contains("researcher"));
    let wrong = format!("/steward/login?token={}", "0".repeat(64));
    for (address, cookie) in [
        ("/steward?kind=charge", None),
        ("/steward", Some("skjerm-steward-00000000=0000")),
        ("/steward/login", None),
        ("/steward/login?token=", None),
        (wrong.as_str(), None),
    ] {
        let answer = get(&app, address, cookie).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{address}");
        assert_eq!(answer.body, without.body, "{address}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert!(!answer.headers.contains_key(header::SET_COOKIE), "{address}");
    }
    // Looking whether the address is there uses nothing up.
    assert_eq!(ask(&app, Method::HEAD, &login, None).await.status, StatusCode::FORBIDDEN);
    go_in(&app, &login).await;
    let used = get(&app, &login, None).await;
    assert_eq!((used.status, used.body), (StatusCode::FORBIDDEN, without.body));
    assert_eq!(get(&app, "/steward", None).await.status, StatusCode::FORBIDDEN);
    let told = source.told.lock().unwrap();
    assert_eq!(told.logins, 1);
    assert_eq!(told.turned_away, ["the token was wrong"], "the others came within the same minute");
}

#[tokio::test]
async fn an_old_token_opens_nothing() {
    let source = MadeUpSteward::default();
    let (app, login) = app_since(source.clone(), Timestamp::now() - SignedDuration::from_mins(11));
    assert_eq!(get(&app, &login, None).await.status, StatusCode::FORBIDDEN);
    let told = source.told.lock().unwrap();
    assert_eq!((told.logins, told.turned_away.as_slice()), (0, &["the token was too old".to_owned()][..]));
}

#[tokio::test]
async fn the_cookie_is_for_this_page_alone_and_opens_it() {
    let (app, login) = app(MadeUpSteward::default());
    let answer = get(&app, &format!("{login}&lang=en"), None).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.headers[header::LOCATION], "/steward?lang=en");
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/steward");
    let token = login.split("token=").nth(1).unwrap();
    assert!(!cookie.contains(token));
    let page = get(&app, "/steward?lang=en", Some(pair)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.body.contains(token) && !page.body.contains(pair.split_once('=').unwrap().1));
}

#[tokio::test]
async fn a_login_that_cannot_be_entered_in_the_book_lets_nobody_in() {
    let (app, login) = app(MadeUpSteward { locked: true, ..MadeUpSteward::default() });
    let answer = get(&app, &login, None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
    assert!(answer.body.contains("skjerm budget verify") && !answer.body.contains("SECRET"));
    html::check(&answer.body).unwrap();
}

#[tokio::test]
async fn the_page_is_well_formed_and_the_same_in_both_languages() {
    let sources = [
        MadeUpSteward::default(),
        MadeUpSteward {
            problems: vec![(Some(7), "x".into()), (None, "y".into())],
            ..MadeUpSteward::default()
        },
        MadeUpSteward { empty: true, ..MadeUpSteward::default() },
        MadeUpSteward { unreadable: true, ..MadeUpSteward::default() },
    ];
    for source in sources {
        let (app, cookie) = inside(source).await;
        let mut shapes = Vec::new();
        for (lang, code, mark) in [
            ("no", "nb", "For forvalteren – ikke til publisering"),
            ("en", "en", "For the steward – not for publication"),
        ] {
            let page = get(&app, &format!("/steward?lang={lang}"), Some(&cookie)).await;
            assert_eq!(page.status, StatusCode::OK);
            html::check(&page.body).unwrap_or_else(|problem| panic!("{lang}: {problem}"));
            assert!(page.body.contains(&format!("<html lang=\"{code}\">")) && page.body.contains(mark));
            assert!(!page.body.contains("NaN") && !page.body.contains("<form"));
            assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
            assert!(page.headers.contains_key(header::CONTENT_SECURITY_POLICY));
            // Every table scrolls by itself, by keyboard too, and says what it is.
            let tables = page.body.matches("<table").count();
            assert_eq!(tables, page.body.matches("<caption").count());
            assert_eq!(
                tables,
                page.body.matches("class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=").count()
            );
            shapes.push(structure(&page.body));
        }
        assert_eq!(shapes[0], shapes[1]);
    }
}

#[tokio::test]
async fn what_somebody_wrote_is_shown_and_does_nothing() {
    let (app, cookie) = inside(MadeUpSteward::default()).await;
    let page = get(&app, "/steward?lang=en&who=%3Cscript%3Ename%3C%2Fscript%3E", Some(&cookie)).await.body;
    assert!(
        !page.contains("<script")
            && !page.contains("<b onmouse")
            && !page.contains("<i>")
            && !page.contains("<odd>")
    );
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "it can be read");
    assert!(HOSTILE.contains('\u{1b}') && page.contains("␛[31m␀"));
    let controls = page.chars().filter(|c| c.is_control() && *c != '\n').count();
    assert_eq!(controls + page.matches('\u{202e}').count(), 0);
}

#[tokio::test]
async fn a_book_that_is_not_whole_says_where() {
    let (app, cookie) = inside(MadeUpSteward::default()).await;
    let page = get(&app, "/steward", Some(&cookie)).await.body;
    assert!(page.contains("Regnskapet er helt") && !page.contains("verdict-alarm"));
    assert!(
        page.contains("Kontrollert 01.06.2026 08:15:00 UTC")
            && page.contains(&format!("1234:{}", "9f".repeat(32)))
    );
    let problems = vec![(Some(7), "its content does not fit its hash".into()), (None, "<b>the file".into())];
    let (app, cookie) = inside(MadeUpSteward { problems, ..MadeUpSteward::default() }).await;
    let page = get(&app, "/steward", Some(&cookie)).await.body;
    assert!(page.contains("verdict-alarm") && page.contains("Regnskapet er ikke slik det ble skrevet"));
    assert!(
        page.contains("Feil ved oppføring 7:</strong> <span lang=\"en\">its content does not fit its hash")
    );
    assert!(page.contains("&#60;b&#62;the file"));
    assert!(!page.contains(&"9f".repeat(32)), "nobody keeps the head of a changed book");
}

#[tokio::test]
async fn a_part_that_cannot_be_read_does_not_hide_the_others() {
    let (app, cookie) = inside(MadeUpSteward { unreadable: true, ..MadeUpSteward::default() }).await;
    let page = get(&app, "/steward?lang=en", Some(&cookie)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.body.matches("This part could not be read.").count(), 7);
    assert!(page.body.contains("The &#60;ledger&#62; is in use"));
}

#[tokio::test]
async fn budgets_records_and_forecast_are_shown() {
    let (app, cookie) = inside(MadeUpSteward::default()).await;
    let page = get(&app, "/steward", Some(&cookie)).await.body;
    for words in [
        "Andeler og analytikere: sommeren 2024",
        "researchers",
        "Terskler har brukt δ = 0 av 10⁻⁷",
        "Den som er med i alle 2 over, har samlet tapt ρ = 0,320 av 0,620",
        "2022, utgave 1: 01.06.2026 av steward",
        "kontroll ikke bestått",
        "Oppføring 800 kan ikke leses som protokoll",
        "publisert; dataene er endret siden",
        "ikke nok igjen",
        "De siste 50 vises. Alle skrives ut med skjerm budget history --kind refused.",
        "0,0025",
        "tapt",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[tokio::test]
async fn entries_are_chosen_by_links() {
    let (app, cookie) = inside(MadeUpSteward::default()).await;
    let page = get(&app, "/steward?kind=charge&who=researcher&lang=en", Some(&cookie)).await.body;
    let last = page.split("id=\"entries\"").nth(1).unwrap();
    assert!(
        last.contains("1233")
            && last.contains("1232")
            && !last.contains("1231")
            && !last.contains("1234</th>")
    );
    assert!(last.contains("Only who: researcher") && last.contains("aria-current=\"true\">charge<"));
    for link in page.split("href=\"").skip(1).map(|part| part.split('"').next().unwrap()) {
        let link = link.replace("&#38;", "&").replace("&amp;", "&");
        if let Some(place) = link.split_once('#').map(|(_, place)| place) {
            assert!(page.contains(&format!("id=\"{place}\"")), "no place {link}");
        }
        if link.starts_with('/') {
            let there = get(&app, &link, Some(&cookie)).await;
            assert_eq!(there.status, StatusCode::OK, "{link}");
        }
    }
    for address in ["/steward?kind=nothing", "/steward?block=persons%2F1900"] {
        let missing = get(&app, address, Some(&cookie)).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{address}");
        assert_eq!(missing.headers[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn the_menu_names_the_page_only_there() {
    let (app, cookie) = inside(MadeUpSteward::default()).await;
    for public in ["/", "/about", "/nope"] {
        let page = get(&app, public, Some(&cookie)).await.body;
        assert!(!page.contains("/steward") && !page.contains("Forvalter<"), "{public}");
    }
    let page = get(&app, "/steward?lang=en", Some(&cookie)).await.body;
    assert!(page.contains("<a href=\"/steward?lang=en\" aria-current=\"page\">Steward</a>"));
}

#[tokio::test]
async fn the_page_is_read_only() {
    let (app, cookie) = inside(MadeUpSteward::default()).await;
    for address in ["/steward", "/steward/login"] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let answer = ask(&app, method, address, Some(&cookie)).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{address}");
        }
    }
}
