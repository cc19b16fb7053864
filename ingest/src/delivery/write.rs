//! Makes a delivery: part by part, then the manifest and its seal, then its name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::manifest::{FORMAT, FileEntry, Holds, KeyName, Manifest, Part};
use super::{DeliveryError, DeliveryProblem, MANIFEST, SEAL};
use crate::error::FileProblem;
use crate::file::Taker;
use crate::key::{DeliveryKey, Pseudonym};
use crate::rows::Link;

/// Rows after which another part is begun: what is read at a time stays small.
const PART_ROWS: u64 = 1 << 20;
/// Rows of a row group: what is held while it is written.
const GROUP_ROWS: usize = 1 << 17;
/// Deliveries under way within an installation.
const INCOMING: &str = "incoming-";

/// A delivery while it is made. It is gone when it is dropped before it got its name.
pub(crate) struct Writer {
    folder: PathBuf,
    id: String,
    /// Held for as long as it is under way, so that it is not taken for a leftover.
    lock: Option<File>,
    /// Whether parts must be on the disk before the delivery gets its name.
    is_durable: bool,
}

impl Writer {
    /// A delivery beside the place it is to have.
    pub(crate) fn beside(target: &Path) -> Result<Self, DeliveryError> {
        let id = random_id().map_err(failed(target))?;
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", &id[..8]));
        Self::make(target.with_file_name(name), id, true).map_err(failed(target))
    }

    /// A delivery that is read and removed within this call.
    pub(crate) fn within(installation: &Path) -> Result<Self, DeliveryError> {
        let id = random_id().map_err(failed(installation))?;
        let folder = installation.join(format!("{INCOMING}{}", &id[..16]));
        Self::make(folder.clone(), id, false).map_err(failed(&folder))
    }

    fn make(folder: PathBuf, id: String, is_durable: bool) -> io::Result<Self> {
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let lock = File::open(&folder)?;
        lock.lock()?;
        Ok(Self { folder, id, lock: Some(lock), is_durable })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A place for the rows of one export.
    pub(crate) fn file(&self, number: usize) -> FileParts<'_> {
        FileParts {
            writer: self,
            number,
            serial: 0,
            open: BTreeMap::new(),
            done: Vec::new(),
            schema: BTreeMap::new(),
        }
    }

    /// Writes the manifest and seals it.
    pub(crate) fn seal(
        &self,
        key: &DeliveryKey,
        files: Vec<FileEntry>,
        parts: Vec<FileDone>,
    ) -> Result<Manifest, DeliveryError> {
        let days = files.iter().filter_map(|file| file.quality.period);
        let period = days.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let mut manifest = Manifest {
            format: FORMAT,
            id: self.id.clone(),
            made: jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string(),
            key: KeyName { id: key.id().to_owned(), epoch: key.epoch() },
            period,
            schema: BTreeMap::new(),
            files,
            parts: Vec::new(),
        };
        for file in parts {
            manifest.schema.extend(file.schema);
            manifest.parts.extend(file.parts);
        }
        let written = || -> io::Result<()> {
            let mut text = serde_json::to_vec_pretty(&manifest)?;
            text.push(b'\n');
            self.write(MANIFEST, &text)?;
            self.write(SEAL, format!("{}\n", key.mac(&text).to_hex()).as_bytes())
        };
        written().map_err(failed(&self.folder))?;
        Ok(manifest)
    }

    /// Gives the delivery its name. From then on it is whole.
    pub(crate) fn name(mut self, target: &Path) -> Result<(), DeliveryError> {
        let renamed = || {
            // A folder would be put in the place of an empty one.
            if fs::symlink_metadata(target).is_ok() {
                return Err(DeliveryProblem::Exists);
            }
            File::open(&self.folder)?.sync_all()?;
            fs::rename(&self.folder, target)?;
            let above = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Ok(File::open(above)?.sync_all()?)
        };
        renamed().map_err(|problem| DeliveryError { path: target.to_owned(), problem })?;
        self.lock = None;
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create_new(self.folder.join(name))?;
        file.write_all(bytes)?;
        if self.is_durable { file.sync_all() } else { Ok(()) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.lock.is_some()
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(%error, "a delivery under way is left behind; the next ingest removes it");
        }
    }
}

