//! Mapping files: how the exports of one source are read. Which headers, which spellings, what goes where.
//!
//! A mapping is TOML; unknown keys are refused, so a typing error is not silently ignored. The shipped ones
//! (`ingest/mappings/*.toml`) are commented; a steward writes another one for a source of their own and puts it in the
//! folder `mappings` of the installation. A worked example, a source of street-side talks:
//!
//! ```toml
//! source = "talks"                              # the name for --source, and part of every record key
//! dates = ["dd.mm.yyyy", "yyyy-mm-dd"]          # formats of dates written as text, tried in order
//! blank = ["", "-", "ukjent"]                   # what counts as an empty cell
//! drop = ["Merknad", "Saksbehandler"]           # columns known to be there and never read
//!
//! [fields.record]                               # a field: one column of the export
//! headers = ["Samtalenr", "Nr"]                 # every spelling met; case, accents, spaces and signs do not matter
//! kind = "id"
//! required = true                               # the file is refused when the column is missing
//! filled = true                                 # a row is quarantined when the cell is empty
//!
//! [fields.client]
//! headers = ["Klient"]
//! kind = "id"
//!
//! [fields.date]
//! headers = ["Dato"]
//! kind = "date"
//! required = true
//! filled = true
//!
//! [fields.service]
//! headers = ["Enhet"]
//! kind = "code"
//! codes = "service"                             # a code list of the policy; its codes and labels are understood
//! spelling = "district"                         # and the spellings of districts, too
//! filled = true
//! recode = { uteseksjonen = ["Ute"] }           # code = further words for it
//!
//! [person]                                      # which columns say who it is; the first that suffices is used
//! client = "client"
//!
//! [tables.contact]                              # a table of the policy that rows go to
//! record = ["record", "service"]                # fields that identify the record: a later row with the same replaces it
//! date = "date"
//! columns = { service = "service" }             # policy column = field; others are "unknown" (measures: null)
//! ```
//!
//! With several tables, `route = { field = "type", tables = { contact = ["Kontakt"], measure = ["Tiltak"] } }` says
//! which words in which field lead to which table. A source that says of a row that it took it back has a field of
//! `kind = "status"` and `withdrawn = { field = "status", words = ["Slettet"], otherwise = ["Aktiv"] }`: the record of such a row
//! goes from the warehouse.
//!
//! JSON lines are read by the same file: the keys of an object are its headers.
//!
//! # Privacy
//!
//! Only columns that a field names are read. Everything else, whether listed under `drop` or not, never leaves the reader.

mod compile;
mod model;

use std::path::Path;

use thiserror::Error;

pub(crate) use compile::{Codes, ColumnPlan, Compiled, PersonUse, TablePlan, position};
pub use model::{Field, FieldKind, Mapping, NameOrder, Person, Route, Spelling, TableMapping, Withdrawn};

/// The mappings that come with the program.
const SHIPPED: [(&str, &str); 6] = [
    ("soma", include_str!("../../mappings/soma.toml")),
    ("kontakt", include_str!("../../mappings/kontakt.toml")),
    ("beds", include_str!("../../mappings/beds.toml")),
    ("patrol", include_str!("../../mappings/patrol.toml")),
    ("scene", include_str!("../../mappings/scene.toml")),
    ("agency", include_str!("../../mappings/agency.toml")),
];

/// Names of the sources that come with the program.
pub fn sources() -> Vec<&'static str> {
    SHIPPED.iter().map(|(name, _)| *name).collect()
}

/// A mapping file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MappingError {
    /// It cannot be read.
    #[error("the mapping file {file} cannot be read: {source}")]
    Io {
        /// The file.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It is not TOML of this form.
    #[error("the mapping file {file} is refused: {source}")]
    Form {
        /// The file.
        file: String,
        /// What and where. A mapping holds no data.
        source: Box<toml::de::Error>,
    },
    /// It does not fit the policy or itself.
    #[error("the mapping of `{source_name}` is refused: {problem}")]
    Meaning {
        /// The source.
        source_name: String,
        /// What does not fit.
        problem: String,
    },
}

/// The shipped mappings.
pub(crate) fn shipped() -> Result<Vec<Mapping>, MappingError> {
    SHIPPED.iter().map(|(name, text)| parse(text, &format!("{name}.toml (shipped)"))).collect()
}

/// The shipped mappings, and those of a folder (if there is one) instead of or beside them.
pub(crate) fn all(folder: &Path) -> Result<Vec<Mapping>, MappingError> {
    let mut found = shipped()?;
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(source) => return Err(MappingError::Io { file: folder.display().to_string(), source }),
    };
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    for path in paths {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| MappingError::Io { file: file.clone(), source })?;
        let mapping = parse(&text, &file)?;
        found.retain(|m| m.source != mapping.source);
        found.push(mapping);
    }
    Ok(found)
}

/// Reads one mapping.
pub(crate) fn parse(text: &str, file: &str) -> Result<Mapping, MappingError> {
    toml::from_str(text).map_err(|e| MappingError::Form { file: file.to_owned(), source: Box::new(e) })
}

#[cfg(test)]
mod tests;
