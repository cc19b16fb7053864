//! Tables in a bucket: the other tests once more, and what can only go wrong there.

use std::process::{Command, Stdio};
use std::time::Duration;

use skjerm_loopback::{KEY_ID, Manner, SECRET, Server};

use super::loopback::{self, STORAGE, TERMS};
use super::world::{Row, World, row};
use crate::storage::bucket::lock::Terms;
use crate::storage::bucket::{Bucket, Credentials};
use crate::storage::files::LoadLock;
use crate::storage::home::Home;
use crate::storage::pointer::Pointer;
use crate::{Installation, Warehouse, WarehouseError};

/// What says something of folders alone: links, lock files, folders that are empty, what an ordinary Delta reader finds
/// there; what has numbers of its own; and these tests.
const OF_FOLDERS: [&str; 13] = [
    "tests::s3",
    "tests::scale",
    "tests::speed",
    "tests::full_size",
    "tests::killed::another_process",
    "a_lease_is_of_the_snapshot_the_pointer_names",
    "nothing_is_deleted_through_a_link",
    "a_link_a_lost_log_and_a_pointer_that_points_nowhere_are_named",
    "a_file_that_is_damaged_or_a_link_is_named_and_not_made_anew",
    "a_link_in_place_of_a_file_stops_a_load",
    "a_damaged_file_is_named_and_stops_the_rotation_before_it_is_in_force",
    "any_delta_reader_finds_the_files",
    "replaced_files_and_leftovers_go_and_nothing_else_does",
];
/// Fewer would mean that the list above took out too much, or that names have changed.
const AT_LEAST: usize = 45;

#[test]
fn the_other_tests_hold_in_a_bucket() {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["tests::", "--test-threads=3"]).env(STORAGE, "s3");
    command.args(OF_FOLDERS.iter().flat_map(|name| ["--skip", name]));
    command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    let ended = command.stdin(Stdio::null()).output().expect("started");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    let passed = said.split_once("test result: ok. ").and_then(|(_, rest)| rest.split_once(" passed"));
    let passed: usize = passed.expect("a result").0.parse().expect("a number");
    assert!(passed >= AT_LEAST, "{passed}");
}

fn contacts(persons: std::ops::Range<u64>) -> Vec<Row> {
    persons.map(|n| row(n, n, "2023-01-01").ute()).collect()
}

/// A world in a bucket of a server of its own.
struct Town {
    server: Server,
    world: World,
    _folder: tempfile::TempDir,
}

fn town() -> Town {
    let server = Server::start().expect("a server");
    server.make_bucket("byen").expect("a bucket");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("oslo");
    std::fs::create_dir_all(&path).expect("a folder");
    let text = loopback::storage(&server, "byen/tabeller").to_text().expect("text");
    std::fs::write(path.join("storage.toml"), text).expect("written");
    let world = World::at(&path, crate::WarehouseKey::generate().expect("randomness"));
    Town { server, world, _folder: folder }
}

impl Town {
    fn home(&self, terms: Terms) -> Home {
        Home::Bucket(loopback::bucket(&loopback::storage(&self.server, "byen/tabeller"), terms))
    }

    /// Another loader of the same tables.
    fn other(&self, terms: Terms) -> Warehouse {
        Warehouse::at(self.home(terms), &self.world.installation, self.world.policy.clone()).expect("opened")
    }

    /// The world's load of these contacts.
    async fn try_load(&self, persons: std::ops::Range<u64>) -> Result<(), WarehouseError> {
        let delivery = self.world.delivery("a_SYNTETISK.csv", &[("contact", &contacts(persons))]);
        self.world.try_load(vec![delivery]).await.map(drop)
    }

    fn objects(&self) -> usize {
        let mut found = 0;
        let mut open = vec![self.server.bucket("byen")];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { open.push(path) } else { found += 1 }
            }
        }
        found
    }
}

/// The sentence of an error, which holds no secret.
fn said(error: &WarehouseError) -> String {
    let text = error.to_string();
    for of in [&text, &format!("{error:?}")] {
        assert!(!of.contains(SECRET) && !of.contains(KEY_ID) && !of.contains("<Error>"), "{of}");
    }
    assert!(!text.contains('\n'), "one sentence: {text}");
    text
}

async fn refused(terms: &str, world: &World) -> String {
    let error = world.try_load(vec![]).await.expect_err(terms);
    said(&error)
}

