//! Every page over an installation that holds made-up releases of the shipped workload.

use axum::{Router, http::StatusCode};
use serde_json::Value;
use skjerm_dashboard::{DashboardState, SYNTHETIC_MARK, router};
use skjerm_figures::release::Store;
use skjerm_warehouse::{Installation, policy::Policy};
use tempfile::TempDir;

use crate::{html, made_up_release, pages::get};

struct City {
    _folder: TempDir,
    app: Router,
    ids: Vec<String>,
}

fn city(years: &[i32]) -> City {
    let folder = tempfile::tempdir().unwrap();
    let installation = Installation::init(folder.path().join("installation")).unwrap();
    std::fs::write(installation.root().join(SYNTHETIC_MARK), "SYNTHETIC\n").unwrap();
    skjerm_engine::Engine::init_ledger(&installation).unwrap();
    let policy = Policy::load(&installation.policy_path()).unwrap();
    let ids = years.iter().map(|year| made_up_release::write(&installation, &policy, *year)).collect();
    let app = router(DashboardState::open(&installation).unwrap());
    City { _folder: folder, app, ids }
}

#[tokio::test]
async fn an_installations_pages_are_whole_in_both_languages() {
    let city = city(&[2022, 2023]);
    let pages = [
        "/",
        "/?year=2022",
        "/districts",
        "/districts?rate=1",
        "/districts?compare=030105",
        "/trend",
        "/trend?figure=contact_under_25",
        "/trend?figure=patrol_total",
        "/scene",
        "/releases",
        "/about",
    ];
    for path in pages {
        for lang in ["no", "en"] {
            let address = format!("{path}{}lang={lang}", if path.contains('?') { '&' } else { '?' });
            let (status, _, body) = get(&city.app, &address).await;
            assert_eq!(status, StatusCode::OK, "{address}");
            html::check(&body).unwrap_or_else(|problem| panic!("{address}: {problem}"));
            assert!(!body.contains("NaN"), "{address}");
            assert!(
                body.contains(if lang == "no" { "SYNTETISKE DATA" } else { "SYNTHETIC DATA" }),
                "{address}"
            );
        }
    }
}

#[tokio::test]
async fn pages_and_json_show_the_same_numbers() {
    let city = city(&[2023]);
    let (status, _, body) = get(&city.app, "/api/figures?year=2023").await;
    assert_eq!(status, StatusCode::OK);
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(document["release"], city.ids[0].as_str());
    let (_, _, page) = get(&city.app, "/?lang=en").await;
    let mut shown = 0;
    for figure in document["figures"].as_array().unwrap() {
        assert!(
            page.contains(&format!("figure={}&", figure["name"].as_str().unwrap()))
                || page.contains(figure["name"].as_str().unwrap())
        );
        let (low, high) = (figure["low"].as_f64().unwrap(), figure["high"].as_f64().unwrap());
        if figure["exact"] == false && figure["display"].is_number() {
            let ends = (low.round(), high.round());
            if ends.0 >= 0.0 && ends.1 < 1000.0 {
                assert!(page.contains(&format!("({low:.0}–{high:.0})")), "{figure}");
                shown += 1;
            }
        }
    }
    assert!(shown > 10, "{shown} intervals");
    assert!(page.contains(&city.ids[0]));
}

