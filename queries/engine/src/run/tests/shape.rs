//! How the person-level step is run: over each file by itself, in the order of the file.

use std::sync::Arc;

use skjerm_privacy::marginals::Form;
use skjerm_warehouse::policy::{ColumnRole, Grain, Table, TableKind};
use skjerm_warehouse::{DataFile, Span, TableSnapshot};

use super::{POLICY, limits, question, runtime};
use crate::measure::{Dim, MarginalsRequest, Theme, marginals};
use crate::plan::PrivateQuery;
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
    SnapshotTable::new(table, Some(&snapshot), &(2023..=2024).collect())
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
            // The rows of each file go to the bounding layer as they are: part by part, in order, also those that
            // a condition leaves out.
            for shown in plans(&sql, &query) {
                let steps =
                    ["Repartition", "SortExec", "Coalesce", "SortPreservingMerge", "Aggregate", "Filter"];
                for step in steps {
                    assert!(!shown.contains(step), "{sql}: {step}\n{shown}");
                }
            }
        }
        tables += 1;
    }
    assert_eq!(tables, 10);
}

/// How each part of a question's tables is read: the files of each table, of one year and shard, as one partition in its order.
fn plans(sql: &str, query: &PrivateQuery) -> Vec<String> {
    let sources: Sources = query
        .tables()
        .into_iter()
        .map(|name| (name.clone(), Source::Files(source(POLICY.table(&name).expect("a table")))))
        .collect();
    let parts = relation::parts(&sources);
    assert_eq!(parts.len(), 7, "{sql}");
    let plan = async |part: &Sources| {
        let session = RunSession::of_parts(&limits()).expect("a session");
        session.physical(relation::rows(part, query).expect("a plan")).await
    };
    let shown: Vec<String> = parts.iter().map(|part| runtime().block_on(plan(part))).collect();
    for shown in &shown {
        let scans = shown.lines().filter(|line| line.contains("DataSourceExec"));
        for scan in scans {
            assert!(scan.contains("1 group") && scan.matches(".parquet").count() <= 2, "{sql}\n{shown}");
            assert!(scan.contains("output_ordering=[year"), "{sql}\n{shown}");
        }
    }
    assert!(
        shown.iter().any(|shown| shown.matches(".parquet").count() > shown.matches("DataSourceExec").count())
    );
    shown
}

/// The heavier side of a join keeps its order, and a person's own numbers are made in the order of the file.
#[test]
fn joins_keep_the_order_of_the_files() {
    for sql in [
        "select p.primary_service, count(*) from contact c join person_year p using (person, year) where c.year in (2023, 2024) group by 1",
        "select c.area, count(*) from person_year p join contact c using (person, year) where c.year in (2023, 2024) group by 1",
        "select area, count(*) from contact c where year in (2023, 2024) and exists (select 1 from person_year p where p.person = c.person and p.year = c.year and p.bed_stay = 'yes') group by 1",
        "select c.area, count(*) from contact c join follow_up f using (person, year) where c.year in (2023, 2024) group by 1",
        "select n, count(*) from (select person, year, count(*) as n from contact where year in (2023, 2024) group by person, year) t where n < 9 group by n",
    ] {
        for shown in plans(sql, &question(sql).query) {
            for step in ["Repartition", "SortExec", "CoalescePartitions", "SortPreservingMerge"] {
                assert!(!shown.contains(step), "{sql}: {step}\n{shown}");
            }
            assert!(!shown.contains("Aggregate") || shown.contains("ordering_mode=Sorted"), "{sql}\n{shown}");
        }
    }
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
