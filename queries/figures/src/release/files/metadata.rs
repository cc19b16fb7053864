//! `metadata.json`: how the figures were made, what they are, and the hash of every file.

use std::collections::BTreeMap;

use serde::Serialize;
use skjerm_privacy::marginals::{Attribute, Domain, Form, Marginal};
use skjerm_warehouse::policy::{Policy, Width};

use crate::release::document::{self, DimensionInfo, Release, ThemeMeasurement};
use crate::release::joint::CONFIDENCE;
use crate::release::period::CampaignInfo;
use crate::release::seal::Sealed;
use crate::release::texts;
use crate::text::Text;
use crate::workload::Events;

/// The document.
#[derive(Debug, Serialize)]
pub(crate) struct Metadata<'a> {
    release: &'a str,
    year: i32,
    /// The campaign of scene counts that it is about, with its rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<&'a CampaignInfo>,
    revision: u32,
    supersedes: Option<&'a str>,
    published: &'a str,
    synthetic: bool,
    privacy: Privacy<'a>,
    /// Entry of the ledger.
    ledger: Ledger<'a>,
    workload: Workload<'a>,
    policy: Rules<'a>,
    confidence: f64,
    /// Every noised marginal of every theme: with it, any variance and covariance.
    measurements: Vec<Measurement<'a>>,
    distinct: Vec<Distinct<'a>>,
    covariance: Text,
    dimensions: &'a [DimensionInfo],
    tables: Vec<Table<'a>>,
    figures: Vec<Figure<'a>>,
    known_limits: &'a [Text],
    check: Text,
    files: BTreeMap<String, Sealed>,
}

#[derive(Debug, Serialize)]
struct Privacy<'a> {
    unit: &'a Text,
    rho: f64,
    epsilon: f64,
    delta: f64,
    mechanism: &'a Text,
}

#[derive(Debug, Serialize)]
struct Ledger<'a> {
    answer: &'a str,
    snapshot: &'a str,
}

#[derive(Debug, Serialize)]
struct Workload<'a> {
    name: &'a str,
    version: u32,
    label: &'a Text,
    blake3: String,
}

#[derive(Debug, Serialize)]
struct Rules<'a> {
    name: &'a str,
    version: u32,
    fingerprint: String,
    suppress_below: i64,
    suppress_wider_than: Option<Width>,
}

#[derive(Debug, Serialize)]
struct Measurement<'a> {
    theme: &'a str,
    label: Option<&'a Text>,
    /// Who is counted: for each column, the codes.
    filter: Option<&'a BTreeMap<String, Vec<String>>>,
    dimensions: &'a [String],
    sizes: &'a [usize],
    /// How the dimensions are measured, where not all by their single counts.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attributes: &'a [Attribute],
    /// The events that persons are counted by, once for each value of a dimension.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<&'a Events>,
    measured: Vec<Measured<'a>>,
}

#[derive(Debug, Serialize)]
struct Measured<'a> {
    /// The earlier release of the same data that measured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    /// Its measurement in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
    dimensions: Vec<&'a str>,
    #[serde(skip_serializing_if = "is_whole")]
    form: Form,
    cells: usize,
    sigma: f64,
    rho: f64,
}

#[derive(Debug, Serialize)]
struct Distinct<'a> {
    name: &'a str,
    sigma: f64,
    rho: f64,
}

#[derive(Debug, Serialize)]
struct Table<'a> {
    name: &'a str,
    theme: &'a str,
    label: &'a Text,
    dimensions: &'a [String],
    cells: usize,
    sd: f64,
}

#[derive(Debug, Serialize)]
struct Figure<'a> {
    name: &'a str,
    label: &'a Text,
    category: &'a Text,
    definition: &'a Text,
    theme: Option<&'a str>,
    /// The union of cells it is, by dimension.
    cells: &'a BTreeMap<String, Vec<String>>,
    distinct: Option<&'a str>,
}

