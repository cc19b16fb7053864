//! Public reference data: residents by district, year and age band.

/// Reference data that comes with the program.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    population: std::collections::BTreeMap<(String, i32, String), u64>,
}

impl Reference {
    /// Residents on 1 January of the year in the age bands together; `None` when one is not known.
    pub fn residents(&self, district: &str, year: i32, bands: &[&str]) -> Option<u64> {
        let one = |band: &&str| self.population.get(&(district.to_owned(), year, (*band).to_owned()));
        bands.iter().map(one).sum()
    }
}
