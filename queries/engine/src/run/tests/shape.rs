//! How the person-level step is run: over each file by itself, in the order of the file.

use std::sync::Arc;

use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::{col, lit};
use skjerm_privacy::marginals::Form;
use skjerm_warehouse::policy::{ColumnRole, Table, TableKind};
use skjerm_warehouse::{DataFile, Span, TableSnapshot};

use super::{POLICY, limits, question, runtime};
use crate::measure::{Dim, MarginalsRequest, Theme, marginals};
use crate::run::relation;
use crate::run::{RunSession, SnapshotTable, Source, Sources};

/// Files of two years, of which one shard is missing, and others are several files: a plan is made without opening them.
fn source(table: &Table) -> SnapshotTable {
    let spans = |year| {
        if year == 2023 { ["00", "01", "100", "101", "11"] } else { ["0010", "0011", "100", "101", "11"] }
    };
    let files = (2023..=2024)
        .flat_map(|year| {
            spans(year).map(|span| DataFile {
                path: format!("/nowhere/{}/{year}/{span}.parquet", table.name).into(),
                year: Some(year),
                span: span.parse::<Span>().expect("a span"),
                bytes: 1 << 30,
            })
        })
        .collect();
    let snapshot = TableSnapshot { version: 1, files, ..TableSnapshot::default() };
    SnapshotTable::new(table, Some(&snapshot), &(2023..=2024).collect(), &Arc::default())
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

/// What an aggregation by person is to DataFusion on these tables: it takes the rows of each part as they come. The engine's own
/// reading (`persons.rs`) takes them so, too.
#[test]
fn no_table_moves_a_persons_rows() {
    let mut tables = 0;
    for table in protected() {
        let shown = runtime().block_on(async {
            let session = RunSession::new(&limits()).expect("a session");
            let by = ["year", "person"].map(col);
            let rows = RunSession::scan("rows", Arc::new(source(table))).expect("a scan");
            let plan = rows
                .aggregate(by, [count(lit(1))])
                .and_then(|plan| plan.sort([col("year").sort(true, false), col("person").sort(true, false)]));
            session.physical(plan.expect("a plan").build().expect("a plan")).await
        });
        assert_local(&shown, &table.name);
        let scan = shown.lines().find(|line| line.contains("DataSourceExec")).expect("a scan");
        assert!(scan.contains("7 groups") && scan.contains("output_ordering=[year"), "{shown}");
        tables += 1;
    }
    assert_eq!(tables, 10);
}

/// Each part of a question's tables is the files of one year and shard, in their order.
#[test]
fn parts_are_years_and_shards() {
    let sql = "select c.area, count(*) from person_year p join contact c using (person, year) where c.year in (2023, 2024) group by 1";
    let query = question(sql).query;
    let of = |name: String| (name.clone(), Source::Files(source(POLICY.table(&name).expect("a table"))));
    let sources: Sources = query.tables().into_iter().map(of).collect();
    let parts = relation::parts(&sources);
    assert_eq!(parts.len(), 7);
    let mut files = 0;
    for part in &parts {
        for table in part.values() {
            let Source::Files(table) = table else { panic!("files") };
            assert_eq!(table.cells().count(), 1);
            assert!(table.files().is_sorted_by_key(|file| file.span));
            files += table.files().len();
        }
    }
    assert_eq!(files, 2 * 10);
}

#[test]
fn no_release_moves_a_persons_rows() {
    let table = POLICY.table("person_year").expect("a table");
    let request = request(2023);
    let shown = runtime().block_on(async {
        let session = RunSession::new(&limits()).expect("a session");
        session.physical(marginals::private_plan(Arc::new(source(table)), &request).expect("a plan")).await
    });
    assert_local(&shown, "release");
}

/// A release of one table.
pub(super) fn request(year: i32) -> MarginalsRequest {
    MarginalsRequest {
        year,
        campaign: None,
        themes: vec![Theme {
            name: "all".to_owned(),
            filter: vec![("ute_contact".to_owned(), vec!["yes".to_owned()])],
            dims: vec![Dim {
                name: "gender".to_owned(),
                column: "gender".to_owned(),
                groups: vec![("f".to_owned(), vec!["female".to_owned()])],
                attribute: None,
            }],
            measured: vec![(vec![0], 1.0)],
            events: None,
            form: Form::Whole,
        }],
        distinct: Vec::new(),
        purpose: "test".to_owned(),
        reason: None,
    }
}
