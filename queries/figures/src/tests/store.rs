//! The folder of releases.

use skjerm_warehouse::Installation;

use super::city::City;
use crate::FiguresError;
use crate::release::{Release, Store};

fn installation(folder: &tempfile::TempDir) -> Installation {
    Installation::init(folder.path()).unwrap()
}

fn saved(city: &City, store: &Store, year: i32, seed: u64, revision: u32) -> Release {
    let mut release = city.release(year, seed);
    release.revision = revision;
    store.save(release, &city.policy).unwrap()
}

#[test]
fn a_release_is_found_again_as_it_was_published() {
    let folder = tempfile::tempdir().unwrap();
    let city = City::new();
    let store = Store::open(&installation(&folder));
    assert!(store.list().unwrap().is_empty());
    let release = saved(&city, &store, 2023, 1, 1);
    assert!(release.id.starts_with("2023-") && release.id.len() == 21);
    assert_eq!(store.show(&release.id).unwrap(), release);
    assert_eq!(saved(&city, &store, 2023, 1, 1).id, release.id, "the same content has the same id");
    let figures =
        std::fs::read_to_string(folder.path().join("releases").join(&release.id).join("figures.csv"))
            .unwrap();
    assert_eq!(figures.lines().count(), 1 + 62 + 12);
    assert!(folder.path().join("releases").join(&release.id).join("tables.csv").is_file());
}

#[test]
fn a_later_release_supersedes_and_the_earlier_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let city = City::new();
    let store = Store::open(&installation(&folder));
    let first = saved(&city, &store, 2023, 1, 1);
    let second = saved(&city, &store, 2023, 2, 2);
    let other = saved(&city, &store, 2022, 3, 1);
    assert_eq!(store.latest(2023).unwrap().unwrap().id, second.id);
    assert_eq!(store.latest(2021).unwrap(), None);
    let ids: Vec<String> = store.list().unwrap().into_iter().map(|summary| summary.id).collect();
    assert_eq!(ids, [other.id.clone(), first.id, second.id.clone()]);
    let years: Vec<String> =
        store.for_years(2019..=2025).unwrap().into_iter().map(|release| release.id).collect();
    assert_eq!(years, [other.id, second.id]);
}

#[test]
fn a_changed_release_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let city = City::new();
    let store = Store::open(&installation(&folder));
    let release = saved(&city, &store, 2023, 1, 1);
    let path = folder.path().join("releases").join(&release.id).join("release.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"revision\": 1", "\"revision\": 2", 1)).unwrap();
    let error = store.show(&release.id).unwrap_err();
    assert!(
        matches!(error, FiguresError::Damaged { .. })
            && error.to_string().contains("changed after publication"),
        "{error}"
    );
}

#[test]
fn what_is_no_id_is_no_path() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&installation(&folder));
    for id in ["../keys", "2023-0123456789abcdef", "", "2023-/etc/passwd", "current"] {
        assert!(matches!(store.show(id), Err(FiguresError::UnknownRelease(_))), "{id}");
    }
}

#[test]
fn an_interrupted_publication_keeps_its_rho() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&installation(&folder));
    store.note_intent(2023, "s1", 0.155).unwrap();
    assert_eq!(store.intent(2023, "s1"), Some(0.155));
    assert_eq!(store.intent(2023, "s2"), None, "of another snapshot");
    assert_eq!(store.intent(2022, "s1"), None);
    assert!(store.list().unwrap().is_empty());
    store.forget_intent(2023);
    assert_eq!(store.intent(2023, "s1"), None);
}
