//! Regions: districts put together, such as those that crime prevention is coordinated in. Public; changing them
//! changes no answer about persons, since a region's figure is the sum of its districts'.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use toml::Spanned;

use super::raw::{RawGrouping, RawRegion};
use super::read::Source;
use super::{CodeList, Label, Policy, PolicyError, PolicyProblem as Problem, UNKNOWN};

/// The code list that regions are made of.
const DISTRICTS: &str = "district";

/// One way to put districts together. A district is in one of its regions at most, and may be in none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grouping {
    /// Name of the grouping.
    pub name: String,
    /// Name for people.
    pub label: Label,
    /// The regions, in the order they are shown.
    pub regions: Vec<Region>,
}

/// Some districts together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Region {
    /// Code, unique in its grouping.
    pub code: String,
    /// Names for people.
    pub label: Label,
    /// Codes of its districts.
    pub districts: Vec<String>,
}

/// A row of the public table of regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RegionDistrict<'a> {
    /// Name of the grouping.
    pub grouping: &'a str,
    /// Code of the region.
    pub region: &'a str,
    /// Code of the district.
    pub district: &'a str,
    /// The region's name for people.
    pub label: &'a Label,
}

impl Policy {
    /// The public table of regions: a row for each district of each region of each grouping.
    pub fn region_table(&self) -> impl Iterator<Item = RegionDistrict<'_>> {
        self.regions.values().flat_map(|grouping| {
            grouping.regions.iter().flat_map(|region| {
                region.districts.iter().map(|district| RegionDistrict {
                    grouping: &grouping.name,
                    region: &region.code,
                    district,
                    label: &region.label,
                })
            })
        })
    }
}

impl Source<'_> {
    pub(super) fn regions(
        &self,
        raw: BTreeMap<Spanned<String>, RawGrouping>,
        codes: &BTreeMap<String, CodeList>,
    ) -> Result<BTreeMap<String, Grouping>, PolicyError> {
        let districts = codes.get(DISTRICTS);
        let groupings = raw.into_iter().map(|(name, raw)| {
            self.name("a grouping of regions", &name)?;
            let grouping = self.grouping(&name, raw, districts)?;
            Ok((grouping.name.clone(), grouping))
        });
        groupings.collect()
    }

    fn grouping(
        &self,
        name: &Spanned<String>,
        raw: RawGrouping,
        districts: Option<&CodeList>,
    ) -> Result<Grouping, PolicyError> {
        let grouping = || name.get_ref().clone();
        if raw.regions.is_empty() {
            return Err(self.wrong(&name.span(), Problem::NoRegions { grouping: grouping() }));
        }
        let (mut regions, mut seen, mut placed) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        for RawRegion { code, no, en, districts: members } in raw.regions {
            self.name("a region", &code)?;
            let region = code.get_ref().clone();
            if !seen.insert(region.clone()) {
                return Err(
                    self.wrong(&code.span(), Problem::DuplicatedRegion { grouping: grouping(), region })
                );
            }
            if members.is_empty() {
                return Err(self.wrong(&code.span(), Problem::EmptyRegion { grouping: grouping(), region }));
            }
            for member in &members {
                let district = member.get_ref().clone();
                if district == UNKNOWN || !districts.is_some_and(|list| list.contains(&district)) {
                    let problem = Problem::UnknownDistrict { grouping: grouping(), region, district };
                    return Err(self.wrong(&member.span(), problem));
                }
                if let Some(other) = placed.insert(district.clone(), region.clone()) {
                    let problem = Problem::DistrictTwice { grouping: grouping(), region, other, district };
                    return Err(self.wrong(&member.span(), problem));
                }
            }
            let districts = members.into_iter().map(Spanned::into_inner).collect();
            regions.push(Region { code: region, label: Label { no, en }, districts });
        }
        Ok(Grouping { name: grouping(), label: raw.label, regions })
    }
}
