//! Which processes are at work: each holds a lock on a file of its own while it lives. The lock goes with
//! the process, however it dies, so that what it left open can be told from what is being worked on.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The lock of this process (of one open ledger, to be exact).
#[derive(Debug)]
pub(crate) struct Holder {
    name: String,
    path: PathBuf,
    /// Locked until it is dropped.
    _file: File,
}

/// Where the locks of a book are.
pub(crate) fn folder_beside(book: &Path) -> PathBuf {
    book.with_extension("holders")
}

impl Holder {
    /// Takes a lock of a new name.
    pub(crate) fn take(folder: &Path) -> io::Result<Self> {
        make_private(folder)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| io::Error::other("no random numbers"))?;
        let name = crate::chain::hex(&random);
        // Visible to others only when it is locked.
        let (hidden, path) = (folder.join(format!(".{name}")), folder.join(&name));
        let file = File::create_new(&hidden)?;
        file.lock()?;
        fs::rename(&hidden, &path)?;
        Ok(Self { name, path, _file: file })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // A file that stays is not locked any more, which says the same.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the holder of that name lives.
pub(crate) fn is_held(folder: &Path, name: &str) -> bool {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return false;
    }
    match File::open(folder.join(name)) {
        // Shared, so that two who look at the same moment do not take each other for the holder.
        Ok(file) => !matches!(file.try_lock_shared(), Ok(()) | Err(TryLockError::Error(_))),
        // Too many open files say nothing about the holder; how long work may take is bounded anyway.
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Removes what dead holders left.
pub(crate) fn clear(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|name| !name.starts_with('.') && !is_held(folder, name)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
