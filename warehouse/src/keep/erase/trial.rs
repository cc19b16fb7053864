//! Whether files of a table can be edited: the first one of an erasure is also made anew, and compared.
//!
//! What an edit copies wrongly is seen by nothing afterwards, for the file that would tell is deleted within minutes. Every edited file
//! is read back whole, which costs a third as much again as the edit (in an unoptimised build) and tells that its columns can be read,
//! not that they say what they said. To compare each with what is written of its rows would cost three times the edit, and an
//! erasure is to stay below a tenth of a full rewrite. So one file a table is compared, byte by byte: that finds what an edit does
//! wrong as a rule, such as with a library that has come to write otherwise, and not what it would do wrong in one file of
//! thousands. For that there are the tests of [`crate::storage::edit`].

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::WarehouseError;

/// What came of it, once it is done.
#[derive(Debug, Default)]
pub(super) struct Trial(Mutex<Option<bool>>);

impl Trial {
    /// Whether an edited file can be taken, which the first one decides for all. Who comes meanwhile waits.
    pub(super) fn passes(
        &self,
        table: &str,
        edited: &Bytes,
        anew: impl FnOnce() -> Result<Bytes, WarehouseError>,
    ) -> Result<bool, WarehouseError> {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(passed) = *passed {
            return Ok(passed);
        }
        let is_same = anew()? == *edited;
        if !is_same {
            tracing::error!(
                "a file of table {table} that was edited is not the one that is written of its rows, so none of its files is edited. The \
                 erasure is what it should be and takes longer; this is a fault of the program, please report it"
            );
        }
        *passed = Some(is_same);
        Ok(is_same)
    }

    /// Whether it was done, and files are not edited.
    pub(super) fn failed(&self) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_decides_for_the_others() {
        let [one, other] = [&b"one"[..], b"other"].map(Bytes::from_static);
        for is_same in [true, false] {
            let trial = Trial::default();
            let failing = trial.passes("contact", &one, || Err(WarehouseError::Interrupted));
            assert!(failing.is_err(), "nothing is decided by what could not be made");
            let anew = if is_same { one.clone() } else { other.clone() };
            assert_eq!(trial.passes("contact", &one, || Ok(anew)).expect("made"), is_same);
            let again = trial.passes("contact", &other, || panic!("made anew once more"));
            assert_eq!((again.expect("decided"), trial.failed()), (is_same, !is_same));
        }
    }
}
