//! Opens a delivery: nothing of it is believed before its seal, and no part before its hash.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use skjerm_warehouse::Delivery;

use super::manifest::{FORMAT, Holds, Manifest, Part};
use super::{DeliveryError, DeliveryProblem, MANIFEST, SEAL};
use crate::key::DeliveryKey;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 1 << 16;

/// A delivery whose seal fits.
pub(crate) struct Opened {
    folder: PathBuf,
    pub(crate) manifest: Manifest,
}

impl Opened {
    pub(crate) fn open(folder: &Path, key: &DeliveryKey) -> Result<Self, DeliveryError> {
        let manifest = manifest(folder, key);
        let manifest = manifest.map_err(|problem| DeliveryError { path: folder.to_owned(), problem })?;
        Ok(Self { folder: folder.to_owned(), manifest })
    }

    /// All parts, each checked as a whole, in the order of the manifest, with the place of its export.
    pub(crate) fn deliveries(&self) -> Result<Vec<(usize, Delivery)>, DeliveryError> {
        let read = || {
            self.no_others()?;
            let mut parts: Vec<&Part> = self.manifest.parts.iter().collect();
            // Within an export, what was taken back goes last: it wins over the row.
            parts.sort_by_key(|part| (part.file, matches!(part.holds, Holds::Withdrawn(_))));
            parts.into_iter().map(|part| self.part(part)).collect::<Result<_, DeliveryProblem>>()
        };
        read().map_err(|problem| DeliveryError { path: self.folder.clone(), problem })
    }

    fn no_others(&self) -> Result<(), DeliveryProblem> {
        let mut known: BTreeSet<&str> = self.manifest.parts.iter().map(|part| part.name.as_str()).collect();
        known.extend([MANIFEST, SEAL]);
        let mut others = 0;
        for entry in fs::read_dir(&self.folder)? {
            others += usize::from(!entry?.file_name().to_str().is_some_and(|name| known.contains(name)));
        }
        if others == 0 { Ok(()) } else { Err(DeliveryProblem::Foreign(others)) }
    }

    fn part(&self, part: &Part) -> Result<(usize, Delivery), DeliveryProblem> {
        let rows = || DeliveryProblem::Rows(part.name.clone());
        let file = self.manifest.files.get(part.file).ok_or_else(rows)?;
        // A name is one of this folder's.
        if Path::new(&part.name).file_name().is_none_or(|name| name != part.name.as_str()) {
            return Err(rows());
        }
        let content = match fs::read(self.folder.join(&part.name)) {
            Ok(content) => Bytes::from(content),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(DeliveryProblem::PartMissing(part.name.clone()));
            }
            Err(error) => return Err(error.into()),
        };
        if blake3::hash(&content).to_hex().as_str() != part.blake3 {
            return Err(DeliveryProblem::PartChanged(part.name.clone()));
        }
        let batch = decode(content).ok_or_else(rows)?;
        if u64::try_from(batch.num_rows()).ok() != Some(part.rows) {
            return Err(rows());
        }
        let mut delivery =
            Delivery { source: file.source.clone(), file: file.file.clone(), ..Delivery::default() };
        let column = |name: &str| -> Result<Vec<[u8; 16]>, DeliveryProblem> {
            let column = batch.column_by_name(name).and_then(|c| c.as_fixed_size_binary_opt());
            let values = column.ok_or_else(rows)?.iter().flatten();
            values.map(|value| value.try_into().map_err(|_| rows())).collect()
        };
        match &part.holds {
            Holds::Rows(table) => delivery.tables = BTreeMap::from([(table.clone(), batch)]),
            Holds::Withdrawn(table) => {
                delivery.withdrawn = BTreeMap::from([(table.clone(), column("record")?)]);
            }
            Holds::Links => delivery.links = column("client")?.into_iter().zip(column("person")?).collect(),
        }
        Ok((part.file, delivery))
    }
}

fn manifest(folder: &Path, key: &DeliveryKey) -> Result<Manifest, DeliveryProblem> {
    let read = |name: &str, missing| match fs::read(folder.join(name)) {
        Ok(bytes) => Ok(bytes),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Err(missing),
        Err(error) => Err(DeliveryProblem::Io(error)),
    };
    let text = read(MANIFEST, DeliveryProblem::NoManifest)?;
    let seal = read(SEAL, DeliveryProblem::NoSeal)?;
    let seal = str::from_utf8(&seal).ok().and_then(|hex| blake3::Hash::from_hex(hex.trim_end()).ok());
    // In constant time, as the type's comparison is.
    if seal.is_some_and(|seal| seal == key.mac(&text)) {
        let format = serde_json::from_slice::<Head>(&text).map_err(|_| DeliveryProblem::Changed)?;
        if format.format != FORMAT {
            return Err(DeliveryProblem::Format(format.format));
        }
        return serde_json::from_slice(&text).map_err(|_| DeliveryProblem::Changed);
    }
    // What it says of itself is good for a message, and for no more.
    let made = serde_json::from_slice::<Head>(&text).ok().map(|head| head.key.id);
    let is_id = |id: &String| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit());
    match made.filter(is_id).filter(|made| made != key.id()) {
        Some(made) => Err(DeliveryProblem::OtherKey { made, known: key.id().to_owned() }),
        None => Err(DeliveryProblem::Changed),
    }
}

/// What every format has.
#[derive(serde::Deserialize)]
struct Head {
    format: u32,
    key: HeadKey,
}

#[derive(serde::Deserialize)]
struct HeadKey {
    id: String,
}

fn decode(content: Bytes) -> Option<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(content).ok()?;
    let reader = reader.with_batch_size(BATCH_ROWS).build().ok()?;
    let schema = arrow::array::RecordBatchReader::schema(&reader);
    let batches = reader.collect::<Result<Vec<_>, _>>().ok()?;
    arrow::compute::concat_batches(&schema, &batches).ok()
}
