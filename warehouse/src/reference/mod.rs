//! Public reference data: residents by district, year and age band.
//!
//! Residents on 1 January, by the statistics of SSB's table 10826 (Bydel Sentrum and Marka included; `0301` is the
//! whole city, `030199` those registered in no district). Figures come with the program; a steward imports newer ones
//! ([`import`]), which win over them by district and year.
//!
//! The bands are of two kinds. `0-12`, `13-15`, `16-17`, `18-19`, `20-24` and `25+` are those that the statistics
//! publish; `18-22` and `23-24` are the policy's, and known only where the source has ages one by one. Under 18 and
//! under 25 are exact unions with either.

mod ages;
mod cells;
mod csv;
mod error;
mod import;
mod json_stat;
mod region;
mod store;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use self::ages::Ages;
pub use self::error::{Place, ReferenceError, ReferenceProblem};
pub use self::import::{Comparison, Difference, Imported, import};
use self::store::Imports;
pub use self::store::Source;
use crate::{Installation, WarehouseError};

const POPULATION: &str = include_str!("../../reference/population.csv");

/// The age bands of the population. Some overlap: see [`Reference::residents`].
pub const POPULATION_BANDS: [&str; 8] = ["0-12", "13-15", "16-17", "18-19", "20-24", "18-22", "23-24", "25+"];

/// The bands of those aged 13 to 24, whom outreach work is for.
pub const YOUTH_BANDS: [&str; 4] = ["13-15", "16-17", "18-19", "20-24"];

/// Code of the whole city.
pub const WHOLE_CITY: &str = "0301";

/// Residents by [`POPULATION_BANDS`], where they are known.
type Bands = [Option<u64>; POPULATION_BANDS.len()];

/// Residents by district and year.
type Population = BTreeMap<(String, i32), Bands>;

/// Reference data: those that come with the program, and those imported.
#[derive(Debug, Clone)]
pub struct Reference {
    shipped: Population,
    imported: Imports,
}

/// Figures of one source that are in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Name of the file.
    pub file: String,
    /// BLAKE3 of its content, in hexadecimal.
    pub hash: String,
    /// Title of the table, if the file has one.
    pub title: Option<String>,
    /// When the statistics bank updated it, in its own words.
    pub updated: Option<String>,
    /// When it was imported (RFC 3339, UTC); nothing for what comes with the program.
    pub imported: Option<String>,
    /// The years, rising.
    pub years: Vec<i32>,
    /// Districts, the city and the unregistered among them.
    pub districts: usize,
    /// The age bands known of all of them.
    pub bands: Vec<&'static str>,
}

impl Reference {
    /// The data that come with the program.
    pub fn shipped() -> Result<Self, ReferenceError> {
        Ok(Self { shipped: parse(POPULATION)?, imported: Imports::default() })
    }

    /// The data of an installation.
    pub fn of(installation: &Installation) -> Result<Self, WarehouseError> {
        Ok(Self { imported: Imports::read(installation)?, ..Self::shipped()? })
    }

    /// Residents on 1 January of the year in the age bands together; `None` when a district, year or band is
    /// not known, and when bands overlap, since somebody would count twice. The district is a code of six digits, or
    /// [`WHOLE_CITY`].
    pub fn residents(&self, district: &str, year: i32, bands: &[&str]) -> Option<u64> {
        let known = self.bands(&(district.to_owned(), year))?;
        let ages: Option<Vec<Ages>> = bands.iter().map(|band| Ages::parse(band)).collect();
        if ages::overlap(&ages?) {
            return None;
        }
        bands.iter().map(|band| known[POPULATION_BANDS.iter().position(|b| b == band)?]).sum()
    }

    /// Every figure: district, year, band, residents.
    pub fn population(&self) -> impl Iterator<Item = (&str, i32, &'static str, u64)> {
        let keys: BTreeSet<&(String, i32)> = self.shipped.keys().chain(self.imported.keys()).collect();
        keys.into_iter().flat_map(|key| {
            let bands = POPULATION_BANDS.iter().zip(self.bands(key).copied().unwrap_or_default());
            bands.filter_map(|(band, n)| Some((key.0.as_str(), key.1, *band, n?)))
        })
    }

    /// The sources of the figures in use: what comes with the program first, then imports by the time of them.
    pub fn sources(&self) -> Vec<Listed> {
        let shipped = Source {
            file: "population.csv, with the program".to_owned(),
            form: "csv".to_owned(),
            title: Some("SSB 10826".to_owned()),
            updated: None,
            imported: String::new(),
        };
        let in_use = self.shipped.iter().filter(|(key, _)| self.imported.get(key).is_none());
        let hash = blake3::hash(POPULATION.as_bytes()).to_hex().to_string();
        let first = Listed { imported: None, ..listed(&hash, &shipped, in_use) };
        let mut sources: Vec<Listed> =
            self.imported.by_source().map(|(h, s, figures)| listed(h, s, figures)).collect();
        sources.sort_by(|a, b| a.imported.cmp(&b.imported));
        sources.insert(0, first);
        sources
    }

    fn bands(&self, key: &(String, i32)) -> Option<&Bands> {
        self.imported.get(key).or_else(|| self.shipped.get(key))
    }
}

fn listed<'a>(
    hash: &str,
    source: &Source,
    figures: impl Iterator<Item = (&'a (String, i32), &'a Bands)>,
) -> Listed {
    let figures: Vec<_> = figures.collect();
    let years: BTreeSet<i32> = figures.iter().map(|((_, year), _)| *year).collect();
    let districts: BTreeSet<&str> = figures.iter().map(|((district, _), _)| district.as_str()).collect();
    Listed {
        file: source.file.clone(),
        hash: hash.to_owned(),
        title: source.title.clone(),
        updated: source.updated.clone(),
        imported: Some(source.imported.clone()),
        years: years.into_iter().collect(),
        districts: districts.len(),
        bands: known_of_all(&figures.iter().map(|(_, bands)| *bands).collect::<Vec<_>>()),
    }
}

/// The bands that are known everywhere.
fn known_of_all(figures: &[&Bands]) -> Vec<&'static str> {
    let known = |at: usize| figures.iter().all(|bands| bands[at].is_some());
    POPULATION_BANDS.iter().enumerate().filter(|(at, _)| known(*at)).map(|(_, band)| *band).collect()
}

/// Reads the data that come with the program.
fn parse(text: &str) -> Result<Population, ReferenceError> {
    let mut population = Population::new();
    for (at, line) in text.lines().enumerate().skip(1) {
        let wrong = || ReferenceError::Shipped { line: at + 1 };
        let fields: Vec<&str> = line.trim().split(',').collect();
        let [district, year, band, residents] = fields[..] else { return Err(wrong()) };
        let band = POPULATION_BANDS.iter().position(|b| *b == band).ok_or_else(wrong)?;
        let year = year.parse().map_err(|_| wrong())?;
        let residents = residents.parse().map_err(|_| wrong())?;
        let bands = population.entry((district.to_owned(), year)).or_default();
        if bands[band].replace(residents).is_some() {
            return Err(wrong());
        }
    }
    Ok(population)
}
