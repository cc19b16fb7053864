//! Public reference data: residents by district, year and age band.
//!
//! Residents on 1 January, from the municipality's statistics bank (Bydel Sentrum and Marka included; `0301` is
//! the whole city). Age bands: `0-12`, `13-15`, `16-17`, `18-19`, `20-24`, `25+`. They are finer between 18 and
//! 24 than nothing else needs: 13–24 is the union of four of them.

use std::collections::BTreeMap;

use thiserror::Error;

const POPULATION: &str = include_str!("../reference/population.csv");

/// The age bands of the population.
pub const POPULATION_BANDS: [&str; 6] = ["0-12", "13-15", "16-17", "18-19", "20-24", "25+"];

/// The bands of those aged 13 to 24, whom outreach work is for.
pub const YOUTH_BANDS: [&str; 4] = ["13-15", "16-17", "18-19", "20-24"];

/// Code of the whole city.
pub const WHOLE_CITY: &str = "0301";

/// Reference data that comes with the program.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Residents by (district, year), a number for each of [`POPULATION_BANDS`].
    population: BTreeMap<(String, i32), [Option<u64>; POPULATION_BANDS.len()]>,
}

/// A line of the reference data that does not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "population.csv, line {line}: must be `bydel_code,year,age_band,population_1jan` with a known age band, each once"
)]
pub struct ReferenceError {
    /// Line, from 1.
    pub line: usize,
}

impl Reference {
    /// The data that comes with the program.
    pub fn shipped() -> Result<Self, ReferenceError> {
        Self::parse(POPULATION)
    }

    fn parse(text: &str) -> Result<Self, ReferenceError> {
        let mut population: BTreeMap<(String, i32), [Option<u64>; POPULATION_BANDS.len()]> = BTreeMap::new();
        for (at, line) in text.lines().enumerate().skip(1) {
            let wrong = ReferenceError { line: at + 1 };
            let fields: Vec<&str> = line.trim().split(',').collect();
            let [district, year, band, residents] = fields[..] else { return Err(wrong) };
            let band = POPULATION_BANDS.iter().position(|b| *b == band).ok_or_else(|| wrong.clone())?;
            let year = year.parse().map_err(|_| wrong.clone())?;
            let residents = residents.parse().map_err(|_| wrong.clone())?;
            let bands = population.entry((district.to_owned(), year)).or_default();
            if bands[band].replace(residents).is_some() {
                return Err(wrong);
            }
        }
        Ok(Self { population })
    }

    /// Residents on 1 January of the year in the age bands together; `None` when a district, year or band is
    /// not known. The district is a code of six digits, or [`WHOLE_CITY`].
    pub fn residents(&self, district: &str, year: i32, bands: &[&str]) -> Option<u64> {
        let known = self.population.get(&(district.to_owned(), year))?;
        bands.iter().map(|band| known[POPULATION_BANDS.iter().position(|b| b == band)?]).sum()
    }

    /// Every figure: district, year, band, residents.
    pub fn population(&self) -> impl Iterator<Item = (&str, i32, &'static str, u64)> {
        self.population.iter().flat_map(|((district, year), bands)| {
            let named = POPULATION_BANDS.iter().zip(bands);
            named.filter_map(|(band, n)| Some((district.as_str(), *year, *band, (*n)?)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_city_is_the_sum_of_its_districts() {
        let reference = Reference::shipped().expect("shipped data");
        let districts: Vec<String> = (1..=17).map(|n| format!("0301{n:02}")).collect();
        let all = |d: &str| reference.residents(d, 2025, &POPULATION_BANDS);
        let sum: Option<u64> = districts.iter().map(|d| all(d)).sum();
        let city = all(WHOLE_CITY).expect("the city");
        assert!(city > 700_000);
        // The city's figure also holds those registered at no address.
        assert!(sum.is_some_and(|sum| sum <= city && city - sum < city / 50), "{sum:?} of {city}");
    }

    #[test]
    fn what_is_not_known_is_none() {
        let reference = Reference::shipped().expect("shipped data");
        assert!(reference.residents("030101", 2023, &YOUTH_BANDS).is_some_and(|n| n > 1000));
        assert_eq!(reference.residents("030101", 1999, &YOUTH_BANDS), None);
        assert_eq!(reference.residents("030118", 2023, &YOUTH_BANDS), None);
        assert_eq!(reference.residents("030101", 2023, &["18-22"]), None);
        assert_eq!(Reference::parse("head\n030101,2023,0-12,x\n").err(), Some(ReferenceError { line: 2 }));
    }
}
