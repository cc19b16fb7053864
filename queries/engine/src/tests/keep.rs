//! Readers hold their files; the steward's work is in the book, begun before and ended after.

use std::collections::BTreeSet;
use std::fs::{self, File};

use futures::StreamExt;
use skjerm_ledger::HistoryFilter;
use skjerm_warehouse::{Sought, WarehouseKey};

use super::{BY_GENDER, House, contacts, house};
use crate::ErrorKind;
use crate::run::{RunSession, SnapshotTable};

/// Whether somebody holds a lease in the house.
fn is_read(house: &House) -> bool {
    let leases = house.folder.path().join("warehouse/.leases");
    let mut files = fs::read_dir(leases).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.any(|path| File::open(path).expect("a lease").try_lock().is_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_being_read_keep_their_files() {
    let house = house(&contacts(60)).await;
    let policy = house.engine.policy();
    let snapshot = house.engine.snapshot().await.expect("a snapshot");
    let table = policy.table("contact").expect("a table");
    let source = SnapshotTable::new(
        table,
        snapshot.tables.get("contact"),
        &BTreeSet::from([2024]),
        &std::sync::Arc::default(),
    );
    drop(snapshot);
    let plan = RunSession::scan("rows", std::sync::Arc::new(source)).and_then(|scan| Ok(scan.build()?));
    let session = RunSession::new(&house.engine.limits).expect("a session");
    let mut rows = session.stream(plan.expect("a plan")).await.expect("rows");
    drop(session);
    assert!(is_read(&house), "between planning and the first row");
    while rows.next().await.is_some() {
        assert!(is_read(&house));
    }
    drop(rows);
    assert!(!is_read(&house), "and no longer");
    house.ask(BY_GENDER, 0.01).await.expect("answered");
    assert!(!is_read(&house), "an answered question holds nothing");
}

#[tokio::test]
async fn an_erasure_is_begun_in_the_book_before_and_ended_after_it() {
    let house = house(&contacts(20)).await;
    let keys = [WarehouseKey::generate().expect("a key")];
    let sought = [Sought::new(vec![[3; 16]])];
    let said = || {
        let filter = HistoryFilter { kind: Some("erasure".to_owned()), ..HistoryFilter::default() };
        let entries = house.engine.ledger.history(&filter).expect("a history");
        entries
            .iter()
            .map(|entry| (entry.who.clone(), entry.what.clone(), entry.details.clone()))
            .collect::<Vec<_>>()
    };
    let steward = house.caller("steward");
    for (who, reason, kind) in
        [("researcher", "krav", ErrorKind::NotPermitted), ("steward", " ", ErrorKind::Refused)]
    {
        let refused =
            house.engine.erase(&house.caller(who), &keys, &sought, reason).await.expect_err("refused");
        assert_eq!(refused.kind, kind);
    }
    assert!(said().is_empty());
    house.engine.erase(&steward, &keys, &sought, "krav fra 01810750126").await.expect("nobody is there");
    // With its files gone the work cannot be done: the book says that it was begun, and that it was stopped.
    house.lose_files();
    let fault = house.engine.erase(&steward, &keys, &sought, "krav").await.expect_err("no files");
    assert_eq!(fault.kind, ErrorKind::Fault);
    let said = said();
    let what: Vec<&str> = said.iter().map(|(_, what, _)| what.as_str()).collect();
    assert_eq!(
        what,
        [
            "erasure: begun",
            "erasure: nobody of the list was there, and proven",
            "erasure: begun",
            "erasure: stopped before its end"
        ]
    );
    assert!(said.iter().all(|(who, ..)| who == "steward"));
    assert_eq!(said[1].2["reason"], "krav fra #");
    assert_eq!((&said[1].2["persons"], &said[1].2["found"]), (&1.into(), &0.into()));
    assert!(
        said[3].2["begun"].as_u64().expect("its entry") > said[1].2["begun"].as_u64().expect("its entry")
    );
}
