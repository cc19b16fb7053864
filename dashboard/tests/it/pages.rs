//! Every page in both languages over made-up figures: status, headers, words, intervals and well-formed HTML.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use skjerm_dashboard::{DashboardState, router};
use tower::ServiceExt;

use crate::{
    html,
    made_up::{self, MadeUp},
};

fn app(city: MadeUp) -> Router {
    router(DashboardState::new(city))
}

async fn ask(app: &Router, method: Method, address: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::builder().method(method).uri(address).body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

pub(crate) async fn get(app: &Router, address: &str) -> (StatusCode, HeaderMap, String) {
    ask(app, Method::GET, address).await
}

const PAGES: [&str; 9] = [
    "/",
    "/?year=2023",
    "/districts",
    "/districts?rate=1&year=2022",
    "/districts?compare=030105",
    "/trend?figure=contact",
    "/scene",
    "/releases",
    "/about",
];

#[tokio::test]
async fn every_page_is_well_formed_in_both_languages() {
    let app = app(MadeUp::default());
    for path in PAGES {
        for (lang, code, banner) in [("no", "nb", "SYNTETISKE DATA"), ("en", "en", "SYNTHETIC DATA")] {
            let address = format!("{path}{}lang={lang}", if path.contains('?') { '&' } else { '?' });
            let (status, headers, body) = get(&app, &address).await;
            assert_eq!(status, StatusCode::OK, "{address}");
            html::check(&body).unwrap_or_else(|problem| panic!("{address}: {problem}"));
            assert!(body.contains(&format!("<html lang=\"{code}\">")), "{address}");
            assert!(body.contains(banner), "{address}");
            assert!(!body.contains("NaN") && !body.contains(">inf"), "{address}");
            assert!(
                !body.contains("<script") && !body.contains(" style=") && !body.contains("javascript:"),
                "{address}"
            );
            assert!(
                !body.contains("http://")
                    || body.matches("http://").count() == body.matches("http://www.w3.org/2000/svg").count()
            );
            assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
            assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
            for needed in ["default-src 'self'", "script-src 'none'", "frame-ancestors 'none'"] {
                assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains(needed));
            }
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
        }
    }
}

#[tokio::test]
async fn releases_are_listed_with_what_superseded_them_and_their_files() {
    let app = app(MadeUp::default());
    let (_, _, body) = get(&app, "/releases?lang=en").await;
    for words in ["Month by month", "Summer 2023", "superseded by 2023-b", "in force", "Counts &#60;b&#62;"] {
        assert!(body.contains(words), "{words}: {body}");
    }
    let (status, headers, body) = get(&app, "/releases/2023-a/tables.csv").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "2023-a tables.csv"));
    assert_eq!(headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let (_, headers, _) = get(&app, "/releases/2023-a/index.html").await;
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    for address in
        ["/releases/2023-a/ledger.sqlite", "/releases/2023-x/tables.csv", "/releases/..%2F..%2Fkeys/x"]
    {
        assert_eq!(get(&app, address).await.0, StatusCode::NOT_FOUND, "{address}");
    }
}

#[tokio::test]
async fn links_keep_the_language() {
    let app = app(MadeUp::default());
    for path in PAGES {
        let address = format!("{path}{}lang=en", if path.contains('?') { '&' } else { '?' });
        let (_, _, body) = get(&app, &address).await;
        for link in body.split("href=\"").skip(1).map(|part| part.split('"').next().unwrap()) {
            let ours = link.starts_with('/') && !link.starts_with("/assets/") && !link.starts_with("/api/");
            let switch = body.contains(&format!("class=\"language\" href=\"{link}\""));
            assert!(!ours || switch || link.contains("lang=en"), "{address} links to {link}");
        }
    }
}

#[tokio::test]
async fn every_link_of_ours_leads_somewhere() {
    let app = app(MadeUp::default());
    for path in PAGES {
        let (_, _, body) = get(&app, path).await;
        for link in body.split("href=\"").skip(1).map(|part| part.split('"').next().unwrap()) {
            if link.starts_with('/') {
                let link = link.replace("&#38;", "&").replace("&amp;", "&");
                let (status, _, _) = get(&app, &link).await;
                assert_eq!(status, StatusCode::OK, "{path} links to {link}");
            } else {
                assert!(link.starts_with('#'), "{path} links outside: {link}");
                assert!(body.contains(&format!("id=\"{}\"", &link[1..])), "{path}: no place {link}");
            }
        }
    }
}

#[tokio::test]
async fn figures_show_both_numbers_with_the_interval_on_the_estimate() {
    let app = app(MadeUp::default());
    let (_, _, body) = get(&app, "/?year=2023").await;
    assert!(body.contains("1\u{a0}979"), "the display value");
    assert!(body.contains("Anslag 1\u{a0}977 (1\u{a0}959–1\u{a0}994)"), "the estimate with its interval");
    assert!(body.contains("mellom 1\u{a0}959 og 1\u{a0}994 med 95\u{a0}% sikkerhet"));
    assert!(body.contains("2023-5f0c2a91d3e4"), "which release");
    assert!(body.contains("Eksakt tall") && body.contains("1\u{a0}951"));
    let (_, _, body) = get(&app, "/?year=2023&lang=en").await;
    assert!(
        body.contains("Estimate 1,977 (1,959–1,994)")
            && body.contains("between 1,959 and 1,994 with 95% confidence")
    );
}

