//! Imports, from files as statistics banks give them to figures in use.

mod keep;
mod refuse;
mod samples;

use std::path::PathBuf;

use super::*;
use crate::policy::{CodeList, Policy};

/// The samples by file name.
const SAMPLES: [(&str, &[u8]); 4] = [
    ("ssb_10826_ages.json", include_bytes!("../../../reference/samples/ssb_10826_ages.json")),
    ("ssb_10826_groups.json", include_bytes!("../../../reference/samples/ssb_10826_groups.json")),
    ("ssb_10826.csv", include_bytes!("../../../reference/samples/ssb_10826.csv")),
    ("oslo_folkemengde.csv", include_bytes!("../../../reference/samples/oslo_folkemengde.csv")),
];

fn sample(name: &str) -> &'static [u8] {
    SAMPLES.iter().find(|(file, _)| *file == name).expect("a sample").1
}

/// An installation to import into.
struct Place {
    folder: tempfile::TempDir,
    installation: Installation,
    districts: CodeList,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let installation = Installation::init(folder.path().join("oslo")).expect("an installation");
        let districts = Policy::oslo().code_list("district").expect("districts").clone();
        Self { folder, installation, districts }
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    fn import(&self, name: &str, content: &[u8]) -> Result<Imported, WarehouseError> {
        import(&self.installation, &self.districts, &self.file(name, content), false)
    }

    fn reference(&self) -> Reference {
        Reference::of(&self.installation).expect("reference data")
    }
}

#[test]
fn the_whole_city_is_the_sum_of_its_districts() {
    let reference = Reference::shipped().expect("shipped data");
    let districts: Vec<String> = (1..=17).map(|n| format!("0301{n:02}")).collect();
    let all = |d: &str| reference.residents(d, 2025, &["0-12", "13-15", "16-17", "18-19", "20-24", "25+"]);
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
    assert_eq!(reference.residents("030101", 2023, &["18-19", "13-15", "18-19"]), None, "twice");
    let wrong = parse("head\n030101,2023,0-12,x\n");
    assert!(matches!(wrong, Err(ReferenceError::Shipped { line: 2 })));
}
