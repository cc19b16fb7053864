//! Imported figures on disk: one file, replaced as a whole, that says the hash of its content.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Bands, POPULATION_BANDS, Population, ReferenceError};
use crate::storage::files::{self, LoadLock};
use crate::storage::home::Home;
use crate::{Installation, WarehouseError};

/// A file that figures came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name, without folders.
    pub file: String,
    /// `json-stat2` or `csv`.
    pub form: String,
    /// Title of the table, if the file has one.
    pub title: Option<String>,
    /// When the statistics bank updated it, in its own words.
    pub updated: Option<String>,
    /// When it was imported (RFC 3339, UTC).
    pub imported: String,
}

/// Imported figures with their sources, by the hash of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Imports {
    sources: BTreeMap<String, Source>,
    population: BTreeMap<(String, i32), (Bands, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// BLAKE3 of `content`, in hexadecimal.
    hash: String,
    content: Content,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    sources: BTreeMap<String, Source>,
    population: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    district: String,
    year: i32,
    source: String,
    residents: BTreeMap<String, u64>,
}

fn path(installation: &Installation) -> PathBuf {
    installation.reference_dir().join("population.json")
}

impl Imports {
    /// What was imported; nothing where nothing was.
    pub(super) fn read(installation: &Installation) -> Result<Self, WarehouseError> {
        let path = path(installation);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(WarehouseError::io("read", &path)(error)),
        };
        let stored = serde_json::from_slice::<Stored>(&text).ok();
        let imports =
            stored.filter(|stored| stored.content.hash() == stored.hash).and_then(|s| s.content.imports());
        imports.ok_or_else(|| ReferenceError::Damaged(path).into())
    }

    /// Takes figures in and writes all down; another import waits.
    pub(super) fn add(
        installation: &Installation,
        hash: &str,
        source: Source,
        figures: Population,
    ) -> Result<(), WarehouseError> {
        let folder = installation.reference_dir();
        fs::create_dir_all(&folder).map_err(WarehouseError::io("make", &folder))?;
        let _lock = LoadLock::wait(&Home::Folder(folder.clone()))?;
        let mut imports = Self::read(installation)?;
        imports.sources.insert(hash.to_owned(), source);
        let figures = figures.into_iter().map(|(key, bands)| (key, (bands, hash.to_owned())));
        imports.population.extend(figures);
        let used: Vec<&String> = imports.population.values().map(|(_, source)| source).collect();
        imports.sources.retain(|hash, _| used.contains(&hash));
        let content = imports.content();
        let path = path(installation);
        let stored = Stored { hash: content.hash(), content };
        let mut text = serde_json::to_vec_pretty(&stored)
            .map_err(|error| WarehouseError::io("write", &path)(error.into()))?;
        text.push(b'\n');
        files::replace(&folder, &path, &text)
    }

    pub(super) fn get(&self, key: &(String, i32)) -> Option<&Bands> {
        self.population.get(key).map(|(bands, _)| bands)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &(String, i32)> {
        self.population.keys()
    }

    /// Each source with its hash and its figures.
    pub(super) fn by_source(
        &self,
    ) -> impl Iterator<Item = (&str, &Source, impl Iterator<Item = (&(String, i32), &Bands)>)> {
        self.sources.iter().map(|(hash, source)| {
            let figures = self.population.iter().filter(move |(_, (_, of))| of == hash);
            (hash.as_str(), source, figures.map(|(key, (bands, _))| (key, bands)))
        })
    }

    fn content(&self) -> Content {
        let population = self.population.iter().map(|((district, year), (bands, source))| {
            let known =
                POPULATION_BANDS.iter().zip(bands).filter_map(|(band, n)| Some(((*band).to_owned(), (*n)?)));
            Entry {
                district: district.clone(),
                year: *year,
                source: source.clone(),
                residents: known.collect(),
            }
        });
        Content { sources: self.sources.clone(), population: population.collect() }
    }
}

impl Content {
    fn hash(&self) -> String {
        // Maps are ordered and lists keep their order, so the form is canonical.
        blake3::hash(&serde_json::to_vec(self).unwrap_or_default()).to_hex().to_string()
    }

    /// `None` where a figure is of no known band or source.
    fn imports(self) -> Option<Imports> {
        let mut population = BTreeMap::new();
        for entry in self.population {
            let mut bands = Bands::default();
            for (band, residents) in &entry.residents {
                bands[POPULATION_BANDS.iter().position(|known| known == band)?] = Some(*residents);
            }
            self.sources.get(&entry.source)?;
            population.insert((entry.district, entry.year), (bands, entry.source));
        }
        Some(Imports { sources: self.sources, population })
    }
}
