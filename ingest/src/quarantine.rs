//! Rows that cannot be used: where they are and why, never what they say.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::IngestError;
use crate::reason::Reason;
use crate::report::IngestReport;

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineLine {
    /// Base name of the file.
    pub file: String,
    /// Line of a text or row of a sheet, from 1.
    pub line: u64,
    /// The column, as the mapping spells its header first; empty when the line as a whole is the matter.
    pub column: String,
    /// What is wrong.
    pub reason: Reason,
}

/// Writes a file's quarantine: `;` and a byte-order mark, as the offices' spreadsheets expect. A file without such
/// rows leaves none behind, also not an earlier one.
pub(crate) fn write(
    folder: &Path,
    source: &str,
    path: &Path,
    lines: impl Iterator<Item = QuarantineLine>,
) -> Result<(), IngestError> {
    let target = folder.join(name(source, path));
    let failed = |source: io::Error| IngestError::Quarantine { path: target.clone(), source };
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return match fs::remove_file(&target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        };
    }
    let mut text = csv::WriterBuilder::new().delimiter(b';').from_writer(b"\xef\xbb\xbf".to_vec());
    let written = text.write_record(["file", "line", "column", "reason", "what to do"]).and_then(|()| {
        lines.try_for_each(|l| {
            text.write_record([&l.file, &l.line.to_string(), &l.column, l.reason.code(), l.reason.advice()])
        })
    });
    written.map_err(|e| failed(e.into()))?;
    let bytes = text.into_inner().map_err(|e| failed(io::Error::other(e.to_string())))?;
    replace(&target, &bytes).map_err(failed)
}

/// Writes the last report beside the quarantine files, for programs and as a page.
pub(crate) fn write_summary(folder: &Path, report: &IngestReport) -> Result<(), IngestError> {
    let target = folder.join("last_report.json");
    let failed = |source: io::Error| IngestError::Quarantine { path: target.clone(), source };
    let mut bytes = serde_json::to_vec_pretty(report).map_err(|e| failed(e.into()))?;
    bytes.push(b'\n');
    replace(&target, &bytes).map_err(failed)?;
    let target = folder.join("last_report.html");
    let failed = |source: io::Error| IngestError::Quarantine { path: target.clone(), source };
    let page = report.page().map_err(|error| failed(io::Error::other(error.to_string())))?;
    replace(&target, page.as_bytes()).map_err(failed)
}

/// The same for the same file, different for files of one name in two folders.
fn name(source: &str, path: &Path) -> PathBuf {
    let stem = crate::run::masked(&path.file_stem().unwrap_or_default().to_string_lossy());
    let plain: String = stem
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
        .take(80)
        .collect();
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let hash = blake3::hash(whole.as_os_str().as_encoded_bytes()).to_hex();
    PathBuf::from(format!("{source}-{plain}-{}.csv", &hash[..8]))
}

fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let part = target.with_file_name(name);
    let mut file = fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, target)
}