#[tokio::test]
async fn a_comparison_of_counts_is_shown_with_its_verdicts() {
    let city = MadeUp { scenes: vec![made_up::scene()], ..MadeUp::default() };
    let (_, _, body) = get(&app(city), "/scene").await;
    html::check(&body).unwrap();
    assert!(body.contains("Sommeren 2024 mot sommeren 2025") && body.contains("61,2 (58,2–64,2)"));
    assert!(body.contains("økning") && body.contains("nedgang") && body.contains("kan ikke skilles"));
    assert!(!body.contains("skjerm scene compare"));
    let (_, _, body) = get(&app(MadeUp::default()), "/scene").await;
    assert!(body.contains("skjerm scene compare"), "how to ask for one");
}

#[tokio::test]
async fn a_number_that_is_too_small_is_not_shown() {
    let (_, _, body) = get(&app(MadeUp::default()), "/?year=2023").await;
    let row = body.split("concern_report_boys").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(row.contains(">:<") && row.contains("høyst 10") && !row.contains('3'), "{row}");
}

#[tokio::test]
async fn the_sources_number_is_shown_beside_synthetic_data_only() {
    let (_, _, body) = get(&app(MadeUp::default()), "/?year=2023").await;
    assert!(body.contains("Kilden oppga"));
    let (_, _, body) = get(&app(MadeUp { synthetic: false, ..MadeUp::default() }), "/?year=2023").await;
    assert!(!body.contains("Kilden oppga") && !body.contains("SYNTETISK"));
}

#[tokio::test]
async fn a_chosen_district_is_compared_in_sentences() {
    let app = app(MadeUp::default());
    let (_, _, body) = get(&app, "/districts?compare=030105").await;
    assert!(body.contains("Frogner kan ikke skilles fra St. Hanshaugen og Østensjø."));
    assert!(body.contains("Høyere enn Frogner: Gamle Oslo"));
    assert!(body.contains("<path d=\"M"), "the chosen mark");
    let (_, _, body) = get(&app, "/districts?compare=030105&rate=0").await;
    assert!(!body.contains("legend_same") && body.contains("Antall personer etter bydel"));
    let (status, _, _) = get(&app, "/districts?compare=030117").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "a district without a rate cannot be compared");
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let app = app(MadeUp::default());
    let cases = [
        "/nope",
        "/?year=1900",
        "/?year=abc",
        "/districts?year=1900",
        "/trend?figure=<script>alert(1)</script>",
        "/districts?compare=x\"y",
    ];
    for address in cases {
        let address = address.replace('<', "%3C").replace('>', "%3E").replace('"', "%22");
        let (status, headers, body) = get(&app, &address).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{address}");
        html::check(&body).unwrap();
        assert!(!body.contains("<script"), "{address}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }
    let (_, _, body) = get(&app, "/?year=1900").await;
    assert!(body.contains("2019, 2020"), "the years that exist are named");
}

#[tokio::test]
async fn a_fault_shows_nothing_of_the_inside() {
    let app = app(MadeUp { broken: true, ..MadeUp::default() });
    for address in ["/", "/about?lang=en", "/api/figures"] {
        let (status, headers, body) = get(&app, address).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{address}");
        assert!(!body.contains("SECRET"), "{address}");
        assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY));
    }
}

#[tokio::test]
async fn nothing_published_yet_is_said() {
    let app = app(MadeUp { years: vec![], ..MadeUp::default() });
    for address in ["/", "/districts", "/trend"] {
        let (status, _, body) = get(&app, address).await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            body.contains("Ingen nøkkeltall er publisert ennå") && body.contains("skjerm release publish")
        );
    }
}

#[tokio::test]
async fn the_api_speaks_json() {
    let app = app(MadeUp::default());
    for address in [
        "/api/figures",
        "/api/figures?year=2023",
        "/api/districts?year=2023",
        "/api/releases",
        "/api/releases/2023-5f0c2a91d3e4",
        "/api/budget",
        "/healthz",
    ] {
        let (status, headers, body) = get(&app, address).await;
        assert_eq!(status, StatusCode::OK, "{address}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        assert!(headers.contains_key(header::X_CONTENT_TYPE_OPTIONS));
        serde_json::from_str::<serde_json::Value>(&body).unwrap();
    }
    for address in [
        "/api/figures?year=1900",
        "/api/figures?year=x",
        "/api/releases/nope",
        "/api/releases/..%2Fledger.sqlite",
        "/api/nope",
    ] {
        let (status, _, body) = get(&app, address).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{address}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["error"]["kind"], "not_found");
    }
}

#[tokio::test]
async fn nothing_can_be_written() {
    let app = app(MadeUp::default());
    for (address, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/api/figures", "application/json"),
        ("/api/budget", "application/json"),
    ] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let (status, headers, _) = ask(&app, method, address).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{address}");
            assert_eq!(headers[header::CONTENT_TYPE], kind);
        }
    }
}

#[tokio::test]
async fn assets_are_cached_by_their_content() {
    let app = app(MadeUp::default());
    let (_, _, body) = get(&app, "/").await;
    let address = body.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let (status, headers, css) = get(&app, address).await;
    assert_eq!(status, StatusCode::OK);
    assert!(headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert!(
        css.contains(":focus-visible")
            && css.contains("@media print")
            && !css.contains("@import")
            && !css.contains("url(")
    );
}
