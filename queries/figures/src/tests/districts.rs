//! The comparison of the districts.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use skjerm_warehouse::Reference;

use super::city::City;
use crate::Display;
use crate::districts::compare;
use crate::release::assemble::{Imprint, assemble};

fn reference() -> Reference {
    Reference::shipped().unwrap()
}

#[test]
fn fifteen_districts_in_the_order_of_the_code_list() {
    let city = City::new();
    let comparison = compare(&city.release(2023, 1), &city.policy, &reference()).unwrap();
    let codes: Vec<&str> = comparison.districts.iter().map(|district| district.code.as_str()).collect();
    let expected: Vec<String> = (1..=15).map(|number| format!("0301{number:02}")).collect();
    assert_eq!(codes, expected);
    assert_eq!(comparison.comparisons, 105);
    assert_eq!(comparison.pairs.len(), 105);
    for district in &comparison.districts {
        let rate = district.rate.unwrap();
        let residents = district.residents_13_24.unwrap() as f64;
        assert!(rate.low <= rate.value && rate.value <= rate.high);
        assert!(
            (rate.value - district.persons_13_24.value * 1000.0 / residents).abs() < 0.02,
            "{}",
            district.code
        );
        assert_eq!(
            rate.display == Display::Suppressed,
            district.persons_13_24.display == Display::Suppressed,
            "{}",
            district.code
        );
    }
    // Gamle Oslo in 2023: 1,316 + 781 + 732 + 3,560 residents of 13–24 years.
    assert_eq!(comparison.districts[0].residents_13_24, Some(6389));
}

#[test]
fn the_sentences_and_the_pairs_say_the_same() {
    let city = City::new();
    let comparison = compare(&city.release(2023, 2), &city.policy, &reference()).unwrap();
    for pair in &comparison.pairs {
        assert_eq!(pair.distinguishable, pair.low > 0.0 || pair.high < 0.0);
        let a = comparison.districts.iter().find(|district| district.code == pair.a).unwrap();
        assert_eq!(a.indistinguishable_from.contains(&pair.b), !pair.distinguishable);
    }
    let some =
        comparison.districts.iter().find(|district| !district.indistinguishable_from.is_empty()).unwrap();
    assert!(
        some.sentence.no.contains("Kan ikke skilles fra")
            && some.sentence.en.contains("Cannot be distinguished from")
    );
    assert!(comparison.summary.no.contains("kan ikke skilles fra hverandre"));
}

/// Where all rates are in truth the same (here: nobody anywhere), some pair is called different in at most 5 % of releases. Over 300
/// seeded releases the bound of 5.7 binomial standard deviations is 12 %. The correction is conservative (pairs share districts), so
/// that far fewer are expected.
#[test]
fn equal_districts_are_seldom_called_different() {
    let mut city = City::new();
    let services = city.workload.themes.iter().position(|theme| theme.name == "services").unwrap();
    city.truth[services].iter_mut().for_each(|count| *count = 0);
    let reference = reference();
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut wrong = 0;
    for _ in 0..300 {
        let measurement = city.measure(2023, &mut random);
        let imprint = Imprint {
            campaign: None,
            of_same_data: Vec::new(),
            revision: 1,
            supersedes: None,
            published: "2024-02-01".to_owned(),
            synthetic: true,
        };
        let release = assemble(&city.policy, &city.workload, &measurement, None, imprint).unwrap();
        let comparison = compare(&release, &city.policy, &reference).unwrap();
        wrong += u32::from(comparison.pairs.iter().any(|pair| pair.distinguishable));
    }
    assert!(wrong <= 36, "{wrong} of 300 releases of equal districts call a pair different");
}

#[test]
fn a_year_without_population_has_no_rates() {
    let city = City::new();
    let mut release = city.release(2023, 1);
    release.year = 1990;
    let comparison = compare(&release, &city.policy, &reference()).unwrap();
    assert!(comparison.districts.iter().all(|district| district.rate.is_none()));
    assert_eq!(comparison.comparisons, 0);
    assert!(comparison.districts[0].sentence.no.contains("ingen befolkningstall"));
}

#[test]
fn imported_residents_make_the_rates() {
    let folder = tempfile::tempdir().unwrap();
    let installation = skjerm_warehouse::Installation::init(folder.path().join("oslo")).unwrap();
    let city = City::new();
    let release = city.release(2023, 1);
    let rate =
        |reference: &Reference| compare(&release, &city.policy, reference).unwrap().districts[0].clone();
    let before = rate(&Reference::of(&installation).unwrap());
    assert_eq!(before, rate(&reference()));
    // Twice the 6,389 residents of Gamle Oslo.
    let file = folder.path().join("folketall.csv");
    let districts = city.policy.code_list("district").unwrap();
    let table = "bydel;alder;2023\nGamle Oslo;13-15 år;2778\nGamle Oslo;16-17 år;0\nGamle Oslo;18-19 år;0\nGamle Oslo;20-24 år;10000\n";
    std::fs::write(&file, table).unwrap();
    skjerm_warehouse::reference::import(&installation, districts, &file, false).unwrap();
    let after = rate(&Reference::of(&installation).unwrap());
    assert_eq!((before.residents_13_24, after.residents_13_24), (Some(6389), Some(12778)));
    let (before, after) = (before.rate.unwrap(), after.rate.unwrap());
    assert!((before.value - 2.0 * after.value).abs() < 0.02, "{} {}", before.value, after.value);
}
