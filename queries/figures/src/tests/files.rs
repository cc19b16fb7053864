//! The four forms of a release, each read by a reader of its own, say the same of every cell and figure.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use skjerm_warehouse::Installation;
use tempfile::TempDir;

use super::city::City;
use super::{json_stat, page};
use crate::key_figures;
use crate::release::{Release, Store};

/// Value, standard deviation, ends of the interval, and the display value unless it is hidden.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    pub(super) value: f64,
    pub(super) sd: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) display: Option<f64>,
}

/// Table and key, `dimension=code` separated by `;`; for figures "figure" and the name.
type Cells = BTreeMap<(String, String), Numbers>;

struct Published {
    _folder: TempDir,
    path: PathBuf,
    release: Release,
    city: City,
}

impl Published {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let city = City::new();
        let store = Store::open(&Installation::init(folder.path()).unwrap());
        let release = store.save(city.release(2023, 4), &city.policy).unwrap();
        let path = folder.path().join("releases").join(&release.id);
        Self { _folder: folder, path, release, city }
    }

    /// From the document itself.
    fn expected(&self) -> Cells {
        let display = |display: crate::Display| match display {
            crate::Display::Count(count) => Some(count as f64),
            crate::Display::Decimal(value) => Some(value),
            crate::Display::Suppressed => None,
        };
        let mut cells = Cells::new();
        for table in &self.release.tables {
            for row in &table.rows {
                let key: Vec<String> =
                    table.dimensions.iter().map(|name| format!("{name}={}", row.key[name])).collect();
                let numbers = Numbers {
                    value: row.value,
                    sd: table.sd,
                    low: row.low,
                    high: row.high,
                    display: display(row.display),
                };
                cells.insert((table.name.clone(), key.join(";")), numbers);
            }
        }
        for figure in key_figures::figures(&self.release, &self.city.policy).unwrap() {
            let numbers = Numbers {
                value: figure.value,
                sd: figure.sd,
                low: figure.low,
                high: figure.high,
                display: display(figure.display),
            };
            cells.insert(("figure".to_owned(), figure.name), numbers);
        }
        cells
    }

    /// Cell by cell. Standard deviations have 17 digits, of which the reader of the document may miss the last.
    fn says(&self, found: &Cells) {
        let expected = self.expected();
        assert_eq!(found.len(), expected.len());
        for (key, expected) in &expected {
            let found = found.get(key).unwrap_or_else(|| panic!("no {key:?}"));
            let same_sd = (found.sd - expected.sd).abs() <= 1e-14 * expected.sd;
            assert!(
                same_sd && Numbers { sd: 0.0, ..*found } == Numbers { sd: 0.0, ..*expected },
                "{key:?}: {found:?} {expected:?}"
            );
        }
    }

    fn csv(&self, file: &str) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.path.join(file)).unwrap();
        reader.deserialize().collect::<Result<_, _>>().unwrap()
    }

    fn parquet_figures(&self, cells: &mut Cells) {
        let file = File::open(self.path.join("figures.parquet")).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let batch: RecordBatch = batch.unwrap();
            let number = |name: &str, at: usize| batch[name].as_primitive::<Float64Type>().value(at);
            let text = |name: &str, at: usize| batch[name].as_string::<i32>().value(at).to_owned();
            for at in 0..batch.num_rows() {
                assert_eq!(text("release", at), self.release.id);
                assert_eq!(batch["exact"].as_boolean().value(at), number("sd", at) == 0.0);
                let numbers = Numbers {
                    value: number("value", at),
                    sd: number("sd", at),
                    low: number("low", at),
                    high: number("high", at),
                    display: (!batch["display"].is_null(at)).then(|| number("display", at)),
                };
                cells.insert(("figure".to_owned(), text("name", at)), numbers);
            }
        }
    }

    fn json(&self, file: &str) -> Value {
        serde_json::from_reader(File::open(self.path.join(file)).unwrap()).unwrap()
    }
}

fn numbers(row: &BTreeMap<String, String>) -> Numbers {
    let number = |name: &str| row[name].parse::<f64>().unwrap();
    assert_eq!(number("confidence"), 0.95);
    Numbers {
        value: number("value"),
        sd: number("sd"),
        low: number("low"),
        high: number("high"),
        display: (row["display"] != ":").then(|| number("display")),
    }
}

#[test]
fn csv_says_the_same() {
    let published = Published::new();
    let mut cells = Cells::new();
    for row in published.csv("tables.csv") {
        assert_eq!((row["release"].as_str(), row["year"].as_str()), (published.release.id.as_str(), "2023"));
        cells.insert((row["table"].clone(), row["key"].clone()), numbers(&row));
    }
    for row in published.csv("figures.csv") {
        assert_eq!(row["release"], published.release.id);
        cells.insert(("figure".to_owned(), row["name"].clone()), numbers(&row));
    }
    published.says(&cells);
}

