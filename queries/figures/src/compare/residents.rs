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
    let (mut districts, mut ages): (BTreeSet<&str>, BTreeSet<&str>) =
        (BTreeSet::from([WHOLE_CITY]), ALL.into());
    for (dimension, codes) in &count.cells {
        let info = release.dimensions.iter().find(|info| &info.name == dimension)?;
        let held: BTreeSet<&str> = info
            .codes
            .iter()
            .filter(|code| codes.contains(&code.code))
            .flat_map(|code| code.of.iter().map(String::as_str))
            .collect();
        if is_of(release, policy, dimension, AGES) {
            ages = held;
        } else if info.codes.iter().any(|code| code.of.iter().any(|of| is_district(policy, of))) {
            districts = held;
        }
    }
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
    let column = release.workload.dimensions.get(dimension).map(|spec| &spec.column);
    policy.tables.values().flat_map(|table| &table.columns).any(|known| {
        Some(&known.name) == column && matches!(&known.role, ColumnRole::Dimension { codes } if codes == list)
    })
}
