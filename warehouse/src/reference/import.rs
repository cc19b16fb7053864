//! The import of a file: read, checked as a whole, compared with what comes with the program, and kept.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::error::{Found, Place, ReferenceProblem as Problem};
use super::region::Regions;
use super::store::{Imports, Source};
use super::{POPULATION_BANDS, Population, Reference, ReferenceError, csv, json_stat, known_of_all};
use crate::policy::CodeList;
use crate::{Installation, WarehouseError};

/// The whole table of four cities with every age and year is a few megabytes.
const MOST_BYTES: u64 = 64 << 20;

/// What an import found, and what it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// BLAKE3 of the file, in hexadecimal.
    pub hash: String,
    /// Where the figures come from.
    pub source: Source,
    /// The years, rising.
    pub years: Vec<i32>,
    /// The districts by code, the city and the unregistered among them.
    pub districts: Vec<String>,
    /// The age bands that follow exactly.
    pub bands: Vec<&'static str>,
    /// Those that do not, and are unknown of these districts and years from now on.
    pub unknown: Vec<&'static str>,
    /// How the figures stand beside those that come with the program.
    pub compared: Comparison,
}

/// Figures beside those that come with the program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Figures that both have, and that are the same.
    pub same: usize,
    /// Figures that differ.
    pub different: usize,
    /// Figures that the program does not have.
    pub new: usize,
    /// The first that differs.
    pub first: Option<Difference>,
}

/// A figure that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Code of the district.
    pub district: String,
    /// The year.
    pub year: i32,
    /// The age band.
    pub band: &'static str,
    /// What comes with the program.
    pub shipped: u64,
    /// What the file says.
    pub imported: u64,
}

/// Imports residents from a file: JSON-stat 2, or CSV as SSB's and Oslo's statistics banks save it. `districts` is the
/// policy's list. All of the file is used, or with an error nothing of it; with `dry_run` nothing is written.
pub fn import(
    installation: &Installation,
    districts: &CodeList,
    path: &Path,
    dry_run: bool,
) -> Result<Imported, WarehouseError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let bytes = read(path, &name)?;
    let wrong = |(place, problem): Found| ReferenceError::Wrong {
        file: name.clone(),
        place,
        problem: problem.into(),
    };
    let (about, form, figures) = figures(&bytes, &Regions::new(districts)).map_err(wrong)?;
    let shipped = Reference::shipped()?;
    let imported = jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string();
    let source =
        Source { file: name, form: form.to_owned(), title: about.title, updated: about.updated, imported };
    let hash = blake3::hash(&bytes).to_hex().to_string();
    let bands = known_of_all(&figures.values().collect::<Vec<_>>());
    let report = Imported {
        years: figures.keys().map(|(_, year)| *year).collect::<BTreeSet<_>>().into_iter().collect(),
        districts: figures.keys().map(|(d, _)| d.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
        unknown: POPULATION_BANDS.into_iter().filter(|band| !bands.contains(band)).collect(),
        bands,
        compared: compare(&shipped, &figures),
        hash,
        source,
    };
    // What was imported before must be whole, also when nothing is written.
    Imports::read(installation)?;
    if !dry_run {
        Imports::add(installation, &report.hash, report.source.clone(), figures)?;
    }
    Ok(report)
}

fn read(path: &Path, name: &str) -> Result<Vec<u8>, ReferenceError> {
    let failed = |source| ReferenceError::Read { file: name.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > MOST_BYTES {
        let problem = Problem::NoTable("it has more than 64 MiB").into();
        return Err(ReferenceError::Wrong { file: name.to_owned(), place: Place::Whole, problem });
    }
    fs::read(path).map_err(failed)
}

fn figures(bytes: &[u8], regions: &Regions) -> Result<(json_stat::About, &'static str, Population), Found> {
    let no_table = |why| (Place::Whole, Problem::NoTable(why));
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(no_table("it is a workbook"));
    }
    if bytes.contains(&0) {
        return Err(no_table("it is no text in UTF-8 or Windows-1252"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    };
    if text.trim().is_empty() {
        return Err(no_table("it is empty"));
    }
    let ((about, cells), form) = if text.trim_start().starts_with(['{', '[']) {
        (json_stat::read(&text, regions)?, "json-stat2")
    } else {
        (csv::read(&text, regions)?, "csv")
    };
    Ok((about, form, cells.figures(regions)?))
}

fn compare(shipped: &Reference, figures: &Population) -> Comparison {
    let mut compared = Comparison::default();
    for ((district, year), bands) in figures {
        let found = POPULATION_BANDS.iter().zip(bands).filter_map(|(band, n)| Some((*band, (*n)?)));
        for (band, imported) in found {
            match shipped.residents(district, *year, &[band]) {
                None => compared.new += 1,
                Some(same) if same == imported => compared.same += 1,
                Some(shipped) => {
                    compared.different += 1;
                    compared.first.get_or_insert_with(|| Difference {
                        district: district.clone(),
                        year: *year,
                        band,
                        shipped,
                        imported,
                    });
                }
            }
        }
    }
    compared
}
