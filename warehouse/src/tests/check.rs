//! A sound warehouse is clean; each way of breaking it is one sentence that names the place, and the check goes on.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::compute::concat_batches;

use super::world::{Row, World, row};
use crate::Check;
use crate::policy::ColumnRole;
use crate::storage::{path_of, span_of_path};

fn contacts() -> Vec<Row> {
    let of = |n: u64| row(n % 30, n, if n.is_multiple_of(2) { "2023-04-01" } else { "2022-05-01" }).ute();
    (0..80).map(|n| of(n).with("minutes", n % 200)).collect()
}

async fn world() -> World {
    let world = World::new();
    world
        .load(&[("contact", &contacts()), ("bed_stay", &[row(1, 900, "2023-01-01").with("unit", "ila")])])
        .await;
    world
}

async fn check(world: &World) -> Check {
    world.warehouse.check(crate::today_in_oslo()).await.expect("a check goes on to the end")
}

/// A data file of a table and year.
async fn file(world: &World, table: &str, year: i32) -> PathBuf {
    let snapshot = world.snapshot().await;
    let mut files = snapshot.tables[table].files.iter();
    files.find(|file| file.year == Some(year)).expect("a file").path.clone()
}

fn said(check: &Check, path: &Path, words: &str) {
    let of: Vec<_> = check.damage.iter().filter(|damage| damage.path == path).collect();
    assert!(of.len() == 1 && of[0].what.contains(words), "{words}: {:?}", check.damage);
}

#[tokio::test]
async fn a_sound_warehouse_is_clean_whatever_was_done_to_it() {
    let world = World::new();
    assert_eq!(check(&world).await.damage, []);
    world.load(&[("contact", &contacts())]).await;
    world.load(&[("contact", &[row(3, 5, "2021-01-01")]), ("follow_up", &[row(4, 1, "2023-01-01")])]).await;
    let found = check(&world).await;
    assert!(!found.is_damaged() && found.outside.is_empty() && found.foreign.is_empty(), "{found:?}");
    assert_eq!(found.snapshot, world.snapshot().await.id);
    let orphans: Vec<_> = found.orphans.iter().map(|path| path.extension().expect("an extension")).collect();
    assert!(!orphans.is_empty() && orphans.iter().all(|e| *e == "parquet"), "the replaced files");
    world.warehouse.compact().await.expect("compacted");
    assert!(check(&world).await.orphans.is_empty());
}

#[tokio::test]
async fn every_kind_of_damage_is_named_with_its_path() {
    let world = world().await;
    let (cut, missing) = (file(&world, "contact", 2023).await, file(&world, "bed_stay", 2023).await);
    let flipped = file(&world, "contact", 2022).await;
    let content = fs::read(world.touchable(&cut)).expect("a file");
    fs::write(world.touchable(&cut), &content[..content.len() / 2]).expect("cut");
    fs::remove_file(world.touchable(&missing)).expect("removed");
    let mut content = fs::read(world.touchable(&flipped)).expect("a file");
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(world.touchable(&flipped), content).expect("written");
    let root = world.root().to_owned();
    let foreign = root.join("contact/year=2023/kopi.parquet");
    fs::write(world.touchable(&foreign), "x").expect("written");
    let log = root.join("measure/_delta_log/00000000000000000000.json");
    fs::write(world.touchable(&log), "{\"protocol\":").expect("written");
    let found = check(&world).await;
    said(&found, &cut, "bytes and was written with");
    said(&found, &missing, "missing");
    said(&found, &flipped, "not the one it was written with");
    said(&found, &log, "cut off or damaged");
    said(&found, &root.join("measure/_delta_log"), "cannot be read");
    assert_eq!(found.damage.len(), 5, "{:?}", found.damage);
    assert_eq!(found.foreign, [foreign]);
    assert!(found.rows > 0, "the sound files were looked at all the same");
}

#[tokio::test]
async fn a_link_a_lost_log_and_a_pointer_that_points_nowhere_are_named() {
    let world = world().await;
    let root = world.root().to_owned();
    // A link to itself: whoever followed it would not come back.
    std::os::unix::fs::symlink(root.join("contact/year=2030"), root.join("contact/year=2030"))
        .expect("a link");
    fs::remove_dir_all(root.join("journey_home/_delta_log")).expect("removed");
    let found = check(&world).await;
    assert!(found.foreign.contains(&root.join("contact/year=2030")), "{found:?}");
    said(&found, &root.join("journey_home/_delta_log"), "missing");
    fs::write(root.join("current.json"), "[]").expect("written");
    let found = check(&world).await;
    said(&found, &root.join("current.json"), "no list of table versions");
}

#[tokio::test]
async fn files_put_in_by_hand_are_found_though_their_names_fit() {
    let world = world().await;
    let root = world.root().to_owned();
    let path = file(&world, "contact", 2023).await;
    let table = world.policy.table("contact").expect("contact");
    let schema = table.file_schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let rows = world.warehouse.home.columns(&path, &names).expect("rows");
    // The same rows twice, in a file whose name and log entry say what it holds.
    let twice = concat_batches(&schema, [&rows, &rows]).expect("rows");
    let mut content = Vec::new();
    let options = ::parquet::arrow::arrow_writer::ArrowWriterOptions::new().with_skip_arrow_metadata(true);
    let mut writer =
        ::parquet::arrow::ArrowWriter::try_new_with_options(&mut content, schema.clone(), options)
            .expect("a writer");
    writer.write(&twice).expect("written");
    writer.close().expect("closed");
    let span = span_of_path(&path.to_string_lossy()).expect("a span");
    let new = path_of((2023, span), &content);
    fs::write(world.tables().join("contact").join(&new), &content).expect("written");
    let old = path.strip_prefix(root.join("contact")).expect("below").display().to_string();
    let log = root.join("contact/_delta_log/00000000000000000000.json");
    let size = |bytes: u64| format!("\"size\":{bytes}");
    let old_size = size(world.touchable(&path).metadata().expect("a file").len());
    let text = fs::read_to_string(world.touchable(&log)).expect("a log");
    let line = text.lines().find(|line| line.contains(&old)).expect("its line");
    let changed = line.replace(&old, &new).replace(&old_size, &size(content.len() as u64));
    fs::write(world.touchable(&log), text.replace(line, &changed)).expect("written");
    let found = check(&world).await;
    said(&found, &root.join("contact").join(&new), "out of order, or twice");
    said(&found, &root.join("current.json"), "its id is not that");
}

