//! Whatever is changed in the folder of a release is noticed, and its file named.

use std::fs;
use std::path::{Path, PathBuf};

use skjerm_warehouse::Installation;
use tempfile::TempDir;

use super::city::City;
use crate::FiguresError;
use crate::release::Store;

struct Published {
    folder: TempDir,
    store: Store,
    id: String,
}

impl Published {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let city = City::new();
        let store = Store::open(&Installation::init(folder.path()).unwrap());
        let id = store.save(city.release(2023, 1), &city.policy).unwrap().id;
        Self { folder, store, id }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("releases").join(&self.id).join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Damaged, with the file and one sentence.
    fn is_damaged(&self, name: &str, said: &str) {
        let error = self.store.show(&self.id).unwrap_err();
        let FiguresError::Damaged { path, problem } = &error else { panic!("{name}: {error}") };
        assert!(path == &self.path(name) && problem.contains(said), "{name}: {error}");
        assert!(!error.to_string().contains('\n'));
        let checked = self.store.check(None).unwrap();
        assert!(checked.len() == 1 && checked[0].1.is_some());
        assert!(self.store.list().is_err());
    }

    fn is_whole(&self) {
        self.store.show(&self.id).unwrap();
    }
}

#[test]
fn the_folder_holds_what_it_says() {
    let published = Published::new();
    assert_eq!(
        published.names(),
        [
            "figures.csv",
            "figures.parquet",
            "figures_and_tables.en.json",
            "figures_and_tables.no.json",
            "index.html",
            "metadata.json",
            "release.json",
            "tables.csv",
            "tables.parquet"
        ]
    );
    assert!(published.store.check(Some(&published.id)).unwrap()[0].1.is_none());
    assert!(matches!(published.store.check(Some("2023-x")), Err(FiguresError::UnknownRelease(_))));
    // Every file names its release.
    for name in published.names() {
        let bytes = fs::read(published.path(&name)).unwrap();
        assert!(bytes.windows(published.id.len()).any(|window| window == published.id.as_bytes()), "{name}");
    }
}

/// One bit of one byte at a time: at the ends, in every occurrence of the id, and spread over the rest of every file.
#[test]
fn a_changed_byte_of_any_file_is_noticed() {
    let published = Published::new();
    for name in published.names() {
        let path = published.path(&name);
        let whole = fs::read(&path).unwrap();
        let id = published.id.as_bytes();
        let named = whole.windows(id.len()).position(|window| window == id).unwrap();
        let spread = (0..25).map(|step| step * whole.len() / 25);
        for at in spread.chain(named..named + id.len()).chain([whole.len() - 1]) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            let error = published.store.show(&published.id).unwrap_err();
            assert!(
                matches!(&error, FiguresError::Damaged { path: found, .. } if found == &path),
                "{name}, byte {at}: {error}"
            );
        }
        fs::write(&path, [whole.as_slice(), b"\n"].concat()).unwrap();
        published.is_damaged(&name, "changed after publication");
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        published.is_damaged(&name, "changed after publication");
        fs::write(&path, &whole).unwrap();
        published.is_whole();
    }
}

/// The blank that stands for the id while it is made passes for the id nowhere.
#[test]
fn an_id_that_is_blotted_out_is_noticed() {
    let published = Published::new();
    let blank = "2023-0000000000000000";
    for name in ["tables.csv", "metadata.json", "index.html"] {
        let path = published.path(name);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.replacen(&published.id, blank, 1)).unwrap();
        published.is_damaged(name, "changed after publication");
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_change_with_its_hash_put_right_is_noticed() {
    let published = Published::new();
    let (path, metadata) = (published.path("tables.csv"), published.path("metadata.json"));
    let hash = |bytes: &str| {
        let blanked = bytes.replace(&published.id, "2023-0000000000000000");
        blake3::hash(blanked.as_bytes()).to_hex().to_string()
    };
    let before = fs::read_to_string(&path).unwrap();
    // As long as it was.
    let after = before.replacen("contact_total", "contact_totem", 1);
    fs::write(&path, &after).unwrap();
    let text = fs::read_to_string(&metadata).unwrap();
    assert!(text.contains(&hash(&before)), "the hash is made as `check` in metadata.json says");
    fs::write(&metadata, text.replace(&hash(&before), &hash(&after))).unwrap();
    published.is_damaged("metadata.json", "changed after publication");
}

#[test]
fn a_missing_or_foreign_file_is_noticed() {
    let published = Published::new();
    for name in published.names() {
        let path = published.path(&name);
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        published.is_damaged(&name, "missing");
        fs::write(&path, whole).unwrap();
    }
    published.is_whole();
    for name in ["notes.txt", ".hidden", "release.json~", "Release.json"] {
        fs::write(published.path(name), "more").unwrap();
        published.is_damaged(name, "not published with this release");
        fs::remove_file(published.path(name)).unwrap();
    }
    fs::create_dir(published.path("more")).unwrap();
    published.is_damaged("more", "not published with this release");
    fs::remove_dir(published.path("more")).unwrap();
    published.is_whole();
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_a_file_is_noticed() {
    let published = Published::new();
    let (path, elsewhere) = (published.path("tables.csv"), published.folder.path().join("elsewhere.csv"));
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    published.is_damaged("tables.csv", "not published with this release");
}

#[test]
fn a_release_under_another_name_is_noticed() {
    let published = Published::new();
    let other = |id: &str| Path::new(&published.path("")).parent().unwrap().join(id);
    for id in ["2022-0123456789abcdef", "2023-0123456789abcdef"] {
        fs::rename(published.path(""), other(id)).unwrap();
        let error = published.store.show(id).unwrap_err();
        assert!(matches!(&error, FiguresError::Damaged { .. }), "{error}");
        fs::rename(other(id), published.path("")).unwrap();
    }
    published.is_whole();
}
