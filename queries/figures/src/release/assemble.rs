//! From a measurement to the published document. Works on noised values only.

use std::collections::BTreeMap;

use skjerm_engine::measure::{self, MarginalsMeasurement, MarginalsRequest, PatrolCounts};
use skjerm_privacy::interval::z;
use skjerm_privacy::marginals::Kind;
use skjerm_privacy::{Rho, epsilon};
use skjerm_warehouse::policy::Policy;

use super::document::{DistinctFigure, Measured, OperationalFigures, Release, Row, Table, ThemeMeasurement};
use super::earlier;
use super::joint::{CONFIDENCE, Figure, Joint, interval, positions_of, rounded};
use super::noise::NoisePlan;
use super::period::{CampaignInfo, Period};
use super::texts;
use crate::error::FiguresError;
use crate::text::Display;
use crate::workload::{Checked, CheckedTheme, Theme, Workload};

/// The service whose patrols a release shows.
const SERVICE: &str = "uteseksjonen";

/// The question put to the engine.
pub(crate) fn request(
    workload: &Workload,
    checked: &Checked,
    noise: &NoisePlan,
    period: &Period,
    reason: Option<&str>,
) -> MarginalsRequest {
    let filter = |filter: &BTreeMap<String, Vec<String>>| {
        filter.iter().map(|(column, codes)| (column.clone(), codes.clone())).collect()
    };
    let themes =
        workload.themes.iter().zip(&checked.themes).zip(&noise.themes).map(|((theme, checked), measured)| {
            measure::Theme {
                name: theme.name.clone(),
                events: theme.events.as_ref().map(|events| events.table.clone()),
                filter: filter(&theme.filter),
                dims: checked
                    .dims
                    .iter()
                    .zip(&checked.columns)
                    .zip(checked.domain.attributes())
                    .map(|((dimension, column), attribute)| measure::Dim {
                        name: dimension.name.clone(),
                        column: column.clone(),
                        groups: dimension
                            .codes
                            .iter()
                            .map(|code| (code.code.clone(), code.of.clone()))
                            .collect(),
                        attribute: (*attribute.kind() != Kind::Nominal).then(|| attribute.clone()),
                    })
                    .collect(),
                measured: measured
                    .sigmas
                    .iter()
                    .map(|(marginal, sigma)| (marginal.attributes().to_vec(), *sigma))
                    .collect(),
                form: measured.form,
            }
        });
    let distinct = workload.distinct.iter().zip(&noise.distinct).map(|(distinct, sigma)| measure::Distinct {
        name: distinct.name.clone(),
        column: distinct.column.clone(),
        filter: filter(&distinct.filter),
        excluding: distinct.excluding.clone(),
        sigma: *sigma,
    });
    MarginalsRequest {
        year: period.year,
        campaign: period.campaign.as_ref().map(|campaign| campaign.code.clone()),
        purpose: format!("{} version {} of {}", workload.name, workload.version, period.name()),
        reason: reason.map(ToOwned::to_owned),
        themes: themes.collect(),
        distinct: distinct.collect(),
    }
}

/// Where and when a release is made.
pub(crate) struct Imprint<'a> {
    /// The campaign that it is about.
    pub(crate) campaign: Option<CampaignInfo>,
    /// Earlier releases of the same period and snapshot.
    pub(crate) of_same_data: Vec<&'a Release>,
    pub(crate) revision: u32,
    pub(crate) supersedes: Option<String>,
    pub(crate) published: String,
    pub(crate) synthetic: bool,
}

/// Makes the document (without its id).
pub(crate) fn assemble(
    policy: &Policy,
    workload: &Workload,
    measurement: &MarginalsMeasurement,
    patrols: Option<&PatrolCounts>,
    imprint: Imprint<'_>,
) -> Result<Release, FiguresError> {
    let checked = Checked::new(workload, policy)?;
    let period = Period { year: measurement.year, campaign: imprint.campaign };
    let budget = period.budget(policy)?;
    let mut themes = Vec::new();
    let mut tables = Vec::new();
    for (theme, checked) in workload.themes.iter().zip(&checked.themes) {
        let measured =
            measurement.themes.iter().find(|measured| measured.name == theme.name).ok_or_else(|| {
                FiguresError::Fault(format!("the theme \"{}\" was not measured", theme.name))
            })?;
        let mut measured: Vec<Measured> = measured
            .measured
            .iter()
            .map(|one| Measured {
                from: None,
                answer: None,
                dims: one.dims.clone(),
                form: measured.form,
                sigma: one.sigma,
                values: one.values.clone(),
            })
            .collect();
        measured.extend(earlier::measurements(&imprint.of_same_data, &measurement.answer_id, theme, checked));
        let joint = Joint::new(checked.domain.clone(), checked.dims.clone(), &measured)?;
        let display = joint.display_table()?;
        tables.extend(theme_tables(policy, theme, checked, &joint, &display)?);
        themes.push(ThemeMeasurement {
            name: theme.name.clone(),
            dimensions: theme.dims.clone(),
            sizes: checked.domain.sizes().to_vec(),
            attributes: if checked.domain.attributes().iter().all(|a| *a.kind() == Kind::Nominal) {
                Vec::new()
            } else {
                checked.domain.attributes().to_vec()
            },
            measured,
            display,
        });
    }
    let takes_earlier = themes.iter().flat_map(|theme| &theme.measured).any(|one| one.from.is_some());
    let distinct = measurement
        .distinct
        .iter()
        .map(|one| DistinctFigure {
            name: one.name.clone(),
            sigma: one.sigma,
            value: one.value,
            display: shown(policy, one.value as f64, one.sigma, distinct_display(policy, workload, one)),
        })
        .collect();
    Ok(Release {
        id: String::new(),
        year: measurement.year,
        campaign: period.campaign,
        revision: imprint.revision,
        supersedes: imprint.supersedes,
        synthetic: imprint.synthetic,
        published: imprint.published,
        snapshot: measurement.snapshot.clone(),
        answer: measurement.answer_id.clone(),
        rho: measurement.rho,
        epsilon: epsilon(Rho::from_f64_up(measurement.rho)?, budget.delta),
        delta: budget.delta,
        mechanism: texts::mechanism(),
        unit: texts::unit(workload.family),
        known_limits: texts::known_limits(policy, workload, &checked, takes_earlier),
        workload: workload.clone(),
        dimensions: checked.dimensions,
        themes,
        distinct,
        operational: patrols.and_then(|counts| counts.by_service.get(SERVICE)).map(|tally| {
            OperationalFigures {
                patrols: tally.patrols,
                below_two_staff: tally.below_two_staff,
                staffed: tally.staffed,
                staff: tally.staff,
                joint: tally.joint,
                by_shift: tally.by_shift.clone(),
                by_week: tally.by_week.clone(),
            }
        }),
        tables,
    })
}