impl<'a> Metadata<'a> {
    pub(crate) fn new(release: &'a Release, policy: &'a Policy, files: BTreeMap<String, Sealed>) -> Self {
        let workload = &release.workload;
        // A workload has no form that could fail to be written.
        let form = serde_json::to_vec(workload).unwrap_or_default();
        Self {
            release: &release.id,
            year: release.year,
            campaign: release.campaign.as_ref(),
            revision: release.revision,
            supersedes: release.supersedes.as_deref(),
            published: &release.published,
            synthetic: release.synthetic,
            privacy: Privacy {
                unit: &release.unit,
                rho: release.rho,
                epsilon: release.epsilon,
                delta: release.delta,
                mechanism: &release.mechanism,
            },
            ledger: Ledger { answer: &release.answer, snapshot: &release.snapshot },
            workload: Workload {
                name: &workload.name,
                version: workload.version,
                label: &workload.label,
                blake3: blake3::hash(&form).to_hex().to_string(),
            },
            policy: Rules {
                name: &policy.name,
                version: policy.version,
                fingerprint: policy.fingerprint(),
                suppress_below: policy.suppress_below,
                suppress_wider_than: policy.suppress_wider_than,
            },
            confidence: CONFIDENCE,
            measurements: themes(release),
            distinct: release
                .distinct
                .iter()
                .map(|one| Distinct { name: &one.name, sigma: one.sigma, rho: rho(one.sigma) })
                .collect(),
            covariance: texts::covariance(),
            dimensions: &release.dimensions,
            tables: release
                .tables
                .iter()
                .map(|table| Table {
                    name: &table.name,
                    theme: &table.theme,
                    label: &table.label,
                    dimensions: &table.dimensions,
                    cells: table.rows.len(),
                    sd: table.sd,
                })
                .collect(),
            figures: figures(release),
            known_limits: &release.known_limits,
            check: texts::check(),
            files,
        }
    }
}

fn themes(release: &Release) -> Vec<Measurement<'_>> {
    let themes = release.themes.iter().map(|theme| {
        let spec = release.workload.themes.iter().find(|spec| spec.name == theme.name);
        let names =
            |dims: &[usize]| dims.iter().filter_map(|at| Some(theme.dimensions.get(*at)?.as_str())).collect();
        Measurement {
            theme: &theme.name,
            label: spec.map(|spec| &spec.label),
            filter: spec.map(|spec| &spec.filter),
            dimensions: &theme.dimensions,
            sizes: &theme.sizes,
            attributes: &theme.attributes,
            events: spec.and_then(|spec| spec.events.as_ref()),
            measured: theme
                .measured
                .iter()
                .map(|one| Measured {
                    from: one.from.as_deref(),
                    answer: one.answer.as_deref(),
                    form: one.form,
                    dimensions: names(&one.dims),
                    cells: one.values.len(),
                    sigma: one.sigma,
                    rho: price(theme, one),
                })
                .collect(),
        }
    });
    themes.collect()
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_whole(form: &Form) -> bool {
    *form == Form::Whole
}

/// l2²/(2σ²).
fn price(theme: &ThemeMeasurement, one: &document::Measured) -> f64 {
    let attributes = if theme.attributes.is_empty() {
        theme.sizes.iter().map(|size| Attribute::nominal(*size)).collect()
    } else {
        theme.attributes.clone()
    };
    let marginal = Marginal::new(one.dims.iter().copied());
    let squared = Domain::of(attributes).and_then(|domain| domain.sensitivity_squared(&marginal, one.form));
    squared.map_or(f64::NAN, |squared| squared as f64 * rho(one.sigma))
}

fn figures(release: &Release) -> Vec<Figure<'_>> {
    let figures = release.workload.figures.iter().map(|figure| Figure {
        name: &figure.name,
        label: &figure.label,
        category: &figure.category,
        definition: &figure.definition,
        theme: figure.theme.as_deref(),
        cells: &figure.cells,
        distinct: figure.distinct.as_deref(),
    });
    figures.collect()
}

/// What one noised marginal costs: a person-year is in one cell of it.
fn rho(sigma: f64) -> f64 {
    1.0 / (2.0 * sigma * sigma)
}
