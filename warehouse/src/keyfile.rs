//! Key files: one secret of 256 bits with an id and an epoch, readable by its owner alone.
//!
//! The format knows nothing of what a key is for; the types around it do. A file is TOML:
//!
//! ```toml
//! id = "1f0c9a52e7d4b861"
//! epoch = 1
//! created = "2025-01-31T12:00:00Z"
//! secret = "…64 hexadecimal digits…"
//! ```
//!
//! A key that was rotated has its later epochs below, oldest first, each with a secret of its own:
//!
//! ```toml
//! [[rotation]]
//! id = "c0b7115d9e02f3aa"
//! epoch = 2
//! created = "2026-01-31T12:00:00Z"
//! secret = "…"
//! ```
//!
//! The id is drawn at random and says nothing about the secret. The same text may come from a command instead of the file, see
//! the module `keycommand`: `linking.command` stands in the place of `linking.key`.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::keycommand;

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// A key as its file holds it. Wiped from memory when dropped; never shown by `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KeyFile {
    /// Random name of the key.
    #[zeroize(skip)]
    pub id: String,
    /// Counted up at rotation, from 1.
    #[zeroize(skip)]
    pub epoch: u32,
    /// When it was made (RFC 3339, UTC).
    #[zeroize(skip)]
    pub created: String,
    secret: [u8; SECRET_BYTES],
}

/// Why a key cannot be read or written. No message holds anything of a secret.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// There is no key.
    #[error("no key in {0}: run `skjerm keys new`")]
    Missing(PathBuf),
    /// There is a key already.
    #[error(
        "{0} holds a key already; it is never overwritten, since what was hashed with it could no longer be linked"
    )]
    Exists(PathBuf),
    /// Someone else can read it.
    #[error(
        "{path} can be read by others than its owner (mode {mode:03o}); run `chmod {wanted:03o}` on it, and rotate the key if anyone may have read it"
    )]
    Exposed {
        /// The file or its folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// The permissions it should have.
        wanted: u32,
    },
    /// It is not a key file.
    #[error("{0} is no key file: it needs id, epoch, created and a secret of 64 hexadecimal digits")]
    Format(PathBuf),
    /// Its rotations do not follow each other.
    #[error(
        "the key file {0} lacks an epoch or holds one twice: the rotations in it count up by one; put back its newest whole copy"
    )]
    Epochs(PathBuf),
    /// A command that gives no key.
    #[error("the file {path}, which says how to get a key, {problem}")]
    Command {
        /// The file with the command.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file and a command for one key.
    #[error(
        "there are a key file {0} and a command beside it, and the keys may differ: remove the one that is not in use"
    )]
    FileAndCommand(PathBuf),
    /// A key that a command gives is to be written.
    #[error(
        "this key comes from the command in {0}, and this program cannot write it there: to make or rotate it, put a key file in the command's place, make or rotate it, and keep its text where the command finds it"
    )]
    Elsewhere(PathBuf),
    /// Reading or writing failed.
    #[error("cannot use the key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system has no randomness.
    #[error("the operating system gives no random numbers, so no key can be made")]
    NoRandomness,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    id: String,
    epoch: u32,
    created: String,
    secret: String,
}

