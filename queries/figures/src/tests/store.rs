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
    if revision > 1 {
        release.supersedes = store.latest(year).unwrap().map(|earlier| earlier.id);
    }
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
    let list = store.list().unwrap();
    let ids: Vec<&str> = list.iter().map(|summary| summary.id.as_str()).collect();
    assert_eq!(ids, [&other.id, &first.id, &second.id]);
    let links: Vec<_> = list.iter().map(|summary| (&summary.supersedes, &summary.superseded_by)).collect();
    assert_eq!(links, [(&None, &None), (&None, &Some(second.id.clone())), (&Some(first.id.clone()), &None)]);
    let years: Vec<String> =
        store.for_years(2019..=2025).unwrap().into_iter().map(|release| release.id).collect();
    assert_eq!(years, [other.id, second.id]);
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
    store.note_intent(&2023.into(), "key_figures", "s1", 0.155).unwrap();
    assert_eq!(store.intent(&2023.into(), "key_figures", "s1"), Some(0.155));
    assert_eq!(store.intent(&2023.into(), "key_figures", "s2"), None, "of another snapshot");
    assert_eq!(store.intent(&2022.into(), "key_figures", "s1"), None);
    assert!(store.list().unwrap().is_empty());
    store.forget_intent(&2023.into(), "key_figures");
    assert_eq!(store.intent(&2023.into(), "key_figures", "s1"), None);
}
