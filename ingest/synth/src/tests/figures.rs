//! The published figures of 2023 and 2022, recomputed from the written files.

use std::collections::BTreeSet;

use super::read::{PersonYear, person_years, records, windows_1252};
use super::write;

/// Checks a city of this many persons against the published figures.
fn check(persons: u32, years: std::ops::RangeInclusive<i32>, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(folder.path(), persons, years, seed);
    let y2023: Vec<PersonYear> = person_years(&records(&summary.files, 2023), 2023).into_values().collect();
    published_2023(&y2023);
    let y2022: Vec<PersonYear> = person_years(&records(&summary.files, 2022), 2022).into_values().collect();
    published_2022(&y2022);
    let patrols = windows_1252(&folder.path().join("patrol_2023_SYNTETISK.csv"));
    assert_eq!(patrols.len(), 1951);
    for at in patrols.rows() {
        assert!(matches!(at("Antall ansatte").as_str(), "2" | "3"));
        assert!(at("Dato").ends_with(".2023"));
    }
    assert!(summary.notes.iter().any(|note| note.contains("95 have unknown belonging")));
    // As many persons as asked for.
    let total = f64::from(persons);
    assert!((y2023.len() as f64 / total - 1.0).abs() < 0.02, "{} of {persons}", y2023.len());
}

/// Oslo, other municipality, unknown or foreign.
fn by_belonging<'a>(persons: impl Iterator<Item = &'a PersonYear>) -> [usize; 3] {
    let mut counts = [0; 3];
    for p in persons {
        counts[match p.belonging.as_str() {
            "Oslo" => 0,
            "Annen kommune" => 1,
            "Ukjent eller utlandet" => 2,
            _ => panic!("a belonging that no export has"),
        }] += 1;
    }
    counts
}

/// Men and women.
fn by_gender(persons: &[PersonYear], kind: &str) -> (usize, usize) {
    let of = |gender: &str| persons.iter().filter(|p| p.ute(kind) && p.gender == gender).count();
    let all = persons.iter().filter(|p| p.ute(kind)).count();
    assert_eq!(all, of("male") + of("female"), "{kind}");
    (of("male"), of("female"))
}

fn published_2023(persons: &[PersonYear]) {
    let met: Vec<&PersonYear> = persons.iter().filter(|p| p.ute("Kontakt")).collect();
    assert_eq!(met.len(), 1977);
    assert_eq!(met.iter().filter(|p| p.under(25)).count(), 1180);
    assert_eq!(by_belonging(met.iter().copied()), [1019, 721, 237]);
    let municipalities: BTreeSet<&str> = met
        .iter()
        .filter(|p| p.belonging == "Annen kommune")
        .map(|p| p.municipality.as_str())
        .inspect(|m| assert!(!m.is_empty() && *m != "0301"))
        .collect();
    assert_eq!(municipalities.len(), 115);

    let first: Vec<&PersonYear> = persons.iter().filter(|p| p.ute_first).collect();
    assert_eq!(first.len(), 654);
    assert_eq!(first.iter().filter(|p| p.under(18)).count(), 239);

    let followed: Vec<&PersonYear> = persons.iter().filter(|p| p.ute("Oppfølging")).collect();
    assert_eq!(followed.len(), 1443);
    assert_eq!(followed.iter().filter(|p| p.under(25)).count(), 828);
    assert_eq!(by_belonging(followed.iter().copied()), [725, 566, 152]);
    assert!(followed.iter().all(|p| p.ute("Kontakt")));

    let concern: Vec<&PersonYear> = persons.iter().filter(|p| p.ute("Bekymringsmelding")).collect();
    assert_eq!(concern.len(), 35);
    assert!(concern.iter().all(|p| p.under(18)));
    assert_eq!(by_belonging(concern.iter().copied()), [12, 23, 0]);
    assert_eq!(by_gender(persons, "Bekymringsmelding"), (6, 29));

    let missing: Vec<&PersonYear> = persons.iter().filter(|p| p.ute("Savnetmelding")).collect();
    assert_eq!(missing.len(), 456);
    assert_eq!(missing.iter().filter(|p| p.under(18)).count(), 308);
    // The source says 47 unknown, which does not add up to its 456.
    assert_eq!(by_belonging(missing.iter().copied()), [154, 207, 95]);
    let found = missing.iter().filter(|p| p.ute("Kontakt")).count();
    assert!((100..250).contains(&found), "{found}");

    assert_eq!(by_gender(persons, "Hjemreise"), (78, 30));
    assert!(persons.iter().filter(|p| p.ute("Hjemreise")).all(|p| p.belonging == "Annen kommune"));
    assert_eq!(by_gender(persons, "Tiltak: Forsterket oppfølging"), (50, 9));
    assert_eq!(by_gender(persons, "Tiltak: Sysselsetting"), (92, 31));
}

fn published_2022(persons: &[PersonYear]) {
    assert_eq!(by_gender(persons, "Tiltak: Psykolog"), (53, 19));
    assert!(persons.iter().filter(|p| p.ute("Tiltak: Psykolog")).all(|p| p.under(25)));
    assert_eq!(by_gender(persons, "Henvisning: Tverrfaglig spesialisert behandling (TSB)"), (15, 4));
    assert_eq!(by_gender(persons, "Tiltak: Hasjavvenning"), (26, 16));
}

#[test]
fn the_default_city_reproduces_the_published_figures() {
    check(6000, 2022..=2023, 1);
}

#[test]
fn the_smallest_exact_city_does_so_for_any_seed() {
    for seed in [2, 77] {
        check(2400, 2022..=2023, seed);
    }
    check(2400, 2020..=2023, 4);
}

#[test]
fn a_smaller_city_is_scaled_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(folder.path(), 240, 2023..=2023, 5);
    assert!(summary.notes.iter().any(|note| note.contains("not reproduced")));
    let persons = person_years(&records(&summary.files, 2023), 2023);
    let met = persons.values().filter(|p| p.ute("Kontakt")).count();
    assert_eq!(met, 198);
    assert!((235..=245).contains(&persons.len()), "{}", persons.len());
}

#[test]
fn one_person_is_a_city() {
    let folder = tempfile::tempdir().unwrap();
    for persons in [1, 2, 7, 40] {
        write(folder.path(), persons, 2019..=2025, 1);
    }
}
