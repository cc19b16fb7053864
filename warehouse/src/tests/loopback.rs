//! Worlds whose tables are in a bucket of an S3 server on this machine: one server a process, a bucket a world.
//!
//! With `SKJERM_TEST_STORAGE=s3` every world is one of these: [`super::s3`] runs the other tests so.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use skjerm_loopback::{KEY_ID, SECRET, Server};

use crate::Installation;
use crate::storage::bucket::lock::Terms;
use crate::storage::bucket::{Bucket, Credentials, Storage};
use crate::storage::home::Home;

pub(super) const STORAGE: &str = "SKJERM_TEST_STORAGE";
const PREFIX: &str = "outreach/tables";

/// Shorter than in earnest, so that a lock of a loader that was killed lapses within a test.
pub(super) const TERMS: Terms = Terms {
    renew: Duration::from_millis(400),
    hold: Duration::from_secs(5),
    lapse: Duration::from_secs(6),
    look: Duration::from_millis(20),
};

pub(super) fn is_wanted() -> bool {
    std::env::var(STORAGE).is_ok_and(|storage| storage == "s3")
}

pub(super) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start().expect("a server"))
}

/// Lets an installation keep its tables in a bucket of its own.
pub(super) fn settle(folder: &Path) {
    static WORLDS: AtomicUsize = AtomicUsize::new(0);
    let world = WORLDS.fetch_add(1, Ordering::SeqCst);
    let bucket = format!("world-{world}");
    server().make_bucket(&bucket).expect("a bucket");
    let storage = storage(server(), &format!("{bucket}/{PREFIX}"));
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("storage.toml"), storage.to_text().expect("text")).expect("written");
}

pub(super) fn storage(server: &Server, place: &str) -> Storage {
    Storage::new(&format!("s3://{place}"), Some(&server.endpoint()), None, true).expect("a storage")
}

pub(super) fn credentials() -> Credentials {
    Credentials::new(KEY_ID.to_owned(), SECRET.to_owned(), None)
}

pub(super) fn bucket(storage: &Storage, terms: Terms) -> Arc<Bucket> {
    let mut bucket = Bucket::open(storage, credentials()).expect("a bucket");
    bucket.terms = terms;
    Arc::new(bucket)
}

/// Where an installation's tables are, with the credentials of the server here.
pub(super) fn home(installation: &Installation) -> Home {
    match Storage::of(installation).expect("a storage or none") {
        Some(storage) => Home::Bucket(bucket(&storage, TERMS)),
        None => Home::of(installation).expect("a folder"),
    }
}

/// The server's folder of an installation's objects; nothing when its tables are in a folder.
pub(super) fn objects(installation: &Installation) -> Option<PathBuf> {
    let storage = Storage::of(installation).expect("a storage or none")?;
    Some(server().bucket(storage.bucket()).join(storage.prefix()))
}
