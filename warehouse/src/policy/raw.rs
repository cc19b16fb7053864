//! The policy file as written, before it is checked. `Spanned` keeps the place for messages.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Code, Label, QueryDefaults, Width, YearRange};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolicy {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) years: Spanned<YearRange>,
    pub(super) suppress_below: Spanned<i64>,
    pub(super) suppress_wider_than: Option<Spanned<Width>>,
    pub(super) budget: BTreeMap<String, Spanned<RawBudget>>,
    pub(super) query: Spanned<QueryDefaults>,
    #[serde(default)]
    pub(super) analyst: Vec<RawAnalyst>,
    pub(super) codes: BTreeMap<Spanned<String>, RawCodeList>,
    #[serde(default)]
    pub(super) regions: BTreeMap<Spanned<String>, RawGrouping>,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) groups: BTreeMap<String, RawGroup>,
    pub(super) tables: BTreeMap<Spanned<String>, RawTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBudget {
    pub(super) rho: f64,
    pub(super) delta: f64,
    #[serde(default)]
    pub(super) thresholds: f64,
    pub(super) shares: Spanned<BTreeMap<String, f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAnalyst {
    pub(super) name: Spanned<String>,
    pub(super) label: String,
    pub(super) share: Spanned<String>,
    pub(super) limit: Option<Spanned<f64>>,
    pub(super) roles: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCodeList {
    pub(super) label: Label,
    #[serde(default)]
    pub(super) codes: Vec<Spanned<Code>>,
    pub(super) file: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGrouping {
    pub(super) label: Label,
    pub(super) regions: Vec<RawRegion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRegion {
    pub(super) code: Spanned<String>,
    pub(super) no: String,
    pub(super) en: String,
    pub(super) districts: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) districts: Option<Spanned<u32>>,
    pub(super) months: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGroup {
    pub(super) columns: Vec<RawColumn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    pub(super) kind: Spanned<String>,
    pub(super) family: Spanned<String>,
    pub(super) grain: Spanned<String>,
    pub(super) max_rows: Spanned<u32>,
    pub(super) retention_years: Option<Spanned<u32>>,
    pub(super) label: Label,
    #[serde(default)]
    pub(super) groups: Vec<Spanned<String>>,
    pub(super) columns: Vec<RawColumn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawColumn {
    pub(super) name: Spanned<String>,
    pub(super) role: Spanned<String>,
    pub(super) codes: Option<Spanned<String>>,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
}