#[tokio::test]
async fn the_json_documents_hold_what_they_promise() {
    let city = city(&[2022, 2023]);
    let json = async |address: &str| -> Value {
        let (status, _, body) = get(&city.app, address).await;
        assert_eq!(status, StatusCode::OK, "{address}");
        serde_json::from_str(&body).unwrap()
    };
    assert_eq!(json("/api/releases").await["releases"].as_array().unwrap().len(), 2);
    assert_eq!(json(&format!("/api/releases/{}", city.ids[0])).await["year"], 2022);
    assert_eq!(json("/api/districts?year=2023").await["year"], 2023);
    let budget = json("/api/budget").await;
    let block = &budget["blocks"][0];
    for key in ["family", "block", "rho_limit", "rho_spent", "rho_left", "epsilon_spent", "delta"] {
        assert!(!block[key].is_null(), "{key}");
    }
    let (status, _, _) = get(&city.app, "/api/releases/2023-0000000000000000").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn looking_at_every_page_spends_nothing() {
    let city = city(&[2023]);
    let (_, _, before) = get(&city.app, "/api/budget").await;
    for path in
        ["/", "/districts?compare=030105", "/trend", "/scene", "/about", "/api/figures", "/api/districts"]
    {
        get(&city.app, path).await;
    }
    let (_, _, after) = get(&city.app, "/api/budget").await;
    assert_eq!(before, after);
}

/// The page that a release brings with it keeps to the rules of ours.
#[test]
fn the_page_in_the_folder_of_a_release_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let installation = Installation::init(folder.path().join("installation")).unwrap();
    let policy = Policy::load(&installation.policy_path()).unwrap();
    let id = made_up_release::write(&installation, &policy, 2023);
    let page = std::fs::read_to_string(installation.releases_dir().join(id).join("index.html")).unwrap();
    html::check(&page).unwrap();
}

#[tokio::test]
async fn an_installation_without_releases_says_so() {
    let city = city(&[]);
    let (status, _, body) = get(&city.app, "/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("skjerm release publish"));
}

#[tokio::test]
async fn a_damaged_release_is_a_fault_without_internals() {
    let folder = tempfile::tempdir().unwrap();
    let installation = Installation::init(folder.path().join("installation")).unwrap();
    skjerm_engine::Engine::init_ledger(&installation).unwrap();
    let policy = Policy::load(&installation.policy_path()).unwrap();
    let id = made_up_release::write(&installation, &policy, 2023);
    let path = installation.releases_dir().join(id).join("release.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("2026-06-01", "2026-06-02");
    std::fs::write(&path, text).unwrap();
    let app = router(DashboardState::open(&installation).unwrap());
    let (status, _, body) = get(&app, "/").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.contains("release.json") && !body.contains(&*folder.path().to_string_lossy()));
}

/// A later release of another workload of the year is listed, and its figures are not taken for the year's; its files are what was published.
#[tokio::test]
async fn releases_of_every_workload_are_listed_and_served_as_published() {
    let folder = tempfile::tempdir().unwrap();
    let installation = Installation::init(folder.path().join("installation")).unwrap();
    skjerm_engine::Engine::init_ledger(&installation).unwrap();
    let policy = Policy::load(&installation.policy_path()).unwrap();
    let of_year = made_up_release::write(&installation, &policy, 2023);
    let store = Store::open(&installation);
    let mut other = store.show(&of_year).unwrap();
    other.revision = 7;
    other.workload.name = "months".into();
    other.workload.label.en = "Month by month".into();
    let other = store.save(other, &policy).unwrap().id;
    let app = router(DashboardState::open(&installation).unwrap());
    let (_, _, body) = get(&app, "/api/figures?year=2023").await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["release"], of_year.as_str());
    let (status, _, body) = get(&app, "/releases?lang=en").await;
    assert_eq!(status, StatusCode::OK);
    html::check(&body).unwrap();
    assert!(body.contains("Month by month") && body.contains(&of_year) && body.contains(&other), "{body}");
    for name in ["index.html", "tables.csv", "metadata.json", "release.json"] {
        let (status, _, served) = get(&app, &format!("/releases/{other}/{name}")).await;
        let path = installation.releases_dir().join(&other).join(name);
        assert_eq!((status, served), (StatusCode::OK, std::fs::read_to_string(path).unwrap()), "{name}");
    }
    // Outside the folder, and a file that was changed since.
    let (status, ..) = get(&app, &format!("/releases/{other}/..%2F{of_year}%2Ftables.csv")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    std::fs::write(installation.releases_dir().join(&other).join("tables.csv"), "1\n").unwrap();
    let (status, ..) = get(&app, &format!("/releases/{other}/index.html")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}