#[tokio::test]
async fn a_person_year_that_its_events_do_not_make_is_found() {
    let world = world().await;
    let path = file(&world, "person_year", 2022).await;
    // Another warehouse of the same key, whose persons of 2022 were something else.
    let other = World::with_key(world.key.clone());
    let rows: Vec<Row> = contacts().into_iter().map(|row| row.with("gender", "male")).collect();
    other.load(&[("contact", &rows), ("bed_stay", &[row(1, 900, "2023-01-01").with("unit", "ila")])]).await;
    let root = world.root().to_owned();
    let theirs = other.tables();
    fs::remove_dir_all(world.tables().join("person_year")).expect("removed");
    copy(&theirs.join("person_year"), &world.tables().join("person_year"));
    let found = check(&world).await;
    let of_years = found.damage.iter().filter(|d| d.what.contains("not those that its sources make")).count();
    assert!(of_years >= 2 && found.damage.iter().any(|d| d.path.starts_with(root.join("person_year"))));
    assert!(!world.touchable(&path).exists());
}

#[tokio::test]
async fn a_round_that_is_missing_is_found_and_one_that_is_there_stays() {
    let rounds = |world: &World, days: &[&str]| {
        let forms = days.iter().zip(1..).flat_map(|(day, at)| super::load::form(at * 5_000, day, "day", 0));
        world.delivery("a.csv", &[("scene_observation", &forms.collect::<Vec<Row>>())])
    };
    let key = world().await.key.clone();
    let [one, two] = [(); 2].map(|()| World::with_key(key.clone()));
    one.try_load(vec![rounds(&one, &["2024-07-05"])]).await.expect("a load");
    two.try_load(vec![rounds(&two, &["2024-07-05", "2024-07-06"])]).await.expect("a load");
    let missing = async |world: &World| {
        check(world).await.damage.iter().any(|damage| damage.what.contains("a round is missing"))
    };
    assert!(!missing(&one).await && !missing(&two).await);
    let folder = tempfile::tempdir().expect("a folder");
    let of = |world: &World| world.tables().join("count_round");
    copy(&of(&one), &folder.path().join("one"));
    fs::remove_dir_all(of(&one)).expect("removed");
    copy(&of(&two), &of(&one));
    assert!(!missing(&one).await, "nobody can tell that there is one too many");
    fs::remove_dir_all(of(&two)).expect("removed");
    copy(&folder.path().join("one"), &of(&two));
    assert!(missing(&two).await);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }
}

#[tokio::test]
async fn rows_that_a_newer_policy_would_not_let_in_are_counted() {
    let world = world().await;
    let mut policy = (*world.policy).clone();
    policy.codes.get_mut("service").expect("a list").codes.retain(|code| code.code != "uteseksjonen");
    policy.years.first = 2023;
    let contact = policy.tables.get_mut("contact").expect("a table");
    for column in contact.columns.iter_mut().filter(|column| column.name == "minutes") {
        column.role = ColumnRole::Measure { min: 0, max: 49 };
    }
    let warehouse = world.reopened(policy);
    let found = warehouse.check(crate::today_in_oslo()).await.expect("a check");
    assert_eq!(found.damage, []);
    let of = |table: &str, column: &str| {
        found.outside.iter().find(|o| o.table == table && o.column == column).map(|o| (o.what, o.rows))
    };
    assert_eq!(of("contact", "service"), Some(("not in the policy's list", 80)));
    assert_eq!(of("contact", "minutes"), Some(("outside the policy's bounds", 30)));
    assert_eq!(of("contact", "year"), Some(("not one the policy declares", 40)));
    assert_eq!(of("bed_stay", "year"), None);
}

#[tokio::test]
async fn the_risk_of_a_known_year() {
    let world = World::new();
    // When somebody came is no use of a service: another month makes no class more diverse.
    let like = |person: u64, gender: &str, level: &str| {
        row(person, person, if person == 11 { "2023-02-01" } else { "2023-01-01" })
            .ute()
            .with("gender", gender)
            .with("link_level", level)
    };
    let mut rows: Vec<Row> = (0..4).map(|n| like(n, "male", "national_id")).collect();
    rows.extend((10..12).map(|n| like(n, "female", "client")));
    rows.push(like(20, "unknown", "name_birth"));
    // One of the four also stayed somewhere: their class has two uses.
    world.load(&[("contact", &rows), ("follow_up", &[like(0, "male", "national_id")])]).await;
    let risk = check(&world).await.risk;
    assert_eq!(risk.len(), 1);
    let levels = [("client", 2), ("name_birth", 1), ("national_id", 4)];
    let expected = crate::YearRisk {
        year: 2023,
        persons: 7,
        classes: 3,
        smallest_class: 1,
        unique: 1,
        in_classes_below_3: 3,
        in_classes_below_5: 7,
        least_diversity: 1,
        in_uniform_classes: 2,
        link_levels: levels.map(|(level, persons)| (level.to_owned(), persons)).into(),
    };
    assert_eq!(risk[0], expected);
}
