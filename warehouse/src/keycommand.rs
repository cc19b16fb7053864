//! Keys that a command gives, so that they need not lie in a file: a key management service's own tool.
//!
//! Beside the place of a key file, `keys/linking.command` instead of `keys/linking.key`, stands which program to run. It prints the
//! key file's text. There is no shell in between:
//!
//! ```toml
//! command = ["vault", "kv", "get", "-field=key", "skjerm/linking"]
//! ```
//!
//! # Privacy
//!
//! Whoever can write the file can have any program run by whoever ingests, so it is as private as a key file (0600 in a folder of
//! 0700). What the program prints goes into a buffer that is wiped, and into no message; what it says of its faults goes to the
//! terminal as it is.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::keyfile::{KeyFileError, private_text};

/// The longest text of a key: some hundred epochs.
const LONGEST: usize = 1 << 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    command: Vec<String>,
}

/// Where the command of a key stands.
pub(crate) fn place(key: &Path) -> PathBuf {
    key.with_extension("command")
}

/// The text that the command of a key prints; nothing when there is no command.
pub(crate) fn text(key: &Path) -> Result<Option<Zeroizing<String>>, KeyFileError> {
    let path = place(key);
    if !path.exists() {
        return Ok(None);
    }
    if key.exists() {
        return Err(KeyFileError::FileAndCommand(key.to_owned()));
    }
    let refused = |problem: String| KeyFileError::Command { path: path.clone(), problem };
    let form: Result<Form, _> = toml::from_str(&private_text(&path)?);
    let form =
        form.map_err(|_| refused("is no TOML of the form command = [\"program\", \"argument\"]".into()))?;
    let [program, arguments @ ..] = form.command.as_slice() else {
        return Err(refused("names no program".into()));
    };
    let started = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let child =
        started.map_err(|error| refused(format!("names a program that cannot be started: {error}")))?;
    match printed(child) {
        Ok(Ok(text)) => Ok(Some(text)),
        Ok(Err(problem)) => Err(refused(problem.to_owned())),
        Err(error) => Err(refused(format!("names a program whose output cannot be read: {error}"))),
    }
}

/// What a program prints until it ends.
fn printed(mut child: Child) -> io::Result<Result<Zeroizing<String>, &'static str>> {
    // Room for all at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let limit = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
    if let Some(output) = child.stdout.take() {
        output.take(limit).read_to_end(&mut bytes)?;
    }
    let status = child.wait()?;
    if bytes.len() > LONGEST {
        return Ok(Err("names a program that prints more than a key file"));
    }
    if !status.success() {
        return Ok(Err("names a program that failed: what it said of that stands above, if anything"));
    }
    let text = str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned()));
    Ok(text.map_err(|_| "names a program that prints no text"))
}

/// Refuses to write a key whose text a command gives.
pub(crate) fn refuse_to_write(key: &Path) -> Result<(), KeyFileError> {
    let path = place(key);
    if fs::symlink_metadata(&path).is_ok() { Err(KeyFileError::Elsewhere(path)) } else { Ok(()) }
}
