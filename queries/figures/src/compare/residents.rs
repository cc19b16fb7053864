//! The residents that a count of persons is held against.

use std::collections::BTreeSet;

use skjerm_warehouse::Reference;
use skjerm_warehouse::policy::{ColumnRole, Policy};
use skjerm_warehouse::reference::WHOLE_CITY;

use super::counts::Count;
use crate::release::Release;

/// The code lists by which residents are known, and the code of what is not known.
const AGES: &str = "age_band";
const DISTRICTS: &str = "district";
const UNKNOWN: &str = "unknown";
/// All ages.
const ALL: [&str; 6] = ["0-12", "13-15", "16-17", "18-19", "20-24", "25+"];
/// Ages 18 to 24, as the policy and as the statistics cut them.
const CUT: ([&str; 2], [&str; 2]) = (["18-22", "23-24"], ["18-19", "20-24"]);

/// Residents on 1 January of the release's year in the districts and ages that the count is of: the whole city and all ages where it
/// names none. Nothing where it is of what no residents are known of: an unknown age, a service that is no district's, a drug scene.
pub(super) fn of(count: &Count, release: &Release, policy: &Policy, reference: &Reference) -> Option<u64> {
    if release.campaign.is_some() {
        return None;
    }
    let mut districts = BTreeSet::from([WHOLE_CITY]);
    // All of them where none are named.
    let mut ages: Option<BTreeSet<&str>> = None;
    // Whom the theme is about: a filter on ages or districts leaves the others out.
    let theme = release.workload.themes.iter().find(|theme| theme.name == count.theme)?;
    for (column, codes) in &theme.filter {
        let held: BTreeSet<&str> = codes.iter().map(String::as_str).collect();
        if is_coded(policy, column, AGES) {
            ages = Some(held);
        } else if held.iter().all(|code| is_district(policy, code)) {
            districts = held;
        }
    }
    let mut by_district = 0;
    for (dimension, codes) in &count.cells {
        let info = release.dimensions.iter().find(|info| &info.name == dimension)?;
        let held: BTreeSet<&str> = info
            .codes
            .iter()
            .filter(|code| codes.contains(&code.code))
            .flat_map(|code| code.of.iter().map(String::as_str))
            .collect();
        if is_of(release, policy, dimension, AGES) {
            ages = Some(ages.map_or(held.clone(), |of| of.intersection(&held).copied().collect()));
        } else if info.codes.iter().any(|code| code.of.iter().any(|of| is_district(policy, of))) {
            districts = held;
            by_district += 1;
        }
    }
    // Of two, it is not said whose residents are meant.
    if by_district > 1 {
        return None;
    }
    let mut ages = ages.unwrap_or_else(|| ALL.into());
    let (ours, theirs) = CUT;
    if ours.iter().all(|band| ages.contains(band)) {
        ages.retain(|band| !ours.contains(band));
        ages.extend(theirs);
    }
    let bands: Vec<&str> = ages.into_iter().collect();
    let of_district = |district: &&str| reference.residents(district, release.year, &bands);
    let residents: Option<u64> = districts.iter().map(of_district).sum();
    residents.filter(|residents| *residents > 0)
}

fn is_district(policy: &Policy, code: &str) -> bool {
    code != UNKNOWN && policy.code_list(DISTRICTS).is_some_and(|list| list.contains(code))
}

/// Whether a dimension's column has this code list.
fn is_of(release: &Release, policy: &Policy, dimension: &str, list: &str) -> bool {
    release.workload.dimensions.get(dimension).is_some_and(|spec| is_coded(policy, &spec.column, list))
}

/// Whether a column has this code list.
fn is_coded(policy: &Policy, column: &str, list: &str) -> bool {
    policy.tables.values().flat_map(|table| &table.columns).any(|known| {
        known.name == column && matches!(&known.role, ColumnRole::Dimension { codes } if codes == list)
    })
}