/// A file with rotations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotated {
    id: String,
    epoch: u32,
    created: String,
    secret: String,
    #[serde(default)]
    rotation: Vec<Form>,
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyFile").field("id", &self.id).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl KeyFile {
    /// A new key from the operating system's randomness.
    pub fn generate(epoch: u32) -> Result<Self, KeyFileError> {
        let mut id = [0; 8];
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut id).map_err(|_| KeyFileError::NoRandomness)?;
        getrandom::fill(&mut secret).map_err(|_| KeyFileError::NoRandomness)?;
        let created = jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string();
        let id = format!("{:016x}", u64::from_be_bytes(id));
        let key = Self { id, epoch, created, secret };
        secret.zeroize();
        Ok(key)
    }

    /// The key of this one's id and epoch for another purpose. Deriving goes one way: it tells nothing of this key.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> Self {
        let secret = blake3::derive_key(purpose, &self.secret);
        Self { id: self.id.clone(), epoch: self.epoch, created: self.created.clone(), secret }
    }

    /// The secret.
    pub fn secret(&self) -> &[u8; SECRET_BYTES] {
        &self.secret
    }

    /// Reads the file of a key that has one epoch, refusing one that others than its owner can read.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        // The reader's own message would quote the line with the secret.
        let form: Form = toml::from_str(&text_of(path)?).map_err(|_| KeyFileError::Format(path.into()))?;
        Self::from_form(form, path)
    }

    /// The same of a key that may have been rotated: its first epoch, and the later ones.
    pub(crate) fn load_rotated(path: &Path) -> Result<(Self, Vec<Self>), KeyFileError> {
        let form: Rotated = toml::from_str(&text_of(path)?).map_err(|_| KeyFileError::Format(path.into()))?;
        let Rotated { id, epoch, created, secret, rotation } = form;
        let first = Self::from_form(Form { id, epoch, created, secret }, path)?;
        let later = rotation.into_iter().map(|form| Self::from_form(form, path));
        let later = later.collect::<Result<Vec<_>, _>>()?;
        let mut epochs = (first.epoch..).skip(1);
        if later.iter().any(|key| epochs.next() != Some(key.epoch)) {
            return Err(KeyFileError::Epochs(path.into()));
        }
        Ok((first, later))
    }

    fn from_form(form: Form, path: &Path) -> Result<Self, KeyFileError> {
        let digits = Zeroizing::new(form.secret);
        let secret = unhex(&digits).ok_or_else(|| KeyFileError::Format(path.to_owned()))?;
        Ok(Self { id: form.id, epoch: form.epoch, created: form.created, secret })
    }

    /// Writes the key to a new file (0600) in a private folder (0700); never over another key.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        keycommand::refuse_to_write(path)?;
        let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            make_private_folder(folder).map_err(failed)?;
        }
        // Under its name it is whole or not there; a link, unlike a renaming, never replaces another key.
        let unfinished = path.with_extension(format!("unfinished-{}", std::process::id()));
        let linked =
            write_private(&unfinished, &text(self, &[])).and_then(|()| fs::hard_link(&unfinished, path));
        let removed = fs::remove_file(&unfinished);
        linked.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
            _ => failed(error),
        })?;
        removed.and_then(|()| sync_folder(path)).map_err(failed)
    }

    /// Puts a file with more epochs of the same key in place of its file, durably: after a crash it is the one or the
    /// other. One caller at a time.
    pub(crate) fn replace(&self, later: &[Self], path: &Path) -> Result<(), KeyFileError> {
        keycommand::refuse_to_write(path)?;
        // Always the same name: what a crash left of it is overwritten, and gone with the renaming.
        let unfinished = path.with_extension("unfinished");
        let written = write_private(&unfinished, &text(self, later));
        let replaced = written.and_then(|()| fs::rename(&unfinished, path)).and_then(|()| sync_folder(path));
        replaced.map_err(|source| KeyFileError::Io { path: path.to_owned(), source })
    }
}

/// Whether there is a key: its file, or a command that gives it.
pub fn exists(path: &Path) -> bool {
    path.exists() || keycommand::place(path).exists()
}

/// The text of a key, from its command or its file.
fn text_of(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    keycommand::text(path)?.map_or_else(|| private_text(path), Ok)
}

/// The text of a file that nobody else can read.
pub(crate) fn private_text(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut file = fs::File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        _ => failed(error),
    })?;
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        refuse_exposed(folder, &fs::metadata(folder).map_err(failed)?, 0o700)?;
    }
    refuse_exposed(path, &file.metadata().map_err(failed)?, 0o600)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// The file of a key with these later epochs.
fn text(first: &KeyFile, later: &[KeyFile]) -> Zeroizing<String> {
    // Room for all: a text that grows would leave copies of secrets behind.
    let mut text = Zeroizing::new(String::with_capacity(256 * (later.len() + 1)));
    text.push_str("# Secret. Whoever has both keys of an installation can look persons up.\n");
    push(&mut text, first);
    for key in later {
        text.push_str("\n[[rotation]]\n");
        push(&mut text, key);
    }
    text
}

fn push(text: &mut String, key: &KeyFile) {
    text.extend(["id = \"", &key.id, "\"\nepoch = ", &key.epoch.to_string(), "\ncreated = \"", &key.created]);
    text.push_str("\"\nsecret = \"");
    for byte in key.secret {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text.push_str("\"\n");
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())
}

/// Makes the name of a file durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

/// Makes a folder, unless it is there, and lets only its owner in.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    // Private from the first moment; the mode is set again for a folder that was there.
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if !folder.is_dir() => return Err(error),
        _ => {}
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn refuse_exposed(path: &Path, metadata: &fs::Metadata, wanted: u32) -> Result<(), KeyFileError> {
    let mode = metadata.permissions().mode() & 0o777;
    let others = mode & 0o077;
    if others == 0 {
        return Ok(());
    }
    Err(KeyFileError::Exposed { path: path.to_owned(), mode, wanted })
}

fn unhex(text: &str) -> Option<[u8; SECRET_BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * SECRET_BYTES {
        return None;
    }
    let mut secret = [0; SECRET_BYTES];
    for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(secret)
}
