//! Files, and the files in folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{FileError, FileProblem};
use crate::read;

/// The files that are meant, each with its source: a folder means every file in it and in its folders, in the order of
/// their names, but for hidden ones and the locks that office programs leave (`~$…`). Whatever else is there and is no
/// export is refused when it is read: nothing is passed over in silence.
pub(crate) fn files(given: &[(String, PathBuf)]) -> Vec<(&str, Result<PathBuf, FileError>)> {
    let mut found = Vec::new();
    for (source, path) in given {
        if !path.is_dir() {
            found.push((source.as_str(), Ok(path.clone())));
            continue;
        }
        let mut below = Vec::new();
        let refused = |problem| FileError::new(path, problem);
        match add(path, &mut below) {
            Err(error) => found.push((source, Err(refused(read::problem(error))))),
            Ok(()) if below.is_empty() => found.push((source, Err(refused(FileProblem::EmptyFolder)))),
            Ok(()) => {
                below.sort();
                found.extend(below.into_iter().map(|path| (source.as_str(), Ok(path))));
            }
        }
    }
    found
}

fn add(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.starts_with("~$") {
            continue;
        }
        if entry.file_type()?.is_dir() { add(&entry.path(), found)? } else { found.push(entry.path()) }
    }
    Ok(())
}