/// Removes deliveries of calls that were cut short.
pub(crate) fn remove_leftovers(installation: &Path) -> io::Result<()> {
    for entry in fs::read_dir(installation)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(INCOMING) || !entry.file_type()?.is_dir() {
            continue;
        }
        // Whoever is at work on it holds it, or has removed it meanwhile.
        let Ok(folder) = File::open(entry.path()) else { continue };
        if folder.try_lock().is_ok() {
            match fs::remove_dir_all(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The parts of one export, while they are written.
pub(crate) struct FileParts<'w> {
    writer: &'w Writer,
    number: usize,
    serial: usize,
    open: BTreeMap<String, Open>,
    done: Vec<Part>,
    schema: BTreeMap<String, Vec<(String, String)>>,
}

/// The parts of one export.
pub(crate) struct FileDone {
    parts: Vec<Part>,
    schema: BTreeMap<String, Vec<(String, String)>>,
}

struct Open {
    part: Part,
    writer: ArrowWriter<Hashed>,
}

impl FileParts<'_> {
    /// Ends all parts, and adds one with the links.
    pub(crate) fn finish(mut self, links: &[Link]) -> Result<FileDone, FileProblem> {
        if !links.is_empty() {
            let columns: [(&str, Vec<u8>); 2] = [
                ("client", links.iter().flat_map(|link| link.client).collect()),
                ("person", links.iter().flat_map(|link| link.person).collect()),
            ];
            let rows = pseudonyms(columns).map_err(FileProblem::Io)?;
            self.write(Holds::Links, "links", &rows)?;
        }
        for (_, open) in std::mem::take(&mut self.open) {
            self.close(open)?;
        }
        // In the order they were begun, since later rows replace earlier ones.
        self.done.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(FileDone { parts: self.done, schema: self.schema })
    }

    fn write(&mut self, holds: Holds, what: &str, rows: &RecordBatch) -> Result<(), FileProblem> {
        let open = match self.open.remove(what) {
            Some(open) => Ok(open),
            None => self.begin(holds, what, rows),
        };
        let mut open = open.map_err(io_problem)?;
        open.writer.write(rows).map_err(io_problem)?;
        open.part.rows += u64::try_from(rows.num_rows()).unwrap_or_default();
        if open.part.rows >= PART_ROWS {
            return self.close(open);
        }
        self.open.insert(what.to_owned(), open);
        Ok(())
    }

    fn begin(&mut self, holds: Holds, what: &str, rows: &RecordBatch) -> Result<Open, ParquetError> {
        self.serial += 1;
        let name = format!("{:04}-{:05}-{what}.parquet", self.number + 1, self.serial);
        let file = File::create_new(self.writer.folder.join(&name))?;
        let file = Hashed { file: BufWriter::new(file), hasher: blake3::Hasher::new(), bytes: 0 };
        let options = ArrowWriterOptions::new()
            .with_properties(properties(&rows.schema())?)
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, rows.schema(), options)?;
        let part = Part { name, file: self.number, holds, rows: 0, bytes: 0, blake3: String::new() };
        Ok(Open { part, writer })
    }

    fn close(&mut self, open: Open) -> Result<(), FileProblem> {
        let Open { mut part, writer } = open;
        let mut hashed = writer.into_inner().map_err(io_problem)?;
        hashed.flush().map_err(FileProblem::Io)?;
        if self.writer.is_durable {
            hashed.file.get_ref().sync_all().map_err(FileProblem::Io)?;
        }
        part.bytes = hashed.bytes;
        part.blake3 = hashed.hasher.finalize().to_hex().to_string();
        self.done.push(part);
        Ok(())
    }
}

impl Taker for FileParts<'_> {
    fn rows(&mut self, table: &str, rows: &RecordBatch) -> Result<(), FileProblem> {
        if !self.schema.contains_key(table) {
            let schema = rows.schema();
            let columns = schema.fields().iter().map(|f| (f.name().clone(), type_name(f.data_type())));
            self.schema.insert(table.to_owned(), columns.collect());
        }
        self.write(Holds::Rows(table.to_owned()), table, rows)
    }

    fn withdrawn(&mut self, table: &str, records: &[Pseudonym]) -> Result<(), FileProblem> {
        let rows = pseudonyms([("record", records.concat())]).map_err(FileProblem::Io)?;
        self.write(Holds::Withdrawn(table.to_owned()), &format!("withdrawn-{table}"), &rows)
    }
}

/// A type as the manifest names it.
fn type_name(of: &DataType) -> String {
    match of {
        DataType::Dictionary(..) => "code".to_owned(),
        DataType::FixedSizeBinary(_) => "pseudonym".to_owned(),
        DataType::Date32 => "date".to_owned(),
        _ => "integer".to_owned(),
    }
}

fn pseudonyms<const N: usize>(columns: [(&str, Vec<u8>); N]) -> io::Result<RecordBatch> {
    let size = i32::try_from(size_of::<Pseudonym>()).unwrap_or_default();
    let fields = columns.iter().map(|(name, _)| Field::new(*name, DataType::FixedSizeBinary(size), false));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, bytes)| {
        let array = FixedSizeBinaryArray::try_new(size, Buffer::from_vec(bytes), None)?;
        Ok(Arc::new(array) as ArrayRef)
    });
    let arrays = arrays.collect::<Result<Vec<_>, arrow::error::ArrowError>>();
    arrays.and_then(|arrays| RecordBatch::try_new(schema, arrays)).map_err(io::Error::other)
}

/// Codes in dictionaries, numbers and dates compressed; pseudonyms as they are, since nothing makes random bytes smaller.
fn properties(schema: &Schema) -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by("skjerm".to_owned());
    for field in schema.fields() {
        if matches!(field.data_type(), DataType::FixedSizeBinary(_)) {
            let column = ColumnPath::from(field.name().as_str());
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column.clone(), Encoding::PLAIN)
                .set_column_compression(column, Compression::UNCOMPRESSED);
        }
    }
    Ok(properties.build())
}

fn io_problem(error: ParquetError) -> FileProblem {
    FileProblem::Delivery(io::Error::other(error))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> DeliveryError {
    |error| DeliveryError { path: path.to_owned(), problem: DeliveryProblem::Io(error) }
}

fn random_id() -> io::Result<String> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|_| io::Error::other("the operating system gives no random numbers"))?;
    Ok(format!("{:032x}", u128::from_be_bytes(id)))
}

/// A file whose bytes are hashed while they are written.
struct Hashed {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += u64::try_from(written).unwrap_or_default();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