fn theme_tables(
    policy: &Policy,
    theme: &Theme,
    checked: &CheckedTheme,
    joint: &Joint,
    display: &[i64],
) -> Result<Vec<Table>, FiguresError> {
    let mut tables = Vec::new();
    for (spec, marginal) in theme.tables.iter().zip(&checked.tables) {
        let figures = joint.marginal(marginal, display)?;
        let sizes: Vec<usize> =
            marginal.attributes().iter().map(|dimension| checked.domain.sizes()[*dimension]).collect();
        let sd = figures.iter().map(|figure| figure.sd).fold(0.0, f64::max);
        let rows = figures.iter().enumerate().map(|(index, figure)| {
            let own = ((figure.sd / sd - 1.0).abs() > 1e-9).then_some(figure.sd);
            let key = key(marginal.attributes(), &positions_of(index, &sizes), checked);
            Row { key, sd: own, ..row(policy, figure, own.unwrap_or(sd)) }
        });
        tables.push(Table {
            name: spec.name.clone(),
            theme: theme.name.clone(),
            label: spec.label.clone(),
            // In the order of the theme, as the rows run.
            dimensions: marginal
                .attributes()
                .iter()
                .map(|dimension| theme.dims[*dimension].clone())
                .collect(),
            sd,
            rows: rows.collect(),
        });
    }
    Ok(tables)
}

fn key(attributes: &[usize], positions: &[usize], checked: &CheckedTheme) -> BTreeMap<String, String> {
    let dims = attributes.iter().map(|dimension| &checked.dims[*dimension]);
    dims.zip(positions)
        .map(|(info, position)| (info.name.clone(), info.codes[*position].code.clone()))
        .collect()
}

/// A figure as it is published. Whether it is shown follows from the published numbers, so that whoever checks finds the same.
fn row(policy: &Policy, figure: &Figure, sd: f64) -> Row {
    let (low, high) = interval(figure.value, sd);
    let value = rounded(figure.value);
    let display = shown(policy, value, sd, figure.display);
    Row { key: BTreeMap::new(), value, sd: None, low, high, display }
}

/// ":" when the noised value, or the display value made of noised values, is below the policy's limit, or the value's interval is
/// wider than the policy lets it be.
///
/// # Privacy
/// Post-processing: the rules see noised values, and the standard deviation of the noise, which is public before anything is measured.
pub(crate) fn shown(policy: &Policy, value: f64, sd: f64, display: i64) -> Display {
    let small = value < policy.suppress_below as f64 || display < policy.suppress_below;
    if small || !is_sure(policy, value, sd) { Display::Suppressed } else { Display::Count(display) }
}

/// Whether the interval of a noised value is as narrow as the policy wants it.
pub(crate) fn is_sure(policy: &Policy, value: f64, sd: f64) -> bool {
    policy.suppress_wider_than.is_none_or(|width| width.allows(value, z(CONFIDENCE) * sd))
}

/// At least zero, and no more than the code list has.
fn distinct_display(policy: &Policy, workload: &Workload, measured: &measure::MeasuredDistinct) -> i64 {
    let codes =
        workload.distinct.iter().find(|distinct| distinct.name == measured.name).and_then(|distinct| {
            let column = policy.table("person_year")?.column(&distinct.column)?;
            let skjerm_warehouse::policy::ColumnRole::Dimension { codes } = &column.role else { return None };
            let list = policy.code_list(codes)?;
            i64::try_from(list.len().saturating_sub(distinct.excluding.len())).ok()
        });
    measured.value.clamp(0, codes.unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use skjerm_warehouse::policy::Width;

    use super::*;

    /// The record of a release looks at the published numbers: 30.004 is published as 30.00, which 30.003 is wider than.
    #[test]
    fn what_is_shown_follows_from_the_published_value() {
        let mut policy = Policy::oslo();
        policy.suppress_wider_than = Some(Width { part_of_value: 1.0, floor: 0.0 });
        let shown = |value: f64| {
            let row = row(&policy, &Figure { value, sd: 0.0, display: 30 }, 30.003 / z(CONFIDENCE));
            (row.value, row.display)
        };
        assert_eq!(shown(30.004), (30.0, Display::Suppressed));
        assert_eq!(shown(30.006), (30.01, Display::Count(30)));
    }
}