#[test]
fn parquet_says_the_same() {
    let published = Published::new();
    let file = File::open(published.path.join("tables.parquet")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let said = builder.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let release = said.iter().find(|pair| pair.key == "release").unwrap();
    assert_eq!(release.value.as_deref(), Some(published.release.id.as_str()));
    let mut cells = Cells::new();
    for batch in builder.build().unwrap() {
        let batch: RecordBatch = batch.unwrap();
        let number = |name: &str, at: usize| batch[name].as_primitive::<Float64Type>().value(at);
        let text = |name: &str, at: usize| batch[name].as_string::<i32>().value(at).to_owned();
        let shown = batch["display"].as_primitive::<Int64Type>();
        for at in 0..batch.num_rows() {
            assert_eq!(text("release", at), published.release.id);
            assert_eq!(batch["year"].as_primitive::<Int32Type>().value(at), 2023);
            assert_eq!(number("confidence", at), 0.95);
            let table =
                published.release.tables.iter().find(|table| table.name == text("table", at)).unwrap();
            assert_eq!(text("theme", at), table.theme);
            // The columns of the key say what the key says.
            for info in &published.release.dimensions {
                let column = format!("key_{}", info.name);
                let Some(column) = batch.column_by_name(&column) else { continue };
                let column = column.as_string::<i32>();
                assert_eq!(column.is_null(at), !table.dimensions.contains(&info.name));
                let part = format!("{}={}", info.name, column.value(at));
                assert!(column.is_null(at) || text("key", at).split(';').any(|one| one == part));
            }
            let numbers = Numbers {
                value: number("value", at),
                sd: number("sd", at),
                low: number("low", at),
                high: number("high", at),
                display: (!shown.is_null(at)).then(|| shown.value(at) as f64),
            };
            cells.insert((text("table", at), text("key", at)), numbers);
        }
    }
    published.parquet_figures(&mut cells);
    published.says(&cells);
}

#[test]
fn json_stat_says_the_same_in_both_languages() {
    let published = Published::new();
    for file in ["figures_and_tables.no.json", "figures_and_tables.en.json"] {
        let collection = published.json(file);
        let mut cells = Cells::new();
        for dataset in collection["link"]["item"].as_array().unwrap() {
            json_stat::check(dataset).unwrap();
            let ids: Vec<&str> =
                dataset["id"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
            let name = dataset["extension"]["px"]["tableid"].as_str().unwrap();
            let mut said: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
            for (codes, value) in json_stat::cells(dataset) {
                let dims = ids.len() - 2;
                assert_eq!((ids[dims], codes[dims].as_str(), ids[dims + 1]), ("Tid", "2023", "ContentsCode"));
                let key: Vec<String> = ids[..dims]
                    .iter()
                    .zip(&codes)
                    .map(|(id, code)| if *id == "figure" { code.clone() } else { format!("{id}={code}") })
                    .collect();
                said.entry(key.join(";")).or_default().insert(codes[dims + 1].clone(), value);
            }
            for (key, said) in said {
                let number = |name: &str| said[name].as_f64().unwrap();
                let numbers = Numbers {
                    value: number("value"),
                    sd: number("sd"),
                    low: number("low"),
                    high: number("high"),
                    display: said["display"].as_f64(),
                };
                cells.insert((name.to_owned(), key), numbers);
            }
        }
        published.says(&cells);
    }
}

/// The page shows one decimal, and names instead of codes.
#[test]
fn the_page_says_the_same_in_both_languages() {
    let published = Published::new();
    let html = std::fs::read_to_string(published.path.join("index.html")).unwrap();
    let expected: Vec<Numbers> = {
        let cells = published.expected();
        let figures =
            published.csv("figures.csv").into_iter().map(|row| ("figure".to_owned(), row["name"].clone()));
        let tables =
            published.csv("tables.csv").into_iter().map(|row| (row["table"].clone(), row["key"].clone()));
        figures.chain(tables).map(|key| cells[&key]).collect()
    };
    for code in ["nb", "en"] {
        let shown = page::rows(&html, code);
        assert_eq!(shown.len(), expected.len(), "{code}");
        for (shown, expected) in shown.iter().zip(&expected) {
            let near = |a: f64, b: f64| (a - b).abs() <= 0.05 + 1e-9;
            let display = match (shown.display, expected.display) {
                (Some(a), Some(b)) => near(a, b),
                (a, b) => a == b,
            };
            assert!(display && near(shown.value, expected.value), "{shown:?} {expected:?}");
            assert!(
                near(shown.low, expected.low) && near(shown.high, expected.high),
                "{shown:?} {expected:?}"
            );
        }
    }
}
