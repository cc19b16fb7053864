//! What is not as it was written is not written again: a load would give it a new, valid name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::world::{Row, World, layer_one, row};
use crate::storage::shard;
use crate::{Delivery, Purpose, Snapshot, Sought, WarehouseError};

/// A file that is spoilt, and what was there.
pub(super) struct Spoilt {
    /// As the warehouse names it.
    pub(super) path: PathBuf,
    place: PathBuf,
    content: Vec<u8>,
    /// What a link leads to.
    elsewhere: Option<PathBuf>,
}

impl Spoilt {
    /// Changes the content of a file.
    pub(super) fn by(world: &World, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let place = world.touchable(path);
        let content = fs::read(&place).expect("a file");
        let mut changed = content.clone();
        change(&mut changed);
        assert_ne!(changed, content);
        fs::write(&place, changed).expect("written");
        Self { path: path.to_owned(), place, content, elsewhere: None }
    }

    /// The writer's name in the footer: all rows can still be read.
    pub(super) fn in_its_footer(world: &World, path: &Path) -> Self {
        Self::by(world, path, |content| {
            let name = content.windows(6).position(|bytes| bytes == b"skjerm").expect("the writer's name");
            content[name] = b'S';
        })
    }

    /// The last bit of a stored pseudonym: span and order hold, and the person is another one.
    fn in_a_person(world: &World, path: &Path, person: u64) -> Self {
        Self::by(world, path, |content| {
            let stored = world.key.pseudonym(Purpose::Person, &layer_one("person", person));
            let entry = content.windows(16).position(|bytes| bytes == stored).expect("the person's entry");
            content[entry + 15] ^= 1;
        })
    }

    /// A link in its place, to where it is now.
    fn by_a_link(world: &World, path: &Path) -> Self {
        let (place, elsewhere) = (world.touchable(path), world.installation.root().join("elsewhere"));
        fs::rename(&place, &elsewhere).expect("moved");
        symlink(&elsewhere, &place).expect("linked");
        let content = fs::read(&elsewhere).expect("a file");
        Self { path: path.to_owned(), place, content, elsewhere: Some(elsewhere) }
    }

    pub(super) fn is_named_by(&self, error: &WarehouseError) {
        assert!(matches!(error, WarehouseError::Damaged { path, .. } if *path == self.path), "{error}");
        assert!(error.to_string().ends_with("restore the installation from a copy"), "{error}");
    }

    pub(super) fn restore(self) {
        fs::remove_file(&self.place).expect("removed");
        fs::write(&self.place, self.content).expect("written");
        self.elsewhere.map(fs::remove_file).transpose().expect("removed");
    }
}

fn file_of(snapshot: &Snapshot, table: &str, year: i32) -> PathBuf {
    let mut files = snapshot.tables[table].files.iter().filter(|file| file.year == Some(year));
    files.next().expect("a file").path.clone()
}

/// Contacts of two years and a stay, all of one person.
async fn world() -> World {
    let world = World::new();
    let contacts = [row(7, 1, "2022-04-01").ute(), row(7, 2, "2023-04-01").ute()];
    world.load(&[("contact", &contacts), ("bed_stay", &[row(7, 3, "2023-05-01")])]).await;
    world
}

/// Refused because of that file, without a trace; and done when the file is what it was.
async fn stops(world: &World, delivery: Delivery, spoilt: Spoilt) {
    let pointer = fs::read(world.tables().join("current.json")).expect("the pointer");
    let error = world.try_load(vec![delivery.clone()]).await.expect_err("not as it was written");
    spoilt.is_named_by(&error);
    assert_eq!(fs::read(world.tables().join("current.json")).expect("the pointer"), pointer);
    spoilt.restore();
    world.try_load(vec![delivery]).await.expect("loaded");
    world.warehouse.compact().await.expect("compacted");
    let check = world.warehouse.check(jiff::civil::date(2025, 1, 1)).await.expect("a check");
    assert!(!check.is_damaged() && check.orphans.is_empty(), "{check:?}");
    let erasure = world.try_erase(&[Sought::new(vec![layer_one("person", 7)])]).await.expect("erased");
    assert!(erasure.proof.found.is_empty());
    assert!(!world.holds("contact/year=2022") && !world.holds("person_year/year=2023"), "nobody is left");
}

fn more(world: &World, table: &str) -> Delivery {
    world.delivery("b_SYNTETISK.csv", &[(table, &[row(7, 9, "2023-06-01")])])
}

#[tokio::test]
async fn a_damaged_file_stops_a_load_into_its_year_and_shard() {
    let world = world().await;
    let spoilt = Spoilt::in_a_person(&world, &file_of(&world.snapshot().await, "contact", 2023), 7);
    stops(&world, more(&world, "contact"), spoilt).await;
}

#[tokio::test]
async fn no_person_year_is_made_of_a_damaged_file() {
    let world = world().await;
    let spoilt = Spoilt::in_a_person(&world, &file_of(&world.snapshot().await, "contact", 2023), 7);
    stops(&world, more(&world, "bed_stay"), spoilt).await;
}

#[tokio::test]
async fn rows_of_a_client_who_is_known_now_are_not_taken_from_a_damaged_file() {
    let world = world().await;
    let links = vec![(layer_one("person", 7), layer_one("person", 8))];
    let delivery = Delivery { links, ..world.delivery("b_SYNTETISK.csv", &[]) };
    let spoilt = Spoilt::in_its_footer(&world, &file_of(&world.snapshot().await, "contact", 2022));
    stops(&world, delivery, spoilt).await;
}

/// Whose records nobody can look up: no row of it is written again, but a row that it holds could come twice.
#[tokio::test]
async fn a_file_that_cannot_be_read_at_all_is_named_likewise() {
    let world = world().await;
    let half = |content: &mut Vec<u8>| content.truncate(content.len() / 2);
    let spoilt = Spoilt::by(&world, &file_of(&world.snapshot().await, "contact", 2022), half);
    stops(&world, more(&world, "contact"), spoilt).await;
}

#[tokio::test]
async fn no_round_is_made_of_a_damaged_form() {
    let world = world().await;
    world.load(&[("scene_observation", &super::load::form(100, "2024-07-01", "day", 0))]).await;
    let files = world.snapshot().await.tables["scene_observation"].files.to_vec();
    let spoilt = Spoilt::in_its_footer(&world, &files[0].path);
    let shard_of = |record: u64| {
        shard(u128::from_be_bytes(world.key.pseudonym(Purpose::Record, &layer_one("record", record))))
    };
    // Of another shard, whose own files are as they were.
    let others = (1_000..2_000).find(|record| shard_of(*record) != files[0].span.shard()).expect("one");
    let line: Vec<Row> = super::load::form(others, "2024-07-02", "day", 0).into_iter().take(1).collect();
    stops(&world, world.delivery("b_SYNTETISK.csv", &[("scene_observation", &line)]), spoilt).await;
}

/// Behind it the old rows would stay, where no erasure finds them.
#[tokio::test]
async fn a_link_in_place_of_a_file_stops_a_load() {
    for (linked, loaded) in [("contact", "contact"), ("contact", "bed_stay"), ("person_year", "contact")] {
        let world = world().await;
        let spoilt = Spoilt::by_a_link(&world, &file_of(&world.snapshot().await, linked, 2023));
        let mut delivery = more(&world, loaded);
        if linked == "person_year" {
            // Another person-year than the one behind the link.
            let row = row(7, 9, "2023-01-01").with("gender", "female").ute();
            delivery = world.delivery("b_SYNTETISK.csv", &[(loaded, &[row])]);
        }
        stops(&world, delivery, spoilt).await;
    }
}
