//! What was last seen of the book, beside it: a book that is older was copied back or cut off.
//!
//! The file holds two lines of fixed length, `NUMBER HASH MAC`, written in turn after every commit, so that
//! a torn write leaves the other one. It is not forced to the disk: after a power cut it may be behind the
//! book, which says nothing against the book. It is never ahead of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::LedgerError;
use crate::chain::{Head, LedgerKey, hex, unhex};

/// Number (20 digits), hash and MAC (64 hexadecimal digits each), two spaces and the line's end.
const LINE: usize = 20 + 1 + 64 + 1 + 64 + 1;

/// The witness file of a book.
#[derive(Debug)]
pub(crate) struct Witness {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

/// Where the witness of a book is.
pub(crate) fn path_beside(book: &Path) -> PathBuf {
    book.with_extension("head")
}

impl Witness {
    pub(crate) fn beside(book: &Path) -> Self {
        Self { path: path_beside(book), file: Mutex::new(None) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The last head that was noted. `None` if there is no file, or nothing readable in it.
    pub(crate) fn last(&self, key: &LedgerKey) -> Result<Option<Head>, LedgerError> {
        let mut bytes = Vec::new();
        match File::open(&self.path).and_then(|mut file| file.read_to_end(&mut bytes)) {
            Ok(_) => Ok(bytes.chunks(LINE).filter_map(|line| parse(line, key)).max_by_key(|head| head.seq)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err(LedgerError::CannotOpen { path: self.path.clone() }),
        }
    }

    /// Notes a head. Where it cannot be noted, an older copy of the book would go unnoticed: the caller must not
    /// go on as if nothing had happened.
    pub(crate) fn note(&self, head: &Head, key: &LedgerKey) -> Result<(), LedgerError> {
        self.try_note(head, key).map_err(|error| {
            tracing::error!(%error, "the head of the ledger could not be noted");
            LedgerError::NotNoted { path: self.path.clone() }
        })
    }

    /// Whether it can be written, before anything is charged.
    pub(crate) fn check_writable(&self) -> Result<(), LedgerError> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            let file = open(&self.path).map_err(|_| LedgerError::ReadOnly { path: self.path.clone() })?;
            *slot = Some(file);
        }
        Ok(())
    }

    /// As if the file could only be read from now on.
    #[cfg(test)]
    pub(crate) fn hold_read_only(&self) {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(File::open(&self.path).unwrap());
    }

    /// Forces what was noted to the disk: once, when the file is made. Later notes go over it.
    pub(crate) fn keep(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        match self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Notes this head in the place of all that was noted, for a book that is taken into use in spite of it.
    pub(crate) fn replace(&self, head: &Head, key: &LedgerKey) -> io::Result<()> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = None;
        let new = self.path.with_extension("head-new");
        let mut file = open(&new)?;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(head.seq % 2 * LINE as u64))?;
        file.write_all(&format(head, key))?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        drop(slot);
        self.keep()
    }

    fn try_note(&self, head: &Head, key: &LedgerKey) -> io::Result<()> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *slot {
            Some(file) => file,
            none => none.insert(open(&self.path)?),
        };
        // Who comes late, in this process or another, must not write over what was noted since.
        file.lock()?;
        let noted = later(file, head, key).and_then(|later| {
            if !later {
                file.seek(SeekFrom::Start(head.seq % 2 * LINE as u64))?;
                file.write_all(&format(head, key))?;
            }
            Ok(())
        });
        file.unlock()?;
        noted
    }
}

/// Whether a later head than this one is noted already.
fn later(file: &mut File, head: &Head, key: &LedgerKey) -> io::Result<bool> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes.chunks(LINE).filter_map(|line| parse(line, key)).any(|noted| noted.seq > head.seq))
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn format(head: &Head, key: &LedgerKey) -> Vec<u8> {
    let mut line = format!("{:020} {}", head.seq, hex(&head.hash));
    let mac = hex(&key.witness_mac(line.as_bytes()));
    line.push(' ');
    line.push_str(&mac);
    line.push('\n');
    line.into_bytes()
}

fn parse(line: &[u8], key: &LedgerKey) -> Option<Head> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (content, mac) = text.rsplit_once(' ')?;
    let (seq, hash) = content.split_once(' ')?;
    let authentic = unhex(mac)? == key.witness_mac(content.as_bytes());
    authentic.then_some(Head { seq: seq.parse().ok()?, hash: unhex(hash)? })
}