#[tokio::test]
async fn a_lock_that_its_holder_renews_is_waited_for_and_one_of_a_dead_holder_is_taken_over() {
    let town = town();
    let short = Terms { lapse: Duration::from_secs(1), ..TERMS };
    let holder = LoadLock::wait(&town.home(TERMS)).expect("the lock");
    let other = town.other(short);
    let mine = town.world.delivery("b_SYNTETISK.csv", &[("contact", &contacts(0..5))]);
    let load = tokio::spawn({
        let key = town.world.key.clone();
        async move { other.load(&key, vec![mine]).await }
    });
    // Three times as long as a lock lapses in.
    tokio::time::sleep(Duration::from_secs(6)).await;
    holder.still().expect("it was renewed");
    assert!(!load.is_finished(), "a renewed lock was taken away");
    holder.die();
    assert_eq!(load.await.expect("no panic").expect("a load")[0].loaded, 5);
    assert_eq!(town.world.rows("contact").await.len(), 5);
}

#[tokio::test]
async fn a_loader_that_lost_its_lock_moves_no_pointer_and_deletes_nothing() {
    let town = town();
    town.try_load(0..10).await.expect("a load");
    let before = town.world.snapshot().await.id;
    // One that believes to hold it for an hour, though its renewals stopped; the other takes it at once.
    let hour = Terms { hold: Duration::from_hours(1), renew: Duration::from_hours(1), ..TERMS };
    let theirs = town.home(hour);
    let late = LoadLock::wait(&theirs).expect("the lock");
    let kept = Pointer::read(&theirs).expect("read").expect("a pointer");
    let other = town.other(Terms { lapse: Duration::ZERO, ..TERMS });
    let more = town.world.delivery("b_SYNTETISK.csv", &[("contact", &contacts(0..20))]);
    other.load(&town.world.key, vec![more]).await.expect("a load");
    let after = town.world.snapshot().await.id;
    assert_ne!(after, before);
    late.still().expect("it does not know yet");
    let error = kept.write(&late).expect_err("the pointer is another one");
    assert!(said(&error).contains("another loader replaced it"), "{error}");
    assert_eq!(town.world.snapshot().await.id, after);
    // Its renewals find out as well; then it acts no more.
    drop(late);
    let late = LoadLock::wait(&town.home(TERMS)).expect("the lock");
    let Home::Bucket(bucket) = town.home(TERMS) else { panic!("a bucket") };
    bucket.write(&bucket.root().join(".lock"), b"held somebody 7\n").expect("taken");
    while late.still().is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let file = town.world.snapshot().await.tables["contact"].files[0].path.clone();
    let error = late.remove(std::slice::from_ref(&file)).expect_err("it may not");
    assert!(said(&error).contains("lock was lost"), "{error}");
    let error = late.write(&file, b"x").expect_err("it may not");
    assert!(said(&error).contains("lock was lost"), "{error}");
    assert_eq!(town.world.rows("contact").await.len(), 20);
}

#[tokio::test]
async fn a_holder_whose_renewals_fail_stops_acting_before_others_may_take_over() {
    let town = town();
    let terms = Terms { hold: Duration::from_secs(1), ..TERMS };
    let lock = LoadLock::wait(&town.home(terms)).expect("the lock");
    town.server.behave(Manner::Overloaded);
    while lock.still().is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    town.server.behave(Manner::Proper);
    let pointer = Pointer::default().write(&lock).expect_err("it may not");
    assert!(said(&pointer).contains("lock was lost"), "{pointer}");
    assert!(Pointer::read(&town.home(TERMS)).expect("read").is_none());
}

#[tokio::test]
async fn an_answer_that_is_lost_is_no_failure() {
    let town = town();
    // The first thing written is the lock, later ones are files, the pointer and the lock again.
    for written in 0..6 {
        town.server.behave(Manner::SilentOnce);
        let _ = town.try_load(0..5 + written).await;
        town.try_load(0..5 + written).await.expect("the next one");
        assert_eq!(town.world.rows("contact").await.len() as u64, 5 + written);
    }
    let lock = LoadLock::wait(&town.home(TERMS)).expect("the lock");
    let shown = format!("{:?} {lock:?}", town.world.warehouse);
    assert!(!shown.contains(SECRET) && !shown.contains(KEY_ID), "{shown}");
    let pointer = Pointer::read(lock.home()).expect("read").expect("a pointer");
    let moved = Pointer { loaded: std::collections::BTreeMap::new(), ..pointer };
    town.server.behave(Manner::SilentOnce);
    moved.write(&lock).expect("it was written, whoever said so");
    assert_eq!(Pointer::read(lock.home()).expect("read"), Some(moved));
}

#[tokio::test]
async fn a_server_that_will_not_do_is_refused_before_anything_is_written() {
    for (manner, sentence) in [
        (Manner::NoConditions, "ignores the conditions If-None-Match and If-Match"),
        (Manner::Versions, "keeps old versions of its objects"),
    ] {
        let town = town();
        town.server.behave(manner);
        let text = refused(sentence, &town.world).await;
        assert!(text.contains(sentence) && text.contains("s3://byen/tabeller/.lock"), "{text}");
        assert!(town.objects() <= 1, "nothing but the lock");
    }
}

