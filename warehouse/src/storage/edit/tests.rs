use arrow::array::{
    ArrayRef, AsArray, Date32Array, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::properties::{WriterPropertiesBuilder, WriterVersion};
use proptest::prelude::*;

use super::super::parquet::{check, decode_codes, encode, metadata, write};
use super::*;
use crate::policy::{ColumnRole, Policy};

/// How the values of a column are: how many there may be, how many rows in sequence have the same, and of how many such
/// runs one has none.
type Values = (u32, usize, u64);

fn values() -> impl Strategy<Value = Values> {
    let distinct = prop_oneof![Just(1), Just(2), 3..40_u32, Just(9_000)];
    (distinct, prop_oneof![Just(1), 2..12_usize, Just(700)], 0..4_u64)
}

fn mixed(of: u64) -> u64 {
    let mixed = (of + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 20
}

/// Rows of a table, each column with values of its own kind.
fn rows(table: &Table, count: usize, kinds: &[Values]) -> RecordBatch {
    let hashed = |of: &dyn Fn(u64) -> u128| -> ArrayRef {
        let each = (0..count as u64).map(|row| of(row).to_be_bytes());
        Arc::new(FixedSizeBinaryArray::try_from_iter(each).expect("pseudonyms"))
    };
    let columns = table.columns.iter().zip(kinds.iter().cycle()).enumerate();
    let columns = columns.filter(|(_, (column, _))| column.role != ColumnRole::Year);
    let columns = columns.map(|(seed, (column, (distinct, run, nulls)))| -> ArrayRef {
        let of_run = |row: usize| mixed((row / run) as u64 * 31 + seed as u64);
        let value = |row| u32::try_from(of_run(row) / 7 % u64::from(*distinct)).expect("small");
        let is_null = |row| *nulls > 0 && of_run(row).is_multiple_of(*nulls);
        match column.role {
            // Both rise; a table without records has a row a person.
            ColumnRole::Person if table.column_of(&ColumnRole::Record).is_some() => {
                hashed(&|row| u128::from(row / *run as u64) << 70 | 1 << 66)
            }
            ColumnRole::Person | ColumnRole::Record => hashed(&|row| u128::from(row) << 90 | 0x1234_5678),
            ColumnRole::Date => Arc::new(Date32Array::from_iter_values(
                (0..count).map(|row| i32::try_from(value(row)).expect("small")),
            )),
            ColumnRole::Dimension { .. } => {
                let code = |row| "x".repeat(value(row) as usize % 5) + &value(row).to_string();
                Arc::new(StringArray::from_iter_values((0..count).map(code)))
            }
            ColumnRole::Measure { .. } => {
                let measure = |row| (!is_null(row)).then(|| i64::from(value(row)) - 3);
                Arc::new((0..count).map(measure).collect::<Int64Array>())
            }
            _ => Arc::new(Int64Array::from_iter_values((0..count).map(|row| i64::from(value(row))))),
        }
    });
    RecordBatch::try_new(table.file_schema(), columns.collect()).expect("the policy's columns")
}

/// The first shard, of which all the persons are.
fn place() -> Place {
    (2023, "00".parse().expect("a span"))
}

fn edit(table: &Table, content: &Bytes, left: &BooleanArray) -> Result<Option<Bytes>, WarehouseError> {
    without(table, place(), content, &metadata(content).expect("a footer"), left)
}

/// Without decoding; by decoding, filtering and writing anew if that does not go.
fn is_edited_as_it_would_be_written(table: &Table, content: &Bytes, left: &BooleanArray) -> bool {
    let anew = || {
        let rows = decode_codes(table, content.clone(), table.name.as_ref())?;
        encode(table, place(), &filter_record_batch(&rows, left).expect("as many rows"))
    };
    match edit(table, content, left) {
        Ok(Some(edited)) => anew().is_ok_and(|anew| anew == edited),
        Ok(None) => true,
        Err(WarehouseError::Misplaced { .. }) => matches!(anew(), Err(WarehouseError::Misplaced { .. })),
        Err(_) => false,
    }
}

/// Where the footer begins.
fn end_of_pages(content: &[u8]) -> usize {
    let footer = content.last_chunk::<8>().expect("a footer's length")[..4].try_into().expect("4 bytes");
    content.len() - 8 - u32::from_le_bytes(footer) as usize
}

fn tables() -> Vec<Table> {
    Policy::oslo().tables.values().filter(|t| t.column_of(&ColumnRole::Person).is_some()).cloned().collect()
}

fn contact() -> Table {
    tables().into_iter().find(|table| table.name == "contact").expect("contacts")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_edited_file_is_the_one_that_is_written_of_the_rows_that_are_left(
        table in prop::sample::select(tables()),
        count in prop_oneof![1..40_usize, 40..900_usize, 5_000..9_000_usize],
        kinds in prop::collection::vec(values(), 1..30),
        parts in prop::collection::vec((any::<bool>(), prop_oneof![1..10_usize, 1..3_000_usize]), 1..40),
        only in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let rows = rows(&table, count, &kinds);
        let parts = parts.iter().flat_map(|(left, length)| vec![*left; *length]);
        let left: BooleanArray = match only {
            Some(only) => (0..count).map(|row| Some(row == only.index(count))).collect(),
            None => parts.chain(std::iter::repeat(true)).take(count).map(Some).collect(),
        };
        let others = filter_record_batch(&rows, &left).expect("filtered");
        let edited = edit(&table, &write(&table, &rows).expect("written"), &left).expect("in order");
        let anew = (others.num_rows() > 0).then(|| write(&table, &others).expect("written"));
        prop_assert!(edited == anew, "{} rows of {}, {count} before", others.num_rows(), table.name);
    }

    #[test]
    fn a_damaged_page_is_edited_as_it_would_be_written_or_not_at_all(
        count in 1..300_usize,
        kinds in prop::collection::vec(values(), 1..30),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let table = contact();
        let mut content = write(&table, &rows(&table, count, &kinds)).expect("written").to_vec();
        let at = at.index(end_of_pages(&content));
        content[at] = byte;
        let left: BooleanArray = (0..count).map(|row| Some(row % 5 != 2)).collect();
        prop_assert!(is_edited_as_it_would_be_written(&table, &content.into(), &left), "{byte} at {at}");
    }
}

/// Headers of pages, too, each of whose bytes a few hundred random ones would hardly hit.
#[test]
fn what_a_damaged_byte_leaves_readable_is_edited_as_it_would_be_written() {
    let table = contact();
    let rows = rows(&table, 20, &[(5, 1, 3), (2, 12, 2), (40, 1, 0)]);
    let content = write(&table, &rows).expect("written").to_vec();
    let left: BooleanArray = (0..20).map(|row| Some(row % 5 != 2)).collect();
    for at in 0..end_of_pages(&content) {
        for byte in [content[at] ^ 1, content[at] ^ 4, content[at].wrapping_sub(2), 0, u8::MAX] {
            let mut content = content.clone();
            content[at] = byte;
            assert!(is_edited_as_it_would_be_written(&table, &content.into(), &left), "{byte} at {at}");
        }
    }
}

#[test]
fn files_that_are_not_as_the_writer_makes_them_are_not_edited() {
    type Other = fn(WriterPropertiesBuilder) -> WriterPropertiesBuilder;
    let table = contact();
    let others: [Other; 7] = [
        |as_ours| as_ours.set_compression(Compression::SNAPPY),
        |as_ours| as_ours.set_writer_version(WriterVersion::PARQUET_1_0),
        |as_ours| as_ours.set_data_page_row_count_limit(50).set_write_batch_size(10),
        |as_ours| as_ours.set_max_row_group_row_count(Some(50)),
        |as_ours| as_ours.set_dictionary_page_size_limit(30).set_write_batch_size(10),
        |as_ours| as_ours.set_column_dictionary_enabled("person".into(), false),
        |as_ours| as_ours.set_column_dictionary_enabled("record".into(), true),
    ];
    let rows = rows(&table, 100, &[(30, 1, 3)]);
    let left: BooleanArray = (0..100).map(|row| Some(row != 7)).collect();
    let made = |other: Other| {
        let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true);
        let options = options.with_properties(other(properties(&table).into_builder()).build());
        let mut content = Vec::new();
        let mut writer =
            ArrowWriter::try_new_with_options(&mut content, rows.schema(), options).expect("a writer");
        writer.write(&rows).expect("written");
        writer.close().expect("written");
        Bytes::from(content)
    };
    assert!(edit(&table, &made(|as_ours| as_ours), &left).expect("in order").is_some());
    for (at, other) in others.into_iter().enumerate() {
        assert!(edit(&table, &made(other), &left).expect("in order").is_none(), "{at}");
    }
    // Of another policy.
    let mut policy = table.clone();
    policy.columns.reverse();
    assert!(edit(&policy, &made(|as_ours| as_ours), &left).expect("in order").is_none());
}

#[test]
fn more_rows_than_a_page_has_are_not_edited() {
    let table = contact();
    let rows = rows(&table, 20_000, &[(30, 1, 3)]);
    let left: BooleanArray = (0..20_000).map(|row| Some(row != 7)).collect();
    assert!(edit(&table, &write(&table, &rows).expect("written"), &left).expect("in order").is_none());
}

#[test]
fn a_dictionary_that_says_a_value_twice_is_not_edited() {
    let table = contact();
    let rows = rows(&table, 100, &[(9, 1, 0)]);
    let left: BooleanArray = (0..100).map(|row| Some(row != 7)).collect();
    let mut content = write(&table, &rows).expect("written").to_vec();
    assert!(edit(&table, &content.clone().into(), &left).expect("in order").is_some());
    let code = content.windows(6).position(|bytes| bytes == b"\x02\0\0\0x6").expect("a code");
    content[code + 5] = b'1';
    assert!(edit(&table, &content.into(), &left).expect("in order").is_none());
}

#[test]
fn a_dictionary_that_the_writer_would_have_given_up_is_not_edited() {
    let table = contact();
    let content = write(&table, &rows(&table, 100, &[(30, 1, 3)])).expect("written");
    let left = Rows::new(&(0..100).map(|row| Some(row != 7)).collect());
    let within = |limit| {
        let properties = properties(&table).into_builder().set_dictionary_page_size_limit(limit).build();
        edited(&table, &content, &metadata(&content).expect("a footer"), &left, properties)
    };
    assert!(within(1 << 20).is_some());
    assert!(within(30).is_none());
}

#[test]
fn what_goes_must_be_readable_as_well() {
    let table = contact();
    let rows = rows(&table, 100, &[(9, 1, 0)]);
    let content = write(&table, &rows).expect("written").to_vec();
    let code = content.windows(6).position(|bytes| bytes == b"\x02\0\0\0x6").expect("a code");
    let codes = rows.columns().iter().filter_map(|column| column.as_string_opt::<i32>());
    let first =
        codes.into_iter().find(|codes| codes.iter().any(|code| code == Some("x6"))).expect("a column");
    let left: BooleanArray = first.iter().map(|code| Some(code != Some("x6"))).collect();
    assert!(edit(&table, &content.clone().into(), &left).expect("in order").is_some());
    let mut other = content.clone();
    other[code + 5] = u8::MAX;
    assert!(edit(&table, &other.into(), &left).expect("in order").is_none(), "it is no text");
}

/// What [`encode`] would refuse is refused here.
#[test]
fn rows_of_another_span_or_out_of_order_are_not_let_pass() {
    let table = contact();
    let content = write(&table, &rows(&table, 100, &[(9, 4, 0)])).expect("written");
    let left: BooleanArray = (0..100).map(|row| Some(row != 50)).collect();
    let footer = metadata(&content).expect("a footer");
    let error = without(&table, (2023, "01".parse().expect("a span")), &content, &footer, &left);
    let is_misplaced = |error: &WarehouseError| matches!(error, WarehouseError::Misplaced { .. });
    assert!(error.as_ref().is_err_and(is_misplaced), "{error:?}");
    let persons = [1_u128 << 66, 1 << 70 | 1 << 66].map(u128::to_be_bytes);
    let at = content.windows(32).position(|bytes| bytes == persons.concat()).expect("two entries");
    let mut swapped = content.to_vec();
    swapped[at..at + 32].rotate_left(16);
    let error = edit(&table, &swapped.into(), &left);
    assert!(error.as_ref().is_err_and(is_misplaced), "{error:?}");
}

/// The file with changed pages, in a footer that fits them.
fn with_pages(table: &Table, content: &Bytes, change: impl Fn(&str, &mut Page)) -> Bytes {
    let footer = metadata(content).expect("a footer");
    let (group, schema) = (&footer.row_groups()[0], footer.file_metadata().schema_descr());
    let rows = usize::try_from(group.num_rows()).expect("few");
    let mut written = TrackedWrite::new(Vec::new());
    let columns = group.columns().iter().map(|chunk| {
        let pages = SerializedPageReader::new(Arc::new(content.clone()), chunk, rows, None);
        let mut pages: Vec<Page> = pages.expect("pages").collect::<Result<_, _>>().expect("pages");
        for page in &mut pages {
            change(chunk.column_descr().name(), page);
        }
        super::write(pages, chunk, rows, &mut written).expect("written")
    });
    let columns: Vec<ColumnCloseResult> = columns.collect();
    let written = Bytes::from(written.into_inner().expect("written"));
    let properties = Arc::new(properties(table));
    let mut file =
        SerializedFileWriter::new(Vec::new(), schema.root_schema_ptr(), properties).expect("a writer");
    let mut group = file.next_row_group().expect("a group");
    for column in columns {
        group.append_column(&written, column).expect("a column");
    }
    group.close().expect("written");
    file.into_inner().expect("written").into()
}

#[test]
fn pages_with_more_or_fewer_values_than_rows_are_not_edited() {
    let table = contact();
    let content = write(&table, &rows(&table, 100, &[(9, 1, 0)])).expect("written");
    let left: BooleanArray = (0..100).map(|row| Some(row != 50)).collect();
    assert_eq!(with_pages(&table, &content, |_, _| {}), content);
    for bytes in [99 * PSEUDONYM, 101 * PSEUDONYM] {
        let other = with_pages(&table, &content, |column, page| {
            if let ("record", Page::DataPageV2 { buf, .. }) = (column, page) {
                *buf = buf.iter().copied().cycle().take(bytes).collect();
            }
        });
        assert!(edit(&table, &other, &left).expect("in order").is_none(), "{bytes}");
    }
}

/// No edit is known that writes such a file, and the rows that it came from would be deleted.
#[test]
fn a_file_with_a_column_that_cannot_be_read_is_not_let_pass() {
    let table = contact();
    let content = write(&table, &rows(&table, 100, &[(9, 1, 0)])).expect("written");
    assert!(check_whole(&table, place(), 100, &content).is_ok());
    for columns in [&["minutes"][..], &["gender"], &["person", "month"]] {
        let shorter = with_pages(&table, &content, |column, page| {
            if let (true, Page::DataPageV2 { buf, .. }) = (columns.contains(&column), page) {
                *buf = buf.slice(..buf.len() - 5);
            }
        });
        let error = check_whole(&table, place(), 100, &shorter).expect_err("not to be read");
        assert!(matches!(error, WarehouseError::Misplaced { .. }), "{error}");
        let of_order = columns.contains(&"person");
        assert_eq!(check(&table, place(), 100, &shorter).is_err(), of_order, "persons and records alone");
    }
    let error = check_whole(&table, place(), 99, &content).expect_err("a row too many");
    assert!(error.to_string().contains("in part"), "{error}");
}
