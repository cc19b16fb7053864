//! The rows of all tables, and the key figures, as a Parquet file each.
//!
//! Not compressed: the release's id must stand in them as it is, since the id is made of the files ([`super::super::seal`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::key_text;
use crate::error::FiguresError;
use crate::key_figures::KeyFigure;
use crate::release::document::{Release, Row, Table};
use crate::release::joint::CONFIDENCE;
use crate::text::{Display, Language};

/// A column: its name, its values, and whether some may be missing.
type Column = (String, ArrayRef, bool);

/// One row a cell: `release`, `year` (of a campaign that of its first round, and the campaign's code in `campaign`), `theme`, `table`, `key` as in `tables.csv`, a column `key_…` for every dimension (null where the
/// table does not have it), the unbiased `value` with `sd`, `low`, `high` and `confidence`, and `display` (null where it is ":").
pub(super) fn tables(release: &Release) -> Result<Vec<u8>, FiguresError> {
    let rows: Vec<(&Table, &Row)> =
        release.tables.iter().flat_map(|table| table.rows.iter().map(move |row| (table, row))).collect();
    let texts = |of: &dyn Fn(&Table, &Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(table, row)| of(table, row))))
    };
    let numbers = |of: &dyn Fn(&Table, &Row) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|(table, row)| of(table, row))))
    };
    let mut columns: Vec<Column> = vec![
        ("release".to_owned(), texts(&|_, _| release.id.clone()), false),
        ("year".to_owned(), Arc::new(Int32Array::from(vec![release.year; rows.len()])), false),
        ("theme".to_owned(), texts(&|table, _| table.theme.clone()), false),
        ("table".to_owned(), texts(&|table, _| table.name.clone()), false),
        ("key".to_owned(), texts(&key_text), false),
    ];
    if let Some(campaign) = &release.campaign {
        columns.insert(2, ("campaign".to_owned(), texts(&|_, _| campaign.code.clone()), false));
    }
    let dimensions: BTreeSet<&String> = release.tables.iter().flat_map(|table| &table.dimensions).collect();
    for dimension in dimensions {
        let codes: StringArray = rows.iter().map(|(_, row)| row.key.get(dimension)).collect();
        columns.push((format!("key_{dimension}"), Arc::new(codes), true));
    }
    columns.push(("value".to_owned(), numbers(&|_, row| row.value), false));
    columns.push(("sd".to_owned(), numbers(&|table, row| table.sd_of(row)), false));
    columns.push(("low".to_owned(), numbers(&|_, row| row.low), false));
    columns.push(("high".to_owned(), numbers(&|_, row| row.high), false));
    columns.push(("confidence".to_owned(), numbers(&|_, _| CONFIDENCE), false));
    columns.push(("display".to_owned(), Arc::new(displays(&rows)?), true));
    written(release, columns)
}

/// One row a key figure: `release`, `year`, `name`, its theme and category in both languages, `unit`, the unbiased `value` with `sd`, `low`,
/// `high` and `confidence`, `display` (null where it is ":"), and whether it is `exact`.
pub(super) fn figures(release: &Release, figures: &[KeyFigure]) -> Result<Vec<u8>, FiguresError> {
    let texts = |name: &str, of: &dyn Fn(&KeyFigure) -> String| -> Column {
        (name.to_owned(), Arc::new(StringArray::from_iter_values(figures.iter().map(of))), false)
    };
    let numbers = |name: &str, of: &dyn Fn(&KeyFigure) -> f64| -> Column {
        (name.to_owned(), Arc::new(Float64Array::from_iter_values(figures.iter().map(of))), false)
    };
    let years: Int32Array = figures.iter().map(|figure| Some(figure.year)).collect();
    let shown = figures.iter().map(|figure| match figure.display {
        Display::Count(count) => Some(count as f64),
        Display::Decimal(value) => Some(value),
        Display::Suppressed => None,
    });
    let exact: BooleanArray = figures.iter().map(|figure| Some(figure.exact)).collect();
    written(
        release,
        vec![
            texts("release", &|_| release.id.clone()),
            ("year".to_owned(), Arc::new(years), false),
            texts("name", &|figure| figure.name.clone()),
            texts("theme_no", &|figure| figure.theme.no.clone()),
            texts("category_no", &|figure| figure.category.no.clone()),
            texts("theme_en", &|figure| figure.theme.en.clone()),
            texts("category_en", &|figure| figure.category.en.clone()),
            texts("unit", &|figure| figure.unit.text().get(Language::En).to_owned()),
            numbers("value", &|figure| figure.value),
            numbers("sd", &|figure| figure.sd),
            numbers("low", &|figure| figure.low),
            numbers("high", &|figure| figure.high),
            numbers("confidence", &|_| CONFIDENCE),
            ("display".to_owned(), Arc::new(shown.collect::<Float64Array>()), true),
            ("exact".to_owned(), Arc::new(exact), false),
        ],
    )
}

fn displays(rows: &[(&Table, &Row)]) -> Result<Int64Array, FiguresError> {
    let shown = rows.iter().map(|(table, row)| match row.display {
        Display::Count(count) => Ok(Some(count)),
        Display::Suppressed => Ok(None),
        Display::Decimal(_) => {
            Err(FiguresError::Fault(format!("the table {} counts in parts of a person", table.name)))
        }
    });
    shown.collect()
}

fn written(release: &Release, columns: Vec<Column>) -> Result<Vec<u8>, FiguresError> {
    // Whoever has this file alone must find the rest.
    let said = [
        ("release", release.id.clone()),
        ("unit", release.unit.en.clone()),
        ("mechanism", release.mechanism.en.clone()),
        ("display", "null: not shown; the interval belongs to value".to_owned()),
        ("synthetic", release.synthetic.to_string()),
    ];
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_key_value_metadata(Some(
            said.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect(),
        ))
        .build();
    let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(ParquetError::from);
    let bytes = batch.and_then(|batch| {
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
        writer.write(&batch)?;
        writer.into_inner()
    });
    bytes.map_err(|error| FiguresError::Fault(format!("a release cannot be written as Parquet: {error}")))
}
