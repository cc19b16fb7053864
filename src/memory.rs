//! What is in this program's memory stays there: keys, and names and numbers while exports are read.

use std::fs;
use std::io::ErrorKind;

use crate::failure::Failure;

/// Which of a process's memory the system writes into a core dump, as bits.
const FILTER: &str = "/proc/self/coredump_filter";

/// Keeps all memory of this process, and of those it starts, out of core dumps: out of files and out of what a program of the
/// system gathers, for which a limit on the size of files is no hindrance.
pub(crate) fn keep_private() -> Result<(), Failure> {
    match fs::write(FILTER, "0") {
        // A system that writes no dumps.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::fault(format!(
            "keys and identifiers cannot be kept out of core dumps: {FILTER} cannot be written ({error})"
        ))
        .with_hint("let the process write to its own folder in /proc")),
        Ok(()) => Ok(()),
    }
}
