//! How the person-level step is run: over each file by itself, in the order of the file.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use skjerm_warehouse::policy::{ColumnRole, Grain, Table, TableKind};
use skjerm_warehouse::{DataFile, SHARDS, TableSnapshot};

use super::{POLICY, limits, question, runtime};
use crate::measure::{Dim, MarginalsRequest, Theme, marginals};
use crate::run::relation;
use crate::run::{RunSession, SnapshotTable, Source, Sources};

/// Files of two years, of which one shard is missing: a plan is made without opening them.
fn source(table: &Table) -> Arc<dyn TableProvider> {
    let cells = (2023..=2024).flat_map(|year| (0..SHARDS).map(move |shard| (year, shard)));
    let file = |(year, shard)| DataFile {
        path: format!("/nowhere/{}/{year}/{shard}.parquet", table.name).into(),
        year: Some(year),
        shard,
        bytes: 1 << 30,
    };
    let files = cells.filter(|cell| *cell != (2024, 1)).map(file).collect();
    let snapshot = TableSnapshot { version: 1, files, ..TableSnapshot::default() };
    Arc::new(SnapshotTable::new(table, Some(&snapshot), &(2023..=2024).collect()))
}

fn protected() -> impl Iterator<Item = &'static Table> {
    let of_persons =
        |table: &&Table| table.kind == TableKind::Protected && table.column_of(&ColumnRole::Person).is_some();
    POLICY.tables.values().filter(of_persons)
}

/// No row changes place and nothing is sorted: the partial results of the files are merged, in their order.
fn assert_local(shown: &str, what: &str) {
    for step in ["Repartition", "SortExec", "CoalescePartitions"] {
        assert!(!shown.contains(step), "{what}: {step}\n{shown}");
    }
    for line in shown.lines().filter(|line| line.contains("AggregateExec")) {
        let sorted = ["PartiallySorted([0, 1])", "Sorted"].map(|mode| format!("ordering_mode={mode}"));
        assert!(
            line.contains("AggregateExec: mode=SinglePartitioned") && sorted.iter().any(|s| line.contains(s)),
            "{what}: {line}"
        );
    }
    assert!(shown.contains("AggregateExec") && shown.contains("SortPreservingMergeExec"), "{what}\n{shown}");
}

#[test]
fn no_question_moves_a_persons_rows() {
    let mut tables = 0;
    for table in protected() {
        let rows = if table.grain == Grain::PersonYear { "" } else { ", count(*)" };
        for columns in ["year", "year, gender, age_band"] {
            let sql = format!(
                "select {columns}, count(distinct person){rows} from {} where year in (2023, 2024) group by {columns}",
                table.name
            );
            let query = question(&sql).query;
            let sources =
                Sources::from([(table.name.clone(), Source { table: source(table), ordered: true })]);
            let shown = runtime().block_on(async {
                let session = RunSession::new(&limits()).expect("a session");
                session.physical(relation::rows(&sources, &query).expect("a plan")).await
            });
            // The rows of each file go to the bounding layer as they are: partition by partition, in order.
            for step in ["Repartition", "SortExec", "CoalescePartitions", "SortPreservingMerge", "Aggregate"]
            {
                assert!(!shown.contains(step), "{sql}: {step}\n{shown}");
            }
        }
        tables += 1;
    }
    assert_eq!(tables, 10);
}

#[test]
fn no_release_moves_a_persons_rows() {
    let table = POLICY.table("person_year").expect("a table");
    let request = request(2023);
    let shown = runtime().block_on(async {
        let session = RunSession::new(&limits()).expect("a session");
        session.physical(marginals::private_plan(source(table), &request).expect("a plan")).await
    });
    assert_local(&shown, "release");
}

/// A release of one table.
pub(super) fn request(year: i32) -> MarginalsRequest {
    MarginalsRequest {
        year,
        themes: vec![Theme {
            name: "all".to_owned(),
            filter: vec![("ute_contact".to_owned(), vec!["yes".to_owned()])],
            dims: vec![Dim {
                name: "gender".to_owned(),
                column: "gender".to_owned(),
                groups: vec![("f".to_owned(), vec!["female".to_owned()])],
            }],
            measured: vec![(vec![0], 1.0)],
        }],
        distinct: Vec::new(),
        purpose: "test".to_owned(),
        reason: None,
    }
}
