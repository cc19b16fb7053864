//! Where the values of a file's columns are.
//!
//! A file's name holds the hash of its content, so that what was once found out about its columns stays true: it is kept, and a
//! file that is read again needs no second look at its footer and at the headers of its pages.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, buf::Reader};
use datafusion::parquet::basic::{Compression, Encoding, Type};
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use skjerm_warehouse::DataFile;

use super::error::RunError;

/// So many columns of files are kept, some hundred bytes each; then it is begun anew.
const MOST: usize = 1 << 17;

/// A column of a file, page by page.
pub(super) struct Layout {
    pub(super) of: Type,
    /// Bytes of a value; none where its length stands before it.
    pub(super) width: Option<usize>,
    pub(super) rows: usize,
    pub(super) pages: Box<[PageAt]>,
}

/// A page of a column.
pub(super) struct PageAt {
    pub(super) kind: Kind,
    /// How many values, those that are missing among them.
    pub(super) number: usize,
    /// Which of its bytes say what is missing; none where nothing can be.
    pub(super) levels: Option<Range<usize>>,
    /// Where its values begin behind that.
    pub(super) values: usize,
    /// Where it is in the file, without its header.
    pub(super) start: u64,
    pub(super) length: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Dictionary,
    Plain,
    /// Places in the dictionary before it.
    Places,
}

impl Layout {
    /// Of a column, which `parts` hold all of, in a file of so many bytes.
    pub(super) fn of(
        metadata: &ParquetMetaData,
        column: usize,
        parts: &[Part],
        bytes: u64,
    ) -> Result<Self, RunError> {
        let about = metadata.file_metadata().schema_descr().column(column);
        if about.max_def_level() > 1 || about.max_rep_level() > 0 {
            return Err(RunError::Layout);
        }
        let width = match about.physical_type() {
            Type::INT32 => Some(4),
            Type::INT64 => Some(8),
            Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(about.type_length()).ok(),
            Type::BYTE_ARRAY => None,
            Type::BOOLEAN | Type::INT96 | Type::FLOAT | Type::DOUBLE => return Err(RunError::Layout),
        };
        let (mut rows, mut pages) = (0, Vec::new());
        for group in metadata.row_groups() {
            let chunk = group.column(column);
            let before = pages.len();
            pages_of(chunk, about.max_def_level() == 1, parts, &mut pages)?;
            let of_chunk: usize =
                pages[before..].iter().filter(|p| p.kind != Kind::Dictionary).map(|p| p.number).sum();
            if usize::try_from(chunk.num_values()) != Ok(of_chunk) {
                return Err(RunError::Layout);
            }
            rows += of_chunk;
        }
        // A row has a key that no other has. What a damaged file may say beyond that must not be made room for.
        if rows as u64 > bytes {
            return Err(RunError::Layout);
        }
        Ok(Self { of: about.physical_type(), width, rows, pages: pages.into() })
    }

    /// Where its bytes are in the file.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.pages.iter().map(|page| page.start..page.start + page.length as u64)
    }
}

fn pages_of(
    chunk: &ColumnChunkMetaData,
    can_miss: bool,
    parts: &[Part],
    pages: &mut Vec<PageAt>,
) -> Result<(), RunError> {
    if chunk.compression() != Compression::UNCOMPRESSED {
        return Err(RunError::Layout);
    }
    let rows = usize::try_from(chunk.num_values()).map_err(|_| RunError::Layout)?;
    let part = part_at(parts, |part| part.start, chunk.byte_range().0).ok_or(RunError::Layout)?;
    let watched = Arc::new(Watched { part: part.clone(), asked: Mutex::default() });
    let mut reader = SerializedPageReader::new(Arc::clone(&watched), chunk, rows, None)?;
    let mut has_dictionary = false;
    while let Some(page) = reader.get_next_page()? {
        let asked = watched.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (start, length) = asked.ok_or(RunError::Layout)?;
        let (encoding, number, levels) = match &page {
            Page::DictionaryPage { num_values, .. } => {
                let number = *num_values as usize;
                let kind = Kind::Dictionary;
                has_dictionary = true;
                pages.push(PageAt { kind, number, levels: None, values: 0, start, length });
                continue;
            }
            Page::DataPage { buf, num_values, encoding, .. } => {
                let length = || buf.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize);
                let levels = can_miss.then(|| Some(4..4 + length()?));
                (*encoding, *num_values, levels.map(|levels| levels.ok_or(RunError::Layout)).transpose()?)
            }
            Page::DataPageV2 { num_values, encoding, def_levels_byte_len, .. } => {
                let length = *def_levels_byte_len as usize;
                if length > 0 && !can_miss {
                    return Err(RunError::Layout);
                }
                (*encoding, *num_values, can_miss.then_some(0..length))
            }
        };
        let kind = match encoding {
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY if has_dictionary => Kind::Places,
            Encoding::PLAIN => Kind::Plain,
            _ => return Err(RunError::Layout),
        };
        let values = levels.as_ref().map_or(0, |levels| levels.end);
        if values > length {
            return Err(RunError::Layout);
        }
        pages.push(PageAt { kind, number: number as usize, levels, values, start, length });
    }
    Ok(())
}

/// A part of a file, addressed as the file is.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) bytes: Bytes,
}

/// The same, lent.
#[derive(Clone, Copy)]
pub(super) struct View<'b> {
    pub(super) start: u64,
    pub(super) bytes: &'b [u8],
}

impl Part {
    pub(super) fn view(&self) -> View<'_> {
        View { start: self.start, bytes: &self.bytes }
    }
}

