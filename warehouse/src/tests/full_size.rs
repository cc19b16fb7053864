//! Files as large as they are in earnest, in a process of its own: how large they are is the whole process's.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use super::erase::{contacts, fixed_key, sought};
use super::joined::stored;
use super::world::{Row, World};
use crate::storage::split::SMALLER;

#[test]
fn an_erasure_from_files_of_full_size_leaves_what_the_others_make() {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["tests::full_size::in_a_process_of_its_own", "--exact", "--ignored"]);
    let ended = command.stdin(Stdio::null()).output().expect("started");
    let said = String::from_utf8_lossy(&ended.stdout);
    let failed = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}\n{failed}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test beside it"]
async fn in_a_process_of_its_own() {
    SMALLER.store(1, Ordering::Relaxed);
    let world = World::with_key(fixed_key());
    let rows = contacts(5_000);
    world.load(&[("contact", &rows)]).await;
    let files = async |table: &str| world.snapshot().await.tables[table].files.to_vec();
    let before = files("contact").await;
    assert_eq!((rows.len() / 1_000, before.len()), (24, 8), "some 3,000 rows each");
    // One in forty of all, and so many of a shard that its files are joined.
    let shard = before[0].span.shard();
    let of_shard = |person: u64| person % 2 == 1 && crate::storage::shard(stored(&world, person)) == shard;
    let gone: BTreeSet<u64> = (0..5_000).filter(|person| person % 40 == 7 || of_shard(*person)).collect();
    let report = world.try_erase(&sought(gone.iter().copied())).await.expect("erased");
    assert_eq!((report.found, report.proof.found.len()), (gone.len(), 0));
    assert!(files("contact").await.len() < before.len());
    let left: Vec<Row> = rows.into_iter().filter(|row| !gone.contains(&row.person)).collect();
    let others = World::with_key(world.key.clone());
    others.load(&[("contact", &left)]).await;
    assert_eq!(world.snapshot().await.id, others.snapshot().await.id);
}
