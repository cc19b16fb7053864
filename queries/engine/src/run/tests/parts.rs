//! Files, read a year and shard at a time with their codes as codes, against the same rows in memory, read as a whole.

use std::path::Path;

use parquet::file::properties::WriterProperties;

use super::corpus::{city, corpus};
use super::*;
use crate::run::{Layouts, SnapshotTable};

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
    // Most questions read columns that are known by then, and some that are not; of some files nothing is known any more.
    let layouts: Arc<Layouts> = Arc::default();
    let mut asked = 0;
    for question in corpus().into_iter().flat_map(|asked| plan(&asked.sql).questions) {
        for (at, file) in snapshots.values().flat_map(|table| table.files.iter()).enumerate() {
            if (asked + at).is_multiple_of(3) {
                layouts.forget(&file.path);
            }
        }
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

/// What was learnt of a damaged file is not believed when it is mended: neither where it was read for the first time, nor where it was
/// read before.
#[test]
fn a_damaged_file_that_is_mended_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = POLICY.table("contact").expect("a table");
    let rows: Vec<Row> =
        (0..60).map(|at| Row::new(at / 4, 2024, 1 + i64::from(at % 12), &[], Some(10))).collect();
    let snapshot = stored(table, folder.path(), &rows);
    let path = &snapshot.files[0].path;
    let sound = std::fs::read(path).expect("read");
    let question = question("select month, sum(minutes) from contact where year = 2024 group by month");
    let layouts: Arc<Layouts> = Arc::default();
    let known = || layouts.of(path, &["person".into(), "month".into(), "minutes".into()]).is_some();
    let ask = || {
        let years = &question.query.years;
        let files = SnapshotTable::new(table, Some(&snapshot), years, &layouts);
        let sources = Sources::from([("contact".to_owned(), Source::Files(files))]);
        let (limits, query) = (limits(), Arc::new(question.query.clone()));
        let read = runtime().block_on(read(&limits, &sources, &query)).ok()?;
        read.into_iter()
            .map(|years| Some(years.into_exact(1 << 20).ok()?.reveal().to_vec()))
            .collect::<Option<Vec<_>>>()
    };
    let right = ask();
    assert!(right.is_some());
    for is_new in [true, false] {
        let mut faults = [0, 0];
        for at in (4..sound.len() - 8).step_by(7) {
            if is_new {
                layouts.forget(path);
            } else {
                assert!(ask() == right && known());
            }
            let mut damaged = sound.clone();
            damaged[at] ^= 0xff;
            std::fs::write(path, &damaged).expect("written");
            if ask().is_none() {
                faults[usize::from(known())] += 1;
            }
            std::fs::write(path, &sound).expect("written");
            assert_eq!(ask(), right, "byte {at}");
        }
        // Some are seen where columns are taken apart, some in what is in them.
        assert!(faults.iter().all(|faults| *faults > 0), "{faults:?}");
    }
}
