//! What the city is like: persons over years, districts and systems; seasons; counts.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{Record, records, utf8};
use super::write;

#[test]
fn persons_recur_over_years_districts_and_systems() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(folder.path(), 2500, 2021..=2023, 1);
    let years: Vec<Vec<Record>> = (2021..=2023).map(|y| records(&summary.files, y)).collect();
    let persons: Vec<BTreeSet<&str>> =
        years.iter().map(|rows| rows.iter().map(|r| r.person.as_str()).collect()).collect();
    for pair in persons.windows(2) {
        let again = pair[0].intersection(&pair[1]).count() as f64 / pair[0].len() as f64;
        assert!((0.4..0.65).contains(&again), "{again} of a year come back");
    }

    let mut contacts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut districts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut sources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut months = [0_usize; 12];
    for row in &years[2] {
        sources.entry(&row.person).or_default().insert(row.source);
        if row.kind == "Kontakt" {
            *contacts.entry(&row.person).or_default() += 1;
            if row.service == "uteseksjonen" {
                months[usize::from(row.date.month().unsigned_abs()) - 1] += 1;
            } else {
                districts.entry(&row.person).or_default().insert(&row.service);
            }
        }
    }
    let total: usize = contacts.values().sum();
    assert!((22_000..28_000).contains(&total), "{total} contacts");
    let most = contacts.values().max().unwrap();
    assert!((100..=400).contains(most), "{most} contacts of one person");
    assert!(contacts.values().filter(|n| **n <= 3).count() > contacts.len() / 4);
    assert!(districts.values().any(|d| d.len() >= 4) && districts.values().all(|d| d.len() <= 8));
    assert!(sources.values().filter(|s| s.len() >= 2).count() > 100);
    assert!(sources.values().any(|s| s.len() >= 3));
    assert!(months[5] > months[0] * 5 / 4, "summer is busier in the centre: {months:?}");

    // An age grows by one a year, and somebody new at a service was not there before.
    let mut births = BTreeMap::new();
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (year, rows) in years.iter().enumerate() {
        let mut here = BTreeSet::new();
        for row in rows {
            if let Some(birth) = row.birth {
                assert_eq!(*births.entry(row.person.as_str()).or_insert(birth), birth);
            }
            if row.kind == "Kontakt" {
                let at = (row.person.as_str(), row.service.as_str());
                here.insert(at);
                assert!(!(row.first && seen.contains(&at)), "met for the first time twice, in year {year}");
            }
        }
        seen.extend(here);
    }
    let mut numbers = BTreeSet::new();
    let unique = years.iter().flatten().all(|r| numbers.insert((r.source, &r.service, &r.number)));
    assert!(unique, "two rows with one number");
}

#[test]
fn a_first_contact_is_the_earliest_of_the_year() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(folder.path(), 800, 2024..=2024, 1);
    let rows = records(&summary.files, 2024);
    let mut earliest = BTreeMap::new();
    for row in rows.iter().filter(|r| r.kind == "Kontakt") {
        let at = earliest.entry((&row.person, &row.service)).or_insert(row.date);
        *at = row.date.min(*at);
    }
    let mut firsts = BTreeSet::new();
    for row in rows.iter().filter(|r| r.first) {
        assert_eq!(earliest[&(&row.person, &row.service)], row.date);
        assert!(firsts.insert((&row.person, &row.service)));
    }
    assert!(firsts.len() > 100);
}

#[test]
fn bed_stays_are_like_those_of_2012() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2500, 2023..=2023, 1);
    let table = utf8(&folder.path().join("beds_2023_SYNTETISK.csv"), b';');
    let (mut young, mut persons, mut nights, mut prindsen) = (0_usize, BTreeSet::new(), 0_u32, 0_usize);
    for at in table.rows() {
        nights += at("Døgn").parse::<u32>().unwrap();
        prindsen += usize::from(at("Enhet").starts_with("Prindsen"));
        let age = 2023 - at("Fødselsdato")[6..].parse::<i32>().unwrap();
        assert!(age >= 18);
        if age <= 25 {
            young += 1;
            persons.insert((at("Fornavn"), at("Etternavn"), at("Fødselsdato")));
        }
    }
    assert_eq!((young, persons.len()), (407, 116));
    let mean = f64::from(nights) / table.len() as f64;
    assert!((17.0..26.0).contains(&mean), "{mean} nights");
    let share = prindsen as f64 / table.len() as f64;
    assert!((0.4..0.56).contains(&share), "{share} at Prindsen");
}

/// Mean persons a round: in all, aged 18–25, and by area; and the number of rounds.
fn scene(folder: &std::path::Path, campaign: &str) -> (f64, f64, BTreeMap<String, f64>, usize) {
    let table = utf8(&folder.join(format!("scene_{campaign}_SYNTETISK.csv")), b';');
    let mut rounds = BTreeSet::new();
    let (mut total, mut young, mut areas) = (0.0, 0.0, BTreeMap::new());
    for at in table.rows() {
        rounds.insert((at("Dato"), at("Vakt")));
        let seen: f64 = at("Antall").parse().unwrap();
        total += seen;
        young += if at("Aldersgruppe") == "18–25" { seen } else { 0.0 };
        *areas.entry(at("Område")).or_insert(0.0) += seen;
    }
    assert_eq!(table.len(), rounds.len() * 36, "zero lines are written");
    let n = rounds.len() as f64;
    areas.values_mut().for_each(|v| *v /= n);
    (total / n, young / n, areas, rounds.len())
}

#[test]
fn counts_are_near_the_published_means_and_differ_where_they_should() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 50, 2019..=2025, 1);
    let (total, young, _, rounds) = scene(folder.path(), "2019-summer");
    assert_eq!(rounds, 24);
    assert!((122.0..144.0).contains(&total), "{total}");
    assert!((15.5..22.5).contains(&young), "{young}");
    let (summer, _, before, _) = scene(folder.path(), "2024-summer");
    let (_, _, after, _) = scene(folder.path(), "2025-summer");
    let change = |area: &str| after[area] / before[area];
    assert!(change("Storgata/Brugata") < 0.8, "{}", change("Storgata/Brugata"));
    assert!((0.85..1.18).contains(&change("Oslo S")), "{}", change("Oslo S"));
    let (winter, _, _, rounds) = scene(folder.path(), "2024-winter");
    assert_eq!(rounds, 12);
    assert!(winter < 0.7 * summer);
}

#[test]
fn agency_lists_overlap_with_each_other_and_with_outreach() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(folder.path(), 2500, 2023..=2023, 1);
    let rows = records(&summary.files, 2023);
    let set = |keep: &dyn Fn(&Record) -> bool| -> BTreeSet<&str> {
        rows.iter().filter(|r| keep(r)).map(|r| r.person.as_str()).collect()
    };
    let outreach = set(&|r| matches!(r.source, "soma" | "kontakt"));
    let lists: Vec<BTreeSet<&str>> = ["politi", "skole", "barnevern", "nav"]
        .iter()
        .map(|agency| set(&|r| r.source == "agency" && r.detail == *agency))
        .collect();
    for list in &lists {
        let both = list.intersection(&outreach).count();
        assert!(list.len() > 50 && both > list.len() / 3, "{both} of {}", list.len());
    }
    assert!(lists.iter().any(|list| list.difference(&outreach).count() > 0));
    assert!(lists[0].intersection(&lists[1]).count() > 10);
}
