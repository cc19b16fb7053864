//! Files, read a year and shard at a time with their codes as codes, against the same rows in memory, read as a whole.

use std::path::Path;

use parquet::file::properties::WriterProperties;

use super::corpus::{city, corpus};
use super::*;
use crate::run::SnapshotTable;

/// A file a year and span of persons, two a shard, of several row groups, which have dictionaries of their own.
fn stored(table: &Table, folder: &Path, rows: &[Row]) -> TableSnapshot {
    let span_of = |row: &Row| row.person >> 5;
    let cells: BTreeSet<(i64, u8)> = rows.iter().map(|row| (row.year, span_of(row))).collect();
    let file = |(year, span)| {
        let rows: Vec<Row> =
            rows.iter().filter(|row| (row.year, span_of(row)) == (year, span)).cloned().collect();
        let batch = super::super::testing::batch(table, &rows);
        let stored: Vec<usize> =
            (0..batch.num_columns()).filter(|at| batch.schema().field(*at).name() != "year").collect();
        let batch = batch.project(&stored).expect("without the year");
        let path = folder.join(format!("{}-{year}-{span}.parquet", table.name));
        let groups = WriterProperties::builder().set_max_row_group_row_count(Some(70)).build();
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups)).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        let bytes = std::fs::metadata(&path).expect("there").len();
        let span = format!("{span:03b}").parse().expect("a span");
        DataFile { path, year: Some(i32::try_from(year).expect("a year")), span, bytes }
    };
    TableSnapshot { version: 1, files: cells.into_iter().map(file).collect(), ..TableSnapshot::default() }
}

#[test]
fn files_give_what_their_rows_give() {
    let folder = tempfile::tempdir().expect("a folder");
    let tables = city();
    let in_memory = sources(&tables);
    let snapshots: BTreeMap<&str, TableSnapshot> = tables
        .iter()
        .map(|(name, rows)| (*name, stored(POLICY.table(name).expect("a table"), folder.path(), rows)))
        .collect();
    // Most questions read columns that are known by then, and some that are not.
    let layouts = Arc::default();
    let mut asked = 0;
    for question in corpus().into_iter().flat_map(|asked| plan(&asked.sql).questions) {
        let of_files = |name: String| {
            let table = POLICY.table(&name).expect("a table");
            let years = &question.query.years;
            let files = SnapshotTable::new(table, snapshots.get(name.as_str()), years, &layouts);
            (name, Source::Files(files))
        };
        let of_files: Sources = question.query.tables().into_iter().map(of_files).collect();
        let [whole, parts] = [&in_memory, &of_files].map(|sources| {
            let table = runtime().block_on(exact_table(sources, &question));
            table.columns.into_iter().map(|column| column.values).collect::<Vec<_>>()
        });
        assert_eq!(parts, whole, "{:?}", question.query.relation);
        asked += 1;
    }
    assert!(asked > 150, "{asked}");
}