#[tokio::test]
async fn each_way_of_not_being_let_in_is_one_sentence_and_nothing_is_lost() {
    let town = town();
    town.try_load(0..10).await.expect("a load");
    let before = town.world.snapshot().await.id;
    let open = |place: &str, credentials: Credentials| {
        let storage = loopback::storage(&town.server, place);
        let home = Home::Bucket(Bucket::open(&storage, credentials).expect("opened").into());
        Warehouse::at(home, &town.world.installation, town.world.policy.clone()).expect("opened")
    };
    let wrong = |id: &str, secret: &str| Credentials::new(id.to_owned(), secret.to_owned(), None);
    let cases = [
        (open("ingensteds/x", loopback::credentials()), "has no bucket ingensteds"),
        (open("byen/tabeller", wrong(KEY_ID, "guessed")), "refuses the credentials (SignatureDoesNotMatch)"),
        (open("byen/tabeller", wrong("SOMEBODY", SECRET)), "refuses the credentials (NotSignedUp)"),
    ];
    for (warehouse, sentence) in cases {
        let errors = [
            warehouse.snapshot().await.expect_err(sentence),
            warehouse.load(&town.world.key, vec![]).await.expect_err(sentence),
            warehouse.compact().await.expect_err(sentence),
            warehouse.check(crate::today_in_oslo()).await.expect_err(sentence),
        ];
        for error in errors {
            assert!(said(&error).contains(sentence), "{error}");
        }
    }
    town.server.behave(Manner::Overloaded);
    let text = said(&town.world.warehouse.snapshot().await.expect_err("overloaded"));
    assert!(text.contains("503"), "{text}");
    town.server.behave(Manner::Proper);
    assert_eq!(town.world.snapshot().await.id, before);
    let Town { server, world, _folder } = town;
    drop(server);
    let text = said(&world.warehouse.snapshot().await.expect_err("nobody is there"));
    assert!(text.contains("cannot be reached") && text.contains("http://127.0.0.1:"), "{text}");
    assert!(!world.installation.is_unused(), "in doubt it was used");
}

#[tokio::test]
async fn a_reader_that_died_keeps_nobody_waiting_for_longer_than_a_question_takes() {
    let town = town();
    town.try_load(0..10).await.expect("a load");
    let reader = town.world.snapshot().await;
    town.try_load(0..20).await.expect("a load");
    let current = town.world.snapshot().await.id;
    // A clone that is never dropped: as if its process had been killed.
    std::mem::forget(reader.clone());
    drop(reader);
    let home = town.world.warehouse.home.clone();
    tokio::task::spawn_blocking(move || {
        let wait = |lasts, patience| home.others(Some(&current), lasts, patience);
        let error = wait(Duration::from_mins(10), Duration::ZERO).expect_err("it may still read");
        assert!(matches!(error, WarehouseError::StillRead { .. }), "{error}");
        let lock = LoadLock::wait(&home).expect("the lock");
        let others = wait(Duration::ZERO, Duration::from_mins(1)).expect("its time is over");
        lock.remove_leases(others).expect("removed");
        wait(Duration::from_mins(10), Duration::ZERO).expect("nobody is left");
    })
    .await
    .expect("no panic");
}

#[tokio::test]
async fn a_reader_that_is_done_leaves_nothing_behind() {
    let town = town();
    town.try_load(0..10).await.expect("a load");
    let objects = town.objects();
    let reader = town.world.snapshot().await;
    assert_eq!(town.objects(), objects + 1);
    drop(reader);
    assert_eq!(town.objects(), objects);
}

#[test]
fn an_installation_keeps_its_tables_in_one_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::at(&folder.path().join("oslo"), crate::WarehouseKey::generate().expect("randomness"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(world.load(&[("contact", &contacts(0..3))]));
    let text = "url = \"s3://byen/tabeller\"\nregion = \"eu-north-1\"\n";
    std::fs::write(world.installation.storage_path(), text).expect("written");
    let error = Warehouse::open(&world.installation, world.policy.clone()).expect_err("two places");
    assert!(error.to_string().contains("keeps its tables in its own folder already"), "{error}");
    std::fs::write(world.installation.storage_path(), "url = \"s3://byen\"\n\nprefix = \"x\"\n")
        .expect("written");
    let error = Warehouse::open(&world.installation, world.policy.clone()).expect_err("a typo");
    assert!(error.to_string().contains("storage.toml, line 3: unknown field `prefix`"), "{error}");
    let installation = Installation::open(world.installation.root()).expect("an installation");
    assert!(!installation.is_unused(), "in doubt it was used");
}
