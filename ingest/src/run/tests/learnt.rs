//! What a source learns between two deliveries: somebody's number, and that a row was none.

use super::whole::Whole;
use super::*;

/// The mapping of SOMA, whose status column is where these rows have the nickname.
fn with_status(whole: &Whole) {
    let mapping = include_str!("../../../mappings/soma.toml").replacen("\"Kallenavn\", ", "", 1);
    let mapping = mapping.replacen("\"Registreringsstatus\"", "\"Kallenavn\"", 1);
    let folder = whole.bench.installation.root().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("soma.toml"), mapping).unwrap();
}

async fn ingest(whole: &Whole, name: &str, rows: &[SomaRow]) -> IngestReport {
    let export = whole.bench.write(name, &windows_1252(&soma_text(rows)));
    whole.ingest(&[("soma", &export)], false, &Silent).await.unwrap()
}

/// Persons with rows in the snapshot, by how many rows each has.
async fn persons(whole: &Whole) -> Vec<usize> {
    let snapshot = whole.warehouse.snapshot().await.unwrap();
    let mut rows = BTreeMap::<Vec<u8>, usize>::new();
    for file in snapshot.tables["contact"].files.iter() {
        let file = std::fs::File::open(&file.path).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let person = batch.column_by_name("person").unwrap();
            let person = arrow::compute::cast(person, &arrow::datatypes::DataType::Binary).unwrap();
            for value in person.as_binary::<i32>().iter().flatten() {
                *rows.entry(value.to_vec()).or_default() += 1;
            }
        }
    }
    let mut counts: Vec<usize> = rows.into_values().collect();
    counts.sort_unstable();
    counts
}

#[tokio::test]
async fn a_number_learnt_later_links_the_old_client_number() {
    let whole = Whole::new();
    let nameless = |n: u32| SomaRow::new(n).nickname();
    let first = [nameless(1), nameless(2), nameless(3).with("Klientnr", "K18")];
    ingest(&whole, "mai.csv", &first).await;
    assert_eq!(persons(&whole).await, [1, 2]);
    // K17 turns out to be somebody with a number; what came before is theirs.
    let report = ingest(&whole, "juni.csv", &[SomaRow::new(4), nameless(5)]).await;
    let quality = &report.deliveries[0].quality;
    assert_eq!(
        (quality.known_clients, quality.linked_clients, quality.contradicted_clients),
        (1, Some(1), Some(0))
    );
    assert_eq!(
        quality.link_levels,
        BTreeMap::from([("client".to_owned(), 1), ("national_id".to_owned(), 1)])
    );
    assert_eq!(persons(&whole).await, [1, 4]);
    // The old delivery again, and a later row under the client number alone.
    let snapshot = whole.warehouse.snapshot().await.unwrap().id;
    ingest(&whole, "mai.csv", &first).await;
    assert_eq!(whole.warehouse.snapshot().await.unwrap().id, snapshot);
    ingest(&whole, "juli.csv", &[nameless(6)]).await;
    assert_eq!(persons(&whole).await, [1, 5]);
}

#[tokio::test]
async fn two_numbers_of_one_client_number_are_reported_and_link_nobody() {
    let whole = Whole::new();
    let another = crate::identity::make_synthetic(date(2007, 1, 1), 700).unwrap().to_text();
    let report = ingest(
        &whole,
        "juni.csv",
        &[SomaRow::new(1).nickname(), SomaRow::new(2), SomaRow::new(3).with("Fødselsnummer", &another)],
    )
    .await;
    let quality = &report.deliveries[0].quality;
    assert_eq!((quality.linked_clients, quality.contradicted_clients), (Some(0), Some(1)));
    assert_eq!(persons(&whole).await, [1, 1, 1]);
}

#[tokio::test]
async fn a_withdrawn_row_goes_and_a_corrected_one_replaces() {
    let whole = Whole::new();
    with_status(&whole);
    let row = |n: u32| SomaRow::new(n).with("Kallenavn", "Aktiv");
    ingest(&whole, "mai.csv", &[row(1), row(2), row(3)]).await;
    let gone = row(2).with("Kallenavn", "Slettet").with("Fødselsdato", "").with("Dato", "tull");
    let corrected = row(3).with("Dato", "16.06.2023");
    let unclear = row(1).with("Kallenavn", "Kanskje");
    let report = ingest(&whole, "juni.csv", &[gone.clone(), corrected, unclear]).await;
    assert_eq!((report.read, report.loaded, report.replaced, report.quarantined), (3, 0, 2, 1));
    let delivery = &report.deliveries[0];
    assert_eq!(
        (delivery.quality.withdrawn, &delivery.quality.refused[0].column),
        (1, &"Kallenavn".to_owned())
    );
    assert_eq!(persons(&whole).await, [2]);
    // Taken back once more, nothing changes; within one file the withdrawal wins.
    let snapshot = whole.warehouse.snapshot().await.unwrap().id;
    ingest(&whole, "juli.csv", std::slice::from_ref(&gone)).await;
    assert_eq!(whole.warehouse.snapshot().await.unwrap().id, snapshot);
    let report = ingest(&whole, "juli.csv", &[gone, row(2)]).await;
    assert_eq!((report.read, report.loaded + report.replaced), (2, 2));
    assert_eq!(persons(&whole).await, [2]);
    // Without a number nobody knows which row is meant.
    let report =
        ingest(&whole, "juli.csv", &[row(0).with("Registreringsnr", "").with("Kallenavn", "Trukket")]).await;
    assert_eq!(report.deliveries[0].reasons["missing_value"], 1);
}

#[tokio::test]
async fn rows_of_one_record_in_a_call_are_duplicates() {
    let whole = Whole::new();
    let report = ingest(&whole, "mai.csv", &[SomaRow::new(1), SomaRow::new(1), SomaRow::new(2)]).await;
    assert_eq!((report.loaded, report.replaced), (2, 1));
    assert_eq!(report.deliveries[0].quality.duplicates, Some(1));
}

#[tokio::test]
async fn two_ingests_at_once_both_succeed() {
    let whole = Whole::new();
    let rows = |from: u32| (from..from + 30).map(SomaRow::new).collect::<Vec<_>>();
    let (first, second) = (rows(0), rows(20));
    let (one, two) = tokio::join!(ingest(&whole, "a.csv", &first), ingest(&whole, "b.csv", &second));
    assert_eq!(one.loaded + two.loaded, 50);
    assert_eq!(one.replaced + two.replaced, 10);
    assert_eq!(persons(&whole).await, [50]);
}