impl<'b> View<'b> {
    /// What is there of it from a place in the file on.
    fn from(self, start: u64) -> Option<&'b [u8]> {
        self.bytes.get(usize::try_from(start.checked_sub(self.start)?).ok()?..)
    }
}

/// Which part holds a place in the file, of some that begin at these, in their order.
fn part_at<T>(parts: &[T], start: impl Fn(&T) -> u64, at: u64) -> Option<&T> {
    parts.get(parts.partition_point(|part| start(part) <= at).checked_sub(1)?)
}

/// The bytes of a page.
pub(super) fn bytes_of<'p>(parts: &[View<'p>], page: &PageAt) -> Option<&'p [u8]> {
    part_at(parts, |part| part.start, page.start)?.from(page.start)?.get(..page.length)
}

/// A part that remembers which bytes were asked for last: those of a page, behind its header.
struct Watched {
    part: Part,
    asked: Mutex<Option<(u64, usize)>>,
}

fn outside() -> ParquetError {
    ParquetError::EOF("outside of what was read".into())
}

impl Length for Watched {
    fn len(&self) -> u64 {
        self.part.start + self.part.bytes.len() as u64
    }
}

impl ChunkReader for Watched {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let from = self.part.view().from(start).ok_or_else(outside)?;
        Ok(self.part.bytes.slice_ref(from).reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.part.view().from(start).and_then(|from| from.get(..length)).ok_or_else(outside)?;
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some((start, length));
        Ok(self.part.bytes.slice_ref(bytes))
    }
}

/// What is known of files that were read.
///
/// # Privacy
/// Places of pages, and how many rows they have: nothing of what is in them. No answer depends on what is known here, only
/// how soon it comes, like on what the operating system holds of the files.
#[derive(Default)]
pub(crate) struct Layouts(Mutex<Known>);

/// The layouts of some columns, by name.
type Columns = Vec<(Arc<str>, Arc<Layout>)>;

#[derive(Default)]
struct Known {
    /// By path: as text, whose parts need not be told apart.
    files: HashMap<OsString, Columns>,
    columns: usize,
}

impl Known {
    fn of(&self, file: &Path, columns: &[Arc<str>]) -> Option<Vec<Arc<Layout>>> {
        let of_file = self.files.get(file.as_os_str())?;
        let of = |column: &Arc<str>| of_file.iter().find(|(name, _)| name == column);
        columns.iter().map(|column| of(column).map(|(_, layout)| Arc::clone(layout))).collect()
    }
}

impl std::fmt::Debug for Layouts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Layouts")
    }
}

impl Layouts {
    /// The layouts of these columns of a file, if all are known.
    pub(super) fn of(&self, file: &Path, columns: &[Arc<str>]) -> Option<Vec<Arc<Layout>>> {
        self.known().of(file, columns)
    }

    /// The same of several files.
    pub(super) fn of_files(&self, files: &[DataFile], columns: &[Arc<str>]) -> Vec<Option<Vec<Arc<Layout>>>> {
        let known = self.known();
        files.iter().map(|file| known.of(&file.path, columns)).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all columns of a file.
    pub(super) fn forget(&self, file: &Path) {
        let mut known = self.known();
        if let Some(of_file) = known.files.remove(file.as_os_str()) {
            known.columns -= of_file.len();
        }
    }

    /// Keeps them.
    pub(super) fn keep(&self, file: &Path, columns: &[Arc<str>], layouts: &[Arc<Layout>]) {
        let mut known = self.known();
        if known.columns + columns.len() > MOST {
            *known = Known::default();
        }
        let Known { files, columns: number } = &mut *known;
        let of_file = files.entry(file.into()).or_default();
        for (column, layout) in columns.iter().zip(layouts) {
            if of_file.iter().all(|(name, _)| name != column) {
                of_file.push((Arc::clone(column), Arc::clone(layout)));
                *number += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_by_file_and_name_and_not_without_end() {
        let layouts = Layouts::default();
        let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Vec<Arc<str>>>();
        let layout = |rows| Arc::new(Layout { of: Type::INT64, width: Some(8), rows, pages: Box::default() });
        let rows = |file: &str, of: &[&str]| {
            let known = layouts.of(Path::new(file), &names(of));
            known.map(|known| known.iter().map(|layout| layout.rows).collect::<Vec<_>>())
        };
        layouts.keep(Path::new("a"), &names(&["person", "minutes"]), &[layout(1), layout(2)]);
        layouts.keep(Path::new("a"), &names(&["person", "month"]), &[layout(1), layout(3)]);
        assert_eq!(rows("a", &["month", "person", "minutes"]), Some(vec![3, 1, 2]));
        assert_eq!((rows("a", &["person", "district"]), rows("b", &["person"])), (None, None));
        let know = |file: &str, of: &[&str]| rows(file, of).is_some();
        assert!(know("a", &["month"]) && !know("a", &["month", "day"]));
        layouts.keep(Path::new("b"), &names(&["person", "month"]), &[layout(1), layout(3)]);
        layouts.forget(Path::new("b"));
        assert!(!know("b", &["person"]) && know("a", &["person"]));
        for file in 0..MOST {
            layouts.keep(Path::new(&file.to_string()), &names(&["person"]), &[layout(4)]);
        }
        assert_eq!(rows("a", &["person"]), None);
        assert_eq!(rows(&(MOST - 1).to_string(), &["person"]), Some(vec![4]));
        let known = layouts.0.lock().expect("not poisoned");
        assert!(known.columns <= MOST && known.columns == known.files.values().map(Vec::len).sum::<usize>());
    }
}
